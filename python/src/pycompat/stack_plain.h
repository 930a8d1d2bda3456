/* Slots up to 3.13: plain owned pointers. Included after top_of(frame) was defined. */
#include "pycompat/stack.h"

rp_slot rp_stack_get(PyFrameObject *visible, int index) {
    PyObject *object = visible->f_frame->localsplus[index];
    if (object == NULL) return (rp_slot){.kind = RP_SLOT_EMPTY};
    return (rp_slot){.kind = RP_SLOT_OBJECT, .object = Py_NewRef(object)};
}

const void *rp_stack_address(PyFrameObject *visible, int index) {
    return visible->f_frame->localsplus[index];
}

int rp_stack_top(PyFrameObject *visible) {
    return top_of(visible->f_frame);
}
