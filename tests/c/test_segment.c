/* format/segment.c: segment headers, trailers and records, whole, flipped, cut and misplaced. */
#include "testing.h"

#include "base/arith.h"
#include "damage.h"
#include "format/header.h"
#include "format/segment.h"
#include "format/signature.h"
#include "seeded.h"

#include "alloc_fail.h"

#define PLACE 40960u

static const rs_uuid uuid = {{7, 7, 7}};
static const rs_segment_header good_header = {.generation = 5,
                                              .data_size = 8000,
                                              .records_size = 160,
                                              .previous_commit = PLACE - RS_TRAILER_SIZE,
                                              .flags = RS_SEGMENT_SELF_VERIFYING};
static const rs_trailer good_trailer = {.generation = 5,
                                        .segment_offset = PLACE,
                                        .segment_size = 3 * RS_BLOCK_SIZE,
                                        .digest = {1, 2},
                                        .flags = RS_SEGMENT_MARK};
#define TRAILER_PLACE (PLACE + 3 * RS_BLOCK_SIZE - RS_TRAILER_SIZE)

static void test_segment__size_is_whole_blocks(void **state) {
    (void)state;
    uint64_t size;
    assert_false(rs_segment_size_overflows(0, 0, &size));
    assert_true(size == 4096);
    assert_false(rs_segment_size_overflows(0, 4096 - 128, &size));
    assert_true(size == 4096);
    assert_false(rs_segment_size_overflows(8, 4096 - 128, &size));
    assert_true(size == 8192);
    assert_true(rs_segment_size_overflows(UINT64_MAX, 1, &size));
    assert_true(rs_segment_size_overflows(UINT64_MAX - 100, 0, &size));
    assert_true(rs_segment_size_overflows(UINT64_MAX - 200, 0, &size));
}

static bool decode_header(rs_segment_header header, uint64_t offset) {
    uint8_t bytes[RS_SEGMENT_HEADER_SIZE];
    rs_segment_header_encode(&header, &uuid, offset, bytes);
    return rs_segment_header_decode(bytes, &uuid, offset, &header);
}

static void header_is_refused(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)size, (void)at, (void)context;
    rs_segment_header header;
    assert_false(rs_segment_header_decode(bytes, &uuid, PLACE, &header));
}

static void test_segment__header_comes_back_only_at_its_place(void **state) {
    (void)state;
    uint8_t bytes[RS_SEGMENT_HEADER_SIZE];
    rs_segment_header header;
    rs_segment_header_encode(&good_header, &uuid, PLACE, bytes);
    assert_true(rs_segment_header_decode(bytes, &uuid, PLACE, &header));
    assert_true(header.generation == 5 && header.data_size == 8000 && header.records_size == 160);
    assert_true(header.previous_commit == good_header.previous_commit);
    assert_int_equal(header.flags, RS_SEGMENT_SELF_VERIFYING);
    assert_false(rs_segment_header_decode(bytes, &uuid, PLACE + 4096, &header));
    rs_uuid other = {{7, 7, 8}};
    assert_false(rs_segment_header_decode(bytes, &other, PLACE, &header));
    damage_flips(bytes, sizeof bytes, header_is_refused, NULL);
}

static void test_segment__header_with_impossible_values_is_refused(void **state) {
    (void)state;
    assert_true(decode_header(good_header, PLACE));
    rs_segment_header header = good_header;
    header.previous_commit = 0;
    assert_true(decode_header(header, PLACE));
    static const uint64_t previous[] = {1,
                                        64,
                                        RS_SEGMENTS_START - RS_TRAILER_SIZE,
                                        PLACE,
                                        PLACE - 8,
                                        PLACE - 128,
                                        PLACE + 4096 - RS_TRAILER_SIZE,
                                        UINT64_MAX,
                                        UINT64_MAX - 63};
    for (size_t i = 0; i < sizeof previous / sizeof previous[0]; i++) {
        header = good_header;
        header.previous_commit = previous[i];
        assert_false(decode_header(header, PLACE));
    }
    header = good_header;
    header.data_size = 8001;
    assert_false(decode_header(header, PLACE));
    header.data_size = UINT64_MAX - 7;
    assert_false(decode_header(header, PLACE));
    header.data_size = UINT64_MAX - PLACE - 7;
    assert_false(decode_header(header, PLACE));
    header = good_header;
    header.records_size = 4;
    assert_false(decode_header(header, PLACE));
}

