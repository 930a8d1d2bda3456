/* Frames of CPython 3.12. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030C0000 || PY_VERSION_HEX >= 0x030D0000
#error "frame_3_12.c is for CPython 3.12 alone"
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
    return code->co_framesize;
}
static const _Py_CODEUNIT *instruction_of(const _PyInterpreterFrame *frame) {
    return frame->prev_instr;
}
static bool is_return(int opcode) {
    return opcode == RETURN_VALUE || opcode == RETURN_CONST;
}
static PyObject *in_slot(const _PyInterpreterFrame *frame, int slot) {
    return frame->localsplus[slot];
}
static bool is_hidden(_PyLocals_Kind kind) { /* variables of an inlined comprehension */
    return (kind & CO_FAST_HIDDEN) != 0;
}

#include "pycompat/exception_single.h"
#include "pycompat/frame_shared.h"
#include "pycompat/frame_locals_slots.h"

static PyObject *function_of(const _PyInterpreterFrame *frame) {
    return frame->f_funcobj;
}
static bool marks_c(const _PyInterpreterFrame *frame) {
    return frame->owner == FRAME_OWNED_BY_CSTACK;
}
static int top_of(const _PyInterpreterFrame *frame) {
    return frame->stacktop; /* -1 while the evaluation loop holds it itself */
}

#include "pycompat/stack_plain.h"
#include "pycompat/stack_shared.h"
#include "pycompat/stack_entry.h"
