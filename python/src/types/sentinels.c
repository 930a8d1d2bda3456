/* Objects that hold nothing and are told by identity alone (`MISSING = object()`): where a module
 * has one under a name, it is that one again; and constants of libraries whose type does not tell
 * that (`argparse.SUPPRESS`, a text). For exact states. */
#include "sentinels.h"

#include "../encode.h"
#include "../lookup.h"
#include "../pycompat/attributes.h"

/* Nothing but its class and its identity. */
static bool is_bare(PyObject *object) {
    if (Py_IS_TYPE(object, &PyBaseObject_Type)) return true;
    if (!(Py_TYPE(object)->tp_flags & Py_TPFLAGS_HEAPTYPE)) return false;
    rp_attributes attributes;
    Py_ssize_t count = rp_attributes_of(object, &attributes);
    PyObject *dict = count < 0 ? rp_attributes_dict(object) : NULL;
    return count == 0 || (count < 0 && (!dict || PyDict_GET_SIZE(dict) == 0));
}

/* ---- where they are ---- */

/* All names that the first module gives it, in their order. */
static int note(PyObject *found, PyObject *module_name, PyObject *name, PyObject *object) {
    PyObject *key = PyLong_FromVoidPtr(object);
    PyObject *place = key ? PyDict_GetItemWithError(found, key) : NULL; /* borrowed */
    int status = PyErr_Occurred() ? -1 : 0;
    if (place && PyTuple_GET_ITEM(place, 0) == module_name) {
        status = PyList_Append(PyTuple_GET_ITEM(place, 1), name);
    } else if (!place && status == 0) {
        place = Py_BuildValue("(O[O]O)", module_name, name, (PyObject *)Py_TYPE(object));
        status = place ? PyDict_SetItem(found, key, place) : -1;
        Py_XDECREF(place);
    }
    Py_XDECREF(key);
    return status;
}

/* Address -> (module, names, class) of those that modules have. Under `resume run` the variables of
 * the program itself are state. */
static PyObject *find_all(const rp_module_state *state) {
    PyObject *modules = PyImport_GetModuleDict(), *module_name, *module, *name, *value;
    PyObject *found = PyDict_New();
    for (Py_ssize_t at = 0; found && PyDict_Next(modules, &at, &module_name, &module);) {
        if (!PyUnicode_CheckExact(module_name) || !PyModule_Check(module)) continue;
        PyObject *names = PyModule_GetDict(module);
        if (names == state->script_space) continue;
        for (Py_ssize_t i = 0; found && PyDict_Next(names, &i, &name, &value);)
            if (PyUnicode_CheckExact(name) && is_bare(value) &&
                note(found, module_name, name, value) < 0)
                Py_CLEAR(found);
    }
    return found;
}

int rp_put_sentinel(rp_encoder *encoder, PyObject *object) {
    if (!is_bare(object)) return RP_NOT_THIS;
    if (!encoder->sentinels) encoder->sentinels = find_all(encoder->state);
    PyObject *key = encoder->sentinels ? PyLong_FromVoidPtr(object) : NULL;
    PyObject *place = key ? PyDict_GetItemWithError(encoder->sentinels, key) : NULL; /* borrowed */
    int status = PyErr_Occurred() ? -1 : RP_NOT_THIS;
    if (place) {
        PyObject *reduced = Py_BuildValue("(OO)", encoder->state->sentinel_maker, place);
        status = reduced ? rp_put_reduced(encoder, object, reduced) : -1;
        Py_XDECREF(reduced);
    }
    Py_XDECREF(key);
    return status;
}

/* ---- constants ---- */

/* `x is math.nan`, `help is SUPPRESS`: of types whose objects are else told by what they are. */
static const struct constant {
    const char *module, *name;
} constants[] = {
    {"math", "nan"},
    {"cmath", "nan"},
    {"numpy", "nan"},
    {"argparse", "SUPPRESS"},
    {"optparse", "NO_DEFAULT"},
    {"optparse", "SUPPRESS_HELP"},
    {"optparse", "SUPPRESS_USAGE"},
};

