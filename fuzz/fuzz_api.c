/* libFuzzer: any bytes as an object stream, restored into C variables of every kind.
 *
 * A restore that fails leaves every variable as it was. One that works leaves what a program can
 * go on with: text that ends, bools that are true or false, blocks as long as their counts say.
 * Memory for what the stream declares is asked for before it is taken. */
#include "mutate.h"
#include "mutate_stream.h"
#include "require.h"

#include "api/encode.h"
#include "api/take.h"
#include "format/hash.h"

#include <complex.h>
#include <stdlib.h>
#include <string.h>

#define CLAIM_MAX (UINT64_C(64) << 20)
#define WORK_MAX  (UINT64_C(1) << 20) /* steps for one variable: the reader would allow 2^27 */

typedef struct point {
    double x;
    char name[6];
    int16_t *trail;
    uint8_t trail_count;
} point;

typedef struct pile { /* a container */
    uint8_t *items;
    size_t count, size;
    bool has_points; /* which it owns, with their trails */
} pile;

typedef struct variables {
    int8_t tiny;
    uint64_t big;
    bool truth;
    float single;
    long double longest;
    double complex pair;
    int32_t grid[2][3];
    bool flags[4];
    char letters[5], text[12];
    uint8_t bytes[16];
    double *grows;
    uint16_t grows_count;
    bool *switches;
    int8_t switches_count;
    point one, fixed[2], *many;
    int64_t many_count;
} variables;

typedef struct piles {
    pile numbers, text, points;
} piles;

/* --- the program --- */

static void *view(void *container, size_t *count) {
    const pile *p = container;
    *count = p->count;
    return p->items;
}

static void *new_block(size_t count, size_t size) {
    void *block = calloc(count + 1, size);
    require(block);
    return block;
}

static void drop_points(const point *first, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(first[i].trail);
}

static int resize(void *container, size_t count) {
    pile *p = container;
    if (count > CLAIM_MAX / p->size) return 1;
    uint8_t *moved = new_block(count, p->size);
    size_t kept = count < p->count ? count : p->count;
    if (kept) memcpy(moved, p->items, kept * p->size);
    if (p->has_points) drop_points((const point *)p->items + kept, p->count - kept);
    free(p->items);
    p->items = moved;
    p->count = count;
    return 0;
}

static void describe(resume *fields, void *object) {
    point *p = object;
    resume_protect(fields, p->x);
    resume_protect_string(fields, p->name);
    resume_protect_array(fields, p->trail, p->trail_count);
}

static int save_state(void *object, resume_writer *writer) {
    (void)object;
    return (int)resume_write(writer, "state", 5);
}

static int load_state(void *object, const void *bytes, size_t size) {
    (void)object, (void)bytes, (void)size;
    return 0;
}

static void fill_point(point *p) {
    p->x = 0.5;
    strcpy(p->name, "p");
    p->trail_count = 2;
    p->trail = new_block(2, sizeof *p->trail);
}

static void fill(variables *v, piles *p) {
    memset(v, 0, sizeof *v);
    v->tiny = -3;
    v->pair = 1;
    v->flags[1] = true;
    strcpy(v->text, "some text");
    v->grows_count = 3;
    v->grows = new_block(3, sizeof *v->grows);
    v->switches_count = 2;
    v->switches = new_block(2, sizeof *v->switches);
    v->many_count = 2;
    v->many = new_block(2, sizeof *v->many);
    for (int i = 0; i < 2; i++) {
        fill_point(&v->many[i]);
        fill_point(&v->fixed[i]);
    }
    fill_point(&v->one);
    *p = (piles){{new_block(3, 4), 3, 4, false},
                 {new_block(5, 1), 5, 1, false},
                 {new_block(0, sizeof(point)), 0, sizeof(point), true}};
    require(resize(&p->points, 1) == 0);
    fill_point((point *)p->points.items);
}

static void drop(variables *v, piles *p) {
    drop_points(v->many, (size_t)v->many_count);
    drop_points(v->fixed, 2);
    drop_points(&v->one, 1);
    drop_points((const point *)p->points.items, p->points.count);
    free(v->many);
    free(v->grows);
    free(v->switches);
    free(p->numbers.items);
    free(p->text.items);
    free(p->points.items);
}

/* --- one handle for each kind of variable, all called "x", and one that has them all --- */

