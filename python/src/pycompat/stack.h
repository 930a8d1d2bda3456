/* The inside of frames that are running or suspended, read and never written.
 *
 * Implemented by exactly one frame_3_NN.c (through stack_plain.h until 3.13, stack_references.h
 * from 3.14 on, whose slots are tagged references). Operand slots above what the analysis says is
 * kept may hold dangling addresses: rp_stack_get must not be used on them, rp_stack_address may. */
#ifndef RP_STACK_H
#define RP_STACK_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* What a slot holds. */
typedef enum rp_slot_kind {
    RP_SLOT_EMPTY,  /* NULL */
    RP_SLOT_OBJECT, /* `object`, a new reference */
    RP_SLOT_NUMBER, /* `number`: an int of the interpreter's own, without an object (from 3.14 on)
                     */
} rp_slot_kind;

typedef struct rp_slot {
    rp_slot_kind kind;
    PyObject *object;
    Py_ssize_t number;
} rp_slot;

/* Slot `index` of localsplus: locals, cells and free variables, then the value stack. */
rp_slot rp_stack_get(PyFrameObject *frame, int index);
/* The address in the slot, never followed; NULL for an empty one or a number. */
const void *rp_stack_address(PyFrameObject *frame, int index);
/* Code unit (index into co_code / 2) at which the frame stands, -1 before the first. */
int rp_stack_unit(PyFrameObject *frame);
/* Number of localsplus entries that are live by the interpreter's own account; -1: it does not
 * tell (3.11 to 3.13 while C code runs). */
int rp_stack_top(PyFrameObject *frame);
/* C code of the evaluation loop stands directly above the *caller* of this frame: the frame was not
 * entered by an inlined Python to Python call. */
bool rp_stack_is_entry(PyFrameObject *frame);
/* Nothing hidden (the shim of 3.12 and later that cleans up after an inlined __init__) lies between
 * `inner` and `outer`, the next visible frame. */
bool rp_stack_is_direct(PyFrameObject *inner, PyFrameObject *outer);
/* The function object of the frame, borrowed. */
PyObject *rp_stack_function(PyFrameObject *frame);
/* The frame runs in a namespace that is its globals: module level. False for a class body. */
bool rp_stack_is_module(PyFrameObject *frame);
/* The generator or coroutine that holds the frame, new reference; NULL when there is none.
 * *finalized: the collector destroys it. Of one whose last reference was dropped the interpreter
 * does not tell: it has exactly one reference (two with the new one), as has one that only an
 * operand of the call in progress holds. Until 3.13, whose operands may dangle, such a call may be
 * over. */
PyObject *rp_stack_generator(PyFrameObject *frame, bool *finalized);
/* The frame of a suspended generator or one not started, new reference; NULL: it has ended. */
PyFrameObject *rp_stack_of_generator(PyObject *generator);
typedef enum rp_generator_state {
    RP_GENERATOR_NEW,
    RP_GENERATOR_SUSPENDED,
    RP_GENERATOR_RUNNING,
    RP_GENERATOR_ENDED
} rp_generator_state;
rp_generator_state rp_stack_generator_state(PyObject *generator);
/* The exceptions being handled in this thread, innermost first, one for each level that has a list
 * of its own (the thread, and each running generator): a new list of exceptions and None. */
PyObject *rp_stack_exceptions(void);
/* The exception that a suspended generator is handling, new reference, or None. */
PyObject *rp_stack_generator_exception(PyObject *generator);
#endif
