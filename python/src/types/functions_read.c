/* Functions by the path to their live code, cells and bound methods, out of the object stream. */
#include "functions_read.h"

#include "../live_code.h"
#include "../opaque.h"
#include "../pycompat/functions.h"

#include <string.h>

/* ---- code ---- */

static PyObject *next_text(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_TEXT) return rp_damaged(decoder, "the name of code is no text");
    return rp_get_str(decoder, &item);
}

static int next_hash(rp_decoder *decoder, uint8_t hash[RP_CODE_HASH_SIZE]) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind != RS_CBOR_BYTES || item.argument != RP_CODE_HASH_SIZE) {
        rp_damaged(decoder, "the hash of code has not 16 bytes");
        return -1;
    }
    memcpy(hash, item.bytes, RP_CODE_HASH_SIZE);
    return 0;
}

static int next_place(rp_decoder *decoder, int64_t *place) {
    rs_cbor_item item;
    *place = -1;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind == RS_CBOR_SIMPLE && item.width == 0 && item.argument == RS_CBOR_NULL) return 0;
    if (item.kind != RS_CBOR_UNSIGNED || item.argument > INT32_MAX) {
        rp_damaged(decoder, "the place of code is no number");
        return -1;
    }
    *place = (int64_t)item.argument;
    return 0;
}

static int next_path(rp_decoder *decoder, rp_code_path *path) {
    *path = (rp_code_path){.place = -1};
    if (rp_next_array(decoder, 6, 6) < 0) return -1;
    if (!(path->module = next_text(decoder)) || !(path->name = next_text(decoder))) return -1;
    if (next_place(decoder, &path->place) < 0 || next_hash(decoder, path->hash) < 0 ||
        rp_next_unsigned(decoder, &path->version) < 0)
        return -1;
    return next_hash(decoder, path->shape);
}

/* The path as data: what an Opaque shows, and what is saved again. */
static PyObject *parts_of(const rp_code_path *path) {
    PyObject *place = path->place < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(path->place);
    if (!place) return NULL;
    return Py_BuildValue("[OONy#Ky#]", path->module, path->name, place, (const char *)path->hash,
                         (Py_ssize_t)sizeof path->hash, (unsigned long long)path->version,
                         (const char *)path->shape, (Py_ssize_t)sizeof path->shape);
}

static PyObject *name_of(const rp_code_path *path) {
    return PyUnicode_FromFormat("%U.%U", path->module, path->name);
}

/* The namespace of the module, which is imported if it is not; NULL without an exception when that
 * fails. New reference. */
static PyObject *namespace_of(PyObject *module_name) {
    PyObject *module = PyImport_Import(module_name), *globals = NULL;
    if (module && PyModule_Check(module)) globals = Py_NewRef(PyModule_GetDict(module));
    Py_XDECREF(module);
    if (!module && PyErr_ExceptionMatches(PyExc_Exception) &&
        !PyErr_ExceptionMatches(PyExc_MemoryError))
        PyErr_Clear();
    return globals;
}

/* (parts, code or None, namespace or None, rp_code_found): the value of CODE, which no program
 * sees. */
static PyObject *value_of(rp_decoder *decoder, const rp_code_path *path) {
    PyObject *globals = NULL, *parts = parts_of(path), *value = NULL;
    PyObject *name = name_of(path);
    PyCodeObject *code = NULL;
    rp_code_found found = RP_CODE_MISSING;
    int trusted = parts && name ? rp_is_trusted(decoder, name) : -1;
    if (trusted < 0) goto done;
    if (trusted) {
        globals = namespace_of(path->module);
        if (!globals && PyErr_Occurred()) goto done;
        if (globals && rp_code_path_find(decoder->state, path, globals, &code, &found) < 0)
            goto done;
    } else if (rp_note_untrusted(decoder, name) < 0) {
        goto done;
    }
    if (found == RP_CODE_LIKELY &&
        rp_decoder_note(decoder, "functions were saved by another Python, whose byte code can't be "
                                 "compared with this one's: they were found by name and place") < 0)
        goto done;
    value = Py_BuildValue("(OOOiO)", parts, code ? (PyObject *)code : Py_None,
                          globals ? globals : Py_None, trusted ? (int)found : -1, name);
done:
    Py_XDECREF((PyObject *)code);
    Py_XDECREF(globals);
    Py_XDECREF(name);
    Py_XDECREF(parts);
    return value;
}

