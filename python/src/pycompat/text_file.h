/* What a text file of Python knows and does not say in Python: the ends of lines that it was told,
 * and where it stands while `next` reads it (its `tell` refuses then). */
#ifndef RP_PYCOMPAT_TEXT_FILE_H
#define RP_PYCOMPAT_TEXT_FILE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* The argument `newline` of an exact io.TextIOWrapper, new reference: None or a str. NULL with an
 * exception; TypeError: this CPython keeps it in another place (tried at each call). */
PyObject *rp_text_newline(PyObject *file);

/* This exact io.TextIOWrapper does not tell its position: `next` reads it, or it is no file. */
bool rp_text_is_iterated(PyObject *file);
/* Where such a one stands, new reference: [offset of its buffer in bytes, text that it has read and
 * not handed out, bytes that its decoder waits with, state of its decoder]. NULL with an exception;
 * TypeError as above. */
PyObject *rp_text_reading(PyObject *file);
bool rp_is_text_reading(PyObject *object); /* such a list, by its form */
/* Has another one, of the same options, stand there. 0, or -1 with an exception: TypeError as
 * above; ValueError: `reading` is no such list. */
int rp_text_read_on(PyObject *file, PyObject *reading);
#endif
