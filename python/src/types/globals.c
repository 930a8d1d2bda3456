/* Classes, functions and singletons that are found by import, in the object stream: GLOBAL. */
#include "../decode.h"
#include "../encode.h"
#include "../lookup.h"
#include "../opaque.h"
#include "../registered.h"
#include "rebuilt.h"

#include <string.h>

/* ---- finding ---- */

/* `object.a.b.c` of the path "a.b.c": new reference; NULL with AttributeError. */
static PyObject *walk(PyObject *object, PyObject *path) {
    PyObject *dot = PyUnicode_FromString(".");
    PyObject *names = dot ? PyUnicode_Split(path, dot, -1) : NULL;
    PyObject *found = names ? Py_NewRef(object) : NULL;
    for (Py_ssize_t i = 0; found && i < PyList_GET_SIZE(names); i++)
        Py_SETREF(found, PyObject_GetAttr(found, PyList_GET_ITEM(names, i)));
    Py_XDECREF(names);
    Py_XDECREF(dot);
    return found;
}

/* `object` is what that path in the imported module leads to. 1, 0 or -1. */
static int is_at(PyObject *object, PyObject *module_name, PyObject *path) {
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *module = modules ? PyDict_GetItemWithError(modules, module_name) : NULL;
    if (!module) return PyErr_Occurred() ? -1 : 0;
    PyObject *found = walk(module, path);
    if (!found) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(found);
    return found == object;
}

/* 1: *value is a str. 0: there is no such attribute, or no str. -1: exception. */
static int text_attribute(PyObject *object, const char *name, PyObject **value) {
    *value = PyObject_GetAttrString(object, name);
    if (!*value) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    if (PyUnicode_CheckExact(*value)) return 1;
    Py_CLEAR(*value);
    return 0;
}

/* Under `resume run` the program's own module is made by no import. */
static bool is_of_script(const rp_module_state *state, PyObject *module_name) {
    return state->script_space && PyUnicode_CompareWithASCIIString(module_name, "__main__") == 0;
}

/* For objects that do not say where they are from: the module that has them under this name. */
static int search_modules(const rp_module_state *state, PyObject *object, PyObject *path,
                          PyObject **module_name) {
    PyObject *modules = PyImport_GetModuleDict(), *name, *value; /* borrowed */
    PyObject *copy = modules ? PyDict_Copy(modules) : NULL;      /* importing changes it */
    int found = copy ? 0 : -1;
    for (Py_ssize_t at = 0; found == 0 && PyDict_Next(copy, &at, &name, &value);) {
        if (value == Py_None || !PyUnicode_Check(name) || is_of_script(state, name)) continue;
        found = is_at(object, name, path);
        if (found < 0 && PyErr_ExceptionMatches(PyExc_Exception)) { /* a lazy module's import */
            PyErr_Clear();
            found = 0;
        }
        if (found > 0) *module_name = Py_NewRef(name);
    }
    Py_XDECREF(copy);
    return found;
}

/* The types of functions, generators, None ...: they say "builtins" and are in `types`. */
static int search_types(PyObject *object, PyObject **module_name, PyObject **path) {
    PyObject *types, *name, *value;
    int found = rp_module_find("types", &types);
    if (found <= 0) return found;
    found = 0;
    PyObject *names = PyModule_GetDict(types); /* borrowed */
    for (Py_ssize_t at = 0; !found && PyDict_Next(names, &at, &name, &value);) {
        if (value != object || !PyUnicode_CheckExact(name)) continue;
        Py_XSETREF(*path, Py_NewRef(name));
        Py_XSETREF(*module_name, PyUnicode_FromString("types"));
        found = *module_name ? 1 : -1;
    }
    Py_DECREF(types);
    return found;
}

int rp_is_standard_module(PyObject *module_name) {
    PyObject *standard = PySys_GetObject("stdlib_module_names"); /* borrowed */
    PyObject *dot = PyUnicode_FromString(".");
    PyObject *names = dot ? PyUnicode_Split(module_name, dot, 1) : NULL;
    int known = !names ? -1 : standard ? PySet_Contains(standard, PyList_GET_ITEM(names, 0)) : 0;
    Py_XDECREF(names);
    Py_XDECREF(dot);
    return known;
}

bool rp_is_of_standard_library(PyTypeObject *type) {
    PyObject *module = PyObject_GetAttrString((PyObject *)type, "__module__");
    bool is = module && PyUnicode_Check(module) && rp_is_standard_module(module) > 0;
    PyErr_Clear();
    Py_XDECREF(module);
    return is;
}

