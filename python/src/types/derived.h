/* Objects of classes of a program that are derived from classes of Python's own library. */
#ifndef RP_TYPES_DERIVED_H
#define RP_TYPES_DERIVED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* The class written in C that a class of Python is derived from (or that it is). */
PyTypeObject *rp_base_in_c(PyTypeObject *type);
/* The class of Python's library that `type` is derived from, when objects of `type` reduce as its
 * own do: to a call of their class. Borrowed, or NULL. */
PyTypeObject *rp_base_that_reduces(PyTypeObject *type);
/* An object of `type` as that class makes its own: no __new__ or __init__ of the program, which may
 * want other arguments, is called once more. New reference, or NULL with an exception. */
PyObject *rp_make_as_base(PyTypeObject *type, PyTypeObject *base, PyObject *arguments);
/* The __new__ that these arguments of copyreg.__newobj__ are for, without the class in front. */
newfunc rp_new_of_value(PyTypeObject *type, PyObject *arguments);
/* A class of the program, of no class in C but `object`, with a __new__ of its own. */
bool rp_has_own_new(PyTypeObject *type);
/* The reduction, with the attributes that the class of the program adds (a defaultdict with a
 * name). Takes over `reduced`; new reference, or NULL with an exception. */
PyObject *rp_with_attributes(PyObject *object, PyObject *reduced);
#endif
