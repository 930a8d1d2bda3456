/* Python objects to the object stream: the work stack, marks and references, undoing a failure. */
#include "encode.h"
#include "pycompat/ints.h"

#include "decode.h"

#include "opaque.h"
#include "registered.h"
#include "types/iterators.h"
#include "types/whole_state.h"

#include "continuation/record.h"

#include "base/alloc.h"
#include "format/hash.h"
#include "format/signature.h"

#include <stdio.h>
#include <string.h>

rp_encoder *rp_encoder_new(rp_module_state *state) {
    rp_encoder *encoder = rs_allocate_zeroed(1, sizeof *encoder);
    if (!encoder) {
        PyErr_NoMemory();
        return NULL;
    }
    encoder->state = state;
    encoder->last_share = -1;
    encoder->making = -1;
    encoder->lowest_mark = SIZE_MAX;
    encoder->keep = PyList_New(0);
    encoder->notes = PyList_New(0);
    encoder->blob_capacity = 8;
    encoder->blobs = rs_allocate_zeroed(encoder->blob_capacity, sizeof *encoder->blobs);
    encoder->blob_count = 1;
    if (!encoder->keep || !encoder->notes || !encoder->blobs) {
        if (!PyErr_Occurred()) PyErr_NoMemory();
        rp_encoder_free(encoder);
        return NULL;
    }
    return encoder;
}

void rp_encoder_free(rp_encoder *encoder) {
    if (!encoder) return;
    while (encoder->depth > 0)
        rp_pop(encoder);
    rs_free(encoder->frames);
    rp_memo_release(&encoder->memo);
    rp_memo_release(&encoder->owner_memo);
    rp_memo_release(&encoder->sum_memo);
    rs_free(encoder->sums);
    rs_free(encoder->owners);
    rs_free(encoder->owner_homes);
    rs_free(encoder->patches);
    rs_free(encoder->blobs);
    for (size_t i = 0; i < encoder->type_count; i++)
        Py_DECREF(encoder->types[i].type);
    rs_free(encoder->types);
    rp_scalar_kinds_release(&encoder->scalars);
    rp_plans_release(encoder);
    Py_XDECREF(encoder->wholes);
    Py_XDECREF(encoder->keep);
    Py_XDECREF(encoder->notes);
    rp_memo_release(&encoder->own);
    Py_XDECREF(encoder->own_names);
    Py_XDECREF(encoder->sentinels);
    Py_XDECREF(encoder->problem_frame);
    rs_buffer_release(&encoder->buffer);
    rs_free(encoder);
}

void rp_encoder_keep_maps(rp_encoder *encoder) {
    encoder->map_content = true;
}

void rp_encoder_keep_packed(rp_encoder *encoder, rp_packed_lists *lists) {
    encoder->packed = lists;
}

rs_buffer *rp_encoder_buffer(rp_encoder *encoder) {
    return &encoder->buffer;
}

const char *rp_encoder_problem(const rp_encoder *encoder) {
    return encoder->problem;
}

PyObject *rp_encoder_notes(rp_encoder *encoder) {
    return encoder->notes;
}

size_t rp_encoder_appended(const rp_encoder *encoder) {
    return encoder->appended;
}

const rs_blob *rp_encoder_blobs(rp_encoder *encoder, size_t *count) {
    rp_arrays_patch(encoder);
    encoder->blobs[0] =
        (rs_blob){.bytes = encoder->buffer.bytes, .size = encoder->buffer.size, .element_size = 1};
    *count = encoder->blob_count;
    return encoder->blobs;
}

int rp_refuse(rp_encoder *encoder, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(encoder->reason, sizeof encoder->reason, format, arguments);
    va_end(arguments);
    return RP_REFUSED;
}

int rp_refuse_exception(rp_encoder *encoder, const char *advice) {
    if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *text = value ? PyObject_Str(value) : NULL;
    const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    PyErr_Clear();
    rp_refuse(encoder, "%.300s%s", utf8 && *utf8 ? utf8 : "it raised an exception", advice);
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return RP_REFUSED;
}

int rp_encoder_note(rp_encoder *encoder, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *note = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (!note) return -1;
    int known = PySequence_Contains(encoder->notes, note);
    int status = known == 0 ? PyList_Append(encoder->notes, note) : known < 0 ? -1 : 0;
    Py_DECREF(note);
    return status;
}

/* ---- pieces of the stream ---- */

void rp_put_tag(rp_encoder *encoder, uint64_t tag) {
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_TAG, tag);
}

void rp_put_array_head(rp_encoder *encoder, size_t count) {
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_ARRAY, count);
}

