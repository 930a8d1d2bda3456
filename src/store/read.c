/* Reading one generation: its records, its table, its object stream, its blobs. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- records of one segment, verified by the digest of its trailer --- */

typedef struct segment_read_in {
    rs_place place;
    rs_buffer bytes; /* self-verifying: everything before the trailer; ordered: header, records */
    size_t records;  /* where they begin in `bytes` */
    rs_slice meta, table, end;
    bool table_is_delta;
    rs_delta_info delta;
    const char *problem; /* of the records together, the first */
} segment_read_in;

static void segment_release(segment_read_in *segment) {
    rs_buffer_release(&segment->bytes);
}

resume_status rs_file_bad(const rs_file *file, uint64_t offset, rs_error *error, const char *what) {
    return rs_fail_at(error, RESUME_DAMAGED, 0, offset, "'%s': %s at byte %" PRIu64, file->path,
                      what, offset);
}

const char *rs_error_behind_generation(const rs_error *error, uint64_t generation) {
    char prefix[40];
    int size = snprintf(prefix, sizeof prefix, "generation %" PRIu64 ": ", generation);
    return error->text + (strncmp(error->text, prefix, (size_t)size) == 0 ? size : 0);
}

static resume_status read_into(rs_file *file, rs_buffer *buffer, uint64_t size, uint64_t offset,
                               rs_error *error) {
    if (!rs_buffer_reserve(buffer, size))
        return rs_fail(error, RESUME_NO_MEMORY, "no memory to read %" PRIu64 " bytes of '%s'", size,
                       file->path);
    uint8_t *to = buffer->bytes + buffer->size;
    resume_status status = rs_file_read_at(file, to, (size_t)size, offset, error);
    if (status == RESUME_OK) buffer->size += (size_t)size;
    return status;
}

/* Reads what the digest covers and compares. */
static resume_status read_verified(rs_file *file, segment_read_in *segment, rs_error *error) {
    const rs_generation *generation = &segment->place.generation;
    const rs_segment_header *header = &segment->place.header;
    uint64_t offset = generation->segment_offset;
    uint64_t records = RS_SEGMENT_HEADER_SIZE + header->data_size;
    resume_status status;
    if (generation->flags & RS_SEGMENT_SELF_VERIFYING) {
        if (generation->segment_size > RS_SELF_VERIFYING_SIZE_MAX)
            return rs_file_bad(file, offset, error, "a self-verifying segment of more than 1 MiB");
        status = read_into(file, &segment->bytes, generation->segment_size - RS_TRAILER_SIZE,
                           offset, error);
        segment->records = (size_t)records;
    } else {
        status = read_into(file, &segment->bytes, RS_SEGMENT_HEADER_SIZE, offset, error);
        if (status == RESUME_OK)
            status =
                read_into(file, &segment->bytes, header->records_size, offset + records, error);
        segment->records = RS_SEGMENT_HEADER_SIZE;
    }
    if (status) return status;
    rs_hash128 digest = rs_hash128_of(segment->bytes.bytes, segment->bytes.size,
                                      rs_place_seed(&file->header.uuid, offset));
    if (!rs_hash128_equal(digest, segment->place.digest))
        return rs_file_bad(file, offset, error, "the digest does not match the segment");
    return RESUME_OK;
}

static resume_status take_record(rs_file *file, segment_read_in *segment, const rs_record *record,
                                 rs_error *error) {
    uint64_t offset = segment->place.generation.segment_offset;
    switch (record->type) {
    case RS_RECORD_META:
        if (segment->meta.bytes) segment->problem = "two META records";
        segment->meta = record->payload;
        return RESUME_OK;
    case RS_RECORD_TABLE:
    case RS_RECORD_DELTA:
        if (segment->table.bytes) segment->problem = "two chunk tables";
        segment->table = record->payload;
        segment->table_is_delta = record->type == RS_RECORD_DELTA;
        return RESUME_OK;
    case RS_RECORD_END:
        segment->end = record->payload;
        return RESUME_OK;
    default:
        if ((record->flags & RS_RECORD_REQUIRED) == 0) return RESUME_OK;
        return rs_fail_at(error, RESUME_UNSUPPORTED, 0, offset,
                          "'%s': generation %" PRIu64 " needs a record of type %" PRIu32
                          " that this version of resume does not know; install a newer resume",
                          file->path, segment->place.generation.number, record->type);
    }
}

