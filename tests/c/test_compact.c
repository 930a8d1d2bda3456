/* Tests of src/store/compact.c: what is copied, when, and that nothing bad is. */
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_compact__keeps_the_newest_states(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 6);
    uint64_t before = rs_file_size(place->file);
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 3}, NULL, &place->error),
                     RESUME_OK);
    assert_true(rs_file_size(place->file) < before);
    assert_int_equal(rs_file_generation_count(place->file), 3);
    for (size_t i = 0; i < 3; i++)
        store_expect(place, i, SAMPLE_MIXED, 6 - i);
    assert_int_equal(rs_file_generation(place->file, 0)->number, 6);
    store_save(place, SAMPLE_MIXED, 7); /* appended to the new file */
    assert_false(place->info.new_file);
    assert_int_equal(place->info.generation, 7);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    for (size_t i = 0; i < 4; i++)
        store_expect(place, i, SAMPLE_MIXED, 7 - i);
}

static void test_compact__marks_do_not_count(void **state) {
    store_place *place = *state;
    rs_meta meta = {.saves = 3, .ended = true};
    rs_commit_options options = {0};
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 3);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_OK);
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 2}, NULL, &place->error),
                     RESUME_OK);
    assert_int_equal(rs_file_generation_count(place->file), 3); /* the mark, 3 and 2 */
    store_expect(place, 0, SAMPLE_SMALL, 3);
    store_expect(place, 2, SAMPLE_SMALL, 2);
    assert_int_equal(rs_file_generation(place->file, 0)->flags & RS_SEGMENT_MARK, RS_SEGMENT_MARK);
}

static void test_compact__happens_by_itself(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_LARGE, 1);
    place->file->slack = 1 << 20;
    bool compacted = false;
    uint64_t live = 0;
    for (uint64_t i = 2; i < 20; i++) {
        store_save(place, SAMPLE_LARGE, i);
        if (place->info.compacted) {
            compacted = true;
            live = place->info.file_size;
        }
        assert_string_equal(place->info.note, "");
        store_expect(place, 0, SAMPLE_LARGE, i);
        store_expect(place, 1, SAMPLE_LARGE, i - 1);
    }
    assert_true(compacted);
    assert_true(rs_file_size(place->file) <= 2 * live + place->file->slack + (2 << 20));
    store_close(place);
    store_open(place);
    store_expect(place, 0, SAMPLE_LARGE, 19);
}

static uint64_t free_now;

static int tell_free(const rs_os *os, int fd, uint64_t *free_bytes) {
    (void)os;
    (void)fd;
    *free_bytes = free_now;
    return 0;
}

/* Later there would be no room for the copy. */
static void test_compact__begins_earlier_where_little_is_free(void **state) {
    store_place *place = *state;
    place->fault.os.free_bytes = tell_free;
    store_new(place);
    uint64_t disk = 0, largest = 0, compactions = 0;
    for (uint64_t i = 1; i < 40; i++) {
        uint64_t size = rs_file_size(place->file);
        if (i == 3) disk = 8 * size;
        free_now = disk > size ? disk - size : UINT64_MAX;
        store_save(place, SAMPLE_LARGE, i);
        compactions += place->info.compacted;
        if (i > 3 && rs_file_size(place->file) > largest) largest = rs_file_size(place->file);
        assert_string_equal(place->info.note, "");
        store_expect(place, 0, SAMPLE_LARGE, i);
    }
    assert_true(compactions > 2);
    assert_true(largest < disk * 3 / 4); /* the copy of two generations fits beside it */
}

static void test_compact__unchanged_state_does_not_grow_the_file_for_ever(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    place->file->slack = 256 * 1024;
    for (uint64_t i = 2; i < 400; i++) {
        store_save(place, SAMPLE_SMALL, i);
        assert_true(rs_file_size(place->file) <= place->file->slack + 100 * 1024);
    }
}

/* What was allowed for a larger state is not allowed for a smaller one. */
static void test_compact__a_state_that_shrank_is_looked_at_again(void **state) {
    store_place *place = *state;
    store_new(place);
    place->file->slack = 1 << 30;
    store_save_until(place, SAMPLE_LARGE, 8);
    place->file->slack = 4096;
    place->file->compact_check_size = UINT64_MAX; /* as after a look at more that is kept */
    place->file->compact_check_live = 1 << 20;
    store_save(place, SAMPLE_LARGE, 9);
    assert_false(place->info.compacted);
    store_save(place, SAMPLE_SMALL, 10);
    assert_true(place->info.compacted);
    store_expect(place, 0, SAMPLE_SMALL, 10);
    store_expect(place, 1, SAMPLE_LARGE, 9);
}

