/* Open files to the object stream: where they are, how they were opened, and their position. */
#include "files.h"

#include "../encode.h"

#include "../pycompat/text_file.h"

#include <string.h>

const char *const rp_file_kind_names[] = {"", "text", "buffered", "raw"};

static PyObject *io_type(const char *name) {
    PyObject *module = PyImport_ImportModule("io");
    PyObject *type = module ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return type;
}

static bool is_exactly(PyObject *object, const char *name) {
    PyObject *type = io_type(name);
    bool is = type && (PyObject *)Py_TYPE(object) == type;
    PyErr_Clear();
    Py_XDECREF(type);
    return is;
}

int rp_file_kind_of(PyObject *object) {
    if (strncmp(Py_TYPE(object)->tp_name, "_io.", 4) != 0) return RP_FILE_NONE;
    if (is_exactly(object, "TextIOWrapper")) return RP_FILE_TEXT;
    if (is_exactly(object, "BufferedReader") || is_exactly(object, "BufferedWriter") ||
        is_exactly(object, "BufferedRandom"))
        return RP_FILE_BUFFERED;
    return is_exactly(object, "FileIO") ? RP_FILE_RAW : RP_FILE_NONE;
}

/* What it stands on, new reference; NULL with an exception. */
static PyObject *inner_of(PyObject *file, int kind) {
    return PyObject_GetAttrString(file, kind == RP_FILE_TEXT ? "buffer" : "raw");
}

PyObject *rp_file_raw(PyObject *file) {
    Py_INCREF(file);
    for (int kind; file;) {
        kind = rp_file_kind_of(file);
        if (kind == RP_FILE_RAW) return file;
        if (kind == RP_FILE_NONE) Py_CLEAR(file);
        if (file) Py_SETREF(file, inner_of(file, kind));
    }
    PyErr_Clear();
    return NULL;
}

const char *rp_file_access(PyObject *raw) {
    PyObject *mode = PyObject_GetAttrString(raw, "mode");
    const char *text = mode ? PyUnicode_AsUTF8(mode) : NULL, *access = NULL;
    if (text) {
        bool both = strchr(text, '+');
        access = text[0] == 'a' ? (both ? "a+" : "a") : both ? "r+" : text[0] == 'r' ? "r" : "w";
    }
    Py_XDECREF(mode);
    return access;
}

static PyObject *call_os(const char *name, PyObject *argument) {
    PyObject *os = PyImport_ImportModule("os");
    PyObject *result = os ? PyObject_CallMethod(os, name, "O", argument) : NULL;
    Py_XDECREF(os);
    return result;
}

long long rp_file_stat(PyObject *what, const char *attribute) {
    PyObject *stat = call_os("stat", what);
    PyObject *number = stat ? PyObject_GetAttrString(stat, attribute) : NULL;
    long long value = number ? PyLong_AsLongLong(number) : -1;
    Py_XDECREF(stat);
    Py_XDECREF(number);
    return value;
}

bool rp_file_is_at(PyObject *descriptor, PyObject *path) {
    static const char *const attributes[] = {"st_ino", "st_dev"};
    bool is = true;
    for (int i = 0; is && i < 2; i++) {
        long long there = rp_file_stat(path, attributes[i]);
        is = there >= 0 && there == rp_file_stat(descriptor, attributes[i]);
    }
    PyErr_Clear();
    return is;
}

/* ---- what can't be gone back to ---- */

enum { FILE_TYPE_MASK = 0170000, REGULAR_FILE = 0100000 };

static int refuse_because(rp_encoder *encoder, const char *what) {
    PyErr_Clear();
    return rp_refuse(encoder, "%s; open it %s", what,
                     encoder->generators ? "where it is needed, behind the save"
                                         : "again after restore()");
}

/* The path of the file that is open, new reference: as the program named it, when that still leads
 * there; else from the root. NULL with an exception, or without one: it has none any more. */
