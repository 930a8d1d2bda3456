/* The arguments of a call by the names of the parameters, as the interpreter will bind them. */
#include "resumable.h"

typedef struct rp_binding {
    PyCodeObject *code;
    PyObject *names;    /* strong: tuple */
    PyObject *values;   /* strong: dict */
    PyObject *keywords; /* strong: dict of **, or NULL */
    Py_ssize_t positional, all;
} rp_binding;

/* A keyword argument: 1 bound, 0 it does not fit, -1. */
static int bind_keyword(rp_binding *binding, PyObject *name, PyObject *value) {
    for (Py_ssize_t i = binding->code->co_posonlyargcount; i < binding->all; i++) {
        PyObject *parameter = PyTuple_GET_ITEM(binding->names, i);
        if (PyUnicode_Compare(parameter, name) != 0) continue;
        int twice = PyDict_Contains(binding->values, parameter);
        if (twice != 0) return twice < 0 ? -1 : 0;
        return PyDict_SetItem(binding->values, parameter, value) < 0 ? -1 : 1;
    }
    if (binding->keywords == NULL) return 0;
    return PyDict_SetItem(binding->keywords, name, value) < 0 ? -1 : 1;
}

static int bind_positional(rp_binding *binding, PyObject *const *args, Py_ssize_t count) {
    Py_ssize_t plain = count < binding->positional ? count : binding->positional;
    for (Py_ssize_t i = 0; i < plain; i++)
        if (PyDict_SetItem(binding->values, PyTuple_GET_ITEM(binding->names, i), args[i]) < 0)
            return -1;
    if (!(binding->code->co_flags & CO_VARARGS)) return count == plain;
    PyObject *rest = PyTuple_New(count - plain);
    for (Py_ssize_t i = plain; rest != NULL && i < count; i++)
        PyTuple_SET_ITEM(rest, i - plain, Py_NewRef(args[i]));
    int status =
        rest == NULL
            ? -1
            : PyDict_SetItem(binding->values, PyTuple_GET_ITEM(binding->names, binding->all), rest);
    Py_XDECREF(rest);
    return status < 0 ? -1 : 1;
}

/* What was not given: 1 all has a default, 0 something has none. */
static int bind_defaults(rp_binding *binding, PyObject *function) {
    PyObject *defaults = PyFunction_GetDefaults(function); /* borrowed, or NULL */
    PyObject *named = PyFunction_GetKwDefaults(function);  /* the same */
    Py_ssize_t count = defaults == NULL ? 0 : PyTuple_GET_SIZE(defaults);
    for (Py_ssize_t i = 0; i < binding->all; i++) {
        PyObject *name = PyTuple_GET_ITEM(binding->names, i), *value = NULL;
        int known = PyDict_Contains(binding->values, name);
        if (known < 0) return -1;
        if (known) continue;
        Py_ssize_t at = i - (binding->positional - count);
        if (i < binding->positional && at >= 0) value = PyTuple_GET_ITEM(defaults, at);
        if (i >= binding->positional && named != NULL) value = PyDict_GetItemWithError(named, name);
        if (value == NULL) return PyErr_Occurred() ? -1 : 0;
        if (PyDict_SetItem(binding->values, name, value) < 0) return -1;
    }
    return 1;
}

static int bind_all(rp_binding *binding, PyObject *function, PyObject *const *args,
                    Py_ssize_t count, PyObject *names) {
    int status = bind_positional(binding, args, count);
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; status > 0 && i < named; i++)
        status = bind_keyword(binding, PyTuple_GET_ITEM(names, i), args[count + i]);
    if (status > 0) status = bind_defaults(binding, function);
    if (status <= 0 || binding->keywords == NULL) return status;
    Py_ssize_t at = binding->all + ((binding->code->co_flags & CO_VARARGS) != 0);
    PyObject *name = PyTuple_GET_ITEM(binding->names, at);
    return PyDict_SetItem(binding->values, name, binding->keywords) < 0 ? -1 : 1;
}

PyObject *rp_bind(PyObject *function, PyObject *const *args, size_t count, PyObject *names) {
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    rp_binding binding = {.code = code, .positional = code->co_argcount};
    binding.all = code->co_argcount + code->co_kwonlyargcount;
    binding.names = PyCode_GetVarnames(code);
    binding.values = PyDict_New();
    bool takes_any = (code->co_flags & CO_VARKEYWORDS) != 0;
    if (takes_any) binding.keywords = PyDict_New();
    int status = -1;
    if (binding.names != NULL && binding.values != NULL && (!takes_any || binding.keywords != NULL))
        status = bind_all(&binding, function, args, (Py_ssize_t)count, names);
    Py_XDECREF(binding.keywords);
    Py_XDECREF(binding.names);
    if (status <= 0) Py_CLEAR(binding.values);
    return binding.values;
}
