/* api/protect.c: what can't be a variable is refused when it is protected. */
#include "testing.h"

#include "alloc_fail.h"
#include "api_place.h"

#include <stdio.h>
#include <string.h>

typedef resume_status attempt(resume *ck);
static int value, count;
static double *pointer;

static void describe(resume *fields, void *object) {
    (void)fields, (void)object;
}
static int save(void *object, resume_writer *writer) {
    (void)object, (void)writer;
    return 0;
}
static int load(void *object, const void *bytes, size_t size) {
    (void)object, (void)bytes, (void)size;
    return 0;
}

#define ATTEMPT(name, call)                                                                        \
    static resume_status name(resume *ck) {                                                        \
        return call;                                                                               \
    }
ATTEMPT(no_address, resume_protect_value_as(ck, "x", NULL, RESUME_INT32))
ATTEMPT(no_type, resume_protect_value_as(ck, "x", &value, (resume_type)0))
ATTEMPT(no_type_17, resume_protect_value_as(ck, "x", &value, (resume_type)17))
ATTEMPT(no_order,
        resume_protect_shape_as(ck, "x", &value, RESUME_INT32, (resume_order)2, 1, (size_t[]){1}))
ATTEMPT(nine, resume_protect_shape_as(ck, "=x", &value, RESUME_INT32, RESUME_ROWS, 9,
                                      (size_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}))
ATTEMPT(too_large, resume_protect_shape_as(ck, "=x", &value, RESUME_INT32, RESUME_ROWS, 2,
                                           (size_t[]){SIZE_MAX / 2, 3}))
ATTEMPT(too_large_but_0, resume_protect_shape_as(ck, "x", &value, RESUME_INT32, RESUME_ROWS, 3,
                                                 (size_t[]){0, SIZE_MAX / 2, 3}))
ATTEMPT(no_count, resume_protect_array_as(ck, "x", &pointer, RESUME_FLOAT64, NULL, RESUME_INT32))
ATTEMPT(float_count,
        resume_protect_array_as(ck, "x", &pointer, RESUME_FLOAT64, &count, RESUME_FLOAT32))
ATTEMPT(bool_count, resume_protect_array_as(ck, "x", &pointer, RESUME_FLOAT64, &count, RESUME_BOOL))
ATTEMPT(no_element_type,
        resume_protect_array_as(ck, "x", &pointer, (resume_type)99, &count, RESUME_INT32))
ATTEMPT(no_pointer, resume_protect_array_as(ck, "x", NULL, RESUME_INT8, &count, RESUME_INT32))
ATTEMPT(bytes_null, resume_protect_bytes_as(ck, "x", NULL, 5))
ATTEMPT(bytes_huge, resume_protect_bytes_as(ck, "x", &value, SIZE_MAX))
ATTEMPT(string_null, resume_protect_string_as(ck, "x", NULL, 5))
ATTEMPT(no_describe, resume_protect_struct_as(ck, "x", &value, NULL))
ATTEMPT(no_object, resume_protect_struct_as(ck, "x", NULL, describe))
ATTEMPT(empty_structs,
        resume_protect_structs_as(ck, "x", &pointer, 0, &count, RESUME_INT32, describe))
ATTEMPT(structs_no_count,
        resume_protect_structs_as(ck, "x", &pointer, 8, NULL, RESUME_INT32, describe))
ATTEMPT(structs_huge, resume_protect_structs_fixed_as(ck, "x", &value, SIZE_MAX / 2, 3, describe))
ATTEMPT(no_save, resume_protect_state(ck, "x", NULL, load, NULL))
ATTEMPT(no_load, resume_protect_state(ck, "x", save, NULL, NULL))
ATTEMPT(no_name, resume_protect_value_as(ck, NULL, &value, RESUME_INT32))
ATTEMPT(empty_name, resume_protect_value_as(ck, "", &value, RESUME_INT32))
ATTEMPT(tokens, resume_protect(ck, (&value)[0]))
ATTEMPT(unknown, resume_unprotect_as(ck, "never"))