static PyObject *path_of(PyObject *raw, PyObject *descriptor) {
    PyObject *name = PyObject_GetAttrString(raw, "name"), *link = NULL, *path = NULL;
    if (!name) return NULL;
    bool is_path = PyUnicode_CheckExact(name) || PyBytes_CheckExact(name);
    if (is_path && rp_file_is_at(descriptor, name)) return name;
    Py_DECREF(name);
    link = PyUnicode_FromFormat("/proc/self/fd/%S", descriptor);
    path = link ? call_os("readlink", link) : NULL;
    Py_XDECREF(link);
    if (!path) return NULL;
    if (!rp_file_is_at(descriptor, path)) Py_CLEAR(path);
    return path;
}

/* ---- parts ---- */

/* Where the file stands, what it has written being in the file. NULL with an exception. */
static PyObject *position_of(PyObject *file, int kind) {
    PyObject *position = rp_file_position(file), *done;
    if (!position || kind == RP_FILE_RAW || PyList_Check(position)) return position;
    done = PyObject_CallMethod(file, "flush", NULL);
    if (!done) Py_CLEAR(position);
    Py_XDECREF(done);
    return position;
}

/* [encoding, errors, newline, line_buffering, write_through] or None */
static PyObject *text_options(PyObject *file, int kind) {
    static const char *const names[] = {"encoding", "errors", NULL, "line_buffering",
                                        "write_through"};
    if (kind != RP_FILE_TEXT) return Py_NewRef(Py_None);
    PyObject *options = PyList_New(5);
    for (int i = 0; options && i < 5; i++) {
        PyObject *option =
            names[i] ? PyObject_GetAttrString(file, names[i]) : rp_text_newline(file);
        if (!option) Py_CLEAR(options);
        if (options) PyList_SET_ITEM(options, i, option);
    }
    return options;
}

static PyObject *attributes_of(PyObject *file) {
    PyObject *attributes = PyObject_GetAttrString(file, "__dict__");
    if (attributes) Py_SETREF(attributes, PyDict_Copy(attributes));
    return attributes;
}

/* What is written must be there when the save is. */
static int make_durable(PyObject *descriptor) {
    PyObject *done = call_os("fdatasync", descriptor);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *parts_of(PyObject *file, int kind, PyObject *raw, PyObject *descriptor,
                          PyObject *path) {
    const char *access = rp_file_access(raw);
    PyObject *position = access ? position_of(file, kind) : NULL;
    PyObject *bytes = position ? PyObject_CallMethod(raw, "tell", NULL) : NULL;
    PyObject *options = bytes ? text_options(file, kind) : NULL;
    PyObject *attributes = options ? attributes_of(file) : NULL, *parts = NULL;
    if (attributes && (access[0] == 'r' && !access[1] ? 0 : make_durable(descriptor)) == 0) {
        long long size = rp_file_stat(descriptor, "st_size");
        if (size >= 0)
            parts = Py_BuildValue("(sOsOOOLO)", rp_file_kind_names[kind], path, access, options,
                                  position, bytes, size, attributes);
    }
    Py_XDECREF(position);
    Py_XDECREF(bytes);
    Py_XDECREF(options);
    Py_XDECREF(attributes);
    return parts;
}

static int refuse_exception(rp_encoder *encoder) {
    if (!PyErr_ExceptionMatches(PyExc_OSError)) return -1;
    return rp_refuse_exception(encoder, "");
}

static int put_parts(rp_encoder *encoder, PyObject *parts) {
    if (!parts) return -1;
    rp_put_tag(encoder, RP_TAG_FILE);
    rp_put_array_head(encoder, (size_t)PyTuple_GET_SIZE(parts));
    return rp_push_parts(encoder, parts, ", in its attributes");
}

/* [kind, name or None, access, attributes] */
static int put_closed(rp_encoder *encoder, PyObject *file, int kind, PyObject *raw) {
    PyObject *name = PyObject_GetAttrString(raw, "name"), *parts = NULL;
    const char *access = name ? rp_file_access(raw) : NULL;
    if (access)
        parts = Py_BuildValue("(sOsN)", rp_file_kind_names[kind],
                              PyLong_Check(name) ? Py_None : name, access, attributes_of(file));
    Py_XDECREF(name);
    return put_parts(encoder, parts);
}

enum { NAMELESS_MAX = 64 << 20 };

/* (function, its arguments) for what tempfile.TemporaryFile gives: the content is state. */
static PyObject *nameless_reduction(PyObject *file, int kind, PyObject *descriptor) {
    PyObject *module = PyImport_ImportModule("resume._temporary"), *reduced = NULL;
    PyObject *position = module ? position_of(file, kind) : NULL;
    PyObject *options = position ? text_options(file, kind) : NULL;
    PyObject *attributes = options ? attributes_of(file) : NULL;
    if (attributes)
        reduced = PyObject_CallMethod(module, "reduction", "sOOOO", rp_file_kind_names[kind],
                                      options, position, attributes, descriptor);
    Py_XDECREF(attributes);
    Py_XDECREF(options);
    Py_XDECREF(position);
    Py_XDECREF(module);
    return reduced;
}

static int put_nameless(rp_encoder *encoder, PyObject *file, int kind, PyObject *raw,
                        PyObject *descriptor) {
    const char *access = rp_file_access(raw);
    if (!access || !encoder->generators || strcmp(access, "r+") != 0)
        return refuse_because(encoder, "its file has no name any more");
    if (rp_file_stat(descriptor, "st_size") > NAMELESS_MAX)
        return refuse_because(encoder, "its file has no name and holds more than 64 MiB (one "
                                       "of tempfile.NamedTemporaryFile may)");
    PyObject *reduced = nameless_reduction(file, kind, descriptor);
    if (!reduced) return refuse_exception(encoder);
    int status = rp_put_reduced(encoder, file, reduced);
    Py_DECREF(reduced);
    return status;
}

static bool is_null_device(PyObject *raw) {
    PyObject *name = PyObject_GetAttrString(raw, "name");
    bool is =
        name && PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "/dev/null") == 0;
    if (!name) PyErr_Clear();
    Py_XDECREF(name);
    return is;
}

