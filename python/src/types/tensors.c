/* Tensors of torch in the object stream: an array of numpy over their memory, and what makes it a
 * tensor. Tensors that share memory share it again, with each other and with arrays. */
#include "../decode.h"
#include "../lookup.h"
#include "array_interface.h"
#include "known_types.h"

#include <string.h>

enum { KIND_TENSOR = 0, KIND_PARAMETER = 1 };

/* Types of elements, and the type of torch under which numpy can look at them. */
static const struct {
    const char *name, *seen_as;
    int size;
} types[] = {
    {"float32", NULL, 4},
    {"float64", NULL, 8},
    {"float16", NULL, 2},
    {"bfloat16", "int16", 2},
    {"int64", NULL, 8},
    {"int32", NULL, 4},
    {"int16", NULL, 2},
    {"int8", NULL, 1},
    {"uint8", NULL, 1},
    {"bool", NULL, 1},
    {"complex64", NULL, 8},
    {"complex128", NULL, 16},
    {"complex32", "int32", 4},
    {"uint16", NULL, 2},
    {"uint32", NULL, 4},
    {"uint64", NULL, 8},
    {"float8_e4m3fn", "uint8", 1},
    {"float8_e5m2", "uint8", 1},
    {"float8_e4m3fnuz", "uint8", 1},
    {"float8_e5m2fnuz", "uint8", 1},
    {"float8_e8m0fnu", "uint8", 1},
};
enum { TYPE_COUNT = sizeof types / sizeof types[0] };

/* ---- encoding ---- */

/* str(object.name), without what stands before the last dot. New reference. */
static PyObject *text_of_attribute(PyObject *object, const char *name) {
    PyObject *value = PyObject_GetAttrString(object, name);
    PyObject *text = value ? PyObject_Str(value) : NULL;
    const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    const char *dot = utf8 ? strrchr(utf8, '.') : NULL;
    if (dot) Py_SETREF(text, PyUnicode_FromString(dot + 1));
    Py_XDECREF(value);
    return utf8 ? text : NULL;
}

/* 1, 0, or -1 with an exception. */
static int is_true(PyObject *object, const char *method) {
    PyObject *value = PyObject_GetAttrString(object, method);
    if (value && PyCallable_Check(value)) Py_SETREF(value, PyObject_CallNoArgs(value));
    int truth = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return truth;
}

/* Replaces the reference by object.method(). */
static void become(PyObject **object, const char *method, const char *format, PyObject *argument) {
    if (!*object) return;
    Py_SETREF(*object, argument ? PyObject_CallMethod(*object, method, format, argument)
                                : PyObject_CallMethod(*object, method, NULL));
}

/* A detached tensor of the processor's memory, whose elements numpy knows. New reference. */
static PyObject *readable(PyObject *torch, PyObject *tensor, const char *seen_as, bool elsewhere) {
    PyObject *plain = PyObject_CallMethod(tensor, "detach", NULL);
    if (elsewhere) become(&plain, "cpu", NULL, NULL);
    become(&plain, "resolve_conj", NULL, NULL);
    become(&plain, "resolve_neg", NULL, NULL);
    if (plain && seen_as) {
        PyObject *type = PyObject_GetAttrString(torch, seen_as);
        if (type) become(&plain, "view", "(O)", type);
        if (!type) Py_CLEAR(plain);
        Py_XDECREF(type);
    }
    return plain;
}

/* The gradient of a leaf; of another tensor torch has none, and warns. New reference. */
static PyObject *gradient_of(PyObject *tensor) {
    int leaf = is_true(tensor, "is_leaf");
    if (leaf > 0) return PyObject_GetAttrString(tensor, "grad");
    return leaf < 0 ? NULL : Py_NewRef(Py_None);
}

static int find_type(PyObject *name) {
    for (int i = 0; i < TYPE_COUNT; i++)
        if (PyUnicode_CompareWithASCIIString(name, types[i].name) == 0) return i;
    return -1;
}

/* 1: its elements lie in memory of its own, in a type of the table, and it has no attributes that
 * somebody gave it. 0: not. -1: exception. *device and *dtype are new references. */
