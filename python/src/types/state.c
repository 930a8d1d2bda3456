/* The state of an object by name: where its class has changed since, and what the class says. */
#include "../decode.h"
#include "../encode.h"
#include "../lookup.h"
#include "../notice.h"

/* ---- attributes that the class has no place for any more ---- */

static int note_left_out(rp_decoder *decoder, PyObject *object, PyObject *attribute) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();
    PyObject *name = rp_full_name((PyObject *)Py_TYPE(object));
    int status = name ? rp_decoder_note(decoder,
                                        "the saved attribute %R is left out of the objects of "
                                        "'%U', which has no place for it any more",
                                        attribute, name)
                      : -1;
    Py_XDECREF(name);
    return status;
}

static int set_attributes(rp_decoder *decoder, PyObject *object, PyObject *attributes) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(attributes, &at, &name, &value);)
        if (rp_set_in_dict(object, name, value) < 0 && note_left_out(decoder, object, name) < 0)
            return -1;
    return 0;
}

static int set_slots(rp_decoder *decoder, PyObject *object, PyObject *slots) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(slots, &at, &name, &value);) {
        bool is_dict = PyUnicode_CheckExact(name) && /* not for the __setattr__ of the class */
                       PyUnicode_CompareWithASCIIString(name, "__dict__") == 0;
        if (!is_dict && PyObject_SetAttr(object, name, value) == 0) continue;
        if (is_dict && PyObject_GenericSetAttr(object, name, value) == 0) continue;
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear(); /* frozen */
        if (PyObject_GenericSetAttr(object, name, value) < 0 &&
            note_left_out(decoder, object, name) < 0)
            return -1;
    }
    return 0;
}

int rp_set_attributes(rp_decoder *decoder, PyObject *object, PyObject *state) {
    PyObject *slots = NULL;
    if (PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 2) {
        slots = PyTuple_GET_ITEM(state, 1);
        state = PyTuple_GET_ITEM(state, 0);
    }
    if ((state != Py_None && !PyDict_Check(state)) ||
        (slots && slots != Py_None && !PyDict_Check(slots))) {
        rp_damaged(decoder, "the state of an object is no dict");
        return -1;
    }
    if (state != Py_None && set_attributes(decoder, object, state) < 0) return -1;
    return slots && slots != Py_None ? set_slots(decoder, object, slots) : 0;
}

/* ---- dataclasses with slots that are frozen: their state is a list by position ---- */

bool rp_is_of_dataclasses(PyObject *function, const char *name) {
    if (!function || !PyFunction_Check(function)) return false;
    const PyFunctionObject *object = (PyFunctionObject *)function;
    return PyUnicode_CompareWithASCIIString(object->func_name, name) == 0 && object->func_module &&
           PyUnicode_Check(object->func_module) &&
           PyUnicode_CompareWithASCIIString(object->func_module, "dataclasses") == 0;
}

bool rp_sets_fields(PyObject *set_state, PyObject *state) {
    return (PyTuple_Check(state) || PyDict_Check(state)) &&
           rp_is_of_dataclasses(set_state, "_dataclass_setstate");
}

/* (None, {name: value}), new reference. */
static PyObject *fields_by_name(PyTypeObject *type, PyObject *values) {
    PyObject *module = NULL, *fields = NULL, *names = NULL, *result = NULL;
    if (rp_module_find("dataclasses", &module) > 0)
        fields = PyObject_CallMethod(module, "fields", "(O)", type);
    if (fields && PyTuple_Check(fields) && PyTuple_GET_SIZE(fields) == PyList_GET_SIZE(values))
        names = PyDict_New();
    for (Py_ssize_t i = 0; names && i < PyList_GET_SIZE(values); i++) {
        PyObject *name = PyObject_GetAttrString(PyTuple_GET_ITEM(fields, i), "name");
        if (!name || PyDict_SetItem(names, name, PyList_GET_ITEM(values, i)) < 0) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    if (names) result = PyTuple_Pack(2, Py_None, names);
    Py_XDECREF(names);
    Py_XDECREF(fields);
    Py_XDECREF(module);
    return result;
}

PyObject *rp_name_fields(PyObject *object, PyObject *reduced) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject *state = PyTuple_Check(reduced) && PyTuple_GET_SIZE(reduced) > 2
                          ? PyTuple_GET_ITEM(reduced, 2)
                          : NULL;
    if (!state || !PyList_CheckExact(state)) return reduced;
    bool by_position =
        rp_is_of_dataclasses(rp_class_attribute(type, "__getstate__"), "_dataclass_getstate");
    PyObject *named = by_position ? fields_by_name(type, state) : NULL;
    if (!named) {
        if (PyErr_Occurred()) Py_CLEAR(reduced);
        return reduced;
    }
    PyObject *copy = PySequence_List(reduced);
    if (copy) PyList_SetItem(copy, 2, named); /* steals */
    if (copy) Py_SETREF(copy, PyList_AsTuple(copy));
    Py_DECREF(reduced);
    return copy;
}

/* ---- classes that refuse what was saved ---- */

void rp_tell_refused(rp_decoder *decoder, PyObject *class) {
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError) ||
        PyErr_ExceptionMatches(decoder->state->error))
        return;
    PyObject *type, *cause, *trace, *told;
    PyErr_Fetch(&type, &cause, &trace);
    PyErr_NormalizeException(&type, &cause, &trace);
    if (trace) PyException_SetTraceback(cause, trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    PyObject *name = rp_full_name(class);
    if (!name) {
        PyErr_Clear();
        name = PyUnicode_FromString(Py_TYPE(class)->tp_name);
    }
    if (name)
        rp_raise_text(decoder->state->code_changed, RESUME_MISUSE,
                      "'%U' can't be made from what was saved (%s: %S): give it a __setstate__ "
                      "that understands it, or go back to the code that saved it; clean=True "
                      "starts over",
                      name, Py_TYPE(cause)->tp_name, cause);
    Py_XDECREF(name);
    PyErr_Fetch(&type, &told, &trace);
    PyErr_NormalizeException(&type, &told, &trace);
    PyException_SetCause(told, cause); /* steals */
    PyErr_Restore(type, told, trace);
}
