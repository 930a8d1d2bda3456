/* Random chunk tables, valid for a file of TABLE_FILE_SIZE bytes. */
#ifndef SUPPORT_RANDOM_TABLE_H
#define SUPPORT_RANDOM_TABLE_H

#include "format/header.h"
#include "format/table.h"
#include "seeded.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_CHUNK_SIZE 4096u
#define TABLE_FILE_SIZE  (UINT64_C(1) << 40)

static inline rs_chunk_entry random_entry(seeded *random, uint32_t raw_size) {
    rs_chunk_entry entry = {.raw_size = raw_size, .coding = (uint8_t)seeded_below(random, 4)};
    if (entry.coding == RS_CHUNK_ZERO) return entry;
    entry.stored_size =
        entry.coding == RS_CHUNK_RAW ? raw_size : 1 + (uint32_t)seeded_below(random, raw_size);
    entry.offset = RS_SEGMENTS_START + seeded_below(random, TABLE_FILE_SIZE / 2);
    if (entry.coding == RS_CHUNK_ZSTD_SHUFFLE)
        entry.element_size = (uint8_t)(1u << seeded_below(random, 5));
    entry.hash = (rs_hash128){seeded_next(random), seeded_next(random)};
    return entry;
}

static inline rs_table random_table(seeded *random, uint64_t blobs_max, uint64_t chunks_max) {
    rs_table table = {.blob_count = seeded_below(random, blobs_max + 1)};
    table.blobs = calloc((size_t)table.blob_count + 1, sizeof *table.blobs);
    for (uint64_t i = 0; i < table.blob_count; i++) {
        table.blobs[i].size = seeded_below(random, chunks_max * TABLE_CHUNK_SIZE);
        table.blobs[i].element_size = 1u << seeded_below(random, 5);
        table.entry_count += (table.blobs[i].size + TABLE_CHUNK_SIZE - 1) / TABLE_CHUNK_SIZE;
    }
    table.entries = calloc((size_t)table.entry_count + 1, sizeof *table.entries);
    rs_table_lay_out(&table, TABLE_CHUNK_SIZE);
    for (uint64_t b = 0; b < table.blob_count; b++) {
        const rs_blob_entry *blob = &table.blobs[b];
        for (uint64_t c = 0; c < blob->chunk_count; c++) {
            uint64_t left = blob->size - c * TABLE_CHUNK_SIZE;
            table.entries[blob->first_chunk + c] =
                random_entry(random, left < TABLE_CHUNK_SIZE ? (uint32_t)left : TABLE_CHUNK_SIZE);
        }
    }
    return table;
}

static inline void assert_entries_equal(const rs_chunk_entry *a, const rs_chunk_entry *b) {
    uint8_t first[RS_CHUNK_ENTRY_SIZE], second[RS_CHUNK_ENTRY_SIZE];
    rs_chunk_entry_encode(a, first);
    rs_chunk_entry_encode(b, second);
    assert_memory_equal(first, second, RS_CHUNK_ENTRY_SIZE);
}

static inline void assert_tables_equal(const rs_table *a, const rs_table *b) {
    assert_int_equal(a->blob_count, b->blob_count);
    assert_int_equal(a->entry_count, b->entry_count);
    for (uint64_t i = 0; i < a->blob_count; i++) {
        assert_true(a->blobs[i].size == b->blobs[i].size);
        assert_int_equal(a->blobs[i].element_size, b->blobs[i].element_size);
        assert_int_equal(a->blobs[i].first_chunk, b->blobs[i].first_chunk);
        assert_int_equal(a->blobs[i].chunk_count, b->blobs[i].chunk_count);
    }
    for (uint64_t i = 0; i < a->entry_count; i++)
        assert_entries_equal(&a->entries[i], &b->entries[i]);
}
#endif