/* open(os.devnull): it has no position, and needs none. */
static int put_null(rp_encoder *encoder, PyObject *file, int kind, PyObject *raw) {
    const char *access = rp_file_access(raw);
    PyObject *module = access ? PyImport_ImportModule("resume._temporary") : NULL;
    PyObject *options = module ? text_options(file, kind) : NULL;
    PyObject *attributes = options ? attributes_of(file) : NULL, *reduced = NULL;
    if (attributes)
        reduced = Py_BuildValue("(N(sOsO))", PyObject_GetAttrString(module, "open_null"),
                                rp_file_kind_names[kind], options, access, attributes);
    Py_XDECREF(attributes);
    Py_XDECREF(options);
    Py_XDECREF(module);
    if (!reduced) return refuse_exception(encoder);
    int status = rp_put_reduced(encoder, file, reduced);
    Py_DECREF(reduced);
    return status;
}

/* What the file stands on, new reference, where others have it, too (`io.TextIOWrapper(file)`,
 * `file.buffer.write`), and it has to stay the same; NULL: it is its own. For exact states:
 * restore() has files that the program has opened again. */
static PyObject *shared_inner(const rp_encoder *encoder, PyObject *file, int kind) {
    PyObject *inner = encoder->generators && kind != RP_FILE_RAW ? inner_of(file, kind) : NULL;
    PyErr_Clear();
    bool shared = inner && Py_REFCNT(inner) > 2 && rp_file_kind_of(inner) == kind + 1;
    if (!shared) Py_CLEAR(inner);
    return inner;
}