static resume_status protect(resume *ck, unsigned kind, const char *name, variables *v, piles *p) {
    static const size_t two_by_three[] = {2, 3}, four[] = {4}, five[] = {5};
    switch (kind) {
    case 0:
        return resume_protect_value_as(ck, name, &v->tiny, RESUME_INT8);
    case 1:
        return resume_protect_value_as(ck, name, &v->big, RESUME_UINT64);
    case 2:
        return resume_protect_value_as(ck, name, &v->truth, RESUME_BOOL);
    case 3:
        return resume_protect_value_as(ck, name, &v->single, RESUME_FLOAT32);
    case 4:
        return resume_protect_value_as(ck, name, &v->longest, RESUME_LONG_DOUBLE);
    case 5:
        return resume_protect_value_as(ck, name, &v->pair, RESUME_COMPLEX128);
    case 6:
        return resume_protect_shape_as(ck, name, v->grid, RESUME_INT32, RESUME_ROWS, 2,
                                       two_by_three);
    case 7:
        return resume_protect_shape_as(ck, name, v->flags, RESUME_BOOL, RESUME_ROWS, 1, four);
    case 8:
        return resume_protect_shape_as(ck, name, v->letters, RESUME_CHAR, RESUME_COLUMNS, 1, five);
    case 9:
        return resume_protect_string_as(ck, name, v->text, sizeof v->text);
    case 10:
        return resume_protect_bytes_as(ck, name, v->bytes, sizeof v->bytes);
    case 11:
        return resume_protect_array_as(ck, name, &v->grows, RESUME_FLOAT64, &v->grows_count,
                                       RESUME_UINT16);
    case 12:
        return resume_protect_array_as(ck, name, &v->switches, RESUME_BOOL, &v->switches_count,
                                       RESUME_INT8);
    case 13:
        return resume_protect_struct_as(ck, name, &v->one, describe);
    case 14:
        return resume_protect_structs_fixed_as(ck, name, v->fixed, sizeof *v->fixed, 2, describe);
    case 15:
        return resume_protect_structs_as(ck, name, &v->many, sizeof *v->many, &v->many_count,
                                         RESUME_INT64, describe);
    case 16:
        return resume_protect_container_as(ck, name, &p->numbers, RESUME_INT32, view, resize);
    case 17:
        return resume_protect_text_as(ck, name, &p->text, view, resize);
    case 18:
        return resume_protect_structs_container_as(ck, name, &p->points, sizeof(point), view,
                                                   resize, describe);
    default:
        return resume_protect_state(ck, name, save_state, load_state, v);
    }
}
#define KINDS 20

static variables now;
static piles heap;
static resume handles[KINDS + 1]; /* the last one has all */

static void make_handles(void) {
    static bool is_made;
    if (is_made) return;
    is_made = true;
    for (unsigned i = 0; i < KINDS; i++) {
        char name[2] = {(char)('a' + i), 0};
        require(protect(&handles[i], i, "x", &now, &heap) == RESUME_OK);
        require(protect(&handles[KINDS], i, name, &now, &heap) == RESUME_OK);
    }
}

/* --- memory of arrays: two blobs of one letter --- */

static uint64_t blob_size(void *context, size_t index) {
    (void)context;
    return index == 1 ? 24 : 4096;
}

static resume_status blob_read(void *context, size_t index, uint64_t offset, size_t size, void *to,
                               rs_error *error) {
    (void)context, (void)error;
    require(index == 1 || index == 2);
    require(offset <= blob_size(NULL, index) && size <= blob_size(NULL, index) - offset);
    memset(to, 0x41, size);
    return RESUME_OK;
}

static uint64_t claimed; /* for what grows, since the program began */

static resume_status blob_claim(void *context, uint64_t size, rs_error *error) {
    (void)context;
    claimed += size;
    return size <= CLAIM_MAX ? RESUME_OK : rs_fail(error, RESUME_LIMIT, "too much memory");
}

/* --- what must hold --- */

static uint64_t mix(uint64_t sum, const void *bytes, size_t size) {
    return rs_hash128_of(bytes, size, sum).low;
}

static uint64_t mix_points(uint64_t sum, const point *first, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sum = mix(sum, &first[i].x, sizeof first[i].x);
        sum = mix(sum, first[i].name, sizeof first[i].name);
        sum = mix(sum, first[i].trail, first[i].trail_count * sizeof *first[i].trail);
    }
    return sum;
}

/* Of every byte that the variables stand for: all of them can be read. */
static uint64_t sum_of(const variables *v, const piles *p) {
    uint64_t sum = mix(0, v, offsetof(variables, grows));
    sum = mix(sum, v->grows, v->grows_count * sizeof *v->grows);
    sum = mix(sum, v->switches, (size_t)v->switches_count * sizeof *v->switches);
    sum = mix_points(sum, &v->one, 1);
    sum = mix_points(sum, v->fixed, 2);
    sum = mix_points(sum, v->many, (size_t)v->many_count);
    sum = mix(sum, p->numbers.items, p->numbers.count * p->numbers.size);
    sum = mix(sum, p->text.items, p->text.count);
    return mix_points(sum, (const point *)p->points.items, p->points.count);
}

