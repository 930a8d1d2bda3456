/* api/number.c: a number goes into a type that holds the very value, and into no other. */
#include "testing.h"

#include "api/type.h"

#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static bool store(rs_number number, resume_type type, void *to) {
    return rs_number_store(&number, type, to);
}

static void test_number__integers_at_their_limits(void **state) {
    (void)state;
    static const struct {
        resume_type type;
        uint64_t lowest; /* the argument of the lowest, UINT64_MAX: no negative one */
        uint64_t highest;
    } rows[] = {{RESUME_INT8, 127, 127},
                {RESUME_INT16, 32767, 32767},
                {RESUME_INT32, INT32_MAX, INT32_MAX},
                {RESUME_INT64, INT64_MAX, INT64_MAX},
                {RESUME_UINT8, UINT64_MAX, 255},
                {RESUME_UINT16, UINT64_MAX, 65535},
                {RESUME_UINT32, UINT64_MAX, UINT32_MAX},
                {RESUME_UINT64, UINT64_MAX, UINT64_MAX},
                {RESUME_BOOL, UINT64_MAX, 1}};
    uint64_t room;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        resume_type type = rows[i].type;
        room = 0;
        assert_true(store(rs_number_of_int(false, rows[i].highest), type, &room));
        rs_number back = rs_number_of_variable(type, &room);
        assert_false(back.negative);
        assert_true(back.argument == rows[i].highest);
        if (rows[i].highest < UINT64_MAX)
            assert_false(store(rs_number_of_int(false, rows[i].highest + 1), type, &room));
        if (rows[i].lowest == UINT64_MAX) {
            assert_false(store(rs_number_of_int(true, 0), type, &room));
            continue;
        }
        assert_true(store(rs_number_of_int(true, rows[i].lowest), type, &room));
        back = rs_number_of_variable(type, &room);
        assert_true(back.negative);
        assert_true(back.argument == rows[i].lowest);
        assert_false(store(rs_number_of_int(true, rows[i].lowest + 1), type, &room));
    }
}

static void test_number__a_refused_one_leaves_the_room_as_it_was(void **state) {
    (void)state;
    uint8_t room = 77;
    assert_false(store(rs_number_of_int(false, 256), RESUME_UINT8, &room));
    assert_false(store(rs_number_of_real(1.0), RESUME_UINT8, &room)); /* no float is an integer */
    assert_int_equal(room, 77);
}

static void test_number__int_to_float_only_when_equal(void **state) {
    (void)state;
    double wide;
    float narrow;
    long double longest;
    assert_true(store(rs_number_of_int(false, UINT64_C(1) << 53), RESUME_FLOAT64, &wide));
    assert_true(wide == 9007199254740992.0);
    assert_false(store(rs_number_of_int(false, (UINT64_C(1) << 53) + 1), RESUME_FLOAT64, &wide));
    assert_true(store(rs_number_of_int(true, (UINT64_C(1) << 24) - 1), RESUME_FLOAT32, &narrow));
    assert_true(narrow == -16777216.0f);
    assert_false(store(rs_number_of_int(true, UINT64_C(1) << 24), RESUME_FLOAT32, &narrow));
    assert_true(store(rs_number_of_int(false, UINT64_MAX), RESUME_LONG_DOUBLE, &longest));
    assert_true(longest == 18446744073709551615.0L);
    assert_true(store(rs_number_of_int(true, UINT64_MAX), RESUME_FLOAT64, &wide)); /* -2^64 */
    assert_true(wide == -18446744073709551616.0);
}

static void test_number__real_to_narrower_only_when_equal(void **state) {
    (void)state;
    float narrow = 0;
    assert_true(store(rs_number_of_real(0.5), RESUME_FLOAT32, &narrow));
    assert_true(narrow == 0.5f);
    assert_false(store(rs_number_of_real(0.1), RESUME_FLOAT32, &narrow));
    assert_false(store(rs_number_of_real(1e300), RESUME_FLOAT32, &narrow));
    assert_true(store(rs_number_of_real(-0.0), RESUME_FLOAT32, &narrow));
    assert_true(signbit(narrow));
    assert_true(store(rs_number_of_real((double)INFINITY), RESUME_FLOAT32, &narrow));
    assert_true(isinf(narrow));
    assert_true(store(rs_number_of_real((double)NAN), RESUME_FLOAT32, &narrow));
    assert_true(isnan(narrow));
    assert_true(store(rs_number_of_real(0x1p-149), RESUME_FLOAT32, &narrow)); /* a denormal */
    assert_true(narrow == 0x1p-149f);
    assert_false(store(rs_number_of_real(0x1p-150), RESUME_FLOAT32, &narrow));
    /* the payload of a NaN that a float has no room for */
    uint64_t bits = UINT64_C(0x7ff8000000000001);
    double nan;
    memcpy(&nan, &bits, sizeof nan);
    assert_false(store(rs_number_of_real(nan), RESUME_FLOAT32, &narrow));
}

