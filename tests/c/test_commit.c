/* Tests of src/store/commit.c: what a commit writes and shares, and what a failed one leaves. */
#include "alloc_fail.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_commit__small_one_is_one_write_and_one_sync(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    fault_os_plan(&place->fault, (fault_plan){0});
    store_save(place, SAMPLE_SMALL, 3);
    assert_int_equal(place->fault.calls[FAULT_WRITE], 1);
    assert_int_equal(place->fault.calls[FAULT_SYNC_DATA], 1);
    assert_int_equal(place->fault.calls[FAULT_SYNC], 0);
    assert_int_equal(place->info.bytes_written, 4096);
    assert_int_equal(place->info.generation, 3);
}

static void test_commit__large_one_syncs_before_its_trailer(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 2);
    fault_os_plan(&place->fault, (fault_plan){0});
    store_save(place, SAMPLE_LARGE, 3);
    size_t syncs = 0, writes_after_first_sync = 0;
    const fault_entry *last_write = NULL;
    for (size_t i = 0; i < place->fault.log_count; i++) {
        const fault_entry *entry = &place->fault.log[i];
        syncs += entry->call == FAULT_SYNC_DATA;
        if (entry->call == FAULT_WRITE) last_write = entry;
        if (entry->call == FAULT_WRITE && syncs == 1) writes_after_first_sync++;
    }
    assert_int_equal(syncs, 2);
    assert_int_equal(writes_after_first_sync, 1);
    assert_int_equal(last_write->size, 64);
    assert_int_equal(last_write->offset, rs_file_generation(place->file, 0)->commit_offset);
}

static void test_commit__unchanged_chunks_are_not_written_again(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_LARGE, 1);
    assert_int_equal(place->info.chunks_reused, 0);
    uint64_t first = place->info.bytes_written;
    store_save(place, SAMPLE_LARGE, 1); /* but META and the stream are the same, too */
    assert_int_equal(place->info.chunks_written, 0);
    assert_true(place->info.bytes_written < first / 20);
    store_expect(place, 0, SAMPLE_LARGE, 1);
    store_expect(place, 1, SAMPLE_LARGE, 1);
}

static void test_commit__equal_chunks_of_one_state_are_stored_once(void **state) {
    store_place *place = *state;
    uint64_t seed = 5;
    size_t size = 256 * 1024, count = 6;
    uint8_t *bytes = malloc(size * count);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i += 8) {
        uint64_t value = sample_random(&seed);
        memcpy(bytes + i, &value, 8);
    }
    for (size_t i = 1; i < count; i++)
        memcpy(bytes + i * size, bytes, size);
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{"s", 1, 1}, {bytes, size * count, 1}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_commit_options options = {0};
    store_new(place);
    assert_int_equal(rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
                     RESUME_OK);
    assert_int_equal(place->info.chunks_written, 2);
    assert_int_equal(place->info.chunks_reused, count - 1);
    assert_true(place->info.file_size < 2 * size);
    rs_state *read;
    uint8_t *back = malloc(size * count);
    assert_non_null(back);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(rs_state_read_blob(read, 1, back, &place->error), RESUME_OK);
    assert_memory_equal(back, bytes, size * count);
    rs_state_free(read);
    free(back);
    free(bytes);
}

static void test_commit__zeros_take_no_space(void **state) {
    store_place *place = *state;
    uint8_t *zeros = calloc(1, 8u << 20);
    assert_non_null(zeros);
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{"s", 1, 1}, {zeros, 8u << 20, 1}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_commit_options options = {0};
    store_new(place);
    assert_int_equal(rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
                     RESUME_OK);
    assert_int_equal(place->info.chunks_zero, 32);
    assert_int_equal(place->info.file_size, 4 * 4096);
    free(zeros);
}

static void test_commit__old_survives_failed_sync(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    store_fail(place, FAULT_SYNC_DATA, 1, EIO);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 3, NULL, &place->error), RESUME_IO);
    /* What may not be on the disk is not left in the cache for the next process to find. */
    assert_int_equal(store_size(place->file_path),
                     rs_file_generation(place->file, 0)->commit_offset + 64);
    store_fail(place, FAULT_SYNC_DATA, 1, 0);
    store_expect(place, 0, SAMPLE_SMALL, 2);
}

static void test_commit__poisoned_file_is_never_synced_again(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    int poisoned = 0;
    store_fail(place, FAULT_SYNC_DATA, 1, EIO);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 3, NULL, &place->error), RESUME_IO);
    for (size_t i = 0; i < place->fault.log_count; i++)
        if (place->fault.log[i].call == FAULT_SYNC_DATA) poisoned = place->fault.log[i].fd;
    fault_os_plan(&place->fault, (fault_plan){0});
    store_save(place, SAMPLE_SMALL, 4);
    assert_true(place->info.new_file);
    for (size_t i = 0; i < place->fault.log_count; i++) {
        const fault_entry *entry = &place->fault.log[i];
        if (entry->fd != poisoned) continue;
        assert_int_not_equal(entry->call, FAULT_SYNC_DATA);
        assert_int_not_equal(entry->call, FAULT_SYNC);
        assert_int_not_equal(entry->call, FAULT_WRITE);
    }
    store_expect(place, 0, SAMPLE_SMALL, 4);
    assert_string_equal(place->info.aside, "");
}

