/* Functions and classes in the variables of a call, and what becomes of them when their code has
 * changed. */
#include "definitions.h"

#include "notice.h"

#include <string.h>

/* What functools.lru_cache makes of a function. */
static bool is_cached_function(PyObject *value) {
    return strcmp(Py_TYPE(value)->tp_name, "functools._lru_cache_wrapper") == 0;
}

static bool is_definition(PyObject *value) {
    return PyFunction_Check(value) || PyType_Check(value) || is_cached_function(value);
}

PyObject *rp_definitions_of(PyObject *values) {
    PyObject *found = PyDict_New(), *name, *value;
    for (Py_ssize_t at = 0; found != NULL && PyDict_Next(values, &at, &name, &value);)
        if (is_definition(value) && PyDict_SetItem(found, name, value) < 0) Py_CLEAR(found);
    return found;
}

static bool is_immutable(PyObject *value) {
    return value == Py_None || PyBool_Check(value) || PyLong_CheckExact(value) ||
           PyFloat_CheckExact(value) || PyComplex_CheckExact(value) ||
           PyUnicode_CheckExact(value) || PyBytes_CheckExact(value);
}

/* A value in a class, and neither a function nor what the interpreter keeps there. */
static bool is_value(PyObject *name, PyObject *value) {
    Py_ssize_t size = PyUnicode_Check(name) ? PyUnicode_GET_LENGTH(name) : 0;
    return size > 0 && PyUnicode_READ_CHAR(name, 0) != '_' && !PyFunction_Check(value) &&
           Py_TYPE(value)->tp_descr_get == NULL;
}

/* A dict of the values in a class that can only change by assignment; None for what is no class. */
static PyObject *constants_of(PyObject *class) {
    if (!PyType_Check(class)) return Py_NewRef(Py_None);
    PyObject *constants = PyDict_New(), *dict = ((PyTypeObject *)class)->tp_dict, *name, *value;
    for (Py_ssize_t at = 0; dict != NULL && constants && PyDict_Next(dict, &at, &name, &value);)
        if (is_value(name, value) && is_immutable(value) &&
            PyDict_SetItem(constants, name, value) < 0)
            Py_CLEAR(constants);
    return constants;
}

/* (weak reference, constants). A reference would keep the cells of the frame alive, the Checkpoint
 * among them. */
static PyObject *remembered(PyObject *value) {
    PyObject *reference = PyWeakref_NewRef(value, NULL);
    PyObject *constants = reference == NULL ? NULL : constants_of(value);
    PyObject *entry = constants == NULL ? NULL : PyTuple_Pack(2, reference, constants);
    Py_XDECREF(constants);
    Py_XDECREF(reference);
    return entry;
}

int rp_definitions_remember(rp_checkpoint *self, PyObject *values) {
    PyObject *all = PyDict_New(), *name, *value;
    for (Py_ssize_t at = 0; all != NULL && PyDict_Next(values, &at, &name, &value);) {
        if (!is_definition(value)) continue;
        PyObject *entry = remembered(value);
        if (entry == NULL || PyDict_SetItem(all, name, entry) < 0) Py_CLEAR(all);
        Py_XDECREF(entry);
    }
    Py_XSETREF(self->definitions, all);
    return all == NULL ? -1 : 0;
}

/* What was remembered of the value, when it is still the one; borrowed or NULL. */
static PyObject *own_entry(const rp_checkpoint *self, PyObject *name, PyObject *value) {
    if (self->definitions == NULL) return NULL;
    PyObject *entry = PyDict_GetItemWithError(self->definitions, name); /* borrowed */
    PyErr_Clear();
    if (entry == NULL) return NULL;
    PyObject *made = PyObject_CallNoArgs(PyTuple_GET_ITEM(entry, 0));
    PyErr_Clear();
    Py_XDECREF(made);
    return made == value ? entry : NULL;
}

/* `def name` or `class name`; a lambda or the choice between two functions is state. */
static bool is_under_own_name(PyObject *name, PyObject *value) {
    if (PyFunction_Check(value))
        return PyUnicode_Compare(((PyFunctionObject *)value)->func_name, name) == 0;
    if (PyCFunction_Check(value))
        return PyUnicode_CompareWithASCIIString(name,
                                                ((PyCFunctionObject *)value)->m_ml->ml_name) == 0;
    if (!PyType_Check(value)) return false;
    PyObject *own_name = PyType_GetName((PyTypeObject *)value);
    bool equal = own_name != NULL && PyUnicode_Compare(own_name, name) == 0;
    Py_XDECREF(own_name);
    PyErr_Clear();
    return equal;
}

static bool is_in_tuple(PyObject *tuple, PyObject *object) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (PyTuple_GET_ITEM(tuple, i) == object) return true;
    return false;
}

