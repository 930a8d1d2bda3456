/* api/take_array.c: arrays of any layout, and lists, into arrays of C. */
#include "testing.h"

#include "api_place.h"

#include <string.h>

static const double table[2][3] = {{1, 2, 3}, {4, 5, 6}};

static resume_status restore(api_place *place, void *to, resume_type type, resume_order order,
                             size_t rank, const size_t *shape) {
    char text[1024];
    resume *ck = api_open(place);
    resume_protect_shape_as(ck, "x", to, type, order, rank, shape);
    return api_restore(ck, text);
}

static rs_buffer *begin(api_place *place) {
    rs_buffer *s = api_begin(place, 1);
    rs_cbor_put_literal(s, "x");
    return s;
}

static void put_shape(rs_buffer *s, size_t rank, const size_t *shape) {
    rs_cbor_put_head(s, RS_CBOR_ARRAY, rank);
    for (size_t i = 0; i < rank; i++)
        rs_cbor_put_head(s, RS_CBOR_UNSIGNED, shape[i]);
}

/* Saved by C in one order, restored in the other. */
static void test_take_array__both_orders(void **state) {
    api_place *place = *state;
    double rows[2][3], columns[3][2];
    memcpy(rows, table, sizeof rows);
    resume *ck = api_open(place);
    resume_protect_value_as(ck, "unused", rows, RESUME_FLOAT64);
    resume_protect_shape_as(ck, "x", rows, RESUME_FLOAT64, RESUME_ROWS, 2, (size_t[]){2, 3});
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    memset(columns, 0, sizeof columns);
    assert_int_equal(restore(place, columns, RESUME_FLOAT64, RESUME_COLUMNS, 2, (size_t[]){2, 3}),
                     RESUME_OK);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            assert_true(columns[j][i] == table[i][j]);
    ck = api_open(place);
    resume_protect_shape_as(ck, "x", columns, RESUME_FLOAT64, RESUME_COLUMNS, 2, (size_t[]){2, 3});
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    memset(rows, 0, sizeof rows);
    assert_int_equal(restore(place, rows, RESUME_FLOAT64, RESUME_ROWS, 2, (size_t[]){2, 3}),
                     RESUME_OK);
    assert_memory_equal(rows, table, sizeof rows);
    assert_int_equal(restore(place, rows, RESUME_FLOAT64, RESUME_ROWS, 2, (size_t[]){3, 2}),
                     RESUME_MISMATCH);
    assert_int_equal(restore(place, rows, RESUME_FLOAT64, RESUME_ROWS, 1, (size_t[]){6}),
                     RESUME_MISMATCH);
}

static void test_take_array__eight_dimensions(void **state) {
    api_place *place = *state;
    static const size_t shape[8] = {2, 1, 3, 1, 2, 1, 2, 2};
    int32_t saved[48], found[48], back[48];
    for (int i = 0; i < 48; i++)
        saved[i] = i * i - 100;
    resume *ck = api_open(place);
    resume_protect_shape_as(ck, "x", saved, RESUME_INT32, RESUME_ROWS, 8, shape);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    assert_int_equal(restore(place, found, RESUME_INT32, RESUME_ROWS, 8, shape), RESUME_OK);
    assert_memory_equal(found, saved, sizeof saved);
    assert_int_equal(restore(place, found, RESUME_INT32, RESUME_COLUMNS, 8, shape), RESUME_OK);
    assert_memory_not_equal(found, saved, sizeof saved);
    ck = api_open(place);
    resume_protect_shape_as(ck, "x", found, RESUME_INT32, RESUME_COLUMNS, 8, shape);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    assert_int_equal(restore(place, back, RESUME_INT32, RESUME_ROWS, 8, shape), RESUME_OK);
    assert_memory_equal(back, saved, sizeof saved);
}

static void test_take_array__zero_elements(void **state) {
    api_place *place = *state;
    double nothing = 7;
    resume *ck = api_open(place);
    resume_protect_shape_as(ck, "x", &nothing, RESUME_FLOAT64, RESUME_ROWS, 3, (size_t[]){3, 0, 2});
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    resume_leave(ck);
    assert_int_equal(restore(place, &nothing, RESUME_FLOAT64, RESUME_ROWS, 3, (size_t[]){3, 0, 3}),
                     RESUME_MISMATCH);
    assert_true(nothing == 7);
}

