/* Tests of src/store/staging.c: copies that stay in place, within their limit, in warm memory. */
#include "store/staging.h"

#include "alloc_fail.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static void test_staging__copies_stay_in_place(void **state) {
    (void)state;
    enum { COUNT = 300, SIZE = 40000, LARGE = 3 << 20 };
    uint8_t *copies[COUNT], *expected = malloc(LARGE);
    rs_staging staging = {0};
    assert_non_null(expected);
    for (int round = 0; round < 3; round++) {
        rs_staging_begin(&staging, 64 << 20);
        for (int i = 0; i < COUNT; i++) {
            copies[i] = rs_staging_add(&staging, (unsigned)i % 3, SIZE);
            assert_non_null(copies[i]);
            memset(copies[i], i + round, SIZE);
        }
        uint8_t *large = rs_staging_add(&staging, 1, LARGE);
        assert_non_null(large);
        memset(large, 77, LARGE);
        for (int i = 0; i < COUNT; i++) {
            memset(expected, i + round, SIZE);
            assert_memory_equal(copies[i], expected, SIZE);
        }
        rs_staging_clear(&staging);
    }
    rs_staging_release(&staging);
    free(expected);
}

static void test_staging__ends_at_its_limit(void **state) {
    (void)state;
    enum { SIZE = 256 << 10 };
    rs_staging staging = {0};
    rs_staging_begin(&staging, 0);
    assert_null(rs_staging_add(&staging, 0, 1));
    rs_staging_clear(&staging);
    rs_staging_begin(&staging, SIZE - 1);
    assert_null(rs_staging_add(&staging, 0, SIZE));
    rs_staging_clear(&staging);
    rs_staging_begin(&staging, 16 << 20);
    int count = 0;
    while (count < 1000 && rs_staging_add(&staging, (unsigned)count % 2, SIZE))
        count++;
    assert_in_range(count, (16 << 20) / SIZE, (20 << 20) / SIZE);
    rs_staging_release(&staging);
}

/* What was taken once is not taken from the system again; what the last save did not need is given
 * back. */
static void test_staging__memory_stays_warm(void **state) {
    (void)state;
    enum { SIZE = 1 << 20 };
    rs_staging staging = {0};
    rs_staging_begin(&staging, 64 << 20);
    for (int i = 0; i < 8; i++) {
        uint8_t *bytes = rs_staging_add(&staging, 0, SIZE);
        assert_non_null(bytes);
        memset(bytes, 1, SIZE);
    }
    for (int needed = 8; needed >= 2; needed -= 3) {
        rs_staging_clear(&staging);
        rs_staging_begin(&staging, 64 << 20);
        alloc_fail_at(1, true);
        for (int i = 0; i < needed; i++)
            assert_non_null(rs_staging_add(&staging, 0, SIZE));
        alloc_fail_at(0, false);
    }
    rs_staging_clear(&staging);
    rs_staging_begin(&staging, 64 << 20);
    alloc_fail_at(1, true);
    assert_non_null(rs_staging_add(&staging, 0, SIZE));
    assert_non_null(rs_staging_add(&staging, 0, SIZE));
    assert_null(rs_staging_add(&staging, 0, SIZE)); /* no memory, though it had been there once */
    alloc_fail_at(0, false);
    rs_staging_release(&staging);
    assert_null(staging.spare);
}

/* A small save takes little, a large copy a block of its own. */
static void test_staging__blocks_fit(void **state) {
    (void)state;
    rs_staging staging = {0};
    rs_staging_begin(&staging, 1 << 20);
    assert_non_null(rs_staging_add(&staging, 0, 100));
    assert_true(staging.room > 500 << 10);
    rs_staging_clear(&staging);
    rs_staging_begin(&staging, 8 << 20);
    assert_non_null(rs_staging_add(&staging, 0, 8 << 20)); /* the small spare one is passed over */
    assert_int_equal(staging.room, 0);
    assert_null(rs_staging_add(&staging, 1, 1));
    rs_staging_release(&staging);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_staging__copies_stay_in_place),
        cmocka_unit_test(test_staging__ends_at_its_limit),
        cmocka_unit_test(test_staging__memory_stays_warm),
        cmocka_unit_test(test_staging__blocks_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
