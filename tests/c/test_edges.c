/* What happens to a checkpoint file rarely: odd sizes and options, files that others changed, calls
 * in the wrong order, failures on top of failures. */
#include "alloc_fail.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static resume_status save_blobs(store_place *place, const rs_blob *blobs, size_t count,
                                rs_compress compress) {
    rs_meta meta = {.saves = 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = count};
    rs_commit_options options = {.compress = compress};
    return rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error);
}

static void expect_blob(store_place *place, size_t index, const void *bytes, size_t size) {
    rs_state *read;
    uint8_t *back = malloc(size + 1);
    assert_non_null(back);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(rs_state_blob_size(read, index), size);
    assert_int_equal(rs_state_read_blob(read, index, back, &place->error), RESUME_OK);
    assert_memory_equal(back, bytes, size);
    rs_state_free(read);
    free(back);
}

/* --- what is written --- */

static void test_edges__a_table_that_changed_wholly_is_written_whole(void **state) {
    store_place *place = *state;
    static uint8_t bytes[100][60];
    rs_blob blobs[100];
    for (size_t i = 0; i < 100; i++)
        blobs[i] = (rs_blob){bytes[i], sizeof bytes[i], 1};
    store_new(place);
    for (uint8_t version = 1; version < 5; version++) {
        for (size_t i = 0; i < 100; i++)
            memset(bytes[i], version * 50 + (int)i / 3, sizeof bytes[i]);
        for (size_t i = 0; i < 100; i++)
            bytes[i][7] = (uint8_t)i; /* no two are equal */
        assert_int_equal(save_blobs(place, blobs, 100, RS_COMPRESS_AUTO), RESUME_OK);
        assert_int_equal(place->file->table_depth, 0);
    }
    for (size_t i = 0; i < 100; i++)
        expect_blob(place, i, bytes[i], sizeof bytes[i]);
}

static void test_edges__numbers_of_every_size_are_shuffled(void **state) {
    store_place *place = *state;
    enum { SIZE = 96000 };
    static uint8_t bytes[SIZE];
    static const uint32_t sizes[] = {1, 2, 3, 4, 8, 12, 16, 32};
    store_new(place);
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (size_t i = 0; i < SIZE; i++) /* each number is a little larger than the one before */
            bytes[i] = (uint8_t)(i % sizes[k] == 0 ? i / sizes[k] * 7 : i % sizes[k]);
        rs_blob blobs[] = {{"s", 1, 1}, {bytes, SIZE, sizes[k]}};
        assert_int_equal(save_blobs(place, blobs, 2, RS_COMPRESS_ALWAYS), RESUME_OK);
        const rs_chunk_entry *entry = &place->file->table.entries[1];
        if (entry->coding == RS_CHUNK_ZSTD_SHUFFLE)
            assert_int_equal(entry->element_size, sizes[k]);
        else
            assert_int_not_equal(entry->coding, RS_CHUNK_RAW);
        expect_blob(place, 1, bytes, SIZE);
    }
}

/* A quarter less is worth the work where the disk is slow, and not where it is fast. */
static void test_edges__a_slow_disk_gets_smaller_saves(void **state) {
    store_place *place = *state;
    size_t size = 4u << 20;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    uint64_t seed = 3;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(sample_random(&seed) & 0x3F);
    rs_blob blobs[] = {{"s", 1, 1}, {bytes, size, 1}};
    store_new(place);
    assert_int_equal(save_blobs(place, blobs, 1, RS_COMPRESS_AUTO), RESUME_OK);
    assert_int_equal(save_blobs(place, blobs, 2, RS_COMPRESS_AUTO), RESUME_OK);
    assert_true(place->info.bytes_written >= size);
    for (size_t i = 0; i < size; i++)
        bytes[i] ^= 0x15;
    place->file->disk_is_slow = true;
    assert_int_equal(save_blobs(place, blobs, 2, RS_COMPRESS_AUTO), RESUME_OK);
    assert_true(place->info.bytes_written < size / 10 * 9);
    expect_blob(place, 1, bytes, size);
    free(bytes);
}

/* --- misuse --- */

