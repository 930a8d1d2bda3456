/* A short text of a value for messages. */
#include "text.h"

enum { LENGTH_MAX = 80, INT_BITS_MAX = 256, ITEMS_MAX = 24 };

bool rp_is_array(PyObject *value) {
    const PyTypeObject *type = Py_TYPE(value);
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && strcmp(type->tp_name, "numpy.ndarray") == 0;
}

/* Cut to the length that messages allow; steals `text`, NULL passes a failure on. */
static PyObject *take_cut(PyObject *text) {
    if (!text || PyUnicode_GET_LENGTH(text) <= LENGTH_MAX) return text;
    PyObject *head = PyUnicode_Substring(text, 0, LENGTH_MAX - 3), *cut = NULL;
    if (head) cut = PyUnicode_FromFormat("%U...", head);
    Py_XDECREF(head);
    Py_DECREF(text);
    return cut;
}

static PyObject *text_of_int(PyObject *value) {
    PyObject *bits = PyObject_CallMethod(value, "bit_length", NULL);
    long count = bits ? PyLong_AsLong(bits) : -1;
    Py_XDECREF(bits);
    if (count < 0) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return NULL;
        PyErr_Clear();
    }
    /* a very long one takes very long, and Python refuses it at some length */
    return count < 0 || count > INT_BITS_MAX ? PyUnicode_FromFormat("<int of %ld bits>", count)
                                             : PyObject_Repr(value);
}

static PyObject *text_of_part(PyObject *value, Py_ssize_t size) {
    if (size <= LENGTH_MAX) return PyObject_Repr(value);
    PyObject *part = PySequence_GetSlice(value, 0, LENGTH_MAX);
    PyObject *text = part ? PyObject_Repr(part) : NULL;
    Py_XDECREF(part);
    if (text) Py_SETREF(text, PyUnicode_FromFormat("%U...", text));
    return text;
}

static PyObject *text_of_type(PyTypeObject *type) {
    /* the dictionary, not attributes: a metaclass could run code */
    PyObject *name = ((PyHeapTypeObject *)type)->ht_qualname, *module = NULL;
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) return PyUnicode_FromString(type->tp_name);
    PyObject *dictionary = PyObject_GenericGetDict((PyObject *)type, NULL);
    if (dictionary) {
        module = Py_XNewRef(PyDict_GetItemString(dictionary, "__module__"));
        Py_DECREF(dictionary);
    } else {
        PyErr_Clear();
    }
    PyObject *text = module && PyUnicode_Check(module) ? PyUnicode_FromFormat("%U.%U", module, name)
                                                       : Py_NewRef(name);
    Py_XDECREF(module);
    return text;
}

/* "<module.name>" of a function, class or module; other objects: of their class. */
static PyObject *text_by_name(PyObject *value) {
    PyObject *name;
    if (PyType_Check(value)) {
        name = text_of_type((PyTypeObject *)value);
    } else if (PyFunction_Check(value)) {
        PyFunctionObject *function = (PyFunctionObject *)value;
        name = function->func_module && PyUnicode_Check(function->func_module)
                   ? PyUnicode_FromFormat("%U.%U", function->func_module, function->func_qualname)
                   : Py_NewRef(function->func_qualname);
    } else if (PyModule_CheckExact(value)) {
        name = PyModule_GetNameObject(value);
        if (!name) PyErr_Clear();
        if (!name) name = PyUnicode_FromString("module");
    } else if (PyCFunction_CheckExact(value)) {
        name = PyUnicode_FromString(((PyCFunctionObject *)value)->m_ml->ml_name);
    } else {
        name = text_of_type(Py_TYPE(value));
    }
    if (name) Py_SETREF(name, PyUnicode_FromFormat("<%U>", name));
    return name;
}

static PyObject *text_of_array(PyObject *array) {
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    PyObject *shape = PyObject_GetAttrString(array, "shape");
    PyObject *type = dtype ? PyObject_Str(dtype) : NULL, *text = NULL;
    if (!shape || !type || !PyTuple_Check(shape)) goto done;
    PyObject *sizes = PyUnicode_FromString(PyTuple_GET_SIZE(shape) ? "" : "scalar");
    for (Py_ssize_t i = 0; sizes && i < PyTuple_GET_SIZE(shape); i++)
        Py_SETREF(sizes,
                  PyUnicode_FromFormat("%U%s%S", sizes, i ? "x" : "", PyTuple_GET_ITEM(shape, i)));
    if (sizes) text = PyUnicode_FromFormat("array(%U, %U)", type, sizes);
    Py_XDECREF(sizes);
done:
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    Py_XDECREF(type);
    return text;
}

/* Values without parts, or NULL without an exception. */
static PyObject *text_of_scalar(PyObject *value) {
    if (value == Py_None || PyBool_Check(value) || value == Py_Ellipsis ||
        PyFloat_CheckExact(value) || PyComplex_CheckExact(value))
        return PyObject_Repr(value);
    if (PyLong_CheckExact(value)) return text_of_int(value);
    if (PyUnicode_CheckExact(value)) return text_of_part(value, PyUnicode_GET_LENGTH(value));
    if (PyBytes_CheckExact(value)) return text_of_part(value, PyBytes_GET_SIZE(value));
    if (PyByteArray_CheckExact(value)) return text_of_part(value, PyByteArray_GET_SIZE(value));
    if (rp_is_array(value)) return text_of_array(value);
    if (strncmp(Py_TYPE(value)->tp_name, "numpy.", 6) == 0 &&
        !(Py_TYPE(value)->tp_flags & Py_TPFLAGS_HEAPTYPE) &&
        PyObject_HasAttrString(value, "dtype") && PyObject_HasAttrString(value, "itemsize"))
        return PyObject_Str(value); /* a scalar of numpy's own */
    return NULL;
}

