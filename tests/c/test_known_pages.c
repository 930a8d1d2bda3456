/* store/known_pages.c, and saves of which few pages have changed. */
#include "alloc_fail.h"
#include "seeded.h"
#include "store_place.h"
#include "testing.h"

#include "base/alloc.h"
#include "store/file_internal.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK     (256u * 1024u)
#define SIZE      (16u * CHUNK - 100u)
#define PAGES     (SIZE / RS_PAGE_SIZE)
#define META_SIZE 16384u /* of a save beside its pages: header, META, table, trailer, padding */

static uint8_t *array_of(seeded *random, size_t size) {
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    seeded_fill(random, bytes, size);
    return bytes;
}

static resume_status save(store_place *place, const uint8_t *bytes, size_t size) {
    static const uint8_t stream[] = {0xA0};
    rs_blob blobs[] = {{.bytes = stream, .size = 1}, {.bytes = bytes, .size = size}};
    rs_meta meta = {.saves = 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_commit_options options = {.compress = RS_COMPRESS_AUTO, .keep = {.last = 2}};
    return rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error);
}

static void expect(store_place *place, size_t index, const uint8_t *bytes, size_t size) {
    rs_state *state;
    uint8_t *back = malloc(size);
    assert_non_null(back);
    assert_int_equal(rs_file_read(place->file, index, &state, &place->error), RESUME_OK);
    assert_int_equal(rs_state_blob_size(state, 1), size);
    assert_int_equal(rs_state_read_blob(state, 1, back, &place->error), RESUME_OK);
    assert_memory_equal(back, bytes, size);
    for (size_t at = size / 3, part = 5000; at < size; at += size / 7, part += 3001) {
        size_t left = size - at < part ? size - at : part;
        assert_int_equal(rs_state_read_range(state, 1, at, left, back, NULL), RESUME_OK);
        assert_memory_equal(back, bytes + at, left);
    }
    assert_int_equal(rs_state_verify(state, NULL, NULL, NULL, &place->error), RESUME_OK);
    rs_state_free(state);
    free(back);
}

static size_t patched_chunks(const store_place *place) {
    size_t count = 0;
    for (uint64_t i = 0; i < place->file->table.entry_count; i++)
        count += place->file->table.entries[i].coding == RS_CHUNK_PATCHED;
    return count;
}

/* Touches `count` random pages; how many different ones those are. */
static size_t touch(seeded *random, uint8_t *bytes, size_t count) {
    bool touched[PAGES + 1] = {false};
    size_t different = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)seeded_below(random, SIZE), page = at / RS_PAGE_SIZE;
        bytes[at]++;
        different += !touched[page];
        touched[page] = true;
    }
    return different;
}

/* A new checkpoint with an array of SIZE random bytes in it, which the caller frees. */
static uint8_t *saved_array(store_place *place, seeded *random) {
    uint8_t *bytes = array_of(random, SIZE);
    store_new(place);
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    return bytes;
}

/* Also over many saves, until chunks have so many patches that they are written whole. */
static void test_known_pages__only_changed_ones_are_written(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = array_of(&random, SIZE);
    bool was_patched = false;
    store_new(place);
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    for (int round = 0; round < 60; round++) {
        size_t different = touch(&random, bytes, 12);
        assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
        if (round < 20)
            assert_true(place->info.bytes_written <= different * (RS_PAGE_SIZE + 600) + META_SIZE);
        was_patched = was_patched || patched_chunks(place) > 8;
        if (round % 10 == 9) expect(place, 0, bytes, SIZE);
    }
    assert_true(was_patched);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    expect(place, 0, bytes, SIZE);
    touch(&random, bytes, 9); /* nothing is remembered in a new process */
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    expect(place, 0, bytes, SIZE);
    size_t different = touch(&random, bytes, 9);
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    assert_true(place->info.bytes_written <= different * RS_PAGE_SIZE + 9 * CHUNK);
    expect(place, 0, bytes, SIZE);
    free(bytes);
}

static void test_known_pages__neighbours_and_the_short_last_page(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = saved_array(place, &random);
    memset(bytes + 5 * RS_PAGE_SIZE, 1, 7 * RS_PAGE_SIZE);
    bytes[SIZE - 1]++;
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    assert_int_equal(patched_chunks(place), 2);
    assert_int_equal(place->file->table.entries[1].element_size, 1);
    assert_true(place->info.bytes_written <= 8 * RS_PAGE_SIZE + META_SIZE);
    expect(place, 0, bytes, SIZE);
    free(bytes);
}

