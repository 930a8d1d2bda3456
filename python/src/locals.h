/* Which locals are saved, and writing them back. */
#ifndef RP_LOCALS_H
#define RP_LOCALS_H

#include "checkpoint.h"

/* Of the dict `values` those that belong into a save, a new dict. */
PyObject *rp_locals_select(rp_checkpoint *self, PyObject *values);
/* The names that the owner's function (or module) can have, a new set. */
PyObject *rp_locals_names(rp_checkpoint *self, PyObject *values);
bool rp_locals_is_argument(const rp_checkpoint *self, PyObject *name);
/* Left out by skip= or only=. */
bool rp_locals_is_unwanted(const rp_checkpoint *self, PyObject *name);
#endif
