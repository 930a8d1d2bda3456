/* Functions and generators that go on in the middle, and what their code loads. */
#include "build_code.h"

#include "completion.h"

#include "../pycompat/assemble.h"
#include "../pycompat/code_extra.h"

/* ---- the payload ---- */

/* The value, or what completes it. */
static int append_value(PyObject *list, const rp_record *record) {
    bool completes = record->mode == RP_MODE_RESULT || record->mode == RP_MODE_OPERAND;
    PyObject *value = completes ? rp_completion_function(record->value) : Py_NewRef(record->value);
    int status = value == NULL ? -1 : PyList_Append(list, value);
    Py_XDECREF(value);
    return status;
}

/* What the prologue loads, in its order. */
static PyObject *payload_of(rp_module_state *state, const rp_record *record, int shift,
                            PyObject *inner) {
    const char *kinds = PyBytes_AS_STRING(record->kinds);
    PyObject *list = PyList_New(0), *payload = NULL;
    int status = list == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(record->slots); i++) {
        PyObject *value = PyTuple_GET_ITEM(record->slots, i);
        if (value != state->null) status = PyList_Append(list, value);
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(record->stack); i++) {
        PyObject *value = PyTuple_GET_ITEM(record->stack, i), *made_here = NULL;
        if (kinds[i] == RP_KIND_LASTI && RP_LASTI_IS_NO_OBJECT)
            value = made_here = PyObject_CallNoArgs(PyExc_Exception);
        else if (kinds[i] == RP_KIND_LASTI)
            value = made_here = PyLong_FromLong(PyLong_AsLong(value) + shift);
        else if (value == state->null)
            continue;
        status = value == NULL ? -1 : PyList_Append(list, value);
        Py_XDECREF(made_here);
    }
    if (status == 0 && rp_mode_has_value(record->mode)) status = append_value(list, record);
    if (status == 0 && inner != NULL) status = PyList_Append(list, inner);
    if (status == 0) payload = PyList_AsTuple(list);
    Py_XDECREF(list);
    return payload;
}

/* ---- functions and generators ---- */

static PyObject *closure_of(const rp_record *record, PyObject *cell) {
    Py_ssize_t count = record->code->co_nfreevars;
    PyObject *closure = PyTuple_New(count + 1);
    for (Py_ssize_t i = 0; closure != NULL && i < count; i++) {
        PyObject *empty = PyCell_New(NULL);
        if (empty == NULL) Py_CLEAR(closure);
        if (closure != NULL) PyTuple_SET_ITEM(closure, i, empty);
    }
    if (closure != NULL) PyTuple_SET_ITEM(closure, count, Py_NewRef(cell));
    return closure;
}

/* Keyword-only parameters get None by default. */
static int give_defaults(PyObject *function, PyCodeObject *code) {
    if (code->co_kwonlyargcount == 0) return 0;
    PyObject *names = PyCode_GetVarnames(code), *defaults = PyDict_New();
    int status = names == NULL || defaults == NULL ? -1 : 0;
    for (int i = 0; status == 0 && i < code->co_kwonlyargcount; i++)
        status = PyDict_SetItem(defaults, PyTuple_GET_ITEM(names, code->co_argcount + i), Py_None);
    if (status == 0) status = PyFunction_SetKwDefaults(function, defaults);
    Py_XDECREF(defaults);
    Py_XDECREF(names);
    return status;
}

/* A function of the continuation; `cell` receives its payload later. */
static PyObject *function_of(const rp_record *record, PyObject *code, PyObject *cell) {
    PyObject *closure = closure_of(record, cell);
    PyObject *function = closure == NULL ? NULL : PyFunction_New(code, record->globals);
    if (function != NULL &&
        (PyFunction_SetClosure(function, closure) < 0 || give_defaults(function, record->code) < 0))
        Py_CLEAR(function);
    Py_XDECREF(closure);
    return function;
}

static int fill_cell(rp_module_state *state, PyObject *cell, PyCodeObject *code,
                     const rp_record *record, PyObject *inner) {
    rp_made *kept = rp_code_extra_get(code, rp_made_free);
    rp_made_note_lasti(kept, record);
    PyObject *payload = payload_of(state, record, kept->shift, inner);
    if (payload == NULL) return -1;
    int status = PyCell_Set(cell, payload);
    Py_DECREF(payload);
    return status;
}

