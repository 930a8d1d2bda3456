/* Numbers and texts, and lists of them in any number of dimensions, as an array. */
#include "export.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <stdlib.h>

#define DEPTH_MAX      32u
#define LEAVES_ALLOWED (UINT64_C(1) << 22) /* also when they are fewer in the stream */
#define TEXTS_SIZE_MAX                                                                             \
    (UINT64_C(256) << 20) /* of the array: every text takes as much as the longest */

#define PACKED_MAX (UINT64_C(1) << 27) /* numbers of packed lists inside lists */

enum { IS_INT = 1, IS_FLOAT = 2, IS_BOOL = 4, IS_COMPLEX = 8, IS_TEXT = 16 };

typedef struct leaf {
    unsigned kind;
    bool negative;
    uint64_t bits; /* of an integer in two's complement */
    double real, imaginary;
    rs_slice text; /* UTF-8, surrogates among it */
} leaf;

typedef struct level {
    rs_cbor_reader reader;
    uint64_t left;
} level;

/* One walk over all leaves; the first counts them, the second writes them. */
typedef struct walk {
    rc_export *export;
    level levels[DEPTH_MAX];
    size_t depth;
    uint64_t shape[DEPTH_MAX];
    size_t known;  /* dimensions whose length is known */
    bool complete; /* the number of dimensions is known */
    uint64_t leaves, leaves_max;
    unsigned kinds;
    bool negative, large; /* integers below 0, above INT64_MAX */
    size_t text_max;      /* characters */
    char kind;            /* 0: counting; else what is written: b i u f c U */
    rs_buffer bytes;
} walk;

static resume_status refuse(rs_error *error, const char *why) {
    return rs_fail(error, RESUME_UNSUPPORTED, "%s", why);
}

static resume_status refuse_type(const walk *this, rs_cbor_reader value, rs_error *error) {
    char type[128];
    rc_sink sink = {.to = type, .size = sizeof type};
    rc_put_type(&sink, this->export->state, &this->export->shares, value);
    type[sink.used] = 0;
    return rs_fail(error, RESUME_UNSUPPORTED, "%s", type);
}

static size_t next_character(const uint8_t *bytes, size_t size, uint32_t *c) {
    size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (length > size) length = size;
    *c = length == 1 ? bytes[0] : bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        *c = *c << 6 | (bytes[i] & 0x3f);
    return length;
}

static void put_number(rs_buffer *out, double value) {
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &value, sizeof bits);
    rs_store_u64(bytes, bits);
    rs_buffer_append(out, bytes, sizeof bytes);
}

static double as_double(const leaf *this) {
    if (this->kind & (IS_FLOAT | IS_COMPLEX)) return this->real;
    return this->negative ? (double)(int64_t)this->bits : (double)this->bits;
}

static void put_text(walk *this, rs_slice text) {
    const uint8_t *bytes = text.bytes;
    size_t count = 0;
    for (size_t i = 0; i < text.size; count++) {
        uint8_t unit[4];
        uint32_t c;
        i += next_character(bytes + i, text.size - i, &c);
        rs_store_u32(unit, c);
        rs_buffer_append(&this->bytes, unit, sizeof unit);
    }
    rs_buffer_append_zeros(&this->bytes, 4 * (this->text_max - count));
}

static void put_leaf(walk *this, const leaf *one) {
    uint8_t bytes[8];
    switch (this->kind) {
    case 'b':
        rs_store_u64(bytes, one->bits);
        rs_buffer_append(&this->bytes, bytes, 1);
        break;
    case 'f':
        put_number(&this->bytes, as_double(one));
        break;
    case 'c':
        put_number(&this->bytes, as_double(one));
        put_number(&this->bytes, one->imaginary);
        break;
    case 'U':
        put_text(this, one->text);
        break;
    default:
        rs_store_u64(bytes, one->bits);
        rs_buffer_append(&this->bytes, bytes, sizeof bytes);
    }
}

static void count_leaf(walk *this, const leaf *one) {
    this->kinds |= one->kind;
    if (one->kind == IS_INT) {
        this->negative |= one->negative;
        this->large |= !one->negative && one->bits > INT64_MAX;
    }
    size_t count = 0;
    const uint8_t *bytes = one->text.bytes;
    for (size_t i = 0; i < one->text.size; count++) {
        uint32_t c;
        i += next_character(bytes + i, one->text.size - i, &c);
    }
    if (count > this->text_max) this->text_max = count;
}

