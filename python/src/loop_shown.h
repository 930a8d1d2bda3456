/* A progress bar around a chp.loop: where it begins. */
#ifndef RP_LOOP_SHOWN_H
#define RP_LOOP_SHOWN_H

#include "module.h"

/* Called where iter(loop) is: a tqdm that begins to iterate counts from `position` on. 0 or -1. */
int rp_loop_tell_bar(Py_ssize_t position);
#endif
