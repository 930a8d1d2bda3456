/* One item of the object stream: what its head and its tag say is read or opened. */
#include "decode.h"
#include "pycompat/dicts.h"

static int open_list(rp_decoder *decoder, uint64_t count) {
    if (rp_check_room(decoder, count) < 0) return -1;
    PyObject *target = rp_take_target(decoder, &PyList_Type);
    PyObject *list = PyList_New((Py_ssize_t)count);
    if (list) Py_SET_SIZE(list, 0); /* the room stays */
    if (!list || rp_open_frame(decoder, RP_OPEN_LIST, list, count, NULL) < 0) return -1;
    rp_announce_target(decoder, target);
    return 0;
}

/* An empty dict for the `count` pairs that come next. */
static PyObject *new_dict(const rp_decoder *decoder, uint64_t count) {
    const rs_cbor_reader *reader = &decoder->reader;
    bool has_texts = count > 0 && reader->bytes[reader->position] >> 5 == RS_CBOR_TEXT;
    return has_texts ? PyDict_New() : rp_dict_with_room((Py_ssize_t)count);
}

static int open_map(rp_decoder *decoder, uint64_t count) {
    if (rp_check_room(decoder, count * 2) < 0) return -1;
    if (decoder->depth > 0 && rp_top(decoder)->fills_dict && decoder->pending < 0)
        return rp_open_frame(decoder, RP_OPEN_ATTRIBUTES, Py_NewRef(rp_top(decoder)->object),
                             count * 2, NULL);
    PyObject *target = rp_take_target(decoder, &PyDict_Type);
    PyObject *dict = new_dict(decoder, count);
    if (!dict || rp_open_frame(decoder, RP_OPEN_DICT, dict, count * 2, NULL) < 0) return -1;
    rp_announce_target(decoder, target);
    return 0;
}

static int open_pairs(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind != RS_CBOR_ARRAY || item.argument % 2) {
        rp_damaged(decoder, "a dict has a key without a value");
        return -1;
    }
    return open_map(decoder, item.argument / 2);
}

/* 1: a frame was opened. 0: *value is complete. -1: exception. */
static int complete(PyObject *value, PyObject **to) {
    *to = value;
    return value ? 0 : -1;
}

static int opened(int status) {
    return status < 0 ? -1 : 1;
}

static PyObject *get_big(rp_decoder *decoder, bool negative) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_BYTES) return rp_damaged(decoder, "a big int is no byte string");
    return rp_get_big(decoder, &item, negative);
}

static PyObject *get_constant(rp_decoder *decoder) {
    uint64_t number;
    if (rp_next_unsigned(decoder, &number) < 0) return NULL;
    if (number == RP_CONSTANT_ELLIPSIS) return Py_NewRef(Py_Ellipsis);
    if (number == RP_CONSTANT_NOT_IMPLEMENTED) return Py_NewRef(Py_NotImplemented);
    return rp_damaged(decoder, "there is no such constant");
}

static int open_range(rp_decoder *decoder) {
    if (rp_next_array(decoder, 3, 3) < 0) return -1;
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 3, rp_finish_range);
}

static int open_slice(rp_decoder *decoder) {
    if (rp_open_slice(decoder) < 0) return -1;
    rp_announce(decoder);
    return 0;
}

static int open_tuple(rp_decoder *decoder) {
    if (rp_open_tuple(decoder) < 0) return -1;
    rp_announce(decoder);
    return 0;
}

/* A target is filled at the commit, by an exchange of tables. */
static int open_set(rp_decoder *decoder, bool frozen) {
    PyObject *target = frozen ? NULL : rp_take_target(decoder, &PySet_Type);
    if (rp_open_set(decoder, frozen) < 0) return -1;
    if (target) rp_announce_target(decoder, target);
    return 0;
}

static PyObject *get_bytearray(rp_decoder *decoder) {
    PyObject *target = rp_take_target(decoder, &PyByteArray_Type);
    PyObject *value = rp_get_bytearray(decoder);
    if (!value || !target) return value;
    int status = rp_add_filling(decoder, target, value);
    Py_DECREF(value);
    return status < 0 ? NULL : Py_NewRef(target);
}

static int get_packed_list(rp_decoder *decoder, PyObject **to) {
    PyObject *target = rp_take_target(decoder, &PyList_Type);
    PyObject *list = rp_get_packed_list(decoder);
    if (!list || !target) return complete(list, to);
    int status = rp_add_filling(decoder, target, list);
    Py_DECREF(list);
    return status < 0 ? -1 : complete(Py_NewRef(target), to);
}