size_t rp_put_mark(rp_encoder *encoder) {
    rp_put_tag(encoder, RP_TAG_SHARED);
    return encoder->share_count++;
}

void rp_put_reference(rp_encoder *encoder, size_t share) {
    rp_put_tag(encoder, RP_TAG_REFERENCE);
    if (share < encoder->lowest_mark) encoder->lowest_mark = share;
    rs_cbor_put_int(&encoder->buffer, (int64_t)share - (int64_t)encoder->base);
}

size_t rp_encoder_add_blob(rp_encoder *encoder, const void *bytes, uint64_t size,
                           uint32_t element_size, PyObject *keep) {
    if (encoder->blob_count == encoder->blob_capacity) {
        size_t capacity = encoder->blob_capacity * 2;
        rs_blob *blobs = rs_reallocate_array(encoder->blobs, capacity, sizeof *blobs);
        if (!blobs) {
            PyErr_NoMemory();
            return 0;
        }
        encoder->blobs = blobs;
        encoder->blob_capacity = capacity;
    }
    if (PyList_Append(encoder->keep, keep) < 0) return 0;
    encoder->blobs[encoder->blob_count] = (rs_blob){bytes, size, element_size};
    return encoder->blob_count++;
}

int rp_put_memory(rp_encoder *encoder, const void *bytes, size_t size, uint32_t element_size,
                  PyObject *keep) {
    if (encoder->digest) {
        rs_hash128 hash = rs_hash128_of(bytes, size, size);
        rs_cbor_put_bytes(&encoder->buffer, &hash, sizeof hash);
        return RP_DONE;
    }
    if (size < RP_BLOB_SIZE_MIN) {
        rs_cbor_put_bytes(&encoder->buffer, bytes, size);
        return RP_DONE;
    }
    size_t blob = rp_encoder_add_blob(encoder, bytes, size, element_size, keep);
    if (!blob) return -1;
    rp_put_tag(encoder, RP_TAG_BLOB);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, blob);
    return RP_DONE;
}

int rp_put_proven_memory(rp_encoder *encoder, const void *bytes, size_t size, uint32_t element_size,
                         PyObject *keep) {
    if (encoder->digest || size < RP_BLOB_SIZE_MIN)
        return rp_put_memory(encoder, bytes, size, element_size, keep);
    size_t blob = rp_encoder_add_blob(encoder, bytes, size, element_size, keep);
    if (!blob) return -1;
    rs_digest digest = rs_digest_of(bytes, size);
    rp_put_tag(encoder, RP_TAG_BLOB);
    rp_put_array_head(encoder, 2);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, blob);
    rs_cbor_put_bytes(&encoder->buffer, digest.bytes, sizeof digest.bytes);
    return RP_DONE;
}

/* ---- the work stack ---- */

rp_encode_frame *rp_push(rp_encoder *encoder, rp_advance advance, PyObject *object,
                         Py_ssize_t count) {
    if (encoder->depth == encoder->frame_capacity) {
        size_t capacity = encoder->frame_capacity ? encoder->frame_capacity * 2 : 32;
        rp_encode_frame *frames = rs_reallocate_array(encoder->frames, capacity, sizeof *frames);
        if (!frames) {
            PyErr_NoMemory();
            return NULL;
        }
        encoder->frames = frames;
        encoder->frame_capacity = capacity;
    }
    rp_encode_frame *frame = &encoder->frames[encoder->depth++];
    *frame = (rp_encode_frame){.advance = advance, .object = Py_NewRef(object), .count = count};
    return frame;
}

void rp_pop(rp_encoder *encoder) {
    rp_encode_frame *frame = &encoder->frames[--encoder->depth];
    PyObject *object = frame->object, *key = frame->key, *value = frame->value;
    rs_free(frame->digest);
    Py_XDECREF(key);
    Py_XDECREF(value);
    Py_DECREF(object);
}

static int advance_parts(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        int status = rp_put_held(encoder, PyTuple_GET_ITEM(frame->object, frame->index++));
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

int rp_push_parts(rp_encoder *encoder, PyObject *parts, const char *label) {
    if (!parts) return -1;
    rp_encode_frame *frame = rp_push(encoder, advance_parts, parts, PyTuple_GET_SIZE(parts));
    Py_DECREF(parts);
    if (!frame) return -1;
    frame->label = label;
    return RP_DONE;
}

int rp_put_attributes(rp_encoder *encoder, PyObject *object, uint64_t tag, const char *const *names,
                      size_t count) {
    PyObject *parts = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; parts && i < count; i++) {
        PyObject *part = PyObject_GetAttrString(object, names[i]);
        if (!part) Py_CLEAR(parts);
        if (parts) PyTuple_SET_ITEM(parts, i, part);
    }
    rp_put_tag(encoder, tag);
    rp_put_array_head(encoder, count);
    return rp_push_parts(encoder, parts, ", one of its attributes");
}

