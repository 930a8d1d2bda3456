/* Tests of src/store/segment_writer.c: pieces, alignment, and memory that changes meanwhile. */
#include "alloc_fail.h"
#include "base/arith.h"
#include "large_array.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_segment_writer__large_raw_chunks_are_aligned(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(1);
    store_new(place);
    assert_int_equal(save_array(place, bytes, ARRAY_SIZE, RS_COMPRESS_NEVER), RESUME_OK);
    assert_int_equal(save_array(place, bytes + 8, 70000, RS_COMPRESS_NEVER), RESUME_OK);
    const rs_table *table = &place->file->table;
    for (uint64_t i = 0; i < table->entry_count; i++)
        if (table->entries[i].coding == RS_CHUNK_RAW &&
            table->entries[i].stored_size >= RS_CHUNK_ALIGNED_SIZE_MIN)
            assert_int_equal(table->entries[i].offset % RS_BLOCK_SIZE, 0);
    expect_array(place, bytes + 8, 70000);
    free(bytes);
}

static void test_segment_writer__pieces_are_bounded(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(2);
    store_new(place);
    fault_os_plan(&place->fault, (fault_plan){0});
    assert_int_equal(save_array(place, bytes, ARRAY_SIZE, RS_COMPRESS_NEVER), RESUME_OK);
    for (size_t i = 0; i < place->fault.log_count; i++)
        if (place->fault.log[i].call == FAULT_WRITE)
            assert_true(place->fault.log[i].size <= RS_PIECE_SIZE + RS_CHUNK_SIZE);
    expect_array(place, bytes, ARRAY_SIZE);
    free(bytes);
}

static void test_segment_writer__sizes_around_the_limit_of_small_ones(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(3);
    size_t limit = RS_SELF_VERIFYING_SIZE_MAX;
    bool small = false, large = false;
    store_new(place);
    for (size_t size = limit - 20000; size <= limit + 4000; size += 1111) {
        for (size_t i = 0; i < size; i += RS_PAGE_SIZE)
            bytes[i]++; /* every page is new */
        assert_int_equal(save_array(place, bytes, size, RS_COMPRESS_NEVER), RESUME_OK);
        const rs_generation *newest = rs_file_generation(place->file, 0);
        bool self_verifying = (newest->flags & RS_SEGMENT_SELF_VERIFYING) != 0;
        assert_true(!self_verifying || newest->segment_size <= limit);
        small = small || self_verifying;
        large = large || !self_verifying;
        expect_array(place, bytes, size);
    }
    assert_true(small && large);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    free(bytes);
}

/* A thread of the program that writes into an array while it is saved, played by the disk. */
static struct {
    uint8_t *bytes;
    size_t offset, size;
    long writes_left;
    bool clears; /* makes zeros of it */
} meddler;

static int64_t meddling_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                              uint64_t offset) {
    (void)os;
    if (--meddler.writes_left >= 0)
        for (size_t i = 0; i < meddler.size; i++)
            meddler.bytes[meddler.offset + i] =
                meddler.clears ? 0 : meddler.bytes[meddler.offset + i] + 1;
    return rs_os_linux()->write(rs_os_linux(), fd, parts, count, offset);
}

static void test_segment_writer__memory_that_changes_never_makes_an_unreadable_save(void **state) {
    store_place *place = *state;
    rs_os meddling = *rs_os_linux();
    meddling.write = meddling_write;
    enum { CHANGES, TWINS_CHANGE, BECOMES_ZERO };
    for (int what = CHANGES; what <= BECOMES_ZERO; what++) {
        uint8_t *bytes = make_array(4), *back = malloc(ARRAY_SIZE);
        assert_non_null(back);
        /* Equal chunks share one place in the file, which changes for all of them. */
        if (what == TWINS_CHANGE) memcpy(bytes + (30u << 18), bytes + (8u << 18), 1u << 18);
        store_new(place);
        assert_int_equal(save_array(place, bytes, 1000, RS_COMPRESS_NEVER), RESUME_OK);
        meddler.bytes = bytes;
        meddler.offset = 0;
        meddler.size = ARRAY_SIZE;
        meddler.writes_left = 2;
        meddler.clears = what == BECOMES_ZERO;
        place->fault.real = &meddling;
        assert_int_equal(save_array(place, bytes, ARRAY_SIZE, RS_COMPRESS_NEVER), RESUME_OK);
        place->fault.real = rs_os_linux();
        meddler.clears = false;
        store_close(place);
        store_open(place);
        rs_state *read;
        assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
        assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
        assert_int_equal(rs_state_read_blob(read, 1, back, &place->error), RESUME_OK);
        rs_state_free(read);
        rs_file_start_over(place->file);
        store_close(place);
        remove(place->file_path);
        free(back);
        free(bytes);
    }
}

