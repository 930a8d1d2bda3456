/* `with` over the state of the process, around the place where a program goes on. */
#ifndef RP_SURROUNDINGS_H
#define RP_SURROUNDINGS_H

#include "record.h"

/* What the managers of `with` in the frames did to the process is done again, from the outermost
 * inwards. `records`: a list, the root's first. 0 or -1. */
int rp_surroundings_enter(rp_module_state *state, PyObject *records);
/* *name: of a manager whose effect can't be brought back; NULL: there is none around this frame. 0
 * or -1. */
int rp_surroundings_lost(rp_module_state *state, const rp_record *record, const char **name);
#endif
