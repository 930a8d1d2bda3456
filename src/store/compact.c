/* Compaction: the generations that are kept, copied with verification into a new file. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <stdio.h>

/* --- when --- */

/* Smaller files are not worth a question. */
#define SIZE_MIN (UINT64_C(256) << 10)

/* Where little is free, compaction must begin while there is room for the copy. */
static uint64_t slack_of(const rs_file *file) {
    uint64_t free_bytes;
    if (file->os->free_bytes(file->os, file->folder->fd, &free_bytes) < 0 || free_bytes == 0)
        return file->slack;
    return rs_minimum(file->slack, free_bytes / 2);
}

/* Reading older tables costs something; while the file stays below what was allowed at the last
 * look and the state has not shrunk, that look still holds. */
static resume_status is_due(rs_file *file, const rs_keep *keep, bool *due, rs_error *error) {
    uint64_t live, newest;
    rs_keep_item *items;
    *due = false;
    if (file->size <= rs_minimum(file->slack, SIZE_MIN)) return RESUME_OK;
    uint64_t slack = slack_of(file);
    if (file->size <= slack) return RESUME_OK;
    resume_status status = rs_kept_measure(file, NULL, &newest, error);
    if (status || file->size <= RS_COMPACT_FACTOR * newest + slack) return status;
    if (file->size <= file->compact_check_size &&
        newest >= file->compact_check_live - file->compact_check_live / 16)
        return RESUME_OK;
    status = rs_file_list_all(file, error);
    if (status == RESUME_OK) status = rs_kept_choose(file, keep, 0, false, &items, error);
    if (status) return status;
    status = rs_kept_measure(file, items, &live, error);
    rs_free(items);
    if (status) return status;
    file->compact_check_size = RS_COMPACT_FACTOR * live + slack;
    file->compact_check_live = newest;
    *due = file->size > file->compact_check_size;
    return RESUME_OK;
}

/* --- copying --- */

typedef struct copy_work {
    rs_file *file;
    rs_fresh fresh;
    rs_keep_item *items;       /* one for each listed generation */
    rs_chunk_index *copied[2]; /* chunks of the new file: of others' generations, of one's own */
    bool is_own;               /* the generation that is copied */
    rs_known_pages pages;      /* of the new file, of generations that are alike in that */
    rs_hash128 of_pages[RS_CHUNK_PAGES_MAX]; /* of the chunk in `raw` */
    uint8_t *raw;                            /* one chunk */
    uint64_t at;                             /* where the next segment begins */
    uint64_t previous_commit;
    rs_generation *generations;
    size_t generation_count;
    rs_table table; /* of the newest */
    rs_signature signature;
    rs_digest stream_digest;
    uint64_t written;
} copy_work;

static void copying_release(copy_work *copying) {
    rs_chunk_index_free(copying->copied[false]);
    rs_chunk_index_free(copying->copied[true]);
    rs_known_pages_release(&copying->pages);
    rs_free(copying->raw);
    rs_free(copying->generations);
    rs_free(copying->items);
    rs_table_release(&copying->table);
    rs_fresh_discard(copying->file, &copying->fresh);
}

/* As pages over what stands in the same place of the generation copied before; *done is false when
 * the chunk is better written whole. */
static resume_status copy_patch(copy_work *copying, rs_segment_writer *writer, uint64_t blob,
                                uint64_t chunk, rs_chunk_entry *entry, bool *done,
                                rs_error *error) {
    const rs_table *before = &copying->table;
    *done = false;
    if (!rs_known_pages_fit(entry->raw_size)) return RESUME_OK;
    rs_chunk_hash(copying->raw, entry->raw_size, copying->of_pages);
    rs_known_pages_put(&copying->pages, entry->hash, entry->raw_size, copying->of_pages);
    if (blob >= before->blob_count || chunk >= before->blobs[blob].chunk_count) return RESUME_OK;
    const rs_chunk_entry *base = &before->entries[before->blobs[blob].first_chunk + chunk];
    if (base->raw_size != entry->raw_size) return RESUME_OK;
    rs_change *change = rs_known_pages_compare(&copying->pages, base, copying->of_pages);
    if (!change) return RESUME_OK;
    resume_status status = rs_segment_writer_patch(writer, copying->raw, false, copying->of_pages,
                                                   change, entry, error);
    if (status == RESUME_OK) rs_known_pages_put_patch(&copying->pages, entry, &change->patch);
    rs_free(change);
    *done = true;
    return status;
}

