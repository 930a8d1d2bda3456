/* Which objects a Checkpoint tracks, and under which labels. */
#ifndef RP_TRACKING_H
#define RP_TRACKING_H

#include "checkpoint.h"

/* The arguments of track(object, /, *, name=None): borrowed; *name is NULL when not given. */
int rp_track_parse(PyObject *args, PyObject *kwargs, PyObject **object, PyObject **name);
/* Tracks the object from now on, and gives it the state that restore() has brought for its label.
 * Without `name` (a str or NULL) the label is the variable of the owner that holds it. The object,
 * new reference. */
PyObject *rp_checkpoint_track(rp_checkpoint *self, PyObject *object, PyObject *name);
#endif
