/* What this process is: its environment, its executable, its rank in a parallel job. */
#ifndef RS_OS_PROCESS_H
#define RS_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* A variable of the environment; NULL when it is not set or empty. Borrowed until the next change
 * of the environment. */
const char *rs_environment(const char *name);
/* RESUME_DISABLE is set, and not to 0. */
bool rs_is_disabled(void);

void rs_sleep_ms(unsigned milliseconds); /* or until a signal */

#define RS_PROGRAM_PATH_SIZE 4096u
/* The absolute path of the executable; "" when the system does not tell. */
void rs_program_path(char path[RS_PROGRAM_PATH_SIZE]);

#define RS_KEY_PATH_SIZE 4096u
/* Where the user's key is kept: RESUME_KEY_FILE, else resume/key in XDG_DATA_HOME, else
 * .local/share/resume/key in the home directory; absolute. "" when there is no such place. */
void rs_key_file_path(char path[RS_KEY_PATH_SIZE]);

/* Several ranks of one parallel job run this program, as Open MPI, PMI (MPICH and others), a step
 * of Slurm or torchrun say: true, and `*rank` is the number of this one as text (NULL when it is
 * not told), borrowed as above. */
bool rs_is_rank(const char **rank);
#endif