/* The syntax alone makes objects of classes (a t-string, a type parameter) whose module nobody has
   imported: a class written in C, of the standard library. 1: that module is there now. */
static int import_standard(PyObject *object, PyObject *module_name) {
    if (!PyType_Check(object)) return 0;
    unsigned long flags = PyType_GetFlags((PyTypeObject *)object);
    if ((flags & Py_TPFLAGS_HEAPTYPE) && !(flags & Py_TPFLAGS_IMMUTABLETYPE)) return 0;
    int known = rp_is_standard_module(module_name);
    if (known <= 0) return known;
    PyThreadState *thread = PyThreadState_Get();
    PyThreadState_EnterTracing(thread);
    PyObject *module = PyImport_Import(module_name);
    PyThreadState_LeaveTracing(thread);
    if (!module) {
        if (!PyErr_ExceptionMatches(PyExc_ImportError)) return -1;
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(module);
    return 1;
}

static int find(const rp_module_state *state, PyObject *object, PyObject **module_name,
                PyObject **path) {
    int found = *path ? 1 : text_attribute(object, "__qualname__", path);
    if (!found) found = text_attribute(object, "__name__", path);
    if (found <= 0) return found;
    found = text_attribute(object, "__module__", module_name);
    if (found < 0) return -1;
    if (!found) return search_modules(state, object, *path, module_name);
    if (is_of_script(state, *module_name)) return 0;
    found = is_at(object, *module_name, *path);
    if (found) return found;
    if (PyUnicode_CompareWithASCIIString(*module_name, "builtins") == 0)
        return search_types(object, module_name, path);
    found = import_standard(object, *module_name);
    return found > 0 ? is_at(object, *module_name, *path) : found;
}

int rp_global_find(const rp_module_state *state, PyObject *object, PyObject *given_path,
                   PyObject **module_name, PyObject **path) {
    *module_name = NULL;
    *path = Py_XNewRef(given_path);
    int found = find(state, object, module_name, path);
    if (found <= 0) {
        Py_CLEAR(*module_name);
        Py_CLEAR(*path);
    }
    return found;
}

/* ---- encoding ---- */

static int put_text(rp_encoder *encoder, PyObject *text) {
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (!utf8) return -1;
    rs_cbor_put_text(&encoder->buffer, utf8, (size_t)size);
    return RP_DONE;
}

int rp_put_global_named(rp_encoder *encoder, PyObject *object, PyObject *given_path) {
    PyObject *module_name, *path;
    int found = rp_global_find(encoder->state, object, given_path, &module_name, &path);
    if (found < 0) return -1;
    if (!found) {
        return rp_refuse(encoder, "it can't be found by import under its own name, in the module "
                                  "that it says it is from");
    }
    rp_put_tag(encoder, RP_TAG_GLOBAL);
    rp_put_array_head(encoder, 2);
    int status = put_text(encoder, module_name);
    if (!status) status = put_text(encoder, path);
    Py_DECREF(module_name);
    Py_DECREF(path);
    return status;
}

int rp_put_global(rp_encoder *encoder, PyObject *object) {
    return rp_put_global_named(encoder, object, NULL);
}

int rp_put_module(rp_encoder *encoder, PyObject *object) {
    PyObject *modules = PyImport_GetModuleDict(), *name = PyModule_GetNameObject(object);
    if (!name) PyErr_Clear();
    PyObject *known = name ? PyDict_GetItemWithError(modules, name) : NULL; /* borrowed */
    int status = RP_REFUSED;
    if (known == object) {
        rp_put_tag(encoder, RP_TAG_GLOBAL);
        rp_put_array_head(encoder, 2);
        status = put_text(encoder, name);
        rs_cbor_put_text(&encoder->buffer, "", 0);
    } else if (!PyErr_Occurred()) {
        rp_refuse(encoder, "an import of its name does not lead to this module");
    } else {
        status = -1;
    }
    Py_XDECREF(name);
    return status;
}

/* The name under which the namespace of a module has the object, borrowed; NULL. */
static PyObject *name_in(PyObject *module, PyObject *object) {
    PyObject *name, *value;
    if (!PyModule_Check(module)) return NULL;
    PyObject *names = PyModule_GetDict(module);
    for (Py_ssize_t at = 0; PyDict_Next(names, &at, &name, &value);)
        if (value == object && PyUnicode_CheckExact(name) && PyUnicode_IsIdentifier(name) == 1)
            return name;
    return NULL;
}

/* The variables of that module are state: what they hold is written, not their names. */
static bool is_state(const rp_module_state *state, PyObject *module_name, PyObject *object) {
    return state->own_modules && rp_changes_unseen(object) &&
           PySet_Contains(state->own_modules, module_name) > 0;
}

int rp_put_found(rp_encoder *encoder, PyObject *object) {
    PyObject *modules = PyImport_GetModuleDict(), *module_name, *module;
    PyObject *script = PyDict_GetItemString(modules, "__main__"); /* under other names as well */
    for (Py_ssize_t at = 0; PyDict_Next(modules, &at, &module_name, &module);) {
        if (!PyUnicode_CheckExact(module_name) || module == script) continue;
        if (is_state(encoder->state, module_name, object)) continue;
        PyObject *name = name_in(module, object);
        if (!name) continue;
        PyObject *held = rp_reduce_held_lock(object, module_name, name);
        if (!held && PyErr_Occurred()) return -1;
        if (held) {
            int status = rp_put_reduced(encoder, object, held);
            Py_DECREF(held);
            return status;
        }
        rp_put_tag(encoder, RP_TAG_GLOBAL);
        rp_put_array_head(encoder, 2);
        int status = put_text(encoder, module_name);
        return status ? status : put_text(encoder, name);
    }
    return RP_NOT_THIS;
}

int rp_put_namespace(rp_encoder *encoder, PyObject *dict) {
    PyObject *name, *module;
    if (rp_dict_find(dict, "__name__", &name) <= 0) return PyErr_Occurred() ? -1 : RP_NOT_THIS;
    module = PyUnicode_Check(name) ? PyDict_GetItemWithError(PyImport_GetModuleDict(), name) : NULL;
    int status = PyErr_Occurred() ? -1 : RP_NOT_THIS;
    if (module && PyModule_Check(module) && PyModule_GetDict(module) == dict) {
        rp_put_tag(encoder, RP_TAG_GLOBAL);
        rp_put_array_head(encoder, 2);
        status = put_text(encoder, name);
        rs_cbor_put_literal(&encoder->buffer, "__dict__");
    }
    Py_DECREF(name);
    return status;
}

/* ---- decoding ---- */

/* An object of the stream is not built: said once for each name. */
int rp_note_untrusted(rp_decoder *decoder, PyObject *name) {
    int known = PySequence_Contains(decoder->untrusted, name);
    return known == 0 ? PyList_Append(decoder->untrusted, name) : known < 0 ? -1 : 0;
}

/* 1, 0 or -1. */
int rp_is_trusted(rp_decoder *decoder, PyObject *name) {
    if (decoder->source.is_mine) return 1;
    return decoder->source.trusted ? PySet_Contains(decoder->source.trusted, name) : 0;
}

static const char *const reconstructors[] = {"copyreg.__newobj__", "copyreg.__newobj_ex__",
                                             "copyreg._reconstructor", RP_REGISTERED_MAKER,
                                             "resume._core._make_exception"};

bool rp_is_reconstructor(PyObject *name) {
    for (size_t i = 0; i < sizeof reconstructors / sizeof reconstructors[0]; i++)
        if (PyUnicode_CompareWithASCIIString(name, reconstructors[i]) == 0) return true;
    return false;
}

PyObject *rp_import_reconstructor(PyObject *name) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(name), dot = PyUnicode_FindChar(name, '.', 0, size, -1);
    PyObject *module_name = PyUnicode_Substring(name, 0, dot), *found = NULL;
    PyObject *module = module_name ? PyImport_Import(module_name) : NULL;
    PyObject *path = PyUnicode_Substring(name, dot + 1, size);
    if (module && path) found = PyObject_GetAttr(module, path);
    Py_XDECREF(module_name);
    Py_XDECREF(module);
    Py_XDECREF(path);
    return found;
}