static int run(rp_encoder *encoder, size_t base) {
    while (encoder->depth > base) {
        rp_encode_frame *frame = &encoder->frames[encoder->depth - 1];
        int status = frame->advance(encoder, frame);
        if (status) return status;
        if (encoder->buffer.failed) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return RP_DONE;
}

/* ---- values ---- */

/* Of one in a call that goes on at its statement. */
static int refuse_checkpoint(rp_encoder *encoder, PyObject *object) {
    (void)object;
    return rp_refuse(encoder, "a Checkpoint has no place in a call that is saved whole; leave it "
                              "out: resume.save() and resume.sync() keep all of its variables");
}

static int refuse_type(rp_encoder *encoder) {
    return rp_refuse(encoder, "it can't be compared with what is saved");
}

/* Objects outside of the closed set. What instances are made of says nothing about their equality:
 * there is no digest of them. */
static rp_put_function function_of_instance(rp_encoder *encoder, PyObject *object, bool *identity) {
    *identity = true;
    if (PyFunction_Check(object)) return rp_put_function_value;
    if (PyCell_Check(object)) return rp_put_cell;
    if (PyMethod_Check(object)) return rp_put_method;
    if (PyType_Check(object)) {
        /* classes of a metaclass that has a reducer of its own, as pickle asks for it */
        int has = encoder->digest || Py_IS_TYPE(object, &PyType_Type)
                      ? 0
                      : rp_has_reducer(encoder, Py_TYPE(object));
        return has < 0 ? NULL : has ? rp_put_instance : rp_put_class;
    }
    if (encoder->digest) return NULL;
    if (PyModule_Check(object)) return rp_put_module;
    if (PyGen_CheckExact(object) && encoder->generators) return rp_put_runner;
    if (encoder->generators && PyObject_TypeCheck(object, encoder->state->checkpoint_type))
        return refuse_checkpoint;
    if (Py_IS_TYPE(object, encoder->state->record_type)) return rp_put_frames;
    if (Py_IS_TYPE(object, &PySuper_Type)) return rp_put_super;
    if (PyTraceBack_Check(object)) return rp_put_traceback;
    if (rp_is_descriptor(object)) return rp_put_descriptor;
    if (rp_kind_of(object) >= 0) return rp_put_iterator;
    if (rp_is_file(object)) return rp_put_file;
    if (rp_opaque_check(encoder->state, object)) return rp_put_opaque;
    if (PyPickleBuffer_Check(object)) return rp_put_buffer;
    return rp_put_instance;
}

/* Perhaps one of those that libraries tell by identity. */
static bool is_constant(const rp_encoder *encoder, PyObject *object) {
    return encoder->generators && rp_may_be_constant(object);
}

/* Types whose identity is kept, and how they are written; NULL for the unknown. */
static rp_put_function function_of(rp_encoder *encoder, PyObject *object, bool *identity) {
    PyTypeObject *type = Py_TYPE(object);
    *identity = true;
    if (type == &PyList_Type) return rp_put_list;
    if (type == &PyTuple_Type) {
        *identity = PyTuple_GET_SIZE(object) > 0;
        return is_constant(encoder, object) ? rp_put_constant : rp_put_tuple;
    }
    if (type == &PyDict_Type) return rp_put_dict;
    if (type == &PySet_Type) return rp_put_set;
    if (type == &PyFrozenSet_Type) return rp_put_set;
    if (type == &PyByteArray_Type) return rp_put_bytearray;
    if (type == &PySlice_Type) return rp_put_slice;
    if (type == &PyUnicode_Type || type == &PyBytes_Type || type == &PyLong_Type) {
        *identity = !encoder->digest && rp_text_is_long(object);
        if (is_constant(encoder, object)) return *identity = true, rp_put_constant;
        if (type == &PyUnicode_Type) return rp_put_str;
        return type == &PyBytes_Type ? rp_put_bytes : rp_put_long;
    }
    if (type == &PyFloat_Type) { /* containers find a NaN by its identity */
        *identity = !encoder->digest;
        return rp_put_constant;
    }
    *identity = false;
    if (type == &PyComplex_Type) return rp_put_complex;
    if (type == &PyRange_Type) return rp_put_range;
    if (PyErr_Occurred()) return NULL;
    if (!encoder->digest && rp_registered_has(encoder->state, type) > 0) {
        *identity = true;
        return rp_put_instance;
    }
    const rp_known_type *known = rp_find_known_type(encoder, type);
    if (!known && PyErr_Occurred()) return NULL;
    if (!known) return function_of_instance(encoder, object, identity);
    *identity = known->identity;
    return known->put;
}

/* What makes an object can't refer to a tuple around it, which is only made after it. */
static bool is_open_around(const rp_encoder *encoder, PyObject *object) {
    if (!PyTuple_CheckExact(object) && !PyFrozenSet_CheckExact(object)) return false;
    for (Py_ssize_t i = 0; i < encoder->making; i++)
        if (encoder->frames[i].object == object) return true;
    return false;
}

static int put_known(rp_encoder *encoder, PyObject *object, size_t number) {
    if (number & RP_PENDING) return rp_put_early(encoder, object, number);
    if (encoder->making >= 0 && is_open_around(encoder, object))
        return rp_refuse(encoder, "it is part of what makes an object that is part of it");
    if (encoder->array_type == Py_TYPE(object)) rp_array_is_whole(encoder, object);
    rp_put_reference(encoder, number);
    return RP_DONE;
}

/* A weak reference may lead to it, and does not count. */
static bool is_weakly_known(const rp_encoder *encoder, PyObject *object) {
    Py_ssize_t offset = Py_TYPE(object)->tp_weaklistoffset;
    return encoder->generators && offset && *(PyObject **)((char *)object + offset);
}

static int put_object(rp_encoder *encoder, PyObject *object, bool forced) {
    bool identity;
    Py_ssize_t references = Py_REFCNT(object) - encoder->held;
    encoder->held = 0;
    rp_put_function put = function_of(encoder, object, &identity);
    if (!put) return PyErr_Occurred() ? -1 : refuse_type(encoder);
    encoder->last_share = -1;
    /* a digest knows no reference counts */
    bool may_be_met_again =
        identity && (encoder->digest || references > 1 || is_weakly_known(encoder, object));
    /* what makes an object may be written twice, and must then meet what was in it */
    if (may_be_met_again || forced || (identity && encoder->making >= 0)) {
        size_t number;
        if (rp_memo_find(&encoder->memo, object, &number))
            return put_known(encoder, object, number);
        if (!rp_memo_add(&encoder->memo, object, encoder->share_count)) {
            PyErr_NoMemory();
            return -1;
        }
        encoder->last_share = (Py_ssize_t)rp_put_mark(encoder);
    }
    Py_INCREF(object); /* attributes may run code of a library, and other threads with it */
    int status = put(encoder, object);
    Py_DECREF(object);
    return status;
}

static int put_float(rp_encoder *encoder, PyObject *object) {
    double value = PyFloat_AS_DOUBLE(object);
    if (value != value) return put_object(encoder, object, false);
    rs_cbor_put_double(&encoder->buffer, value);
    return RP_DONE;
}

static int put_constant(rp_encoder *encoder, enum rp_constant constant) {
    rp_put_tag(encoder, RP_TAG_CONSTANT);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, constant);
    return RP_DONE;
}

