/* Making instances of classes, and setting their attributes. */
#include "../decode.h"
#include "../encode.h"
#include "../lookup.h"
#include "../pycompat/functions.h"
#include "derived.h"

#include "base/alloc.h"

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
    *class = (rp_class){.type = type, .set_state = rp_class_attribute(type, "__setstate__")};
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

/* An object of a class of the program alone, with all that it has in its state. */
static PyObject *make_bare(PyTypeObject *type) {
    PyObject *nothing = PyTuple_New(0);
    PyObject *object = nothing ? PyBaseObject_Type.tp_new(type, nothing, NULL) : NULL;
    Py_XDECREF(nothing);
    return object;
}

PyObject *rp_make_new(rp_decoder *decoder, PyTypeObject *type, PyObject *arguments) {
    if (!type->tp_new) {
        PyErr_Format(PyExc_TypeError, "'%s' has no __new__", type->tp_name);
        return NULL;
    }
    bool may_be_bare = PyTuple_GET_SIZE(arguments) == 1 && rp_has_own_new(type);
    if (may_be_bare && decoder->of_script) return make_bare(type);
    PyObject *rest = PyTuple_GetSlice(arguments, 1, PyTuple_GET_SIZE(arguments));
    PyObject *object = rest ? rp_new_of_value(type, rest)(type, rest, NULL) : NULL;
    Py_XDECREF(rest);
    if (object || !may_be_bare || !PyErr_ExceptionMatches(PyExc_TypeError)) return object;
    PyErr_Clear();
    return make_bare(type);
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

int rp_set_all_in_dict(PyObject *object, PyObject *attributes) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(attributes, &at, &name, &value);)
        if (rp_set_in_dict(object, name, value) < 0) return -1;
    return 0;
}
