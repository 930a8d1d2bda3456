/* Memory maps of numpy in the object stream: the file and the place in it, the content if asked.
 *
 * MEMMAP of five parts is the memory: a base for views, as an array that owns its memory is. MEMMAP
 * of one part is a numpy.memmap over it. */
#include "array_interface.h"
#include "../decode.h"
#include "../encode.h"
#include "../lookup.h"
#include "../opaque.h"
#include "array_roots.h"
#include "known_types.h"

#include <string.h>

enum { FILENAME, MODE, OFFSET, SIZE, CONTENT, PARTS };

/* An attribute that is a number from 0 on; -1 with an exception. */
static Py_ssize_t number_of(PyObject *object, const char *name) {
    PyObject *number = PyObject_GetAttrString(object, name);
    Py_ssize_t value = number ? PyNumber_AsSsize_t(number, PyExc_OverflowError) : -1;
    Py_XDECREF(number);
    return value;
}

/* How far into the mapped memory the file position `offset` is: a map begins at a page. */
static Py_ssize_t beginning(Py_ssize_t offset) {
    PyObject *module = PyImport_ImportModule("mmap");
    Py_ssize_t page = module ? number_of(module, "ALLOCATIONGRANULARITY") : -1;
    Py_XDECREF(module);
    return page > 0 ? offset % page : -1;
}

/* numpy.memmap(filename, "u1", mode, offset, (size,)): new reference or NULL. */
static PyObject *map_bytes(PyObject *numpy, PyObject *filename, const char *mode, Py_ssize_t offset,
                           Py_ssize_t size) {
    return PyObject_CallMethod(numpy, "memmap", "Ossn(n)", filename, "u1", mode, offset, size);
}

/* The file as it is now: 1 a regular file of at least that size, 0 none, -1 exception. */
static int has_file(PyObject *filename, Py_ssize_t end) {
    PyObject *os = PyImport_ImportModule("os"), *path = NULL, *is_file = NULL, *status = NULL;
    int good = -1;
    if (os) path = PyObject_GetAttrString(os, "path");
    if (path) is_file = PyObject_CallMethod(path, "isfile", "O", filename);
    if (is_file) good = PyObject_IsTrue(is_file);
    if (good > 0) {
        status = PyObject_CallMethod(os, "stat", "O", filename);
        Py_ssize_t size = status ? number_of(status, "st_size") : -1;
        good = size < 0 ? -1 : size >= end;
    }
    Py_XDECREF(os);
    Py_XDECREF(path);
    Py_XDECREF(is_file);
    Py_XDECREF(status);
    return good;
}

/* ---- encoding ---- */

/* What a map is of. */
typedef struct map {
    PyObject *filename, *mode, *flushed; /* strong */
    Py_ssize_t offset;
} map;

static void release(map *of) {
    Py_XDECREF(of->filename);
    Py_XDECREF(of->mode);
    Py_XDECREF(of->flushed);
}

bool rp_is_memmap(rp_encoder *encoder, PyObject *object) {
    const rp_known_type *known = rp_find_known_type(encoder, Py_TYPE(object));
    return known && known->put == rp_put_memmap;
}

int rp_root_of_map(rp_root *found, PyObject *memmap, PyObject *memory) {
    PyObject *filename = NULL, *mapped = PyObject_GetAttrString(memmap, "_mmap");
    int status = mapped ? mapped == memory : -1;
    if (status > 0) filename = PyObject_GetAttrString(memmap, "filename");
    if (status > 0) status = filename ? filename != Py_None : -1;
    Py_ssize_t offset = status > 0 ? number_of(memmap, "offset") : 0;
    Py_ssize_t skipped = status > 0 && offset >= 0 ? beginning(offset) : 0;
    if (offset < 0 || skipped < 0) status = -1;
    if (status > 0 && rp_root_of_buffer(found, memory) < 0) status = -1;
    if (status > 0) {
        if ((uint64_t)skipped > found->size) skipped = (Py_ssize_t)found->size;
        status = has_file(filename, offset + (Py_ssize_t)found->size - skipped);
        found->start += skipped;
        found->size -= (uint64_t)skipped;
        if (status == 0) Py_CLEAR(found->keep); /* gone: the memory is all that there is */
    }
    if (status > 0) {
        found->object = Py_NewRef(memory);
        found->memmap = Py_NewRef(memmap);
    }
    Py_XDECREF(mapped);
    Py_XDECREF(filename);
    return status;
}