/* All lists of an export together: one that holds another twice, which holds another twice .. */
static bool spend_work(rc_export *export) {
    if (export->list_work <= 1) return false; /* 0 is for "not known yet" */
    export->list_work--;
    return true;
}

static resume_status take_leaf(walk *this, const leaf *one, rs_error *error) {
    bool in_list = this->depth > 0;
    if (++this->leaves > this->leaves_max || (in_list && !spend_work(this->export)))
        return refuse(error, "lists that unfold without bound");
    if (this->kind)
        put_leaf(this, one);
    else
        count_leaf(this, one);
    if (this->bytes.failed) return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    return RESUME_OK;
}

/* ---- leaves */

static bool read_integer(const rs_cbor_item *item, leaf *one) {
    *one = (leaf){.kind = IS_INT, .bits = item->argument};
    if (item->kind == RS_CBOR_UNSIGNED) return true;
    one->negative = true;
    one->bits = ~item->argument;
    return item->argument <= INT64_MAX;
}

static bool read_complex(rs_cbor_reader look, leaf *one) {
    rs_cbor_item list, part;
    *one = (leaf){.kind = IS_COMPLEX};
    return rs_cbor_next(&look, &list, NULL) == RESUME_OK && list.kind == RS_CBOR_ARRAY &&
           list.argument == 2 && rs_cbor_next(&look, &part, NULL) == RESUME_OK &&
           rs_cbor_item_double(&part, &one->real) &&
           rs_cbor_next(&look, &part, NULL) == RESUME_OK &&
           rs_cbor_item_double(&part, &one->imaginary);
}

/* A number of numpy in a list: the number itself. */
static bool read_scalar(rc_export *export, rs_cbor_reader value, leaf *one) {
    rc_array array;
    rc_array_walk steps;
    const uint8_t *bytes = NULL;
    rs_buffer text = {0};
    size_t size = 0;
    bool good = false;
    *one = (leaf){0};
    if (rc_array_open(export, value, &array, NULL) != RESUME_OK) return false;
    const rc_leaf *dtype = array.dtype.leaves;
    if (!array.dtype.record && array.dimensions == 0 && dtype->size <= 8 &&
        rc_array_walk_start(export, &array, &steps, NULL) == RESUME_OK &&
        rc_array_walk_next(export, &steps, 8, &bytes, &size, NULL) == RESUME_OK) {
        rc_leaf_text(dtype, bytes, 0, 0, &text);
        rs_buffer_append_zeros(&text, 1);
    }
    if (size && !text.failed && strchr("biuqQf", dtype->kind)) {
        const char *digits = (const char *)text.bytes;
        good = true;
        one->kind = dtype->kind == 'f' ? IS_FLOAT : dtype->kind == 'b' ? IS_BOOL : IS_INT;
        one->negative = digits[0] == '-' && one->kind == IS_INT;
        if (dtype->kind == 'f') one->real = strtod(digits, NULL);
        if (dtype->kind == 'b') one->bits = digits[0] == 't';
        if (one->kind == IS_INT)
            one->bits =
                one->negative ? (uint64_t)strtoll(digits, NULL, 10) : strtoull(digits, NULL, 10);
    }
    rs_buffer_release(&text);
    rc_array_release(&array);
    return good;
}

