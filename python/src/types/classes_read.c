/* Classes that no import leads to, out of the object stream. */
#include "functions_read.h"
#include "enums.h"
#include "made_classes.h"

#include "../encode.h"
#include "../lookup.h"
#include "../opaque.h"
#include "../pycompat/functions.h"

enum { MODULE, NAME, VARIABLE, METACLASS, BASES, BEGINNING, ATTRIBUTES, CLASS_PARTS };

static const char *const part_names[] = {"module", "name",      "variable",  "metaclass",
                                         "bases",  "beginning", "attributes"};

/* ---- the program's own class ---- */

/* 1: `live` stands where the class stood. 0, -1. */
static int is_same_place(PyObject *live, PyObject *const *parts) {
    if (!PyType_Check(live)) return 0;
    PyObject *module = PyObject_GetAttrString(live, "__module__");
    PyObject *name = module ? PyType_GetQualName((PyTypeObject *)live) : NULL;
    int same = !name ? -1
                     : PyUnicode_Check(module) && PyUnicode_Compare(module, parts[MODULE]) == 0 &&
                           PyUnicode_Compare(name, parts[NAME]) == 0;
    Py_XDECREF(module);
    Py_XDECREF(name);
    return same;
}

/* Functions of the program stay; values come back. */
static bool is_kept(PyObject *value, PyObject *own) {
    if (!own) return false;
    return PyFunction_Check(own) || PyFunction_Check(value) || rp_is_descriptor(own) ||
           rp_is_descriptor(value) || Py_TYPE(own)->tp_descr_get;
}

static bool is_dunder(PyObject *name) {
    Py_ssize_t size = PyUnicode_Check(name) ? PyUnicode_GET_LENGTH(name) : 0;
    return size > 4 && PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_' &&
           PyUnicode_READ_CHAR(name, size - 1) == '_' && PyUnicode_READ_CHAR(name, size - 2) == '_';
}

static int fill_value(PyObject *class, PyObject *unchanged, PyObject *name, PyObject *value) {
    PyObject *own = PyDict_GetItemWithError(((PyTypeObject *)class)->tp_dict, name);
    int is_unchanged =
        unchanged && PyList_Check(unchanged) ? PySequence_Contains(unchanged, name) : 0;
    if ((!own && PyErr_Occurred()) || is_unchanged < 0) return -1;
    if (is_unchanged || is_kept(value, own)) return 0;
    return PyType_Type.tp_setattro(class, name, value);
}

int rp_class_fill(PyObject *class, PyObject *attributes) {
    PyObject *unchanged = PyDict_GetItemString(attributes, RP_UNCHANGED), *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(attributes, &at, &name, &value);) {
        bool is_name = PyUnicode_Check(name) && PyUnicode_IsIdentifier(name);
        if (!is_name || is_dunder(name)) continue;
        if (fill_value(class, unchanged, name, value) < 0) return -1;
    }
    return 0;
}

/* ---- a class that is made ---- */

static bool is_parts(const rp_module_state *state, PyObject *const *parts) {
    if (!PyUnicode_CheckExact(parts[MODULE]) || !PyUnicode_CheckExact(parts[NAME])) return false;
    if (parts[VARIABLE] != Py_None && !PyUnicode_CheckExact(parts[VARIABLE])) return false;
    (void)state;
    return true;
}

/* What the class itself is made of can be used. 1; 0: something in it is not there any more. -1. */
static int check_made_of(rp_decoder *decoder, PyObject *const *parts) {
    PyObject *bases = parts[BASES];
    if (rp_opaque_check(decoder->state, parts[METACLASS])) return 0;
    if (!PyType_Check(parts[METACLASS]) ||
        !PyType_IsSubtype((PyTypeObject *)parts[METACLASS], &PyType_Type) ||
        !PyTuple_CheckExact(bases) || !PyDict_CheckExact(parts[BEGINNING])) {
        rp_damaged(decoder, "the parts of a class are of the wrong types");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyObject *base = PyTuple_GET_ITEM(bases, i);
        if (base && rp_opaque_check(decoder->state, base)) return 0;
        if (base && PyType_Check(base)) continue;
        rp_damaged(decoder, "a base of a class is no class");
        return -1;
    }
    return 1;
}

/* ---- what the program does when it derives a class: it has been done ---- */

static PyObject *do_nothing(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

static PyMethodDef nothing = {"__init_subclass__", do_nothing, METH_NOARGS, NULL};

static bool is_made(rp_decoder *decoder, PyObject *class) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(decoder->made_classes); i++)
        if (PyList_GET_ITEM(decoder->made_classes, i) == class) return true;
    return false;
}

static int set_own(PyObject *class, PyObject *value) {
    int status = PyDict_SetItemString(((PyTypeObject *)class)->tp_dict, nothing.ml_name, value);
    PyType_Modified((PyTypeObject *)class);
    return status;
}

/* Classes out of the stream that have an __init_subclass__, and do nothing in it until
 * wake_bases(): new reference to a dict class -> what it has there. */
