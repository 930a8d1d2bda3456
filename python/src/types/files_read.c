/* Open files out of the object stream: opened again, never anew, and positioned at the commit. */
#include "files.h"

#include "../decode.h"
#include "../opaque.h"

#include <fcntl.h>
#include <string.h>

enum { KIND, NAME, ACCESS, OPTIONS, POSITION, BYTES, SIZE, ATTRIBUTES, PART_COUNT };
enum { CLOSED_ATTRIBUTES = 3, CLOSED_PART_COUNT };

static PyObject *call_os(const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *os = PyImport_ImportModule("os"), *result = NULL;
    PyObject *function = os ? PyObject_GetAttrString(os, name) : NULL;
    PyObject *values = function ? Py_VaBuildValue(format, arguments) : NULL;
    va_end(arguments);
    if (values) result = PyObject_CallObject(function, values);
    Py_XDECREF(os);
    Py_XDECREF(function);
    Py_XDECREF(values);
    return result;
}

static bool is_text(PyObject *value, const char *text) {
    return PyUnicode_Check(value) && PyUnicode_CompareWithASCIIString(value, text) == 0;
}

static int kind_named(PyObject *name) {
    for (int kind = RP_FILE_TEXT; kind <= RP_FILE_RAW; kind++)
        if (is_text(name, rp_file_kind_names[kind])) return kind;
    return RP_FILE_NONE;
}

static int flags_of(PyObject *access) {
    if (is_text(access, "r")) return O_RDONLY;
    if (is_text(access, "w")) return O_WRONLY;
    if (is_text(access, "a")) return O_WRONLY | O_APPEND;
    if (is_text(access, "r+")) return O_RDWR;
    if (is_text(access, "a+")) return O_RDWR | O_APPEND;
    return -1;
}

/* ---- making a file object ---- */

static PyObject *buffered_over(PyObject *raw, const char *access) {
    const char *type = access[1] == '+'   ? "BufferedRandom"
                       : access[0] == 'r' ? "BufferedReader"
                                          : "BufferedWriter";
    PyObject *io = raw ? PyImport_ImportModule("io") : NULL, *outer = NULL;
    if (io) outer = PyObject_CallMethod(io, type, "O", raw);
    Py_XDECREF(io);
    Py_XDECREF(raw);
    return outer;
}

static PyObject *text_over(PyObject *buffer, PyObject *options) {
    PyObject *io = buffer ? PyImport_ImportModule("io") : NULL, *text = NULL;
    if (io && options == Py_None) {
        text = PyObject_CallMethod(io, "TextIOWrapper", "Os", buffer, "utf-8");
    } else if (io) {
        text =
            PyObject_CallMethod(io, "TextIOWrapper", "OOOOOO", buffer, PyList_GET_ITEM(options, 0),
                                PyList_GET_ITEM(options, 1), PyList_GET_ITEM(options, 2),
                                PyList_GET_ITEM(options, 3), PyList_GET_ITEM(options, 4));
    }
    Py_XDECREF(io);
    Py_XDECREF(buffer);
    return text;
}

/* A file object of the kind over an open descriptor, which it closes. */
static PyObject *file_over(int kind, PyObject *descriptor, PyObject *name, const char *access,
                           PyObject *options) {
    PyObject *io = PyImport_ImportModule("io"), *raw = NULL;
    char mode[4] = {access[0], 'b', access[1], 0};
    if (io) raw = PyObject_CallMethod(io, "FileIO", "Os", descriptor, mode);
    Py_XDECREF(io);
    if (raw && name != Py_None && PyObject_SetAttrString(raw, "name", name) < 0) Py_CLEAR(raw);
    if (!raw || kind == RP_FILE_RAW) return raw;
    PyObject *buffered = buffered_over(raw, access);
    return kind == RP_FILE_TEXT ? text_over(buffered, options) : buffered;
}

static int set_attributes(PyObject *file, PyObject *attributes) {
    PyObject *own = PyObject_GetAttrString(file, "__dict__");
    int status = own ? PyDict_Update(own, attributes) : -1;
    Py_XDECREF(own);
    return status;
}

