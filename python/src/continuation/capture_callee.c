/* What a call is of: whether it ends up in the function that runs, with nothing of C around it. */
#include "capture_call.h"

#include "../lookup.h"
#include "../pycompat/functions.h"
#include "../resumable.h"

/* Instances of the type are called, or made, by what its classes have under that name. */
static bool type_has(PyTypeObject *type, const char *name, PyObject *function) {
    PyObject *text = PyUnicode_InternFromString(name);
    PyObject *found = text ? rp_type_lookup(type, text) : NULL;
    Py_XDECREF(text);
    PyErr_Clear();
    return found == function;
}

/* Exactly functools.partial: what it calls, new reference, or NULL. */
static PyObject *partial_function(PyObject *callable) {
    PyObject *module, *type, *function = NULL;
    if (rp_module_find("functools", &module) <= 0) goto done;
    type = PyObject_GetAttrString(module, "partial");
    if ((PyObject *)Py_TYPE(callable) == type) function = PyObject_GetAttrString(callable, "func");
    Py_XDECREF(type);
    Py_DECREF(module);
done:
    PyErr_Clear();
    return function;
}

/* The class makes instances as `type` does: __new__, then __init__, whose object it gives. */
static bool makes_instances(PyObject *callable, const rp_waited *inner) {
    return PyType_Check(callable) && inner->self &&
           PyObject_TypeCheck(inner->self, (PyTypeObject *)callable) &&
           Py_TYPE(callable)->tp_call == PyType_Type.tp_call &&
           type_has(Py_TYPE(inner->self), "__init__", inner->function);
}

rp_callee rp_callee_of(PyObject *callable, const rp_waited *inner) {
    rp_callee found = RP_CALLEE_OTHER;
    Py_INCREF(callable);
    for (PyObject *next = callable; next != NULL; callable = next) {
        if (callable == inner->function ||
            type_has(Py_TYPE(callable), "__call__", inner->function)) {
            found = RP_CALLEE_FUNCTION;
            break;
        }
        /* a bound method puts the object in its own place while it calls the function */
        if (callable == inner->self && type_has(Py_TYPE(callable), "__exit__", inner->function)) {
            found = RP_CALLEE_FUNCTION;
            break;
        }
        if (makes_instances(callable, inner)) {
            found = RP_CALLEE_INIT;
            break;
        }
        next = PyMethod_Check(callable) ? Py_NewRef(PyMethod_GET_FUNCTION(callable))
                                        : Py_XNewRef(rp_resumable_function(callable));
        if (next == NULL) next = partial_function(callable);
        if (next == NULL) break;
        Py_DECREF(callable);
    }
    Py_DECREF(callable);
    return found;
}

bool rp_builtin_gives(PyObject *name, const rp_waited *inner) {
    static const char *const pairs[][2] = {{"next", "__next__"},
                                           {"iter", "__iter__"},
                                           {"abs", "__abs__"},
                                           {"reversed", "__reversed__"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (PyUnicode_CompareWithASCIIString(name, pairs[i][0]) == 0)
            return type_has(Py_TYPE(inner->self), pairs[i][1], inner->function);
    return false;
}

static PyObject *builtin_at(const void *address, bool its_name) {
    PyObject *name, *value;
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    for (Py_ssize_t at = 0; builtins && PyDict_Next(builtins, &at, &name, &value);)
        if (value == address && PyUnicode_Check(name)) return Py_NewRef(its_name ? name : value);
    return NULL;
}

PyObject *rp_builtin_value(const void *address) {
    return builtin_at(address, false);
}

PyObject *rp_builtin_name(const void *address) {
    return builtin_at(address, true);
}
