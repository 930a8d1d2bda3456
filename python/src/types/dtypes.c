/* numpy dtypes in the object stream: a closed grammar, never evaluated. */
#include "../decode.h"
#include "../encode.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

enum { NESTING_MAX = 16 }; /* of records in records */
enum { PLAIN = 0, RECORD = 1, SUBARRAY = 2 };
/* numpy's numbers of types, fixed by its ABI */
enum {
    NUMBER_LONGLONG = 9,
    NUMBER_ULONGLONG = 10,
    NUMBER_LONGDOUBLE = 13,
    NUMBER_CLONGDOUBLE = 16
};
enum { NUMBER_OBJECT = 17, NUMBER_VOID = 20, NUMBER_COUNT = 24 };

static int get_long(PyObject *object, const char *name, long *value) {
    PyObject *attribute = PyObject_GetAttrString(object, name);
    if (!attribute) return -1;
    *value = PyLong_AsLong(attribute);
    Py_DECREF(attribute);
    return *value == -1 && PyErr_Occurred() ? -1 : 0;
}

static int get_truth(PyObject *object, const char *name) {
    PyObject *attribute = PyObject_GetAttrString(object, name);
    if (!attribute) return -1;
    int truth = PyObject_IsTrue(attribute);
    Py_DECREF(attribute);
    return truth;
}

/* ---- encoding ---- */

static uint32_t shuffle_of(char kind, long item_size) {
    if (kind == 'c') item_size /= 2;
    if (kind == 'U') item_size = 4;
    if (kind == 'S' || kind == 'b') item_size = 1;
    return item_size > 0 && item_size <= 64 ? (uint32_t)item_size : 1;
}

/* "<f8", "<M8[ns]", "|S5": numpy's own text, but for types whose text does not tell them apart. */
static int put_plain(rp_encoder *encoder, PyObject *dtype, long number, long item_size,
                     uint32_t *shuffle) {
    PyObject *string = PyObject_GetAttrString(dtype, "str");
    Py_ssize_t size;
    const char *text = string ? PyUnicode_AsUTF8AndSize(string, &size) : NULL;
    char changed[40];
    int status = -1;
    if (!text) goto done;
    if (size < 3 || size >= (Py_ssize_t)sizeof changed) {
        status = rp_refuse(encoder, "its dtype can't be saved");
        goto done;
    }
    memcpy(changed, text, (size_t)size);
    char kind = changed[1];
    if (number == NUMBER_LONGLONG) changed[1] = 'q';
    if (number == NUMBER_ULONGLONG) changed[1] = 'Q';
    if (number == NUMBER_LONGDOUBLE && LDBL_MANT_DIG == 64) changed[1] = 'g';
    if (number == NUMBER_CLONGDOUBLE && LDBL_MANT_DIG == 64) changed[1] = 'G';
    rs_cbor_put_text(&encoder->buffer, changed, (size_t)size);
    if (shuffle) *shuffle = shuffle_of(kind, item_size);
    status = RP_DONE;
done:
    Py_XDECREF(string);
    return status;
}

static int put_nested(rp_encoder *encoder, PyObject *dtype, uint32_t *shuffle, int depth);

/* [2, dtype, [dimensions]] */
static int put_subarray(rp_encoder *encoder, PyObject *subdtype, int depth) {
    PyObject *base = NULL, *shape = NULL;
    if (!PyArg_ParseTuple(subdtype, "OO!", &base, &PyTuple_Type, &shape)) return -1;
    rp_put_array_head(encoder, 3);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, SUBARRAY);
    int status = put_nested(encoder, base, NULL, depth + 1);
    if (status) return status;
    rp_put_array_head(encoder, (size_t)PyTuple_GET_SIZE(shape));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape); i++) {
        size_t size = PyLong_AsSize_t(PyTuple_GET_ITEM(shape, i));
        if (PyErr_Occurred()) return -1;
        rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, size);
    }
    return RP_DONE;
}

