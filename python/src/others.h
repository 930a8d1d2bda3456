/* Unfinished calls of the same function with other arguments. */
#ifndef RP_OTHERS_H
#define RP_OTHERS_H

#include "checkpoint.h"

/* Warns once in a process of those that no live process works on; they are never overwritten. */
int rp_others_tell(rp_checkpoint *self);
#endif
