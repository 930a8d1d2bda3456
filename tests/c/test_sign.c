/* Tests of src/store/sign.c: what is committed is signed, and what is read is judged. */
#include "store/file_internal.h"

#include "store/keys.h"
#include "store_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The folder's key becomes the one of this number; 0: none. */
static void use_key(store_place *place, int number) {
    char name[16], path[TEMP_PATH_SIZE];
    rs_keys_free(place->folder->keys);
    place->folder->keys = NULL;
    if (number == 0) return;
    snprintf(name, sizeof name, "keys/%d", number);
    temp_path(path, place->path, name);
    assert_int_equal(rs_folder_use_key(place->folder, path, &place->error), RESUME_OK);
    rs_keys_make(place->folder->keys, place->folder);
    assert_string_equal(place->folder->keys->problem, "");
}

static rs_state *read_state(store_place *place, size_t index) {
    rs_state *state;
    assert_int_equal(rs_file_read(place->file, index, &state, &place->error), RESUME_OK);
    return state;
}

/* Of all generations, newest first. */
static void expect_signatures(store_place *place, size_t count, const rs_signature *expected) {
    store_close(place);
    store_open_reader(place);
    assert_int_equal(rs_file_generation_count(place->file), count);
    for (size_t i = 0; i < count; i++) {
        rs_state *state = read_state(place, i);
        assert_int_equal(rs_state_signature(state), expected[i]);
        assert_int_equal(rs_state_is_mine(state), expected[i] == RS_SIGNED_MINE);
        rs_state_free(state);
        assert_int_equal(rs_file_look(place->file, i, &state, &place->error), RESUME_OK);
        assert_int_equal(rs_state_signature(state), expected[i]);
        assert_false(rs_state_is_mine(state)); /* its stream was not read */
        rs_state_free(state);
    }
    store_close(place);
}
#define EXPECT(place, ...)                                                                         \
    do {                                                                                           \
        static const rs_signature expected_[] = {__VA_ARGS__};                                     \
        expect_signatures(place, sizeof expected_ / sizeof expected_[0], expected_);               \
    } while (0)

static void test_sign__every_commit_is_mine(void **state) {
    store_place *place = *state;
    use_key(place, 1);
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_save(place, SAMPLE_MIXED, 2);
    store_save(place, SAMPLE_LARGE, 3);
    store_save(place, SAMPLE_LARGE, 4);
    EXPECT(place, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE);
    store_open(place); /* by another process */
    store_save(place, SAMPLE_MIXED, 5);
    EXPECT(place, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE);
}

static void test_sign__without_a_key_nothing_is_signed(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    EXPECT(place, RS_SIGNED_NOT);
    use_key(place, 1);
    EXPECT(place, RS_SIGNED_NOT);
}

static void test_sign__another_key_tells_nothing(void **state) {
    store_place *place = *state;
    use_key(place, 1);
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    use_key(place, 2);
    EXPECT(place, RS_SIGNED_OTHER);
    use_key(place, 0);
    EXPECT(place, RS_SIGNED_OTHER);
    use_key(place, 1);
    EXPECT(place, RS_SIGNED_MINE);
}

/* A table as a difference is judged as the table that it stands for. */
static void test_sign__deltas(void **state) {
    store_place *place = *state;
    use_key(place, 1);
    store_new(place);
    uint8_t *bytes = calloc(300, RS_CHUNK_SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < 300; i++) /* chunks that differ */
        memcpy(bytes + i * RS_CHUNK_SIZE, &i, sizeof i);
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{"stream", 6, 1}, {bytes, 300 * (uint64_t)RS_CHUNK_SIZE, 1}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_commit_options options = {.keep = {.last = 2}};
    for (int i = 0; i < 3; i++) {
        bytes[8] = (uint8_t)i;
        assert_int_equal(
            rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
            RESUME_OK);
    }
    assert_true(place->file->table_depth > 0);
    free(bytes);
    EXPECT(place, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE);
}

static void mark(store_place *place) {
    rs_meta meta = {.ended = true};
    rs_commit_options options = {.keep = {.last = 2}};
    assert_int_equal(rs_file_commit_mark(place->file, &meta, &options, &place->info, &place->error),
                     RESUME_OK);
}

static void test_sign__a_mark_is_signed_when_its_state_was(void **state) {
    store_place *place = *state;
    use_key(place, 1);
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    mark(place);
    EXPECT(place, RS_SIGNED_MINE, RS_SIGNED_MINE);
    store_open(place);
    mark(place);
    EXPECT(place, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE);
    use_key(place, 2);
    store_open(place);
    mark(place); /* of what somebody else has saved */
    EXPECT(place, RS_SIGNED_NOT, RS_SIGNED_OTHER, RS_SIGNED_OTHER, RS_SIGNED_OTHER);
    use_key(place, 1); /* once unsigned, it stays so */
    store_open(place);
    mark(place);
    EXPECT(place, RS_SIGNED_NOT, RS_SIGNED_NOT, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE);
}

