/* Two values of the object stream, side by side: the first place where they differ, and how many.
 *
 * Nothing is built. Depth and work are bounded, whatever the bytes are: references are followed, so
 * that a hostile stream of a few bytes can stand for a tree without end. */
#include "diff.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>

#define DEPTH_MAX 32u
#define KEY_SIZE  60u

typedef enum shape {
    KIND_LEAF,  /* described, and compared as bytes */
    KIND_ARRAY, /* memory with elements */
    KIND_LIST,  /* items */
    KIND_DICT,  /* key, value, key, value */
} shape;

/* What stands at a place. */
typedef struct seen {
    shape kind;
    uint64_t form;         /* CBOR kind, or 100 + tag: another one is another type */
    rs_cbor_reader start;  /* of the value, behind marks and references */
    rs_cbor_reader inside; /* of its first item */
    uint64_t count;
    size_t offset; /* of its head in the stream */
} seen;

/* What the items of an object are called in a path. */
typedef enum naming {
    NAME_ITEMS,   /* [0], ['key'] */
    NAME_PARTS,   /* of an INSTANCE: its class, its state */
    NAME_REDUCED, /* of an INSTANCE: callable, arguments, items, pairs, state, setter */
    NAME_PAIRS,   /* an array of keys and values: ['key'] */
    NAME_STATE,   /* a dict of attributes: .x; or a tuple of two such dicts */
    NAME_STATES,  /* of that tuple */
} naming;

typedef struct level {
    rs_cbor_reader a, b;
    uint64_t left, index;
    bool pairs;
    naming naming;
    bool more_a, more_b; /* items that the other has not */
    size_t path_used;
    size_t offset_a, offset_b;
} level;

typedef struct walk {
    rc_side *a, *b;
    rc_diff_budget *budget;
    rc_change *change;
    level levels[DEPTH_MAX];
    size_t depth;
    char path[RC_DIFF_PATH_SIZE];
    size_t path_used;
} walk;

/* ---- what stands there */

/* The tags whose content is an array of the items. */
static bool has_items(uint64_t tag, bool *pairs) {
    *pairs = tag == TAG_DICT || tag == TAG_ORDERED_DICT || tag == TAG_COUNTER;
    return *pairs || tag == TAG_TUPLE;
}

static void look_into_tag(seen *found, uint64_t tag) {
    rs_cbor_reader look = found->inside;
    rs_cbor_item content, list;
    bool pairs;
    found->form = 100 + tag;
    if (tag == TAG_GLOBAL) return;
    if (tag == TAG_ARRAY || tag == TAG_VIEW || tag == TAG_BYTEARRAY || tag == TAG_ARRAY_ARRAY ||
        tag == TAG_BLOB || rc_is_packed(tag)) {
        found->kind = KIND_ARRAY;
        if (tag == TAG_VIEW) found->form = 100 + TAG_ARRAY;
        if (tag == TAG_BLOB) found->form = RS_CBOR_BYTES;
        return;
    }
    if (rs_cbor_next(&look, &content, NULL) != RESUME_OK) return;
    if (tag == TAG_BIG_POSITIVE || tag == TAG_BIG_NEGATIVE) found->form = RS_CBOR_UNSIGNED;
    if (tag == TAG_SURROGATES) found->form = RS_CBOR_TEXT;
    if (content.kind != RS_CBOR_ARRAY || tag == TAG_SCALAR || tag == TAG_COMPLEX) return;
    found->kind = KIND_LIST;
    found->inside = look;
    found->count = content.argument;
    if (has_items(tag, &pairs) && pairs) {
        found->kind = KIND_DICT;
        found->count /= 2;
    }
    bool is_set = tag == TAG_SET || tag == TAG_FROZENSET; /* elements, then their table */
    if (is_set && rs_cbor_next(&look, &list, NULL) == RESUME_OK && list.kind == RS_CBOR_ARRAY) {
        found->inside = look;
        found->count = list.argument;
    }
}

