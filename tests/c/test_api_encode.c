/* api/encode.c: the very bytes that a C program saves. */
#include "testing.h"

#include "api_place.h"
#include "api/encode.h"

#include <complex.h>
#include <stdio.h>
#include <string.h>

/* What stands behind the outermost map's head, "v", 1 and "vars". */
static void expect_stream(resume *ck, const char *hex) {
    rs_encoding encoding = {0};
    rs_error error = {0};
    char text[2000] = "";
    static const char start[] = "\xa2\x61v\x01\x64vars";
    if (rs_encode(ck, &encoding, &error)) fail_msg("%s", error.text);
    assert_memory_equal(encoding.stream.bytes, start, sizeof start - 1);
    for (size_t i = sizeof start - 1; i < encoding.stream.size; i++)
        snprintf(text + strlen(text), 3, "%02x", encoding.stream.bytes[i]);
    assert_string_equal(text, hex);
    rs_encoding_release(&encoding);
}

static void test_encode__numbers(void **state) {
    api_place *place = *state;
    resume *ck = api_open(place);
    int8_t i = -1;
    bool b = true;
    double d = 1.5;
    float f = 1;
    double complex z = 1;
    char c[3] = "hi";
    resume_protect(ck, i);
    resume_protect(ck, b);
    resume_protect(ck, d);
    resume_protect(ck, f);
    resume_protect(ck, z);
    resume_protect(ck, c);
    expect_stream(ck, "a6"
                      "6169"
                      "20"
                      "6162"
                      "f5"
                      "6164"
                      "fb3ff8000000000000"
                      "6166"
                      "d9996082"
                      "633c6634"
                      "440000803f"
                      "617a"
                      "d9995d82"
                      "fb3ff0000000000000"
                      "fb0000000000000000"
                      "6163"
                      "43686900");
    resume_leave(ck);
}

static void test_encode__arrays_and_strings(void **state) {
    api_place *place = *state;
    resume *ck = api_open(place);
    uint8_t a[2][1] = {{1}, {2}};
    char t[5] = "\303\266", bad[3] = "\377";
    int16_t *g = NULL;
    int n = 0;
    resume_protect(ck, a);
    resume_protect_string(ck, t);
    resume_protect_string(ck, bad);
    resume_protect_array(ck, g, n);
    resume_protect_bytes(ck, a, 2);
    resume_leave(ck);
    ck = api_open(place);
    resume_protect(ck, a);
    resume_protect_string(ck, t);
    resume_protect_string(ck, bad);
    resume_protect_array(ck, g, n);
    resume_protect_bytes_as(ck, "b", a, 2);
    resume_protect_shape_as(ck, "f", a, RESUME_UINT8, RESUME_COLUMNS, 2, (size_t[]){1, 2});
    expect_stream(ck, "a6"
                      "6161"
                      "d9995e85"
                      "637c7531"
                      "820201"
                      "00"
                      "f5"
                      "420102"
                      "6174"
                      "62c3b6"
                      "63626164"
                      "41ff"
                      "6167"
                      "d9995e85"
                      "633c6932"
                      "8100"
                      "00"
                      "f5"
                      "40"
                      "6162"
                      "420102"
                      "6166"
                      "d9995e85"
                      "637c7531"
                      "820102"
                      "01"
                      "f5"
                      "420102");
    resume_leave(ck);
}

static void test_encode__blobs_point_at_the_variables(void **state) {
    api_place *place = *state;
    static double large[8192], small[8191];
    static char letters[65536];
    rs_encoding encoding = {0};
    resume *ck = api_open(place);
    resume_protect(ck, large);
    resume_protect(ck, small);
    resume_protect(ck, letters);
    assert_int_equal(rs_encode(ck, &encoding, NULL), RESUME_OK);
    assert_int_equal(encoding.blob_count, 3);
    assert_ptr_equal(encoding.blobs[1].bytes, large);
    assert_int_equal(encoding.blobs[1].element_size, 8);
    assert_ptr_equal(encoding.blobs[2].bytes, letters);
    rs_encoding_release(&encoding);
    resume_leave(ck);
}

typedef struct pair {
    int a, b;
} pair;

static void describe(resume *fields, void *object) {
    pair *p = object;
    resume_protect(fields, p->a);
    resume_protect(fields, p->b);
}

static void test_encode__structs(void **state) {
    api_place *place = *state;
    pair one = {1, 2}, two[2] = {{3, 4}, {5, 6}};
    resume *ck = api_open(place);
    resume_protect_struct(ck, one, describe);
    resume_protect_structs_fixed(ck, two, describe);
    expect_stream(ck, "a2"
                      "636f6e65"
                      "a2"
                      "616101"
                      "616202"
                      "6374776f"
                      "82"
                      "a2"
                      "616103"
                      "616204"
                      "a2"
                      "616105"
                      "616206");
    resume_leave(ck);
}

static void test_encode__what_is_not_as_it_should_be(void **state) {
    api_place *place = *state;
    char text[4] = {'a', 'b', 'c', 'd'};
    double *array = NULL;
    int count = 3;
    rs_encoding encoding = {0};
    rs_error error = {0};
    resume *ck = api_open(place);
    resume_protect_string(ck, text);
    assert_int_equal(rs_encode(ck, &encoding, &error), RESUME_MISUSE);
    assert_non_null(strstr(error.text, "has no NUL"));
    rs_encoding_release(&encoding);
    resume_unprotect(ck, text);
    resume_protect_array(ck, array, count);
    assert_int_equal(rs_encode(ck, &encoding, &error), RESUME_MISUSE);
    assert_non_null(strstr(error.text, "NULL"));
    rs_encoding_release(&encoding);
    resume_leave(ck);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_encode__numbers),
        TEST(test_encode__arrays_and_strings),
        TEST(test_encode__blobs_point_at_the_variables),
        TEST(test_encode__structs),
        TEST(test_encode__what_is_not_as_it_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
