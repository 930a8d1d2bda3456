/* chp.loop over a loader of batches: what it takes to stand at the same batch again.
 *
 * A DataLoader of torch draws its order when its iterator is made. So the generators (the global
 * ones, and those in the loader) are kept as they stood then; to go on, they are put back, the
 * iterator is made, what was handed out is skipped, and they are set as they stood at the save. A
 * loader with state_dict() and load_state_dict() is asked for its own position instead. */
#ifndef RP_LOADER_H
#define RP_LOADER_H

#include "module.h"

/* Zero-initialised: none. */
typedef struct rp_loader {
    PyObject *iterable; /* strong; NULL: the loop is over something else */
    bool tells_state;   /* it has a state_dict() */
    PyObject *made;     /* generators when the iterator was made */
    PyObject *loaded;   /* the state it was given, until it hands out an item of its own */
    PyObject *item;     /* the one that was handed out last */
    bool is_held;       /* it is to be handed out again */
    bool keeps;         /* no loader: an iterator that may be saved itself, behind that item */
} rp_loader;

void rp_loader_release(rp_loader *loader);
int rp_loader_traverse(const rp_loader *loader, visitproc visit, void *arg);
/* 1: such a loader. 0: not. -1: exception. */
int rp_loader_check(PyObject *iterable);
/* Its iterator, new reference, with `position` items finished when `source` (of a save; may be
 * NULL) is given. `random`: the global generators at the save, or NULL. Runs code of the user. */
PyObject *rp_loader_begin(rp_module_state *state, rp_loader *loader, PyObject *iterable,
                          PyObject *source, Py_ssize_t position, PyObject *random);
/* For an iterator of the program: its items are kept like batches. `source` (may be NULL): of a
 * save with which the iterator itself came back; the item in it is handed out again. 0 or -1. */
int rp_loader_keep(rp_loader *loader, PyObject *source);
/* The next item, like tp_iternext. */
PyObject *rp_loader_next(rp_loader *loader, PyObject *iterator);
/* For a save: what rp_loader_begin wants. `again`: the item that was handed out last is saved, to
 * be handed out again. A dict, or None where there is no loader. New reference. */
PyObject *rp_loader_source(rp_module_state *state, rp_loader *loader, bool again);
#endif