/* Compressed chunks wait in memory; the one that finds no more room has nothing to do with why the
 * others can't be written. */
static void test_segment_writer__a_full_piece_that_cannot_be_written(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(9);
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    rs_segment_writer writer = begin_writer(place, &place->fault.os, place->file->end);
    rs_chunk_entry entry = {.coding = RS_CHUNK_ZSTD, .stored_size = 1u << 18, .raw_size = 1u << 19};
    resume_status status = RESUME_OK;
    size_t chunks = 0;
    store_fail(place, FAULT_WRITE, 1, EIO);
    for (; status == RESUME_OK && chunks <= 16; chunks++) {
        entry.offset = 0;
        status = rs_segment_writer_stored(&writer, bytes + (chunks << 18), &entry, &place->error);
        assert_int_equal(entry.offset == 0, status != RESUME_OK);
    }
    assert_int_equal(status, RESUME_IO);
    assert_int_equal(rs_segment_writer_wait(&writer, &place->error), RESUME_IO); /* still */
    /* the first piece is what did not fit into a small segment */
    assert_int_equal(chunks, (RS_SELF_VERIFYING_SIZE_MAX >> 18) + 1);
    assert_true(writer.write_failed);
    store_fail(place, FAULT_WRITE, 0, 0);
    rs_segment_writer_release(&writer);
    free(bytes);
}

/* The last bytes before the records find no memory. */
static void test_segment_writer__no_memory_at_the_end(void **state) {
    store_place *place = *state;
    static const uint8_t byte;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    /* not at a multiple of 8, so that some are needed when the buffer is full */
    rs_segment_writer writer = begin_writer(place, rs_os_linux(), place->file->end + 4);
    while (writer.staged.size < writer.staged.capacity) {
        rs_chunk_entry entry = {.coding = RS_CHUNK_ZSTD, .stored_size = 1, .raw_size = 2};
        assert_int_equal(rs_segment_writer_stored(&writer, &byte, &entry, &place->error),
                         RESUME_OK);
    }
    rs_segment_header header = {.generation = 2};
    rs_buffer records = {0};
    rs_generation made;
    alloc_fail_at(1, true);
    resume_status status =
        rs_segment_writer_finish(&writer, &header, &records, &made, &place->error);
    alloc_fail_at(0, false);
    assert_int_equal(status, RESUME_NO_MEMORY);
    rs_segment_writer_release(&writer);
}

/* What was hashed has changed since: neither "all zeros" nor what zstd made of it would be the
 * content that the hash speaks of. */
static void test_segment_writer__a_chunk_that_changed_is_copied(void **state) {
    store_place *place = *state;
    static uint8_t bytes[4096];
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    rs_segment_writer writer = begin_writer(place, rs_os_linux(), place->file->end);
    for (int value = 0; value <= 1; value++) {
        memset(bytes, value, sizeof bytes);
        rs_chunk_entry entry = {.raw_size = sizeof bytes, .hash = rs_hash128_of("before", 6, 0)};
        assert_int_equal(rs_segment_writer_chunk(&writer, bytes, 1, RS_COMPRESS_AUTO, false, &entry,
                                                 &place->error),
                         RESUME_OK);
        assert_int_equal(entry.coding, RS_CHUNK_RAW);
        assert_int_equal(entry.stored_size, sizeof bytes);
        assert_true(rs_hash128_equal(entry.hash, rs_chunk_hash(bytes, sizeof bytes, NULL)));
    }
    rs_segment_writer_release(&writer);
}

/* Whatever is written behind the records, up to the place of the trailer, is zero. */
static int64_t padding_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                             uint64_t offset) {
    (void)os;
    (void)fd;
    (void)offset;
    int64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += (int64_t)parts[i].size;
    if (count == 3) /* data, records and padding */
        for (size_t i = 0; i < parts[2].size; i++)
            assert_int_equal(((const uint8_t *)parts[2].bytes)[i], 0);
    return size;
}