static resume_status look(rc_side *side, rs_cbor_reader at, seen *found, rs_error *error) {
    rs_cbor_item item;
    *found = (seen){.inside = at};
    resume_status status =
        rc_resolve(&side->values.shares, side->values.state, &found->inside, &item, NULL, error);
    if (status != RESUME_OK) return status;
    found->start = found->inside;
    found->start.position = item.offset;
    found->offset = item.offset;
    found->form = item.kind == RS_CBOR_NEGATIVE ? RS_CBOR_UNSIGNED : item.kind;
    if (item.kind == RS_CBOR_SIMPLE && item.width == 0 && item.argument != RS_CBOR_TRUE)
        found->form = item.argument == RS_CBOR_FALSE ? 90 + RS_CBOR_TRUE : 60 + item.argument;
    else if (item.kind == RS_CBOR_SIMPLE && item.width == 0)
        found->form = 90 + RS_CBOR_TRUE;
    found->count = item.argument;
    if (item.kind == RS_CBOR_BYTES && item.argument > 64) found->kind = KIND_ARRAY;
    if (item.kind == RS_CBOR_ARRAY) found->kind = KIND_LIST;
    if (item.kind == RS_CBOR_MAP) found->kind = KIND_DICT;
    if (item.kind == RS_CBOR_TAG) look_into_tag(found, item.argument);
    return RESUME_OK;
}

static bool is_list(const seen *found) {
    return found->form == RS_CBOR_ARRAY || rc_is_packed(found->form - 100);
}

static bool is_dict(const seen *found) {
    return found->form == RS_CBOR_MAP || found->form == 100 + TAG_DICT;
}

/* Lists of numbers are packed or not, dicts stand in one of two forms: one type all the same. */
static bool same_type(const seen *x, const seen *y) {
    return x->form == y->form || (is_list(x) && is_list(y)) || (is_dict(x) && is_dict(y));
}

/* ---- what is told */

static void put_type(rc_side *side, const seen *found, char type[160]) {
    rc_sink out = {.to = type, .size = 160};
    rc_put_type(&out, side->values.state, &side->values.shares, found->start);
    type[out.used] = 0;
}

static void put_value(rc_side *side, rs_cbor_reader at, char *to, size_t to_size) {
    rc_value value;
    to[0] = 0;
    if (rc_describe(side->values.state, &side->values.shares, &at, 120, &value, NULL) == RESUME_OK)
        snprintf(to, to_size, "%.300s", value.text);
}

/* The first difference is told. */
static bool note(walk *this, rc_change_kind kind, const seen *x, const seen *y) {
    rc_change *change = this->change;
    bool first = change->kind == RC_SAME || change->kind == RC_RESIZED;
    change->differences++;
    if (!first) return false;
    change->kind = kind;
    snprintf(change->path, sizeof change->path, "%s", this->path);
    put_type(this->a, x, change->type_before);
    put_type(this->b, y, change->type_after);
    put_value(this->a, x->start, change->before, sizeof change->before);
    put_value(this->b, y->start, change->after, sizeof change->after);
    return true;
}

static void push_path(walk *this, const char *before, const char *text, const char *after) {
    size_t room = sizeof this->path - this->path_used;
    int size = snprintf(this->path + this->path_used, room, "%s%s%s", before, text, after);
    if (size > 0) this->path_used += rs_minimum((size_t)size, room - 1);
}

/* The text of a str as it is described, without its quotes, when it may be the name of an
 * attribute. */
static bool is_name(char *text) {
    size_t size = strlen(text);
    if (size < 3 || text[0] != '\'' || text[size - 1] != '\'') return false;
    for (size_t i = 1; i < size - 1; i++) {
        unsigned char c = (unsigned char)text[i];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!letter && c != '_' && c < 128 && (i == 1 || c < '0' || c > '9')) return false;
    }
    text[size - 1] = 0;
    return true;
}

static void push_key(walk *this, rc_side *side, rs_cbor_reader key, bool is_attribute) {
    rc_value value;
    if (rc_describe(side->values.state, &side->values.shares, &key, KEY_SIZE, &value, NULL) !=
        RESUME_OK)
        snprintf(value.text, sizeof value.text, "?");
    if (is_attribute && is_name(value.text))
        push_path(this, ".", value.text + 1, "");
    else
        push_path(this, "[", value.text, "]");
}

static void push_index(walk *this, uint64_t index) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, index);
    push_path(this, "[", text, "]");
}