static void test_compact__older_generation_that_is_bad_is_left_out(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 3);
    rs_generation older = *rs_file_generation(place->file, 1);
    store_flip(place->file_path, older.segment_offset + 300000); /* a chunk that 3 does not share */
    rs_commit_info info = {0};
    assert_int_equal(rs_file_rewrite(place->file, &(rs_keep){.last = 2}, 0, &info, &place->error),
                     RESUME_OK);
    assert_non_null(strstr(info.note, "generation 2 did not verify"));
    assert_int_equal(rs_file_generation_count(place->file), 2); /* an older one in its place */
    store_expect(place, 0, SAMPLE_LARGE, 3);
    store_expect(place, 1, SAMPLE_LARGE, 1);
}

static void test_compact__newest_generation_that_is_bad_is_refused(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 3);
    rs_generation newest = *rs_file_generation(place->file, 0);
    uint64_t size = rs_file_size(place->file);
    store_flip(place->file_path, newest.segment_offset + 300000);
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 2}, NULL, &place->error),
                     RESUME_DAMAGED);
    assert_int_equal(store_size(place->file_path), size);
    assert_int_equal(sample_count_files(place->path, ".", NULL), 0);
    store_expect(place, 1, SAMPLE_LARGE, 2);
}

static void test_compact__failure_does_not_fail_the_save(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 8);
    place->file->slack = 4096;
    /* No new file can be made. */
    fault_os_plan(&place->fault, (fault_plan){.nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = EACCES,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_OPEN)});
    store_save(place, SAMPLE_LARGE, 9);
    assert_false(place->info.compacted);
    assert_non_null(strstr(place->info.note, "can't compact"));
    fault_os_plan(&place->fault, (fault_plan){0});
    store_expect(place, 0, SAMPLE_LARGE, 9);
    store_save(place, SAMPLE_LARGE, 10); /* not tried again at once */
    assert_string_equal(place->info.note, "");
    assert_false(place->info.new_file);
}

static void test_compact__states_read_before_are_refused_not_wrong(void **state) {
    store_place *place = *state;
    rs_state *read;
    bool equal;
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 3);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 2}, NULL, &place->error),
                     RESUME_OK);
    assert_int_equal(sample_compare(read, SAMPLE_MIXED, 3, &equal, &place->error), RESUME_MISUSE);
    rs_state_free(read);
}

static void test_compact__a_torn_end_is_kept(void **state) {
    store_place *place = *state;
    static const uint8_t garbage[5000] = {1};
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 3);
    store_close(place);
    store_append(place->file_path, garbage, sizeof garbage);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_TORN);
    rs_keep keep = {.last = 1};
    assert_int_equal(rs_file_compact(place->file, &keep, NULL, &place->error), RESUME_OK);
    char name[256], path[TEMP_PATH_SIZE];
    assert_int_equal(sample_count_files(place->path, CK ".torn-", name), 1);
    assert_int_equal(store_size(temp_path(path, place->path, name)), sizeof garbage);
    store_expect(place, 0, SAMPLE_SMALL, 3);
}

static void test_compact__misuse(void **state) {
    store_place *place = *state;
    store_new(place);
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 2}, NULL, &place->error),
                     RESUME_MISUSE);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    store_open_reader(place);
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 2}, NULL, &place->error),
                     RESUME_MISUSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_compact__keeps_the_newest_states),
        TEST(test_compact__marks_do_not_count),
        TEST(test_compact__happens_by_itself),
        TEST(test_compact__begins_earlier_where_little_is_free),
        TEST(test_compact__unchanged_state_does_not_grow_the_file_for_ever),
        TEST(test_compact__a_state_that_shrank_is_looked_at_again),
        TEST(test_compact__older_generation_that_is_bad_is_left_out),
        TEST(test_compact__newest_generation_that_is_bad_is_refused),
        TEST(test_compact__failure_does_not_fail_the_save),
        TEST(test_compact__states_read_before_are_refused_not_wrong),
        TEST(test_compact__a_torn_end_is_kept),
        TEST(test_compact__misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
