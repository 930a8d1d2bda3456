/* Masked arrays of numpy.ma in the object stream: data, mask and fill value, each an array. */
#include "../decode.h"
#include "../encode.h"
#include "known_types.h"

enum { DATA, MASK, FILL_VALUE, HARD, SHARED, INFORMATION, PARTS };

/* ---- encoding ---- */

int rp_put_masked_constant(rp_encoder *encoder, PyObject *object) {
    (void)object;
    rp_put_tag(encoder, RP_TAG_MASKED);
    rp_put_array_head(encoder, 0);
    return RP_DONE;
}

/* The mask is a view of itself in each `.mask`; `_mask` is the one that views share. None: there is
 * none (numpy.ma.nomask). New reference. */
static PyObject *mask_of(rp_encoder *encoder, PyObject *object) {
    PyObject *mask = PyObject_GetAttrString(object, "_mask");
    if (mask && !Py_IS_TYPE(mask, encoder->array_type)) Py_SETREF(mask, Py_NewRef(Py_None));
    return mask;
}

int rp_put_masked(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {[FILL_VALUE] = "_fill_value",
                                        [HARD] = "_hardmask",
                                        [SHARED] = "_sharedmask",
                                        [INFORMATION] = "_optinfo"};
    PyObject *base_class = PyObject_GetAttrString(object, "_baseclass");
    if (!base_class) return -1;
    bool plain = base_class == (PyObject *)encoder->array_type;
    Py_DECREF(base_class);
    if (!plain) return rp_refuse(encoder, "its data are of a subclass of numpy.ndarray");
    PyObject *parts = PyTuple_New(PARTS);
    for (int i = 0; parts && i < PARTS; i++) {
        PyObject *part = i == DATA   ? PyObject_CallMethod(object, "view", "O", encoder->array_type)
                         : i == MASK ? mask_of(encoder, object)
                                     : PyObject_GetAttrString(object, names[i]);
        if (!part) Py_CLEAR(parts);
        if (parts) PyTuple_SET_ITEM(parts, i, part);
    }
    rp_put_tag(encoder, RP_TAG_MASKED);
    rp_put_array_head(encoder, PARTS);
    return rp_push_parts(encoder, parts, ", its data, mask or fill value");
}

/* ---- decoding ---- */

static bool is_array(const rp_decoder *decoder, PyObject *object) {
    return Py_IS_TYPE(object, (PyTypeObject *)decoder->array_type);
}

/* A mask has the shape of the data, and a bool for each number in their dtype. 1, 0, or -1. */
static int mask_fits(PyObject *module, PyObject *data, PyObject *mask) {
    PyObject *dtype = PyObject_GetAttrString(data, "dtype"), *wanted = NULL, *found = NULL;
    PyObject *shape = NULL, *mask_shape = NULL;
    int fits = -1;
    if (dtype) wanted = PyObject_CallMethod(module, "make_mask_descr", "(O)", dtype);
    if (wanted) found = PyObject_GetAttrString(mask, "dtype");
    if (found) fits = PyObject_RichCompareBool(wanted, found, Py_EQ);
    if (fits > 0) {
        shape = PyObject_GetAttrString(data, "shape");
        mask_shape = shape ? PyObject_GetAttrString(mask, "shape") : NULL;
        fits = mask_shape ? PyObject_RichCompareBool(shape, mask_shape, Py_EQ) : -1;
    }
    Py_XDECREF(dtype);
    Py_XDECREF(wanted);
    Py_XDECREF(found);
    Py_XDECREF(shape);
    Py_XDECREF(mask_shape);
    return fits;
}

static int check_parts(rp_decoder *decoder, PyObject *module, PyObject *const *parts) {
    bool fits = parts[DATA] && is_array(decoder, parts[DATA]) && PyBool_Check(parts[HARD]) &&
                PyBool_Check(parts[SHARED]) && PyDict_CheckExact(parts[INFORMATION]) &&
                (parts[MASK] == Py_None || is_array(decoder, parts[MASK])) &&
                (parts[FILL_VALUE] == Py_None || is_array(decoder, parts[FILL_VALUE]));
    int status =
        fits && parts[MASK] != Py_None ? mask_fits(module, parts[DATA], parts[MASK]) : fits;
    if (status < 0) return rp_checked_status(decoder, -1);
    if (status == 0) rp_damaged(decoder, "the parts of a masked array do not fit together");
    return status ? 0 : -1;
}

/* The class looks at the data; its attributes are then those that were saved. */
static PyObject *make(PyObject *module, PyObject *const *parts) {
    PyObject *type = PyObject_GetAttrString(module, "MaskedArray");
    PyObject *value = type ? PyObject_CallMethod(parts[DATA], "view", "O", type) : NULL;
    PyObject *mask =
        parts[MASK] == Py_None ? PyObject_GetAttrString(module, "nomask") : Py_NewRef(parts[MASK]);
    if (value && (!mask || PyObject_SetAttrString(value, "_mask", mask) < 0 ||
                  PyObject_SetAttrString(value, "_fill_value", parts[FILL_VALUE]) < 0 ||
                  PyObject_SetAttrString(value, "_hardmask", parts[HARD]) < 0 ||
                  PyObject_SetAttrString(value, "_sharedmask", parts[SHARED]) < 0 ||
                  PyObject_SetAttrString(value, "_optinfo", parts[INFORMATION]) < 0)) {
        Py_CLEAR(value);
    }
    Py_XDECREF(mask);
    Py_XDECREF(type);
    return value;
}

static PyObject *finish_masked(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    if (rp_need_numpy(decoder) < 0) return NULL;
    PyObject *module = PyImport_ImportModule("numpy.ma"), *value = NULL;
    if (module && count == 0) {
        value = PyObject_GetAttrString(module, "masked");
    } else if (module && check_parts(decoder, module, parts) == 0) {
        value = rp_checked(decoder, make(module, parts));
    }
    Py_XDECREF(module);
    return value;
}

int rp_get_masked(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    (void)value;
    if (tag != RP_TAG_MASKED) return 2;
    Py_ssize_t count = rp_next_array(decoder, 0, PARTS);
    if (count > 0 && count != PARTS) {
        rp_damaged(decoder, "a masked array has %d parts", PARTS);
        return -1;
    }
    if (count < 0) return -1;
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count, finish_masked) < 0 ? -1
                                                                                            : 1;
}