static PyObject *silence_bases(rp_decoder *decoder, PyObject *bases) {
    PyObject *silenced = PyDict_New(), *stub = PyCFunction_New(&nothing, NULL);
    int status = silenced && stub ? 0 : -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(bases); i++) {
        PyObject *all = ((PyTypeObject *)PyTuple_GET_ITEM(bases, i))->tp_mro;
        for (Py_ssize_t k = 0; !status && k < PyTuple_GET_SIZE(all); k++) {
            PyObject *base = PyTuple_GET_ITEM(all, k), *own;
            if (!is_made(decoder, base) || PyDict_Contains(silenced, base)) continue;
            int has = rp_dict_find(((PyTypeObject *)base)->tp_dict, nothing.ml_name, &own);
            if (has > 0) status = PyDict_SetItem(silenced, base, own);
            if (has > 0 && !status) status = set_own(base, stub);
            if (has < 0) status = -1;
            Py_XDECREF(own);
        }
    }
    Py_XDECREF(stub);
    if (status < 0) Py_CLEAR(silenced);
    return silenced;
}

static int wake_bases(PyObject *silenced) {
    PyObject *base, *own, *type, *value, *trace;
    int status = 0;
    PyErr_Fetch(&type, &value, &trace);
    for (Py_ssize_t at = 0; PyDict_Next(silenced, &at, &base, &own);)
        if (set_own(base, own) < 0) status = -1;
    Py_DECREF(silenced);
    if (status == 0) PyErr_Restore(type, value, trace);
    return status;
}

static PyObject *derive(rp_decoder *decoder, PyObject *metaclass, PyObject *name, PyObject *bases,
                        PyObject *namespace) {
    PyObject *silenced = silence_bases(decoder, bases), *class = NULL, *arguments = NULL;
    if (silenced && PyDict_GetItemString(namespace, RP_ENUM))
        class = rp_made_enum(metaclass, name, bases, namespace);
    else if (silenced && (arguments = PyTuple_Pack(3, name, bases, namespace)))
        class = PyType_Type.tp_new((PyTypeObject *)metaclass, arguments, NULL);
    if (silenced && wake_bases(silenced) < 0) Py_CLEAR(class);
    Py_XDECREF(arguments);
    return class;
}

/* Not by the metaclass: its work is done, and what it made is in the attributes. */
static PyObject *new_class(rp_decoder *decoder, PyObject *const *parts) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(parts[NAME]);
    Py_ssize_t dot = PyUnicode_FindChar(parts[NAME], '.', 0, size, -1);
    PyObject *name = PyUnicode_Substring(parts[NAME], dot + 1, size), *class = NULL;
    PyObject *namespace = PyDict_Copy(parts[BEGINNING]);
    if (!name || !namespace || dot == -2) goto done;
    if (PyDict_SetItemString(namespace, "__module__", parts[MODULE]) < 0 ||
        PyDict_SetItemString(namespace, "__qualname__", parts[NAME]) < 0)
        goto done;
    class = derive(decoder, parts[METACLASS], name, parts[BASES], namespace);
done:
    Py_XDECREF(namespace);
    Py_XDECREF(name);
    return class;
}

/* `object` stands for the class: it could not be made, with the reason that is set, if one is. */
static int lose(rp_decoder *decoder, PyObject *object, PyObject *const *parts) {
    PyObject *type = NULL, *value = NULL, *trace = NULL;
    if (PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Fetch(&type, &value, &trace);
    }
    int status = value ? rp_decoder_lose(decoder, object, "class '%U.%U' can't be made again: %S",
                                         parts[MODULE], parts[NAME], value)
                       : rp_decoder_lose(decoder, object,
                                         "what class '%U.%U' is derived from is not there any more",
                                         parts[MODULE], parts[NAME]);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return status;
}

/* Opaque in its place. */
static PyObject *lose_class(rp_decoder *decoder, PyObject *const *parts) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *opaque = rp_opaque_new(decoder->state);
    if (!opaque) {
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
        return NULL;
    }
    PyErr_Restore(type, value, trace);
    if (lose(decoder, opaque, parts) < 0) Py_CLEAR(opaque);
    return opaque;
}

static PyObject *full_name(PyObject *const *parts) {
    return PyUnicode_FromFormat("%U.%U", parts[MODULE], parts[NAME]);
}

static int note_class(rp_decoder *decoder, PyObject *const *parts) {
    PyObject *name = full_name(parts);
    int status = name ? rp_note_untrusted(decoder, name) : -1;
    Py_XDECREF(name);
    return status;
}

static int is_class_trusted(rp_decoder *decoder, PyObject *const *parts) {
    PyObject *name = full_name(parts);
    int trusted = name ? rp_is_trusted(decoder, name) : -1;
    Py_XDECREF(name);
    if (trusted == 0 && note_class(decoder, parts) < 0) trusted = -1;
    return trusted;
}

