/* Functions of `resume._core` by which the tests look into single parts. */
#include "probe.h"

#include "arguments.h"
#include "code.h"
#include "placeholders.h"
#include "pycompat/bytecode.h"
#include "text.h"
#include "track.h"

static PyObject *probe_code_hash(PyObject *module, PyObject *code) {
    uint8_t hash[RP_CODE_HASH_SIZE];
    (void)module;
    if (!PyCode_Check(code)) {
        PyErr_SetString(PyExc_TypeError, "not a code object");
        return NULL;
    }
    if (rp_code_hash((PyCodeObject *)code, hash)) return NULL;
    return PyBytes_FromStringAndSize((const char *)hash, sizeof hash);
}

static PyObject *probe_plain_loop(PyObject *module, PyObject *arguments) {
    PyObject *code, *advice = NULL;
    int restored_at, here;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!ii", &PyCode_Type, &code, &restored_at, &here)) return NULL;
    int line = rp_code_plain_loop((PyCodeObject *)code, restored_at, here, &advice);
    if (line < 0) return NULL;
    return Py_BuildValue("iN", line, advice ? advice : Py_NewRef(Py_None));
}

static PyObject *probe_in_for(PyObject *module, PyObject *arguments) {
    PyObject *code;
    int here;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!i", &PyCode_Type, &code, &here)) return NULL;
    return PyBool_FromLong(rp_code_in_for((PyCodeObject *)code, here));
}

static PyObject *probe_round(PyObject *module, PyObject *arguments) {
    PyObject *code;
    int one, other, start, end;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!ii", &PyCode_Type, &code, &one, &other)) return NULL;
    if (!rp_code_round((PyCodeObject *)code, one, other, &start, &end)) Py_RETURN_NONE;
    return Py_BuildValue("ii", start, end);
}

/* [(byte offset, stack depth, iterators on it)] of each instruction, or None. */
static PyObject *probe_stack(PyObject *module, PyObject *code) {
    rp_bytecode bytecode = {0};
    PyObject *list = NULL;
    (void)module;
    if (!PyCode_Check(code)) {
        PyErr_SetString(PyExc_TypeError, "not a code object");
        return NULL;
    }
    int result = rp_bytecode_init(&bytecode, (PyCodeObject *)code);
    if (result == 0) result = rp_bytecode_analyse(&bytecode);
    list = result < 0 ? NULL : result > 0 ? Py_NewRef(Py_None) : PyList_New(0);
    for (int i = 0; list && result == 0 && i < bytecode.instruction_count; i++) {
        int count = 0;
        for (int at = bytecode.places[i].iterators; at >= 0; at = bytecode.iterators[at].below)
            count++;
        PyObject *place =
            Py_BuildValue("iii", bytecode.instructions[i].start, bytecode.places[i].depth, count);
        if (!place || PyList_Append(list, place)) Py_CLEAR(list);
        Py_XDECREF(place);
    }
    rp_bytecode_release(&bytecode);
    return list;
}

static PyObject *probe_text(PyObject *module, PyObject *value) {
    (void)module;
    return rp_text_of(value);
}

/* ---- sections of the outermost map, written and read again */

/* Blobs are those of the encoder, which is still there. */
static uint64_t blob_size(void *context, size_t index) {
    size_t count;
    const rs_blob *blobs = rp_encoder_blobs(context, &count);
    return index < count ? blobs[index].size : 0;
}

static resume_status read_blob(void *context, size_t index, void *to, rs_error *error) {
    size_t count;
    const rs_blob *blobs = rp_encoder_blobs(context, &count);
    (void)error;
    memcpy(to, blobs[index].bytes, blobs[index].size);
    return RESUME_OK;
}

static rp_decoder *decoder_of(rp_module_state *state, rp_encoder *encoder) {
    const rs_buffer *buffer = rp_encoder_buffer(encoder);
    rp_source source = {.stream = {buffer->bytes, buffer->size},
                        .context = encoder,
                        .blob_size = blob_size,
                        .read_blob = read_blob};
    return rp_decoder_new_from(state, &source);
}

/* _arguments(code, saved locals, locals now, fill) -> (differences, opaque, values restored in
 * place, problems) */
