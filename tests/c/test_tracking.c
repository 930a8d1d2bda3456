/* Tests of src/engine/tracking.c: what is said to be unchanged is, whatever happens to the memory.
 */
#include "engine/checkpoint.h"
#include "engine/tracking.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MIB   ((size_t)1 << 20)
#define CHUNK RS_CHUNK_SIZE

static rs_tracking *tracking;

static int setup(void **state) {
    const char *why;
    (void)state;
    tracking = rs_tracking_new(&why);
    if (!tracking) print_message("not here: %s\n", why);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rs_tracking_free(tracking);
    return 0;
}

static uint64_t bits_of(const rs_unchanged *known, size_t blob) {
    return known[blob].generation ? known[blob].chunks[0] : 0;
}

static void test_tracking__chunks_that_were_not_written(void **state) {
    (void)state;
    if (!tracking) skip();
    uint8_t *memory = aligned_alloc(4096, 4 * MIB), *small = calloc(1, MIB);
    memset(memory, 1, 4 * MIB);
    rs_blob blobs[] = {{memory, 4 * MIB, 1}, {small, 1000, 1}, {memory, 4 * MIB, 8}};
    const rs_unchanged *known = rs_tracking_look(tracking, blobs, 3, CHUNK);
    assert_int_equal(known[2].generation, 0); /* nothing was saved yet */
    rs_tracking_settle(tracking, 5);
    memory[3 * CHUNK + 17]++;
    known = rs_tracking_look(tracking, blobs, 3, CHUNK);
    assert_int_equal(known[0].generation, 0);
    assert_int_equal(known[1].generation, 0);
    assert_int_equal(known[2].generation, 5);
    assert_int_equal(known[2].blob, 2);
    assert_int_equal(bits_of(known, 2), 0xfff7);
    rs_tracking_settle(tracking, 0); /* failed: that is still to be written */
    memory[15 * CHUNK]++;
    known = rs_tracking_look(tracking, blobs, 3, CHUNK);
    assert_int_equal(bits_of(known, 2), 0x7ff7);
    rs_tracking_settle(tracking, 6);
    /* as another blob, then not at all, then again */
    rs_blob moved[] = {blobs[0], blobs[2]};
    known = rs_tracking_look(tracking, moved, 2, CHUNK);
    assert_int_equal(known[1].blob, 2);
    assert_int_equal(bits_of(known, 1), 0xffff);
    rs_tracking_settle(tracking, 7);
    known = rs_tracking_look(tracking, moved, 2, CHUNK);
    assert_int_equal(known[1].blob, 1);
    assert_int_equal(known[1].generation, 7);
    rs_tracking_settle(tracking, 8);
    rs_tracking_look(tracking, blobs, 2, CHUNK);
    rs_tracking_settle(tracking, 9);
    known = rs_tracking_look(tracking, blobs, 3, CHUNK);
    assert_int_equal(known[2].generation, 0);
    rs_tracking_settle(tracking, 10);
    known = rs_tracking_look(tracking, blobs, 3, 2 * CHUNK); /* cut otherwise */
    assert_int_equal(known[2].generation, 0);
    free(memory);
    free(small);
}

/* Of its first and last page an array may have a part only. */
static void test_tracking__parts_of_pages_are_never_known(void **state) {
    (void)state;
    if (!tracking) skip();
    uint8_t *memory = aligned_alloc(4096, 5 * MIB);
    memset(memory, 1, 5 * MIB);
    rs_blob blobs[] = {{memory, 1, 1}, {memory + 16, 4 * MIB - 8, 8}};
    rs_tracking_look(tracking, blobs, 2, CHUNK);
    rs_tracking_settle(tracking, 1);
    const rs_unchanged *known = rs_tracking_look(tracking, blobs, 2, CHUNK);
    assert_int_equal(bits_of(known, 1), 0x7ffe);
    rs_tracking_settle(tracking, 2);
    memory[16 + 5 * CHUNK]++; /* its page has a part of chunk 4, too */
    known = rs_tracking_look(tracking, blobs, 2, CHUNK);
    assert_int_equal(bits_of(known, 1), 0x7fce);
    free(memory);
}

static void test_tracking__arrays_that_overlap_are_not_tracked(void **state) {
    (void)state;
    if (!tracking) skip();
    uint8_t *memory = aligned_alloc(4096, 8 * MIB);
    memset(memory, 1, 8 * MIB);
    rs_blob blobs[] = {{memory, 1, 1},
                       {memory, 4 * MIB, 1},
                       {memory + MIB, MIB, 1},
                       {memory + 3 * MIB, 2 * MIB, 1},
                       {memory + 6 * MIB, MIB, 1},
                       {memory + 6 * MIB, MIB, 1}};
    for (uint64_t i = 1; i < 4; i++) {
        const rs_unchanged *known = rs_tracking_look(tracking, blobs, 6, CHUNK);
        for (size_t j = 0; j < 6; j++)
            assert_int_equal(known[j].generation, 0);
        rs_tracking_settle(tracking, i);
    }
    free(memory);
}