static void test_known_pages__what_changed_a_lot_is_written_whole(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = saved_array(place, &random);
    for (size_t page = 0; page < 49; page++)
        bytes[page * RS_PAGE_SIZE]++;
    for (size_t page = 64; page < 64 + 47; page++)
        bytes[page * RS_PAGE_SIZE]++;
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    assert_int_equal(place->file->table.entries[1].coding, RS_CHUNK_RAW);
    assert_int_equal(place->file->table.entries[2].coding, RS_CHUNK_PATCHED);
    expect(place, 0, bytes, SIZE);
    free(bytes);
}

/* A chunk that goes back and forth, grows and shrinks: each time against what is stored. */
static void test_known_pages__contents_that_come_again(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = array_of(&random, SIZE);
    store_new(place);
    for (int round = 0; round < 40; round++) {
        static const size_t sizes[] = {SIZE, SIZE - 5000, CHUNK + 1, SIZE};
        size_t size = sizes[seeded_below(&random, 4)];
        bytes[seeded_below(&random, 6) * 3 * RS_PAGE_SIZE] = (uint8_t)seeded_below(&random, 3);
        assert_int_equal(save(place, bytes, size), RESUME_OK);
        expect(place, 0, bytes, size);
    }
    free(bytes);
}

static void test_known_pages__a_failed_save_leaves_no_wrong_places(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = saved_array(place, &random);
    for (int round = 0; round < 30; round++) {
        touch(&random, bytes, 3);
        store_fail(place, FAULT_WRITE, 1, 28 /* ENOSPC */);
        assert_int_equal(save(place, bytes, SIZE), RESUME_NO_SPACE);
        store_fail(place, FAULT_WRITE, 1, 0);
        if (round % 2) touch(&random, bytes, 1);
        assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
        expect(place, 0, bytes, SIZE);
    }
    free(bytes);
}

/* Patches are an offer: without memory for them chunks are written whole, or the save fails. */
static void test_known_pages__without_memory_nothing_is_lost(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = saved_array(place, &random);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (long nth = 1; failed; nth++) {
            touch(&random, bytes, 3);
            alloc_fail_at(nth, for_ever);
            resume_status status = save(place, bytes, SIZE);
            failed = alloc_fail_count() >= nth;
            alloc_fail_at(0, false);
            assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
            if (status) assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
            expect(place, 0, bytes, SIZE);
        }
    }
    free(bytes);
}

static void test_known_pages__compaction_without_memory_changes_nothing(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = array_of(&random, SIZE);
    rs_keep keep = {.last = 2};
    store_new(place);
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (long nth = 1; failed; nth++) {
            touch(&random, bytes, 3);
            assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
            store_close(place); /* what compresses is made anew as well */
            store_open(place);
            alloc_fail_at(nth, for_ever);
            resume_status status = rs_file_compact(place->file, &keep, NULL, &place->error);
            failed = alloc_fail_count() >= nth;
            alloc_fail_at(0, false);
            assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
            expect(place, 0, bytes, SIZE);
        }
    }
    free(bytes);
}

/* A thread of the program that clears what is being saved, played by the disk. */
static uint8_t *cleared;

static int64_t clearing_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                              uint64_t offset) {
    (void)os;
    memset(cleared, 0, RS_PAGE_SIZE);
    return rs_os_linux()->write(rs_os_linux(), fd, parts, count, offset);
}

static void test_known_pages__compaction_of_a_patch_that_left_zeros(void **state) {
    enum { LARGE = 32 * CHUNK, WHOLE = LARGE + CHUNK };
    store_place *place = *state;
    seeded random = seeded_start();
    rs_os clearing = *rs_os_linux();
    uint8_t *bytes = array_of(&random, WHOLE);
    memset(bytes + LARGE + RS_PAGE_SIZE, 0, CHUNK - RS_PAGE_SIZE);
    store_new(place);
    assert_int_equal(save(place, bytes, WHOLE), RESUME_OK);
    seeded_fill(&random, bytes, LARGE + RS_PAGE_SIZE);
    clearing.write = clearing_write;
    cleared = bytes + LARGE;
    place->fault.real = &clearing;
    assert_int_equal(save(place, bytes, WHOLE), RESUME_OK);
    place->fault.real = rs_os_linux();
    assert_int_equal(patched_chunks(place), 1);
    expect(place, 0, bytes, WHOLE);
    assert_int_equal(rs_file_compact(place->file, &(rs_keep){.last = 1}, NULL, &place->error),
                     RESUME_OK);
    const rs_table *table = &place->file->table;
    assert_int_equal(table->entries[table->entry_count - 1].coding, RS_CHUNK_ZERO);
    expect(place, 0, bytes, WHOLE);
    free(bytes);
}