/* The leaf at `look`, behind its head `item`; `value` is where it began. */
static resume_status read_leaf(walk *this, rs_cbor_reader value, rs_cbor_reader look,
                               const rs_cbor_item *item, leaf *one, rs_error *error) {
    rs_cbor_item inner;
    *one = (leaf){0};
    if (item->kind == RS_CBOR_UNSIGNED || item->kind == RS_CBOR_NEGATIVE)
        return read_integer(item, one) ? RESUME_OK
                                       : refuse(error, "an integer of more than 64 bits");
    if (item->kind == RS_CBOR_SIMPLE && rs_cbor_item_double(item, &one->real)) {
        one->kind = IS_FLOAT;
        return RESUME_OK;
    }
    if (item->kind == RS_CBOR_SIMPLE &&
        (item->argument == RS_CBOR_TRUE || item->argument == RS_CBOR_FALSE)) {
        one->kind = IS_BOOL;
        one->bits = item->argument == RS_CBOR_TRUE;
        return RESUME_OK;
    }
    if (item->kind == RS_CBOR_SIMPLE)
        return refuse(error,
                      item->argument == RS_CBOR_UNDEFINED ? "it could not be saved" : "None");
    bool tagged = item->kind == RS_CBOR_TAG;
    uint64_t tag = tagged ? item->argument : 0;
    rs_cbor_reader behind = look;
    if (tagged && rs_cbor_next(&behind, &inner, NULL) != RESUME_OK)
        return refuse(error, "a value that is damaged");
    bool is_text = item->kind == RS_CBOR_TEXT;
    if (tag == TAG_SURROGATES || tag == TAG_SCALAR) { /* numpy.str_ is a SCALAR of a text */
        is_text = inner.kind == (tag == TAG_SCALAR ? RS_CBOR_TEXT : RS_CBOR_BYTES);
        item = &inner;
    }
    if (is_text) {
        one->kind = IS_TEXT;
        one->text = (rs_slice){item->bytes, (size_t)item->argument};
        return RESUME_OK;
    }
    if (tag == TAG_BIG_POSITIVE || tag == TAG_BIG_NEGATIVE)
        return refuse(error, "an integer of more than 64 bits");
    if (tag == TAG_COMPLEX && read_complex(look, one)) return RESUME_OK;
    if (tag == TAG_SCALAR && inner.kind == RS_CBOR_ARRAY && read_scalar(this->export, value, one))
        return RESUME_OK;
    if (this->depth) return refuse(error, "a list of other things than numbers");
    return refuse_type(this, value, error);
}

/* ---- lists */

static bool is_sequence(rs_cbor_reader *look, const rs_cbor_item *item, uint64_t *count) {
    rs_cbor_item list = *item;
    rs_cbor_reader inside = *look;
    if (item->kind == RS_CBOR_TAG && item->argument == TAG_TUPLE &&
        rs_cbor_next(&inside, &list, NULL) != RESUME_OK)
        return false;
    if (list.kind != RS_CBOR_ARRAY) return false;
    *look = inside;
    *count = list.argument;
    return true;
}

/* A list of `count` begins at the depth that was reached. */
static resume_status enter(walk *this, uint64_t count, rs_error *error) {
    size_t depth = this->depth;
    if (this->complete && depth >= this->known) return refuse(error, "lists of different depth");
    if (depth < this->known && this->shape[depth] != count)
        return refuse(error, "lists of different lengths");
    if (depth == DEPTH_MAX) return refuse(error, "lists that are nested too deep");
    if (depth == this->known) this->shape[this->known++] = count;
    if (count == 0) {
        if (this->complete && depth + 1 != this->known)
            return refuse(error, "lists of different lengths");
        this->complete = true;
    }
    return RESUME_OK;
}

/* Numbers packed into bytes, in a list of lists. */
static resume_status take_packed(walk *this, rs_cbor_reader value, uint64_t tag, rs_error *error) {
    rc_array array;
    rc_array_walk numbers;
    const uint8_t *bytes;
    size_t size = 1;
    resume_status status = rc_array_open(this->export, value, &array, error);
    if (status != RESUME_OK) return status;
    status = enter(this, array.elements, error);
    if (status == RESUME_OK && this->complete && this->known != this->depth + 1)
        status = refuse(error, "lists of different depth");
    this->complete = true;
    if (status == RESUME_OK) status = rc_array_walk_start(this->export, &array, &numbers, error);
    while (status == RESUME_OK && size) {
        status = rc_array_walk_next(this->export, &numbers, 1 << 16, &bytes, &size, error);
        for (size_t i = 0; status == RESUME_OK && i + 8 <= size; i += 8) {
            leaf one = {.kind = tag == TAG_INT64_ARRAY ? IS_INT : IS_FLOAT,
                        .bits = rs_load_u64(bytes + i)};
            memcpy(&one.real, &one.bits, sizeof one.real);
            one.negative = one.kind == IS_INT && one.bits > INT64_MAX;
            status = take_leaf(this, &one, error);
        }
    }
    rc_array_release(&array);
    return status;
}