static int look_at(PyObject *tensor, PyObject **device, PyObject **dtype, int *type) {
    PyObject *layout = text_of_attribute(tensor, "layout");
    PyObject *attributes = layout ? PyObject_GetAttrString(tensor, "__dict__") : NULL;
    bool plain = attributes && PyDict_CheckExact(attributes) && PyDict_GET_SIZE(attributes) == 0 &&
                 PyUnicode_CompareWithASCIIString(layout, "strided") == 0;
    *device = attributes ? text_of_attribute(tensor, "device") : NULL;
    *dtype = *device ? text_of_attribute(tensor, "dtype") : NULL;
    Py_XDECREF(layout);
    Py_XDECREF(attributes);
    if (!*dtype) return -1;
    *type = find_type(*dtype);
    return plain && *type >= 0 && PyUnicode_CompareWithASCIIString(*device, "meta") != 0;
}

int rp_put_tensor(rp_encoder *encoder, PyObject *object) {
    PyObject *device = NULL, *dtype = NULL, *torch = NULL, *plain = NULL, *array = NULL;
    PyObject *gradient = NULL, *parts = NULL;
    int type = 0, plain_memory = look_at(object, &device, &dtype, &type), status = -1;
    if (plain_memory <= 0) {
        if (plain_memory == 0) status = rp_put_instance(encoder, object);
        goto done;
    }
    bool elsewhere = PyUnicode_CompareWithASCIIString(device, "cpu") != 0;
    int needs_gradient = is_true(object, "requires_grad");
    if (needs_gradient < 0 || rp_module_find("torch", &torch) <= 0) goto done;
    plain = readable(torch, object, types[type].seen_as, elsewhere);
    array = plain ? PyObject_CallMethod(plain, "numpy", NULL) : NULL;
    gradient = array ? gradient_of(object) : NULL;
    long kind = Py_IS_TYPE(object, encoder->tensor_type) ? KIND_TENSOR : KIND_PARAMETER;
    if (gradient)
        parts = Py_BuildValue("(OOOOlO)", array, dtype, device, needs_gradient ? Py_True : Py_False,
                              kind, gradient);
    if (!parts) goto done;
    rp_put_tag(encoder, RP_TAG_TENSOR);
    rp_put_array_head(encoder, (size_t)PyTuple_GET_SIZE(parts));
    status = rp_push_parts(encoder, parts, ", one of its attributes");
done:
    Py_XDECREF(gradient);
    Py_XDECREF(array);
    Py_XDECREF(plain);
    Py_XDECREF(torch);
    Py_XDECREF(dtype);
    Py_XDECREF(device);
    return status;
}

int rp_tensor_memory(PyObject *tensor, const uint8_t **start, uint64_t *size, PyObject **storage) {
    PyObject *address = NULL, *count = NULL;
    *storage = PyObject_CallMethod(tensor, "untyped_storage", NULL);
    if (*storage) address = PyObject_CallMethod(*storage, "data_ptr", NULL);
    if (address) count = PyObject_CallMethod(*storage, "nbytes", NULL);
    if (count) {
        *start = PyLong_AsVoidPtr(address);
        *size = PyLong_AsUnsignedLongLong(count);
    }
    Py_XDECREF(address);
    Py_XDECREF(count);
    if (!PyErr_Occurred()) return 0;
    Py_CLEAR(*storage);
    return -1;
}

/* ---- decoding ---- */

/* torch, borrowed; NULL without an exception: there is none, and the tensor stays an array. Only
 * what is mine imports it. */
static PyObject *torch_of(rp_decoder *decoder) {
    if (decoder->torch) return decoder->torch;
    if (rp_module_find("torch", &decoder->torch) != 0) return decoder->torch;
    if (decoder->source.is_mine) decoder->torch = PyImport_ImportModule("torch");
    if (decoder->torch) return decoder->torch;
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_ImportError)) return NULL;
    PyErr_Clear();
    rp_decoder_note(decoder, "tensors of torch are arrays of numpy here: torch is not there");
    return NULL;
}

/* The array that owns the memory of `array` as far as numpy knows, new reference. */
static PyObject *owner_of(rp_decoder *decoder, PyObject *array) {
    PyObject *owner = Py_NewRef(array);
    for (;;) {
        PyObject *base = PyObject_GetAttrString(owner, "base");
        if (!base || !PyObject_TypeCheck(base, (PyTypeObject *)decoder->array_type)) {
            if (!base) Py_CLEAR(owner);
            Py_XDECREF(base);
            return owner;
        }
        Py_SETREF(owner, base);
    }
}

