/* Two arrays of one dtype, element by element: how many differ, and by how much at most.
 *
 * Any size in bounded memory: a chunk at a time, and chunks of one checksum are not read. */
#include "diff.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <math.h>

#define PIECE_SIZE (UINT64_C(256) << 10)
#define BLOCK_SIZE 512u /* bytes that are first compared as a whole */

/* One element as a number; of a complex one both parts. */
typedef struct number {
    bool is_nan, is_inf;
    double real, imaginary;
    uint64_t bits; /* of an integer, its sign spread over 64 bits */
} number;

typedef struct comparing {
    const rc_leaf *leaf; /* NULL: elements that are no numbers */
    uint64_t item_size;
    uint64_t element; /* number of the first one of the piece */
    rc_numbers *found;
} comparing;

/* ---- numbers */

static bool is_integer(const rc_leaf *leaf) {
    return strchr("iuqQmM", leaf->kind) != NULL;
}

static bool is_unsigned(const rc_leaf *leaf) {
    return leaf->kind == 'u' || leaf->kind == 'Q';
}

/* Kinds and sizes that are read here; others are compared as bytes. */
static const rc_leaf *number_leaf(const rc_dtype *dtype) {
    const rc_leaf *leaf = dtype->leaves;
    if (dtype->record || dtype->leaf_count != 1 || leaf->count != 1) return NULL;
    uint64_t part = leaf->kind == 'c' ? leaf->size / 2 : leaf->size;
    if (leaf->kind == 'f' || leaf->kind == 'c')
        return part == 2 || part == 4 || part == 8 ? leaf : NULL;
    return is_integer(leaf) && (part == 1 || part == 2 || part == 4 || part == 8) ? leaf : NULL;
}

static uint64_t load(const uint8_t *from, size_t size, bool big_endian) {
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | from[big_endian ? i : size - 1 - i];
    return bits;
}

static double half_to_double(uint64_t bits) {
    unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value = exponent == 31  ? (fraction ? NAN : INFINITY)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(1024 + fraction, (int)exponent - 25);
    return bits >> 15 & 1 ? -value : value;
}

static double load_float(const uint8_t *from, size_t size, bool big_endian) {
    uint64_t bits = load(from, size, big_endian);
    uint32_t low = (uint32_t)bits;
    float single;
    double real;
    memcpy(&single, &low, sizeof single);
    memcpy(&real, &bits, sizeof real);
    return size == 2 ? half_to_double(bits) : size == 4 ? (double)single : real;
}

static number read_number(const rc_leaf *leaf, const uint8_t *from) {
    bool big = leaf->order == '>';
    size_t size = (size_t)leaf->size;
    number read = {0};
    if (is_integer(leaf)) {
        unsigned unused = (unsigned)(64 - 8 * size);
        read.bits = load(from, size, big);
        if (!is_unsigned(leaf)) read.bits = (uint64_t)((int64_t)(read.bits << unused) >> unused);
        read.real = is_unsigned(leaf) ? (double)read.bits : (double)(int64_t)read.bits;
        bool is_time = leaf->kind == 'm' || leaf->kind == 'M';
        read.is_nan = is_time && read.bits == UINT64_C(1) << 63; /* NaT */
        return read;
    }
    if (leaf->kind == 'c') {
        size /= 2;
        read.imaginary = load_float(from + size, size, big);
    }
    read.real = load_float(from, size, big);
    read.is_nan = isnan(read.real) || isnan(read.imaginary);
    read.is_inf = !read.is_nan && (isinf(read.real) || isinf(read.imaginary));
    return read;
}

static void put_number(const rc_leaf *leaf, const number *value, char to[64]) {
    rs_buffer text = {0};
    bool is_single = leaf->size == (leaf->kind == 'c' ? 8u : 4u) || leaf->size == 2;
    if (is_integer(leaf)) {
        rc_append_format(&text, is_unsigned(leaf) ? "%" PRIu64 : "%" PRId64, value->bits);
    } else {
        rc_append_double(&text, value->real, is_single);
        if (leaf->kind == 'c') {
            if (!signbit(value->imaginary)) rc_append_text(&text, "+");
            rc_append_double(&text, value->imaginary, is_single);
            rc_append_text(&text, "j");
        }
    }
    size_t size = text.size < 63 ? text.size : 63;
    if (size) memcpy(to, text.bytes, size);
    to[text.failed ? 0 : size] = 0;
    rs_buffer_release(&text);
}

/* ---- one element, one piece */

static uint64_t integer_distance(const rc_leaf *leaf, uint64_t a, uint64_t b) {
    bool less = is_unsigned(leaf) ? a < b : (int64_t)a < (int64_t)b;
    return less ? b - a : a - b;
}

static void note_distance(const comparing *this, const number *a, const number *b, uint64_t at) {
    rc_numbers *found = this->found;
    uint64_t exact = is_integer(this->leaf) ? integer_distance(this->leaf, a->bits, b->bits) : 0;
    double distance = is_integer(this->leaf)
                          ? (double)exact
                          : hypot(b->real - a->real, b->imaginary - a->imaginary);
    double size = hypot(a->real, a->imaginary);
    bool larger = is_integer(this->leaf) ? exact > found->largest_exact : distance > found->largest;
    if (!found->has_largest || larger) {
        found->has_largest = true;
        found->largest = distance;
        found->largest_exact = exact;
        found->largest_at = at;
        put_number(this->leaf, a, found->before);
        put_number(this->leaf, b, found->after);
    }
    if (size > 0 && (!found->has_relative || distance / size > found->relative)) {
        found->has_relative = true;
        found->relative = distance / size;
        found->relative_at = at;
    }
}