static resume_status read_records(rs_file *file, segment_read_in *segment, rs_error *error) {
    const uint8_t *bytes = segment->bytes.bytes + segment->records;
    size_t size = (size_t)segment->place.header.records_size, position = 0;
    uint64_t offset = segment->place.generation.segment_offset;
    rs_record record = {0};
    while (record.type != RS_RECORD_END) {
        resume_status status = rs_record_read(bytes, size, &position, &record, error);
        if (status == RESUME_OK) status = take_record(file, segment, &record, error);
        if (status) return status;
    }
    /* Only now: a record that must be known is refused before anything is taken for damage. */
    if (!segment->problem && position != size) segment->problem = "records after END";
    if (!segment->problem && (!segment->meta.bytes || !segment->table.bytes))
        segment->problem = "no META or no chunk table in the segment";
    if (segment->problem) return rs_file_bad(file, offset, error, segment->problem);
    return segment->table_is_delta ? rs_delta_info_decode(segment->table, &segment->delta, error)
                                   : RESUME_OK;
}

static resume_status segment_read(rs_file *file, uint64_t offset, segment_read_in *segment,
                                  rs_error *error) {
    bool found;
    resume_status status = rs_place_at_segment(file, offset, &segment->place, &found, NULL, error);
    if (status) return status;
    if (!found) return rs_file_bad(file, offset, error, "no committed segment");
    status = read_verified(file, segment, error);
    if (status == RESUME_OK) status = read_records(file, segment, error);
    return status;
}

/* --- the table, through the chain of deltas --- */

/* Chunks lie before the commit trailer of the segment whose table names them. */
static resume_status decode_table(rs_file *file, const segment_read_in *segment,
                                  const rs_table *base, rs_table *table, rs_error *error) {
    uint64_t limit = segment->place.generation.commit_offset;
    return segment->table_is_delta
               ? rs_delta_decode(segment->table, base, file->header.chunk_size, limit, table, error)
               : rs_table_decode(segment->table, file->header.chunk_size, limit, table, error);
}

/* chain[0] is read; reads the segments that its table builds on, newest first. Each has one depth
 * less than the one before, and the first at most RS_DELTA_DEPTH_MAX, as decoding it has checked.
 */
static resume_status read_chain(rs_file *file, segment_read_in *chain, size_t *length,
                                rs_error *error) {
    *length = 1;
    for (segment_read_in *newest = chain; newest->table_is_delta; newest++) {
        uint64_t base = newest->delta.base_segment;
        uint64_t offset = newest->place.generation.segment_offset;
        if (base >= offset)
            return rs_file_bad(file, offset, error, "a chunk table with a wrong base");
        resume_status status = segment_read(file, base, newest + 1, error);
        ++*length;
        if (status) return status;
        uint32_t depth = newest[1].table_is_delta ? newest[1].delta.depth : 0;
        if (depth + 1 != newest->delta.depth)
            return rs_file_bad(file, offset, error, "a chunk table of wrong depth");
    }
    return RESUME_OK;
}

static resume_status resolve_table(rs_file *file, segment_read_in *chain, rs_table *table,
                                   rs_error *error) {
    size_t length;
    rs_table base = {0};
    resume_status status = read_chain(file, chain, &length, error);
    for (size_t i = length; status == RESUME_OK && i-- > 0;) {
        rs_table next = {0};
        status = decode_table(file, &chain[i], &base, &next, error);
        rs_table_release(&base);
        base = next;
    }
    if (status) {
        rs_table_release(&base);
        return status;
    }
    *table = base;
    return RESUME_OK;
}

resume_status rs_table_copy(const rs_table *from, rs_table *to, rs_error *error) {
    size_t blobs_size = (size_t)from->blob_count * sizeof *from->blobs;
    size_t entries_size = (size_t)from->entry_count * sizeof *from->entries;
    rs_table copy = {.blob_count = from->blob_count, .entry_count = from->entry_count};
    copy.blobs = rs_duplicate(from->blobs, blobs_size);
    copy.entries = rs_duplicate(from->entries, entries_size);
    if (!copy.blobs || !copy.entries) {
        rs_table_release(&copy);
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for a chunk table");
    }
    *to = copy;
    return RESUME_OK;
}

/* --- states --- */

static resume_status read_blob(rs_state *state, const rs_blob_entry *blob, void *to,
                               rs_error *error) {
    return rs_state_read_chunks(state, state->table.entries + blob->first_chunk, blob->chunk_count,
                                to, error);
}

static resume_status load_stream(rs_file *file, rs_state *state, rs_error *error) {
    if (state->table.blob_count == 0)
        return rs_file_bad(file, state->generation.segment_offset, error,
                           "a generation without an object stream");
    const rs_blob_entry *blob = &state->table.blobs[0];
    resume_status status = rs_state_claim(state, blob->size, error);
    if (status) return status;
    state->stream = rs_allocate(blob->size);
    if (!state->stream)
        return rs_fail(error, RESUME_NO_MEMORY,
                       "no memory for the object stream of '%s' (%" PRIu64 " bytes)", file->path,
                       blob->size);
    status = read_blob(state, blob, state->stream, error);
    if (status == RESUME_OK) rs_state_judge_stream(state);
    return status;
}