static void test_segment_writer__padding_of_every_length(void **state) {
    store_place *place = *state;
    rs_os padding = *rs_os_linux();
    padding.write = padding_write;
    uint8_t *bytes = make_array(5);
    uint64_t longest = 0;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    for (uint32_t size = 8; size <= 4096 + 64; size += 8) {
        rs_segment_writer writer = begin_writer(place, &padding, place->file->end);
        writer.streaming = true; /* an ordered segment */
        rs_chunk_entry entry = {.raw_size = size, .hash = rs_chunk_hash(bytes, size, NULL)};
        assert_int_equal(rs_segment_writer_chunk(&writer, bytes, 1, RS_COMPRESS_NEVER, false,
                                                 &entry, &place->error),
                         RESUME_OK);
        rs_buffer records = {0};
        rs_end_append(&records, NULL, &(rs_statement){0});
        rs_segment_header header = {.generation = 2};
        rs_generation made;
        assert_int_equal(rs_segment_writer_finish(&writer, &header, &records, &made, &place->error),
                         RESUME_OK);
        uint64_t used = RS_SEGMENT_HEADER_SIZE + size + records.size;
        assert_true(made.segment_size >= used + RS_TRAILER_SIZE);
        assert_true(made.segment_size < used + RS_TRAILER_SIZE + RS_BLOCK_SIZE);
        assert_int_equal(made.segment_size % RS_BLOCK_SIZE, 0);
        longest = rs_maximum(longest, made.segment_size - used);
        rs_buffer_release(&records);
        rs_segment_writer_release(&writer);
    }
    assert_int_equal(longest, RS_BLOCK_SIZE + RS_TRAILER_SIZE - 8); /* more than a block */
    free(bytes);
}

static void test_segment_writer__offsets_have_48_bits(void **state) {
    store_place *place = *state;
    uint8_t bytes[5000];
    uint64_t seed = 9;
    for (size_t i = 0; i < sizeof bytes; i += 8) {
        uint64_t value = sample_random(&seed);
        memcpy(bytes + i, &value, 8);
    }
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    for (int too_far = 0; too_far <= 1; too_far++) {
        uint64_t last = (UINT64_C(1) << 48) - RS_CHUNK_RAW_SIZE_MAX - RS_BLOCK_SIZE;
        rs_segment_writer writer =
            begin_writer(place, rs_os_linux(), last + (too_far ? RS_BLOCK_SIZE : 0));
        rs_chunk_entry entry = {.raw_size = 5000, .hash = rs_hash128_of(bytes, 5000, 0)};
        resume_status status = rs_segment_writer_chunk(&writer, bytes, 1, RS_COMPRESS_NEVER, false,
                                                       &entry, &place->error);
        assert_int_equal(status, too_far ? RESUME_LIMIT : RESUME_OK);
        assert_false(writer.touched);
        rs_segment_writer_release(&writer);
    }
}

/* Records of more than a gibibyte are refused before anything is written. */
static void test_segment_writer__records_that_no_reader_takes(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    rs_segment_writer writer = begin_writer(place, rs_os_linux(), place->file->end);
    rs_buffer records = {.size = RS_RECORDS_SIZE_MAX + 8}; /* not looked at */
    rs_segment_header header = {.generation = 2};
    rs_generation made;
    assert_int_equal(rs_segment_writer_finish(&writer, &header, &records, &made, &place->error),
                     RESUME_LIMIT);
    records.size = SIZE_MAX - 7; /* not even a number holds the size of the segment */
    assert_int_equal(rs_segment_writer_finish(&writer, &header, &records, &made, &place->error),
                     RESUME_LIMIT);
    assert_false(writer.touched);
    rs_segment_writer_release(&writer);
}

/* A table of more than 1 MiB makes an ordered segment of a state that has nearly no bytes. */
static void test_segment_writer__seventy_thousand_empty_blobs(void **state) {
    store_place *place = *state;
    size_t count = 70000;
    rs_blob *blobs = calloc(count, sizeof *blobs);
    assert_non_null(blobs);
    for (size_t i = 0; i < count; i++)
        blobs[i] = (rs_blob){"s", i == 0, 1};
    rs_meta meta = {.saves = 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = count};
    rs_commit_options options = {0};
    store_new(place);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
            RESUME_OK);
    assert_int_equal(rs_file_generation(place->file, 0)->flags & RS_SEGMENT_SELF_VERIFYING, 0);
    store_close(place);
    store_open(place);
    rs_state *read;
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(rs_state_blob_count(read), count);
    assert_int_equal(rs_state_stream(read).size, 1);
    rs_state_free(read);
    free(blobs);
}

