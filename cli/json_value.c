/* `--format json`: values as plain JSON, with what JSON lacks as objects of one key "$...".
 *
 * docs/command.md, part "JSON of values". The walk has a stack of its own: depth costs memory, a
 * few bytes a level, and no recursion. */
#include "json_writer.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <stdlib.h>

#define LEVELS_MAX  (1u << 24)
#define INLINE_SIZE 64u /* shorter texts and numbers are repeated and not referred to */

/* ---- marks and references */

static bool bit(const uint8_t *bits, uint64_t index) {
    return bits[index / 8] >> index % 8 & 1;
}

static void set_bit(uint8_t *bits, uint64_t index) {
    bits[index / 8] |= (uint8_t)(1u << index % 8);
}

/* Which marks are referred to: only these get an "$id". */
static resume_status find_references(rc_json_writer *this, rs_error *error) {
    rs_cbor_reader look;
    rc_shares *shares = &this->export->shares;
    if (!rc_shares_find(shares, this->export->state, 0, &look)) return RESUME_OK;
    this->mark_count = shares->count;
    this->referenced = rs_allocate_zeroed(this->mark_count / 8 + 1, 1);
    this->written = rs_allocate_zeroed(this->mark_count / 8 + 1, 1);
    if (!this->referenced || !this->written)
        return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    look.position = 0;
    rs_cbor_item item;
    bool is_reference = false;
    while (rs_cbor_next(&look, &item, NULL) == RESUME_OK) {
        if (is_reference && item.kind == RS_CBOR_UNSIGNED && item.argument < this->mark_count)
            set_bit(this->referenced, item.argument);
        is_reference = item.kind == RS_CBOR_TAG && item.argument == TAG_REFERENCE;
    }
    return RESUME_OK;
}

/* The number of the mark whose content stands at `position`. */
static uint64_t mark_at(const rc_json_writer *this, size_t position) {
    const size_t *places = this->export->shares.places;
    size_t low = 0, high = this->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (places[middle] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < this->mark_count && places[low] == position ? low : UINT64_MAX;
}

/* Written each time anew, since who it is does not matter. */
static bool is_small(const rs_cbor_item *item) {
    if (item->kind == RS_CBOR_TEXT || item->kind == RS_CBOR_BYTES)
        return item->argument <= INLINE_SIZE;
    return item->kind == RS_CBOR_UNSIGNED || item->kind == RS_CBOR_NEGATIVE ||
           item->kind == RS_CBOR_SIMPLE;
}

/* ---- values */

static resume_status open_level(rc_json_writer *this, rc_json_level opened, rs_error *error) {
    if (this->depth == this->room) {
        size_t room = this->room ? 2 * this->room : 64;
        rc_json_level *levels =
            room <= LEVELS_MAX ? rs_reallocate_array(this->levels, room, sizeof *levels) : NULL;
        if (!levels) return rs_fail(error, RESUME_NO_MEMORY, "no memory for values nested so deep");
        this->levels = levels;
        this->room = room;
    }
    rc_json_put(this, opened.shape == OBJECT ? "{" : "[");
    this->levels[this->depth++] = opened;
    return RESUME_OK;
}

/* The key of a value that JSON has no form for; NULL when the tag is not known. */
static const char *tag_key(uint64_t tag) {
    static const struct {
        uint64_t tag;
        const char *key;
    } keys[] = {
        {30, "$fraction"},
        {37, "$uuid"},
        {1004, "$date"},
        {TAG_TUPLE, "$tuple"},
        {TAG_DICT, "$dict"},
        {TAG_SET, "$set"},
        {TAG_FROZENSET, "$frozenset"},
        {39258, "$range"},
        {39259, "$slice"},
        {TAG_COMPLEX, "$complex"},
        {39266, "$seed_sequence"},
        {39267, "$bit_generator"},
        {39268, "$generator"},
        {39269, "$random_state"},
        {39270, "$random"},
        {39271, "$time"},
        {39272, "$datetime"},
        {39273, "$timedelta"},
        {39274, "$timezone"},
        {39292, "$masked"},
        {39293, "$memmap"},
        {39294, "$zone"},
        {39296, "$tensor"},
        {39275, "$decimal"},
        {39276, "$path"},
        {TAG_DEQUE, "$deque"},
        {TAG_ORDERED_DICT, "$ordered_dict"},
        {TAG_COUNTER, "$counter"},
        {TAG_DEFAULT_DICT, "$default_dict"},
        {39282, "$global"},
        {39283, "$instance"},
        {39284, "$buffer"},
        {39285, "$opaque"},
        {39286, "$function"},
        {39287, "$cell"},
        {39288, "$class"},
        {39289, "$method"},
        {39295, "$code"},
        {39290, "$iterator"},
        {39291, "$file"},
        {TAG_FRAMES, "$frames"},
        {TAG_RUNNER, "$runner"},
        {39299, "$traceback"},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].tag == tag) return keys[i].key;
    return NULL;
}

