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
static void note_saved(resume *checkpoint, const rs_encoding *encoding,
                       const rs_commit_info *commit) {
    resume_info *info = &checkpoint->info;
    info->generation = commit->generation;
    info->saved_ns = rs_checkpoint_saved_ns(checkpoint->engine);
    info->saves++;
    info->failures = 0;
    info->bytes_written = commit->bytes_written;
    info->state_size = 0;
    for (size_t i = 0; i < encoding->blob_count; i++)
        info->state_size += encoding->blobs[i].size;
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

static resume_status save(resume *checkpoint, const char *what) {
    if (checkpoint->kind == RS_HANDLE_DISABLED) return RESUME_OK;
    resume_status status = may_save(checkpoint, what);
    if (status) return status;
    rs_encoding encoding = {0};
    rs_commit_info commit;
    rs_error *error = &checkpoint->error;
    checkpoint->is_busy = true;
    rs_checkpoint_begin_save(checkpoint->engine);
    status = rs_encode(checkpoint, &encoding, error);
    checkpoint->is_busy = false;
    if (status == RESUME_OK)
        status = rs_checkpoint_save(checkpoint->engine, encoding.blobs, encoding.blob_count,
                                    &commit, error);
    if (status == RESUME_OK)
        note_saved(checkpoint, &encoding, &commit);
    else
        checkpoint->info.failures++;
    rs_encoding_release(&encoding);
    return rs_handle_failed(checkpoint, status);
}

resume_status resume_save(resume *checkpoint) {
    return save(checkpoint, "resume_save");
}

resume_status resume_sync_due(resume *checkpoint) {
    if (atomic_load(&checkpoint->due) == 0) return RESUME_OK;
    return save(checkpoint, "resume_sync");
}

resume_status resume_done(resume *checkpoint) {
    resume_status status = save(checkpoint, "resume_done");
    if (status || checkpoint->kind == RS_HANDLE_DISABLED) return status;
    return rs_handle_failed(checkpoint,
                            rs_checkpoint_end(checkpoint->engine, NULL, &checkpoint->error));
}