static int put_open(rp_encoder *encoder, PyObject *file, int kind, PyObject *raw) {
    PyObject *descriptor = PyObject_CallMethod(raw, "fileno", NULL), *path = NULL, *parts = NULL;
    int status = RP_REFUSED;
    if (!descriptor) return refuse_because(encoder, "it has no file of the system");
    if (encoder->generators && is_null_device(raw)) {
        Py_DECREF(descriptor);
        return put_null(encoder, file, kind, raw);
    }
    if ((rp_file_stat(descriptor, "st_mode") & FILE_TYPE_MASK) != REGULAR_FILE) {
        refuse_because(encoder, "pipes, terminals and devices have no position to go back to");
        goto done;
    }
    path = path_of(raw, descriptor);
    if (!path) {
        PyErr_Clear();
        status = put_nameless(encoder, file, kind, raw, descriptor);
        goto done;
    }
    const char *access = rp_file_access(raw);
    encoder->appended += access && access[0] == 'a';
    PyObject *inner = shared_inner(encoder, file, kind);
    parts = access ? parts_of(file, kind, raw, descriptor, inner ? inner : path) : NULL;
    Py_XDECREF(inner);
    status = parts ? put_parts(encoder, Py_NewRef(parts)) : refuse_exception(encoder);
done:
    Py_XDECREF(descriptor);
    Py_XDECREF(path);
    Py_XDECREF(parts);
    return status;
}

static void put_name_in_sys(rp_encoder *encoder, const char *name, const char *layer) {
    char path[40];
    int size = snprintf(path, sizeof path, "%s%s", name, layer);
    rp_put_tag(encoder, RP_TAG_GLOBAL);
    rp_put_array_head(encoder, 2);
    rs_cbor_put_literal(&encoder->buffer, "sys");
    rs_cbor_put_text(&encoder->buffer, path, (size_t)size);
}

/* What leads from the one file to the other: nothing, ".buffer", ".buffer.raw"; NULL. */
static const char *layer_of(PyObject *standard, PyObject *file) {
    static const char *const layers[] = {"", ".buffer", ".buffer.raw"};
    static const char *const inner[] = {"buffer", "raw"};
    const char *found = NULL;
    PyObject *at = Py_XNewRef(standard);
    for (int i = 0; at && !found && i < 3; i++) {
        if (at == file) found = layers[i];
        bool has_inner = i < 2 && !found && strncmp(Py_TYPE(at)->tp_name, "_io.", 4) == 0;
        Py_SETREF(at, has_inner ? PyObject_GetAttrString(at, inner[i]) : NULL);
    }
    PyErr_Clear();
    Py_XDECREF(at);
    return found;
}

/* sys.stdout and the like, and what they stand on: by name. 1, or 0 for all others. In an exact
 * state what they are redirected to is a file as any other. */
static int put_standard(rp_encoder *encoder, PyObject *file) {
    static const char *const names[][2] = {
        {"stdin", "__stdin__"}, {"stdout", "__stdout__"}, {"stderr", "__stderr__"}};
    for (int i = 0; i < 3; i++) {
        const char *first = layer_of(PySys_GetObject(names[i][1]), file);
        const char *now = layer_of(PySys_GetObject(names[i][0]), file);
        bool is_own = rp_file_kind_of(file) || encoder->state->script_space;
        if (encoder->generators && !first && is_own) now = NULL;
        if (now || first) {
            put_name_in_sys(encoder, names[i][now ? 0 : 1], now ? now : first);
            return 1;
        }
    }
    return 0;
}

/* ---- those that stand on others than files of the system ---- */

static int refuse_wrapped(rp_encoder *encoder) {
    return refuse_because(encoder, "only files that open() gives have a position that can be gone "
                                   "back to, and compressed ones that are read; no wrapped or "
                                   "detached ones");
}

/* By the object that it stands on, whatever that is. */
static int put_layer(rp_encoder *encoder, PyObject *file, int kind) {
    PyObject *inner = inner_of(file, kind), *writes = NULL, *parts = NULL;
    if (inner) writes = PyObject_CallMethod(file, "writable", NULL);
    PyObject *position = writes ? position_of(file, kind) : NULL;
    PyObject *options = position ? text_options(file, kind) : NULL;
    PyObject *attributes = options ? attributes_of(file) : NULL;
    const char *access = is_exactly(file, "BufferedRandom") ? "r+" : writes == Py_True ? "w" : "r";
    if (attributes)
        parts = Py_BuildValue("(sOsOOiiO)", rp_file_kind_names[kind], inner, access, options,
                              position, 0, 0, attributes);
    int status = parts                                     ? put_parts(encoder, parts)
                 : PyErr_ExceptionMatches(PyExc_Exception) ? refuse_wrapped(encoder)
                                                           : -1;
    Py_XDECREF(attributes);
    Py_XDECREF(options);
    Py_XDECREF(position);
    Py_XDECREF(writes);
    Py_XDECREF(inner);
    return status;
}

