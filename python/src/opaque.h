/* resume.Opaque: an object of a file that is not trusted, as inert data. */
#ifndef RP_OPAQUE_H
#define RP_OPAQUE_H

#include "module.h"

extern PyType_Spec rp_opaque_spec;

/* An Opaque without type and state, which rp_opaque_fill gives it. NULL with an exception. */
PyObject *rp_opaque_new(rp_module_state *state);
/* `type` is a str. */
void rp_opaque_fill(PyObject *opaque, PyObject *type, PyObject *state);
bool rp_opaque_check(const rp_module_state *state, PyObject *object);
/* Borrowed. */
PyObject *rp_opaque_type(PyObject *opaque);
PyObject *rp_opaque_state(PyObject *opaque);
#endif
