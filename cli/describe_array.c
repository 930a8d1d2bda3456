/* numpy arrays, scalars and dtypes in the object stream: type, shape, and the first numbers. */
#include "describe.h"
#include "export.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <string.h>

#define PIECE_SIZE 4096u

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

/* ---- elements */

static void put_number(rc_sink *out, const rc_leaf *leaf, const uint8_t *element, uint64_t index,
                       unsigned part) {
    rs_buffer text = {0};
    bool is_bool = rc_leaf_text(leaf, element, index, part, &text) == RC_CELL_BOOL;
    if (is_bool)
        rc_put_text(out, text.bytes[0] == 't' ? "True" : "False");
    else if (!text.failed && text.size) {
        if (part == 1 && text.bytes[0] != '-') rc_put_text(out, "+");
        rc_put(out, text.bytes, text.size);
    }
    rs_buffer_release(&text);
}

static void put_leaf(rc_sink *out, const rc_leaf *leaf, const uint8_t *element, uint64_t index) {
    const uint8_t *bytes = element + leaf->offset + index * leaf->size;
    size_t size = (size_t)leaf->size;
    int64_t count = 0;
    switch (leaf->kind) {
    case 'c':
    case 'G':
        rc_put_text(out, "(");
        put_number(out, leaf, element, index, 0);
        put_number(out, leaf, element, index, 1);
        rc_put_text(out, "j)");
        break;
    case 'S':
        while (size > 0 && bytes[size - 1] == 0)
            size--;
        rc_put_bytes(out, bytes, size);
        break;
    case 'V':
        rc_put_bytes(out, bytes, size);
        break;
    case 'U':
        rc_put_text(out, "'");
        put_number(out, leaf, element, index, 0);
        rc_put_text(out, "'");
        break;
    case 'M':
        for (size_t i = 0; i < 8; i++)
            count = (int64_t)((uint64_t)count << 8 | bytes[leaf->order == '>' ? i : 7 - i]);
        rc_put_datetime(out, count, leaf->unit);
        break;
    default:
        put_number(out, leaf, element, index, 0);
    }
}

/* A number, or the fields of a record. */
static void put_element(rc_sink *out, const rc_dtype *type, const uint8_t *element) {
    if (type->record) rc_put_text(out, "(");
    for (size_t i = 0; i < type->leaf_count && !out->full; i++) {
        const rc_leaf *leaf = &type->leaves[i];
        if (i) rc_put_text(out, ", ");
        if (leaf->count != 1) rc_put_text(out, "[");
        for (uint64_t k = 0; k < leaf->count && !out->full; k++) {
            if (k) rc_put_text(out, ", ");
            put_leaf(out, leaf, element, k);
        }
        if (leaf->count != 1) rc_put_text(out, "]");
    }
    if (type->record) rc_put_text(out, ")");
}

/* In the order in which they are read, as far as there is room for their text. */
static void put_elements(rc_sink *out, rc_export *export, rc_array *array, bool is_scalar) {
    rc_array_walk walk;
    const uint8_t *bytes;
    size_t size = 1, item = (size_t)array->dtype.item_size;
    bool is_first = true;
    if (rc_array_walk_start(export, array, &walk, NULL) != RESUME_OK) return;
    if (!array->source.bytes && array->source.window_room > RC_BLOB_READ_MAX) return;
    if (!is_scalar) rc_put_text(out, "[");
    while (size > 0 && !out->full) {
        if (rc_array_walk_next(export, &walk, PIECE_SIZE, &bytes, &size, NULL) != RESUME_OK) return;
        for (size_t at = 0; at < size && !out->full; at += item) {
            if (!is_first) rc_put_text(out, ", ");
            is_first = false;
            put_element(out, &array->dtype, bytes + at);
        }
    }
    if (!is_scalar) rc_put_text(out, "]");
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
                  rs_cbor_reader at_tag, rs_cbor_reader look) {
    dtype type;
    rc_array array;
    rs_cbor_reader start = look;
    if (tag == TAG_DTYPE) {
        if (read_dtype(&look, &type)) put_dtype(out, &type);
        return;
    }
    if (tag == TAG_SCALAR && !enter(&look, tag)) {
        put_scalar_text(out, start);
        return;
    }
    rc_export export = {.state = (rs_state *)state, .shares = *shares};
    if (rc_array_open(&export, at_tag, &array, NULL) == RESUME_OK) {
        put_elements(out, &export, &array, tag == TAG_SCALAR);
        rc_array_release(&array);
    }
    *shares = export.shares; /* it may have looked for them */
}
