/* Commits: a new generation at the end of the file, or in a complete new file. */
#include "store/file_internal.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>

/* Tables up to this size are always written full. */
#define SMALL_TABLE_SIZE 2048u
/* Below this speed of the disk, compressing to less than 0.9 is faster than writing. */
#define SLOW_BYTES_PER_SECOND UINT64_C(120000000)
#define MEASURED_SIZE_MIN     (UINT64_C(8) << 20)
#define RESERVED_UNUSED_MAX   (UINT64_C(1) << 20)

/* --- records --- */

static resume_status no_memory(rs_error *error) {
    return rs_fail(error, RESUME_NO_MEMORY, "no memory for the records of a save");
}

/* A delta of at most half the full table, on a chain that is not too long. */
static bool make_delta(const rs_table *table, size_t full_size, const rs_table *base,
                       rs_delta_info info, rs_buffer *delta) {
    if (!base || full_size <= SMALL_TABLE_SIZE || info.depth > RS_DELTA_DEPTH_MAX) return false;
    rs_delta_encode(base, table, info, delta);
    return !delta->failed && delta->size <= full_size / 2;
}

resume_status rs_records_make(rs_slice meta, const rs_table *table, const rs_table *base,
                              uint64_t base_segment, uint32_t base_depth, const rs_key *key,
                              const rs_statement *statement, rs_buffer *records, uint32_t *depth,
                              rs_error *error) {
    rs_statement whole = *statement;
    rs_buffer full = {0}, delta = {0};
    rs_delta_info info = {.base_segment = base_segment, .depth = base_depth + 1};
    rs_table_encode(table, &full);
    bool is_delta = !full.failed && make_delta(table, full.size, base, info, &delta);
    const rs_buffer *chosen = is_delta ? &delta : &full;
    rs_record_append(records, RS_RECORD_META, 0, meta);
    rs_record_append(records, is_delta ? RS_RECORD_DELTA : RS_RECORD_TABLE, RS_RECORD_REQUIRED,
                     (rs_slice){chosen->bytes, chosen->size});
    whole.meta = rs_digest_of(meta.bytes, meta.size);
    whole.table = rs_digest_of(full.bytes, full.size);
    rs_end_append(records, key, &whole);
    *depth = is_delta ? info.depth : 0;
    bool failed = full.failed || records->failed;
    rs_buffer_release(&full);
    rs_buffer_release(&delta);
    return failed ? no_memory(error) : RESUME_OK;
}

static resume_status make_records(rs_file *file, rs_draft *draft, rs_error *error) {
    bool whole = draft->full_table || file->unproven || !rs_file_is_own(file);
    const rs_generation *newest = whole ? NULL : rs_file_newest(file);
    rs_statement statement = {.header = draft->header_digest,
                              .generation = draft->header.generation,
                              .flags = draft->header.flags,
                              .stream = draft->stream_digest};
    return rs_records_make((rs_slice){draft->meta.bytes, draft->meta.size}, &draft->plan.table,
                           newest ? &file->table : NULL, newest ? newest->segment_offset : 0,
                           file->table_depth, draft->key, &statement, &draft->records,
                           &draft->table_depth, error);
}

/* The draft's records, and with them the end of its segment. */
static resume_status finish_draft(rs_file *file, rs_draft *draft, rs_error *error) {
    resume_status status = make_records(file, draft, error);
    if (status == RESUME_OK)
        status = rs_segment_writer_finish(&draft->writer, &draft->header, &draft->records,
                                          &draft->generation, error);
    draft->generation.saved_ns = draft->saved_ns;
    return status;
}

resume_status rs_draft_describe(rs_draft *draft, const rs_meta *meta, uint64_t state_size,
                                rs_error *error) {
    rs_meta own = *meta;
    own.state_size = state_size;
    draft->saved_ns = meta->saved_ns;
    rs_meta_encode(&own, &draft->meta);
    return draft->meta.failed ? no_memory(error) : RESUME_OK;
}

