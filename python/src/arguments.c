/* The arguments of the call. */
#include "arguments.h"

#include "section.h"
#include "text.h"

#include "base/alloc.h"

typedef enum nature {
    NATURE_VALUE,    /* of an immutable type, all the way down */
    NATURE_FILLABLE, /* can be changed, and be restored in place */
    NATURE_NAMED,    /* function, class, module: found by its name in the next process */
    NATURE_OTHER,
} nature;

static bool is_named(PyObject *value) {
    return PyType_Check(value) || PyFunction_Check(value) || PyCFunction_CheckExact(value) ||
           PyModule_CheckExact(value);
}

static bool is_immutable_scalar(PyObject *value) {
    return value == Py_None || PyBool_Check(value) || value == Py_Ellipsis ||
           PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyComplex_CheckExact(value) ||
           PyUnicode_CheckExact(value) || PyBytes_CheckExact(value) || PyRange_Check(value) ||
           PySlice_Check(value);
}

/* A scalar of numpy's own, or a value type of the standard library, by exact name. */
static bool is_value_by_name(PyObject *value) {
    static const char *const names[] = {
        "datetime.date",   "datetime.datetime", "datetime.time", "datetime.timedelta",
        "decimal.Decimal", "Fraction",          "UUID",          "PosixPath",
        "PurePosixPath",
    };
    const PyTypeObject *type = Py_TYPE(value);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(type->tp_name, names[i]) == 0) return true;
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) && strncmp(type->tp_name, "numpy.", 6) == 0 &&
           !rp_is_array(value) && PyObject_HasAttrString(value, "itemsize");
}

/* Whether nothing in a tuple or frozenset can be changed: -1 with an exception. */
static int is_deeply_immutable(PyObject *value) {
    PyObject *open = PyList_New(0), *item = NULL, *items = NULL;
    int result = -1;
    if (!open || PyList_Append(open, value)) goto done;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(open); i++) {
        item = PyList_GET_ITEM(open, i);
        if (is_immutable_scalar(item) || is_value_by_name(item) || is_named(item)) continue;
        if (!PyTuple_CheckExact(item) && !PyFrozenSet_CheckExact(item)) {
            result = 0;
            goto done;
        }
        items = PySequence_List(item);
        Py_ssize_t end = PyList_GET_SIZE(open);
        if (!items || PyList_SetSlice(open, end, end, items)) goto done;
        Py_CLEAR(items);
    }
    result = 1;
done:
    Py_XDECREF(items);
    Py_XDECREF(open);
    return result;
}

static int nature_of(PyObject *value, nature *found) {
    int immutable;
    if (PyList_CheckExact(value) || PyDict_CheckExact(value) || PySet_CheckExact(value) ||
        PyByteArray_CheckExact(value) || rp_is_array(value)) {
        *found = NATURE_FILLABLE;
        return 0;
    }
    if (is_named(value)) {
        *found = NATURE_NAMED;
        return 0;
    }
    immutable = is_deeply_immutable(value);
    *found = immutable > 0 ? NATURE_VALUE : NATURE_OTHER;
    return immutable < 0 ? -1 : 0;
}

/* Functions and the like by their name: the text is what can be compared. */
static int digest_of_name(rp_module_state *state, rp_argument *argument) {
    int result = rp_digest(state, argument->text, argument->digest);
    argument->comparable = result == 0;
    return result < 0 ? -1 : 0;
}

static int capture(rp_module_state *state, PyObject *name, PyObject *value, rp_argument *argument) {
    nature kind;
    int result;
    if (nature_of(value, &kind)) return -1;
    argument->name = Py_NewRef(name);
    argument->text = rp_text_of(value);
    if (!argument->text) return -1;
    argument->fillable = kind == NATURE_FILLABLE;
    argument->immutable = kind == NATURE_VALUE || kind == NATURE_NAMED;
    if (argument->fillable) argument->value = Py_NewRef(value);
    if (kind == NATURE_NAMED) return digest_of_name(state, argument);
    result = rp_digest(state, value, argument->digest);
    argument->comparable = result == 0;
    return result < 0 ? -1 : 0;
}

static Py_ssize_t argument_count(const PyCodeObject *code) {
    return (Py_ssize_t)code->co_argcount + code->co_kwonlyargcount +
           ((code->co_flags & CO_VARARGS) != 0) + ((code->co_flags & CO_VARKEYWORDS) != 0);
}