/* Big-endian 16-bit integers in axes (1, 0, 2) into longs. */
static void test_take_array__any_order_and_endianness(void **state) {
    api_place *place = *state;
    uint8_t bytes[24];
    int64_t found[2][3][2];
    rs_buffer *s = begin(place);
    for (int j = 0, at = 0; j < 3; j++)
        for (int i = 0; i < 2; i++)
            for (int k = 0; k < 2; k++) {
                int value = 100 * i + 10 * j + k - 50;
                bytes[at++] = (uint8_t)((unsigned)value >> 8);
                bytes[at++] = (uint8_t)value;
            }
    api_put_tagged(s, 39262, 5);
    rs_cbor_put_literal(s, ">i2");
    put_shape(s, 3, (size_t[]){2, 3, 2});
    put_shape(s, 3, (size_t[]){1, 0, 2}); /* the axes, slowest first */
    rs_cbor_put_simple(s, RS_CBOR_FALSE);
    rs_cbor_put_bytes(s, bytes, sizeof bytes);
    api_put(place);
    assert_int_equal(restore(place, found, RESUME_INT64, RESUME_ROWS, 3, (size_t[]){2, 3, 2}),
                     RESUME_OK);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 2; k++)
                assert_int_equal(found[i][j][k], 100 * i + 10 * j + k - 50);
    uint16_t unsigned_one[12];
    assert_int_equal(
        restore(place, unsigned_one, RESUME_UINT16, RESUME_ROWS, 3, (size_t[]){2, 3, 2}),
        RESUME_MISMATCH);
}

/* a = arange(10.); x = a[8::-3], a view over a base in a blob of which only a part is there. */
static void test_take_array__views(void **state) {
    api_place *place = *state;
    double base[10], found[3] = {0};
    for (int i = 0; i < 10; i++)
        base[i] = i;
    for (int part = 0; part < 2; part++) {
        rs_buffer *s = begin(place);
        api_put_tagged(s, 39263, 6);
        api_put_tag(s, 28);
        api_put_tagged(s, 39262, 5);
        rs_cbor_put_literal(s, "<f8");
        put_shape(s, 1, (size_t[]){10});
        rs_cbor_put_int(s, 0);
        rs_cbor_put_simple(s, RS_CBOR_TRUE);
        if (part) {
            api_put_tagged(s, 39256, 3);
            rs_cbor_put_head(s, RS_CBOR_UNSIGNED, api_blob(place, base + 2, 7 * 8));
            rs_cbor_put_int(s, 16);
            rs_cbor_put_int(s, 72);
        } else {
            rs_cbor_put_bytes(s, base, sizeof base);
        }
        rs_cbor_put_literal(s, "<f8");
        put_shape(s, 1, (size_t[]){3});
        rs_cbor_put_head(s, RS_CBOR_ARRAY, 1);
        rs_cbor_put_int(s, -24);
        rs_cbor_put_int(s, 64);
        rs_cbor_put_simple(s, RS_CBOR_TRUE);
        api_put(place);
        memset(found, 0, sizeof found);
        assert_int_equal(restore(place, found, RESUME_FLOAT64, RESUME_ROWS, 1, (size_t[]){3}),
                         RESUME_OK);
        assert_true(found[0] == 8 && found[1] == 5 && found[2] == 2);
    }
}

static void put_packed(rs_buffer *s, uint64_t tag, const void *bytes, size_t size) {
    api_put_tag(s, 39257);
    api_put_tag(s, tag);
    rs_cbor_put_bytes(s, bytes, size);
}

static void test_take_array__lists(void **state) {
    api_place *place = *state;
    int64_t packed[20], found[20];
    float floats[3] = {0};
    for (int i = 0; i < 20; i++)
        packed[i] = i - 10;
    put_packed(begin(place), 79, packed, sizeof packed);
    api_put(place);
    assert_int_equal(restore(place, found, RESUME_INT64, RESUME_ROWS, 1, (size_t[]){20}),
                     RESUME_OK);
    assert_memory_equal(found, packed, sizeof packed);
    rs_buffer *s = begin(place);
    rs_cbor_put_head(s, RS_CBOR_ARRAY, 3);
    rs_cbor_put_int(s, 1);
    rs_cbor_put_double(s, 2.5);
    rs_cbor_put_simple(s, RS_CBOR_TRUE);
    api_put(place);
    assert_int_equal(restore(place, floats, RESUME_FLOAT32, RESUME_ROWS, 1, (size_t[]){3}),
                     RESUME_OK);
    assert_true(floats[0] == 1 && floats[1] == 2.5f && floats[2] == 1);
    assert_int_equal(restore(place, floats, RESUME_FLOAT32, RESUME_ROWS, 1, (size_t[]){2}),
                     RESUME_MISMATCH);
    assert_int_equal(restore(place, found, RESUME_INT64, RESUME_ROWS, 1, (size_t[]){3}),
                     RESUME_MISMATCH);
}

