/* chp.track(object): an object whose state is saved and restored in place.
 *
 * With state_dict()/load_state_dict(): through these. With __dict__ or __slots__: attribute by
 * attribute; attributes that can't be saved are reported like locals and keep their fresh value.
 * list, dict, set, bytearray, numpy array: in place. */
#ifndef RP_TRACK_H
#define RP_TRACK_H

#include "stream.h"

typedef struct rp_tracked {
    PyObject *label;  /* str: the argument or variable name when it is one of the owner's locals,
                         else "tracked 0" .. */
    PyObject *object; /* strong */
} rp_tracked;

/* 0, or -1 with TypeError for an object that has no state to save, naming the cure. */
int rp_track_check(rp_module_state *state, PyObject *object);
/* The value to encode for the object: a dict (state_dict or attributes) or the object itself; new
 * reference. */
PyObject *rp_track_value(rp_module_state *state, PyObject *object);
/* Puts a decoded value into the object. */
int rp_track_restore(rp_module_state *state, PyObject *object, PyObject *value);
#endif
