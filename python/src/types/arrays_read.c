/* Reading numpy arrays, views, scalars and dtypes; numpy is imported when the first one is met. */
#include "array_interface.h"
#include "scalars.h"
#include "../opaque.h"

#include "base/arith.h"

#include <string.h>

int rp_need_numpy(rp_decoder *decoder) {
    if (decoder->byte_dtype) return 0;
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (!numpy) return -1;
    Py_XSETREF(decoder->numpy, numpy);
    Py_XSETREF(decoder->array_type, PyObject_GetAttrString(numpy, "ndarray"));
    if (!decoder->array_type) return -1;
    Py_XSETREF(decoder->dtype_type, PyObject_GetAttrString(numpy, "dtype"));
    if (!decoder->dtype_type) return -1;
    decoder->byte_dtype = PyObject_CallFunction(decoder->dtype_type, "s", "|u1");
    return decoder->byte_dtype ? 0 : -1;
}

static bool is_array(const rp_decoder *decoder, PyObject *object) {
    return Py_IS_TYPE(object, (PyTypeObject *)decoder->array_type);
}

/* ---- pieces ---- */

/* A tuple of up to 64 numbers. */
static PyObject *get_numbers(rp_decoder *decoder, bool is_signed) {
    Py_ssize_t count = rp_next_array(decoder, 0, RP_ARRAY_DIMENSIONS_MAX);
    PyObject *numbers = count < 0 ? NULL : PyTuple_New(count);
    for (Py_ssize_t i = 0; numbers && i < count; i++) {
        int64_t value = 0;
        uint64_t size = 0;
        int status = is_signed ? rp_next_signed(decoder, &value) : rp_next_unsigned(decoder, &size);
        PyObject *number = NULL;
        if (status == 0 && !is_signed && size > INT64_MAX) {
            rp_damaged(decoder, "an array is too large");
        } else if (status == 0) {
            number = PyLong_FromLongLong(is_signed ? value : (int64_t)size);
        }
        if (!number) Py_CLEAR(numbers);
        if (numbers) PyTuple_SET_ITEM(numbers, i, number);
    }
    return numbers;
}

/* Bytes of an array of that shape. */
static int size_of(rp_decoder *decoder, PyObject *dtype, PyObject *shape, uint64_t *size) {
    PyObject *item_size = PyObject_GetAttrString(dtype, "itemsize");
    if (!item_size) return -1;
    *size = PyLong_AsSize_t(item_size);
    Py_DECREF(item_size);
    if (PyErr_Occurred()) return -1;
    bool overflows = false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape); i++) {
        uint64_t count = PyLong_AsSize_t(PyTuple_GET_ITEM(shape, i));
        if (count == 0) {
            *size = 0;
            return 0;
        }
        overflows |= rs_multiply_overflows(*size, count, size);
    }
    if (!overflows && *size <= PY_SSIZE_T_MAX) return 0;
    rp_damaged(decoder, "an array is too large");
    return -1;
}

/* The order of an array in memory: 0 rows, 1 columns, or a tuple of axes from slow to fast. */
typedef struct order {
    bool columns;
    PyObject *axes; /* new reference or NULL */
} order;

static int get_order(rp_decoder *decoder, Py_ssize_t dimensions, order *found) {
    rs_cbor_reader before = decoder->reader;
    rs_cbor_item item;
    *found = (order){0};
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind == RS_CBOR_UNSIGNED && item.argument <= 1) {
        found->columns = item.argument == 1;
        return 0;
    }
    if (item.kind != RS_CBOR_ARRAY || item.argument != (uint64_t)dimensions) {
        rp_damaged(decoder, "the order of an array is unknown");
        return -1;
    }
    decoder->reader = before;
    found->axes = get_numbers(decoder, false);
    if (!found->axes) return -1;
    uint64_t seen = 0;
    for (Py_ssize_t i = 0; i < dimensions; i++) {
        long axis = PyLong_AsLong(PyTuple_GET_ITEM(found->axes, i));
        if (axis < 0 || axis >= dimensions || seen >> axis & 1) {
            PyErr_Clear();
            Py_CLEAR(found->axes);
            rp_damaged(decoder, "the axes of an array are no permutation");
            return -1;
        }
        seen |= UINT64_C(1) << axis;
    }
    return 0;
}