PyObject *rp_opaque_of(rp_decoder *decoder, PyObject *name, PyObject *state) {
    if (!rp_is_reconstructor(name) && rp_note_untrusted(decoder, name) < 0) return NULL;
    PyObject *opaque = rp_opaque_new(decoder->state);
    if (opaque) rp_opaque_fill(opaque, name, state);
    return opaque;
}

static PyObject *next_text(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return NULL;
    if (item.kind != RS_CBOR_TEXT) return rp_damaged(decoder, "the name of a class is no text");
    return PyUnicode_DecodeUTF8((const char *)item.bytes, (Py_ssize_t)item.argument, NULL);
}

/* numpy 2 has renamed what it saves objects by; numpy 1 has the old name alone. */
static PyObject *other_module_name(PyObject *name) {
    static const char *const cores[] = {"numpy._core.", "numpy.core."};
    for (size_t i = 0; i < 2; i++) {
        PyObject *prefix = PyUnicode_FromString(cores[i]);
        if (prefix && PyUnicode_Tailmatch(name, prefix, 0, PY_SSIZE_T_MAX, -1) == 1) {
            PyObject *rest =
                PyUnicode_Substring(name, PyUnicode_GET_LENGTH(prefix), PY_SSIZE_T_MAX);
            Py_DECREF(prefix);
            PyObject *other = rest ? PyUnicode_FromFormat("%s%U", cores[1 - i], rest) : NULL;
            Py_XDECREF(rest);
            return other;
        }
        Py_XDECREF(prefix);
    }
    return NULL;
}

