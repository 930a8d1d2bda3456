/* The named values of one generation: the outermost map of its object stream, docs/state.md. */
#include "command.h"

#include <string.h>

typedef struct walk {
    const rs_state *state;
    unsigned sections;
    rc_shares shares;
    rs_cbor_reader reader;
    size_t text_max;
    rc_visit visit;
    void *context;
    rc_value value;
} walk;

static resume_status read_value(walk *this, rs_cbor_reader *reader, rc_value *value,
                                rs_error *error) {
    return rc_describe(this->state, &this->shares, reader, this->text_max, value, error);
}

static void take_text(walk *this, const rs_cbor_item *text) {
    this->value.type[0] = 0;
    size_t size = text->argument < this->text_max ? (size_t)text->argument : this->text_max - 1;
    memcpy(this->value.text, text->bytes, size);
    this->value.text[size] = 0;
}

/* "entry" holds [digest, short text] instead of the value, "skipped" the reason as text. */
static resume_status read_text(walk *this, rs_error *error) {
    rs_cbor_item item;
    rs_cbor_reader look = this->reader;
    resume_status status = rs_cbor_next(&look, &item, error);
    if (status == RESUME_OK && item.kind == RS_CBOR_ARRAY && item.argument == 2) {
        status = rs_cbor_skip(&look, error);
        if (status == RESUME_OK) status = rs_cbor_next(&look, &item, error);
    }
    if (status != RESUME_OK) return status;
    if (item.kind != RS_CBOR_TEXT) return read_value(this, &this->reader, &this->value, error);
    take_text(this, &item);
    return rs_cbor_skip(&this->reader, error);
}

/* "tracked" holds [how, value]: the value is what is shown. */
static resume_status read_tracked(walk *this, rs_error *error) {
    rs_cbor_item pair;
    rs_cbor_reader look = this->reader;
    resume_status status = rs_cbor_next(&look, &pair, error);
    if (status == RESUME_OK && pair.kind == RS_CBOR_ARRAY && pair.argument == 2) {
        status = rs_cbor_skip(&look, error);
        if (status == RESUME_OK) status = read_value(this, &look, &this->value, error);
        return status == RESUME_OK ? rs_cbor_skip(&this->reader, error) : status;
    }
    return read_value(this, &this->reader, &this->value, error);
}

static resume_status read_named(walk *this, rc_section section, rs_error *error) {
    if (section == RC_ARGUMENT || section == RC_SKIPPED) return read_text(this, error);
    if (section == RC_TRACKED) return read_tracked(this, error);
    return read_value(this, &this->reader, &this->value, error);
}

static resume_status walk_map(walk *this, rc_section section, uint64_t count, rs_error *error) {
    resume_status status = RESUME_OK;
    for (uint64_t i = 0; status == RESUME_OK && i < count; i++) {
        rs_cbor_item key;
        rs_cbor_reader before = this->reader;
        status = rs_cbor_next(&this->reader, &key, error);
        rs_slice name = {"?", 1};
        if (status == RESUME_OK && key.kind == RS_CBOR_TEXT) {
            name = (rs_slice){key.bytes, (size_t)key.argument};
        } else if (status == RESUME_OK) {
            this->reader = before;
            status = rs_cbor_skip(&this->reader, error);
        }
        if (status == RESUME_OK) status = read_named(this, section, error);
        if (status == RESUME_OK) this->visit(this->context, section, name, &this->value);
    }
    return status;
}

/* "items": tuples (key, value), each a tag and an array of two, for keys that are no text. */
static resume_status walk_pairs(walk *this, rc_section section, uint64_t count, rs_error *error) {
    resume_status status = RESUME_OK;
    rc_value key;
    for (uint64_t i = 0; status == RESUME_OK && i < count; i++) {
        rs_cbor_item pair;
        rs_cbor_reader look = this->reader;
        status = rs_cbor_skip(&this->reader, error);
        do {
            if (status == RESUME_OK) status = rs_cbor_next(&look, &pair, error);
        } while (status == RESUME_OK && pair.kind == RS_CBOR_TAG);
        if (status != RESUME_OK || pair.kind != RS_CBOR_ARRAY || pair.argument != 2) continue;
        status = read_value(this, &look, &key, error);
        if (status == RESUME_OK) status = read_value(this, &look, &this->value, error);
        if (status == RESUME_OK)
            this->visit(this->context, section, (rs_slice){key.text, strlen(key.text)},
                        &this->value);
    }
    return status;
}

static resume_status walk_section(walk *this, rc_section section, rs_error *error) {
    rs_cbor_item head;
    rs_cbor_reader behind = this->reader;
    resume_status status = rs_cbor_skip(&behind, error);
    if (status != RESUME_OK) return status;
    if (section == RC_RESULT) {
        status = read_value(this, &this->reader, &this->value, error);
        if (status == RESUME_OK)
            this->visit(this->context, section, (rs_slice){"result", 6}, &this->value);
        return status;
    }
    status = rs_cbor_next(&this->reader, &head, error);
    if (status == RESUME_OK && head.kind == RS_CBOR_MAP)
        status = walk_map(this, section, head.argument, error);
    else if (status == RESUME_OK && head.kind == RS_CBOR_ARRAY)
        status = walk_pairs(this, section, head.argument, error);
    this->reader = behind;
    return status;
}

static resume_status walk_stream(walk *this, rs_error *error) {
    static const struct {
        const char *key;
        rc_section section;
    } sections[] = {{"entry", RC_ARGUMENT}, {"tracked", RC_TRACKED}, {"vars", RC_VARIABLE},
                    {"extra", RC_EXTRA},    {"items", RC_EXTRA},     {"skipped", RC_SKIPPED},
                    {"result", RC_RESULT}};
    const size_t count = sizeof sections / sizeof *sections;
    rs_cbor_item map, key;
    resume_status status = rs_cbor_next(&this->reader, &map, error);
    if (status == RESUME_OK && map.kind != RS_CBOR_MAP)
        return rs_fail(error, RESUME_UNSUPPORTED, "the object stream is no map of variables");
    for (uint64_t i = 0; status == RESUME_OK && i < map.argument; i++) {
        status = rs_cbor_next(&this->reader, &key, error);
        if (status != RESUME_OK) break;
        if (key.kind != RS_CBOR_TEXT)
            return rs_fail(error, RESUME_DAMAGED, "the object stream has a key that is no text");
        size_t s = 0;
        while (s < count && (strlen(sections[s].key) != key.argument ||
                             memcmp(sections[s].key, key.bytes, (size_t)key.argument) != 0))
            s++;
        bool wanted = s < count && (this->sections >> sections[s].section & 1);
        status = wanted ? walk_section(this, sections[s].section, error)
                        : rs_cbor_skip(&this->reader, error);
    }
    return status;
}

resume_status rc_contents_walk(const rs_state *state, unsigned sections, size_t text_max,
                               rc_visit visit, void *context, rs_error *error) {
    rs_slice stream = rs_state_stream(state);
    walk this = {.state = state,
                 .sections = sections,
                 .reader = rs_cbor_reader_over(stream.bytes, stream.size),
                 .text_max = text_max < RC_VALUE_SIZE ? text_max : RC_VALUE_SIZE,
                 .visit = visit,
                 .context = context};
    resume_status status = walk_stream(&this, error);
    rc_shares_release(&this.shares);
    return status;
}
