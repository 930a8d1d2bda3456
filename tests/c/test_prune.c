/* Tests of src/store/prune.c: which generations of a real file a policy keeps. */
#include "alloc_fail.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOUR (INT64_C(3600) * 1000000000)
#define NOON (INT64_C(20000) * 24 * HOUR + 12 * HOUR)

static void save_at(store_place *place, sample_shape shape, uint64_t version, int64_t saved_ns) {
    sample_data sample;
    rs_commit_options options = {.keep = {.last = 1000}};
    sample_make(&sample, shape, version);
    sample.meta.saved_ns = saved_ns;
    assert_int_equal(
        rs_file_commit(place->file, &sample.snapshot, &options, &place->info, &place->error),
        RESUME_OK);
    sample_free(&sample);
}

/* Generations 1 to 6: of 10:00, 11:00, 11:30, 12:00, 12:20 and 12:40. */
static void save_six(store_place *place, sample_shape shape) {
    static const int64_t minutes[] = {-120, -60, -30, 0, 20, 40};
    store_new(place);
    for (uint64_t i = 0; i < 6; i++)
        save_at(place, shape, i + 1, NOON + minutes[i] * HOUR / 60);
}

static void expect_numbers(store_place *place, const uint64_t *numbers, size_t count) {
    assert_int_equal(rs_file_generation_count(place->file), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(rs_file_generation(place->file, i)->number, numbers[i]);
}

static void test_prune__hours_that_are_not_neighbours(void **state) {
    store_place *place = *state;
    rs_commit_info info;
    save_six(place, SAMPLE_MIXED);
    uint64_t before = rs_file_size(place->file);
    rs_keep keep = {.hourly = 3};
    assert_int_equal(rs_file_compact(place->file, &keep, &info, &place->error), RESUME_OK);
    assert_true(info.compacted && info.file_size < before);
    assert_string_equal(info.note, "");
    for (int round = 0; round < 2; round++) { /* the handle, and the file opened again */
        expect_numbers(place, (const uint64_t[]){6, 3, 1}, 3);
        store_expect(place, 0, SAMPLE_MIXED, 6);
        store_expect(place, 1, SAMPLE_MIXED, 3);
        store_expect(place, 2, SAMPLE_MIXED, 1);
        store_close(place);
        store_open(place);
        assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    }
    save_at(place, SAMPLE_MIXED, 7, NOON + HOUR);
    expect_numbers(place, (const uint64_t[]){7, 6, 3, 1}, 4);
    store_expect(place, 3, SAMPLE_MIXED, 1);
}

/* The chain of previous commits leads through what is left, without the hint as well. */
static void test_prune__the_chain_holds(void **state) {
    store_place *place = *state;
    static const uint8_t nothing[2 * RS_BLOCK_SIZE];
    save_six(place, SAMPLE_LARGE);
    rs_keep keep = {.last = 1, .hourly = 3};
    assert_int_equal(rs_file_compact(place->file, &keep, NULL, &place->error), RESUME_OK);
    store_close(place);
    size_t size;
    uint8_t *bytes = sample_read_file(place->file_path, &size);
    memcpy(bytes + RS_BLOCK_SIZE, nothing, sizeof nothing);
    sample_write_file(place->file_path, bytes, size);
    free(bytes);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    expect_numbers(place, (const uint64_t[]){6, 3, 1}, 3);
    store_expect(place, 2, SAMPLE_LARGE, 1);
}

static void test_prune__times_of_a_file_just_opened(void **state) {
    store_place *place = *state;
    rs_keep_item items[6];
    uint64_t size;
    rs_keep keep = {.hourly = 2};
    save_six(place, SAMPLE_MIXED);
    store_close(place);
    store_open_reader(place);
    uint64_t before = store_size(place->file_path);
    assert_int_equal(rs_file_choose(place->file, &keep, false, items, &size, &place->error),
                     RESUME_OK);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(items[i].kept, i == 0 || i == 3);
    assert_int_equal(items[5].saved_ns, NOON - 2 * HOUR);
    assert_int_equal(store_size(place->file_path), before); /* nothing is written */
    store_close(place);
    store_open(place);
    assert_int_equal(rs_file_compact(place->file, &keep, NULL, &place->error), RESUME_OK);
    expect_numbers(place, (const uint64_t[]){6, 3}, 2);
    uint64_t after = store_size(place->file_path); /* as was told, but for padding */
    assert_true(after < size + size / 10 && size < after + after / 10);
}

static void test_prune__another_one_takes_the_place_of_a_bad_one(void **state) {
    store_place *place = *state;
    rs_keep_item items[6];
    rs_commit_info info;
    rs_keep keep = {.last = 2};
    save_six(place, SAMPLE_MIXED);
    rs_generation fifth = *rs_file_generation(place->file, 1);
    store_flip(place->file_path, fifth.segment_offset + 200);
    assert_int_equal(rs_file_choose(place->file, &keep, false, items, NULL, &place->error),
                     RESUME_OK);
    assert_true(items[0].kept && items[1].kept && !items[2].kept);
    assert_int_equal(rs_file_choose(place->file, &keep, true, items, NULL, &place->error),
                     RESUME_OK);
    assert_true(items[0].kept && !items[1].kept && items[2].kept && !items[3].kept);
    assert_true(items[0].verified && items[1].is_bad && items[2].verified);
    assert_int_equal(rs_file_compact(place->file, &keep, &info, &place->error), RESUME_OK);
    assert_non_null(strstr(info.note, "generation 5 did not verify"));
    expect_numbers(place, (const uint64_t[]){6, 4}, 2);
    store_expect(place, 1, SAMPLE_MIXED, 4);
}

static void test_prune__the_newest_must_verify(void **state) {
    store_place *place = *state;
    rs_keep_item items[6];
    rs_keep keep = {.last = 1, .daily = 3};
    save_six(place, SAMPLE_LARGE);
    rs_generation newest = *rs_file_generation(place->file, 0);
    store_flip(place->file_path, newest.segment_offset + 300000);
    uint64_t size = store_size(place->file_path);
    assert_int_equal(rs_file_choose(place->file, &keep, true, items, NULL, &place->error),
                     RESUME_DAMAGED);
    assert_int_equal(rs_file_compact(place->file, &keep, NULL, &place->error), RESUME_DAMAGED);
    assert_int_equal(store_size(place->file_path), size);
    expect_numbers(place, (const uint64_t[]){6, 5, 4, 3, 2, 1}, 6);
    /* going back makes one that does the newest */
    assert_int_equal(rs_file_rollback(place->file, 1, &place->info, &place->error), RESUME_OK);
    assert_int_equal(rs_file_compact(place->file, &keep, NULL, &place->error), RESUME_OK);
    store_expect(place, 0, SAMPLE_LARGE, 5);
}

/* A mark says that the one before it has the same state. */
static void test_prune__a_mark_without_its_save_is_none(void **state) {
    store_place *place = *state;
    rs_meta meta = {.saved_ns = NOON, .saves = 2, .ended = true};
    rs_commit_options options = {0};
    rs_keep keep = {.last = 2};
    store_new(place);
    save_at(place, SAMPLE_SMALL, 1, 1);
    save_at(place, SAMPLE_SMALL, 2, 2);
    uint64_t second = rs_file_generation(place->file, 0)->segment_offset;
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_OK);
    save_at(place, SAMPLE_SMALL, 4, 4);
    store_flip(place->file_path, second + 10); /* in its header: the chunks are good */
    rs_file_forget_loaded(place->file);
    assert_int_equal(rs_file_compact(place->file, &keep, NULL, &place->error), RESUME_OK);
    expect_numbers(place, (const uint64_t[]){4, 3}, 2);
    assert_int_equal(rs_file_generation(place->file, 1)->flags & RS_SEGMENT_MARK, 0);
    store_expect(place, 1, SAMPLE_SMALL, 2);
}

