/* Tests of src/store/room.c: when zeros are kept behind the newest commit, and when they go. */
#include "store_place.h"
#include "testing.h"

#include "store/file_internal.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000000)

static int answer_in_place;
static int64_t now_ns;

static int is_in_place(const rs_os *os, int fd) {
    (void)os, (void)fd;
    return answer_in_place;
}

static int64_t monotonic(const rs_os *os) {
    (void)os;
    return now_ns;
}

/* A file system that writes in place, and a clock that stands. */
static store_place *begin(void **state) {
    store_place *place = *state;
    answer_in_place = 1;
    now_ns = 100 * SECOND;
    place->fault.os.is_in_place = is_in_place;
    place->fault.os.monotonic_ns = monotonic;
    store_new(place);
    return place;
}

static uint64_t room_of(const store_place *place) {
    uint64_t size = store_size(place->file_path);
    assert_int_equal(rs_file_size(place->file), size);
    return size - place->file->end;
}

static void save(store_place *place, uint64_t from, uint64_t to) {
    for (uint64_t version = from; version <= to; version++)
        store_save(place, SAMPLE_SMALL, version);
}

static void test_room__comes_with_the_sixth_of_quick_small_saves(void **state) {
    store_place *place = begin(state);
    save(place, 1, 5); /* the first one makes the file; four behind it are a habit */
    assert_int_equal(room_of(place), 0);
    fault_os_plan(&place->fault, (fault_plan){0});
    save(place, 6, 6);
    assert_int_equal(room_of(place), RS_ROOM_SIZE);
    assert_int_equal(place->fault.calls[FAULT_WRITE], 1);
    assert_int_equal(place->fault.calls[FAULT_SYNC_DATA], 1);
    assert_int_equal(place->info.bytes_written, 4096 + RS_ROOM_SIZE);
    save(place, 7, 7);
    assert_int_equal(room_of(place), RS_ROOM_SIZE - 4096);
    assert_int_equal(place->info.bytes_written, 4096);
    store_expect(place, 0, SAMPLE_SMALL, 7);
    store_expect(place, 1, SAMPLE_SMALL, 6);
}

static void test_room__is_made_anew_when_it_is_used_up(void **state) {
    store_place *place = begin(state);
    place->file->room_size = 16384;
    save(place, 1, 10);
    assert_int_equal(room_of(place), 0);
    save(place, 11, 11);
    assert_int_equal(room_of(place), 16384);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, SAMPLE_SMALL, 11);
}

static void test_room__not_for_slow_or_large_saves(void **state) {
    store_place *place = begin(state);
    for (uint64_t version = 1; version <= 12; version++) {
        now_ns += SECOND + 1;
        save(place, version, version);
    }
    assert_int_equal(room_of(place), 0);
    for (uint64_t version = 13; version <= 20; version++)
        store_save(place, SAMPLE_LARGE, version);
    assert_int_equal(room_of(place), 0);
}

static void test_room__not_where_file_systems_write_elsewhere(void **state) {
    for (answer_in_place = 0; answer_in_place > -2; answer_in_place--) {
        store_place *place = *state;
        place->fault.os.is_in_place = is_in_place;
        if (!place->file) store_new(place);
        save(place, 1, 12);
        assert_int_equal(room_of(place), 0);
    }
}

static void test_room__not_of_the_wrong_size(void **state) {
    store_place *place = begin(state);
    place->file->room_size = 0;
    save(place, 1, 12);
    assert_int_equal(room_of(place), 0);
}

static void test_room__is_given_back_before_closing(void **state) {
    store_place *place = begin(state);
    save(place, 1, 8);
    assert_true(room_of(place) > 0);
    rs_file_leave(place->file);
    assert_int_equal(room_of(place), 0);
    rs_file_leave(place->file);
    save(place, 9, 9); /* and made once more */
    assert_true(room_of(place) > 0);
    store_fail(place, FAULT_TRUNCATE, 1, EIO);
    rs_file_leave(place->file);
    assert_true(room_of(place) > 0);
    store_fail(place, FAULT_TRUNCATE, 1, 0);
    save(place, 10, 10);
    store_expect(place, 0, SAMPLE_SMALL, 10);
}

