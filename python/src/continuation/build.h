/* Code objects that go on in the middle: a prologue that fills variables and value stack, then the
 * body of the original, unchanged. Made with the public API alone (code.replace), cached with the
 * original, and known again when a frame of theirs is captured. */
#ifndef RP_BUILD_H
#define RP_BUILD_H

#include "analysis.h"

#include "../pycompat/stack.h"

/* Where a frame that runs a continuation stands in the original. */
typedef struct rp_origin {
    PyCodeObject *code; /* borrowed: the original; the code itself when it is no continuation */
    int shift;          /* code units of the prologue; 0 when it is no continuation */
    int unit;           /* the original unit; -1: the prologue runs, nothing can be said */
    bool in_prologue;   /* stands on the twin of the call in progress, or of its yield */
    rp_mode mode;       /* of the record it was made from, when in_prologue */
    int kept;           /* entries of the stack that it has, when in_prologue */
} rp_origin;

/* `unit` of a frame that runs `code`, in terms of the original. 0 or -1. */
int rp_origin_of(PyCodeObject *code, int unit, rp_origin *origin);
/* The unit of the original for a number that the unwinder pushed (kind L) in such a frame. */
int rp_origin_of_lasti(PyCodeObject *code, int unit);

/* A function that goes on with the record when it is called with co_argcount times None: new
 * reference. `inner`: the function of record->inner, or NULL. For a generator: a new generator,
 * primed when its mode is YIELD. The record may be dropped afterwards. */
PyObject *rp_build_function(rp_module_state *state, rp_record *record, PyObject *inner);
/* Calls what rp_build_function gave. */
PyObject *rp_call_continuation(PyObject *function);
/* The slots of a generator that was continued and not started yet: a new tuple as rp_record.slots;
 * NULL without an exception: it is no such generator, its frame tells them. */
PyObject *rp_build_unstarted(rp_module_state *state, PyFrameObject *frame);
/* In two steps, for generators that lead to themselves: an empty one first (new reference), which
 * is filled, and primed, when all that it leads to is there. `fill` takes what `shell` gave. */
PyObject *rp_build_generator(rp_module_state *state, rp_record *record);
int rp_fill_generator(rp_module_state *state, PyObject *generator, rp_record *record,
                      PyObject *inner);
#endif
