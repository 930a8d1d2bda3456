/* Tests of src/store/recover.c: which generation is taken, and how torn and damaged are told apart.
 */
#include "alloc_fail.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Offsets of the segments of a file of `count` small generations, and its end. */
static void lay_small(store_place *place, size_t count, uint64_t offsets[]) {
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, count);
    for (size_t i = 0; i < count; i++)
        offsets[i] = rs_file_generation(place->file, count - 1 - i)->segment_offset;
    offsets[count] = rs_file_size(place->file);
    store_close(place);
}

static void wipe_hints(store_place *place) {
    size_t size;
    uint8_t *bytes = sample_read_file(place->file_path, &size);
    memset(bytes + RS_BLOCK_SIZE, 0, 2 * RS_BLOCK_SIZE);
    sample_write_file(place->file_path, bytes, size);
    free(bytes);
}

/* As the process that saved it does: it knows that the save is durable. */
static void hint_newest(store_place *place) {
    store_open(place);
    place->file->unsynced = false;
    rs_file_leave(place->file);
    store_close(place);
}

static void test_recover__half_a_save_is_torn(void **state) {
    store_place *place = *state;
    uint64_t at[4];
    lay_small(place, 3, at);
    wipe_hints(place);
    store_cut(place->file_path, at[2] + 2000);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_TORN);
    assert_int_equal(place->recovery.taken, 2);
    assert_int_equal(place->recovery.end, at[2]);
    assert_non_null(strstr(place->recovery.text, "incomplete or damaged"));
    store_expect(place, 0, SAMPLE_SMALL, 2);
}

static void test_recover__bad_byte_in_the_newest_small_save_is_torn(void **state) {
    store_place *place = *state;
    uint64_t at[4];
    lay_small(place, 3, at);
    wipe_hints(place);
    store_flip(place->file_path, at[2] + 100);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_TORN);
    assert_int_equal(place->recovery.taken, 2);
}

static void test_recover__bad_byte_in_a_hinted_save_is_damage(void **state) {
    store_place *place = *state;
    uint64_t at[4];
    lay_small(place, 3, at);
    hint_newest(place);
    store_flip(place->file_path, at[2] + 100);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(place->recovery.lost, 3);
    assert_int_equal(place->recovery.taken, 2);
    assert_non_null(strstr(place->recovery.text, "generation 3"));
}

static void test_recover__file_cut_right_behind_an_older_save_is_damage(void **state) {
    store_place *place = *state;
    uint64_t at[4];
    lay_small(place, 3, at);
    hint_newest(place);
    store_cut(place->file_path, at[2]);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(place->recovery.lost, 3);
    store_expect(place, 0, SAMPLE_SMALL, 2);
}

static void test_recover__damage_in_between_is_told_and_the_newest_is_taken(void **state) {
    store_place *place = *state;
    uint64_t at[6];
    lay_small(place, 5, at);
    wipe_hints(place);
    store_flip(place->file_path, at[1] + 3); /* a header: the walk stops here */
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(place->recovery.taken, 5);
    store_expect(place, 0, SAMPLE_SMALL, 5);
    assert_non_null(strstr(place->recovery.text, "an older generation"));
}

static void test_recover__two_bad_ones_in_a_row(void **state) {
    store_place *place = *state;
    uint64_t at[6];
    lay_small(place, 5, at);
    wipe_hints(place);
    store_flip(place->file_path, at[4] + 100);
    store_flip(place->file_path, at[3] + 100);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(place->recovery.lost, 4);
    store_expect(place, 0, SAMPLE_SMALL, 3);
    char said[100]; /* why this one, and not the newer one, which was perhaps never durable */
    snprintf(said, sizeof said, "4 can't be read: the digest does not match the segment at byte %u",
             (unsigned)at[3]);
    assert_non_null(strstr(place->recovery.text, said));
    assert_null(strstr(place->recovery.text, "generation 5"));
}

static void test_recover__a_number_is_told_once(void **state) {
    store_place *place = *state;
    uint64_t at[6];
    lay_small(place, 5, at);
    wipe_hints(place);
    store_flip(place->file_path, at[4] + 100);
    store_flip(place->file_path, at[1] + 3); /* a header: no reason is told for it */
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_null(strstr(place->recovery.text, "read: generation"));
    store_expect(place, 0, SAMPLE_SMALL, 4);
}

