/* str, bytes and bytearray in the object stream. */
#include "../decode.h"
#include "../encode.h"
#include "../pycompat/ints.h"

#include <string.h>

/* Shorter ones cost less written again than looked up. */
enum { LONG_TEXT = 64 };

bool rp_text_is_long(PyObject *object) {
    if (PyLong_CheckExact(object)) return rp_long_digits(object) > LONG_TEXT / 4;
    Py_ssize_t size =
        PyUnicode_CheckExact(object) ? PyUnicode_GET_LENGTH(object) : PyBytes_GET_SIZE(object);
    return size >= LONG_TEXT;
}

int rp_put_str(rp_encoder *encoder, PyObject *object) {
    Py_ssize_t size;
    if (PyUnicode_IS_COMPACT_ASCII(object)) {
        rs_cbor_put_text(&encoder->buffer, PyUnicode_DATA(object),
                         (size_t)PyUnicode_GET_LENGTH(object));
        return RP_DONE;
    }
    const char *text = PyUnicode_AsUTF8AndSize(object, &size);
    if (text) {
        rs_cbor_put_text(&encoder->buffer, text, (size_t)size);
        return RP_DONE;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return -1;
    PyErr_Clear();
    PyObject *bytes = PyUnicode_AsEncodedString(object, "utf-8", "surrogatepass");
    if (!bytes) return -1;
    rp_put_tag(encoder, RP_TAG_SURROGATES);
    rs_cbor_put_bytes(&encoder->buffer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return RP_DONE;
}

int rp_put_bytes(rp_encoder *encoder, PyObject *object) {
    if (encoder->digest && PyBytes_GET_SIZE(object) < RP_BLOB_SIZE_MIN) {
        rs_cbor_put_bytes(&encoder->buffer, PyBytes_AS_STRING(object),
                          (size_t)PyBytes_GET_SIZE(object));
        return RP_DONE;
    }
    return rp_put_proven_memory(encoder, PyBytes_AS_STRING(object),
                                (size_t)PyBytes_GET_SIZE(object), 1, object);
}

int rp_put_bytearray(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_BYTEARRAY);
    Py_ssize_t size = PyByteArray_GET_SIZE(object);
    if (size < RP_BLOB_SIZE_MIN)
        return rp_put_proven_memory(encoder, PyByteArray_AS_STRING(object), (size_t)size, 1,
                                    object);
    /* an export: while it lives the bytearray can't be resized, its memory stays */
    PyObject *view = PyMemoryView_FromObject(object);
    if (!view) return -1;
    Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    int status = rp_put_proven_memory(encoder, buffer->buf, (size_t)buffer->len, 1, view);
    Py_DECREF(view);
    return status;
}

/* A number for the bytes, and whether they are all ASCII. */
static uint64_t look_at_text(const uint8_t *text, size_t size, bool *ascii) {
    uint64_t hash = size, high = 0, part;
    for (size_t i = 0; i + 8 < size; i += 8) {
        part = rs_load_u64(text + i);
        high |= part;
        hash = (hash ^ part) * UINT64_C(0x9E3779B97F4A7C15);
    }
    /* the rest, which overlaps what was before */
    if (size >= 8) {
        part = rs_load_u64(text + size - 8);
    } else if (size >= 4) {
        part = (uint64_t)rs_load_u32(text) << 32 | rs_load_u32(text + size - 4);
    } else {
        part = (uint64_t)text[0] << 16 | (uint64_t)text[size / 2] << 8 | text[size - 1];
    }
    high |= part;
    hash = (hash ^ part) * UINT64_C(0x9E3779B97F4A7C15);
    *ascii = !(high & UINT64_C(0x8080808080808080));
    return hash ^ hash >> 32;
}

static bool is_text(PyObject *string, const uint8_t *text, size_t size) {
    return (size_t)PyUnicode_GET_LENGTH(string) == size &&
           memcmp(PyUnicode_DATA(string), text, size) == 0;
}

/* Short ASCII strings that were just read are kept: the same key of many dicts is one object. */
static PyObject *get_short(rp_decoder *decoder, const uint8_t *text, size_t size) {
    bool ascii;
    uint64_t hash = look_at_text(text, size, &ascii);
    rp_kept_string *slot = &decoder->strings[hash % RP_STRING_CACHE];
    if (!ascii)
        return rp_checked(decoder,
                          PyUnicode_DecodeUTF8((const char *)text, (Py_ssize_t)size, NULL));
    if (slot->string && slot->hash == hash && is_text(slot->string, text, size))
        return Py_NewRef(slot->string);
    PyObject *string = NULL;
    if (size == 1) { /* Python has one of each */
        string = PyUnicode_FromOrdinal(text[0]);
    } else if ((string = PyUnicode_New((Py_ssize_t)size, 127))) {
        memcpy(PyUnicode_DATA(string), text, size);
    }
    if (string) {
        Py_XSETREF(slot->string, Py_NewRef(string));
        slot->hash = hash;
    }
    return string;
}

PyObject *rp_get_str(rp_decoder *decoder, const rs_cbor_item *item) {
    size_t size = (size_t)item->argument;
    if (size > 0 && size <= 32) return get_short(decoder, item->bytes, size);
    return rp_checked(decoder,
                      PyUnicode_DecodeUTF8((const char *)item->bytes, (Py_ssize_t)size, NULL));
}

PyObject *rp_get_surrogates(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_BYTES)
        return rp_damaged(decoder, "a string with surrogates is no byte string");
    return rp_checked(decoder, PyUnicode_DecodeUTF8((const char *)item.bytes,
                                                    (Py_ssize_t)item.argument, "surrogatepass"));
}

PyObject *rp_get_bytearray(rp_decoder *decoder) {
    rp_memory memory;
    if (rp_next_memory(decoder, &memory) < 0) return NULL;
    PyObject *value = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)memory.size);
    if (value && rp_read_memory(decoder, &memory, PyByteArray_AS_STRING(value)) < 0)
        Py_CLEAR(value);
    return value;
}

PyObject *rp_get_blob_bytes(rp_decoder *decoder) {
    rp_memory memory;
    if (rp_blob_memory(decoder, &memory) < 0) return NULL;
    if (memory.partial) return rp_damaged(decoder, "a part of a blob stands where bytes do");
    PyObject *value = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)memory.size);
    if (value && rp_read_memory(decoder, &memory, PyBytes_AS_STRING(value)) < 0) Py_CLEAR(value);
    return value;
}
