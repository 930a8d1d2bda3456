/* Going back: an older generation becomes the newest, by a commit of its own. */
#include "store/file_internal.h"

#include <inttypes.h>
#include <limits.h>

/* Reads all of it: what becomes the newest must verify to its last byte. */
static resume_status load_whole(rs_file *file, const rs_generation *generation, rs_state **state,
                                rs_error *error) {
    resume_status status = rs_state_load(file, generation, state, error);
    if (status) return status;
    status = rs_state_verify(*state, NULL, NULL, NULL, error);
    if (status == RESUME_OK) return status;
    rs_state_free(*state);
    *state = NULL;
    return status;
}

static size_t index_of(const rs_file *file, uint64_t number) {
    size_t index = 0;
    while (index < file->generation_count && /* always true: it has just been written */
           rs_file_generation(file, index)->number != number)
        index++;
    return index;
}

/* Its chunks have other places in the new file. */
static resume_status move_to_new_file(rs_file *file, size_t index, rs_state **state,
                                      rs_commit_info *info, rs_error *error) {
    static const rs_keep everything = {.last = UINT_MAX};
    uint64_t number = (*state)->generation.number;
    rs_state_free(*state);
    *state = NULL;
    resume_status status = rs_file_list_all(file, error);
    if (status == RESUME_OK) status = rs_file_rewrite(file, &everything, index, info, error);
    if (status == RESUME_OK) status = rs_file_list_all(file, error);
    if (status) return status;
    return rs_state_load(file, rs_file_generation(file, index_of(file, number)), state, error);
}

/* With a whole table: as a difference to that of the newest, it would be lost together with it. */
static resume_status commit_copy(rs_file *file, rs_state *state, rs_commit_info *info,
                                 rs_error *error) {
    rs_draft draft = {.full_table = true,
                      .key = rs_state_is_mine(state) ? rs_file_key(file) : NULL,
                      .stream_digest = state->end.stream};
    rs_meta meta = state->meta;
    meta.saved_ns = file->os->clock_ns(file->os);
    meta.copy_of = state->generation.number;
    resume_status status = rs_table_copy(&state->table, &draft.plan.table, error);
    if (status == RESUME_OK) status = rs_file_append_table(file, &draft, &meta, info, error);
    rs_draft_release(&draft);
    return status;
}

static resume_status check_index(const rs_file *file, size_t index, rs_error *error) {
    const rs_generation *generation = rs_file_generation(file, index);
    if (!generation)
        return rs_fail(error, RESUME_NOT_FOUND, "'%s' has no such generation", file->path);
    if (index > 0) return RESUME_OK;
    return rs_fail(error, RESUME_MISUSE, "generation %" PRIu64 " of '%s' is the newest",
                   generation->number, file->path);
}

resume_status rs_file_rollback(rs_file *file, size_t index, rs_commit_info *info, rs_error *error) {
    rs_state *state = NULL;
    bool appends = false;
    *info = (rs_commit_info){0};
    resume_status status = rs_file_check_writable(file, error);
    if (status == RESUME_OK) status = check_index(file, index, error);
    if (status == RESUME_OK)
        status = load_whole(file, rs_file_generation(file, index), &state, error);
    if (status == RESUME_OK) status = rs_file_choose_way(file, &appends, error);
    if (status == RESUME_OK && !appends)
        status = move_to_new_file(file, index, &state, info, error);
    if (status == RESUME_OK) status = commit_copy(file, state, info, error);
    rs_state_free(state);
    return status;
}
