/* int, complex and range in the object stream. */
#include "../decode.h"
#include "../encode.h"
#include "../pycompat/ints.h"

static int put_big(rp_encoder *encoder, PyObject *object, bool negative) {
    int status = -1;
    PyObject *length = NULL, *bytes = NULL;
    /* the content of tag 3 is -1 - n, as of CBOR's negative integers */
    PyObject *magnitude = negative ? PyNumber_Invert(object) : Py_NewRef(object);
    if (magnitude) length = PyObject_CallMethod(magnitude, "bit_length", NULL);
    size_t bits = length ? PyLong_AsSize_t(length) : 0;
    if (PyErr_Occurred()) goto done;
    bytes = PyObject_CallMethod(magnitude, "to_bytes", "ns", (Py_ssize_t)((bits + 7) / 8), "big");
    if (!bytes) goto done;
    rp_put_tag(encoder, negative ? RP_TAG_BIG_NEGATIVE : RP_TAG_BIG_POSITIVE);
    rs_cbor_put_bytes(&encoder->buffer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    status = RP_DONE;
done:
    Py_XDECREF(magnitude);
    Py_XDECREF(length);
    Py_XDECREF(bytes);
    return status;
}

int rp_put_long(rp_encoder *encoder, PyObject *object) {
    int64_t value;
    if (rp_long_is_compact(object, &value)) {
        rs_cbor_put_int(&encoder->buffer, value);
        return RP_DONE;
    }
    int overflow;
    long long wide = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (!overflow) {
        if (wide == -1 && PyErr_Occurred()) return -1;
        rs_cbor_put_int(&encoder->buffer, wide);
        return RP_DONE;
    }
    if (overflow > 0) {
        unsigned long long magnitude = PyLong_AsUnsignedLongLong(object);
        if (!PyErr_Occurred()) {
            rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, magnitude);
            return RP_DONE;
        }
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
        PyErr_Clear();
    }
    /* -2^64 to -2^63 - 1 have a head in CBOR, too, but nobody misses it: tag 3 */
    return put_big(encoder, object, overflow < 0);
}

int rp_put_complex(rp_encoder *encoder, PyObject *object) {
    Py_complex value = ((PyComplexObject *)object)->cval;
    rp_put_tag(encoder, RP_TAG_COMPLEX);
    rp_put_array_head(encoder, 2);
    rs_cbor_put_double(&encoder->buffer, value.real);
    rs_cbor_put_double(&encoder->buffer, value.imag);
    return RP_DONE;
}

int rp_put_range(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"start", "stop", "step"};
    rp_put_tag(encoder, RP_TAG_RANGE);
    rp_put_array_head(encoder, 3);
    for (int i = 0; i < 3; i++) {
        PyObject *part = PyObject_GetAttrString(object, names[i]);
        if (!part) return -1;
        /* range(True) keeps the bool */
        int status = PyBool_Check(part) ? rp_put_value(encoder, part) : rp_put_long(encoder, part);
        Py_DECREF(part);
        if (status) return status;
    }
    return RP_DONE;
}

PyObject *rp_get_big(rp_decoder *decoder, const rs_cbor_item *bytes, bool negative) {
    if (decoder->source.is_foreign && bytes->argument > RP_FOREIGN_INT_SIZE_MAX) {
        rp_too_much(decoder, "it has an int of more than 64 KiB");
        return NULL;
    }
    PyObject *magnitude =
        PyObject_CallMethod((PyObject *)&PyLong_Type, "from_bytes", "y#s",
                            (const char *)bytes->bytes, (Py_ssize_t)bytes->argument, "big");
    if (!magnitude || !negative) return rp_checked(decoder, magnitude);
    PyObject *value = PyNumber_Invert(magnitude);
    Py_DECREF(magnitude);
    return value;
}

PyObject *rp_get_complex(rp_decoder *decoder) {
    double parts[2];
    rs_cbor_item item;
    if (rp_next_array(decoder, 2, 2) < 0) return NULL;
    for (int i = 0; i < 2; i++) {
        if (rp_next(decoder, &item) < 0) return NULL;
        if (!rs_cbor_item_double(&item, &parts[i]))
            return rp_damaged(decoder, "a part of a complex number is no float");
    }
    return PyComplex_FromDoubles(parts[0], parts[1]);
}

PyObject *rp_finish_range(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    for (int i = 0; i < 3; i++)
        if (!PyLong_Check(parts[i])) return rp_damaged(decoder, "a bound of a range is no int");
    return rp_checked(decoder, PyObject_CallFunctionObjArgs((PyObject *)&PyRange_Type, parts[0],
                                                            parts[1], parts[2], NULL));
}
