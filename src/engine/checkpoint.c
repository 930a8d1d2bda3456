/* A running checkpoint: opened and judged, saved, ended, closed. */
#include "engine/checkpoint_internal.h"

#include "base/alloc.h"
#include "store/keys.h"

#include <stdio.h>

/* --- what was found --- */

static resume_status keep_meta(rs_checkpoint *checkpoint, const rs_meta *meta, rs_error *error) {
    rs_buffer_clear(&checkpoint->found_bytes);
    rs_meta_encode(meta, &checkpoint->found_bytes);
    if (checkpoint->found_bytes.failed)
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for META");
    rs_slice bytes = {checkpoint->found_bytes.bytes, checkpoint->found_bytes.size};
    return rs_meta_decode(bytes, &checkpoint->found_meta, error);
}

/* The newest generation of the open file is loaded, and becomes what was found. */
static resume_status load_newest(rs_checkpoint *checkpoint, rs_error *error) {
    resume_status status = rs_file_read(checkpoint->file, 0, &checkpoint->state, error);
    if (status == RESUME_OK)
        status = keep_meta(checkpoint, rs_state_meta(checkpoint->state), error);
    if (status) return status;
    rs_checkpoint_info *info = &checkpoint->info;
    const rs_meta *meta = &checkpoint->found_meta;
    info->meta = meta;
    info->found = meta->ended ? RS_FOUND_ENDED : RS_FOUND_CUT_OFF;
    info->generation = rs_file_generation(checkpoint->file, 0)->number;
    info->saved_ns = meta->saved_ns;
    info->age_ns = checkpoint->os->clock_ns(checkpoint->os) - meta->saved_ns;
    checkpoint->saved_ns = meta->saved_ns;
    checkpoint->is_saved = true;
    checkpoint->has_ended = meta->ended;
    if (meta->ended && meta->run.size < RS_RUN_ID_SIZE) {
        memcpy(checkpoint->run, meta->run.bytes, meta->run.size);
        checkpoint->run[meta->run.size] = 0;
        info->run_unfinished =
            rs_run_is_unfinished(checkpoint->os, checkpoint->folder->path, checkpoint->run);
    }
    return RESUME_OK;
}

/* An ended call of a program that was cut off is work that is still wanted. */
static bool is_expired(const rs_checkpoint_info *info, const rs_checkpoint_options *options) {
    bool finished = info->found == RS_FOUND_ENDED && !info->run_unfinished;
    uint64_t limit = finished ? options->expire_ended_ns : options->expire_cut_off_ns;
    return info->found != RS_FOUND_NOTHING && info->age_ns > 0 && limit != RS_NEVER &&
           (uint64_t)info->age_ns > limit;
}

static void ignore(rs_checkpoint *checkpoint, rs_ignored why) {
    rs_checkpoint_forget(checkpoint);
    rs_file_start_over(checkpoint->file);
    checkpoint->info.ignored = why;
    checkpoint->info.found = RS_FOUND_NOTHING;
    checkpoint->info.run_unfinished = false;
    checkpoint->is_saved = checkpoint->has_ended = false;
    rs_checkpoint_begin_call(checkpoint);
}

/* A call that was cut off goes on counting where it stood. */
static void continue_call(rs_checkpoint *checkpoint) {
    const rs_meta *meta = &checkpoint->found_meta;
    rs_checkpoint_begin_call(checkpoint);
    if (checkpoint->info.found != RS_FOUND_CUT_OFF) return;
    checkpoint->call_started_ns = meta->started_ns;
    checkpoint->call_running_ns = meta->running_ns;
    checkpoint->call_saves = meta->saves;
    checkpoint->call_paused_ns = meta->paused_ns;
    checkpoint->interval.failures = meta->failures + 1;
    checkpoint->interval.running_ns = meta->running_ns > 0 ? (uint64_t)meta->running_ns : 0;
    checkpoint->interval.cost_ns = (double)meta->cost_ns;
}

/* Files that hold nothing to go on from: `clean` may set them aside. */
static bool is_unusable(resume_status status) {
    return status == RESUME_NOT_A_CHECKPOINT || status == RESUME_LEGACY ||
           status == RESUME_UNSUPPORTED || status == RESUME_DAMAGED || status == RESUME_TRUNCATED;
}

