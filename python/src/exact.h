/* A call or a script whose position is saved: the frames from its root on, besides its variables.
 *
 * Behind it stands a Checkpoint of ours, which no frame owns. Of those that are inside one another
 * only the outermost is active; the others are ordinary functions of it. */
#ifndef RP_EXACT_H
#define RP_EXACT_H

#include "checkpoint.h"
#include "loaded.h"
#include "snapshot.h"

#include "continuation/capture.h"

typedef struct rp_exact {
    struct rp_exact *next;     /* that of another thread: state->exact is the first */
    unsigned long thread;      /* that runs it */
    rp_checkpoint *checkpoint; /* strong */
    rp_root root;
    PyFrameObject *caller; /* strong: what `root` compares with, or NULL */
    PyObject *values; /* strong: dict of the arguments as the call began: what its caller holds */
    rp_captured captured;   /* during a save */
    PyObject *surroundings; /* strong: of rp_captured, as they were restored; or NULL */
    unsigned refused;       /* saves in a row that were */
    bool *said_opaque; /* whether the user was told of arguments that can't be compared; or NULL */
    bool at_once;      /* the save is to be durable before anything else happens */
    bool signals;      /* SIGTERM and SIGINT save and stop */
    bool misplaced;    /* the last one, as of rp_captured */
    rp_obstacle obstacle;   /* the same */
    PyObject *old_handlers; /* dict signal -> handler, or NULL */
    PyObject *space; /* strong: of module-level code, its namespace, all of which is state; or NULL
                      */
    const struct rp_exact_hooks *hooks; /* of a program of `resume run`; or NULL */
    void *context;                      /* for them */
} rp_exact;                             /* zero-initialised: empty */

/* What a program adds to a call. All give 0, or -1 with an exception. */
typedef struct rp_exact_hooks {
    /* Writes the value of "program", which is read before all other values. */
    int (*put_program)(rp_exact *exact, rp_snapshot *snapshot);
    /* Writes "modules" and "process", behind the frames. */
    int (*put_sections)(rp_exact *exact, rp_snapshot *snapshot);
    int (*read_program)(rp_exact *exact, PyObject *value);
    /* All was read; random generators are set behind it. */
    int (*take)(rp_exact *exact, rp_loaded *loaded);
    /* A save was refused: it tells the user, sooner or later. */
    int (*refused)(rp_exact *exact, PyObject *reason);
} rp_exact_hooks;

/* From now on sync() and save() in this thread save `exact`, whose checkpoint is open. The caller
 * of the root is the frame that runs now. */
void rp_exact_enter(rp_exact *exact, PyCodeObject *root);
void rp_exact_leave(rp_exact *exact);
void rp_exact_release(rp_exact *exact);
/* What runs in this thread, or NULL. */
rp_exact *rp_exact_here(rp_module_state *state);
/* A call that begins now is a part of it: not in a child that was forked from it. */
bool rp_exact_is_inside(rp_module_state *state);

/* A Checkpoint for one, of this code, not opened: its caller, options and arguments are to be set.
 */
rp_checkpoint *rp_exact_checkpoint(rp_module_state *state, PyCodeObject *code);
/* Opens it and decides: going_on, when an unfinished call of the same code and arguments was found.
 * Raises CodeChanged where the code has changed, unless on_change="fresh". 0 or -1. */
int rp_exact_open(rp_checkpoint *self);
/* The seed of hashes that is saved with the state that was found: new reference, or NULL. 0 or -1.
 */
int rp_exact_seed(rp_checkpoint *self, PyObject **seed);
/* Likewise which of equal calls was saved, from 1 on. 0 or -1. */
int rp_exact_turn(rp_checkpoint *self, uint64_t *turn);
/* What was found is not used: it is set aside at the first save. */
void rp_exact_start_over(rp_checkpoint *self);
/* The frames that were found, new reference, after all else is restored: what the caller holds, and
 * random generators last. NULL without an exception: start from the beginning. */
rp_record *rp_exact_restore(rp_exact *exact);

/* `frame` called save() or sync() with `result`, or stands at the backward jump of a loop (NULL).
 * 1: saved. 0: it was refused, and told. -1: exception. `due`: failures only warn. */
int rp_exact_save(rp_exact *exact, PyFrameObject *frame, PyObject *result, bool due);
/* The variables of the captured root by name, a new dict. */
PyObject *rp_exact_locals(rp_exact *exact);
/* Section "frames" and what follows. 0 or -1; what can't be saved goes to snapshot->problems. */
int rp_exact_put(rp_exact *exact, rp_snapshot *snapshot);
/* The call has ended: kept with `result` when that is not NULL. Never fails: warns. */
void rp_exact_end(rp_exact *exact, PyObject *result);

/* resume.sync(), resume.save(), resume.wait() */
PyObject *rp_core_sync(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *rp_core_save(PyObject *module, PyObject *nothing);
PyObject *rp_core_wait(PyObject *module, PyObject *nothing);

/* stopping.c: SIGTERM and SIGINT while it is active, in the main thread alone. 0 or -1. */
int rp_stopping_begin(rp_exact *exact);
void rp_stopping_end(rp_exact *exact);
/* After a save: -1 with SystemExit(75) when a signal has asked for it, else 0. */
int rp_stopping_check(rp_module_state *state);
PyObject *rp_stopping_handler(PyObject *module, PyObject *args);
#endif