/* An array with its axes in another order in memory, which owns that memory: empty_like keeps the
 * order of a transposed one. */
static PyObject *new_permuted(rp_decoder *decoder, PyObject *dtype, PyObject *shape,
                              PyObject *axes) {
    Py_ssize_t count = PyTuple_GET_SIZE(shape);
    PyObject *inner = PyTuple_New(count), *inverse = PyTuple_New(count);
    PyObject *plain = NULL, *turned = NULL, *value = NULL;
    for (Py_ssize_t i = 0; inner && inverse && i < count; i++) {
        long axis = PyLong_AsLong(PyTuple_GET_ITEM(axes, i));
        PyTuple_SET_ITEM(inner, i, Py_NewRef(PyTuple_GET_ITEM(shape, axis)));
        PyObject *place = PyLong_FromSsize_t(i);
        if (!place) goto done;
        PyTuple_SET_ITEM(inverse, axis, place);
    }
    if (!inner || !inverse) goto done;
    plain = PyObject_CallFunctionObjArgs(decoder->array_type, inner, dtype, NULL);
    turned = plain ? PyObject_CallMethod(plain, "transpose", "(O)", inverse) : NULL;
    value = turned ? PyObject_CallMethod(decoder->numpy, "empty_like", "OOs", turned, Py_None, "K")
                   : NULL;
done:
    Py_XDECREF(inner);
    Py_XDECREF(inverse);
    Py_XDECREF(plain);
    Py_XDECREF(turned);
    return rp_checked(decoder, value);
}

static PyObject *new_array(rp_decoder *decoder, PyObject *dtype, PyObject *shape,
                           const order *in_memory) {
    if (in_memory->axes) return new_permuted(decoder, dtype, shape, in_memory->axes);
    return rp_checked(decoder,
                      PyObject_CallFunction(decoder->array_type, "OOOiOs", shape, dtype, Py_None, 0,
                                            Py_None, in_memory->columns ? "F" : "C"));
}

/* The same, filled: over a map of the file. */
static PyObject *new_mapped(rp_decoder *decoder, PyObject *dtype, PyObject *shape, bool columns,
                            const rp_memory *memory) {
    PyObject *region = rp_map_memory(decoder, memory);
    if (!region) return NULL;
    PyObject *value = PyObject_CallFunction(decoder->array_type, "OOOiOs", shape, dtype, region, 0,
                                            Py_None, columns ? "F" : "C");
    Py_DECREF(region);
    return rp_checked(decoder, value);
}

void *rp_array_memory(PyObject *array, PyObject **capsule) {
    const rp_array_interface *look = rp_array_look(array, capsule);
    return look ? look->data : NULL;
}

/* Bytes that the elements of `array` fill; 0 or -1. */
static int array_size(PyObject *array, uint64_t *size) {
    PyObject *number = PyObject_GetAttrString(array, "nbytes");
    if (!number) return -1;
    *size = PyLong_AsSize_t(number);
    Py_DECREF(number);
    return PyErr_Occurred() ? -1 : 0;
}

static int fill_array(rp_decoder *decoder, PyObject *array, const rp_memory *memory) {
    PyObject *capsule = NULL;
    uint64_t size;
    if (array_size(array, &size) < 0) return -1;
    if (size != memory->size) {
        rp_damaged(decoder, "an array has another size than its dtype and shape");
        return -1;
    }
    void *to = rp_array_memory(array, &capsule);
    int status = to || (memory->size == 0 && !PyErr_Occurred()) ? 0 : -1;
    if (!status && memory->size > 0) status = rp_read_memory(decoder, memory, to);
    Py_XDECREF(capsule);
    return status;
}

static int set_read_only(rp_decoder *decoder, PyObject *array) {
    PyObject *done = PyObject_CallMethod(array, "setflags", "i", 0);
    Py_XDECREF(done);
    return rp_checked_status(decoder, done ? 0 : -1);
}

/* ---- targets ---- */

/* 1, 0, or -1 with an exception. */
static int equal_attribute(PyObject *a, PyObject *b, const char *name) {
    PyObject *first = PyObject_GetAttrString(a, name);
    PyObject *second = first ? PyObject_GetAttrString(b, name) : NULL;
    int equal = second ? PyObject_RichCompareBool(first, second, Py_EQ) : -1;
    Py_XDECREF(first);
    Py_XDECREF(second);
    return equal;
}

