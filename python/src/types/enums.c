/* Enums. EnumMeta makes the class again, with its members as they were: what the program's __new__
 * and __init__ were given is not known any more, and they are not called again. */
#include "enums.h"

#include "../decode.h"
#include "../encode.h"
#include "../lookup.h"
#include "derived.h"
#include "own_dict.h"

static PyObject *enum_meta(void) {
    PyObject *module, *meta = NULL;
    if (rp_module_find("enum", &module) <= 0) return NULL;
    meta = PyObject_GetAttrString(module, "EnumMeta");
    Py_DECREF(module);
    return meta;
}

int rp_is_enum(PyTypeObject *metaclass) {
    PyObject *meta = enum_meta();
    if (!meta) return PyErr_Occurred() ? -1 : 0;
    int found = PyType_Check(meta) && PyType_IsSubtype(metaclass, (PyTypeObject *)meta);
    Py_DECREF(meta);
    return found;
}

/* ---- what is taken out ---- */

/* What EnumMeta puts there for itself, by underscores at both ends or the module of a function. */
static bool is_of_enum(PyObject *name, PyObject *value) {
    static const char *const kept[] = {"_missing_", "_ignore_", "_order_", "__doc__",
                                       "__annotations__"};
    if (PyFunction_Check(value)) {
        PyObject *module = ((PyFunctionObject *)value)->func_module;
        return module && PyUnicode_Check(module) &&
               PyUnicode_CompareWithASCIIString(module, "enum") == 0;
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (PyUnicode_CompareWithASCIIString(name, kept[i]) == 0) return false;
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    return size > 2 && PyUnicode_READ_CHAR(name, 0) == '_' &&
           PyUnicode_READ_CHAR(name, size - 1) == '_' && !rp_is_descriptor(value);
}

/* What it has seen of them as the program wrote them. */
static const char *const making[] = {"_new_member_", "__new_member__", "_use_args_",
                                     "_flag_mask_",  "_singles_mask_", "_all_bits_"};
#define MAKING_COUNT (sizeof making / sizeof making[0])

static bool is_of_making(PyObject *name) {
    for (size_t i = 0; i < MAKING_COUNT; i++)
        if (PyUnicode_CompareWithASCIIString(name, making[i]) == 0) return true;
    return false;
}

static int take_out(PyObject *attributes, PyObject *members) {
    PyObject *copy = PyDict_Copy(attributes), *name, *value;
    int status = copy ? 0 : -1;
    for (Py_ssize_t at = 0; !status && PyDict_Next(copy, &at, &name, &value);) {
        int is_member = PyDict_Contains(members, name);
        if (is_member < 0 || ((is_member || is_of_making(name) || is_of_enum(name, value)) &&
                              PyDict_DelItem(attributes, name) < 0))
            status = -1;
    }
    Py_XDECREF(copy);
    return status;
}

/* EnumMeta looks at these before there is a class. */
static int move_early(PyObject *attributes, PyObject *beginning) {
    static const char *const names[] = {"_generate_next_value_", "_missing_"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        PyObject *value;
        int found = rp_dict_find(attributes, names[i], &value);
        if (found > 0 && (PyDict_SetItemString(beginning, names[i], value) < 0 ||
                          PyDict_DelItemString(attributes, names[i]) < 0))
            found = -1;
        Py_XDECREF(value);
        if (found < 0) return -1;
    }
    return 0;
}

static int keep_making(PyObject *attributes, PyObject *kept) {
    for (size_t i = 0; i < MAKING_COUNT; i++) {
        PyObject *value;
        int found = rp_dict_find(attributes, making[i], &value);
        if (found > 0) found = PyDict_SetItemString(kept, making[i], value);
        Py_XDECREF(value);
        if (found < 0) return -1;
    }
    return 0;
}

/* ---- what members are ---- */

/* Of `reduced`, when it is a call of the member's own class. */
static PyObject *arguments_of_call(PyObject *reduced, PyObject *member) {
    PyObject *arguments = NULL;
    if (PyTuple_Check(reduced) && PyTuple_GET_SIZE(reduced) >= 2 &&
        PyTuple_GET_ITEM(reduced, 0) == (PyObject *)Py_TYPE(member))
        arguments = PyTuple_GET_ITEM(reduced, 1);
    if (arguments && PyTuple_Check(arguments)) return Py_NewRef(arguments);
    PyErr_Format(PyExc_TypeError,
                 "an enum of values of class %s must be defined in a module that is imported",
                 rp_base_in_c(Py_TYPE(member))->tp_name);
    return NULL;
}

/* Those of the __new__ of the class in C, which give the same value: new reference, a tuple. */
static PyObject *arguments_of(PyObject *member) {
    PyTypeObject *base = rp_base_in_c(Py_TYPE(member));
    if (base == &PyBaseObject_Type) return PyTuple_New(0);
    const char *how = rp_class_attribute(base, "__getnewargs__") ? "__getnewargs__" : "__reduce__";
    PyObject *result = PyObject_CallMethod((PyObject *)base, how, "(O)", member);
    if (!result || strcmp(how, "__getnewargs__") == 0) return result;
    PyObject *arguments = arguments_of_call(result, member);
    Py_DECREF(result);
    return arguments;
}

/* The value and these arguments. */
static PyObject *description_of(PyObject *member) {
    PyObject *value = PyObject_GetAttrString(member, "_value_"), *description = NULL;
    PyObject *arguments = value ? arguments_of(member) : NULL;
    if (arguments) description = PyTuple_Pack(2, value, arguments);
    Py_XDECREF(arguments);
    Py_XDECREF(value);
    return description;
}

/* What the program has put there: new reference, a dict that may be empty. */
static PyObject *attributes_of_member(PyObject *member) {
    PyObject *state =
        PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__getstate__", "(O)", member);
    PyObject *dict = state, *slots = NULL, *own = state ? PyDict_New() : NULL, *name, *value;
    if (state && PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 2) {
        dict = PyTuple_GET_ITEM(state, 0);
        slots = PyTuple_GET_ITEM(state, 1);
    }
    if (own && slots && PyDict_SetItemString(own, RP_ENUM_SLOTS, slots) < 0) Py_CLEAR(own);
    for (Py_ssize_t at = 0; own && PyDict_Check(dict) && PyDict_Next(dict, &at, &name, &value);)
        if (PyUnicode_Check(name) && !is_of_enum(name, Py_None) &&
            PyDict_SetItem(own, name, value) < 0)
            Py_CLEAR(own);
    Py_XDECREF(state);
    return own;
}

static int set_item_unless_empty(PyObject *dict, const char *key, PyObject *items) {
    return items && PyDict_GET_SIZE(items) ? PyDict_SetItemString(dict, key, items) : 0;
}

/* Two dicts, of all members and of those that have attributes. */
static int describe(PyObject *map, PyObject *members, PyObject *filled) {
    PyObject *name, *member;
    int status = 0;
    for (Py_ssize_t at = 0; !status && PyDict_Next(map, &at, &name, &member);) {
        PyObject *description = description_of(member);
        PyObject *own = description ? attributes_of_member(member) : NULL;
        status = own ? PyDict_SetItem(members, name, description) : -1;
        if (!status && PyDict_GET_SIZE(own)) status = PyDict_SetItem(filled, name, own);
        Py_XDECREF(own);
        Py_XDECREF(description);
    }
    return status;
}

static int keep_boundary(PyObject *attributes, PyObject *beginning) {
    PyObject *boundary;
    int found = rp_dict_find(attributes, "_boundary_", &boundary);
    if (found > 0) found = PyDict_SetItemString(beginning, RP_ENUM_BOUNDARY, boundary);
    Py_XDECREF(boundary);
    return found < 0 ? -1 : 0;
}

int rp_enum_prepare(PyTypeObject *type, PyObject *beginning, PyObject *attributes) {
    PyObject *map = PyObject_GetAttrString((PyObject *)type, "_member_map_");
    PyObject *members = PyDict_New(), *filled = PyDict_New(), *kept = PyDict_New();
    int status = map && members && filled && kept ? 0 : -1;
    if (!status && !PyDict_Check(map)) {
        PyErr_SetString(PyExc_TypeError, "the members of an enum are no dict");
        status = -1;
    }
    if (!status) status = describe(map, members, filled);
    if (!status) status = PyDict_SetItemString(beginning, RP_ENUM, members);
    if (!status) status = keep_boundary(attributes, beginning);
    if (!status) status = keep_making(attributes, kept);
    if (!status) status = take_out(attributes, members);
    if (!status) status = set_item_unless_empty(attributes, RP_ENUM_MEMBERS, filled);
    if (!status) status = set_item_unless_empty(attributes, RP_ENUM_MAKING, kept);
    if (!status) status = move_early(attributes, beginning);
    Py_XDECREF(kept);
    Py_XDECREF(filled);
    Py_XDECREF(members);
    Py_XDECREF(map);
    return status;
}

/* ---- made again ---- */

PyObject *rp_enum_member(PyObject *module, PyObject *args) {
    PyObject *class, *value = NULL, *arguments = NULL;
    (void)module;
    if (PyTuple_GET_SIZE(args) == 2 ? !PyArg_ParseTuple(args, "O!(OO!)", &PyType_Type, &class,
                                                        &value, &PyTuple_Type, &arguments)
                                    : !PyArg_ParseTuple(args, "O!OO!", &PyType_Type, &class, &value,
                                                        &PyTuple_Type, &arguments))
        return NULL;
    PyTypeObject *base = rp_base_in_c((PyTypeObject *)class);
    PyObject *member = base->tp_new((PyTypeObject *)class, arguments, NULL);
    if (member && PyObject_SetAttrString(member, "_value_", value) < 0) Py_CLEAR(member);
    return member;
}

/* Members have been initialised before. */
static PyObject *do_nothing(PyObject *self, PyObject *args) {
    (void)self;
    (void)args;
    Py_RETURN_NONE;
}

static PyMethodDef nothing = {"__init__", do_nothing, METH_VARARGS, NULL};

static int copy_items(PyObject *from, PyObject *to) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(from, &at, &name, &value);) {
        if (!PyUnicode_Check(name) || PyUnicode_READ_CHAR(name, 0) == '@') continue;
        if (PyObject_SetItem(to, name, value) < 0) return -1;
    }
    return 0;
}

