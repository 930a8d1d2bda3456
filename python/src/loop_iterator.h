/* Iterators that can be put at a position without running what stands before it. */
#ifndef RP_LOOP_ITERATOR_H
#define RP_LOOP_ITERATOR_H

#include "loader.h"

/* iter(iterable) behind its first `position` items, new reference. Iterators of builtin types jump
 * or step in C, those inside enumerate and zip are advanced one by one, sequences of other classes
 * are asked for item `position` on; of all others (generators, map, filter, files) the items are
 * made again. What is among `restored` (a list of iterators and files, or NULL), or draws from one
 * of them, stands there already. TypeError with the cure for sets, whose order no other process
 * repeats. */
PyObject *rp_iterator_over(rp_module_state *state, PyObject *iterable, Py_ssize_t position,
                           PyObject *restored);
/* The same for a loop. An iterator that came back is behind the item in progress, which came back
 * beside it, in `source` (of rp_loader_source; may be NULL): `loader` hands it out again. */
PyObject *rp_iterator_begin(rp_module_state *state, rp_loader *loader, PyObject *iterable,
                            PyObject *source, Py_ssize_t position, PyObject *restored);
#endif
