/* Private functions of the extension for the tests: encode, decode and digest without a file. */
#include "testing.h"
#include "stream.h"

#include <string.h>

static PyObject *blobs_of(rp_encoder *encoder) {
    size_t count;
    const rs_blob *blobs = rp_encoder_blobs(encoder, &count);
    PyObject *list = PyList_New((Py_ssize_t)count - 1);
    for (size_t i = 1; list && i < count; i++) {
        PyObject *bytes = PyBytes_FromStringAndSize(blobs[i].bytes, (Py_ssize_t)blobs[i].size);
        if (!bytes) Py_CLEAR(list);
        if (list) PyList_SET_ITEM(list, (Py_ssize_t)i - 1, bytes);
    }
    return list;
}

/* (stream, blobs, third); takes `third` over. */
static PyObject *result_of(rp_encoder *encoder, PyObject *third) {
    PyObject *result = NULL, *blobs = third ? blobs_of(encoder) : NULL;
    const rs_buffer *buffer = rp_encoder_buffer(encoder);
    if (blobs)
        result = Py_BuildValue("(y#OO)", (const char *)buffer->bytes, (Py_ssize_t)buffer->size,
                               blobs, third);
    Py_XDECREF(blobs);
    Py_XDECREF(third);
    return result;
}

PyObject *rp_testing_encode(PyObject *module, PyObject *value) {
    rp_encoder *encoder = rp_encoder_new(rp_state_of_module(module));
    if (!encoder) return NULL;
    PyObject *result = NULL;
    int status = rp_encoder_put(encoder, value, "value");
    if (status == 0) result = result_of(encoder, Py_NewRef(rp_encoder_notes(encoder)));
    if (status > 0) PyErr_SetString(PyExc_TypeError, rp_encoder_problem(encoder));
    rp_encoder_free(encoder);
    return result;
}

PyObject *rp_testing_encode_size(PyObject *module, PyObject *value) {
    rp_encoder *encoder = rp_encoder_new(rp_state_of_module(module));
    if (!encoder) return NULL;
    uint64_t size = 0;
    size_t count = 0;
    int status = rp_encoder_put(encoder, value, "value");
    const rs_blob *blobs = status == 0 ? rp_encoder_blobs(encoder, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        size += blobs[i].size;
    if (status > 0) PyErr_SetString(PyExc_TypeError, rp_encoder_problem(encoder));
    rp_encoder_free(encoder);
    return status == 0 ? PyLong_FromUnsignedLongLong(size) : NULL;
}

PyObject *rp_testing_encode_each(PyObject *module, PyObject *values) {
    rp_encoder *encoder = rp_encoder_new(rp_state_of_module(module));
    PyObject *result = NULL, *problems = PyList_New(0);
    Py_ssize_t count = PyList_Check(values) ? PyList_GET_SIZE(values) : 0;
    for (Py_ssize_t i = 0; encoder && problems && i < count; i++) {
        int status = rp_encoder_put(encoder, PyList_GET_ITEM(values, i), "value");
        PyObject *problem = status > 0    ? PyUnicode_FromString(rp_encoder_problem(encoder))
                            : status == 0 ? Py_NewRef(Py_None)
                                          : NULL;
        if (!problem || PyList_Append(problems, problem) < 0) Py_CLEAR(problems);
        Py_XDECREF(problem);
    }
    if (encoder && problems) result = result_of(encoder, Py_NewRef(problems));
    Py_XDECREF(problems);
    rp_encoder_free(encoder);
    return result;
}

/* Blobs from a list of bytes. */
static uint64_t list_blob_size(void *context, size_t index) {
    PyObject *list = context;
    if (index > (size_t)PyList_GET_SIZE(list)) return 0;
    PyObject *bytes = PyList_GET_ITEM(list, (Py_ssize_t)index - 1);
    return PyBytes_Check(bytes) ? (uint64_t)PyBytes_GET_SIZE(bytes) : 0;
}

static resume_status list_read_blob(void *context, size_t index, void *to, rs_error *error) {
    PyObject *bytes = PyList_GET_ITEM((PyObject *)context, (Py_ssize_t)index - 1);
    (void)error;
    memcpy(to, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    return RESUME_OK;
}

/* What the keywords of the decoding functions say. */
typedef struct request {
    PyObject *stream, *blobs, *targets, *trusted;
    int foreign, mine;
} request;

static rp_decoder *decoder_over(PyObject *module, const request *from) {
    rp_source source = {
        .stream = {PyBytes_AS_STRING(from->stream), (size_t)PyBytes_GET_SIZE(from->stream)},
        .context = from->blobs,
        .blob_size = list_blob_size,
        .read_blob = list_read_blob,
        .is_foreign = from->foreign,
        .is_mine = from->mine,
        .trusted = from->trusted == Py_None ? NULL : from->trusted,
    };
    return rp_decoder_new_from(rp_state_of_module(module), &source);
}

PyObject *rp_testing_decode(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"stream", "blobs", "target", "foreign", "mine", "trusted", NULL};
    request given = {.targets = Py_None, .trusted = Py_None};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "SO!|OppO", keywords, &given.stream,
                                     &PyList_Type, &given.blobs, &given.targets, &given.foreign,
                                     &given.mine, &given.trusted))
        return NULL;
    rp_decoder *decoder = decoder_over(module, &given);
    if (!decoder) return NULL;
    PyObject *value = rp_decoder_get(decoder, given.targets == Py_None ? NULL : given.targets);
    PyObject *result = NULL;
    if (value && rp_decoder_commit(decoder) == 0)
        result = PyTuple_Pack(2, value, rp_decoder_notes(decoder));
    Py_XDECREF(value);
    rp_decoder_free(decoder);
    return result;
}

PyObject *rp_testing_decode_each(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"stream", "blobs", "targets", "mine", NULL};
    request given = {.trusted = Py_None};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "SO!O!|p", keywords, &given.stream, &PyList_Type,
                                     &given.blobs, &PyList_Type, &given.targets, &given.mine))
        return NULL;
    rp_decoder *decoder = decoder_over(module, &given);
    if (!decoder) return NULL;
    PyObject *values = PyList_New(0);
    for (Py_ssize_t i = 0; values && i < PyList_GET_SIZE(given.targets); i++) {
        PyObject *target = PyList_GET_ITEM(given.targets, i);
        PyObject *value = rp_decoder_get(decoder, target == Py_None ? NULL : target);
        if (!value || PyList_Append(values, value) < 0) Py_CLEAR(values);
        Py_XDECREF(value);
    }
    if (values && rp_decoder_commit(decoder) < 0) Py_CLEAR(values);
    rp_decoder_free(decoder);
    return values;
}

PyObject *rp_testing_digest(PyObject *module, PyObject *value) {
    uint8_t digest[RP_DIGEST_SIZE];
    int status = rp_digest(rp_state_of_module(module), value, digest);
    if (status < 0) return NULL;
    if (status > 0) Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)digest, sizeof digest);
}
