/* Frames of CPython 3.13. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030D0000 || PY_VERSION_HEX >= 0x030E0000
#error "frame_3_13.c is for CPython 3.13 alone"
#endif

#define Py_BUILD_CORE 1
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#undef Py_BUILD_CORE
#include <opcode.h>

static const _PyInterpreterFrame *current_of(PyThreadState *thread) {
    return thread->current_frame;
}
static bool is_code(const _PyInterpreterFrame *frame, PyCodeObject *code) {
    return frame->f_executable == (PyObject *)code;
}
static Py_ssize_t size_of(PyCodeObject *code) {
    return code->co_framesize;
}
static const _Py_CODEUNIT *instruction_of(const _PyInterpreterFrame *frame) {
    return frame->instr_ptr;
}
static bool is_return(int opcode) {
    return opcode == RETURN_VALUE || opcode == RETURN_CONST;
}
static PyObject *in_slot(const _PyInterpreterFrame *frame, int slot) {
    return frame->localsplus[slot];
}

#include "pycompat/exception_single.h"
#include "pycompat/frame_shared.h"
#include "pycompat/frame_locals_proxy.h"

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
