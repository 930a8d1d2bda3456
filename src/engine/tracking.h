/* Which chunks of large arrays are unchanged since the last save, as the kernel tells of their
 * pages: those are neither read nor hashed. */
#ifndef RS_ENGINE_TRACKING_H
#define RS_ENGINE_TRACKING_H

#include "store/file.h"

typedef struct rs_tracking rs_tracking;

/* Below, hashing is as fast. */
#define RS_TRACKED_SIZE_MIN (UINT64_C(1) << 20)

/* NULL: not on this system, and `*why` says what is missing: everything is hashed, as without. */
rs_tracking *rs_tracking_new(const char **why);
void rs_tracking_free(rs_tracking *tracking); /* NULL is allowed */

/* To be called right before the save of these blobs, whose memory nobody writes meanwhile. Answers
 * what is known of each of them (`count` of it, valid until the next call), or NULL: nothing. Never
 * of blob 0, and of small ones. */
const rs_unchanged *rs_tracking_look(rs_tracking *tracking, const rs_blob *blobs, size_t count,
                                     uint32_t chunk_size);
/* The save of the blobs that were looked at last is generation `generation` now; 0: it failed, and
 * what had changed before it still counts as changed. */
void rs_tracking_settle(rs_tracking *tracking, uint64_t generation);
#endif