/* [name, offset, dtype] or [name, offset, dtype, title] */
static int put_field(rp_encoder *encoder, PyObject *name, PyObject *field, int depth) {
    PyObject *dtype = NULL, *title = NULL;
    Py_ssize_t offset;
    if (!PyArg_ParseTuple(field, "On|O", &dtype, &offset, &title)) return -1;
    if (!PyUnicode_CheckExact(name) || (title && !PyUnicode_CheckExact(title)))
        return rp_refuse(encoder, "a name or title in its dtype is no str");
    rp_put_array_head(encoder, title ? 4 : 3);
    int status = rp_put_str(encoder, name);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, (uint64_t)offset);
    if (!status) status = put_nested(encoder, dtype, NULL, depth + 1);
    if (!status && title) status = rp_put_str(encoder, title);
    return status;
}

/* [1, size of an item, aligned, [fields]] */
static int put_record(rp_encoder *encoder, PyObject *dtype, PyObject *names, long item_size,
                      int depth) {
    int status = -1;
    PyObject *fields = PyObject_GetAttrString(dtype, "fields");
    int aligned = fields ? get_truth(dtype, "isalignedstruct") : -1;
    if (aligned < 0) goto done;
    rp_put_array_head(encoder, 4);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, RECORD);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, (uint64_t)item_size);
    rs_cbor_put_simple(&encoder->buffer, aligned ? RS_CBOR_TRUE : RS_CBOR_FALSE);
    rp_put_array_head(encoder, (size_t)PyTuple_GET_SIZE(names));
    status = RP_DONE;
    for (Py_ssize_t i = 0; !status && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        PyObject *field = PyObject_GetItem(fields, name);
        status = field ? put_field(encoder, name, field, depth) : -1;
        Py_XDECREF(field);
    }
done:
    Py_XDECREF(fields);
    return status;
}

/* Types of others, objects and records with a class of their own are not in the closed set. */
static int check_number(rp_encoder *encoder, PyObject *dtype, long number) {
    if (number == NUMBER_OBJECT) return rp_refuse(encoder, "there are objects in its dtype");
    if (number < 0 || number >= NUMBER_COUNT)
        return rp_refuse(encoder, "its dtype is no basic type of numpy; convert it with astype()");
    PyObject *metadata = PyObject_GetAttrString(dtype, "metadata");
    if (!metadata) return -1;
    int status = RP_DONE;
    if (metadata != Py_None && !encoder->digest)
        status = rp_encoder_note(encoder, "the metadata of a dtype are not saved");
    Py_DECREF(metadata);
    if (status || number != NUMBER_VOID) return status;
    PyObject *type = PyObject_GetAttrString(dtype, "type");
    if (!type) return -1;
    if (!PyType_Check(type) || strcmp(((PyTypeObject *)type)->tp_name, "numpy.void") != 0)
        status = rp_refuse(encoder, "its records have a class of their own");
    Py_DECREF(type);
    return status;
}

static int put_nested(rp_encoder *encoder, PyObject *dtype, uint32_t *shuffle, int depth) {
    long number, item_size;
    PyObject *names = NULL, *subdtype = NULL;
    int status = -1;
    if (depth > NESTING_MAX) return rp_refuse(encoder, "its dtype is nested too deeply");
    if (get_long(dtype, "num", &number) < 0 || get_long(dtype, "itemsize", &item_size) < 0)
        return -1;
    status = check_number(encoder, dtype, number);
    if (status) return status;
    status = -1;
    names = PyObject_GetAttrString(dtype, "names");
    subdtype = names ? PyObject_GetAttrString(dtype, "subdtype") : NULL;
    if (!subdtype) goto done;
    if (PyTuple_Check(subdtype)) {
        status = put_subarray(encoder, subdtype, depth);
    } else if (PyTuple_Check(names)) {
        status = put_record(encoder, dtype, names, item_size, depth);
        if (shuffle) *shuffle = shuffle_of('V', item_size);
    } else {
        status = put_plain(encoder, dtype, number, item_size, shuffle);
    }
done:
    Py_XDECREF(names);
    Py_XDECREF(subdtype);
    return status;
}

