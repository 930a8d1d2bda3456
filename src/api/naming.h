/* Which file: the program, the name, the folder. */
#ifndef RS_API_NAMING_H
#define RS_API_NAMING_H

#include "base/error.h"
#include "os/process.h"
#include "store/name.h"

#include <resume/resume.h>

#include <stdbool.h>

typedef struct rs_naming {
    char program[RS_PROGRAM_PATH_SIZE]; /* path, or "" */
    char function[RS_FILE_NAME_SIZE];   /* "PROGRAM:FUNCTION" */
    char name[RS_FILE_NAME_SIZE];
    char *folder;  /* owned; NULL: the default one */
    bool is_named; /* by the caller */
} rs_naming;       /* zero-initialised: empty */

/* For writing. BAD_NAME; MISUSE: several ranks, or the folder twice; NO_MEMORY. */
resume_status rs_naming_find(rs_naming *naming, const char *name, const char *function,
                             const resume_options *options, rs_error *error);
/* The folder and the file name of a path with '/'. BAD_NAME, NO_MEMORY. */
resume_status rs_naming_split(const char *path, char **folder, char name[RS_FILE_NAME_SIZE],
                              rs_error *error);
void rs_naming_release(rs_naming *naming);
/* RESUME_DIR, else ".checkpoints". */
const char *rs_default_folder(void);
#endif
