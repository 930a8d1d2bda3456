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
/* It is tracked, under whatever label. */
bool rp_tracking_has(const rp_checkpoint *self, PyObject *object);
/* What a save writes in place: a dict label -> object, new reference. Tracked objects, and those
 * that stood in the variables at restore() (or, without one, at the first save) and still do. */
PyObject *rp_tracking_now(rp_checkpoint *self, PyObject *locals);
/* Section "places" of these objects: marks for them, and for what lies in them. */
int rp_tracking_put_places(rp_checkpoint *self, PyObject *objects, rp_encoder *encoder);
/* Section "tracked": their states. */
int rp_tracking_put(rp_checkpoint *self, PyObject *objects, rp_encoder *encoder,
                    PyObject *problems);
/* Called by restore() with the variables as they are: finds the objects, and gives those that
 * states go into: a dict label -> object, new reference. */
PyObject *rp_tracking_find(rp_checkpoint *self, PyObject *locals);

/* States that are put into objects, and how they were before. Zero-initialised: empty. */
typedef struct rp_undo_list {
    PyObject *entries; /* list of (object, state before or None) */
} rp_undo_list;
void rp_undo_release(rp_undo_list *undo);
/* Puts everything back, as far as it was kept; an exception that is set stays. */
void rp_undo(rp_checkpoint *self, rp_undo_list *undo);
/* Puts the states of `tracked` (dict label -> as of rp_track_get) into `objects`, without the
 * objects of variables in `kept` (a set, or NULL) and, in a new call, of arguments. Runs code of
 * the user. 0, or -1 with an exception; then all objects are as before. */
int rp_tracking_restore(rp_checkpoint *self, PyObject *objects, PyObject *tracked, PyObject *kept,
                        rp_undo_list *undo);
#endif