static bool is_leaf_tag(uint64_t tag) {
    return tag == TAG_BIG_POSITIVE || tag == TAG_BIG_NEGATIVE || tag == TAG_SURROGATES ||
           tag == TAG_CONSTANT || tag == TAG_BYTEARRAY || tag == TAG_BLOB || tag == TAG_ARRAY ||
           tag == TAG_VIEW || tag == TAG_SCALAR || tag == TAG_DTYPE || tag == TAG_ARRAY_ARRAY ||
           rc_is_packed(tag);
}

/* A value that is written as one piece. `value`: where it begins, `look`: behind its tag. */
static resume_status put_leaf_tag(rc_json_writer *this, uint64_t tag, rs_cbor_reader value,
                                  rs_cbor_reader look, rs_error *error) {
    rs_cbor_item content;
    rc_dtype dtype;
    if (rc_is_packed(tag)) return rc_json_put_array(this, value, NULL, error);
    if (tag == TAG_ARRAY || tag == TAG_VIEW) return rc_json_put_array(this, value, "$array", error);
    if (tag == TAG_SCALAR) return rc_json_put_array(this, value, "$scalar", error);
    if (tag == TAG_ARRAY_ARRAY) return rc_json_put_array(this, value, "$array_array", error);
    if (tag == TAG_BLOB) return rc_json_put_bytes(this, value, "$bytes", error);
    if (tag == TAG_BYTEARRAY) return rc_json_put_bytes(this, value, "$bytearray", error);
    if (tag == TAG_DTYPE) {
        if (!rc_dtype_read(&look, &dtype)) {
            rc_json_put_left_out(this, "a dtype that is not known");
            return RESUME_OK;
        }
        rc_json_put(this, "{\"$dtype\":");
        rc_json_put_descr(this, &dtype);
        rc_json_put(this, "}");
        rc_dtype_release(&dtype);
        return RESUME_OK;
    }
    resume_status status = rs_cbor_next(&look, &content, error);
    if (status != RESUME_OK) return status;
    if (tag == TAG_SURROGATES && content.kind == RS_CBOR_BYTES)
        rc_json_put_text(this, content.bytes, (size_t)content.argument);
    else if (tag == TAG_CONSTANT)
        rc_json_put(this, content.argument ? "{\"$constant\":\"NotImplemented\"}"
                                           : "{\"$constant\":\"Ellipsis\"}");
    else if (tag != TAG_SURROGATES && content.kind == RS_CBOR_BYTES)
        rc_json_put_big(this, tag == TAG_BIG_NEGATIVE, content.bytes, (size_t)content.argument);
    else
        rc_json_put_left_out(this, "a value that is damaged");
    return RESUME_OK;
}

