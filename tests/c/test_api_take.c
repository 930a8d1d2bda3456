/* api/take.c: what other writers save, Python above all, into variables of C. */
#include "testing.h"

#include "api_place.h"

#include <complex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One variable "x" in the stream: what `put` writes. */
#define WITH(place, code)                                                                          \
    do {                                                                                           \
        rs_buffer *s = api_begin(place, 1);                                                        \
        rs_cbor_put_literal(s, "x");                                                               \
        code;                                                                                      \
        api_put(place);                                                                            \
    } while (0)

static resume_status restore_as(api_place *place, void *to, resume_type type, char text[1024]) {
    resume *ck = api_open(place);
    resume_protect_value_as(ck, "x", to, type);
    return api_restore(ck, text);
}

static resume_status restore_array(api_place *place, void *to, resume_type type, size_t rank,
                                   const size_t *shape, char text[1024]) {
    resume *ck = api_open(place);
    resume_protect_shape_as(ck, "x", to, type, RESUME_ROWS, rank, shape);
    return api_restore(ck, text);
}

static void test_take__ints_of_python(void **state) {
    api_place *place = *state;
    char text[1024];
    int8_t tiny = 0;
    uint64_t huge = 0;
    double real = 0;
    bool truth = false;
    WITH(place, rs_cbor_put_int(s, -128));
    assert_int_equal(restore_as(place, &tiny, RESUME_INT8, text), RESUME_OK);
    assert_int_equal(tiny, -128);
    assert_int_equal(restore_as(place, &huge, RESUME_UINT64, text), RESUME_MISMATCH);
    assert_int_equal(restore_as(place, &real, RESUME_FLOAT64, text), RESUME_OK);
    assert_true(real == -128);
    WITH(place, rs_cbor_put_head(s, RS_CBOR_UNSIGNED, UINT64_MAX));
    assert_int_equal(restore_as(place, &huge, RESUME_UINT64, text), RESUME_OK);
    assert_true(huge == UINT64_MAX);
    assert_int_equal(restore_as(place, &tiny, RESUME_INT8, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "int8"));
    assert_non_null(strstr(text, "the int 18446744073709551615"));
    assert_int_equal(restore_as(place, &real, RESUME_FLOAT64, text), RESUME_MISMATCH);
    WITH(place, (api_put_tag(s, 2), rs_cbor_put_bytes(s, "\1\0\0\0\0\0\0\0\0", 9)));
    assert_int_equal(restore_as(place, &huge, RESUME_UINT64, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "more than 64 bits"));
    WITH(place, rs_cbor_put_simple(s, RS_CBOR_TRUE));
    assert_int_equal(restore_as(place, &truth, RESUME_BOOL, text), RESUME_OK);
    assert_true(truth);
    assert_int_equal(restore_as(place, &tiny, RESUME_INT8, text), RESUME_OK);
    assert_int_equal(tiny, 1);
}