static void test_sign__going_back_signs_what_verified(void **state) {
    store_place *place = *state;
    use_key(place, 1);
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    use_key(place, 2);
    store_save(place, SAMPLE_MIXED, 2);
    store_save(place, SAMPLE_MIXED, 3);
    store_close(place);
    store_open(place);
    assert_int_equal(rs_file_rollback(place->file, 1, &place->info, &place->error), RESUME_OK);
    assert_int_equal(rs_file_rollback(place->file, 3, &place->info, &place->error), RESUME_OK);
    EXPECT(place, RS_SIGNED_NOT, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_OTHER);
    store_open(place);
    store_expect(place, 0, SAMPLE_MIXED, 1);
    store_expect(place, 1, SAMPLE_MIXED, 2);
}

static void test_sign__compaction_signs_what_verified(void **state) {
    store_place *place = *state;
    static const rs_keep all = {.last = 100};
    use_key(place, 1);
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    use_key(place, 0);
    store_save(place, SAMPLE_MIXED, 2);
    use_key(place, 2);
    store_save(place, SAMPLE_MIXED, 3);
    mark(place);
    assert_int_equal(rs_file_compact(place->file, &all, NULL, &place->error), RESUME_OK);
    mark(place); /* by what the handle knows about the new file */
    EXPECT(place, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_MINE, RS_SIGNED_NOT, RS_SIGNED_NOT);
    use_key(place, 1); /* the old signature is gone with the old file */
    EXPECT(place, RS_SIGNED_OTHER, RS_SIGNED_OTHER, RS_SIGNED_OTHER, RS_SIGNED_NOT, RS_SIGNED_NOT);
}

/* Chunks that the first save of the next process, with this key, finds in the file. */
static uint64_t reused_after_opening(store_place *place, int key) {
    rs_file_leave(place->file); /* so that what was saved is known to be durable */
    store_close(place);
    use_key(place, key);
    store_open(place);
    store_save(place, SAMPLE_MIXED, 1);
    return place->info.chunks_reused;
}

/* Chunks are told by a checksum that anybody can make to match. */
static void test_sign__nothing_of_others_is_relied_upon(void **state) {
    store_place *place = *state;
    use_key(place, 1);
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    assert_true(reused_after_opening(place, 1) > 0);
    assert_int_equal(reused_after_opening(place, 2), 0);
    assert_true(reused_after_opening(place, 2) > 0);
    assert_true(reused_after_opening(place, 0) > 0); /* nothing can be told */
    assert_int_equal(reused_after_opening(place, 2), 0);
    store_save(place, SAMPLE_MIXED, 1);
    assert_true(place->info.chunks_reused > 0);
}

static uint64_t chunks_of_newest(store_place *place, uint64_t *shared) {
    rs_state *newest, *older;
    store_close(place);
    store_open_reader(place);
    assert_int_equal(rs_file_read(place->file, 0, &newest, &place->error), RESUME_OK);
    assert_int_equal(rs_file_read(place->file, 1, &older, &place->error), RESUME_OK);
    uint64_t count = newest->table.entry_count;
    *shared = 0;
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < older->table.entry_count; j++)
            *shared += newest->table.entries[i].coding != RS_CHUNK_ZERO &&
                       newest->table.entries[i].offset == older->table.entries[j].offset;
    rs_state_free(newest);
    rs_state_free(older);
    return count;
}

/* One's own generation keeps its own bytes, also in a new file beside one of somebody else. */
static void test_sign__a_copy_shares_no_chunks_with_others(void **state) {
    static const rs_keep all = {.last = 100};
    store_place *place = *state;
    for (int first = 1; first <= 2; first++) {
        uint64_t shared;
        use_key(place, first);
        store_new(place);
        store_save(place, SAMPLE_MIXED, 1);
        store_close(place);
        use_key(place, 2);
        store_open(place);
        store_save(place, SAMPLE_MIXED, 1);
        assert_int_equal(rs_file_compact(place->file, &all, NULL, &place->error), RESUME_OK);
        assert_true(chunks_of_newest(place, &shared) > 0);
        assert_int_equal(shared > 0, first == 2);
        store_close(place);
        assert_int_equal(remove(place->file_path), 0);
    }
}

