/* The frames of the running program, from the one that saves out to the root, as records. */
#ifndef RP_CAPTURE_H
#define RP_CAPTURE_H

#include "build.h"

/* Where the walk ends. */
typedef struct rp_root {
    PyCodeObject *code; /* borrowed: the original code of the root */
    const void *caller; /* the frame object below the root frame, compared only; NULL: none */
} rp_root;

/* What a refusal is about: as long as a frame stands there, another try is in vain. */
typedef struct rp_obstacle {
    PyCodeObject *code; /* strong: of the original; NULL: nothing is known */
    int unit;           /* of the instruction in progress in `code` */
    bool may_stay;      /* while the function runs on, to its end: what it holds, or what it is */
} rp_obstacle;          /* zero-initialised: nothing is known */

void rp_obstacle_set(rp_obstacle *obstacle, PyCodeObject *code, int unit, bool may_stay);
void rp_obstacle_clear(rp_obstacle *obstacle);
/* It is there yet, in the frame or in one that waits for it; `stays`: what may stay does. */
bool rp_obstacle_is_there(const rp_obstacle *obstacle, PyFrameObject *frame, bool stays);

typedef struct rp_captured {
    rp_record *root;        /* new reference; `inner` leads to the others */
    PyObject *generators;   /* dict id of a running generator -> its record, strong */
    PyObject *surroundings; /* list of [manager, state] for rp_surroundings_enter */
    PyObject *reason;     /* str, when it can't be captured: "line 12 of sim.relax (sim.py): ..." */
    bool misplaced;       /* a stopped program is in the middle of a statement: soon it is not */
    rp_obstacle obstacle; /* else, of that reason */
} rp_captured;            /* zero-initialised: empty */

/* `frame` called save() with `result`, or (`result` NULL) is stopped where the interpreter looks
 * for signals. 1: captured. 0: it can't be: `reason`, in words that a user understands. -1:
 * exception. */
int rp_capture(rp_module_state *state, PyFrameObject *frame, const rp_root *root, PyObject *result,
               rp_captured *captured);
void rp_captured_release(rp_captured *captured);
/* _go_on_with(generator, ...): its next item, or StopIteration with what it returns. It is called
 * in the place of generator.throw() when what was thrown has arrived. */
PyObject *rp_go_on_with(PyObject *module, PyObject *const *args, Py_ssize_t count);
/* A generator that is suspended or was not started, new reference; NULL without an exception: it
 * has ended. NULL with ValueError, whose text is the reason: it can't be captured. */
rp_record *rp_capture_generator(rp_module_state *state, PyObject *generator);
#endif
