/* Runs of the program: ended calls are its past only when it has ended normally (store/run.h). */
#ifndef RP_FINISHING_H
#define RP_FINISHING_H

#include "checkpoint.h"

/* The id of the run that a call of `self` ends in, begun when there is none yet in its folder;
 * NULL when it can't be begun: the call is then the past at once. Borrowed. When the process exits
 * with status 0 its runs have ended normally. */
const char *rp_run_of(rp_checkpoint *self);
/* The ended call that `self` has found belongs to a run that was cut off: this process goes on with
 * that run. False: that run has ended, is another live process's, or is unknown. */
bool rp_run_adopt(rp_checkpoint *self);
#endif
