/* Tests of src/store/plan.c: how blobs are cut into chunks, and which of them are to be written. */
#include "store/file_internal.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 4096u

static uint8_t bytes[5 * CHUNK];
static rs_known_pages pages; /* chunks of one page are not remembered */

static rs_plan make_plan(const rs_table *previous, const rs_blob *blobs, size_t count) {
    rs_meta meta = {0};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = count};
    rs_plan plan;
    rs_error error;
    rs_planning how = {.previous = previous, .generation = 1, .chunk_size = CHUNK, .pages = &pages};
    assert_int_equal(rs_plan_make(&how, &snapshot, &plan, &error), RESUME_OK);
    return plan;
}

static int fill_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(1 + i / CHUNK);
    return 0;
}

static void test_plan__sizes_of_chunks(void **state) {
    (void)state;
    static const struct {
        size_t size, chunks;
        uint32_t last;
    } cases[] = {
        {0, 0, 0},         {1, 1, 1},         {CHUNK - 1, 1, CHUNK - 1},
        {CHUNK, 1, CHUNK}, {CHUNK + 1, 2, 1}, {5 * CHUNK, 5, CHUNK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rs_blob blob = {bytes, cases[i].size, 0};
        rs_plan plan = make_plan(NULL, &blob, 1);
        assert_int_equal(plan.table.blob_count, 1);
        assert_int_equal(plan.table.entry_count, cases[i].chunks);
        assert_int_equal(plan.table.blobs[0].element_size, 1);
        assert_int_equal(plan.raw_size, cases[i].size);
        assert_true(plan.bound >= cases[i].size);
        if (cases[i].chunks)
            assert_int_equal(plan.table.entries[cases[i].chunks - 1].raw_size, cases[i].last);
        rs_plan_release(&plan);
    }
}

/* What is said to be unchanged is neither read nor hashed. */
static void test_plan__unchanged_chunks_are_taken_as_they_were(void **state) {
    (void)state;
    static uint8_t other[5 * CHUNK];
    rs_blob before[] = {{bytes, CHUNK, 1}, {bytes, 5 * CHUNK, 8}, {other, CHUNK, 8}};
    rs_plan first = make_plan(NULL, before, 3);
    for (uint64_t i = 0; i < 6; i++) { /* as if written */
        first.table.entries[i].offset = 65536 * (i + 1);
        first.table.entries[i].stored_size = CHUNK;
    }
    memset(other, 99, sizeof other);
    rs_blob now[] = {{bytes, CHUNK, 1}, {bytes, CHUNK, 8}, {other, 5 * CHUNK, 8}};
    const uint64_t all_but_the_second = 0x1d, zero = 1;
    rs_unchanged known[] = {{0}, {7, 2, &zero}, {7, 1, &all_but_the_second}};
    rs_meta meta = {0};
    rs_snapshot snapshot = {.meta = &meta, .blobs = now, .blob_count = 3, .unchanged = known};
    rs_plan plan;
    rs_error error;
    rs_planning how = {
        .previous = &first.table, .generation = 7, .chunk_size = CHUNK, .pages = &pages};
    assert_int_equal(rs_plan_make(&how, &snapshot, &plan, &error), RESUME_OK);
    assert_int_equal(plan.reused, 5); /* and the object stream */
    assert_int_equal(plan.zeros, 1);
    for (uint64_t i = 0; i < 5; i++) {
        bool is_same = memcmp(&plan.table.entries[2 + i], &first.table.entries[1 + i],
                              sizeof(rs_chunk_entry)) == 0;
        assert_int_equal(is_same, i != 1);
    }
    assert_int_equal(plan.table.entries[3].offset, 0); /* to be written */
    rs_plan_release(&plan);
    /* of another generation, blob or size, and without a table: everything is looked at */
    const rs_unchanged wrong[] = {{8, 1, &all_but_the_second},
                                  {0, 1, &all_but_the_second},
                                  {7, 3, &all_but_the_second},
                                  {7, 0, &all_but_the_second}};
    for (size_t i = 0; i < 5; i++) {
        if (i < 4) known[2] = wrong[i];
        if (i == 4) known[2] = (rs_unchanged){7, 1, &all_but_the_second};
        known[1] = (rs_unchanged){0};
        if (i == 4) how.previous = NULL;
        assert_int_equal(rs_plan_make(&how, &snapshot, &plan, &error), RESUME_OK);
        for (uint64_t j = 0; j < 5; j++)
            assert_int_equal(plan.table.entries[2 + j].offset, 0);
        rs_plan_release(&plan);
    }
    rs_plan_release(&first);
}

static void test_plan__zeros_and_known_chunks_are_done(void **state) {
    (void)state;
    static uint8_t zeros[CHUNK];
    rs_blob blobs[] = {{bytes, 2 * CHUNK, 1}, {zeros, CHUNK, 8}, {bytes + 4 * CHUNK, CHUNK, 4}};
    rs_plan first = make_plan(NULL, blobs, 2);
    assert_int_equal(first.zeros, 1);
    assert_int_equal(first.reused, 0);
    assert_int_equal(first.table.entries[2].coding, RS_CHUNK_ZERO);
    for (uint64_t i = 0; i < 2; i++) { /* as if written */
        first.table.entries[i].offset = 65536 * (i + 1);
        first.table.entries[i].stored_size = CHUNK;
    }
    rs_plan second = make_plan(&first.table, blobs, 3);
    assert_int_equal(second.reused, 2);
    assert_int_equal(second.zeros, 1);
    assert_int_equal(second.table.entries[1].offset, 2 * 65536);
    assert_int_equal(second.table.entries[3].offset, 0); /* to be written */
    assert_int_equal(second.bound, CHUNK);
    rs_plan_release(&first);
    rs_plan_release(&second);
}

static void test_plan__content_that_moves_is_found(void **state) {
    (void)state;
    rs_blob blob = {bytes, 5 * CHUNK, 1};
    rs_plan first = make_plan(NULL, &blob, 1);
    for (uint64_t i = 0; i < 5; i++)
        first.table.entries[i].offset = 65536 * (i + 1);
    rs_blob moved[] = {{bytes + 3 * CHUNK, 2 * CHUNK, 1}, {bytes, CHUNK, 1}};
    rs_plan second = make_plan(&first.table, moved, 2);
    assert_int_equal(second.reused, 3);
    assert_int_equal(second.bound, 0);
    rs_plan_release(&first);
    rs_plan_release(&second);
}

static void test_plan__more_bytes_than_a_number_holds(void **state) {
    (void)state;
    rs_meta meta = {0};
    rs_error error = {0};
    rs_blob blobs[] = {{bytes, CHUNK, 1}, {bytes, UINT64_MAX - CHUNK + 1, 1}}; /* never read */
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_plan plan;
    rs_planning how = {.chunk_size = CHUNK, .pages = &pages};
    assert_int_equal(rs_plan_make(&how, &snapshot, &plan, &error), RESUME_LIMIT);
    assert_null(plan.table.blobs);
}

static void check_copies(rs_plan *first, uint64_t room) {
    static uint8_t zeros[CHUNK];
    rs_blob blobs[] = {{bytes, 3 * CHUNK + 5, 1}, {zeros, CHUNK, 8}};
    rs_staging staging = {0};
    rs_staging_begin(&staging, room);
    rs_meta meta = {0};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_planning how = {
        .previous = &first->table, .chunk_size = CHUNK, .pages = &pages, .staging = &staging};
    rs_plan plan;
    rs_error error;
    assert_int_equal(rs_plan_make(&how, &snapshot, &plan, &error), RESUME_OK);
    assert_int_equal(plan.borrows, room == 0);
    assert_null(plan.sources[1].bytes); /* in the file */
    assert_null(plan.sources[4].bytes); /* zeros */
    static const uint64_t written[] = {0, 2, 3};
    for (uint64_t i = 0; i < 3; i++) {
        const uint8_t *from = bytes + written[i] * CHUNK;
        const rs_source *source = &plan.sources[written[i]];
        assert_int_equal(source->bytes != from, room > 0);
        assert_int_equal(source->is_copy, room > 0);
        assert_memory_equal(source->bytes, from, i < 2 ? CHUNK : 5);
    }
    rs_plan_release(&plan);
    rs_staging_release(&staging);
}

/* Everything that is to be written has a copy, if there is room; nothing else has one. */
static void test_plan__copies_what_is_to_be_written(void **state) {
    (void)state;
    rs_blob blob = {bytes, 3 * CHUNK + 5, 1};
    rs_plan first = make_plan(NULL, &blob, 1);
    assert_true(first.borrows);
    first.table.entries[1].offset = 65536; /* as if it alone was written */
    for (uint64_t i = 0; i < 4; i++) {
        assert_ptr_equal(first.sources[i].bytes, bytes + i * CHUNK);
        if (i != 1) first.table.entries[i].raw_size = CHUNK - 1;
    }
    check_copies(&first, 0);
    check_copies(&first, UINT64_C(1) << 20);
    rs_plan_release(&first);
}

/* Of a chunk that is written as a patch only the pages that have changed. */
static void test_plan__copies_the_pages_of_a_patch(void **state) {
    (void)state;
    enum { SIZE = 256 << 10, PAGES = SIZE / RS_PAGE_SIZE };
    uint8_t *array = malloc(SIZE);
    assert_non_null(array);
    for (size_t i = 0; i < SIZE; i++)
        array[i] = (uint8_t)(i / 251 + i);
    rs_blob blob = {array, SIZE, 8};
    rs_meta meta = {0};
    rs_snapshot snapshot = {.meta = &meta, .blobs = &blob, .blob_count = 1};
    rs_known_pages own = {0};
    rs_staging staging = {0};
    rs_planning how = {.chunk_size = SIZE, .pages = &own};
    rs_plan first, second;
    rs_error error;
    assert_int_equal(rs_plan_make(&how, &snapshot, &first, &error), RESUME_OK);
    first.table.entries[0].offset = 65536; /* as if written */
    first.table.entries[0].stored_size = SIZE;
    how.previous = &first.table;
    how.staging = &staging;
    rs_staging_begin(&staging, UINT64_C(1) << 20);
    array[3 * RS_PAGE_SIZE]++;
    array[PAGES * RS_PAGE_SIZE - 1]++;
    assert_int_equal(rs_plan_make(&how, &snapshot, &second, &error), RESUME_OK);
    assert_non_null(second.sources[0].change);
    assert_true(second.sources[0].is_copy);
    assert_false(second.borrows);
    assert_int_equal(second.sources[0].change->size, 2 * RS_PAGE_SIZE);
    assert_int_equal(second.bound, 2 * RS_PAGE_SIZE + RS_PATCH_SIZE_MAX);
    const uint8_t *copy = second.sources[0].bytes;
    assert_memory_equal(copy, array + 3 * RS_PAGE_SIZE, RS_PAGE_SIZE);
    assert_memory_equal(copy + RS_PAGE_SIZE, array + SIZE - RS_PAGE_SIZE, RS_PAGE_SIZE);
    rs_plan_release(&first);
    rs_plan_release(&second);
    rs_staging_release(&staging);
    rs_known_pages_release(&own);
    free(array);
}

/* Large blobs are looked at by several threads: the plan is the same. */
static void test_plan__of_a_crew_is_the_same(void **state) {
    (void)state;
    enum { SIZE = 24 << 20, FEW = 3 * CHUNK };
    uint8_t *large = malloc(SIZE);
    assert_non_null(large);
    for (size_t i = 0; i < SIZE; i += 8) {
        uint64_t word = i / (5 * CHUNK) % 7 == 0 ? 0 : i / (2 * CHUNK) * 0x9e3779b97f4a7c15u;
        memcpy(large + i, &word, 8);
    }
    rs_blob blobs[] = {{bytes, FEW, 1},
                       {large, SIZE / 2 - 7, 8},
                       {bytes, 0, 1},
                       {bytes, 0, 1},
                       {large + SIZE / 2, SIZE / 2, 8}};
    rs_meta meta = {0};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 5};
    rs_planning how = {.chunk_size = CHUNK, .pages = &pages};
    rs_plan alone, many;
    rs_error error;
    assert_int_equal(rs_plan_make(&how, &snapshot, &alone, &error), RESUME_OK);
    rs_staging staging = {0};
    rs_staging_begin(&staging, 2 * SIZE);
    how.staging = &staging;
    how.processors = RS_CREW_MAX + 3;
    assert_int_equal(rs_plan_make(&how, &snapshot, &many, &error), RESUME_OK);
    assert_true(alone.zeros > 100);
    assert_int_equal(alone.zeros, many.zeros);
    assert_int_equal(alone.bound, many.bound);
    assert_int_equal(alone.reused, many.reused);
    assert_false(many.borrows);
    assert_int_equal(alone.table.entry_count, many.table.entry_count);
    for (uint64_t i = 0; i < alone.table.entry_count; i++) {
        const rs_chunk_entry *entry = &alone.table.entries[i];
        const rs_source *source = &many.sources[i];
        assert_memory_equal(entry, &many.table.entries[i], sizeof *entry);
        assert_int_equal(!alone.sources[i].bytes, !source->bytes);
        if (!source->bytes) continue;
        assert_ptr_not_equal(source->bytes, alone.sources[i].bytes);
        assert_memory_equal(source->bytes, alone.sources[i].bytes, entry->raw_size);
    }
    rs_plan_release(&many);
    rs_staging_clear(&staging);
    rs_staging_begin(&staging, 5 << 20); /* not enough for all */
    assert_int_equal(rs_plan_make(&how, &snapshot, &many, &error), RESUME_OK);
    uint64_t copies = 0;
    for (uint64_t i = 0; i < many.table.entry_count; i++)
        copies += many.sources[i].is_copy;
    assert_true(many.borrows);
    assert_in_range(copies, (1 << 20) / CHUNK, (10 << 20) / CHUNK);
    rs_plan_release(&alone);
    rs_plan_release(&many);
    rs_staging_release(&staging);
    free(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__sizes_of_chunks),
        cmocka_unit_test(test_plan__copies_what_is_to_be_written),
        cmocka_unit_test(test_plan__copies_the_pages_of_a_patch),
        cmocka_unit_test(test_plan__of_a_crew_is_the_same),
        cmocka_unit_test(test_plan__unchanged_chunks_are_taken_as_they_were),
        cmocka_unit_test(test_plan__zeros_and_known_chunks_are_done),
        cmocka_unit_test(test_plan__content_that_moves_is_found),
        cmocka_unit_test(test_plan__more_bytes_than_a_number_holds),
    };
    return cmocka_run_group_tests(tests, fill_bytes, NULL);
}