/* The module, under its name of today: the old one of numpy would warn. */
static PyObject *import_module(PyObject *name) {
    PyObject *other = other_module_name(name), *module = NULL;
    if (PyErr_Occurred()) return NULL;
    bool is_old = other && PyUnicode_GET_LENGTH(other) > PyUnicode_GET_LENGTH(name);
    module = PyImport_Import(is_old ? other : name);
    if (!module && other && PyErr_ExceptionMatches(PyExc_ImportError)) {
        PyErr_Clear();
        module = PyImport_Import(is_old ? name : other);
    }
    Py_XDECREF(other);
    return module;
}

/* Nothing that is saved by its name: a class or function was there. (A constant of a class of its
 * own that is derived from int, as those of `re`, may be.) */
static bool is_another_thing(PyObject *object) {
    return object == Py_None || PyLong_CheckExact(object) || PyFloat_CheckExact(object) ||
           PyBool_Check(object) || PyUnicode_CheckExact(object) || PyBytes_CheckExact(object);
}

static PyObject *import_global(rp_decoder *decoder, PyObject *module_name, PyObject *path) {
    PyObject *module = import_module(module_name);
    bool is_module = PyUnicode_GET_LENGTH(path) == 0;
    PyObject *found = !module ? NULL : is_module ? Py_NewRef(module) : walk(module, path);
    Py_XDECREF(module);
    if (found && is_another_thing(found)) {
        PyErr_Format(PyExc_AttributeError, "it is %R now", found);
        Py_CLEAR(found);
    }
    if (found || !(PyErr_ExceptionMatches(PyExc_ImportError) ||
                   PyErr_ExceptionMatches(PyExc_AttributeError)))
        return found;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_Format(decoder->state->code_changed,
                 "'%U.%U' of the saved state is not there any more (%S): if it has moved, "
                 "call resume.register(CLASS, old_name=\"%U.%U\") before restore(); else give it "
                 "its place back, or start over with clean=True",
                 module_name, path, value, module_name, path);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return NULL;
}

static PyObject *found_global(rp_decoder *decoder, PyObject *module_name, PyObject *path) {
    PyObject *found = NULL, *name = PyUnicode_GET_LENGTH(path) > 0
                                        ? PyUnicode_FromFormat("%U.%U", module_name, path)
                                        : Py_NewRef(module_name);
    int trusted = name ? rp_is_trusted(decoder, name) : -1;
    if (trusted > 0) {
        if (rp_registered_moved(decoder->state, name, &found) == 0)
            found = import_global(decoder, module_name, path);
        /* of what was not proven, only these may be called */
        if (found && !decoder->source.is_mine && PyList_Append(decoder->resolved, found) < 0)
            Py_CLEAR(found);
    } else if (trusted == 0) {
        found = rp_opaque_of(decoder, name, Py_None);
    }
    Py_XDECREF(name);
    return found;
}

PyObject *rp_get_global(rp_decoder *decoder) {
    PyObject *module_name = NULL, *path = NULL, *found = NULL;
    if (rp_next_array(decoder, 2, 2) < 0) return NULL;
    module_name = next_text(decoder);
    if (module_name) path = next_text(decoder);
    if (path) found = found_global(decoder, module_name, path);
    Py_XDECREF(module_name);
    Py_XDECREF(path);
    return found;
}
