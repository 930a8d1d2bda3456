/* Whose a generation is: signing what is committed, judging what is read. docs/format.md section
 * "Signature". */
#include "store/file_internal.h"

#include "store/keys.h"

#include <inttypes.h>

const rs_key *rs_file_key(const rs_file *file) {
    const rs_keys *keys = file->folder->keys;
    return keys && keys->has_key ? &keys->key : NULL;
}

static bool is_proven(rs_signature signature) {
    return signature == RS_SIGNED_MINE || signature == RS_SIGNED_TRUSTED;
}

const rs_key *rs_file_key_for(const rs_file *file, rs_signature signature) {
    return is_proven(signature) ? rs_file_key(file) : NULL;
}

bool rs_file_is_own(const rs_file *file) {
    return !rs_file_key(file) || is_proven(file->signature);
}

const char *rs_signature_text(rs_signature signature) {
    static const char *const texts[] = {
        [RS_SIGNED_NOT] = "not signed",
        [RS_SIGNED_OTHER] = "signed with another key",
        [RS_SIGNED_WRONG] = "its signature does not match",
        [RS_SIGNED_MINE] = "signed with your key",
        [RS_SIGNED_TRUSTED] = "trusted",
    };
    return texts[signature];
}

rs_signature rs_state_signature(const rs_state *state) {
    return state->signature;
}

bool rs_state_is_mine(const rs_state *state) {
    return state->stream && is_proven(state->signature);
}

bool rs_state_is_foreign(const rs_state *state) {
    if (state->file->folder->lifts_limits) return false;
    if (rs_file_key(state->file)) return !is_proven(state->signature);
    return state->file->is_foreign;
}

static resume_status make_statement(const rs_state *state, rs_slice meta, rs_statement *statement,
                                    rs_error *error) {
    rs_buffer table = {0};
    rs_table_encode(&state->table, &table);
    if (!table.failed)
        *statement = (rs_statement){
            .header = state->file->header_digest,
            .generation = state->generation.number,
            .flags = state->generation.flags,
            .meta = rs_digest_of(meta.bytes, meta.size),
            .table = rs_digest_of(table.bytes, table.size),
            .stream = state->end.stream,
        };
    bool failed = table.failed;
    rs_buffer_release(&table);
    return failed ? rs_fail(error, RESUME_NO_MEMORY, "no memory for a chunk table") : RESUME_OK;
}

resume_status rs_state_judge(rs_state *state, rs_slice meta, rs_error *error) {
    const rs_key *key = rs_file_key(state->file);
    const rs_end *end = &state->end;
    bool is_signed = end->is_known && end->algorithm != RS_END_UNSIGNED;
    state->signature = is_signed ? RS_SIGNED_OTHER : RS_SIGNED_NOT;
    bool is_named = is_signed && key && memcmp(end->key_id, key->id, sizeof key->id) == 0;
    bool may_be_trusted = end->is_known && key && state->file->folder->keys->trusted_count > 0;
    if (!is_named && !may_be_trusted) return RESUME_OK;
    rs_statement statement;
    resume_status status = make_statement(state, meta, &statement, error);
    if (status) return status;
    if (is_named) {
        rs_mac mac = rs_mac_of(key, RS_MAC_SAVED, &statement);
        state->signature = rs_mac_equal(&mac, &end->mac) ? RS_SIGNED_MINE : RS_SIGNED_WRONG;
    }
    if (may_be_trusted && state->signature != RS_SIGNED_MINE) {
        rs_mac mac = rs_mac_of(key, RS_MAC_TRUSTED, &statement);
        if (rs_keys_trust(state->file->folder->keys, &mac)) state->signature = RS_SIGNED_TRUSTED;
    }
    return RESUME_OK;
}

resume_status rs_state_trust_mac(const rs_state *state, rs_mac *mac, rs_error *error) {
    const rs_key *key = rs_file_key(state->file);
    rs_slice stream = rs_state_stream(state);
    rs_statement statement;
    if (!key || !state->stream)
        return rs_fail(error, RESUME_MISUSE, "there is no key, or the stream was not read");
    rs_digest digest = rs_digest_of(stream.bytes, stream.size);
    if (!state->end.is_known || !rs_digest_equal(&digest, &state->end.stream))
        return rs_fail(error, RESUME_UNTRUSTED,
                       "generation %" PRIu64
                       " of '%s' is not what its writer has put into it: its digest does not match",
                       state->generation.number, state->file->path);
    rs_slice meta = {state->meta_bytes.bytes, state->meta_bytes.size};
    resume_status status = make_statement(state, meta, &statement, error);
    if (status == RESUME_OK) *mac = rs_mac_of(key, RS_MAC_TRUSTED, &statement);
    return status;
}

void rs_state_judge_stream(rs_state *state) {
    if (!is_proven(state->signature)) return;
    rs_slice stream = rs_state_stream(state);
    rs_digest digest = rs_digest_of(stream.bytes, stream.size);
    if (!rs_digest_equal(&digest, &state->end.stream)) state->signature = RS_SIGNED_WRONG;
}
