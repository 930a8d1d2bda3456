/* The global random generators: Python's `random`, numpy's global state, if already imported. */
#include "random_state.h"

/* Borrowed; NULL without an exception when the module is not imported. */
static PyObject *imported(const char *name) {
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    return modules ? PyDict_GetItemString(modules, name) : NULL;
}

static int add(PyObject *dict, const char *key, PyObject *value) {
    int status = value ? PyDict_SetItemString(dict, key, value) : -1;
    Py_XDECREF(value);
    return status;
}

PyObject *rp_random_capture(rp_module_state *state) {
    (void)state;
    PyObject *captured = PyDict_New();
    if (!captured) return NULL;
    PyObject *python = imported("random"), *numpy = imported("numpy.random");
    if ((python && add(captured, "random", PyObject_CallMethod(python, "getstate", NULL)) < 0) ||
        (numpy && add(captured, "numpy", PyObject_CallMethod(numpy, "get_state", "i", 0)) < 0)) {
        Py_CLEAR(captured);
    }
    return captured;
}

static int restore(PyObject *module, const char *method, PyObject *state) {
    PyObject *done = PyObject_CallMethod(module, method, "(O)", state);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int rp_random_restore(rp_module_state *state, PyObject *captured) {
    (void)state;
    if (!PyDict_Check(captured)) return 0;
    PyObject *python = imported("random"), *numpy = imported("numpy.random");
    PyObject *python_state = PyDict_GetItemString(captured, "random");
    PyObject *numpy_state = PyDict_GetItemString(captured, "numpy");
    if (python && python_state && restore(python, "setstate", python_state) < 0) return -1;
    if (!numpy || !numpy_state) return 0;
    if (!rp_random_is_safe(numpy_state)) {
        PyErr_SetString(PyExc_ValueError, "the saved state of numpy's random numbers is damaged");
        return -1;
    }
    return restore(numpy, "set_state", numpy_state);
}
