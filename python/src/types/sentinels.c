/* Objects that hold nothing and are told by identity alone (`MISSING = object()`): where a module
 * has one under a name, it is that one again. For exact states. */
#include "sentinels.h"

#include "../encode.h"
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

static int note(PyObject *found, PyObject *module_name, PyObject *name, PyObject *object) {
    PyObject *key = PyLong_FromVoidPtr(object), *place = NULL;
    if (key) place = PyTuple_Pack(3, module_name, name, (PyObject *)Py_TYPE(object));
    int status = place && PyDict_SetDefault(found, key, place) ? 0 : -1;
    Py_XDECREF(place);
    Py_XDECREF(key);
    return status;
}

/* Address -> (module, name, class) of those that modules have. Under `resume run` the variables of
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

PyObject *rp_sentinel(PyObject *self, PyObject *args) {
    PyObject *module_name, *name, *type;
    (void)self;
    if (!PyArg_ParseTuple(args, "UUO!:_sentinel", &module_name, &name, &PyType_Type, &type))
        return NULL;
    PyObject *module = PyImport_Import(module_name);
    PyObject *found = module ? PyObject_GetAttr(module, name) : NULL;
    Py_XDECREF(module);
    if (found && Py_IS_TYPE(found, (PyTypeObject *)type)) return found;
    Py_XDECREF(found);
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) return NULL;
    PyErr_Clear(); /* not made yet, or another thing by now */
    return PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__new__", "(O)", type);
}
