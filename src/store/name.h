/* Names of checkpoints and the file names made from them.
 *
 * A file name is the name itself when it matches [A-Za-z0-9_][A-Za-z0-9._-]{0,99}; all other bytes
 * are percent-encoded (UTF-8, upper-case hex). A first ".", the "." of a final ".lock", ".refused"
 * or ".files", and the "." of ".damaged-" and ".torn-" are encoded, too, since those endings belong
 * to the files beside a checkpoint:
 *
 *   NAME               the checkpoint
 *   NAME~1, NAME~2 ..  set aside
 *   NAME.damaged-TIME  set aside because it is damaged (TIME: 20261122T134301Z)
 *   NAME.torn-TIME     a torn tail, copied before it was cut off
 *   NAME.lock          its lock
 *   NAME.refused       why it can't be saved at the moment (refusal.h)
 *   NAME.files         files that its program has opened since the save (docs/run.md)
 *   .NAME.tmp-HEX      being written; with an "a" behind it: complete, waits for its name
 *   .run-HEX           the mark of a run of a program (run.h) */
#ifndef RS_STORE_NAME_H
#define RS_STORE_NAME_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define RS_NAME_SIZE_MAX  100u /* bytes of an encoded name */
#define RS_FILE_NAME_SIZE 256u /* room for every file name here, with its zero */

/* BAD_NAME: empty, a NUL byte inside, longer than RS_NAME_SIZE_MAX when encoded; the text says
 * which and what to do. */
resume_status rs_name_encode(const char *name, size_t size, char file_name[RS_FILE_NAME_SIZE],
                             rs_error *error);
/* A name that was not chosen by a user: one that does not fit is cut, and a hash of all of it put
 * behind. */
resume_status rs_name_fit(const char *name, size_t size, char fitted[RS_FILE_NAME_SIZE],
                          rs_error *error);
/* The name of an encoded file name into `name` (size bytes, always ended by a zero); false when it
 * is not one. */
bool rs_name_decode(const char *file_name, char *name, size_t size);

typedef enum rs_file_role {
    RS_ROLE_OTHER,
    RS_ROLE_CHECKPOINT,
    RS_ROLE_ASIDE,
    RS_ROLE_DAMAGED,
    RS_ROLE_TORN,
    RS_ROLE_LOCK,
    RS_ROLE_NOTE,  /* NAME.refused: of the run that wrote the checkpoint */
    RS_ROLE_FILES, /* NAME.files, a folder: of the same */
    RS_ROLE_TEMPORARY
} rs_file_role;
/* What a file name in a store folder is, by its form alone. */
rs_file_role rs_name_role(const char *file_name);

/* Numbers that a temporary file may have: few, and each is looked for, so that what a crash left is
 * found without listing a folder of very many. One does where there are locks. */
#define RS_TEMPORARY_SLOTS 2u
/* The temporary file of a checkpoint. `is_ready`: it is complete and waits for its name. False, and
 * an empty name, which no file has, when that is too long. */
bool rs_name_temporary(const char *file_name, unsigned slot, bool is_ready,
                       char name[RS_FILE_NAME_SIZE]);

/* How people are told of a file: the decoded name, "~1" and the like kept behind it. */
void rs_name_show(const char *file_name, char shown[RS_FILE_NAME_SIZE]);
/* The file that is told so, of those that stand beside a checkpoint ("NAME~1"); false for none. */
bool rs_name_of_shown(const char *shown, char file_name[RS_FILE_NAME_SIZE]);
#endif