void rs_draft_release(rs_draft *draft) {
    rs_plan_release(&draft->plan);
    rs_buffer_release(&draft->records);
    rs_buffer_release(&draft->meta);
    rs_segment_writer_release(&draft->writer);
}

/* --- chunks --- */

uint8_t rs_shuffle_size(uint32_t size) {
    return size == 2 || size == 4 || size == 8 || size == 16 ? (uint8_t)size : 1;
}

static resume_status write_chunk(rs_file *file, rs_draft *draft, const rs_blob_entry *blob,
                                 const rs_source *source, rs_chunk_entry *entry,
                                 const rs_commit_options *options, rs_commit_info *info,
                                 rs_error *error) {
    rs_plan *plan = &draft->plan;
    const rs_chunk_entry *known = rs_chunk_index_find(plan->index, entry->hash, entry->raw_size);
    if (known) { /* written earlier in this commit */
        *entry = *known;
        info->chunks_reused++;
        return RESUME_OK;
    }
    rs_change *change = source->change;
    rs_known_pages *pages = &file->pages;
    bool slow = plan->bound <= RS_SELF_VERIFYING_SIZE_MAX || file->disk_is_slow;
    resume_status status =
        change ? rs_segment_writer_patch(&draft->writer, source->bytes, source->is_copy,
                                         rs_known_pages_find(pages, entry->hash, entry->raw_size),
                                         change, entry, error)
               : rs_segment_writer_chunk(&draft->writer, source->bytes,
                                         rs_shuffle_size(blob->element_size), options->compress,
                                         slow, entry, error);
    if (status) return status;
    if (change) rs_known_pages_put_patch(pages, entry, &change->patch);
    info->chunks_written++;
    return rs_chunk_index_add(plan->index, entry, error);
}

static resume_status write_chunks(rs_file *file, rs_draft *draft, const rs_commit_options *options,
                                  rs_commit_info *info, rs_error *error) {
    const rs_plan *plan = &draft->plan;
    info->chunks_reused = plan->reused;
    info->chunks_zero = plan->zeros;
    for (size_t i = 0; i < plan->table.blob_count; i++) {
        const rs_blob_entry *blob = &plan->table.blobs[i];
        for (uint64_t j = blob->first_chunk; j < blob->first_chunk + blob->chunk_count; j++) {
            if (!plan->sources[j].bytes) continue;
            resume_status status = write_chunk(file, draft, blob, &plan->sources[j],
                                               &plan->table.entries[j], options, info, error);
            if (status) return status;
        }
    }
    return RESUME_OK;
}

/* Asks for the space of a large commit before anything is written: xfs and btrfs would tell by a
 * short write only. The bound counts chunks uncompressed, so that a refusal is final only when
 * nothing is going to be compressed; else each piece is asked for before it is written. File
 * systems that can't reserve are asked in vain. */
static resume_status preflight(const rs_file *file, const char *name, rs_draft *draft,
                               rs_compress compress, rs_error *error) {
    rs_segment_writer *writer = &draft->writer;
    uint64_t bound = draft->plan.bound + 2 * RS_BLOCK_SIZE;
    if (bound <= RS_SELF_VERIFYING_SIZE_MAX) return RESUME_OK;
    if (bound >= file->direct_size) rs_segment_writer_go_direct(writer, file->folder->fd, name);
    int answer = writer->os->reserve(writer->os, writer->fd, writer->offset, bound);
    writer->reserves = rs_os_status(answer) == RESUME_NO_SPACE;
    writer->starts = answer == 0;
    /* ext4 refuses and keeps what it had found by then */
    if (answer == 0 || writer->reserves) draft->reserved_end = writer->offset + bound;
    if (!writer->reserves || compress != RS_COMPRESS_NEVER) return RESUME_OK;
    return rs_os_fail(error, answer, "can't write", writer->path);
}

/* Gives back what was reserved behind the end of the file and not needed. Whether that works does
 * not matter. */
static void give_back(rs_draft *draft, uint64_t end) {
    rs_segment_writer *writer = &draft->writer;
    if (draft->reserved_end <= end + RESERVED_UNUSED_MAX) return;
    if (writer->os->truncate(writer->os, writer->fd, end) == 0) writer->file_size = end;
}