PyObject *rp_get_code(rp_decoder *decoder) {
    rp_code_path path;
    PyObject *value = next_path(decoder, &path) < 0 ? NULL : value_of(decoder, &path);
    rp_code_path_release(&path);
    return value;
}

bool rp_is_code_value(PyObject *value) {
    if (!PyTuple_CheckExact(value) || PyTuple_GET_SIZE(value) != 5) return false;
    for (Py_ssize_t i = 0; i < 5; i++)
        if (!PyTuple_GET_ITEM(value, i)) return false; /* still being read: another tuple */
    PyObject *code = PyTuple_GET_ITEM(value, 1), *globals = PyTuple_GET_ITEM(value, 2);
    return PyList_CheckExact(PyTuple_GET_ITEM(value, 0)) &&
           PyLong_CheckExact(PyTuple_GET_ITEM(value, 3)) &&
           PyUnicode_CheckExact(PyTuple_GET_ITEM(value, 4)) &&
           (code == Py_None || (PyCode_Check(code) && PyDict_Check(globals)));
}

/* ---- functions ---- */

enum { CODE, OWN_NAME, DEFAULTS, KEYWORD_DEFAULTS, CLOSURE, DICT, OTHERS, FUNCTION_PARTS };

static const char *const part_names[] = {"code",    "variable", "defaults", "kwdefaults",
                                         "closure", "dict",     "others"};

PyObject *rp_own_definition(rp_decoder *decoder, PyObject *own_name) {
    if (!decoder->definitions || !PyUnicode_Check(own_name)) return NULL;
    return PyDict_GetItemWithError(decoder->definitions, own_name);
}

/* Until the real ones are there, a call raises NameError and does not fall over a missing tuple. */
static int give_empty_cells(PyObject *function) {
    Py_ssize_t count = PyCode_GetNumFree((PyCodeObject *)PyFunction_GET_CODE(function));
    if (count == 0) return 0;
    PyObject *cells = PyTuple_New(count);
    for (Py_ssize_t i = 0; cells && i < count; i++) {
        PyObject *cell = PyCell_New(NULL);
        if (!cell) Py_CLEAR(cells);
        if (cells) PyTuple_SET_ITEM(cells, i, cell);
    }
    int status = cells ? PyFunction_SetClosure(function, cells) : -1;
    Py_XDECREF(cells);
    return status;
}

static PyObject *new_function(PyObject *code, PyObject *globals) {
    PyObject *function = PyFunction_New(code, globals);
    if (function && give_empty_cells(function) < 0) Py_CLEAR(function);
    return function;
}

/* The program's own function in the same place, which has other code by now. 1, 0 or -1. */
static int is_same_place(rp_decoder *decoder, PyObject *function, PyObject *parts) {
    rp_code_path path;
    if (!PyFunction_Check(function)) return 0;
    int found = rp_code_path_of(decoder->state, (PyCodeObject *)PyFunction_GET_CODE(function),
                                PyFunction_GET_GLOBALS(function), &path);
    if (found <= 0) return found;
    PyObject *place = PyList_GET_ITEM(parts, 2);
    found = PyUnicode_Compare(path.module, PyList_GET_ITEM(parts, 0)) == 0 &&
            PyUnicode_Compare(path.name, PyList_GET_ITEM(parts, 1)) == 0 &&
            (place == Py_None || PyLong_AsLongLong(place) == path.place);
    rp_code_path_release(&path);
    return found;
}

int rp_lose_code(rp_decoder *decoder, PyObject *code, PyObject *object) {
    bool changed = PyLong_AsLong(PyTuple_GET_ITEM(code, 3)) == RP_CODE_CHANGED;
    return rp_decoder_lose(decoder, object,
                           changed ? "the code of '%U' has changed since the save"
                                   : "the code of '%U' is not there any more",
                           PyTuple_GET_ITEM(code, 4));
}

/* What stands for a function whose code is not found, or not trusted; *target is set when the
 * program has one in its place. */
static int make_without_code(rp_decoder *decoder, PyObject *code, PyObject *live) {
    rp_open *frame = rp_top(decoder);
    bool is_lost = PyLong_AsLong(PyTuple_GET_ITEM(code, 3)) >= 0;
    int same = is_lost && live ? is_same_place(decoder, live, PyTuple_GET_ITEM(code, 0)) : 0;
    if (same < 0) return -1;
    if (same) {
        frame->object = Py_NewRef(live);
        return rp_decoder_note(decoder,
                               "the code of '%s' has changed since the save: the program's own "
                               "function is used",
                               PyUnicode_AsUTF8(PyTuple_GET_ITEM(code, 4)));
    }
    frame->object = rp_opaque_new(decoder->state);
    if (!frame->object) return -1;
    return is_lost ? rp_lose_code(decoder, code, frame->object) : 0;
}