/* A value with others in it, behind its tag: the head of the array that holds them is read. */
static resume_status open_tag(rc_json_writer *this, uint64_t tag, rc_json_level opened,
                              rs_error *error) {
    const char *key = tag_key(tag);
    rs_cbor_item list;
    bool pairs = tag == TAG_DICT || tag == TAG_ORDERED_DICT || tag == TAG_COUNTER;
    bool set = tag == TAG_SET || tag == TAG_FROZENSET;
    rs_cbor_reader look = this->reader;
    bool is_list = rs_cbor_next(&look, &list, NULL) == RESUME_OK && list.kind == RS_CBOR_ARRAY;
    opened.named = true;
    if (key && is_list && set && list.argument == 4) { /* elements, then the hash table */
        is_list = rs_cbor_next(&look, &list, NULL) == RESUME_OK && list.kind == RS_CBOR_ARRAY;
        opened.skipped = 3;
    }
    if (key && is_list && (!pairs || list.argument % 2 == 0)) {
        rc_append_format(&this->out, "{\"%s\":", key);
        this->reader = look;
        opened.left = list.argument;
        opened.shape = pairs ? PAIRS : ITEMS;
        return open_level(this, opened, error);
    }
    opened.skipped = 0;
    opened.left = 1; /* its content, whatever it is, as a list of one */
    if (key)
        rc_append_format(&this->out, "{\"%s\":", key);
    else
        rc_append_format(&this->out, "{\"$tag_%" PRIu64 "\":", tag);
    return open_level(this, opened, error);
}

static resume_status put_simple(rc_json_writer *this, const rs_cbor_item *item) {
    double number;
    if (rs_cbor_item_double(item, &number))
        rc_json_put_double(this, number);
    else if (item->argument == RS_CBOR_NULL)
        rc_json_put(this, "null");
    else if (item->argument == RS_CBOR_TRUE || item->argument == RS_CBOR_FALSE)
        rc_json_put(this, item->argument == RS_CBOR_TRUE ? "true" : "false");
    else
        rc_json_put_left_out(this, "it could not be saved");
    return RESUME_OK;
}

/* The value whose head is `item`, the reader behind it. What holds others is opened only. */
static resume_status put_head(rc_json_writer *this, const rs_cbor_item *item, rs_cbor_reader value,
                              rc_json_level opened, rs_error *error) {
    switch (item->kind) {
    case RS_CBOR_UNSIGNED:
        rc_json_put_integer(this, false, item->argument);
        return RESUME_OK;
    case RS_CBOR_NEGATIVE:
        if (item->argument == UINT64_MAX)
            rc_json_put(this, "{\"$int\":\"-18446744073709551616\"}");
        else
            rc_json_put_integer(this, true, item->argument + 1);
        return RESUME_OK;
    case RS_CBOR_BYTES:
        return rc_json_put_bytes(this, value, "$bytes", error);
    case RS_CBOR_TEXT:
        rc_json_put_text(this, item->bytes, (size_t)item->argument);
        return RESUME_OK;
    case RS_CBOR_ARRAY:
        opened.left = item->argument;
        return open_level(this, opened, error);
    case RS_CBOR_MAP:
        opened.left = 2 * item->argument;
        opened.shape = OBJECT;
        return open_level(this, opened, error);
    case RS_CBOR_TAG:
        if (!is_leaf_tag(item->argument)) return open_tag(this, item->argument, opened, error);
        return put_leaf_tag(this, item->argument, value, this->reader, error);
    case RS_CBOR_SIMPLE:
        return put_simple(this, item);
    }
    return RESUME_OK;
}

/* Where the value of the mark or reference at the reader is, and who it is. */
typedef struct meant {
    rs_cbor_item item;    /* its head */
    rs_cbor_reader value; /* before it */
    uint64_t mark;        /* UINT64_MAX: none */
    bool elsewhere, unknown;
} meant;

/* Follows marks and references up to the value; the reader stands behind its head. */
static resume_status find_meant(rc_json_writer *this, meant *found, rs_error *error) {
    *found = (meant){.mark = UINT64_MAX};
    for (int hops = 0;; hops++) {
        found->value = this->reader;
        resume_status status = rs_cbor_next(&this->reader, &found->item, error);
        if (status != RESUME_OK || found->item.kind != RS_CBOR_TAG) return status;
        if (found->item.argument == TAG_LIST) continue;
        if (found->item.argument == TAG_SHARED) {
            found->mark = mark_at(this, this->reader.position);
            if (hops > 100) found->unknown = true;
            if (found->unknown) return RESUME_OK;
            continue;
        }
        if (found->item.argument != TAG_REFERENCE) return RESUME_OK;
        rs_cbor_item number;
        status = rs_cbor_next(&this->reader, &number, error);
        if (status != RESUME_OK) return status;
        found->unknown =
            hops > 100 || number.kind != RS_CBOR_UNSIGNED || number.argument >= this->mark_count;
        if (found->unknown) return RESUME_OK;
        found->mark = number.argument;
        found->elsewhere = true;
        this->reader.position = this->export->shares.places[number.argument];
    }
}

