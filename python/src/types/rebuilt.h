/* Objects of Python's library that are made anew, and the functions that states name for it. */
#ifndef RP_REBUILT_H
#define RP_REBUILT_H

#include "../module.h"

bool rp_is_rebuilt(PyObject *object);
/* A lock, or what is of a thread: a module that is imported again has it, in another state. */
bool rp_changes_unseen(PyObject *object);
/* The same of a lock that a module has under this name and that this thread holds (one that tells
 * no owner: when it is the only thread). NULL, with an exception or without: another. */
PyObject *rp_reduce_held_lock(PyObject *lock, PyObject *module_name, PyObject *name);
/* (callable, arguments) of such an object, new reference. NULL with an exception: it can't be, or
 * without one: it is none of them. */
PyObject *rp_rebuilt_reduction(PyObject *object);

/* (callable, arguments) of a function of a module in C that has another one under its name now.
 * NULL, with an exception or without: it is none. */
PyObject *rp_replaced_reduction(PyObject *object);

/* _replaced(module, name), _dead_reference(is proxy), _make_lock(reentrant, count),
 * _hold_lock(module, name, count), _view(object, offset, size, format, shape, read-only),
 * _make_csv_reader(maker, source, lines), _make_scanner(pattern, string, pos, endpos, start, must
 * advance) */
PyObject *rp_dead_reference(PyObject *module, PyObject *is_proxy);
PyObject *rp_make_lock(PyObject *module, PyObject *args);
PyObject *rp_replaced(PyObject *module, PyObject *args);
PyObject *rp_hold_lock(PyObject *module, PyObject *args);
PyObject *rp_make_view(PyObject *module, PyObject *args);
PyObject *rp_make_csv_reader(PyObject *module, PyObject *args);
PyObject *rp_make_scanner(PyObject *module, PyObject *args);
#endif
