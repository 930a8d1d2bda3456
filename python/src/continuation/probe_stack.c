/* Functions of `resume._core` by which the tests look into frames and analyses. */
#include "probe_stack.h"

#include "analysis.h"

#include "../pycompat/stack.h"

/* _kinds(code) -> [(unit, byte offset with EXTENDED_ARGs, letters or None, kept)] of each
 * instruction */
static PyObject *probe_kinds(PyObject *module, PyObject *code) {
    (void)module;
    if (!PyCode_Check(code)) return PyErr_Format(PyExc_TypeError, "not a code object");
    const rp_analysis *analysis = rp_analysis_of((PyCodeObject *)code);
    PyObject *list = analysis == NULL ? NULL : PyList_New(0);
    for (int i = 0; list != NULL && i < analysis->bytecode.instruction_count; i++) {
        PyObject *row = Py_BuildValue("iizi", rp_analysis_unit(analysis, i),
                                      analysis->bytecode.instructions[i].start, analysis->kinds[i],
                                      rp_analysis_kept(analysis, i));
        if (row == NULL || PyList_Append(list, row) < 0) Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

/* _analysed([code, ...]) -> (code objects, instructions, deepest stack), those inside them too */
static PyObject *probe_analysed(PyObject *module, PyObject *given) {
    Py_ssize_t codes = 0, instructions = 0, deepest = 0;
    PyObject *list = PySequence_List(given);
    (void)module;
    for (Py_ssize_t at = 0; list != NULL && at < PyList_GET_SIZE(list); at++) {
        PyObject *item = PyList_GET_ITEM(list, at);
        if (!PyCode_Check(item)) continue;
        PyCodeObject *code = (PyCodeObject *)item;
        const rp_analysis *analysis = rp_analysis_of(code);
        for (Py_ssize_t i = 0; analysis != NULL && i < PyTuple_GET_SIZE(code->co_consts); i++) {
            PyObject *inside = PyTuple_GET_ITEM(code->co_consts, i);
            if (PyCode_Check(inside) && PyList_Append(list, inside) < 0) analysis = NULL;
        }
        if (analysis == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        codes++;
        instructions += analysis->bytecode.instruction_count;
        for (int i = 0; i < analysis->bytecode.instruction_count; i++)
            if (analysis->depths[i] > deepest) deepest = analysis->depths[i];
    }
    if (list == NULL) return NULL;
    Py_DECREF(list);
    return Py_BuildValue("nnn", codes, instructions, deepest);
}

static PyObject *slot_value(PyFrameObject *frame, int index) {
    rp_slot slot = rp_stack_get(frame, index);
    switch (slot.kind) {
    case RP_SLOT_OBJECT:
        return Py_BuildValue("(sN)", "object", slot.object);
    case RP_SLOT_NUMBER:
        return Py_BuildValue("(sn)", "number", slot.number);
    default:
        return Py_BuildValue("(s)", "empty");
    }
}

/* _slots(frame, from, to) -> [("object", value) | ("number", n) | ("empty",)] */
static PyObject *probe_slots(PyObject *module, PyObject *arguments) {
    PyFrameObject *frame;
    int from, to;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!ii", &PyFrame_Type, &frame, &from, &to)) return NULL;
    PyObject *list = PyList_New(0);
    for (int i = from; list != NULL && i < to; i++) {
        PyObject *value = slot_value(frame, i);
        if (value == NULL || PyList_Append(list, value) < 0) Py_CLEAR(list);
        Py_XDECREF(value);
    }
    return list;
}

/* _addresses(frame, from, to) -> [int] */
static PyObject *probe_addresses(PyObject *module, PyObject *arguments) {
    PyFrameObject *frame;
    int from, to;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!ii", &PyFrame_Type, &frame, &from, &to)) return NULL;
    PyObject *list = PyList_New(0);
    for (int i = from; list != NULL && i < to; i++) {
        PyObject *value = PyLong_FromVoidPtr((void *)(uintptr_t)rp_stack_address(frame, i));
        if (value == NULL || PyList_Append(list, value) < 0) Py_CLEAR(list);
        Py_XDECREF(value);
    }
    return list;
}

/* _frame(frame) -> what stack.h says of it, in a dict */
static PyObject *probe_frame(PyObject *module, PyObject *object) {
    (void)module;
    if (!PyFrame_Check(object)) return PyErr_Format(PyExc_TypeError, "not a frame");
    PyFrameObject *frame = (PyFrameObject *)object;
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyFrameObject *outer = PyFrame_GetBack(frame);
    bool finalized, direct = outer != NULL && rp_stack_is_direct(frame, outer);
    PyObject *generator = rp_stack_generator(frame, &finalized);
    const rp_analysis *analysis = rp_analysis_of(code);
    int unit = rp_stack_unit(frame);
    int index = analysis == NULL ? -1 : rp_analysis_index(analysis, unit);
    PyObject *result =
        analysis == NULL
            ? NULL
            : Py_BuildValue(
                  "{si si si sz si si sN sN sO sN sO sN}", "unit", unit, "top", rp_stack_top(frame),
                  "index", index, "kinds", index < 0 ? NULL : analysis->kinds[index], "kept",
                  index < 0 ? -1 : rp_analysis_kept(analysis, index), "variables",
                  code->co_nlocalsplus, "entry", PyBool_FromLong(rp_stack_is_entry(frame)),
                  "direct", PyBool_FromLong(direct), "function", rp_stack_function(frame), "module",
                  PyBool_FromLong(rp_stack_is_module(frame)), "generator",
                  generator == NULL ? Py_None : generator, "finalized", PyBool_FromLong(finalized));
    Py_XDECREF(generator);
    Py_XDECREF((PyObject *)outer);
    Py_DECREF(code);
    return result;
}

/* _generator(object) -> (state, frame or None, exception) */
static PyObject *probe_generator(PyObject *module, PyObject *object) {
    static const char *const names[] = {"new", "suspended", "running", "ended"};
    (void)module;
    PyObject *frame = (PyObject *)rp_stack_of_generator(object);
    return Py_BuildValue("sNN", names[rp_stack_generator_state(object)],
                         frame == NULL ? Py_NewRef(Py_None) : frame,
                         rp_stack_generator_exception(object));
}

static PyObject *probe_exceptions(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return rp_stack_exceptions();
}

static PyObject *disagree(PyFrameObject *frame, int unit, const char *kinds, int top, int entry) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyErr_Format(PyExc_SystemError,
                 "%U, unit %d: the analysis says '%s', the interpreter has %d entries (entry %d)",
                 code->co_qualname, unit, kinds == NULL ? "unreachable" : kinds, top, entry);
    Py_DECREF(code);
    return NULL;
}

static bool fits(char kind, const rp_slot *slot) {
    bool object = slot->kind == RP_SLOT_OBJECT;
    switch (kind) {
    case RP_KIND_PREVIOUS:
        return slot->kind == RP_SLOT_EMPTY || slot->object == Py_None ||
               (object && PyExceptionInstance_Check(slot->object));
    case RP_KIND_LASTI:
        return slot->kind == RP_SLOT_NUMBER || (object && PyLong_Check(slot->object));
    default:
        return true;
    }
}

/* _agree(frame): for a frame that stands before an instruction, from its trace function. True when
 * the interpreter knows the depth, None when it does not; SystemError when the analysis is wrong.
 */
static PyObject *probe_agree(PyObject *module, PyObject *object) {
    (void)module;
    if (!PyFrame_Check(object)) return PyErr_Format(PyExc_TypeError, "not a frame");
    PyFrameObject *frame = (PyFrameObject *)object;
    PyCodeObject *code = PyFrame_GetCode(frame);
    const rp_analysis *analysis = rp_analysis_of(code);
    int variables = code->co_nlocalsplus;
    Py_DECREF(code); /* the frame keeps it */
    if (analysis == NULL) return NULL;
    int unit = rp_stack_unit(frame), top = rp_stack_top(frame);
    int index = rp_analysis_index(analysis, unit);
    const char *kinds = index < 0 ? NULL : analysis->kinds[index];
    if (top < 0) Py_RETURN_NONE;
    top -= variables;
    if (kinds == NULL || top != analysis->depths[index])
        return disagree(frame, unit, kinds, top, -1);
    for (int i = 0; i < top; i++) {
        rp_slot slot = rp_stack_get(frame, variables + i);
        bool good = fits(kinds[i], &slot);
        if (slot.kind == RP_SLOT_OBJECT) Py_DECREF(slot.object);
        if (!good) return disagree(frame, unit, kinds, top, i);
    }
    Py_RETURN_TRUE;
}

PyMethodDef rp_probe_stack_methods[] = {
    {"_kinds", probe_kinds, METH_O, NULL},
    {"_analysed", probe_analysed, METH_O, NULL},
    {"_slots", probe_slots, METH_VARARGS, NULL},
    {"_addresses", probe_addresses, METH_VARARGS, NULL},
    {"_frame", probe_frame, METH_O, NULL},
    {"_generator", probe_generator, METH_O, NULL},
    {"_agree", probe_agree, METH_O, NULL},
    {"_exceptions", probe_exceptions, METH_NOARGS, NULL},
    {0},
};