static void test_sign__without_a_key_the_owner_counts(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    store_open_reader(place);
    rs_state *saved = read_state(place, 0);
    assert_false(rs_state_is_foreign(saved));
    assert_false(rs_state_is_mine(saved));
    place->file->is_foreign = true;
    assert_true(rs_state_is_foreign(saved));
    use_key(place, 1); /* with one it does not */
    assert_true(rs_state_is_foreign(saved));
    place->file->is_foreign = false;
    assert_true(rs_state_is_foreign(saved));
    rs_state_free(saved);
}

static void expect_judged(rs_state *state, rs_slice meta, rs_signature expected) {
    rs_error error;
    assert_int_equal(rs_state_judge(state, meta, &error), RESUME_OK);
    if (state->signature == RS_SIGNED_MINE) rs_state_judge_stream(state);
    assert_int_equal(state->signature, expected);
    assert_int_equal(rs_state_is_mine(state), expected == RS_SIGNED_MINE);
}

/* Anything that a reader of the generation gets, changed by somebody who has no key. */
static void test_sign__whatever_is_changed_is_noticed(void **state) {
    store_place *place = *state;
    use_key(place, 1);
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    store_close(place);
    store_open_reader(place);
    rs_state *saved = read_state(place, 0);
    rs_slice meta = {saved->meta_bytes.bytes, saved->meta_bytes.size};
    expect_judged(saved, meta, RS_SIGNED_MINE);
    struct {
        void *at;
        size_t size;
    } const parts[] = {
        {&saved->generation.number, sizeof saved->generation.number},
        {place->file->header_digest.bytes, RS_DIGEST_SIZE},
        {saved->meta_bytes.bytes, saved->meta_bytes.size},
        {&saved->table.blobs[0].size, sizeof saved->table.blobs[0].size},
        {&saved->table.blobs[1].size, sizeof saved->table.blobs[1].size},
        {&saved->table.entries[0].hash, sizeof saved->table.entries[0].hash},
        {&saved->table.entries[1].hash, sizeof saved->table.entries[1].hash},
        {&saved->table.entries[1].raw_size, sizeof saved->table.entries[1].raw_size},
        {saved->stream, (size_t)saved->table.blobs[0].size},
        {saved->end.mac.bytes, RS_MAC_SIZE},
        {saved->end.stream.bytes, RS_DIGEST_SIZE},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (size_t j = 0; j < parts[i].size; j++) {
            uint8_t *byte = (uint8_t *)parts[i].at + j;
            *byte ^= 1;
            expect_judged(saved, meta, RS_SIGNED_WRONG);
            *byte ^= 1;
        }
    expect_judged(saved, (rs_slice){meta.bytes, meta.size - 1}, RS_SIGNED_WRONG);
    saved->generation.flags ^= RS_SEGMENT_MARK;
    expect_judged(saved, meta, RS_SIGNED_WRONG);
    saved->generation.flags ^= RS_SEGMENT_MARK | RS_SEGMENT_SELF_VERIFYING;
    expect_judged(saved, meta, RS_SIGNED_MINE); /* how it was written says nothing */
    saved->end.key_id[15] ^= 1;
    expect_judged(saved, meta, RS_SIGNED_OTHER);
    saved->end.key_id[15] ^= 1;
    saved->end.algorithm = RS_END_UNSIGNED;
    expect_judged(saved, meta, RS_SIGNED_NOT);
    saved->end.is_known = false;
    expect_judged(saved, meta, RS_SIGNED_NOT);
    rs_state_free(saved);
}

static void test_sign__texts(void **state) {
    (void)state;
    assert_string_equal(rs_signature_text(RS_SIGNED_NOT), "not signed");
    assert_string_equal(rs_signature_text(RS_SIGNED_OTHER), "signed with another key");
    assert_string_equal(rs_signature_text(RS_SIGNED_WRONG), "its signature does not match");
    assert_string_equal(rs_signature_text(RS_SIGNED_MINE), "signed with your key");
    assert_string_equal(rs_signature_text(RS_SIGNED_TRUSTED), "trusted");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_sign__every_commit_is_mine),
        TEST(test_sign__without_a_key_nothing_is_signed),
        TEST(test_sign__another_key_tells_nothing),
        TEST(test_sign__deltas),
        TEST(test_sign__a_mark_is_signed_when_its_state_was),
        TEST(test_sign__going_back_signs_what_verified),
        TEST(test_sign__compaction_signs_what_verified),
        TEST(test_sign__nothing_of_others_is_relied_upon),
        TEST(test_sign__a_copy_shares_no_chunks_with_others),
        TEST(test_sign__without_a_key_the_owner_counts),
        TEST(test_sign__whatever_is_changed_is_noticed),
        TEST(test_sign__texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
