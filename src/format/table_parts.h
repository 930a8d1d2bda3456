/* What table.c and delta.c share: the parts of a chunk table that are coded alike. */
#ifndef RS_FORMAT_TABLE_PARTS_H
#define RS_FORMAT_TABLE_PARTS_H

#include "format/table.h"

#define RS_BLOB_ENTRY_SIZE 16u

void rs_blobs_encode(const rs_table *table, rs_buffer *payload);
/* `count` blob entries, already known to be there. On failure the table holds what must be
 * released. */
resume_status rs_blobs_decode(const uint8_t *from, uint64_t count, rs_table *table,
                              rs_error *error);
/* Lays the table out and checks that the chunks are just those that the blobs need, and lie inside
 * the file. */
resume_status rs_table_check(rs_table *table, uint32_t chunk_size, uint64_t file_size,
                             rs_error *error);
/* Takes `count` records of `size` bytes off *left; false when they are not there. */
bool rs_take_records(uint64_t count, uint64_t size, uint64_t *left);
#endif