/* [[1, 2, 3], (4, 5, 6)] */
static void test_take_array__lists_in_lists(void **state) {
    api_place *place = *state;
    double found[2][3] = {{0}}, columns[3][2];
    rs_buffer *s = begin(place);
    rs_cbor_put_head(s, RS_CBOR_ARRAY, 2);
    for (int i = 0; i < 2; i++) {
        if (i == 1) api_put_tag(s, 39250);
        rs_cbor_put_head(s, RS_CBOR_ARRAY, 3);
        for (int j = 0; j < 3; j++)
            rs_cbor_put_double(s, table[i][j]);
    }
    api_put(place);
    assert_int_equal(restore(place, found, RESUME_FLOAT64, RESUME_ROWS, 2, (size_t[]){2, 3}),
                     RESUME_OK);
    assert_memory_equal(found, table, sizeof table);
    assert_int_equal(restore(place, columns, RESUME_FLOAT64, RESUME_COLUMNS, 2, (size_t[]){2, 3}),
                     RESUME_OK);
    assert_true(columns[2][1] == 6 && columns[0][1] == 4);
    assert_int_equal(restore(place, found, RESUME_FLOAT64, RESUME_ROWS, 2, (size_t[]){2, 2}),
                     RESUME_MISMATCH);
    assert_int_equal(restore(place, found, RESUME_FLOAT64, RESUME_ROWS, 1, (size_t[]){2}),
                     RESUME_MISMATCH);
}

static void test_take_array__an_array_array(void **state) {
    api_place *place = *state;
    int32_t found[3];
    rs_buffer *s = begin(place);
    api_put_tagged(s, 39277, 3);
    rs_cbor_put_literal(s, "h");
    rs_cbor_put_int(s, 2);
    rs_cbor_put_bytes(s, "\1\0\xff\xff\3\0", 6);
    api_put(place);
    assert_int_equal(restore(place, found, RESUME_INT32, RESUME_ROWS, 1, (size_t[]){3}), RESUME_OK);
    assert_true(found[0] == 1 && found[1] == -1 && found[2] == 3);
}

static void test_take_array__a_bool_is_0_or_1(void **state) {
    api_place *place = *state;
    bool found[3] = {0};
    api_put_array(begin(place), "|b1", 3, "\1\0\1", 3);
    api_put(place);
    assert_int_equal(restore(place, found, RESUME_BOOL, RESUME_ROWS, 1, (size_t[]){3}), RESUME_OK);
    assert_true(found[0] && !found[1] && found[2]);
    found[0] = false;
    api_put_array(begin(place), "|b1", 3, "\1\0\2", 3);
    api_put(place);
    assert_int_equal(restore(place, found, RESUME_BOOL, RESUME_ROWS, 1, (size_t[]){3}),
                     RESUME_MISMATCH);
    assert_false(found[0]);
    bool *grows = NULL;
    size_t count = 0;
    char text[1024];
    resume *ck = api_open(place);
    resume_protect_array_as(ck, "x", &grows, RESUME_BOOL, &count, RESUME_UINT64);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    assert_null(grows);
}

static void test_take_array__a_value_that_does_not_fit_is_found_late(void **state) {
    api_place *place = *state;
    uint8_t found[3] = {9, 9, 9};
    int16_t saved[3] = {1, 2, 300};
    api_put_array(begin(place), "<i2", 3, saved, sizeof saved);
    api_put(place);
    assert_int_equal(restore(place, found, RESUME_UINT8, RESUME_ROWS, 1, (size_t[]){3}),
                     RESUME_MISMATCH);
    assert_true(found[0] == 9 && found[1] == 9);
}

static void test_take_array__an_array_without_dimensions_is_a_number(void **state) {
    api_place *place = *state;
    double found = 0;
    rs_buffer *s = begin(place);
    api_put_tagged(s, 39262, 5);
    rs_cbor_put_literal(s, "<f4");
    put_shape(s, 0, NULL);
    rs_cbor_put_int(s, 0);
    rs_cbor_put_simple(s, RS_CBOR_TRUE);
    rs_cbor_put_bytes(s, "\0\0\x20\x40", 4);
    api_put(place);
    assert_int_equal(restore(place, &found, RESUME_FLOAT64, RESUME_ROWS, 0, NULL), RESUME_OK);
    assert_true(found == 2.5);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_take_array__both_orders),
        TEST(test_take_array__eight_dimensions),
        TEST(test_take_array__zero_elements),
        TEST(test_take_array__any_order_and_endianness),
        TEST(test_take_array__views),
        TEST(test_take_array__lists),
        TEST(test_take_array__lists_in_lists),
        TEST(test_take_array__an_array_array),
        TEST(test_take_array__a_bool_is_0_or_1),
        TEST(test_take_array__a_value_that_does_not_fit_is_found_late),
        TEST(test_take_array__an_array_without_dimensions_is_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
