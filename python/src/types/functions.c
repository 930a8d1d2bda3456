/* Functions that no import leads to, their cells, and bound methods, into the object stream. */
#include "functions.h"

#include "../decode.h"
#include "../live_code.h"
#include "../pycompat/functions.h"

/* ---- code ---- */

static void put_place(rp_encoder *encoder, int64_t place) {
    if (place < 0)
        rs_cbor_put_simple(&encoder->buffer, RS_CBOR_NULL);
    else
        rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, (uint64_t)place);
}

/* Its place in the file and in other code counts for nothing in a digest. */
static int put_code_digest(rp_encoder *encoder, PyCodeObject *code) {
    uint8_t hash[RP_CODE_HASH_SIZE];
    if (rp_code_hash(code, hash) < 0) return -1;
    rp_put_tag(encoder, RP_TAG_CODE);
    rs_cbor_put_bytes(&encoder->buffer, hash, sizeof hash);
    return RP_DONE;
}

static int put_path(rp_encoder *encoder, const rp_code_path *path) {
    rp_put_tag(encoder, RP_TAG_CODE);
    rp_put_array_head(encoder, 6);
    if (rp_put_str(encoder, path->module) < 0 || rp_put_str(encoder, path->name) < 0) return -1;
    put_place(encoder, path->place);
    rs_cbor_put_bytes(&encoder->buffer, path->hash, sizeof path->hash);
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, path->version);
    rs_cbor_put_bytes(&encoder->buffer, path->shape, sizeof path->shape);
    return RP_DONE;
}

int rp_put_code(rp_encoder *encoder, PyCodeObject *code, PyObject *globals) {
    rp_code_path path;
    size_t share;
    if (encoder->digest) return put_code_digest(encoder, code);
    if (rp_memo_find(&encoder->memo, (PyObject *)code, &share)) {
        rp_put_reference(encoder, share);
        return RP_DONE;
    }
    int found = rp_code_path_of(encoder->state, code, globals, &path);
    if (found < 0) return -1;
    if (found == 0) {
        return rp_refuse(encoder,
                         "its code was made while the program ran (by exec, eval or a library), so "
                         "that no other process could find it; define it in a module");
    }
    int status = -1;
    if (rp_memo_add(&encoder->memo, (PyObject *)code, encoder->share_count)) {
        rp_put_mark(encoder);
        status = put_path(encoder, &path);
    } else {
        PyErr_NoMemory();
    }
    rp_code_path_release(&path);
    return status;
}

PyObject *rp_own_name_of(rp_encoder *encoder, PyObject *object, bool *is_around) {
    size_t index;
    *is_around = false;
    if (encoder->digest || !rp_memo_find(&encoder->own, object, &index)) return NULL;
    PyObject *entry = PyList_GET_ITEM(encoder->own_names, (Py_ssize_t)index);
    *is_around = PyTuple_GET_ITEM(entry, 1) == Py_True;
    return PyTuple_GET_ITEM(entry, 0);
}

PyObject *rp_own_constants_of(rp_encoder *encoder, PyObject *object) {
    size_t index;
    if (!rp_memo_find(&encoder->own, object, &index)) return Py_None;
    return PyTuple_GET_ITEM(PyList_GET_ITEM(encoder->own_names, (Py_ssize_t)index), 2);
}

int rp_encoder_own(rp_encoder *encoder, PyObject *object, PyObject *name, bool is_around,
                   PyObject *constants) {
    size_t index;
    if (rp_memo_find(&encoder->own, object, &index)) return 0;
    if (!encoder->own_names && !(encoder->own_names = PyList_New(0))) return -1;
    PyObject *entry = PyTuple_Pack(3, name, is_around ? Py_True : Py_False, constants);
    int status = entry ? PyList_Append(encoder->own_names, entry) : -1;
    Py_XDECREF(entry);
    if (status < 0) return -1;
    if (rp_memo_add(&encoder->own, object, (size_t)PyList_GET_SIZE(encoder->own_names) - 1))
        return 0;
    PyErr_NoMemory();
    return -1;
}

