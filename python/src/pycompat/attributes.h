/* The attributes of an object that has no dict yet: CPython keeps them in an array. */
#ifndef RP_PYCOMPAT_ATTRIBUTES_H
#define RP_PYCOMPAT_ATTRIBUTES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum { RP_ATTRIBUTES_MAX = 30 };

typedef struct rp_attributes {
    PyObject *names[RP_ATTRIBUTES_MAX], *values[RP_ATTRIBUTES_MAX]; /* borrowed, in their order */
} rp_attributes;

/* Their number; -1: the object has a dict, or this kind of object none. Makes none. */
Py_ssize_t rp_attributes_of(PyObject *object, rp_attributes *to);
/* The dict of the object when it has made one: borrowed, else NULL. Only after the above gave -1.
 */
PyObject *rp_attributes_dict(PyObject *object);
#endif
