/* Decimal, Fraction, UUID, paths and array.array in the object stream. */
#include "../decode.h"
#include "known_types.h"

#include <string.h>

/* ---- encoding ---- */

int rp_put_decimal(rp_encoder *encoder, PyObject *object) {
    PyObject *text = PyObject_Str(object);
    if (!text) return -1;
    rp_put_tag(encoder, RP_TAG_DECIMAL);
    int status = rp_put_str(encoder, text);
    Py_DECREF(text);
    return status;
}

int rp_put_fraction(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"numerator", "denominator"};
    return rp_put_attributes(encoder, object, RP_TAG_FRACTION, names, 2);
}

int rp_put_uuid(rp_encoder *encoder, PyObject *object) {
    PyObject *bytes = PyObject_GetAttrString(object, "bytes");
    if (!bytes) return -1;
    rp_put_tag(encoder, RP_TAG_UUID);
    int status = rp_put_bytes(encoder, bytes);
    Py_DECREF(bytes);
    return status;
}

int rp_put_path(rp_encoder *encoder, PyObject *object) {
    PyObject *text = PyObject_Str(object);
    if (!text) return -1;
    const char *name = strrchr(Py_TYPE(object)->tp_name, '.');
    rp_put_tag(encoder, RP_TAG_PATH);
    rp_put_array_head(encoder, 2);
    rs_cbor_put_literal(&encoder->buffer, name ? name + 1 : Py_TYPE(object)->tp_name);
    int status = rp_put_str(encoder, text);
    Py_DECREF(text);
    return status;
}

int rp_put_array_array(rp_encoder *encoder, PyObject *object) {
    int status = -1;
    PyObject *view = NULL, *code = PyObject_GetAttrString(object, "typecode");
    if (!code) goto done;
    /* an export: while it lives the array can't be resized, its memory stays */
    view = PyMemoryView_FromObject(object);
    if (!view) goto done;
    Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    rp_put_tag(encoder, RP_TAG_ARRAY_ARRAY);
    rp_put_array_head(encoder, 3);
    status = rp_put_str(encoder, code);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, (uint64_t)buffer->itemsize);
    if (!status)
        status = rp_put_memory(encoder, buffer->buf, (size_t)buffer->len,
                               (uint32_t)buffer->itemsize, view);
done:
    Py_XDECREF(view);
    Py_XDECREF(code);
    return status;
}

/* ---- decoding ---- */

static PyObject *call(rp_decoder *decoder, const char *module_name, const char *name,
                      PyObject *argument) {
    PyObject *module = PyImport_ImportModule(module_name), *value = NULL;
    if (module) value = PyObject_CallMethod(module, name, "(O)", argument);
    Py_XDECREF(module);
    return rp_checked(decoder, value);
}

/* A str from text or SURROGATES. */
static PyObject *get_text(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind == RS_CBOR_TAG && item.argument == RP_TAG_SURROGATES)
        return rp_get_surrogates(decoder);
    if (item.kind != RS_CBOR_TEXT) return rp_damaged(decoder, "text is expected");
    return rp_get_str(decoder, &item);
}

static PyObject *get_decimal(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_TEXT) return rp_damaged(decoder, "text is expected");
    if (!decoder->decimal) {
        PyObject *module = PyImport_ImportModule("decimal");
        if (module) decoder->decimal = PyObject_GetAttrString(module, "Decimal");
        Py_XDECREF(module);
        if (!decoder->decimal) return NULL;
    }
    PyObject *text = rp_checked(
        decoder, PyUnicode_FromStringAndSize((const char *)item.bytes, (Py_ssize_t)item.argument));
    PyObject *value =
        text ? rp_checked(decoder, PyObject_CallOneArg(decoder->decimal, text)) : NULL;
    Py_XDECREF(text);
    return value;
}

static PyObject *finish_fraction(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    if (!PyLong_CheckExact(parts[0]) || !PyLong_CheckExact(parts[1]))
        return rp_damaged(decoder, "a part of a fraction is no int");
    PyObject *module = PyImport_ImportModule("fractions"), *value = NULL;
    if (module) value = PyObject_CallMethod(module, "Fraction", "OO", parts[0], parts[1]);
    Py_XDECREF(module);
    return rp_checked(decoder, value);
}

