/* api/handle.c: a handle is never NULL. */
#include "testing.h"

#include <resume/resume.h>

static void test_handle__is_never_null(void **state) {
    (void)state;
    resume *ck = NULL;
    assert_int_not_equal(resume_open(&ck, NULL, NULL), RESUME_OK);
    assert_non_null(ck);
    assert_int_not_equal(resume_sync(ck), RESUME_OK);
    resume_leave(ck);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handle__is_never_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
