/* format/cbor.c: the examples of RFC 8949 (appendices A and F), random items, damage. */
#include "testing.h"

#include "alloc_fail.h"
#include "damage.h"
#include "format/cbor.h"
#include "seeded.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t from_hex(const char *hex, uint8_t *bytes) {
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return size;
}

/* The first item of the bytes that `hex` tells. */
static resume_status read_hex(const char *hex, uint8_t *bytes, rs_cbor_item *item) {
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, from_hex(hex, bytes));
    return rs_cbor_next(&reader, item, NULL);
}

/* Appendix A, numbers: head argument and kind; the encoder makes the same bytes. */
static const struct {
    const char *hex;
    rs_cbor_kind kind;
    uint64_t argument;
} numbers[] = {
    {"00", RS_CBOR_UNSIGNED, 0},
    {"01", RS_CBOR_UNSIGNED, 1},
    {"0a", RS_CBOR_UNSIGNED, 10},
    {"17", RS_CBOR_UNSIGNED, 23},
    {"1818", RS_CBOR_UNSIGNED, 24},
    {"1819", RS_CBOR_UNSIGNED, 25},
    {"1864", RS_CBOR_UNSIGNED, 100},
    {"1903e8", RS_CBOR_UNSIGNED, 1000},
    {"1a000f4240", RS_CBOR_UNSIGNED, 1000000},
    {"1b000000e8d4a51000", RS_CBOR_UNSIGNED, UINT64_C(1000000000000)},
    {"1bffffffffffffffff", RS_CBOR_UNSIGNED, UINT64_MAX},
    {"20", RS_CBOR_NEGATIVE, 0},
    {"29", RS_CBOR_NEGATIVE, 9},
    {"3863", RS_CBOR_NEGATIVE, 99},
    {"3903e7", RS_CBOR_NEGATIVE, 999},
    {"3bffffffffffffffff", RS_CBOR_NEGATIVE, UINT64_MAX},
    {"c0", RS_CBOR_TAG, 0},
    {"d818", RS_CBOR_TAG, 24},
    {"d820", RS_CBOR_TAG, 32},
    {"f4", RS_CBOR_SIMPLE, RS_CBOR_FALSE},
    {"f5", RS_CBOR_SIMPLE, RS_CBOR_TRUE},
    {"f6", RS_CBOR_SIMPLE, RS_CBOR_NULL},
    {"f7", RS_CBOR_SIMPLE, RS_CBOR_UNDEFINED},
    {"f0", RS_CBOR_SIMPLE, 16},
    {"f8ff", RS_CBOR_SIMPLE, 255},
    {"80", RS_CBOR_ARRAY, 0},
    {"a0", RS_CBOR_MAP, 0},
};

static void test_cbor__numbers_of_the_rfc(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint8_t bytes[16];
        size_t size = from_hex(numbers[i].hex, bytes);
        rs_cbor_item item;
        assert_int_equal(read_hex(numbers[i].hex, bytes, &item), RESUME_OK);
        assert_int_equal(item.kind, numbers[i].kind);
        assert_true(item.argument == numbers[i].argument);
        rs_buffer buffer = {0};
        rs_cbor_put_head(&buffer, numbers[i].kind, numbers[i].argument);
        assert_int_equal(buffer.size, size);
        assert_memory_equal(buffer.bytes, bytes, size);
        rs_buffer_release(&buffer);
    }
}