static void test_known_pages__compaction_of_other_sizes(void **state) {
    static const size_t sizes[] = {CHUNK + 20000, CHUNK + 30000, CHUNK, SIZE, 0, 20000, SIZE};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = array_of(&random, SIZE);
    rs_keep keep = {.last = COUNT};
    store_new(place);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(save(place, bytes, sizes[i]), RESUME_OK);
    assert_int_equal(rs_file_compact(place->file, &keep, NULL, &place->error), RESUME_OK);
    for (size_t i = 0; i < COUNT; i++)
        if (sizes[COUNT - 1 - i]) expect(place, i, bytes, sizes[COUNT - 1 - i]);
    free(bytes);
}

/* What can't be read of an older generation counts whole, and is left out. */
static void test_known_pages__a_bad_patch_is_measured_whole(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = array_of(&random, CHUNK);
    rs_keep keep = {.last = 2};
    rs_keep_item *items;
    uint64_t good, bad;
    store_new(place);
    place->file->small_size_max = 100; /* a digest over all would give the flip away */
    assert_int_equal(save(place, bytes, CHUNK), RESUME_OK);
    bytes[0]++;
    assert_int_equal(save(place, bytes, CHUNK), RESUME_OK);
    uint64_t record = place->file->table.entries[1].offset;
    bytes[5 * RS_PAGE_SIZE]++;
    assert_int_equal(save(place, bytes, CHUNK), RESUME_OK);
    assert_int_equal(rs_kept_choose(place->file, &keep, 0, false, &items, NULL), RESUME_OK);
    assert_int_equal(rs_kept_measure(place->file, items, &good, NULL), RESUME_OK);
    store_flip(place->file_path, record + 15); /* the number of pages */
    assert_int_equal(rs_kept_measure(place->file, items, &bad, NULL), RESUME_OK);
    assert_true(bad == good + CHUNK - RS_PAGE_SIZE);
    store_flip(place->file_path, record + 15);
    store_flip(place->file_path, place->file->table.entries[1].offset + 15); /* of the newest */
    assert_int_equal(rs_kept_measure(place->file, items, &bad, NULL), RESUME_OK);
    assert_true(bad == good + CHUNK - RS_PAGE_SIZE);
    rs_free(items);
    free(bytes);
}

static uint64_t size_of_two(store_place *place) {
    rs_keep keep = {.last = 2};
    rs_keep_item *items;
    uint64_t size;
    assert_int_equal(rs_kept_choose(place->file, &keep, 0, false, &items, NULL), RESUME_OK);
    assert_int_equal(rs_kept_measure(place->file, items, &size, NULL), RESUME_OK);
    rs_free(items);
    return size;
}

/* What the newest state has nothing beside is measured whole. */
static void test_known_pages__measured_beside_a_smaller_state(void **state) {
    store_place *place = *state;
    static const uint8_t stream[] = {0xA0};
    seeded random = seeded_start();
    uint8_t *bytes = array_of(&random, 3 * CHUNK);
    rs_blob blob = {.bytes = stream, .size = 1};
    rs_meta meta = {.saves = 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = &blob, .blob_count = 1};
    rs_commit_options options = {.keep = {.last = 2}};
    store_new(place);
    assert_int_equal(save(place, bytes, 3 * CHUNK), RESUME_OK);
    bytes[0]++;
    assert_int_equal(save(place, bytes, CHUNK), RESUME_OK); /* two chunks fewer */
    assert_true(size_of_two(place) >= 3 * CHUNK && size_of_two(place) < 4 * CHUNK);
    assert_int_equal(rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
                     RESUME_OK);
    assert_true(size_of_two(place) >= CHUNK && size_of_two(place) < 2 * CHUNK);
    free(bytes);
}

