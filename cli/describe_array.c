/* numpy arrays, scalars and dtypes in the object stream: type, shape, and the first numbers. */
#include "describe.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <string.h>

/* A plain dtype as its text ("<f8"), or empty for a record and the like. */
typedef struct dtype {
    char text[24];
    const char *other; /* "record" ... when it has no text */
    uint64_t item_size;
} dtype;

static bool enter_array(rs_cbor_reader *look, uint64_t count_min) {
    rs_cbor_item item;
    return rs_cbor_next(look, &item, NULL) == RESUME_OK && item.kind == RS_CBOR_ARRAY &&
           item.argument >= count_min;
}

/* Reads the dtype and moves behind it. */
static bool read_dtype(rs_cbor_reader *look, dtype *found) {
    rs_cbor_reader before = *look;
    rs_cbor_item item, form;
    *found = (dtype){.other = "of an unknown dtype"};
    if (rs_cbor_next(look, &item, NULL) != RESUME_OK) return false;
    if (item.kind == RS_CBOR_TEXT && item.argument >= 2 && item.argument < sizeof found->text) {
        memcpy(found->text, item.bytes, (size_t)item.argument);
        found->other = NULL;
        for (const char *digit = found->text + 2; *digit >= '0' && *digit <= '9'; digit++)
            found->item_size = 10 * found->item_size + (uint64_t)(*digit - '0');
        return true;
    }
    if (item.kind == RS_CBOR_ARRAY && item.argument > 0 &&
        rs_cbor_next(look, &form, NULL) == RESUME_OK)
        found->other = form.argument == 1 ? "record" : "subarray";
    *look = before;
    return rs_cbor_skip(look, NULL) == RESUME_OK;
}

/* "float64"; what has no such name is written as numpy's text. */
static void put_dtype(rc_sink *out, const dtype *type) {
    static const struct {
        char kind;
        const char *name;
    } names[] = {{'f', "float"}, {'i', "int"},  {'u', "uint"}, {'c', "complex"},
                 {'q', "int"},   {'Q', "uint"}, {'b', "bool"}};
    bool native = type->text[0] == '<' || type->text[0] == '|';
    for (size_t i = 0; !type->other && native && i < sizeof names / sizeof *names; i++) {
        if (names[i].kind != type->text[1]) continue;
        if (type->text[1] == 'b')
            rc_put_text(out, names[i].name);
        else
            rc_put_format(out, "%s%" PRIu64, names[i].name, 8 * type->item_size);
        return;
    }
    rc_put_text(out, type->other ? type->other : type->text);
}

static void put_shape(rc_sink *out, rs_cbor_reader look) {
    rs_cbor_item shape, size;
    if (rs_cbor_next(&look, &shape, NULL) != RESUME_OK || shape.kind != RS_CBOR_ARRAY) return;
    rc_put_text(out, "(");
    for (uint64_t i = 0; i < shape.argument && !out->full; i++) {
        if (rs_cbor_next(&look, &size, NULL) != RESUME_OK) return;
        rc_put_format(out, i ? ", %" PRIu64 : "%" PRIu64, size.argument);
    }
    rc_put_text(out, shape.argument == 1 ? ",)" : ")");
}

/* A view begins with its base: behind it stands what an array begins with. */
static bool enter(rs_cbor_reader *look, uint64_t tag) {
    if (tag == TAG_DTYPE) return true;
    if (!enter_array(look, tag == TAG_SCALAR ? 2 : 5)) return false;
    return tag != TAG_VIEW || rs_cbor_skip(look, NULL) == RESUME_OK;
}

void rc_put_array_type(rc_sink *out, uint64_t tag, rs_cbor_reader look) {
    dtype type;
    if (tag == TAG_SCALAR || tag == TAG_DTYPE) rc_put_text(out, "numpy ");
    if (!enter(&look, tag)) {
        rc_put_text(out, "scalar"); /* str_ and bytes_ stand as they are */
        return;
    }
    if (tag == TAG_DTYPE) {
        rc_put_text(out, "dtype");
        return;
    }
    if (!read_dtype(&look, &type)) return;
    put_dtype(out, &type);
    if (tag == TAG_SCALAR) return;
    rc_put_text(out, " array ");
    put_shape(out, look);
}

