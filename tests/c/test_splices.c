/* Files put together out of pieces of others: each is taken with a value that was once saved as
 * the generation of that number in a file of that name, or refused. Never a mixture.
 *
 * Three pairs: two files that share nothing; two copies of one file that went on apart (the same
 * uuid, segments at the same places: only what segments say of each other tells them apart); a file
 * and itself. Pieces are blocks and whole segments: exchanged, moved, doubled, dropped, zeroed,
 * appended, heads of one with bodies of the other. */
#include "memory_file.h"
#include "sample.h"
#include "store_place.h"
#include "temp_folder.h"
#include "testing.h"

#include "format/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GENERATIONS 5
#define ARRAYS      120 /* so many that tables are deltas */
#define ARRAY_SIZE  60
#define BLOCKS_MAX  256

/* One file with all that was ever saved in it, and in the other of its pair. */
typedef struct piece {
    uint8_t *bytes;
    size_t size, blocks;
} piece;

/* The content of generation `number` on branch `branch`: before `apart` both are the same. */
static void fill(uint8_t arrays[ARRAYS][ARRAY_SIZE], uint64_t number, int branch, uint64_t apart) {
    for (size_t i = 0; i < ARRAYS; i++) {
        uint64_t changed = 0; /* the newest generation that changed this array */
        int of = 0;
        for (uint64_t g = 1; g <= number; g++) {
            int on = g >= apart ? branch : 0;
            if (i != (g * 7 + (size_t)on * 3) % ARRAYS) continue;
            changed = g;
            of = on;
        }
        uint64_t random = 1000 * i + 10 * changed + (uint64_t)of + 1;
        for (size_t k = 0; k < ARRAY_SIZE; k++)
            arrays[i][k] = (uint8_t)sample_random(&random);
    }
}

static void name_stream(char stream[48], uint64_t number, int branch, uint64_t apart) {
    snprintf(stream, 48, "branch %d generation %d", number >= apart ? branch : 0,
             (int)(number & 255));
}

static resume_status save(rs_file *file, uint64_t number, int branch, uint64_t apart) {
    static uint8_t arrays[ARRAYS][ARRAY_SIZE];
    rs_blob blobs[ARRAYS + 1];
    rs_meta meta = {0};
    meta.saves = number;
    rs_commit_info info;
    rs_error error = {0};
    char stream[48];
    name_stream(stream, number, branch, apart);
    fill(arrays, number, branch, apart);
    blobs[0] = (rs_blob){stream, strlen(stream), 1};
    for (size_t i = 0; i < ARRAYS; i++)
        blobs[i + 1] = (rs_blob){arrays[i], ARRAY_SIZE, 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = ARRAYS + 1};
    rs_commit_options options = {.keep = {.last = 100}};
    return rs_file_commit(file, &snapshot, &options, &info, &error);
}

/* Saves up to `last` under `name`; goes on where it stands. */
static void go_on(store_place *place, const char *name, uint64_t first, uint64_t last, int branch,
                  uint64_t apart) {
    rs_file *file;
    rs_recovery recovery;
    if (first == 1)
        assert_int_equal(rs_file_new(place->folder, name, 1, RS_ASIDE_NO, &file, &place->error),
                         RESUME_OK);
    else
        assert_int_equal(rs_file_open(place->folder, name, true, &file, &recovery, &place->error),
                         RESUME_OK);
    for (uint64_t number = first; number <= last; number++)
        assert_int_equal(save(file, number, branch, apart), RESUME_OK);
    rs_file_leave(file);
    rs_file_close(file);
}