static resume_status load_meta(rs_state *state, const segment_read_in *segment, rs_error *error) {
    rs_buffer_append(&state->meta_bytes, segment->meta.bytes, segment->meta.size);
    if (state->meta_bytes.failed) return rs_fail(error, RESUME_NO_MEMORY, "no memory for META");
    rs_slice bytes = {state->meta_bytes.bytes, state->meta_bytes.size};
    return rs_meta_decode(bytes, &state->meta, error);
}

resume_status rs_state_load_tables(rs_file *file, const rs_generation *generation, rs_state **state,
                                   rs_error *error) {
    segment_read_in *chain = rs_allocate_zeroed(RS_DELTA_DEPTH_MAX + 1, sizeof *chain);
    rs_state *made = rs_allocate_zeroed(1, sizeof *made);
    *state = NULL;
    resume_status status = RESUME_OK;
    if (!chain || !made) {
        status = rs_fail(error, RESUME_NO_MEMORY, "no memory to read '%s'", file->path);
        goto done;
    }
    made->file = file;
    made->epoch = file->epoch;
    made->generation = *generation;
    status = segment_read(file, generation->segment_offset, &chain[0], error);
    if (status == RESUME_OK) status = load_meta(made, &chain[0], error);
    if (status == RESUME_OK) status = resolve_table(file, chain, &made->table, error);
    if (status == RESUME_OK) made->table_depth = chain[0].table_is_delta ? chain[0].delta.depth : 0;
    if (status == RESUME_OK) {
        rs_end_decode(chain[0].end, &made->end);
        status = rs_state_judge(made, chain[0].meta, error);
    }
done:
    for (size_t i = 0; chain && i <= RS_DELTA_DEPTH_MAX; i++)
        segment_release(&chain[i]);
    rs_free(chain);
    if (status) {
        rs_error_prefix(error, "generation %" PRIu64, generation->number);
        rs_state_free(made);
        return status;
    }
    *state = made;
    return RESUME_OK;
}

resume_status rs_generation_read_time(rs_file *file, rs_generation *generation, rs_error *error) {
    segment_read_in segment = {0};
    rs_meta meta = {0};
    if (generation->saved_ns != 0) return RESUME_OK;
    resume_status status = segment_read(file, generation->segment_offset, &segment, error);
    if (status == RESUME_OK) status = rs_meta_decode(segment.meta, &meta, error);
    if (status == RESUME_OK) generation->saved_ns = meta.saved_ns;
    segment_release(&segment);
    return status;
}

resume_status rs_state_load(rs_file *file, const rs_generation *generation, rs_state **state,
                            rs_error *error) {
    resume_status status = rs_state_load_tables(file, generation, state, error);
    if (status) return status;
    status = load_stream(file, *state, error);
    if (status) {
        rs_error_prefix(error, "generation %" PRIu64, generation->number);
        rs_state_free(*state);
        *state = NULL;
    }
    return status;
}

static resume_status find_generation(const rs_file *file, size_t index,
                                     const rs_generation **generation, rs_error *error) {
    *generation = rs_file_generation(file, index);
    if (*generation) return RESUME_OK;
    return rs_fail(error, RESUME_NOT_FOUND, "'%s' has no such generation", file->path);
}

resume_status rs_file_look(rs_file *file, size_t index, rs_state **state, rs_error *error) {
    const rs_generation *generation;
    *state = NULL;
    resume_status status = find_generation(file, index, &generation, error);
    return status ? status : rs_state_load_tables(file, generation, state, error);
}

resume_status rs_file_read(rs_file *file, size_t index, rs_state **state, rs_error *error) {
    const rs_generation *generation;
    *state = NULL;
    resume_status status = find_generation(file, index, &generation, error);
    if (status) return status;
    if (file->loaded && file->loaded->generation.commit_offset == generation->commit_offset) {
        *state = file->loaded;
        file->loaded = NULL;
        return RESUME_OK;
    }
    return rs_state_load(file, generation, state, error);
}

void rs_state_free(rs_state *state) {
    if (!state) return;
    rs_buffer_release(&state->meta_bytes);
    rs_table_release(&state->table);
    rs_free(state->stream);
    rs_free(state->chunk);
    rs_readers_free(state->readers);
    rs_free(state);
}

const rs_meta *rs_state_meta(const rs_state *state) {
    return &state->meta;
}

rs_slice rs_state_stream(const rs_state *state) {
    return (rs_slice){state->stream, state->stream ? (size_t)state->table.blobs[0].size : 0};
}

size_t rs_state_blob_count(const rs_state *state) {
    return (size_t)state->table.blob_count;
}

uint64_t rs_state_blob_size(const rs_state *state, size_t index) {
    return index < state->table.blob_count ? state->table.blobs[index].size : 0;
}

