/* resume.register(): how objects of a class are saved and loaded, and classes that have moved. */
#ifndef RP_REGISTERED_H
#define RP_REGISTERED_H

#include "module.h"

/* What stands in the stream for an object of a registered class: this function and a tuple of the
 * name of the class and, when there is one, the state. */
#define RP_REGISTERED_MAKER "resume._core._registered"

/* register(cls, save=None, load=None, *, old_name=None) */
PyObject *rp_register(PyObject *module, PyObject *args, PyObject *kwargs);
/* _registered(name[, state]): the object. */
PyObject *rp_registered_make(PyObject *module, PyObject *args);
/* Objects of the class are saved by a registered function. 1, 0 or -1. */
int rp_registered_has(const rp_module_state *state, PyTypeObject *type);
/* (callable, arguments, ...) for an object of such a class, as __reduce_ex__ gives it; `newobj`:
 * copyreg.__newobj__. New reference. */
PyObject *rp_registered_reduce(const rp_module_state *state, PyObject *object, PyObject *newobj);
/* What has taken the place of "module.path": 1 and a new reference, 0: nothing, -1. */
int rp_registered_moved(const rp_module_state *state, PyObject *name, PyObject **object);
#endif
