/* base/error.c: detail, prefixes, and texts that are too long. */
#include "testing.h"

#include "base/error.h"

#include <string.h>

static void test_error__keeps_the_detail(void **state) {
    (void)state;
    rs_error error = {0};
    assert_int_equal(rs_fail_at(&error, RESUME_IO, 5, 4096, "can't write '%s'", "a"), RESUME_IO);
    assert_int_equal(error.status, RESUME_IO);
    assert_int_equal(error.os_code, 5);
    assert_true(error.offset == 4096);
    assert_string_equal(error.text, "can't write 'a'");
    assert_int_equal(rs_fail(&error, RESUME_LIMIT, "%d items", 7), RESUME_LIMIT);
    assert_int_equal(error.os_code, 0);
    assert_true(error.offset == RS_NO_OFFSET);
    assert_string_equal(error.text, "7 items");
}

static void test_error__may_quote_itself(void **state) {
    (void)state;
    rs_error error = {0};
    rs_fail(&error, RESUME_IO, "inner");
    rs_fail(&error, RESUME_DAMAGED, "outer: %s", error.text);
    assert_string_equal(error.text, "outer: inner");
    rs_error_prefix(&error, "%s", error.text);
    assert_string_equal(error.text, "outer: inner: outer: inner");
}

static void test_error__prefix_needs_an_error(void **state) {
    (void)state;
    rs_error error = {0};
    rs_error_prefix(&error, "reading '%s'", "a");
    assert_string_equal(error.text, "");
    rs_fail(&error, RESUME_IO, "no");
    rs_error_prefix(&error, "reading '%s'", "a");
    assert_string_equal(error.text, "reading 'a': no");
    rs_error_clear(&error);
    assert_int_equal(error.status, RESUME_OK);
    assert_string_equal(error.text, "");
}

static void test_error__long_texts_are_cut(void **state) {
    (void)state;
    static char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    rs_error error = {0};
    rs_fail(&error, RESUME_IO, "%s", longer);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    rs_error_prefix(&error, "reading");
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_memory_equal(error.text, "reading: xxx", 12);
    rs_error_prefix(&error, "%s", longer);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

/* Names come from outside: what they hold must not steer a terminal. */
static void test_error__control_characters_are_replaced(void **state) {
    (void)state;
    rs_error error = {0};
    rs_fail(&error, RESUME_IO, "'%s'", "a\n\033[2J\x7f\xc2\x9b\xc2");
    assert_string_equal(error.text, "'a??[2J???\xc2'");
    rs_fail(&error, RESUME_IO, "'%s'", "r\xc3\xb6sti \xc2\xa0 \xe2\x82\xac");
    assert_string_equal(error.text, "'r\xc3\xb6sti \xc2\xa0 \xe2\x82\xac'");
    rs_error_prefix(&error, "%s", "\a");
    assert_memory_equal(error.text, "?: 'r", 5);
}

static void test_error__omits_a_name_that_is_told_already(void **state) {
    (void)state;
    static const struct {
        const char *text, *left;
    } cases[] = {
        {"generation 2: '/a/ck': no stream", "generation 2: no stream"},
        {"'/a/ck', chunk at byte 7: short", "chunk at byte 7: short"},
        {"can't read '/b/ck': '/a/ck': x", "can't read '/b/ck': x"},
        {"can't open '/a/ck'", "can't open '/a/ck'"},
        {"'/a/ckk': x '/a/ck", "'/a/ckk': x '/a/ck"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rs_error error = {0};
        rs_fail(&error, RESUME_IO, "%s", cases[i].text);
        rs_error_omit(&error, "/a/ck");
        assert_string_equal(error.text, cases[i].left);
    }
}

static void test_error__null_is_allowed(void **state) {
    (void)state;
    assert_int_equal(rs_fail(NULL, RESUME_IO, "%d", 1), RESUME_IO);
    assert_int_equal(rs_fail_at(NULL, RESUME_LIMIT, 1, 2, "%d", 1), RESUME_LIMIT);
    rs_error_prefix(NULL, "x");
    rs_error_clear(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error__keeps_the_detail),
        cmocka_unit_test(test_error__may_quote_itself),
        cmocka_unit_test(test_error__prefix_needs_an_error),
        cmocka_unit_test(test_error__long_texts_are_cut),
        cmocka_unit_test(test_error__control_characters_are_replaced),
        cmocka_unit_test(test_error__omits_a_name_that_is_told_already),
        cmocka_unit_test(test_error__null_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
