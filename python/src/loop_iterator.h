/* Iterators that can be put at a position without running what stands before it. */
#ifndef RP_LOOP_ITERATOR_H
#define RP_LOOP_ITERATOR_H

#include "module.h"

/* iter(iterable) behind its first `position` items, new reference. Iterators of builtin types jump
 * or step in C, those inside enumerate and zip are advanced one by one, sequences of other classes
 * are asked for item `position` on. TypeError with the cure for what can't be continued in another
 * process: sets, generators, files, map, filter, itertools. */
PyObject *rp_iterator_over(rp_module_state *state, PyObject *iterable, Py_ssize_t position);
#endif
