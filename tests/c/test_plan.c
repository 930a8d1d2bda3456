/* Tests of src/store/plan.c: how blobs are cut into chunks, and which of them are to be written. */
#include "store/file_internal.h"
#include "testing.h"

#include <string.h>

#define CHUNK 4096u

static uint8_t bytes[5 * CHUNK];
static rs_known_pages pages; /* chunks of one page are not remembered */

static rs_plan make_plan(const rs_table *previous, const rs_blob *blobs, size_t count) {
    rs_meta meta = {0};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = count};
    rs_plan plan;
    rs_error error;
    assert_int_equal(rs_plan_make(previous, 1, CHUNK, &snapshot, &pages, &plan, &error), RESUME_OK);
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
    assert_int_equal(rs_plan_make(&first.table, 7, CHUNK, &snapshot, &pages, &plan, &error),
                     RESUME_OK);
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
        assert_int_equal(
            rs_plan_make(i < 4 ? &first.table : NULL, 7, CHUNK, &snapshot, &pages, &plan, &error),
            RESUME_OK);
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
    assert_int_equal(rs_plan_make(NULL, 0, CHUNK, &snapshot, &pages, &plan, &error), RESUME_LIMIT);
    assert_null(plan.table.blobs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan__sizes_of_chunks),
        cmocka_unit_test(test_plan__unchanged_chunks_are_taken_as_they_were),
        cmocka_unit_test(test_plan__zeros_and_known_chunks_are_done),
        cmocka_unit_test(test_plan__content_that_moves_is_found),
        cmocka_unit_test(test_plan__more_bytes_than_a_number_holds),
    };
    return cmocka_run_group_tests(tests, fill_bytes, NULL);
}