static bool is_text(PyObject *object, const char *text) {
    return PyUnicode_CheckExact(object) && PyUnicode_CompareWithASCIIString(object, text) == 0;
}

bool rp_may_be_constant(PyObject *object) {
    if (PyFloat_CheckExact(object)) return PyFloat_AS_DOUBLE(object) != PyFloat_AS_DOUBLE(object);
    if (PyTuple_CheckExact(object))
        return PyTuple_GET_SIZE(object) == 2 && is_text(PyTuple_GET_ITEM(object, 0), "NO");
    if (!PyUnicode_CheckExact(object)) return false;
    Py_ssize_t length = PyUnicode_GET_LENGTH(object);
    return (length == 12 && (is_text(object, "==SUPPRESS==") || is_text(object, "SUPPRESSHELP"))) ||
           (length == 13 && is_text(object, "SUPPRESSUSAGE"));
}

/* 1: `object` is this one. 0: it is not. -1: exception. */
static int is_this(const struct constant *constant, PyObject *object) {
    PyObject *module;
    int status = rp_module_find(constant->module, &module);
    if (status <= 0) return status;
    status = rp_attribute_is(module, constant->name, object);
    Py_DECREF(module);
    return status;
}

int rp_put_constant(rp_encoder *encoder, PyObject *object) {
    /* what a module has is shared, and marked */
    size_t count = encoder->generators && encoder->last_share >= 0
                       ? sizeof constants / sizeof constants[0]
                       : 0;
    for (size_t i = 0; i < count; i++) {
        int status = is_this(&constants[i], object);
        if (status < 0) return -1;
        if (!status) continue;
        PyObject *reduced =
            Py_BuildValue("(O(s[s]O))", encoder->state->sentinel_maker, constants[i].module,
                          constants[i].name, (PyObject *)Py_TYPE(object));
        status = reduced ? rp_put_reduced(encoder, object, reduced) : -1;
        Py_XDECREF(reduced);
        return status;
    }
    if (PyTuple_CheckExact(object)) return rp_put_tuple(encoder, object);
    if (PyUnicode_CheckExact(object)) return rp_put_str(encoder, object);
    rs_cbor_put_double(&encoder->buffer, PyFloat_AS_DOUBLE(object));
    return RP_DONE;
}

/* ---- getting it back ---- */

/* The first name that the module gives the object is among `names`: of two objects that the program
 * has told apart since, one alone is what both names led to at the start. */
static bool is_named_first(PyObject *space, PyObject *object, PyObject *names) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(space, &at, &name, &value);)
        if (value == object) return PySequence_Contains(names, name) == 1;
    return false;
}

/* Borrowed; NULL: it is not made yet, or is another thing by now. */
static PyObject *found_in(PyObject *space, PyObject *names, PyObject *type) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); i++) {
        PyObject *object = PyDict_GetItemWithError(space, PyList_GET_ITEM(names, i));
        if (!object || !Py_IS_TYPE(object, (PyTypeObject *)type)) continue;
        if (rp_may_be_constant(object)) return object;
        if (is_bare(object) && is_named_first(space, object, names)) return object;
    }
    return NULL;
}

PyObject *rp_sentinel(PyObject *self, PyObject *args) {
    PyObject *module_name, *names, *type;
    (void)self;
    if (!PyArg_ParseTuple(args, "UO!O!:_sentinel", &module_name, &PyList_Type, &names, &PyType_Type,
                          &type))
        return NULL;
    PyObject *module = PyImport_Import(module_name);
    bool is_module = module && PyModule_Check(module);
    PyObject *found =
        is_module ? Py_XNewRef(found_in(PyModule_GetDict(module), names, type)) : NULL;
    Py_XDECREF(module);
    if (found) return found;
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) return NULL;
    PyErr_Clear();
    if (type == (PyObject *)&PyBaseObject_Type ||
        ((PyTypeObject *)type)->tp_flags & Py_TPFLAGS_HEAPTYPE)
        return PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__new__", "(O)", type);
    return PyErr_Format(PyExc_AttributeError, "%U has none of its constants %S any more",
                        module_name, names);
}