/* An item inside a container: containers inside only as their brackets. */
static PyObject *text_of_item(PyObject *item) {
    PyObject *text = text_of_scalar(item);
    if (text || PyErr_Occurred()) return text;
    if (PyList_CheckExact(item))
        return PyUnicode_FromString(PyList_GET_SIZE(item) ? "[...]" : "[]");
    if (PyTuple_CheckExact(item))
        return PyUnicode_FromString(PyTuple_GET_SIZE(item) ? "(...)" : "()");
    if (PyDict_CheckExact(item))
        return PyUnicode_FromString(PyDict_GET_SIZE(item) ? "{...}" : "{}");
    return text_by_name(item);
}

static int add_item(PyObject *texts, PyObject *text) {
    int result = text ? PyList_Append(texts, text) : -1;
    Py_XDECREF(text);
    return result;
}

static PyObject *joined(PyObject *texts, const char *open, const char *close, bool cut) {
    PyObject *comma = PyUnicode_FromString(", ");
    PyObject *inner = comma ? PyUnicode_Join(comma, texts) : NULL, *text = NULL;
    if (inner) text = PyUnicode_FromFormat("%s%U%s%s", open, inner, cut ? ", ..." : "", close);
    Py_XDECREF(comma);
    Py_XDECREF(inner);
    return text;
}

static PyObject *text_of_pair(PyObject *key, PyObject *value) {
    PyObject *left = text_of_item(key), *right = left ? text_of_item(value) : NULL, *text = NULL;
    if (right) text = PyUnicode_FromFormat("%U: %U", left, right);
    Py_XDECREF(left);
    Py_XDECREF(right);
    return text;
}

static PyObject *text_of_dict(PyObject *dict) {
    PyObject *texts = PyList_New(0), *key, *value, *text = NULL;
    Py_ssize_t position = 0, count = 0;
    if (!texts) return NULL;
    while (count++ < ITEMS_MAX && PyDict_Next(dict, &position, &key, &value))
        if (add_item(texts, text_of_pair(key, value))) goto done;
    text = joined(texts, "{", "}", PyDict_GET_SIZE(dict) > ITEMS_MAX);
done:
    Py_DECREF(texts);
    return text;
}

/* The first items of a list, tuple, set or frozenset of exactly that type. */
static PyObject *text_of_items(PyObject *container, Py_ssize_t size, const char *open,
                               const char *close) {
    PyObject *texts = PyList_New(0), *iterator = PyObject_GetIter(container), *text = NULL;
    if (!texts || !iterator) goto done;
    for (int i = 0; i < ITEMS_MAX; i++) {
        PyObject *item = PyIter_Next(iterator);
        if (!item) break;
        int failed = add_item(texts, text_of_item(item));
        Py_DECREF(item);
        if (failed) goto done;
    }
    if (!PyErr_Occurred()) text = joined(texts, open, close, size > ITEMS_MAX);
done:
    Py_XDECREF(texts);
    Py_XDECREF(iterator);
    return text;
}

static PyObject *text_of_slice(PyObject *value) {
    PySliceObject *slice = (PySliceObject *)value;
    PyObject *parts = PyTuple_Pack(3, slice->start, slice->stop, slice->step);
    PyObject *text = parts ? text_of_items(parts, 3, "slice(", ")") : NULL;
    Py_XDECREF(parts);
    return text;
}

static PyObject *text_of_range(PyObject *value) {
    PyObject *start = PyObject_GetAttrString(value, "start");
    PyObject *stop = PyObject_GetAttrString(value, "stop");
    PyObject *step = PyObject_GetAttrString(value, "step"), *parts = NULL, *text = NULL;
    if (start && stop && step) parts = PyTuple_Pack(3, start, stop, step);
    if (parts) text = text_of_items(parts, 3, "range(", ")");
    Py_XDECREF(start);
    Py_XDECREF(stop);
    Py_XDECREF(step);
    Py_XDECREF(parts);
    return text;
}

PyObject *rp_text_of(PyObject *value) {
    PyObject *text = text_of_scalar(value);
    if (text || PyErr_Occurred()) return take_cut(text);
    if (PyList_CheckExact(value)) {
        text = text_of_items(value, PyList_GET_SIZE(value), "[", "]");
    } else if (PyTuple_CheckExact(value)) {
        text = text_of_items(value, PyTuple_GET_SIZE(value), "(",
                             PyTuple_GET_SIZE(value) == 1 ? ",)" : ")");
    } else if (PyDict_CheckExact(value)) {
        text = text_of_dict(value);
    } else if (PySet_CheckExact(value)) {
        text = PySet_GET_SIZE(value) ? text_of_items(value, PySet_GET_SIZE(value), "{", "}")
                                     : PyUnicode_FromString("set()");
    } else if (PyFrozenSet_CheckExact(value)) {
        text = text_of_items(value, PySet_GET_SIZE(value), "frozenset({", "})");
    } else if (PyRange_Check(value)) {
        text = text_of_range(value);
    } else if (PySlice_Check(value)) {
        text = text_of_slice(value);
    } else {
        text = text_by_name(value);
    }
    return take_cut(text);
}
