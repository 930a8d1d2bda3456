/* Functions of `resume._core` by which the tests capture frames. */
#include "probe_capture.h"

#include "reenter.h"

/* Empty slots are shown as `...`. */
static PyObject *shown(rp_module_state *state, PyObject *tuple) {
    PyObject *list = PySequence_List(tuple);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++)
        if (PyList_GET_ITEM(list, i) == state->null)
            PyList_SetItem(list, i, Py_NewRef(Py_Ellipsis));
    return list;
}

static PyObject *shown_record(rp_module_state *state, const rp_record *record) {
    static const char *const modes[] = {"value", "call", "init",   "again",
                                        "yield", "new",  "result", "operand"};
    return Py_BuildValue("{sO si ss sN sN sO sO}", "code", record->code, "unit", record->unit,
                         "mode", modes[record->mode], "slots", shown(state, record->slots), "stack",
                         shown(state, record->stack), "kinds", record->kinds, "value",
                         record->value ? record->value : Py_None);
}

/* The outermost frame that runs the code. */
static rp_root root_of(PyFrameObject *frame, PyCodeObject *code) {
    rp_root root = {.code = code};
    Py_XINCREF(frame);
    while (frame) {
        PyCodeObject *runs = PyFrame_GetCode(frame);
        PyFrameObject *caller = PyFrame_GetBack(frame);
        rp_origin origin = {0};
        if (rp_origin_of(runs, -1, &origin) == 0 && origin.code == code) root.caller = caller;
        Py_DECREF(runs);
        Py_SETREF(frame, caller);
    }
    return root;
}

/* The records of the frames, the root's first; or the reason, a str. */
static PyObject *capture(PyObject *module, PyFrameObject *frame, PyObject *code, PyObject *result) {
    rp_module_state *state = rp_state_of_module(module);
    if (!PyCode_Check(code) || frame == NULL) return PyErr_Format(PyExc_TypeError, "code, frame");
    rp_root root = root_of(frame, (PyCodeObject *)code);
    rp_captured captured;
    int status = rp_capture(state, frame, &root, result, &captured);
    if (status < 0) return NULL;
    PyObject *list = status ? PyList_New(0) : Py_NewRef(captured.reason);
    for (rp_record *record = captured.root; status && record && list;
         record = (rp_record *)record->inner) {
        PyObject *dict = shown_record(state, record);
        if (!dict || PyList_Append(list, dict) < 0) Py_CLEAR(list);
        Py_XDECREF(dict);
    }
    rp_captured_release(&captured);
    return list;
}

/* _capture(root_code, result) -> [{...}, ...] or reason: from the calling frame */
static PyObject *probe_capture(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    if (count != 2) return PyErr_Format(PyExc_TypeError, "_capture(root, result)");
    return capture(module, PyEval_GetFrame(), args[0], args[1]);
}

/* _capture_record(root_code, result, caller[, frame]) -> (record, {id: record}) or reason: the root
 * is the frame that `caller` called. With `frame`, as if that one were stopped by a signal. */
static PyObject *probe_record(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    if (count < 3 || count > 4 || !PyCode_Check(args[0]) || (count == 4 && !PyFrame_Check(args[3])))
        return PyErr_Format(PyExc_TypeError, "_capture_record(root, result, caller[, frame])");
    rp_root root = {.code = (PyCodeObject *)args[0], .caller = args[2]};
    rp_captured captured;
    PyFrameObject *frame = count == 4 ? (PyFrameObject *)args[3] : PyEval_GetFrame();
    int status = rp_capture(rp_state_of_module(module), frame, &root, count == 4 ? NULL : args[1],
                            &captured);
    if (status < 0) return NULL;
    PyObject *result = status ? Py_BuildValue("(OO)", captured.root, captured.generators)
                              : Py_NewRef(captured.reason);
    rp_captured_release(&captured);
    return result;
}

/* _reenter(list of one record) -> what the root returns; empties the list */
static PyObject *probe_reenter(PyObject *module, PyObject *list) {
    rp_module_state *state = rp_state_of_module(module);
    if (!PyList_Check(list) || PyList_GET_SIZE(list) != 1 ||
        !Py_IS_TYPE(PyList_GET_ITEM(list, 0), state->record_type))
        return PyErr_Format(PyExc_TypeError, "_reenter([record])");
    rp_record *record = (rp_record *)Py_NewRef(PyList_GET_ITEM(list, 0));
    if (PyList_SetSlice(list, 0, 1, NULL) < 0) return NULL;
    PyObject *surroundings = NULL;
    return rp_reenter(state, &record, &surroundings);
}

/* _capture_stopped(root_code, frame): as if the frame were stopped at the end of a loop */
static PyObject *probe_stopped(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    if (count != 2 || !PyFrame_Check(args[1]))
        return PyErr_Format(PyExc_TypeError, "_capture_stopped(root, frame)");
    return capture(module, (PyFrameObject *)args[1], args[0], NULL);
}

/* _capture_generator(generator) -> {...} or None */
static PyObject *probe_generator(PyObject *module, PyObject *generator) {
    rp_module_state *state = rp_state_of_module(module);
    rp_record *record = rp_capture_generator(state, generator);
    if (record == NULL) return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    PyObject *dict = shown_record(state, record);
    Py_DECREF(record);
    return dict;
}

PyMethodDef rp_probe_capture_methods[] = {
    {"_capture", (PyCFunction)(void (*)(void))probe_capture, METH_FASTCALL, NULL},
    {"_capture_record", (PyCFunction)(void (*)(void))probe_record, METH_FASTCALL, NULL},
    {"_reenter", probe_reenter, METH_O, NULL},
    {"_capture_stopped", (PyCFunction)(void (*)(void))probe_stopped, METH_FASTCALL, NULL},
    {"_capture_generator", probe_generator, METH_O, NULL},
    {0},
};
