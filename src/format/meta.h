/* META: what tools show about a generation without reading its state. docs/format.md "META".
 *
 * A CBOR map with text keys; unknown keys are ignored, missing ones are 0 or empty. Never trusted
 * for restoring. A text that is not UTF-8 (a path) is written as a byte string; one of more than
 * 8192 bytes is cut. */
#ifndef RS_FORMAT_META_H
#define RS_FORMAT_META_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>

#define RS_META_SIZE_MAX 65536u

typedef struct rs_meta {
    int64_t saved_ns;    /* "saved": time of the save, ns since 1970 */
    int64_t started_ns;  /* "started": when the call that saves first opened the checkpoint */
    int64_t running_ns;  /* "running": time spent in the call so far, over all its processes */
    uint64_t saves;      /* "saves": saves of this call so far */
    bool ended;          /* "ended": the call that saved has ended */
    int64_t pid;         /* "pid" */
    uint64_t state_size; /* "size": bytes of all blobs, uncompressed */
    uint64_t copy_of;    /* "copy_of": generation whose state a rollback made the newest; 0: none */
    uint64_t failures;   /* "failures": processes of the call that were cut off before this one */
    uint64_t cost_ns;    /* "cost": of a save to the program, expected; 0: not known */
    uint64_t pause_ns;   /* "pause": for which the save before stopped the program; 0: not known */
    uint64_t durable_ns; /* "durable": from the begin of the save before until it was durable */
    uint64_t paused_ns;  /* "paused": all pauses of the call so far, over all its processes */
    rs_slice name;       /* "name": of the checkpoint, UTF-8, not encoded */
    rs_slice program;    /* "program": absolute path of the script, or empty */
    rs_slice function;   /* "function": "module:qualified.name", or empty */
    rs_slice host;       /* "host" */
    rs_slice run;        /* "run": which run of the program an ended call was part of, or empty */
    rs_slice writer;     /* "writer": "resume 1.0.0, CPython 3.11.7" */
} rs_meta;

void rs_meta_encode(const rs_meta *meta, rs_buffer *cbor); /* failures are sticky in the buffer */
/* Slices are borrowed from `cbor`. DAMAGED, also when over RS_META_SIZE_MAX. */
resume_status rs_meta_decode(rs_slice cbor, rs_meta *meta, rs_error *error);
#endif
