/* What differs between versions in functions, and what of them has no public API. */
#ifndef RP_PYCOMPAT_FUNCTIONS_H
#define RP_PYCOMPAT_FUNCTIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* What the classes of `type` have under that name, as it stands there; borrowed or NULL. */
static inline PyObject *rp_type_lookup(PyTypeObject *type, PyObject *name) {
    return _PyType_Lookup(type, name);
}

/* A bound method that nobody has called yet gets what it binds. */
static inline void rp_method_fill(PyObject *method, PyObject *function, PyObject *self) {
    PyMethodObject *to = (PyMethodObject *)method;
    Py_SETREF(to->im_func, Py_NewRef(function));
    Py_SETREF(to->im_self, Py_NewRef(self));
}

#if PY_VERSION_HEX >= 0x030E0000
/* The function that makes annotations looks into the namespace of the class around it. */
static inline bool rp_annotates_in_class(PyObject *annotate) {
    if (!PyFunction_Check(annotate)) return false;
    PyObject *names = PyCode_GetFreevars((PyCodeObject *)PyFunction_GET_CODE(annotate));
    bool found = false;
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++)
        found |= PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "__classdict__") == 0;
    Py_XDECREF(names);
    PyErr_Clear();
    return found;
}
#endif

/* `__type_params__` (PEP 695): borrowed, NULL when there is none. */
static inline PyObject *rp_function_type_parameters(PyFunctionObject *function) {
#if PY_VERSION_HEX >= 0x030C0000
    PyObject *parameters = function->func_typeparams;
    if (parameters && PyTuple_Check(parameters) && PyTuple_GET_SIZE(parameters) > 0)
        return parameters;
#else
    (void)function;
#endif
    return NULL;
}

/* From 3.14 on annotations are made when they are asked for. The annotations that are there, and
 * the function that makes them: new references or NULL. In a method they are made now, since that
 * function can't be without the namespace of the class. 0, or -1 with an exception. */
static inline int rp_function_annotations(PyFunctionObject *function, PyObject **annotations,
                                          PyObject **annotate) {
    PyObject *dict = NULL;
    *annotations = *annotate = NULL;
#if PY_VERSION_HEX >= 0x030E0000
    bool makes = function->func_annotate && PyCallable_Check(function->func_annotate);
    if (makes && rp_annotates_in_class(function->func_annotate)) {
        dict = PyObject_GetAttrString((PyObject *)function, "__annotations__");
        if (!dict && PyErr_ExceptionMatches(PyExc_Exception) &&
            !PyErr_ExceptionMatches(PyExc_MemoryError))
            PyErr_Clear(); /* they name what is not there */
        *annotations = dict;
        return PyErr_Occurred() ? -1 : 0;
    }
    if (makes) *annotate = Py_NewRef(function->func_annotate);
#endif
    if (!function->func_annotations) return 0;
    dict = PyFunction_GetAnnotations((PyObject *)function); /* borrowed */
    if (!dict) return PyErr_Occurred() ? -1 : 0;
    if (PyDict_Check(dict) && PyDict_GET_SIZE(dict) > 0) *annotations = Py_NewRef(dict);
    return 0;
}
#endif