int rp_check_code(rp_decoder *decoder, PyObject *code, PyObject *own_name) {
    if (rp_is_code_value(code) && (own_name == Py_None || PyUnicode_CheckExact(own_name))) return 0;
    rp_damaged(decoder, "a function or class has no code");
    return -1;
}

/* Called for each part; marks lead to the function as soon as its code is known. */
static int function_part(rp_decoder *decoder) {
    rp_open *frame = rp_top(decoder);
    if (frame->index != OWN_NAME + 1) return 0;
    PyObject *code = decoder->values[frame->values];
    PyObject *own_name = decoder->values[frame->values + OWN_NAME], *target = NULL;
    if (rp_check_code(decoder, code, own_name) < 0) return -1;
    PyObject *live = rp_own_definition(decoder, own_name), *found = PyTuple_GET_ITEM(code, 1);
    if (!live && PyErr_Occurred()) return -1;
    if (found == Py_None) {
        if (make_without_code(decoder, code, live) < 0) return -1;
    } else {
        frame->object = new_function(found, PyTuple_GET_ITEM(code, 2));
        if (!frame->object) return -1;
        if (live && PyFunction_Check(live) && PyFunction_GET_CODE(live) == found) target = live;
    }
    Py_XINCREF(target);
    rp_announce_target(decoder, target);
    if (!target) return 0;
    Py_DECREF(target);
    return PyDict_DelItem(decoder->definitions, own_name); /* once: it can't become two */
}

static bool is_closure(PyObject *closure, Py_ssize_t count) {
    if (closure == Py_None) return count == 0;
    if (!PyTuple_Check(closure) || PyTuple_GET_SIZE(closure) != count) return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *cell = PyTuple_GET_ITEM(closure, i);
        if (!cell || !PyCell_Check(cell)) return false;
    }
    return true;
}

static bool is_function_state(PyObject *const *parts, Py_ssize_t free_count) {
    return (parts[DEFAULTS] == Py_None || PyTuple_Check(parts[DEFAULTS])) &&
           (parts[KEYWORD_DEFAULTS] == Py_None || PyDict_Check(parts[KEYWORD_DEFAULTS])) &&
           (parts[DICT] == Py_None || PyDict_Check(parts[DICT])) &&
           (parts[OTHERS] == Py_None || PyDict_Check(parts[OTHERS])) &&
           is_closure(parts[CLOSURE], free_count);
}

static int fill_function(PyObject *function, PyObject *const *parts) {
    PyObject *name, *value;
    if (PyFunction_SetDefaults(function, parts[DEFAULTS]) < 0 ||
        PyFunction_SetKwDefaults(function, parts[KEYWORD_DEFAULTS]) < 0)
        return -1;
    if (parts[CLOSURE] != Py_None && PyFunction_SetClosure(function, parts[CLOSURE]) < 0) return -1;
    if (parts[DICT] != Py_None && PyObject_SetAttrString(function, "__dict__", parts[DICT]) < 0)
        return -1;
    if (parts[OTHERS] == Py_None) return 0;
    for (Py_ssize_t at = 0; PyDict_Next(parts[OTHERS], &at, &name, &value);)
        if (PyObject_SetAttr(function, name, value) < 0) return -1;
    return 0;
}