static void test_recover__damaged_ordered_save(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 2);
    rs_generation newest = *rs_file_generation(place->file, 0);
    assert_int_equal(newest.flags & RS_SEGMENT_SELF_VERIFYING, 0);
    store_close(place);
    wipe_hints(place);
    store_flip(place->file_path, newest.segment_offset + 24); /* sizes in the header */
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(place->recovery.lost, 2);
    store_expect(place, 0, SAMPLE_LARGE, 1);
}

static void test_recover__ordered_save_without_trailer_is_torn(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 2);
    rs_generation newest = *rs_file_generation(place->file, 0);
    store_close(place);
    wipe_hints(place);
    store_flip(place->file_path, newest.commit_offset + 2);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_TORN);
    assert_int_equal(place->recovery.taken, 1);
}

static void test_recover__wrong_hints_only_cost_a_scan(void **state) {
    store_place *place = *state;
    uint64_t at[4];
    lay_small(place, 3, at);
    for (uint64_t offset = RS_BLOCK_SIZE; offset < 3 * RS_BLOCK_SIZE; offset += RS_BLOCK_SIZE)
        store_flip(place->file_path, offset + 20);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, SAMPLE_SMALL, 3);
    store_expect(place, 2, SAMPLE_SMALL, 1);
}

static void test_recover__nothing_good_is_an_error(void **state) {
    store_place *place = *state;
    uint64_t at[3];
    lay_small(place, 2, at);
    store_flip(place->file_path, at[0] + 100);
    store_flip(place->file_path, at[1] + 100);
    assert_int_equal(
        rs_file_open(place->folder, CK, false, &place->file, &place->recovery, &place->error),
        RESUME_DAMAGED);
    assert_non_null(strstr(place->error.text, CK));
    assert_null(place->file);
    store_cut(place->file_path, 3 * RS_BLOCK_SIZE);
    assert_int_equal(
        rs_file_open(place->folder, CK, true, &place->file, &place->recovery, &place->error),
        RESUME_DAMAGED);
}

/* A disk with a bad place: reads that touch it fail. */
static uint64_t bad_sector;

static int64_t read_with_bad_sector(const rs_os *os, int fd, void *to, size_t size,
                                    uint64_t offset) {
    (void)os;
    if (offset <= bad_sector && bad_sector < offset + size) return -EIO;
    return rs_os_linux()->read(rs_os_linux(), fd, to, size, offset);
}

static void test_recover__a_sector_that_cannot_be_read_is_damage(void **state) {
    store_place *place = *state;
    uint64_t at[4];
    rs_os bad_disk = *rs_os_linux();
    bad_disk.read = read_with_bad_sector;
    lay_small(place, 3, at);
    wipe_hints(place);
    uint64_t places[] = {at[2] + 10, at[2] + 600, at[3] - 10}; /* header, content, trailer */
    for (size_t i = 0; i < 3; i++) {
        bad_sector = places[i];
        place->fault.real = &bad_disk;
        store_open(place);
        /* Not torn: that would cut off what can't be read just now. */
        assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
        assert_int_equal(place->recovery.taken, 2);
        store_expect(place, 0, SAMPLE_SMALL, 2);
        store_close(place);
        place->fault.real = rs_os_linux();
        store_open(place);
        assert_int_equal(place->recovery.taken, 3);
        store_close(place);
    }
    for (uint64_t block = 1; block <= 2; block++) { /* a hint */
        bad_sector = block * RS_BLOCK_SIZE;
        place->fault.real = &bad_disk;
        rs_error_clear(&place->error);
        store_open(place);
        assert_int_equal(place->recovery.taken, 3);
        assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED); /* what else is on its way? */
        assert_non_null(strstr(place->recovery.text, "a part of it can't be read; generation 3"));
        assert_int_equal(place->error.status, RESUME_OK);
        assert_string_equal(place->error.text, "");
        store_close(place);
    }
    bad_sector = 100;
    place->fault.real = &bad_disk;
    assert_int_equal(
        rs_file_open(place->folder, CK, true, &place->file, &place->recovery, &place->error),
        RESUME_IO);
    place->fault.real = rs_os_linux();
}

static void test_recover__numbers_are_not_given_twice(void **state) {
    store_place *place = *state;
    uint64_t at[4];
    lay_small(place, 3, at);
    store_cut(place->file_path, at[2] + 2000);
    store_open(place);
    store_save(place, SAMPLE_SMALL, 9);
    assert_int_equal(place->info.generation, 4);
}