static int put_stubs(PyObject *namespace) {
    PyObject *new = rp_core_function("_enum_member"), *init = PyCFunction_New(&nothing, NULL);
    PyObject *name = PyUnicode_FromString("__new__"), *init_name = PyUnicode_FromString("__init__");
    int status = new &&init &&name &&init_name ? PyObject_SetItem(namespace, name, new) : -1;
    if (!status) status = PyObject_SetItem(namespace, init_name, init);
    Py_XDECREF(init_name);
    Py_XDECREF(name);
    Py_XDECREF(init);
    Py_XDECREF(new);
    return status;
}

/* As they stand in the dict of the class, which a metaclass of the program may guard. */
static int set_raw(PyObject *class, const char *name, PyObject *value) {
    PyObject *dict = ((PyTypeObject *)class)->tp_dict;
    PyObject *key = PyUnicode_FromString(name);
    int status = !key ? -1 : value ? PyDict_SetItem(dict, key, value) : PyDict_Contains(dict, key);
    if (!value && status > 0) status = PyDict_DelItem(dict, key);
    Py_XDECREF(key);
    PyType_Modified((PyTypeObject *)class);
    return status;
}

/* EnumMeta.__new__, without the program's metaclass. */
static PyObject *call_meta(PyObject *meta, PyObject *metaclass, PyObject *name, PyObject *bases,
                           PyObject *prepared, PyObject *boundary) {
    PyObject *function = PyObject_GetAttrString(meta, "__new__"), *class = NULL;
    PyObject *arguments = function ? PyTuple_Pack(4, metaclass, name, bases, prepared) : NULL;
    PyObject *named = arguments ? PyDict_New() : NULL;
    if (named && (!boundary || PyDict_SetItemString(named, "boundary", boundary) == 0))
        class = PyObject_Call(function, arguments, named);
    Py_XDECREF(named);
    Py_XDECREF(arguments);
    Py_XDECREF(function);
    return class;
}