static PyObject *get_uuid(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_BYTES || item.argument != 16)
        return rp_damaged(decoder, "a UUID has not 16 bytes");
    PyObject *module = PyImport_ImportModule("uuid"), *value = NULL;
    if (module)
        value = PyObject_CallMethod(module, "UUID", "Oy#", Py_None, (const char *)item.bytes,
                                    (Py_ssize_t)16);
    Py_XDECREF(module);
    return rp_checked(decoder, value);
}

static PyObject *get_path(rp_decoder *decoder) {
    static const char *const names[] = {"PosixPath", "PurePosixPath", "PureWindowsPath"};
    rs_cbor_item item;
    const char *name = NULL;
    if (rp_next_array(decoder, 2, 2) < 0 || rp_next(decoder, &item) < 0) return NULL;
    for (size_t i = 0; i < 3 && item.kind == RS_CBOR_TEXT; i++)
        if (item.argument == strlen(names[i]) && !memcmp(item.bytes, names[i], strlen(names[i])))
            name = names[i];
    if (!name) return rp_damaged(decoder, "a path is of an unknown class");
    PyObject *text = get_text(decoder);
    PyObject *value = text ? call(decoder, "pathlib", name, text) : NULL;
    Py_XDECREF(text);
    return value;
}

/* An array of `count` zeros of the type; NULL with an exception. */
static PyObject *new_array_array(rp_decoder *decoder, const rs_cbor_item *code, uint64_t item_size,
                                 Py_ssize_t count) {
    PyObject *module = PyImport_ImportModule("array");
    PyObject *value = NULL, *one = NULL;
    static const char zeros[16];
    if (module)
        one = PyObject_CallMethod(module, "array", "s#y#", (const char *)code->bytes,
                                  (Py_ssize_t)code->argument, zeros, (Py_ssize_t)item_size);
    PyObject *length = one ? PyObject_GetAttrString(one, "itemsize") : NULL;
    if (length && PyLong_AsUnsignedLongLong(length) == item_size) {
        value = PySequence_Repeat(one, count);
    } else if (length && !PyErr_Occurred()) {
        rp_damaged(decoder, "the items of an array have another size on this machine");
    }
    Py_XDECREF(length);
    Py_XDECREF(one);
    Py_XDECREF(module);
    return rp_checked(decoder, value);
}

static PyObject *get_array_array(rp_decoder *decoder) {
    rs_cbor_item code;
    uint64_t item_size;
    rp_memory memory;
    Py_buffer buffer;
    if (rp_next_array(decoder, 3, 3) < 0 || rp_next(decoder, &code) < 0 ||
        rp_next_unsigned(decoder, &item_size) < 0 || rp_next_memory(decoder, &memory) < 0) {
        return NULL;
    }
    if (code.kind != RS_CBOR_TEXT || code.argument != 1 ||
        !strchr("bBuwhHiIlLqQfd", code.bytes[0]) || !code.bytes[0] || item_size == 0 ||
        item_size > 8 || memory.size % item_size || memory.partial) {
        return rp_damaged(decoder, "an array is of no known type");
    }
    PyObject *value =
        new_array_array(decoder, &code, item_size, (Py_ssize_t)(memory.size / item_size));
    if (!value || memory.size == 0) return value;
    if (PyObject_GetBuffer(value, &buffer, PyBUF_WRITABLE) < 0) {
        Py_DECREF(value);
        return NULL;
    }
    int status =
        (size_t)buffer.len == memory.size ? rp_read_memory(decoder, &memory, buffer.buf) : -1;
    PyBuffer_Release(&buffer);
    if (status < 0) {
        Py_DECREF(value);
        return PyErr_Occurred() ? NULL : rp_damaged(decoder, "an array has another size");
    }
    return value;
}

static int complete(PyObject *value, PyObject **to) {
    *to = value;
    return value ? 0 : -1;
}

int rp_get_library_value(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    switch (tag) {
    case RP_TAG_DECIMAL:
        return complete(get_decimal(decoder), value);
    case RP_TAG_FRACTION:
        if (rp_next_array(decoder, 2, 2) < 0) return -1;
        return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 2, finish_fraction) < 0 ? -1 : 1;
    case RP_TAG_UUID:
        return complete(get_uuid(decoder), value);
    case RP_TAG_PATH:
        return complete(get_path(decoder), value);
    case RP_TAG_ARRAY_ARRAY:
        return complete(get_array_array(decoder), value);
    default:
        return 2;
    }
}