static PyObject *make_closed(PyObject *const *parts) {
    PyObject *descriptor = call_os("open", "(si)", "/dev/null", O_RDWR | O_CLOEXEC), *file = NULL;
    if (descriptor)
        file = file_over(kind_named(parts[KIND]), descriptor, parts[NAME],
                         PyUnicode_AsUTF8(parts[ACCESS]), Py_None);
    PyObject *done = file ? PyObject_CallMethod(file, "close", NULL) : NULL;
    if (!done || set_attributes(file, parts[CLOSED_ATTRIBUTES]) < 0) Py_CLEAR(file);
    Py_XDECREF(done);
    Py_XDECREF(descriptor);
    return file;
}

/* The descriptor that the file object of a script has had, which is open again; or a new one. */
static PyObject *descriptor_of(const rp_decoder *decoder, PyObject *const *parts) {
    int flags = flags_of(parts[ACCESS]);
    PyObject *module = NULL, *kept = NULL;
    if (decoder->of_script && !(module = PyImport_ImportModule("resume._descriptors"))) return NULL;
    if (module) kept = PyObject_CallMethod(module, "claim", "Oi", parts[NAME], flags);
    Py_XDECREF(module);
    if (kept && kept != Py_None) return kept;
    if (PyErr_Occurred()) return NULL;
    Py_XDECREF(kept);
    return call_os("open", "(Oi)", parts[NAME], flags | O_CLOEXEC | O_NOCTTY);
}

static PyObject *open_again(const rp_decoder *decoder, PyObject *const *parts) {
    PyObject *file = NULL, *descriptor = descriptor_of(decoder, parts);
    if (!descriptor) return NULL;
    file = file_over(kind_named(parts[KIND]), descriptor, parts[NAME],
                     PyUnicode_AsUTF8(parts[ACCESS]), parts[OPTIONS]);
    if (file && set_attributes(file, parts[ATTRIBUTES]) < 0) Py_CLEAR(file);
    if (!file) {
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        Py_XDECREF(call_os("close", "(O)", descriptor));
        PyErr_Restore(type, value, trace);
    }
    Py_DECREF(descriptor);
    return file;
}

/* ---- one that the program has open already ---- */

static bool is_same(PyObject *file, PyObject *const *parts) {
    PyObject *raw = rp_file_kind_of(file) == kind_named(parts[KIND]) ? rp_file_raw(file) : NULL;
    PyObject *descriptor = raw ? PyObject_CallMethod(raw, "fileno", NULL) : NULL;
    const char *access = descriptor ? rp_file_access(raw) : NULL;
    bool same = access && is_text(parts[ACCESS], access) && rp_file_is_at(descriptor, parts[NAME]);
    PyErr_Clear();
    Py_XDECREF(raw);
    Py_XDECREF(descriptor);
    return same;
}

/* The file of the caller that stands for this one: other objects of the program write to it. New
 * reference or NULL. */
static PyObject *offered(rp_decoder *decoder, PyObject *const *parts) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; decoder->files && PyDict_Next(decoder->files, &at, &name, &value);) {
        if (!rp_file_kind_of(value) || !is_same(value, parts)) continue;
        Py_INCREF(value);
        Py_INCREF(name);
        if (PyDict_DelItem(decoder->files, name) < 0) Py_CLEAR(value);
        Py_DECREF(name);
        return value;
    }
    return NULL;
}

/* ---- checks, and the commit ---- */

static PyObject *explain(rp_decoder *decoder, PyObject *name, const char *what) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_Format(decoder->state->error,
                 "the file %R of the saved state %s%s%S: put it back as it was (and open files for "
                 "writing with chp.open, which keeps what is in them), or start over with "
                 "clean=True",
                 name, what, value ? ": " : "", value ? value : PyUnicode_FromString(""));
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return NULL;
}

/* What a file may stand on: another file, or whatever else was one. */
static bool is_inner(PyObject *value, int kind) {
    return kind != RP_FILE_RAW && value != Py_None && !PyLong_Check(value);
}

