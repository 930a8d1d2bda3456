/* What a call is of: whether it ends up in the function that runs, with nothing of C around it. */
#include "capture_call.h"

#include "../lookup.h"
#include "../pycompat/alive.h"
#include "../resumable.h"

#include <string.h>

/* Instances of the type are called, or made, by what its classes have under that name. */
bool rp_type_has(PyTypeObject *type, const char *name, PyObject *function) {
    return rp_class_attribute(type, name) == function;
}

/* Exactly a functools.partial, or what lru_cache makes: what it calls, new reference, or NULL. The
 * cache begins empty in a new process, so that nothing more is missing in it than there was. */
static PyObject *function_within(PyObject *callable) {
    static const char *const types[][2] = {{"partial", "func"},
                                           {"_lru_cache_wrapper", "__wrapped__"}};
    PyObject *module, *function = NULL;
    if (rp_module_find("functools", &module) <= 0) goto done;
    for (size_t i = 0; i < 2 && !function; i++) {
        PyObject *type = PyObject_GetAttrString(module, types[i][0]);
        if ((PyObject *)Py_TYPE(callable) == type)
            function = PyObject_GetAttrString(callable, types[i][1]);
        Py_XDECREF(type);
    }
    Py_DECREF(module);
done:
    PyErr_Clear();
    return function;
}

static bool is_partial_for(PyObject *object, const void *context) {
    const rp_waited *inner = (const rp_waited *)context;
    if (strcmp(Py_TYPE(object)->tp_name, "functools.partial") != 0) return false;
    PyObject *args = PyObject_GetAttrString(object, "args");
    bool is = args && PyTuple_Check(args) && PyTuple_GET_SIZE(args) == 1 &&
              PyTuple_GET_ITEM(args, 0) == inner->self &&
              rp_callee_of(object, inner) == RP_CALLEE_FUNCTION;
    Py_XDECREF(args);
    PyErr_Clear();
    return is;
}

bool rp_called_by_partial(const rp_waited *inner, const rp_operands *operands) {
    if (!RP_PARTIAL_MAKES_PLACE || !inner->self || operands->callable != inner->self) return false;
    PyObject *partial = rp_alive_that(is_partial_for, inner);
    Py_XDECREF(partial);
    return partial != NULL;
}

/* The class makes instances as `type` does: __new__, then __init__, whose object it gives. */
static bool makes_instances(PyObject *callable, const rp_waited *inner) {
    return PyType_Check(callable) && inner->self &&
           PyObject_TypeCheck(inner->self, (PyTypeObject *)callable) &&
           Py_TYPE(callable)->tp_call == PyType_Type.tp_call &&
           rp_type_has(Py_TYPE(inner->self), "__init__", inner->function);
}

rp_callee rp_callee_of(PyObject *callable, const rp_waited *inner) {
    rp_callee found = RP_CALLEE_OTHER;
    Py_INCREF(callable);
    for (PyObject *next = callable; next != NULL; callable = next) {
        if (callable == inner->function ||
            rp_type_has(Py_TYPE(callable), "__call__", inner->function)) {
            found = RP_CALLEE_FUNCTION;
            break;
        }
        /* a bound method puts the object in its own place while it calls the function */
        if (callable == inner->self &&
            rp_type_has(Py_TYPE(callable), "__exit__", inner->function)) {
            found = RP_CALLEE_FUNCTION;
            break;
        }
        if (makes_instances(callable, inner)) {
            found = RP_CALLEE_INIT;
            break;
        }
        next = PyMethod_Check(callable) ? Py_NewRef(PyMethod_GET_FUNCTION(callable))
                                        : Py_XNewRef(rp_resumable_function(callable));
        if (next == NULL) next = function_within(callable);
        if (next == NULL) break;
        Py_DECREF(callable);
    }
    Py_DECREF(callable);
    return found;
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
