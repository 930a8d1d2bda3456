/* Tests of src/store/rollback.c: an older generation becomes the newest, and nothing else goes. */
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <string.h>

static void expect_ok(const store_place *place, resume_status status) {
    if (status) fail_msg("status %d: %s", (int)status, place->error.text);
}

static void roll_back(store_place *place, size_t index) {
    expect_ok(place, rs_file_rollback(place->file, index, &place->info, &place->error));
}

static rs_meta meta_of(store_place *place, size_t index, rs_state **state) {
    expect_ok(place, rs_file_look(place->file, index, state, &place->error));
    return *rs_state_meta(*state);
}

static void test_rollback__is_a_commit_of_its_own(void **state) {
    store_place *place = *state;
    rs_state *old, *copy;
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 5);
    uint64_t before = store_size(place->file_path);
    int64_t now = rs_os_linux()->clock_ns(rs_os_linux());
    roll_back(place, 3); /* generation 2 */
    assert_int_equal(place->info.generation, 6);
    assert_false(place->info.new_file);
    assert_int_equal(place->info.chunks_written, 0);
    assert_true(store_size(place->file_path) <= before + 2 * RS_BLOCK_SIZE);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(rs_file_generation_count(place->file), 6);
        assert_int_equal(rs_file_generation(place->file, 0)->number, 6);
        store_expect(place, 0, SAMPLE_MIXED, 2);
        for (size_t i = 1; i < 6; i++) /* all others stay */
            store_expect(place, i, SAMPLE_MIXED, 6 - i);
        rs_meta new_meta = meta_of(place, 0, &copy), old_meta = meta_of(place, 4, &old);
        assert_int_equal(new_meta.copy_of, 2);
        assert_int_equal(old_meta.copy_of, 0);
        assert_true(new_meta.saved_ns >= now);
        assert_int_equal(new_meta.saves, old_meta.saves);
        assert_int_equal(new_meta.running_ns, old_meta.running_ns);
        assert_int_equal(new_meta.state_size, old_meta.state_size);
        assert_memory_equal(new_meta.writer.bytes, old_meta.writer.bytes, 4);
        rs_state_free(copy);
        rs_state_free(old);
        store_close(place);
        store_open(place);
        assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    }
    store_save(place, SAMPLE_MIXED, 7); /* goes on from there */
    assert_int_equal(place->info.generation, 7);
    assert_false(place->info.new_file);
    store_expect(place, 0, SAMPLE_MIXED, 7);
    store_expect(place, 1, SAMPLE_MIXED, 2);
}

static void test_rollback__and_back_again(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 3);
    roll_back(place, 2);
    store_expect(place, 0, SAMPLE_LARGE, 1);
    roll_back(place, 1);
    assert_int_equal(place->info.generation, 5);
    store_expect(place, 0, SAMPLE_LARGE, 3);
    roll_back(place, 1); /* to a copy */
    store_expect(place, 0, SAMPLE_LARGE, 1);
    rs_state *copy;
    assert_int_equal(meta_of(place, 0, &copy).copy_of, 4);
    rs_state_free(copy);
}

static void test_rollback__to_the_end_of_a_call(void **state) {
    store_place *place = *state;
    rs_meta meta = {.saves = 2, .ended = true, .run = {"0123456789abcdef", 16}};
    rs_commit_options options = {0};
    rs_state *copy;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_OK);
    store_save(place, SAMPLE_SMALL, 4);
    roll_back(place, 1);
    store_expect(place, 0, SAMPLE_SMALL, 2);
    rs_meta found = meta_of(place, 0, &copy);
    assert_true(found.ended);
    assert_int_equal(found.run.size, 16);
    rs_state_free(copy);
    /* not a mark: the one before it has another state */
    assert_int_equal(rs_file_generation(place->file, 0)->flags & RS_SEGMENT_MARK, 0);
}

/* The table is whole: damage of what was the newest does not reach it. */
static void test_rollback__does_not_build_on_the_newest(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 4);
    uint64_t newest = rs_file_generation(place->file, 0)->segment_offset;
    uint64_t size = rs_file_generation(place->file, 0)->segment_size;
    roll_back(place, 2);
    assert_int_equal(place->file->table_depth, 0);
    store_close(place);
    for (uint64_t at = newest; at < newest + size; at += 1000)
        store_flip(place->file_path, at);
    store_open(place);
    store_expect(place, 0, SAMPLE_LARGE, 2);
}

static void test_rollback__works_when_arrays_of_the_newest_are_bad(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 3);
    store_flip(place->file_path, rs_file_generation(place->file, 0)->segment_offset + 300000);
    roll_back(place, 1);
    assert_false(place->info.new_file || place->info.compacted);
    store_expect(place, 0, SAMPLE_LARGE, 2);
}

