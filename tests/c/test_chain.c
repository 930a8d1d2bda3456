/* Tests of src/store/chain.c: the generations before those that are listed. */
#include "alloc_fail.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdlib.h>

#define SAVES 1600u

static void many_saves(store_place *place) {
    rs_commit_options options = {.keep = {.last = 100000}};
    rs_meta meta = {.saves = 1};
    store_new(place);
    for (uint64_t i = 1; i <= SAVES; i++) {
        rs_blob blob = {.bytes = &i, .size = sizeof i};
        rs_snapshot snapshot = {.meta = &meta, .blobs = &blob, .blob_count = 1};
        meta.saved_ns = (int64_t)i;
        assert_int_equal(
            rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
            RESUME_OK);
    }
}

static void expect_all(store_place *place, size_t count, uint64_t newest) {
    assert_int_equal(rs_file_generation_count(place->file), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(rs_file_generation(place->file, i)->number, newest - i);
}

static void test_chain__all_are_listed_when_asked_for(void **state) {
    store_place *place = *state;
    many_saves(place);
    assert_true(rs_file_generation_count(place->file) < RS_GENERATIONS_MAX);
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK);
    expect_all(place, SAVES, SAVES);
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK); /* once more */
    expect_all(place, SAVES, SAVES);
    uint64_t value = 0;
    rs_state *oldest;
    assert_int_equal(rs_file_read(place->file, SAVES - 1, &oldest, &place->error), RESUME_OK);
    assert_int_equal(rs_state_read_blob(oldest, 0, &value, &place->error), RESUME_OK);
    assert_int_equal(value, 1);
    rs_state_free(oldest);
    store_save(place, SAMPLE_SMALL, 5); /* the list is shortened by itself again */
    assert_int_equal(rs_file_generation(place->file, 0)->number, SAVES + 1);
    assert_true(rs_file_generation_count(place->file) < RS_GENERATIONS_MAX);
    store_close(place);
    store_open_reader(place);
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK);
    expect_all(place, SAVES + 1, SAVES + 1);
}

/* A policy for days must not lose what is no longer in the short list. */
static void test_chain__compaction_keeps_what_the_list_has_not(void **state) {
    store_place *place = *state;
    many_saves(place);
    rs_keep keep = {.last = SAVES};
    assert_int_equal(rs_file_compact(place->file, &keep, NULL, &place->error), RESUME_OK);
    store_close(place);
    store_open_reader(place);
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK);
    expect_all(place, SAVES, SAVES);
}

static void test_chain__ends_at_a_broken_place(void **state) {
    store_place *place = *state;
    many_saves(place);
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK);
    uint64_t offset = rs_file_generation(place->file, 1300)->segment_offset;
    rs_file_leave(place->file);
    store_close(place);
    store_flip(place->file_path, offset + 20);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD); /* it is not looked at */
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK);
    expect_all(place, 1300, SAVES);
}

/* Forged: a commit that is no older than what it stands before. */
static void test_chain__numbers_and_places_fall(void **state) {
    store_place *place = *state;
    rs_chain chain = {0};
    bool whole;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    const rs_generation newest = *rs_file_generation(place->file, 0);
    assert_int_equal(rs_chain_follow(place->file, newest.commit_offset, newest.number, 10, &chain,
                                     &whole, &place->error),
                     RESUME_OK);
    assert_false(whole);
    assert_int_equal(chain.count, 0);
    size_t size;
    uint8_t *bytes = sample_read_file(place->file_path, &size), *header = bytes;
    header += newest.segment_offset;
    rs_segment_header forged;
    const rs_header *file = rs_file_header(place->file);
    assert_true(rs_segment_header_decode(header, &file->uuid, newest.segment_offset, &forged));
    forged.previous_commit = newest.commit_offset;
    rs_segment_header_encode(&forged, &file->uuid, newest.segment_offset, header);
    sample_write_file(place->file_path, bytes, size);
    free(bytes);
    assert_int_equal(rs_chain_follow(place->file, newest.commit_offset, newest.number + 1, 10,
                                     &chain, &whole, &place->error),
                     RESUME_OK);
    assert_false(whole);
    assert_int_equal(chain.count, 0);
    rs_chain_release(&chain);
}

static void test_chain__a_full_list_is_left(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_fail(place, FAULT_READ, 1, EACCES); /* nothing is read, either */
    place->file->generation_count = RS_GENERATIONS_ALL_MAX;
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK);
    assert_int_equal(rs_file_generation_count(place->file), RS_GENERATIONS_ALL_MAX);
    place->file->generation_count = 1;
    store_fail(place, FAULT_READ, 0, 0);
}

static void test_chain__nothing_to_list(void **state) {
    store_place *place = *state;
    store_new(place);
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK);
    store_save_until(place, SAMPLE_SMALL, 2);
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_OK);
    expect_all(place, 2, 2);
}

static void test_chain__failures_leave_the_list(void **state) {
    store_place *place = *state;
    many_saves(place);
    size_t count = rs_file_generation_count(place->file);
    store_fail(place, FAULT_READ, 50, EACCES);
    assert_int_equal(rs_file_list_all(place->file, &place->error), RESUME_DENIED);
    expect_all(place, count, SAVES);
    store_fail(place, FAULT_READ, 0, 0);
    for (long n = 1;; n++) {
        alloc_fail_at(n, false);
        resume_status status = rs_file_list_all(place->file, &place->error);
        alloc_fail_at(0, false);
        if (status == RESUME_OK) break;
        assert_int_equal(status, RESUME_NO_MEMORY);
        expect_all(place, count, SAVES);
    }
    expect_all(place, SAVES, SAVES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_chain__all_are_listed_when_asked_for),
        TEST(test_chain__compaction_keeps_what_the_list_has_not),
        TEST(test_chain__ends_at_a_broken_place),
        TEST(test_chain__numbers_and_places_fall),
        TEST(test_chain__a_full_list_is_left),
        TEST(test_chain__nothing_to_list),
        TEST(test_chain__failures_leave_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