resume_status rs_state_check_epoch(const rs_state *state, rs_error *error) {
    if (state->epoch == state->file->epoch) return RESUME_OK;
    return rs_fail(error, RESUME_MISUSE,
                   "generation %" PRIu64 " of '%s' was read before the file was replaced",
                   state->generation.number, state->file->path);
}

resume_status rs_state_read_blob(rs_state *state, size_t index, void *to, rs_error *error) {
    resume_status status = rs_state_check_epoch(state, error);
    if (status) return status;
    if (index >= state->table.blob_count)
        return rs_fail(error, RESUME_DAMAGED, "'%s': generation %" PRIu64 " has no blob %zu",
                       state->file->path, state->generation.number, index);
    status = read_blob(state, &state->table.blobs[index], to, error);
    if (status)
        rs_error_prefix(error, "generation %" PRIu64 ", array %zu", state->generation.number,
                        index);
    return status;
}

/* Entry `index`, read and verified: kept, since a range often ends inside it. */
static resume_status keep_chunk(rs_state *state, uint64_t index, rs_error *error) {
    if (state->chunk && state->chunk_index == index) return RESUME_OK;
    if (!state->chunk) state->chunk = rs_allocate(state->file->header.chunk_size);
    if (!state->chunk) return rs_fail(error, RESUME_NO_MEMORY, "no memory to read a chunk");
    state->chunk_index = UINT64_MAX; /* until it has been verified */
    resume_status status =
        rs_chunk_read(state->file, &state->table.entries[index], state->chunk, error);
    if (status == RESUME_OK) state->chunk_index = index;
    return status;
}

/* Up to `size` bytes of the blob from `offset` on, all of one chunk or all of whole ones: `*part`
 * tells how many. */
static resume_status read_part(rs_state *state, const rs_blob_entry *blob, uint64_t offset,
                               uint64_t size, uint8_t *to, uint64_t *part, rs_error *error) {
    uint64_t chunk_size = state->file->header.chunk_size;
    uint64_t first = offset / chunk_size, inside = offset % chunk_size, end = offset + size;
    /* the last chunk of a blob may be shorter */
    uint64_t last = end == blob->size ? blob->chunk_count : end / chunk_size;
    if (inside == 0 && last > first) {
        *part = rs_minimum(last * chunk_size, blob->size) - offset;
        return rs_state_read_chunks(state, state->table.entries + blob->first_chunk + first,
                                    last - first, to, error);
    }
    resume_status status = keep_chunk(state, blob->first_chunk + first, error);
    if (status) return status;
    *part = rs_minimum(chunk_size - inside, size);
    memcpy(to, state->chunk + inside, (size_t)*part);
    return RESUME_OK;
}

resume_status rs_state_read_range(rs_state *state, size_t index, uint64_t offset, size_t size,
                                  void *to, rs_error *error) {
    uint64_t end, part = 0;
    uint8_t *at = to;
    resume_status status = rs_state_check_epoch(state, error);
    if (status) return status;
    if (rs_add_overflows(offset, size, &end) || end > rs_state_blob_size(state, index))
        return rs_fail(error, RESUME_LIMIT, "array %zu has no bytes up to %" PRIu64, index, end);
    while (status == RESUME_OK && offset < end) {
        status =
            read_part(state, &state->table.blobs[index], offset, end - offset, at, &part, error);
        at += part;
        offset += part;
    }
    if (status)
        rs_error_prefix(error, "generation %" PRIu64 ", array %zu", state->generation.number,
                        index);
    return status;
}

static const rs_chunk_entry *find_chunk(const rs_state *state, size_t blob, uint64_t chunk) {
    if (blob >= state->table.blob_count || chunk >= state->table.blobs[blob].chunk_count)
        return NULL;
    return &state->table.entries[state->table.blobs[blob].first_chunk + chunk];
}

bool rs_state_same_chunk(const rs_state *a, size_t blob_a, const rs_state *b, size_t blob_b,
                         uint64_t chunk) {
    const rs_chunk_entry *first = find_chunk(a, blob_a, chunk);
    const rs_chunk_entry *second = find_chunk(b, blob_b, chunk);
    return first && second && a->file->header.chunk_size == b->file->header.chunk_size &&
           first->raw_size == second->raw_size &&
           (first->coding == RS_CHUNK_ZERO) == (second->coding == RS_CHUNK_ZERO) &&
           rs_hash128_equal(first->hash, second->hash);
}

rs_state_sizes rs_state_measure(const rs_state *state) {
    rs_state_sizes sizes = {.chunks = state->table.entry_count};
    for (uint64_t i = 0; i < state->table.entry_count; i++) {
        sizes.raw += state->table.entries[i].raw_size;
        sizes.stored += state->table.entries[i].stored_size;
        sizes.zero_chunks += state->table.entries[i].coding == RS_CHUNK_ZERO;
    }
    return sizes;
}
