/* Locals from 3.13 on: through the write-through proxy of PEP 667, which also keeps an old value
 * alive that the evaluation stack has only borrowed. */

PyObject *rp_frame_locals(PyFrameObject *visible) {
    PyObject *names = PyFrame_GetLocals(visible);
    if (names == NULL) return NULL;
    PyObject *values = PyDict_New();
    if (values != NULL && PyDict_Update(values, names) < 0) Py_CLEAR(values);
    Py_DECREF(names);
    return values;
}

int rp_frame_assign(PyFrameObject *visible, PyObject *changes) {
    PyObject *names = PyFrame_GetLocals(visible);
    if (names == NULL) return -1;
    int status = 0;
    PyObject *name, *value;
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(changes, &at, &name, &value);)
        status = PyObject_SetItem(names, name, value);
    Py_DECREF(names);
    return status;
}
