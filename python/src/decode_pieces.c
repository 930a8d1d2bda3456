/* The pieces that readers of types are made of: heads, memory, damage, the check of a key. */
#include "decode.h"
#include "notice.h"
#include "region.h"

#include "format/signature.h"

#include <stdio.h>
#include <string.h>

/* ---- failures ---- */

int rp_too_much(rp_decoder *decoder, const char *what) {
    rs_fail(&decoder->error, RESUME_LIMIT,
            "the file is not proven to be yours, and %s; 'resume trust' it if you trust it", what);
    return rp_raise(decoder->state, &decoder->error);
}

static int raise_error(rp_decoder *decoder) {
    if (decoder->error.status == RESUME_TRUNCATED) decoder->error.status = RESUME_DAMAGED;
    if (decoder->error.status == RESUME_NO_MEMORY) {
        PyErr_NoMemory();
        return -1;
    }
    if (decoder->error.status == RESUME_LIMIT)
        return rp_too_much(decoder, "it has more than 10^7 items");
    rs_error_prefix(&decoder->error, "the object stream");
    return rp_raise(decoder->state, &decoder->error);
}

void *rp_damaged(rp_decoder *decoder, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    PyErr_Clear();
    rs_fail_at(&decoder->error, RESUME_DAMAGED, 0, decoder->reader.position, "%s (near byte %zu)",
               text, decoder->reader.position);
    raise_error(decoder);
    return NULL;
}

void *rp_unfit(rp_decoder *decoder, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    PyErr_Clear();
    rs_fail(&decoder->error, RESUME_MISMATCH, "%s", text);
    rp_raise(decoder->state, &decoder->error);
    return NULL;
}

int rp_claim(rp_decoder *decoder, uint64_t size) {
    const rp_source *source = &decoder->source;
    if (!source->claim || !source->claim(source->context, size, &decoder->error)) return 0;
    return rp_raise(decoder->state, &decoder->error); /* MemoryError, too: it says how much */
}

void *rp_made_otherwise(rp_decoder *decoder, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyErr_Clear();
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    rs_fail(&decoder->error, RESUME_MISMATCH, "a value can't be made by this program");
    if (text)
        rp_raise_text(decoder->state->code_changed, RESUME_MISMATCH,
                      "what was saved can't be made by the program as it is now: %U. Nothing was "
                      "changed: undo the edit, or start over with clean=True",
                      text);
    Py_XDECREF(text);
    return NULL;
}

/* What a constructor raised is about the bytes it was given, unless memory or an interrupt; where
 * these are proven to be those that were written, it is about the program's code. */
static void exception_to_damage(rp_decoder *decoder, bool is_code) {
    if (decoder->error.status || PyErr_ExceptionMatches(PyExc_MemoryError) ||
        PyErr_ExceptionMatches(PyExc_ImportError) || !PyErr_ExceptionMatches(PyExc_Exception)) {
        return;
    }
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *text = value ? PyObject_Str(value) : NULL;
    const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    if (is_code && decoder->source.is_mine && text)
        rp_made_otherwise(decoder, "%s: %U", ((PyTypeObject *)type)->tp_name, text);
    else
        rp_damaged(decoder, "a value can't be made: %.300s", utf8 ? utf8 : "?");
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

PyObject *rp_checked(rp_decoder *decoder, PyObject *value) {
    if (!value) exception_to_damage(decoder, true);
    return value;
}

int rp_checked_status(rp_decoder *decoder, int status) {
    if (status < 0) exception_to_damage(decoder, true);
    return status;
}

PyObject *rp_checked_parts(rp_decoder *decoder, PyObject *value) {
    if (!value) exception_to_damage(decoder, false);
    return value;
}

/* ---- pieces of the stream ---- */

int rp_next(rp_decoder *decoder, rs_cbor_item *item) {
    return rs_cbor_next(&decoder->reader, item, &decoder->error) ? raise_error(decoder) : 0;
}

Py_ssize_t rp_next_array(rp_decoder *decoder, size_t low, size_t high) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind != RS_CBOR_ARRAY || item.argument < low || item.argument > high) {
        rp_damaged(decoder, "an array of %zu to %zu items is expected", low, high);
        return -1;
    }
    return (Py_ssize_t)item.argument;
}

int rp_next_unsigned(rp_decoder *decoder, uint64_t *value) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind != RS_CBOR_UNSIGNED) {
        rp_damaged(decoder, "an unsigned number is expected");
        return -1;
    }
    *value = item.argument;
    return 0;
}

