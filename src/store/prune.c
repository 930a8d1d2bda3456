/* Which generations of a file stay: by a policy, and by what verifies. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"

/* --- choosing --- */

static resume_status fill(rs_file *file, bool with_times, rs_keep_item *items, rs_error *error) {
    size_t count = file->generation_count;
    for (size_t i = 0; i < count; i++) {
        rs_generation *generation = &file->generations[count - 1 - i];
        items[i] = (rs_keep_item){.is_mark = rs_generation_is_mark(generation)};
        if (!with_times) continue;
        resume_status status = rs_generation_read_time(file, generation, error);
        if (status && !rs_is_bad_content(status)) return status;
        items[i].is_bad = status != RESUME_OK;
        items[i].saved_ns = generation->saved_ns;
    }
    return RESUME_OK;
}

/* Reads all of it, but what is known to be good. */
static resume_status verify(rs_file *file, size_t index, rs_verified *good, rs_error *error) {
    rs_state *state = NULL;
    resume_status status =
        rs_state_load_tables(file, rs_file_generation(file, index), &state, error);
    if (status == RESUME_OK) status = rs_state_verify(state, good, NULL, NULL, error);
    rs_state_free(state);
    return status;
}

/* *again: something is bad, and another one may take its place. */
static resume_status verify_kept(rs_file *file, size_t must, rs_verified *good, rs_keep_item *items,
                                 bool *again, rs_error *error) {
    *again = false;
    for (size_t i = 0; i < file->generation_count; i++) {
        if (!items[i].kept || items[i].verified) continue;
        resume_status status = verify(file, i, good, error);
        if (status && (i == must || !rs_is_bad_content(status))) return status;
        items[i].verified = status == RESUME_OK;
        items[i].is_bad = status != RESUME_OK;
        *again = *again || items[i].is_bad;
    }
    return RESUME_OK;
}

static resume_status choose(rs_file *file, const rs_keep *keep, size_t must, bool verifies,
                            rs_keep_item *items, rs_error *error) {
    bool again = true;
    rs_verified *good = NULL;
    resume_status status = verifies ? rs_verified_new(&good, error) : RESUME_OK;
    if (status == RESUME_OK) status = fill(file, rs_keep_needs_times(keep), items, error);
    while (status == RESUME_OK && again) {
        items[must].is_bad = false; /* if it is, that is an error and no choice */
        rs_keep_choose(keep, items, file->generation_count);
        items[must].kept = true;
        again = false;
        if (verifies) status = verify_kept(file, must, good, items, &again, error);
    }
    rs_verified_free(good);
    if (status == RESUME_OK) rs_error_clear(error);
    return status;
}

resume_status rs_kept_choose(rs_file *file, const rs_keep *keep, size_t must, bool verifies,
                             rs_keep_item **items, rs_error *error) {
    *items = rs_allocate_zeroed(file->generation_count, sizeof **items);
    if (!*items) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a list of generations");
    resume_status status = choose(file, keep, must, verifies, *items, error);
    if (status == RESUME_OK) return status;
    rs_free(*items);
    *items = NULL;
    return status;
}

/* --- measuring --- */

static bool find_places(rs_file *file, const rs_chunk_entry *entry, rs_patch *patch) {
    if (entry->coding == RS_CHUNK_PATCHED)
        return rs_patch_read(file, entry, patch, NULL) == RESUME_OK;
    rs_patch_begin(entry, patch);
    return true;
}

/* What a copy of the chunk takes beside one of `other`: of two patches of one base, or one and its
 * base, the pages in which they differ. */
static uint64_t size_beside(rs_file *file, const rs_chunk_entry *entry,
                            const rs_chunk_entry *other) {
    rs_patch ours, theirs;
    uint64_t size = 0, whole = rs_minimum(entry->stored_size, entry->raw_size);
    if (!other || other->raw_size != entry->raw_size || !rs_known_pages_fit(entry->raw_size) ||
        (entry->coding != RS_CHUNK_PATCHED && other->coding != RS_CHUNK_PATCHED))
        return whole;
    if (!find_places(file, entry, &ours) || !find_places(file, other, &theirs) ||
        ours.base.offset != theirs.base.offset)
        return whole;
    for (size_t i = 0; i < rs_page_count(entry->raw_size); i++)
        if (ours.places[i] != theirs.places[i]) size += RS_PAGE_SIZE;
    return rs_minimum(size, whole);
}

static const rs_blob_entry *find_blob(const rs_table *table, uint64_t number) {
    return number < table->blob_count ? &table->blobs[number] : NULL;
}

/* Adds the chunks of a table that are not counted yet. */
static resume_status add_table(rs_file *file, const rs_table *table, rs_chunk_index *seen,
                               uint64_t *size, rs_error *error) {
    *size += 2 * RS_BLOCK_SIZE + table->entry_count * RS_CHUNK_ENTRY_SIZE;
    for (uint64_t b = 0; b < table->blob_count; b++) {
        const rs_blob_entry *blob = &table->blobs[b], *beside = find_blob(&file->table, b);
        for (uint64_t c = 0; c < blob->chunk_count; c++) {
            const rs_chunk_entry *entry = &table->entries[blob->first_chunk + c];
            if (entry->coding == RS_CHUNK_ZERO) continue;
            if (rs_chunk_index_find(seen, entry->hash, entry->raw_size)) continue;
            resume_status status = rs_chunk_index_add(seen, entry, error);
            if (status) return status;
            bool has_other = table != &file->table && beside && c < beside->chunk_count;
            *size += size_beside(file, entry,
                                 has_other ? &file->table.entries[beside->first_chunk + c] : NULL);
        }
    }
    return RESUME_OK;
}

static resume_status add_generation(rs_file *file, size_t index, rs_chunk_index *seen,
                                    uint64_t *size, rs_error *error) {
    rs_state *state;
    resume_status status =
        rs_state_load_tables(file, rs_file_generation(file, index), &state, error);
    if (rs_is_bad_content(status)) return RESUME_OK; /* it will not be copied */
    if (status) return status;
    status = add_table(file, &state->table, seen, size, error);
    rs_state_free(state);
    return status;
}

resume_status rs_kept_measure(rs_file *file, const rs_keep_item *items, uint64_t *size,
                              rs_error *error) {
    static const rs_table nothing;
    rs_chunk_index *seen = NULL;
    *size = RS_SEGMENTS_START;
    resume_status status = rs_chunk_index_new(&nothing, &seen, error);
    if (status == RESUME_OK) status = add_table(file, &file->table, seen, size, error);
    for (size_t i = 1; items && status == RESUME_OK && i < file->generation_count; i++)
        if (items[i].kept) status = add_generation(file, i, seen, size, error);
    rs_chunk_index_free(seen);
    return status;
}

/* --- for others --- */

resume_status rs_file_choose(rs_file *file, const rs_keep *keep, bool verifies, rs_keep_item *items,
                             uint64_t *size, rs_error *error) {
    if (size) *size = 0;
    if (file->generation_count == 0)
        return rs_fail(error, RESUME_MISUSE, "'%s': nothing is saved yet", file->path);
    resume_status status = choose(file, keep, 0, verifies, items, error);
    return status || !size ? status : rs_kept_measure(file, items, size, error);
}