static void test_take__floats_and_complexes(void **state) {
    api_place *place = *state;
    char text[1024];
    float single = 0;
    double real = 0;
    long double longest = 0;
    double complex pair = 0;
    int whole = 7;
    WITH(place, rs_cbor_put_double(s, 0.1));
    assert_int_equal(restore_as(place, &single, RESUME_FLOAT32, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "can't hold exactly"));
    assert_int_equal(restore_as(place, &longest, RESUME_LONG_DOUBLE, text), RESUME_OK);
    assert_true(longest == (long double)0.1);
    WITH(place, rs_cbor_put_double(s, 3.0));
    assert_int_equal(restore_as(place, &whole, RESUME_INT32, text), RESUME_MISMATCH);
    assert_int_equal(whole, 7);
    assert_int_equal(restore_as(place, &single, RESUME_FLOAT32, text), RESUME_OK);
    assert_true(single == 3);
    assert_int_equal(restore_as(place, &pair, RESUME_COMPLEX128, text), RESUME_OK);
    assert_true(creal(pair) == 3 && cimag(pair) == 0);
    WITH(place, (api_put_tagged(s, 39261, 2), rs_cbor_put_double(s, 1), rs_cbor_put_double(s, 2)));
    assert_int_equal(restore_as(place, &pair, RESUME_COMPLEX128, text), RESUME_OK);
    assert_true(cimag(pair) == 2);
    assert_int_equal(restore_as(place, &real, RESUME_FLOAT64, text), RESUME_MISMATCH);
    WITH(place, (api_put_tagged(s, 39264, 2), rs_cbor_put_literal(s, ">i2"),
                 rs_cbor_put_bytes(s, "\1\2", 2)));
    assert_int_equal(restore_as(place, &whole, RESUME_INT32, text), RESUME_OK);
    assert_int_equal(whole, 258);
    /* a signalling NaN with a payload comes as it is */
    uint64_t bits = UINT64_C(0x7ff0000000000123), got;
    memcpy(&real, &bits, 8);
    WITH(place, rs_cbor_put_double(s, real));
    real = 0;
    assert_int_equal(restore_as(place, &real, RESUME_FLOAT64, text), RESUME_OK);
    memcpy(&got, &real, 8);
    assert_true(got == bits);
}

static void test_take__what_c_has_no_type_for(void **state) {
    api_place *place = *state;
    char text[1024];
    double real = 5;
    WITH(place, rs_cbor_put_simple(s, RS_CBOR_NULL));
    assert_int_equal(restore_as(place, &real, RESUME_FLOAT64, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "None"));
    WITH(place, rs_cbor_put_simple(s, RS_CBOR_UNDEFINED));
    assert_int_equal(restore_as(place, &real, RESUME_FLOAT64, text), RESUME_MISMATCH);
    WITH(place, (api_put_tag(s, 39275), rs_cbor_put_literal(s, "1.5"))); /* a Decimal */
    assert_int_equal(restore_as(place, &real, RESUME_FLOAT64, text), RESUME_MISMATCH);
    WITH(place, rs_cbor_put_literal(s, "1.5"));
    assert_int_equal(restore_as(place, &real, RESUME_FLOAT64, text), RESUME_MISMATCH);
    assert_non_null(strstr(text, "a text of 3 bytes"));
    assert_true(real == 5);
}

static void test_take__references(void **state) {
    api_place *place = *state;
    int x = 0, y = 0;
    rs_buffer *s = api_begin(place, 2);
    rs_cbor_put_literal(s, "x");
    api_put_tag(s, 28);
    rs_cbor_put_int(s, 41);
    rs_cbor_put_literal(s, "y");
    api_put_tag(s, 29);
    rs_cbor_put_int(s, 0);
    api_put(place);
    resume *ck = api_open(place);
    resume_protect(ck, x);
    resume_protect(ck, y);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_true(x == 41 && y == 41);
    resume_leave(ck);
}

static void test_take__references_that_lead_nowhere(void **state) {
    api_place *place = *state;
    char text[1024];
    int x = 0;
    WITH(place, (api_put_tag(s, 29), rs_cbor_put_int(s, 0))); /* no such mark */
    assert_int_equal(restore_as(place, &x, RESUME_INT32, text), RESUME_DAMAGED);
    remove(place->file);
    /* a value that is itself */
    WITH(place, (api_put_tag(s, 28), api_put_tag(s, 29), rs_cbor_put_int(s, 0)));
    assert_int_equal(restore_as(place, &x, RESUME_INT32, text), RESUME_DAMAGED);
}

/* A list of 30,000 references to one dict of 30,000 keys: 200 KB that would take 10^9 steps each
 * way. */
static void describe_nothing(resume *fields, void *object) {
    int *x = object;
    resume_protect_value_as(fields, "there is no such key", x, RESUME_INT32);
}