/* Compaction by itself obeys the same policy. */
static void test_prune__a_commit_keeps_hours(void **state) {
    store_place *place = *state;
    rs_commit_options options = {.keep = {.last = 1, .hourly = 3}};
    bool compacted = false;
    store_new(place);
    for (uint64_t i = 1; i <= 40; i++) {
        sample_data sample;
        sample_make(&sample, SAMPLE_LARGE, i);
        sample.meta.saved_ns = NOON + (int64_t)i * HOUR / 4;
        assert_int_equal(
            rs_file_commit(place->file, &sample.snapshot, &options, &place->info, &place->error),
            RESUME_OK);
        sample_free(&sample);
        assert_string_equal(place->info.note, "");
        place->file->slack = 1 << 20;
        if (!place->info.compacted) continue;
        compacted = true;
        size_t count = rs_file_generation_count(place->file);
        uint64_t hour = i / 4; /* since noon; 15 minutes a save */
        assert_int_equal(count, hour >= 2 ? 3 : hour + 1);
        for (size_t j = 1; j < count; j++)
            assert_int_equal(rs_file_generation(place->file, j)->number, 4 * (hour - j) + 3);
    }
    assert_true(compacted);
}

static void test_prune__every_failure_leaves_the_file(void **state) {
    store_place *place = *state;
    rs_keep keep = {.hourly = 3};
    save_six(place, SAMPLE_MIXED);
    store_close(place);
    for (long n = 1;; n++) {
        rs_keep_item items[6];
        store_open(place);
        alloc_fail_at(n, false);
        resume_status status = rs_file_choose(place->file, &keep, true, items, NULL, &place->error);
        alloc_fail_at(0, false);
        store_close(place);
        if (status == RESUME_OK) break;
        assert_int_equal(status, RESUME_NO_MEMORY);
    }
    for (long n = 1;; n++) {
        rs_keep_item items[6];
        store_open(place);
        store_fail(place, FAULT_READ, n, EACCES);
        resume_status status = rs_file_choose(place->file, &keep, true, items, NULL, &place->error);
        store_fail(place, FAULT_READ, 0, 0);
        store_close(place);
        if (status == RESUME_OK) break;
        assert_int_equal(status, RESUME_DENIED);
    }
}