static bool are_parts(PyObject *const *parts, Py_ssize_t count) {
    bool is_closed = count == CLOSED_PART_COUNT;
    int kind = kind_named(parts[KIND]);
    bool has_name = PyUnicode_CheckExact(parts[NAME]) || PyBytes_CheckExact(parts[NAME]) ||
                    (is_closed ? parts[NAME] == Py_None : is_inner(parts[NAME], kind));
    if (!kind || !has_name || flags_of(parts[ACCESS]) < 0) return false;
    if (is_closed) return PyDict_CheckExact(parts[CLOSED_ATTRIBUTES]);
    if (!rp_is_file_position(parts[POSITION], (rp_file_kind)kind) ||
        !PyLong_CheckExact(parts[BYTES]) || !PyLong_CheckExact(parts[SIZE]) ||
        !PyDict_CheckExact(parts[ATTRIBUTES]))
        return false;
    PyObject *options = parts[OPTIONS];
    if (kind != RP_FILE_TEXT) return options == Py_None;
    return PyList_CheckExact(options) && PyList_GET_SIZE(options) == 5 &&
           PyList_GET_ITEM(options, 4);
}

static bool is_cut(PyObject *file) {
    PyObject *value = PyObject_GetAttrString(file, RP_FILE_CUT);
    PyErr_Clear();
    Py_XDECREF(value);
    return value == Py_True;
}

/* Whatever position it has, what is appended goes behind the end. */
static int tell_appended(rp_decoder *decoder, PyObject *file, PyObject *const *parts,
                         long long size) {
    long long more = size - PyLong_AsLongLong(parts[SIZE]);
    const char *access = PyUnicode_AsUTF8(parts[ACCESS]);
    if (more <= 0 || access[0] != 'a' || decoder->of_script || is_cut(file)) return 0;
    return rp_decoder_note(decoder,
                           "the file %R, which is appended to, has got %lld bytes since the save: "
                           "they stay, and what is done again is appended once more; "
                           "chp.open(..., truncate=True) cuts the file back",
                           parts[NAME], more);
}

static int note_opened(rp_decoder *decoder, PyObject *file, PyObject *const *parts) {
    PyObject *entry = Py_BuildValue("(OOO)", file, parts[POSITION], parts[SIZE]);
    int status = entry ? PyList_Append(decoder->opened, entry) : -1;
    Py_XDECREF(entry);
    return status < 0 ? -1 : PyList_Append(decoder->positioned, file);
}

/* The outer one positions it: what that had not written yet was written behind the inner's save. */
static int forget_opened(rp_decoder *decoder, PyObject *inner) {
    for (Py_ssize_t i = PyList_GET_SIZE(decoder->opened); i-- > 0;)
        if (PyTuple_GET_ITEM(PyList_GET_ITEM(decoder->opened, i), 0) == inner)
            return PyList_SetSlice(decoder->opened, i, i + 1, NULL);
    return 0;
}

/* Over one that is open already. */
static PyObject *make_over(rp_decoder *decoder, PyObject *const *parts) {
    PyObject *inner = Py_NewRef(parts[NAME]);
    PyObject *file = kind_named(parts[KIND]) == RP_FILE_BUFFERED
                         ? buffered_over(inner, PyUnicode_AsUTF8(parts[ACCESS]))
                         : text_over(inner, parts[OPTIONS]);
    if (file && (set_attributes(file, parts[ATTRIBUTES]) < 0 ||
                 forget_opened(decoder, parts[NAME]) < 0 || note_opened(decoder, file, parts) < 0))
        Py_CLEAR(file);
    return file;
}