static void test_take__work_is_limited(void **state) {
    api_place *place = *state;
    enum { MANY = 100000 };
    rs_buffer *s = api_begin(place, 2);
    rs_cbor_put_literal(s, "dict");
    api_put_tag(s, 28);
    rs_cbor_put_head(s, RS_CBOR_MAP, MANY);
    for (int i = 0; i < MANY; i++) {
        rs_cbor_put_int(s, i);
        rs_cbor_put_int(s, i);
    }
    rs_cbor_put_literal(s, "x");
    rs_cbor_put_head(s, RS_CBOR_ARRAY, MANY);
    for (int i = 0; i < MANY; i++) {
        api_put_tag(s, 29);
        rs_cbor_put_int(s, 0);
    }
    api_put(place);
    int *x = NULL;
    size_t count = 0;
    char text[1024];
    resume *ck = api_open(place);
    resume_protect_structs_as(ck, "x", &x, sizeof *x, &count, RESUME_UINT64, describe_nothing);
    assert_int_equal(api_restore(ck, text), RESUME_LIMIT);
    assert_null(x);
}

/* --- strings and bytes --- */

static void test_take__strings(void **state) {
    api_place *place = *state;
    char text[1024], name[6] = "old";
    resume *ck;
    WITH(place, rs_cbor_put_literal(s, "12345"));
    ck = api_open(place);
    resume_protect_string_as(ck, "x", name, sizeof name);
    assert_int_equal(api_restore(ck, text), RESUME_OK);
    assert_string_equal(name, "12345");
    WITH(place, rs_cbor_put_literal(s, "123456")); /* no room for its NUL */
    ck = api_open(place);
    resume_protect_string_as(ck, "x", name, sizeof name);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    WITH(place, rs_cbor_put_text(s, "a\0b", 3));
    ck = api_open(place);
    resume_protect_string_as(ck, "x", name, sizeof name);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    WITH(place, rs_cbor_put_bytes(s, "\377\376", 2)); /* no UTF-8: bytes */
    ck = api_open(place);
    resume_protect_string_as(ck, "x", name, sizeof name);
    assert_int_equal(api_restore(ck, text), RESUME_OK);
    assert_string_equal(name, "\377\376");
    WITH(place, (api_put_tag(s, 39264), rs_cbor_put_literal(s, "np"))); /* numpy.str_ */
    ck = api_open(place);
    resume_protect_string_as(ck, "x", name, sizeof name);
    assert_int_equal(api_restore(ck, text), RESUME_OK);
    assert_string_equal(name, "np");
    WITH(place, (api_put_tag(s, 39254), rs_cbor_put_bytes(s, "\355\240\200", 3)));
    ck = api_open(place);
    resume_protect_string_as(ck, "x", name, sizeof name);
    assert_int_equal(api_restore(ck, text), RESUME_OK);
    assert_memory_equal(name, "\355\240\200", 4);
    WITH(place, rs_cbor_put_int(s, 5));
    ck = api_open(place);
    resume_protect_string_as(ck, "x", name, sizeof name);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
}

static void test_take__bytes(void **state) {
    api_place *place = *state;
    char text[1024];
    uint8_t block[4] = {0};
    char letters[4] = "";
    static uint8_t large[70000], found[70000];
    resume *ck;
    WITH(place, (api_put_tag(s, 39255), rs_cbor_put_bytes(s, "\1\2\3\377", 4))); /* bytearray */
    ck = api_open(place);
    resume_protect_bytes_as(ck, "x", block, 4);
    assert_int_equal(api_restore(ck, text), RESUME_OK);
    assert_memory_equal(block, "\1\2\3\377", 4);
    assert_int_equal(restore_array(place, letters, RESUME_CHAR, 1, (size_t[]){4}, text), RESUME_OK);
    assert_memory_equal(letters, "\1\2\3\377", 4);
    assert_int_equal(restore_array(place, letters, RESUME_CHAR, 1, (size_t[]){3}, text),
                     RESUME_MISMATCH);
    assert_int_equal(restore_array(place, block, RESUME_INT16, 1, (size_t[]){2}, text),
                     RESUME_MISMATCH);
    ck = api_open(place);
    resume_protect_bytes_as(ck, "x", block, 3);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 7);
    WITH(place,
         (api_put_tag(s, 39256), rs_cbor_put_int(s, (int64_t)api_blob(place, large, 70000))));
    ck = api_open(place);
    resume_protect_bytes_as(ck, "x", found, sizeof found);
    assert_int_equal(api_restore(ck, text), RESUME_OK);
    assert_memory_equal(found, large, sizeof found);
    WITH(place, (api_put_tag(s, 39256), rs_cbor_put_int(s, 9))); /* no such blob */
    ck = api_open(place);
    resume_protect_bytes_as(ck, "x", found, sizeof found);
    assert_int_equal(api_restore(ck, text), RESUME_OK); /* the generation before */
}