PyObject *rp_build_function(rp_module_state *state, rp_record *record, PyObject *inner) {
    PyObject *cell = PyCell_New(NULL);
    PyObject *code = cell == NULL ? NULL : rp_build_code(state, record);
    PyObject *function = code == NULL ? NULL : function_of(record, code, cell);
    if (function != NULL && fill_cell(state, cell, (PyCodeObject *)code, record, inner) < 0)
        Py_CLEAR(function);
    Py_XDECREF(code);
    Py_XDECREF(cell);
    return function;
}

PyObject *rp_call_continuation(PyObject *function) {
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    PyObject *arguments = PyTuple_New(code->co_argcount), *result = NULL;
    for (int i = 0; arguments != NULL && i < code->co_argcount; i++)
        PyTuple_SET_ITEM(arguments, i, Py_NewRef(Py_None));
    if (arguments != NULL) result = PyObject_Call(function, arguments, NULL);
    Py_XDECREF(arguments);
    return result;
}

PyObject *rp_build_generator(rp_module_state *state, rp_record *record) {
    PyObject *cell = PyCell_New(NULL), *generator = NULL;
    PyObject *code = cell == NULL ? NULL : rp_build_code(state, record);
    PyObject *function = code == NULL ? NULL : function_of(record, code, cell);
    if (function != NULL) generator = rp_call_continuation(function);
    Py_XDECREF(function);
    Py_XDECREF(code);
    Py_XDECREF(cell);
    return generator;
}

/* The cell of the payload: in the last slot of the frame, which has not moved yet. */
static PyObject *payload_cell(PyFrameObject *frame, int slot_count) {
    rp_slot slot = rp_stack_get(frame, slot_count);
    if (slot.kind == RP_SLOT_OBJECT && PyCell_Check(slot.object)) return slot.object;
    if (slot.kind == RP_SLOT_OBJECT) Py_DECREF(slot.object);
    PyErr_SetString(PyExc_SystemError, "a continuation without its payload");
    return NULL;
}

static int prime(PyObject *generator) {
    PyObject *first = PyIter_Next(generator);
    if (first == NULL && !PyErr_Occurred())
        PyErr_SetString(PyExc_SystemError, "a suspended generator has ended while it was made");
    int status = first == NULL ? -1 : 0;
    Py_XDECREF(first);
    return status;
}

int rp_fill_generator(rp_module_state *state, PyObject *generator, rp_record *record,
                      PyObject *inner) {
    PyFrameObject *frame = rp_stack_of_generator(generator);
    if (frame == NULL) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "a generator without a frame");
        return -1;
    }
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *cell = payload_cell(frame, record->code->co_nlocalsplus);
    int status = cell == NULL ? -1 : fill_cell(state, cell, code, record, inner);
    Py_XDECREF(cell);
    Py_DECREF(code);
    Py_DECREF(frame);
    if (status == 0 && record->mode == RP_MODE_YIELD) status = prime(generator);
    return status;
}

PyObject *rp_build_unstarted(rp_module_state *state, PyFrameObject *frame) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    const rp_made *kept = rp_code_extra_get(code, rp_made_free);
    PyObject *slots = NULL, *cell = NULL;
    if (kept == NULL || kept->mode != RP_MODE_NEW) goto done;
    int count = kept->original->co_nlocalsplus;
    cell = payload_cell(frame, count);
    PyObject *payload = cell == NULL ? NULL : PyCell_GET(cell);
    if (payload == NULL) goto done;
    Py_ssize_t next = 0;
    slots = PyTuple_New(count);
    for (int i = 0; slots != NULL && i < count; i++) {
        bool is_bound = PyBytes_AS_STRING(kept->bound)[i];
        PyObject *value = is_bound ? PyTuple_GET_ITEM(payload, next++) : state->null;
        PyTuple_SET_ITEM(slots, i, Py_NewRef(value));
    }
done:
    Py_XDECREF(cell);
    Py_DECREF(code);
    return slots;
}
