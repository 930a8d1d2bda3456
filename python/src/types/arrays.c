/* Writing numpy arrays, views, scalars and dtypes, through `__array_struct__` and attributes only.
 *
 * A view is written as its owner plus offset and strides. Of a large owner only the range that the
 * views need becomes a blob: it is known at the end, and patched in. */
#include "array_roots.h"

#include "../region.h"
#include "owners.h"
#include "scalars.h"

#include "base/alloc.h"
#include "format/hash.h"

#include <string.h>

/* Row by row (or, with `columns`, column by column) without gaps. */
static bool is_contiguous(const rp_array_interface *look, bool columns) {
    Py_intptr_t expected = look->item_size;
    for (int i = 0; i < look->dimensions; i++) {
        int axis = columns ? i : look->dimensions - 1 - i;
        if (look->shape[axis] == 0) return true;
        if (look->shape[axis] > 1 && look->strides[axis] != expected) return false;
        expected *= look->shape[axis];
    }
    return true;
}

/* ---- pieces ---- */

static void put_unsigned(rp_encoder *encoder, uint64_t value) {
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, value);
}

static void put_bool(rp_encoder *encoder, bool value) {
    rs_cbor_put_simple(&encoder->buffer, value ? RS_CBOR_TRUE : RS_CBOR_FALSE);
}

static void put_shape(rp_encoder *encoder, const rp_array_interface *look) {
    rp_put_array_head(encoder, (size_t)look->dimensions);
    for (int i = 0; i < look->dimensions; i++)
        put_unsigned(encoder, (uint64_t)look->shape[i]);
}

static void put_order(rp_encoder *encoder, const rp_array_interface *look, const int *axes) {
    if (is_contiguous(look, false)) {
        put_unsigned(encoder, 0);
    } else if (is_contiguous(look, true)) {
        put_unsigned(encoder, 1);
    } else {
        rp_put_array_head(encoder, (size_t)look->dimensions);
        for (int i = 0; i < look->dimensions; i++)
            put_unsigned(encoder, (uint64_t)axes[i]);
    }
}

/* A number that rp_arrays_patch writes later: always 8 bytes. */
static void put_place(rp_encoder *encoder) {
    static const uint8_t head[9] = {0x1b};
    rs_buffer_append(&encoder->buffer, head, sizeof head);
}

/* ---- owners ---- */

void rp_array_is_whole(rp_encoder *encoder, PyObject *object) {
    rp_owner *owner = rp_owners_find(encoder, object);
    if (owner) {
        owner->low = 0;
        owner->high = owner->size;
    }
}

/* A blob of which only low..high will be taken. */
static int put_partial(rp_encoder *encoder, rp_owner *owner, uint32_t shuffle, PyObject *keep) {
    if (encoder->patch_count == encoder->patch_capacity) {
        size_t capacity = encoder->patch_capacity ? encoder->patch_capacity * 2 : 16;
        rp_patch *patches = rs_reallocate_array(encoder->patches, capacity, sizeof *patches);
        if (!patches) {
            PyErr_NoMemory();
            return -1;
        }
        encoder->patches = patches;
        encoder->patch_capacity = capacity;
    }
    owner->blob = rp_encoder_add_blob(encoder, owner->start, owner->size, shuffle, keep);
    if (!owner->blob) return -1;
    rp_put_tag(encoder, RP_TAG_BLOB);
    rp_put_array_head(encoder, 3);
    put_unsigned(encoder, owner->blob);
    encoder->patches[encoder->patch_count++] =
        (rp_patch){encoder->buffer.size, (size_t)(owner - encoder->owners)};
    put_place(encoder);
    put_place(encoder);
    return RP_DONE;
}

static void store_place(uint8_t *place, uint64_t value) {
    for (int i = 8; i > 0; i--, value >>= 8)
        place[i] = (uint8_t)value;
}

void rp_arrays_patch(rp_encoder *encoder) {
    enum { ALIGNMENT = 64 };
    if (encoder->buffer.failed) return;
    for (size_t i = 0; i < encoder->patch_count; i++) {
        const rp_owner *owner = &encoder->owners[encoder->patches[i].owner];
        uint64_t low = owner->low - owner->low % ALIGNMENT;
        uint8_t *place = encoder->buffer.bytes + encoder->patches[i].position;
        store_place(place, low);
        store_place(place + 9, owner->high);
        encoder->blobs[owner->blob].bytes = owner->start + low;
        encoder->blobs[owner->blob].size = owner->high - low;
    }
}