bool rc_next_blob(rs_cbor_reader *reader, size_t *number, uint64_t *start) {
    rs_cbor_item item, low = {0};
    *start = 0;
    if (rs_cbor_next(reader, &item, NULL) != RESUME_OK) return false;
    uint64_t parts = item.kind == RS_CBOR_ARRAY ? item.argument : 1;
    if (item.kind == RS_CBOR_ARRAY && rs_cbor_next(reader, &item, NULL) != RESUME_OK) return false;
    if (item.kind != RS_CBOR_UNSIGNED || parts < 1 || parts > 3) return false;
    *number = (size_t)item.argument;
    /* [blob, digest], or [blob, low, high]: a part of the memory */
    for (uint64_t i = 1; i < parts; i++) {
        if (rs_cbor_next(reader, &item, NULL) != RESUME_OK ||
            item.kind != (parts == 2 ? RS_CBOR_BYTES : RS_CBOR_UNSIGNED))
            return false;
        if (i == 1 && parts == 3) low = item;
    }
    *start = low.argument;
    return true;
}

rc_memory rc_read_memory(const rs_state *state, rs_cbor_reader *reader) {
    rc_memory memory = {0};
    rs_cbor_item item;
    size_t index;
    if (rs_cbor_next(reader, &item, NULL) != RESUME_OK) return memory;
    if (item.kind == RS_CBOR_BYTES) {
        memory.bytes = item.bytes;
        memory.size = item.argument;
    }
    if (item.kind != RS_CBOR_TAG || item.argument != TAG_BLOB) return memory;
    if (!rc_next_blob(reader, &index, &memory.start)) return memory;
    memory.size = rs_state_blob_size(state, index);
    if (memory.size == 0 || memory.size > RC_BLOB_READ_MAX) return memory;
    memory.owned = rs_allocate((size_t)memory.size);
    if (memory.owned &&
        rs_state_read_blob((rs_state *)state, index, memory.owned, NULL) == RESUME_OK)
        memory.bytes = memory.owned;
    return memory;
}

static bool is_number(const dtype *type) {
    if (type->other || (type->text[0] != '<' && type->text[0] != '|')) return false;
    uint64_t size = type->item_size;
    switch (type->text[1]) {
    case 'f':
        return size == 4 || size == 8;
    case 'i':
    case 'u':
    case 'q':
    case 'Q':
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'b':
        return size == 1;
    default:
        return false;
    }
}

static void put_number(rc_sink *out, const dtype *type, const uint8_t *from) {
    unsigned size = (unsigned)type->item_size, unused = 64 - 8 * size;
    uint64_t bits = 0;
    for (unsigned i = size; i-- > 0;)
        bits = bits << 8 | from[i];
    uint32_t low = (uint32_t)bits;
    float single;
    double real;
    memcpy(&single, &low, sizeof single);
    memcpy(&real, &bits, sizeof real);
    switch (type->text[1]) {
    case 'f':
        rc_put_double(out, size == 4 ? (double)single : real);
        break;
    case 'b':
        rc_put_text(out, bits ? "True" : "False");
        break;
    case 'u':
    case 'Q':
        rc_put_format(out, "%" PRIu64, bits);
        break;
    default: /* the sign is spread over the bits above it */
        rc_put_format(out, "%" PRId64, (int64_t)(bits << unused) >> unused);
    }
}

/* Moves to the memory of an array; false when it is not in the order in which it is read. */
static bool find_memory(rs_cbor_reader *look) {
    rs_cbor_item order;
    return rs_cbor_skip(look, NULL) == RESUME_OK && /* shape */
           rs_cbor_next(look, &order, NULL) == RESUME_OK && order.kind == RS_CBOR_UNSIGNED &&
           order.argument == 0 && rs_cbor_skip(look, NULL) == RESUME_OK; /* writeable */
}

/* Shape, strides and offset of a view. *size: bytes of its elements, when they stand without gaps
 * in the order in which they are read; else false. */
