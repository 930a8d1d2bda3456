/* api/restore.c: what was saved comes back bit for bit, all of it or nothing. */
#include "testing.h"

#include "alloc_fail.h"
#include "api_place.h"

#include <complex.h>
#include <float.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every number type of C, as a scalar and as an array. */
#define TYPES(X)                                                                                   \
    X(_Bool, truth)                                                                                \
    X(char, letter)                                                                                \
    X(signed char, tiny)                                                                           \
    X(unsigned char, byte)                                                                         \
    X(short, small)                                                                                \
    X(unsigned short, small_up)                                                                    \
    X(int, whole)                                                                                  \
    X(unsigned, whole_up)                                                                          \
    X(long, large)                                                                                 \
    X(unsigned long, large_up)                                                                     \
    X(long long, huge)                                                                             \
    X(unsigned long long, huge_up)                                                                 \
    X(float, single)                                                                               \
    X(double, real)                                                                                \
    X(long double, longest)                                                                        \
    X(float complex, single_pair)                                                                  \
    X(double complex, pair)                                                                        \
    X(long double complex, longest_pair)

typedef struct every {
#define MEMBER(type, name)                                                                         \
    type name, name##_array[3], name##_block[2][3], name##_deep[2][1][3][2];                       \
    type *name##_grows;                                                                            \
    size_t name##_count;
    TYPES(MEMBER)
#undef MEMBER
} every;

