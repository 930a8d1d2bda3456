/* Making instances of classes, and setting their attributes. */
#include "../decode.h"
#include "../encode.h"
#include "../pycompat/functions.h"

#include "base/alloc.h"

/* What the class or its bases have under that name, borrowed or NULL. */
static PyObject *class_attribute(PyTypeObject *type, const char *name) {
    PyObject *text = PyUnicode_InternFromString(name);
    PyObject *found = text ? rp_type_lookup(type, text) : NULL;
    PyErr_Clear();
    Py_XDECREF(text);
    return found;
}

static rp_class *add(rp_decoder *decoder, PyTypeObject *type) {
    if (decoder->class_count == decoder->class_capacity) {
        size_t capacity = decoder->class_capacity ? decoder->class_capacity * 2 : 16;
        rp_class *classes = rs_reallocate_array(decoder->classes, capacity, sizeof *classes);
        if (!classes) return NULL;
        decoder->classes = classes;
        decoder->class_capacity = capacity;
    }
    if (!rp_memo_add(&decoder->class_memo, (PyObject *)type, decoder->class_count)) return NULL;
    rp_class *class = &decoder->classes[decoder->class_count++];
    *class = (rp_class){.type = type, .set_state = class_attribute(type, "__setstate__")};
    class->fills_dict = !class->set_state && type->tp_dictoffset != 0;
    return class;
}

const rp_class *rp_class_of(rp_decoder *decoder, PyTypeObject *type) {
    size_t index;
    if (rp_memo_find(&decoder->class_memo, (PyObject *)type, &index))
        return &decoder->classes[index];
    rp_class *class = add(decoder, type);
    if (!class) PyErr_NoMemory();
    return class;
}

void rp_classes_release(rp_decoder *decoder) {
    rs_free(decoder->classes);
    rp_memo_release(&decoder->class_memo);
    Py_CLEAR(decoder->newobj);
}

/* The class written in C that a class of Python is derived from. */
static PyTypeObject *base_in_c(PyTypeObject *type) {
    while (type && type->tp_flags & Py_TPFLAGS_HEAPTYPE &&
           !(type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE))
        type = type->tp_base;
    return type;
}

/* A class of Python has that method from the class in C that it is derived from. */
static bool is_inherited(PyTypeObject *type, const char *name) {
    PyObject *found = class_attribute(type, name); /* borrowed */
    PyTypeObject *base = base_in_c(type);
    return found && base != type && base != &PyBaseObject_Type &&
           Py_IS_TYPE(found, &PyMethodDescr_Type) && PyDescr_TYPE(found) == base;
}

PyTypeObject *rp_base_that_reduces(PyTypeObject *type) {
    /* a __reduce_ex__ in C asks for a __reduce__ of the program */
    bool is_own = rp_plan_is_inherited(type, &PyBaseObject_Type, "__reduce__");
    bool is = is_inherited(type, "__reduce_ex__")
                  ? is_own || is_inherited(type, "__reduce__")
                  : is_inherited(type, "__reduce__") &&
                        rp_plan_is_inherited(type, &PyBaseObject_Type, "__reduce_ex__");
    return is ? base_in_c(type) : NULL;
}

PyObject *rp_make_as_base(PyTypeObject *type, PyTypeObject *base, PyObject *arguments) {
    PyObject *object = base->tp_new(type, arguments, NULL);
    bool has_init = base->tp_init && base->tp_init != PyBaseObject_Type.tp_init;
    if (object && has_init && base->tp_init(object, arguments, NULL) < 0) Py_CLEAR(object);
    return object;
}

/* The arguments are those that the class in C gave (its value): a __new__ of the program, which may
 * want others, has made the object once, and is not asked again. */
static newfunc new_of_value(PyTypeObject *type, PyObject *rest) {
    bool is_value = PyTuple_GET_SIZE(rest) > 0 && is_inherited(type, "__getnewargs__") &&
                    rp_plan_is_inherited(type, base_in_c(type), "__getnewargs_ex__");
    return is_value ? base_in_c(type)->tp_new : type->tp_new;
}

PyObject *rp_make_new(PyTypeObject *type, PyObject *arguments) {
    if (!type->tp_new) {
        PyErr_Format(PyExc_TypeError, "'%s' has no __new__", type->tp_name);
        return NULL;
    }
    PyObject *rest = PyTuple_GetSlice(arguments, 1, PyTuple_GET_SIZE(arguments));
    PyObject *object = rest ? new_of_value(type, rest)(type, rest, NULL) : NULL;
    Py_XDECREF(rest);
    return object;
}

int rp_set_in_dict(PyObject *object, PyObject *name, PyObject *value) {
    if (PyUnicode_CheckExact(name)) {
        Py_INCREF(name);
        PyUnicode_InternInPlace(&name);
        PyObject *known = rp_type_lookup(Py_TYPE(object), name);
        /* a slot is the place of the attribute; a property is not */
        bool is_data =
            known && Py_TYPE(known)->tp_descr_set && Py_TYPE(known) != &PyMemberDescr_Type;
        int status = is_data ? 1 : PyObject_GenericSetAttr(object, name, value);
        Py_DECREF(name);
        if (!is_data) return status;
    }
    PyObject *dict = PyObject_GenericGetDict(object, NULL);
    int status = dict ? PyDict_SetItem(dict, name, value) : -1;
    Py_XDECREF(dict);
    return status;
}