/* The oldest is copied whole, of each next one what differs. */
static void test_known_pages__compaction_keeps_patches_between_generations(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    enum { KEPT = 5 };
    uint8_t *versions[KEPT], *bytes = array_of(&random, SIZE);
    rs_keep keep = {.last = KEPT};
    store_new(place);
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    for (int round = 0; round < 8 + KEPT; round++) {
        touch(&random, bytes, 20);
        assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
        if (round < 8) continue;
        versions[round - 8] = malloc(SIZE);
        memcpy(versions[round - 8], bytes, SIZE);
    }
    uint64_t measured;
    rs_keep_item *items;
    assert_int_equal(rs_kept_choose(place->file, &keep, 0, false, &items, NULL), RESUME_OK);
    assert_int_equal(rs_kept_measure(place->file, items, &measured, NULL), RESUME_OK);
    rs_free(items);
    assert_int_equal(rs_file_compact(place->file, &keep, &place->info, &place->error), RESUME_OK);
    uint64_t most = SIZE + (KEPT - 1) * 20 * (RS_PAGE_SIZE + 600) + (KEPT + 1) * META_SIZE;
    assert_true(place->file->size <= most);
    assert_true(measured <= most + SIZE / 8 && measured >= SIZE);
    for (size_t i = 0; i < KEPT; i++)
        expect(place, i, versions[KEPT - 1 - i], SIZE);
    size_t different = touch(&random, bytes, 9); /* what was copied is remembered */
    assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
    assert_true(place->info.bytes_written <= different * (RS_PAGE_SIZE + 600) + META_SIZE);
    expect(place, 0, bytes, SIZE);
    store_close(place);
    store_open(place);
    for (size_t i = 0; i < KEPT; i++)
        expect(place, i + 1, versions[KEPT - 1 - i], SIZE);
    for (size_t i = 0; i < KEPT; i++)
        free(versions[i]);
    free(bytes);
}

/* The file does not grow beyond what is allowed, however often pages change. */
static void test_known_pages__the_file_stays_small(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = array_of(&random, SIZE);
    bool compacted = false;
    store_new(place);
    place->file->slack = SIZE / 4;
    for (int round = 0; round < 120; round++) {
        touch(&random, bytes, 30);
        assert_int_equal(save(place, bytes, SIZE), RESUME_OK);
        compacted = compacted || place->info.compacted;
        assert_true(place->file->size <= 3 * (uint64_t)SIZE);
        if (round % 20 == 19) expect(place, 0, bytes, SIZE);
    }
    assert_true(compacted);
    free(bytes);
}

/* A page that changes between planning and writing: the patch is that of the chunk as it is by
 * then, also where nothing but its pages is there. */
static void test_known_pages__a_page_that_changes_meanwhile(void **state) {
    store_place *place = *state;
    seeded random = seeded_start();
    uint8_t *bytes = array_of(&random, CHUNK);
    rs_hash128 of_pages[CHUNK / RS_PAGE_SIZE];
    store_new(place);
    assert_int_equal(save(place, bytes, CHUNK), RESUME_OK);
    rs_file *file = place->file;
    rs_segment_writer writer = {.os = file->os,
                                .fd = file->fd,
                                .path = file->path,
                                .codec = file->codec,
                                .uuid = &file->header.uuid,
                                .offset = file->end};
    assert_int_equal(rs_segment_writer_init(&writer, NULL), RESUME_OK);
    bytes[9 * RS_PAGE_SIZE]++;
    rs_chunk_entry entry = {.raw_size = CHUNK, .hash = rs_chunk_hash(bytes, CHUNK, of_pages)};
    rs_change *change = rs_known_pages_compare(&file->pages, &file->table.entries[1], of_pages);
    assert_non_null(change);
    assert_int_equal(change->size, RS_PAGE_SIZE);
    bytes[9 * RS_PAGE_SIZE]++;
    for (int packed = 0; packed <= 1; packed++) {
        rs_chunk_entry made = entry;
        change->patch.places[9] = RS_PAGE_UNWRITTEN;
        assert_int_equal(rs_segment_writer_patch(&writer, bytes + (packed ? 9 * RS_PAGE_SIZE : 0),
                                                 packed, of_pages, change, &made, NULL),
                         RESUME_OK);
        assert_int_equal(made.coding, RS_CHUNK_PATCHED);
        assert_true(rs_hash128_equal(made.hash, rs_chunk_hash(bytes, CHUNK, NULL)));
    }
    rs_free(change);
    rs_segment_writer_release(&writer);
    free(bytes);
}

