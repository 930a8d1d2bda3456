/* What lies inside an object with a state_dict(), as torch lays it out: modules, parameters,
 * buffers of a module; the parameters of an optimizer. Others have no parts. */
#ifndef RP_PARTS_H
#define RP_PARTS_H

#include "module.h"

/* A dict path -> object, new reference. */
PyObject *rp_parts_of(PyObject *object);
/* What a state_dict() leaves out of the parts: a dict of "training" (path -> bool), "requires_grad"
 * (path -> bool) and "grad" (path -> tensor), and "metadata": the attributes of the dict itself.
 * None when there is nothing of this. New reference. */
PyObject *rp_parts_settings(PyObject *object, PyObject *state_dict);
/* Puts the settings back into the parts of that path. 0, or -1 with an exception. */
int rp_parts_set(PyObject *object, PyObject *settings);
/* Gives the state dict its attributes. */
int rp_parts_set_metadata(PyObject *state_dict, PyObject *settings);
#endif
