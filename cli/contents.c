/* The named values of one generation: the outermost map of its object stream, docs/state.md. */
#include "describe.h"

#include <string.h>

typedef struct walk {
    const rs_state *state;
    unsigned sections;
    rc_shares shares;
    rs_cbor_reader reader;
    rc_visit_place visit;
    void *context;
} walk;

static resume_status visit(walk *this, rc_section section, rs_slice name, rs_cbor_reader value,
                           rs_error *error) {
    return this->visit(this->context, &this->shares, section, name, value, error);
}

/* "tracked" holds [how, value, settings]: the value is what is meant. */
static rs_cbor_reader behind_how(rs_cbor_reader tracked) {
    rs_cbor_item pair;
    rs_cbor_reader look = tracked;
    if (rs_cbor_next(&look, &pair, NULL) != RESUME_OK || pair.kind != RS_CBOR_ARRAY ||
        (pair.argument != 2 && pair.argument != 3) || rs_cbor_skip(&look, NULL) != RESUME_OK)
        return tracked;
    return look;
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
        rs_cbor_reader value = this->reader;
        if (status == RESUME_OK) status = rs_cbor_skip(&this->reader, error);
        if (section == RC_TRACKED) value = behind_how(value);
        if (status == RESUME_OK) status = visit(this, section, name, value, error);
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
        status = rc_describe(this->state, &this->shares, &look, RC_VALUE_SIZE, &key, error);
        if (status == RESUME_OK)
            status = visit(this, section, (rs_slice){key.text, strlen(key.text)}, look, error);
    }
    return status;
}

/* "frames": one value; each call in progress by its function, with its line. */
static resume_status walk_frames(walk *this, rs_cbor_reader reader, rs_error *error) {
    rs_cbor_item item;
    resume_status status = rc_resolve(&this->shares, this->state, &reader, &item, NULL, error);
    if (status != RESUME_OK || item.kind != RS_CBOR_TAG || item.argument != TAG_FRAMES)
        return status;
    int64_t count = rc_open_frames(&reader);
    for (int64_t i = 0; status == RESUME_OK && i < count; i++) {
        char text[400];
        rc_sink name = {.to = text, .size = sizeof text};
        rs_cbor_reader line;
        if (!rc_next_frame(this->state, &this->shares, &reader, &name, &line))
            return rs_fail(error, RESUME_DAMAGED, "a call in progress has no place");
        status = visit(this, RC_FRAME, (rs_slice){text, name.used}, line, error);
    }
    return status;
}

static resume_status walk_section(walk *this, rc_section section, rs_error *error) {
    rs_cbor_item head;
    rs_cbor_reader behind = this->reader;
    resume_status status = rs_cbor_skip(&behind, error);
    if (status != RESUME_OK) return status;
    if (section == RC_RESULT || section == RC_FRAME) {
        status = section == RC_FRAME
                     ? walk_frames(this, this->reader, error)
                     : visit(this, section, (rs_slice){"result", 6}, this->reader, error);
        this->reader = behind;
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
                    {"result", RC_RESULT},  {"frames", RC_FRAME}};
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

resume_status rc_contents_places(const rs_state *state, unsigned sections, rc_visit_place visit_one,
                                 void *context, rs_error *error) {
    rs_slice stream = rs_state_stream(state);
    walk this = {.state = state,
                 .sections = sections,
                 .reader = rs_cbor_reader_over(stream.bytes, stream.size),
                 .visit = visit_one,
                 .context = context};
    resume_status status = walk_stream(&this, error);
    rc_shares_release(&this.shares);
    return status;
}

/* ---- the same, each value as one line of text */

typedef struct describer {
    const rs_state *state;
    size_t text_max;
    rc_visit visit;
    void *context;
    rc_value value;
} describer;

/* "entry" holds [digest, short text] instead of the value, "skipped" the reason as text. */
static bool take_text(describer *this, rs_cbor_reader look) {
    rs_cbor_item item;
    if (rs_cbor_next(&look, &item, NULL) != RESUME_OK) return false;
    if (item.kind == RS_CBOR_ARRAY && item.argument == 2 &&
        (rs_cbor_skip(&look, NULL) != RESUME_OK || rs_cbor_next(&look, &item, NULL) != RESUME_OK))
        return false;
    if (item.kind != RS_CBOR_TEXT) return false;
    this->value.type[0] = 0;
    size_t size = item.argument < this->text_max ? (size_t)item.argument : this->text_max - 1;
    memcpy(this->value.text, item.bytes, size);
    this->value.text[size] = 0;
    return true;
}

static resume_status describe(void *context, rc_shares *shares, rc_section section, rs_slice name,
                              rs_cbor_reader value, rs_error *error) {
    describer *this = context;
    resume_status status = RESUME_OK;
    bool is_text = section >= RC_ARGUMENT && take_text(this, value);
    if (!is_text)
        status = rc_describe(this->state, shares, &value, this->text_max, &this->value, error);
    if (status == RESUME_OK) this->visit(this->context, section, name, &this->value);
    return status;
}

resume_status rc_contents_walk(const rs_state *state, unsigned sections, size_t text_max,
                               rc_visit visit_one, void *context, rs_error *error) {
    describer this = {.state = state,
                      .text_max = text_max < RC_VALUE_SIZE ? text_max : RC_VALUE_SIZE,
                      .visit = visit_one,
                      .context = context};
    return rc_contents_places(state, sections, describe, &this, error);
}