static void protect_every(resume *ck, every *e) {
#define PROTECT(type, name)                                                                        \
    resume_protect(ck, e->name);                                                                   \
    resume_protect(ck, e->name##_array);                                                           \
    resume_protect(ck, e->name##_block);                                                           \
    resume_protect(ck, e->name##_deep);                                                            \
    resume_protect_array(ck, e->name##_grows, e->name##_count);
    TYPES(PROTECT)
#undef PROTECT
}

/* Bytes of any kind, so that NaNs with payloads, denormals and odd padding are among them; a bool
 * has but two. */
static void fill(void *to, size_t size, bool is_bool, uint64_t seed) {
    uint8_t *bytes = to;
    for (size_t i = 0; i < size; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        bytes[i] = (uint8_t)(seed >> 56);
        if (is_bool) bytes[i] &= 1;
    }
}

static void fill_every(every *e, uint64_t seed) {
#define FILL(type, name)                                                                           \
    {                                                                                              \
        bool is_bool = _Generic(e->name, _Bool : true, default : false);                           \
        e->name##_count = seed ? 5 : 0;                                                            \
        e->name##_grows = seed ? malloc(5 * sizeof(type)) : NULL;                                  \
        fill(&e->name, sizeof e->name, is_bool, seed += 5);                                        \
        fill(e->name##_array, sizeof e->name##_array, is_bool, seed += 5);                         \
        fill(e->name##_block, sizeof e->name##_block, is_bool, seed += 5);                         \
        fill(e->name##_deep, sizeof e->name##_deep, is_bool, seed += 5);                           \
        if (e->name##_grows) fill(e->name##_grows, 5 * sizeof(type), is_bool, seed += 5);          \
    }
    TYPES(FILL)
#undef FILL
}

static void free_every(every *e) {
#define FREE(type, name) free(e->name##_grows);
    TYPES(FREE)
#undef FREE
}

static void expect_equal(const every *a, const every *b) {
#define EQUAL(type, name)                                                                          \
    if (memcmp(&a->name, &b->name, sizeof a->name)) fail_msg("%s differs", #name);                 \
    assert_memory_equal(a->name##_array, b->name##_array, sizeof a->name##_array);                 \
    assert_memory_equal(a->name##_block, b->name##_block, sizeof a->name##_block);                 \
    assert_memory_equal(a->name##_deep, b->name##_deep, sizeof a->name##_deep);                    \
    assert_int_equal(a->name##_count, b->name##_count);                                            \
    assert_memory_equal(a->name##_grows, b->name##_grows, a->name##_count * sizeof(type));
    TYPES(EQUAL)
#undef EQUAL
}

static void test_restore__every_type_bit_for_bit(void **state) {
    api_place *place = *state;
    every saved = {0}, found = {0};
    fill_every(&saved, 4711);
    resume *ck = api_open(place);
    protect_every(ck, &saved);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    ck = api_open(place);
    protect_every(ck, &found);
    int restored;
    if (resume_restore(ck, &restored)) fail_msg("%s", resume_message(ck));
    assert_int_equal(restored, 1);
    expect_equal(&saved, &found);
    assert_null(resume_report(ck, RESUME_MISSING, 0));
    assert_null(resume_report(ck, RESUME_UNUSED, 0));
    assert_string_equal(resume_report(ck, RESUME_RESTORED, 0), "e.truth");
    api_close(ck);
    free_every(&saved);
    free_every(&found);
}

static void test_restore__edges_of_integers(void **state) {
    api_place *place = *state;
    int64_t low = INT64_MIN, high = INT64_MAX;
    uint64_t all = UINT64_MAX;
    resume *ck = api_open(place);
    resume_protect(ck, low);
    resume_protect(ck, high);
    resume_protect(ck, all);
    assert_int_equal(resume_save(ck), RESUME_OK);
    low = high = 0;
    all = 0;
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK); /* a second time: the last save */
    assert_true(low == INT64_MIN && high == INT64_MAX && all == UINT64_MAX);
    api_close(ck);
}

static void test_restore__nothing_saved(void **state) {
    api_place *place = *state;
    int x = 5, restored = 7;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_restore(ck, &restored), RESUME_OK);
    assert_int_equal(restored, 0);
    assert_int_equal(x, 5);
    assert_null(resume_report(ck, RESUME_RESTORED, 0));
    api_close(ck);
}

static void save_two(api_place *place, double first, double second) {
    double x = first, grid[4] = {second, second, second, second};
    resume *ck = api_open(place);
    resume_protect(ck, x);
    resume_protect(ck, grid);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    x = first;
    for (int i = 0; i < 4; i++)
        grid[i] = second;
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
}

static void test_restore__missing_and_unused_are_told(void **state) {
    api_place *place = *state;
    double x = 0, other = 3;
    save_two(place, 1, 2);
    resume *ck = api_open(place);
    resume_protect(ck, x);
    resume_protect(ck, other);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_true(x == 1 && other == 3);
    assert_string_equal(resume_report(ck, RESUME_MISSING, 0), "other");
    assert_null(resume_report(ck, RESUME_MISSING, 1));
    assert_string_equal(resume_report(ck, RESUME_UNUSED, 0), "grid");
    resume_leave(ck);
}

static void test_restore__strict_refuses_both(void **state) {
    api_place *place = *state;
    double x = 0, grid[4] = {0}, other = 0;
    char text[1024];
    save_two(place, 1, 2);
    place->options.strict = 1;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "'grid' is saved, but not protected"));
    ck = api_open(place);
    resume_protect(ck, x);
    resume_protect(ck, grid);
    resume_protect(ck, other);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "'other' is protected, but not saved"));
    assert_true(x == 0 && grid[0] == 0);
}

static void test_restore__one_that_does_not_fit_changes_nothing(void **state) {
    api_place *place = *state;
    double x = 5;
    double *grid = malloc(8), *before = grid;
    size_t count = 1;
    int wrong[4] = {1, 2, 3, 4};
    char text[1024];
    save_two(place, 1, 2);
    resume *ck = api_open(place);
    resume_protect(ck, x);
    resume_protect_array(ck, grid, count);
    resume_protect_array_as(ck, "grid2", &grid, RESUME_FLOAT64, &count, RESUME_UINT64);
    resume_leave(ck);
    ck = api_open(place);
    resume_protect(ck, x);
    resume_protect_value_as(ck, "grid", &wrong, RESUME_INT32);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "'grid' is int32"));
    assert_non_null(strstr(text, "an array of <f8 (4,)"));
    ck = api_open(place);
    resume_protect(ck, x);
    resume_protect_shape_as(ck, "grid", wrong, RESUME_INT32, RESUME_ROWS, 1, (size_t[]){4});
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    assert_true(x == 5 && grid == before && count == 1 && wrong[0] == 1);
    free(grid);
}

static void test_restore__after_a_failure_saving_is_refused(void **state) {
    api_place *place = *state;
    float x = 0;
    double y = 7;
    save_two(place, 0.1, 2);
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_restore(ck, NULL), RESUME_MISMATCH); /* no float is 0.1 */
    assert_int_equal(resume_save(ck), RESUME_MISUSE);
    assert_int_equal(resume_sync(ck), RESUME_MISUSE);
    assert_int_equal(resume_close(ck), RESUME_OK);
    /* the end was not recorded either */
    ck = api_open(place);
    resume_info info;
    resume_look(ck, &info);
    assert_int_equal(info.found, RESUME_FOUND_CUT_OFF);
    resume_protect_value_as(ck, "x", &y, RESUME_FLOAT64);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_true(y == 0.1);
    api_close(ck);
}

/* --- damage --- */

static void save_versions(api_place *place, double *big, size_t count, int versions) {
    int version = 0;
    resume *ck = api_open(place);
    resume_protect(ck, version);
    resume_protect_shape(ck, big, count);
    for (version = 1; version <= versions; version++) {
        for (size_t i = 0; i < count; i++)
            big[i] = version + (double)i * 0.37;
        assert_int_equal(resume_save(ck), RESUME_OK);
    }
    resume_leave(ck);
}

/* The bytes of element 100 of the newest version, found in the file and changed. */
static void damage(api_place *place, const double *big) {
    FILE *file = fopen(place->file, "r+b");
    assert_non_null(file);
    char block[64], window[64];
    memcpy(block, big + 100, sizeof block);
    long found = -1;
    for (long at = 0; fseek(file, at, SEEK_SET) == 0; at += 8) {
        if (fread(window, 1, sizeof window, file) != sizeof window) break;
        if (memcmp(block, window, sizeof block) == 0) found = at;
    }
    assert_true(found > 0);
    fseek(file, found, SEEK_SET);
    fputc(block[0] ^ 1, file);
    fclose(file);
}

/* More than a self-verifying segment holds: its blobs are verified when they are read. */
enum { BIG = 300000 };

static void expect_older(api_place *place, double *big, uint64_t staged) {
    int version = 0, restored;
    resume_info info;
    memset(big, 0, BIG * sizeof *big);
    resume *ck = api_open(place);
    ck->staged_size_max = staged;
    resume_protect(ck, version);
    resume_protect_shape(ck, big, BIG);
    if (resume_restore(ck, &restored)) fail_msg("%s", resume_message(ck));
    assert_true(restored && version == 1 && big[100] == 38.0);
    resume_look(ck, &info);
    assert_int_equal(info.generation, 1);
    assert_non_null(strstr(info.warning, "an older one is restored"));
    resume_leave(ck);
}

static void test_restore__damage_takes_an_older_save(void **state) {
    api_place *place = *state;
    double *big = malloc(BIG * sizeof *big);
    place->options.compress = RESUME_COMPRESS_NEVER;
    save_versions(place, big, BIG, 2);
    damage(place, big);
    expect_older(place, big, RS_STAGED_SIZE_MAX);
    expect_older(place, big, 1000); /* verified first, then read in place */
    /* what reads alone does the same */
    int version = 0;
    resume *ck;
    assert_int_equal(rs_api_read(&place->fault.os, &ck, place->file), RESUME_OK);
    resume_protect(ck, version);
    resume_protect_shape(ck, big, BIG);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_int_equal(version, 1);
    resume_leave(ck);
    free(big);
}

static unsigned two_processors(const rs_os *os) {
    (void)os;
    return 2;
}

static bool all_cached(const rs_os *os, int fd, size_t size, uint64_t offset) {
    (void)os;
    (void)fd;
    (void)size;
    (void)offset;
    return true;
}

static atomic_size_t cached_bytes;

static int64_t read_all_cached(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    atomic_fetch_add(&cached_bytes, size);
    return os->read(os, fd, to, size, offset);
}

/* What is in the page cache is verified, then read into its place: no second array is needed. */
static void test_restore__in_place(void **state) {
    api_place *place = *state;
    enum { COUNT = 6 * BIG };
    double *big = malloc(COUNT * sizeof *big);
    int version = 5, restored;
    char text[1024];
    place->options.compress = RESUME_COMPRESS_NEVER;
    place->fault.os.processors = two_processors;
    place->fault.os.is_cached = all_cached;
    place->fault.os.read_cached = read_all_cached;
    save_versions(place, big, COUNT, 1);
    for (int damaged = 0; damaged < 2; damaged++) {
        if (damaged) damage(place, big);
        resume *ck = api_open(place);
        resume_protect(ck, version);
        resume_protect_shape(ck, big, COUNT);
        big[0] = big[COUNT - 1] = -1;
        atomic_store(&cached_bytes, 0);
        if (damaged) {
            assert_int_equal(api_restore(ck, text), RESUME_DAMAGED);
            assert_true(version == 5 && big[0] == -1 && big[COUNT - 1] == -1);
            continue;
        }
        assert_int_equal(resume_restore(ck, &restored), RESUME_OK);
        assert_int_equal(cached_bytes, 2 * COUNT * sizeof *big);
        assert_true(restored && version == 1);
        for (size_t i = 0; i < COUNT; i++)
            assert_true(big[i] == 1 + (double)i * 0.37);
        version = 5;
        resume_leave(ck);
        for (size_t i = 0; i < COUNT; i++) /* what damage() looks for */
            big[i] = 1 + (double)i * 0.37;
    }
    free(big);
}

static void test_restore__all_damaged(void **state) {
    api_place *place = *state;
    double *big = malloc(BIG * sizeof *big);
    int version = 5;
    char text[1024];
    place->options.compress = RESUME_COMPRESS_NEVER;
    save_versions(place, big, BIG, 1);
    damage(place, big);
    double before = big[7];
    resume *ck = api_open(place);
    resume_protect(ck, version);
    resume_protect_shape(ck, big, BIG);
    assert_int_equal(api_restore(ck, text), RESUME_DAMAGED);
    assert_true(version == 5 && big[7] == before);
    free(big);
}

/* The disk goes away between verifying and reading. */
static void test_restore__a_spoiled_one_is_told_and_never_saved(void **state) {
    api_place *place = *state;
    double *big = malloc(BIG * sizeof *big);
    int version = 5, restored = 1;
    place->options.compress = RESUME_COMPRESS_NEVER;
    save_versions(place, big, BIG, 1);
    resume *ck = NULL;
    bool seen = false;
    for (long nth = 1; nth < 100 && !seen; nth++) {
        ck = api_open(place);
        ck->staged_size_max = 0;
        resume_protect(ck, version);
        resume_protect_shape(ck, big, BIG);
        fault_os_plan(&place->fault, (fault_plan){.nth = nth,
                                                  .mode = FAULT_FAIL,
                                                  .os_code = 5,
                                                  .for_ever = true,
                                                  .calls = FAULT_BIT(FAULT_READ)});
        resume_status status = resume_restore(ck, &restored);
        assert_true(fault_os_struck(&place->fault));
        fault_os_plan(&place->fault, (fault_plan){0});
        assert_int_not_equal(status, RESUME_OK);
        seen = ck->is_spoiled;
        if (!seen) {
            assert_int_equal(version, 5);
            resume_leave(ck);
        }
    }
    assert_true(seen);
    assert_int_equal(restored, 0);
    assert_non_null(strstr(resume_message(ck), "half restored"));
    assert_int_equal(resume_save(ck), RESUME_MISUSE);
    assert_int_equal(resume_restore(ck, NULL), RESUME_MISUSE);
    assert_int_equal(resume_close(ck), RESUME_OK);
    free(big);
}

/* --- state behind functions --- */

typedef struct generator {
    uint32_t state;
    int refuses, loads;
} generator;

static int save_generator(void *object, resume_writer *writer) {
    generator *g = object;
    /* in two pieces */
    return resume_write(writer, &g->state, 2) || resume_write(writer, (char *)&g->state + 2, 2);
}

static int load_generator(void *object, const void *bytes, size_t size) {
    generator *g = object;
    g->loads++;
    if (size != 4) return 1;
    memcpy(&g->state, bytes, 4); /* changed before it refuses: to be put back */
    return g->refuses && g->loads == 1 ? 42 : 0;
}

static void protect_generators(resume *ck, generator *a, generator *b, int *x) {
    resume_protect_state(ck, "first", save_generator, load_generator, a);
    resume_protect_value_as(ck, "x", x, RESUME_INT32);
    resume_protect_state(ck, "second", save_generator, load_generator, b);
}

static void test_restore__states_behind_functions(void **state) {
    api_place *place = *state;
    generator a = {.state = 11}, b = {.state = 22};
    int x = 3;
    char text[1024];
    resume *ck = api_open(place);
    protect_generators(ck, &a, &b, &x);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    a = (generator){.state = 1};
    b = (generator){.state = 2, .refuses = 1};
    x = 0;
    ck = api_open(place);
    protect_generators(ck, &a, &b, &x);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "'second' refused"));
    assert_non_null(strstr(text, "42"));
    assert_true(a.state == 1 && b.state == 2 && x == 0 && a.loads == 2 && b.loads == 2);
    b.refuses = 0;
    ck = api_open(place);
    protect_generators(ck, &a, &b, &x);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_true(a.state == 11 && b.state == 22 && x == 3);
    api_close(ck);
}

/* --- no memory, no reading --- */

static void test_restore__no_memory_changes_nothing(void **state) {
    api_place *place = *state;
    every saved = {0};
    fill_every(&saved, 1);
    resume *ck = api_open(place);
    protect_every(ck, &saved);
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    bool worked = false;
    for (long nth = 1; !worked; nth++) {
        every found = {0};
        ck = api_open(place);
        protect_every(ck, &found);
        alloc_fail_at(nth, false);
        resume_status status = resume_restore(ck, NULL);
        alloc_fail_at(0, false);
        worked = status == RESUME_OK;
        if (worked) {
            expect_equal(&saved, &found);
        } else {
            static const every nothing;
            assert_int_equal(status, RESUME_NO_MEMORY);
            assert_memory_equal(&found, &nothing, sizeof found);
            assert_int_equal(resume_restore(ck, NULL), RESUME_OK); /* again, on the same handle */
            expect_equal(&saved, &found);
        }
        resume_leave(ck);
        free_every(&found);
    }
    free_every(&saved);
}

/* Any system call may fail while a restore reads: all or nothing, and the next try works. */
static void test_restore__any_call_may_fail(void **state) {
    api_place *place = *state;
    double *big = malloc(BIG * sizeof *big);
    int version = 0;
    place->options.compress = RESUME_COMPRESS_NEVER;
    save_versions(place, big, BIG, 1);
    for (long nth = 1;; nth++) {
        resume *ck = api_open(place);
        version = 5;
        memset(big, 0, BIG * sizeof *big);
        resume_protect(ck, version);
        resume_protect_shape(ck, big, BIG);
        fault_os_plan(&place->fault,
                      (fault_plan){.nth = nth, .mode = FAULT_FAIL, .os_code = 5 /* EIO */});
        resume_status status = resume_restore(ck, NULL);
        bool struck = fault_os_struck(&place->fault);
        fault_os_plan(&place->fault, (fault_plan){0});
        if (status) {
            assert_true(version == 5 && big[100] == 0 && big[BIG - 1] == 0);
            assert_int_equal(resume_save(ck), RESUME_MISUSE);
            if (status == RESUME_IO) assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
        }
        if (!status || status == RESUME_IO) assert_true(version == 1 && big[100] == 38.0);
        resume_leave(ck);
        if (!struck) break;
        assert_true(nth < 1000);
    }
    free(big);
}

/* A program that loads vectors from an array that grows. */
static void test_restore__alignment_is_kept(void **state) {
    api_place *place = *state;
    double *vectors = aligned_alloc(64, 640);
    size_t count = 80;
    memset(vectors, 0, 640);
    resume *ck = api_open(place);
    resume_protect_array(ck, vectors, count);
    assert_int_equal(resume_save(ck), RESUME_OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
        assert_int_equal((uintptr_t)vectors % 64, 0);
    }
    api_close(ck);
    free(vectors);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_restore__every_type_bit_for_bit),
        TEST(test_restore__edges_of_integers),
        TEST(test_restore__nothing_saved),
        TEST(test_restore__missing_and_unused_are_told),
        TEST(test_restore__strict_refuses_both),
        TEST(test_restore__one_that_does_not_fit_changes_nothing),
        TEST(test_restore__after_a_failure_saving_is_refused),
        TEST(test_restore__damage_takes_an_older_save),
        TEST(test_restore__all_damaged),
        TEST(test_restore__in_place),
        TEST(test_restore__a_spoiled_one_is_told_and_never_saved),
        TEST(test_restore__states_behind_functions),
        TEST(test_restore__no_memory_changes_nothing),
        TEST(test_restore__any_call_may_fail),
        TEST(test_restore__alignment_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
