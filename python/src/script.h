/* A program of `resume run`: its module-level code is the root that goes on. */
#ifndef RP_SCRIPT_H
#define RP_SCRIPT_H

#include "exact.h"

/* In the descriptor that the command shares with the program (cli/run.h): what it died of. */
#define RP_SCRIPT_CRASH_AT   8
#define RP_SCRIPT_CRASH_SIZE 256
/* There, too: since when (8 bytes, of the monotonic clock; 0: not so) and why nothing is saved. */
#define RP_SCRIPT_REFUSAL_AT   264
#define RP_SCRIPT_REFUSAL_SIZE 1024

typedef struct rp_script {
    PyObject_HEAD PyObject *module; /* strong: of the extension */
    rp_module_state *state;         /* of the module */
    PyObject *settings;             /* strong: dict, as the command gave them */
    PyObject *process;              /* strong: of _process.py */
    PyObject *path;                 /* strong: str: file of a script, else "" */
    rp_exact exact;
    uint64_t every_ns, require_ns;       /* require_ns: RS_NEVER when it is not asked for */
    uint64_t begun_ns, due_ns, noted_ns; /* of the monotonic clock: when the program began, since
                                            when a save is due (0: none is), and when that was noted
                                            beside the checkpoint (0: not yet) */
    uint64_t saves;                      /* the first one is at the very beginning */
    unsigned tries;                      /* in a row that saved nothing, each after a while, ... */
    unsigned steps, retries;             /* ... and in the newest of them: places, and those where
                                            something was in the way */
    uint64_t tried_ns;                   /* when the newest try was, of the monotonic clock */
    uint64_t event_ns, spent_ns;         /* what that has cost, and all since a save is due */
    PyObject *reason;                    /* strong: str: of the newest refusal, or NULL */
    PyObject *told;                      /* strong: set of what has been told */
    uint64_t took_ns;                    /* the newest save */
    bool guards;                         /* it was, for the save before which nothing is appended */
    unsigned asked;                      /* how often a file that is appended to asked for one */
    int status;                          /* descriptor to which the newest generation is written */
    bool is_file;                        /* run by its name, not by runpy */
    bool running, saving;
} rp_script;

extern PyType_Spec rp_script_spec;

/* script_run.c: exec(code, globals) of the program itself, from where it was. */
PyObject *rp_script_run(rp_script *self, PyCodeObject *code, PyObject *globals);
/* script_tick.c: the handler of the timer and of signals: (number, frame). */
PyObject *rp_script_tick(PyObject *script, PyObject *args);
/* script_files.c: from now on what the program does to files is known to the saves. */
int rp_script_watch_files(rp_script *self);
/* The time between two saves, as it is now. */
uint64_t rp_script_every(const rp_script *self);
/* Hooks of rp_exact. */
int rp_script_refused(rp_exact *exact, PyObject *reason);
int rp_script_put_program(rp_exact *exact, rp_snapshot *snapshot);
int rp_script_put_sections(rp_exact *exact, rp_snapshot *snapshot);
/* Gives the supervisor the number of the newest generation. */
void rp_script_note_generation(rp_script *self);
/* script.c: "resume: TEXT" on stderr, whatever it is. */
void rp_script_say(const char *format, ...);
#endif
