/* Blobs as maps of the file. */
#include "store/file_internal.h"

#include "base/arith.h"

#include <inttypes.h>

#define PAGE_SIZE 4096u
/* Each run of neighbouring chunks is a map of its own, of which a process has 65530. */
#define MAPS_MAX 256u

typedef struct mapping {
    rs_state *state;
    const rs_chunk_entry *entries;
    uint64_t count;
    uint8_t *to;
    uint64_t file_size; /* as it is now: beyond, touching a page ends the program */
    uint64_t maps, mapped;
} mapping;

/* Neighbours from `first` on that can be one map: the index behind the last. */
static uint64_t run_end(const mapping *all, uint64_t first) {
    const rs_chunk_entry *start = &all->entries[first];
    uint64_t chunk_size = all->state->file->header.chunk_size, end = first;
    uint64_t offset = start->offset;
    if (offset % PAGE_SIZE != 0 || chunk_size % PAGE_SIZE != 0 ||
        all->state->file->os->map == NULL || all->maps >= MAPS_MAX)
        return first;
    for (; end < all->count; end++) {
        const rs_chunk_entry *entry = &all->entries[end];
        if (entry->coding != RS_CHUNK_RAW || entry->offset != offset ||
            offset + entry->stored_size > all->file_size)
            break;
        offset += entry->stored_size;
    }
    return end;
}

static uint64_t size_of(const mapping *all, uint64_t first, uint64_t end) {
    return (end - first - 1) * all->state->file->header.chunk_size + all->entries[end - 1].raw_size;
}

static bool map_run(mapping *all, uint64_t first, uint64_t end) {
    const rs_file *file = all->state->file;
    uint64_t size = size_of(all, first, end);
    uint64_t pages = (size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    if (file->os->map(file->os, file->fd, all->to + first * file->header.chunk_size, (size_t)pages,
                      all->entries[first].offset) < 0)
        return false;
    all->maps++;
    all->mapped += size;
    return true;
}

static resume_status read_run(const mapping *all, uint64_t first, uint64_t end, rs_error *error) {
    resume_status status = rs_state_claim(all->state, size_of(all, first, end), error);
    if (status) return status;
    return rs_state_read_chunks(all->state, all->entries + first, end - first,
                                all->to + first * all->state->file->header.chunk_size, error);
}

/* Maps what can be, reads what lies between. */
static resume_status map_all(mapping *all, rs_error *error) {
    uint64_t unread = 0, at = 0; /* unread: where the chunks begin that are to be read */
    resume_status status = RESUME_OK;
    while (at < all->count && status == RESUME_OK) {
        bool is_zero = all->entries[at].coding == RS_CHUNK_ZERO; /* the pages are */
        uint64_t end = is_zero ? at + 1 : run_end(all, at);
        if (end == at || (!is_zero && !map_run(all, at, end))) {
            at++;
            continue;
        }
        if (unread < at) status = read_run(all, unread, at, error);
        unread = at = end;
    }
    if (unread < at && status == RESUME_OK) status = read_run(all, unread, at, error);
    return status;
}

resume_status rs_state_map_blob(rs_state *state, size_t index, void *to, uint64_t *mapped,
                                rs_error *error) {
    rs_file_info info;
    *mapped = 0;
    resume_status status = rs_state_check_epoch(state, error);
    if (status) return status;
    if (index >= state->table.blob_count)
        return rs_fail(error, RESUME_DAMAGED, "'%s': generation %" PRIu64 " has no blob %zu",
                       state->file->path, state->generation.number, index);
    const rs_blob_entry *blob = &state->table.blobs[index];
    mapping all = {.state = state,
                   .entries = state->table.entries + blob->first_chunk,
                   .count = blob->chunk_count,
                   .to = to};
    if (state->file->os->info(state->file->os, state->file->fd, &info) == 0)
        all.file_size = rs_minimum(info.size, state->file->size);
    status = map_all(&all, error);
    *mapped = all.mapped;
    if (status)
        rs_error_prefix(error, "generation %" PRIu64 ", array %zu", state->generation.number,
                        index);
    return status;
}