static int is_writeable(PyObject *array) {
    PyObject *capsule = NULL;
    const rp_array_interface *look = rp_array_look(array, &capsule);
    int writeable = look ? rp_array_is_writeable(array, look) : -1;
    Py_XDECREF(capsule);
    return writeable;
}

/* 1: *target is the object that `value` can be copied into, borrowed. 0: none. -1: exception. */
static int fitting_target(rp_decoder *decoder, PyObject *value, PyObject **target) {
    *target = decoder->target;
    if (!*target || decoder->depth > 0) return 0;
    decoder->target = NULL;
    if (!is_array(decoder, *target)) return 0;
    int fits = equal_attribute(*target, value, "dtype");
    if (fits > 0) fits = equal_attribute(*target, value, "shape");
    return fits > 0 ? is_writeable(*target) : fits;
}

/* ---- memory of a marked array, for its views ---- */

static PyObject *flatten(rp_decoder *decoder, PyObject *array) {
    PyObject *capsule = NULL, *flat_capsule = NULL, *bytes = NULL;
    PyObject *flat = PyObject_CallMethod(array, "ravel", "s", "K");
    if (flat) bytes = PyObject_CallMethod(flat, "view", "(O)", decoder->byte_dtype);
    if (bytes) {
        const void *from = rp_array_memory(array, &capsule);
        const void *to = from ? rp_array_memory(bytes, &flat_capsule) : NULL;
        if (!from || from != to) {
            Py_CLEAR(bytes);
            if (!PyErr_Occurred())
                rp_damaged(decoder, "the base of a view has no memory of its own");
        }
    }
    Py_XDECREF(capsule);
    Py_XDECREF(flat_capsule);
    Py_XDECREF(flat);
    return rp_checked(decoder, bytes);
}

/* What a view of share `index` is made over: borrowed, or NULL with an exception. */
static PyObject *memory_of(rp_decoder *decoder, Py_ssize_t index, PyObject *value) {
    rp_share *share = &decoder->shares[index];
    if (share->bytes) return share->bytes;
    if (PyBytes_CheckExact(value) || PyByteArray_CheckExact(value)) return value;
    if (strcmp(Py_TYPE(value)->tp_name, "array.array") == 0) return value;
    if (!is_array(decoder, value)) {
        int is_map = rp_is_map(decoder, value);
        if (is_map > 0) return value;
        return is_map < 0 ? NULL : rp_damaged(decoder, "the base of a view has no memory");
    }
    share->bytes = flatten(decoder, share->shadow ? share->shadow : value);
    return share->bytes;
}

/* ---- ARRAY: [dtype, shape, order, writeable, memory] ---- */

/* A part of a larger array that is only there for its views: its bytes. */
static PyObject *get_part(rp_decoder *decoder, const rp_memory *memory, uint64_t whole) {
    if (!rp_is_view_base(decoder) || decoder->pending < 0 || memory->high > whole)
        return rp_damaged(decoder, "a part of an array stands alone");
    PyObject *value = NULL, *shape = Py_BuildValue("(n)", (Py_ssize_t)memory->size);
    if (shape && rp_is_lazy(decoder, memory)) {
        value = new_mapped(decoder, decoder->byte_dtype, shape, false, memory);
    } else if (shape) {
        value = rp_checked(
            decoder, PyObject_CallFunction(decoder->array_type, "OO", shape, decoder->byte_dtype));
        if (value && fill_array(decoder, value, memory) < 0) Py_CLEAR(value);
    }
    Py_XDECREF(shape);
    if (!value) return NULL;
    if (memory->low > 0 || memory->high < whole) {
        decoder->shares[decoder->pending].partial = true;
        decoder->shares[decoder->pending].low = memory->low;
    }
    return value;
}

/* The value becomes the content of the caller's array at the commit. Steals `value`. */
static PyObject *aim(rp_decoder *decoder, PyObject *value, PyObject *target) {
    Py_ssize_t share = decoder->pending;
    PyObject *result = NULL;
    /* views of it are made over the caller's memory, when it is laid out alike */
    int alike = equal_attribute(target, value, "strides");
    if (alike >= 0 && rp_add_filling(decoder, target, value) == 0) {
        if (share >= 0 && !alike) {
            decoder->shares[share].shadow = Py_NewRef(value);
            if (rp_decoder_note(decoder,
                                "an array that was restored in place has another order in "
                                "memory than the saved one: its views no longer share it") < 0) {
                goto done;
            }
        }
        result = Py_NewRef(target);
    }
done:
    Py_DECREF(value);
    return result;
}

