/* The object behind `Checkpoint`, shared by the files that open, save, restore and end it. */
#ifndef RP_CHECKPOINT_H
#define RP_CHECKPOINT_H

#include "arguments.h"
#include "caller.h"
#include "loop.h"
#include "options.h"
#include "packed.h"
#include "pycompat/frame.h"

#include <stdatomic.h>

typedef struct rp_checkpoint {
    PyDictObject dict;
    PyObject *weak;
    PyObject *module;       /* strong: at the end of the interpreter, types can lose theirs */
    rp_module_state *state; /* of the module */
    atomic_int *due;        /* what sync() looks at: the engine's flag, or one of the next two */
    atomic_int never, always;
    rs_checkpoint *engine; /* NULL: not opened, closed or disabled */

    rp_owner owner;
    rp_caller caller;
    rp_options options;
    rp_arguments arguments;
    rp_loops loops;
    PyObject *tracked;         /* dict label -> object, or NULL */
    PyObject *places;          /* as of rp_places_find, NULL before restore() and the first save */
    PyObject *pending_tracked; /* dict label -> state that a restore brought for an object that is
                                  not tracked yet, or NULL */
    PyObject *definitions;     /* dict name -> weak reference to the function or class that the
                                  program had made when restore() was called, or NULL */
    PyObject *placeholders;    /* as rp_placeholders_of gives them, or NULL before restore() */
    PyObject *random_opened;   /* global generators when the call first opened the checkpoint */
    PyObject *skipped;         /* dict name -> reason: left out of the newest save, or NULL */
    PyObject *warned;          /* set of names whose reason the user has been told */
    PyObject *result;          /* of done(), or NULL */
    rp_packed_lists packed;    /* of the newest save */
    PyObject *files;           /* weak references to files that restore() brought back, or NULL */
    struct rp_exact *exact;    /* the call whose position is saved, borrowed; NULL: none */
    uint8_t code_hash[16];

    uint64_t saves;      /* by this object, that are durable */
    unsigned waiting;    /* threads that wait for a save without the GIL */
    rs_checkpoint *left; /* closed while some did: the last of them releases it */
    int64_t modified_ns; /* of the newest save, since 1970, when it was asked last or closed */
    int restored_at;     /* byte offset of restore() in the owner's code, -1 before */
    bool found;          /* something saved is used */
    bool found_ended;
    bool going_on;  /* the saved call, or its program, was cut off: this is the same call again */
    bool same_code; /* as the saved one */
    bool other_python;   /* another minor version saved it */
    bool has_position;   /* the call goes on at its statement: exact.h; no frame owns it. Then: */
    bool is_program;     /* of `resume run`: texts name options of the command */
    bool any_arguments;  /* its key tells calls apart, arguments do not */
    bool same_arguments; /* as those of the call that was found */
    bool uses_ended;     /* a call that has ended is of use: its result */
    bool restored;       /* restore() brought it back */
    bool result_known;
    bool disabled, closed, taken_over, busy;
    size_t appended;    /* files that the newest save holds, and that are appended to */
    bool had_file;      /* before the save in the background */
    bool saved_in_cell; /* by the cell of a notebook that is running */
    bool said_forked, said_gone, said_untracked, said_loop, said_body, said_opaque;
} rp_checkpoint;

/* An empty one that nobody owns. */
rp_checkpoint *rp_checkpoint_make(PyTypeObject *type);

/* opening.c: finds or makes the file and decides what the saved state means for this call. */
int rp_checkpoint_open(rp_checkpoint *self, PyFrameObject *frame);
/* Reads what the loaded generation says about its call: going_on, same_code, random_opened.
 * `differences` receives the arguments that differ, a list, new reference. */
int rp_checkpoint_judge(rp_checkpoint *self, PyObject **differences);

/* save.c: 1 saved, 0 failed and told, or not due any more, or -1 with an exception. `due`: of
 * sync(), so that a failure only warns, and it may be written in the background. */
int rp_checkpoint_save(rp_checkpoint *self, bool due);
/* The same for what self->exact has captured: 1 saved (or, with `later`, on its way), 0 failed and
 * told, or refused: *refusal then says why, new reference. -1: exception. */
int rp_checkpoint_save_exact(rp_checkpoint *self, bool due, bool later, PyObject **refusal);
/* Waits, without the GIL, for a save that is under way, and tells what became of it. 0: nothing, or
 * it is durable; 1: it has failed, and the user was warned; -1: exception, also for the failure
 * when `raises`. The checkpoint may be closed afterwards. */
int rp_checkpoint_hear(rp_checkpoint *self, bool raises);
/* The same for sync(): 1 when a save is due then, else 0. -1: exception. */
int rp_checkpoint_hear_if_due(rp_checkpoint *self);
/* After an explicit save(): warns once when it stood in the middle of the body of a chp.loop. */
int rp_checkpoint_tell_body(rp_checkpoint *self);
/* The slow path of sync(): 1 saved, 0 not, -1 exception. */
int rp_checkpoint_sync(rp_checkpoint *self);

/* restore.c: a Report, new reference. */
PyObject *rp_checkpoint_restore(rp_checkpoint *self, PyObject *keep, PyObject *trusted,
                                PyObject *defaults);
/* The result of done() that was saved, new reference (None when there is none). */
PyObject *rp_checkpoint_result(rp_checkpoint *self);

/* ending.c: `completed`: the call has ended. Raises nothing when `quiet`: warns instead. */
int rp_checkpoint_close(rp_checkpoint *self, bool completed, bool quiet);
void rp_checkpoint_finalize(PyObject *self);
/* Called by atexit: checkpoints of module level end with the script. */
PyObject *rp_at_exit(PyObject *module, PyObject *nothing);
int rp_register_at_exit(rp_module_state *state, PyObject *module);

/* Called by atexit's like for cells: the one that ran has ended (bool: without an exception). */
PyObject *rp_cell_ended(PyObject *module, PyObject *success);
/* Raises unless saving and restoring are possible: closed, taken over, in a forked child. Follows
 * the notebook to the statement that it runs now. */
int rp_checkpoint_usable(rp_checkpoint *self, const char *what);

extern PyType_Spec rp_checkpoint_spec;
extern PyType_Spec rp_null_checkpoint_spec;
#endif