/* ---- arrays that own their memory ---- */

static int put_owner_head(rp_encoder *encoder, const rp_array *a, const int *axes,
                          uint32_t *shuffle) {
    rp_put_tag(encoder, RP_TAG_ARRAY);
    rp_put_array_head(encoder, 5);
    int status = rp_put_dtype(encoder, a->dtype, shuffle);
    put_shape(encoder, a->look);
    put_order(encoder, a->look, axes);
    put_bool(encoder, a->writeable);
    return status;
}

static int put_owner(rp_encoder *encoder, const rp_array *a, const int *axes, Py_ssize_t share) {
    uint32_t shuffle;
    int status = put_owner_head(encoder, a, axes, &shuffle);
    if (status) return status;
    if (share >= 0 && a->size > 0) {
        rp_owner *owner = rp_owners_add(encoder, a->object, a->look->data, a->size, (size_t)share,
                                        Py_IS_TYPE(a->object, encoder->array_type));
        if (!owner) return -1;
        owner->low = 0;
        owner->high = owner->size;
    }
    /* the capsule holds the array and, as long as it lives, its memory */
    return rp_put_memory(encoder, a->look->data, (size_t)a->size, shuffle, a->capsule);
}

/* Memory that is no value of its own: a flat array of bytes. */
static int put_bytes_owner(rp_encoder *encoder, rp_owner *owner, PyObject *keep) {
    rp_put_tag(encoder, RP_TAG_ARRAY);
    rp_put_array_head(encoder, 5);
    rs_cbor_put_literal(&encoder->buffer, "|u1");
    rp_put_array_head(encoder, 1);
    put_unsigned(encoder, owner->size);
    put_unsigned(encoder, 0);
    put_bool(encoder, true);
    if (owner->size < RP_BLOB_SIZE_MIN) {
        rs_cbor_put_bytes(&encoder->buffer, owner->start, (size_t)owner->size);
        return RP_DONE;
    }
    return put_partial(encoder, owner, 1, keep);
}

/* An array that is met through a view first: all of it may follow, or never. */
static int put_array_owner(rp_encoder *encoder, rp_owner *owner, PyObject *object) {
    rp_array a;
    int axes[RP_ARRAY_DIMENSIONS_MAX], status = -1;
    uint32_t shuffle;
    if (rp_array_open(&a, object) < 0) goto done;
    rp_is_dense(a.look, axes);
    status = put_owner_head(encoder, &a, axes, &shuffle);
    if (status) goto done;
    if (owner->size < RP_BLOB_SIZE_MIN) {
        rs_cbor_put_bytes(&encoder->buffer, owner->start, (size_t)owner->size);
    } else {
        status = put_partial(encoder, owner, shuffle, a.capsule);
    }
done:
    rp_array_release(&a);
    return status;
}

static int put_new_owner(rp_encoder *encoder, const rp_root *found, rp_owner **to) {
    if (found->is_value && Py_IS_TYPE(found->object, encoder->array_type)) {
        if (!rp_memo_add(&encoder->memo, found->object, encoder->share_count)) {
            PyErr_NoMemory();
            return -1;
        }
        size_t share = rp_put_mark(encoder);
        *to = rp_owners_add(encoder, found->object, found->start, found->size, share, true);
        return *to ? put_array_owner(encoder, *to, found->object) : -1;
    }
    if (found->is_value) { /* bytes and the like: never pushes a frame */
        size_t share = encoder->share_count;
        int status = rp_put_marked(encoder, found->object);
        if (status) return status;
        if (share == encoder->share_count) rp_memo_find(&encoder->memo, found->object, &share);
        *to = rp_owners_add(encoder, found->object, found->start, found->size, share, true);
        return *to ? RP_DONE : -1;
    }
    size_t share = rp_put_mark(encoder);
    *to = rp_owners_add(encoder, found->object, found->start, found->size, share, false);
    if (!*to) return -1;
    return found->memmap ? rp_put_map(encoder, found) : put_bytes_owner(encoder, *to, found->keep);
}