/* One value, or its beginning when it holds others; then the reader is inside it. */
static resume_status put_value(rc_json_writer *this, rs_error *error) {
    rs_cbor_reader before = this->reader, behind = before;
    meant found;
    size_t depth = this->depth;
    rc_json_level opened = {0};
    resume_status status = find_meant(this, &found, error);
    if (status != RESUME_OK) return status;
    bool is_known = found.mark != UINT64_MAX && !is_small(&found.item);
    bool is_again = is_known && bit(this->written, found.mark);
    if (found.unknown) {
        rc_json_put_left_out(this, "a reference to nothing");
    } else if (is_again) {
        rc_append_format(&this->out, "{\"$ref\":%" PRIu64 "}", found.mark);
    } else {
        opened.wrapped = is_known && bit(this->referenced, found.mark);
        if (is_known) set_bit(this->written, found.mark);
        if (opened.wrapped)
            rc_append_format(&this->out, "{\"$id\":%" PRIu64 ",\"$value\":", found.mark);
        status = put_head(this, &found.item, found.value, opened, error);
    }
    bool is_open = this->depth > depth;
    if (status == RESUME_OK && (!is_open || found.elsewhere)) status = rs_cbor_skip(&behind, error);
    if (is_open) {
        if (found.elsewhere) this->levels[depth].behind = behind.position;
    } else {
        if (opened.wrapped) rc_json_put(this, "}");
        this->reader = behind;
    }
    return status;
}

/* A key of an object: text as it is, "$" doubled where it is the first; an integer behind "$". */
static resume_status put_key(rc_json_writer *this, rs_error *error) {
    rs_cbor_reader behind = this->reader;
    meant found;
    rc_value described;
    resume_status status = rs_cbor_skip(&behind, error);
    rs_cbor_reader before = this->reader;
    if (status == RESUME_OK) status = find_meant(this, &found, error);
    if (status != RESUME_OK) return status;
    if (found.item.kind == RS_CBOR_TEXT) {
        size_t size = (size_t)found.item.argument;
        if (size && found.item.bytes[0] == '$') {
            rc_json_put(this, "\"$");
            rs_buffer rest = {0};
            rc_append_json_text(&rest, found.item.bytes, size);
            rs_buffer_append(&this->out, rest.bytes + 1, rest.size ? rest.size - 1 : 0);
            this->out.failed |= rest.failed;
            rs_buffer_release(&rest);
        } else {
            rc_json_put_text(this, found.item.bytes, size);
        }
    } else {
        status = rc_describe(this->export->state, &this->export->shares, &before, 200, &described,
                             error);
        rc_json_put(this, "\"$");
        rs_buffer rest = {0};
        rc_append_json_text(&rest, described.text, strlen(described.text));
        rs_buffer_append(&this->out, rest.bytes + 1, rest.size ? rest.size - 1 : 0);
        this->out.failed |= rest.failed;
        rs_buffer_release(&rest);
    }
    rc_json_put(this, ":");
    this->reader = behind;
    return status;
}

static resume_status close_level(rc_json_writer *this, rs_error *error) {
    rc_json_level *top = &this->levels[--this->depth];
    resume_status status = RESUME_OK;
    rc_json_put(this, top->shape == OBJECT ? "}" : "]");
    if (top->named) rc_json_put(this, "}");
    if (top->wrapped) rc_json_put(this, "}");
    for (unsigned i = 0; status == RESUME_OK && i < top->skipped; i++)
        status = rs_cbor_skip(&this->reader, error);
    if (top->behind) this->reader.position = top->behind;
    return status;
}

