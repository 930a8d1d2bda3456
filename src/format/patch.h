/* A chunk that is stored as another one, its base, and pages that replace some of its own.
 * docs/format.md "Patches". */
#ifndef RS_FORMAT_PATCH_H
#define RS_FORMAT_PATCH_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "format/chunk.h"

#define RS_PATCH_HEAD_SIZE   8u
#define RS_PATCH_EXTENT_SIZE 8u
#define RS_PATCH_SIZE_MAX    (RS_PATCH_HEAD_SIZE + RS_CHUNK_PAGES_MAX * RS_PATCH_EXTENT_SIZE)

typedef struct rs_patch {
    rs_chunk_entry base; /* RAW, ZSTD or ZSTD_SHUFFLE; its hash is not kept. Has the raw size */
    uint64_t places[RS_CHUNK_PAGES_MAX]; /* of each page in the file; 0: it is that of the base */
} rs_patch;

/* Bytes of page `page` of a chunk. */
uint32_t rs_page_size(uint32_t raw_size, size_t page);
/* A chunk without patched pages; of a PATCHED entry everything but the places. */
void rs_patch_begin(const rs_chunk_entry *base, rs_patch *patch);
/* Pages that follow each other in the file as in the chunk, from `first` on. */
size_t rs_patch_run(const rs_patch *patch, size_t first);

/* Appends the record, and fills coding, stored size and number of extents of `entry`; it has raw
 * size, hash and offset. At least one page has a place. */
void rs_patch_encode(const rs_patch *patch, rs_chunk_entry *entry, rs_buffer *record);
/* DAMAGED for what no writer makes: everything lies before the record in the file, extents rise and
 * lie in the chunk. `record` has rs_chunk_size_in_file(entry) bytes. */
resume_status rs_patch_decode(const uint8_t *record, const rs_chunk_entry *entry, rs_patch *patch,
                              rs_error *error);
#endif