static piece read_piece(store_place *place, const char *name) {
    piece found;
    char path[2 * TEMP_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", place->path, name);
    found.bytes = sample_read_file(path, &found.size);
    found.blocks = found.size / RS_BLOCK_SIZE;
    assert_true(found.size % RS_BLOCK_SIZE == 0 && found.blocks < BLOCKS_MAX);
    return found;
}

static void write_piece(store_place *place, const char *name, const piece *from) {
    char path[2 * TEMP_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", place->path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(from->bytes, 1, from->size, file), from->size);
    assert_int_equal(fclose(file), 0);
}

/* ---- what a spliced file may say ---- */

typedef struct counts {
    uint64_t whole, refused, told_later;
} counts;

/* Does the state hold just what `branch` saved as this generation? */
static bool holds(rs_state *state, uint64_t number, int branch, uint64_t apart, bool *unreadable) {
    static uint8_t arrays[ARRAYS][ARRAY_SIZE];
    uint8_t read[ARRAY_SIZE];
    char expected[48];
    rs_error error = {0};
    rs_slice stream = rs_state_stream(state);
    name_stream(expected, number, branch, apart);
    if (stream.size != strlen(expected) || memcmp(stream.bytes, expected, stream.size) != 0)
        return false;
    fill(arrays, number, branch, apart);
    for (size_t i = 0; i < ARRAYS; i++) {
        if (rs_state_blob_size(state, i + 1) != ARRAY_SIZE) return false;
        if (rs_state_read_blob(state, i + 1, read, &error)) {
            *unreadable = true; /* told: no value */
            return true;
        }
        if (memcmp(read, arrays[i], ARRAY_SIZE) != 0) return false;
    }
    return true;
}

static void check(const uint8_t *bytes, size_t size, uint64_t apart, counts *count,
                  const char *what) {
    memory_file memory;
    rs_file *file;
    rs_state *state;
    rs_recovery recovery;
    rs_error error = {0};
    memory_file_init(&memory);
    memory.bytes = bytes;
    memory.size = size;
    if (memory_file_open(&memory, &file, &recovery, &error) != RESUME_OK) {
        assert_true(error.text[0] != 0);
        count->refused++;
        return;
    }
    bool unreadable = false, good = false;
    assert_int_equal(rs_file_read(file, 0, &state, &error), RESUME_OK);
    for (int branch = 1; branch <= 2 && !good; branch++)
        good = holds(state, recovery.taken, branch, apart, &unreadable);
    if (!good) fail_msg("%s: a value that was never saved", what);
    if (unreadable)
        count->told_later++;
    else
        count->whole++;
    rs_state_free(state);
    rs_file_close(file);
}

/* ---- splices ---- */

/* Each file in turn with `count` blocks of the other (or of itself) at `to`, taken from `from`. */
static void splice(const piece *into, const piece *of, uint64_t apart, counts *count,
                   const char *what) {
    static uint8_t bytes[BLOCKS_MAX * RS_BLOCK_SIZE];
    for (size_t length = 1; length <= 3; length++)
        for (size_t from = 0; from + length <= of->blocks; from++)
            for (size_t to = 0; to + length <= into->blocks; to++) {
                if (into == of && from == to) continue;
                memcpy(bytes, into->bytes, into->size);
                memcpy(bytes + to * RS_BLOCK_SIZE, of->bytes + from * RS_BLOCK_SIZE,
                       length * RS_BLOCK_SIZE);
                check(bytes, into->size, apart, count, what);
            }
}

/* All that is cut into two at any block: the beginning of one with the end of the other. */
static void join(const piece *first, const piece *second, uint64_t apart, counts *count) {
    static uint8_t bytes[2 * BLOCKS_MAX * RS_BLOCK_SIZE];
    for (size_t kept = 0; kept <= first->blocks; kept++)
        for (size_t from = 0; from <= second->blocks; from++) {
            size_t head = kept * RS_BLOCK_SIZE, skipped = from * RS_BLOCK_SIZE;
            memcpy(bytes, first->bytes, head);
            memcpy(bytes + head, second->bytes + skipped, second->size - skipped);
            check(bytes, head + second->size - skipped, apart, count, "join");
        }
}

/* Blocks zeroed, dropped and doubled; within a block, the head of one with the rest of another. */
static void spoil(const piece *whole, const piece *other, uint64_t apart, counts *count) {
    static uint8_t bytes[(BLOCKS_MAX + 1) * RS_BLOCK_SIZE];
    for (size_t at = 0; at < whole->blocks; at++) {
        size_t place = at * RS_BLOCK_SIZE, behind = whole->size - place - RS_BLOCK_SIZE;
        memcpy(bytes, whole->bytes, whole->size);
        memset(bytes + place, 0, RS_BLOCK_SIZE);
        check(bytes, whole->size, apart, count, "zeroed");
        memcpy(bytes, whole->bytes, whole->size);
        memcpy(bytes + place, whole->bytes + place + RS_BLOCK_SIZE, behind);
        check(bytes, whole->size - RS_BLOCK_SIZE, apart, count, "dropped");
        memcpy(bytes + place, whole->bytes + place, RS_BLOCK_SIZE);
        memcpy(bytes + place + RS_BLOCK_SIZE, whole->bytes + place, behind + RS_BLOCK_SIZE);
        check(bytes, whole->size + RS_BLOCK_SIZE, apart, count, "doubled");
        for (size_t cut = 64; cut < RS_BLOCK_SIZE && at < other->blocks; cut += 448) {
            memcpy(bytes, whole->bytes, whole->size);
            memcpy(bytes + place, other->bytes + place, cut);
            check(bytes, whole->size, apart, count, "head of another");
        }
    }
}

static void run(store_place *place, const char *a_name, const char *b_name, uint64_t apart,
                const char *what) {
    counts count = {0};
    piece a = read_piece(place, a_name), b = read_piece(place, b_name);
    splice(&a, &b, apart, &count, what);
    splice(&b, &a, apart, &count, what);
    splice(&a, &a, apart, &count, what);
    join(&a, &b, apart, &count);
    join(&b, &a, apart, &count);
    spoil(&a, &b, apart, &count);
    spoil(&b, &a, apart, &count);
    print_message("%s: %llu files; %llu whole, %llu refused, %llu told when read, 0 mixed\n", what,
                  (unsigned long long)(count.whole + count.refused + count.told_later),
                  (unsigned long long)count.whole, (unsigned long long)count.refused,
                  (unsigned long long)count.told_later);
    assert_true(count.whole > 0 && count.refused > 0);
    free(a.bytes);
    free(b.bytes);
}

static void test_splices__of_two_files(void **state) {
    store_place *place = *state;
    go_on(place, "a", 1, GENERATIONS, 1, 1);
    go_on(place, "b", 1, GENERATIONS, 2, 1);
    run(place, "a", "b", 1, "two files");
}

/* For each generation behind which the copies part. */
static void test_splices__of_copies_that_went_on_apart(void **state) {
    store_place *place = *state;
    for (uint64_t common = 1; common < GENERATIONS; common++) {
        char a[16], b[16], what[48];
        snprintf(a, sizeof a, "a%d", (int)common);
        snprintf(b, sizeof b, "b%d", (int)common);
        go_on(place, a, 1, common, 1, common + 1);
        piece copy = read_piece(place, a);
        write_piece(place, b, &copy);
        free(copy.bytes);
        go_on(place, a, common + 1, GENERATIONS, 1, common + 1);
        go_on(place, b, common + 1, GENERATIONS, 2, common + 1);
        snprintf(what, sizeof what, "copies apart behind generation %d", (int)common);
        run(place, a, b, common + 1, what);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_splices__of_two_files, store_place_setup,
                                        store_place_teardown),
        cmocka_unit_test_setup_teardown(test_splices__of_copies_that_went_on_apart,
                                        store_place_setup, store_place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
