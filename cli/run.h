/* What the files of `resume run` share: the command line of a Python, and watching over it. */
#ifndef RC_RUN_H
#define RC_RUN_H

#include "options.h"

#include <signal.h>
#include <sys/types.h>

/* python_command.c: `python -u script.py a b`, in pieces. All borrowed from argv. */
typedef struct rc_python_command {
    char **argv;          /* [0]: the interpreter */
    size_t count;         /* of all */
    size_t options_count; /* of the interpreter, behind it */
} rc_python_command;      /* the script, or -m and the module, and the rest stand behind those */

/* False: it is none that can be run protected, and the reason was told. */
bool rc_python_command_parse(char **argv, size_t count, rc_python_command *command);
/* Asks this very interpreter, started with that mask of signals, for the file of the package that
 * runs scripts; the caller frees it (rs_free). NULL: it can't load the package, and the reason was
 * told. */
char *rc_python_command_runner(const rc_python_command *command, const sigset_t *mask);

/* supervise.c: starts the program, hands signals on, starts it again after a crash. */
typedef struct rc_supervision {
    char **argv; /* [0] is looked for in PATH */
    int status;  /* descriptor: the program writes its newest generation to it, 8 bytes; behind
                    that we tell it of its crash: a text with a zero, and it tells us since when
                    and why it can't be saved (python/src/script.h) */
    uint64_t restarts;   /* how often at the most */
    const char *command; /* as the user knows it, for messages */
} rc_supervision;

/* From now on signals that stop a program wait until there is one; *mask receives what it was. */
void rc_supervise_begin(sigset_t *mask);
/* What the program exits with; does not return when a signal has ended it. */
rc_exit rc_supervise(const rc_supervision *supervision, const sigset_t *mask);
#endif