/* Found damaged at opening: the file must not be written into, and is kept. */
static void test_rollback__of_a_damaged_file_makes_a_new_one(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 4);
    store_flip(place->file_path, rs_file_generation(place->file, 0)->segment_offset + 20);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(place->recovery.taken, 3);
    uint64_t before = store_size(place->file_path);
    roll_back(place, 1);
    assert_int_equal(strncmp(place->info.aside, CK ".damaged-", strlen(CK ".damaged-")), 0);
    char aside[TEMP_PATH_SIZE];
    assert_int_equal(store_size(temp_path(aside, place->path, place->info.aside)), before);
    assert_int_equal(place->info.generation, 5); /* 4 was seen: never given twice */
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    assert_int_equal(rs_file_generation_count(place->file), 4);
    store_expect(place, 0, SAMPLE_LARGE, 2);
    for (size_t i = 1; i < 4; i++)
        store_expect(place, i, SAMPLE_LARGE, 4 - i);
}

/* A new file, and what was the newest has a bad array: it is left out, not in the way. */
static void test_rollback__into_a_new_file_without_what_is_bad(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 4);
    uint64_t newest = rs_file_generation(place->file, 0)->segment_offset;
    store_fail(place, FAULT_SYNC_DATA, 1, EIO);
    assert_int_equal(sample_commit(place->file, SAMPLE_LARGE, 5, NULL, &place->error), RESUME_IO);
    store_fail(place, FAULT_SYNC_DATA, 0, 0);
    store_flip(place->file_path, newest + 300000);
    roll_back(place, 2);
    assert_non_null(strstr(place->info.note, "generation 4 did not verify"));
    assert_int_equal(rs_file_generation_count(place->file), 4); /* the copy, 3, 2, 1 */
    store_expect(place, 0, SAMPLE_LARGE, 2);
    store_expect(place, 1, SAMPLE_LARGE, 3);
    store_close(place);
    store_open(place);
    store_expect(place, 0, SAMPLE_LARGE, 2);
}

static void test_rollback__behind_a_torn_end(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 3);
    store_close(place);
    store_cut(place->file_path, store_size(place->file_path) - 3000);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_TORN);
    assert_int_equal(place->recovery.taken, 2);
    roll_back(place, 1);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, SAMPLE_MIXED, 1);
    store_expect(place, 1, SAMPLE_MIXED, 2);
}

static void test_rollback__never_to_what_does_not_verify(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 3);
    store_flip(place->file_path, rs_file_generation(place->file, 1)->segment_offset + 300000);
    uint64_t size = store_size(place->file_path);
    assert_int_equal(rs_file_rollback(place->file, 1, &place->info, &place->error), RESUME_DAMAGED);
    assert_non_null(strstr(place->error.text, "generation 2"));
    assert_int_equal(store_size(place->file_path), size);
    assert_int_equal(rs_file_generation(place->file, 0)->number, 3);
    store_expect(place, 0, SAMPLE_LARGE, 3);
    roll_back(place, 2);
    store_expect(place, 0, SAMPLE_LARGE, 1);
}

static void test_rollback__of_more_than_the_list_has(void **state) {
    store_place *place = *state;
    rs_commit_options options = {.keep = {.last = 100000}};
    rs_meta meta = {0};
    store_new(place);
    for (uint64_t i = 1; i <= 1100; i++) {
        rs_blob blob = {.bytes = &i, .size = sizeof i};
        rs_snapshot snapshot = {.meta = &meta, .blobs = &blob, .blob_count = 1};
        meta.saved_ns = (int64_t)i;
        expect_ok(place,
                  rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error));
    }
    for (int replaces = 0; replaces <= 1; replaces++) {
        expect_ok(place, rs_file_list_all(place->file, &place->error));
        place->file->replaces = replaces == 1;
        roll_back(place, rs_file_generation_count(place->file) - 7);
        uint64_t value = 0;
        rs_state *copy;
        expect_ok(place, rs_file_read(place->file, 0, &copy, &place->error));
        expect_ok(place, rs_state_read_blob(copy, 0, &value, &place->error));
        rs_state_free(copy);
        assert_int_equal(value, 7);
    }
    expect_ok(place, rs_file_list_all(place->file, &place->error));
    assert_int_equal(rs_file_generation_count(place->file), 1102);
}

static void test_rollback__misuse(void **state) {
    store_place *place = *state;
    store_new(place);
    assert_int_equal(rs_file_rollback(place->file, 0, &place->info, &place->error),
                     RESUME_NOT_FOUND);
    store_save_until(place, SAMPLE_SMALL, 2);
    assert_int_equal(rs_file_rollback(place->file, 0, &place->info, &place->error), RESUME_MISUSE);
    assert_int_equal(rs_file_rollback(place->file, 2, &place->info, &place->error),
                     RESUME_NOT_FOUND);
    store_close(place);
    store_open_reader(place);
    assert_int_equal(rs_file_rollback(place->file, 1, &place->info, &place->error), RESUME_MISUSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_rollback__is_a_commit_of_its_own),
        TEST(test_rollback__and_back_again),
        TEST(test_rollback__to_the_end_of_a_call),
        TEST(test_rollback__does_not_build_on_the_newest),
        TEST(test_rollback__works_when_arrays_of_the_newest_are_bad),
        TEST(test_rollback__of_a_damaged_file_makes_a_new_one),
        TEST(test_rollback__into_a_new_file_without_what_is_bad),
        TEST(test_rollback__behind_a_torn_end),
        TEST(test_rollback__never_to_what_does_not_verify),
        TEST(test_rollback__of_more_than_the_list_has),
        TEST(test_rollback__misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