static PyObject *get_whole(rp_decoder *decoder, PyObject *dtype, PyObject *shape,
                           const order *in_memory, bool writeable, const rp_memory *memory) {
    bool is_lazy = !in_memory->axes && rp_is_lazy(decoder, memory);
    PyObject *value = is_lazy ? new_mapped(decoder, dtype, shape, in_memory->columns, memory)
                              : new_array(decoder, dtype, shape, in_memory);
    if (!value) return NULL;
    if (!is_lazy && fill_array(decoder, value, memory) < 0) goto failed;
    PyObject *target;
    int fits = fitting_target(decoder, value, &target);
    if (fits < 0) goto failed;
    if (fits) return aim(decoder, value, target);
    if (writeable) return value;
    /* writeable views of an array that is read-only now */
    if (decoder->pending >= 0 && memory->size > 0) {
        PyObject *bytes = flatten(decoder, value);
        if (!bytes) goto failed;
        Py_XSETREF(decoder->shares[decoder->pending].bytes, bytes);
    }
    if (set_read_only(decoder, value) < 0) goto failed;
    return value;
failed:
    Py_DECREF(value);
    return NULL;
}

PyObject *rp_get_array(rp_decoder *decoder) {
    PyObject *dtype = NULL, *shape = NULL, *value = NULL;
    order in_memory = {0};
    rp_memory memory;
    uint64_t size;
    bool writeable;
    if (rp_need_numpy(decoder) < 0 || rp_next_array(decoder, 5, 5) < 0) return NULL;
    dtype = rp_get_dtype(decoder);
    shape = dtype ? get_numbers(decoder, false) : NULL;
    if (!shape || get_order(decoder, PyTuple_GET_SIZE(shape), &in_memory) < 0 ||
        rp_next_bool(decoder, &writeable) < 0 || rp_next_memory(decoder, &memory) < 0 ||
        size_of(decoder, dtype, shape, &size) < 0) {
        goto done;
    }
    if (memory.partial) {
        value = get_part(decoder, &memory, size);
        if (!value || decoder->shares[decoder->pending].partial) goto done;
        Py_CLEAR(value); /* all of it was needed: an array like any other */
        memory.partial = false;
    }
    if (memory.size != size) {
        rp_damaged(decoder, "an array has %zu bytes, its dtype and shape take %llu", memory.size,
                   (unsigned long long)size);
        goto done;
    }
    value = get_whole(decoder, dtype, shape, &in_memory, writeable, &memory);
done:
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    Py_XDECREF(in_memory.axes);
    return value;
}

/* ---- VIEW: [base, dtype, shape, strides, offset, writeable] ---- */

/* Do all elements lie in the memory? numpy asks, too, but its sums wrap, and what passes then is an
 * array over memory that is not its own. */
static bool lies_inside(PyObject *shape, PyObject *strides, int64_t item_size, int64_t offset,
                        int64_t size) {
    int64_t low = offset, high = offset;
    if (PyTuple_GET_SIZE(shape) != PyTuple_GET_SIZE(strides)) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape); i++) {
        int64_t count = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i)), reach;
        int64_t stride = PyLong_AsLongLong(PyTuple_GET_ITEM(strides, i));
        if (PyErr_Occurred()) return false;
        if (count == 0) return offset <= size;
        if (__builtin_mul_overflow(count - 1, stride, &reach) ||
            __builtin_add_overflow(*(reach < 0 ? &low : &high), reach, reach < 0 ? &low : &high))
            return false;
    }
    return low >= 0 && !__builtin_add_overflow(high, item_size, &high) && high <= size;
}

