/* Files that are not proven to be the user's own: what is trusted all the same, what is refused. */
#ifndef RP_TRUST_H
#define RP_TRUST_H

#include "checkpoint.h"
#include "stream.h"

/* trusted=["module.Class", Class]: a frozenset of names, or NULL with an exception. */
PyObject *rp_trusted_names(PyObject *given);
/* Before anything is read into the program: the folder must not be everybody's. 0 or -1. */
int rp_trust_check_folder(rp_checkpoint *self);
/* After all was read, and before anything is changed: CheckpointUntrusted when the state needed
 * classes or functions that were not trusted. 0 or -1. */
int rp_trust_check(rp_checkpoint *self, const rs_state *saved, rp_decoder *decoder);
/* After a save: why it is not signed, once in a process. 0 or -1. */
int rp_trust_tell_key(rp_checkpoint *self);
#endif
