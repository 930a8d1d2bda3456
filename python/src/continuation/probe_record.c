/* Private functions of the extension for the tests: captured frames made by hand, and looked at. */
#include "probe_record.h"

#include "record.h"

#include "../encode.h"

static int copy_parts(PyObject *given, PyObject **to) {
    *to = PySequence_Tuple(given);
    return *to ? 0 : -1;
}

/* _record(code, globals, unit, mode, variables, stack, kinds, inner=None[, value]) */
static PyObject *probe_record(PyObject *module, PyObject *args) {
    rp_record *record = rp_record_new(rp_state_of_module(module));
    PyObject *code, *globals, *slots, *stack, *kinds, *inner = Py_None, *value = NULL;
    int unit, mode;
    if (!record) return NULL;
    if (!PyArg_ParseTuple(args, "O!O!iiOOS|OO", &PyCode_Type, &code, &PyDict_Type, &globals, &unit,
                          &mode, &slots, &stack, &kinds, &inner, &value) ||
        copy_parts(slots, &record->slots) < 0 || copy_parts(stack, &record->stack) < 0) {
        Py_DECREF(record);
        return NULL;
    }
    record->code = (PyCodeObject *)Py_NewRef(code);
    record->globals = Py_NewRef(globals);
    record->unit = unit;
    record->mode = (rp_mode)mode;
    record->kinds = Py_NewRef(kinds);
    record->inner = inner == Py_None ? NULL : Py_NewRef(inner);
    record->value = Py_XNewRef(value);
    return (PyObject *)record;
}

static PyObject *or_none(PyObject *object) {
    return object ? object : Py_None;
}

/* _record_parts(record) -> (code, unit, mode, variables, stack, kinds, inner or None, value or
 * None) */
static PyObject *probe_record_parts(PyObject *module, PyObject *object) {
    const rp_record *record = (rp_record *)object;
    if (!Py_IS_TYPE(object, rp_state_of_module(module)->record_type))
        return PyErr_Format(PyExc_TypeError, "not a record");
    return Py_BuildValue("(OiiOOOOO)", record->code, record->unit, record->mode, record->slots,
                         record->stack, record->kinds, or_none(record->inner),
                         or_none(record->value));
}

/* What stands for an empty slot. */
static PyObject *probe_null(PyObject *module, PyObject *unused) {
    (void)unused;
    return Py_NewRef(rp_state_of_module(module)->null);
}

/* _encode_exact(value, {id: record}) -> (stream, [note, ...]); TypeError as of _encode. Without
 * blobs. */
static PyObject *probe_encode_exact(PyObject *module, PyObject *args) {
    PyObject *value, *generators, *result = NULL;
    if (!PyArg_ParseTuple(args, "OO!", &value, &PyDict_Type, &generators)) return NULL;
    rp_encoder *encoder = rp_encoder_new(rp_state_of_module(module));
    if (!encoder) return NULL;
    rp_encoder_set_exact(encoder, generators);
    int status = rp_encoder_put(encoder, value, "");
    const rs_buffer *buffer = rp_encoder_buffer(encoder);
    if (status == 0)
        result = Py_BuildValue("(y#O)", (const char *)buffer->bytes, (Py_ssize_t)buffer->size,
                               rp_encoder_notes(encoder));
    if (status > 0) PyErr_SetString(PyExc_TypeError, rp_encoder_problem(encoder));
    rp_encoder_free(encoder);
    return result;
}

PyMethodDef rp_probe_record_methods[] = {
    {"_record", probe_record, METH_VARARGS, NULL},
    {"_record_parts", probe_record_parts, METH_O, NULL},
    {"_null", probe_null, METH_NOARGS, NULL},
    {"_encode_exact", probe_encode_exact, METH_VARARGS, NULL},
    {0},
};