/* Each chunk that is counted is remembered: that takes memory as well. */
static void test_prune__measuring_without_memory(void **state) {
    store_place *place = *state;
    rs_keep keep = {.last = 6};
    rs_keep_item items[6];
    uint64_t size = 0, expected;
    rs_meta meta = {.saved_ns = NOON, .saves = 1};
    rs_commit_options options = {.compress = RS_COMPRESS_NEVER};
    uint64_t numbers[200];
    rs_blob blobs[200];
    for (uint64_t i = 0; i < 200; i++) {
        numbers[i] = i + 1;
        blobs[i] = (rs_blob){&numbers[i], sizeof numbers[i], 1};
    }
    store_new(place);
    assert_int_equal(
        rs_file_commit(place->file,
                       &(rs_snapshot){.meta = &meta, .blobs = blobs, .blob_count = 200}, &options,
                       &place->info, &place->error),
        RESUME_OK);
    assert_int_equal(rs_file_choose(place->file, &keep, false, items, &expected, &place->error),
                     RESUME_OK);
    resume_status status = RESUME_NO_MEMORY;
    long n = 1;
    for (; status; n++) {
        alloc_fail_at(n, false);
        status = rs_kept_measure(place->file, items, &size, &place->error);
        alloc_fail_at(0, false);
        if (status) assert_int_equal(status, RESUME_NO_MEMORY);
    }
    assert_true(n > 5); /* the index and its slots, and room for more of them, twice */
    assert_int_equal(size, expected);
}

static void test_prune__misuse(void **state) {
    store_place *place = *state;
    rs_keep keep = {.last = 1};
    store_new(place);
    assert_int_equal(rs_file_choose(place->file, &keep, false, NULL, NULL, &place->error),
                     RESUME_MISUSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_prune__hours_that_are_not_neighbours),
        TEST(test_prune__the_chain_holds),
        TEST(test_prune__times_of_a_file_just_opened),
        TEST(test_prune__another_one_takes_the_place_of_a_bad_one),
        TEST(test_prune__the_newest_must_verify),
        TEST(test_prune__a_mark_without_its_save_is_none),
        TEST(test_prune__a_commit_keeps_hours),
        TEST(test_prune__every_failure_leaves_the_file),
        TEST(test_prune__measuring_without_memory),
        TEST(test_prune__misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