static int check_view(rp_decoder *decoder, PyObject *memory, PyObject *dtype, PyObject *shape,
                      PyObject *strides, uint64_t offset) {
    Py_buffer bytes;
    PyObject *item_size = PyObject_GetAttrString(dtype, "itemsize");
    Py_ssize_t item = item_size ? PyLong_AsSsize_t(item_size) : -1;
    Py_XDECREF(item_size);
    if (item < 0 || PyObject_GetBuffer(memory, &bytes, PyBUF_SIMPLE) < 0) return -1;
    Py_ssize_t size = bytes.len;
    PyBuffer_Release(&bytes);
    if (lies_inside(shape, strides, item, (int64_t)offset, size)) return 0;
    rp_damaged(decoder, "a view reaches beyond the memory of its base");
    return -1;
}

static PyObject *make_view(rp_decoder *decoder, PyObject *memory, PyObject *dtype, PyObject *shape,
                           PyObject *strides, uint64_t offset, bool writeable) {
    if (check_view(decoder, memory, dtype, shape, strides, offset) < 0) return NULL;
    PyObject *value =
        rp_checked(decoder, PyObject_CallFunction(decoder->array_type, "OOOKO", shape, dtype,
                                                  memory, (unsigned long long)offset, strides));
    if (value && !writeable && set_read_only(decoder, value) < 0) Py_CLEAR(value);
    return value;
}

/* Which file, and what of it. */
static PyObject *opaque_view(rp_decoder *decoder, PyObject *base, PyObject *dtype, PyObject *shape,
                             PyObject *strides, uint64_t offset) {
    PyObject *state =
        PyDict_Check(rp_opaque_state(base)) ? PyDict_Copy(rp_opaque_state(base)) : PyDict_New();
    PyObject *layout = Py_BuildValue("{sOsOsOsK}", "dtype", dtype, "shape", shape, "strides",
                                     strides, "start", (unsigned long long)offset);
    PyObject *value = NULL;
    if (state && layout && PyDict_Update(state, layout) == 0)
        value = rp_opaque_of(decoder, rp_opaque_type(base), state);
    Py_XDECREF(state);
    Py_XDECREF(layout);
    return value;
}

static PyObject *finish_view(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    Py_ssize_t base = rp_top(decoder)->base;
    PyObject *dtype = NULL, *shape = NULL, *strides = NULL, *value = NULL, *memory;
    uint64_t offset;
    bool writeable;
    if (base < 0) return rp_damaged(decoder, "the base of a view has no mark");
    dtype = rp_get_dtype(decoder);
    shape = dtype ? get_numbers(decoder, false) : NULL;
    strides = shape ? get_numbers(decoder, true) : NULL;
    if (!strides || rp_next_unsigned(decoder, &offset) < 0 ||
        rp_next_bool(decoder, &writeable) < 0) {
        goto done;
    }
    if (rp_opaque_check(decoder->state, parts[0])) { /* a file that is not opened */
        value = opaque_view(decoder, parts[0], dtype, shape, strides, offset);
        goto done;
    }
    memory = memory_of(decoder, base, parts[0]);
    if (!memory) goto done;
    uint64_t low = decoder->shares[base].low;
    if (offset < low || offset - low > INT64_MAX) {
        rp_damaged(decoder, "a view begins before the memory of its base");
        goto done;
    }
    value = make_view(decoder, memory, dtype, shape, strides, offset - low, writeable);
    if (!value) goto done;
    /* the frame of the view is still open */
    decoder->depth--;
    PyObject *target;
    int fits = fitting_target(decoder, value, &target);
    decoder->depth++;
    if (fits < 0) Py_CLEAR(value);
    if (fits > 0) {
        int status = rp_add_filling(decoder, target, value);
        Py_SETREF(value, status < 0 ? NULL : Py_NewRef(target));
    }
done:
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    Py_XDECREF(strides);
    return value;
}

int rp_open_view(rp_decoder *decoder) {
    if (rp_need_numpy(decoder) < 0 || rp_next_array(decoder, 6, 6) < 0) return -1;
    if (rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 1, finish_view) < 0) return -1;
    rp_top(decoder)->is_view = true;
    return 0;
}

/* ---- SCALAR and DTYPE ---- */