static void test_recover__torn_tail_is_kept_and_cut_off(void **state) {
    store_place *place = *state;
    uint64_t at[4];
    char name[256], path[TEMP_PATH_SIZE];
    lay_small(place, 3, at);
    wipe_hints(place);
    store_cut(place->file_path, at[2] + 2000);
    store_open(place);
    store_save(place, SAMPLE_SMALL, 4);
    assert_false(place->info.new_file);
    assert_int_equal(sample_count_files(place->path, CK ".torn-", name), 1);
    assert_int_equal(store_size(temp_path(path, place->path, name)), 2000);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, SAMPLE_SMALL, 4);
    store_expect(place, 1, SAMPLE_SMALL, 2);
}

static void test_recover__damaged_file_stays_beside_the_next_save(void **state) {
    store_place *place = *state;
    uint64_t at[6];
    char name[256], path[TEMP_PATH_SIZE];
    lay_small(place, 5, at);
    store_flip(place->file_path, at[3] + 100);
    store_flip(place->file_path, at[4] + 100);
    uint64_t size = store_size(place->file_path);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    store_save(place, SAMPLE_SMALL, 9);
    assert_true(place->info.new_file);
    assert_int_equal(sample_count_files(place->path, CK ".damaged-", name), 1);
    assert_string_equal(place->info.aside, name);
    assert_int_equal(store_size(temp_path(path, place->path, name)), size);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, SAMPLE_SMALL, 9);
}

static void test_recover__fall_back_when_an_array_is_damaged(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 3);
    rs_generation newest = *rs_file_generation(place->file, 0);
    store_close(place);
    store_flip(place->file_path, newest.segment_offset + 300000); /* a chunk */
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD); /* arrays are not looked at */
    rs_state *read;
    bool equal;
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(sample_compare(read, SAMPLE_LARGE, 3, &equal, &place->error), RESUME_DAMAGED);
    rs_state_free(read);
    assert_int_equal(rs_file_fall_back(place->file, &place->recovery, &place->error), RESUME_OK);
    assert_int_equal(place->recovery.lost, 3);
    assert_int_equal(place->recovery.taken, 2);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_null(strstr(place->recovery.text, "generation 3: "));
    store_expect(place, 0, SAMPLE_LARGE, 2);
    store_save(place, SAMPLE_LARGE, 4);
    assert_memory_equal(place->info.aside, CK ".damaged-", 11);
    store_expect(place, 0, SAMPLE_LARGE, 4);
}

/* Numbers at the end of their range would make the next save unreadable. */
static void test_recover__absurd_generation_numbers(void **state) {
    store_place *place = *state;
    uint64_t at[3];
    lay_small(place, 2, at);
    store_open(place);
    rs_uuid uuid = rs_file_header(place->file)->uuid;
    store_close(place);
    size_t size;
    uint8_t *bytes = sample_read_file(place->file_path, &size);
    rs_hint hint = {.generation = UINT64_MAX, .commit_offset = at[2] - RS_TRAILER_SIZE};
    rs_hint_encode(&hint, &uuid, bytes + rs_hint_offset(hint.generation));
    sample_write_file(place->file_path, bytes, size);
    free(bytes);
    store_open(place);
    store_save(place, SAMPLE_SMALL, 3);
    assert_int_equal(place->info.generation, 3);
    store_close(place);
    store_open(place);
    store_expect(place, 0, SAMPLE_SMALL, 3);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A tail of a terabyte of holes: looked at in bounded time and memory. */
static void test_recover__huge_sparse_tail(void **state) {
    store_place *place = *state;
    uint64_t at[3];
    lay_small(place, 2, at);
    wipe_hints(place);
    if (truncate(place->file_path, (off_t)1 << 40) != 0) skip();
    double begun = seconds_now();
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_TORN);
    assert_int_equal(place->recovery.taken, 2);
    assert_true(seconds_now() - begun < 60);
}