static bool is_free_variable(const rp_checkpoint *self, PyObject *name) {
    PyObject *names = self->owner.code == NULL ? NULL : PyCode_GetFreevars(self->owner.code);
    bool found = false;
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names) && !found; i++)
        found = PyUnicode_Compare(PyTuple_GET_ITEM(names, i), name) == 0;
    Py_XDECREF(names);
    PyErr_Clear();
    return found;
}

/* A `def` in the function of the checkpoint: its cells are those of the frame, and it has no
 * attributes and no defaults that can change. */
static bool is_without_state(const rp_checkpoint *self, PyObject *value) {
    PyFunctionObject *function = (PyFunctionObject *)value;
    PyObject *defaults = function->func_defaults, *keyword_defaults = function->func_kwdefaults;
    PyObject *name, *value_of;
    if (self->owner.code == NULL ||
        !is_in_tuple(self->owner.code->co_consts, function->func_code) ||
        (function->func_dict != NULL && PyDict_GET_SIZE(function->func_dict) > 0))
        return false;
    for (Py_ssize_t i = 0; defaults != NULL && i < PyTuple_GET_SIZE(defaults); i++)
        if (!is_immutable(PyTuple_GET_ITEM(defaults, i))) return false;
    for (Py_ssize_t at = 0;
         keyword_defaults != NULL && PyDict_Next(keyword_defaults, &at, &name, &value_of);)
        if (!is_immutable(value_of)) return false;
    return true;
}

bool rp_definitions_is_own(const rp_checkpoint *self, PyObject *name, PyObject *value) {
    if (!is_definition(value)) return false;
    if (self->definitions == NULL) return is_under_own_name(name, value);
    return own_entry(self, name, value) != NULL;
}

/* No value in the class can have changed since restore(), or has been assigned. */
static bool is_class_without_state(const rp_checkpoint *self, PyObject *name, PyObject *class) {
    PyObject *entry = own_entry(self, name, class), *dict = ((PyTypeObject *)class)->tp_dict;
    PyObject *constants = entry == NULL ? NULL : PyTuple_GET_ITEM(entry, 1), *attribute, *value;
    for (Py_ssize_t at = 0; dict != NULL && PyDict_Next(dict, &at, &attribute, &value);) {
        if (!is_value(attribute, value)) continue;
        if (constants == NULL) return false;
        PyObject *then = PyDict_GetItemWithError(constants, attribute); /* borrowed */
        PyErr_Clear();
        if (then != value) return false;
    }
    return true;
}

bool rp_definitions_is_made_anew(const rp_checkpoint *self, PyObject *name, PyObject *value) {
    if (rp_owner_is_module(&self->owner)) return is_under_own_name(name, value);
    if (!rp_definitions_is_own(self, name, value)) return false;
    if (is_free_variable(self, name)) return true;
    if (!is_under_own_name(name, value)) return false;
    return PyType_Check(value) ? is_class_without_state(self, name, value)
                               : is_without_state(self, value);
}

static int own_each(rp_encoder *encoder, PyObject *objects) {
    PyObject *name, *object;
    for (Py_ssize_t at = 0; objects != NULL && PyDict_Next(objects, &at, &name, &object);)
        if (rp_encoder_own(encoder, object, name, false, Py_None) < 0) return -1;
    return objects == NULL ? -1 : 0;
}

/* A class statement in the function itself, or what a call made under this name: the next run has
 * the same one in its place. Not what another function makes of its arguments. */
static bool is_class_of_function(const rp_checkpoint *self, PyObject *name, PyObject *class) {
    PyObject *qualified = PyType_GetQualName((PyTypeObject *)class), *inside = NULL;
    bool found = false;
    if (qualified != NULL && self->owner.code != NULL)
        inside = PyUnicode_FromFormat("%U.<locals>.%U", self->owner.code->co_qualname, name);
    if (inside != NULL)
        found =
            PyUnicode_Compare(qualified, inside) == 0 || PyUnicode_Compare(qualified, name) == 0;
    Py_XDECREF(inside);
    Py_XDECREF(qualified);
    PyErr_Clear();
    return found && own_entry(self, name, class) != NULL;
}

/* Of several names of one object its own one counts: they come first. */
static int own_definitions(const rp_checkpoint *self, rp_encoder *encoder, PyObject *values,
                           bool own_names) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(values, &at, &name, &value);) {
        if (!is_definition(value) || is_under_own_name(name, value) != own_names) continue;
        PyObject *entry = own_entry(self, name, value);
        bool around = is_free_variable(self, name) && entry != NULL;
        if (PyType_Check(value) && !around && !is_class_of_function(self, name, value)) continue;
        PyObject *constants = entry == NULL ? Py_None : PyTuple_GET_ITEM(entry, 1);
        if (rp_encoder_own(encoder, value, name, around, constants) < 0) return -1;
    }
    return 0;
}

