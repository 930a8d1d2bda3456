/* The dict of an object that others refer to as well: it comes back as the dict of the object.
 *
 * A frame can hold object.__dict__ while it is being filled, as copy.deepcopy() does. By the state
 * alone the object would come back with a dict of its own, and what is filled would be nobody's.
 * So does one of a class of its own, as of an object that is its own dict. */
#include "own_dict.h"

#include "../encode.h"
#include "../pycompat/attributes.h"
#include "../pycompat/functions.h"

/* ---- writing ---- */

/* The dict of the object, where it has made one. Borrowed. */
static PyObject *own_dict(PyObject *object) {
    rp_attributes attributes;
    PyObject *dict = NULL;
    if (rp_attributes_of(object, &attributes) < 0) dict = rp_attributes_dict(object);
    return dict && PyDict_Check(dict) ? dict : NULL;
}

bool rp_dict_is_held(PyObject *object) {
    PyObject *dict = own_dict(object);
    return dict && (Py_REFCNT(dict) > 1 || !PyDict_CheckExact(dict));
}

/* The dict is the state, or one of the parts of it. */
static bool is_in(PyObject *state, PyObject *dict) {
    if (!PyTuple_CheckExact(state)) return state == dict;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(state); i++)
        if (PyTuple_GET_ITEM(state, i) == dict) return true;
    return false;
}

static PyObject *slots_in(PyObject *state) {
    bool has_slots = PyTuple_CheckExact(state) && PyTuple_GET_SIZE(state) == 2;
    PyObject *slots = has_slots ? PyTuple_GET_ITEM(state, 1) : NULL;
    return slots && PyDict_Check(slots) ? slots : NULL;
}

/* (None, {"__dict__": dict} and the slots): attributes that are set one by one. */
static PyObject *state_with(PyObject *dict, PyObject *slots) {
    PyObject *all = slots ? PyDict_Copy(slots) : PyDict_New(), *state = NULL;
    if (all && PyDict_SetItemString(all, "__dict__", dict) == 0)
        state = PyTuple_Pack(2, Py_None, all);
    Py_XDECREF(all);
    return state;
}

PyObject *rp_part_of(PyObject *reduced, Py_ssize_t index) {
    return index < PyTuple_GET_SIZE(reduced) ? PyTuple_GET_ITEM(reduced, index) : Py_None;
}

/* Takes over `reduced`, and `state` and `setter`, which may be NULL for an error. */
static PyObject *with_state(PyObject *reduced, PyObject *state, PyObject *setter) {
    PyObject *copy = NULL;
    if (state && setter)
        copy = PyTuple_Pack(6, rp_part_of(reduced, 0), rp_part_of(reduced, 1), state,
                            rp_part_of(reduced, 3), rp_part_of(reduced, 4), setter);
    Py_XDECREF(setter);
    Py_XDECREF(state);
    Py_DECREF(reduced);
    return copy;
}

PyObject *rp_core_function(const char *name) {
    PyObject *core = PyImport_ImportModule("resume._core");
    PyObject *function = core ? PyObject_GetAttrString(core, name) : NULL;
    Py_XDECREF(core);
    return function;
}

PyObject *rp_share_dict(PyObject *object, PyObject *reduced) {
    if (!PyTuple_Check(reduced) || PyTuple_GET_SIZE(reduced) < 2) return reduced;
    PyObject *dict = own_dict(object), *state = rp_part_of(reduced, 2);
    /* of the object, and of its state; all else refers to the dict itself */
    bool is_alone = dict && Py_REFCNT(dict) <= (is_in(state, dict) ? 2 : 1);
    if (!dict || (is_alone && PyDict_CheckExact(dict))) return reduced;
    Py_INCREF(dict);
    PyObject *text = PyUnicode_InternFromString("__setstate__");
    bool sets_itself =
        text && (rp_part_of(reduced, 5) != Py_None || rp_type_lookup(Py_TYPE(object), text));
    if (!text)
        Py_CLEAR(reduced);
    else if (sets_itself)
        reduced = with_state(reduced, PyTuple_Pack(3, state, rp_part_of(reduced, 5), dict),
                             rp_core_function("_set_dict"));
    else
        reduced = with_state(reduced, state_with(dict, slots_in(state)), Py_NewRef(Py_None));
    Py_XDECREF(text);
    Py_DECREF(dict);
    return reduced;
}

/* ---- reading ---- */

enum { STATE, SETTER, DICT, PARTS };

int rp_set_own_state(PyObject *object, PyObject *state, PyObject *setter) {
    if (state == Py_None) return 0;
    PyObject *done = setter != Py_None ? PyObject_CallFunctionObjArgs(setter, object, state, NULL)
                                       : PyObject_CallMethod(object, "__setstate__", "(O)", state);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

PyObject *rp_set_dict(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (count != 2 || !PyTuple_CheckExact(args[1]) || PyTuple_GET_SIZE(args[1]) != PARTS ||
        !PyDict_Check(PyTuple_GET_ITEM(args[1], DICT))) {
        PyErr_SetString(PyExc_TypeError, "_set_dict(object, (state, setter, dict))");
        return NULL;
    }
    PyObject *const *parts = ((PyTupleObject *)args[1])->ob_item;
    if (rp_set_own_state(args[0], parts[STATE], parts[SETTER]) < 0) return NULL;
    PyObject *name = PyUnicode_InternFromString("__dict__");
    int status = name ? PyObject_GenericSetAttr(args[0], name, parts[DICT]) : -1;
    Py_XDECREF(name);
    if (status < 0) return NULL;
    Py_RETURN_NONE;
}