PyObject *rp_made_enum(PyObject *metaclass, PyObject *name, PyObject *bases, PyObject *namespace) {
    PyObject *members = PyDict_GetItemString(namespace, RP_ENUM); /* borrowed, both */
    PyObject *boundary = PyDict_GetItemString(namespace, RP_ENUM_BOUNDARY), *class = NULL;
    PyObject *meta = enum_meta();
    PyObject *prepared = meta ? PyObject_CallMethod(meta, "__prepare__", "OO", name, bases) : NULL;
    if (prepared && !(members && PyDict_CheckExact(members)))
        PyErr_SetString(PyExc_TypeError, "the members of an enum are no dict");
    else if (prepared && copy_items(namespace, prepared) == 0 && put_stubs(prepared) == 0 &&
             copy_items(members, prepared) == 0)
        class = call_meta(meta, metaclass, name, bases, prepared, boundary);
    Py_XDECREF(prepared);
    Py_XDECREF(meta);
    if (class && (!PyType_Check(class) || set_raw(class, "__init__", NULL) < 0 ||
                  set_raw(class, "__new_member__", NULL) < 0))
        Py_CLEAR(class);
    return class;
}

static int fill_member(PyObject *member, PyObject *own) {
    PyObject *slots = PyDict_GetItemString(own, RP_ENUM_SLOTS), *name, *value; /* borrowed */
    int status = 0;
    for (Py_ssize_t at = 0;
         !status && slots && PyDict_Check(slots) && PyDict_Next(slots, &at, &name, &value);)
        status = PyObject_GenericSetAttr(member, name, value);
    if (status || (slots && PyDict_DelItemString(own, RP_ENUM_SLOTS) < 0)) return -1;
    return PyDict_GET_SIZE(own) ? rp_set_all_in_dict(member, own) : 0;
}

