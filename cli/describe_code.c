/* Functions, classes and where calls in progress stand, as text: by their names; what is said of
 * their code is for programs. */
#include "describe.h"

#include <inttypes.h>

/* "module.name" of the two texts at the reader. */
static bool put_names(rc_sink *out, rs_cbor_reader *reader) {
    rs_cbor_item module, name;
    if (rs_cbor_next(reader, &module, NULL) != RESUME_OK || module.kind != RS_CBOR_TEXT ||
        rs_cbor_next(reader, &name, NULL) != RESUME_OK || name.kind != RS_CBOR_TEXT)
        return false;
    rc_put(out, module.bytes, (size_t)module.argument);
    rc_put_text(out, ".");
    rc_put(out, name.bytes, (size_t)name.argument);
    return true;
}

static bool next_array(rs_cbor_reader *reader) {
    rs_cbor_item item;
    return rs_cbor_next(reader, &item, NULL) == RESUME_OK && item.kind == RS_CBOR_ARRAY &&
           item.argument >= 2;
}

/* The code of a function may stand elsewhere, with a mark. */
static bool find_code(const rs_state *state, rc_shares *shares, rs_cbor_reader *reader) {
    rs_cbor_item item;
    return rc_resolve(shares, state, reader, &item, NULL, NULL) == RESUME_OK &&
           item.kind == RS_CBOR_TAG && item.argument == TAG_CODE;
}

int64_t rc_open_frames(rs_cbor_reader *reader) {
    rs_cbor_item parts, heads;
    if (rs_cbor_next(reader, &parts, NULL) != RESUME_OK || parts.kind != RS_CBOR_ARRAY) return -1;
    if (parts.argument == 0) return 0;
    bool good = rs_cbor_next(reader, &heads, NULL) == RESUME_OK && heads.kind == RS_CBOR_ARRAY &&
                heads.argument <= INT32_MAX;
    return good ? (int64_t)heads.argument : -1;
}

bool rc_next_frame(const rs_state *state, rc_shares *shares, rs_cbor_reader *reader, rc_sink *name,
                   rs_cbor_reader *line) {
    rs_cbor_reader look = *reader, code;
    if (rs_cbor_skip(reader, NULL) != RESUME_OK || !next_array(&look)) return false;
    code = look;
    if (!find_code(state, shares, &code) || !next_array(&code) || !put_names(name, &code))
        return false;
    *line = look;
    return rs_cbor_skip(line, NULL) == RESUME_OK;
}

/* "sim.main, line 20 > sim.relax, line 12" */
static bool put_frames(rc_sink *out, const rs_state *state, rc_shares *shares,
                       rs_cbor_reader reader) {
    int64_t count = rc_open_frames(&reader);
    rs_cbor_item number;
    rs_cbor_reader line;
    if (count == 0) rc_put_text(out, "ended");
    for (int64_t i = 0; i < count && !out->full; i++) {
        if (i > 0) rc_put_text(out, " > ");
        if (!rc_next_frame(state, shares, &reader, out, &line) ||
            rs_cbor_next(&line, &number, NULL) != RESUME_OK || number.kind != RS_CBOR_UNSIGNED)
            return false;
        rc_put_format(out, ", line %" PRIu64, number.argument);
    }
    return count >= 0;
}

static bool put_stand(rc_sink *out, const rs_state *state, rc_shares *shares, uint64_t tag,
                      rs_cbor_reader look) {
    size_t used = out->used;
    rc_put_text(out, tag == TAG_RUNNER ? "<generator " : "<");
    if (put_frames(out, state, shares, look)) {
        rc_put_text(out, ">");
        return true;
    }
    out->used = used;
    return false;
}

bool rc_put_definition(rc_sink *out, const rs_state *state, rc_shares *shares, uint64_t tag,
                       rs_cbor_reader look) {
    size_t used = out->used;
    bool is_global = tag == TAG_GLOBAL;
    if (tag == TAG_FRAMES || tag == TAG_RUNNER) return put_stand(out, state, shares, tag, look);
    if (!is_global && tag != TAG_FUNCTION && tag != TAG_CLASS) return false;
    if (!next_array(&look)) return false;
    if (tag == TAG_FUNCTION && (!find_code(state, shares, &look) || !next_array(&look)))
        return false;
    if (!is_global) rc_put_text(out, tag == TAG_CLASS ? "<class " : "<function ");
    if (put_names(out, &look)) {
        if (!is_global) rc_put_text(out, ">");
        return true;
    }
    out->used = used;
    return false;
}
