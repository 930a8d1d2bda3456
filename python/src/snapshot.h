/* The state of a call, encoded: what one save writes. */
#ifndef RP_SNAPSHOT_H
#define RP_SNAPSHOT_H

#include "checkpoint.h"

typedef struct rp_snapshot {
    rp_encoder *encoder;
    PyFrameObject *frame; /* of the owner, NULL when it is gone */
    PyObject *locals;     /* dict of what is to be saved */
    PyObject *loaders;    /* list: what loops over loaders need */
    PyObject *tracked;    /* dict label -> object: whose states are saved */
    PyObject *skipped;    /* dict name -> reason: what can't be */
    PyObject *problems;   /* list of str: arguments and tracked objects */
} rp_snapshot;            /* zero-initialised: empty */

int rp_snapshot_take(rp_checkpoint *self, rp_snapshot *snapshot);
void rp_snapshot_release(rp_snapshot *snapshot);
#endif