PyObject *rp_dict_of_parts(const char *const *names, PyObject *const *parts, Py_ssize_t count) {
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict && i < count; i++) {
        bool is_code = i == 0 && rp_is_code_value(parts[0]);
        PyObject *part = is_code ? PyTuple_GET_ITEM(parts[0], 0) : parts[i];
        if (part != Py_None && PyDict_SetItemString(dict, names[i], part) < 0) Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *finish_function(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *function = rp_top(decoder)->object, *code = PyTuple_GET_ITEM(parts[CODE], 1);
    if (rp_opaque_check(decoder->state, function)) {
        PyObject *state = rp_dict_of_parts(part_names, parts, count);
        if (state) rp_opaque_fill(function, PyTuple_GET_ITEM(parts[CODE], 4), state);
        Py_XDECREF(state);
        return state ? Py_NewRef(function) : NULL;
    }
    if (code == Py_None) return Py_NewRef(function); /* the program's own */
    if (!is_function_state(parts, PyCode_GetNumFree((PyCodeObject *)code)))
        return rp_damaged(decoder, "the parts of a function are of the wrong types");
    if (fill_function(function, parts) < 0) return rp_checked(decoder, NULL);
    return Py_NewRef(function);
}

/* A name of a function around the call's own: what the program has there. */
static PyObject *finish_around(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    static const char *const names[] = {"code", "variable"};
    (void)count;
    if (rp_check_code(decoder, parts[0], parts[1]) < 0) return NULL;
    bool is_trusted = PyLong_AsLong(PyTuple_GET_ITEM(parts[0], 3)) >= 0;
    PyObject *live = rp_own_definition(decoder, parts[1]), *opaque, *state;
    if (live && is_trusted) return Py_NewRef(live);
    if (PyErr_Occurred()) return NULL;
    opaque = rp_opaque_new(decoder->state);
    state = opaque ? rp_dict_of_parts(names, parts, 2) : NULL;
    if (state) rp_opaque_fill(opaque, PyTuple_GET_ITEM(parts[0], 4), state);
    if (!state || (is_trusted && rp_lose_code(decoder, parts[0], opaque) < 0)) Py_CLEAR(opaque);
    Py_XDECREF(state);
    return opaque;
}

int rp_open_around(rp_decoder *decoder) {
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 2, finish_around) < 0 ? -1 : 1;
}

static int open_function(rp_decoder *decoder) {
    Py_ssize_t count = rp_next_array(decoder, 2, FUNCTION_PARTS);
    if (count == 2) return rp_open_around(decoder);
    if (count < 0) return -1;
    if (count != FUNCTION_PARTS) {
        rp_damaged(decoder, "a function has two or seven parts");
        return -1;
    }
    if (rp_open_frame(decoder, RP_OPEN_VALUES, NULL, FUNCTION_PARTS, finish_function) < 0)
        return -1;
    rp_top(decoder)->part = function_part;
    return 1;
}

int rp_function_fill(PyObject *function, PyObject *content) {
    static const char *const names[] = {"__name__",   "__qualname__",    "__doc__",
                                        "__module__", "__annotations__", "__type_params__"};
    bool has_parameters = rp_function_type_parameters((PyFunctionObject *)content) != NULL;
    size_t name_count = sizeof names / sizeof names[0] - !has_parameters;
    PyFunctionObject *from = (PyFunctionObject *)content;
    PyObject *parts[FUNCTION_PARTS] = {
        [DEFAULTS] = from->func_defaults ? from->func_defaults : Py_None,
        [KEYWORD_DEFAULTS] = from->func_kwdefaults ? from->func_kwdefaults : Py_None,
        [CLOSURE] = from->func_closure ? from->func_closure : Py_None,
        [OTHERS] = Py_None};
    parts[DICT] = PyObject_GetAttrString(content, "__dict__");
    int status = parts[DICT] ? fill_function(function, parts) : -1;
    Py_XDECREF(parts[DICT]);
    for (size_t i = 0; i < name_count && !status; i++) {
        PyObject *value = PyObject_GetAttrString(content, names[i]);
        status = value ? PyObject_SetAttrString(function, names[i], value) : -1;
        Py_XDECREF(value);
    }
    return status;
}

/* ---- cells ---- */

static PyObject *finish_cell(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *cell = rp_top(decoder)->object;
    if (count > 0) PyCell_Set(cell, parts[0]);
    return Py_NewRef(cell);
}

/* The cell of a variable of the call: the one in the frame, if it has one. */
static PyObject *own_cell(rp_decoder *decoder, const rs_cbor_item *item) {
    PyObject *name = rp_get_str(decoder, item), *cell = NULL;
    if (!name) return NULL;
    if (!decoder->own_cells && !(decoder->own_cells = PyDict_New())) goto done;
    if (!decoder->loose_cells && !(decoder->loose_cells = PyList_New(0))) goto done;
    cell = Py_XNewRef(PyDict_GetItemWithError(decoder->own_cells, name));
    if (cell || PyErr_Occurred()) goto done;
    cell = PyCell_New(NULL);
    if (!cell || PyDict_SetItem(decoder->own_cells, name, cell) < 0 ||
        PyList_Append(decoder->loose_cells, name) < 0)
        Py_CLEAR(cell);
done:
    Py_DECREF(name);
    return cell;
}

void rp_decoder_set_frame(rp_decoder *decoder, PyObject *cells, PyObject *definitions) {
    if (!decoder->source.is_mine && !decoder->source.trusted) return;
    Py_XSETREF(decoder->own_cells, Py_XNewRef(cells));
    Py_XSETREF(decoder->definitions, Py_XNewRef(definitions));
}

