/* list, tuple, dict and slice in the object stream. */
#include "../decode.h"
#include "../encode.h"
#include "../pycompat/ints.h"
#include "../pycompat/tuple_hash.h"
#include "../region.h"

#include <stddef.h>

enum { PACKED_COUNT_MIN = 16, AHEAD = 32 };
/* From here on memory comes in huge pages: the first touch of small ones takes longer than the
 * rest. */
enum { REGION_SIZE_MIN = 2 << 20 };

static int changed(rp_encoder *encoder) {
    return rp_refuse(encoder, "another thread changed it while it was being saved; hold its lock "
                              "during save() and sync()");
}

/* ---- lists of numbers ---- */

/* NaNs that others may refer to are left to the general form, which keeps their identity. */
static bool pack_floats(rp_encoder *encoder, PyObject *list, Py_ssize_t count, double *to) {
    PyObject **items = ((PyListObject *)list)->ob_item;
    bool by_identity = !encoder->digest;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = items[i];
        /* the time is that of fetching the objects */
        if (i + AHEAD < count) __builtin_prefetch(items[i + AHEAD]);
        if (!PyFloat_CheckExact(item)) return false;
        double value = PyFloat_AS_DOUBLE(item);
        if (value != value && by_identity && Py_REFCNT(item) > 1) return false;
        to[i] = value;
    }
    return true;
}

static bool pack_ints(PyObject *list, Py_ssize_t count, int64_t *to) {
    PyObject **items = ((PyListObject *)list)->ob_item;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = items[i];
        if (i + AHEAD < count) __builtin_prefetch(items[i + AHEAD]);
        if (!PyLong_CheckExact(item)) return false;
        if (rp_long_is_compact(item, &to[i])) continue;
        int overflow;
        to[i] = PyLong_AsLongLongAndOverflow(item, &overflow);
        if (overflow) return false;
    }
    return true;
}

static bool pack(rp_encoder *encoder, PyObject *list, Py_ssize_t count, void *to) {
    bool is_float = PyFloat_CheckExact(PyList_GET_ITEM(list, 0));
    return is_float ? pack_floats(encoder, list, count, to) : pack_ints(list, count, to);
}

static void put_packed_tags(rp_encoder *encoder, PyObject *list) {
    bool is_float = PyFloat_CheckExact(PyList_GET_ITEM(list, 0));
    rp_put_tag(encoder, RP_TAG_LIST);
    rp_put_tag(encoder, is_float ? RP_TAG_FLOAT64_ARRAY : RP_TAG_INT64_ARRAY);
}

/* Memory for packed numbers, for a while; NULL with an exception. */
static PyObject *new_memory(rp_module_state *state, size_t size, void **bytes) {
    bool is_large = size >= REGION_SIZE_MIN;
    PyObject *memory =
        is_large ? rp_region_new(state, size) : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
    if (memory) *bytes = is_large ? rp_region_bytes(memory) : PyBytes_AS_STRING(memory);
    return memory;
}

/* 1: packed. 0: not a list of numbers of one type; nothing was written. -1: exception. */
static int put_packed(rp_encoder *encoder, PyObject *list, Py_ssize_t count) {
    PyObject *first = PyList_GET_ITEM(list, 0);
    if (!PyFloat_CheckExact(first) && !PyLong_CheckExact(first)) return 0;
    /* a list that begins with another type later on costs no more than a look at its ends */
    if (Py_TYPE(PyList_GET_ITEM(list, count - 1)) != Py_TYPE(first)) return 0;
    /* the content stands in an object of its own, which the encoder keeps when it is large */
    void *bytes;
    PyObject *memory = new_memory(encoder->state, (size_t)count * 8, &bytes);
    if (!memory) return -1;
    int status = 0;
    if (pack(encoder, list, count, bytes)) {
        put_packed_tags(encoder, list);
        status = rp_put_memory(encoder, bytes, (size_t)count * 8, 8, memory) < 0 ? -1 : 1;
    }
    Py_DECREF(memory);
    return status;
}

/* ---- list and tuple ---- */

static int advance_list(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    PyObject *list = frame->object;
    while (frame->index < frame->count) {
        if (frame->index >= PyList_GET_SIZE(list)) return changed(encoder);
        PyObject *item = PyList_GET_ITEM(list, frame->index++);
        if (rp_put_leaf(encoder, item)) continue;
        Py_INCREF(item);
        int status = rp_put_held(encoder, item);
        Py_DECREF(item);
        if (status || encoder->depth != depth) return status;
    }
    if (PyList_GET_SIZE(list) != frame->count) return changed(encoder);
    rp_pop(encoder);
    return RP_DONE;
}

