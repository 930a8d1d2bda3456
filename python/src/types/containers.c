/* list, tuple, dict and slice in the object stream. */
#include "../decode.h"
#include "../encode.h"
#include "../pycompat/tuple_hash.h"

enum { PACKED_COUNT_MIN = 16 };

static int changed(rp_encoder *encoder) {
    return rp_refuse(encoder, "another thread changed it while it was being saved; hold its lock "
                              "during save() and sync()");
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
        int status = rp_put_packed(encoder, object);
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
static int has_plain_keys(const rp_encoder *encoder, PyObject *dict) {
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &position, &key, &value)) {
        if (PyUnicode_CheckExact(key)) {
            if (encoder->generators && rp_may_be_constant(key)) return 0;
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
    int plain = has_plain_keys(encoder, object);
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
