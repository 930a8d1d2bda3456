/* Tests of src/engine/schedule.c: when the next save is due. */
#include "engine/schedule.h"
#include "testing.h"

#define SECOND INT64_C(1000000000)

static void test_schedule__rate_after_a_save(void **state) {
    (void)state;
    rs_schedule schedule = {.rate_ns = 30 * SECOND};
    rs_schedule_note(&schedule, true, 100 * SECOND);
    assert_int_equal(rs_schedule_delay(&schedule, 100 * SECOND), 30 * SECOND);
    assert_int_equal(rs_schedule_delay(&schedule, 110 * SECOND), 20 * SECOND);
    assert_int_equal(rs_schedule_delay(&schedule, 130 * SECOND), 0);
    assert_int_equal(rs_schedule_delay(&schedule, 999 * SECOND), 0);
    assert_int_equal(rs_schedule_delay(&schedule, 50 * SECOND), 30 * SECOND);
}

static void test_schedule__grows_while_saves_fail(void **state) {
    (void)state;
    static const int64_t expected[] = {60, 120, 240, 480, 480, 480};
    rs_schedule schedule = {.rate_ns = 30 * SECOND};
    for (int i = 0; i < 6; i++) {
        rs_schedule_note(&schedule, false, 0);
        assert_int_equal(rs_schedule_delay(&schedule, 0), expected[i] * SECOND);
    }
    rs_schedule_note(&schedule, true, 0);
    assert_int_equal(rs_schedule_delay(&schedule, 0), 30 * SECOND);
}

static void test_schedule__rate_0_is_always_due_but_does_not_hammer_a_full_disk(void **state) {
    (void)state;
    rs_schedule schedule = {.rate_ns = 0};
    rs_schedule_note(&schedule, true, 5);
    assert_int_equal(rs_schedule_delay(&schedule, 5), 0);
    rs_schedule_note(&schedule, false, 5);
    assert_int_equal(rs_schedule_delay(&schedule, 5), 2 * SECOND);
}

static void test_schedule__never(void **state) {
    (void)state;
    rs_schedule schedule = {.rate_ns = UINT64_MAX};
    rs_schedule_note(&schedule, true, 0);
    assert_true(rs_schedule_delay(&schedule, INT64_MAX) == UINT64_MAX);
    rs_schedule_note(&schedule, false, 0);
    assert_true(rs_schedule_delay(&schedule, 0) == UINT64_MAX);
    schedule.rate_ns = UINT64_MAX / 3; /* the product does not fit */
    assert_true(rs_schedule_delay(&schedule, 0) > UINT64_MAX / 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule__rate_after_a_save),
        cmocka_unit_test(test_schedule__grows_while_saves_fail),
        cmocka_unit_test(test_schedule__rate_0_is_always_due_but_does_not_hammer_a_full_disk),
        cmocka_unit_test(test_schedule__never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