static void put_singleton(rp_encoder *encoder, PyObject *object) {
    rs_cbor_put_simple(&encoder->buffer, object == Py_None   ? RS_CBOR_NULL
                                         : object == Py_True ? RS_CBOR_TRUE
                                                             : RS_CBOR_FALSE);
}

bool rp_put_leaf(rp_encoder *encoder, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyFloat_Type) {
        double value = PyFloat_AS_DOUBLE(object);
        if (value != value) return false;
        rs_cbor_put_double(&encoder->buffer, value);
        return true;
    }
    if (type == &PyLong_Type) {
        int64_t value;
        if (!rp_long_is_compact(object, &value)) return false;
        rs_cbor_put_int(&encoder->buffer, value);
        return true;
    }
    if (type == &PyUnicode_Type && PyUnicode_IS_COMPACT_ASCII(object)) {
        Py_ssize_t size = PyUnicode_GET_LENGTH(object);
        if (rp_text_is_long(object) || is_constant(encoder, object)) return false;
        rs_cbor_put_text(&encoder->buffer, PyUnicode_DATA(object), (size_t)size);
        return true;
    }
    if (object != Py_None && type != &PyBool_Type) return false;
    put_singleton(encoder, object);
    return true;
}

int rp_put_value(rp_encoder *encoder, PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    if (type == &PyFloat_Type) return put_float(encoder, object);
    if (type == &PyLong_Type && !rp_text_is_long(object)) return rp_put_long(encoder, object);
    if (type == &PyUnicode_Type && !rp_text_is_long(object) && !is_constant(encoder, object))
        return rp_put_str(encoder, object);
    if (object == Py_None || type == &PyBool_Type) {
        put_singleton(encoder, object);
        return RP_DONE;
    }
    if (object == Py_Ellipsis) return put_constant(encoder, RP_CONSTANT_ELLIPSIS);
    if (object == Py_NotImplemented) return put_constant(encoder, RP_CONSTANT_NOT_IMPLEMENTED);
    return put_object(encoder, object, false);
}

