/* The full chunk table of a generation. docs/format.md sections "TABLE" and "Blobs". */
#include "format/table.h"
#include "base/alloc.h"
#include "base/arith.h"
#include "format/header.h"
#include "format/table_parts.h"

#include <inttypes.h>

#define TABLE_HEAD_SIZE 16u

void rs_table_release(rs_table *table) {
    rs_free(table->blobs);
    rs_free(table->entries);
    *table = (rs_table){0};
}

bool rs_table_lay_out(rs_table *table, uint32_t chunk_size) {
    uint64_t next = 0;
    for (uint64_t i = 0; i < table->blob_count; i++) {
        rs_blob_entry *blob = &table->blobs[i];
        blob->first_chunk = next;
        blob->chunk_count = blob->size / chunk_size + (blob->size % chunk_size != 0);
        if (blob->chunk_count > table->entry_count - next) return false;
        next += blob->chunk_count;
    }
    return next == table->entry_count;
}

void rs_blobs_encode(const rs_table *table, rs_buffer *payload) {
    for (uint64_t i = 0; i < table->blob_count; i++) {
        uint8_t entry[RS_BLOB_ENTRY_SIZE] = {0};
        rs_store_u64(entry, table->blobs[i].size);
        rs_store_u32(entry + 8, table->blobs[i].element_size);
        rs_buffer_append(payload, entry, sizeof entry);
    }
}

resume_status rs_blobs_decode(const uint8_t *from, uint64_t count, rs_table *table,
                              rs_error *error) {
    table->blobs = rs_allocate_zeroed((size_t)count, sizeof *table->blobs);
    if (!table->blobs) return rs_fail(error, RESUME_NO_MEMORY, "no memory for the chunk table");
    table->blob_count = count;
    for (uint64_t i = 0; i < count; i++, from += RS_BLOB_ENTRY_SIZE) {
        table->blobs[i].size = rs_load_u64(from);
        table->blobs[i].element_size = rs_load_u32(from + 8);
        uint32_t flags = rs_load_u32(from + 12);
        if (flags) {
            return rs_fail(error, RESUME_UNSUPPORTED,
                           "blob %" PRIu64 " has the unknown flags %#" PRIx32
                           "; install a newer resume",
                           i, flags);
        }
    }
    return RESUME_OK;
}

static resume_status check_place(const rs_chunk_entry *entry, uint64_t file_size, rs_error *error) {
    if (entry->coding == RS_CHUNK_ZERO) return RESUME_OK;
    if (entry->offset >= RS_SEGMENTS_START && entry->offset <= file_size &&
        rs_chunk_size_in_file(entry) <= file_size - entry->offset)
        return RESUME_OK;
    return rs_fail_at(error, RESUME_DAMAGED, 0, entry->offset,
                      "a chunk of %" PRIu32 " bytes at offset %" PRIu64
                      " lies outside of the file's %" PRIu64 " bytes",
                      rs_chunk_size_in_file(entry), entry->offset, file_size);
}

resume_status rs_table_check(rs_table *table, uint32_t chunk_size, uint64_t file_size,
                             rs_error *error) {
    if (!rs_table_lay_out(table, chunk_size)) {
        return rs_fail(error, RESUME_DAMAGED,
                       "the chunk table has %" PRIu64 " chunks, which is not what its blobs need",
                       table->entry_count);
    }
    for (uint64_t b = 0; b < table->blob_count; b++) {
        const rs_blob_entry *blob = &table->blobs[b];
        uint64_t left = blob->size;
        for (uint64_t i = 0; i < blob->chunk_count; i++) {
            const rs_chunk_entry *entry = &table->entries[blob->first_chunk + i];
            uint64_t expected = rs_minimum(left, chunk_size);
            if (entry->raw_size != expected) {
                return rs_fail(error, RESUME_DAMAGED,
                               "chunk %" PRIu64 " of blob %" PRIu64 " has %" PRIu32
                               " bytes instead of %" PRIu64,
                               i, b, entry->raw_size, expected);
            }
            left -= expected;
            resume_status status = check_place(entry, file_size, error);
            if (status) return status;
        }
    }
    return RESUME_OK;
}

void rs_table_encode(const rs_table *table, rs_buffer *payload) {
    uint8_t head[TABLE_HEAD_SIZE];
    rs_store_u64(head, table->blob_count);
    rs_store_u64(head + 8, table->entry_count);
    rs_buffer_append(payload, head, sizeof head);
    rs_blobs_encode(table, payload);
    for (uint64_t i = 0; i < table->entry_count; i++) {
        uint8_t entry[RS_CHUNK_ENTRY_SIZE];
        rs_chunk_entry_encode(&table->entries[i], entry);
        rs_buffer_append(payload, entry, sizeof entry);
    }
}

bool rs_take_records(uint64_t count, uint64_t size, uint64_t *left) {
    uint64_t total;
    if (rs_multiply_overflows(count, size, &total) || total > *left) return false;
    *left -= total;
    return true;
}

static resume_status decode_full(const uint8_t *from, uint32_t chunk_size, uint64_t file_size,
                                 rs_table *table, rs_error *error) {
    uint64_t blob_count = rs_load_u64(from);
    uint64_t entry_count = rs_load_u64(from + 8);
    from += TABLE_HEAD_SIZE;
    resume_status status = rs_blobs_decode(from, blob_count, table, error);
    if (status) return status;
    from += blob_count * RS_BLOB_ENTRY_SIZE;
    table->entries = rs_allocate_array((size_t)entry_count, sizeof *table->entries);
    if (!table->entries) return rs_fail(error, RESUME_NO_MEMORY, "no memory for the chunk table");
    table->entry_count = entry_count;
    for (uint64_t i = 0; i < entry_count && !status; i++)
        status = rs_chunk_entry_decode(from + i * RS_CHUNK_ENTRY_SIZE, &table->entries[i], error);
    return status ? status : rs_table_check(table, chunk_size, file_size, error);
}

resume_status rs_table_decode(rs_slice payload, uint32_t chunk_size, uint64_t file_size,
                              rs_table *table, rs_error *error) {
    const uint8_t *from = payload.bytes;
    uint64_t left = payload.size;
    *table = (rs_table){0};
    if (!rs_take_records(1, TABLE_HEAD_SIZE, &left) ||
        !rs_take_records(rs_load_u64(from), RS_BLOB_ENTRY_SIZE, &left) ||
        !rs_take_records(rs_load_u64(from + 8), RS_CHUNK_ENTRY_SIZE, &left) || left != 0) {
        return rs_fail(error, RESUME_DAMAGED,
                       "the chunk table has %zu bytes, which is not what its counts need",
                       payload.size);
    }
    resume_status status = decode_full(from, chunk_size, file_size, table, error);
    if (status) rs_table_release(table);
    return status;
}
