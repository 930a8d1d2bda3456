/* One value of the object stream as one line of text. Builds nothing: walks heads of CBOR.
 *
 * docs/format.md, part "Object stream", says what the tags mean. A tag that is not known here is
 * written as its number with its content, so that a newer file can still be looked at. */
#include "describe.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <string.h>

#define DEPTH_MAX 16 /* levels that are written; what is deeper becomes "..." */

static void put_text_quoted(rc_sink *out, const uint8_t *text, size_t size) {
    rc_put_text(out, "'");
    rc_put(out, text, size);
    rc_put_text(out, "'");
}

static void put_integer(rc_sink *out, const rs_cbor_item *item) {
    if (item->kind == RS_CBOR_UNSIGNED)
        rc_put_format(out, "%" PRIu64, item->argument);
    else if (item->argument == UINT64_MAX)
        rc_put_text(out, "-18446744073709551616");
    else
        rc_put_format(out, "-%" PRIu64, item->argument + 1);
}

static uint64_t load_u64(const uint8_t *from) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | from[i];
    return value;
}

/* RFC 8746: 8-byte little-endian numbers in a byte string. */
static void put_numbers(rc_sink *out, uint64_t tag, const uint8_t *bytes, size_t size) {
    rc_put_text(out, "[");
    for (size_t i = 0; i + 8 <= size && !out->full; i += 8) {
        uint64_t bits = load_u64(bytes + i);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (i) rc_put_text(out, ", ");
        if (tag == TAG_FLOAT64_ARRAY)
            rc_put_double(out, number);
        else
            rc_put_format(out, "%" PRId64, (int64_t)bits);
    }
    rc_put_text(out, "]");
}

static void put_simple(rc_sink *out, const rs_cbor_item *item) {
    double number;
    if (rs_cbor_item_double(item, &number))
        rc_put_double(out, number);
    else if (item->argument == RS_CBOR_NULL)
        rc_put_text(out, "None");
    else if (item->argument == RS_CBOR_TRUE)
        rc_put_text(out, "True");
    else if (item->argument == RS_CBOR_FALSE)
        rc_put_text(out, "False");
    else if (item->argument == RS_CBOR_UNDEFINED)
        rc_put_text(out, "<could not be saved>");
    else
        rc_put_format(out, "simple(%" PRIu64 ")", item->argument);
}

/* ---- the walk */

typedef struct level {
    uint64_t left, index;
    bool pairs;
    size_t start;  /* of the item in the stream, to notice cycles */
    size_t behind; /* where to go on, when not where the items end; else 0 */
    const char *close;
    bool is_bounded; /* a deque with a maxlen */
    uint64_t maxlen;
} level;

typedef struct printer {
    const rs_state *state;
    rc_shares *shares;
    rs_cbor_reader reader;
    rc_sink out;
    level levels[DEPTH_MAX];
    size_t depth;
} printer;

static void open_level(printer *this, const char *open, const char *close, uint64_t items,
                       bool pairs) {
    rc_put_text(&this->out, open);
    this->levels[this->depth++] = (level){.left = items, .pairs = pairs, .close = close};
}

/* A tag whose content is one leaf that is written in a way of its own; false when it is not. */
static bool put_tagged_leaf(printer *this, uint64_t tag, const rs_cbor_item *content) {
    rc_sink *out = &this->out;
    bool bytes = content->kind == RS_CBOR_BYTES, number = content->kind == RS_CBOR_UNSIGNED;
    size_t size = (size_t)content->argument;
    if ((tag == TAG_BIG_POSITIVE || tag == TAG_BIG_NEGATIVE) && bytes)
        rc_put_big(out, tag == TAG_BIG_NEGATIVE, content->bytes, size);
    else if (tag == TAG_SURROGATES && bytes)
        put_text_quoted(out, content->bytes, size);
    else if (tag == TAG_REFERENCE && number)
        rc_put_text(out, "<unknown reference>");
    else if (tag == TAG_CONSTANT && number)
        rc_put_text(out, size == 0 ? "Ellipsis" : "NotImplemented");
    else
        return false;
    return true;
}

