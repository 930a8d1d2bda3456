/* chp.loop(iterable): a `for` that goes on where it stopped.
 *
 * Over sequences (list, tuple, str, bytes, range, numpy arrays, any object with __len__ and
 * __getitem__), dicts and their views, and enumerate, zip and reversed of them. Other iterables:
 * TypeError naming the cure (list(iterable)). A due sync() inside waits for the next item, so that
 * position and locals agree: the loop object calls back when it is asked for the next item. */
#ifndef RP_LOOP_H
#define RP_LOOP_H

#include "stream.h"

extern PyType_Spec rp_loop_spec;

/* A new loop object (an iterator). `number` is its place among the loops of the call (0, 1, ... in
 * order of creation), `position` the number of items already consumed (0 when fresh), `checkpoint`
 * its owner: strong reference. */
PyObject *rp_loop_new(rp_module_state *state, PyObject *checkpoint, PyObject *iterable,
                      Py_ssize_t position);
/* Items handed out so far whose body has been entered; at a save from inside tp_iternext: items
 * that are finished. */
Py_ssize_t rp_loop_position(PyObject *loop);
bool rp_loop_is_running(PyObject *loop);
/* Called by tp_iternext before it hands out an item, when the owner's due flag is set: implemented
 * by checkpoint.c. 0 or -1. */
int rp_checkpoint_save_between_items(PyObject *checkpoint);
#endif