static void test_segment__sizes_that_no_number_holds(void **state) {
    (void)state;
    uint64_t size;
    assert_true(rs_segment_size_overflows(UINT64_MAX - 7, 8, &size));
    assert_true(rs_segment_size_overflows(UINT64_MAX - 63, 0, &size));
    assert_true(rs_segment_size_overflows(UINT64_MAX - 2047, 0, &size)); /* in whole blocks */
    assert_false(rs_segment_size_overflows(UINT64_MAX - 8191, 0, &size));
    assert_true(size == UINT64_MAX - 4095);
}

static bool decode_trailer(rs_trailer trailer, uint64_t offset) {
    uint8_t bytes[RS_TRAILER_SIZE];
    rs_trailer_encode(&trailer, &uuid, offset, bytes);
    return rs_trailer_decode(bytes, &uuid, offset, &trailer);
}

static void trailer_is_refused(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)size, (void)at, (void)context;
    rs_trailer trailer;
    assert_false(rs_trailer_decode(bytes, &uuid, TRAILER_PLACE, &trailer));
}

static void test_trailer__comes_back_only_at_its_place(void **state) {
    (void)state;
    uint8_t bytes[RS_TRAILER_SIZE];
    rs_trailer trailer;
    rs_trailer_encode(&good_trailer, &uuid, TRAILER_PLACE, bytes);
    assert_true(rs_trailer_decode(bytes, &uuid, TRAILER_PLACE, &trailer));
    assert_memory_equal(&trailer.digest, &good_trailer.digest, sizeof trailer.digest);
    assert_true(trailer.generation == 5 && trailer.segment_offset == PLACE);
    assert_true(trailer.segment_size == 3 * RS_BLOCK_SIZE && trailer.flags == RS_SEGMENT_MARK);
    rs_uuid other = {{8}};
    assert_false(rs_trailer_decode(bytes, &other, TRAILER_PLACE, &trailer));
    assert_false(rs_trailer_decode(bytes, &uuid, TRAILER_PLACE + 4096, &trailer));
    damage_flips(bytes, sizeof bytes, trailer_is_refused, NULL);
}

static void test_trailer__must_end_its_segment(void **state) {
    (void)state;
    assert_true(decode_trailer(good_trailer, TRAILER_PLACE));
    assert_false(decode_trailer(good_trailer, TRAILER_PLACE + 4096));
    rs_trailer trailer = good_trailer;
    trailer.segment_offset = 8192; /* among the header blocks */
    trailer.segment_size = PLACE + 3 * 4096 - 8192;
    assert_false(decode_trailer(trailer, TRAILER_PLACE));
    trailer = good_trailer;
    trailer.segment_offset += 64;
    trailer.segment_size -= 64;
    assert_false(decode_trailer(trailer, TRAILER_PLACE));
    trailer.segment_offset = TRAILER_PLACE + 64;
    trailer.segment_size = 0;
    assert_false(decode_trailer(trailer, TRAILER_PLACE));
    trailer.segment_offset = UINT64_MAX - 4095;
    trailer.segment_size = 4096; /* wraps to 0 */
    assert_false(decode_trailer(trailer, UINT64_MAX - 63));
    trailer = good_trailer;
    trailer.segment_offset = UINT64_MAX / 4096 * 4096 - 4096;
    trailer.segment_size = 4096;
    assert_false(decode_trailer(trailer, UINT64_MAX - 10)); /* its own end would wrap */
    trailer = good_trailer;
    trailer.segment_size -= 64;
    assert_false(decode_trailer(trailer, TRAILER_PLACE - 64)); /* not the end of a block */
}