static void test_commit__full_disk_does_not_poison(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 2);
    uint64_t size = store_size(place->file_path);
    for (int i = 0; i < 3; i++) {
        store_fail(place, FAULT_WRITE, 1, i == 0 ? ENOSPC : i == 1 ? EDQUOT : EFBIG);
        assert_int_equal(sample_commit(place->file, SAMPLE_MIXED, 3, NULL, &place->error),
                         RESUME_NO_SPACE);
        assert_non_null(strstr(place->error.text, CK));
        /* There are enough free bytes here: another reason is told for each. */
        static const char *const said[] = {
            " free: see df -i, too): ", " free, but there is a quota): ",
            " free, but the size of a file is limited): "};
        assert_non_null(strstr(place->error.text, said[i]));
        if (i == 2) assert_non_null(strstr(place->error.text, "(ulimit -f)"));
        assert_int_equal(store_size(place->file_path), size);
    }
    store_fail(place, FAULT_WRITE, 1, 0);
    store_save(place, SAMPLE_MIXED, 3);
    assert_false(place->info.new_file);
    store_expect(place, 0, SAMPLE_MIXED, 3);
    store_expect(place, 1, SAMPLE_MIXED, 2);
}

/* The kernel itself cuts writes short: the file may not grow beyond a limit, in steps. No
 * signal of it reaches the program, which would end it. */
static void save_under_limits(store_place *place, sample_shape shape, rlim_t step) {
    struct rlimit before, limit;
    bool failed = false, worked = false;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    store_new(place);
    store_save_until(place, shape, 2);
    for (uint64_t version = 3; !worked; version++) {
        limit = before;
        limit.rlim_cur = (rlim_t)store_size(place->file_path) + (version - 3) * step;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        resume_status status = sample_commit(place->file, shape, 3, NULL, &place->error);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        worked = status == RESUME_OK;
        failed = failed || !worked;
        if (!worked) assert_int_equal(status, RESUME_NO_SPACE);
        store_expect(place, 0, shape, worked ? 3 : 2);
    }
    assert_true(failed);
    store_save(place, shape, 4);
    assert_false(place->info.new_file);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, shape, 4);
}

static void test_commit__every_size_limit(void **state) {
    save_under_limits(*state, SAMPLE_SMALL, 64);
}

static void test_commit__every_size_limit_of_a_large_one(void **state) {
    save_under_limits(*state, SAMPLE_LARGE, 40000);
}

static void test_commit__failed_truncate_poisons(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    fault_os_plan(&place->fault,
                  (fault_plan){.nth = 1,
                               .mode = FAULT_FAIL,
                               .os_code = ENOSPC,
                               .for_ever = true,
                               .calls = FAULT_BIT(FAULT_WRITE) | FAULT_BIT(FAULT_TRUNCATE)});
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 3, NULL, &place->error),
                     RESUME_NO_SPACE);
    fault_os_plan(&place->fault, (fault_plan){0});
    store_save(place, SAMPLE_SMALL, 4);
    assert_true(place->info.new_file);
}

static void test_commit__refused_space_counts_only_without_compression(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_LARGE, 1);
    store_fail(place, FAULT_RESERVE, 1, ENOSPC);
    store_save(place, SAMPLE_LARGE, 2);
    store_fail(place, FAULT_RESERVE, 1, EOPNOTSUPP);
    store_save(place, SAMPLE_LARGE, 3);
    sample_data made;
    rs_commit_options options = {.compress = RS_COMPRESS_NEVER};
    sample_make(&made, SAMPLE_LARGE, 4);
    store_fail(place, FAULT_RESERVE, 1, ENOSPC);
    assert_int_equal(
        rs_file_commit(place->file, &made.snapshot, &options, &place->info, &place->error),
        RESUME_NO_SPACE);
    assert_non_null(strstr(place->error.text, "bytes needed, "));
    assert_int_equal(place->fault.calls[FAULT_WRITE], 0);
    sample_free(&made);
    store_expect(place, 0, SAMPLE_LARGE, 3);
}

