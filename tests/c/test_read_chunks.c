/* Tests of src/store/read_chunks.c: many chunks at once, whichever way they come. */
#include "alloc_fail.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

/* What the system does with the calls that matter here. */
typedef struct ways {
    bool no_cache;   /* nothing is ever in the page cache */
    bool part;       /* only a part of what is asked for is */
    bool no_direct;  /* can't be opened so */
    bool bad_direct; /* is opened, and every read is refused */
    bool other_file; /* another file stands in its place by then */
    unsigned processors;
} ways;

static ways way;
static atomic_int cached_calls, direct_opens, direct_reads, plain_reads;
static atomic_int direct_fd = -1;

static int64_t read_cached(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    atomic_fetch_add(&cached_calls, 1);
    if (way.no_cache) return -EAGAIN;
    return rs_os_linux()->read(os, fd, to, way.part ? size - 1 : size, offset);
}

static bool is_cached(const rs_os *os, int fd, size_t size, uint64_t offset) {
    return !way.no_cache && rs_os_linux()->is_cached(os, fd, size, offset);
}

static int open_file(const rs_os *os, int folder, const char *path, unsigned flags, unsigned mode) {
    if (!(flags & RS_OPEN_DIRECT)) return rs_os_linux()->open(os, folder, path, flags, mode);
    atomic_fetch_add(&direct_opens, 1);
    if (way.no_direct) return -EINVAL;
    /* the file system of the tests may have no such thing: the reads are what is looked at */
    int fd = rs_os_linux()->open(os, folder, way.other_file ? "other" : path,
                                 flags & ~(unsigned)RS_OPEN_DIRECT, mode);
    atomic_store(&direct_fd, fd);
    return fd;
}

static int64_t read_file(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    bool is_direct = fd == atomic_load(&direct_fd);
    atomic_fetch_add(is_direct ? &direct_reads : &plain_reads, 1);
    if (is_direct && (way.bad_direct || offset % 4096 || size % 4096 || (uintptr_t)to % 4096))
        return -EINVAL;
    return rs_os_linux()->read(os, fd, to, size, offset);
}

static unsigned processors(const rs_os *os) {
    (void)os;
    return way.processors;
}

static rs_os system_of(void) {
    rs_os os = *rs_os_linux();
    os.read_cached = read_cached;
    os.is_cached = is_cached;
    os.open = open_file;
    os.read = read_file;
    os.processors = processors;
    return os;
}

/* --- a file with a blob of every kind --- */

enum { BLOBS = 6 };

typedef struct many {
    rs_os os;
    rs_folder *folder;
    rs_file *file;
    rs_state *state;
    uint8_t *memory[BLOBS];
    rs_blob blobs[BLOBS];
    rs_error error;
} many;

static void fill(uint8_t *to, size_t size, int kind, uint64_t seed) {
    for (size_t i = 0; i < size; i += 8) {
        uint64_t value = sample_random(&seed);
        if (kind == 1) value = i / 64; /* shuffled and compressed */
        if (kind == 2) value = 0;
        if (kind == 3 && i / (MIB / 2) % 3 == 1) value = 0; /* gaps of zeros between random ones */
        if (kind == 3 && i / (MIB / 2) % 3 == 2) value = i / 1000;
        memcpy(to + i, &value, size - i < 8 ? size - i : 8);
    }
}

static void many_save(many *all, store_place *place) {
    static const size_t sizes[BLOBS] = {100, 5 * MIB + 12345, 4 * MIB, 3 * MIB, 9 * MIB + 8, MIB};
    rs_meta meta = {.saves = 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = all->blobs, .blob_count = BLOBS};
    rs_commit_options options = {0};
    *all = (many){.os = system_of()};
    for (int i = 0; i < BLOBS; i++) {
        all->memory[i] = malloc(sizes[i]);
        fill(all->memory[i], sizes[i], i - 1, (uint64_t)i);
        all->blobs[i] = (rs_blob){all->memory[i], sizes[i], 8};
    }
    store_new(place);
    assert_int_equal(rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
                     RESUME_OK);
    store_close(place);
}

static void many_open(many *all, store_place *place) {
    rs_recovery recovery;
    atomic_store(&direct_fd, -1);
    assert_int_equal(rs_folder_open(&all->os, place->path, false, &all->folder, &all->error),
                     RESUME_OK);
    assert_int_equal(rs_file_open(all->folder, CK, false, &all->file, &recovery, &all->error),
                     RESUME_OK);
    assert_int_equal(rs_file_read(all->file, 0, &all->state, &all->error), RESUME_OK);
}

static void many_close(many *all) {
    rs_state_free(all->state);
    rs_file_close(all->file);
    rs_folder_close(all->folder);
}

static void many_free(many *all) {
    for (int i = 0; i < BLOBS; i++)
        free(all->memory[i]);
}