/* owner's memory as bytes: ravel() in the order of memory copies nothing. New reference. */
static PyObject *bytes_of(rp_decoder *decoder, PyObject *owner) {
    PyObject *flat = PyObject_CallMethod(owner, "ravel", "s", "K");
    if (flat) Py_SETREF(flat, PyObject_CallMethod(flat, "view", "(O)", decoder->byte_dtype));
    PyObject *flags = flat ? PyObject_GetAttrString(flat, "flags") : NULL;
    int writeable = flags ? is_true(flags, "writeable") : -1;
    Py_XDECREF(flags);
    if (writeable == 0) Py_SETREF(flat, PyObject_CallMethod(flat, "copy", NULL));
    if (writeable < 0) Py_CLEAR(flat);
    return flat;
}

/* The one storage over the memory of an array from its byte `shift` on, new reference. */
static PyObject *storage_of(rp_decoder *decoder, PyObject *torch, PyObject *owner,
                            Py_ssize_t shift) {
    PyObject *key = Py_BuildValue("(Nn)", PyLong_FromVoidPtr(owner), shift), *pair = NULL;
    PyObject *flat = NULL, *bytes = NULL, *storage = NULL;
    if (key && !decoder->storages) decoder->storages = PyDict_New();
    if (!key || !decoder->storages) goto done;
    pair = Py_XNewRef(PyDict_GetItemWithError(decoder->storages, key));
    if (!pair && !PyErr_Occurred()) {
        flat = bytes_of(decoder, owner);
        if (flat && shift > 0) Py_SETREF(flat, PySequence_GetSlice(flat, shift, PY_SSIZE_T_MAX));
        bytes = flat ? PyObject_CallMethod(torch, "from_numpy", "(O)", flat) : NULL;
        storage = bytes ? PyObject_CallMethod(bytes, "untyped_storage", NULL) : NULL;
        /* the owner is held, so that nothing else gets its address */
        pair = storage ? PyTuple_Pack(2, storage, owner) : NULL;
        if (pair && PyDict_SetItem(decoder->storages, key, pair) < 0) Py_CLEAR(pair);
        Py_CLEAR(storage);
    }
    if (pair) storage = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
done:
    Py_XDECREF(key);
    Py_XDECREF(pair);
    Py_XDECREF(flat);
    Py_XDECREF(bytes);
    return storage;
}

/* What set_() wants: (offset, shape, strides), in elements, over a storage that begins `*shift`
 * bytes behind the owner. New reference. */
static PyObject *layout_of(rp_decoder *decoder, PyObject *array, PyObject *owner,
                           Py_ssize_t *shift) {
    PyObject *capsule = NULL, *owner_capsule = NULL, *shape = NULL, *strides = NULL, *layout = NULL;
    const rp_array_interface *look = rp_array_look(array, &capsule), *whole = NULL;
    if (look) whole = rp_array_look(owner, &owner_capsule);
    if (!whole || look->item_size == 0) goto done;
    shape = PyTuple_New(look->dimensions);
    strides = shape ? PyTuple_New(look->dimensions) : NULL;
    Py_intptr_t offset = (const char *)look->data - (const char *)whole->data;
    bool fits = offset >= 0;
    for (int i = 0; strides && i < look->dimensions; i++) {
        fits &= look->strides[i] >= 0 && look->strides[i] % look->item_size == 0;
        PyObject *count = PyLong_FromSsize_t(look->shape[i]);
        PyObject *step = PyLong_FromSsize_t(look->strides[i] / look->item_size);
        PyTuple_SET_ITEM(shape, i, count);
        PyTuple_SET_ITEM(strides, i, step);
        if (!count || !step) Py_CLEAR(strides);
    }
    if (strides && fits) {
        *shift = offset % look->item_size;
        layout = Py_BuildValue("(nOO)", offset / look->item_size, shape, strides);
    }
done:
    if (!layout && !PyErr_Occurred()) rp_damaged(decoder, "a tensor has no layout of torch");
    Py_XDECREF(shape);
    Py_XDECREF(strides);
    Py_XDECREF(capsule);
    Py_XDECREF(owner_capsule);
    return layout;
}

