/* One open Checkpoint for each path in this process. */
#ifndef RP_REGISTRY_H
#define RP_REGISTRY_H

#include "checkpoint.h"

/* Makes `self`, whose caller is known, the one of its path. An older one whose frame has returned,
 * or is `frame` itself, is closed; one that is still in use raises CheckpointLocked. */
int rp_registry_claim(rp_checkpoint *self, PyFrameObject *frame);
void rp_registry_release(rp_checkpoint *self);
/* The open Checkpoints, a new list of strong references. */
PyObject *rp_registry_all(rp_module_state *state);
/* Some other Checkpoint is open, and the frame that made it is still running. */
bool rp_registry_others_active(rp_checkpoint *self);
/* This process has saved the checkpoint's file. */
bool rp_registry_saved_here(rp_checkpoint *self);
int rp_registry_note_save(rp_checkpoint *self);
#endif
