/* Classes that no import leads to, into the object stream: by their bases and what they hold. */
#include "functions.h"
#include "known_types.h"
#include "made_classes.h"

#include "../decode.h"
#include "../lookup.h"
#include "../pycompat/functions.h"
#include "../pycompat/scandir.h"

#include <string.h>

/* What the interpreter, `abc` and `dataclasses` make again when the class is made. */
static bool is_made_again(PyObject *name) {
    static const char *const names[] = {
        "__dict__",      "__weakref__",           "__module__", "__qualname__",
        "__slots__",     "__orig_bases__",        "__doc__",    "__classcell__",
        "__slotnames__", "__annotations_cache__", "_abc_impl",  "__abstractmethods__"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0) return true;
    return false;
}

/* What stands for a slot. */
static bool is_slot(PyTypeObject *type, PyObject *value) {
    return (Py_IS_TYPE(value, &PyMemberDescr_Type) || Py_IS_TYPE(value, &PyGetSetDescr_Type)) &&
           PyDescr_TYPE(value) == type;
}

/* A type parameter of the class (PEP 695) is bound to the class. */
static bool is_bound_to_itself(PyTypeObject *type) {
    PyObject *parameters = PyDict_GetItemString(type->tp_dict, "__type_params__"); /* borrowed */
    Py_ssize_t count = parameters && PyTuple_Check(parameters) ? PyTuple_GET_SIZE(parameters) : 0;
    bool found = false;
    for (Py_ssize_t i = 0; i < count && !found; i++)
        found = rp_attribute_is(PyTuple_GET_ITEM(parameters, i), "__bound__", (PyObject *)type) > 0;
    PyErr_Clear(); /* it can't be evaluated yet, which is told where it is written */
    return found;
}

/* What the class must have from the start. */
static PyObject *beginning_of(PyObject *dict) {
    static const char *const names[] = {"__slots__", "__orig_bases__", "__doc__"};
    PyObject *beginning = PyDict_New(), *value;
    for (size_t i = 0; beginning && i < sizeof names / sizeof names[0]; i++) {
        int found = rp_dict_find(dict, names[i], &value);
        if (found < 0 || (found > 0 && PyDict_SetItemString(beginning, names[i], value) < 0))
            Py_CLEAR(beginning);
        Py_XDECREF(value);
    }
    return beginning;
}

/* From 3.14 on a function in the class makes them, out of the namespace of the class itself. */
static int add_annotations(PyTypeObject *type, PyObject *attributes) {
    PyObject *annotations = PyObject_GetAttrString((PyObject *)type, "__annotations__");
    if (!annotations) { /* they name what is not there yet */
        if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Clear();
        return 0;
    }
    int status = PyDict_SetItemString(attributes, "__annotations__", annotations);
    Py_DECREF(annotations);
    return status;
}

static PyObject *attributes_of(PyTypeObject *type, PyObject *dict) {
    PyObject *attributes = PyDict_New(), *copy = PyDict_Copy(dict), *name, *value;
    int status = attributes && copy ? 0 : -1;
    for (Py_ssize_t at = 0; !status && PyDict_Next(copy, &at, &name, &value);) {
        if (!PyUnicode_Check(name) || is_made_again(name) || is_slot(type, value)) continue;
        status = PyUnicode_CompareWithASCIIString(name, "__annotate_func__") == 0
                     ? add_annotations(type, attributes)
                     : PyDict_SetItem(attributes, name, value);
    }
    Py_XDECREF(copy);
    if (status < 0) Py_CLEAR(attributes);
    return attributes;
}

/* Methods in C, also those that stand for slots, which the interpreter gives no class of Python. */
static bool has_methods_of_c(PyTypeObject *type) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(type->tp_dict, &at, &name, &value);)
        if ((Py_IS_TYPE(value, &PyMethodDescr_Type) || Py_IS_TYPE(value, &PyWrapperDescr_Type)) &&
            PyDescr_TYPE(value) == type)
            return true;
    return false;
}

/* type.__new__ can make it: no part of it, or of a metaclass, that is written in C is left out. */
static bool is_of_python(PyTypeObject *type) {
    PyTypeObject *meta = Py_TYPE(type);
    while (meta && meta->tp_flags & Py_TPFLAGS_HEAPTYPE)
        meta = meta->tp_base;
    return meta == &PyType_Type && type->tp_flags & Py_TPFLAGS_HEAPTYPE && type->tp_dict &&
           !has_methods_of_c(type);
}