/* Text and bytes by value; the others as an array of no dimensions. */
static PyObject *get_scalar_text(rp_decoder *decoder, const rs_cbor_item *item) {
    PyObject *plain = NULL;
    const char *name = "bytes_";
    if (item->kind == RS_CBOR_BYTES) {
        plain = PyBytes_FromStringAndSize((const char *)item->bytes, (Py_ssize_t)item->argument);
    } else if (item->kind == RS_CBOR_TEXT) {
        name = "str_";
        plain = rp_get_str(decoder, item);
    } else if (item->kind == RS_CBOR_TAG && item->argument == RP_TAG_SURROGATES) {
        name = "str_";
        plain = rp_get_surrogates(decoder);
    } else if (item->kind == RS_CBOR_TAG && item->argument == RP_TAG_BLOB) {
        plain = rp_get_blob_bytes(decoder);
    } else {
        return rp_damaged(decoder, "a scalar of numpy is of no known form");
    }
    PyObject *value =
        plain ? rp_checked(decoder, PyObject_CallMethod(decoder->numpy, name, "(O)", plain)) : NULL;
    Py_XDECREF(plain);
    return value;
}

/* What an array without dimensions holds. numpy makes texts of any numbers, Python knows none above
 * U+10FFFF. */
static PyObject *only_item(rp_decoder *decoder, PyObject *array, PyObject *nothing) {
    PyObject *value = rp_checked(decoder, PyObject_GetItem(array, nothing));
    if (!value || !PyUnicode_Check(value) || PyUnicode_KIND(value) != PyUnicode_4BYTE_KIND)
        return value;
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(value); i++) {
        if (PyUnicode_READ_CHAR(value, i) <= 0x10ffff) continue;
        Py_DECREF(value);
        return rp_damaged(decoder, "a text of numpy has a character that does not exist");
    }
    return value;
}

static PyObject *get_scalar(rp_decoder *decoder) {
    rs_cbor_item item;
    uint64_t size;
    rp_memory memory;
    order rows = {0};
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_ARRAY) return get_scalar_text(decoder, &item);
    if (item.argument != 2) return rp_damaged(decoder, "a scalar of numpy has two parts");
    PyObject *dtype = rp_get_dtype(decoder), *shape = PyTuple_New(0), *array = NULL, *value = NULL;
    if (!dtype || !shape || rp_next_memory(decoder, &memory) < 0) goto done;
    if (memory.partial) {
        rp_damaged(decoder, "a part of a blob stands where bytes do");
        goto done;
    }
    if (size_of(decoder, dtype, shape, &size) < 0) goto done;
    if (size != memory.size) { /* before memory is taken for it */
        rp_damaged(decoder, "a scalar of numpy has another size than its dtype");
        goto done;
    }
    array = new_array(decoder, dtype, shape, &rows);
    if (!array || fill_array(decoder, array, &memory) < 0) goto done;
    value = only_item(decoder, array, shape);
done:
    Py_XDECREF(dtype);
    Py_XDECREF(shape);
    Py_XDECREF(array);
    return value;
}

/* A record that is a part of an array. */
static PyObject *finish_record(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    if (rp_opaque_check(decoder->state, parts[0])) return Py_NewRef(parts[0]);
    PyObject *dimensions =
        is_array(decoder, parts[0]) ? PyObject_GetAttrString(parts[0], "ndim") : NULL;
    PyObject *none = dimensions && PyObject_Not(dimensions) == 1 ? PyTuple_New(0) : NULL;
    PyObject *value = none ? only_item(decoder, parts[0], none) : NULL;
    Py_XDECREF(none);
    Py_XDECREF(dimensions);
    if (!value && !PyErr_Occurred()) rp_damaged(decoder, "a record is of no known form");
    return value;
}

int rp_open_scalar(rp_decoder *decoder, PyObject **value) {
    rs_cbor_reader before = decoder->reader;
    rs_cbor_item item;
    int status = rp_scalar_get(decoder, value);
    if (status) return status < 0 ? -1 : 0;
    if (rp_need_numpy(decoder) < 0 || rp_next(decoder, &item) < 0) return -1;
    decoder->reader = before;
    if (item.kind == RS_CBOR_TAG && item.argument == RP_TAG_VIEW)
        return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 1, finish_record) < 0 ? -1 : 1;
    *value = get_scalar(decoder);
    if (*value && rp_scalar_learn_read(decoder, before.position, *value) < 0) Py_CLEAR(*value);
    return *value ? 0 : -1;
}

PyObject *rp_get_dtype_value(rp_decoder *decoder) {
    return rp_need_numpy(decoder) < 0 ? NULL : rp_get_dtype(decoder);
}