/* A tensor over the memory of the array. New reference. */
static PyObject *tensor_over(rp_decoder *decoder, PyObject *torch, PyObject *array, int type) {
    PyObject *owner = owner_of(decoder, array), *layout = NULL, *storage = NULL, *tensor = NULL;
    PyObject *dtype = NULL, *of_type = NULL, *result = NULL;
    Py_ssize_t shift = 0;
    if (owner) layout = layout_of(decoder, array, owner, &shift);
    if (layout) storage = storage_of(decoder, torch, owner, shift);
    if (storage) dtype = PyObject_GetAttrString(torch, types[type].name);
    of_type = dtype ? Py_BuildValue("{sO}", "dtype", dtype) : NULL;
    PyObject *empty = of_type ? PyObject_GetAttrString(torch, "empty") : NULL;
    PyObject *nothing = empty ? Py_BuildValue("(i)", 0) : NULL;
    if (nothing) tensor = PyObject_Call(empty, nothing, of_type);
    if (tensor)
        result = PyObject_CallMethod(tensor, "set_", "OOOO", storage, PyTuple_GET_ITEM(layout, 0),
                                     PyTuple_GET_ITEM(layout, 1), PyTuple_GET_ITEM(layout, 2));
    Py_XDECREF(empty);
    Py_XDECREF(nothing);
    Py_XDECREF(owner);
    Py_XDECREF(layout);
    Py_XDECREF(storage);
    Py_XDECREF(tensor);
    Py_XDECREF(dtype);
    Py_XDECREF(of_type);
    return result;
}

/* To the device it was on, when that is there. Steals `tensor`. */
static PyObject *to_device(rp_decoder *decoder, PyObject *tensor, PyObject *device) {
    if (decoder->tensors_stay || !decoder->source.is_mine ||
        PyUnicode_CompareWithASCIIString(device, "cpu") == 0)
        return tensor;
    PyObject *moved = PyObject_CallMethod(tensor, "to", "(O)", device);
    if (!moved && PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear();
        if (rp_decoder_note(decoder,
                            "a tensor was on '%U', which is not there: it is on the "
                            "processor now",
                            device) == 0)
            return tensor;
    }
    Py_DECREF(tensor);
    return moved;
}

/* Steals `tensor`. */
static PyObject *finish_kind(PyObject *torch, PyObject *tensor, PyObject *const *parts) {
    PyObject *done = NULL, *nn = NULL;
    if (PyLong_AsLong(parts[4]) == KIND_PARAMETER) {
        nn = PyObject_GetAttrString(torch, "nn");
        Py_SETREF(tensor, nn ? PyObject_CallMethod(nn, "Parameter", "OO", tensor, parts[3]) : NULL);
    } else if (parts[3] == Py_True) {
        done = PyObject_CallMethod(tensor, "requires_grad_", NULL);
        if (!done) Py_CLEAR(tensor);
    }
    if (tensor && parts[5] != Py_None && PyObject_SetAttrString(tensor, "grad", parts[5]) < 0)
        Py_CLEAR(tensor);
    Py_XDECREF(nn);
    Py_XDECREF(done);
    return tensor;
}

/* The parts are what the format says: 1, 0, or -1 with an exception. */
static int check_parts(rp_decoder *decoder, PyObject *const *parts, int *type) {
    *type = PyUnicode_CheckExact(parts[1]) ? find_type(parts[1]) : -1;
    if (!PyObject_TypeCheck(parts[0], (PyTypeObject *)decoder->array_type)) return 0;
    if (*type < 0 || !PyUnicode_CheckExact(parts[2]) || !PyBool_Check(parts[3]) ||
        !PyLong_CheckExact(parts[4]))
        return 0;
    long kind = PyLong_AsLong(parts[4]);
    if (kind != KIND_TENSOR && kind != KIND_PARAMETER) {
        PyErr_Clear();
        return 0;
    }
    PyObject *capsule;
    const rp_array_interface *look = rp_array_look(parts[0], &capsule);
    if (!look) return -1;
    int fits = look->item_size == types[*type].size;
    Py_DECREF(capsule);
    return fits;
}

static PyObject *finish_tensor(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    int type;
    (void)count;
    if (rp_need_numpy(decoder) < 0) return NULL;
    int good = check_parts(decoder, parts, &type);
    if (good <= 0) return good < 0 ? NULL : rp_damaged(decoder, "a tensor is not possible");
    PyObject *torch = torch_of(decoder);
    if (!torch) return PyErr_Occurred() ? NULL : Py_NewRef(parts[0]);
    PyObject *tensor = tensor_over(decoder, torch, parts[0], type);
    if (tensor) tensor = to_device(decoder, tensor, parts[2]);
    if (tensor) tensor = finish_kind(torch, tensor, parts);
    return rp_checked(decoder, tensor);
}

int rp_get_tensor(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    (void)value;
    if (tag != RP_TAG_TENSOR) return 2;
    if (rp_next_array(decoder, 6, 6) < 0) return -1;
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 6, finish_tensor) < 0 ? -1 : 1;
}
