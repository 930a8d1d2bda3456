/* Looking up by a C string, with failures told from absence. */
#include "lookup.h"

#include "pycompat/functions.h"

int rp_dict_find(PyObject *dict, const char *key, PyObject **value) {
    *value = NULL;
    PyObject *name = PyUnicode_FromString(key);
    if (!name) return -1;
    *value = Py_XNewRef(PyDict_GetItemWithError(dict, name)); /* borrowed before */
    Py_DECREF(name);
    return *value ? 1 : PyErr_Occurred() ? -1 : 0;
}

int rp_module_find(const char *name, PyObject **module) {
    *module = NULL;
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    int status = modules ? rp_dict_find(modules, name, module) : 0;
    if (*module == Py_None) { /* its import is forbidden */
        Py_CLEAR(*module);
        return 0;
    }
    return status;
}

int rp_attribute_is(PyObject *object, const char *name, PyObject *other) {
    PyObject *value = PyObject_GetAttrString(object, name);
    if (!value) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(value); /* compared by address only */
    return value == other;
}

PyObject *rp_class_attribute(PyTypeObject *type, const char *name) {
    PyObject *text = PyUnicode_InternFromString(name);
    PyObject *found = text ? rp_type_lookup(type, text) : NULL;
    PyErr_Clear();
    Py_XDECREF(text);
    return found;
}

PyObject *rp_full_name(PyObject *object) {
    PyObject *module = PyObject_GetAttrString(object, "__module__");
    PyObject *path = module ? PyObject_GetAttrString(object, "__qualname__") : NULL;
    PyObject *name = path ? PyUnicode_FromFormat("%S.%S", module, path) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(path);
    return name;
}

PyObject *rp_call_unseen(const char *module_name, const char *function, PyObject *argument) {
    PyThreadState *thread = PyThreadState_Get();
    PyThreadState_EnterTracing(thread);
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *result = module ? PyObject_CallMethod(module, function, "(O)", argument) : NULL;
    Py_XDECREF(module);
    PyThreadState_LeaveTracing(thread);
    return result;
}
