/* Frames of CPython 3.15. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030F0000 || PY_VERSION_HEX >= 0x03100000
#error "frame_3_15.c is for CPython 3.15 alone"
#endif

#define Py_BUILD_CORE 1
#include <internal/pycore_code.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interpframe.h>
#include <internal/pycore_interpframe_structs.h>
#include <internal/pycore_stackref.h>
#undef Py_BUILD_CORE
#include <opcode.h>

#ifdef Py_STACKREF_DEBUG
#error "resume does not know the layout of a stackref debug build"
#endif

static const _PyInterpreterFrame *current_of(PyThreadState *thread) {
    return thread->current_frame;
}
static bool is_code(const _PyInterpreterFrame *frame, PyCodeObject *code) {
    return (frame->f_executable.bits & ~(uintptr_t)Py_TAG_BITS) == (uintptr_t)code;
}
static Py_ssize_t size_of(PyCodeObject *code) {
    return code->co_framesize;
}
static const _Py_CODEUNIT *instruction_of(const _PyInterpreterFrame *frame) {
    return frame->instr_ptr;
}
static bool is_return(int opcode) {
    return opcode == RETURN_VALUE;
}
static PyObject *in_slot(const _PyInterpreterFrame *frame, int slot) {
    _PyStackRef reference = frame->localsplus[slot];
    return PyStackRef_IsNull(reference) ? NULL : PyStackRef_AsPyObjectBorrow(reference);
}

#include "pycompat/exception_single.h"
#include "pycompat/frame_shared.h"
#include "pycompat/frame_locals_proxy.h"

static bool marks_c(const _PyInterpreterFrame *frame) {
    return frame->owner == FRAME_OWNED_BY_INTERPRETER;
}

#include "pycompat/stack_references.h"
#include "pycompat/stack_shared.h"
#include "pycompat/stack_entry.h"