/* 1: the memory of a private map is not that of its file. 0: it is. -1: exception. */
static int is_changed(const rp_root *root, const map *of) {
    PyObject *numpy = PyImport_ImportModule("numpy"), *now = NULL;
    Py_buffer buffer;
    int changed = -1;
    if (numpy) now = map_bytes(numpy, of->filename, "r", of->offset, (Py_ssize_t)root->size);
    if (now && PyObject_GetBuffer(now, &buffer, PyBUF_SIMPLE) == 0) {
        changed = memcmp(buffer.buf, root->start, (size_t)root->size) != 0;
        PyBuffer_Release(&buffer);
    }
    Py_XDECREF(now);
    Py_XDECREF(numpy);
    return changed;
}

/* Is the content saved, too? A private map is memory that no file has. What is written to a shared
 * one reaches the file before the save is durable. 1, 0 or -1. */
static int needs_content(rp_encoder *encoder, const rp_root *root, map *of) {
    if (PyUnicode_CompareWithASCIIString(of->mode, "c") == 0) return is_changed(root, of);
    if (PyUnicode_CompareWithASCIIString(of->mode, "r") == 0) return 0;
    of->flushed = PyObject_CallMethod(root->object, "flush", NULL);
    return of->flushed ? encoder->map_content : -1;
}

int rp_put_map(rp_encoder *encoder, const rp_root *root) {
    map of = {.filename = PyObject_GetAttrString(root->memmap, "filename")};
    int status = -1, content;
    of.mode = of.filename ? PyObject_GetAttrString(root->memmap, "mode") : NULL;
    of.offset = of.mode ? number_of(root->memmap, "offset") : -1;
    if (of.offset < 0) goto done;
    if (!PyUnicode_Check(of.mode)) {
        status = rp_refuse(encoder, "how its file is mapped is not known");
        goto done;
    }
    content = needs_content(encoder, root, &of);
    if (content < 0) goto done;
    rp_put_tag(encoder, RP_TAG_MEMMAP);
    rp_put_array_head(encoder, PARTS);
    status = rp_put_value(encoder, of.filename); /* a str or a path: no frame */
    if (status) goto done;
    /* opened once more, it must not be emptied */
    if (PyUnicode_CompareWithASCIIString(of.mode, "w+") == 0)
        rs_cbor_put_literal(&encoder->buffer, "r+");
    else
        status = rp_put_str(encoder, of.mode);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, (uint64_t)of.offset);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, root->size);
    if (content && !status)
        status = rp_put_memory(encoder, root->start, (size_t)root->size, 1, root->keep);
    else
        rs_cbor_put_simple(&encoder->buffer, RS_CBOR_NULL);
done:
    release(&of);
    return status;
}

/* Which file, where, and the layout: the content changes while the file is worked on. */
static int put_digest(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"filename", "offset", "dtype", "shape", "strides"};
    return rp_put_attributes(encoder, object, RP_TAG_MEMMAP, names, 5);
}

int rp_put_memmap(rp_encoder *encoder, PyObject *object) {
    PyObject *filename = encoder->digest ? PyObject_GetAttrString(object, "filename") : NULL;
    bool known = filename && filename != Py_None;
    if (encoder->digest && !filename) return -1;
    Py_XDECREF(filename);
    if (known) return put_digest(encoder, object);
    PyObject *array = PyObject_CallMethod(object, "view", "O", encoder->array_type);
    rp_put_tag(encoder, RP_TAG_MEMMAP);
    rp_put_array_head(encoder, 1);
    PyObject *parts = array ? PyTuple_Pack(1, array) : NULL;
    Py_XDECREF(array);
    return rp_push_parts(encoder, parts, "");
}

/* ---- decoding: the memory ---- */

static bool is_text(PyObject *object, const char *text) {
    return PyUnicode_CompareWithASCIIString(object, text) == 0;
}