/* What was a patch is coded anew: behind a compaction nothing of a base is stored in vain. */
static resume_status copy_whole(copy_work *copying, rs_segment_writer *writer,
                                uint32_t element_size, rs_chunk_entry *entry, rs_error *error) {
    rs_file *file = copying->file;
    const void *stored = entry->coding == RS_CHUNK_RAW ? copying->raw : file->stored.bytes;
    if (entry->coding == RS_CHUNK_PATCHED) {
        resume_status status = rs_codec_compress(
            file->codec, copying->raw, entry->raw_size, rs_shuffle_size(element_size),
            RS_COMPRESS_AUTO, file->disk_is_slow, entry->hash, &stored, entry, error);
        if (status || entry->coding == RS_CHUNK_ZERO) return status;
    }
    return rs_segment_writer_stored(writer, stored, entry, error);
}

/* The stored bytes that were verified are the ones that are written. Chunks are told by a hash that
 * anybody can make to match: one's own generations never get those of others. */
static resume_status copy_chunk(copy_work *copying, rs_segment_writer *writer,
                                const rs_table *table, uint64_t blob, uint64_t chunk,
                                rs_error *error) {
    rs_chunk_entry *entry = &table->entries[table->blobs[blob].first_chunk + chunk];
    if (entry->coding == RS_CHUNK_ZERO) return RESUME_OK;
    rs_chunk_index *copied = copying->copied[copying->is_own];
    const rs_chunk_entry *known = rs_chunk_index_find(copied, entry->hash, entry->raw_size);
    if (known) {
        *entry = *known;
        return RESUME_OK;
    }
    bool done;
    resume_status status = rs_chunk_read(copying->file, entry, copying->raw, error);
    if (status == RESUME_OK) status = copy_patch(copying, writer, blob, chunk, entry, &done, error);
    if (status == RESUME_OK && !done)
        status = copy_whole(copying, writer, table->blobs[blob].element_size, entry, error);
    return status ? status : rs_chunk_index_add(copied, entry, error);
}

static resume_status copy_chunks(copy_work *copying, rs_segment_writer *writer,
                                 const rs_table *table, rs_error *error) {
    resume_status status = RESUME_OK;
    for (uint64_t b = 0; b < table->blob_count; b++)
        for (uint64_t c = 0; status == RESUME_OK && c < table->blobs[b].chunk_count; c++)
            status = copy_chunk(copying, writer, table, b, c, error);
    return status;
}

static resume_status write_segment(copy_work *copying, rs_state *state, rs_segment_writer *writer,
                                   rs_error *error) {
    rs_buffer records = {0};
    uint32_t depth;
    rs_segment_header header = {
        .generation = state->generation.number,
        .previous_commit = copying->previous_commit,
        .flags = state->generation.flags,
    };
    rs_generation *made = &copying->generations[copying->generation_count];
    const rs_key *key = rs_file_key_for(copying->file, state->signature);
    if (copying->is_own != (key != NULL)) { /* nothing of the one may be in the other */
        rs_known_pages_release(&copying->pages);
        rs_table_release(&copying->table);
    }
    copying->is_own = key != NULL;
    resume_status status = rs_segment_writer_init(writer, error);
    if (status == RESUME_OK) status = copy_chunks(copying, writer, &state->table, error);
    rs_slice meta = {state->meta_bytes.bytes, state->meta_bytes.size};
    rs_statement statement = {.header = copying->fresh.header_digest,
                              .generation = header.generation,
                              .flags = header.flags,
                              .stream = state->end.stream};
    if (status == RESUME_OK)
        status = rs_records_make(meta, &state->table, NULL, 0, 0, key, &statement, &records, &depth,
                                 error);
    if (status == RESUME_OK)
        status = rs_segment_writer_finish(writer, &header, &records, made, error);
    rs_buffer_release(&records);
    if (status) return status;
    made->saved_ns = state->meta.saved_ns;
    copying->generation_count++;
    copying->at = rs_generation_end(made);
    copying->previous_commit = made->commit_offset;
    copying->written += writer->written;
    rs_table_release(&copying->table);
    copying->table = state->table;
    copying->signature = key ? RS_SIGNED_MINE : RS_SIGNED_NOT;
    copying->stream_digest = state->end.stream;
    state->table = (rs_table){0};
    return RESUME_OK;
}

