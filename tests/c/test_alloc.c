/* base/alloc.c: sizes of zero, products that overflow, failure. */
#include "testing.h"

#include "alloc_fail.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void test_alloc__zero_bytes_give_a_pointer(void **state) {
    (void)state;
    void *blocks[] = {rs_allocate(0), rs_allocate_zeroed(0, 8), rs_allocate_array(8, 0),
                      rs_reallocate_array(NULL, 0, 8), rs_duplicate(NULL, 0)};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        assert_non_null(blocks[i]);
        rs_free(blocks[i]);
    }
    rs_free(NULL);
}

static void test_alloc__overflowing_product_is_no_memory(void **state) {
    (void)state;
    volatile size_t half = SIZE_MAX / 2 + 1;
    assert_null(rs_allocate_zeroed(half, 2));
    assert_null(rs_allocate_array(half, 2));
    char *kept = rs_duplicate_text("kept");
    assert_null(rs_reallocate_array(kept, half, 2));
    assert_string_equal(kept, "kept");
    rs_free(kept);
}

static void test_alloc__zeroed_is_zero_and_copies_are_equal(void **state) {
    (void)state;
    static const uint8_t zeros[4096];
    uint8_t *zeroed = rs_allocate_zeroed(64, 64);
    assert_memory_equal(zeroed, zeros, sizeof zeros);
    uint8_t *copy = rs_duplicate("a\0b", 4);
    assert_memory_equal(copy, "a\0b", 4);
    copy = rs_reallocate_array(copy, 100, 10);
    assert_memory_equal(copy, "a\0b", 4);
    rs_free(zeroed);
    rs_free(copy);
}

static void test_alloc__failure_gives_null(void **state) {
    (void)state;
    void *kept = rs_allocate(1);
    alloc_fail_at(1, true);
    void *blocks[] = {rs_allocate(1),      rs_allocate_zeroed(1, 1),        rs_allocate_array(1, 1),
                      rs_duplicate("", 1), rs_reallocate_array(kept, 2, 1), rs_duplicate_text("x")};
    alloc_fail_at(0, false);
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        assert_null(blocks[i]);
    rs_free(kept);
}

static void test_alloc__like_another_block(void **state) {
    (void)state;
    uint8_t *old = rs_allocate(1000);
    uint8_t *block = rs_allocate_like(1, old);
    memset(block, 1, 1000); /* under AddressSanitizer: all of it is there */
    rs_free(block);
    rs_free(old);
    for (size_t alignment = 16; alignment <= 64; alignment *= 2)
        for (int i = 0; i < 10; i++) {
            old = aligned_alloc(alignment, 640);
            block = rs_allocate_like(700, old);
            assert_int_equal((uintptr_t)block % alignment, 0);
            memset(block, 1, 700);
            rs_free(block);
            rs_free(old);
        }
    block = rs_allocate_like(0, NULL);
    assert_non_null(block);
    rs_free(block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc__zero_bytes_give_a_pointer),
        cmocka_unit_test(test_alloc__overflowing_product_is_no_memory),
        cmocka_unit_test(test_alloc__zeroed_is_zero_and_copies_are_equal),
        cmocka_unit_test(test_alloc__failure_gives_null),
        cmocka_unit_test(test_alloc__like_another_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
