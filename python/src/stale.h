/* Variables that keep their fresh value and, in it, the fresh value of another one. */
#ifndef RP_STALE_H
#define RP_STALE_H

#include "checkpoint.h"

/* Warns about what stays (`kept`: dict name -> value; `cells`: dict name -> cell of the frame,
 * which are assigned) and leads to an object that is another one afterwards: `before` and `after`
 * are dicts name -> value. 0, or -1 with an exception: also of a warning that is an error. */
int rp_stale_tell(rp_checkpoint *self, PyObject *kept, PyObject *cells, PyObject *before,
                  PyObject *after);
#endif
