/* The steps of opening a checkpoint that calls with a position share with Checkpoint(). */
#ifndef RP_OPENING_H
#define RP_OPENING_H

#include "checkpoint.h"

/* Takes the place of an older one of this path, opens the file and tells what there is to tell
 * about it; another program's is refused. `frame`: of the owner, or NULL. 0 or -1. */
int rp_checkpoint_open_file_of(rp_checkpoint *self, PyFrameObject *frame);
/* restore.c: the exception that is set says how the newest generation is damaged: it is told, and
 * the one before is loaded. 0 or -1. */
int rp_checkpoint_fall_back(rp_checkpoint *self);
#endif
