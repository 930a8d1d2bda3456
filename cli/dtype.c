/* dtypes of numpy: their grammar, their text in an .npy file, their numbers as text. */
#include "export.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <float.h>
#include <inttypes.h>
#include <stdlib.h>

#define NESTED_MAX    17u
#define LEAVES_MAX    1000u
#define ITEM_SIZE_MAX (UINT64_C(1) << 31)

void rc_dtype_release(rc_dtype *dtype) {
    rs_buffer_release(&dtype->descr);
    rs_free(dtype->leaves);
    *dtype = (rc_dtype){0};
}

/* A record or a sub-array that is being read. */
typedef struct frame {
    bool sub;
    uint64_t left;            /* fields still to come */
    uint64_t size, base, end; /* of the record; `end`: of the field before */
    uint64_t field;           /* offset of the field being read */
    size_t name_size;         /* of the name of all its fields together */
    size_t first_leaf;
    bool title; /* one stands behind the field */
    bool some;  /* text of a field, or of padding, has been written */
} frame;

typedef struct reading {
    rs_cbor_reader *reader;
    rc_dtype *to;
    frame frames[NESTED_MAX];
    size_t depth;
    char name[sizeof((rc_leaf *)0)->name];
    size_t name_size;
} reading;

/* ---- plain ones */

static bool size_is_allowed(char kind, uint64_t size) {
    switch (kind) {
    case 'b':
        return size == 1;
    case 'i':
    case 'u':
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'q':
    case 'Q':
    case 'm':
    case 'M':
        return size == 8;
    case 'f':
        return size == 2 || size == 4 || size == 8 || size == 16;
    case 'g':
        return size == 16;
    case 'c':
        return size == 8 || size == 16 || size == 32;
    case 'G':
        return size == 32;
    case 'S':
    case 'U':
    case 'V':
        return size <= ITEM_SIZE_MAX / 4;
    default:
        return false;
    }
}

/* "<M8[25s]": what stands in the brackets is a number and a few letters. */
static bool unit_is_allowed(const char *unit, size_t size) {
    if (size == 0) return true;
    if (size < 3 || size > 24 || unit[0] != '[' || unit[size - 1] != ']') return false;
    for (size_t i = 1; i + 1 < size; i++) {
        bool letter = (unit[i] >= 'a' && unit[i] <= 'z') || unit[i] == 'Y' || unit[i] == 'M' ||
                      unit[i] == 'W' || unit[i] == 'D';
        if (!letter && !(unit[i] >= '0' && unit[i] <= '9')) return false;
    }
    return true;
}

/* numpy calls by the name of x87's format what its own long double is, and has no other. */
static const char *why_not_here(char kind, uint64_t size) {
    bool quad = (kind == 'f' && size == 16) || (kind == 'c' && size == 32);
    bool extended = kind == 'g' || kind == 'G';
    if ((quad && LDBL_MANT_DIG != 113) || (extended && LDBL_MANT_DIG != 64))
        return "its long double is that of another processor";
    return NULL;
}

static bool read_plain(const char *text, size_t size, rc_leaf *leaf, rs_buffer *descr,
                       const char **no_descr) {
    uint64_t number = 0;
    size_t at = 2;
    if (size < 3 || size > 32 || !strchr("<>|", text[0]) || text[0] == 0) return false;
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
        number = 10 * number + (uint64_t)(text[at] - '0');
        if (number > ITEM_SIZE_MAX) return false;
    }
    char kind = text[1];
    bool timed = kind == 'm' || kind == 'M';
    if (at == 2 || !size_is_allowed(kind, number)) return false;
    if (timed ? !unit_is_allowed(text + at, size - at) : at != size) return false;
    leaf->order = text[0];
    leaf->kind = kind;
    leaf->size = kind == 'U' ? 4 * number : number;
    leaf->count = 1;
    if (timed && size - at > 2) memcpy(leaf->unit, text + at + 1, size - at - 2);
    char shown = kind == 'q'   ? 'i'
                 : kind == 'Q' ? 'u'
                 : kind == 'g' ? 'f'
                 : kind == 'G' ? 'c'
                               : kind;
    rc_append_format(descr, "'%c%c%" PRIu64 "%.*s'", text[0], shown, number, (int)(size - at),
                     text + at);
    if (why_not_here(kind, number)) *no_descr = why_not_here(kind, number);
    return true;
}

bool rc_dtype_plain(const char *text, rc_dtype *dtype) {
    *dtype = (rc_dtype){.leaf_count = 1};
    dtype->leaves = rs_allocate_zeroed(1, sizeof *dtype->leaves);
    bool good = dtype->leaves &&
                read_plain(text, strlen(text), dtype->leaves, &dtype->descr, &dtype->no_descr);
    rs_buffer_append_zeros(&dtype->descr, 1);
    if (good) dtype->item_size = dtype->leaves->size;
    if (good && !dtype->descr.failed) return true;
    rc_dtype_release(dtype);
    return false;
}