/* *start: where the memory of the base begins. */
static int put_base(rp_encoder *encoder, const rp_array *a, const rp_root *found,
                    const uint8_t **start) {
    if (a->low < found->start || a->high > found->start + found->size)
        return rp_refuse(encoder, "it reaches beyond the memory of its base");
    rp_owner *owner = rp_owners_find(encoder, found->object);
    int status = RP_DONE;
    if (!owner) owner = rp_owners_around(encoder, found->start, found->size);
    if (owner) {
        rp_put_reference(encoder, owner->share);
    } else {
        rp_root whole;
        bool is_part = rp_owners_whole(encoder, found->start, found->size, &whole);
        status = put_new_owner(encoder, is_part ? &whole : found, &owner);
    }
    if (status) return status;
    uint64_t low = (uint64_t)(a->low - owner->start), high = (uint64_t)(a->high - owner->start);
    if (low < owner->low) owner->low = low;
    if (high > owner->high) owner->high = high;
    *start = owner->start;
    return RP_DONE;
}

static int put_view(rp_encoder *encoder, const rp_array *a) {
    rp_root found;
    const uint8_t *start = NULL;
    int status = rp_find_root(encoder, a->object, &found);
    if (status) goto done;
    /* keeps the array that holds the memory, also when it is none of the values */
    if (PyList_Append(encoder->keep, found.keep) < 0) {
        status = -1;
        goto done;
    }
    rp_put_tag(encoder, RP_TAG_VIEW);
    rp_put_array_head(encoder, 6);
    status = put_base(encoder, a, &found, &start);
    if (!status) status = rp_put_dtype(encoder, a->dtype, NULL);
    if (status) goto done;
    put_shape(encoder, a->look);
    rp_put_array_head(encoder, (size_t)a->look->dimensions);
    for (int i = 0; i < a->look->dimensions; i++)
        rs_cbor_put_int(&encoder->buffer, a->look->strides[i]);
    put_unsigned(encoder, (uint64_t)((const uint8_t *)a->look->data - start));
    put_bool(encoder, a->writeable);
done:
    rp_root_release(&found);
    return status;
}

/* ---- values ---- */

static int put_digest(rp_encoder *encoder, const rp_array *a) {
    rp_put_tag(encoder, RP_TAG_ARRAY);
    int status = rp_put_dtype(encoder, a->dtype, NULL);
    if (status) return status;
    put_shape(encoder, a->look);
    if (is_contiguous(a->look, false))
        return rp_put_memory(encoder, a->look->data, (size_t)a->size, 1, a->capsule);
    PyObject *bytes = PyObject_CallMethod(a->object, "tobytes", NULL);
    if (!bytes) return -1;
    status =
        rp_put_memory(encoder, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes), 1, bytes);
    Py_DECREF(bytes);
    return status;
}

/* The dtype is in the closed set: 1, 0 or -1. Objects, and what has a class of its own, are not. */
static int is_basic_dtype(rp_encoder *encoder, PyObject *dtype) {
    size_t size = encoder->buffer.size;
    int status = rp_put_dtype(encoder, dtype, NULL);
    encoder->buffer.size = size;
    return status < 0 ? -1 : status == RP_DONE;
}

static int is_basic(rp_encoder *encoder, const rp_array *a) {
    return strchr("biufcmMSU", a->look->type_kind) ? 1 : is_basic_dtype(encoder, a->dtype);
}

/* Its memory is also that of another object, which stands for it: torch and numpy share memory. */
static bool is_part_of_other(rp_encoder *encoder, const rp_array *a) {
    rp_root whole;
    if (rp_owners_find(encoder, a->object)) return false;
    if (rp_owners_around(encoder, a->low, a->size)) return true;
    return rp_owners_whole(encoder, a->low, a->size, &whole) && whole.object != a->object;
}

