/* api/handle.c: messages, warnings, and the handle that callbacks are given. */
#include "testing.h"

#include "alloc_fail.h"
#include "api_place.h"

#include <string.h>

static void test_handle__begins_with_the_flag(void **state) {
    api_place *place = *state;
    resume *ck = api_open(place);
    assert_ptr_equal(ck, &ck->due);
    atomic_store(&ck->due, 1);
    assert_int_equal(*(const int *)(const void *)ck, 1);
    resume_leave(ck);
}

static void test_handle__warnings_are_lines(void **state) {
    api_place *place = *state;
    resume_info info;
    resume *ck = api_open(place);
    resume_look(ck, &info);
    assert_string_equal(info.warning, "");
    rs_handle_warn(ck, "first");
    rs_handle_warn(ck, "");
    rs_handle_warn(ck, NULL);
    rs_handle_warn(ck, "second");
    resume_look(ck, &info);
    assert_string_equal(info.warning, "first\nsecond");
    char long_text[2000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    alloc_fail_at(1, true);
    rs_handle_warn(ck, long_text); /* without memory it is not told */
    alloc_fail_at(0, false);
    resume_look(ck, &info);
    assert_string_equal(info.warning, "first\nsecond");
    resume_leave(ck);
}

static void test_handle__an_older_caller_knows_less(void **state) {
    api_place *place = *state;
    struct {
        resume_info info;
        char more[32];
    } newer;
    const char *path = NULL;
    resume *ck = api_open(place);
    resume_look_sized(ck, (resume_info *)(void *)&path, sizeof path);
    assert_string_equal(path, place->file);
    memset(&newer, 0xff, sizeof newer);
    resume_look_sized(ck, &newer.info, sizeof newer);
    assert_string_equal(newer.info.warning, "");
    for (size_t i = 0; i < sizeof newer.more; i++)
        assert_int_equal(newer.more[i], 0);
    resume_leave(ck);
}

/* A callback may name fields and nothing else. */
static void misuse_fields(resume *fields, void *object) {
    int *number = object;
    assert_int_equal(resume_save(fields), RESUME_MISUSE);
    assert_int_equal(resume_restore(fields, NULL), RESUME_MISUSE);
    assert_int_equal(resume_done(fields), RESUME_MISUSE);
    assert_int_equal(resume_sync(fields), RESUME_OK);
    assert_int_equal(resume_close(fields), RESUME_OK);
    resume_leave(fields);
    resume_protect_value_as(fields, "number", number, RESUME_INT32);
}

static void test_handle__fields_are_for_naming_alone(void **state) {
    api_place *place = *state;
    int number = 5;
    resume *ck = api_open(place);
    resume_protect_struct_as(ck, "s", &number, misuse_fields);
    assert_int_equal(resume_save(ck), RESUME_OK);
    number = 0;
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_int_equal(number, 5);
    resume_leave(ck);
}

static resume *outer;

static void protect_outside(resume *fields, void *object) {
    (void)fields;
    assert_int_equal(resume_protect_value_as(outer, "inner", object, RESUME_INT32), RESUME_MISUSE);
    assert_int_equal(resume_restore(outer, NULL), RESUME_MISUSE);
}

static void test_handle__the_checkpoint_is_busy_in_a_callback(void **state) {
    api_place *place = *state;
    int number = 5;
    outer = api_open(place);
    resume_protect_struct_as(outer, "s", &number, protect_outside);
    assert_int_equal(resume_save(outer), RESUME_OK);
    assert_int_equal(outer->scope.count, 1);
    resume_leave(outer);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_handle__begins_with_the_flag),
        TEST(test_handle__warnings_are_lines),
        TEST(test_handle__an_older_caller_knows_less),
        TEST(test_handle__fields_are_for_naming_alone),
        TEST(test_handle__the_checkpoint_is_busy_in_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