/* A quota of btrfs that is used up refuses even to cut the file. */
static void test_commit__refused_space_is_asked_for_piece_by_piece(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_LARGE, 1);
    fault_os_plan(&place->fault, (fault_plan){.nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = EDQUOT,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_RESERVE)});
    assert_int_equal(sample_commit(place->file, SAMPLE_LARGE, 2, NULL, &place->error),
                     RESUME_NO_SPACE);
    assert_int_equal(place->fault.calls[FAULT_RESERVE], 2);
    assert_int_equal(place->fault.calls[FAULT_WRITE], 0);
    assert_int_equal(place->fault.calls[FAULT_TRUNCATE], 1); /* ext4 keeps a part of the refused */
    store_save(place, SAMPLE_SMALL, 3);                      /* what is small asks for nothing */
    assert_false(place->info.new_file);
    fault_os_plan(&place->fault, (fault_plan){0});
    store_save(place, SAMPLE_LARGE, 4);
    assert_false(place->info.new_file);
}

/* Not what the write that failed lacked, when all before it had been given back already. */
static void test_commit__no_space_tells_what_the_whole_save_needs(void **state) {
    store_place *place = *state;
    unsigned long long needed = 0, is_free = 0, now = 0;
    store_new(place);
    for (int i = 0; i < 2; i++) { /* a new file, then a save behind another */
        store_fail(place, FAULT_WRITE, i ? 1 : 3, ENOSPC);
        assert_int_equal(sample_commit(place->file, SAMPLE_LARGE, 2, NULL, &place->error),
                         RESUME_NO_SPACE);
        const char *at = strchr(place->error.text, '(');
        assert_non_null(at);
        assert_int_equal(sscanf(at, "(up to %llu bytes needed, %llu free", &needed, &is_free), 2);
        assert_in_range(needed, 5 * RS_CHUNK_SIZE, 12 * RS_CHUNK_SIZE);
        uint64_t found;
        rs_os_linux()->free_bytes(rs_os_linux(), place->folder->fd, &found);
        now = found;
        assert_in_range(is_free, now - (64u << 20), now + (64u << 20)); /* others write, too */
        assert_non_null(strstr(place->error.text, place->file_path));
        assert_non_null(strstr(place->error.text, "df -i"));
        assert_non_null(strstr(place->error.text, "free space or point RESUME_DIR elsewhere"));
        store_fail(place, FAULT_WRITE, 0, 0);
        store_save(place, SAMPLE_LARGE, 1);
    }
}

static int five_free_bytes(const rs_os *os, int fd, uint64_t *free_bytes) {
    (void)os, (void)fd;
    *free_bytes = 5;
    return 0;
}

/* Inodes are named only where bytes can't be what lacks. */
static void test_commit__no_space_names_inodes_when_there_are_bytes(void **state) {
    store_place *place = *state;
    place->fault.os.free_bytes = five_free_bytes;
    store_new(place);
    store_fail(place, FAULT_WRITE, 1, ENOSPC);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 1, NULL, &place->error),
                     RESUME_NO_SPACE);
    assert_non_null(strstr(place->error.text, " bytes needed, 5 free): "));
    assert_null(strstr(place->error.text, "df -i"));
}

static uint64_t allocated(const char *path) {
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    return (uint64_t)found.st_blocks * 512;
}

/* What compresses well takes far less than was asked for. */
static void test_commit__unused_reserved_space_is_given_back(void **state) {
    store_place *place = *state;
    const size_t size = 16u << 20;
    char *text = calloc(1, size);
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{"stream", 6, 1}, {text, size, 1}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_commit_options options = {0};
    store_new(place);
    for (int round = 0; round < 24; round++) {
        for (size_t i = 0; i < size; i += 4096) /* each chunk is another one */
            memset(text + i, 'a' + round, 4 + i / 4096 % 512);
        for (size_t i = 0; i < size; i += RS_CHUNK_SIZE)
            memcpy(text + i, &i, sizeof i);
        alloc_fail_at(round > 2 ? round : 0, false); /* some fail when space was asked for */
        resume_status status =
            rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error);
        alloc_fail_at(0, false);
        assert_true(status == RESUME_OK || (round > 2 && status == RESUME_NO_MEMORY));
        assert_in_range(allocated(place->file_path), 1, store_size(place->file_path) + (2u << 20));
        assert_true(store_size(place->file_path) < size / 4);
    }
    free(text);
}

static void test_commit__removed_file_is_written_anew(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 3);
    assert_int_equal(unlink(place->file_path), 0);
    store_save(place, SAMPLE_SMALL, 4);
    assert_true(place->info.new_file);
    assert_int_equal(place->info.generation, 4);
    store_close(place);
    store_open(place);
    store_expect(place, 0, SAMPLE_SMALL, 4);
}