static resume_status open_file(rs_checkpoint *checkpoint, const rs_checkpoint_options *options,
                               rs_error *error) {
    rs_checkpoint_info *info = &checkpoint->info;
    resume_status status = rs_file_open(checkpoint->folder, checkpoint->file_name, true,
                                        &checkpoint->file, &info->recovery, error);
    bool unusable = is_unusable(status);
    if (status == RESUME_OK) {
        status = load_newest(checkpoint, error);
        if (status) return status;
        continue_call(checkpoint);
        if (options->clean)
            ignore(checkpoint, RS_IGNORED_CLEAN);
        else if (is_expired(info, options))
            ignore(checkpoint, RS_IGNORED_EXPIRED);
        return RESUME_OK;
    }
    if (status != RESUME_NOT_FOUND && !(unusable && options->clean)) return status;
    rs_error_clear(error);
    info->recovery = (rs_recovery){0};
    if (unusable) info->ignored = RS_IGNORED_CLEAN;
    rs_checkpoint_begin_call(checkpoint);
    return rs_file_new(checkpoint->folder, checkpoint->file_name, 1,
                       unusable ? RS_ASIDE_NUMBERED : RS_ASIDE_NO, &checkpoint->file, error);
}

/* --- options --- */

static char *copy_text(const char *text) {
    return rs_duplicate_text(text ? text : "");
}

static resume_status copy_options(rs_checkpoint *checkpoint, const rs_checkpoint_options *options,
                                  rs_error *error) {
    checkpoint->name.bytes = rs_duplicate(options->name, options->name_size);
    checkpoint->name.size = options->name_size;
    checkpoint->program = copy_text(options->program);
    checkpoint->function = copy_text(options->function);
    checkpoint->writer = copy_text(options->writer);
    checkpoint->commit.compress = options->compress;
    checkpoint->tracks = options->track;
    checkpoint->commit.keep = options->keep;
    checkpoint->schedule.rate_ns = options->rate_ns;
    checkpoint->interval.overhead = options->overhead;
    if (!checkpoint->name.bytes || !checkpoint->program || !checkpoint->function ||
        !checkpoint->writer)
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for a checkpoint");
    return RESUME_OK;
}

static void know_process(rs_checkpoint *checkpoint) {
    rs_process process = {0};
    const rs_os *os = checkpoint->os;
    checkpoint->pid = os->pid(os);
    if (os->process(os, &process) == 0)
        snprintf(checkpoint->host, sizeof checkpoint->host, "%s", process.host);
}

/* --- when a save is due --- */

void rs_checkpoint_choose_rate(rs_checkpoint *checkpoint, uint64_t rate_ns) {
    checkpoint->is_automatic = rate_ns == RS_AUTO;
    checkpoint->schedule.rate_ns =
        checkpoint->is_automatic ? rs_interval_ns(&checkpoint->interval) : rate_ns;
}

void rs_checkpoint_note_cost(rs_checkpoint *checkpoint, int64_t begun, int64_t paused_until,
                             int64_t durable) {
    rs_interval *interval = &checkpoint->interval;
    int64_t now = checkpoint->os->monotonic_ns(checkpoint->os);
    interval->here_ns = (uint64_t)(now - checkpoint->opened_ns);
    interval->running_ns =
        (uint64_t)(checkpoint->call_running_ns + now - checkpoint->call_begun_ns);
    checkpoint->pause_ns = (uint64_t)(paused_until - begun);
    checkpoint->durable_ns = (uint64_t)(durable - begun);
    checkpoint->call_paused_ns += checkpoint->pause_ns;
    rs_interval_note(interval, checkpoint->pause_ns, checkpoint->durable_ns);
    if (checkpoint->is_automatic) rs_checkpoint_choose_rate(checkpoint, RS_AUTO);
}

/* Without its timer the flag stays up: every call then looks for itself. So it does for a save that
 * the thread has made meanwhile, which is to be heard of. */
static void set_timer(rs_checkpoint *checkpoint, uint64_t delay_ns) {
    bool failed = rs_timer_arm(checkpoint->timer, delay_ns, NULL) != RESUME_OK;
    if (failed || atomic_load(&checkpoint->later.is_done)) atomic_store(checkpoint->due, 1);
}

