/* Tests of src/store/place.c: commits by their offsets, whatever stands there. */
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>

static bool at_segment(store_place *place, uint64_t offset, rs_place *found) {
    bool is_found;
    assert_int_equal(
        rs_place_at_segment(place->file, offset, found, &is_found, NULL, &place->error), RESUME_OK);
    return is_found;
}

static bool at_trailer(store_place *place, uint64_t offset, rs_place *found) {
    bool is_found;
    assert_int_equal(rs_place_at_trailer(place->file, offset, found, &is_found, &place->error),
                     RESUME_OK);
    return is_found;
}

static void test_place__commits_are_found_from_both_ends(void **state) {
    store_place *place = *state;
    rs_place found;
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 3);
    for (size_t i = 0; i < 3; i++) {
        const rs_generation *generation = rs_file_generation(place->file, i);
        assert_true(at_segment(place, generation->segment_offset, &found));
        assert_int_equal(found.generation.number, generation->number);
        assert_int_equal(found.generation.commit_offset, generation->commit_offset);
        assert_true(at_trailer(place, generation->commit_offset, &found));
        assert_int_equal(found.generation.segment_offset, generation->segment_offset);
        assert_int_equal(rs_generation_end(&found.generation), generation->commit_offset + 64);
    }
}

static void test_place__nothing_is_found_elsewhere(void **state) {
    store_place *place = *state;
    rs_place found;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    uint64_t size = rs_file_size(place->file);
    const rs_generation *newest = rs_file_generation(place->file, 0);
    for (uint64_t offset = 0; offset <= size + 8192; offset += 64) {
        if (offset != RS_SEGMENTS_START && offset != newest->segment_offset)
            assert_false(at_segment(place, offset, &found));
        if (offset != newest->commit_offset &&
            offset != rs_file_generation(place->file, 1)->commit_offset)
            assert_false(at_trailer(place, offset, &found));
    }
    assert_false(at_segment(place, UINT64_MAX - 4095, &found));
    assert_false(at_trailer(place, UINT64_MAX - 63, &found));
}

static void test_place__reading_behind_the_end(void **state) {
    store_place *place = *state;
    uint8_t bytes[64];
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    uint64_t size = rs_file_size(place->file);
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, size - 64, &place->error), RESUME_OK);
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, size - 63, &place->error),
                     RESUME_TRUNCATED);
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, UINT64_MAX - 10, &place->error),
                     RESUME_TRUNCATED);
    assert_false(place->file->unreadable);
}

static void test_place__a_bad_sector_is_tried_twice(void **state) {
    store_place *place = *state;
    uint8_t bytes[64];
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_fail(place, FAULT_READ, 1, EIO); /* once: passes */
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, 0, &place->error), RESUME_OK);
    fault_os_plan(&place->fault, (fault_plan){.nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = EIO,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_READ)});
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, 0, &place->error), RESUME_DAMAGED);
    assert_true(place->file->unreadable);
    place->fault.plan.os_code = ENOMEM; /* passes as well, some day: no damage */
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, 0, &place->error), RESUME_NO_MEMORY);
    assert_false(rs_is_bad_content(RESUME_NO_MEMORY));
    assert_false(rs_is_bad_content(RESUME_IO));
    assert_true(rs_is_bad_content(RESUME_DAMAGED));
}

/* Statuses that pass are not tried again, and a place for the text is not needed. */
static void test_place__other_failures_of_reading(void **state) {
    store_place *place = *state;
    uint8_t bytes[64];
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_fail(place, FAULT_READ, 1, ETIMEDOUT);
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, 0, NULL), RESUME_IO);
    assert_int_equal(place->fault.calls[FAULT_READ], 1);
    assert_false(place->file->unreadable);
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, 0, NULL), RESUME_OK);
}

static void time_out_from_now_on(void *context) {
    fault_os *fault = context;
    fault->plan.os_code = ETIMEDOUT;
}