static int advance_tuple(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        PyObject *item = PyTuple_GET_ITEM(frame->object, frame->index++);
        if (rp_put_leaf(encoder, item)) continue;
        int status = rp_put_value(encoder, item);
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

int rp_push_items(rp_encoder *encoder, PyObject *sequence) {
    bool is_list = PyList_Check(sequence);
    Py_ssize_t count = is_list ? PyList_GET_SIZE(sequence) : PyTuple_GET_SIZE(sequence);
    rp_put_array_head(encoder, (size_t)count);
    if (count == 0) return RP_DONE;
    return rp_push(encoder, is_list ? advance_list : advance_tuple, sequence, count) ? RP_DONE : -1;
}

int rp_put_list(rp_encoder *encoder, PyObject *object) {
    Py_ssize_t count = PyList_GET_SIZE(object);
    if (count >= PACKED_COUNT_MIN) {
        int status = put_packed(encoder, object, count);
        if (status) return status < 0 ? -1 : RP_DONE;
    }
    return rp_push_items(encoder, object);
}

int rp_put_tuple(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_TUPLE);
    return rp_push_items(encoder, object);
}

int rp_put_slice(rp_encoder *encoder, PyObject *object) {
    PySliceObject *slice = (PySliceObject *)object;
    rp_put_tag(encoder, RP_TAG_SLICE);
    rp_put_array_head(encoder, 3);
    return rp_push_parts(encoder, PyTuple_Pack(3, slice->start, slice->stop, slice->step),
                         ".start, .stop or .step");
}

/* ---- dict ---- */

/* `index` counts keys and values: odd while the value is to come. */
static int advance_pairs(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    PyObject *dict = frame->object;
    while (frame->index < frame->count) {
        bool is_key = frame->index++ % 2 == 0;
        if (is_key) {
            PyObject *key, *value;
            if (!PyDict_Next(dict, &frame->position, &key, &value)) return changed(encoder);
            Py_XSETREF(frame->key, Py_NewRef(key));
            Py_XSETREF(frame->value, Py_NewRef(value));
        }
        int status = rp_put_held(encoder, is_key ? frame->key : frame->value);
        if (status || encoder->depth != depth) return status;
    }
    if (PyDict_GET_SIZE(dict) * 2 != frame->count) return changed(encoder);
    rp_pop(encoder);
    return RP_DONE;
}

/* The usual dict, whose keys are short strings and ints: key and value in one go. */
static int advance_map(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    PyObject *dict = frame->object, *key, *value;
    while (frame->index < frame->count) {
        if (!PyDict_Next(dict, &frame->position, &key, &value)) return changed(encoder);
        frame->index += 2;
        bool key_done = rp_put_leaf(encoder, key);
        if (key_done && rp_put_leaf(encoder, value)) continue;
        Py_XSETREF(frame->key, Py_NewRef(key));
        Py_XSETREF(frame->value, Py_NewRef(value));
        /* a plain key never pushes a frame */
        int status = key_done ? RP_DONE : rp_put_held(encoder, frame->key);
        if (!status) status = rp_put_held(encoder, frame->value);
        if (status || encoder->depth != depth) return status;
    }
    if (PyDict_GET_SIZE(dict) * 2 != frame->count) return changed(encoder);
    rp_pop(encoder);
    return RP_DONE;
}

/* 1, 0, or -1 with an exception. */
static int has_plain_keys(PyObject *dict) {
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &position, &key, &value)) {
        if (PyUnicode_CheckExact(key)) {
            if (PyUnicode_IS_ASCII(key)) continue;
            if (PyUnicode_AsUTF8(key)) continue;
            if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return -1;
            PyErr_Clear(); /* lone surrogates: no text of CBOR */
            return 0;
        }
        if (!PyLong_CheckExact(key)) return 0;
    }
    return 1;
}

int rp_push_pairs(rp_encoder *encoder, PyObject *dict) {
    Py_ssize_t count = PyDict_GET_SIZE(dict);
    rp_put_array_head(encoder, (size_t)count * 2);
    if (count == 0) return RP_DONE;
    return rp_push(encoder, advance_pairs, dict, count * 2) ? RP_DONE : -1;
}