static void test_edges__misuse_changes_nothing(void **state) {
    store_place *place = *state;
    rs_commit_options options = {0};
    rs_meta meta = {.saves = 1};
    rs_blob blob = {"s", 1, 1};
    rs_snapshot no_meta = {.blobs = &blob, .blob_count = 1}, no_stream = {.meta = &meta};
    no_stream.blobs = &blob;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    uint64_t size = store_size(place->file_path);
    assert_int_equal(rs_file_commit(place->file, &no_meta, &options, &place->info, &place->error),
                     RESUME_MISUSE);
    assert_int_equal(rs_file_commit(place->file, &no_stream, &options, &place->info, &place->error),
                     RESUME_MISUSE);
    store_close(place);
    store_open_reader(place);
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_MISUSE);
    fault_os_plan(&place->fault, (fault_plan){0});
    rs_file_leave(place->file); /* a reader writes nothing */
    assert_int_equal(place->fault.calls[FAULT_WRITE], 0);
    assert_int_equal(store_size(place->file_path), size);
    store_expect(place, 0, SAMPLE_SMALL, 1);
}

static void test_edges__a_file_that_is_given_up_gets_no_hint(void **state) {
    store_place *place = *state;
    store_new(place);
    rs_file_leave(place->file); /* nothing is there */
    store_save_until(place, SAMPLE_SMALL, 3);
    place->file->hinted_generation = 0;
    rs_file_start_over(place->file);
    fault_os_plan(&place->fault, (fault_plan){0});
    rs_file_leave(place->file);
    assert_int_equal(place->fault.calls[FAULT_WRITE], 0);
}

/* Nor does one whose newest save is durable, but whose next one failed to become so. */
static void test_edges__a_poisoned_file_gets_no_hint(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    place->file->hinted_generation = 0;
    place->file->poisoned = true;
    fault_os_plan(&place->fault, (fault_plan){0});
    rs_file_leave(place->file);
    assert_int_equal(place->fault.calls[FAULT_WRITE], 0);
    place->file->poisoned = false;
    rs_file_leave(place->file);
    assert_int_equal(place->fault.calls[FAULT_WRITE], 1);
}

/* Nor does a save that was found, and may be in the cache alone: a hint would prove it durable. */
static void test_edges__a_save_that_was_only_found_gets_no_hint(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    store_close(place);
    store_open(place);
    place->file->hinted_generation = 0;
    fault_os_plan(&place->fault, (fault_plan){0});
    rs_file_leave(place->file);
    assert_int_equal(place->fault.calls[FAULT_WRITE], 0);
    store_save(place, SAMPLE_SMALL, 3); /* settles what is below it */
    place->file->hinted_generation = 0;
    fault_os_plan(&place->fault, (fault_plan){0});
    rs_file_leave(place->file);
    assert_int_equal(place->fault.calls[FAULT_WRITE], 1);
}

static void test_edges__names_that_are_too_long(void **state) {
    store_place *place = *state;
    char name[RS_FILE_NAME_SIZE + 10];
    rs_file *file;
    memset(name, 'n', sizeof name);
    name[RS_FILE_NAME_SIZE] = 0;
    assert_int_equal(rs_file_new(place->folder, name, 1, RS_ASIDE_NO, &file, &place->error),
                     RESUME_BAD_NAME);
    assert_null(file);
    assert_int_equal(
        rs_file_open(place->folder, name, false, &file, &place->recovery, &place->error),
        RESUME_BAD_NAME);
    /* There is no room for what a new file is called at first. */
    name[RS_FILE_NAME_SIZE - 2] = 0;
    assert_int_equal(rs_file_new(place->folder, name, 1, RS_ASIDE_NO, &file, &place->error),
                     RESUME_OK);
    assert_int_equal(sample_commit(file, SAMPLE_SMALL, 1, NULL, &place->error), RESUME_BAD_NAME);
    rs_file_close(file);
    assert_int_equal(sample_count_files(place->path, "", NULL), 0);
}

/* --- what others do --- */

static void test_edges__a_file_that_somebody_cut_is_kept_as_damaged(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    store_cut(place->file_path, store_size(place->file_path) - 100);
    store_save(place, SAMPLE_SMALL, 3);
    assert_memory_equal(place->info.aside, CK ".damaged-", 11);
    store_expect(place, 0, SAMPLE_SMALL, 3);
}

static void test_edges__a_file_to_be_set_aside_that_somebody_wrote_into(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    rs_file_start_over(place->file);
    store_append(place->file_path, "more", 4);
    store_save(place, SAMPLE_SMALL, 2);
    assert_string_equal(place->info.aside, CK "~1");
}

static void test_edges__starting_over_keeps_a_damaged_file_as_damaged(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 3);
    uint64_t first = rs_file_generation(place->file, 1)->segment_offset;
    rs_file_leave(place->file);
    store_close(place);
    store_flip(place->file_path, first + 70); /* what a later one proves to have been durable */
    store_flip(place->file_path, first + RS_BLOCK_SIZE + 70);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    rs_file_start_over(place->file);
    store_save(place, SAMPLE_SMALL, 4);
    assert_memory_equal(place->info.aside, CK ".damaged-", 11);
}