void rs_checkpoint_arm(rs_checkpoint *checkpoint) {
    int64_t now = checkpoint->os->monotonic_ns(checkpoint->os);
    set_timer(checkpoint, rs_schedule_delay(&checkpoint->schedule, now));
}

resume_status rs_checkpoint_start_timer(rs_checkpoint *checkpoint, rs_error *error) {
    resume_status status = rs_timer_new(checkpoint->due, &checkpoint->timer, error);
    if (status) return status;
    int64_t now = checkpoint->os->monotonic_ns(checkpoint->os);
    checkpoint->opened_ns = now;
    rs_schedule_note(&checkpoint->schedule, true, now);
    rs_checkpoint_choose_rate(checkpoint, checkpoint->schedule.rate_ns);
    return rs_timer_arm(checkpoint->timer, rs_schedule_delay(&checkpoint->schedule, now), error);
}

atomic_int *rs_checkpoint_due(rs_checkpoint *checkpoint) {
    return checkpoint->due;
}

void rs_checkpoint_set_rate(rs_checkpoint *checkpoint, uint64_t rate_ns) {
    rs_checkpoint_choose_rate(checkpoint, rate_ns);
    rs_checkpoint_arm(checkpoint);
}

uint64_t rs_checkpoint_rate(const rs_checkpoint *checkpoint) {
    return checkpoint->schedule.rate_ns;
}

void rs_checkpoint_postpone(rs_checkpoint *checkpoint, uint64_t delay_ns) {
    set_timer(checkpoint, delay_ns);
}

/* --- open and close --- */

static resume_status open_parts(rs_checkpoint *checkpoint, const rs_checkpoint_options *options,
                                rs_error *error) {
    resume_status status = copy_options(checkpoint, options, error);
    if (status == RESUME_OK)
        status = rs_name_encode(options->name, options->name_size, checkpoint->file_name, error);
    if (status == RESUME_OK)
        status = rs_folder_open(checkpoint->os, options->folder, true, &checkpoint->folder, error);
    if (status == RESUME_OK && options->key_file)
        status = rs_folder_use_key(checkpoint->folder, options->key_file, error);
    if (status) return status;
    checkpoint->path = rs_folder_join(checkpoint->folder, checkpoint->file_name);
    if (!checkpoint->path) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
    know_process(checkpoint);
    status = rs_lock_take(checkpoint->folder, checkpoint->file_name, &checkpoint->lock, error);
    if (status == RESUME_OK) status = open_file(checkpoint, options, error);
    if (status == RESUME_OK) status = rs_checkpoint_start_timer(checkpoint, error);
    return status;
}

resume_status rs_checkpoint_open(const rs_os *os, const rs_checkpoint_options *options,
                                 rs_checkpoint **checkpoint, rs_error *error) {
    *checkpoint = NULL;
    rs_checkpoint *made = rs_allocate_zeroed(1, sizeof *made);
    if (!made) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a checkpoint");
    made->os = os;
    made->due = options->due ? options->due : &made->own_due;
    made->lock.fd = -1;
    made->may_be_refused = true;
    resume_status status = open_parts(made, options, error);
    if (status) {
        rs_checkpoint_close(made);
        return status;
    }
    made->info.path = made->path;
    made->info.folder = made->folder->path;
    made->info.lock_unsupported = made->lock.unsupported;
    made->info.folder_warning = made->folder->warning;
    made->info.key_problem = made->folder->keys ? made->folder->keys->problem : "";
    made->info.key_warning = made->folder->keys ? made->folder->keys->warning : "";
    *checkpoint = made;
    return RESUME_OK;
}