static void many_compare(many *all) {
    for (size_t i = 0; i < BLOBS; i++) {
        size_t size = (size_t)all->blobs[i].size;
        uint8_t *back = malloc(size);
        memset(back, 0xAA, size);
        resume_status status = rs_state_read_blob(all->state, i, back, &all->error);
        if (status) print_error("blob %zu: %s\n", i, all->error.text);
        assert_int_equal(status, RESUME_OK);
        assert_memory_equal(back, all->memory[i], size);
        free(back);
    }
}

static void test_read_chunks__all_ways_give_the_same(void **state) {
    store_place *place = *state;
    static const ways table[] = {
        {.processors = 1},
        {.processors = 2},
        {.processors = 64},
        {.processors = 2, .no_cache = true},
        {.processors = 2, .part = true},
        {.processors = 2, .no_cache = true, .no_direct = true},
        {.processors = 2, .no_cache = true, .bad_direct = true},
        {.processors = 2, .no_cache = true, .other_file = true},
    };
    many all;
    many_save(&all, place);
    char other[TEMP_PATH_SIZE + 8];
    snprintf(other, sizeof other, "%s/other", place->path);
    sample_write_file(other, "another file", 12);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        way = table[i];
        many_open(&all, place);
        cached_calls = direct_opens = direct_reads = plain_reads = 0;
        many_compare(&all);
        assert_true(direct_opens >= 4); /* one for each large blob */
        assert_true(cached_calls > 0);
        bool is_direct = way.no_cache && !way.no_direct && !way.other_file;
        assert_int_equal(direct_reads > 0, is_direct || way.part);
        bool is_plain = way.no_cache && (way.no_direct || way.bad_direct || way.other_file);
        /* without a crew: blob 5 and what is small */
        assert_true(is_plain ? plain_reads > 40 : plain_reads < 10);
        many_close(&all);
    }
    many_free(&all);
}

/* Nothing is given back, and what is bad is found all the same. */
static void test_read_chunks__verified_alone(void **state) {
    store_place *place = *state;
    many all;
    many_save(&all, place);
    for (int i = 0; i < 4; i++) {
        way = (ways){.processors = 2, .no_cache = i % 2, .bad_direct = i / 2};
        many_open(&all, place);
        for (size_t blob = 0; blob < BLOBS; blob++)
            assert_int_equal(rs_state_read_blob(all.state, blob, NULL, &all.error), RESUME_OK);
        for (size_t blob = 0; blob < BLOBS; blob++) {
            const rs_blob_entry *entry = &all.state->table.blobs[blob];
            const rs_chunk_entry *last =
                &all.state->table.entries[entry->first_chunk + entry->chunk_count - 1];
            if (last->coding == RS_CHUNK_ZERO) continue;
            store_flip(place->file_path, last->offset + last->stored_size / 2);
            assert_int_equal(rs_state_read_blob(all.state, blob, NULL, &all.error), RESUME_DAMAGED);
            store_flip(place->file_path, last->offset + last->stored_size / 2);
        }
        many_close(&all);
    }
    many_free(&all);
}

static void test_read_chunks__what_is_at_hand(void **state) {
    store_place *place = *state;
    many all;
    way = (ways){.processors = 2};
    many_save(&all, place);
    many_open(&all, place);
    uint8_t *back = malloc(5 * MIB + 12345);
    assert_int_equal(rs_state_read_blob(all.state, 1, back, &all.error), RESUME_OK);
    const rs_table *chunks = &all.state->table;
    const rs_chunk_entry *first = &chunks->entries[chunks->blobs[1].first_chunk];
    bool can_tell = rs_os_linux()->is_cached(NULL, all.file->fd, first->stored_size, first->offset);
    assert_int_equal(rs_state_is_at_hand(all.state, 1), can_tell);
    assert_false(rs_state_is_at_hand(all.state, 2)); /* compressed */
    assert_true(rs_state_is_at_hand(all.state, 3));  /* zeros */
    assert_false(rs_state_is_at_hand(all.state, 4)); /* some of it compressed */
    assert_false(rs_state_is_at_hand(all.state, BLOBS));
    way.no_cache = true;
    assert_false(rs_state_is_at_hand(all.state, 1));
    many_close(&all);
    free(back);
    many_free(&all);
    if (!can_tell) skip(); /* before Linux 6.5 */
}

/* Real O_DIRECT and a real page cache, where the folder of the tests is on such a file system. */
static void test_read_chunks__cold_from_the_disk(void **state) {
    store_place *place = *state;
    many all;
    way = (ways){.processors = 3};
    many_save(&all, place);
    all.os = *rs_os_linux();
    all.os.processors = processors;
    for (int round = 0; round < 2; round++) {
        int fd = open(place->file_path, O_RDONLY);
        assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        close(fd);
        many_open(&all, place);
        many_compare(&all);
        many_close(&all);
    }
    many_free(&all);
}

