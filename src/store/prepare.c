/* A save in two steps: what the memory holds is looked at and copied, then written. */
#include "store/file_internal.h"

#include "base/alloc.h"

struct rs_prepared {
    rs_draft draft; /* plan, META and the digest of the stream */
    rs_commit_options options;
    bool appends;
    uint64_t epoch; /* of the file that the plan relies on */
};

/* --- looking --- */

static resume_status plan_snapshot(rs_file *file, const rs_snapshot *snapshot, rs_staging *staging,
                                   rs_prepared *prepared, rs_error *error) {
    /* Chunks are told by a hash that anybody can make to match: not those of somebody else. */
    bool relies = prepared->appends && !file->unproven && rs_file_is_own(file);
    rs_draft *draft = &prepared->draft;
    rs_planning how = {
        .previous = relies ? &file->table : NULL,
        .generation = relies ? rs_file_newest(file)->number : 0,
        .chunk_size = prepared->appends ? file->header.chunk_size : RS_CHUNK_SIZE,
        .pages = &file->pages,
        .staging = staging,
        .processors = file->os->processors ? file->os->processors(file->os) : 1,
    };
    resume_status status = rs_plan_make(&how, snapshot, &draft->plan, error);
    if (status) return status;
    draft->stream_digest = rs_digest_of(snapshot->blobs[0].bytes, snapshot->blobs[0].size);
    prepared->epoch = file->epoch;
    return rs_draft_describe(draft, snapshot->meta, draft->plan.raw_size, error);
}

static resume_status prepare(rs_file *file, const rs_snapshot *snapshot,
                             const rs_commit_options *options, rs_staging *staging,
                             rs_prepared *prepared, rs_error *error) {
    *prepared = (rs_prepared){.options = *options};
    resume_status status = rs_file_check_writable(file, error);
    if (status == RESUME_OK && (!snapshot->meta || snapshot->blob_count == 0))
        status = rs_fail(error, RESUME_MISUSE, "a snapshot has META and an object stream");
    if (status == RESUME_OK) status = rs_file_choose_way(file, &prepared->appends, error);
    if (status == RESUME_OK) status = plan_snapshot(file, snapshot, staging, prepared, error);
    return status;
}

/* --- writing --- */

static resume_status write_prepared(rs_file *file, rs_prepared *prepared, rs_commit_info *info,
                                    rs_error *error) {
    resume_status status = rs_file_write_draft(file, prepared->appends, &prepared->draft,
                                               &prepared->options, info, error);
    rs_draft_release(&prepared->draft);
    if (status == RESUME_OK) rs_file_compact_if_due(file, &prepared->options.keep, info);
    return status;
}

resume_status rs_file_commit(rs_file *file, const rs_snapshot *snapshot,
                             const rs_commit_options *options, rs_commit_info *info,
                             rs_error *error) {
    rs_prepared prepared;
    *info = (rs_commit_info){0};
    resume_status status = prepare(file, snapshot, options, NULL, &prepared, error);
    if (status == RESUME_OK) return write_prepared(file, &prepared, info, error);
    rs_draft_release(&prepared.draft);
    return status;
}

resume_status rs_file_prepare(rs_file *file, const rs_snapshot *snapshot,
                              const rs_commit_options *options, uint64_t copied_max,
                              rs_prepared **prepared, rs_error *error) {
    *prepared = rs_allocate(sizeof **prepared);
    if (!*prepared) return rs_fail(error, RESUME_NO_MEMORY, "no memory to prepare a save");
    rs_staging_clear(&file->staging);
    rs_staging_begin(&file->staging, copied_max);
    resume_status status = prepare(file, snapshot, options, &file->staging, *prepared, error);
    if (status) {
        rs_draft_release(&(*prepared)->draft);
        rs_free(*prepared);
        *prepared = NULL;
        rs_staging_clear(&file->staging);
    }
    return status;
}

bool rs_prepared_is_copied(const rs_prepared *prepared) {
    return !prepared->draft.plan.borrows;
}

/* Chunks that were in the file have to be in the one that is written into. */
static resume_status still_fits(rs_file *file, const rs_prepared *prepared, rs_error *error) {
    bool appends;
    resume_status status = rs_file_choose_way(file, &appends, error);
    if (status || (appends == prepared->appends && file->epoch == prepared->epoch)) return status;
    return rs_fail(error, RESUME_IO,
                   "'%s' was removed, replaced or written into by another program while a save was "
                   "under way: the next save writes a complete new file",
                   file->path);
}

resume_status rs_file_commit_prepared(rs_file *file, rs_prepared *prepared, rs_commit_info *info,
                                      rs_error *error) {
    *info = (rs_commit_info){0};
    resume_status status = still_fits(file, prepared, error);
    if (status == RESUME_OK) status = write_prepared(file, prepared, info, error);
    rs_staging_clear(&file->staging);
    return status;
}

void rs_prepared_free(rs_prepared *prepared) {
    if (!prepared) return;
    rs_draft_release(&prepared->draft);
    rs_free(prepared);
}