static uint32_t the_user, the_owner;

static uint32_t some_user(const rs_os *os) {
    (void)os;
    return the_user;
}

static int owned_info_at(const rs_os *os, int folder, const char *path, rs_file_info *info) {
    (void)os;
    int answer = rs_os_linux()->info_at(rs_os_linux(), folder, path, info);
    info->owner = the_owner;
    return answer;
}

static int owned_info(const rs_os *os, int fd, rs_file_info *info) {
    (void)os;
    int answer = rs_os_linux()->info(rs_os_linux(), fd, info);
    info->owner = the_owner;
    return answer;
}

static void test_edges__whose_files_are_written(void **state) {
    store_place *place = *state;
    static const struct {
        uint32_t user, owner;
        resume_status status;
    } cases[] = {
        {1000, 1000, RESUME_OK}, {1000, 0, RESUME_OK}, {1000, 1001, RESUME_UNSAFE_PATH},
        {0, 1001, RESUME_OK},    {0, 0, RESUME_OK},
    };
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    rs_os owned = *rs_os_linux();
    owned.info_at = owned_info_at;
    owned.info = owned_info;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        the_user = cases[i].user;
        the_owner = cases[i].owner;
        place->fault.real = &owned;
        place->fault.os.user = some_user;
        resume_status status =
            rs_file_open(place->folder, CK, true, &place->file, &place->recovery, &place->error);
        assert_int_equal(status, cases[i].status);
        store_close(place);
        store_open_reader(place); /* reading is not refused */
        store_close(place);
    }
    place->fault.real = rs_os_linux();
}

/* Between looking and opening somebody puts a file of another user in the place. */
static void test_edges__the_owner_is_looked_at_again_after_opening(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    rs_os owned = *rs_os_linux();
    owned.info = owned_info;
    the_user = 1000;
    the_owner = 1001;
    place->fault.real = &owned;
    place->fault.os.user = some_user;
    rs_os *table = &place->fault.os;
    rs_file_info info;
    assert_int_equal(table->info_at(table, place->folder->fd, CK, &info), 0);
    the_user = info.owner ? info.owner : 1000; /* the first look finds a file of ours, or of root */
    resume_status status =
        rs_file_open(place->folder, CK, true, &place->file, &place->recovery, &place->error);
    assert_int_equal(status, RESUME_UNSAFE_PATH);
    place->fault.real = rs_os_linux();
}

/* --- falling back --- */

static void test_edges__fall_back_to_nothing_twice(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rs_file_fall_back(place->file, &place->recovery, NULL), RESUME_DAMAGED);
    assert_int_equal(rs_file_generation_count(place->file), 0);
}

static void test_edges__fall_back_that_fails_can_be_told_from_damage(void **state) {
    store_place *place = *state;
    bool failed = true;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    store_close(place);
    for (long n = 1; failed; n++) {
        store_open(place);
        alloc_fail_at(n, true);
        resume_status status = rs_file_fall_back(place->file, &place->recovery, &place->error);
        alloc_fail_at(0, false);
        failed = status != RESUME_OK;
        if (failed) assert_int_equal(status, RESUME_NO_MEMORY);
        if (!failed) assert_int_equal(place->recovery.taken, 1);
        store_close(place);
    }
    store_open(place);
    store_fail(place, FAULT_READ, 1, ETIMEDOUT);
    assert_int_equal(rs_file_fall_back(place->file, &place->recovery, &place->error), RESUME_IO);
    store_fail(place, FAULT_READ, 1, 0);
    store_close(place);
    store_open(place); /* nothing has happened to the file */
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, SAMPLE_SMALL, 2);
}

/* A damaged file that somebody touches at every look is damaged in the end. */
static void touch(void *context) {
    struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, context, times, 0), 0);
}

static void test_edges__real_damage_stays_damage_for_a_reader(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 3);
    uint64_t newest = rs_file_generation(place->file, 0)->segment_offset;
    place->file->hinted_generation = 0;
    rs_file_leave(place->file);
    store_close(place);
    store_flip(place->file_path, newest + 70);
    fault_os_hook(&place->fault, FAULT_BIT(FAULT_READ), 1, touch, place->file_path);
    store_open_reader(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(place->recovery.lost, 3);
    store_expect(place, 0, SAMPLE_SMALL, 2);
}

/* --- compaction --- */

static void flip_array(store_place *place, size_t index) {
    const rs_generation *generation = rs_file_generation(place->file, index);
    store_flip(place->file_path, generation->segment_offset + 4096 * 3);
}

