/* The frame that owns a Checkpoint: found again, read, written, and whether it returned.
 *
 * Nothing of a frame's memory is ever written but through the interpreter's own functions. Exactly
 * one frame_3_NN.c implements this. */
#ifndef RP_FRAME_H
#define RP_FRAME_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Who constructed a Checkpoint. A frame of a function is remembered by address only: a reference
 * would keep its locals, the Checkpoint among them, alive. Zero-initialised: nobody. */
typedef struct rp_owner {
    const void *frame;   /* the interpreter's frame */
    const void *object;  /* its frame object, made at capturing: a later frame in the same place has
                            none or another */
    const void *caller;  /* the frame below it, and ... */
    const void *call;    /* ... the instruction at which that one stands */
    PyCodeObject *code;  /* strong, so that no other code can get its address */
    PyObject *generator; /* weak reference to the generator that holds the frame, or NULL */
    PyFrameObject *kept; /* module level and class bodies, whose locals live on anyway: strong,
                            else NULL */
    PyObject *names;     /* their namespace: strong, else NULL */
} rp_owner;

typedef enum rp_fate {
    RP_FATE_RUNNING,  /* on the stack of some thread, or a suspended generator */
    RP_FATE_RETURNED, /* left by a return statement or its end */
    RP_FATE_LEFT,     /* left by an exception, or it can't be told */
} rp_fate;

/* The frame layout is the one this was compiled for. 0, or -1 with ImportError. */
int rp_frame_self_test(void);

int rp_owner_capture(PyFrameObject *frame, rp_owner *owner);
void rp_owner_release(rp_owner *owner);
int rp_owner_traverse(const rp_owner *owner, visitproc visit, void *arg);
/* The frame, new reference; NULL without an exception when it is gone. */
PyFrameObject *rp_owner_find(const rp_owner *owner);
/* `finalizing`: called from the finalizer of an object that may die because the frame's locals are
 * being cleared; only then a function's return can be seen. */
rp_fate rp_owner_fate(const rp_owner *owner, bool finalizing);
/* The same for a frame that has been left, while something else keeps it and its locals (a stored
 * exception, by its traceback). `object` is one of these locals. Looks at all objects. */
rp_fate rp_owner_fate_of_kept(const rp_owner *owner, PyObject *object);
/* The same when `object` is garbage together with that frame: only from its tp_clear. */
rp_fate rp_owner_fate_in_garbage(const rp_owner *owner, PyObject *object);
/* When the code of module level that the owner was has returned, and other code runs in the same
 * namespace (the next statement or cell of a notebook), that becomes the owner: 1, else 0 or -1. */
int rp_owner_follow(rp_owner *owner);
bool rp_owner_is_module(const rp_owner *owner); /* runs in a namespace, not in fast locals */

/* A new dict of the values in the frame: fast locals, cells and free variables, or the namespace.
 */
PyObject *rp_frame_locals(PyFrameObject *frame);
/* A new dict of the cells of its variables by their names: its own, and those of the functions
 * around it. Empty at module level. */
PyObject *rp_frame_cells(PyFrameObject *frame);
/* Puts the values of the dict `changes` into the locals of these names, and nothing else. */
int rp_frame_assign(PyFrameObject *frame, PyObject *changes);
/* The byte offset of the instruction at which the frame stands; -1 when unknown. */
int rp_frame_place(PyFrameObject *frame);

/* The current exception, put aside: NULL when there is none. New reference. */
PyObject *rp_exception_take(void);
void rp_exception_put(PyObject *exception); /* steals; NULL is allowed */
#endif