/* --- arrays that grow --- */

static void test_take__growing(void **state) {
    api_place *place = *state;
    char text[1024];
    double *array = malloc(2 * sizeof *array);
    array[0] = array[1] = 9;
    int8_t count = 2;
    WITH(place, api_put_array(s, "<f4", 3, "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40", 12));
    resume *ck = api_open(place);
    resume_protect_array_as(ck, "x", &array, RESUME_FLOAT64, &count, RESUME_INT8);
    assert_int_equal(api_restore(ck, text), RESUME_OK);
    assert_int_equal(count, 3);
    assert_true(array[0] == 1 && array[1] == 2 && array[2] == 3);
    static const uint8_t zeros[200];
    WITH(place, api_put_array(s, "|u1", 200, zeros, 200)); /* the count can't hold 200 */
    ck = api_open(place);
    resume_protect_array_as(ck, "x", &array, RESUME_FLOAT64, &count, RESUME_INT8);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    assert_true(count == 3 && array[2] == 3);
    WITH(place, rs_cbor_put_head(s, RS_CBOR_ARRAY, 0));
    ck = api_open(place);
    resume_protect_array_as(ck, "x", &array, RESUME_FLOAT64, &count, RESUME_INT8);
    assert_int_equal(api_restore(ck, text), RESUME_OK);
    assert_null(array);
    assert_int_equal(count, 0);
}

/* A program that keeps a capacity beside the count must not run over the new block. */
static void test_take__a_block_never_shrinks(void **state) {
    api_place *place = *state;
    int *array = malloc(100 * sizeof *array), count = 1;
    array[0] = 5;
    resume *ck = api_open(place);
    resume_protect_array(ck, array, count);
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_true(count == 1 && array[0] == 5);
    for (int i = 1; i < 100; i++)
        array[i] = i; /* under AddressSanitizer */
    api_close(ck);
    free(array);
}

static void test_take__a_broadcast_view_is_no_bomb(void **state) {
    api_place *place = *state;
    char text[1024];
    double *array = NULL;
    size_t count = 0;
    rs_buffer *s = api_begin(place, 1);
    rs_cbor_put_literal(s, "x");
    api_put_tagged(s, 39263, 6);
    api_put_tag(s, 28);
    api_put_array(s, "<f8", 1, "\0\0\0\0\0\0\xf0\x3f", 8);
    rs_cbor_put_literal(s, "<f8");
    rs_cbor_put_head(s, RS_CBOR_ARRAY, 1);
    rs_cbor_put_head(s, RS_CBOR_UNSIGNED, UINT64_C(1) << 40);
    rs_cbor_put_head(s, RS_CBOR_ARRAY, 1);
    rs_cbor_put_int(s, 0);
    rs_cbor_put_int(s, 0);
    rs_cbor_put_simple(s, RS_CBOR_TRUE);
    api_put(place);
    resume *ck = api_open(place);
    resume_protect_array_as(ck, "x", &array, RESUME_FLOAT64, &count, RESUME_UINT64);
    assert_int_equal(api_restore(ck, text), RESUME_MISMATCH);
    assert_null(array);
}