int rp_put_definition(rp_encoder *encoder, PyObject *object, uint64_t tag, PyCodeObject *code,
                      PyObject *globals, size_t count) {
    bool is_around;
    PyObject *name = rp_own_name_of(encoder, object, &is_around);
    rp_put_tag(encoder, tag);
    rp_put_array_head(encoder, is_around ? 2 : count);
    int status = rp_put_code(encoder, code, globals);
    if (status) return status < 0 ? -1 : status;
    if (name)
        status = rp_put_str(encoder, name);
    else
        rs_cbor_put_simple(&encoder->buffer, RS_CBOR_NULL);
    return status ? status : is_around ? RP_WRITTEN : RP_DONE;
}

/* ---- functions ---- */

static int add_other(PyObject *others, const char *name, PyObject *value, PyObject *usual) {
    if (!value || value == usual) return 0;
    int equal = usual && PyUnicode_CheckExact(value) && PyUnicode_CheckExact(usual)
                    ? PyObject_RichCompareBool(value, usual, Py_EQ)
                    : 0;
    if (equal) return equal < 0 ? -1 : 0;
    return PyDict_SetItemString(others, name, value);
}

/* A dict of what differs from a new function of the same code; NULL with an exception. */
static PyObject *others_of(PyFunctionObject *function) {
    PyObject *annotations = NULL, *annotate = NULL, *others = PyDict_New();
    PyFunctionObject *usual =
        (PyFunctionObject *)PyFunction_New(function->func_code, function->func_globals);
    int status = others && usual ? 0 : -1;
    if (!status) status = add_other(others, "__name__", function->func_name, usual->func_name);
    if (!status)
        status = add_other(others, "__qualname__", function->func_qualname, usual->func_qualname);
    if (!status) status = add_other(others, "__doc__", function->func_doc, usual->func_doc);
    if (!status)
        status = add_other(others, "__module__", function->func_module, usual->func_module);
    if (!status) status = rp_function_annotations(function, &annotations, &annotate);
    if (!status) status = add_other(others, "__annotations__", annotations, NULL);
    if (!status) status = add_other(others, "__annotate__", annotate, NULL);
    if (!status)
        status = add_other(others, "__type_params__", rp_function_type_parameters(function), NULL);
    Py_XDECREF(annotations);
    Py_XDECREF(annotate);
    Py_XDECREF((PyObject *)usual);
    if (status < 0) Py_CLEAR(others);
    return others;
}

static PyObject *or_none(PyObject *value) {
    return value ? value : Py_None;
}

/* A tuple of its own, new reference: a function that another one was copied from has the same, and
 * what leads to it from inside of it must lead to the functions. */