static int fill_members(PyObject *class, PyObject *filled) {
    PyObject *name, *own;
    PyObject *map = PyDict_Check(filled) ? PyObject_GetAttrString(class, "_member_map_") : NULL;
    int status = map && PyDict_Check(map) ? 0 : -1;
    for (Py_ssize_t at = 0; !status && PyDict_Next(filled, &at, &name, &own);) {
        PyObject *member = PyDict_GetItemWithError(map, name); /* borrowed */
        if (member && PyDict_Check(own)) status = fill_member(member, own);
    }
    if (status < 0 && !PyErr_Occurred())
        PyErr_SetString(PyExc_TypeError, "the members of an enum are no dict");
    Py_XDECREF(map);
    return status;
}

int rp_enum_finish(PyObject *class, PyObject *attributes) {
    PyObject *filled, *kept;
    int found = rp_dict_find(attributes, RP_ENUM_MEMBERS, &filled);
    if (found > 0) found = fill_members(class, filled);
    Py_XDECREF(filled);
    if (found < 0) return -1;
    found = rp_dict_find(attributes, RP_ENUM_MAKING, &kept);
    for (size_t i = 0; found > 0 && PyDict_Check(kept) && i < MAKING_COUNT; i++) {
        PyObject *value = PyDict_GetItemString(kept, making[i]); /* borrowed */
        if (value && set_raw(class, making[i], value) < 0) found = -1;
    }
    Py_XDECREF(kept);
    return found < 0 ? -1 : 0;
}
