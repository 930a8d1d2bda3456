/* The layout of io.TextIOWrapper: Modules/_io/textio.c of CPython. */
#include "text_file.h"

#include <stdbool.h>
#include <string.h>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x03100000
#error "the layout of text files was not compared with this version of CPython"
#endif

typedef struct text_file {
    PyObject_HEAD int ok, detached;
    Py_ssize_t chunk_size;
    PyObject *buffer, *encoding, *encoder, *decoder, *read_newline, *errors;
    const char *write_newline;
    char line_buffering, write_through, reads_all, translates_read, translates_written;
    char seekable, has_read1, telling, finalizing;
    void *encode;
    char encoding_start_of_stream;
    PyObject *decoded;
    Py_ssize_t decoded_used;
    PyObject *pending;
    Py_ssize_t pending_size;
    PyObject *snapshot;
} text_file;

/* Everything around the fields is what Python says it is. */
static bool is_laid_out(PyObject *file) {
    const text_file *text = (const text_file *)file;
    PyObject *buffer = PyObject_GetAttrString(file, "buffer");
    PyObject *encoding = PyObject_GetAttrString(file, "encoding");
    PyObject *lines = PyObject_GetAttrString(file, "line_buffering");
    bool holds = Py_TYPE(file)->tp_basicsize > (Py_ssize_t)sizeof *text && text->ok == 1 &&
                 text->detached == 0 && text->buffer == buffer && text->encoding == encoding &&
                 (text->line_buffering == 1) == (lines == Py_True) &&
                 (unsigned char)text->reads_all < 2 && (unsigned char)text->translates_read < 2 &&
                 (unsigned char)text->translates_written < 2;
    PyErr_Clear();
    Py_XDECREF(buffer);
    Py_XDECREF(encoding);
    Py_XDECREF(lines);
    return holds;
}

static int refuse_layout(void) {
    PyErr_SetString(PyExc_TypeError,
                    "this version of Python keeps what it knows of text files in another place");
    return -1;
}

PyObject *rp_text_newline(PyObject *file) {
    const text_file *text = (const text_file *)file;
    if (!is_laid_out(file)) {
        refuse_layout();
        return NULL;
    }
    if (text->reads_all && text->translates_read) Py_RETURN_NONE;
    if (text->reads_all) return PyUnicode_FromString("");
    return text->read_newline ? Py_NewRef(text->read_newline) : PyUnicode_FromString("\n");
}

/* ---- what has been read ahead ---- */

bool rp_text_is_iterated(PyObject *file) {
    const text_file *text = (const text_file *)file;
    return is_laid_out(file) && text->telling == 0;
}

/* "a\nb" with a line read by `next`, and the same before that. */
static bool is_as_expected(const text_file *text, bool after) {
    bool begun = text->decoded && PyUnicode_CheckExact(text->decoded);
    return text->seekable == 1 && text->has_read1 == 1 && text->telling == !after &&
           text->finalizing == 0 && text->pending == NULL && text->pending_size == 0 &&
           text->snapshot == NULL && begun == after &&
           (!after || (PyUnicode_GET_LENGTH(text->decoded) == 3 && text->decoded_used == 2));
}

/* The fields that Python does not show are where they were: by a file of its own that is read. */
static int try_layout(void) {
    PyObject *io = PyImport_ImportModule("io");
    PyObject *bytes = io ? PyObject_CallMethod(io, "BytesIO", "y", "a\nb") : NULL;
    PyObject *file = bytes ? PyObject_CallMethod(io, "TextIOWrapper", "Os", bytes, "utf-8") : NULL;
    bool holds = file && Py_TYPE(file)->tp_basicsize >= (Py_ssize_t)sizeof(text_file) &&
                 is_laid_out(file) && is_as_expected((text_file *)file, false);
    PyObject *line = holds ? PyIter_Next(file) : NULL;
    holds = line && is_as_expected((text_file *)file, true);
    Py_XDECREF(line);
    Py_XDECREF(file);
    Py_XDECREF(bytes);
    Py_XDECREF(io);
    if (PyErr_Occurred()) return -1;
    return holds ? 0 : refuse_layout();
}

/* What was written goes to the file. A flush has `tell` answer again, from what is not true any
 * more. */
static int flush(PyObject *file) {
    PyObject *writes = PyObject_CallMethod(file, "writable", NULL), *done = writes;
    if (writes == Py_True) {
        done = PyObject_CallMethod(file, "flush", NULL);
        ((text_file *)file)->telling = 0;
        Py_DECREF(writes);
    }
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static PyObject *text_left(const text_file *text) {
    if (!text->decoded) return PyUnicode_FromString("");
    return PyUnicode_Substring(text->decoded, text->decoded_used,
                               PyUnicode_GET_LENGTH(text->decoded));
}

PyObject *rp_text_reading(PyObject *file) {
    const text_file *text = (const text_file *)file;
    if (try_layout() < 0 || flush(file) < 0) return NULL;
    PyObject *offset = PyObject_CallMethod(text->buffer, "tell", NULL), *reading = NULL;
    PyObject *state = text->decoder ? PyObject_CallMethod(text->decoder, "getstate", NULL)
                                    : Py_BuildValue("(yi)", "", 0);
    if (offset && state && PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 2)
        reading = Py_BuildValue("[ONOO]", offset, text_left(text), PyTuple_GET_ITEM(state, 0),
                                PyTuple_GET_ITEM(state, 1));
    Py_XDECREF(offset);
    Py_XDECREF(state);
    return reading;
}

bool rp_is_text_reading(PyObject *reading) {
    if (!PyList_CheckExact(reading) || PyList_GET_SIZE(reading) != 4) return false;
    PyObject **parts = ((PyListObject *)reading)->ob_item;
    return PyLong_CheckExact(parts[0]) && PyUnicode_CheckExact(parts[1]) &&
           PyBytes_CheckExact(parts[2]) && PyLong_CheckExact(parts[3]);
}

int rp_text_read_on(PyObject *file, PyObject *reading) {
    text_file *text = (text_file *)file;
    if (!rp_is_text_reading(reading)) {
        PyErr_SetString(PyExc_ValueError, "this is no place in a text file");
        return -1;
    }
    if (try_layout() < 0) return -1;
    PyObject **parts = ((PyListObject *)reading)->ob_item, *state = NULL;
    /* For `seek` an offset in bytes is a place where the decoder begins anew. A pipe stands there.
     */
    PyObject *done =
        text->seekable ? PyObject_CallMethod(file, "seek", "O", parts[0]) : Py_NewRef(Py_None);
    if (done && text->decoder) {
        state = PyTuple_Pack(2, parts[2], parts[3]);
        Py_SETREF(done,
                  state ? PyObject_CallMethod(text->decoder, "setstate", "(O)", state) : NULL);
        Py_XDECREF(state);
    }
    if (!done) return -1;
    Py_DECREF(done);
    Py_XSETREF(text->decoded, Py_NewRef(parts[1]));
    text->decoded_used = 0;
    Py_CLEAR(text->snapshot);
    text->telling = 0;
    return 0;
}