int rp_definitions_own(const rp_checkpoint *self, rp_encoder *encoder, PyFrameObject *frame) {
    if (frame == NULL) return 0;
    PyObject *cells = rp_frame_cells(frame), *values = rp_frame_locals(frame);
    int status = values == NULL ? -1 : own_each(encoder, cells);
    if (status == 0) status = own_definitions(self, encoder, values, true);
    if (status == 0) status = own_definitions(self, encoder, values, false);
    Py_XDECREF(cells);
    Py_XDECREF(values);
    return status;
}

/* ---- what is not there any more ---- */

/* Takes those values out of the dict that lead to something lost; `told` gets a sentence for each:
 * `prefix` (may be NULL), the name in `format`, and why. */
static int drop_from(rp_decoder *decoder, PyObject *values, PyObject *prefix, const char *format,
                     PyObject *told) {
    PyObject *copy = values == NULL ? NULL : PyDict_Copy(values), *name, *value;
    int status = values != NULL && copy == NULL ? -1 : 0;
    for (Py_ssize_t at = 0; copy != NULL && status == 0 && PyDict_Next(copy, &at, &name, &value);) {
        PyObject *why = NULL, *root = NULL, *sentence = NULL;
        status = rp_decoder_leads_to_lost(decoder, value, &why);
        if (status <= 0) continue;
        root = PyUnicode_FromFormat(format, name);
        if (root != NULL && prefix != NULL) Py_SETREF(root, PyUnicode_Concat(prefix, root));
        if (root != NULL) sentence = PyUnicode_FromFormat("%U (%U)", root, why);
        status = sentence == NULL || PyList_Append(told, sentence) < 0 ? -1 : 0;
        if (status == 0) status = PyDict_DelItem(values, name);
        Py_XDECREF(sentence);
        Py_XDECREF(root);
        Py_XDECREF(why);
    }
    Py_XDECREF(copy);
    return status;
}

/* Of an object whose attributes are restored these attributes alone: (manner, dict, set of the
 * names that keep their values). */
static int drop_attributes(rp_decoder *decoder, PyObject *label, PyObject *entry, PyObject *told) {
    if (!PyTuple_Check(entry) || PyTuple_GET_SIZE(entry) < 3) return 0;
    PyObject *values = PyTuple_GET_ITEM(entry, 1), *kept = PyTuple_GET_ITEM(entry, 2);
    if (!PyDict_CheckExact(values) || !PySet_CheckExact(kept)) return 0;
    PyObject *before = PyDict_Copy(values), *root = NULL, *name, *value;
    if (before != NULL) root = PyUnicode_FromFormat("%U.", label);
    int status = root == NULL ? -1 : drop_from(decoder, values, root, "%S", told);
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(before, &at, &name, &value);)
        if (PyDict_Contains(values, name) == 0) status = PySet_Add(kept, name);
    Py_XDECREF(root);
    Py_XDECREF(before);
    return status;
}

static int drop_from_tracked(rp_decoder *decoder, PyObject *tracked, PyObject *told) {
    PyObject *label, *entry;
    for (Py_ssize_t at = 0; tracked != NULL && PyDict_Next(tracked, &at, &label, &entry);)
        if (drop_attributes(decoder, label, entry, told) < 0) return -1;
    return drop_from(decoder, tracked, NULL, "what is tracked as '%S'", told);
}

static int drop_all(rp_decoder *decoder, rp_loaded *loaded, PyObject *told) {
    PyObject *why = NULL;
    if (drop_from(decoder, loaded->vars, NULL, "'%S'", told) < 0 ||
        drop_from(decoder, loaded->extra, NULL, "chp[%R]", told) < 0 ||
        drop_from_tracked(decoder, loaded->tracked, told) < 0 ||
        drop_from(decoder, loaded->in_place, NULL, "'%S'", told) < 0)
        return -1;
    int found =
        loaded->result == NULL ? 0 : rp_decoder_leads_to_lost(decoder, loaded->result, &why);
    if (found > 0) Py_CLEAR(loaded->result);
    Py_XDECREF(why);
    return found < 0 ? -1 : 0;
}

int rp_definitions_drop_lost(rp_checkpoint *self, rp_decoder *decoder, rp_loaded *loaded,
                             bool *dropped) {
    if (PyList_GET_SIZE(rp_decoder_lost(decoder)) == 0) return 0;
    PyObject *told = PyList_New(0), *comma = PyUnicode_FromString("; "), *text = NULL;
    int status = told == NULL || comma == NULL ? -1 : drop_all(decoder, loaded, told);
    if (status == 0 && PyList_GET_SIZE(told) > 0) {
        text = PyUnicode_Join(comma, told);
        status = text == NULL ? -1
                              : rp_warn(self->state,
                                        "checkpoint '%U': not restored, the program's own value "
                                        "stays: %U; the file with what was saved is kept beside "
                                        "the new one at the next save",
                                        self->caller.name, text);
        *dropped = true;
    }
    Py_XDECREF(text);
    Py_XDECREF(comma);
    Py_XDECREF(told);
    return status;
}