/* One write takes a limited number of parts. */
static void test_segment_writer__thousands_of_small_arrays_behind_a_large_one(void **state) {
    store_place *place = *state;
    enum { COUNT = 2000, SIZE = 104 };
    uint8_t *bytes = make_array(8);
    static rs_blob blobs[COUNT + 1];
    blobs[0] = (rs_blob){bytes, 2u << 20, 1};
    for (size_t i = 0; i < COUNT; i++)
        blobs[i + 1] = (rs_blob){bytes + (4u << 20) + i * SIZE, SIZE, 1};
    rs_meta meta = {.saves = 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = COUNT + 1};
    rs_commit_options options = {.compress = RS_COMPRESS_NEVER};
    store_new(place);
    assert_int_equal(rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
                     RESUME_OK);
    rs_state *read;
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t back[SIZE];
        assert_int_equal(rs_state_read_blob(read, i + 1, back, &place->error), RESUME_OK);
        assert_memory_equal(back, blobs[i + 1].bytes, SIZE);
    }
    rs_state_free(read);
    free(bytes);
}

/* While memory changes, every allocation and every write of a large save fails in turn. */
typedef enum failing { FAILING_WRITES, FAILING_ALLOCATIONS, NO_MORE_ALLOCATIONS } failing;

static void check_failing_saves(store_place *place, uint8_t *bytes, rs_compress compress,
                                failing what) {
    bool allocations = what != FAILING_WRITES;
    rs_os meddling = *rs_os_linux();
    meddling.write = meddling_write;
    bool failed = true;
    for (long n = 1; failed; n++) {
        /* two that share what changes: storing them takes more memory than storing that did */
        memcpy(bytes + (6u << 20), bytes + (4u << 20), 2u << 20);
        memcpy(bytes + (8u << 20), bytes + (4u << 20), 2u << 20);
        store_new(place);
        assert_int_equal(save_array(place, bytes, 1000, RS_COMPRESS_NEVER), RESUME_OK);
        meddler.bytes = bytes;
        meddler.offset = 4u << 20;
        meddler.size = compress == RS_COMPRESS_NEVER ? 2u << 20 : 6u << 20;
        meddler.writes_left = 2;
        place->fault.real = &meddling;
        if (allocations)
            alloc_fail_at(n, what == NO_MORE_ALLOCATIONS);
        else
            store_fail(place, FAULT_WRITE, n, ENOSPC);
        resume_status status = save_array(place, bytes, ARRAY_SIZE, compress);
        failed = allocations ? alloc_fail_count() >= n : fault_os_struck(&place->fault);
        alloc_fail_at(0, false);
        store_fail(place, FAULT_WRITE, 1, 0);
        place->fault.real = rs_os_linux();
        if (status != RESUME_OK)
            assert_int_equal(status, allocations ? RESUME_NO_MEMORY : RESUME_NO_SPACE);
        uint64_t expected = status ? 1 : 2;
        store_close(place);
        store_open(place);
        assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
        assert_int_equal(place->recovery.taken, expected);
        rs_state *read;
        assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
        assert_int_equal(rs_state_verify(read, NULL, NULL, NULL, &place->error), RESUME_OK);
        rs_state_free(read);
        store_close(place);
        remove(place->file_path);
    }
}

static void test_segment_writer__failures_while_memory_changes(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(7);
    memset(bytes + (3u << 20), 0, 1u << 18);
    for (int what = FAILING_WRITES; what <= NO_MORE_ALLOCATIONS; what++)
        check_failing_saves(place, bytes, RS_COMPRESS_NEVER, (failing)what);
    for (size_t i = 0; i < ARRAY_SIZE; i++)
        bytes[i] &= 0x0F; /* half the size, and still more than one piece */
    for (int what = FAILING_WRITES; what <= NO_MORE_ALLOCATIONS; what++)
        check_failing_saves(place, bytes, RS_COMPRESS_ALWAYS, (failing)what);
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_segment_writer__large_raw_chunks_are_aligned),
        TEST(test_segment_writer__pieces_are_bounded),
        TEST(test_segment_writer__sizes_around_the_limit_of_small_ones),
        TEST(test_segment_writer__memory_that_changes_never_makes_an_unreadable_save),
        TEST(test_segment_writer__a_full_piece_that_cannot_be_written),
        TEST(test_segment_writer__no_memory_at_the_end),
        TEST(test_segment_writer__a_chunk_that_changed_is_copied),
        TEST(test_segment_writer__padding_of_every_length),
        TEST(test_segment_writer__offsets_have_48_bits),
        TEST(test_segment_writer__records_that_no_reader_takes),
        TEST(test_segment_writer__seventy_thousand_empty_blobs),
        TEST(test_segment_writer__thousands_of_small_arrays_behind_a_large_one),
        TEST(test_segment_writer__failures_while_memory_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