static void compare_element(const comparing *this, const uint8_t *a, const uint8_t *b,
                            uint64_t at) {
    rc_numbers *found = this->found;
    found->changed++;
    if (!this->leaf) return;
    number before = read_number(this->leaf, a), after = read_number(this->leaf, b);
    found->nan_before += before.is_nan;
    found->nan_after += after.is_nan;
    found->inf_before += before.is_inf;
    found->inf_after += after.is_inf;
    if (before.is_nan || before.is_inf || after.is_nan || after.is_inf) return;
    note_distance(this, &before, &after, at);
}

/* `size` bytes: whole elements. */
static void compare_piece(comparing *this, const uint8_t *a, const uint8_t *b, uint64_t size) {
    uint64_t item = this->item_size, block = rs_maximum(BLOCK_SIZE / item, 1) * item;
    for (uint64_t from = 0; from < size; from += block) {
        uint64_t end = rs_minimum(from + block, size);
        if (memcmp(a + from, b + from, (size_t)(end - from)) == 0) continue;
        for (uint64_t at = from; at < end; at += item)
            if (memcmp(a + at, b + at, (size_t)item) != 0)
                compare_element(this, a + at, b + at, this->element + at / item);
    }
    this->element += size / item;
}

/* ---- all of it */

/* Both lie in blobs in the order of their elements, and their chunks begin at the same ones. */
static bool is_by_chunks(const rc_side *a, const rc_array *x, const rc_side *b, const rc_array *y,
                         uint64_t *start) {
    rc_array_walk walk_x, walk_y;
    rs_error ignored = {0};
    uint64_t item = x->dtype.item_size;
    if (x->source.bytes || y->source.bytes || a->chunk_size != b->chunk_size) return false;
    if (rc_array_walk_start((rc_export *)&a->values, (rc_array *)x, &walk_x, &ignored) ||
        rc_array_walk_start((rc_export *)&b->values, (rc_array *)y, &walk_y, &ignored))
        return false;
    *start = walk_x.position;
    return walk_x.outer == 0 && walk_y.outer == 0 && walk_x.position == walk_y.position &&
           *start % item == 0 && a->chunk_size % item == 0;
}

static resume_status compare_chunks(comparing *this, rc_side *a, const rc_array *x, rc_side *b,
                                    const rc_array *y, uint64_t start, uint64_t total,
                                    rs_error *error) {
    uint32_t chunk_size = a->chunk_size;
    uint8_t *pieces = rs_allocate_array(2, chunk_size);
    if (!pieces) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a chunk");
    resume_status status = RESUME_OK;
    for (uint64_t at = 0; status == RESUME_OK && at < total;) {
        uint64_t chunk = (start + at) / chunk_size;
        uint64_t end = rs_minimum((chunk + 1) * chunk_size - start, total), size = end - at;
        if (rs_state_same_chunk(a->values.state, x->source.blob, b->values.state, y->source.blob,
                                chunk)) {
            this->element += size / this->item_size;
            at = end;
            continue;
        }
        status = rs_state_read_range(a->values.state, x->source.blob, start + at, (size_t)size,
                                     pieces, error);
        if (status == RESUME_OK)
            status = rs_state_read_range(b->values.state, y->source.blob, start + at, (size_t)size,
                                         pieces + chunk_size, error);
        if (status == RESUME_OK) compare_piece(this, pieces, pieces + chunk_size, size);
        at = end;
    }
    rs_free(pieces);
    return status;
}

/* A walk, and what is left of the run that it gave last. */
typedef struct stepping {
    rc_export *values;
    rc_array_walk walk;
    const uint8_t *bytes;
    size_t left;
} stepping;

static resume_status refill(stepping *this, rs_error *error) {
    return this->left ? RESUME_OK
                      : rc_array_walk_next(this->values, &this->walk, PIECE_SIZE, &this->bytes,
                                           &this->left, error);
}

static resume_status compare_runs(comparing *this, rc_side *a, rc_array *x, rc_side *b, rc_array *y,
                                  uint64_t total, rs_error *error) {
    stepping one = {.values = &a->values}, two = {.values = &b->values};
    resume_status status = rc_array_walk_start(one.values, x, &one.walk, error);
    if (status == RESUME_OK) status = rc_array_walk_start(two.values, y, &two.walk, error);
    while (status == RESUME_OK && total > 0) {
        status = refill(&one, error);
        if (status == RESUME_OK) status = refill(&two, error);
        if (status != RESUME_OK || one.left == 0 || two.left == 0) break;
        uint64_t size = rs_minimum(rs_minimum(one.left, two.left), total);
        compare_piece(this, one.bytes, two.bytes, size);
        one.bytes += size;
        one.left -= (size_t)size;
        two.bytes += size;
        two.left -= (size_t)size;
        total -= size;
    }
    return status;
}

resume_status rc_numbers_compare(rc_side *a, rc_array *x, rc_side *b, rc_array *y,
                                 uint64_t elements, rc_numbers *found, rs_error *error) {
    uint64_t start, total = elements * x->dtype.item_size;
    *found = (rc_numbers){.elements = elements};
    comparing this = {
        .leaf = number_leaf(&x->dtype), .item_size = x->dtype.item_size, .found = found};
    if (elements == 0) return RESUME_OK;
    return is_by_chunks(a, x, b, y, &start) ? compare_chunks(&this, a, x, b, y, start, total, error)
                                            : compare_runs(&this, a, x, b, y, total, error);
}
