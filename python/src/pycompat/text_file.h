/* What a text file of Python was told about the ends of lines: it does not say it in Python. */
#ifndef RP_PYCOMPAT_TEXT_FILE_H
#define RP_PYCOMPAT_TEXT_FILE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* The argument `newline` of an exact io.TextIOWrapper, new reference: None or a str. NULL with an
 * exception; TypeError: this CPython keeps it in another place (tried at each call). */
PyObject *rp_text_newline(PyObject *file);
#endif