static int check_map(rp_decoder *decoder, PyObject *const *parts) {
    bool good =
        PyUnicode_Check(parts[MODE]) && PyLong_CheckExact(parts[OFFSET]) &&
        PyLong_CheckExact(parts[SIZE]) &&
        (is_text(parts[MODE], "r") || is_text(parts[MODE], "r+") || is_text(parts[MODE], "c")) &&
        (parts[CONTENT] == Py_None || PyBytes_CheckExact(parts[CONTENT]));
    Py_ssize_t offset = good ? PyLong_AsSsize_t(parts[OFFSET]) : -1;
    Py_ssize_t size = offset >= 0 ? PyLong_AsSsize_t(parts[SIZE]) : -1;
    PyErr_Clear();
    good = good && size >= 0 && size <= PY_SSIZE_T_MAX - offset &&
           (parts[CONTENT] == Py_None || PyBytes_GET_SIZE(parts[CONTENT]) == size);
    if (!good) rp_damaged(decoder, "a memory map is of no known form");
    return good ? 0 : -1;
}

/* The file of content that was saved: made, or as long as it was, before it is mapped. */
static int prepare(PyObject *filename, Py_ssize_t end) {
    PyObject *io = PyImport_ImportModule("io"), *done = NULL, *closed = NULL;
    PyObject *file = io ? PyObject_CallMethod(io, "open", "Os", filename, "ab") : NULL;
    if (file && has_file(filename, end) == 0)
        done = PyObject_CallMethod(file, "truncate", "n", end);
    int status = file && !PyErr_Occurred() ? 0 : -1;
    if (!status) closed = PyObject_CallMethod(file, "close", NULL);
    Py_XDECREF(io);
    Py_XDECREF(file);
    Py_XDECREF(done);
    status = closed ? 0 : -1;
    Py_XDECREF(closed);
    return status;
}

/* The content is put into the map: at the commit, where others see it. 0 or -1. */
static int put_back(rp_decoder *decoder, PyObject *memory, PyObject *const *parts) {
    PyObject *from = PyObject_CallMethod(decoder->numpy, "frombuffer", "OO", parts[CONTENT],
                                         decoder->byte_dtype);
    int status = from ? 0 : -1;
    if (!status)
        status = is_text(parts[MODE], "c") ? PyObject_SetItem(memory, Py_Ellipsis, from)
                                           : rp_add_filling(decoder, memory, from);
    Py_XDECREF(from);
    return status;
}

static PyObject *map_again(rp_decoder *decoder, PyObject *const *parts) {
    const char *mode = PyUnicode_AsUTF8(parts[MODE]);
    Py_ssize_t offset = PyLong_AsSsize_t(parts[OFFSET]), size = PyLong_AsSsize_t(parts[SIZE]);
    bool writes = parts[CONTENT] != Py_None && is_text(parts[MODE], "r+");
    if (writes && prepare(parts[FILENAME], offset + size) < 0) return NULL;
    int found = has_file(parts[FILENAME], offset + size);
    if (found == 0) {
        PyObject *name = PyObject_Str(parts[FILENAME]);
        const char *text = name ? PyUnicode_AsUTF8(name) : NULL;
        rp_unfit(decoder,
                 "the file '%s', which an array is mapped from, is gone or shorter than it was; "
                 "put it back, or start over with clean=True",
                 text ? text : "?");
        Py_XDECREF(name);
    }
    return found > 0 ? map_bytes(decoder->numpy, parts[FILENAME], mode, offset, size) : NULL;
}

static PyObject *finish_map(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    if (check_map(decoder, parts) < 0) return NULL;
    PyObject *name = PyUnicode_FromString("numpy.memmap"), *value = NULL;
    int trusted = name ? rp_is_trusted(decoder, name) : -1;
    if (trusted == 0) {
        PyObject *state = Py_BuildValue("{sOsOsOsO}", "filename", parts[FILENAME], "mode",
                                        parts[MODE], "offset", parts[OFFSET], "size", parts[SIZE]);
        if (state) value = rp_opaque_of(decoder, name, state);
        Py_XDECREF(state);
    } else if (trusted > 0) {
        value = map_again(decoder, parts);
        if (value && parts[CONTENT] != Py_None && put_back(decoder, value, parts) < 0)
            Py_CLEAR(value);
    }
    Py_XDECREF(name);
    return value;
}