/* The speed of the disk, as large writes show it. */
static void measure_disk(rs_file *file, const rs_segment_writer *writer) {
    if (writer->written < MEASURED_SIZE_MIN) return;
    double seconds = (double)writer->busy_ns / 1e9;
    file->disk_is_slow = (double)writer->written < seconds * (double)SLOW_BYTES_PER_SECOND;
}

/* --- hints and undoing --- */

void rs_file_hint(rs_file *file, int fd, const rs_uuid *uuid, const rs_generation *generation) {
    uint8_t block[RS_BLOCK_SIZE];
    rs_hint hint = {.generation = generation->number, .commit_offset = generation->commit_offset};
    rs_hint_encode(&hint, uuid, block);
    rs_slice part = {block, sizeof block};
    /* A write that fails leaves the block as it was or with a wrong checksum, and no committed byte
     * is in it. It is not tried again with this file. Should the kernel fail to bring the block to
     * the disk later, the next commit's sync reports that, and the file is poisoned as by any
     * failed sync. */
    if (rs_fd_write_all(file->os, fd, &part, 1, rs_hint_offset(generation->number), file->path,
                        NULL))
        file->no_hints = true;
    file->hinted_generation = generation->number;
}

/* All that this process knows of the file is durable. What a dead one wrote may not be. */
static bool is_settled(const rs_file *file) {
    return file->for_writing && !file->unsynced && !file->poisoned && !file->replaces;
}

static void hint_newest(rs_file *file) {
    const rs_generation *newest = rs_file_newest(file);
    /* A hint proves that its generation was durable. */
    if (newest && is_settled(file) && !file->no_hints && newest->number > file->hinted_generation)
        rs_file_hint(file, file->fd, &file->header.uuid, newest);
}

void rs_file_leave(rs_file *file) {
    hint_newest(file);
    if (is_settled(file)) rs_room_give_back(file);
}

static void hint_if_due(rs_file *file) {
    int64_t now = file->os->monotonic_ns(file->os);
    if (file->hinted_ns != 0 && now - file->hinted_ns < RS_HINT_INTERVAL_NS) return;
    hint_newest(file);
    file->hinted_ns = now;
}

void rs_file_undo(rs_file *file, const rs_segment_writer *writer) {
    if (!writer->touched) return;
    /* Written and not committed. What the cache holds after a failed write or sync need not be on
     * the disk: it must not be found by the next process and taken for a save. */
    int answer = file->os->truncate(file->os, file->fd, file->end);
    if (writer->write_failed || writer->sync_failed || answer < 0) file->poisoned = true;
    if (answer == 0) file->size = file->end;
    file->unsynced = true;
}

/* --- what stands in the place of the file --- */

typedef enum what_stands { STANDS_OURS, STANDS_NOTHING, STANDS_OTHER } what_stands;

static resume_status look(rs_file *file, what_stands *stands, rs_error *error) {
    rs_file_info info;
    int answer = file->os->info_at(file->os, file->folder->fd, file->name, &info);
    *stands = STANDS_NOTHING;
    if (rs_os_status(answer) == RESUME_NOT_FOUND) return RESUME_OK;
    if (answer < 0) return rs_os_fail(error, answer, "can't look at", file->path);
    *stands = STANDS_OTHER;
    if (file->fd < 0 || !rs_is_same_file(&info, file->device, file->inode)) return RESUME_OK;
    *stands = STANDS_OURS;
    /* Another name for the same file (a backup by hard links): leave that one as it is. */
    if (info.links > 1) file->replaces = true;
    if (info.size != file->size && !file->poisoned) { /* somebody else wrote into it */
        file->replaces = true;
        if (!file->aside)
            file->aside = info.size < file->end ? RS_ASIDE_DAMAGED : RS_ASIDE_NUMBERED;
    } else if (!file->poisoned && !rs_room_is_untouched(file)) { /* where there are no locks */
        file->replaces = true;
        if (!file->aside) file->aside = RS_ASIDE_NUMBERED;
    }
    return RESUME_OK;
}