/* The parts of an object; what is in most of them is called like parts of the object itself. */
static naming push_part(walk *this, const level *top) {
    static const struct {
        const char *text;
        naming inside;
    } parts[] = {{" (its class)", NAME_ITEMS},
                 {"(...)", NAME_ITEMS},
                 {"", NAME_ITEMS},
                 {"", NAME_PAIRS},
                 {"", NAME_STATE},
                 {" (its setter)", NAME_ITEMS}};
    if (top->naming == NAME_STATES) return NAME_STATE;
    uint64_t part = top->index;
    if (top->naming == NAME_PARTS && part == 1) part = 4;
    if (part >= sizeof parts / sizeof parts[0]) return NAME_ITEMS;
    push_path(this, "", parts[part].text, "");
    return parts[part].inside;
}

static naming push_place(walk *this, const level *top) {
    if (top->naming != NAME_ITEMS) return push_part(this, top);
    push_index(this, top->index);
    return NAME_ITEMS;
}

static void pop_path(walk *this, size_t used) {
    this->path_used = used;
    this->path[used] = 0;
}

static bool spend(walk *this, uint64_t *budget, uint64_t size) {
    if (size <= *budget) {
        *budget -= size;
        return true;
    }
    *budget = 0;
    this->change->incomplete = true;
    return false;
}

/* The outermost place where the lengths differ, and what the longer one has more. */
static void note_length(walk *this, const seen *x, const seen *y) {
    rc_change *change = this->change;
    change->differences++;
    if (change->kind == RC_SAME) change->kind = RC_RESIZED;
    if (change->resized) return;
    change->resized = true;
    change->length_before = x->count;
    change->length_after = y->count;
    snprintf(change->resized_path, sizeof change->resized_path, "%s", this->path);
}

/* ---- leaves and arrays */

static resume_status compare_leaves(walk *this, const seen *x, const seen *y, rs_error *error) {
    rs_cbor_reader end_x = x->start, end_y = y->start;
    resume_status status = rs_cbor_skip(&end_x, error);
    if (status == RESUME_OK) status = rs_cbor_skip(&end_y, error);
    if (status != RESUME_OK) return status;
    size_t size = end_x.position - x->start.position;
    if (!spend(this, &this->budget->stream, size)) return RESUME_OK;
    bool same =
        size == end_y.position - y->start.position &&
        memcmp(x->start.bytes + x->start.position, y->start.bytes + y->start.position, size) == 0;
    if (!same) note(this, RC_CHANGED, x, y);
    return RESUME_OK;
}

static bool same_shape(const rc_array *x, const rc_array *y) {
    return x->dimensions == y->dimensions &&
           memcmp(x->shape, y->shape, x->dimensions * sizeof *x->shape) == 0;
}

static bool same_dtype(const rc_dtype *x, const rc_dtype *y) {
    return x->item_size == y->item_size && x->descr.size == y->descr.size &&
           memcmp(x->descr.bytes, y->descr.bytes, x->descr.size) == 0;
}

/* Element `index` of an array of one dimension, as text. */
static void put_element(rc_side *side, const rc_array *array, uint64_t index, char *to,
                        size_t to_size) {
    rs_buffer text = {0};
    rc_array_walk one;
    rs_error ignored = {0};
    const uint8_t *bytes;
    size_t size = 0;
    rc_array element = *array;
    element.offset = (uint64_t)((int64_t)array->offset + (int64_t)index * array->strides[0]);
    element.elements = element.shape[0] = 1;
    element.source.window = NULL; /* of its own: small */
    element.source.window_size = 0;
    if (element.dtype.leaf_count == 1 && !element.dtype.record &&
        rc_array_walk_start(&side->values, &element, &one, &ignored) == RESUME_OK &&
        rc_array_walk_next(&side->values, &one, (size_t)element.dtype.item_size, &bytes, &size,
                           &ignored) == RESUME_OK &&
        size > 0)
        rc_leaf_text(element.dtype.leaves, bytes, 0, 0, &text);
    snprintf(to, to_size, "%.*s", (int)rs_minimum(text.size, 100),
             text.size ? (const char *)text.bytes : "");
    rs_free(element.source.window);
    rs_buffer_release(&text);
}

static void note_array_length(walk *this, const rc_array *x, const rc_array *y) {
    rc_change *change = this->change;
    seen old = {.count = x->elements}, new = {.count = y->elements};
    bool first = !change->resized, grows = y->elements > x->elements;
    uint64_t index = rs_minimum(x->elements, y->elements);
    char text[RC_DIFF_TEXT_SIZE / 2];
    note_length(this, &old, &new);
    if (!first) return;
    put_element(grows ? this->b : this->a, grows ? y : x, index, text, sizeof text);
    snprintf(change->extra, sizeof change->extra, "[%" PRIu64 "] %s: %s", index,
             grows ? "added" : "removed", text);
}