int rp_put_dtype(rp_encoder *encoder, PyObject *dtype, uint32_t *shuffle) {
    if (shuffle) *shuffle = 1;
    return put_nested(encoder, dtype, shuffle, 0);
}

/* ---- decoding ---- */

static bool is_unit(const char *text, size_t size) {
    static const char *const units[] = {"Y",  "M",  "W",  "D",  "h",  "m", "s",
                                        "ms", "us", "ns", "ps", "fs", "as"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strlen(units[i]) == size && memcmp(units[i], text, size) == 0) return true;
    return false;
}

/* "[ns]", "[25s]" or nothing, at the end of the text. */
static bool is_unit_suffix(const char *text, size_t size) {
    if (size == 0) return true;
    if (size < 3 || size > 14 || text[0] != '[' || text[size - 1] != ']') return false;
    size_t at = 1;
    while (at < 10 && text[at] >= '0' && text[at] <= '9')
        at++;
    return is_unit(text + at, size - 1 - at);
}

static bool is_size_of(char kind, long size) {
    switch (kind) {
    case 'b':
        return size == 1;
    case 'i':
    case 'u':
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f':
        return size == 2 || size == 4 || size == 8 || (size == 16 && LDBL_MANT_DIG == 113);
    case 'c':
        return size == 8 || size == 16 || (size == 32 && LDBL_MANT_DIG == 113);
    case 'g':
        return size == 16 && LDBL_MANT_DIG == 64;
    case 'G':
        return size == 32 && LDBL_MANT_DIG == 64;
    case 'q':
    case 'Q':
    case 'm':
    case 'M':
        return size == 8;
    case 'S':
    case 'U':
    case 'V':
        return true;
    default:
        return false;
    }
}

/* The text for numpy, checked against the grammar; false when it is none of ours. */
static bool translate(const rs_cbor_item *item, char text[40]) {
    size_t size = (size_t)item->argument;
    if (size < 3 || size >= 40) return false;
    memcpy(text, item->bytes, size);
    text[size] = 0;
    if (!strchr("<>|", text[0])) return false;
    size_t at = 2;
    long number = 0;
    while (at < size && at < 12 && text[at] >= '0' && text[at] <= '9')
        number = number * 10 + (text[at++] - '0');
    bool timed = text[1] == 'm' || text[1] == 'M';
    if (at == 2 || number > INT32_MAX || !is_size_of(text[1], number)) return false;
    if (timed ? !is_unit_suffix(text + at, size - at) : at != size) return false;
    if (strchr("qQgG", text[1])) text[2] = 0; /* the letter alone tells the size */
    return true;
}

static PyObject *get_plain(rp_decoder *decoder, const rs_cbor_item *item) {
    char text[40];
    if (!translate(item, text)) {
        return rp_damaged(decoder, "'%.*s' is no dtype of this machine",
                          (int)(item->argument < 40 ? item->argument : 40), item->bytes);
    }
    return rp_checked(decoder, PyObject_CallFunction(decoder->dtype_type, "s", text));
}

static PyObject *get_nested(rp_decoder *decoder, int depth);

static PyObject *get_subarray(rp_decoder *decoder, int depth) {
    PyObject *value = NULL, *shape = NULL;
    PyObject *base = get_nested(decoder, depth + 1);
    Py_ssize_t count = base ? rp_next_array(decoder, 1, 64) : -1;
    if (count < 0) goto done;
    shape = PyTuple_New(count);
    for (Py_ssize_t i = 0; shape && i < count; i++) {
        uint64_t size;
        if (rp_next_unsigned(decoder, &size) < 0) goto done;
        PyObject *number = PyLong_FromUnsignedLongLong(size);
        if (!number) goto done;
        PyTuple_SET_ITEM(shape, i, number);
    }
    if (shape) {
        value =
            rp_checked(decoder, PyObject_CallFunction(decoder->dtype_type, "((OO))", base, shape));
    }
done:
    Py_XDECREF(base);
    Py_XDECREF(shape);
    return value;
}

/* The lists of a record's dtype, as numpy.dtype({...}) takes them. */
typedef struct record {
    PyObject *names, *formats, *offsets, *titles;
    bool titled;
} record;

