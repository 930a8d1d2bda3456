/* Goes on with captured frames: builds a function for each, the innermost first, and calls the
 * outermost, which calls the next by an ordinary call of Python. */
#ifndef RP_REENTER_H
#define RP_REENTER_H

#include "capture.h"

/* Returns what the root returns. Before the first call the surroundings (a list, or NULL) are
 * entered, and both are dropped and set to NULL, so that destructors run as in a run that was never
 * interrupted.
 */
PyObject *rp_reenter(rp_module_state *state, rp_record **root, PyObject **surroundings);
#endif