static void test_cbor__signed_numbers(void **state) {
    (void)state;
    static const struct {
        int64_t value;
        const char *hex;
    } rows[] = {{-1, "20"},
                {-10, "29"},
                {-100, "3863"},
                {-1000, "3903e7"},
                {1000, "1903e8"},
                {INT64_MIN, "3b7fffffffffffffff"},
                {INT64_MAX, "1b7fffffffffffffff"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[16];
        size_t size = from_hex(rows[i].hex, bytes);
        rs_buffer buffer = {0};
        rs_cbor_put_int(&buffer, rows[i].value);
        assert_int_equal(buffer.size, size);
        assert_memory_equal(buffer.bytes, bytes, size);
        rs_buffer_release(&buffer);
    }
}

/* Appendix A, floats; NaN stands for any. */
static const struct {
    const char *hex;
    double value;
} floats[] = {
    {"f90000", 0.0},
    {"f98000", -0.0},
    {"f93c00", 1.0},
    {"fb3ff199999999999a", 1.1},
    {"f93e00", 1.5},
    {"f97bff", 65504.0},
    {"fa47c35000", 100000.0},
    {"fa7f7fffff", 3.4028234663852886e+38},
    {"fb7e37e43c8800759c", 1.0e+300},
    {"f90001", 5.960464477539063e-8},
    {"f90400", 0.00006103515625},
    {"f903ff", 0.00006097555160522461},
    {"f9c400", -4.0},
    {"fbc010666666666666", -4.1},
    {"f97c00", INFINITY},
    {"f97e00", NAN},
    {"f9fc00", -INFINITY},
    {"fa7f800000", INFINITY},
    {"fa7fc00000", NAN},
    {"faff800000", -INFINITY},
    {"fa00000001", 1.401298464324817e-45},
    {"fa807fffff", -1.1754942106924411e-38},
    {"fb7ff0000000000000", INFINITY},
    {"fb7ff8000000000000", NAN},
    {"fbfff0000000000000", -INFINITY},
};

static void test_cbor__floats_of_the_rfc(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++) {
        uint8_t bytes[16];
        size_t size = from_hex(floats[i].hex, bytes);
        rs_cbor_item item;
        double value;
        assert_int_equal(read_hex(floats[i].hex, bytes, &item), RESUME_OK);
        assert_true(rs_cbor_item_double(&item, &value));
        if (isnan(floats[i].value)) {
            assert_true(isnan(value));
            continue;
        }
        assert_memory_equal(&value, &floats[i].value, sizeof value);
        rs_buffer buffer = {0};
        rs_cbor_put_double(&buffer, value);
        assert_int_equal(buffer.size, 9);
        if (size == 9) assert_memory_equal(buffer.bytes, bytes, 9);
        rs_buffer_release(&buffer);
    }
}

/* All 65536 half floats, against arithmetic. */
static void test_cbor__every_half_float(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        rs_cbor_item item = {.kind = RS_CBOR_SIMPLE, .width = 2, .argument = bits};
        int exponent = (int)(bits >> 10 & 31);
        double fraction = bits & 1023, expected, value;
        assert_true(rs_cbor_item_double(&item, &value));
        if (exponent == 31 && fraction != 0) {
            assert_true(isnan(value));
            continue;
        }
        expected = exponent == 31 ? INFINITY
                   : exponent     ? ldexp(fraction + 1024, exponent - 25)
                                  : ldexp(fraction, -24);
        if (bits >> 15) expected = -expected;
        assert_memory_equal(&value, &expected, sizeof value);
    }
}

static void test_cbor__payload_of_nan_is_kept(void **state) {
    (void)state;
    uint64_t bits = UINT64_C(0xfff4000000001234), back; /* a signalling one */
    double value;
    memcpy(&value, &bits, sizeof value);
    rs_buffer buffer = {0};
    rs_cbor_put_double(&buffer, value);
    rs_cbor_reader reader = rs_cbor_reader_over(buffer.bytes, buffer.size);
    rs_cbor_item item;
    assert_int_equal(rs_cbor_next(&reader, &item, NULL), RESUME_OK);
    assert_true(item.argument == bits);
    assert_true(rs_cbor_item_double(&item, &value));
    memcpy(&back, &value, sizeof back);
    assert_true(back == bits);
    item = (rs_cbor_item){.kind = RS_CBOR_SIMPLE, .width = 4, .argument = 0x7f800001};
    assert_true(rs_cbor_item_double(&item, &value));
    memcpy(&back, &value, sizeof back);
    assert_true(back == UINT64_C(0x7ff0000020000000));
    item = (rs_cbor_item){.kind = RS_CBOR_SIMPLE, .width = 1, .argument = 32};
    assert_false(rs_cbor_item_double(&item, &value));
    item = (rs_cbor_item){.kind = RS_CBOR_UNSIGNED, .width = 8};
    assert_false(rs_cbor_item_double(&item, &value));
    rs_buffer_release(&buffer);
}

/* Appendix A, all that is of definite length: one skip goes over the whole. */
static const char *const whole[] = {
    "c249010000000000000000",
    "c349010000000000000000",
    "c074323031332d30332d32315432303a30343a30305a",
    "c11a514b67b0",
    "c1fb41d452d9e8200000",
    "d74401020304",
    "d818456449455446",
    "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
    "40",
    "4401020304",
    "60",
    "6161",
    "6449455446",
    "62225c",
    "62c3bc",
    "63e6b0b4",
    "64f0908591",
    "80",
    "83010203",
    "8301820203820405",
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
    "a0",
    "a201020304",
    "a26161016162820203",
    "826161a161626163",
    "a56161614161626142616361436164614461656145",
};