/* Numbers that may stand in a blob of their own: written when they are few, else their size. */
static void put_packed(printer *this, uint64_t tag) {
    char text[RC_TEXT_SIZE];
    rc_memory memory = rc_read_memory(this->state, &this->reader);
    if (memory.bytes)
        put_numbers(&this->out, tag, memory.bytes, (size_t)memory.size);
    else
        rc_put_format(&this->out, "<%s>", rc_text_size(memory.size, text));
    rs_free(memory.owned);
}

/* [maxlen or null, items]; false when it is not. */
static bool open_deque(printer *this, const rc_form *form, const rs_cbor_item *content) {
    rs_cbor_reader look = this->reader;
    rs_cbor_item maxlen, items;
    if (content->kind != RS_CBOR_ARRAY || content->argument != 2 ||
        rs_cbor_next(&look, &maxlen, NULL) != RESUME_OK ||
        (maxlen.kind != RS_CBOR_UNSIGNED && maxlen.kind != RS_CBOR_SIMPLE) ||
        rs_cbor_next(&look, &items, NULL) != RESUME_OK || items.kind != RS_CBOR_ARRAY)
        return false;
    this->reader = look;
    open_level(this, form->open, form->close, items.argument, false);
    level *top = &this->levels[this->depth - 1];
    top->is_bounded = maxlen.kind == RS_CBOR_UNSIGNED;
    top->maxlen = maxlen.argument;
    return true;
}

/* Reads the content's head: only a leaf or the opening of a level is taken, else it is left. */
static resume_status put_tagged(printer *this, const rs_cbor_item *item, rs_error *error) {
    uint64_t tag = item->argument;
    rs_cbor_reader before = this->reader, at_tag = before;
    at_tag.position = item->offset;
    rs_cbor_item content;
    const rc_form *known = rc_find_form(tag);
    resume_status status = rs_cbor_next(&this->reader, &content, error);
    if (status != RESUME_OK) return status;
    if (put_tagged_leaf(this, tag, &content)) return RESUME_OK;
    if (tag == TAG_BLOB) {
        size_t blob;
        uint64_t start;
        char text[RC_TEXT_SIZE];
        bool found = rc_next_blob(&before, &blob, &start);
        rc_put_format(&this->out, "<%s>",
                      found ? rc_text_size(rs_state_blob_size(this->state, blob), text)
                            : "a blob that is damaged");
        return RESUME_OK;
    }
    if (rc_is_packed(tag)) {
        this->reader = before;
        put_packed(this, tag);
        return RESUME_OK;
    }
    if (tag == TAG_ARRAY || tag == TAG_VIEW || tag == TAG_SCALAR || tag == TAG_DTYPE) {
        rc_put_array(&this->out, this->state, this->shares, tag, at_tag, before);
        return RESUME_OK;
    }
    if (rc_put_definition(&this->out, this->state, this->shares, tag, before)) return RESUME_OK;
    rs_cbor_reader elements = this->reader;
    rs_cbor_item list;
    if ((tag == TAG_SET || tag == TAG_FROZENSET) && content.kind == RS_CBOR_ARRAY &&
        content.argument == 4 && rs_cbor_next(&elements, &list, NULL) == RESUME_OK &&
        list.kind == RS_CBOR_ARRAY) { /* elements, then the table that decides their order */
        this->reader = elements;
        open_level(this, known->open, known->close, list.argument, false);
        return RESUME_OK;
    }
    if (tag == TAG_DEQUE && open_deque(this, known, &content)) return RESUME_OK;
    if (known && content.kind == RS_CBOR_ARRAY) {
        open_level(this, known->open, known->close, content.argument, known->pairs);
        return RESUME_OK;
    }
    this->reader = before;
    if (!known) rc_put_format(&this->out, "tag %" PRIu64, tag);
    open_level(this, known ? known->open : "(", known ? known->close : ")", 1, false);
    return RESUME_OK;
}