/* ---- decoding: a numpy.memmap ---- */

int rp_is_map(rp_decoder *decoder, PyObject *object) {
    return rp_attribute_is(decoder->numpy, "memmap", (PyObject *)Py_TYPE(object));
}

/* Like numpy makes them: right over the mapped memory, so that flush() finds it. */
static PyObject *over_map(rp_decoder *decoder, PyObject *array, PyObject *memmap) {
    static const char *const names[] = {"_mmap", "filename", "offset", "mode"};
    PyObject *memory = PyObject_GetAttrString(memmap, "_mmap"), *capsule = NULL, *value = NULL;
    const rp_array_interface *look = memory ? rp_array_look(array, &capsule) : NULL;
    PyObject *dtype = look ? PyObject_GetAttrString(array, "dtype") : NULL;
    PyObject *shape = dtype ? PyObject_GetAttrString(array, "shape") : NULL;
    PyObject *strides = shape ? PyObject_GetAttrString(array, "strides") : NULL;
    Py_buffer buffer;
    if (strides && PyObject_GetBuffer(memory, &buffer, PyBUF_SIMPLE) == 0) {
        Py_ssize_t offset = (const char *)look->data - (const char *)buffer.buf;
        PyBuffer_Release(&buffer);
        value = PyObject_CallMethod(decoder->array_type, "__new__", "OOOOnO", Py_TYPE(memmap),
                                    shape, dtype, memory, offset, strides);
    }
    int writeable = value ? rp_array_is_writeable(array, look) : -1;
    if (writeable == 0) {
        PyObject *done = PyObject_CallMethod(value, "setflags", "i", 0);
        if (!done) Py_CLEAR(value);
        Py_XDECREF(done);
    }
    for (int i = 0; value && i < 4; i++) {
        PyObject *attribute = PyObject_GetAttrString(memmap, names[i]);
        if (!attribute || PyObject_SetAttrString(value, names[i], attribute) < 0) Py_CLEAR(value);
        Py_XDECREF(attribute);
    }
    Py_XDECREF(memory);
    Py_XDECREF(capsule);
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    Py_XDECREF(strides);
    return value;
}

/* The numpy.memmap that an array of the stream is a view of: new reference, None, or NULL. */
static PyObject *find_memmap(PyObject *type, PyObject *array) {
    PyObject *base = Py_NewRef(array);
    while (base && base != Py_None && !Py_IS_TYPE(base, (PyTypeObject *)type)) {
        PyObject *next = PyObject_GetAttrString(base, "base");
        if (!next && PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
            next = Py_NewRef(Py_None);
        }
        Py_SETREF(base, next);
    }
    return base;
}

static PyObject *finish_memmap(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    if (rp_opaque_check(decoder->state, parts[0])) return Py_NewRef(parts[0]);
    if (!Py_IS_TYPE(parts[0], (PyTypeObject *)decoder->array_type))
        return rp_damaged(decoder, "a memory map is no array");
    PyObject *type = PyObject_GetAttrString(decoder->numpy, "memmap"), *value = NULL;
    PyObject *memmap = type ? find_memmap(type, parts[0]) : NULL;
    if (memmap && memmap != Py_None)
        value = over_map(decoder, parts[0], memmap);
    else if (memmap) /* a copy of one, in memory */
        value = PyObject_CallMethod(parts[0], "view", "O", type);
    Py_XDECREF(memmap);
    Py_XDECREF(type);
    return rp_checked(decoder, value);
}

int rp_get_memmap(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    (void)value;
    if (tag != RP_TAG_MEMMAP) return 2;
    if (rp_need_numpy(decoder) < 0) return -1;
    Py_ssize_t count = rp_next_array(decoder, 1, PARTS);
    if (count < 0) return -1;
    if (count != 1 && (count != PARTS || !rp_is_view_base(decoder) || decoder->pending < 0)) {
        rp_damaged(decoder, "a memory map is of no known form");
        return -1;
    }
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count,
                         count == 1 ? finish_memmap : finish_map) < 0
               ? -1
               : 1;
}
