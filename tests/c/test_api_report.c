/* api/report.c: names by fate. */
#include "testing.h"

#include "api/report.h"

#include <stdio.h>
#include <string.h>

static void test_report__names_by_fate(void **state) {
    (void)state;
    rs_report report = {0};
    rs_report_add(&report, RESUME_MISSING, "", "a", 1, false);
    rs_report_add(&report, RESUME_MISSING, "s[].", "b", 1, true);
    rs_report_add(&report, RESUME_UNUSED, "", "c", 1, false);
    assert_string_equal(rs_report_name(&report, RESUME_MISSING, 0), "a");
    assert_string_equal(rs_report_name(&report, RESUME_MISSING, 1), "s[].b");
    assert_null(rs_report_name(&report, RESUME_MISSING, 2));
    assert_string_equal(rs_report_name(&report, RESUME_UNUSED, 0), "c");
    assert_null(rs_report_name(&report, RESUME_RESTORED, 0));
    assert_null(rs_report_name(&report, (resume_fate)3, 0));
    assert_null(rs_report_name(&report, (resume_fate)-1, 0));
    rs_report_clear(&report);
    assert_null(rs_report_name(&report, RESUME_MISSING, 0));
    rs_report_release(&report);
}

static void test_report__a_field_of_many_elements_stands_once(void **state) {
    (void)state;
    rs_report report = {0};
    for (int i = 0; i < 5; i++) {
        rs_report_add(&report, RESUME_MISSING, "s[].", "b", 1, true);
        rs_report_add(&report, RESUME_MISSING, "s[].", "c", 1, true);
    }
    assert_string_equal(rs_report_name(&report, RESUME_MISSING, 1), "s[].c");
    assert_null(rs_report_name(&report, RESUME_MISSING, 2));
    rs_report_release(&report);
}

static void test_report__fields_are_limited(void **state) {
    (void)state;
    rs_report report = {0};
    char name[20];
    for (unsigned i = 0; i < 10 * RS_REPORT_FIELDS_MAX; i++) {
        snprintf(name, sizeof name, "%u", i);
        rs_report_add(&report, RESUME_UNUSED, "s[].", name, strlen(name), true);
    }
    assert_non_null(rs_report_name(&report, RESUME_UNUSED, RS_REPORT_FIELDS_MAX - 1));
    assert_null(rs_report_name(&report, RESUME_UNUSED, RS_REPORT_FIELDS_MAX));
    rs_report_release(&report);
}

static void test_report__a_nul_ends_a_name(void **state) {
    (void)state;
    rs_report report = {0};
    rs_report_add(&report, RESUME_UNUSED, "", "a\0b", 3, false);
    rs_report_add(&report, RESUME_UNUSED, "", "next", 4, false);
    assert_string_equal(rs_report_name(&report, RESUME_UNUSED, 0), "a");
    assert_string_equal(rs_report_name(&report, RESUME_UNUSED, 1), "next");
    rs_report_release(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report__names_by_fate),
        cmocka_unit_test(test_report__a_field_of_many_elements_stands_once),
        cmocka_unit_test(test_report__fields_are_limited),
        cmocka_unit_test(test_report__a_nul_ends_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