static void test_number__complex(void **state) {
    (void)state;
    double complex wide;
    float complex narrow;
    double real;
    assert_true(store(rs_number_of_complex(1.5, -0.0), RESUME_COMPLEX64, &narrow));
    assert_true(crealf(narrow) == 1.5f && signbit(cimagf(narrow)));
    assert_false(store(rs_number_of_complex(1.5, 0.1), RESUME_COMPLEX64, &narrow));
    assert_false(store(rs_number_of_complex(1.5, 0), RESUME_FLOAT64, &real));
    assert_true(store(rs_number_of_real(2), RESUME_COMPLEX128, &wide));
    assert_true(creal(wide) == 2 && cimag(wide) == 0);
    assert_true(store(rs_number_of_int(false, 3), RESUME_COMPLEX128, &wide));
    assert_true(creal(wide) == 3);
}

static rs_number load(const char *dtype_text, const void *bytes) {
    rs_dtype dtype;
    rs_number number;
    assert_true(rs_dtype_parse(dtype_text, strlen(dtype_text), &dtype));
    assert_true(rs_number_load(&dtype, bytes, &number));
    return number;
}

static void test_number__elements_of_either_order(void **state) {
    (void)state;
    assert_true(load(">i2", "\xff\xfe").negative);
    assert_int_equal(load(">i2", "\xff\xfe").argument, 1); /* -2 */
    assert_int_equal(load("<i2", "\xfe\xff").argument, 1);
    assert_int_equal(load(">u4", "\0\0\1\2").argument, 258);
    assert_true(load(">f8", "\x3f\xf8\0\0\0\0\0\0").real == 1.5L);
    assert_true(load(">c8", "\x3f\x80\0\0\x40\0\0\0").imaginary == 2.0L);
    assert_true(load("|b1", "\2").is_bool);
    assert_int_equal(load("|b1", "\2").argument, 1);
}

static void test_number__halves(void **state) {
    (void)state;
    assert_true(load("<f2", "\x00\x3c").real == 1.0L);
    assert_true(load("<f2", "\x01\x00").real == 0x1p-24L);
    assert_true(load("<f2", "\xff\x7b").real == 65504.0L);
    assert_true(load("<f2", "\x00\x80").real == 0 && signbit(load("<f2", "\x00\x80").real));
    assert_true(isinf(load("<f2", "\x00\xfc").real));
    assert_true(isnan(load("<f2", "\x01\x7e").real));
}

static void test_number__of_another_machine(void **state) {
    (void)state;
    rs_dtype dtype;
    rs_number number;
    uint8_t bytes[16] = {0};
    const char *other = LDBL_MANT_DIG == 64 ? "<f16" : "<g16";
    assert_true(rs_dtype_parse(other, 4, &dtype));
    assert_false(rs_number_load(&dtype, bytes, &number));
}

static void test_number__texts(void **state) {
    (void)state;
    static const struct {
        rs_number number;
        const char *text;
    } rows[] = {{{.kind = RS_NUMBER_INTEGER, .argument = UINT64_MAX}, "18446744073709551615"},
                {{.kind = RS_NUMBER_INTEGER, .negative = true}, "-1"},
                {{.kind = RS_NUMBER_INTEGER, .negative = true, .argument = UINT64_MAX},
                 "-18446744073709551616"},
                {{.kind = RS_NUMBER_INTEGER, .is_bool = true, .argument = 1}, "true"},
                {{.kind = RS_NUMBER_REAL, .real = 0.5L}, "0.5"},
                {{.kind = RS_NUMBER_COMPLEX, .real = 1, .imaginary = -2}, "1-2j"}};
    char text[100];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rs_number_text(&rows[i].number, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number__integers_at_their_limits),
        cmocka_unit_test(test_number__a_refused_one_leaves_the_room_as_it_was),
        cmocka_unit_test(test_number__int_to_float_only_when_equal),
        cmocka_unit_test(test_number__real_to_narrower_only_when_equal),
        cmocka_unit_test(test_number__complex),
        cmocka_unit_test(test_number__elements_of_either_order),
        cmocka_unit_test(test_number__halves),
        cmocka_unit_test(test_number__of_another_machine),
        cmocka_unit_test(test_number__texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
