/* The place at which a scanner of `re` goes on, as re.finditer() has one. */
#ifndef RP_PYCOMPAT_SCANNER_H
#define RP_PYCOMPAT_SCANNER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

typedef struct rp_scanner_place {
    PyObject *pattern, *string;  /* borrowed */
    Py_ssize_t position, ending; /* `pos` and `endpos` of its matches */
    Py_ssize_t start;            /* where it goes on; -1: it has come to its end */
    bool must_advance;           /* the last match was empty */
} rp_scanner_place;

/* 1; 0: this CPython lays scanners out in another way; -1: exception. Tried each time. */
int rp_scanner_place_of(PyObject *scanner, rp_scanner_place *place);
/* Gives a new scanner the start and must_advance of the place. 0, or -1 with ValueError. */
int rp_scanner_move(PyObject *scanner, const rp_scanner_place *place);
#endif