static void test_read_chunks__the_first_bad_chunk_is_told(void **state) {
    store_place *place = *state;
    many all;
    many_save(&all, place);
    uint8_t *back = malloc(5 * MIB + 12345);
    for (int cold = 0; cold < 2; cold++) {
        way = (ways){.processors = 4, .no_cache = cold != 0};
        many_open(&all, place);
        const rs_table *chunks = &all.state->table;
        const rs_blob_entry *blob = &chunks->blobs[1];
        const uint64_t bad[] = {17, 9, 13};
        char expected[64];
        for (size_t i = 0; i < 3; i++)
            store_flip(place->file_path, chunks->entries[blob->first_chunk + bad[i]].offset + 99);
        snprintf(expected, sizeof expected, "at byte %llu",
                 (unsigned long long)chunks->entries[blob->first_chunk + 9].offset);
        for (int round = 0; round < 20; round++) {
            assert_int_equal(rs_state_read_blob(all.state, 1, back, &all.error), RESUME_DAMAGED);
            assert_non_null(strstr(all.error.text, expected));
            assert_non_null(strstr(all.error.text, "a chunk does not match its hash"));
            assert_int_equal(rs_state_read_blob(all.state, 1, back, NULL), RESUME_DAMAGED);
        }
        for (size_t i = 0; i < 3; i++)
            store_flip(place->file_path, chunks->entries[blob->first_chunk + bad[i]].offset + 99);
        assert_int_equal(rs_state_read_blob(all.state, 1, back, &all.error), RESUME_OK);
        many_close(&all);
    }
    free(back);
    many_free(&all);
}

static void test_read_chunks__a_file_that_was_cut(void **state) {
    store_place *place = *state;
    many all;
    many_save(&all, place);
    uint8_t *back = malloc(5 * MIB + 12345);
    for (int cold = 0; cold < 2; cold++) {
        way = (ways){.processors = 2, .no_cache = cold != 0};
        if (cold) many_save(&all, place);
        many_open(&all, place);
        store_cut(place->file_path, 2 * MIB);
        assert_int_equal(rs_state_read_blob(all.state, 1, back, &all.error), RESUME_TRUNCATED);
        all.file->size = MIB; /* as if it had been so short at opening */
        assert_int_equal(rs_state_read_blob(all.state, 1, back, &all.error), RESUME_TRUNCATED);
        many_close(&all);
        assert_int_equal(unlink(place->file_path), 0);
        if (!cold) many_free(&all);
    }
    free(back);
    many_free(&all);
}

static void test_read_chunks__ranges(void **state) {
    store_place *place = *state;
    many all;
    way = (ways){.processors = 2};
    many_save(&all, place);
    many_open(&all, place);
    uint64_t seed = 5;
    uint8_t *part = malloc(9 * MIB + 8);
    for (int i = 0; i < 40; i++) {
        size_t size = (size_t)all.blobs[4].size;
        size_t from = (size_t)(sample_random(&seed) % size);
        size_t count = (size_t)(sample_random(&seed) % (size - from + 1));
        if (i % 4 == 0) count = size - from;
        if (i % 4 == 1) from -= from % (256 << 10);
        assert_int_equal(rs_state_read_range(all.state, 4, from, count, part, &all.error),
                         RESUME_OK);
        assert_memory_equal(part, all.memory[4] + from, count);
    }
    free(part);
    many_close(&all);
    many_free(&all);
}

/* With whatever it has, or NO_MEMORY. */
static void test_read_chunks__no_memory(void **state) {
    store_place *place = *state;
    many all;
    many_save(&all, place);
    size_t size = (size_t)all.blobs[4].size;
    uint8_t *back = malloc(size);
    int refused = 0, done = 0;
    for (int cold = 0; cold < 2; cold++) {
        for (unsigned n = 1; n < 30; n++) {
            way = (ways){.processors = n % 2 ? 1 : 2, .no_cache = cold != 0};
            many_open(&all, place);
            alloc_fail_at(n, n % 3 == 0);
            bool is_unseen = n % 5 == 0;
            resume_status status =
                rs_state_read_blob(all.state, 4, is_unseen ? NULL : back, &all.error);
            alloc_fail_at(0, false);
            assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
            if (status == RESUME_OK && !is_unseen) assert_memory_equal(back, all.memory[4], size);
            refused += status == RESUME_NO_MEMORY;
            done += status == RESUME_OK;
            many_close(&all);
        }
    }
    assert_true(refused > 0 && done > 0);
    free(back);
    many_free(&all);
}

int main(void) {
#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, store_place_setup, store_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_read_chunks__all_ways_give_the_same),
        TEST(test_read_chunks__verified_alone),
        TEST(test_read_chunks__what_is_at_hand),
        TEST(test_read_chunks__cold_from_the_disk),
        TEST(test_read_chunks__the_first_bad_chunk_is_told),
        TEST(test_read_chunks__a_file_that_was_cut),
        TEST(test_read_chunks__ranges),
        TEST(test_read_chunks__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
