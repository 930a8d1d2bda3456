/* How a frame goes on that waits for another: what it is in the middle of. */
#ifndef RP_CAPTURE_CALL_H
#define RP_CAPTURE_CALL_H

#include "capture_frame.h"

#include "../pycompat/call_operands.h"
#include "../pycompat/iterator_layout.h"

/* The frame above, which the other waits for. */
typedef struct rp_waited {
    PyFrameObject *frame; /* borrowed */
    PyObject *function;   /* borrowed */
    PyObject *generator;  /* borrowed, or NULL: the one that holds the frame */
    PyObject *self;       /* borrowed, or NULL: its first argument, as it is now */
    const rp_stand *stand;
} rp_waited;

/* The frame that called save(), or (`stopped`) was stopped where the interpreter looks for signals;
 * then it is moved to the instruction that is to come. */
int rp_judge_innermost(rp_module_state *state, rp_stand *stand, bool stopped, rp_verdict *verdict);
/* A frame that waits for `inner`. Both give 0 (with verdict->reason when it can't be captured), or
 * -1 with an exception. */
int rp_judge_waiting(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                     rp_verdict *verdict);

/* capture_iterate.c: `iterator`, which is alive or just dying, has asked the generator for an item
 * before it changed anything of its own: asked again, it gives what it would have given. 1, 0, or
 * -1 with an exception. */
int rp_asks_first(rp_module_state *state, PyObject *iterator, PyObject *generator);

/* capture_generator.c: frames that wait for a generator, in a `for` or `yield from`; in a call; and
 * in what takes all of its items. */
int rp_judge_iteration(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                       rp_verdict *verdict);
int rp_judge_generator_call(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                            rp_verdict *verdict);
int rp_judge_generator_drained(rp_module_state *state, const rp_stand *stand,
                               const rp_waited *inner, rp_verdict *verdict);
/* capture_method.c: a method that the instruction asks, or a builtin function that is called, and
 * whose result is completed in some way. 1: it is known, and goes on; 0: it is another one; -1. */
int rp_judge_method(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                    rp_verdict *verdict);
int rp_judge_builtin(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                     const rp_operands *operands, rp_verdict *verdict);
/* The iterator, which is alive, is a map, starmap or filter, and calls the function of the frame:
 * what it calls, borrowed; NULL. */
PyObject *rp_mapping(rp_module_state *state, PyObject *iterator, const rp_waited *inner,
                     rp_kind *kind);
/* The object in a slot of an operand, new reference; NULL without an exception: it may be dying. */
PyObject *rp_operand(const rp_stand *stand, int slot);
/* capture_operator.c */
/* How getting an attribute may run the function. */
typedef enum rp_got {
    RP_GOT_OTHERWISE,
    RP_GOT_RESULT,  /* its result is the attribute */
    RP_GOT_OR_ELSE, /* the same, but when it raises AttributeError __getattr__ is asked */
} rp_got;
rp_got rp_gets_attribute(PyObject *owner, PyObject *name, PyObject *function);
/* Setting it runs the function, or (`sets` false) deleting it. */
bool rp_changes_attribute(PyObject *owner, PyObject *name, bool sets, PyObject *function);
int rp_judge_operator(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                      rp_verdict *verdict);
/* capture_refusal.c: C code, of what is at that address, runs the frame and can't be continued. */
int rp_refuse_call(const rp_stand *stand, const rp_waited *inner, const void *callable,
                   rp_verdict *verdict);

/* capture_callee.c: what the call of `stand` is of. */
typedef enum rp_callee {
    RP_CALLEE_OTHER,    /* C code that does more than to call */
    RP_CALLEE_FUNCTION, /* ends up in the function, with its result */
    RP_CALLEE_INIT,     /* makes an object, and the function is its __init__ */
} rp_callee;
rp_callee rp_callee_of(PyObject *callable, const rp_waited *inner);
/* A partial object calls the function, and has put the one argument that it has of its own where it
 * was called itself (until 3.12). */
bool rp_called_by_partial(const rp_waited *inner, const rp_operands *operands);
/* Instances of the type have the function under that name. */
bool rp_type_has(PyTypeObject *type, const char *name, PyObject *function);
/* The builtin function or type at that address, and its name: new references; NULL without an
 * exception. */
PyObject *rp_builtin_value(const void *address);
PyObject *rp_builtin_name(const void *address);
#endif