static resume_status put_next(rc_json_writer *this, rs_error *error) {
    rc_json_level *top = &this->levels[this->depth - 1];
    bool first_of_pair = top->left % 2 == 0;
    rc_json_shape shape = (rc_json_shape)top->shape;
    top->left--;
    if (shape == PAIRS) rc_json_put(this, first_of_pair ? (top->some ? "],[" : "[") : ",");
    if (shape == OBJECT && first_of_pair) {
        if (top->some) rc_json_put(this, ",");
        top->some = true;
        return put_key(this, error);
    }
    if (shape == ITEMS && top->some) rc_json_put(this, ",");
    top->some = true;
    return put_value(this, error);
}

static resume_status put_item(rc_json_writer *this, const rc_item *item, rs_error *error) {
    this->reader = item->value;
    this->item = item->name;
    resume_status status = put_value(this, error);
    while (status == RESUME_OK && this->depth > 0 && !this->output->failed) {
        rc_json_level *top = &this->levels[this->depth - 1];
        if (top->left > 0) {
            status = put_next(this, error);
            continue;
        }
        if (top->shape == PAIRS && top->some) rc_json_put(this, "]");
        status = close_level(this, error);
    }
    if (status == RESUME_OK && this->out.failed)
        status = rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    return status;
}

/* ---- the whole */

static void put_summary(rc_json_writer *this) {
    const rc_export *export = this->export;
    const rs_meta *meta = rs_state_meta(export->state);
    char name[4 * RS_FILE_NAME_SIZE], saved[RC_TEXT_SIZE];
    rc_text_name(RC_ESCAPE_JSON, export->opened->place.file_name, name, sizeof name);
    rc_append_format(&this->out,
                     "{\"schema\":%d,\"command\":\"export\",\n\"name\":", RC_JSON_SCHEMA);
    rc_json_put_literal(this, name);
    rc_append_format(&this->out, ",\"generation\":%" PRIu64 ",\"saved\":",
                     rs_file_generation(export->opened->file, export->opened->index)->number);
    if (meta->saved_ns > 0)
        rc_json_put_literal(this, rc_text_time_json(meta->saved_ns, saved));
    else
        rc_json_put(this, "null");
}

static resume_status put_section(rc_json_writer *this, rc_section section, const char *key,
                                 rs_error *error) {
    resume_status status = RESUME_OK;
    bool some = false;
    rc_append_format(&this->out, ",\n\"%s\":{", key);
    for (size_t i = 0; status == RESUME_OK && i < this->export->item_count; i++) {
        const rc_item *item = &this->export->items[i];
        if (item->section != section) continue;
        rc_json_put(this, some ? ",\n" : "\n");
        rc_json_put_literal(this, item->name + item->name_start);
        rc_json_put(this, ":");
        status = put_item(this, item, error);
        some = true;
    }
    rc_json_put(this, "}");
    return status;
}

resume_status rc_export_json(rc_export *export, rc_output *output, rs_error *error) {
    rc_json_writer this = {.export = export, .output = output};
    resume_status status = find_references(&this, error);
    put_summary(&this);
    if (status == RESUME_OK) status = put_section(&this, RC_VARIABLE, "variables", error);
    if (status == RESUME_OK) status = put_section(&this, RC_EXTRA, "extra", error);
    if (status == RESUME_OK) status = put_section(&this, RC_TRACKED, "tracked", error);
    for (size_t i = 0; status == RESUME_OK && i < export->item_count; i++) {
        if (export->items[i].section != RC_RESULT) continue;
        rc_json_put(&this, ",\n\"result\":");
        status = put_item(&this, &export->items[i], error);
    }
    rc_json_put(&this, "}\n");
    rc_json_flush(&this);
    if (status == RESUME_OK && this.out.failed)
        status = rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    rs_buffer_release(&this.out);
    rs_buffer_release(&this.scratch);
    rs_free(this.levels);
    rs_free(this.referenced);
    rs_free(this.written);
    return status;
}
