/* The global random generators: Python's `random`, numpy's global state, if already imported. */
#include "random_state.h"

#include "lookup.h"

#include <stdbool.h>

/* captured[key] = module.method(*arguments), if the module is imported. 0 or -1. */
static int capture(PyObject *captured, const char *key, const char *module_name, const char *method,
                   const char *arguments) {
    PyObject *module, *value = NULL;
    int status = rp_module_find(module_name, &module);
    if (status <= 0) return status;
    value = PyObject_CallMethod(module, method, arguments, 0);
    status = value ? PyDict_SetItemString(captured, key, value) : -1;
    Py_DECREF(module);
    Py_XDECREF(value);
    return status;
}

PyObject *rp_random_capture(rp_module_state *state) {
    (void)state;
    PyObject *captured = PyDict_New();
    if (captured && (capture(captured, "random", "random", "getstate", NULL) < 0 ||
                     capture(captured, "numpy", "numpy.random", "get_state", "i") < 0)) {
        Py_CLEAR(captured);
    }
    return captured;
}

static int restore(PyObject *captured, const char *key, const char *module_name, const char *method,
                   bool indexed) {
    PyObject *module = NULL, *value = NULL, *done = NULL;
    int status = rp_dict_find(captured, key, &value);
    if (status > 0) status = rp_module_find(module_name, &module);
    if (status <= 0) goto done;
    status = indexed ? rp_random_is_safe(value) : 1;
    if (status == 0) {
        PyErr_Format(PyExc_ValueError, "the saved state of %s is damaged", module_name);
        status = -1;
    }
    if (status < 0) goto done;
    done = PyObject_CallMethod(module, method, "(O)", value);
    status = done ? 0 : -1;
done:
    Py_XDECREF(value);
    Py_XDECREF(module);
    Py_XDECREF(done);
    return status;
}

int rp_random_restore(rp_module_state *state, PyObject *captured) {
    (void)state;
    if (!PyDict_Check(captured)) return 0;
    if (restore(captured, "random", "random", "setstate", false) < 0) return -1;
    return restore(captured, "numpy", "numpy.random", "set_state", true);
}