/* What a killed process left is cut off: the cache may show more of it than the disk has. */
static void test_room__of_a_dead_process_is_nothing_to_rely_on(void **state) {
    store_place *place = begin(state);
    save(place, 1, 8);
    store_close(place);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    assert_int_equal(place->recovery.taken, 8);
    assert_string_equal(place->recovery.text, "");
    store_close(place);
    store_open(place);
    fault_os_plan(&place->fault, (fault_plan){0});
    save(place, 9, 9);
    assert_int_equal(place->fault.calls[FAULT_TRUNCATE], 1);
    assert_int_equal(room_of(place), 0);
    assert_int_equal(sample_count_files(place->path, CK ".torn", NULL), 0);
    store_expect(place, 0, SAMPLE_SMALL, 9);
}

static void test_room__failure_of_that_cut_is_told(void **state) {
    store_place *place = begin(state);
    save(place, 1, 8);
    store_close(place);
    store_open(place);
    store_fail(place, FAULT_TRUNCATE, 1, EIO);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 9, NULL, &place->error), RESUME_IO);
    assert_non_null(strstr(place->error.text, "can't cut the end off"));
    store_fail(place, FAULT_TRUNCATE, 1, 0);
    save(place, 9, 9); /* a new file */
    store_expect(place, 0, SAMPLE_SMALL, 9);
}

/* A full disk: the save is worth the last blocks, the zeros are not. */
static void test_room__is_left_out_on_a_full_disk(void **state) {
    store_place *place = begin(state);
    save(place, 1, 5);
    store_fail(place, FAULT_WRITE, 1, ENOSPC);
    save(place, 6, 6);
    assert_int_equal(room_of(place), 0);
    store_fail(place, FAULT_WRITE, 1, 0);
    save(place, 7, 12); /* not tried again */
    assert_int_equal(room_of(place), 0);
    store_expect(place, 0, SAMPLE_SMALL, 12);
}

static void test_room__a_disk_that_is_really_full(void **state) {
    store_place *place = begin(state);
    save(place, 1, 5);
    fault_os_plan(&place->fault, (fault_plan){.calls = FAULT_BIT(FAULT_WRITE),
                                              .nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = ENOSPC,
                                              .for_ever = true});
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 6, NULL, &place->error),
                     RESUME_NO_SPACE);
    store_fail(place, FAULT_WRITE, 1, 0);
    store_expect(place, 0, SAMPLE_SMALL, 5);
    save(place, 6, 6);
    assert_int_equal(room_of(place), 0);
    /* ... and what was written of it can't be cut off */
    place->file->no_room = false;
    fault_os_plan(&place->fault,
                  (fault_plan){.calls = FAULT_BIT(FAULT_WRITE) | FAULT_BIT(FAULT_TRUNCATE),
                               .nth = 1,
                               .mode = FAULT_FAIL,
                               .os_code = ENOSPC,
                               .for_ever = true});
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 7, NULL, &place->error),
                     RESUME_NO_SPACE);
    store_fail(place, FAULT_WRITE, 1, 0);
    save(place, 7, 7); /* a new file */
    store_expect(place, 0, SAMPLE_SMALL, 7);
}

/* Without locks another process may have written where the next commit goes. */
static void test_room__what_others_wrote_into_it_stays(void **state) {
    store_place *place = begin(state);
    save(place, 1, 8);
    uint64_t end = place->file->end;
    store_flip(place->file_path, end + 7);
    save(place, 9, 9);
    assert_true(place->info.new_file);
    assert_string_equal(place->info.aside, CK "~1");
    store_expect(place, 0, SAMPLE_SMALL, 9);
    /* nor is it cut off */
    save(place, 10, 16);
    assert_true(room_of(place) > 0);
    store_flip(place->file_path, place->file->end + 7);
    rs_file_leave(place->file);
    assert_true(room_of(place) > 0);
    /* one that can't be read is not ours */
    store_fail(place, FAULT_READ, 1, EIO);
    assert_false(rs_room_is_untouched(place->file));
    store_fail(place, FAULT_READ, 1, 0);
}

/* A save that fails takes the zeros with it: what it left there must not be found. */
static void test_room__goes_with_a_failed_save(void **state) {
    store_place *place = begin(state);
    save(place, 1, 8);
    store_fail(place, FAULT_SYNC_DATA, 1, EIO);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 9, NULL, &place->error), RESUME_IO);
    assert_int_equal(room_of(place), 0);
    store_fail(place, FAULT_SYNC_DATA, 1, 0);
    save(place, 9, 9);
    store_expect(place, 0, SAMPLE_SMALL, 9);
}

