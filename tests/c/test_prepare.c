/* Tests of src/store/prepare.c: a save that was prepared is what the memory held then. */
#include "alloc_fail.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const rs_commit_options options = {.keep = {.last = 2}};

/* The memory is overwritten between the two steps, unless some of it is still needed. */
static resume_status save_in_steps(store_place *place, sample_shape shape, uint64_t version,
                                   uint64_t room, bool *borrows) {
    sample_data sample;
    rs_prepared *prepared;
    sample_make(&sample, shape, version);
    resume_status status =
        rs_file_prepare(place->file, &sample.snapshot, &options, room, &prepared, &place->error);
    if (status == RESUME_OK) {
        *borrows = !rs_prepared_is_copied(prepared);
        for (size_t i = 0; i < sample.blob_count && !*borrows; i++)
            memset(sample.memory[i], 0xee, sample.blobs[i].size);
        status = rs_file_commit_prepared(place->file, prepared, &place->info, &place->error);
    }
    rs_prepared_free(prepared);
    sample_free(&sample);
    return status;
}

static void test_prepare__what_changes_afterwards_is_not_saved(void **state) {
    store_place *place = *state;
    store_new(place);
    for (uint64_t version = 1; version < 8; version++) {
        sample_shape shape = version % 2 ? SAMPLE_LARGE : SAMPLE_MIXED;
        bool borrows = true;
        assert_int_equal(save_in_steps(place, shape, version, 64 << 20, &borrows), RESUME_OK);
        assert_false(borrows);
        assert_int_equal(place->info.generation, version);
        store_expect(place, 0, shape, version);
    }
    store_close(place);
    store_open(place);
    store_expect(place, 0, SAMPLE_LARGE, 7);
}

static void test_prepare__without_room_the_memory_is_needed(void **state) {
    store_place *place = *state;
    store_new(place);
    for (uint64_t version = 1; version < 6; version++) {
        bool borrows = false;
        assert_int_equal(save_in_steps(place, SAMPLE_LARGE, version, version << 14, &borrows),
                         RESUME_OK);
        assert_true(borrows);
        store_expect(place, 0, SAMPLE_LARGE, version);
    }
}

/* Chunks that are counted on were in a file that is gone by now. */
static void test_prepare__file_that_is_taken_away_in_between(void **state) {
    store_place *place = *state;
    sample_data sample;
    rs_prepared *prepared;
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    sample_make(&sample, SAMPLE_MIXED, 2);
    assert_int_equal(rs_file_prepare(place->file, &sample.snapshot, &options, 64 << 20, &prepared,
                                     &place->error),
                     RESUME_OK);
    assert_int_equal(unlink(place->file_path), 0);
    assert_int_equal(rs_file_commit_prepared(place->file, prepared, &place->info, &place->error),
                     RESUME_IO);
    assert_non_null(strstr(place->error.text, "the next save writes a complete new file"));
    rs_prepared_free(prepared);
    sample_free(&sample);
    store_save(place, SAMPLE_MIXED, 3);
    assert_true(place->info.new_file);
    store_expect(place, 0, SAMPLE_MIXED, 3);
}

static void test_prepare__misuse_and_no_memory(void **state) {
    store_place *place = *state;
    rs_prepared *prepared;
    bool borrows;
    store_new(place);
    rs_snapshot nothing = {0};
    assert_int_equal(rs_file_prepare(place->file, &nothing, &options, 0, &prepared, &place->error),
                     RESUME_MISUSE);
    assert_null(prepared);
    assert_false(place->error.text[0] == 0);
    for (long nth = 1; nth < 200; nth++) {
        alloc_fail_at(nth, true);
        resume_status status = save_in_steps(place, SAMPLE_MIXED, 1, 64 << 20, &borrows);
        alloc_fail_at(0, false);
        if (status == RESUME_OK) {
            assert_true(nth > 4);
            store_expect(place, 0, SAMPLE_MIXED, 1);
            return;
        }
        assert_int_equal(status, RESUME_NO_MEMORY);
    }
    fail_msg("never enough memory");
}

/* A failed write leaves what was saved before, and the next save works. */
static void test_prepare__failed_write(void **state) {
    store_place *place = *state;
    bool borrows;
    store_new(place);
    store_save(place, SAMPLE_LARGE, 1);
    store_fail(place, FAULT_WRITE, 1, EIO);
    assert_int_equal(save_in_steps(place, SAMPLE_LARGE, 2, 64 << 20, &borrows), RESUME_IO);
    store_fail(place, FAULT_WRITE, 1, 0);
    store_expect(place, 0, SAMPLE_LARGE, 1);
    assert_int_equal(save_in_steps(place, SAMPLE_LARGE, 3, 64 << 20, &borrows), RESUME_OK);
    assert_true(place->info.new_file);
    store_expect(place, 0, SAMPLE_LARGE, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_prepare__what_changes_afterwards_is_not_saved),
        TEST(test_prepare__without_room_the_memory_is_needed),
        TEST(test_prepare__file_that_is_taken_away_in_between),
        TEST(test_prepare__misuse_and_no_memory),
        TEST(test_prepare__failed_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