/* A mark says that the generation before it has the same state. */
static uint32_t flags_of_copy(const copy_work *copying, size_t index) {
    bool follows = index + 1 < copying->file->generation_count && copying->items[index + 1].kept;
    uint32_t flags = rs_file_generation(copying->file, index)->flags & RS_SEGMENT_MARK;
    return follows ? flags : 0;
}

/* It was verified. Should it be bad now, the whole compaction fails: chunks of it may be counted as
 * copied already. */
static resume_status copy_generation(copy_work *copying, size_t index, rs_error *error) {
    rs_state *state;
    rs_segment_writer writer = {
        .os = copying->file->os,
        .fd = copying->fresh.fd,
        .path = copying->fresh.path,
        .codec = copying->file->codec,
        .uuid = &copying->fresh.header.uuid,
        .offset = copying->at,
        .small_size_max = copying->file->small_size_max,
        .thread = copying->file->os->processors ? &copying->file->thread : NULL,
    };
    resume_status status = rs_state_load_tables(
        copying->file, rs_file_generation(copying->file, index), &state, error);
    if (status) return status;
    state->generation.flags = flags_of_copy(copying, index);
    if (copying->file->size >= copying->file->direct_size)
        rs_segment_writer_go_direct(&writer, copying->file->folder->fd, copying->fresh.name);
    status = write_segment(copying, state, &writer, error);
    rs_segment_writer_release(&writer);
    rs_state_free(state);
    return status;
}

static void note_dropped(rs_commit_info *info, uint64_t generation) {
    size_t used = strlen(info->note);
    snprintf(info->note + used, sizeof info->note - used,
             "%sgeneration %" PRIu64 " did not verify and was not copied", used ? "; " : "",
             generation);
}

static resume_status copy_all(copy_work *copying, rs_commit_info *info, rs_error *error) {
    resume_status status = RESUME_OK;
    for (size_t i = copying->file->generation_count; status == RESUME_OK && i-- > 0;) {
        if (copying->items[i].kept)
            status = copy_generation(copying, i, error);
        else if (copying->items[i].is_bad && info)
            note_dropped(info, rs_file_generation(copying->file, i)->number);
    }
    return status;
}

/* Chooses, reading all of it, before the new file is begun. */
static resume_status copying_init(copy_work *copying, const rs_keep *keep, size_t must,
                                  rs_error *error) {
    static const rs_table nothing;
    rs_file *file = copying->file;
    resume_status status = rs_kept_choose(file, keep, must, true, &copying->items, error);
    if (status) return status;
    copying->raw = rs_allocate(file->header.chunk_size);
    copying->generations = rs_allocate_array(file->generation_count, sizeof *copying->generations);
    if (!copying->raw || !copying->generations)
        return rs_fail(error, RESUME_NO_MEMORY, "no memory to compact '%s'", file->path);
    for (int own = 0; status == RESUME_OK && own < 2; own++)
        status = rs_chunk_index_new(&nothing, &copying->copied[own], error);
    if (status == RESUME_OK) status = rs_fresh_make(file, &copying->fresh, error);
    return status;
}

/* The new file is published: the handle becomes it. Nothing here can fail: the list only shrinks.
 */