/* Without hints, behind a bad header: every read, and every allocation, of an opening fails. */
static void test_recover__a_search_that_fails_is_no_answer(void **state) {
    store_place *place = *state;
    uint64_t at[13];
    lay_small(place, 12, at);
    wipe_hints(place);
    store_flip(place->file_path, at[1] + 3);
    for (int allocations = 0; allocations <= 1; allocations++) {
        bool struck = true;
        for (long n = 1; struck; n++) {
            if (allocations)
                alloc_fail_at(n, true);
            else
                store_fail(place, FAULT_READ, n, ETIMEDOUT);
            resume_status status = rs_file_open(place->folder, CK, false, &place->file,
                                                &place->recovery, n % 2 ? &place->error : NULL);
            struck = allocations ? alloc_fail_count() >= n : fault_os_struck(&place->fault);
            alloc_fail_at(0, false);
            store_fail(place, FAULT_READ, n, 0);
            if (struck) {
                assert_int_equal(status, allocations ? RESUME_NO_MEMORY : RESUME_IO);
            } else {
                assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
                store_expect(place, 0, SAMPLE_SMALL, 12);
            }
            store_close(place);
        }
    }
}

/* A hostile file claims generations of many gibibytes, all bad: that is not read for ever. */
static void test_recover__gibibytes_of_bad_generations(void **state) {
    store_place *place = *state;
    uint64_t at[3], size;
    lay_small(place, 2, at);
    wipe_hints(place);
    store_open(place);
    rs_segment_header header = {
        .generation = 3, .data_size = UINT64_C(65) << 30, .records_size = 80};
    assert_false(rs_segment_size_overflows(header.data_size, header.records_size, &size));
    rs_trailer trailer = {.generation = 3, .segment_offset = at[2], .segment_size = size};
    uint8_t head[RS_SEGMENT_HEADER_SIZE], tail[RS_TRAILER_SIZE];
    uint64_t tail_at = at[2] + size - RS_TRAILER_SIZE;
    rs_segment_header_encode(&header, &place->file->header.uuid, at[2], head);
    rs_trailer_encode(&trailer, &place->file->header.uuid, tail_at, tail);
    rs_slice parts[] = {{tail, sizeof tail}, {head, sizeof head}};
    resume_status status =
        rs_fd_write_all(rs_os_linux(), place->file->fd, parts, 1, tail_at, "forged", &place->error);
    if (status) skip(); /* no such large files here */
    assert_int_equal(rs_fd_write_all(rs_os_linux(), place->file->fd, parts + 1, 1, at[2], "forged",
                                     &place->error),
                     RESUME_OK);
    store_close(place);
    assert_int_equal(
        rs_file_open(place->folder, CK, false, &place->file, &place->recovery, &place->error),
        RESUME_DAMAGED);
}

/* Numbers can be used up by a file that was made up alone: what would be written behind the last
 * one could not be read any more. */
static void test_recover__the_last_number(void **state) {
    store_place *place = *state;
    rs_meta meta = {.saves = 1};
    rs_commit_options options = {.keep = {.last = 1}};
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    place->file->next_generation = RS_GENERATION_NUMBER_MAX - 1;
    store_save(place, SAMPLE_SMALL, 2);
    store_close(place);
    store_open(place);
    assert_true(place->recovery.taken == RS_GENERATION_NUMBER_MAX - 1);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 3, NULL, &place->error),
                     RESUME_LIMIT);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_LIMIT);
    store_close(place);
    store_open(place);
    assert_true(place->recovery.taken == RS_GENERATION_NUMBER_MAX - 1);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_recover__half_a_save_is_torn),
        TEST(test_recover__bad_byte_in_the_newest_small_save_is_torn),
        TEST(test_recover__bad_byte_in_a_hinted_save_is_damage),
        TEST(test_recover__file_cut_right_behind_an_older_save_is_damage),
        TEST(test_recover__damage_in_between_is_told_and_the_newest_is_taken),
        TEST(test_recover__two_bad_ones_in_a_row),
        TEST(test_recover__a_number_is_told_once),
        TEST(test_recover__damaged_ordered_save),
        TEST(test_recover__ordered_save_without_trailer_is_torn),
        TEST(test_recover__wrong_hints_only_cost_a_scan),
        TEST(test_recover__the_last_number),
        TEST(test_recover__nothing_good_is_an_error),
        TEST(test_recover__a_sector_that_cannot_be_read_is_damage),
        TEST(test_recover__numbers_are_not_given_twice),
        TEST(test_recover__torn_tail_is_kept_and_cut_off),
        TEST(test_recover__damaged_file_stays_beside_the_next_save),
        TEST(test_recover__fall_back_when_an_array_is_damaged),
        TEST(test_recover__absurd_generation_numbers),
        TEST(test_recover__huge_sparse_tail),
        TEST(test_recover__a_search_that_fails_is_no_answer),
        TEST(test_recover__gibibytes_of_bad_generations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