int rp_next_signed(rp_decoder *decoder, int64_t *value) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if ((item.kind != RS_CBOR_UNSIGNED && item.kind != RS_CBOR_NEGATIVE) ||
        item.argument > INT64_MAX) {
        rp_damaged(decoder, "a number of 64 bits is expected");
        return -1;
    }
    *value = item.kind == RS_CBOR_UNSIGNED ? (int64_t)item.argument : -1 - (int64_t)item.argument;
    return 0;
}

int rp_next_bool(rp_decoder *decoder, bool *value) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind != RS_CBOR_SIMPLE || item.width > 0 ||
        (item.argument != RS_CBOR_FALSE && item.argument != RS_CBOR_TRUE)) {
        rp_damaged(decoder, "true or false is expected");
        return -1;
    }
    *value = item.argument == RS_CBOR_TRUE;
    return 0;
}

int rp_next_tag(rp_decoder *decoder, uint64_t tag) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind != RS_CBOR_TAG || item.argument != tag) {
        rp_damaged(decoder, "tag %d is expected", (int)tag);
        return -1;
    }
    return 0;
}

int rp_blob_memory(rp_decoder *decoder, rp_memory *memory) {
    rs_cbor_item item;
    uint64_t index;
    *memory = (rp_memory){0};
    if (rp_next(decoder, &item) < 0) return -1;
    index = item.argument;
    if (item.kind == RS_CBOR_ARRAY && item.argument == 3) {
        memory->partial = true;
        if (rp_next_unsigned(decoder, &index) < 0 || rp_next_unsigned(decoder, &memory->low) < 0 ||
            rp_next_unsigned(decoder, &memory->high) < 0) {
            return -1;
        }
    } else if (item.kind == RS_CBOR_ARRAY && item.argument == 2) {
        rs_cbor_item digest;
        if (rp_next_unsigned(decoder, &index) < 0 || rp_next(decoder, &digest) < 0) return -1;
        if (digest.kind != RS_CBOR_BYTES || digest.argument != RS_DIGEST_SIZE) {
            rp_damaged(decoder, "the digest of a blob has another size");
            return -1;
        }
        memory->digest = digest.bytes;
    } else if (item.kind != RS_CBOR_UNSIGNED) {
        rp_damaged(decoder, "the number of a blob is expected");
        return -1;
    }
    uint64_t size = index > 0 && index < SIZE_MAX
                        ? decoder->source.blob_size(decoder->source.context, (size_t)index)
                        : 0;
    if (size == 0 || size > PY_SSIZE_T_MAX) {
        rp_damaged(decoder, "there is no blob %llu", (unsigned long long)index);
        return -1;
    }
    if (memory->partial && (memory->low > memory->high || memory->high - memory->low != size)) {
        rp_damaged(decoder, "blob %llu has another size than the stream says",
                   (unsigned long long)index);
        return -1;
    }
    memory->blob = (size_t)index;
    memory->size = (size_t)size;
    /* what is mapped takes no memory: it is asked for when it is read */
    return decoder->source.map_blob ? 0 : rp_claim(decoder, size);
}

int rp_next_memory(rp_decoder *decoder, rp_memory *memory) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind == RS_CBOR_TAG && item.argument == RP_TAG_BLOB)
        return rp_blob_memory(decoder, memory);
    if (item.kind != RS_CBOR_BYTES) {
        rp_damaged(decoder, "a byte string or a blob is expected");
        return -1;
    }
    *memory = (rp_memory){.bytes = item.bytes, .size = (size_t)item.argument};
    return 0;
}

int rp_read_memory(rp_decoder *decoder, const rp_memory *memory, void *to) {
    if (memory->bytes) {
        memcpy(to, memory->bytes, memory->size);
        return 0;
    }
    if (decoder->source.map_blob && rp_claim(decoder, memory->size) < 0) return -1;
    if (decoder->source.read_blob(decoder->source.context, memory->blob, to, &decoder->error))
        return raise_error(decoder);
    if (memory->digest) {
        rs_digest saved, now = rs_digest_of(to, memory->size);
        memcpy(saved.bytes, memory->digest, sizeof saved.bytes);
        if (!rs_digest_equal(&saved, &now)) {
            rp_damaged(decoder, "blob %zu is not the one that was saved", memory->blob);
            return -1;
        }
    }
    return 0;
}

