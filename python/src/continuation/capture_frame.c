/* Reads one frame: where it stands in the code that was compiled, its variables and its stack. */
#include "capture_frame.h"

#include "completion.h"

#include <string.h>

void rp_stand_release(rp_stand *stand) {
    Py_CLEAR(stand->code);
    *stand = (rp_stand){0};
}

void rp_verdict_release(rp_verdict *verdict) {
    Py_CLEAR(verdict->value);
    Py_CLEAR(verdict->top);
    Py_CLEAR(verdict->callable);
    Py_CLEAR(verdict->reason);
}

/* The last part of a path. */
static PyObject *file_name(PyObject *path) {
    Py_ssize_t length = PyUnicode_GET_LENGTH(path);
    Py_ssize_t at = PyUnicode_FindChar(path, '/', 0, length, -1);
    return at < 0 ? Py_NewRef(path) : PyUnicode_Substring(path, at + 1, length);
}

PyObject *rp_reason_at(PyFrameObject *frame, const char *format, ...) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    PyObject *globals = PyFrame_GetGlobals(frame), *result = NULL;
    PyObject *module = PyDict_GetItemString(globals, "__name__"); /* borrowed */
    PyObject *file = file_name(code->co_filename);
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (file && text && module && PyUnicode_Check(module))
        result = PyUnicode_FromFormat("line %d of %U.%U (%U): %U", PyFrame_GetLineNumber(frame),
                                      module, code->co_qualname, file, text);
    else if (file && text)
        result = PyUnicode_FromFormat("line %d of %U (%U): %U", PyFrame_GetLineNumber(frame),
                                      code->co_qualname, file, text);
    Py_XDECREF(file);
    Py_XDECREF(text);
    Py_DECREF(globals);
    Py_DECREF(code);
    return result;
}

void rp_stand_move(rp_stand *stand, int index) {
    stand->index = index;
    stand->instruction = &stand->analysis->bytecode.instructions[index];
    stand->kinds = stand->analysis->kinds[index];
    stand->depth = stand->analysis->depths[index];
}

int rp_stand_init(rp_stand *stand, PyFrameObject *frame, PyObject **reason) {
    *stand = (rp_stand){.frame = frame, .code = PyFrame_GetCode(frame)};
    int unit = rp_stack_unit(frame);
    if (rp_origin_of(stand->code, unit, &stand->origin) < 0) return -1;
    stand->base = stand->code->co_nlocalsplus;
    if (stand->origin.shift > 0 && stand->origin.unit < 0) {
        *reason = rp_reason_at(frame, "the function is just being continued");
        return *reason ? 0 : -1;
    }
    stand->analysis = rp_analysis_of(stand->origin.code);
    if (stand->analysis == NULL) return -1;
    stand->index = rp_analysis_index(stand->analysis, stand->origin.unit);
    if (stand->index < 0) return 1; /* not started */
    rp_stand_move(stand, stand->index);
    if (stand->depth >= 0) return 1;
    PyErr_Format(PyExc_SystemError, "'%U' runs byte code that nothing leads to",
                 stand->code->co_qualname);
    return -1;
}

/* The object in a slot: new reference. */
static PyObject *object_in(rp_module_state *state, PyFrameObject *frame, int slot) {
    rp_slot found = rp_stack_get(frame, slot);
    if (found.kind == RP_SLOT_EMPTY) return Py_NewRef(state->null);
    return found.kind == RP_SLOT_OBJECT ? found.object : PyLong_FromSsize_t(found.number);
}

static PyObject *read_slots(rp_module_state *state, const rp_stand *stand) {
    int count = stand->origin.code->co_nlocalsplus;
    PyObject *slots = PyTuple_New(count);
    for (int i = 0; slots && i < count; i++) {
        PyObject *object = object_in(state, stand->frame, i);
        if (object == NULL) Py_CLEAR(slots);
        if (slots) PyTuple_SET_ITEM(slots, i, object);
    }
    return slots;
}

static void replace(PyObject *stack, int index, PyObject *with) {
    PyObject *old = PyTuple_GET_ITEM(stack, index);
    PyTuple_SET_ITEM(stack, index, Py_NewRef(with));
    Py_DECREF(old);
}

/* From 3.15 on a `for` over a list keeps the list and, above it, an index that is no object: the
 * iterator at that index is as good. */
static int set_iterator(rp_module_state *state, PyObject *stack, int index, Py_ssize_t number) {
    PyObject *sequence = index > 0 ? PyTuple_GET_ITEM(stack, index - 1) : NULL;
    PyObject *iterator = sequence ? PyObject_GetIter(sequence) : NULL;
    PyObject *done = iterator ? PyObject_CallMethod(iterator, "__setstate__", "n", number) : NULL;
    if (done == NULL) {
        Py_XDECREF(iterator);
        return -1;
    }
    Py_DECREF(done);
    replace(stack, index - 1, iterator);
    Py_DECREF(iterator);
    PyTuple_SET_ITEM(stack, index, Py_NewRef(state->null));
    return 0;
}