/* One dtype; of one shape, or of one dimension. */
static resume_status compare_elements(walk *this, const seen *before, rc_array *x,
                                      const seen *after, rc_array *y, rs_error *error) {
    rc_numbers numbers;
    rc_change *change = this->change;
    uint64_t elements = rs_minimum(x->elements, y->elements), size;
    if (rs_multiply_overflows(elements, 2 * x->dtype.item_size, &size)) size = UINT64_MAX;
    if (!spend(this, &this->budget->arrays, size)) return RESUME_OK;
    resume_status status = rc_numbers_compare(this->a, x, this->b, y, elements, &numbers, error);
    if (status != RESUME_OK) return status;
    if (!same_shape(x, y)) note_array_length(this, x, y);
    if (numbers.changed && note(this, RC_CHANGED, before, after)) {
        change->is_numbers = true;
        change->numbers = numbers;
        change->dimensions = x->dimensions;
        memcpy(change->shape, x->shape, sizeof x->shape);
    }
    return RESUME_OK;
}

/* Lists that are no arrays on one of the sides: told as they are. */
static resume_status compare_arrays(walk *this, const seen *before, const seen *after,
                                    rs_error *error) {
    rc_array x = {0}, y = {0};
    resume_status status = rc_array_open(&this->a->values, before->start, &x, error);
    if (status == RESUME_OK) status = rc_array_open(&this->b->values, after->start, &y, error);
    if (status == RESUME_OK) {
        bool lines = x.dimensions == 1 && y.dimensions == 1;
        bool alike = same_dtype(&x.dtype, &y.dtype) && (same_shape(&x, &y) || lines);
        if (alike)
            status = compare_elements(this, before, &x, after, &y, error);
        else
            note(this, RC_RETYPED, before, after);
    } else if (status == RESUME_UNSUPPORTED) {
        rs_error_clear(error);
        status = compare_leaves(this, before, after, error);
    }
    rc_array_release(&x);
    rc_array_release(&y);
    return status;
}

/* ---- the walk */

static bool is_open(const walk *this, const seen *x, const seen *y) {
    for (size_t i = 0; i < this->depth; i++)
        if (this->levels[i].offset_a == x->offset && this->levels[i].offset_b == y->offset)
            return true;
    return false;
}

/* How the items of a value are called that is called `outer` itself. */
static naming naming_of(const seen *found, naming outer) {
    if (found->form == 100 + TAG_INSTANCE && found->count == 2) return NAME_PARTS;
    if (found->form == 100 + TAG_INSTANCE && found->count == 6) return NAME_REDUCED;
    bool is_state = outer == NAME_STATE;
    if (is_state && found->form == 100 + TAG_TUPLE && found->count == 2) return NAME_STATES;
    return is_state && is_dict(found) ? NAME_STATE : NAME_ITEMS;
}

static resume_status open_level(walk *this, const seen *x, const seen *y, naming outer,
                                rs_error *error) {
    if (is_open(this, x, y)) return RESUME_OK; /* a cycle on both sides */
    if (this->depth == DEPTH_MAX) {
        this->change->incomplete = true;
        return compare_leaves(this, x, y, error);
    }
    if (x->count != y->count) note_length(this, x, y);
    this->levels[this->depth++] = (level){
        .a = x->inside,
        .b = y->inside,
        .left = rs_minimum(x->count, y->count),
        .more_a = x->count > y->count,
        .more_b = y->count > x->count,
        .pairs = x->kind == KIND_DICT,
        .naming = naming_of(x, outer),
        .path_used = this->path_used,
        .offset_a = x->offset,
        .offset_b = y->offset,
    };
    return RESUME_OK;
}

static void as_pairs(seen *found) {
    if (found->form != RS_CBOR_ARRAY) return;
    found->kind = KIND_DICT;
    found->count /= 2;
}