static uint64_t size_of_points(const point *first, size_t count) {
    uint64_t size = count * sizeof *first;
    for (size_t i = 0; i < count; i++)
        size += first[i].trail_count * sizeof *first[i].trail;
    return size;
}

/* Of what grows. */
static uint64_t size_of(const variables *v, const piles *p) {
    return v->grows_count * sizeof *v->grows + (uint64_t)v->switches_count +
           size_of_points(&v->one, 1) + size_of_points(v->fixed, 2) +
           size_of_points(v->many, (size_t)v->many_count) + p->numbers.count * p->numbers.size +
           p->text.count + size_of_points((const point *)p->points.items, p->points.count);
}

static void check_bools(const void *bytes, size_t count) {
    const uint8_t *values = bytes;
    for (size_t i = 0; i < count; i++)
        require(values[i] <= 1);
}

static void check_points(const point *first, size_t count) {
    for (size_t i = 0; i < count; i++)
        require(memchr(first[i].name, 0, sizeof first[i].name));
}

static void check_usable(const variables *v, const piles *p) {
    require(memchr(v->text, 0, sizeof v->text));
    require(v->switches_count >= 0 && v->many_count >= 0);
    check_bools(&v->truth, 1);
    check_bools(v->flags, 4);
    check_bools(v->switches, (size_t)v->switches_count);
    check_points(&v->one, 1);
    check_points(v->fixed, 2);
    check_points(v->many, (size_t)v->many_count);
    check_points((const point *)p->points.items, p->points.count);
}

static resume_status restore(resume *ck, rs_slice bytes, rs_error *error) {
    static const rs_blobs blobs = {
        .count = 3, .size = blob_size, .read = blob_read, .claim = blob_claim};
    rs_stream stream;
    rs_taking taking = {.checkpoint = ck, .stream = &stream};
    resume_status status = rs_stream_open(&stream, bytes, &blobs, error);
    if (status) return status;
    if (stream.work_left > WORK_MAX) stream.work_left = WORK_MAX;
    /* larger arrays are verified first, read at the end */
    rs_changes_init(&taking.changes, 1000, false);
    rs_report_clear(&ck->report);
    status = rs_take_all(&taking, error);
    if (status == RESUME_OK) status = rs_changes_apply(&taking.changes, &stream, false, error);
    rs_taking_release(&taking);
    rs_stream_release(&stream);
    return status;
}

/* Every variable as messages tell it. */
static void tell(rs_slice bytes) {
    static const rs_blobs blobs = {.count = 3, .size = blob_size, .read = blob_read};
    rs_stream stream;
    rs_error error = {0};
    if (rs_stream_open(&stream, bytes, &blobs, &error)) return;
    if (stream.work_left > WORK_MAX) stream.work_left = WORK_MAX;
    rs_cbor_reader reader = stream.vars;
    resume_status status = RESUME_OK;
    for (uint64_t i = 0; status == RESUME_OK && i < stream.var_count; i++) {
        char text[60];
        rs_slice key;
        rs_value value;
        status = rs_value_read_key(&stream, &reader, &key, &error);
        if (status == RESUME_OK) status = rs_value_read(&stream, &reader, &value, &error);
        if (status) break;
        rs_value_text(&value, text, sizeof text);
        require(memchr(text, 0, sizeof text));
    }
    rs_stream_release(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    make_handles();
    tell((rs_slice){bytes, size});
    for (unsigned i = 0; i <= KINDS; i++) {
        rs_error error = {0};
        fill(&now, &heap);
        uint64_t before = sum_of(&now, &heap), size_before = size_of(&now, &heap);
        claimed = 0;
        if (restore(&handles[i], (rs_slice){bytes, size}, &error)) {
            require(error.status != RESUME_OK && strlen(error.text) > 5);
            require(sum_of(&now, &heap) == before);
        }
        (void)sum_of(&now, &heap);
        check_usable(&now, &heap);
        require(size_of(&now, &heap) <= size_before + claimed);
        drop(&now, &heap);
    }
    return 0;
}

/* Now and then what C itself saves, so that mutations begin from every kind. */
static size_t own_stream(uint8_t *bytes, size_t max_size, resume *ck) {
    rs_encoding encoding = {0};
    make_handles();
    fill(&now, &heap);
    size_t size = 0;
    if (rs_encode(ck, &encoding, NULL) == RESUME_OK && encoding.stream.size <= max_size) {
        size = encoding.stream.size;
        memcpy(bytes, encoding.stream.bytes, size);
    }
    rs_encoding_release(&encoding);
    drop(&now, &heap);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size, unsigned seed) {
    if (seed % 64 == 0) {
        size_t made = own_stream(bytes, max_size, &handles[seed / 64 % (KINDS + 1)]);
        if (made) return made;
    }
    return mutate_stream(bytes, size, max_size, seed);
}
