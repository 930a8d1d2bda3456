/* Slots from 3.14 on: references with tags, owned or borrowed, or ints without an object. Read with
 * CPython's own inline functions, in this order: null, int, then object. */
#include "pycompat/stack.h"

rp_slot rp_stack_get(PyFrameObject *visible, int index) {
    _PyStackRef reference = visible->f_frame->localsplus[index];
    if (PyStackRef_IsNull(reference)) return (rp_slot){.kind = RP_SLOT_EMPTY};
    if (PyStackRef_IsTaggedInt(reference))
        return (rp_slot){.kind = RP_SLOT_NUMBER, .number = PyStackRef_UntagInt(reference)};
    /* a strong reference, whatever the slot holds */
    PyObject *object = PyStackRef_AsPyObjectBorrow(reference);
    return (rp_slot){.kind = RP_SLOT_OBJECT, .object = Py_NewRef(object)};
}

const void *rp_stack_address(PyFrameObject *visible, int index) {
    _PyStackRef reference = visible->f_frame->localsplus[index];
    return PyStackRef_IsNullOrInt(reference) ? NULL : PyStackRef_AsPyObjectBorrow(reference);
}

int rp_stack_top(PyFrameObject *visible) {
    const _PyInterpreterFrame *frame = visible->f_frame;
    return frame->stackpointer == NULL ? -1 : (int)(frame->stackpointer - frame->localsplus);
}

static PyObject *function_of(const _PyInterpreterFrame *frame) {
    return PyStackRef_AsPyObjectBorrow(frame->f_funcobj);
}