/* --- structs --- */

typedef struct point {
    double x, y;
} point;

typedef struct body {
    int id;
    char name[8];
    point at;
    point corners[2];
    double *trail;
    unsigned trail_count;
    int own; /* not saved */
} body;

static void describe_point(resume *fields, void *object) {
    point *p = object;
    resume_protect(fields, p->x);
    resume_protect(fields, p->y);
}

static void describe_body(resume *fields, void *object) {
    body *b = object;
    resume_protect(fields, b->id);
    resume_protect_string(fields, b->name);
    resume_protect_struct(fields, b->at, describe_point);
    resume_protect_structs_fixed(fields, b->corners, describe_point);
    resume_protect_array(fields, b->trail, b->trail_count);
}

static body make_body(int id) {
    body b = {.id = id, .at = {id, -id}, .own = id * 1000};
    snprintf(b.name, sizeof b.name, "b%d", id);
    b.corners[1].y = id * 0.5;
    b.trail_count = (unsigned)id % 4;
    b.trail = b.trail_count ? malloc(b.trail_count * sizeof *b.trail) : NULL;
    for (unsigned i = 0; i < b.trail_count; i++)
        b.trail[i] = id + i;
    return b;
}

static void expect_body(const body *b, int id) {
    body expected = make_body(id);
    assert_int_equal(b->id, id);
    assert_string_equal(b->name, expected.name);
    assert_memory_equal(&b->at, &expected.at, sizeof b->at);
    assert_memory_equal(b->corners, expected.corners, sizeof b->corners);
    assert_int_equal(b->trail_count, expected.trail_count);
    if (b->trail_count)
        assert_memory_equal(b->trail, expected.trail, b->trail_count * sizeof *b->trail);
    free(expected.trail);
}

static body *make_bodies(int first, size_t count) {
    body *bodies = malloc(count * sizeof *bodies);
    for (size_t i = 0; i < count; i++)
        bodies[i] = make_body(first + (int)i);
    return bodies;
}

static void free_bodies(body *bodies, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(bodies[i].trail);
    free(bodies);
}

/* From 3 to `before` elements and back, with what grows in them. */
static void restore_bodies(api_place *place, size_t before) {
    body *bodies = make_bodies(5, 3), one = make_body(7);
    size_t count = 3;
    resume *ck = api_open(place);
    resume_protect_structs(ck, bodies, count, describe_body);
    resume_protect_struct(ck, one, describe_body);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    free_bodies(bodies, count);
    free(one.trail);
    bodies = make_bodies(5, count = 3);
    one = make_body(7);
    assert_int_equal(resume_save(ck), RESUME_OK);
    free_bodies(bodies, count);
    free(one.trail);
    bodies = make_bodies(50, count = before);
    one = make_body(2);
    if (resume_restore(ck, NULL)) fail_msg("%s", resume_message(ck));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        expect_body(&bodies[i], 5 + (int)i);
        assert_int_equal(bodies[i].own, i < before ? (50 + (int)i) * 1000 : 0);
    }
    expect_body(&one, 7);
    assert_int_equal(one.own, 2000);
    api_close(ck);
    free_bodies(bodies, count);
    free(one.trail);
}

static void test_take__structs(void **state) {
    restore_bodies(*state, 0);
    restore_bodies(*state, 3);
    restore_bodies(*state, 10);
}