/* Two older generations are bad: both are told, and what was told stays when the rest fails. */
static void test_edges__what_was_left_out_is_told(void **state) {
    store_place *place = *state;
    rs_keep keep = {.last = 9};
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 4);
    flip_array(place, 1);
    flip_array(place, 2);
    for (int fails = 1; fails >= 0; fails--) {
        place->info = (rs_commit_info){0};
        store_fail(place, FAULT_RENAME, 1, fails ? EIO : 0);
        resume_status status = rs_file_compact(place->file, &keep, &place->info, &place->error);
        assert_int_equal(status, fails ? RESUME_IO : RESUME_OK);
        assert_non_null(strstr(place->info.note, "generation 2 did not verify"));
        assert_non_null(strstr(place->info.note, "; generation 3 did not verify"));
    }
    store_expect(place, 0, SAMPLE_LARGE, 4);
    store_expect(place, 1, SAMPLE_LARGE, 1);
}

/* The same for a compaction that a save finds due: the save itself has worked. */
static void test_edges__a_save_tells_all_that_its_compaction_met(void **state) {
    store_place *place = *state;
    rs_commit_options options = {.keep = {.last = 3}};
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 9);
    flip_array(place, 0); /* will be the one before the newest */
    sample_data sample;
    sample_make(&sample, SAMPLE_LARGE, 10);
    place->file->slack = 0;
    store_fail(place, FAULT_RENAME, 1, EIO);
    assert_int_equal(
        rs_file_commit(place->file, &sample.snapshot, &options, &place->info, &place->error),
        RESUME_OK);
    store_fail(place, FAULT_RENAME, 1, 0);
    assert_false(place->info.compacted);
    assert_non_null(strstr(place->info.note, "generation 9 did not verify"));
    assert_non_null(strstr(place->info.note, "; can't compact"));
    store_expect(place, 0, SAMPLE_LARGE, 10);
    sample_free(&sample);
}

/* A difference that there is no memory for is not needed; the whole table is. */
static void test_edges__no_memory_for_a_table(void **state) {
    store_place *place = *state;
    static uint8_t bytes[100][60];
    rs_blob blobs[100];
    for (size_t i = 0; i < 100; i++) {
        memset(bytes[i], (int)i + 1, sizeof bytes[i]);
        blobs[i] = (rs_blob){bytes[i], sizeof bytes[i], 1};
    }
    store_new(place);
    bool failed = true;
    uint8_t version = 1;
    assert_int_equal(save_blobs(place, blobs, 100, RS_COMPRESS_AUTO), RESUME_OK);
    for (long n = 1; failed; n++) {
        bytes[5][7] = ++version;
        alloc_fail_at(n, true);
        resume_status status = save_blobs(place, blobs, 100, RS_COMPRESS_AUTO);
        alloc_fail_at(0, false);
        failed = status != RESUME_OK;
        if (failed) assert_int_equal(status, RESUME_NO_MEMORY);
    }
    expect_blob(place, 5, bytes[5], sizeof bytes[5]);
}

/* A file with one small save, as if made with chunks of another size. */
static void open_with_chunks_of(store_place *place, uint32_t chunk_size) {
    uint8_t block[RS_BLOCK_SIZE];
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    rs_header header = place->file->header;
    store_close(place);
    header.chunk_size = chunk_size; /* the stream is smaller than any */
    rs_header_encode(&header, block);
    FILE *stream = fopen(place->file_path, "r+b");
    assert_non_null(stream);
    assert_int_equal(fwrite(block, 1, sizeof block, stream), sizeof block);
    fclose(stream);
    store_open(place);
}

/* A file of another chunk size keeps it, in new files, too. */
static void test_edges__another_chunk_size(void **state) {
    store_place *place = *state;
    open_with_chunks_of(place, 16384);
    store_save(place, SAMPLE_MIXED, 2);
    store_save(place, SAMPLE_MIXED, 3);
    store_expect(place, 0, SAMPLE_MIXED, 3);
    bool failed = true;
    for (long n = 1; failed; n++) {
        alloc_fail_at(n, true);
        failed = rs_file_compact(place->file, &(rs_keep){.last = 2}, NULL, &place->error) != 0;
        alloc_fail_at(0, false);
        if (failed) assert_int_equal(place->error.status, RESUME_NO_MEMORY);
    }
    assert_int_equal(rs_file_header(place->file)->chunk_size, 16384);
    store_expect(place, 0, SAMPLE_MIXED, 3);
    store_expect(place, 1, SAMPLE_MIXED, 2);
    store_close(place);
    store_open(place);
    assert_int_equal(rs_file_header(place->file)->chunk_size, 16384);
    store_expect(place, 0, SAMPLE_MIXED, 3);
}