/* The names of those values that are as the program made them: a list. */
static PyObject *unchanged_of(PyObject *constants, PyObject *attributes) {
    PyObject *names = PyList_New(0), *name, *value;
    for (Py_ssize_t at = 0; names && PyDict_Next(constants, &at, &name, &value);) {
        PyObject *now = PyDict_GetItemWithError(attributes, name); /* borrowed */
        if (now == value && PyList_Append(names, name) < 0) Py_CLEAR(names);
    }
    return names;
}

static int note_unchanged(rp_encoder *encoder, PyTypeObject *type, PyObject *attributes) {
    PyObject *constants = rp_own_constants_of(encoder, (PyObject *)type);
    if (!PyDict_Check(constants)) return 0;
    PyObject *names = unchanged_of(constants, attributes);
    int status = !names ? -1
                 : PyList_GET_SIZE(names) > 0
                     ? PyDict_SetItemString(attributes, RP_UNCHANGED, names)
                     : 0;
    Py_XDECREF(names);
    return status;
}

static const char *const class_labels[] = {".__class__", ".__bases__", ".__dict__", ".__dict__"};

/* Its bases lead to the class: they are set when it is there. */
static int put_bases_late(PyTypeObject *type, PyObject *beginning, PyObject *attributes) {
    PyObject *bases = PyDict_GetItemString(beginning, "__orig_bases__"); /* borrowed */
    if (!bases || !is_bound_to_itself(type)) return 0;
    PyObject *none = PyTuple_New(0);
    int status = none ? PyDict_SetItemString(attributes, "__orig_bases__", bases) : -1;
    if (status == 0) status = PyDict_SetItemString(beginning, "__orig_bases__", none);
    Py_XDECREF(none);
    return status;
}

