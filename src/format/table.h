/* The chunk table of one generation: its blobs, and the chunks of each. docs/format.md "TABLE" and
 * "DELTA".
 *
 * A blob is a run of bytes: blob 0 is the object stream, the others are the arrays that it points
 * to by number. A blob of `size` bytes has ceil(size / chunk size) chunks; all but the last are
 * whole. */
#ifndef RS_FORMAT_TABLE_H
#define RS_FORMAT_TABLE_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "format/chunk.h"

#define RS_DELTA_DEPTH_MAX 8u

/* 16 bytes: size u64, element size u32, flags u32 (zero) */
typedef struct rs_blob_entry {
    uint64_t size;
    uint32_t element_size;
    uint64_t first_chunk; /* in memory only: index of its first entry */
    uint64_t chunk_count; /* in memory only */
} rs_blob_entry;

typedef struct rs_table {
    rs_blob_entry *blobs;
    uint64_t blob_count;
    rs_chunk_entry *entries;
    uint64_t entry_count;
} rs_table; /* zero-initialised: empty, safe to release */

void rs_table_release(rs_table *table);

/* Fills first_chunk and chunk_count of each blob from the sizes; false when the entries are not as
 * many as that needs. The encoders need both, the decoders have filled them. */
bool rs_table_lay_out(rs_table *table, uint32_t chunk_size);

/* TABLE payload: u64 blob count, u64 entry count, blobs, entries. */
void rs_table_encode(const rs_table *table, rs_buffer *payload);
/* `file_size` bounds offsets. DAMAGED, LIMIT, NO_MEMORY; never allocates by a count that the
 * payload's size does not back. */
resume_status rs_table_decode(rs_slice payload, uint32_t chunk_size, uint64_t file_size,
                              rs_table *table, rs_error *error);

/* DELTA payload: u64 offset of the base's segment, u32 depth (base's depth + 1, full tables have
 * 0), u32 check of the
 * base, u64 blob count, u64 entry count, u64 operation count, u64 literal count, blobs,
 * operations, literal entries. An operation is 16 bytes: u64 base index or UINT64_MAX for literals,
 * u64 count. Copies go forward: a base index is never below the end of the copy before. */
typedef struct rs_delta_info {
    uint64_t base_segment;
    uint32_t depth;
} rs_delta_info;
void rs_delta_encode(const rs_table *base, const rs_table *table, rs_delta_info info,
                     rs_buffer *payload);
resume_status rs_delta_info_decode(rs_slice payload, rs_delta_info *info, rs_error *error);
resume_status rs_delta_decode(rs_slice payload, const rs_table *base, uint32_t chunk_size,
                              uint64_t file_size, rs_table *table, rs_error *error);

/* Finds chunks of a table by content, so that unchanged ones are referenced and not written again.
 * Holds copies of the entries, at most one of each content, none of ZERO chunks. What `find` gives
 * is valid until the next `add`. */
typedef struct rs_chunk_index rs_chunk_index;
resume_status rs_chunk_index_new(const rs_table *table, rs_chunk_index **index, rs_error *error);
resume_status rs_chunk_index_add(rs_chunk_index *index, const rs_chunk_entry *entry,
                                 rs_error *error); /* copied */
const rs_chunk_entry *rs_chunk_index_find(const rs_chunk_index *index, rs_hash128 hash,
                                          uint32_t raw_size);
void rs_chunk_index_free(rs_chunk_index *index);
#endif
