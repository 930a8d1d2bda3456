/* Objects that are restored in place without being tracked: what stands where at restore(). */
#ifndef RP_PLACES_H
#define RP_PLACES_H

#include "track.h"

/* Looks through variables (dict name -> value) and what lies in them in lists, tuples, dicts and
 * attributes. A dict path -> (object, steps), new reference: the objects that track.h says are
 * placed, in the order in which they are met. `roots` (dict label -> object or NULL) are tracked:
 * their attributes are looked through, too, they themselves are no places. No user code runs. */
PyObject *rp_places_find(rp_module_state *state, PyObject *variables, PyObject *roots);
/* Those of `places` that still stand there: a dict path -> object, new reference. */
PyObject *rp_places_now(PyObject *places, PyObject *variables, PyObject *roots);
/* The variable with which a path begins, new reference. */
PyObject *rp_places_root(PyObject *steps);
#endif