static void test_take__fields_that_do_not_fit(void **state) {
    api_place *place = *state;
    body one = make_body(1);
    rs_buffer *s = api_begin(place, 1);
    rs_cbor_put_literal(s, "one");
    rs_cbor_put_head(s, RS_CBOR_MAP, 3);
    rs_cbor_put_literal(s, "id");
    rs_cbor_put_int(s, 5);
    rs_cbor_put_literal(s, "new");
    rs_cbor_put_int(s, 6);
    rs_cbor_put_literal(s, "at");
    rs_cbor_put_head(s, RS_CBOR_MAP, 1);
    rs_cbor_put_literal(s, "x");
    rs_cbor_put_literal(s, "text");
    api_put(place);
    resume *ck = api_open(place);
    resume_protect_struct(ck, one, describe_body);
    assert_int_equal(resume_restore(ck, NULL), RESUME_MISMATCH);
    assert_non_null(strstr(resume_message(ck), "'one.at.x' is double"));
    resume_leave(ck);
    assert_int_equal(one.id, 1);
    free(one.trail);
}

static void test_take__fields_missing_and_unused(void **state) {
    api_place *place = *state;
    point *points = NULL;
    size_t count = 0;
    rs_buffer *s = api_begin(place, 1);
    rs_cbor_put_literal(s, "points");
    rs_cbor_put_head(s, RS_CBOR_ARRAY, 2);
    for (int i = 0; i < 2; i++) {
        rs_cbor_put_head(s, RS_CBOR_MAP, 2);
        rs_cbor_put_literal(s, "x");
        rs_cbor_put_int(s, i + 1);
        rs_cbor_put_literal(s, "z");
        rs_cbor_put_int(s, 3);
    }
    api_put(place);
    resume *ck = api_open(place);
    resume_protect_structs(ck, points, count, describe_point);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_string_equal(resume_report(ck, RESUME_MISSING, 0), "points[].y");
    assert_null(resume_report(ck, RESUME_MISSING, 1));
    assert_string_equal(resume_report(ck, RESUME_UNUSED, 0), "points[].z");
    assert_true(points[1].x == 2 && points[1].y == 0);
    resume_leave(ck);
    free(points);
}

static void describe_twice(resume *fields, void *object) {
    point *p = object;
    resume_protect(fields, p->x);
    resume_protect(fields, p->x);
}

static void describe_without_end(resume *fields, void *object) {
    point *p = object;
    resume_protect_struct_as(fields, "deeper", p, describe_without_end);
}

static void test_take__callbacks_that_are_wrong(void **state) {
    api_place *place = *state;
    point p = {1, 2};
    resume *ck = api_open(place);
    resume_protect_struct(ck, p, describe_twice);
    assert_int_equal(resume_save(ck), RESUME_MISUSE);
    assert_non_null(strstr(resume_message(ck), "'x' is protected already"));
    assert_int_equal(resume_unprotect(ck, p), RESUME_OK);
    resume_protect_struct(ck, p, describe_without_end);
    assert_int_equal(resume_save(ck), RESUME_LIMIT);
    resume_leave(ck);
}

/* A name that stands twice is no map that anybody writes. */
static void test_take__doubled_names(void **state) {
    api_place *place = *state;
    char text[1024];
    int x = 0;
    rs_buffer *s = api_begin(place, 2);
    rs_cbor_put_literal(s, "x");
    rs_cbor_put_int(s, 1);
    rs_cbor_put_literal(s, "x");
    rs_cbor_put_int(s, 2);
    api_put(place);
    assert_int_equal(restore_as(place, &x, RESUME_INT32, text), RESUME_DAMAGED);
    assert_int_equal(x, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_take__ints_of_python),
        TEST(test_take__floats_and_complexes),
        TEST(test_take__what_c_has_no_type_for),
        TEST(test_take__references),
        TEST(test_take__references_that_lead_nowhere),
        TEST(test_take__work_is_limited),
        TEST(test_take__strings),
        TEST(test_take__bytes),
        TEST(test_take__growing),
        TEST(test_take__a_block_never_shrinks),
        TEST(test_take__a_broadcast_view_is_no_bomb),
        TEST(test_take__structs),
        TEST(test_take__fields_that_do_not_fit),
        TEST(test_take__fields_missing_and_unused),
        TEST(test_take__callbacks_that_are_wrong),
        TEST(test_take__doubled_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
