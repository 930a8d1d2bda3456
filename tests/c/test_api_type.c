/* api/type.c: the table of types, and dtypes. */
#include "testing.h"

#include "api/type.h"

#include <complex.h>
#include <string.h>

static void test_type__sizes_are_those_of_c(void **state) {
    (void)state;
    assert_int_equal(rs_type_size(RESUME_BOOL), sizeof(_Bool));
    assert_int_equal(rs_type_size(RESUME_INT16), 2);
    assert_int_equal(rs_type_size(RESUME_UINT64), 8);
    assert_int_equal(rs_type_size(RESUME_FLOAT32), sizeof(float));
    assert_int_equal(rs_type_size(RESUME_LONG_DOUBLE), sizeof(long double));
    assert_int_equal(rs_type_size(RESUME_COMPLEX64), sizeof(float complex));
    assert_int_equal(rs_type_size(RESUME_LONG_COMPLEX), sizeof(long double complex));
    assert_int_equal(rs_type_element_size(RESUME_COMPLEX128), 8);
}

static void test_type__only_the_listed_are_valid(void **state) {
    (void)state;
    for (int i = RESUME_BOOL; i <= RESUME_LONG_COMPLEX; i++)
        assert_true(rs_type_is_valid((resume_type)i));
    assert_false(rs_type_is_valid((resume_type)0));
    assert_false(rs_type_is_valid((resume_type)17));
    assert_false(rs_type_is_valid((resume_type)-1));
    assert_false(rs_type_is_integer(RESUME_BOOL));
    assert_true(rs_type_is_integer(RESUME_CHAR));
    assert_false(rs_type_is_integer(RESUME_FLOAT32));
}

static void test_type__each_dtype_is_read_as_the_type_that_writes_it(void **state) {
    (void)state;
    for (int i = RESUME_BOOL; i <= RESUME_LONG_COMPLEX; i++) {
        const char *text = rs_type_dtype((resume_type)i);
        rs_dtype dtype;
        assert_true(rs_dtype_parse(text, strlen(text), &dtype));
        assert_int_equal(dtype.size, rs_type_size((resume_type)i));
        assert_true(rs_dtype_is_type(&dtype, (resume_type)i));
    }
}

static void test_type__other_dtypes_are_none(void **state) {
    (void)state;
    static const char *const bad[] = {"",     "<",    "<f",   "f8",   "<f3",  "<i16", "|S4", "<U4",
                                      "<M8",  "<f8 ", "<f08", "=f8",  "<i-1", "|V8",  "<c4", "<g8",
                                      "<f99", "<O8",  "|b2",  "<f1e", "<G16", "<u12"};
    rs_dtype dtype;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rs_dtype_parse(bad[i], strlen(bad[i]), &dtype)) fail_msg("'%s' is taken", bad[i]);
}

static void test_type__order_and_long_long(void **state) {
    (void)state;
    rs_dtype dtype;
    assert_true(rs_dtype_parse(">i4", 3, &dtype));
    assert_true(dtype.big_endian);
    assert_false(rs_dtype_is_type(&dtype, RESUME_INT32));
    assert_true(rs_dtype_parse("<q8", 3, &dtype));
    assert_true(rs_dtype_is_type(&dtype, RESUME_INT64));
    assert_true(rs_dtype_parse(">u1", 3, &dtype)); /* one byte has no order */
    assert_true(rs_dtype_is_type(&dtype, RESUME_UINT8));
    assert_true(rs_dtype_is_type(&dtype, RESUME_CHAR));
    assert_false(rs_dtype_is_type(&dtype, RESUME_INT8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type__sizes_are_those_of_c),
        cmocka_unit_test(test_type__only_the_listed_are_valid),
        cmocka_unit_test(test_type__each_dtype_is_read_as_the_type_that_writes_it),
        cmocka_unit_test(test_type__other_dtypes_are_none),
        cmocka_unit_test(test_type__order_and_long_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