static bool read_layout(rs_cbor_reader *look, const dtype *type, uint64_t *offset, uint64_t *size) {
    enum { DIMENSIONS_MAX = 64 };
    uint64_t counts[DIMENSIONS_MAX], expected = type->item_size;
    rs_cbor_item shape, strides, item;
    if (rs_cbor_next(look, &shape, NULL) != RESUME_OK || shape.kind != RS_CBOR_ARRAY) return false;
    if (shape.argument > DIMENSIONS_MAX) return false;
    for (size_t i = 0; i < shape.argument; i++) {
        if (rs_cbor_next(look, &item, NULL) != RESUME_OK || item.kind != RS_CBOR_UNSIGNED)
            return false;
        counts[i] = item.argument;
    }
    if (rs_cbor_next(look, &strides, NULL) != RESUME_OK || strides.kind != RS_CBOR_ARRAY ||
        strides.argument != shape.argument)
        return false;
    rs_cbor_reader first = *look;
    for (size_t i = (size_t)shape.argument; i-- > 0;) { /* the last axis is the fastest */
        *look = first;
        for (size_t j = 0; j < i; j++)
            if (rs_cbor_skip(look, NULL) != RESUME_OK) return false;
        if (rs_cbor_next(look, &item, NULL) != RESUME_OK) return false;
        bool dense = item.kind == RS_CBOR_UNSIGNED && item.argument == expected;
        if (counts[i] != 1 && !dense) return false;
        if (rs_multiply_overflows(expected, counts[i], &expected)) return false;
    }
    *look = first;
    for (size_t i = 0; i < shape.argument; i++)
        if (rs_cbor_skip(look, NULL) != RESUME_OK) return false;
    if (rs_cbor_next(look, &item, NULL) != RESUME_OK || item.kind != RS_CBOR_UNSIGNED) return false;
    *offset = item.argument;
    *size = expected;
    return true;
}

static void put_numbers(rc_sink *out, const dtype *type, const uint8_t *bytes, uint64_t size) {
    rc_put_text(out, "[");
    for (uint64_t i = 0; i + type->item_size <= size && !out->full; i += type->item_size) {
        if (i) rc_put_text(out, ", ");
        put_number(out, type, bytes + i);
    }
    rc_put_text(out, "]");
}

/* [base, dtype, shape, strides, offset, writeable]: a window into the memory of its base. */
static void put_view(rc_sink *out, const rs_state *state, rc_shares *shares, rs_cbor_reader base,
                     rs_cbor_reader look, const dtype *type) {
    uint64_t offset, size, end;
    rs_cbor_item tag;
    dtype base_type;
    if (!is_number(type) || !read_layout(&look, type, &offset, &size)) return;
    if (rc_resolve(shares, state, &base, &tag, NULL, NULL) != RESUME_OK) return;
    if (tag.kind != RS_CBOR_TAG || tag.argument != TAG_ARRAY || !enter_array(&base, 5)) return;
    if (!read_dtype(&base, &base_type) || !find_memory(&base)) return;
    rc_memory memory = rc_read_memory(state, &base);
    bool inside = memory.bytes && offset >= memory.start &&
                  !rs_add_overflows(offset - memory.start, size, &end) && end <= memory.size;
    if (inside) put_numbers(out, type, memory.bytes + (offset - memory.start), size);
    rs_free(memory.owned);
}

/* numpy.str_ and numpy.bytes_ stand as they are. */
static void put_scalar_text(rc_sink *out, rs_cbor_reader look) {
    rs_cbor_item item;
    if (rs_cbor_next(&look, &item, NULL) != RESUME_OK) return;
    if (item.kind == RS_CBOR_BYTES) rc_put_bytes(out, item.bytes, (size_t)item.argument);
    if (item.kind != RS_CBOR_TEXT) return;
    rc_put_text(out, "'");
    rc_put(out, item.bytes, (size_t)item.argument);
    rc_put_text(out, "'");
}

void rc_put_array(rc_sink *out, const rs_state *state, rc_shares *shares, uint64_t tag,
                  rs_cbor_reader look) {
    dtype type;
    rs_cbor_reader start = look;
    if (!enter(&look, tag)) {
        if (tag == TAG_SCALAR) put_scalar_text(out, start);
        return;
    }
    if (!read_dtype(&look, &type)) return;
    if (tag == TAG_DTYPE) {
        put_dtype(out, &type);
    } else if (tag == TAG_VIEW) {
        if (enter_array(&start, 6)) put_view(out, state, shares, start, look, &type);
    } else if (is_number(&type) && (tag == TAG_SCALAR || find_memory(&look))) {
        rc_memory memory = rc_read_memory(state, &look);
        if (memory.bytes && tag == TAG_ARRAY) put_numbers(out, &type, memory.bytes, memory.size);
        if (memory.bytes && tag == TAG_SCALAR && memory.size >= type.item_size)
            put_number(out, &type, memory.bytes);
        rs_free(memory.owned);
    }
}