static PyObject *made_of(rp_decoder *decoder, PyObject *const *parts) {
    int trusted = is_class_trusted(decoder, parts);
    if (trusted <= 0) return trusted < 0 ? NULL : rp_opaque_new(decoder->state);
    PyObject *live = rp_own_definition(decoder, parts[VARIABLE]);
    if (!live && PyErr_Occurred()) return NULL;
    int same = live ? is_same_place(live, parts) : 0;
    if (same) return same < 0 ? NULL : Py_NewRef(live);
    /* a name says nothing about what the stream makes a class of: source code, with dataclass() */
    if (!decoder->source.is_mine)
        return note_class(decoder, parts) < 0 ? NULL : rp_opaque_new(decoder->state);
    int usable = check_made_of(decoder, parts);
    if (usable < 0) return NULL;
    PyObject *class = usable ? new_class(decoder, parts) : NULL;
    if (!class) return lose_class(decoder, parts);
    if (PyList_Append(decoder->made_classes, class) < 0) Py_CLEAR(class);
    return class;
}

/* Marks lead to the class before its attributes, which know it. */
static int class_part(rp_decoder *decoder) {
    rp_open *frame = rp_top(decoder);
    if (frame->index != BEGINNING + 1) return 0;
    PyObject *const *parts = decoder->values + frame->values;
    if (!is_parts(decoder->state, parts)) {
        rp_damaged(decoder, "a class has no name");
        return -1;
    }
    PyObject *class = made_of(decoder, parts);
    if (!class) return -1;
    frame = rp_top(decoder);
    frame->object = class;
    rp_announce(decoder);
    return 0;
}

static int set_attributes(PyObject *class, PyObject *attributes) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(attributes, &at, &name, &value);) {
        if (!PyUnicode_Check(name) || PyUnicode_GET_LENGTH(name) == 0) continue;
        if (PyUnicode_READ_CHAR(name, 0) == '@') continue; /* made_classes.h */
        if (PyType_Type.tp_setattro(class, name, value) < 0) return -1;
    }
    return rp_made_class_finish(class, attributes);
}

/* What ABCMeta keeps out of sight. */
static int begin_abstract(PyObject *class) {
    PyObject *abc = PyImport_ImportModule("abc"), *module = NULL, *done = NULL;
    PyObject *meta = abc ? PyObject_GetAttrString(abc, "ABCMeta") : NULL;
    int is_abstract = meta ? PyType_IsSubtype(Py_TYPE(class), (PyTypeObject *)meta) : -1;
    if (is_abstract > 0) module = PyImport_ImportModule("_abc");
    if (module) done = PyObject_CallMethod(module, "_abc_init", "O", class);
    int status = is_abstract < 0 || (is_abstract && !done) ? -1 : 0;
    Py_XDECREF(done);
    Py_XDECREF(module);
    Py_XDECREF(meta);
    Py_XDECREF(abc);
    return status;
}

static PyObject *finish_class(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *class = rp_top(decoder)->object;
    if (rp_opaque_check(decoder->state, class)) {
        PyObject *name = full_name(parts);
        PyObject *state = name ? rp_dict_of_parts(part_names, parts, count) : NULL;
        if (state) rp_opaque_fill(class, name, state);
        Py_XDECREF(state);
        Py_XDECREF(name);
        return state ? Py_NewRef(class) : NULL;
    }
    if (!PyDict_CheckExact(parts[ATTRIBUTES]))
        return rp_damaged(decoder, "the attributes of a class are no dict");
    int status;
    if (rp_own_definition(decoder, parts[VARIABLE]) == class)
        status = rp_add_filling(decoder, class, parts[ATTRIBUTES]);
    else if (set_attributes(class, parts[ATTRIBUTES]) < 0 || begin_abstract(class) < 0)
        status = lose(decoder, class, parts);
    else
        status = 0;
    return status < 0 ? NULL : Py_NewRef(class);
}

/* A class of a function around the call's own: the one that the program has there. */
static PyObject *finish_around(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    if (!is_parts(decoder->state, parts)) return rp_damaged(decoder, "a class has no name");
    int trusted = is_class_trusted(decoder, parts);
    PyObject *live = trusted > 0 ? rp_own_definition(decoder, parts[VARIABLE]) : NULL;
    if (trusted < 0 || (!live && PyErr_Occurred())) return NULL;
    if (live) return Py_NewRef(live);
    PyObject *opaque = rp_opaque_new(decoder->state);
    PyObject *name = opaque ? full_name(parts) : NULL;
    PyObject *state = name ? rp_dict_of_parts(part_names, parts, count) : NULL;
    if (state) rp_opaque_fill(opaque, name, state);
    if (!state ||
        (trusted && rp_decoder_lose(decoder, opaque, "class '%U' is not there any more", name) < 0))
        Py_CLEAR(opaque);
    Py_XDECREF(state);
    Py_XDECREF(name);
    return opaque;
}

int rp_open_class(rp_decoder *decoder) {
    Py_ssize_t count = rp_next_array(decoder, 3, CLASS_PARTS);
    if (count < 0) return -1;
    if (count != 3 && count != CLASS_PARTS) {
        rp_damaged(decoder, "a class has three or seven parts");
        return -1;
    }
    rp_finish finish = count == 3 ? finish_around : finish_class;
    if (rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count, finish) < 0) return -1;
    if (count > 3) rp_top(decoder)->part = class_part;
    return 1;
}
