/* `with` over the state of the process, around the place where a program goes on. */
#ifndef RP_SURROUNDINGS_H
#define RP_SURROUNDINGS_H

#include "record.h"

/* Adds [manager, state] of those around the frame whose effect is brought back, in front of those
 * in the list `taken`. *lost (new reference): the name of one whose effect can't be; NULL. 0 or -1.
 */
int rp_surroundings_take(rp_module_state *state, const rp_record *record, PyObject *taken,
                         PyObject **lost);
/* What they did to the process is done again, from the outermost inwards. 0 or -1. */
int rp_surroundings_enter(PyObject *taken);
#endif
