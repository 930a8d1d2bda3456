/* Looking up by a C string, with failures told from absence. */
#ifndef RP_LOOKUP_H
#define RP_LOOKUP_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* 1: *value is a new reference. 0: there is none. -1: exception. */
int rp_dict_find(PyObject *dict, const char *key, PyObject **value);
/* An imported module, never importing it: as above. */
int rp_module_find(const char *name, PyObject **module);
/* `object.name is other`? 1, 0, or -1 with an exception; no such attribute is 0. */
int rp_attribute_is(PyObject *object, const char *name, PyObject *other);
/* What the class or its bases have under that name, as it stands there; borrowed, or NULL without
 * an exception. */
PyObject *rp_class_attribute(PyTypeObject *type, const char *name);
/* "module.qualified.name" of a class or function, new reference. */
PyObject *rp_full_name(PyObject *object);
/* module.function(argument) of a module of our own, which no tracer or profiler sees. */
PyObject *rp_call_unseen(const char *module_name, const char *function, PyObject *argument);
#endif
