/* What a notebook tells: resume._notebook, asked only where IPython is running. */
#include "cell.h"

#include "lookup.h"

/* resume._notebook.NAME(argument), without one when it is NULL: 1 and its result, 0 when it is
 * None.
 */
static int ask(const char *name, PyObject *argument, PyObject **result) {
    PyObject *ipython = NULL, *module = NULL;
    *result = NULL;
    int status = rp_module_find("IPython", &ipython);
    Py_XDECREF(ipython);
    if (status <= 0) return status;
    module = PyImport_ImportModule("resume._notebook");
    if (module != NULL)
        *result = PyObject_CallMethod(module, name, argument == NULL ? NULL : "(O)", argument);
    Py_XDECREF(module);
    if (*result == NULL) return -1;
    if (*result != Py_None) return 1;
    Py_CLEAR(*result);
    return 0;
}

bool rp_notebook_has_reader(void) {
    PyObject *answer = NULL;
    bool has = ask("has_reader", NULL, &answer) > 0 && answer == Py_True;
    PyErr_Clear();
    Py_XDECREF(answer);
    return has;
}

int rp_notebook_path(PyObject *globals, PyObject **path) {
    return ask("path", globals, path);
}

int rp_cell_of(PyFrameObject *frame, PyObject **cell) {
    return ask("cell_of", (PyObject *)frame, cell);
}

PyObject *rp_cell_choose(PyObject *cell, PyObject *folder, PyObject *stem, PyObject *suffix) {
    return PyObject_CallMethod(cell, "choose", "OOO", folder, stem, suffix);
}

PyCodeObject *rp_cell_code(PyObject *cell) {
    return (PyCodeObject *)PyObject_GetAttrString(cell, "code");
}

PyObject *rp_cell_id(PyObject *cell) {
    return PyObject_GetAttrString(cell, "id");
}

PyObject *rp_cell_hidden(PyObject *cell) {
    return PyObject_CallMethod(cell, "hidden", NULL);
}