resume_status rs_file_choose_way(rs_file *file, bool *appends, rs_error *error) {
    what_stands stands;
    resume_status status = look(file, &stands, error);
    if (status) return status;
    if (stands == STANDS_OTHER && !file->aside) file->aside = RS_ASIDE_NUMBERED;
    *appends = stands == STANDS_OURS && !file->replaces && !file->poisoned;
    return RESUME_OK;
}

static void poison(rs_file *file) {
    file->poisoned = true;
}

/* Cuts off what stands behind the newest commit; a torn save is copied to NAME.torn-TIME first. */
static resume_status cut_tail(rs_file *file, rs_error *error) {
    resume_status status = file->has_tail ? rs_tail_keep(file, error) : RESUME_OK;
    if (status) return status;
    int answer = file->os->truncate(file->os, file->fd, file->end);
    if (answer < 0) {
        poison(file);
        return rs_os_fail(error, answer, "can't cut the end off", file->path);
    }
    file->size = file->end;
    file->has_tail = false;
    file->unsynced = true;
    return RESUME_OK;
}

/* What a dead process wrote last may not have reached the disk: neither a commit, nor the name of a
 * new file, nor the cut of a tail. All must be settled before a commit that builds on them: a crash
 * would leave it without its base. */
static resume_status settle(rs_file *file, rs_error *error) {
    /* Zeros that a dead process left, too: when their sync had failed, the file may reach only as
     * far as the cache shows, and a commit into them would not let it grow. */
    if (file->size > file->end && (file->has_tail || file->unsynced)) {
        resume_status status = cut_tail(file, error);
        if (status) return status;
    }
    if (!file->unsynced) return RESUME_OK;
    /* Not fdatasync, which need not write a size that has shrunk: a trailer of a failed attempt
     * could come back behind what is written in the same place now. */
    int answer = file->os->sync(file->os, file->fd);
    if (answer < 0) {
        poison(file);
        return rs_os_fail(error, answer, "can't sync", file->path);
    }
    resume_status status = rs_file_sync_folder(file, error);
    if (status)
        poison(file); /* a second sync could say OK without having done it */
    else
        file->unsynced = false;
    return status;
}

/* --- at the end of the file --- */

static resume_status draft_begin(rs_file *file, int fd, const char *path, const rs_uuid *uuid,
                                 uint64_t offset, bool barriers, rs_draft *draft, rs_error *error) {
    draft->writer = (rs_segment_writer){
        .os = file->os,
        .fd = fd,
        .path = path,
        .codec = file->codec,
        .uuid = uuid,
        .offset = offset,
        .small_size_max = file->small_size_max,
        .barriers = barriers,
        .thread = file->os->processors ? &file->thread : NULL,
    };
    draft->header.generation = file->next_generation;
    return rs_segment_writer_init(&draft->writer, error);
}

/* The draft is durable: it is the newest generation. Cannot fail: room was made before. */
static void take_draft(rs_file *file, rs_draft *draft, rs_commit_info *info) {
    rs_file_forget_loaded(file);
    rs_generations_push(file, &draft->generation, NULL);
    rs_table_release(&file->table);
    file->table = draft->plan.table;
    draft->plan.table = (rs_table){0};
    rs_known_pages_keep(&file->pages, &file->table);
    file->table_depth = draft->table_depth;
    file->signature = draft->key ? RS_SIGNED_MINE : RS_SIGNED_NOT;
    file->stream_digest = draft->stream_digest;
    file->end = rs_generation_end(&draft->generation);
    file->size = draft->writer.file_size;
    file->unproven = false;
    file->next_generation = draft->generation.number + 1;
    measure_disk(file, &draft->writer);
    info->generation = draft->generation.number;
    info->bytes_written += draft->writer.written;
    info->file_size = file->size;
}