int rp_arguments_capture(rp_module_state *state, PyCodeObject *code, PyObject *locals,
                         rp_arguments *arguments) {
    PyObject *names = PyCode_GetVarnames(code);
    Py_ssize_t count = argument_count(code);
    int result = -1;
    if (!names) return -1;
    if (count > PyTuple_GET_SIZE(names)) count = PyTuple_GET_SIZE(names);
    arguments->items = rs_allocate_zeroed((size_t)count + 1, sizeof *arguments->items);
    if (!arguments->items) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i), *value;
        if (PyUnicode_READ_CHAR(name, 0) == '.') continue; /* the iterator of a comprehension */
        value = PyObject_GetItem(locals, name);
        if (!value) {
            if (!PyErr_ExceptionMatches(PyExc_KeyError)) goto done;
            PyErr_Clear(); /* deleted before the Checkpoint was made */
            continue;
        }
        int failed = capture(state, name, value, &arguments->items[arguments->count++]);
        Py_DECREF(value);
        if (failed) goto done;
    }
    result = 0;
done:
    Py_DECREF(names);
    if (result) rp_arguments_release(arguments);
    return result;
}

int rp_arguments_of_program(rp_module_state *state, PyObject *argv, PyObject *seed,
                            rp_arguments *arguments) {
    PyObject *names[] = {PyUnicode_FromString("argv"), PyUnicode_FromString(RP_SEED_NAME)};
    arguments->items = rs_allocate_zeroed(2, sizeof *arguments->items);
    int status = arguments->items && names[0] && names[1] ? 0 : -1;
    if (!arguments->items) PyErr_NoMemory();
    if (!status) status = capture(state, names[0], argv, &arguments->items[arguments->count++]);
    if (!status && seed) {
        rp_argument *argument = &arguments->items[arguments->count++];
        argument->name = Py_NewRef(names[1]);
        argument->text = Py_NewRef(seed);
        argument->immutable = true;
    }
    Py_XDECREF(names[0]);
    Py_XDECREF(names[1]);
    return status;
}

int rp_arguments_add_turn(rp_arguments *arguments, uint64_t turn) {
    PyObject *name = PyUnicode_FromString(RP_TURN_NAME);
    PyObject *text = PyUnicode_FromFormat("%llu", (unsigned long long)turn);
    rp_argument *items =
        name && text
            ? rs_reallocate_array(arguments->items, (size_t)arguments->count + 1, sizeof *items)
            : NULL;
    if (!items) {
        Py_XDECREF(name);
        Py_XDECREF(text);
        if (!PyErr_Occurred()) PyErr_NoMemory();
        return -1;
    }
    arguments->items = items;
    items[arguments->count++] =
        (rp_argument){.name = name, .text = text, .immutable = true, .is_told = true};
    return 0;
}

void rp_arguments_release(rp_arguments *arguments) {
    rp_arguments old = *arguments;
    *arguments = (rp_arguments){0}; /* first: releasing a value can run code */
    for (Py_ssize_t i = 0; i < old.count; i++) {
        Py_XDECREF(old.items[i].name);
        Py_XDECREF(old.items[i].value);
        Py_XDECREF(old.items[i].text);
    }
    rs_free(old.items);
}

int rp_arguments_traverse(const rp_arguments *arguments, visitproc visit, void *arg) {
    for (Py_ssize_t i = 0; i < arguments->count; i++)
        Py_VISIT(arguments->items[i].value);
    return 0;
}

int rp_arguments_put_entry(const rp_arguments *arguments, rp_encoder *encoder) {
    rs_buffer *buffer = rp_encoder_buffer(encoder);
    rs_cbor_put_head(buffer, RS_CBOR_MAP, (uint64_t)arguments->count);
    for (Py_ssize_t i = 0; i < arguments->count; i++) {
        const rp_argument *argument = &arguments->items[i];
        if (rp_entry_put(buffer, argument->name, argument->comparable ? argument->digest : NULL,
                         argument->text))
            return -1;
    }
    return 0;
}

int rp_arguments_put_in_place(const rp_arguments *arguments, rp_encoder *encoder,
                              PyObject *problems) {
    rs_buffer *buffer = rp_encoder_buffer(encoder);
    uint64_t count = 0;
    for (Py_ssize_t i = 0; i < arguments->count; i++)
        count += arguments->items[i].fillable;
    rs_cbor_put_head(buffer, RS_CBOR_MAP, count);
    for (Py_ssize_t i = 0; i < arguments->count; i++) {
        const rp_argument *argument = &arguments->items[i];
        Py_ssize_t size;
        if (!argument->fillable) continue;
        const char *name = PyUnicode_AsUTF8AndSize(argument->name, &size);
        if (!name) return -1;
        rs_cbor_put_text(buffer, name, (size_t)size);
        if (rp_put_or_undefined(encoder, argument->value, name, problems)) return -1;
    }
    return 0;
}