static resume_status take_value(walk *this, rs_cbor_reader value, rs_error *error) {
    rs_cbor_item item;
    rs_cbor_reader look = value;
    uint64_t count;
    leaf one;
    resume_status status =
        rc_resolve(&this->export->shares, this->export->state, &look, &item, NULL, error);
    if (status != RESUME_OK) return status;
    if (item.kind == RS_CBOR_TAG && rc_is_packed(item.argument))
        return take_packed(this, value, item.argument, error);
    if (is_sequence(&look, &item, &count)) {
        status = enter(this, count, error);
        if (status == RESUME_OK) this->levels[this->depth++] = (level){look, count};
        return status;
    }
    if (this->complete ? this->depth != this->known : this->depth < this->known)
        return refuse(error, "lists of different depth");
    this->complete = true;
    status = read_leaf(this, value, look, &item, &one, error);
    return status == RESUME_OK ? take_leaf(this, &one, error) : status;
}

static resume_status walk_all(walk *this, rs_cbor_reader value, rs_error *error) {
    resume_status status = take_value(this, value, error);
    while (status == RESUME_OK && this->depth > 0) {
        level *top = &this->levels[this->depth - 1];
        if (!spend_work(this->export)) /* lists without leaves take time, too */
            return refuse(error, "lists that unfold without bound");
        if (top->left == 0) {
            this->depth--;
            continue;
        }
        rs_cbor_reader one = top->reader;
        top->left--;
        status = rs_cbor_skip(&top->reader, error);
        if (status == RESUME_OK) status = take_value(this, one, error);
    }
    return status;
}

/* The dtype that holds all of them, as numpy chooses it. */
static resume_status choose(walk *this, char dtype[32], rs_error *error) {
    unsigned kinds = this->kinds;
    if (kinds & IS_TEXT && kinds != IS_TEXT) return refuse(error, "numbers and texts in one list");
    if (this->large && this->negative && !(kinds & (IS_FLOAT | IS_COMPLEX)))
        return refuse(error, "integers of more than 64 bits");
    this->kind = kinds == 0           ? 'f'
                 : kinds & IS_TEXT    ? 'U'
                 : kinds & IS_COMPLEX ? 'c'
                 : kinds & IS_FLOAT   ? 'f'
                 : kinds == IS_BOOL   ? 'b'
                 : this->large        ? 'u'
                                      : 'i';
    if (this->text_max == 0) this->text_max = 1;
    unsigned size = this->kind == 'c' ? 16 : this->kind == 'b' ? 1 : 8;
    snprintf(dtype, 32, "%c%c%zu", this->kind == 'b' ? '|' : '<', this->kind,
             this->kind == 'U' ? this->text_max : size);
    uint64_t all = 0;
    if (this->kind == 'U' &&
        (rs_multiply_overflows(this->leaves, 4 * this->text_max, &all) || all > TEXTS_SIZE_MAX))
        return refuse(error, "texts that are too long for an array");
    return RESUME_OK;
}

resume_status rc_array_from_list(rc_export *export, rs_cbor_reader value, rc_array *array,
                                 rs_error *error) {
    char dtype[32];
    rs_slice stream = rs_state_stream(export->state);
    walk this = {.export = export};
    uint64_t packed = rs_state_measure(export->state).raw / sizeof(uint64_t);
    uint64_t there = stream.size + rs_minimum(packed, PACKED_MAX);
    this.leaves_max = LEAVES_ALLOWED + there;
    if (export->list_work == 0) export->list_work = 2 * LEAVES_ALLOWED + 16 * there;
    resume_status status = walk_all(&this, value, error);
    if (status == RESUME_OK) status = choose(&this, dtype, error);
    walk second = {.export = export,
                   .leaves_max = this.leaves_max,
                   .kind = this.kind,
                   .text_max = this.text_max};
    if (status == RESUME_OK) status = walk_all(&second, value, error);
    if (status == RESUME_OK && !rc_dtype_plain(dtype, &array->dtype))
        status = rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    if (status != RESUME_OK) {
        rs_buffer_release(&second.bytes);
        return status;
    }
    array->dimensions = second.known;
    array->elements = second.leaves;
    int64_t stride = (int64_t)array->dtype.item_size;
    for (size_t i = second.known; i-- > 0;) {
        array->shape[i] = second.shape[i];
        array->strides[i] = stride;
        if (second.shape[i]) stride *= (int64_t)second.shape[i];
    }
    size_t size;
    array->source.owned = rs_buffer_detach(&second.bytes, &size);
    array->source.bytes = array->source.owned;
    array->source.size = size;
    if (array->elements == 0) array->source.bytes = (const uint8_t *)"";
    return RESUME_OK;
}
