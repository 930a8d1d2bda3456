/* Why a running program can't be saved at the moment, beside its checkpoint: NAME.refused.
 *
 * The program hears it as well, but may swallow it or lose its stderr; this outlives it. For people
 * alone: whoever may write to the folder may have written it. One line, "SINCE_NS TEXT\n"; SINCE_NS
 * is when the first save was refused since the newest one, in ns since 1970. */
#ifndef RS_STORE_REFUSAL_H
#define RS_STORE_REFUSAL_H

#include "store/folder.h"

#define RS_REFUSAL_TEXT_SIZE 2048u /* with its zero; a longer text is cut */

typedef struct rs_refusal {
    int64_t since_ns;
    char text[RS_REFUSAL_TEXT_SIZE]; /* UTF-8, unless somebody else wrote it */
} rs_refusal;

/* Replaces what is there. After a failure there may be none. `file_name`: of the checkpoint. */
resume_status rs_refusal_write(const rs_folder *folder, const char *file_name, int64_t since_ns,
                               const char *text, rs_error *error);
/* False when there is none that can be read. */
bool rs_refusal_read(const rs_folder *folder, const char *file_name, rs_refusal *refusal);
/* Nothing to do when there is none; a failure is ignored. */
void rs_refusal_remove(const rs_folder *folder, const char *file_name);
#endif
