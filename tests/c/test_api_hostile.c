/* Object streams with random damage, restored into variables of every kind: any status, no crash,
 * and nothing of the program is changed unless all of it is.
 *
 * The store's checksums stand before this: what is tested is what a file can do whose checksums are
 * right. Not shown: damage that a mutation of single bytes does not reach. */
#include "testing.h"

#include "api_place.h"
#include "api/encode.h"
#include "api/take.h"

#include <complex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct point {
    double x;
    char name[6];
    short *trail;
    unsigned char trail_count;
} point;

typedef struct all {
    int8_t tiny;
    bool truth;
    float single;
    long double longest;
    double complex pair;
    int grid[2][3];
    bool flags[4];
    char letters[5], text[12];
    double *grows;
    size_t grows_count;
    point one, *many, fixed[2];
    int many_count;
} all;

static void describe(resume *fields, void *object) {
    point *p = object;
    resume_protect(fields, p->x);
    resume_protect_string(fields, p->name);
    resume_protect_array(fields, p->trail, p->trail_count);
}

static void protect(resume *ck, all *a) {
    resume_protect(ck, a->tiny);
    resume_protect(ck, a->truth);
    resume_protect(ck, a->single);
    resume_protect(ck, a->longest);
    resume_protect(ck, a->pair);
    resume_protect(ck, a->grid);
    resume_protect(ck, a->flags);
    resume_protect(ck, a->letters);
    resume_protect_string(ck, a->text);
    resume_protect_array(ck, a->grows, a->grows_count);
    resume_protect_struct(ck, a->one, describe);
    resume_protect_structs(ck, a->many, a->many_count, describe);
    resume_protect_structs_fixed(ck, a->fixed, describe);
}

static void fill(all *a) {
    memset(a, 0, sizeof *a);
    a->tiny = -3;
    a->longest = 0.1L;
    a->flags[1] = true;
    strcpy(a->text, "some text");
    a->grows_count = 3;
    a->grows = calloc(3, sizeof *a->grows);
    a->many_count = 2;
    a->many = calloc(2, sizeof *a->many);
    for (int i = 0; i < 2; i++) {
        snprintf(a->many[i].name, sizeof a->many[i].name, "p%d", i);
        a->many[i].trail_count = 2;
        a->many[i].trail = calloc(2, sizeof(short));
    }
}

static void drop(all *a) {
    for (int i = 0; i < a->many_count; i++)
        free(a->many[i].trail);
    for (int i = 0; i < 2; i++)
        free(a->fixed[i].trail);
    free(a->one.trail);
    free(a->many);
    free(a->grows);
}

static uint64_t no_size(void *context, size_t index) {
    (void)context, (void)index;
    return 0;
}

static resume_status no_read(void *context, size_t index, uint64_t offset, size_t size, void *to,
                             rs_error *error) {
    (void)context, (void)index, (void)offset, (void)size, (void)to;
    return rs_fail(error, RESUME_DAMAGED, "no such blob");
}

static resume_status restore(resume *ck, const uint8_t *bytes, size_t size) {
    static const rs_blobs blobs = {.count = 1, .size = no_size, .read = no_read};
    rs_error error = {0};
    rs_stream stream;
    rs_taking taking = {.checkpoint = ck, .stream = &stream};
    resume_status status = rs_stream_open(&stream, (rs_slice){bytes, size}, &blobs, &error);
    if (status) return status;
    rs_changes_init(&taking.changes, RS_STAGED_SIZE_MAX, false);
    rs_report_clear(&ck->report);
    status = rs_take_all(&taking, &error);
    if (status)
        assert_true(strlen(error.text) > 5);
    else
        assert_int_equal(rs_changes_apply(&taking.changes, &stream, false, &error), RESUME_OK);
    rs_taking_release(&taking);
    rs_stream_release(&stream);
    return status;
}

/* The bytes of `stream` with a few of them changed, exchanged or copied over others. */
static void damage(uint8_t *bytes, size_t size, unsigned *seed) {
    for (int i = rand_r(seed) % 3; i >= 0; i--) {
        size_t at = (size_t)rand_r(seed) % size, from = (size_t)rand_r(seed) % size;
        size_t count = (size_t)rand_r(seed) % 16;
        switch (rand_r(seed) % 3) {
        case 0:
            bytes[at] = (uint8_t)rand_r(seed);
            break;
        case 1:
            bytes[at] ^= (uint8_t)(1 << rand_r(seed) % 8);
            break;
        default:
            if (at + count <= size && from + count <= size)
                memmove(bytes + at, bytes + from, count);
        }
    }
}

static void test_hostile__all_or_nothing(void **state) {
    api_place *place = *state;
    const char *given = getenv("RESUME_SEED"), *scale = getenv("RESUME_SCALE");
    unsigned seed = given ? (unsigned)atoi(given) : 20261122u;
    long rounds = (getenv("RESUME_FAST") ? 2000 : 20000) * (scale ? atol(scale) : 1);
    long taken = 0;
    print_message("seed %u, %ld rounds\n", seed, rounds);
    all now;
    rs_encoding encoding = {0};
    resume *ck = api_open(place);
    fill(&now);
    protect(ck, &now);
    assert_int_equal(rs_encode(ck, &encoding, NULL), RESUME_OK);
    assert_int_equal(restore(ck, encoding.stream.bytes, encoding.stream.size), RESUME_OK);
    uint8_t *bytes = malloc(encoding.stream.size);
    for (long round = 0; round < rounds; round++) {
        all before = now;
        memcpy(bytes, encoding.stream.bytes, encoding.stream.size);
        damage(bytes, encoding.stream.size, &seed);
        if (restore(ck, bytes, encoding.stream.size)) {
            assert_memory_equal(&now, &before, sizeof now);
        } else {
            taken++;
            assert_non_null(memchr(now.text, 0, sizeof now.text));
            assert_true(*(uint8_t *)&now.truth <= 1);
            drop(&now); /* what is there now can be freed, and made anew in the same place */
            fill(&now);
        }
    }
    print_message("%ld were taken\n", taken);
    assert_true(taken > rounds / 100 && taken < rounds);
    free(bytes);
    rs_encoding_release(&encoding);
    resume_leave(ck);
    drop(&now);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hostile__all_or_nothing, api_place_setup,
                                        api_place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
