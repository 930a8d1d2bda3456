/* chp.track(object): an object whose state is saved and restored in place.
 *
 * With state_dict()/load_state_dict(): through these. list, dict, set, bytearray, numpy array: in
 * place. With __dict__ or __slots__: attribute by attribute; attributes that can't be saved are
 * reported like locals and keep their fresh value. */
#ifndef RP_TRACK_H
#define RP_TRACK_H

#include "stream.h"

typedef struct rp_tracked {
    PyObject *label;  /* str: the argument or variable name when it is one of the owner's locals,
                         else "tracked 0" .. */
    PyObject *object; /* strong */
} rp_tracked;

/* 1: restored in place without being tracked: it has state_dict() and load_state_dict(), or is a
 * torch.Generator or a tensor of torch that collects gradients. 0: not. -1: exception. */
int rp_track_is_placed(rp_module_state *state, PyObject *object);
/* list, dict, set, bytearray, numpy array: the value itself is restored into it. */
bool rp_track_is_container(PyObject *object);
/* Name -> value of the attributes in __dict__ and __slots__, new reference; no user code runs. */
PyObject *rp_track_attributes(PyObject *object);
/* 0, or -1 with TypeError for an object that has no state to save, naming the cure. */
int rp_track_check(rp_module_state *state, PyObject *object);
/* Writes the value of label `label` in section "tracked" (the caller has written the key): one item
 * in any case. What can't be saved is appended to the list `problems` as str. -1: exception, also
 * of state_dict(). */
int rp_track_put(rp_module_state *state, PyObject *object, const char *label, rp_encoder *encoder,
                 PyObject *problems);
/* Writes an item that says that the state could not be saved. */
int rp_track_put_failed(rp_encoder *encoder);
/* Reads such an item; changes nothing yet. `object` is the one of this process with the same label,
 * NULL when there is none. New reference, only to be handed to rp_track_restore. */
PyObject *rp_track_get(rp_module_state *state, PyObject *object, rp_decoder *decoder);
/* Puts the state into the object. Only load_state_dict() runs user code: call this for every
 * tracked object before anything else is changed, and before rp_decoder_commit, which fills
 * containers and arrays. 0, or -1 with the exception of user code. */
int rp_track_restore(rp_module_state *state, PyObject *object, PyObject *value);
/* The state as it is now, for rp_track_restore if what follows fails: a copy that shares nothing.
 * New reference, or NULL with the exception of state_dict(), or when there is no memory for it. */
PyObject *rp_track_backup(rp_module_state *state, PyObject *object);
#endif
