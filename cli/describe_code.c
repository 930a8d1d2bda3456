/* Functions and classes as text: by their names; what is said of their code is for programs. */
#include "describe.h"

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

bool rc_put_definition(rc_sink *out, const rs_state *state, rc_shares *shares, uint64_t tag,
                       rs_cbor_reader look) {
    size_t used = out->used;
    bool is_global = tag == TAG_GLOBAL;
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
