/* Verifying all chunks of a generation; what several of a file share is read once. */
#include "store/file_internal.h"

#include "base/alloc.h"

#include <inttypes.h>

struct rs_verified {
    rs_chunk_index *good;
};

void rs_verified_free(rs_verified *verified) {
    if (!verified) return;
    rs_chunk_index_free(verified->good);
    rs_free(verified);
}

resume_status rs_verified_new(rs_verified **verified, rs_error *error) {
    const rs_table none = {0};
    *verified = rs_allocate_zeroed(1, sizeof **verified);
    if (!*verified) return rs_fail(error, RESUME_NO_MEMORY, "no memory to verify chunks");
    resume_status status = rs_chunk_index_new(&none, &(*verified)->good, error);
    if (status == RESUME_OK) return RESUME_OK;
    rs_verified_free(*verified);
    *verified = NULL;
    return status;
}

/* The very same stored bytes: of two copies of one content, one may be good and the other not. */
static bool is_known(const rs_verified *verified, const rs_chunk_entry *entry) {
    if (!verified) return false;
    const rs_chunk_entry *known = rs_chunk_index_find(verified->good, entry->hash, entry->raw_size);
    return known && known->offset == entry->offset && known->stored_size == entry->stored_size &&
           known->coding == entry->coding && known->element_size == entry->element_size;
}

static bool is_to_be_read(const rs_verified *verified, const rs_chunk_entry *entry) {
    return entry->coding != RS_CHUNK_ZERO && !is_known(verified, entry);
}

resume_status rs_state_verify(rs_state *state, rs_verified *verified,
                              int (*progress)(void *context, uint64_t done, uint64_t total),
                              void *context, rs_error *error) {
    resume_status status = rs_state_check_epoch(state, error);
    if (status) return status;
    uint64_t total = 0, done = 0, raw_size = 0; /* at most 2^25 entries of 2^26 bytes */
    for (uint64_t i = 0; i < state->table.entry_count; i++) {
        if (!is_to_be_read(verified, &state->table.entries[i])) continue;
        total += state->table.entries[i].stored_size;
        raw_size += state->table.entries[i].raw_size;
    }
    status = rs_check_foreign(state, raw_size, error);
    if (status) return status;
    uint8_t *raw = rs_allocate(state->file->header.chunk_size);
    if (!raw) return rs_fail(error, RESUME_NO_MEMORY, "no memory to verify a chunk");
    for (uint64_t i = 0; i < state->table.entry_count && status == RESUME_OK; i++) {
        const rs_chunk_entry *entry = &state->table.entries[i];
        if (!is_to_be_read(verified, entry)) continue;
        status = rs_chunk_read(state->file, entry, raw, error);
        if (status == RESUME_OK && verified)
            status = rs_chunk_index_add(verified->good, entry, error);
        done += entry->stored_size;
        if (status == RESUME_OK && progress && progress(context, done, total)) break;
    }
    if (status) rs_error_prefix(error, "generation %" PRIu64, state->generation.number);
    rs_free(raw);
    return status;
}