static PyObject *get_text(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind == RS_CBOR_TAG && item.argument == RP_TAG_SURROGATES)
        return rp_get_surrogates(decoder);
    if (item.kind != RS_CBOR_TEXT) return rp_damaged(decoder, "the name of a field is no text");
    return rp_get_str(decoder, &item);
}

static int append(PyObject *list, PyObject *item) {
    int status = item ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return status;
}

static int get_field(rp_decoder *decoder, record *found, int depth) {
    uint64_t offset;
    Py_ssize_t count = rp_next_array(decoder, 3, 4);
    if (count < 0 || append(found->names, get_text(decoder)) < 0 ||
        rp_next_unsigned(decoder, &offset) < 0 ||
        append(found->offsets, PyLong_FromUnsignedLongLong(offset)) < 0 ||
        append(found->formats, get_nested(decoder, depth + 1)) < 0) {
        return -1;
    }
    if (count == 4) found->titled = true;
    return append(found->titles, count == 4 ? get_text(decoder) : Py_NewRef(Py_None));
}

static PyObject *make_record(rp_decoder *decoder, const record *found, uint64_t size,
                             bool aligned) {
    PyObject *description =
        Py_BuildValue("{sOsOsOsK}", "names", found->names, "formats", found->formats, "offsets",
                      found->offsets, "itemsize", (unsigned long long)size);
    PyObject *value = NULL;
    if (description &&
        (!found->titled || PyDict_SetItemString(description, "titles", found->titles) == 0)) {
        value = rp_checked(decoder, PyObject_CallFunction(decoder->dtype_type, "OO", description,
                                                          aligned ? Py_True : Py_False));
    }
    Py_XDECREF(description);
    return value;
}

static PyObject *get_record(rp_decoder *decoder, int depth) {
    PyObject *value = NULL;
    uint64_t size;
    bool aligned;
    record found = {PyList_New(0), PyList_New(0), PyList_New(0), PyList_New(0), false};
    if (!found.names || !found.formats || !found.offsets || !found.titles) goto done;
    if (rp_next_unsigned(decoder, &size) < 0 || rp_next_bool(decoder, &aligned) < 0) goto done;
    if (size > INT32_MAX) {
        rp_damaged(decoder, "the items of a dtype are too large");
        goto done;
    }
    Py_ssize_t count = rp_next_array(decoder, 0, SIZE_MAX);
    if (count < 0) goto done;
    for (Py_ssize_t i = 0; i < count; i++)
        if (get_field(decoder, &found, depth) < 0) goto done;
    value = make_record(decoder, &found, size, aligned);
done:
    Py_XDECREF(found.names);
    Py_XDECREF(found.formats);
    Py_XDECREF(found.offsets);
    Py_XDECREF(found.titles);
    return value;
}

static PyObject *get_nested(rp_decoder *decoder, int depth) {
    rs_cbor_item item;
    uint64_t kind;
    if (depth > NESTING_MAX) return rp_damaged(decoder, "a dtype is nested too deeply");
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind == RS_CBOR_TEXT) return get_plain(decoder, &item);
    if (item.kind != RS_CBOR_ARRAY) return rp_damaged(decoder, "a dtype is expected");
    if (rp_next_unsigned(decoder, &kind) < 0) return NULL;
    if (kind == RECORD && item.argument == 4) return get_record(decoder, depth);
    if (kind == SUBARRAY && item.argument == 3) return get_subarray(decoder, depth);
    return rp_damaged(decoder, "a dtype is of no known kind");
}

PyObject *rp_get_dtype(rp_decoder *decoder) {
    PyObject *dtype = get_nested(decoder, 0);
    if (dtype && !Py_IS_TYPE(dtype, (PyTypeObject *)decoder->dtype_type) &&
        !PyObject_TypeCheck(dtype, (PyTypeObject *)decoder->dtype_type)) {
        Py_DECREF(dtype);
        return rp_damaged(decoder, "a dtype is none");
    }
    return dtype;
}
