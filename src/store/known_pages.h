/* What is remembered of the pages of chunks, so that of a changed chunk only those that differ are
 * written. Nothing depends on it: what is not remembered, or not for lack of memory, is written
 * whole. */
#ifndef RS_STORE_KNOWN_PAGES_H
#define RS_STORE_KNOWN_PAGES_H

#include "format/patch.h"
#include "format/table.h"

/* Smaller chunks are always written whole. */
#define RS_PAGES_RAW_SIZE_MIN (16u * 1024u)
/* In the place of a page of a patch: it has still to be written. */
#define RS_PAGE_UNWRITTEN UINT64_MAX

/* By content. Zero-initialised it is empty. */
typedef struct rs_known_pages {
    struct rs_known_chunk **slots;
    size_t capacity, count;
} rs_known_pages;

/* How a chunk can be written as a patch. */
typedef struct rs_change {
    uint32_t size; /* of the pages that have to be written */
    rs_patch patch;
} rs_change;

void rs_known_pages_release(rs_known_pages *pages);
/* Are the pages of chunks of this size remembered? */
bool rs_known_pages_fit(uint32_t raw_size);
/* The checksums of the pages of a chunk with this checksum. */
void rs_known_pages_put(rs_known_pages *pages, rs_hash128 hash, uint32_t raw_size,
                        const rs_hash128 *of_pages);
/* NULL when they are not known. Valid until the next put or keep. */
const rs_hash128 *rs_known_pages_find(const rs_known_pages *pages, rs_hash128 hash,
                                      uint32_t raw_size);
/* Where the pages of a PATCHED chunk are, which was just written. */
void rs_known_pages_put_patch(rs_known_pages *pages, const rs_chunk_entry *entry,
                              const rs_patch *patch);
/* All places have become wrong. */
void rs_known_pages_forget_patches(rs_known_pages *pages);
/* Forgets chunks that are not in the table, now and then. */
void rs_known_pages_keep(rs_known_pages *pages, const rs_table *table);
/* A chunk with these pages as a patch of what is stored as `before`; NULL: it is better written
 * whole. Freed by the caller (rs_free). */
rs_change *rs_known_pages_compare(const rs_known_pages *pages, const rs_chunk_entry *before,
                                  const rs_hash128 *of_pages);
#endif
