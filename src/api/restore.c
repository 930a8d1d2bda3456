/* Restoring: all or nothing, from the newest generation that is whole. */
#include "api/encode.h"
#include "api/take.h"

#include "base/alloc.h"

#include <stdio.h>

/* --- memory of arrays, out of a generation --- */

static uint64_t blob_size(void *state, size_t index) {
    return rs_state_blob_size(state, index);
}

static resume_status blob_read(void *state, size_t index, uint64_t offset, size_t size, void *to,
                               rs_error *error) {
    if (offset == 0 && size == rs_state_blob_size(state, index))
        return rs_state_read_blob(state, index, to, error);
    return rs_state_read_range(state, index, offset, size, to, error);
}

static bool blob_is_at_hand(void *state, size_t index) {
    return rs_state_is_at_hand(state, index);
}

static resume_status claim(void *state, uint64_t size, rs_error *error) {
    return rs_state_claim(state, size, error);
}

/* --- load callbacks: all, or those that ran get back what they had --- */

/* What the callbacks' objects hold now. One that can't tell, since it is not made yet, is not given
 * anything back. */
static resume_status keep_states(rs_taking *taking, rs_error *error) {
    const rs_scope *scope = &taking->checkpoint->scope;
    for (size_t i = 0; i < taking->state_count; i++) {
        rs_loading *loading = &taking->states[i];
        resume_status status =
            rs_encode_state(scope, &scope->variables[loading->variable], &loading->before, error);
        if (status == RESUME_NO_MEMORY) return status;
        loading->is_kept = status == RESUME_OK;
    }
    rs_error_clear(error);
    return RESUME_OK;
}

static int load(const rs_taking *taking, const rs_loading *loading, const rs_buffer *bytes) {
    const rs_variable *variable = &taking->checkpoint->scope.variables[loading->variable];
    return variable->load(variable->address, bytes->bytes, bytes->size);
}

static resume_status load_states(rs_taking *taking, rs_error *error) {
    const rs_scope *scope = &taking->checkpoint->scope;
    for (size_t i = 0; i < taking->state_count; i++) {
        const rs_loading *loading = &taking->states[i];
        int answer = load(taking, loading, &loading->bytes);
        if (!answer) continue;
        /* the one that refused may have changed something, too */
        for (size_t k = 0; k <= i; k++)
            if (taking->states[k].is_kept)
                (void)load(taking, &taking->states[k], &taking->states[k].before);
        return rs_fail(error, RESUME_MISMATCH,
                       "the function that loads '%s' refused what is saved: it gave %d",
                       rs_scope_name(scope, &scope->variables[loading->variable]), answer);
    }
    return RESUME_OK;
}

/* One of them may refuse, and then what was restored before it has to be taken back. */
static bool has_callbacks(const resume *checkpoint) {
    for (size_t i = 0; i < checkpoint->scope.count; i++)
        if (checkpoint->scope.variables[i].load) return true;
    return false;
}

static resume_status apply(rs_taking *taking, rs_error *error) {
    resume *checkpoint = taking->checkpoint;
    bool can_undo = rs_changes_can_undo(&taking->changes);
    resume_status status = keep_states(taking, error);
    if (status) return status;
    status = rs_changes_apply(&taking->changes, taking->stream, taking->state_count > 0, error);
    if (status) {
        checkpoint->is_spoiled = true;
        rs_error_prefix(error,
                        "an array was verified, but could not be read a second time, so that "
                        "variables are half restored");
        return status;
    }
    status = load_states(taking, error);
    if (status == RESUME_OK) return RESUME_OK;
    if (can_undo)
        rs_changes_undo(&taking->changes);
    else
        checkpoint->is_spoiled = true;
    return status;
}

/* --- one generation --- */

static resume_status refuse_strictly(const resume *checkpoint, rs_error *error) {
    const char *missing = rs_report_name(&checkpoint->report, RESUME_MISSING, 0);
    const char *unused = rs_report_name(&checkpoint->report, RESUME_UNUSED, 0);
    return rs_fail(error, RESUME_MISMATCH,
                   missing ? "variable '%s' is protected, but not saved (strict)"
                           : "variable '%s' is saved, but not protected (strict)",
                   missing  ? missing
                   : unused ? unused
                            : "");
}