static void cut_is_no_item(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at, (void)context;
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, size);
    resume_status status = rs_cbor_skip(&reader, NULL);
    assert_true(status == RESUME_TRUNCATED || status == RESUME_DAMAGED);
    assert_int_equal(reader.position, 0);
}

static void flip_stays_inside(const uint8_t *bytes, size_t size, size_t at, void *context) {
    (void)at, (void)context;
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, size);
    if (rs_cbor_skip(&reader, NULL) == RESUME_OK)
        assert_in_range(reader.position, 1, size);
    else
        assert_int_equal(reader.position, 0);
}

static void test_cbor__whole_items_of_the_rfc(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        uint8_t bytes[64];
        size_t size = from_hex(whole[i], bytes);
        rs_cbor_reader reader = rs_cbor_reader_over(bytes, size);
        assert_int_equal(rs_cbor_skip(&reader, NULL), RESUME_OK);
        assert_int_equal(reader.position, size);
        damage_cuts(bytes, size, cut_is_no_item, NULL);
        damage_flips(bytes, size, flip_stays_inside, NULL);
    }
}

/* Appendix A, indefinite lengths; appendix F, what is not well-formed; UTF-8. */
static const struct {
    const char *hex;
    resume_status status;
} refused[] = {
    {"5f42010243030405ff", RESUME_DAMAGED},
    {"7f657374726561646d696e67ff", RESUME_DAMAGED},
    {"9fff", RESUME_DAMAGED},
    {"9f018202039f0405ffff", RESUME_DAMAGED},
    {"bf61610161629f0203ffff", RESUME_DAMAGED},
    {"ff", RESUME_DAMAGED},
    {"1c", RESUME_DAMAGED},
    {"3d", RESUME_DAMAGED},
    {"5e", RESUME_DAMAGED},
    {"fc", RESUME_DAMAGED},
    {"fe", RESUME_DAMAGED},
    {"1f", RESUME_DAMAGED},
    {"df", RESUME_DAMAGED},
    {"f800", RESUME_DAMAGED},
    {"f818", RESUME_DAMAGED},
    {"f81f", RESUME_DAMAGED},
    {"", RESUME_TRUNCATED},
    {"18", RESUME_TRUNCATED},
    {"1901", RESUME_TRUNCATED},
    {"1a010203", RESUME_TRUNCATED},
    {"1b01020304050607", RESUME_TRUNCATED},
    {"f8", RESUME_TRUNCATED},
    {"f900", RESUME_TRUNCATED},
    {"fb000000", RESUME_TRUNCATED},
    {"41", RESUME_DAMAGED},
    {"5affffffff00", RESUME_DAMAGED},
    {"5bffffffffffffffff010203", RESUME_DAMAGED},
    {"7b7fffffffffffffff010203", RESUME_DAMAGED},
    {"820f", RESUME_DAMAGED},
    {"9bffffffffffffffff00", RESUME_DAMAGED},
    {"a1", RESUME_DAMAGED},
    {"a20102", RESUME_DAMAGED},
    {"bbffffffffffffffff00", RESUME_DAMAGED},
    {"61ff", RESUME_DAMAGED},
    {"62c080", RESUME_DAMAGED},
    {"63eda080", RESUME_DAMAGED},
    {"64f4908080", RESUME_DAMAGED},
};

static void test_cbor__bad_heads_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        uint8_t bytes[64];
        rs_error error = {0};
        rs_cbor_item item;
        rs_cbor_reader reader = rs_cbor_reader_over(bytes, from_hex(refused[i].hex, bytes));
        assert_int_equal(rs_cbor_next(&reader, &item, &error), refused[i].status);
        assert_int_equal(reader.position, 0);
        assert_true(error.text[0] != 0);
    }
}

/* Every sequence of up to three bytes, and the edges of those of four, against the definition by
 * code point. */
