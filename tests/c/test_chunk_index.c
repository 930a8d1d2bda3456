/* format/chunk_index.c: finds what was put in and nothing else. */
#include "testing.h"

#include "alloc_fail.h"
#include "random_table.h"

#include <time.h>

static void check_found(const rs_chunk_index *index, const rs_chunk_entry *entry) {
    const rs_chunk_entry *found = rs_chunk_index_find(index, entry->hash, entry->raw_size);
    if (entry->coding == RS_CHUNK_ZERO) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_entries_equal(found, entry);
}

static void test_chunk_index__finds_all_and_nothing_else(void **state) {
    (void)state;
    seeded random = seeded_start();
    for (int round = 0; round < 50; round++) {
        rs_table table = random_table(&random, 20, 20), more = random_table(&random, 20, 20);
        rs_chunk_index *index;
        assert_int_equal(rs_chunk_index_new(&table, &index, NULL), RESUME_OK);
        for (uint64_t i = 0; i < more.entry_count; i++) {
            assert_int_equal(rs_chunk_index_add(index, &more.entries[i], NULL), RESUME_OK);
            check_found(index, &more.entries[i]);
        }
        for (uint64_t i = 0; i < table.entry_count; i++) {
            check_found(index, &table.entries[i]);
            rs_hash128 other = table.entries[i].hash;
            other.high ^= 1;
            assert_null(rs_chunk_index_find(index, other, table.entries[i].raw_size));
            assert_null(
                rs_chunk_index_find(index, table.entries[i].hash, table.entries[i].raw_size + 1));
        }
        for (uint64_t i = 0; i < more.entry_count; i++)
            check_found(index, &more.entries[i]);
        assert_null(rs_chunk_index_find(index, (rs_hash128){1, 2}, 0));
        rs_chunk_index_free(index);
        rs_table_release(&table);
        rs_table_release(&more);
    }
    rs_chunk_index_free(NULL);
}

static void test_chunk_index__first_of_one_content_stays(void **state) {
    (void)state;
    rs_chunk_entry entries[2] = {
        {.offset = 20000, .stored_size = 9, .raw_size = 9, .hash = {5, 6}},
        {.offset = 30000, .stored_size = 9, .raw_size = 9, .hash = {5, 6}}};
    rs_table table = {.entries = entries, .entry_count = 2};
    rs_chunk_index *index;
    assert_int_equal(rs_chunk_index_new(&table, &index, NULL), RESUME_OK);
    assert_true(rs_chunk_index_find(index, entries[0].hash, 9)->offset == 20000);
    /* Adding what `find` gave must survive the growth. */
    for (uint64_t i = 0; i < 5000; i++) {
        rs_chunk_entry entry = *rs_chunk_index_find(index, entries[0].hash, 9);
        entry.hash.low = 100 + i;
        assert_int_equal(rs_chunk_index_add(index, &entry, NULL), RESUME_OK);
        assert_int_equal(rs_chunk_index_add(index, rs_chunk_index_find(index, entry.hash, 9), NULL),
                         RESUME_OK);
    }
    assert_true(rs_chunk_index_find(index, entries[0].hash, 9)->offset == 20000);
    rs_chunk_index_free(index);
}

/* Checksums chosen to be alike in all low or all high bits still spread. Quadratic work on 200,000
 * would take minutes. */
static void test_chunk_index__chosen_checksums_do_not_collide(void **state) {
    (void)state;
    rs_table empty = {0};
    for (int way = 0; way < 3; way++) {
        rs_chunk_index *index;
        assert_int_equal(rs_chunk_index_new(&empty, &index, NULL), RESUME_OK);
        clock_t start = clock();
        for (uint64_t i = 0; i < 200000; i++) {
            rs_chunk_entry entry = {.offset = 20000, .stored_size = 9, .raw_size = 9};
            entry.hash.low = way == 0 ? i << 40 : way == 1 ? 0 : i;
            entry.hash.high = way == 1 ? i << 40 : 0;
            assert_int_equal(rs_chunk_index_add(index, &entry, NULL), RESUME_OK);
        }
        assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
        rs_chunk_index_free(index);
    }
}

static void test_chunk_index__every_failing_allocation_is_no_memory(void **state) {
    (void)state;
    seeded random = {3};
    rs_table table = random_table(&random, 20, 20);
    rs_table empty = {0};
    resume_status status = RESUME_NO_MEMORY;
    for (long n = 1; status; n++) {
        rs_chunk_index *index;
        alloc_fail_at(n, false);
        status = rs_chunk_index_new(&empty, &index, NULL);
        uint64_t added = 0;
        while (!status && added < table.entry_count) {
            status = rs_chunk_index_add(index, &table.entries[added], NULL);
            added += !status;
        }
        alloc_fail_at(0, false);
        assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
        for (uint64_t i = 0; i < added; i++) /* nothing is lost by a growth that failed */
            check_found(index, &table.entries[i]);
        rs_chunk_index_free(index);
        assert_true(n < 50);
    }
    rs_table_release(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunk_index__finds_all_and_nothing_else),
        cmocka_unit_test(test_chunk_index__first_of_one_content_stays),
        cmocka_unit_test(test_chunk_index__chosen_checksums_do_not_collide),
        cmocka_unit_test(test_chunk_index__every_failing_allocation_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