int rp_put_dict(rp_encoder *encoder, PyObject *object) {
    bool is_shared = encoder->last_share >= 0 && !encoder->digest;
    int status = is_shared ? rp_put_namespace(encoder, object) : RP_NOT_THIS;
    if (status != RP_NOT_THIS) return status;
    int plain = has_plain_keys(object);
    if (plain < 0) return -1;
    if (!plain) {
        rp_put_tag(encoder, RP_TAG_DICT);
        return rp_push_pairs(encoder, object);
    }
    Py_ssize_t count = PyDict_GET_SIZE(object);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_MAP, (size_t)count);
    if (count == 0) return RP_DONE;
    return rp_push(encoder, advance_map, object, count * 2) ? RP_DONE : -1;
}

int rp_put_attribute_dict(rp_encoder *encoder, PyObject *dict) {
    size_t depth = encoder->depth;
    int status = rp_put_dict(encoder, dict);
    if (encoder->depth > depth) encoder->frames[depth].is_attributes = true;
    return status;
}

/* ---- decoding ---- */

static PyObject *unpack_floats(const uint8_t *from, Py_ssize_t count) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        double value;
        memcpy(&value, from + 8 * i, 8);
        PyObject *item = PyFloat_FromDouble(value);
        if (!item) Py_CLEAR(list);
        if (list) PyList_SET_ITEM(list, i, item);
    }
    return list;
}

static PyObject *unpack_ints(const uint8_t *from, Py_ssize_t count) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        int64_t value;
        memcpy(&value, from + 8 * i, 8);
        PyObject *item = rp_long_of(value);
        if (!item) Py_CLEAR(list);
        if (list) PyList_SET_ITEM(list, i, item);
    }
    return list;
}

PyObject *rp_get_packed_list(rp_decoder *decoder) {
    rs_cbor_item tag;
    rp_memory memory;
    if (rp_next(decoder, &tag) < 0) return NULL;
    bool is_float = tag.argument == RP_TAG_FLOAT64_ARRAY;
    if (tag.kind != RS_CBOR_TAG || (!is_float && tag.argument != RP_TAG_INT64_ARRAY))
        return rp_damaged(decoder, "a packed list has an unknown type of numbers");
    if (rp_next_memory(decoder, &memory) < 0) return NULL;
    if (memory.size % 8 || memory.partial)
        return rp_damaged(decoder, "a packed list ends inside a number");
    void *bytes = NULL;
    PyObject *read = memory.bytes ? NULL : new_memory(decoder->state, memory.size, &bytes);
    PyObject *list = NULL;
    const uint8_t *from = read ? bytes : memory.bytes;
    if (!from || (read && rp_read_memory(decoder, &memory, bytes) < 0)) goto done;
    Py_ssize_t count = (Py_ssize_t)(memory.size / 8);
    list = is_float ? unpack_floats(from, count) : unpack_ints(from, count);
done:
    Py_XDECREF(read);
    return list;
}

void rp_tuple_open(PyObject *tuple) {
    PyObject_GC_UnTrack(tuple); /* its slots are empty */
    Py_SET_SIZE(tuple, 0);
}

void rp_tuple_close(PyObject *tuple, Py_ssize_t count) {
    Py_SET_SIZE(tuple, count);
    rp_tuple_forget_hash(tuple);
    PyObject_GC_Track(tuple);
}

bool rp_tuple_is_open(const rp_decoder *decoder, PyObject *tuple) {
    return PyTuple_CheckExact(tuple) && PyTuple_GET_SIZE(tuple) == 0 && tuple != decoder->empty;
}

int rp_open_tuple(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind != RS_CBOR_ARRAY) {
        rp_damaged(decoder, "a tuple is no array");
        return -1;
    }
    if (rp_check_room(decoder, item.argument) < 0) return -1;
    PyObject *tuple = PyTuple_New((Py_ssize_t)item.argument);
    if (!tuple) return -1;
    if (item.argument > 0) rp_tuple_open(tuple);
    return rp_open_frame(decoder, RP_OPEN_TUPLE, tuple, item.argument, NULL);
}

/* A slice exists before its parts, which may lead back to it. */
static PyObject *finish_slice(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    PySliceObject *slice = (PySliceObject *)rp_top(decoder)->object;
    Py_SETREF(slice->start, Py_NewRef(parts[0]));
    Py_SETREF(slice->stop, Py_NewRef(parts[1]));
    Py_SETREF(slice->step, Py_NewRef(parts[2]));
    return Py_NewRef((PyObject *)slice);
}

int rp_open_slice(rp_decoder *decoder) {
    if (rp_next_array(decoder, 3, 3) < 0) return -1;
    PyObject *slice = PySlice_New(NULL, NULL, NULL);
    if (!slice) return -1;
    return rp_open_frame(decoder, RP_OPEN_VALUES, slice, 3, finish_slice);
}