PyObject *rp_arguments_get_entry(rp_decoder *decoder) {
    return rp_entries_get(rp_decoder_reader(decoder), "entry");
}

static PyObject *target_named(const rp_arguments *arguments, PyObject *name) {
    for (Py_ssize_t i = 0; i < arguments->count; i++)
        if (arguments->items[i].fillable && PyUnicode_Compare(arguments->items[i].name, name) == 0)
            return arguments->items[i].value;
    return NULL;
}

PyObject *rp_arguments_get_in_place(const rp_arguments *arguments, rp_decoder *decoder, bool fill) {
    rs_cbor_reader *reader = rp_decoder_reader(decoder);
    rs_cbor_item map, key;
    PyObject *values = NULL;
    if (rp_section_item(reader, RS_CBOR_MAP, &map, "in_place")) return NULL;
    values = PyDict_New();
    for (uint64_t i = 0; values && i < map.argument; i++) {
        PyObject *name = NULL, *value = NULL;
        if (!rp_section_item(reader, RS_CBOR_TEXT, &key, "in_place"))
            name = PyUnicode_DecodeUTF8((const char *)key.bytes, (Py_ssize_t)key.argument, NULL);
        if (name && rp_skip_undefined(reader)) {
            Py_DECREF(name);
            continue;
        }
        if (name) value = rp_decoder_get(decoder, fill ? target_named(arguments, name) : NULL);
        if (!value || PyDict_SetItem(values, name, value)) Py_CLEAR(values);
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    return values;
}

/* What differs between the saved entry (digest or None, text; NULL: not there) and the argument
 * (NULL: not there); NULL without an exception: nothing. */
static PyObject *difference(PyObject *name, PyObject *entry, const rp_argument *argument) {
    PyObject *digest = entry ? PyTuple_GET_ITEM(entry, 0) : NULL;
    PyObject *text = entry ? PyTuple_GET_ITEM(entry, 1) : NULL;
    if (!argument) return PyUnicode_FromFormat("%U: %U when saved, not there now", name, text);
    if (!entry)
        return PyUnicode_FromFormat("%U: not there when saved, %U now", name, argument->text);
    if (digest == Py_None && !argument->comparable) return NULL;
    if (digest != Py_None && argument->comparable &&
        memcmp(PyBytes_AS_STRING(digest), argument->digest, RP_DIGEST_SIZE) == 0)
        return NULL;
    if (PyUnicode_Compare(text, argument->text) == 0)
        return PyUnicode_FromFormat("%U: other content than when saved, %U", name, text);
    return PyUnicode_FromFormat("%U: %U when saved, %U now", name, text, argument->text);
}

static int add_difference(PyObject *list, PyObject *text) {
    if (!text) return PyErr_Occurred() ? -1 : 0;
    int result = PyList_Append(list, text);
    Py_DECREF(text);
    return result;
}

static const rp_argument *argument_named(const rp_arguments *arguments, PyObject *name) {
    for (Py_ssize_t i = 0; i < arguments->count; i++)
        if (PyUnicode_Compare(arguments->items[i].name, name) == 0) return &arguments->items[i];
    return NULL;
}

PyObject *rp_arguments_differences(const rp_arguments *arguments, PyObject *saved_entry) {
    PyObject *list = PyList_New(0), *name, *entry;
    Py_ssize_t position = 0;
    if (!list) return NULL;
    for (Py_ssize_t i = 0; i < arguments->count; i++) {
        const rp_argument *argument = &arguments->items[i];
        if (argument->is_told) continue;
        entry = PyDict_GetItemWithError(saved_entry, argument->name);
        if (!entry && PyErr_Occurred()) goto failed;
        if (add_difference(list, difference(argument->name, entry, argument))) goto failed;
    }
    while (PyDict_Next(saved_entry, &position, &name, &entry))
        if (PyUnicode_CompareWithASCIIString(name, RP_TURN_NAME) != 0 &&
            !argument_named(arguments, name) && add_difference(list, difference(name, entry, NULL)))
            goto failed;
    return list;
failed:
    Py_DECREF(list);
    return NULL;
}

PyObject *rp_arguments_opaque(const rp_arguments *arguments) {
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < arguments->count; i++) {
        const rp_argument *argument = &arguments->items[i];
        bool clear = argument->is_told ||
                     (argument->comparable && (argument->fillable || argument->immutable));
        if (!clear && PyList_Append(list, argument->name)) Py_CLEAR(list);
    }
    return list;
}
