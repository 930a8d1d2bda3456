/* The named values of one generation: the outermost map of its object stream, docs/state.md. */
#include "command.h"

#include <string.h>

typedef struct walk {
    const rs_state *state;
    rs_cbor_reader reader;
    size_t text_max;
    rc_visit visit;
    void *context;
    rc_value value;
} walk;

/* "entry" holds [digest, short text] instead of the value. */
static resume_status read_argument(walk *this, rs_error *error) {
    rs_cbor_item pair, text = {0};
    rs_cbor_reader look = this->reader;
    resume_status status = rs_cbor_next(&look, &pair, error);
    if (status == RESUME_OK) status = rs_cbor_skip(&look, error);
    if (status == RESUME_OK) status = rs_cbor_next(&look, &text, error);
    bool known = status == RESUME_OK && pair.kind == RS_CBOR_ARRAY && pair.argument == 2 &&
                 text.kind == RS_CBOR_TEXT;
    if (!known) return rc_describe(this->state, &this->reader, this->text_max, &this->value, error);
    this->value.type[0] = 0;
    size_t size = text.argument < this->text_max ? (size_t)text.argument : this->text_max - 1;
    memcpy(this->value.text, text.bytes, size);
    this->value.text[size] = 0;
    return rs_cbor_skip(&this->reader, error);
}

/* "tracked" holds [how, value]: the value is what is shown. */
static resume_status read_tracked(walk *this, rs_error *error) {
    rs_cbor_item pair;
    rs_cbor_reader look = this->reader;
    resume_status status = rs_cbor_next(&look, &pair, error);
    if (status == RESUME_OK && pair.kind == RS_CBOR_ARRAY && pair.argument == 2) {
        status = rs_cbor_skip(&look, error);
        if (status == RESUME_OK)
            status = rc_describe(this->state, &look, this->text_max, &this->value, error);
        return status == RESUME_OK ? rs_cbor_skip(&this->reader, error) : status;
    }
    return rc_describe(this->state, &this->reader, this->text_max, &this->value, error);
}

static resume_status walk_section(walk *this, rc_section section, rs_error *error) {
    rs_cbor_item map;
    rs_cbor_reader start = this->reader;
    resume_status status = rs_cbor_next(&this->reader, &map, error);
    if (status != RESUME_OK || map.kind != RS_CBOR_MAP) {
        this->reader = start;
        return status == RESUME_OK ? rs_cbor_skip(&this->reader, error) : status;
    }
    for (uint64_t i = 0; status == RESUME_OK && i < map.argument; i++) {
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
        if (status == RESUME_OK)
            status = section == RC_ARGUMENT  ? read_argument(this, error)
                     : section == RC_TRACKED ? read_tracked(this, error)
                                             : rc_describe(this->state, &this->reader,
                                                           this->text_max, &this->value, error);
        if (status == RESUME_OK) this->visit(this->context, section, name, &this->value);
    }
    return status;
}

resume_status rc_contents_walk(const rs_state *state, size_t text_max, rc_visit visit,
                               void *context, rs_error *error) {
    static const struct {
        const char *key;
        rc_section section;
    } sections[] = {{"entry", RC_ARGUMENT},
                    {"tracked", RC_TRACKED},
                    {"vars", RC_VARIABLE},
                    {"extra", RC_EXTRA}};
    rs_slice stream = rs_state_stream(state);
    walk this = {.state = state,
                 .reader = rs_cbor_reader_over(stream.bytes, stream.size),
                 .text_max = text_max < RC_VALUE_SIZE ? text_max : RC_VALUE_SIZE,
                 .visit = visit,
                 .context = context};
    rs_cbor_item map, key;
    resume_status status = rs_cbor_next(&this.reader, &map, error);
    if (status == RESUME_OK && map.kind != RS_CBOR_MAP)
        return rs_fail(error, RESUME_UNSUPPORTED, "the object stream is no map of variables");
    for (uint64_t i = 0; status == RESUME_OK && i < map.argument; i++) {
        status = rs_cbor_next(&this.reader, &key, error);
        if (status != RESUME_OK) break;
        if (key.kind != RS_CBOR_TEXT)
            return rs_fail(error, RESUME_DAMAGED, "the object stream has a key that is no text");
        size_t s = 0;
        while (s < 4 && (strlen(sections[s].key) != key.argument ||
                         memcmp(sections[s].key, key.bytes, (size_t)key.argument) != 0))
            s++;
        status = s < 4 ? walk_section(&this, sections[s].section, error)
                       : rs_cbor_skip(&this.reader, error);
    }
    return status;
}