int rp_put_array(rp_encoder *encoder, PyObject *object) {
    Py_ssize_t share = encoder->last_share;
    rp_array a;
    int axes[RP_ARRAY_DIMENSIONS_MAX], status = -1;
    PyObject *base = NULL;
    if (rp_array_open(&a, object) < 0) goto done;
    if (encoder->digest) {
        status = put_digest(encoder, &a);
        goto done;
    }
    int basic = is_basic(encoder, &a);
    if (basic <= 0) {
        status = basic < 0 ? -1 : rp_put_instance(encoder, object);
        goto done;
    }
    base = PyObject_GetAttrString(object, "base");
    if (!base) goto done;
    /* an array without elements shares nothing */
    bool has_memory = base == Py_None || rp_is_region(encoder->state, base);
    bool owns =
        (has_memory && rp_is_dense(a.look, axes) && !is_part_of_other(encoder, &a)) || a.size == 0;
    if (a.size == 0) {
        for (int i = 0; i < a.look->dimensions; i++)
            axes[i] = i;
    }
    status = owns ? put_owner(encoder, &a, axes, share) : put_view(encoder, &a);
done:
    Py_XDECREF(base);
    rp_array_release(&a);
    return status;
}

int rp_put_dtype_value(rp_encoder *encoder, PyObject *object) {
    int basic = encoder->digest ? 1 : is_basic_dtype(encoder, object);
    if (basic <= 0) return basic < 0 ? -1 : rp_put_instance(encoder, object);
    rp_put_tag(encoder, RP_TAG_DTYPE);
    return rp_put_dtype(encoder, object, NULL);
}

/* A record that is a part of an array: the array of no dimensions over the same memory, or None.
 * New reference. */
static PyObject *array_of_record(rp_encoder *encoder, PyObject *object) {
    PyObject *base = NULL, *array = NULL, *module = NULL;
    if (encoder->digest || strcmp(Py_TYPE(object)->tp_name, "numpy.void") != 0)
        return Py_NewRef(Py_None);
    PyObject *dtype = PyObject_GetAttrString(object, "dtype");
    int basic = dtype ? is_basic_dtype(encoder, dtype) : -1;
    Py_XDECREF(dtype);
    if (basic <= 0) return basic < 0 ? NULL : Py_NewRef(Py_None);
    base = PyObject_GetAttrString(object, "base");
    if (base && !PyObject_TypeCheck(base, encoder->array_type)) array = Py_NewRef(Py_None);
    if (base && !array) module = PyImport_ImportModule("numpy");
    if (module) array = PyObject_CallMethod(module, "asarray", "O", object);
    Py_ssize_t size = array ? PyObject_Size(object) : 0; /* fields */
    if (size == 0 && array) Py_SETREF(array, Py_NewRef(Py_None));
    if (size < 0) PyErr_Clear(); /* bytes */
    Py_XDECREF(module);
    Py_XDECREF(base);
    return array;
}

static int put_record(rp_encoder *encoder, PyObject *array) {
    rp_array a;
    int status = rp_array_open(&a, array);
    rp_put_tag(encoder, RP_TAG_SCALAR);
    if (!status) status = put_view(encoder, &a);
    rp_array_release(&a);
    return status;
}

int rp_put_scalar(rp_encoder *encoder, PyObject *object) {
    int status = -1;
    size_t start = encoder->buffer.size;
    if (rp_scalar_put(encoder, object)) return RP_DONE;
    PyObject *array = array_of_record(encoder, object);
    if (!array) return -1;
    bool is_record = array != Py_None;
    if (is_record) status = put_record(encoder, array);
    Py_DECREF(array);
    if (is_record) return status;
    PyObject *dtype = PyObject_GetAttrString(object, "dtype");
    PyObject *bytes = dtype ? PyObject_CallMethod(object, "tobytes", NULL) : NULL;
    if (!bytes) goto done;
    int basic = encoder->digest ? 1 : is_basic_dtype(encoder, dtype);
    if (basic <= 0) {
        status = basic < 0 ? -1 : rp_put_instance(encoder, object);
        goto done;
    }
    rp_put_tag(encoder, RP_TAG_SCALAR);
    rp_put_array_head(encoder, 2);
    status = rp_put_dtype(encoder, dtype, NULL);
    if (status) goto done;
    status =
        rp_put_memory(encoder, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes), 1, bytes);
    if (!status) status = rp_scalar_learn(encoder, object, start);
done:
    Py_XDECREF(dtype);
    Py_XDECREF(bytes);
    return status;
}

/* numpy.str_ and numpy.bytes_: by value, since an array would drop zeros at the end. */
int rp_put_scalar_text(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_SCALAR);
    if (PyUnicode_Check(object)) return rp_put_str(encoder, object);
    return rp_put_memory(encoder, PyBytes_AS_STRING(object), (size_t)PyBytes_GET_SIZE(object), 1,
                         object);
}
