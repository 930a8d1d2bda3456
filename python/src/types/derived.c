/* Objects of classes of a program that are derived from classes of Python's own library, by what
 * these reduce to. They say how *their* objects are made: the __new__ and __init__ of the program
 * may want other arguments, and its attributes are nothing to them. */
#include "derived.h"

#include "../encode.h"
#include "../lookup.h"
#include "own_dict.h"
#include "whole_state.h"

static bool is_in_c(PyTypeObject *type) {
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE;
}

PyTypeObject *rp_base_in_c(PyTypeObject *type) {
    while (type && !is_in_c(type))
        type = type->tp_base;
    return type;
}

/* A class of Python has that method from the class in C that it is derived from. */
static bool is_inherited(PyTypeObject *type, const char *name) {
    PyObject *found = rp_class_attribute(type, name); /* borrowed */
    PyTypeObject *base = rp_base_in_c(type);
    return found && base != type && base != &PyBaseObject_Type &&
           Py_IS_TYPE(found, &PyMethodDescr_Type) && PyDescr_TYPE(found) == base;
}

/* The class of Python's library that it is derived from, written in Python (Counter, Random);
 * NULL: none. Metaclasses with a call of their own (enum) find objects, and make none. */
static PyTypeObject *base_in_library(PyTypeObject *type) {
    bool is_called_plainly = Py_TYPE(type)->tp_call == PyType_Type.tp_call;
    PyObject *classes = is_called_plainly ? type->tp_mro : NULL;
    for (Py_ssize_t i = 0; classes && i < PyTuple_GET_SIZE(classes); i++) {
        PyTypeObject *class = (PyTypeObject *)PyTuple_GET_ITEM(classes, i);
        if (is_in_c(class)) return NULL;
        if (rp_is_of_standard_library(class)) return class == type ? NULL : class;
    }
    return NULL;
}

static PyTypeObject *library_base_that_reduces(PyTypeObject *type) {
    static const char *const names[] = {"__reduce__", "__reduce_ex__"};
    PyTypeObject *base = base_in_library(type);
    bool is_own = true;
    for (int i = 0; base && i < 2; i++) {
        if (!rp_plan_is_inherited(type, base, names[i])) return NULL;
        is_own = is_own && rp_plan_is_inherited(base, &PyBaseObject_Type, names[i]);
    }
    return is_own ? NULL : base;
}

PyTypeObject *rp_base_that_reduces(PyTypeObject *type) {
    /* a __reduce_ex__ in C asks for a __reduce__ of the program */
    bool is_own = rp_plan_is_inherited(type, &PyBaseObject_Type, "__reduce__");
    bool is = is_inherited(type, "__reduce_ex__")
                  ? is_own || is_inherited(type, "__reduce__")
                  : is_inherited(type, "__reduce__") &&
                        rp_plan_is_inherited(type, &PyBaseObject_Type, "__reduce_ex__");
    return is ? rp_base_in_c(type) : library_base_that_reduces(type);
}

static PyObject *make_in_c(PyTypeObject *type, PyTypeObject *base, PyObject *arguments) {
    PyObject *object = base->tp_new(type, arguments, NULL);
    bool has_init = base->tp_init && base->tp_init != PyBaseObject_Type.tp_init;
    if (object && has_init && base->tp_init(object, arguments, NULL) < 0) Py_CLEAR(object);
    return object;
}

/* base.NAME(first, *arguments) */
static PyObject *call_of_base(PyTypeObject *base, const char *name, PyObject *first,
                              PyObject *arguments) {
    PyObject *function = PyObject_GetAttrString((PyObject *)base, name), *result = NULL;
    PyObject *front = function ? PyTuple_Pack(1, first) : NULL;
    PyObject *all = front ? PySequence_Concat(front, arguments) : NULL;
    if (all) result = PyObject_Call(function, all, NULL);
    Py_XDECREF(all);
    Py_XDECREF(front);
    Py_XDECREF(function);
    return result;
}