static bool is_utf8_by_value(const uint8_t *b, size_t size) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < size;) {
        size_t length = b[i] < 0x80             ? 1
                        : (b[i] & 0xE0) == 0xC0 ? 2
                        : (b[i] & 0xF0) == 0xE0 ? 3
                        : (b[i] & 0xF8) == 0xF0 ? 4
                                                : 0;
        if (!length || length > size - i) return false;
        uint32_t value = length == 1 ? b[i] : b[i] & (0xFFu >> (length + 1));
        for (size_t k = 1; k < length; k++) {
            if ((b[i + k] & 0xC0) != 0x80) return false;
            value = value << 6 | (b[i + k] & 0x3Fu);
        }
        if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
            return false;
        i += length;
    }
    return true;
}

static void test_utf8__agrees_with_the_definition(void **state) {
    (void)state;
    uint8_t bytes[24] = {0};
    for (uint32_t value = 0; value < 1u << 24; value++) {
        uint8_t three[3] = {(uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
        if (rs_utf8_is_valid(three, 3) != is_utf8_by_value(three, 3)) fail();
    }
    seeded random = seeded_start();
    static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                    0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xEC,
                                    0xED, 0xEF, 0xF0, 0xF3, 0xF4, 0xF5, 0xFF};
    size_t valid = 0;
    for (int round = 0; round < 2000000; round++) {
        size_t size = (size_t)seeded_below(&random, 6);
        size_t before = (size_t)seeded_below(&random, 18); /* ASCII: the fast path */
        memset(bytes, 'a', before);
        for (size_t i = 0; i < size; i++)
            bytes[before + i] = edges[seeded_below(&random, sizeof edges)];
        bool expected = is_utf8_by_value(bytes, before + size);
        valid += expected;
        if (rs_utf8_is_valid(bytes, before + size) != expected) fail();
    }
    assert_true(valid > 1000);
}

static void put_random(seeded *random, rs_buffer *buffer, uint64_t *items) {
    static const char text[] = "aeiou\xC3\xBC\xE6\xB0\xB4";
    ++*items;
    switch (seeded_below(random, 7)) {
    case 0:
        rs_cbor_put_int(buffer, (int64_t)(seeded_next(random) >> seeded_below(random, 64)));
        break;
    case 1:
        rs_cbor_put_double(buffer, (double)seeded_next(random));
        break;
    case 2:
        rs_cbor_put_text(buffer, text, seeded_below(random, 2) ? sizeof text - 1 : 5);
        break;
    case 3:
        rs_cbor_put_bytes(buffer, text, (size_t)seeded_below(random, sizeof text));
        break;
    case 4:
        rs_cbor_put_simple(buffer, RS_CBOR_NULL);
        break;
    case 5:
        rs_cbor_put_literal(buffer, "key");
        break;
    default:
        rs_cbor_put_head(buffer, RS_CBOR_TAG, seeded_next(random));
        rs_cbor_put_int(buffer, -1);
        ++*items;
        break;
    }
}

static void test_cbor__random_items_come_back(void **state) {
    (void)state;
    seeded random = seeded_start();
    for (int round = 0; round < 300; round++) {
        rs_buffer buffer = {0};
        uint64_t count = seeded_below(&random, 300), items = 1;
        rs_cbor_put_head(&buffer, RS_CBOR_ARRAY, count);
        for (uint64_t i = 0; i < count; i++)
            put_random(&random, &buffer, &items);
        rs_cbor_reader reader = rs_cbor_reader_over(buffer.bytes, buffer.size);
        assert_int_equal(rs_cbor_skip(&reader, NULL), RESUME_OK);
        assert_int_equal(reader.position, buffer.size);
        reader = rs_cbor_reader_over(buffer.bytes, buffer.size);
        rs_buffer again = {0};
        for (uint64_t i = 0; i < items; i++) {
            rs_cbor_item item;
            assert_int_equal(rs_cbor_next(&reader, &item, NULL), RESUME_OK);
            double value;
            if (rs_cbor_item_double(&item, &value))
                rs_cbor_put_double(&again, value);
            else
                rs_cbor_put_head(&again, item.kind, item.argument);
            if (item.bytes) rs_buffer_append(&again, item.bytes, (size_t)item.argument);
        }
        assert_int_equal(again.size, buffer.size);
        assert_memory_equal(again.bytes, buffer.bytes, buffer.size);
        rs_buffer_release(&buffer);
        rs_buffer_release(&again);
    }
}

static void test_cbor__limit_on_items(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0x82, 1, 2};
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, sizeof bytes);
    reader.items_left = 2;
    assert_int_equal(rs_cbor_skip(&reader, NULL), RESUME_LIMIT);
    assert_int_equal(reader.position, 0);
    assert_true(reader.items_left == 2);
    reader.items_left = 3;
    assert_int_equal(rs_cbor_skip(&reader, NULL), RESUME_OK);
    assert_true(reader.items_left == 0);
}