int rp_put_held(rp_encoder *encoder, PyObject *object) {
    encoder->held = 1;
    int status = rp_put_value(encoder, object);
    encoder->held = 0;
    return status;
}

int rp_put_marked(rp_encoder *encoder, PyObject *object) {
    return put_object(encoder, object, true);
}

int rp_encoder_put_anchor(rp_encoder *encoder, PyObject *object) {
    size_t share;
    if (rp_memo_find(&encoder->memo, object, &share)) {
        rs_cbor_put_simple(&encoder->buffer, RS_CBOR_NULL);
        return 0;
    }
    PyObject *module = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__module__");
    PyObject *name = PyType_GetQualName(Py_TYPE(object)), *text = NULL;
    if (!module || !PyUnicode_Check(module)) PyErr_Clear();
    if (name)
        text = module && PyUnicode_Check(module) ? PyUnicode_FromFormat("%U.%U", module, name)
                                                 : Py_NewRef(name);
    Py_ssize_t size = 0;
    const char *utf8 = text ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    int status = utf8 ? 0 : -1;
    if (utf8 && !rp_memo_add(&encoder->memo, object, encoder->share_count)) {
        PyErr_NoMemory();
        status = -1;
    }
    if (status == 0) {
        rp_put_mark(encoder);
        rs_cbor_put_text(&encoder->buffer, utf8, (size_t)size);
    }
    Py_XDECREF(text);
    Py_XDECREF(name);
    Py_XDECREF(module);
    return status;
}

/* ---- one value of the caller, all or nothing ---- */

typedef struct rp_undo {
    size_t size, memo, shares, blobs, owner_memo, owners, patches;
    Py_ssize_t kept;
} rp_undo;

static void undo(rp_encoder *encoder, const rp_undo *mark) {
    encoder->buffer.size = mark->size;
    encoder->buffer.failed = false;
    rp_memo_rollback(&encoder->memo, mark->memo);
    encoder->share_count = mark->shares;
    encoder->blob_count = mark->blobs;
    rp_memo_rollback(&encoder->owner_memo, mark->owner_memo);
    rp_owners_undo(encoder, mark->owners);
    encoder->patch_count = mark->patches;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (PyList_SetSlice(encoder->keep, mark->kept, PyList_GET_SIZE(encoder->keep), NULL) < 0)
        PyErr_Clear(); /* kept longer than needed: harmless */
    PyErr_Restore(type, value, trace);
}

/* 1, with the reason in the encoder; 0; -1. */
static int try_value(rp_encoder *encoder, PyObject *value, const char *name, int *again) {
    size_t base = encoder->depth;
    encoder->problem[0] = 0;
    Py_CLEAR(encoder->problem_frame);
    encoder->reason[0] = 0;
    int status = rp_put_value(encoder, value);
    if (!status) status = run(encoder, base);
    if (!status && encoder->buffer.failed) {
        PyErr_NoMemory();
        status = -1;
    }
    if (status < 0) status = rp_refuse_exception(encoder, "");
    if (status > 0) {
        rp_describe_problem(encoder, value, name, base);
        *again = rp_ask_for_state(encoder, base);
    }
    while (encoder->depth > base)
        rp_pop(encoder);
    encoder->making = -1;
    return status;
}

int rp_encoder_put(rp_encoder *encoder, PyObject *value, const char *name) {
    rp_undo mark = {.size = encoder->buffer.size,
                    .memo = encoder->memo.count,
                    .shares = encoder->share_count,
                    .blobs = encoder->blob_count,
                    .owner_memo = encoder->owner_memo.count,
                    .owners = encoder->owner_count,
                    .patches = encoder->patch_count,
                    .kept = PyList_GET_SIZE(encoder->keep)};
    if (encoder->buffer.failed) {
        PyErr_NoMemory();
        return -1;
    }
    /* a collection would run finalisers and callbacks in the middle */
    int collecting = PyGC_Disable(), status, again;
    do {
        again = 0;
        status = try_value(encoder, value, name, &again);
        if (status) undo(encoder, &mark);
    } while (again > 0);
    if (collecting) PyGC_Enable();
    return again < 0 ? -1 : status;
}
