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

PyObject *rp_text_newline(PyObject *file) {
    const text_file *text = (const text_file *)file;
    if (!is_laid_out(file)) {
        PyErr_SetString(
            PyExc_TypeError,
            "this version of Python keeps what it knows of text files in another place");
        return NULL;
    }
    if (text->reads_all && text->translates_read) Py_RETURN_NONE;
    if (text->reads_all) return PyUnicode_FromString("");
    return text->read_newline ? Py_NewRef(text->read_newline) : PyUnicode_FromString("\n");
}