static PyObject *fresh_tuple(PyObject *tuple) {
    if (!tuple) return Py_NewRef(Py_None);
    PyObject *copy = PyTuple_New(PyTuple_GET_SIZE(tuple));
    for (Py_ssize_t i = 0; copy && i < PyTuple_GET_SIZE(tuple); i++)
        PyTuple_SET_ITEM(copy, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
    return copy;
}

static const char *const function_labels[] = {".__defaults__", ".__kwdefaults__", ".__closure__",
                                              ".__dict__", ", an attribute: "};

/* defaults, kwdefaults, closure, dict, others */
static int advance_function(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        frame->label = function_labels[frame->index];
        PyObject *part = PyTuple_GET_ITEM(frame->key, frame->index++);
        int status = rp_put_held(encoder, part);
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

static int push_function(rp_encoder *encoder, PyFunctionObject *function) {
    PyObject *others = others_of(function);
    if (!others) return -1;
    PyObject *dict = function->func_dict;
    PyObject *defaults = fresh_tuple(function->func_defaults);
    PyObject *closure = defaults ? fresh_tuple(function->func_closure) : NULL, *parts = NULL;
    if (closure)
        parts = PyTuple_Pack(5, defaults, or_none(function->func_kwdefaults), closure,
                             dict && PyDict_GET_SIZE(dict) > 0 ? dict : Py_None,
                             PyDict_GET_SIZE(others) > 0 ? others : Py_None);
    Py_XDECREF(defaults);
    Py_XDECREF(closure);
    Py_DECREF(others);
    if (!parts) return -1;
    rp_encode_frame *frame = rp_push(encoder, advance_function, (PyObject *)function, 5);
    if (!frame) {
        Py_DECREF(parts);
        return -1;
    }
    frame->key = parts;
    return RP_DONE;
}

int rp_put_function_value(rp_encoder *encoder, PyObject *object) {
    PyFunctionObject *function = (PyFunctionObject *)object;
    PyObject *module_name, *path;
    int found = rp_global_find(encoder->state, object, NULL, &module_name, &path);
    if (found < 0) return -1;
    if (found > 0) {
        Py_DECREF(module_name);
        Py_DECREF(path);
        return rp_put_global(encoder, object);
    }
    size_t begin = encoder->buffer.size;
    int status = rp_put_definition(encoder, object, RP_TAG_FUNCTION,
                                   (PyCodeObject *)function->func_code, function->func_globals, 7);
    if (status == RP_REFUSED && encoder->generators) {
        encoder->buffer.size = begin;
        status = rp_put_by_own(encoder, "resume._generated", object); /* a library has written it */
        if (status != RP_NOT_THIS) return status;
        status = RP_REFUSED; /* with the reason that was given */
    }
    if (status) return status == RP_WRITTEN ? RP_DONE : status;
    return push_function(encoder, function);
}

/* ---- cells ---- */

int rp_put_cell(rp_encoder *encoder, PyObject *object) {
    PyObject *content = PyCell_GET(object);
    bool is_around;
    PyObject *name = rp_own_name_of(encoder, object, &is_around);
    rp_put_tag(encoder, RP_TAG_CELL);
    if (name) return rp_put_str(encoder, name);
    rp_put_array_head(encoder, content ? 1 : 0);
    if (!content) return RP_DONE;
    return rp_push_parts(encoder, PyTuple_Pack(1, content), ".cell_contents");
}

/* ---- super() ---- */

static PyObject *member_of(PyObject *super, const char *name) {
    PyObject *text = PyUnicode_FromString(name);
    PyObject *value = text ? PyObject_GenericGetAttr(super, text) : NULL;
    Py_XDECREF(text);
    return value;
}

/* It hands questions about itself on to what it stands for, also how it is to be reduced. */
int rp_put_super(rp_encoder *encoder, PyObject *object) {
    PyObject *class = member_of(object, "__thisclass__");
    PyObject *self = class ? member_of(object, "__self__") : NULL, *reduced = NULL;
    if (self)
        reduced = self == Py_None ? Py_BuildValue("(O(O))", &PySuper_Type, class)
                                  : Py_BuildValue("(O(OO))", &PySuper_Type, class, self);
    int status = reduced ? rp_put_reduced(encoder, object, reduced) : -1;
    Py_XDECREF(reduced);
    Py_XDECREF(self);
    Py_XDECREF(class);
    return status;
}

/* ---- bound methods ---- */

int rp_put_method(rp_encoder *encoder, PyObject *object) {
    PyObject *function = PyMethod_GET_FUNCTION(object), *self = PyMethod_GET_SELF(object);
    PyObject *name = NULL, *bound = NULL;
    if (PyFunction_Check(function)) {
        name = ((PyFunctionObject *)function)->func_name;
        if (rp_bound_function(self, name, &bound) < 0) return -1;
    }
    PyObject *parts = PyTuple_Pack(2, self, bound == function ? name : function);
    Py_XDECREF(bound);
    rp_put_tag(encoder, RP_TAG_METHOD);
    rp_put_array_head(encoder, 2);
    return rp_push_parts(encoder, parts, ".__self__");
}