/* ---- records */

static rc_leaf *add_leaf(reading *this, uint64_t offset) {
    rc_dtype *to = this->to;
    if (to->leaf_count == LEAVES_MAX) return NULL;
    if ((to->leaf_count & (to->leaf_count - 1)) == 0) { /* room grows by powers of two */
        size_t room = to->leaf_count ? 2 * to->leaf_count : 1;
        rc_leaf *leaves = rs_reallocate_array(to->leaves, room, sizeof *leaves);
        if (!leaves) return NULL;
        to->leaves = leaves;
    }
    rc_leaf *leaf = &to->leaves[to->leaf_count++];
    *leaf = (rc_leaf){.offset = offset};
    memcpy(leaf->name, this->name, this->name_size);
    return leaf;
}

/* As a literal of Python, in ASCII. */
static void put_literal(rs_buffer *out, const uint8_t *utf8, size_t size) {
    rc_append_text(out, "'");
    for (size_t i = 0; i < size;) {
        uint32_t c = utf8[i];
        size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (length > 1) c &= 0xffu >> (length + 1);
        for (size_t j = 1; j < length && i + j < size; j++)
            c = c << 6 | (utf8[i + j] & 0x3f);
        i += length;
        if (c == '\'' || c == '\\')
            rc_append_format(out, "\\%c", (int)c);
        else if (c >= 32 && c < 127)
            rc_append_format(out, "%c", (int)c);
        else
            rc_append_format(out, c > 0xffff ? "\\U%08" PRIx32 : "\\u%04" PRIx32, c);
    }
    rc_append_text(out, "'");
}

static bool next(reading *this, rs_cbor_kind kind, rs_cbor_item *item) {
    return rs_cbor_next(this->reader, item, NULL) == RESUME_OK && item->kind == kind;
}

static void put_padding(reading *this, frame *top, uint64_t until) {
    if (until > top->end) {
        rc_append_format(&this->to->descr, "%s('', '|V%" PRIu64 "')", top->some ? ", " : "",
                         until - top->end);
        top->some = true;
    }
    if (until < top->end) this->to->no_descr = "its fields overlap or are not in order";
}

static bool add_name(reading *this, const frame *top, const rs_cbor_item *name) {
    size_t size = (size_t)name->argument, used = top->name_size;
    if (size == 0) this->to->no_descr = "a field has no name";
    if (memchr(name->bytes, 0, size)) return false;
    if (used && used + 1 < sizeof this->name) this->name[used++] = '.';
    if (size > sizeof this->name - 1 - used) size = sizeof this->name - 1 - used;
    while (size > 0 && size < name->argument && (name->bytes[size] & 0xc0) == 0x80)
        size--; /* not in the middle of a character */
    memcpy(this->name + used, name->bytes, size);
    this->name_size = used + size;
    this->name[this->name_size] = 0;
    for (size_t i = top->first_leaf; i < this->to->leaf_count; i++)
        if (strcmp(this->to->leaves[i].name, this->name) == 0)
            this->to->no_descr = "two of its fields have one name, or nearly";
    return true;
}

/* [name, offset, dtype] or [name, offset, dtype, title]: up to the dtype. */
static bool open_field(reading *this, frame *top) {
    rs_cbor_item list, name, offset, title = {.kind = RS_CBOR_UNSIGNED};
    if (!next(this, RS_CBOR_ARRAY, &list) || list.argument < 3 || list.argument > 4) return false;
    if (!next(this, RS_CBOR_TEXT, &name) || !next(this, RS_CBOR_UNSIGNED, &offset)) return false;
    if (offset.argument > top->size || !add_name(this, top, &name)) return false;
    put_padding(this, top, offset.argument);
    if (top->some) rc_append_text(&this->to->descr, ", ");
    top->some = true;
    top->field = offset.argument;
    top->title = list.argument == 4;
    rc_append_text(&this->to->descr, "(");
    if (top->title) { /* stands behind the dtype, and is written before the name */
        rs_cbor_reader look = *this->reader;
        if (rs_cbor_skip(&look, NULL) != RESUME_OK ||
            rs_cbor_next(&look, &title, NULL) != RESUME_OK || title.kind != RS_CBOR_TEXT)
            return false;
        rc_append_text(&this->to->descr, "(");
        put_literal(&this->to->descr, title.bytes, (size_t)title.argument);
        rc_append_text(&this->to->descr, ", ");
    }
    put_literal(&this->to->descr, name.bytes, (size_t)name.argument);
    rc_append_text(&this->to->descr, top->title ? "), " : ", ");
    return true;
}

