/* base/status.c: every status has its own name and text. */
#include "testing.h"

#include <resume/resume.h>

#include <ctype.h>
#include <string.h>

#define ROW(name, number, text) {#name, number, text},
static const struct {
    const char *name;
    int number;
    const char *text;
} rows[] = {RESUME_STATUS_TABLE(ROW)};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static void test_status__every_row_has_name_and_text(void **state) {
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        resume_status status = (resume_status)rows[i].number;
        assert_int_equal(rows[i].number, i);
        assert_memory_equal(resume_status_name(status), "RESUME_", 7);
        assert_string_equal(resume_status_name(status) + 7, rows[i].name);
        assert_string_equal(resume_status_text(status), rows[i].text);
        assert_false(isupper((unsigned char)rows[i].text[0]));
        assert_null(strchr(rows[i].text + strlen(rows[i].text) - 1, '.'));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(rows[i].text, rows[k].text);
    }
}

static void test_status__numbers_never_change(void **state) {
    (void)state;
    assert_int_equal(RESUME_OK, 0);
    assert_int_equal(RESUME_DAMAGED, 5);
    assert_int_equal(RESUME_NO_MEMORY, 12);
    assert_int_equal(RESUME_CODEC, 19);
    assert_int_equal(RESUME_MISMATCH, 20);
}

static void test_status__other_numbers_are_unknown(void **state) {
    (void)state;
    const int numbers[] = {-1, (int)ROW_COUNT, 1000000};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(resume_status_name((resume_status)numbers[i]), "RESUME_UNKNOWN");
        assert_string_equal(resume_status_text((resume_status)numbers[i]), "unknown status");
    }
}

static void test_status__version_is_a_version(void **state) {
    (void)state;
    assert_true(isdigit((unsigned char)resume_version()[0]));
    assert_non_null(strchr(resume_version(), '.'));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__every_row_has_name_and_text),
        cmocka_unit_test(test_status__numbers_never_change),
        cmocka_unit_test(test_status__other_numbers_are_unknown),
        cmocka_unit_test(test_status__version_is_a_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
