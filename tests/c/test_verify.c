/* Tests of src/store/verify.c: all chunks are verified, shared ones once. */
#include "alloc_fail.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <string.h>

static int count_progress(void *context, uint64_t done, uint64_t total) {
    uint64_t *seen = context;
    assert_true(done > seen[0] && done <= total);
    seen[0] = done;
    return ++seen[1] == seen[2];
}

static rs_state *open_state(store_place *place, size_t index) {
    rs_state *read = NULL;
    assert_int_equal(rs_file_read(place->file, index, &read, &place->error), RESUME_OK);
    return read;
}

static void test_verify__tells_progress_and_can_be_stopped(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_LARGE, 1);
    rs_state *read = open_state(place, 0);
    rs_state_sizes sizes = rs_state_measure(read);
    uint64_t seen[3] = {0};
    assert_int_equal(rs_state_verify(read, NULL, count_progress, seen, &place->error), RESUME_OK);
    assert_int_equal(seen[0], sizes.stored);
    assert_int_equal(seen[1], sizes.chunks - sizes.zero_chunks);
    uint64_t stopped[3] = {0, 0, 2};
    assert_int_equal(rs_state_verify(read, NULL, count_progress, stopped, &place->error),
                     RESUME_OK);
    assert_int_equal(stopped[1], 2);
    store_flip(place->file_path, rs_file_generation(place->file, 0)->segment_offset + 300000);
    assert_int_equal(rs_state_verify(read, NULL, NULL, NULL, &place->error), RESUME_DAMAGED);
    assert_non_null(strstr(place->error.text, "generation 1"));
    rs_state_free(read);
}

static void test_verify__shared_chunks_are_read_once(void **state) {
    store_place *place = *state;
    rs_verified *verified;
    uint64_t newest[3] = {0}, again[3] = {0}, older[3] = {0}, alone[3] = {0};
    store_new(place);
    store_save_until(place, SAMPLE_MIXED, 2);
    assert_int_equal(rs_verified_new(&verified, &place->error), RESUME_OK);
    rs_state *first = open_state(place, 0), *second = open_state(place, 1);
    assert_int_equal(rs_state_verify(first, verified, count_progress, newest, &place->error),
                     RESUME_OK);
    assert_int_equal(newest[0], rs_state_measure(first).stored);
    assert_int_equal(rs_state_verify(first, verified, count_progress, again, &place->error),
                     RESUME_OK);
    assert_int_equal(again[1], 0);
    assert_int_equal(rs_state_verify(second, verified, count_progress, older, &place->error),
                     RESUME_OK);
    assert_int_equal(rs_state_verify(second, NULL, count_progress, alone, &place->error),
                     RESUME_OK);
    assert_true(older[1] > 0 && older[1] < alone[1] && older[0] < alone[0]);
    rs_state_free(first);
    rs_state_free(second);
    rs_verified_free(verified);
}

/* What is bad is never remembered as good, and what only the older one has is read. */
static void test_verify__a_bad_chunk_is_bad_for_every_generation(void **state) {
    store_place *place = *state;
    rs_verified *verified;
    store_new(place);
    store_save_until(place, SAMPLE_LARGE, 2);
    rs_state *first = open_state(place, 0), *second = open_state(place, 1);
    uint64_t shared = 0, own = 0;
    for (uint64_t i = 0; i < second->table.entry_count; i++) {
        const rs_chunk_entry *entry = &second->table.entries[i];
        bool both = false;
        for (uint64_t j = 0; j < first->table.entry_count; j++)
            both |= first->table.entries[j].offset == entry->offset;
        if (entry->coding != RS_CHUNK_ZERO) *(both ? &shared : &own) = entry->offset;
    }
    assert_true(shared != 0 && own != 0);
    for (int round = 0; round < 2; round++) {
        store_flip(place->file_path, round ? own : shared);
        assert_int_equal(rs_verified_new(&verified, &place->error), RESUME_OK);
        assert_int_equal(rs_state_verify(first, verified, NULL, NULL, &place->error),
                         round ? RESUME_OK : RESUME_DAMAGED);
        assert_int_equal(rs_state_verify(second, verified, NULL, NULL, &place->error),
                         RESUME_DAMAGED);
        store_flip(place->file_path, round ? own : shared);
        rs_verified_free(verified);
    }
    rs_state_free(first);
    rs_state_free(second);
}

/* Forged tables: what differs in anything from the chunk that was read is read itself. */
static void test_verify__a_chunk_is_known_by_all_of_its_entry(void **state) {
    store_place *place = *state;
    rs_verified *verified;
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    rs_state *read = open_state(place, 0);
    assert_int_equal(rs_verified_new(&verified, &place->error), RESUME_OK);
    assert_int_equal(rs_state_verify(read, verified, NULL, NULL, &place->error), RESUME_OK);
    rs_chunk_entry *entry = read->table.entries;
    while (entry->coding != RS_CHUNK_ZSTD_SHUFFLE)
        entry++;
    assert_true(entry < read->table.entries + read->table.entry_count);
    const rs_chunk_entry original = *entry;
    for (int what = 0; what < 4; what++) {
        *entry = original;
        entry->offset += what == 0 ? 8 : 0;
        entry->stored_size -= what == 1 ? 1 : 0;
        if (what == 2) entry->coding = RS_CHUNK_ZSTD;
        if (what == 3) entry->element_size = original.element_size == 8 ? 4 : 8;
        assert_int_equal(rs_state_verify(read, verified, NULL, NULL, &place->error),
                         RESUME_DAMAGED);
    }
    *entry = original;
    assert_int_equal(rs_state_verify(read, verified, NULL, NULL, &place->error), RESUME_OK);
    rs_verified_free(verified);
    rs_state_free(read);
}

static void test_verify__no_memory(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    rs_state *read = open_state(place, 0);
    resume_status status = RESUME_NO_MEMORY;
    for (long nth = 1; status != RESUME_OK; nth++) {
        rs_verified *verified = NULL;
        alloc_fail_at(nth, false);
        status = rs_verified_new(&verified, &place->error);
        if (status == RESUME_OK)
            status = rs_state_verify(read, verified, NULL, NULL, &place->error);
        alloc_fail_at(0, false);
        rs_verified_free(verified);
        assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
        assert_true(nth < 1000);
    }
    rs_state_free(read);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_verify__tells_progress_and_can_be_stopped),
        TEST(test_verify__shared_chunks_are_read_once),
        TEST(test_verify__a_bad_chunk_is_bad_for_every_generation),
        TEST(test_verify__a_chunk_is_known_by_all_of_its_entry),
        TEST(test_verify__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