static const struct {
    attempt *call;
    resume_status status;
} rows[] = {{no_address, RESUME_MISUSE},
            {no_type, RESUME_MISUSE},
            {no_type_17, RESUME_MISUSE},
            {no_order, RESUME_MISUSE},
            {nine, RESUME_LIMIT},
            {too_large, RESUME_LIMIT},
            {too_large_but_0, RESUME_LIMIT},
            {no_count, RESUME_MISUSE},
            {float_count, RESUME_MISUSE},
            {bool_count, RESUME_MISUSE},
            {no_element_type, RESUME_MISUSE},
            {no_pointer, RESUME_MISUSE},
            {bytes_null, RESUME_MISUSE},
            {bytes_huge, RESUME_MISUSE},
            {string_null, RESUME_MISUSE},
            {no_describe, RESUME_MISUSE},
            {no_object, RESUME_MISUSE},
            {empty_structs, RESUME_MISUSE},
            {structs_no_count, RESUME_MISUSE},
            {structs_huge, RESUME_MISUSE},
            {no_save, RESUME_MISUSE},
            {no_load, RESUME_MISUSE},
            {no_name, RESUME_BAD_NAME},
            {empty_name, RESUME_BAD_NAME},
            {tokens, RESUME_BAD_NAME},
            {unknown, RESUME_MISUSE}};

static void test_protect__refused_and_sticky(void **state) {
    api_place *place = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        resume *ck = api_open(place);
        resume_status status = rows[i].call(ck);
        if (status != rows[i].status) fail_msg("row %zu: %d", i, status);
        char text[1024];
        snprintf(text, sizeof text, "%s", resume_message(ck));
        assert_true(strlen(text) > 10);
        assert_null(strstr(text, "'=")); /* the mark of a name that a macro gives is not shown */
        assert_int_equal(resume_protect_value_as(ck, "y", &value, RESUME_INT32), status);
        assert_int_equal(resume_restore(ck, NULL), status);
        assert_string_equal(resume_message(ck), text);
        assert_int_equal(resume_close(ck), status);
    }
}

static void test_protect__no_memory(void **state) {
    api_place *place = *state;
    for (long nth = 1; nth <= 2; nth++) {
        resume *ck = api_open(place);
        alloc_fail_at(nth, true);
        resume_status status = resume_protect(ck, value);
        alloc_fail_at(0, false);
        assert_int_equal(status, RESUME_NO_MEMORY);
        assert_int_equal(resume_close(ck), RESUME_NO_MEMORY);
    }
}

/* rank and shape as resume_protect finds them */
static void expect_shape(resume *ck, size_t rank, const size_t *shape) {
    const rs_variable *variable = &ck->scope.variables[ck->scope.count - 1];
    assert_int_equal(variable->rank, rank);
    for (size_t i = 0; i < rank; i++)
        assert_int_equal(variable->shape[i], shape[i]);
}

static void test_protect__the_macro_finds_the_shape(void **state) {
    api_place *place = *state;
    double a[5], b[1], c[1][1], d[3][1][2], e[2][3][4][5], f[1][1][1][1], s;
    resume *ck = api_open(place);
    resume_protect(ck, s);
    expect_shape(ck, 0, NULL);
    resume_protect(ck, a);
    expect_shape(ck, 1, (size_t[]){5});
    resume_protect(ck, b);
    expect_shape(ck, 1, (size_t[]){1});
    resume_protect(ck, c);
    expect_shape(ck, 2, (size_t[]){1, 1});
    resume_protect(ck, d);
    expect_shape(ck, 3, (size_t[]){3, 1, 2});
    resume_protect(ck, e);
    expect_shape(ck, 4, (size_t[]){2, 3, 4, 5});
    resume_protect(ck, f);
    expect_shape(ck, 4, (size_t[]){1, 1, 1, 1});
    resume_protect_shape(ck, pointer, 2, 3, 4, 5, 6, 7, 8, 9);
    resume_leave(ck);
}

static void test_protect__enums_and_typedefs(void **state) {
    api_place *place = *state;
    enum color { RED, GREEN } color = GREEN;
    size_t size = 0;
    ptrdiff_t difference = 0;
    resume *ck = api_open(place);
    resume_protect(ck, color);
    assert_int_equal(ck->scope.variables[0].type, RESUME_UINT32);
    resume_protect(ck, size);
    assert_int_equal(ck->scope.variables[1].type, RESUME_UINT64);
    resume_protect(ck, difference);
    assert_int_equal(ck->scope.variables[2].type, RESUME_INT64);
    (void)color;
    resume_leave(ck);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_protect__refused_and_sticky),
        TEST(test_protect__no_memory),
        TEST(test_protect__the_macro_finds_the_shape),
        TEST(test_protect__enums_and_typedefs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