/* [kind, name or None, "r", attributes]: what it stood on is no part of it any more. */
static int put_closed_layer(rp_encoder *encoder, PyObject *file, int kind) {
    PyObject *name = PyObject_GetAttrString(file, "name");
    PyErr_Clear();
    bool is_path = name && (PyUnicode_CheckExact(name) || PyBytes_CheckExact(name));
    PyObject *parts = Py_BuildValue("(sOsN)", rp_file_kind_names[kind], is_path ? name : Py_None,
                                    "r", attributes_of(file));
    Py_XDECREF(name);
    return put_parts(encoder, parts);
}

static int put_wrapped(rp_encoder *encoder, PyObject *file, int kind) {
    if (!encoder->generators) return refuse_wrapped(encoder);
    if (!kind) {
        int status = rp_put_by_own(encoder, "resume._wrapped", file);
        return status == RP_NOT_THIS ? refuse_wrapped(encoder)
               : status < 0          ? refuse_exception(encoder)
                                     : status;
    }
    PyObject *closed = PyObject_GetAttrString(file, "closed");
    int status = closed == Py_True ? put_closed_layer(encoder, file, kind)
                 : closed          ? put_layer(encoder, file, kind)
                                   : refuse_wrapped(encoder); /* detached */
    Py_XDECREF(closed);
    return status;
}

int rp_put_file(rp_encoder *encoder, PyObject *object) {
    int kind = rp_file_kind_of(object);
    if (put_standard(encoder, object)) return RP_DONE;
    PyObject *raw = kind ? rp_file_raw(object) : NULL;
    if (!raw) return put_wrapped(encoder, object, kind);
    PyObject *closed = PyObject_GetAttrString(raw, "closed");
    int status = !closed             ? -1
                 : closed == Py_True ? put_closed(encoder, object, kind, raw)
                                     : put_open(encoder, object, kind, raw);
    Py_XDECREF(closed);
    Py_DECREF(raw);
    return status;
}

/* `usual`, or a method by which classes of io refuse to be pickled, and which another in each
 * version of Python has. Those in memory do not. */
static bool is_no_way(PyObject *method, PyObject *usual) {
    if (method == usual) return true;
    const char *name =
        method && Py_IS_TYPE(method, &PyMethodDescr_Type) ? PyDescr_TYPE(method)->tp_name : "";
    return strncmp(name, "_io.", 4) == 0 && strcmp(name, "_io.BytesIO") != 0 &&
           strcmp(name, "_io.StringIO") != 0;
}

bool rp_is_file(PyObject *object) {
    if (!PyIter_Check(object)) return false; /* files hand out lines */
    if (rp_file_kind_of(object)) return true;
    PyObject *base = io_type("IOBase");
    int is = base ? PyObject_IsInstance(object, base) : 0;
    Py_XDECREF(base);
    PyErr_Clear();
    /* in memory, or with a way of their own to be pickled */
    if (is <= 0 || is_exactly(object, "BytesIO") || is_exactly(object, "StringIO")) return false;
    PyObject *own = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__getstate__");
    PyObject *reduce = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__reduce__");
    PyObject *plain = PyObject_GetAttrString((PyObject *)&PyBaseObject_Type, "__getstate__");
    PyObject *plainly = PyObject_GetAttrString((PyObject *)&PyBaseObject_Type, "__reduce__");
    bool is_plain = is_no_way(own, plain) && is_no_way(reduce, plainly);
    PyErr_Clear();
    Py_XDECREF(own);
    Py_XDECREF(reduce);
    Py_XDECREF(plain);
    Py_XDECREF(plainly);
    return is_plain;
}