bool rp_is_lazy(const rp_decoder *decoder, const rp_memory *memory) {
    return decoder->source.map_blob && !memory->bytes && !memory->digest &&
           memory->size >= RS_CHUNK_ALIGNED_SIZE_MIN; /* smaller ones are not whole pages */
}

PyObject *rp_map_memory(rp_decoder *decoder, const rp_memory *memory) {
    PyObject *region = rp_region_new(decoder->state, memory->size);
    if (region && decoder->source.map_blob(decoder->source.context, memory->blob,
                                           rp_region_bytes(region), &decoder->error)) {
        Py_DECREF(region);
        raise_error(decoder);
        return NULL;
    }
    return region;
}

/* ---- keys ---- */

/* Hashing follows tuples and slices by C recursion, without a limit of its own and through each
 * reference again: what no program can have hashed is refused. */
int rp_check_key(rp_decoder *decoder, PyObject *key) {
    enum { DEPTH_MAX = 500, VISITS_MAX = 1 << 22 };
    struct {
        PyObject *object;
        Py_ssize_t next;
    } stack[DEPTH_MAX];
    if (rp_is_flat(key)) return 0;
    if (rp_tuple_is_open(decoder, key)) {
        rp_damaged(decoder, "a key is not complete");
        return -1;
    }
    int depth = 0;
    stack[depth].object = key;
    stack[depth++].next = 0;
    for (int visits = 0; depth > 0;) {
        PyObject *top = stack[depth - 1].object;
        bool is_tuple = PyTuple_CheckExact(top);
        Py_ssize_t size = is_tuple ? PyTuple_GET_SIZE(top) : 3, next = stack[depth - 1].next++;
        if (next >= size) {
            depth--;
            continue;
        }
        PySliceObject *slice = (PySliceObject *)top;
        PyObject *child = is_tuple    ? PyTuple_GET_ITEM(top, next)
                          : next == 0 ? slice->start
                          : next == 1 ? slice->stop
                                      : slice->step;
        bool complete = !rp_tuple_is_open(decoder, child);
        if (!complete || depth == DEPTH_MAX || ++visits > VISITS_MAX) {
            rp_damaged(decoder, complete ? "a key is nested too deeply" : "a key is not complete");
            return -1;
        }
        if (++decoder->key_visits > RP_FOREIGN_KEY_VISITS_MAX && decoder->source.is_foreign)
            return rp_too_much(decoder, "its keys take too long to hash");
        if (rp_is_flat(child)) continue;
        stack[depth].object = child;
        stack[depth++].next = 0;
    }
    return 0;
}

/* ---- values that others look into ---- */

/* The next child of a list, tuple or dict; false behind the last one. */
static bool next_child(PyObject *object, Py_ssize_t *at, PyObject **child) {
    PyObject *key;
    if (PyDict_Check(object)) return PyDict_Next(object, at, &key, child);
    bool is_list = PyList_Check(object);
    if (*at >= (is_list ? PyList_GET_SIZE(object) : PyTuple_GET_SIZE(object))) return false;
    *child = is_list ? PyList_GET_ITEM(object, *at) : PyTuple_GET_ITEM(object, *at);
    ++*at;
    return true;
}

static bool is_walked(PyObject *object) {
    return PyList_Check(object) || PyTuple_Check(object) || PyDict_Check(object);
}

static bool can_hide(PyObject *object) {
    return PySlice_Check(object) || strcmp(Py_TYPE(object)->tp_name, "collections.deque") == 0;
}

int rp_check_complete(rp_decoder *decoder, PyObject *const *values, Py_ssize_t count) {
    enum { DEPTH_MAX = 32, VISITS_MAX = 1 << 22 };
    struct {
        PyObject *object;
        Py_ssize_t at;
    } stack[DEPTH_MAX];
    int visits = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        int depth = 0;
        PyObject *child = values[i];
        for (;;) {
            if (rp_tuple_is_open(decoder, child) || can_hide(child) || ++visits > VISITS_MAX ||
                (is_walked(child) && depth == DEPTH_MAX)) {
                rp_damaged(decoder, "a value that is needed is not complete, or too deep");
                return -1;
            }
            if (is_walked(child)) {
                stack[depth].object = child;
                stack[depth++].at = 0;
            }
            while (depth > 0 && !next_child(stack[depth - 1].object, &stack[depth - 1].at, &child))
                depth--;
            if (depth == 0) break;
        }
    }
    return 0;
}
