/* numpy arrays, scalars and dtypes in the object stream: type, shape, and the first numbers. */
#include "describe.h"

#include "base/alloc.h"

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
    rc_put_text(out, tag == TAG_VIEW ? " view " : " array ");
    put_shape(out, look);
}

bool rc_read_memory(const rs_state *state, rs_cbor_reader *reader, const uint8_t **bytes,
                    uint64_t *size, uint8_t **owned) {
    rs_cbor_item item;
    *size = 0;
    *owned = NULL;
    if (rs_cbor_next(reader, &item, NULL) != RESUME_OK) return false;
    if (item.kind == RS_CBOR_BYTES) {
        *bytes = item.bytes;
        *size = item.argument;
        return true;
    }
    if (item.kind != RS_CBOR_TAG || item.argument != TAG_BLOB) return false;
    if (rs_cbor_next(reader, &item, NULL) != RESUME_OK || item.kind != RS_CBOR_UNSIGNED)
        return false; /* an array: a part of a blob, for views */
    *size = rs_state_blob_size(state, (size_t)item.argument);
    if (*size == 0 || *size > RC_BLOB_READ_MAX) return false;
    *owned = rs_allocate((size_t)*size);
    if (!*owned) return false;
    *bytes = *owned;
    return rs_state_read_blob((rs_state *)state, (size_t)item.argument, *owned, NULL) == RESUME_OK;
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

void rc_put_array(rc_sink *out, const rs_state *state, uint64_t tag, rs_cbor_reader look) {
    dtype type;
    rs_cbor_item order = {0};
    const uint8_t *bytes = NULL;
    uint8_t *owned = NULL;
    uint64_t size = 0;
    rs_cbor_reader start = look;
    if (!enter(&look, tag)) { /* str_ and bytes_ */
        if (rs_cbor_next(&start, &order, NULL) == RESUME_OK && order.kind == RS_CBOR_TEXT)
            rc_put_format(out, "'%.*s'", (int)(order.argument < 100 ? order.argument : 100),
                          (const char *)order.bytes);
        return;
    }
    if (!read_dtype(&look, &type)) return;
    if (tag == TAG_DTYPE || tag == TAG_VIEW) {
        if (tag == TAG_DTYPE) put_dtype(out, &type);
        return;
    }
    if (tag == TAG_ARRAY &&
        (rs_cbor_skip(&look, NULL) != RESUME_OK || rs_cbor_next(&look, &order, NULL) != RESUME_OK ||
         order.kind != RS_CBOR_UNSIGNED || order.argument != 0 ||
         rs_cbor_skip(&look, NULL) != RESUME_OK))
        return; /* not in the order in which it would be read */
    bool known = is_number(&type) && rc_read_memory(state, &look, &bytes, &size, &owned);
    if (known && tag == TAG_ARRAY) rc_put_text(out, "[");
    for (uint64_t i = 0; known && i + type.item_size <= size && !out->full; i += type.item_size) {
        if (i) rc_put_text(out, ", ");
        put_number(out, &type, bytes + i);
    }
    if (known && tag == TAG_ARRAY) rc_put_text(out, "]");
    rs_free(owned);
}
