/* Inside `resume doctor`: findings, and the checks that make them. */
#ifndef RC_DOCTOR_H
#define RC_DOCTOR_H

#include "command.h"

typedef enum rc_level { RC_LEVEL_OK, RC_LEVEL_NOTE, RC_LEVEL_PROBLEM } rc_level;

typedef struct rc_doctor {
    rs_folder *folder; /* NULL: there is none yet */
    const char *path;  /* of the folder, or where it will be made */
    json_t *findings;
    size_t problems;
    uint64_t largest; /* bytes of the largest checkpoint */
} rc_doctor;

/* One finding: prints it, or keeps it for JSON. `remedy` may be NULL: a command, or what to do. */
void rc_doctor_tell(rc_doctor *doctor, rc_level level, const char *check, const char *remedy,
                    const char *format, ...) RS_PRINTF(5, 6);

/* doctor_disk.c: what the file system does. */
void rc_doctor_file_system(rc_doctor *doctor);
void rc_doctor_room(rc_doctor *doctor);
/* Makes two probe files, tries what a save does, and removes them. */
void rc_doctor_probe(rc_doctor *doctor);

/* doctor_key.c: the key file and its folder. Changes nothing. */
void rc_doctor_key(rc_doctor *doctor);

/* doctor_folder.c: what is in the folder. */
void rc_doctor_contents(rc_doctor *doctor);
#endif
