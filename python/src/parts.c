/* What lies inside an object with a state_dict(). */
#include "parts.h"

#include "lookup.h"

#include <string.h>

/* object.name when its class has such a method, else NULL without an exception. */
static PyObject *method_of(PyObject *object, const char *name) {
    PyObject *method = PyObject_GetAttrString((PyObject *)Py_TYPE(object), name);
    if (!method && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
    if (!method) return NULL;
    Py_DECREF(method);
    return PyObject_GetAttrString(object, name);
}

/* Adds the pairs (path, part) that object.name() gives; the object itself is no part. */
static int add_named(PyObject *parts, PyObject *object, const char *name) {
    PyObject *method = method_of(object, name), *pairs = NULL, *pair;
    int status = 0;
    if (!method) return PyErr_Occurred() ? -1 : 0;
    pairs = PyObject_CallNoArgs(method);
    if (pairs) Py_SETREF(pairs, PyObject_GetIter(pairs));
    while (pairs && status == 0 && (pair = PyIter_Next(pairs))) {
        bool usable = PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 &&
                      PyUnicode_Check(PyTuple_GET_ITEM(pair, 0)) &&
                      PyTuple_GET_ITEM(pair, 1) != object;
        if (usable)
            status = PyDict_SetItem(parts, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
        Py_DECREF(pair);
    }
    Py_DECREF(method);
    Py_XDECREF(pairs);
    return PyErr_Occurred() ? -1 : status;
}

/* param_groups[i]["params"][j] of an optimizer. */
static int add_groups(PyObject *parts, PyObject *object) {
    PyObject *groups = PyObject_GetAttrString(object, "param_groups");
    if (!groups) {
        PyErr_Clear();
        return 0;
    }
    int status = 0;
    Py_ssize_t count = PyList_CheckExact(groups) ? PyList_GET_SIZE(groups) : 0;
    for (Py_ssize_t i = 0; status == 0 && i < count; i++) {
        PyObject *group = PyList_GET_ITEM(groups, i), *parameters = NULL;
        if (!PyDict_CheckExact(group)) continue;
        status = rp_dict_find(group, "params", &parameters);
        if (status > 0) status = 0;
        Py_ssize_t size =
            parameters && PyList_CheckExact(parameters) ? PyList_GET_SIZE(parameters) : 0;
        for (Py_ssize_t j = 0; status == 0 && j < size; j++) {
            PyObject *path = PyUnicode_FromFormat("param_groups[%zd][%zd]", i, j);
            status = path ? PyDict_SetItem(parts, path, PyList_GET_ITEM(parameters, j)) : -1;
            Py_XDECREF(path);
        }
        Py_XDECREF(parameters);
    }
    Py_DECREF(groups);
    return status;
}

PyObject *rp_parts_of(PyObject *object) {
    static const char *const names[] = {"named_modules", "named_parameters", "named_buffers"};
    PyObject *parts = PyDict_New();
    for (size_t i = 0; parts && i < sizeof names / sizeof *names; i++)
        if (add_named(parts, object, names[i]) < 0) Py_CLEAR(parts);
    if (parts && add_groups(parts, object) < 0) Py_CLEAR(parts);
    return parts;
}

/* ---- what a state_dict() leaves out */

/* settings[name][path] = part.name, when that is of the type (NULL: not None). */
static int note(PyObject *settings, const char *name, PyObject *path, PyObject *part,
                PyTypeObject *type) {
    PyObject *value = PyObject_GetAttrString(part, name), *map = NULL;
    if (!value) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    int status = 0;
    if (type ? Py_IS_TYPE(value, type) : value != Py_None) {
        status = rp_dict_find(settings, name, &map);
        if (status == 0 && (map = PyDict_New())) status = PyDict_SetItemString(settings, name, map);
        status = status < 0 || !map ? -1 : PyDict_SetItem(map, path, value);
    }
    Py_XDECREF(map);
    Py_DECREF(value);
    return status;
}

static bool is_tensor(PyObject *part) {
    PyObject *torch = NULL, *type = NULL;
    if (rp_module_find("torch", &torch) > 0) type = PyObject_GetAttrString(torch, "Tensor");
    bool is = type && PyType_Check(type) && PyObject_TypeCheck(part, (PyTypeObject *)type);
    Py_XDECREF(torch);
    Py_XDECREF(type);
    PyErr_Clear();
    return is;
}

static int note_tensor(PyObject *settings, PyObject *path, PyObject *part) {
    PyObject *leaf = PyObject_GetAttrString(part, "is_leaf");
    int is_leaf = leaf ? PyObject_IsTrue(leaf) : -1;
    Py_XDECREF(leaf);
    if (is_leaf <= 0) return is_leaf;
    int status = note(settings, "requires_grad", path, part, &PyBool_Type);
    return status < 0 ? -1 : note(settings, "grad", path, part, NULL);
}

PyObject *rp_parts_settings(PyObject *object, PyObject *state_dict) {
    PyObject *settings = PyDict_New(), *parts = rp_parts_of(object), *path, *part;
    PyObject *empty = PyUnicode_FromString(""), *metadata;
    int status = settings && parts && empty ? 0 : -1;
    bool is_module = parts && PyDict_GET_SIZE(parts) > 0 &&
                     PyObject_HasAttrString((PyObject *)Py_TYPE(object), "named_modules");
    if (status == 0 && is_module) status = note(settings, "training", empty, object, &PyBool_Type);
    for (Py_ssize_t at = 0; status == 0 && parts && PyDict_Next(parts, &at, &path, &part);) {
        if (is_tensor(part))
            status = note_tensor(settings, path, part);
        else if (is_module)
            status = note(settings, "training", path, part, &PyBool_Type);
    }
    if (status == 0 && PyODict_CheckExact(state_dict)) {
        metadata = PyObject_GenericGetDict(state_dict, NULL);
        if (metadata && PyDict_GET_SIZE(metadata) > 0)
            status = PyDict_SetItemString(settings, "metadata", metadata);
        Py_XDECREF(metadata);
        PyErr_Clear();
    }
    if (status == 0 && PyDict_GET_SIZE(settings) == 0) Py_SETREF(settings, Py_NewRef(Py_None));
    Py_XDECREF(parts);
    Py_XDECREF(empty);
    if (status < 0) Py_CLEAR(settings);
    return settings;
}

int rp_parts_set_metadata(PyObject *state_dict, PyObject *settings) {
    PyObject *metadata = NULL;
    int status = PyDict_Check(settings) ? rp_dict_find(settings, "metadata", &metadata) : 0;
    if (status > 0 && PyODict_CheckExact(state_dict) && PyDict_Check(metadata)) {
        PyObject *own = PyObject_GenericGetDict(state_dict, NULL);
        status = own ? PyDict_Update(own, metadata) : -1;
        Py_XDECREF(own);
    }
    Py_XDECREF(metadata);
    return status < 0 ? -1 : 0;
}

/* part.name = value, unless it is that already. */
static int set(PyObject *part, const char *name, PyObject *value) {
    PyObject *now = PyObject_GetAttrString(part, name);
    if (!now) return -1;
    bool same = now == value;
    Py_DECREF(now);
    return same ? 0 : PyObject_SetAttrString(part, name, value);
}

/* On the device of its parameter, as one of its own. */
static int set_gradient(PyObject *part, PyObject *value) {
    if (value == NULL || value == Py_None) return set(part, "grad", Py_None);
    PyObject *device = PyObject_GetAttrString(part, "device");
    PyObject *moved = device ? PyObject_CallMethod(value, "to", "(O)", device) : NULL;
    if (moved && moved == value) Py_SETREF(moved, PyObject_CallMethod(value, "clone", NULL));
    int status = moved ? PyObject_SetAttrString(part, "grad", moved) : -1;
    Py_XDECREF(device);
    Py_XDECREF(moved);
    return status;
}

static int set_part(PyObject *part, PyObject *path, PyObject *const maps[3]) {
    PyObject *value[3];
    for (int i = 0; i < 3; i++)
        value[i] = maps[i] ? PyDict_GetItemWithError(maps[i], path) : NULL; /* borrowed */
    if (PyErr_Occurred()) return -1;
    if (value[0] && PyBool_Check(value[0]) && set(part, "training", value[0]) < 0) return -1;
    if (!value[1] || !PyBool_Check(value[1])) return 0;
    if (set(part, "requires_grad", value[1]) < 0) return -1;
    return set_gradient(part, value[2]);
}

int rp_parts_set(PyObject *object, PyObject *settings) {
    static const char *const names[3] = {"training", "requires_grad", "grad"};
    PyObject *maps[3] = {0}, *parts = NULL, *path, *part, *empty = NULL;
    int status = 0;
    if (!PyDict_Check(settings)) return 0;
    for (int i = 0; status >= 0 && i < 3; i++) {
        status = rp_dict_find(settings, names[i], &maps[i]);
        if (maps[i] && !PyDict_Check(maps[i])) Py_CLEAR(maps[i]);
    }
    if (status >= 0) empty = PyUnicode_FromString("");
    if (empty) parts = rp_parts_of(object);
    status = parts ? set_part(object, empty, maps) : -1;
    for (Py_ssize_t at = 0; status == 0 && parts && PyDict_Next(parts, &at, &path, &part);)
        status = set_part(part, path, maps);
    for (int i = 0; i < 3; i++)
        Py_XDECREF(maps[i]);
    Py_XDECREF(parts);
    Py_XDECREF(empty);
    return status;
}
