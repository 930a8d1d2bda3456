/* Runs of small values, which most of a stream is made of: read and put where they belong at once.
 *
 * What is met here has no mark and holds nothing but numbers, text and the like; all else, and
 * every stream whose items are counted, is left to the general way. */
#include "decode.h"
#include "pycompat/ints.h"

#include <string.h>

enum { FLAT_COUNT_MAX = 23, FLAT_LEVELS_MAX = 3, TUPLE_HEAD_SIZE = 3 };

/* The head at the reader: its argument and size; false when it is not all there, or reserved. */
static inline bool look_at_head(const rs_cbor_reader *reader, uint64_t *argument, size_t *size) {
    size_t left = reader->size - reader->position;
    const uint8_t *at = reader->bytes + reader->position;
    if (left == 0) return false;
    unsigned info = at[0] & 31;
    *size = 1;
    *argument = info;
    if (info < 24) return true;
    if (info > 27 || left <= (size_t)1 << (info - 24)) return false;
    switch (info) {
    case 24:
        *argument = at[1];
        break;
    case 25:
        *argument = (uint64_t)at[1] << 8 | at[2];
        break;
    case 26:
        *argument = __builtin_bswap32(rs_load_u32(at + 1));
        break;
    default:
        *argument = __builtin_bswap64(rs_load_u64(at + 1));
    }
    *size += (size_t)1 << (info - 24);
    return true;
}

static inline PyObject *simple(uint8_t head, uint64_t argument) {
    double number;
    switch (head & 31) {
    case RS_CBOR_FALSE:
        return Py_NewRef(Py_False);
    case RS_CBOR_TRUE:
        return Py_NewRef(Py_True);
    case RS_CBOR_NULL:
        return Py_NewRef(Py_None);
    case 27:
        memcpy(&number, &argument, sizeof number);
        return PyFloat_FromDouble(number);
    default:
        return NULL;
    }
}

/* 1: *value is the next item, a small one. 0: it is another; nothing is read. -1: exception. */
static inline int read_leaf(rp_decoder *decoder, PyObject **value) {
    rs_cbor_reader *reader = &decoder->reader;
    rs_cbor_item item = {0};
    size_t size;
    if (!look_at_head(reader, &item.argument, &size)) return 0;
    const uint8_t *at = reader->bytes + reader->position;
    switch (at[0] >> 5) {
    case RS_CBOR_UNSIGNED:
        if (item.argument > INT64_MAX) return 0;
        *value = rp_long_of((int64_t)item.argument);
        break;
    case RS_CBOR_NEGATIVE:
        if (item.argument > INT64_MAX) return 0;
        *value = rp_long_of(-1 - (int64_t)item.argument);
        break;
    case RS_CBOR_BYTES:
    case RS_CBOR_TEXT:
        if (item.argument > reader->size - reader->position - size) return 0;
        item.kind = at[0] >> 5;
        item.bytes = at + size;
        *value = item.kind == RS_CBOR_TEXT ? rp_get_str(decoder, &item)
                                           : PyBytes_FromStringAndSize((const char *)item.bytes,
                                                                       (Py_ssize_t)item.argument);
        size += (size_t)item.argument;
        break;
    case RS_CBOR_SIMPLE:
        *value = simple(at[0], item.argument);
        if (!*value && !PyErr_Occurred()) return 0;
        break;
    default:
        return 0;
    }
    if (!*value) return -1;
    reader->position += size;
    return 1;
}

/* ---- short containers of small values ---- */

static int read_small(rp_decoder *decoder, PyObject **value, int levels);

/* The key was read here: it can be hashed. */
static int set_pair(rp_decoder *decoder, PyObject *dict, PyObject *key, PyObject *value) {
    Py_ssize_t before = PyDict_GET_SIZE(dict);
    if (rp_set_pair(dict, key, value) < 0) return -1;
    if (PyDict_GET_SIZE(dict) != before) return 0;
    rp_damaged(decoder, "a dict has a key twice");
    return -1;
}

static int fill_sequence(rp_decoder *decoder, PyObject **slots, unsigned count, int levels) {
    int status = 1;
    for (unsigned i = 0; status == 1 && i < count; i++) {
        PyObject *value;
        status = read_small(decoder, &value, levels);
        if (status == 1) slots[i] = value;
    }
    return status;
}

static int fill_dict(rp_decoder *decoder, PyObject *dict, unsigned count, int levels) {
    int status = 1;
    for (unsigned i = 0; status == 1 && i < count; i++) {
        PyObject *key, *value;
        status = read_leaf(decoder, &key);
        if (status != 1) break;
        status = read_small(decoder, &value, levels);
        if (status == 1) {
            if (set_pair(decoder, dict, key, value) < 0) status = -1;
            Py_DECREF(value);
        }
        Py_DECREF(key);
    }
    return status;
}

static int fill(rp_decoder *decoder, PyObject *made, unsigned count, int levels) {
    if (PyTuple_Check(made))
        return fill_sequence(decoder, ((PyTupleObject *)made)->ob_item, count, levels);
    if (PyList_Check(made))
        return fill_sequence(decoder, ((PyListObject *)made)->ob_item, count, levels);
    return fill_dict(decoder, made, count, levels);
}

