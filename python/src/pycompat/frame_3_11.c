/* Frames of CPython 3.11. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x030C0000
#error "frame_3_11.c is for CPython 3.11 alone"
#endif

#define Py_BUILD_CORE 1
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#undef Py_BUILD_CORE
#include <opcode.h>

static const _PyInterpreterFrame *current_of(PyThreadState *thread) {
    return thread->cframe->current_frame;
}
static bool is_code(const _PyInterpreterFrame *frame, PyCodeObject *code) {
    return frame->f_code == code;
}
static Py_ssize_t size_of(PyCodeObject *code) {
    return code->co_nlocalsplus + code->co_stacksize + (Py_ssize_t)FRAME_SPECIALS_SIZE;
}
static const _Py_CODEUNIT *instruction_of(const _PyInterpreterFrame *frame) {
    return frame->prev_instr;
}
static bool is_return(int opcode) {
    return opcode == RETURN_VALUE;
}
static PyObject *in_slot(const _PyInterpreterFrame *frame, int slot) {
    return frame->localsplus[slot];
}
static bool is_hidden(_PyLocals_Kind kind) {
    (void)kind;
    return false;
}

#include "pycompat/exception_triple.h"
#include "pycompat/frame_shared.h"
#include "pycompat/frame_locals_slots.h"

static PyObject *function_of(const _PyInterpreterFrame *frame) {
    return (PyObject *)frame->f_func;
}
static bool marks_c(const _PyInterpreterFrame *frame) { /* no hidden frames yet */
    (void)frame;
    return false;
}
/* With tracing or profiling, what was true when the frame started or went on stays there. */
static int top_of(const _PyInterpreterFrame *frame) {
    PyThreadState *thread = PyThreadState_Get();
    bool runs = frame->owner != FRAME_OWNED_BY_GENERATOR ||
                ((const PyGenObject *)((const char *)frame - offsetof(PyGenObject, gi_iframe)))
                        ->gi_frame_state == FRAME_EXECUTING;
    return runs && thread->cframe->use_tracing && !thread->tracing ? -1 : frame->stacktop;
}

#include "pycompat/stack_plain.h"
#include "pycompat/stack_shared.h"

bool rp_stack_is_entry(PyFrameObject *frame) {
    return frame->f_frame->is_entry;
}
