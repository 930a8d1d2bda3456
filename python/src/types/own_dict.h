/* The dict of an object that others refer to as well. */
#ifndef RP_TYPES_OWN_DICT_H
#define RP_TYPES_OWN_DICT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Something else refers to the dict of the object, or it is of another class. */
bool rp_dict_is_held(PyObject *object);
/* The reduction, with the dict of the object in its state when something else holds the dict. Takes
 * over `reduced`; new reference. */
PyObject *rp_share_dict(PyObject *object, PyObject *reduced);

/* Part of a reduction, or None: borrowed. */
PyObject *rp_part_of(PyObject *reduced, Py_ssize_t index);
/* A function of this module that a state names: new reference. */
PyObject *rp_core_function(const char *name);

/* The state that the object has by its own reduction: by the setter, or __setstate__. */
int rp_set_own_state(PyObject *object, PyObject *state, PyObject *setter);
/* _set_dict(object, (state, setter, dict)): named by saved states. */
PyObject *rp_set_dict(PyObject *module, PyObject *const *args, Py_ssize_t count);
#endif
