/* Tests of src/store/segment_writer.c: pieces, alignment, and memory that changes meanwhile. */
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE (12u << 20)

static uint8_t *make_array(uint64_t seed) {
    uint8_t *bytes = malloc(ARRAY_SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < ARRAY_SIZE; i += 8) {
        uint64_t value = sample_random(&seed);
        memcpy(bytes + i, &value, 8);
    }
    return bytes;
}

static resume_status save_array(store_place *place, const uint8_t *bytes, size_t size,
                                rs_compress compress) {
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{"s", 1, 1}, {bytes, size, 8}};
    rs_snapshot snapshot = {&meta, blobs, 2};
    rs_commit_options options = {.compress = compress};
    return rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error);
}

static void expect_array(store_place *place, const uint8_t *bytes, size_t size) {
    rs_state *read;
    uint8_t *back = malloc(size);
    assert_non_null(back);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(rs_state_read_blob(read, 1, back, &place->error), RESUME_OK);
    assert_memory_equal(back, bytes, size);
    rs_state_free(read);
    free(back);
}

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
        for (size_t i = 0; i < size; i += 256 * 1024)
            bytes[i]++; /* every chunk is new */
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
} meddler;

static int64_t meddling_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                              uint64_t offset) {
    (void)os;
    if (--meddler.writes_left >= 0)
        for (size_t i = 0; i < meddler.size; i++)
            meddler.bytes[meddler.offset + i]++;
    return rs_os_linux()->write(rs_os_linux(), fd, parts, count, offset);
}

static void test_segment_writer__memory_that_changes_never_makes_an_unreadable_save(void **state) {
    store_place *place = *state;
    rs_os meddling = *rs_os_linux();
    meddling.write = meddling_write;
    for (int twins = 0; twins <= 1; twins++) {
        uint8_t *bytes = make_array(4), *back = malloc(ARRAY_SIZE);
        assert_non_null(back);
        /* Equal chunks share one place in the file, which changes for all of them. */
        if (twins) memcpy(bytes + (30u << 18), bytes + (8u << 18), 1u << 18);
        store_new(place);
        assert_int_equal(save_array(place, bytes, 1000, RS_COMPRESS_NEVER), RESUME_OK);
        meddler.bytes = bytes;
        meddler.offset = 0;
        meddler.size = ARRAY_SIZE;
        meddler.writes_left = 2;
        place->fault.real = &meddling;
        assert_int_equal(save_array(place, bytes, ARRAY_SIZE, RS_COMPRESS_NEVER), RESUME_OK);
        place->fault.real = rs_os_linux();
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

static void test_segment_writer__nothing_is_copied_from_large_arrays(void **state) {
    store_place *place = *state;
    uint8_t *bytes = make_array(6);
    store_new(place);
    assert_int_equal(save_array(place, bytes, ARRAY_SIZE, RS_COMPRESS_NEVER), RESUME_OK);
    rs_segment_writer writer = {
        .os = rs_os_linux(), .fd = -1, .codec = place->file->codec, .offset = 4096 * 4};
    assert_int_equal(rs_segment_writer_init(&writer, &place->error), RESUME_OK);
    writer.streaming = true;
    rs_chunk_entry entry = {.raw_size = 1u << 18, .hash = rs_hash128_of(bytes, 1u << 18, 0)};
    assert_int_equal(
        rs_segment_writer_chunk(&writer, bytes, 8, RS_COMPRESS_NEVER, false, &entry, &place->error),
        RESUME_OK);
    assert_ptr_equal(writer.parts[writer.part_count - 1].bytes, bytes);
    assert_true(writer.staged.size < 2 * RS_BLOCK_SIZE);
    rs_segment_writer_release(&writer);
    free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_segment_writer__large_raw_chunks_are_aligned),
        TEST(test_segment_writer__pieces_are_bounded),
        TEST(test_segment_writer__sizes_around_the_limit_of_small_ones),
        TEST(test_segment_writer__memory_that_changes_never_makes_an_unreadable_save),
        TEST(test_segment_writer__nothing_is_copied_from_large_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