/* Where the unwinder was, in units of the original. */
static PyObject *lasti_of(const rp_stand *stand, const rp_slot *slot) {
    long number = (long)slot->number;
    if (slot->kind == RP_SLOT_OBJECT) {
        number = PyLong_AsLong(slot->object);
        if (number == -1 && PyErr_Occurred()) return NULL;
    }
    return PyLong_FromLong(rp_origin_of_lasti(stand->code, (int)number));
}

static int read_entry(rp_module_state *state, const rp_stand *stand, PyObject *stack, int index) {
    rp_slot slot = rp_stack_get(stand->frame, stand->base + index);
    PyObject *object = NULL;
    if (stand->kinds[index] == RP_KIND_LASTI) {
        object = lasti_of(stand, &slot);
        if (slot.kind == RP_SLOT_OBJECT) Py_DECREF(slot.object);
    } else if (slot.kind == RP_SLOT_NUMBER) {
        return set_iterator(state, stack, index, slot.number);
    } else {
        object = slot.kind == RP_SLOT_OBJECT ? slot.object : Py_NewRef(state->null);
    }
    PyTuple_SET_ITEM(stack, index, object);
    return object == NULL ? -1 : 0;
}

/* What a handler put aside was handled around it; the record holds what is handled in it. */
static void turn_handled(const rp_stand *stand, PyObject *stack, PyObject **handled) {
    for (Py_ssize_t i = PyTuple_GET_SIZE(stack) - 1; i >= 0; i--) {
        if (stand->kinds[i] != RP_KIND_PREVIOUS) continue;
        PyObject *previous = PyTuple_GET_ITEM(stack, i);
        PyTuple_SET_ITEM(stack, i, *handled);
        *handled = previous;
    }
}

/* Which entry a result will take the place of: -1 for none. It may be gone already, as what
 * UNPACK_SEQUENCE takes apart is from 3.14 on. */
static int awaited(const rp_verdict *verdict) {
    if (verdict->mode != RP_MODE_OPERAND) return -1;
    return verdict->kept - rp_completion_below(verdict->value);
}

static PyObject *read_stack(rp_module_state *state, const rp_stand *stand, rp_verdict *verdict,
                            PyObject **handled) {
    PyObject *stack = PyTuple_New(verdict->kept);
    int last = verdict->kept - 1;
    for (int i = 0; stack && i <= last; i++) {
        if (i == last && verdict->top) {
            PyTuple_SET_ITEM(stack, i, verdict->top);
            verdict->top = NULL;
        } else if (i == awaited(verdict)) {
            PyTuple_SET_ITEM(stack, i, Py_NewRef(Py_None));
        } else if (read_entry(state, stand, stack, i) < 0) {
            Py_CLEAR(stack);
        }
    }
    int first = rp_analysis_kept(stand->analysis, stand->index);
    for (int i = first; stack && verdict->callable && i <= last; i++)
        if (i != first + 1) replace(stack, i, i == first ? verdict->callable : Py_None);
    if (stack) turn_handled(stand, stack, handled);
    return stack;
}

/* Where the interpreter knows how many entries are alive, it must agree: a frame that is being
 * unwound still stands at its call while entries are gone. */
static bool stack_agrees(const rp_stand *stand, const rp_verdict *verdict) {
    int top = rp_stack_top(stand->frame);
    if (top < 0 || verdict->mode == RP_MODE_NEW) return true;
    bool needs_no_top = verdict->top != NULL || awaited(verdict) == verdict->kept - 1;
    return top - stand->base >= verdict->kept - needs_no_top;
}

rp_record *rp_stand_record(rp_module_state *state, const rp_stand *stand, rp_verdict *verdict,
                           PyObject **handled) {
    if (!stack_agrees(stand, verdict)) {
        verdict->reason = rp_reason_at(stand->frame, "an exception is just leaving this function");
        return NULL;
    }
    rp_record *record = rp_record_new(state);
    if (record == NULL) return NULL;
    record->code = (PyCodeObject *)Py_NewRef((PyObject *)stand->origin.code);
    record->globals = PyFrame_GetGlobals(stand->frame);
    record->unit = stand->index < 0 ? -1 : rp_analysis_unit(stand->analysis, stand->index);
    record->mode = verdict->mode;
    record->value = Py_XNewRef(verdict->value);
    record->slots = read_slots(state, stand);
    record->kinds = PyBytes_FromStringAndSize(stand->kinds, verdict->kept);
    record->stack =
        record->slots && record->kinds ? read_stack(state, stand, verdict, handled) : NULL;
    if (record->stack == NULL) Py_CLEAR(record);
    return record;
}
