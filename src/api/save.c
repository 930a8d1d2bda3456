/* Saving, ending, and when. */
#include "api/encode.h"

#include <stdio.h>

/* Whose it is can't be proven then: Python will read the data alone, on this machine as well. */
static void tell_unsigned(resume *checkpoint) {
    const rs_checkpoint_info *found = rs_checkpoint_look(checkpoint->engine);
    if (checkpoint->info.saves != 1) return;
    if (found->key_problem[0]) {
        char text[sizeof "what is saved is not signed: " + 512];
        snprintf(text, sizeof text, "what is saved is not signed: %s", found->key_problem);
        rs_handle_warn(checkpoint, text);
    }
    rs_handle_warn(checkpoint, found->key_warning);
}

/* Commits may tell something that is no failure; what is new since then replaces it. */
static void note_saved(resume *checkpoint, const rs_commit_info *commit) {
    resume_info *info = &checkpoint->info;
    info->generation = commit->generation;
    info->saved_ns = rs_checkpoint_saved_ns(checkpoint->engine);
    info->saves++;
    info->failures = 0;
    info->bytes_written = commit->bytes_written;
    info->state_size = checkpoint->saving_size;
    if (commit->aside[0]) memcpy(checkpoint->aside, commit->aside, sizeof checkpoint->aside);
    rs_handle_warn(checkpoint, commit->note);
    tell_unsigned(checkpoint);
    checkpoint->has_begun = true;
    checkpoint->has_unread = false;
}

static resume_status refuse(resume *checkpoint, const char *what, const char *why) {
    return rs_handle_failed(checkpoint,
                            rs_fail(&checkpoint->error, RESUME_MISUSE, "%s: %s", what, why));
}

static resume_status may_save(resume *checkpoint, const char *what) {
    resume_status status = rs_handle_check(checkpoint, what);
    if (status) return status;
    if (checkpoint->kind == RS_HANDLE_FIELDS)
        return refuse(checkpoint, what, "this handle only names the fields of a struct");
    if (checkpoint->kind == RS_HANDLE_READER)
        return refuse(checkpoint, what, "the checkpoint was opened for reading: use resume_open");
    if (checkpoint->is_spoiled)
        return refuse(checkpoint, what,
                      "a restore has failed half-way, and the variables are no state to save: "
                      "leave with resume_leave and run the program again");
    if (checkpoint->has_unread)
        return refuse(checkpoint, what,
                      "something is saved that has not been restored and would be lost: call "
                      "resume_restore before, or open with `clean`, which keeps it beside the new");
    return RESUME_OK;
}

/* --- in the background --- */

/* What became of a save that has come to its end. */
static resume_status tell_outcome(resume *checkpoint) {
    rs_outcome outcome;
    if (!rs_checkpoint_outcome(checkpoint->engine, &outcome)) return RESUME_OK;
    if (outcome.status == RESUME_OK) {
        note_saved(checkpoint, &outcome.info);
        return RESUME_OK;
    }
    checkpoint->info.failures++;
    checkpoint->error = outcome.error;
    return rs_handle_failed(checkpoint, outcome.status);
}

resume_status rs_handle_hear(resume *checkpoint) {
    if (checkpoint->kind != RS_HANDLE_WRITER) return RESUME_OK;
    rs_checkpoint_wait(checkpoint->engine);
    return tell_outcome(checkpoint);
}

resume_status resume_wait(resume *checkpoint) {
    if (checkpoint->kind == RS_HANDLE_DISABLED) return RESUME_OK;
    resume_status status = rs_handle_check(checkpoint, "resume_wait");
    return status ? status : rs_handle_hear(checkpoint);
}

/* --- saving --- */

static resume_status commit(resume *checkpoint, const rs_encoding *encoding, bool later) {
    rs_commit_info info;
    rs_error *error = &checkpoint->error;
    checkpoint->saving_size = 0;
    for (size_t i = 0; i < encoding->blob_count; i++)
        checkpoint->saving_size += encoding->blobs[i].size;
    resume_status status = later ? rs_checkpoint_save_later(checkpoint->engine, encoding->blobs,
                                                            encoding->blob_count, error)
                                 : rs_checkpoint_save(checkpoint->engine, encoding->blobs,
                                                      encoding->blob_count, &info, error);
    /* what the thread does is told by the next call, however soon it is known */
    if (status == RESUME_OK && later)
        return rs_checkpoint_is_under_way(checkpoint->engine) ? RESUME_OK
                                                              : tell_outcome(checkpoint);
    if (status == RESUME_OK) note_saved(checkpoint, &info);
    return status;
}

static resume_status save(resume *checkpoint, bool later) {
    rs_encoding encoding = {0};
    checkpoint->is_busy = true;
    rs_checkpoint_begin_save(checkpoint->engine);
    resume_status status = rs_encode(checkpoint, &encoding, &checkpoint->error);
    checkpoint->is_busy = false;
    uint64_t failures = checkpoint->info.failures;
    if (status == RESUME_OK) status = commit(checkpoint, &encoding, later);
    if (status) checkpoint->info.failures = failures + 1;
    rs_encoding_release(&encoding);
    return rs_handle_failed(checkpoint, status);
}

static resume_status save_at_once(resume *checkpoint, const char *what) {
    if (checkpoint->kind == RS_HANDLE_DISABLED) return RESUME_OK;
    resume_status status = may_save(checkpoint, what);
    if (status) return status;
    /* what could not be saved before is made up for by this */
    if (rs_handle_hear(checkpoint) != RESUME_OK) rs_handle_warn(checkpoint, checkpoint->error.text);
    return save(checkpoint, false);
}

resume_status resume_save(resume *checkpoint) {
    return save_at_once(checkpoint, "resume_save");
}

resume_status resume_sync_due(resume *checkpoint) {
    if (atomic_load(&checkpoint->due) == 0 || checkpoint->kind == RS_HANDLE_DISABLED)
        return RESUME_OK;
    resume_status status = may_save(checkpoint, "resume_sync");
    if (status == RESUME_OK) status = rs_handle_hear(checkpoint);
    if (status || atomic_load(&checkpoint->due) == 0) return status;
    return save(checkpoint, !checkpoint->is_foreground);
}

resume_status resume_done(resume *checkpoint) {
    resume_status status = save_at_once(checkpoint, "resume_done");
    if (status || checkpoint->kind == RS_HANDLE_DISABLED) return status;
    return rs_handle_failed(checkpoint,
                            rs_checkpoint_end(checkpoint->engine, NULL, &checkpoint->error));
}