/* Bad at first, and then something that passes: no damage. */
static void test_place__a_bad_sector_that_is_only_slow(void **state) {
    store_place *place = *state;
    uint8_t bytes[64];
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    fault_os_plan(&place->fault, (fault_plan){.nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = EIO,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_READ)});
    fault_os_hook(&place->fault, FAULT_BIT(FAULT_READ), 2, time_out_from_now_on, &place->fault);
    assert_int_equal(rs_file_read_at(place->file, bytes, 64, 0, &place->error), RESUME_IO);
    assert_int_equal(place->error.os_code, ETIMEDOUT);
    assert_false(place->file->unreadable);
}

/* Header and trailer with right checksums, which only a hostile writer makes. */
static void write_bytes(store_place *place, const void *bytes, size_t size, uint64_t offset) {
    rs_slice part = {bytes, size};
    assert_int_equal(
        rs_fd_write_all(rs_os_linux(), place->file->fd, &part, 1, offset, "forged", &place->error),
        RESUME_OK);
    if (place->file->size < offset + size) place->file->size = offset + size;
}

static void forge(store_place *place, uint64_t at, const rs_segment_header *header,
                  const rs_trailer *trailer, uint64_t trailer_at) {
    uint8_t head[RS_SEGMENT_HEADER_SIZE], tail[RS_TRAILER_SIZE];
    rs_segment_header_encode(header, &place->file->header.uuid, at, head);
    rs_trailer_encode(trailer, &place->file->header.uuid, trailer_at, tail);
    write_bytes(place, head, sizeof head, at);
    write_bytes(place, tail, sizeof tail, trailer_at);
}

static void test_place__header_and_trailer_must_agree(void **state) {
    store_place *place = *state;
    rs_place found;
    enum { RIGHT, GENERATION, ZERO, ABSURD, FLAGS, OFFSET, RECORDS, CASES };
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    uint64_t at = place->file->end;
    for (int what = RIGHT; what < CASES; what++) {
        rs_segment_header header = {.generation = 2, .data_size = 8, .records_size = 80};
        if (what == ZERO) header.generation = 0;
        if (what == ABSURD) header.generation = RS_GENERATION_NUMBER_MAX;
        if (what == RECORDS) header.records_size = RS_RECORDS_SIZE_MAX + 8;
        uint64_t size;
        assert_false(rs_segment_size_overflows(header.data_size, header.records_size, &size));
        rs_trailer trailer = {
            .generation = header.generation, .segment_offset = at, .segment_size = size};
        if (what == GENERATION) trailer.generation++;
        if (what == FLAGS) trailer.flags = RS_SEGMENT_MARK;
        if (what == OFFSET) { /* of a segment that ends there, too */
            trailer.segment_offset -= RS_BLOCK_SIZE;
            trailer.segment_size += RS_BLOCK_SIZE;
        }
        forge(place, at, &header, &trailer, at + size - RS_TRAILER_SIZE);
        assert_int_equal(at_segment(place, at, &found), what == RIGHT);
    }
}

/* Two trailers name one segment: only the one where it ends is its commit. */
static void test_place__a_trailer_that_is_not_at_the_end(void **state) {
    store_place *place = *state;
    rs_place found;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    uint64_t at = rs_file_generation(place->file, 0)->segment_offset;
    uint64_t right = rs_file_generation(place->file, 0)->commit_offset;
    uint8_t tail[RS_TRAILER_SIZE];
    rs_trailer trailer = {
        .generation = 1, .segment_offset = at, .segment_size = right + 64 - at + RS_BLOCK_SIZE};
    rs_trailer_encode(&trailer, &place->file->header.uuid, right + RS_BLOCK_SIZE, tail);
    write_bytes(place, tail, sizeof tail, right + RS_BLOCK_SIZE);
    assert_true(at_trailer(place, right, &found));
    assert_false(at_trailer(place, right + RS_BLOCK_SIZE, &found));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_place__commits_are_found_from_both_ends),
        TEST(test_place__nothing_is_found_elsewhere),
        TEST(test_place__reading_behind_the_end),
        TEST(test_place__a_bad_sector_is_tried_twice),
        TEST(test_place__other_failures_of_reading),
        TEST(test_place__a_bad_sector_that_is_only_slow),
        TEST(test_place__header_and_trailer_must_agree),
        TEST(test_place__a_trailer_that_is_not_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