static PyObject *make_in_python(PyTypeObject *type, PyTypeObject *base, PyObject *arguments) {
    PyObject *nothing = PyTuple_New(0), *object = NULL, *done = NULL;
    bool has_init = base->tp_init != PyBaseObject_Type.tp_init;
    if (nothing)
        object = base->tp_new == PyBaseObject_Type.tp_new
                     ? PyBaseObject_Type.tp_new(type, nothing, NULL)
                     : call_of_base(base, "__new__", (PyObject *)type, arguments);
    if (object && has_init) done = call_of_base(base, "__init__", object, arguments);
    if (has_init && !done) Py_CLEAR(object);
    Py_XDECREF(done);
    Py_XDECREF(nothing);
    return object;
}

PyObject *rp_make_as_base(PyTypeObject *type, PyTypeObject *base, PyObject *arguments) {
    return is_in_c(base) ? make_in_c(type, base, arguments) : make_in_python(type, base, arguments);
}

/* The arguments are those that the class in C gave (its value): a __new__ of the program, which may
 * want others, has made the object once, and is not asked again. */
newfunc rp_new_of_value(PyTypeObject *type, PyObject *rest) {
    bool is_value = PyTuple_GET_SIZE(rest) > 0 && is_inherited(type, "__getnewargs__") &&
                    rp_plan_is_inherited(type, rp_base_in_c(type), "__getnewargs_ex__");
    return is_value ? rp_base_in_c(type)->tp_new : type->tp_new;
}

bool rp_has_own_new(PyTypeObject *type) {
    return rp_base_in_c(type) == &PyBaseObject_Type && rp_is_method_of_program(type, "__new__");
}

/* ---- attributes ---- */

/* A state of its own for a __setstate__ of the library (Random): nothing of the attributes. */
static bool is_other_state(PyTypeObject *base, PyObject *state) {
    return !is_in_c(base) && !PyDict_Check(state) && rp_class_attribute(base, "__setstate__");
}

/* Both, for _set_dict: new reference. */
static PyObject *with_both(PyObject *reduced, PyObject *dict) {
    PyObject *setter = rp_core_function("_set_dict"), *whole = NULL;
    PyObject *state = setter ? PyTuple_Pack(3, rp_part_of(reduced, 2), Py_None, dict) : NULL;
    if (state)
        whole = PyTuple_Pack(6, rp_part_of(reduced, 0), rp_part_of(reduced, 1), state,
                             rp_part_of(reduced, 3), rp_part_of(reduced, 4), setter);
    Py_XDECREF(state);
    Py_XDECREF(setter);
    return whole;
}

static PyObject *with_dict(PyObject *reduced, PyObject *dict) {
    Py_ssize_t count = PyTuple_GET_SIZE(reduced);
    PyObject *whole = PyTuple_New(count < 3 ? 3 : count);
    for (Py_ssize_t i = 0; whole && i < PyTuple_GET_SIZE(whole); i++)
        PyTuple_SET_ITEM(whole, i, Py_NewRef(i == 2 ? dict : PyTuple_GET_ITEM(reduced, i)));
    return whole;
}

PyObject *rp_with_attributes(PyObject *object, PyObject *reduced) {
    Py_ssize_t count = PyTuple_CheckExact(reduced) ? PyTuple_GET_SIZE(reduced) : 0;
    PyTypeObject *base = count >= 2 ? rp_base_that_reduces(Py_TYPE(object)) : NULL;
    PyObject *state = base ? rp_part_of(reduced, 2) : NULL, *whole = NULL;
    bool is_other = state && state != Py_None && rp_part_of(reduced, 5) == Py_None &&
                    is_other_state(base, state);
    if (!state || (state != Py_None && !is_other)) return reduced;
    PyObject *dict = PyObject_GenericGetDict(object, NULL);
    if (dict && PyDict_GET_SIZE(dict) > 0)
        whole = is_other ? with_both(reduced, dict) : with_dict(reduced, dict);
    if (!dict) PyErr_Clear();
    Py_XDECREF(dict);
    if (PyErr_Occurred()) Py_CLEAR(reduced);
    if (whole) Py_SETREF(reduced, whole);
    return reduced;
}