int rp_decoder_fill_cells(rp_decoder *decoder, PyObject *variables) {
    Py_ssize_t count = decoder->loose_cells ? PyList_GET_SIZE(decoder->loose_cells) : 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyList_GET_ITEM(decoder->loose_cells, i);
        PyObject *value = PyDict_GetItemWithError(variables, name); /* both borrowed */
        if (!value && PyErr_Occurred()) return -1;
        if (value) PyCell_Set(PyDict_GetItem(decoder->own_cells, name), value);
    }
    return 0;
}

static int open_cell(rp_decoder *decoder, PyObject **value) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind == RS_CBOR_TEXT) {
        *value = own_cell(decoder, &item);
        return *value ? 0 : -1;
    }
    if (item.kind != RS_CBOR_ARRAY || item.argument > 1) {
        rp_damaged(decoder, "a cell holds more than one value");
        return -1;
    }
    PyObject *cell = PyCell_New(NULL);
    if (!cell || rp_open_frame(decoder, RP_OPEN_VALUES, cell, item.argument, finish_cell) < 0)
        return -1;
    rp_announce(decoder);
    return 1;
}

/* ---- bound methods ---- */

int rp_bound_function(PyObject *object, PyObject *name, PyObject **function) {
    PyObject *found = NULL;
    *function = NULL;
    if (PyType_Check(object)) {
        found = rp_type_lookup((PyTypeObject *)object, name);
        if (found && Py_IS_TYPE(found, &PyClassMethod_Type)) {
            *function = PyObject_GetAttrString(found, "__func__");
            return *function ? 1 : -1;
        }
    }
    found = rp_type_lookup(Py_TYPE(object), name);
    if (!found || !PyFunction_Check(found)) return 0;
    *function = Py_NewRef(found);
    return 1;
}

static int fill_opaque_method(PyObject *opaque, PyObject *const *parts) {
    static const char *const names[] = {"object", "function"};
    PyObject *type = PyUnicode_FromString("types.MethodType");
    PyObject *state = rp_dict_of_parts(names, parts, 2);
    if (type && state) rp_opaque_fill(opaque, type, state);
    int status = type && state ? 0 : -1;
    Py_XDECREF(type);
    Py_XDECREF(state);
    return status;
}

/* What a method that is not there any more is bound to: nothing that can be called. */
static PyObject *lose_method(rp_decoder *decoder, PyObject *method, PyObject *const *parts) {
    PyObject *opaque = rp_opaque_new(decoder->state);
    if (!opaque) return NULL;
    if (fill_opaque_method(opaque, parts) < 0 ||
        rp_decoder_lose(decoder, method, "the method '%U' of a %s is not there any more", parts[1],
                        Py_TYPE(parts[0])->tp_name) < 0)
        Py_CLEAR(opaque);
    return opaque;
}

static PyObject *finish_method(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *method = rp_top(decoder)->object, *function = NULL;
    (void)count;
    if (!PyMethod_Check(method)) /* not trusted */
        return fill_opaque_method(method, parts) < 0 ? NULL : Py_NewRef(method);
    if (!PyUnicode_CheckExact(parts[1])) {
        function = Py_NewRef(parts[1]);
    } else {
        int found = rp_bound_function(parts[0], parts[1], &function);
        if (found == 0) function = lose_method(decoder, method, parts);
    }
    if (!function) return NULL;
    rp_method_fill(method, function, parts[0]);
    Py_DECREF(function);
    return Py_NewRef(method);
}

/* The method exists before what it is bound to, which may hold it. */
static int open_method(rp_decoder *decoder) {
    if (rp_next_array(decoder, 2, 2) < 0) return -1;
    PyObject *method =
        decoder->source.is_mine ? PyMethod_New(Py_None, Py_None) : rp_opaque_new(decoder->state);
    if (!method || rp_open_frame(decoder, RP_OPEN_VALUES, method, 2, finish_method) < 0) return -1;
    rp_announce(decoder);
    return 1;
}

int rp_get_function(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    switch (tag) {
    case RP_TAG_CODE:
        *value = rp_get_code(decoder);
        return *value ? 0 : -1;
    case RP_TAG_FUNCTION:
        return open_function(decoder);
    case RP_TAG_CELL:
        return open_cell(decoder, value);
    case RP_TAG_CLASS:
        return rp_open_class(decoder);
    case RP_TAG_METHOD:
        return open_method(decoder);
    default:
        return 2;
    }
}
