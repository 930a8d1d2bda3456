/* Tests of src/store/map.c. */
#include "os/pages.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK ((size_t)RS_CHUNK_SIZE)

static int map_calls, map_failing;

static int map_counted(const rs_os *os, int fd, void *at, size_t size, uint64_t offset) {
    if (++map_calls == map_failing || map_failing < 0) return -ENOMEM;
    return rs_os_linux()->map(os, fd, at, size, offset);
}

/* Random, zero, compressible: chunk by chunk as `kinds` says ('r', '0', 'c'); the last is short. */
static uint8_t *make(const char *kinds, size_t *size) {
    size_t count = strlen(kinds);
    uint64_t seed = 3;
    uint8_t *bytes = calloc(count, CHUNK);
    for (size_t i = 0; i < count * CHUNK; i += 8) {
        uint64_t value = sample_random(&seed);
        if (kinds[i / CHUNK] == 'c') value = i >> 9;
        if (kinds[i / CHUNK] != '0') memcpy(bytes + i, &value, 8);
    }
    *size = count * CHUNK - 1001;
    return bytes;
}

static void save(store_place *place, const uint8_t *bytes, size_t size) {
    rs_meta meta = {.saves = 1};
    rs_blob blobs[] = {{"stream", 6, 1}, {bytes, size, 8}};
    rs_snapshot snapshot = {.meta = &meta, .blobs = blobs, .blob_count = 2};
    rs_commit_options options = {0};
    store_new(place);
    assert_int_equal(rs_file_commit(place->file, &snapshot, &options, &place->info, &place->error),
                     RESUME_OK);
}

static void expect(store_place *place, const uint8_t *bytes, size_t size, uint64_t expected) {
    rs_state *read;
    uint64_t mapped = 99;
    uint8_t *pages = rs_pages_new(size);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(rs_state_map_blob(read, 1, pages, &mapped, &place->error), RESUME_OK);
    assert_memory_equal(pages, bytes, size);
    assert_int_equal(mapped, expected);
    memset(pages, 7, size); /* private */
    rs_pages_free(pages, size);
    rs_state_free(read);
}

static void test_map__what_is_stored_as_it_is_is_mapped(void **state) {
    store_place *place = *state;
    static const struct {
        const char *kinds;
        int raw_chunks, maps;
    } cases[] = {
        {"rrrrrr", 6, 1}, {"r", 1, 1},      {"cccc", 0, 0}, {"0000", 0, 0},
        {"rr0rr", 4, 2},  {"ccrr0c", 2, 1}, {"0rcr", 2, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size, last = strlen(cases[i].kinds) - 1;
        uint8_t *bytes = make(cases[i].kinds, &size);
        uint64_t raw =
            (uint64_t)cases[i].raw_chunks * CHUNK - (cases[i].kinds[last] == 'r' ? 1001 : 0);
        place->fault.os.map = map_counted;
        save(place, bytes, size);
        map_calls = map_failing = 0;
        expect(place, bytes, size, raw);
        assert_int_equal(map_calls, cases[i].maps);
        map_failing = -1; /* then it is read */
        expect(place, bytes, size, 0);
        place->fault.os.map = NULL;
        expect(place, bytes, size, 0);
        store_close(place);
        assert_int_equal(place->folder->os->remove(place->folder->os, place->folder->fd, CK), 0);
        free(bytes);
    }
}

/* One after the other fails: some are maps, some are read. */
static void test_map__a_map_that_fails_is_read(void **state) {
    store_place *place = *state;
    size_t size;
    uint8_t *bytes = make("r0r0r0r", &size);
    place->fault.os.map = map_counted;
    save(place, bytes, size);
    for (int n = 1; n <= 4; n++) {
        map_calls = 0;
        map_failing = n;
        expect(place, bytes, size, 3 * CHUNK - (n == 4 ? 0 : 1001));
    }
    free(bytes);
}

static void test_map__no_more_maps_than_a_process_can_spare(void **state) {
    store_place *place = *state;
    char kinds[601] = "";
    size_t size;
    for (size_t i = 0; i < 600; i++)
        kinds[i] = i % 2 ? '0' : 'r';
    uint8_t *bytes = make(kinds, &size);
    place->fault.os.map = map_counted;
    save(place, bytes, size);
    map_calls = map_failing = 0;
    expect(place, bytes, size, 256 * CHUNK);
    assert_int_equal(map_calls, 256);
    free(bytes);
}

static void test_map__never_beyond_the_end_of_the_file(void **state) {
    store_place *place = *state;
    rs_state *read;
    uint64_t mapped;
    size_t size;
    uint8_t *bytes = make("rrrrrrrr", &size), *pages = rs_pages_new(size);
    place->fault.os.map = map_counted;
    save(place, bytes, size);
    map_failing = 0;
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    store_cut(place->file_path, 5 * CHUNK);
    assert_int_equal(rs_state_map_blob(read, 1, pages, &mapped, &place->error), RESUME_TRUNCATED);
    assert_true(mapped > 0 && mapped < 5 * CHUNK);
    assert_int_equal(rs_state_map_blob(read, 9, pages, &mapped, &place->error), RESUME_DAMAGED);
    store_fail(place, FAULT_INFO, 1, EIO); /* its length is unknown: nothing is mapped */
    assert_int_equal(rs_state_map_blob(read, 1, pages, &mapped, &place->error), RESUME_TRUNCATED);
    assert_int_equal(mapped, 0);
    place->file->epoch++;
    assert_int_equal(rs_state_map_blob(read, 1, pages, &mapped, &place->error), RESUME_MISUSE);
    rs_state_free(read);
    rs_pages_free(pages, size);
    free(bytes);
}

int main(void) {
#define TEST(function)                                                                             \
    cmocka_unit_test_setup_teardown(function, store_place_setup, store_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_map__what_is_stored_as_it_is_is_mapped),
        TEST(test_map__a_map_that_fails_is_read),
        TEST(test_map__no_more_maps_than_a_process_can_spare),
        TEST(test_map__never_beyond_the_end_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