static PyObject *probe_arguments(PyObject *module, PyObject *given) {
    rp_module_state *state = rp_state_of_module(module);
    rp_arguments saved = {0}, now = {0};
    PyObject *code, *saved_locals, *locals, *entry = NULL, *values = NULL, *result = NULL;
    PyObject *differences = NULL, *opaque = NULL, *problems = PyList_New(0);
    rp_encoder *encoder = rp_encoder_new(state);
    rp_decoder *decoder = NULL;
    int fill;
    if (!problems || !encoder ||
        !PyArg_ParseTuple(given, "O!OOp", &PyCode_Type, &code, &saved_locals, &locals, &fill) ||
        rp_arguments_capture(state, (PyCodeObject *)code, saved_locals, &saved) ||
        rp_arguments_capture(state, (PyCodeObject *)code, locals, &now) ||
        rp_arguments_put_in_place(&saved, encoder, problems) ||
        rp_arguments_put_entry(&saved, encoder))
        goto done;
    decoder = decoder_of(state, encoder);
    if (decoder) values = rp_arguments_get_in_place(&now, decoder, fill);
    if (values) entry = rp_arguments_get_entry(decoder);
    if (entry) differences = rp_arguments_differences(&now, entry);
    if (differences) opaque = rp_arguments_opaque(&now);
    if (opaque && rp_decoder_commit(decoder) == 0)
        result = PyTuple_Pack(4, differences, opaque, values, problems);
done:
    Py_XDECREF(entry);
    Py_XDECREF(values);
    Py_XDECREF(differences);
    Py_XDECREF(opaque);
    Py_XDECREF(problems);
    rp_arguments_release(&saved);
    rp_arguments_release(&now);
    rp_decoder_free(decoder);
    rp_encoder_free(encoder);
    return result;
}

/* _edited(saved locals, locals now, restored values) -> [(name, saved text, text now)] */
static PyObject *probe_edited(PyObject *module, PyObject *given) {
    rp_module_state *state = rp_state_of_module(module);
    PyObject *before, *now, *values, *saved = NULL, *read = NULL, *current = NULL, *edited = NULL;
    rp_encoder *encoder = rp_encoder_new(state);
    rp_decoder *decoder = NULL;
    if (!encoder || !PyArg_ParseTuple(given, "OOO", &before, &now, &values)) goto done;
    saved = rp_placeholders_of(state, before);
    if (!saved || rp_placeholders_put(saved, encoder)) goto done;
    decoder = decoder_of(state, encoder);
    if (decoder) read = rp_placeholders_get(decoder);
    if (read) current = rp_placeholders_of(state, now);
    if (current) edited = rp_placeholders_edited(state, read, current, values);
done:
    Py_XDECREF(saved);
    Py_XDECREF(read);
    Py_XDECREF(current);
    rp_decoder_free(decoder);
    rp_encoder_free(encoder);
    return edited;
}

/* _track(object when saved, object now) -> problems; the state goes from one to the other. */
static PyObject *probe_track(PyObject *module, PyObject *given) {
    rp_module_state *state = rp_state_of_module(module);
    PyObject *saved, *now, *value = NULL, *result = NULL, *problems = PyList_New(0);
    rp_encoder *encoder = rp_encoder_new(state);
    rp_decoder *decoder = NULL;
    if (!problems || !encoder || !PyArg_ParseTuple(given, "OO", &saved, &now) ||
        rp_track_check(state, saved) || rp_track_check(state, now) ||
        rp_track_put(state, saved, "thing", encoder, problems))
        goto done;
    decoder = decoder_of(state, encoder);
    if (decoder) value = rp_track_get(state, now, decoder);
    if (value && rp_track_restore(state, now, value) == 0 && rp_decoder_commit(decoder) == 0)
        result = Py_NewRef(problems);
done:
    Py_XDECREF(value);
    Py_XDECREF(problems);
    rp_decoder_free(decoder);
    rp_encoder_free(encoder);
    return result;
}

PyMethodDef rp_probe_methods[] = {
    {"_code_hash", probe_code_hash, METH_O, NULL},
    {"_plain_loop", probe_plain_loop, METH_VARARGS, NULL},
    {"_in_for", probe_in_for, METH_VARARGS, NULL},
    {"_round", probe_round, METH_VARARGS, NULL},
    {"_stack", probe_stack, METH_O, NULL},
    {"_arguments", probe_arguments, METH_VARARGS, NULL},
    {"_edited", probe_edited, METH_VARARGS, NULL},
    {"_track", probe_track, METH_VARARGS, NULL},
    {"_text", probe_text, METH_O, NULL},
    {0},
};
