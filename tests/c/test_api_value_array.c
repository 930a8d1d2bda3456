/* api/value_array.c: no element of an array lies outside its memory, whatever the layout says. */
#include "testing.h"

#include "api/stream.h"

#include <string.h>

static rs_buffer bytes;

static void put_counts(size_t rank, const int64_t *values) {
    rs_cbor_put_head(&bytes, RS_CBOR_ARRAY, rank);
    for (size_t i = 0; i < rank; i++)
        rs_cbor_put_int(&bytes, values[i]);
}

static resume_status read(rs_value *value) {
    rs_stream stream = {.bytes = {bytes.bytes, bytes.size}, .work_left = 10000};
    rs_cbor_reader reader = rs_cbor_reader_over(bytes.bytes, bytes.size);
    resume_status status = rs_value_read(&stream, &reader, value, NULL);
    rs_buffer_clear(&bytes);
    return status;
}

static void put_array(const char *dtype, size_t rank, const int64_t *shape, int order,
                      size_t memory) {
    static const char zeros[100];
    rs_cbor_put_head(&bytes, RS_CBOR_TAG, RS_TAG_ARRAY);
    rs_cbor_put_head(&bytes, RS_CBOR_ARRAY, 5);
    rs_cbor_put_literal(&bytes, dtype);
    put_counts(rank, shape);
    rs_cbor_put_int(&bytes, order);
    rs_cbor_put_simple(&bytes, RS_CBOR_TRUE);
    rs_cbor_put_bytes(&bytes, zeros, memory);
}

static void test_value_array__layouts(void **state) {
    (void)state;
    static const struct {
        int64_t shape[2];
        int order;
        size_t memory;
        resume_status status;
        int64_t strides[2];
    } rows[] = {{{2, 3}, 0, 24, RESUME_OK, {12, 4}},
                {{2, 3}, 1, 24, RESUME_OK, {4, 8}},
                {{2, 3}, 0, 23, RESUME_DAMAGED, {0}},
                {{2, 3}, 0, 25, RESUME_DAMAGED, {0}},
                {{2, 3}, 2, 24, RESUME_DAMAGED, {0}},
                {{INT64_MAX, 4}, 0, 24, RESUME_DAMAGED, {0}},
                {{INT64_C(1) << 62, 4}, 0, 0, RESUME_DAMAGED, {0}}, /* wraps to 0 */
                {{0, 5}, 0, 0, RESUME_OK, {20, 4}},
                {{-1, 5}, 0, 0, RESUME_DAMAGED, {0}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rs_value value;
        put_array("<i4", 2, rows[i].shape, rows[i].order, rows[i].memory);
        resume_status status = read(&value);
        if (status != rows[i].status) fail_msg("row %zu: %d", i, status);
        if (status) continue;
        assert_int_equal(value.kind, RS_VALUE_ARRAY);
        assert_true(value.strides[0] == rows[i].strides[0]);
        assert_true(value.strides[1] == rows[i].strides[1]);
    }
}

static void test_value_array__nine_dimensions_and_other_elements(void **state) {
    (void)state;
    static const int64_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    rs_value value;
    put_array("<i4", 9, ones, 0, 4);
    assert_int_equal(read(&value), RESUME_OK);
    assert_int_equal(value.kind, RS_VALUE_OTHER);
    put_array("<U3", 1, ones, 0, 12);
    assert_int_equal(read(&value), RESUME_OK);
    assert_int_equal(value.kind, RS_VALUE_OTHER);
}

static void put_view(int64_t shape, int64_t stride, int64_t offset) {
    static const char memory[20];
    rs_cbor_put_head(&bytes, RS_CBOR_TAG, RS_TAG_VIEW);
    rs_cbor_put_head(&bytes, RS_CBOR_ARRAY, 6);
    rs_cbor_put_bytes(&bytes, memory, 20);
    rs_cbor_put_literal(&bytes, "<i4");
    put_counts(1, &shape);
    put_counts(1, &stride);
    rs_cbor_put_int(&bytes, offset);
    rs_cbor_put_simple(&bytes, RS_CBOR_TRUE);
}

static void test_value_array__views_stay_inside(void **state) {
    (void)state;
    static const struct {
        int64_t shape, stride, offset;
        resume_status status;
    } rows[] = {{5, 4, 0, RESUME_OK},
                {5, 4, 1, RESUME_DAMAGED},
                {5, -4, 16, RESUME_OK},
                {5, -4, 15, RESUME_DAMAGED},
                {1, INT64_MAX, 16, RESUME_OK},
                {2, INT64_MAX, 0, RESUME_DAMAGED},
                {3, INT64_MIN, 0, RESUME_DAMAGED},
                {2, INT64_MIN, 0, RESUME_DAMAGED},
                {INT64_MAX, 0, 16, RESUME_OK},
                {INT64_MAX, 0, 17, RESUME_DAMAGED},
                {1, 0, INT64_MAX, RESUME_DAMAGED},
                {0, 8, INT64_MAX, RESUME_OK}, /* nothing is looked at */
                {INT64_MAX, INT64_MAX, 0, RESUME_DAMAGED},
                {1, 0, -1, RESUME_DAMAGED}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rs_value value;
        put_view(rows[i].shape, rows[i].stride, rows[i].offset);
        resume_status status = read(&value);
        if (status != rows[i].status) fail_msg("row %zu: %d", i, status);
    }
    rs_buffer_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_array__layouts),
        cmocka_unit_test(test_value_array__nine_dimensions_and_other_elements),
        cmocka_unit_test(test_value_array__views_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
