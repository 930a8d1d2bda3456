/* deque, OrderedDict, Counter and defaultdict in the object stream. */
#include "../decode.h"
#include "known_types.h"

#include <string.h>

/* Factories of a defaultdict that are in the closed set. */
static PyTypeObject *const factories[] = {&PyLong_Type,  &PyFloat_Type,   &PyList_Type,
                                          &PyDict_Type,  &PySet_Type,     &PyTuple_Type,
                                          &PyBool_Type,  &PyUnicode_Type, &PyFrozenSet_Type,
                                          &PyBytes_Type, &PyComplex_Type, &PyByteArray_Type};
enum { FACTORY_COUNT = sizeof factories / sizeof factories[0] };

/* ---- encoding ---- */

/* Writes a list (stolen) of the content. */
static int push_copy(rp_encoder *encoder, PyObject *list) {
    if (!list) return -1;
    int status = rp_push_items(encoder, list);
    Py_DECREF(list);
    return status;
}

int rp_put_deque(rp_encoder *encoder, PyObject *object) {
    PyObject *maxlen = PyObject_GetAttrString(object, "maxlen");
    if (!maxlen) return -1;
    rp_put_tag(encoder, RP_TAG_DEQUE);
    rp_put_array_head(encoder, 2);
    int status = rp_put_value(encoder, maxlen);
    Py_DECREF(maxlen);
    return status ? status : push_copy(encoder, PySequence_List(object));
}

/* Its order is its own, not that of the dict inside. */
int rp_put_ordered_dict(rp_encoder *encoder, PyObject *object) {
    PyObject *view = PyObject_CallMethod(object, "items", NULL);
    PyObject *items = view ? PySequence_List(view) : NULL, *flat = NULL;
    Py_XDECREF(view);
    Py_ssize_t count = items ? PyList_GET_SIZE(items) : 0;
    if (items) flat = PyList_New(2 * count);
    for (Py_ssize_t i = 0; flat && i < count; i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        PyList_SET_ITEM(flat, 2 * i, Py_NewRef(PyTuple_GET_ITEM(pair, 0)));
        PyList_SET_ITEM(flat, 2 * i + 1, Py_NewRef(PyTuple_GET_ITEM(pair, 1)));
    }
    Py_XDECREF(items);
    rp_put_tag(encoder, RP_TAG_ORDERED_DICT);
    return push_copy(encoder, flat);
}

int rp_put_counter(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_COUNTER);
    return rp_push_pairs(encoder, object);
}

int rp_put_default_dict(rp_encoder *encoder, PyObject *object) {
    PyObject *factory = PyObject_GetAttrString(object, "default_factory");
    if (!factory) return -1;
    const char *name = NULL;
    for (int i = 0; i < FACTORY_COUNT; i++)
        if (factory == (PyObject *)factories[i]) name = factories[i]->tp_name;
    bool none = factory == Py_None;
    Py_DECREF(factory);
    if (!name && !none) {
        /* a factory of the program's own is code: only files that are one's own have such */
        if (!encoder->digest) return rp_put_instance(encoder, object);
        return rp_refuse(encoder, "a defaultdict with a factory of its own can't be compared "
                                  "with what is saved");
    }
    rp_put_tag(encoder, RP_TAG_DEFAULT_DICT);
    rp_put_array_head(encoder, 2);
    if (name) {
        rs_cbor_put_literal(&encoder->buffer, name);
    } else {
        rs_cbor_put_simple(&encoder->buffer, RS_CBOR_NULL);
    }
    return rp_push_pairs(encoder, object);
}

/* ---- decoding ---- */

int rp_append(PyObject *deque, PyObject *value) {
    PyObject *done = PyObject_CallMethod(deque, "append", "(O)", value);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int rp_set_pair(PyObject *dict, PyObject *key, PyObject *value) {
    return PyODict_CheckExact(dict) ? PyODict_SetItem(dict, key, value)
                                    : PyDict_SetItem(dict, key, value);
}

/* collections.NAME(*arguments) */
static PyObject *make(rp_decoder *decoder, const char *name, PyObject *arguments) {
    PyObject *value = NULL, *module = arguments ? PyImport_ImportModule("collections") : NULL;
    PyObject *type = module ? PyObject_GetAttrString(module, name) : NULL;
    if (type) value = PyObject_CallObject(type, arguments);
    Py_XDECREF(module);
    Py_XDECREF(type);
    Py_XDECREF(arguments);
    return rp_checked(decoder, value);
}

/* A frame that fills `object` (taken over) from the array that comes next. */
static int open_filled(rp_decoder *decoder, rp_open_kind kind, PyObject *object) {
    rs_cbor_item item;
    if (!object || rp_next(decoder, &item) < 0) goto failed;
    if (item.kind != RS_CBOR_ARRAY || (kind == RP_OPEN_DICT && item.argument % 2)) {
        rp_damaged(decoder, "the content of a container is no array");
        goto failed;
    }
    /* taken over, also on failure */
    if (rp_open_frame(decoder, kind, object, item.argument, NULL) < 0) return -1;
    rp_announce(decoder);
    return 1;
failed:
    Py_XDECREF(object);
    return -1;
}

static int open_deque(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next_array(decoder, 2, 2) < 0 || rp_next(decoder, &item) < 0) return -1;
    bool none = item.kind == RS_CBOR_SIMPLE && item.argument == RS_CBOR_NULL;
    if (!none && (item.kind != RS_CBOR_UNSIGNED || item.argument > PY_SSIZE_T_MAX)) {
        rp_damaged(decoder, "the maxlen of a deque is no number");
        return -1;
    }
    PyObject *arguments = none ? PyTuple_New(0) : Py_BuildValue("(()n)", (Py_ssize_t)item.argument);
    return open_filled(decoder, RP_OPEN_DEQUE, make(decoder, "deque", arguments));
}

static int open_default_dict(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next_array(decoder, 2, 2) < 0 || rp_next(decoder, &item) < 0) return -1;
    PyObject *factory =
        item.kind == RS_CBOR_SIMPLE && item.argument == RS_CBOR_NULL ? Py_None : NULL;
    for (int i = 0; i < FACTORY_COUNT && item.kind == RS_CBOR_TEXT; i++) {
        const char *name = factories[i]->tp_name;
        if (item.argument == strlen(name) && memcmp(item.bytes, name, strlen(name)) == 0)
            factory = (PyObject *)factories[i];
    }
    if (!factory) {
        rp_damaged(decoder, "the factory of a defaultdict is unknown");
        return -1;
    }
    return open_filled(decoder, RP_OPEN_DICT,
                       make(decoder, "defaultdict", PyTuple_Pack(1, factory)));
}

int rp_get_collection(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    (void)value;
    switch (tag) {
    case RP_TAG_DEQUE:
        return open_deque(decoder);
    case RP_TAG_ORDERED_DICT:
        return open_filled(decoder, RP_OPEN_DICT, make(decoder, "OrderedDict", PyTuple_New(0)));
    case RP_TAG_COUNTER:
        return open_filled(decoder, RP_OPEN_DICT, make(decoder, "Counter", PyTuple_New(0)));
    case RP_TAG_DEFAULT_DICT:
        return open_default_dict(decoder);
    default:
        return 2;
    }
}
