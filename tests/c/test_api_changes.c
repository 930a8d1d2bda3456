/* api/changes.c: nothing changes before it is applied, and all of it can be taken back. */
#include "testing.h"

#include "alloc_fail.h"
#include "api/changes.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void test_changes__apply_and_undo(void **state) {
    (void)state;
    rs_changes changes;
    int number = 1;
    char large[100] = "old";
    int *block = malloc(sizeof *block), *old = block;
    bool failed;
    *block = 5;
    rs_changes_init(&changes, 1000, false);
    *(int *)rs_changes_room(&changes, &number, sizeof number) = 2;
    strcpy(rs_changes_room(&changes, large, sizeof large), "new");
    int *fresh = rs_changes_block(&changes, &block, 3 * sizeof *block, &failed);
    assert_false(failed);
    fresh[2] = 6;
    assert_true(number == 1 && block == old);
    assert_string_equal(large, "old");
    assert_true(rs_changes_can_undo(&changes));
    assert_int_equal(rs_changes_apply(&changes, NULL, true, NULL), RESUME_OK);
    assert_true(number == 2 && block == fresh && block[2] == 6);
    assert_string_equal(large, "new");
    rs_changes_undo(&changes);
    assert_true(number == 1 && block == old && *block == 5);
    assert_string_equal(large, "old");
    assert_int_equal(rs_changes_apply(&changes, NULL, true, NULL), RESUME_OK);
    rs_changes_release(&changes); /* the old block, too */
    assert_int_equal(block[2], 6);
    free(block);
}

static void test_changes__not_applied_leaves_nothing(void **state) {
    (void)state;
    rs_changes changes;
    int *block = NULL, *other = malloc(4);
    bool failed;
    rs_changes_init(&changes, 1000, false);
    assert_non_null(rs_changes_block(&changes, &block, 40, &failed));
    assert_true(rs_changes_drop(&changes, other));
    rs_changes_release(&changes);
    assert_null(block);
    free(other);
    rs_changes_init(&changes, 1000, false);
    assert_null(rs_changes_block(&changes, &block, 0, &failed));
    assert_false(failed);
    rs_changes_release(&changes);
}

static void test_changes__a_fresh_block_is_written_at_once(void **state) {
    (void)state;
    rs_changes changes;
    char fresh[10] = "";
    rs_changes_init(&changes, 1000, false);
    changes.fresh[changes.fresh_count++] = (rs_fresh){(uint8_t *)fresh, sizeof fresh};
    assert_ptr_equal(rs_changes_room(&changes, fresh + 3, 4), fresh + 3);
    assert_ptr_equal(rs_changes_room(&changes, fresh + 9, 1), fresh + 9);
    assert_int_equal(changes.count, 0);
    assert_ptr_not_equal(rs_changes_room(&changes, fresh + 10, 1), fresh + 10);
    rs_changes_release(&changes);
}

static int reads;

static uint64_t blob_size(void *context, size_t index) {
    (void)context, (void)index;
    return 3000000;
}

static resume_status blob_read(void *context, size_t index, uint64_t offset, size_t size, void *to,
                               rs_error *error) {
    (void)index, (void)offset;
    reads++;
    memset(to, 7, size);
    return context && reads > 3 ? rs_fail(error, RESUME_IO, "gone") : RESUME_OK;
}

static void test_changes__large_arrays_are_verified_and_then_read(void **state) {
    (void)state;
    rs_changes changes;
    rs_error error = {0};
    uint8_t *array = calloc(3000000, 1);
    rs_memory memory = {.blob = 1, .high = 3000000};
    for (int fails = 0; fails < 2; fails++) {
        rs_stream stream = {
            .blobs = {.context = &error, .count = 2, .size = blob_size, .read = blob_read}};
        if (!fails) stream.blobs.context = NULL;
        memset(array, 0, 3000000);
        reads = 0;
        rs_changes_init(&changes, 1000, false);
        assert_int_equal(rs_changes_read(&changes, &stream, &memory, 0, 3000000, array, &error),
                         RESUME_OK);
        assert_int_equal(reads, 3); /* a MiB each */
        assert_int_equal(array[0], 0);
        assert_false(rs_changes_can_undo(&changes));
        assert_int_equal(rs_changes_apply(&changes, &stream, false, &error),
                         fails ? RESUME_IO : RESUME_OK);
        assert_int_equal(array[2999999], 7);
        rs_changes_release(&changes);
    }
    free(array);
}

static void test_changes__no_memory(void **state) {
    (void)state;
    static char target[100];
    void *block = NULL;
    for (long nth = 1; nth < 3; nth++) {
        rs_changes changes;
        bool failed;
        rs_changes_init(&changes, 1000, false);
        alloc_fail_at(nth, false);
        assert_null(rs_changes_room(&changes, target, sizeof target));
        rs_changes_release(&changes);
        alloc_fail_at(nth, false);
        assert_null(rs_changes_block(&changes, &block, 10, &failed));
        assert_true(failed);
        rs_changes_release(&changes);
    }
    alloc_fail_at(1, false);
    rs_changes changes;
    rs_changes_init(&changes, 1000, false);
    assert_false(rs_changes_drop(&changes, target));
    alloc_fail_at(0, false);
    rs_changes_release(&changes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes__apply_and_undo),
        cmocka_unit_test(test_changes__not_applied_leaves_nothing),
        cmocka_unit_test(test_changes__a_fresh_block_is_written_at_once),
        cmocka_unit_test(test_changes__large_arrays_are_verified_and_then_read),
        cmocka_unit_test(test_changes__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