static resume_status put_head(printer *this, const rs_cbor_item *item, rs_error *error) {
    switch (item->kind) {
    case RS_CBOR_UNSIGNED:
    case RS_CBOR_NEGATIVE:
        put_integer(&this->out, item);
        break;
    case RS_CBOR_BYTES:
        rc_put_bytes(&this->out, item->bytes, (size_t)item->argument);
        break;
    case RS_CBOR_TEXT:
        put_text_quoted(&this->out, item->bytes, (size_t)item->argument);
        break;
    case RS_CBOR_ARRAY:
        open_level(this, "[", "]", item->argument, false);
        break;
    case RS_CBOR_MAP:
        open_level(this, "{", "}", 2 * item->argument, true);
        break;
    case RS_CBOR_TAG:
        return put_tagged(this, item, error);
    case RS_CBOR_SIMPLE:
        put_simple(&this->out, item);
        break;
    }
    return RESUME_OK;
}

/* The item is one of those that are being written: a cycle. */
static bool is_open(const printer *this, size_t start) {
    for (size_t i = 0; i < this->depth; i++)
        if (this->levels[i].start == start) return true;
    return false;
}

/* One item, or its beginning when it holds others. A reference is followed, and the walk comes back
 * behind it; only then, and behind a leaf, an item is skipped, so that no walk is long. */
static resume_status put_item(printer *this, rs_error *error) {
    rs_cbor_item item;
    rs_cbor_reader before = this->reader;
    bool elsewhere = false;
    resume_status status =
        rc_resolve(this->shares, this->state, &this->reader, &item, &elsewhere, error);
    if (status != RESUME_OK) return status;
    bool nested =
        item.kind == RS_CBOR_ARRAY || item.kind == RS_CBOR_MAP || item.kind == RS_CBOR_TAG;
    size_t depth = this->depth;
    if (nested && (depth == DEPTH_MAX || is_open(this, item.offset)))
        rc_put_text(&this->out, depth == DEPTH_MAX ? "..." : "[...]");
    else
        status = put_head(this, &item, error);
    if (status != RESUME_OK || this->out.full) return status;
    bool is_set =
        item.kind == RS_CBOR_TAG && (item.argument == TAG_SET || item.argument == TAG_FROZENSET);
    bool opened = this->depth > depth;
    rs_cbor_reader behind = before;
    if (!opened || elsewhere || is_set) status = rs_cbor_skip(&behind, error);
    if (opened) {
        this->levels[depth].start = item.offset;
        this->levels[depth].behind = behind.position == before.position ? 0 : behind.position;
    } else {
        this->reader = behind;
    }
    return status;
}

/* Until the one item is written or the text is full. */
static resume_status print(printer *this, rs_error *error) {
    resume_status status = put_item(this, error);
    while (status == RESUME_OK && this->depth > 0 && !this->out.full) {
        level *top = &this->levels[this->depth - 1];
        if (top->left == 0) {
            if (top->is_bounded)
                rc_put_format(&this->out, "], maxlen=%" PRIu64 ")", top->maxlen);
            else
                rc_put_text(&this->out, top->close);
            if (top->behind) this->reader.position = top->behind;
            this->depth--;
            continue;
        }
        if (top->index) rc_put_text(&this->out, top->pairs && top->index % 2 ? ": " : ", ");
        top->left--;
        top->index++;
        status = put_item(this, error);
    }
    return status;
}

resume_status rc_describe(const rs_state *state, rc_shares *shares, rs_cbor_reader *reader,
                          size_t text_max, rc_value *value, rs_error *error) {
    rs_cbor_reader start = *reader;
    value->type[0] = value->text[0] = 0;
    resume_status status = rs_cbor_skip(reader, error); /* well-formed to its end */
    if (status != RESUME_OK) return status;
    rc_sink type = {.to = value->type, .size = sizeof value->type};
    rc_put_type(&type, state, shares, start);
    value->type[type.used] = 0;
    printer this = {.state = state,
                    .shares = shares,
                    .reader = start,
                    .out = {.to = value->text,
                            .size = text_max < sizeof value->text ? text_max : sizeof value->text}};
    status = print(&this, error);
    value->text[this.out.used] = 0;
    return status;
}
