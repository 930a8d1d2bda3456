/* Tests of src/os/pages.c. */
#include "os/pages.h"
#include "testing.h"

#include <stdint.h>
#include <string.h>

static void test_pages__aligned_zeros_that_can_be_written(void **state) {
    (void)state;
    const size_t sizes[] = {0, 1, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 7 << 20};
    void *all[8];
    for (size_t i = 0; i < 8; i++) {
        size_t unit = sizes[i] >= 2 << 20 ? 2 << 20 : 4096;
        uint8_t *pages = all[i] = rs_pages_new(sizes[i]);
        assert_non_null(pages);
        assert_int_equal((uintptr_t)pages % unit, 0);
        for (size_t at = 0; at < sizes[i]; at += 1000)
            assert_int_equal(pages[at], 0);
        memset(pages, 5, sizes[i]);
    }
    for (size_t i = 0; i < 8; i++)
        rs_pages_free(all[i], sizes[i]);
    rs_pages_free(NULL, 5);
}

static void test_pages__ready_ones(void **state) {
    (void)state;
    const size_t sizes[] = {1, 4097, 2 << 20, (4 << 20) + 8192};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint8_t *pages = rs_pages_new_ready(sizes[i]);
        assert_non_null(pages);
        assert_int_equal((uintptr_t)pages % 4096, 0);
        for (size_t at = 0; at < sizes[i]; at += 1000)
            assert_int_equal(pages[at], 0);
        memset(pages, 5, sizes[i]);
        rs_pages_free(pages, sizes[i]);
    }
    assert_null(rs_pages_new_ready(SIZE_MAX));
    assert_null(rs_pages_new_ready((size_t)1 << 60));
}

static void test_pages__too_much_is_no_memory(void **state) {
    (void)state;
    assert_null(rs_pages_new(SIZE_MAX));
    assert_null(rs_pages_new(SIZE_MAX - ((size_t)5 << 20)));
    assert_null(rs_pages_new((size_t)1 << 60));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages__aligned_zeros_that_can_be_written),
        cmocka_unit_test(test_pages__ready_ones),
        cmocka_unit_test(test_pages__too_much_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