static int get_library_type(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    static int (*const readers[])(rp_decoder *, uint64_t, PyObject **) = {
        rp_get_library_value, rp_get_time,   rp_get_collection, rp_get_random, rp_get_masked,
        rp_get_function,      rp_get_memmap, rp_get_tensor,     rp_get_frames, rp_get_traceback,
    };
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        int status = readers[i](decoder, tag, value);
        if (status != 2) return status;
    }
    rp_damaged(decoder, "tag %llu is not known to this version of resume", (unsigned long long)tag);
    return -1;
}

static int read_tagged(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    switch (tag) {
    case RP_TAG_BIG_POSITIVE:
        return complete(get_big(decoder, false), value);
    case RP_TAG_BIG_NEGATIVE:
        return complete(get_big(decoder, true), value);
    case RP_TAG_REFERENCE:
        return complete(rp_get_reference(decoder), value);
    case RP_TAG_TUPLE:
        return opened(open_tuple(decoder));
    case RP_TAG_DICT:
        return opened(open_pairs(decoder));
    case RP_TAG_SET:
    case RP_TAG_FROZENSET:
        return opened(open_set(decoder, tag == RP_TAG_FROZENSET));
    case RP_TAG_SURROGATES:
        return complete(rp_get_surrogates(decoder), value);
    case RP_TAG_BYTEARRAY:
        return complete(get_bytearray(decoder), value);
    case RP_TAG_BLOB:
        return complete(rp_get_blob_bytes(decoder), value);
    case RP_TAG_LIST:
        return get_packed_list(decoder, value);
    case RP_TAG_RANGE:
        return opened(open_range(decoder));
    case RP_TAG_SLICE:
        return opened(open_slice(decoder));
    case RP_TAG_CONSTANT:
        return complete(get_constant(decoder), value);
    case RP_TAG_COMPLEX:
        return complete(rp_get_complex(decoder), value);
    case RP_TAG_ARRAY:
        return complete(rp_get_array(decoder), value);
    case RP_TAG_VIEW:
        return opened(rp_open_view(decoder));
    case RP_TAG_SCALAR:
        return rp_open_scalar(decoder, value);
    case RP_TAG_DTYPE:
        return complete(rp_get_dtype_value(decoder), value);
    case RP_TAG_GLOBAL:
        return complete(rp_get_global(decoder), value);
    case RP_TAG_INSTANCE:
        return opened(rp_open_instance(decoder));
    case RP_TAG_FILE:
        return opened(rp_open_file(decoder));
    case RP_TAG_ITERATOR:
        return opened(rp_open_iterator(decoder));
    case RP_TAG_BUFFER:
        return complete(rp_get_buffer(decoder), value);
    case RP_TAG_OPAQUE:
        return opened(rp_open_opaque(decoder));
    default:
        return get_library_type(decoder, tag, value);
    }
}

static PyObject *get_simple(rp_decoder *decoder, const rs_cbor_item *item) {
    double number;
    if (rs_cbor_item_double(item, &number)) return PyFloat_FromDouble(number);
    switch (item->width ? 0 : item->argument) {
    case RS_CBOR_FALSE:
        return Py_NewRef(Py_False);
    case RS_CBOR_TRUE:
        return Py_NewRef(Py_True);
    case RS_CBOR_NULL:
        return Py_NewRef(Py_None);
    default:
        return rp_damaged(decoder, "a simple value is none of false, true and null");
    }
}

static PyObject *get_negative(uint64_t argument) {
    if (argument <= INT64_MAX) return PyLong_FromLongLong(-1 - (int64_t)argument);
    PyObject *magnitude = PyLong_FromUnsignedLongLong(argument);
    if (!magnitude) return NULL;
    PyObject *value = PyNumber_Invert(magnitude);
    Py_DECREF(magnitude);
    return value;
}

int rp_read_item(rp_decoder *decoder, PyObject **value) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    while (item.kind == RS_CBOR_TAG && item.argument == RP_TAG_SHARED) {
        if (rp_add_share(decoder) < 0 || rp_next(decoder, &item) < 0) return -1;
    }
    switch (item.kind) {
    case RS_CBOR_UNSIGNED:
        return complete(PyLong_FromUnsignedLongLong(item.argument), value);
    case RS_CBOR_NEGATIVE:
        return complete(get_negative(item.argument), value);
    case RS_CBOR_BYTES:
        return complete(
            PyBytes_FromStringAndSize((const char *)item.bytes, (Py_ssize_t)item.argument), value);
    case RS_CBOR_TEXT:
        return complete(rp_get_str(decoder, &item), value);
    case RS_CBOR_ARRAY:
        return opened(open_list(decoder, item.argument));
    case RS_CBOR_MAP:
        return opened(open_map(decoder, item.argument));
    case RS_CBOR_TAG:
        return read_tagged(decoder, item.argument, value);
    case RS_CBOR_SIMPLE:
        return complete(get_simple(decoder, &item), value);
    }
    return -1;
}