static resume_status append(rs_file *file, rs_draft *draft, const rs_commit_options *options,
                            rs_commit_info *info, rs_error *error) {
    const rs_generation *newest;
    resume_status status = settle(file, error);
    if (status == RESUME_OK) status = rs_generations_make_room(file, error);
    if (status == RESUME_OK)
        status = draft_begin(file, file->fd, file->path, &file->header.uuid, file->end, true, draft,
                             error);
    if (status) return status;
    draft->writer.file_size = file->size;
    draft->writer.room_size = rs_room_wanted(file);
    newest = rs_file_newest(file);
    draft->header.previous_commit = newest->commit_offset;
    draft->header_digest = file->header_digest;
    if (draft->plan.sources) {
        status = preflight(file, file->name, draft, options->compress, error);
        if (status == RESUME_OK) status = write_chunks(file, draft, options, info, error);
    }
    if (status == RESUME_OK) status = finish_draft(file, draft, error);
    if (draft->writer.room_failed) file->no_room = true;
    if (status) {
        rs_segment_writer_wait(&draft->writer, NULL);
        give_back(draft, file->end);
        file->size = draft->writer.file_size;
        rs_file_undo(file, &draft->writer);
        return status;
    }
    give_back(draft, rs_generation_end(&draft->generation));
    take_draft(file, draft, info);
    rs_room_note_commit(file, &draft->generation);
    hint_if_due(file);
    return RESUME_OK;
}

/* --- in a new file --- */

void rs_file_adopt_fresh(rs_file *file, rs_fresh *fresh, const rs_file_info *info) {
    rs_file_forget_loaded(file);
    rs_known_pages_forget_patches(&file->pages);
    rs_fd_close(file->os, &file->fd);
    file->fd = fresh->fd;
    fresh->fd = -1;
    file->header = fresh->header;
    file->header_digest = fresh->header_digest;
    file->device = info->device;
    file->inode = info->inode;
    file->epoch++;
    file->generation_count = 0;
    file->poisoned = file->unsynced = file->unproven = file->has_tail = false;
    file->no_hints = file->replaces = false;
    file->aside = RS_ASIDE_NO;
    file->compact_check_size = file->compact_check_live = 0;
}

static resume_status write_fresh(rs_file *file, rs_fresh *fresh, rs_draft *draft,
                                 const rs_commit_options *options, rs_commit_info *info,
                                 rs_error *error) {
    resume_status status = draft_begin(file, fresh->fd, fresh->path, &fresh->header.uuid,
                                       RS_SEGMENTS_START, false, draft, error);
    if (status == RESUME_OK) status = preflight(file, fresh->name, draft, options->compress, error);
    if (status == RESUME_OK) status = write_chunks(file, draft, options, info, error);
    draft->full_table = true;
    draft->header_digest = fresh->header_digest;
    if (status == RESUME_OK) status = finish_draft(file, draft, error);
    if (status) return status;
    give_back(draft, rs_generation_end(&draft->generation));
    rs_file_hint(file, fresh->fd, &fresh->header.uuid, &draft->generation);
    return RESUME_OK;
}

static resume_status commit_fresh(rs_file *file, rs_draft *draft, const rs_commit_options *options,
                                  rs_commit_info *info, rs_error *error) {
    rs_fresh fresh = {.fd = -1};
    rs_file_info file_info;
    bool published = false;
    resume_status status = rs_generations_make_room(file, error);
    if (status == RESUME_OK) status = rs_fresh_make(file, &fresh, error);
    if (status == RESUME_OK) status = write_fresh(file, &fresh, draft, options, info, error);
    rs_segment_writer_wait(&draft->writer, NULL); /* before its file is closed */
    if (status == RESUME_OK) {
        int answer = file->os->info(file->os, fresh.fd, &file_info);
        if (answer < 0) status = rs_os_fail(error, answer, "can't look at", fresh.path);
    }
    if (status == RESUME_OK)
        status = rs_fresh_publish(file, &fresh, info->aside, &published, error);
    if (published) {
        rs_file_adopt_fresh(file, &fresh, &file_info);
        take_draft(file, draft, info);
        file->hinted_generation = draft->generation.number;
        info->new_file = true;
        /* It has the name, but whether a crash leaves it that is unknown: once more, then. */
        if (status) poison(file);
    }
    rs_fresh_discard(file, &fresh);
    return status;
}

