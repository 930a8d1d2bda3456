/* Copies of what a save will write later: blocks of memory, kept warm from save to save. */
#ifndef RS_STORE_STAGING_H
#define RS_STORE_STAGING_H

#include "os/crew.h"
#include "os/mutex.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rs_staging_block rs_staging_block;
/* Zero-initialised it is empty, and has room for nothing. */
typedef struct rs_staging {
    rs_mutex mutex; /* from begin to clear; guards all below but `lanes` */
    bool is_begun;
    uint64_t room;                        /* bytes of blocks that may still be taken */
    rs_staging_block *spare;              /* warm and empty */
    rs_staging_block *lanes[RS_CREW_MAX]; /* filled by one member each, the newest first */
} rs_staging;

/* Copies that take up to about `limit` bytes of memory may be made now. It has to be clear. */
void rs_staging_begin(rs_staging *staging, uint64_t limit);
/* Room for `size` bytes that stays in place until the staging is cleared; NULL when there is no
 * more, or no memory. The members of one crew may call it at once, each with its own number. */
uint8_t *rs_staging_add(rs_staging *staging, unsigned member, size_t size);
/* All copies are dropped. The memory that they took stays for the next ones; more than that, which
 * earlier ones had needed, is given back. */
void rs_staging_clear(rs_staging *staging);
void rs_staging_release(rs_staging *staging);
#endif