static resume_status restore_from(resume *checkpoint, rs_state *state, rs_error *error) {
    rs_stream stream;
    rs_taking taking = {.checkpoint = checkpoint, .stream = &stream};
    rs_blobs blobs = {state,          rs_state_blob_count(state), blob_size, blob_read, claim,
                      blob_is_at_hand};
    resume_status status = rs_stream_open(&stream, rs_state_stream(state), &blobs, error);
    if (status) return status;
    rs_changes_init(&taking.changes, checkpoint->staged_size_max, has_callbacks(checkpoint));
    rs_report_clear(&checkpoint->report);
    status = rs_take_all(&taking, error);
    if (status == RESUME_OK && checkpoint->is_strict && taking.is_incomplete)
        status = refuse_strictly(checkpoint, error);
    if (status == RESUME_OK) status = apply(&taking, error);
    rs_taking_release(&taking);
    rs_stream_release(&stream);
    return status;
}

/* --- the newest that is whole --- */

/* The generation to read: NULL with RESUME_OK when nothing is saved. */
static resume_status load_state(resume *checkpoint, rs_state **state, rs_error *error) {
    *state = NULL;
    if (checkpoint->kind == RS_HANDLE_READER)
        return rs_file_read(checkpoint->file, checkpoint->generation_index, state, error);
    resume_status status = rs_checkpoint_load(checkpoint->engine, state, error);
    return status ? status : rs_checkpoint_check_folder(checkpoint->engine, error);
}

static void unload_state(resume *checkpoint, rs_state *state) {
    if (checkpoint->kind == RS_HANDLE_READER)
        rs_state_free(state);
    else
        rs_checkpoint_forget(checkpoint->engine);
}

static uint64_t generation_of(const resume *checkpoint) {
    if (checkpoint->kind == RS_HANDLE_READER)
        return rs_file_generation(checkpoint->file, checkpoint->generation_index)->number;
    return checkpoint->info.saves ? checkpoint->info.generation
                                  : rs_checkpoint_look(checkpoint->engine)->generation;
}

/* `error` says on entry what is damaged. */
static resume_status fall_back(resume *checkpoint, rs_error *error) {
    char text[sizeof error->text + 100];
    snprintf(text, sizeof text, "the newest save is damaged (%s): an older one is restored",
             error->text);
    if (checkpoint->kind == RS_HANDLE_READER) {
        size_t count = rs_file_generation_count(checkpoint->file);
        if (checkpoint->generation_index + 1 >= count) return error->status;
        checkpoint->generation_index++;
    } else {
        resume_status status = rs_checkpoint_fall_back(checkpoint->engine, error);
        if (status) return status;
    }
    rs_handle_warn(checkpoint, text);
    return RESUME_OK;
}

static bool is_damage(resume_status status) {
    return status == RESUME_DAMAGED || status == RESUME_TRUNCATED;
}

static resume_status restore(resume *checkpoint, bool *restored, rs_error *error) {
    for (;;) {
        rs_state *state;
        resume_status status = load_state(checkpoint, &state, error);
        if (status == RESUME_OK && !state) return RESUME_OK;
        if (status == RESUME_OK) {
            const rs_meta *meta = rs_state_meta(state);
            checkpoint->info.saved_ns = meta->saved_ns;
            checkpoint->info.state_size = meta->state_size;
            checkpoint->info.generation = generation_of(checkpoint);
            status = restore_from(checkpoint, state, error);
            unload_state(checkpoint, state);
        }
        *restored = status == RESUME_OK;
        if (!is_damage(status) || checkpoint->is_spoiled) return status;
        status = fall_back(checkpoint, error);
        if (status) return status;
    }
}

resume_status resume_restore(resume *checkpoint, int *restored) {
    bool did = false;
    if (restored) *restored = 0;
    if (checkpoint->kind == RS_HANDLE_DISABLED) return RESUME_OK;
    rs_error *error = &checkpoint->error;
    resume_status status = rs_handle_check(checkpoint, "resume_restore");
    if (status) return status;
    if (checkpoint->kind == RS_HANDLE_FIELDS || checkpoint->is_spoiled)
        return rs_handle_failed(checkpoint,
                                rs_fail(error, RESUME_MISUSE, "resume_restore: %s",
                                        checkpoint->is_spoiled
                                            ? "a restore has failed half-way: run the program again"
                                            : "this handle only names the fields of a struct"));
    if (rs_handle_hear(checkpoint) != RESUME_OK) rs_handle_warn(checkpoint, error->text);
    checkpoint->is_busy = true;
    status = restore(checkpoint, &did, error);
    checkpoint->is_busy = false;
    if (status) return rs_handle_failed(checkpoint, status);
    checkpoint->has_unread = false;
    if (did && checkpoint->info.found == RESUME_FOUND_CUT_OFF) checkpoint->has_begun = true;
    if (restored) *restored = did;
    return RESUME_OK;
}