static void test_record__come_back_in_order(void **state) {
    (void)state;
    rs_buffer buffer = {0};
    rs_record_append(&buffer, RS_RECORD_META, RS_RECORD_REQUIRED, (rs_slice){"abc", 3});
    rs_record_append(&buffer, 99, 0, (rs_slice){NULL, 0});
    rs_record_append(&buffer, RS_RECORD_TABLE, 0, (rs_slice){"12345678", 8});
    rs_end_append(&buffer, NULL, &(rs_statement){0});
    assert_int_equal(buffer.size, 24 + 16 + 24 + 16 + RS_END_SIZE);
    rs_record record;
    size_t position = 0;
    assert_int_equal(rs_record_read(buffer.bytes, buffer.size, &position, &record, NULL), 0);
    assert_int_equal(record.type, RS_RECORD_META);
    assert_int_equal(record.flags, RS_RECORD_REQUIRED);
    assert_int_equal(record.payload.size, 3);
    assert_memory_equal(record.payload.bytes, "abc\0\0\0\0\0", 8);
    assert_int_equal(rs_record_read(buffer.bytes, buffer.size, &position, &record, NULL), 0);
    assert_int_equal(record.type, 99);
    assert_int_equal(record.payload.size, 0);
    assert_int_equal(rs_record_read(buffer.bytes, buffer.size, &position, &record, NULL), 0);
    assert_memory_equal(record.payload.bytes, "12345678", 8);
    assert_int_equal(rs_record_read(buffer.bytes, buffer.size, &position, &record, NULL), 0);
    assert_int_equal(record.type, RS_RECORD_END);
    assert_int_equal(record.payload.size, RS_END_SIZE);
    assert_int_equal(position, buffer.size);
    assert_int_equal(rs_record_read(buffer.bytes, buffer.size, &position, &record, NULL),
                     RESUME_DAMAGED);
    rs_buffer_release(&buffer);
}

/* All records that can be read lie inside the bytes; a sanitizer watches. */
static void walk(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at, (void)context;
    size_t position = 0;
    rs_record record;
    uint8_t sum = 0;
    while (rs_record_read(bytes, size, &position, &record, NULL) == RESUME_OK) {
        for (size_t i = 0; i < record.payload.size; i++)
            sum ^= ((const uint8_t *)record.payload.bytes)[i];
        assert_true(position <= size);
        if (record.type == RS_RECORD_END) break;
    }
    (void)sum;
}

static void cut_is_found(const uint8_t *bytes, size_t size, size_t at, void *context) {
    walk(bytes, size, at, context);
    size_t position = 0;
    rs_record record;
    resume_status status = RESUME_OK;
    for (int i = 0; i < 2 && !status; i++)
        status = rs_record_read(bytes, size, &position, &record, NULL);
    assert_int_equal(status, RESUME_DAMAGED);
}

static void test_record__damage_never_leads_outside(void **state) {
    (void)state;
    rs_buffer buffer = {0};
    rs_record_append(&buffer, RS_RECORD_META, 0, (rs_slice){"abcdefghij", 10});
    rs_end_append(&buffer, NULL, &(rs_statement){0});
    damage_flips(buffer.bytes, buffer.size, walk, NULL);
    damage_cuts(buffer.bytes, buffer.size, cut_is_found, NULL);
    rs_store_u64(buffer.bytes + 8, UINT64_MAX - 3);
    rs_record record;
    size_t position = 0;
    assert_int_equal(rs_record_read(buffer.bytes, buffer.size, &position, &record, NULL),
                     RESUME_DAMAGED);
    assert_int_equal(position, 0);
    position = SIZE_MAX;
    assert_int_equal(rs_record_read(buffer.bytes, buffer.size, &position, &record, NULL),
                     RESUME_DAMAGED);
    rs_buffer_release(&buffer);
}

static void test_record__failed_allocation_sticks(void **state) {
    (void)state;
    bool failed = true;
    for (long n = 1; failed; n++) {
        rs_buffer buffer = {0};
        static const uint8_t payload[3000];
        alloc_fail_at(n, true);
        rs_record_append(&buffer, 1, 0, (rs_slice){payload, sizeof payload});
        rs_end_append(&buffer, NULL, &(rs_statement){0});
        alloc_fail_at(0, false);
        failed = buffer.failed;
        rs_buffer_release(&buffer);
        assert_true(n < 20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment__size_is_whole_blocks),
        cmocka_unit_test(test_segment__header_comes_back_only_at_its_place),
        cmocka_unit_test(test_segment__header_with_impossible_values_is_refused),
        cmocka_unit_test(test_segment__sizes_that_no_number_holds),
        cmocka_unit_test(test_trailer__comes_back_only_at_its_place),
        cmocka_unit_test(test_trailer__must_end_its_segment),
        cmocka_unit_test(test_record__come_back_in_order),
        cmocka_unit_test(test_record__damage_never_leads_outside),
        cmocka_unit_test(test_record__failed_allocation_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