/* --- the calls --- */

void rs_file_tell_space(const rs_file *file, uint64_t needed, rs_error *error) {
    uint64_t free_bytes;
    if (!error || error->status != RESUME_NO_SPACE) return;
    if (file->os->free_bytes(file->os, file->folder->fd, &free_bytes) < 0) return;
    rs_error_prefix(error, "can't save '%s' (up to %" PRIu64 " bytes needed, %" PRIu64 " free%s)",
                    file->path, needed, free_bytes,
                    free_bytes > needed ? rs_os_beside_space(error->os_code) : "");
}

/* What a whole save may need, whatever part of it has failed. */
static uint64_t space_needed(const rs_file *file, bool appends, const rs_draft *draft) {
    uint64_t begin = appends ? 0 : RS_SEGMENTS_START;
    uint64_t tail = file->has_tail ? file->size - file->end : 0;
    return draft->plan.bound + draft->plan.table.entry_count * RS_CHUNK_ENTRY_SIZE + begin +
           2 * RS_BLOCK_SIZE + rs_minimum(tail, RS_TORN_SIZE_MAX);
}

resume_status rs_file_check_writable(const rs_file *file, rs_error *error) {
    if (!file->for_writing)
        return rs_fail(error, RESUME_MISUSE, "'%s' was opened for reading", file->path);
    /* No program saves so often: the number came from a file that was made up. */
    if (file->next_generation >= RS_GENERATION_NUMBER_MAX)
        return rs_fail(
            error, RESUME_LIMIT,
            "'%s' names a generation number behind which there is none for another save; "
            "move the file away to start over",
            file->path);
    return RESUME_OK;
}

resume_status rs_file_write_draft(rs_file *file, bool appends, rs_draft *draft,
                                  const rs_commit_options *options, rs_commit_info *info,
                                  rs_error *error) {
    draft->key = rs_file_key(file);
    resume_status status = appends ? append(file, draft, options, info, error)
                                   : commit_fresh(file, draft, options, info, error);
    if (status) rs_file_tell_space(file, space_needed(file, appends, draft), error);
    return status;
}

resume_status rs_file_append_table(rs_file *file, rs_draft *draft, const rs_meta *meta,
                                   rs_commit_info *info, rs_error *error) {
    uint64_t state_size = 0;
    for (uint64_t i = 0; i < draft->plan.table.blob_count; i++)
        state_size += draft->plan.table.blobs[i].size;
    resume_status status = rs_draft_describe(draft, meta, state_size, error);
    if (status == RESUME_OK) status = append(file, draft, NULL, info, error);
    if (status) rs_file_tell_space(file, space_needed(file, true, draft), error);
    return status;
}

resume_status rs_file_commit_mark(rs_file *file, const rs_meta *meta,
                                  const rs_commit_options *options, rs_commit_info *info,
                                  rs_error *error) {
    rs_draft draft = {0};
    bool appends = false;
    *info = (rs_commit_info){0};
    resume_status status = rs_file_check_writable(file, error);
    if (status == RESUME_OK && file->generation_count == 0)
        status = rs_fail(error, RESUME_MISUSE, "'%s': nothing is saved yet", file->path);
    if (status == RESUME_OK) status = rs_file_choose_way(file, &appends, error);
    /* The state is in the file alone: where that can't be written or relied upon, a new one is made
     * of it. */
    if (status == RESUME_OK && (!appends || file->unproven))
        status = rs_file_rewrite(file, &options->keep, 0, info, error);
    if (status == RESUME_OK) status = rs_table_copy(&file->table, &draft.plan.table, error);
    draft.header.flags = RS_SEGMENT_MARK;
    draft.key = rs_file_key_for(file, file->signature);
    draft.stream_digest = file->stream_digest;
    if (status == RESUME_OK) status = rs_file_append_table(file, &draft, meta, info, error);
    rs_draft_release(&draft);
    return status;
}