static int advance_class(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        if (frame->index == frame->count - 1) rp_made(encoder, frame);
        frame->label = class_labels[frame->index];
        int status = rp_put_held(encoder, PyTuple_GET_ITEM(frame->key, frame->index++));
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

static int push_class(rp_encoder *encoder, PyTypeObject *type, bool is_marked) {
    PyObject *dict = type->tp_dict;
    PyObject *beginning = beginning_of(dict), *attributes = attributes_of(type, dict);
    bool prepared = beginning && attributes && put_bases_late(type, beginning, attributes) == 0 &&
                    rp_made_class_prepare(type, beginning, attributes) == 0 &&
                    note_unchanged(encoder, type, attributes) == 0;
    PyObject *parts =
        prepared ? PyTuple_Pack(4, Py_TYPE(type), type->tp_bases, beginning, attributes) : NULL;
    Py_XDECREF(beginning);
    Py_XDECREF(attributes);
    rp_encode_frame *frame = parts ? rp_push(encoder, advance_class, (PyObject *)type, 4) : NULL;
    if (!frame) {
        Py_XDECREF(parts);
        return -1;
    }
    frame->key = parts;
    rp_making(encoder, frame, is_marked);
    return RP_DONE;
}

/* [module, qualified name, variable ...] */
static int put_names(rp_encoder *encoder, PyTypeObject *type, PyObject *qualified,
                     bool *is_around) {
    PyObject *module = PyObject_GetAttrString((PyObject *)type, "__module__");
    if (!module) return -1;
    PyObject *own_name = rp_own_name_of(encoder, (PyObject *)type, is_around);
    rp_put_array_head(encoder, *is_around ? 3 : 7);
    int status = PyUnicode_Check(module)
                     ? rp_put_str(encoder, module)
                     : rp_refuse(encoder, "its __module__ is no text: it can't be found again");
    if (!status) status = rp_put_str(encoder, qualified);
    if (!status) status = rp_put_value(encoder, own_name ? own_name : Py_None);
    Py_DECREF(module);
    return status;
}

int rp_put_class(rp_encoder *encoder, PyObject *object) {
    PyTypeObject *type = (PyTypeObject *)object;
    PyObject *module_name, *path;
    bool is_around, is_marked = encoder->last_share >= 0;
    int found = rp_global_find(encoder->state, object, NULL, &module_name, &path);
    if (found < 0) return -1;
    if (found > 0) {
        Py_DECREF(module_name);
        Py_DECREF(path);
        return rp_put_global(encoder, object);
    }
    if (encoder->digest) return rp_refuse(encoder, "a class of a function can't be compared");
    if (rp_is_scandir_type(type)) return rp_put_by_own(encoder, "resume._library", object);
    if (!is_of_python(type))
        return rp_refuse(encoder, "it can't be found by import under its own name, and it or its "
                                  "metaclass is written in C; define it in a module");
    found = rp_made_class_is_begun(type);
    if (found < 0) return -1;
    if (found > 0) return rp_refuse(encoder, "its library is just making it: save when it is made");
    PyObject *qualified = PyType_GetQualName(type);
    if (!qualified) return -1;
    rp_put_tag(encoder, RP_TAG_CLASS);
    int status = put_names(encoder, type, qualified, &is_around);
    Py_DECREF(qualified);
    return status || is_around ? status : push_class(encoder, type, is_marked);
}

/* ---- what classes hold ---- */

/* A call that makes it again: (type, arguments), or (type, arguments, state). */
static PyObject *reduction_of(PyObject *object) {
    static const char *const property_parts[] = {"fget", "fset", "fdel", "__doc__"};
    if (!Py_IS_TYPE(object, &PyProperty_Type)) {
        PyObject *function = PyObject_GetAttrString(object, "__func__");
        return function ? Py_BuildValue("(O(N))", Py_TYPE(object), function) : NULL;
    }
    PyObject *parts = PyTuple_New(4);
    for (Py_ssize_t i = 0; parts && i < 4; i++) {
        PyObject *part = PyObject_GetAttrString(object, property_parts[i]);
        if (!part) Py_CLEAR(parts);
        if (parts) PyTuple_SET_ITEM(parts, i, part);
    }
    return parts ? Py_BuildValue("(ON)", Py_TYPE(object), parts) : NULL;
}

bool rp_is_descriptor(PyObject *object) {
    return Py_IS_TYPE(object, &PyProperty_Type) || Py_IS_TYPE(object, &PyStaticMethod_Type) ||
           Py_IS_TYPE(object, &PyClassMethod_Type);
}

int rp_put_descriptor(rp_encoder *encoder, PyObject *object) {
    PyObject *reduced = reduction_of(object);
    if (!reduced) return -1;
    int status = rp_put_reduced(encoder, object, reduced);
    Py_DECREF(reduced);
    return status;
}

/* Without its lock, which versions before 3.12 have. */
int rp_put_cached_property(rp_encoder *encoder, PyObject *object) {
    PyObject *function = PyObject_GetAttrString(object, "func");
    PyObject *name = function ? PyObject_GetAttrString(object, "attrname") : NULL;
    PyObject *reduced =
        name ? Py_BuildValue("(O(O){sO})", Py_TYPE(object), function, "attrname", name) : NULL;
    Py_XDECREF(name);
    Py_XDECREF(function);
    if (!reduced) return -1;
    int status = encoder->digest ? rp_refuse(encoder, "it can't be compared")
                                 : rp_put_reduced(encoder, object, reduced);
    Py_DECREF(reduced);
    return status;
}

/* functools.lru_cache of a function: with an empty cache. */
int rp_put_cached_function(rp_encoder *encoder, PyObject *object) {
    PyObject *module_name, *path, *reduced = NULL;
    int found = rp_global_find(encoder->state, object, NULL, &module_name, &path);
    if (found < 0) return -1;
    if (found > 0) {
        Py_DECREF(module_name);
        Py_DECREF(path);
        return rp_put_global(encoder, object);
    }
    if (encoder->digest) return rp_refuse(encoder, "it can't be compared");
    PyObject *module = PyImport_ImportModule("functools");
    PyObject *info = module ? PyObject_GetAttrString(module, "_CacheInfo") : NULL;
    PyObject *options = info ? PyObject_CallMethod(object, "cache_parameters", NULL) : NULL;
    PyObject *size = options ? PyDict_GetItemString(options, "maxsize") : NULL; /* borrowed */
    PyObject *typed = options ? PyDict_GetItemString(options, "typed") : NULL;  /* borrowed */
    PyObject *function = size && typed ? PyObject_GetAttrString(object, "__wrapped__") : NULL;
    PyObject *dict = function ? PyObject_GetAttrString(object, "__dict__") : NULL;
    if (dict)
        reduced = Py_BuildValue("(O(OOOO)O)", Py_TYPE(object), function, size, typed, info, dict);
    int status = reduced            ? rp_put_reduced(encoder, object, reduced)
                 : PyErr_Occurred() ? -1
                                    : rp_refuse(encoder, "its cache has no parameters");
    Py_XDECREF(reduced);
    Py_XDECREF(dict);
    Py_XDECREF(function);
    Py_XDECREF(options);
    Py_XDECREF(info);
    Py_XDECREF(module);
    return status;
}
