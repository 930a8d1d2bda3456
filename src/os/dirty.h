/* Which pages of memory were written, as the kernel tells it: without reading them.
 *
 * Asynchronous write protection (userfaultfd) and PAGEMAP_SCAN, Linux 6.7 or later. Not seen are
 * writes through other mappings of the same memory and by devices into pinned pages (buffers
 * registered with io_uring, RDMA, CUDA), so it is for memory that the program names. */
#ifndef RS_OS_DIRTY_H
#define RS_OS_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thread at a time; writers may be any. */
typedef struct rs_dirty rs_dirty;

#define RS_DIRTY_PAGE_SIZE 4096u

/* Tries on memory of its own whether this kernel does what is relied on. NULL: it does not, and
 * `*why` says what is missing. */
rs_dirty *rs_dirty_new(const char **why);
void rs_dirty_free(rs_dirty *dirty); /* NULL is allowed; nothing is watched any more */

/* Watches the memory (whole pages). What was written before counts as written. False: it can't be
 * watched. */
bool rs_dirty_watch(rs_dirty *dirty, void *at, size_t size);
void rs_dirty_unwatch(rs_dirty *dirty, void *at, size_t size);

/* Sets bit i of `pages` (64 a word; others stay as they are) when page i may have been written
 * since it was last scanned, and watches it again. False: nothing is known, all must be taken for
 * written: it is not the memory that was watched (unmapped and mapped again, or moved), it is of a
 * file or shared, or in a forked child. */
bool rs_dirty_scan(rs_dirty *dirty, void *at, size_t size, uint64_t *pages);
#endif
