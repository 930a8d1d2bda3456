/* base/buffer.c: growth, and the failure that sticks. */
#include "testing.h"

#include "alloc_fail.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "seeded.h"

#include <string.h>

static void test_buffer__random_appends_are_kept_in_order(void **state) {
    (void)state;
    seeded random = seeded_start();
    static uint8_t expected[1 << 16];
    size_t size = 0;
    rs_buffer buffer = {0};
    while (size < sizeof expected - 1000) {
        size_t step = (size_t)seeded_below(&random, 1000);
        if (seeded_below(&random, 4) == 0) {
            memset(expected + size, 0, step);
            rs_buffer_append_zeros(&buffer, step);
        } else {
            seeded_fill(&random, expected + size, step);
            rs_buffer_append(&buffer, expected + size, step);
        }
        size += step;
    }
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, size);
    assert_memory_equal(buffer.bytes, expected, size);
    size_t detached_size;
    uint8_t *detached = rs_buffer_detach(&buffer, &detached_size);
    assert_int_equal(detached_size, size);
    assert_null(buffer.bytes);
    assert_memory_equal(detached, expected, size);
    rs_free(detached);
    rs_buffer_release(&buffer);
}

static void test_buffer__failure_sticks_until_cleared(void **state) {
    (void)state;
    rs_buffer buffer = {0};
    rs_buffer_append(&buffer, "good", 4);
    alloc_fail_at(1, true);
    rs_buffer_append_zeros(&buffer, 100000);
    alloc_fail_at(0, false);
    assert_true(buffer.failed);
    rs_buffer_append(&buffer, "more", 4);
    assert_null(rs_buffer_reserve(&buffer, 1));
    assert_int_equal(buffer.size, 4);
    assert_memory_equal(buffer.bytes, "good", 4);
    rs_buffer_clear(&buffer);
    rs_buffer_append(&buffer, "anew", 4);
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, 4);
    rs_buffer_release(&buffer);
}

static void test_buffer__takes_less_when_doubling_does_not_fit(void **state) {
    (void)state;
    rs_buffer buffer = {0};
    rs_buffer_append_zeros(&buffer, 256);
    alloc_fail_at(1, false);
    rs_buffer_append(&buffer, "x", 1);
    alloc_fail_at(0, false);
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, 257);
    rs_buffer_release(&buffer);
}

static void test_buffer__overflowing_size_fails(void **state) {
    (void)state;
    rs_buffer buffer = {0};
    rs_buffer_append(&buffer, "x", 1);
    assert_null(rs_buffer_reserve(&buffer, SIZE_MAX));
    assert_true(buffer.failed);
    rs_buffer_release(&buffer);
}

static void test_buffer__nothing_may_be_appended(void **state) {
    (void)state;
    rs_buffer buffer = {0};
    rs_buffer_append(&buffer, NULL, 0);
    rs_buffer_append_zeros(&buffer, 0);
    assert_false(buffer.failed);
    assert_int_equal(buffer.size, 0);
    assert_non_null(rs_buffer_reserve(&buffer, 0));
    rs_buffer_release(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer__random_appends_are_kept_in_order),
        cmocka_unit_test(test_buffer__failure_sticks_until_cleared),
        cmocka_unit_test(test_buffer__takes_less_when_doubling_does_not_fit),
        cmocka_unit_test(test_buffer__overflowing_size_fails),
        cmocka_unit_test(test_buffer__nothing_may_be_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