static PyObject *make_open(rp_decoder *decoder, PyObject *const *parts) {
    if (!PyUnicode_Check(parts[NAME]) && !PyBytes_Check(parts[NAME]))
        return make_over(decoder, parts);
    enum { FILE_TYPE_MASK = 0170000, REGULAR_FILE = 0100000 };
    long long mode = rp_file_stat(parts[NAME], "st_mode");
    if (mode < 0) return explain(decoder, parts[NAME], "can't be opened");
    if ((mode & FILE_TYPE_MASK) != REGULAR_FILE)
        return explain(decoder, parts[NAME], "is no regular file any more");
    long long size = rp_file_stat(parts[NAME], "st_size");
    if (size < PyLong_AsLongLong(parts[BYTES]))
        return explain(decoder, parts[NAME], "is shorter than the position that was saved");
    PyObject *file = offered(decoder, parts);
    if (!file && !PyErr_Occurred()) file = open_again(decoder, parts);
    if (!file) return explain(decoder, parts[NAME], "can't be opened");
    if (tell_appended(decoder, file, parts, size) < 0 || note_opened(decoder, file, parts) < 0)
        Py_CLEAR(file);
    return file;
}

int rp_file_cut(PyObject *file, PyObject *size, PyObject *position) {
    PyObject *done = PyObject_CallMethod(file, "flush", NULL), *descriptor = NULL;
    PyObject *writes = done ? PyObject_CallMethod(file, "writable", NULL) : NULL;
    if (writes) descriptor = PyObject_CallMethod(file, "fileno", NULL);
    if (descriptor && writes == Py_True)
        Py_SETREF(done, call_os("ftruncate", "(OO)", descriptor, size));
    int status = descriptor && done ? rp_file_seek(file, position) : -1;
    Py_XDECREF(done);
    Py_XDECREF(writes);
    Py_XDECREF(descriptor);
    return status;
}

/* A file for writing has got something since the save. */
static bool has_more(PyObject *file, PyObject *size) {
    PyObject *writes = PyObject_CallMethod(file, "writable", NULL);
    PyObject *descriptor = writes == Py_True ? PyObject_CallMethod(file, "fileno", NULL) : NULL;
    bool more = descriptor && rp_file_stat(descriptor, "st_size") > PyLong_AsLongLong(size);
    PyErr_Clear();
    Py_XDECREF(descriptor);
    Py_XDECREF(writes);
    return more;
}

void rp_decoder_of_script(rp_decoder *decoder) {
    decoder->of_script = true;
}

int rp_commit_files(rp_decoder *decoder) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(decoder->opened); i++) {
        PyObject *entry = PyList_GET_ITEM(decoder->opened, i), *file = PyTuple_GET_ITEM(entry, 0);
        PyObject *position = PyTuple_GET_ITEM(entry, 1), *size = PyTuple_GET_ITEM(entry, 2);
        bool cuts = is_cut(file) || (decoder->of_script && has_more(file, size));
        if ((cuts ? rp_file_cut(file, size, position) : rp_file_seek(file, position)) < 0)
            return -1;
    }
    return 0;
}

static PyObject *inert(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *name = PyUnicode_FromString("builtins.open");
    PyObject *state = name ? PyList_New(count) : NULL, *opaque = NULL;
    for (Py_ssize_t i = 0; state && i < count; i++)
        PyList_SET_ITEM(state, i, Py_NewRef(parts[i]));
    if (state) opaque = rp_opaque_of(decoder, name, state);
    Py_XDECREF(name);
    Py_XDECREF(state);
    return opaque;
}

static PyObject *finish_file(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    if (!are_parts(parts, count))
        return rp_damaged(decoder, "a file is not described as it should be");
    if (!decoder->source.is_mine) return inert(decoder, parts, count);
    return count == CLOSED_PART_COUNT ? make_closed(parts) : make_open(decoder, parts);
}

int rp_open_file(rp_decoder *decoder) {
    Py_ssize_t count = rp_next_array(decoder, CLOSED_PART_COUNT, PART_COUNT);
    if (count < 0) return -1;
    if (count != CLOSED_PART_COUNT && count != PART_COUNT) {
        rp_damaged(decoder, "a file has four parts or eight");
        return -1;
    }
    if (rp_check_room(decoder, (uint64_t)count) < 0) return -1;
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count, finish_file);
}
