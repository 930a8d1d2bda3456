/* Objects of Python's library that are made anew, and the functions that states name for it. */
#ifndef RP_REBUILT_H
#define RP_REBUILT_H

#include "../module.h"

bool rp_is_rebuilt(PyObject *object);
/* (callable, arguments) of such an object, new reference. NULL with an exception: it can't be, or
 * without one: it is none of them. */
PyObject *rp_rebuilt_reduction(PyObject *object);

/* _dead_reference(), _make_lock(reentrant, count), _view(object, offset, size, format, shape,
 * read-only), _make_csv_reader(maker, source, lines), _make_scanner(pattern, string, pos, endpos,
 * start, must advance) */
PyObject *rp_dead_reference(PyObject *module, PyObject *unused);
PyObject *rp_make_lock(PyObject *module, PyObject *args);
PyObject *rp_make_view(PyObject *module, PyObject *args);
PyObject *rp_make_csv_reader(PyObject *module, PyObject *args);
PyObject *rp_make_scanner(PyObject *module, PyObject *args);
#endif