static void test_commit__another_file_in_its_place_is_kept(void **state) {
    store_place *place = *state;
    char text[64], path[TEMP_PATH_SIZE];
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    assert_int_equal(unlink(place->file_path), 0);
    assert_true(temp_write(place->file_path, "precious"));
    store_save(place, SAMPLE_SMALL, 2);
    assert_string_equal(place->info.aside, CK "~1");
    assert_true(temp_read(temp_path(path, place->path, CK "~1"), text, sizeof text));
    assert_string_equal(text, "precious");
    store_expect(place, 0, SAMPLE_SMALL, 2);
}

static void test_commit__bytes_that_another_writer_added_are_kept(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE];
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    store_append(place->file_path, "0123456789", 10);
    uint64_t size = store_size(place->file_path);
    store_save(place, SAMPLE_SMALL, 3);
    assert_true(place->info.new_file);
    assert_string_equal(place->info.aside, CK "~1");
    assert_int_equal(store_size(temp_path(path, place->path, CK "~1")), size);
}

static void test_commit__a_file_with_another_name_is_not_written_into(void **state) {
    store_place *place = *state;
    char backup[TEMP_PATH_SIZE];
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    temp_path(backup, place->path, "backup");
    assert_int_equal(link(place->file_path, backup), 0);
    uint64_t size = store_size(backup);
    store_save(place, SAMPLE_SMALL, 3);
    store_save(place, SAMPLE_SMALL, 4);
    assert_int_equal(store_size(backup), size);
    store_expect(place, 0, SAMPLE_SMALL, 4);
}

static void test_commit__mark_keeps_the_state(void **state) {
    store_place *place = *state;
    rs_meta meta = {.saves = 2, .ended = true};
    rs_commit_options options = {0};
    store_new(place);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_MISUSE);
    store_save_until(place, SAMPLE_MIXED, 2);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_OK);
    store_close(place);
    store_open(place);
    store_expect(place, 0, SAMPLE_MIXED, 2);
    rs_state *read;
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_true(rs_state_meta(read)->ended);
    rs_state_free(read);
    assert_int_equal(place->info.bytes_written, 4096);
}

static void test_commit__mark_after_poison_or_removal(void **state) {
    store_place *place = *state;
    rs_meta meta = {.saves = 2, .ended = true};
    rs_commit_options options = {0};
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 2);
    store_fail(place, FAULT_SYNC_DATA, 1, EIO);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_IO);
    store_fail(place, FAULT_SYNC_DATA, 1, 0);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_OK);
    store_expect(place, 0, SAMPLE_MIXED, 2);
    assert_int_equal(unlink(place->file_path), 0);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_OK);
    store_close(place);
    store_open(place);
    store_expect(place, 0, SAMPLE_MIXED, 2);
}

static void test_commit__reader_may_not(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    store_open_reader(place);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 2, NULL, &place->error),
                     RESUME_MISUSE);
}

/* The speed of saving must not depend on how many generations there are. */
static void test_commit__thousands_of_generations(void **state) {
    store_place *place = *state;
    store_new(place);
    for (uint64_t i = 1; i <= 3000; i++)
        store_save(place, SAMPLE_SMALL, i);
    assert_true(rs_file_generation_count(place->file) <= 1024);
    store_expect(place, 0, SAMPLE_SMALL, 3000);
    store_expect(place, 500, SAMPLE_SMALL, 2500);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.taken, 3000);
    store_expect(place, 0, SAMPLE_SMALL, 3000);
    store_expect(place, 400, SAMPLE_SMALL, 2600);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_commit__small_one_is_one_write_and_one_sync),
        TEST(test_commit__large_one_syncs_before_its_trailer),
        TEST(test_commit__unchanged_chunks_are_not_written_again),
        TEST(test_commit__equal_chunks_of_one_state_are_stored_once),
        TEST(test_commit__zeros_take_no_space),
        TEST(test_commit__old_survives_failed_sync),
        TEST(test_commit__poisoned_file_is_never_synced_again),
        TEST(test_commit__full_disk_does_not_poison),
        TEST(test_commit__every_size_limit),
        TEST(test_commit__every_size_limit_of_a_large_one),
        TEST(test_commit__failed_truncate_poisons),
        TEST(test_commit__refused_space_counts_only_without_compression),
        TEST(test_commit__refused_space_is_asked_for_piece_by_piece),
        TEST(test_commit__no_space_tells_what_the_whole_save_needs),
        TEST(test_commit__no_space_names_inodes_when_there_are_bytes),
        TEST(test_commit__unused_reserved_space_is_given_back),
        TEST(test_commit__removed_file_is_written_anew),
        TEST(test_commit__another_file_in_its_place_is_kept),
        TEST(test_commit__bytes_that_another_writer_added_are_kept),
        TEST(test_commit__a_file_with_another_name_is_not_written_into),
        TEST(test_commit__mark_keeps_the_state),
        TEST(test_commit__mark_after_poison_or_removal),
        TEST(test_commit__reader_may_not),
        TEST(test_commit__thousands_of_generations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
