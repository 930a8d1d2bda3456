/* Locals up to 3.12: read from the slots (the dict of `f_locals` would keep every value alive),
 * written through that dict and PyFrame_LocalsToFast. */
#include <frameobject.h>

static PyObject *value_in_slot(const _PyInterpreterFrame *frame, PyCodeObject *code, int slot) {
    _PyLocals_Kind kind = _PyLocals_GetKind(code->co_localspluskinds, slot);
    PyObject *value = frame->localsplus[slot];
    if (is_hidden(kind)) return NULL;
    if (value != NULL && (kind & (CO_FAST_CELL | CO_FAST_FREE)) && PyCell_Check(value))
        value = PyCell_GET(value);
    return value;
}

PyObject *rp_frame_locals(PyFrameObject *visible) {
    PyCodeObject *code = PyFrame_GetCode(visible);
    PyObject *values = PyDict_New();
    PyObject *names = NULL;
    int status = values == NULL ? -1 : 0;
    if (status == 0 && !(code->co_flags & CO_OPTIMIZED)) {
        names = PyFrame_GetLocals(visible);
        status = names == NULL ? -1 : PyDict_Update(values, names);
    }
    for (int slot = 0; names == NULL && status == 0 && slot < code->co_nlocalsplus; slot++) {
        PyObject *value = value_in_slot(visible->f_frame, code, slot);
        PyObject *name = PyTuple_GET_ITEM(code->co_localsplusnames, slot);
        if (value != NULL) status = PyDict_SetItem(values, name, value);
    }
    Py_XDECREF(names);
    Py_DECREF(code);
    if (status < 0) Py_CLEAR(values);
    return values;
}

int rp_frame_assign(PyFrameObject *visible, PyObject *changes) {
    PyCodeObject *code = PyFrame_GetCode(visible);
    bool fast = (code->co_flags & CO_OPTIMIZED) != 0;
    bool ours = fast && visible->f_frame->f_locals == NULL;
    Py_DECREF(code);
    PyObject *values = PyFrame_GetLocals(visible); /* fills the dict from the slots first */
    if (values == NULL) return -1;
    int status = fast ? PyDict_Update(values, changes) : 0;
    if (!fast) { /* a namespace may be any mapping */
        PyObject *name, *value;
        for (Py_ssize_t at = 0; status == 0 && PyDict_Next(changes, &at, &name, &value);)
            status = PyObject_SetItem(values, name, value);
    }
    if (status == 0 && fast) PyFrame_LocalsToFast(visible, 0);
    /* the dict was made here and nobody else knows it: it must not keep old values alive */
    if (ours) PyDict_Clear(values);
    Py_DECREF(values);
    return status;
}