/* An array of one chunk of the largest size, stored as it is and compressed, and one more byte. */
static void test_edges__chunks_of_sixty_four_mebibytes(void **state) {
    store_place *place = *state;
    const size_t size = RS_CHUNK_RAW_SIZE_MAX + 1;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i >> 12 ^ i * (i >> 20));
    rs_blob blobs[] = {{"s", 1, 1}, {bytes, size, 1}};
    open_with_chunks_of(place, RS_CHUNK_RAW_SIZE_MAX);
    for (int mode = 0; mode < 2; mode++) {
        bytes[size / 2]++;
        assert_int_equal(save_blobs(place, blobs, 2, mode ? RS_COMPRESS_ALWAYS : RS_COMPRESS_NEVER),
                         RESUME_OK);
        assert_int_equal(place->file->table.entry_count, 3);
        const rs_chunk_entry *entry = &place->file->table.entries[1];
        assert_int_equal(entry->raw_size, RS_CHUNK_RAW_SIZE_MAX);
        assert_int_equal(entry->coding, mode ? RS_CHUNK_ZSTD : RS_CHUNK_RAW);
        expect_blob(place, 1, bytes, size);
    }
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 2}, NULL, &place->error),
                     RESUME_OK);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    expect_blob(place, 1, bytes, size);
    free(bytes);
}

/* What a dead process wrote is to be settled first. A folder whose sync failed is not asked again:
 * it could say OK without having done it. */
static void test_edges__a_folder_that_could_not_be_synced_is_not_believed(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    store_open(place);
    store_fail(place, FAULT_SYNC, 1, EIO);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 2, NULL, &place->error), RESUME_IO);
    store_fail(place, FAULT_SYNC, 1, 0);
    store_save(place, SAMPLE_SMALL, 2);
    assert_true(place->info.new_file);
    store_expect(place, 0, SAMPLE_SMALL, 2);
}

/* --- no space --- */

static int ten_free_bytes(const rs_os *os, int fd, uint64_t *free_bytes) {
    (void)os, (void)fd;
    *free_bytes = 10;
    return 0;
}

static void test_edges__no_space_is_not_blamed_on_inodes(void **state) {
    store_place *place = *state;
    rs_os full = *rs_os_linux();
    full.free_bytes = ten_free_bytes;
    place->fault.real = &full;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_fail(place, FAULT_WRITE, 1, ENOSPC);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 2, NULL, &place->error),
                     RESUME_NO_SPACE);
    assert_non_null(strstr(place->error.text, "10 free"));
    assert_null(strstr(place->error.text, "df -i"));
    store_fail(place, FAULT_WRITE, 1, ENOSPC);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 2, NULL, NULL), RESUME_NO_SPACE);
    store_fail(place, FAULT_WRITE, 1, 0);
    store_save(place, SAMPLE_SMALL, 2);
    place->fault.real = rs_os_linux();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_edges__a_table_that_changed_wholly_is_written_whole),
        TEST(test_edges__numbers_of_every_size_are_shuffled),
        TEST(test_edges__a_slow_disk_gets_smaller_saves),
        TEST(test_edges__misuse_changes_nothing),
        TEST(test_edges__a_file_that_is_given_up_gets_no_hint),
        TEST(test_edges__a_poisoned_file_gets_no_hint),
        TEST(test_edges__a_save_that_was_only_found_gets_no_hint),
        TEST(test_edges__names_that_are_too_long),
        TEST(test_edges__a_file_that_somebody_cut_is_kept_as_damaged),
        TEST(test_edges__a_file_to_be_set_aside_that_somebody_wrote_into),
        TEST(test_edges__starting_over_keeps_a_damaged_file_as_damaged),
        TEST(test_edges__whose_files_are_written),
        TEST(test_edges__the_owner_is_looked_at_again_after_opening),
        TEST(test_edges__fall_back_to_nothing_twice),
        TEST(test_edges__fall_back_that_fails_can_be_told_from_damage),
        TEST(test_edges__real_damage_stays_damage_for_a_reader),
        TEST(test_edges__what_was_left_out_is_told),
        TEST(test_edges__a_save_tells_all_that_its_compaction_met),
        TEST(test_edges__no_memory_for_a_table),
        TEST(test_edges__another_chunk_size),
        TEST(test_edges__chunks_of_sixty_four_mebibytes),
        TEST(test_edges__a_folder_that_could_not_be_synced_is_not_believed),
        TEST(test_edges__no_space_is_not_blamed_on_inodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