/* --- whole saves: random arrays, random writes, all read back --- */

enum { ARRAYS = 5 };

typedef struct arrays {
    uint8_t *memory[ARRAYS];
    size_t size[ARRAYS];
} arrays;

static void change(arrays *all, uint64_t *seed) {
    for (uint64_t i = 0; i < 6; i++) {
        size_t which = (size_t)(sample_random(seed) % ARRAYS);
        size_t size = all->size[which], at = (size_t)(sample_random(seed) % size);
        size_t count = (size_t)(sample_random(seed) % 3 ? sample_random(seed) % 5000 : 1);
        switch (sample_random(seed) % 8) {
        case 0: /* another array, most often at the same place */
            free(all->memory[which]);
            all->size[which] = (size_t)(sample_random(seed) % (3 * MIB)) + 1;
            all->memory[which] = calloc(1, all->size[which]);
            break;
        case 1:
            all->memory[which] = realloc(all->memory[which], size + 70000);
            memset(all->memory[which] + size, 7, 70000);
            all->size[which] = size + 70000;
            break;
        default:
            memset(all->memory[which] + at, (int)sample_random(seed),
                   count < size - at ? count : size - at);
        }
    }
}

static void test_tracking__every_save_is_what_the_memory_was(void **state) {
    store_place *place = *state;
    uint64_t seed = sample_setting("RESUME_SEED", 20261123), failed = 0;
    uint64_t rounds = 60 * sample_setting("RESUME_SCALE", 1);
    print_message("seed %llu\n", (unsigned long long)seed);
    rs_checkpoint_options options = {.folder = place->path,
                                     .name = "t",
                                     .name_size = 1,
                                     .rate_ns = RS_NEVER,
                                     .expire_ended_ns = RS_NEVER,
                                     .expire_cut_off_ns = RS_NEVER,
                                     .track = true};
    rs_checkpoint *checkpoint;
    assert_int_equal(rs_checkpoint_open(&place->fault.os, &options, &checkpoint, &place->error),
                     RESUME_OK);
    arrays all = {0};
    for (size_t i = 0; i < ARRAYS; i++) {
        all.size[i] = (i + 1) * MIB + i;
        all.memory[i] = calloc(1, all.size[i]);
    }
    for (uint64_t round = 0; round < rounds; round++) {
        rs_commit_info info;
        rs_state *saved;
        uint8_t stream[] = "stream";
        rs_blob blobs[ARRAYS + 1] = {{stream, sizeof stream, 1}};
        change(&all, &seed);
        for (size_t i = 0; i < ARRAYS; i++)
            blobs[i + 1] = (rs_blob){all.memory[i], all.size[i], 8};
        if (sample_random(&seed) % 4 == 0) store_fail(place, FAULT_WRITE, 1, ENOSPC);
        if (sample_random(&seed) % 16 == 0) store_fail(place, FAULT_SYNC_DATA, 1, EIO);
        resume_status status =
            rs_checkpoint_save(checkpoint, blobs, ARRAYS + 1, &info, &place->error);
        store_fail(place, FAULT_WRITE, 0, 0);
        failed += status != RESUME_OK;
        if (status) continue;
        assert_int_equal(rs_checkpoint_load(checkpoint, &saved, &place->error), RESUME_OK);
        for (size_t i = 0; i < ARRAYS; i++) {
            uint8_t *back = malloc(all.size[i]);
            assert_int_equal(rs_state_blob_size(saved, i + 1), all.size[i]);
            assert_int_equal(rs_state_read_blob(saved, i + 1, back, &place->error), RESUME_OK);
            if (memcmp(back, all.memory[i], all.size[i]) != 0)
                fail_msg("round %llu: array %zu is not what it was", (unsigned long long)round, i);
            free(back);
        }
    }
    assert_true(failed > 0);
    rs_checkpoint_close(checkpoint);
    for (size_t i = 0; i < ARRAYS; i++)
        free(all.memory[i]);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tracking__chunks_that_were_not_written),
        TEST(test_tracking__parts_of_pages_are_never_known),
        TEST(test_tracking__arrays_that_overlap_are_not_tracked),
        cmocka_unit_test_setup_teardown(test_tracking__every_save_is_what_the_memory_was,
                                        store_place_setup, store_place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