static void take_copy(copy_work *copying, const rs_file_info *file_info, rs_commit_info *info) {
    rs_file *file = copying->file;
    uint64_t next_generation = file->next_generation;
    rs_file_adopt_fresh(file, &copying->fresh, file_info);
    for (size_t i = 0; i < copying->generation_count; i++)
        rs_generations_push(file, &copying->generations[i], NULL);
    rs_table_release(&file->table);
    file->table = copying->table;
    copying->table = (rs_table){0};
    rs_known_pages_release(&file->pages);
    file->pages = copying->pages;
    copying->pages = (rs_known_pages){0};
    rs_known_pages_keep(&file->pages, &file->table);
    file->table_depth = 0;
    file->signature = copying->signature;
    file->stream_digest = copying->stream_digest;
    file->end = file->size = copying->at;
    file->next_generation = next_generation;
    file->hinted_generation = rs_file_newest(file)->number;
    if (info) {
        info->compacted = true;
        info->file_size = file->size;
        info->bytes_written += copying->written;
    }
}

resume_status rs_file_rewrite(rs_file *file, const rs_keep *keep, size_t must, rs_commit_info *info,
                              rs_error *error) {
    copy_work copying = {.file = file, .fresh = {.fd = -1}, .at = RS_SEGMENTS_START};
    char aside[RS_FILE_NAME_SIZE] = "";
    rs_file_info file_info;
    bool published = false;
    resume_status status = copying_init(&copying, keep, must, error);
    /* The file goes, and its torn end with it. */
    if (status == RESUME_OK && file->has_tail) status = rs_tail_keep(file, error);
    /* A file of an unusual chunk size keeps it: its chunks are copied as they are. */
    copying.fresh.header.chunk_size = file->header.chunk_size;
    if (status == RESUME_OK && file->header.chunk_size != RS_CHUNK_SIZE)
        status = rs_fresh_write_header(file, &copying.fresh, error);
    if (status == RESUME_OK) status = copy_all(&copying, info, error);
    if (status == RESUME_OK) {
        rs_file_hint(file, copying.fresh.fd, &copying.fresh.header.uuid,
                     &copying.generations[copying.generation_count - 1]);
        int answer = file->os->info(file->os, copying.fresh.fd, &file_info);
        if (answer < 0) status = rs_os_fail(error, answer, "can't look at", copying.fresh.path);
    }
    if (status == RESUME_OK)
        status = rs_fresh_publish(file, &copying.fresh, aside, &published, error);
    if (published) {
        take_copy(&copying, &file_info, info);
        if (info) memcpy(info->aside, aside, sizeof aside);
        /* Whether a crash leaves the new name is unknown: the next commit writes once more. */
        if (status) file->poisoned = true;
    }
    uint64_t live;
    rs_fresh_discard(file, &copying.fresh); /* before it is asked how much is free */
    if (status == RESUME_NO_SPACE && copying.items && !published &&
        rs_kept_measure(file, copying.items, &live, NULL) == RESUME_OK)
        rs_file_tell_space(file, live, error);
    copying_release(&copying);
    if (status) rs_error_prefix(error, "can't compact '%s'", file->path);
    return status;
}

resume_status rs_file_compact(rs_file *file, const rs_keep *keep, rs_commit_info *info,
                              rs_error *error) {
    if (info) *info = (rs_commit_info){0};
    resume_status status = rs_file_check_writable(file, error);
    if (status) return status;
    if (file->generation_count == 0)
        return rs_fail(error, RESUME_MISUSE, "'%s': nothing is saved yet", file->path);
    status = rs_file_list_all(file, error);
    return status ? status : rs_file_rewrite(file, keep, 0, info, error);
}

void rs_file_compact_if_due(rs_file *file, const rs_keep *keep, rs_commit_info *info) {
    rs_error error = {0};
    bool due;
    resume_status status = is_due(file, keep, &due, &error);
    if (status == RESUME_OK && !due) return;
    if (status == RESUME_OK) status = rs_file_rewrite(file, keep, 0, info, &error);
    if (status == RESUME_OK) return;
    /* Not at every commit again: what fails is expensive. */
    file->compact_check_size = file->size + file->size / 4 + slack_of(file);
    size_t used = strlen(info->note);
    snprintf(info->note + used, sizeof info->note - used, "%s%.300s", used ? "; " : "", error.text);
}
