/* What reading the inside of frames has in common on all versions. Included once by a
 * frame_3_NN.c, behind frame_shared.h and a stack_*.h for its kind of slots, after it has defined:
 *   marks_c(frame)      a hidden frame that stands for the C code which entered the evaluation loop
 *   function_of(frame)  the function object, borrowed */
#include "pycompat/stack.h"

int rp_stack_unit(PyFrameObject *visible) {
    int lasti = PyFrame_GetLasti(visible);
    return lasti < 0 ? -1 : lasti / (int)sizeof(_Py_CODEUNIT);
}

bool rp_stack_is_direct(PyFrameObject *inner, PyFrameObject *outer) {
    const _PyInterpreterFrame *below = inner->f_frame->previous;
    while (below != NULL && below != outer->f_frame && marks_c(below))
        below = below->previous;
    return below != NULL && below == outer->f_frame;
}

PyObject *rp_stack_function(PyFrameObject *visible) {
    return function_of(visible->f_frame);
}

bool rp_stack_is_module(PyFrameObject *visible) {
    const _PyInterpreterFrame *frame = visible->f_frame;
    return frame->f_locals != NULL && frame->f_locals == frame->f_globals;
}

PyObject *rp_stack_generator(PyFrameObject *visible, bool *finalized) {
    const _PyInterpreterFrame *frame = visible->f_frame;
    *finalized = false;
    if (frame->owner != FRAME_OWNED_BY_GENERATOR) return NULL;
    PyObject *generator = (PyObject *)((char *)frame - offsetof(PyGenObject, gi_iframe));
    *finalized = PyObject_GC_IsFinalized(generator) != 0;
    return Py_NewRef(generator);
}

static bool is_generator(PyObject *object) {
    return PyGen_Check(object) || PyCoro_CheckExact(object) || PyAsyncGen_CheckExact(object);
}

PyFrameObject *rp_stack_of_generator(PyObject *generator) {
    if (!is_generator(generator)) return NULL;
    const char *name = PyGen_Check(generator)         ? "gi_frame"
                       : PyCoro_CheckExact(generator) ? "cr_frame"
                                                      : "ag_frame";
    PyObject *frame = PyObject_GetAttrString(generator, name);
    if (frame == NULL) PyErr_Clear();
    if (frame != NULL && !PyFrame_Check(frame)) Py_CLEAR(frame);
    return (PyFrameObject *)frame;
}

rp_generator_state rp_stack_generator_state(PyObject *generator) {
    switch (((PyGenObject *)generator)->gi_frame_state) {
    case FRAME_CREATED:
        return RP_GENERATOR_NEW;
    case FRAME_EXECUTING:
        return RP_GENERATOR_RUNNING;
    case FRAME_CLEARED:
#if PY_VERSION_HEX < 0x030F0000
    case FRAME_COMPLETED:
#endif
        return RP_GENERATOR_ENDED;
    default:
        return RP_GENERATOR_SUSPENDED;
    }
}

PyObject *rp_stack_exceptions(void) {
    PyObject *list = PyList_New(0);
    const _PyErr_StackItem *item = PyThreadState_Get()->exc_info;
    for (; list != NULL && item != NULL; item = item->previous_item)
        if (PyList_Append(list, item->exc_value == NULL ? Py_None : item->exc_value) < 0)
            Py_CLEAR(list);
    return list;
}

PyObject *rp_stack_generator_exception(PyObject *generator) {
    PyObject *exception = ((PyGenObject *)generator)->gi_exc_state.exc_value;
    return Py_NewRef(exception == NULL ? Py_None : exception);
}