/* The dimensions behind the dtype of a sub-array; *size becomes that of all of it. */
static bool close_sub(reading *this, uint64_t *size) {
    frame *top = &this->frames[this->depth - 1];
    rs_cbor_item list, dimension;
    uint64_t count = 1;
    if (!next(this, RS_CBOR_ARRAY, &list) || list.argument == 0 ||
        list.argument > RC_DIMENSIONS_MAX)
        return false;
    rc_append_text(&this->to->descr, ", (");
    for (uint64_t i = 0; i < list.argument; i++) {
        if (!next(this, RS_CBOR_UNSIGNED, &dimension)) return false;
        if (rs_multiply_overflows(count, dimension.argument, &count)) return false;
        rc_append_format(&this->to->descr, "%" PRIu64 ",%s", dimension.argument,
                         i + 1 < list.argument ? " " : "");
    }
    rc_append_text(&this->to->descr, ")");
    if (rs_multiply_overflows(*size, count, size) || *size > ITEM_SIZE_MAX) return false;
    if (count > ITEM_SIZE_MAX) return false;
    rc_leaf *leaf = &this->to->leaves[top->first_leaf];
    bool one = this->to->leaf_count == top->first_leaf + 1 && leaf->count == 1;
    if (one) {
        leaf->count = count;
    } else if (this->to->leaf_count > top->first_leaf) { /* records: as their bytes */
        *leaf =
            (rc_leaf){.offset = top->base, .order = '|', .kind = 'V', .size = *size, .count = 1};
        memcpy(leaf->name, this->name, top->name_size);
        this->to->leaf_count = top->first_leaf + 1;
    }
    this->depth--;
    return true;
}

/* A dtype of this size has been read: what it stands in goes on. */
static bool close_dtype(reading *this, uint64_t size) {
    if (this->depth && this->frames[this->depth - 1].sub && !close_sub(this, &size)) return false;
    if (this->depth == 0) {
        this->to->item_size = size;
        return true;
    }
    frame *top = &this->frames[this->depth - 1];
    if (top->sub || size > top->size - top->field) return false;
    if (top->title && rs_cbor_skip(this->reader, NULL) != RESUME_OK) return false;
    rc_append_text(&this->to->descr, ")");
    top->end = top->field + size;
    return true;
}

static bool close_record(reading *this) {
    frame *top = &this->frames[this->depth - 1];
    put_padding(this, top, top->size);
    rc_append_text(&this->to->descr, "]");
    this->depth--;
    return close_dtype(this, top->size);
}

/* The head of a dtype: a plain one is read, of others a frame is opened. */
static bool open_dtype(reading *this) {
    frame *top = this->depth ? &this->frames[this->depth - 1] : NULL;
    uint64_t base = top ? top->base + (top->sub ? 0 : top->field) : 0;
    rs_cbor_item item, form, size, aligned, fields;
    if (rs_cbor_next(this->reader, &item, NULL) != RESUME_OK) return false;
    if (item.kind == RS_CBOR_TEXT) {
        rc_leaf *leaf = add_leaf(this, base);
        return leaf &&
               read_plain((const char *)item.bytes, (size_t)item.argument, leaf, &this->to->descr,
                          &this->to->no_descr) &&
               close_dtype(this, leaf->size);
    }
    if (item.kind != RS_CBOR_ARRAY || this->depth == NESTED_MAX) return false;
    if (!next(this, RS_CBOR_UNSIGNED, &form)) return false;
    frame opened = {.base = base, .name_size = this->name_size, .first_leaf = this->to->leaf_count};
    if (form.argument == 2 && item.argument == 3 && top && !top->sub) {
        opened.sub = true;
    } else if (form.argument == 1 && item.argument == 4 && next(this, RS_CBOR_UNSIGNED, &size) &&
               next(this, RS_CBOR_SIMPLE, &aligned) && next(this, RS_CBOR_ARRAY, &fields) &&
               size.argument <= ITEM_SIZE_MAX) {
        opened.size = size.argument;
        opened.left = fields.argument;
        if (!top) this->to->record = true;
        rc_append_text(&this->to->descr, "[");
    } else {
        return false;
    }
    this->frames[this->depth++] = opened;
    return true;
}

static bool read_all(reading *this) {
    bool good = open_dtype(this);
    while (good && this->depth > 0) {
        frame *top = &this->frames[this->depth - 1];
        if (top->sub) { /* just opened: closing it belongs to closing what is in it */
            good = open_dtype(this);
        } else if (top->left == 0) {
            good = close_record(this);
        } else {
            top->left--;
            good = open_field(this, top) && open_dtype(this);
        }
    }
    return good;
}

bool rc_dtype_read(rs_cbor_reader *reader, rc_dtype *dtype) {
    *dtype = (rc_dtype){0};
    reading this = {.reader = reader, .to = dtype};
    bool good = read_all(&this);
    rs_buffer_append_zeros(&dtype->descr, 1);
    if (good && !dtype->descr.failed) return true;
    rc_dtype_release(dtype);
    return false;
}