static bool is_tuple(const uint8_t *at, size_t left) {
    static const uint8_t tag[TUPLE_HEAD_SIZE] = {0xd9, RP_TAG_TUPLE >> 8, RP_TAG_TUPLE & 255};
    return left > TUPLE_HEAD_SIZE && memcmp(at, tag, TUPLE_HEAD_SIZE) == 0;
}

/* A short list, tuple or dict of small values, `levels` deep; otherwise as read_leaf. */
static int read_flat(rp_decoder *decoder, PyObject **value, int levels) {
    rs_cbor_reader *reader = &decoder->reader;
    size_t start = reader->position, left = reader->size - start;
    const uint8_t *at = reader->bytes + start;
    bool tuple = is_tuple(at, left);
    if (left == 0) return 0;
    if (tuple) at += TUPLE_HEAD_SIZE;
    unsigned kind = at[0] >> 5, count = at[0] & 31;
    if (count > FLAT_COUNT_MAX || (kind != RS_CBOR_ARRAY && (kind != RS_CBOR_MAP || tuple)))
        return 0;
    PyObject *made = tuple                   ? PyTuple_New(count)
                     : kind == RS_CBOR_ARRAY ? PyList_New(count)
                                             : PyDict_New();
    if (!made) return -1;
    reader->position += tuple ? TUPLE_HEAD_SIZE + 1 : 1;
    int status = fill(decoder, made, count, levels - 1);
    if (status == 1) {
        *value = made;
    } else {
        Py_DECREF(made);
        if (status == 0) reader->position = start;
    }
    return status;
}

static int read_small(rp_decoder *decoder, PyObject **value, int levels) {
    int status = read_leaf(decoder, value);
    return status || levels == 0 ? status : read_flat(decoder, value, levels);
}

/* A key: a small value, or a tuple of such. */
static int read_key(rp_decoder *decoder, PyObject **key) {
    const rs_cbor_reader *reader = &decoder->reader;
    int status = read_leaf(decoder, key);
    if (status || !is_tuple(reader->bytes + reader->position, reader->size - reader->position))
        return status;
    return read_flat(decoder, key, 1);
}

/* ---- the frame that is open ---- */

static int take_items(rp_decoder *decoder, rp_open *frame) {
    PyListObject *list = frame->kind == RP_OPEN_LIST ? (PyListObject *)frame->object : NULL;
    PyObject **slots = list ? list->ob_item : ((PyTupleObject *)frame->object)->ob_item;
    int status = 1;
    while (frame->index < frame->count) {
        PyObject *value;
        status = read_small(decoder, &value, FLAT_LEVELS_MAX);
        if (status != 1) break;
        slots[frame->index++] = value;
        if (list) Py_SET_SIZE(list, frame->index);
        decoder->outstanding--;
    }
    return status < 0 ? -1 : 0;
}

static int take_pairs(rp_decoder *decoder, rp_open *frame) {
    while (frame->index < frame->count) {
        PyObject *value;
        int status = read_key(decoder, &frame->key);
        if (status != 1) return status;
        decoder->outstanding--;
        frame->index++;
        status = read_small(decoder, &value, FLAT_LEVELS_MAX);
        if (status != 1) return status;
        decoder->outstanding--;
        frame->index++;
        status = frame->kind == RP_OPEN_DICT ? set_pair(decoder, frame->object, frame->key, value)
                                             : rp_set_in_dict(frame->object, frame->key, value);
        Py_CLEAR(frame->key);
        Py_DECREF(value);
        if (status < 0) return -1;
    }
    return 0;
}

static int take_values(rp_decoder *decoder, rp_open *frame) {
    while (frame->index < frame->count) {
        PyObject *value;
        int status = read_small(decoder, &value, FLAT_LEVELS_MAX);
        if (status != 1) return status;
        status = rp_push_value(decoder, value);
        Py_DECREF(value);
        if (status < 0) return -1;
        frame->index++;
        decoder->outstanding--;
    }
    return 0;
}

int rp_take_small(rp_decoder *decoder) {
    rp_open *frame = rp_top(decoder);
    if (decoder->reader.items_left != UINT64_MAX) return 0;
    /* what is made of the first parts is asked for by the general way; of the last one nothing is
     */
    if (frame->part && (frame->index != frame->count - 1 || frame->fills_dict)) return 0;
    switch (frame->kind) {
    case RP_OPEN_LIST:
        if (((PyListObject *)frame->object)->allocated < frame->count) return 0;
        return take_items(decoder, frame);
    case RP_OPEN_TUPLE:
        return take_items(decoder, frame);
    case RP_OPEN_DICT:
    case RP_OPEN_ATTRIBUTES:
        if (frame->key || frame->pairs_late != RP_READY) return 0;
        return take_pairs(decoder, frame);
    case RP_OPEN_VALUES:
        return frame->is_view ? 0 : take_values(decoder, frame);
    default:
        return 0;
    }
}