static void test_cbor__a_million_levels_are_skipped(void **state) {
    (void)state;
    const size_t depth = 1000000;
    uint8_t *bytes = malloc(depth + 1);
    memset(bytes, 0x81, depth);
    bytes[depth] = 0;
    rs_cbor_reader reader = rs_cbor_reader_over(bytes, depth + 1);
    assert_int_equal(rs_cbor_skip(&reader, NULL), RESUME_OK);
    assert_int_equal(reader.position, depth + 1);
    reader = rs_cbor_reader_over(bytes, depth);
    assert_int_not_equal(rs_cbor_skip(&reader, NULL), RESUME_OK);
    free(bytes);
}

static void test_cbor__find_goes_to_the_value(void **state) {
    (void)state;
    /* {1: 2, [1, 2]: {}, "a": [3], "b": 4}, 5 */
    static const uint8_t bytes[] = {0xa4, 1,    2, 0x82, 1,   2, 0xa0, 0x61,
                                    'a',  0x81, 3, 0x61, 'b', 4, 5};
    static const struct {
        const char *key;
        resume_status status;
        size_t position;
    } rows[] = {{"a", RESUME_OK, 9},
                {"b", RESUME_OK, 13},
                {"c", RESUME_NOT_FOUND, 14},
                {"", RESUME_NOT_FOUND, 14},
                {"ab", RESUME_NOT_FOUND, 14}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rs_cbor_reader reader = rs_cbor_reader_over(bytes, sizeof bytes);
        rs_cbor_item map;
        assert_int_equal(rs_cbor_next(&reader, &map, NULL), RESUME_OK);
        assert_int_equal(rs_cbor_find(&reader, &map, rows[i].key, NULL), rows[i].status);
        assert_int_equal(reader.position, rows[i].position);
    }
    for (size_t size = 1; size < 14; size++) { /* cut: never OK for a key behind */
        rs_cbor_reader reader = rs_cbor_reader_over(bytes, size);
        rs_cbor_item map;
        if (rs_cbor_next(&reader, &map, NULL)) continue;
        size_t before = reader.position;
        resume_status status = rs_cbor_find(&reader, &map, "c", NULL);
        assert_true(status == RESUME_TRUNCATED || status == RESUME_DAMAGED);
        assert_int_equal(reader.position, before);
    }
    rs_cbor_reader reader = rs_cbor_reader_over(bytes + 1, 1);
    rs_cbor_item number;
    assert_int_equal(rs_cbor_next(&reader, &number, NULL), RESUME_OK);
    assert_int_equal(rs_cbor_find(&reader, &number, "a", NULL), RESUME_DAMAGED);
}

static void test_cbor__failed_allocation_sticks(void **state) {
    (void)state;
    bool failed = true;
    for (long n = 1; failed; n++) {
        rs_buffer buffer = {0};
        alloc_fail_at(n, true);
        for (int i = 0; i < 1000; i++) {
            rs_cbor_put_double(&buffer, i);
            rs_cbor_put_literal(&buffer, "text");
        }
        alloc_fail_at(0, false);
        failed = buffer.failed;
        rs_buffer_release(&buffer);
        assert_true(n < 30);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbor__numbers_of_the_rfc),
        cmocka_unit_test(test_cbor__signed_numbers),
        cmocka_unit_test(test_cbor__floats_of_the_rfc),
        cmocka_unit_test(test_cbor__every_half_float),
        cmocka_unit_test(test_cbor__payload_of_nan_is_kept),
        cmocka_unit_test(test_cbor__whole_items_of_the_rfc),
        cmocka_unit_test(test_cbor__bad_heads_are_refused),
        cmocka_unit_test(test_utf8__agrees_with_the_definition),
        cmocka_unit_test(test_cbor__random_items_come_back),
        cmocka_unit_test(test_cbor__limit_on_items),
        cmocka_unit_test(test_cbor__a_million_levels_are_skipped),
        cmocka_unit_test(test_cbor__find_goes_to_the_value),
        cmocka_unit_test(test_cbor__failed_allocation_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