/* Large saves go over the zeros and beyond. */
static void test_room__is_written_over_by_a_large_save(void **state) {
    store_place *place = begin(state);
    save(place, 1, 8);
    store_save(place, SAMPLE_LARGE, 9);
    assert_int_equal(room_of(place), 0);
    store_expect(place, 0, SAMPLE_LARGE, 9);
    store_expect(place, 1, SAMPLE_SMALL, 8);
}

/* Looks at the file in the middle of a reader's look at it: commits have come meanwhile. */
typedef struct meanwhile {
    store_place *place;
    uint64_t version;
} meanwhile;

static void save_two(void *context) {
    meanwhile *writer = context;
    save(writer->place, writer->version, writer->version + 1);
}

static void test_room__readers_see_what_comes_into_it(void **state) {
    store_place *place = begin(state);
    save(place, 1, 8);
    fault_os reading;
    rs_folder folder = *place->folder;
    fault_os_init(&reading, rs_os_linux());
    folder.os = &reading.os;
    meanwhile writer = {.place = place, .version = 9};
    for (long nth = 1; nth <= 60; nth++) { /* until the last read: each save may add some */
        rs_file *file;
        rs_recovery recovery;
        rs_error error = {0};
        fault_os_hook(&reading, FAULT_BIT(FAULT_READ), nth, save_two, &writer);
        assert_int_equal(rs_file_open(&folder, CK, false, &file, &recovery, &error), RESUME_OK);
        bool waits = fault_os_hook_waits(&reading);
        assert_int_equal(recovery.health, RS_HEALTH_GOOD);
        assert_true(recovery.taken + 2 >= writer.version);
        rs_file_close(file);
        if (waits) break;
        writer.version += 2;
    }
    assert_true(writer.version > 12);
}

/* A program that saves at every read of the reader: no look finds the file at rest. What is there
 * at an instant is no damage, however often it has become more when it is looked at again. */
typedef struct steadily {
    meanwhile writer;
    fault_os *reading;
    long every, left; /* reads */
} steadily;

static void save_at_each_read(void *context) {
    steadily *saves = context;
    save_two(&saves->writer);
    saves->writer.version += 2;
    if (--saves->left > 0)
        fault_os_hook(saves->reading, FAULT_BIT(FAULT_READ), saves->every, save_at_each_read,
                      saves);
}

static void test_room__readers_keep_up_with_steady_saves(void **state) {
    store_place *place = begin(state);
    uint64_t version = 9;
    save(place, 1, 8);
    for (long every = 1; every <= 8; every++) {
        fault_os reading;
        rs_folder folder = *place->folder;
        fault_os_init(&reading, rs_os_linux());
        folder.os = &reading.os;
        rs_file *file;
        rs_recovery recovery;
        rs_error error = {0};
        steadily saves = {{place, version}, &reading, every, 100};
        fault_os_hook(&reading, FAULT_BIT(FAULT_READ), every, save_at_each_read, &saves);
        assert_int_equal(rs_file_open(&folder, CK, false, &file, &recovery, &error), RESUME_OK);
        assert_int_equal(recovery.health, RS_HEALTH_GOOD);
        assert_true(recovery.taken >= version - 1);
        rs_file_close(file);
        version = saves.writer.version;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_room__comes_with_the_sixth_of_quick_small_saves),
        TEST(test_room__is_made_anew_when_it_is_used_up),
        TEST(test_room__not_for_slow_or_large_saves),
        TEST(test_room__not_where_file_systems_write_elsewhere),
        TEST(test_room__not_of_the_wrong_size),
        TEST(test_room__is_given_back_before_closing),
        TEST(test_room__of_a_dead_process_is_nothing_to_rely_on),
        TEST(test_room__failure_of_that_cut_is_told),
        TEST(test_room__is_left_out_on_a_full_disk),
        TEST(test_room__a_disk_that_is_really_full),
        TEST(test_room__what_others_wrote_into_it_stays),
        TEST(test_room__goes_with_a_failed_save),
        TEST(test_room__is_written_over_by_a_large_save),
        TEST(test_room__readers_see_what_comes_into_it),
        TEST(test_room__readers_keep_up_with_steady_saves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