void rs_checkpoint_close(rs_checkpoint *checkpoint) {
    if (!checkpoint) return;
    bool was_cut = checkpoint->later.worker && rs_worker_was_cut(checkpoint->later.worker);
    rs_worker_free(checkpoint->later.worker);
    /* forked in the middle of a save: what the thread was changing stays as it is, and is lost */
    if (was_cut) checkpoint->file = NULL;
    rs_timer_free(checkpoint->timer);
    rs_tracking_free(checkpoint->tracking);
    rs_state_free(checkpoint->state);
    if (checkpoint->file && !rs_checkpoint_is_forked(checkpoint)) rs_file_leave(checkpoint->file);
    rs_file_close(checkpoint->file);
    if (checkpoint->folder) rs_lock_release(checkpoint->folder, &checkpoint->lock);
    rs_folder_close(checkpoint->folder);
    rs_buffer_release(&checkpoint->found_bytes);
    rs_free((void *)checkpoint->name.bytes);
    rs_free(checkpoint->program);
    rs_free(checkpoint->function);
    rs_free(checkpoint->writer);
    rs_free(checkpoint->path);
    rs_free(checkpoint->refusal);
    rs_free(checkpoint);
}

/* --- looking --- */

const rs_checkpoint_info *rs_checkpoint_look(const rs_checkpoint *checkpoint) {
    return &checkpoint->info;
}

rs_state *rs_checkpoint_state(rs_checkpoint *checkpoint) {
    return checkpoint->state;
}

bool rs_checkpoint_is_forked(const rs_checkpoint *checkpoint) {
    return checkpoint->os->pid(checkpoint->os) != checkpoint->pid;
}

bool rs_checkpoint_is_of_other_program(const rs_checkpoint *checkpoint, const char *program) {
    const rs_os *os = checkpoint->os;
    const rs_slice saved = checkpoint->found_meta.program;
    char path[4096];
    rs_file_info info;
    if (checkpoint->info.found == RS_FOUND_NOTHING || saved.size == 0 ||
        saved.size >= sizeof path || !program || !*program)
        return false;
    memcpy(path, saved.bytes, saved.size);
    path[saved.size] = 0;
    return strcmp(path, program) != 0 && os->info_at(os, RS_WORKING_FOLDER, path, &info) == 0;
}

resume_status rs_checkpoint_check_folder(const rs_checkpoint *checkpoint, rs_error *error) {
    const rs_folder *folder = checkpoint->folder;
    const rs_state *state = checkpoint->state;
    if (!folder->keys || !folder->warning[0] || !state || rs_state_is_mine(state)) return RESUME_OK;
    return rs_fail(error, RESUME_UNTRUSTED,
                   "checkpoint '%s' is not proven to be yours (%s), and %s; if you know that the "
                   "file is good: 'resume trust' it",
                   checkpoint->path, rs_signature_text(rs_state_signature(state)), folder->warning);
}

/* --- another state --- */

void rs_checkpoint_forget(rs_checkpoint *checkpoint) {
    rs_state_free(checkpoint->state);
    checkpoint->state = NULL;
}

resume_status rs_checkpoint_load(rs_checkpoint *checkpoint, rs_state **state, rs_error *error) {
    resume_status status = RESUME_OK;
    rs_checkpoint_settle(checkpoint);
    if (!checkpoint->state && checkpoint->is_saved)
        status = rs_file_read(checkpoint->file, 0, &checkpoint->state, error);
    *state = checkpoint->state;
    return status;
}

resume_status rs_checkpoint_fall_back(rs_checkpoint *checkpoint, rs_error *error) {
    rs_checkpoint_settle(checkpoint);
    rs_checkpoint_forget(checkpoint);
    resume_status status = rs_file_fall_back(checkpoint->file, &checkpoint->info.recovery, error);
    if (status == RESUME_OK) status = load_newest(checkpoint, error);
    if (status == RESUME_OK) continue_call(checkpoint);
    return status;
}

void rs_checkpoint_start_over(rs_checkpoint *checkpoint) {
    rs_checkpoint_settle(checkpoint);
    if (checkpoint->info.found != RS_FOUND_NOTHING) ignore(checkpoint, RS_IGNORED_BY_CALLER);
}

void rs_checkpoint_begin_call(rs_checkpoint *checkpoint) {
    const rs_os *os = checkpoint->os;
    checkpoint->call_started_ns = os->clock_ns(os);
    checkpoint->call_begun_ns = os->monotonic_ns(os);
    checkpoint->call_running_ns = 0;
    checkpoint->call_saves = 0;
    checkpoint->call_paused_ns = 0;
    checkpoint->pause_ns = checkpoint->durable_ns = 0;
    checkpoint->interval.failures = 0;
}