static void test_known_pages__are_forgotten_with_their_chunks(void **state) {
    (void)state;
    seeded random = seeded_start();
    rs_known_pages pages = {0};
    rs_table table = {0};
    uint8_t *bytes = array_of(&random, CHUNK);
    rs_hash128 of_pages[CHUNK / RS_PAGE_SIZE], first, last = {0};
    for (int i = 0; i < 200; i++) {
        bytes[0]++, bytes[5000 + i]++;
        last = rs_chunk_hash(bytes, CHUNK, of_pages);
        if (i == 0) first = last;
        rs_known_pages_put(&pages, last, CHUNK, of_pages);
        rs_known_pages_put(&pages, last, CHUNK, of_pages);
    }
    assert_int_equal(pages.count, 200);
    assert_false(rs_known_pages_fit(255 * RS_PAGE_SIZE + 1));
    assert_true(rs_known_pages_fit(255 * RS_PAGE_SIZE));
    assert_non_null(rs_known_pages_find(&pages, first, CHUNK));
    assert_null(rs_known_pages_find(&pages, first, CHUNK - 1));
    rs_chunk_entry entry = {.raw_size = CHUNK, .stored_size = CHUNK, .offset = 20000, .hash = last};
    table.entries = &entry;
    table.entry_count = 1;
    alloc_fail_at(1, true);
    rs_known_pages_keep(&pages, &table);
    alloc_fail_at(0, false);
    assert_int_equal(pages.count, 200);
    rs_known_pages_keep(&pages, &table);
    assert_int_equal(pages.count, 1);
    assert_null(rs_known_pages_find(&pages, first, CHUNK));
    assert_memory_equal(rs_known_pages_find(&pages, last, CHUNK), of_pages, sizeof of_pages);
    rs_known_pages_release(&pages);
    rs_known_pages_release(&pages);
    free(bytes);
}

/* The places of a patch hold for the record that they were written with, and for no other. */
static void test_known_pages__places_belong_to_a_record(void **state) {
    (void)state;
    seeded random = seeded_start();
    rs_known_pages pages = {0};
    rs_patch patch;
    uint8_t *bytes = array_of(&random, CHUNK);
    rs_hash128 of_pages[CHUNK / RS_PAGE_SIZE];
    rs_chunk_entry base = {.raw_size = CHUNK, .stored_size = CHUNK, .offset = 20000};
    rs_chunk_entry entry = {.raw_size = CHUNK, .coding = RS_CHUNK_PATCHED, .offset = 700000};
    entry.hash = rs_chunk_hash(bytes, CHUNK, of_pages);
    rs_patch_begin(&base, &patch);
    patch.places[3] = 690000;
    rs_known_pages_put_patch(&pages, &entry, &patch); /* of a chunk that is not remembered */
    rs_known_pages_put(&pages, entry.hash, CHUNK, of_pages);
    of_pages[7].low++;
    assert_null(rs_known_pages_compare(&pages, &entry, of_pages));
    rs_known_pages_put_patch(&pages, &entry, &patch);
    rs_change *change = rs_known_pages_compare(&pages, &entry, of_pages);
    assert_non_null(change);
    assert_true(change->patch.places[3] == 690000);
    assert_true(change->patch.places[7] == RS_PAGE_UNWRITTEN);
    assert_true(change->patch.base.offset == 20000);
    rs_free(change);
    entry.offset++;
    assert_null(rs_known_pages_compare(&pages, &entry, of_pages));
    entry.offset--;
    rs_known_pages_forget_patches(&pages);
    assert_null(rs_known_pages_compare(&pages, &entry, of_pages));
    entry.coding = RS_CHUNK_ZERO;
    assert_null(rs_known_pages_compare(&pages, &entry, of_pages));
    rs_known_pages_release(&pages);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define STORE(test) cmocka_unit_test_setup_teardown(test, store_place_setup, store_place_teardown)
        STORE(test_known_pages__only_changed_ones_are_written),
        STORE(test_known_pages__neighbours_and_the_short_last_page),
        STORE(test_known_pages__what_changed_a_lot_is_written_whole),
        STORE(test_known_pages__contents_that_come_again),
        STORE(test_known_pages__a_failed_save_leaves_no_wrong_places),
        STORE(test_known_pages__without_memory_nothing_is_lost),
        STORE(test_known_pages__compaction_without_memory_changes_nothing),
        STORE(test_known_pages__compaction_of_a_patch_that_left_zeros),
        STORE(test_known_pages__compaction_of_other_sizes),
        STORE(test_known_pages__a_bad_patch_is_measured_whole),
        STORE(test_known_pages__measured_beside_a_smaller_state),
        STORE(test_known_pages__compaction_keeps_patches_between_generations),
        STORE(test_known_pages__the_file_stays_small),
        STORE(test_known_pages__a_page_that_changes_meanwhile),
        cmocka_unit_test(test_known_pages__are_forgotten_with_their_chunks),
        cmocka_unit_test(test_known_pages__places_belong_to_a_record),
    };
    sample_use_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
