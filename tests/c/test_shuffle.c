/* format/shuffle.c: equal to the definition for every size around the vectors, and undone. */
#include "testing.h"

#include "format/chunk.h"
#include "seeded.h"

#include <stdlib.h>
#include <string.h>

static void shuffle_by_definition(const uint8_t *from, uint8_t *to, size_t size, size_t unit) {
    size_t count = size / unit;
    memcpy(to, from, size);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < unit; k++)
            to[k * count + i] = from[i * unit + k];
}

static void check(seeded *random, size_t size, size_t unit) {
    /* Blocks of just this size, at odd addresses, so that a sanitizer sees what goes beyond. */
    uint8_t *from = malloc(size + 1), *to = malloc(size + 1), *expected = malloc(size + 1);
    seeded_fill(random, from, size + 1);
    shuffle_by_definition(from + 1, expected, size, unit);
    rs_shuffle(from + 1, to + 1, size, unit);
    assert_memory_equal(to + 1, expected, size);
    rs_unshuffle(to + 1, expected, size, unit);
    assert_memory_equal(expected, from + 1, size);
    free(from);
    free(to);
    free(expected);
}

static void test_shuffle__is_the_definition_and_undone(void **state) {
    (void)state;
    seeded random = seeded_start();
    static const size_t units[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 24};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        for (size_t size = 1; size < 600; size++)
            check(&random, size, units[u]);
        check(&random, 262144, units[u]);
        check(&random, 262143, units[u]);
    }
}

static void test_shuffle__nothing_to_do(void **state) {
    (void)state;
    uint8_t from[3] = {1, 2, 3}, to[3] = {9, 9, 9};
    rs_shuffle(from, to, 0, 8);
    assert_int_equal(to[0], 9);
    rs_shuffle(from, to, 3, 8);
    assert_memory_equal(to, from, 3);
    rs_unshuffle(from, to, 0, 8);
    rs_unshuffle(from, to, 3, 8);
    assert_memory_equal(to, from, 3);
}

static void test_shuffle__elements_of_no_size_are_bytes(void **state) {
    (void)state;
    uint8_t from[3] = {1, 2, 3}, to[3] = {9, 9, 9}, back[3] = {0};
    rs_shuffle(from, to, 3, 0);
    assert_memory_equal(to, from, 3);
    rs_unshuffle(to, back, 3, 0);
    assert_memory_equal(back, from, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shuffle__is_the_definition_and_undone),
        cmocka_unit_test(test_shuffle__nothing_to_do),
        cmocka_unit_test(test_shuffle__elements_of_no_size_are_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
