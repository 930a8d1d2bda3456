/* The values that locals had when restore() was called. */
#include "placeholders.h"

#include "section.h"
#include "text.h"

/* Above these a value is data, not a parameter, and hashing it at every start would be felt. */
enum { ITEMS_MAX = 1000000, BYTES_MAX = 64 << 20 };

/* -1 with an exception. */
static int is_small(PyObject *value) {
    Py_ssize_t size = 0;
    if (PyList_CheckExact(value) || PyTuple_CheckExact(value) || PyDict_CheckExact(value) ||
        PyAnySet_CheckExact(value)) {
        size = PyObject_Size(value);
        return size < 0 ? -1 : size <= ITEMS_MAX;
    }
    if (rp_is_array(value)) {
        PyObject *bytes = PyObject_GetAttrString(value, "nbytes");
        size = bytes ? PyLong_AsSsize_t(bytes) : -1;
        Py_XDECREF(bytes);
        return size < 0 ? -1 : size <= BYTES_MAX;
    }
    if (PyUnicode_CheckExact(value) || PyBytes_CheckExact(value) || PyByteArray_CheckExact(value))
        size = PyObject_Size(value);
    return size < 0 ? -1 : size <= BYTES_MAX;
}

/* Adds name -> (digest, text) when the value can be compared. */
static int note(rp_module_state *state, PyObject *notes, PyObject *name, PyObject *value) {
    uint8_t digest[RP_DIGEST_SIZE];
    /* what its cells hold is no part of a parameter */
    if (PyFunction_Check(value) && PyFunction_GET_CLOSURE(value) != NULL) return 0;
    int small = is_small(value);
    if (small <= 0) return small;
    int result = rp_digest(state, value, digest);
    if (result) return result < 0 ? -1 : 0;
    PyObject *text = rp_text_of(value), *pair = NULL;
    if (text) pair = Py_BuildValue("(y#O)", digest, (Py_ssize_t)sizeof digest, text);
    result = pair ? PyDict_SetItem(notes, name, pair) : -1;
    Py_XDECREF(text);
    Py_XDECREF(pair);
    return result;
}

PyObject *rp_placeholders_of(rp_module_state *state, PyObject *locals) {
    PyObject *notes = PyDict_New(), *items = NULL;
    if (!notes) return NULL;
    items = PyMapping_Items(locals); /* a list: it can't change while it is walked */
    if (!items) goto failed;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i), *name = PyTuple_GET_ITEM(pair, 0);
        if (PyUnicode_Check(name) && note(state, notes, name, PyTuple_GET_ITEM(pair, 1)))
            goto failed;
    }
    Py_DECREF(items);
    return notes;
failed:
    Py_XDECREF(items);
    Py_DECREF(notes);
    return NULL;
}

int rp_placeholders_put(PyObject *placeholders, rp_encoder *encoder) {
    rs_buffer *buffer = rp_encoder_buffer(encoder);
    PyObject *name, *pair;
    Py_ssize_t position = 0;
    rs_cbor_put_head(buffer, RS_CBOR_MAP, (uint64_t)PyDict_GET_SIZE(placeholders));
    while (PyDict_Next(placeholders, &position, &name, &pair)) {
        PyObject *digest = PyTuple_GET_ITEM(pair, 0);
        const uint8_t *bytes =
            digest == Py_None ? NULL : (const uint8_t *)PyBytes_AS_STRING(digest);
        if (rp_entry_put(buffer, name, bytes, PyTuple_GET_ITEM(pair, 1))) return -1;
    }
    return 0;
}

PyObject *rp_placeholders_get(rp_decoder *decoder) {
    return rp_entries_get(rp_decoder_reader(decoder), "placeholders");
}

/* 1: the value still has the digest; 0: not, or it can't be compared; -1. */
static int is_unchanged(rp_module_state *state, PyObject *value, PyObject *digest) {
    uint8_t now[RP_DIGEST_SIZE];
    int result = rp_digest(state, value, now);
    if (result) return result < 0 ? -1 : 0;
    return memcmp(now, PyBytes_AS_STRING(digest), RP_DIGEST_SIZE) == 0;
}

/* The run went on with the placeholder it found, and the program has another one now. */
static int is_edited(rp_module_state *state, PyObject *before, PyObject *now, PyObject *value) {
    PyObject *old = PyTuple_GET_ITEM(before, 0), *new = PyTuple_GET_ITEM(now, 0);
    if (old == Py_None || new == Py_None) return 0;
    if (memcmp(PyBytes_AS_STRING(old), PyBytes_AS_STRING(new), RP_DIGEST_SIZE) == 0) return 0;
    return is_unchanged(state, value, old);
}

PyObject *rp_placeholders_edited(rp_module_state *state, PyObject *saved, PyObject *current,
                                 PyObject *values) {
    PyObject *edited = PyList_New(0), *name, *before;
    Py_ssize_t position = 0;
    while (edited && PyDict_Next(saved, &position, &name, &before)) {
        PyObject *now = PyDict_GetItemWithError(current, name);
        PyObject *value = now ? PyDict_GetItemWithError(values, name) : NULL;
        int changed = value ? is_edited(state, before, now, value) : PyErr_Occurred() ? -1 : 0;
        if (changed == 0) continue;
        PyObject *entry = changed < 0 ? NULL
                                      : PyTuple_Pack(3, name, PyTuple_GET_ITEM(before, 1),
                                                     PyTuple_GET_ITEM(now, 1));
        if (!entry || PyList_Append(edited, entry)) Py_CLEAR(edited);
        Py_XDECREF(entry);
    }
    return edited;
}