static resume_status compare_values(walk *this, rs_cbor_reader before, rs_cbor_reader after,
                                    naming outer, rs_error *error) {
    seen x, y;
    resume_status status = look(this->a, before, &x, error);
    if (status == RESUME_OK) status = look(this->b, after, &y, error);
    if (status != RESUME_OK) return status;
    bool is_instance = x.form == 100 + TAG_INSTANCE && x.count != y.count;
    if (!same_type(&x, &y) || is_instance) {
        note(this, RC_RETYPED, &x, &y);
        return RESUME_OK;
    }
    if (outer == NAME_PAIRS) as_pairs(&x), as_pairs(&y);
    if (x.kind == KIND_ARRAY || y.kind == KIND_ARRAY) return compare_arrays(this, &x, &y, error);
    if (x.kind == KIND_LEAF || y.kind == KIND_LEAF || x.kind != y.kind)
        return compare_leaves(this, &x, &y, error);
    return open_level(this, &x, &y, outer, error);
}

/* What the longer side has more, once the rest was compared. */
static void close_level(walk *this) {
    level *top = &this->levels[--this->depth];
    rc_change *change = this->change;
    pop_path(this, top->path_used);
    bool told = change->extra[0] || strcmp(change->resized_path, this->path) != 0;
    if (!(top->more_a || top->more_b) || told) return;
    rc_side *side = top->more_a ? this->a : this->b;
    rs_cbor_reader at = top->more_a ? top->a : top->b;
    char text[RC_DIFF_TEXT_SIZE / 2];
    size_t used = this->path_used;
    if (top->pairs) {
        push_key(this, side, at, top->naming == NAME_STATE);
        if (rs_cbor_skip(&at, NULL) != RESUME_OK) return;
    } else {
        push_index(this, top->index);
    }
    put_value(side, at, text, sizeof text);
    snprintf(change->extra, sizeof change->extra, "%.120s %s: %s", this->path + used,
             top->more_a ? "removed" : "added", text);
    pop_path(this, used);
}

/* Two keys: false when they differ, and the rest of the two dicts can't be paired. */
static resume_status compare_keys(walk *this, level *top, bool *same, rs_error *error) {
    uint64_t before = this->change->differences;
    seen x, y;
    resume_status status = look(this->a, top->a, &x, error);
    if (status == RESUME_OK) status = look(this->b, top->b, &y, error);
    size_t used = this->path_used;
    push_path(this, "", " key", "");
    if (status == RESUME_OK) status = compare_leaves(this, &x, &y, error);
    pop_path(this, used);
    *same = this->change->differences == before;
    if (*same) push_key(this, this->a, top->a, top->naming == NAME_STATE);
    if (status == RESUME_OK) status = rs_cbor_skip(&top->a, error);
    if (status == RESUME_OK) status = rs_cbor_skip(&top->b, error);
    return status;
}

static resume_status step(walk *this, rs_error *error) {
    level *top = &this->levels[this->depth - 1];
    resume_status status = RESUME_OK;
    pop_path(this, top->path_used);
    if (top->left == 0) {
        close_level(this);
        return RESUME_OK;
    }
    size_t from_a = top->a.position, from_b = top->b.position;
    bool same = true;
    naming inside = NAME_ITEMS;
    if (top->pairs)
        status = compare_keys(this, top, &same, error);
    else
        inside = push_place(this, top);
    rs_cbor_reader a = top->a, b = top->b;
    if (status == RESUME_OK) status = rs_cbor_skip(&top->a, error);
    if (status == RESUME_OK) status = rs_cbor_skip(&top->b, error);
    if (status != RESUME_OK) return status;
    top->left--;
    top->index++;
    uint64_t size = top->a.position - from_a + (top->b.position - from_b);
    bool goes_on = same && spend(this, &this->budget->stream, size);
    if (!goes_on) {
        top->left = 0;
        top->more_a = top->more_b = false;
        return RESUME_OK;
    }
    return compare_values(this, a, b, inside, error);
}

resume_status rc_diff_values(rc_side *a, rs_cbor_reader before, rc_side *b, rs_cbor_reader after,
                             rc_diff_budget *budget, rc_change *change, rs_error *error) {
    walk this = {.a = a, .b = b, .budget = budget, .change = change};
    *change = (rc_change){0};
    resume_status status = compare_values(&this, before, after, NAME_ITEMS, error);
    while (status == RESUME_OK && this.depth > 0)
        status = step(&this, error);
    if (change->kind == RC_SAME && change->incomplete) change->kind = RC_INCOMPLETE;
    return status;
}
