/* Filling the objects of the caller, and reading from a loaded generation. */
#include "decode.h"
#include "pycompat/set_table.h"

#include <string.h>

static int fill_list(PyObject *list, PyObject *content) {
    return PyList_SetSlice(list, 0, PyList_GET_SIZE(list), content);
}

/* The new content is complete before the old one goes. */
static int fill_dict(PyObject *dict, PyObject *content) {
    PyObject *old = PyDict_Copy(dict);
    if (!old) return -1;
    PyDict_Clear(dict);
    int status = PyDict_Update(dict, content);
    if (status < 0) {
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        PyDict_Clear(dict);
        if (PyDict_Update(dict, old) < 0) PyErr_Clear();
        PyErr_Restore(type, value, trace);
    }
    Py_DECREF(old);
    return status;
}

static int fill_bytearray(PyObject *array, PyObject *content) {
    Py_ssize_t size = PyByteArray_GET_SIZE(content);
    if (size != PyByteArray_GET_SIZE(array) && PyByteArray_Resize(array, size) < 0) return -1;
    memcpy(PyByteArray_AS_STRING(array), PyByteArray_AS_STRING(content), (size_t)size);
    return 0;
}

static int fill(PyObject *target, PyObject *content) {
    if (PyList_CheckExact(target)) return fill_list(target, content);
    if (PyDict_CheckExact(target)) return fill_dict(target, content);
    if (PyByteArray_CheckExact(target)) return fill_bytearray(target, content);
    if (PySet_CheckExact(target)) {
        rp_set_swap(target, content);
        return 0;
    }
    if (PyType_Check(target)) return rp_class_fill(target, content);
    if (PyFunction_Check(target)) return rp_function_fill(target, content);
    return PyObject_SetItem(target, Py_Ellipsis, content); /* an array of numpy */
}

int rp_decoder_set_files(rp_decoder *decoder, PyObject *variables) {
    Py_XSETREF(decoder->files, PyDict_Copy(variables));
    return decoder->files ? 0 : -1;
}

PyObject *rp_decoder_positioned(rp_decoder *decoder) {
    return decoder->positioned;
}

PyObject *rp_decoder_files(rp_decoder *decoder) {
    return decoder->opened;
}

int rp_decoder_commit(rp_decoder *decoder) {
    if (rp_commit_files(decoder) < 0) return -1;
    for (size_t i = 0; i < decoder->filling_count; i++)
        if (fill(decoder->fillings[i].target, decoder->fillings[i].content) < 0) return -1;
    while (decoder->filling_count > 0) {
        rp_filling *filling = &decoder->fillings[--decoder->filling_count];
        Py_CLEAR(filling->target);
        Py_CLEAR(filling->content);
    }
    return 0;
}

static uint64_t state_blob_size(void *context, size_t index) {
    return rs_state_blob_size(context, index);
}

static resume_status state_read_blob(void *context, size_t index, void *to, rs_error *error) {
    return rs_state_read_blob(context, index, to, error);
}

static resume_status state_map_blob(void *context, size_t index, void *to, rs_error *error) {
    uint64_t mapped;
    return rs_state_map_blob(context, index, to, &mapped, error);
}

static resume_status state_claim(void *context, uint64_t size, rs_error *error) {
    return rs_state_claim(context, size, error);
}

bool rp_is_mine(const rs_state *loaded) {
    return rs_state_is_mine(loaded);
}

rp_decoder *rp_decoder_new(rp_module_state *state, rs_state *loaded) {
    rp_source source = {.stream = rs_state_stream(loaded),
                        .context = loaded,
                        .blob_size = state_blob_size,
                        .read_blob = state_read_blob,
                        .claim = state_claim,
                        .is_foreign = rs_state_is_foreign(loaded),
                        .is_mine = rp_is_mine(loaded)};
    return rp_decoder_new_from(state, &source);
}

void rp_decoder_be_lazy(rp_decoder *decoder) {
    decoder->source.map_blob = state_map_blob;
}
