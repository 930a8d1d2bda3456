/* One frame of the walk: where it stands, and its record. */
#ifndef RP_CAPTURE_FRAME_H
#define RP_CAPTURE_FRAME_H

#include "capture.h"

#include "../pycompat/stack.h"

typedef struct rp_stand {
    PyFrameObject *frame; /* borrowed */
    PyCodeObject *code;   /* strong: what the frame runs, which may be a continuation */
    rp_origin origin;
    const rp_analysis *analysis; /* of the original */
    int index;                   /* of the instruction in progress, in it */
    const rp_instruction *instruction;
    const char *kinds; /* of the stack before it */
    int depth;
    int base; /* slot of the lowest entry of the stack */
} rp_stand;   /* zero-initialised: empty */

/* 1; 0: the frame stands nowhere that is known, `*reason` is told; -1. Release it in any case. */
int rp_stand_init(rp_stand *stand, PyFrameObject *frame, PyObject **reason);
void rp_stand_release(rp_stand *stand);
/* As if it stood on that instruction. */
void rp_stand_move(rp_stand *stand, int index);

/* How a frame goes on. */
typedef struct rp_verdict {
    rp_mode mode;
    int kept;           /* how many entries of the stack stay */
    PyObject *value;    /* strong: of rp_mode_has_value */
    PyObject *top;      /* strong: what stands for the topmost entry that is kept, or NULL */
    PyObject *callable; /* strong: what is called in the place of what was called, with the same
                           object and None for all other arguments; or NULL */
    PyObject *reason;   /* strong: why it can't go on, or NULL */
} rp_verdict;           /* zero-initialised: empty */
void rp_verdict_release(rp_verdict *verdict);

/* The record of a frame; takes what the verdict holds. `*handled`: the exception that is handled
 * in the frame (strong), becomes that of the frame around it. NULL with an exception, or without
 * one and `verdict->reason`: the interpreter sees another stack. */
rp_record *rp_stand_record(rp_module_state *state, const rp_stand *stand, rp_verdict *verdict,
                           PyObject **handled);

/* "line 12 of sim.relax (sim.py): " and the text. New reference. */
PyObject *rp_reason_at(PyFrameObject *frame, const char *format, ...);
#endif
