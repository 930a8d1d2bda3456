/* All that an object holds, whatever its class says of it. */
#include "whole_state.h"

#include "../decode.h"
#include "../encode.h"
#include "../lookup.h"
#include "own_dict.h"

#include <string.h>

/* ---- of which classes ---- */

static bool is_installed(PyObject *path) {
    const char *text = PyUnicode_AsUTF8(path);
    if (!text) PyErr_Clear();
    return !text || strstr(text, "/site-packages/") || strstr(text, "/dist-packages/");
}

bool rp_is_method_of_program(PyTypeObject *type, const char *method) {
    PyObject *found = rp_class_attribute(type, method); /* borrowed */
    PyObject *function = found && Py_IS_TYPE(found, &PyStaticMethod_Type)
                             ? PyObject_GetAttrString(found, "__func__")
                             : Py_XNewRef(found);
    bool is = function && PyFunction_Check(function) && !rp_is_of_standard_library(type);
    if (is) {
        PyObject *module = PyFunction_GET_GLOBALS(function);
        PyObject *its_name = PyDict_GetItemString(module, "__name__"); /* borrowed */
        PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
        is = its_name && PyUnicode_Check(its_name) && !rp_is_standard_module(its_name) &&
             !is_installed(code->co_filename);
    }
    PyErr_Clear();
    Py_XDECREF(function);
    return is;
}

bool rp_hides_state(PyTypeObject *type) {
    return rp_is_method_of_program(type, "__getstate__") ||
           rp_is_method_of_program(type, "__setstate__");
}

/* ---- writing ---- */

PyObject *rp_whole_reduction(rp_encoder *encoder, PyObject *object) {
    PyObject *get = PyObject_GetAttrString((PyObject *)&PyBaseObject_Type, "__getstate__");
    PyObject *state = get ? PyObject_CallOneArg(get, object) : NULL, *reduced = NULL;
    PyObject *setter = state ? rp_core_function("_set_whole") : NULL;
    if (setter)
        reduced = Py_BuildValue("(O(O)OOOO)", encoder->newobj, Py_TYPE(object), state, Py_None,
                                Py_None, setter);
    Py_XDECREF(setter);
    Py_XDECREF(state);
    Py_XDECREF(get);
    return reduced;
}

int rp_ask_for_state(rp_encoder *encoder, size_t base) {
    for (size_t i = encoder->depth; i-- > base;) {
        PyObject *object = encoder->frames[i].object;
        size_t index;
        if (!object || !rp_memo_find(&encoder->plan_memo, (PyObject *)Py_TYPE(object), &index) ||
            !encoder->plans[index].whole)
            continue;
        encoder->plans[index].whole = false;
        int status = PySet_Add(encoder->state->asked, (PyObject *)Py_TYPE(object));
        return status < 0 ? -1 : 1;
    }
    return 0;
}

/* ---- reading ---- */

static int set_all(PyObject *object, PyObject *attributes) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(attributes, &at, &name, &value);)
        if (PyObject_GenericSetAttr(object, name, value) < 0) return -1;
    return 0;
}

/* A dict (or None), or a tuple of that and a dict of slots. */
PyObject *rp_set_whole(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    bool is_pair = count == 2 && PyTuple_CheckExact(args[1]) && PyTuple_GET_SIZE(args[1]) == 2;
    PyObject *dict = count != 2 ? NULL : is_pair ? PyTuple_GET_ITEM(args[1], 0) : args[1];
    PyObject *slots = is_pair ? PyTuple_GET_ITEM(args[1], 1) : Py_None;
    if (!dict || (dict != Py_None && !PyDict_Check(dict)) ||
        (slots != Py_None && !PyDict_Check(slots))) {
        PyErr_SetString(PyExc_TypeError, "_set_whole(object, dict or (dict, slots))");
        return NULL;
    }
    if (dict != Py_None && rp_set_all_in_dict(args[0], dict) < 0) return NULL;
    if (slots != Py_None && set_all(args[0], slots) < 0) return NULL;
    Py_RETURN_NONE;
}
