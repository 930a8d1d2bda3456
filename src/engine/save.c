/* Saving a running checkpoint: at once, or by a thread that writes while the program goes on. */
#include "engine/checkpoint_internal.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "os/file.h"
#include "store/files.h"
#include "store/keys.h"
#include "store/refusal.h"

#include <stdio.h>

/* Copies of so little are made without asking how much memory is left. */
#define COPY_FREELY_MAX (UINT64_C(1) << 20)
/* Copies may have so much where there is twice as much, and an eighth of what is left. */
#define COPY_MAX       (UINT64_C(64) << 20)
#define COPY_SHARE_MAX 8

static resume_status check_process(const rs_checkpoint *checkpoint, rs_error *error) {
    if (!rs_checkpoint_is_forked(checkpoint)) return RESUME_OK;
    return rs_fail(error, RESUME_FORKED,
                   "checkpoint '%s' belongs to the parent process; open one with another name here",
                   checkpoint->path);
}

/* Someone cleaned up: the lock must be the one that the next process would take, too. */
static resume_status keep_lock(rs_checkpoint *checkpoint, rs_error *error) {
    const rs_os *os = checkpoint->os;
    rs_lock *lock = &checkpoint->lock;
    bool replaced;
    resume_status status = rs_folder_refresh(checkpoint->folder, &replaced, error);
    if (status) return status;
    if (lock->unsupported) return RESUME_OK;
    char lock_name[RS_FILE_NAME_SIZE];
    rs_file_info info;
    snprintf(lock_name, sizeof lock_name, "%.*s.lock", (int)RS_NAME_SIZE_MAX,
             checkpoint->file_name);
    int answer = os->info_at(os, checkpoint->folder->fd, lock_name, &info);
    if (answer < 0 && rs_os_status(answer) != RESUME_NOT_FOUND)
        return rs_os_fail(error, answer, "can't look at the lock of", checkpoint->path);
    if (lock->fd >= 0 && answer == 0 && rs_is_same_file(&info, lock->device, lock->inode))
        return RESUME_OK;
    rs_lock_release(checkpoint->folder, lock);
    return rs_lock_take(checkpoint->folder, checkpoint->file_name, lock, error);
}

static rs_meta make_meta(const rs_checkpoint *checkpoint, bool ended) {
    const rs_os *os = checkpoint->os;
    int64_t here = os->monotonic_ns(os) - checkpoint->call_begun_ns;
    return (rs_meta){
        .saved_ns = os->clock_ns(os),
        .started_ns = checkpoint->call_started_ns,
        .running_ns = checkpoint->call_running_ns + here,
        .saves = checkpoint->call_saves + !ended,
        .ended = ended,
        .pid = checkpoint->pid,
        .failures = checkpoint->interval.failures,
        .cost_ns = (uint64_t)checkpoint->interval.cost_ns,
        .pause_ns = checkpoint->pause_ns,
        .durable_ns = checkpoint->durable_ns,
        .paused_ns = checkpoint->call_paused_ns,
        .name = checkpoint->name,
        .program = {checkpoint->program, strlen(checkpoint->program)},
        .function = {checkpoint->function, strlen(checkpoint->function)},
        .host = {checkpoint->host, strlen(checkpoint->host)},
        .writer = {checkpoint->writer, strlen(checkpoint->writer)},
    };
}

static void forget_refusal(rs_checkpoint *checkpoint) {
    if (checkpoint->may_be_refused) rs_refusal_remove(checkpoint->folder, checkpoint->file_name);
    checkpoint->may_be_refused = false;
    checkpoint->refused_ns = 0;
    rs_free(checkpoint->refusal);
    checkpoint->refusal = NULL;
}

static void note_saved(rs_checkpoint *checkpoint, const rs_meta *meta) {
    forget_refusal(checkpoint);
    checkpoint->saved_ns = meta->saved_ns;
    checkpoint->is_saved = true;
    checkpoint->has_ended = meta->ended;
    checkpoint->call_saves = meta->saves;
}

/* What the kernel knows of the blobs; NULL: nothing. */
static const rs_unchanged *look_at_pages(rs_checkpoint *checkpoint, const rs_blob *blobs,
                                         size_t blob_count) {
    if (!checkpoint->tracks) return NULL;
    if (!checkpoint->tracking && !checkpoint->track_problem)
        checkpoint->tracking = rs_tracking_new(&checkpoint->track_problem);
    if (!checkpoint->tracking) return NULL;
    const rs_header *header = rs_file_header(checkpoint->file);
    return rs_tracking_look(checkpoint->tracking, blobs, blob_count,
                            header->chunk_size ? header->chunk_size : RS_CHUNK_SIZE);
}

/* --- what every save does --- */

void rs_checkpoint_begin_save(rs_checkpoint *checkpoint) {
    checkpoint->saving_ns = checkpoint->os->monotonic_ns(checkpoint->os);
}

/* All that comes before the blobs are looked at. */
static resume_status begin(rs_checkpoint *checkpoint, rs_error *error) {
    if (checkpoint->saving_ns == 0) rs_checkpoint_begin_save(checkpoint);
    resume_status status = check_process(checkpoint, error);
    if (status) return status;
    rs_checkpoint_settle(checkpoint);
    rs_checkpoint_forget(checkpoint);
    checkpoint->saving = make_meta(checkpoint, false);
    return RESUME_OK;
}

/* The lock, the key, and what is known of the blobs. */
static resume_status make_ready(rs_checkpoint *checkpoint, rs_snapshot *snapshot, rs_error *error) {
    resume_status status = keep_lock(checkpoint, error);
    if (status) return status;
    if (checkpoint->folder->keys) rs_keys_make(checkpoint->folder->keys, checkpoint->folder);
    snapshot->unchanged = look_at_pages(checkpoint, snapshot->blobs, snapshot->blob_count);
    checkpoint->is_tracked = snapshot->unchanged != NULL;
    return RESUME_OK;
}

/* What became of it is known. */
static void finish(rs_checkpoint *checkpoint, resume_status status, uint64_t generation,
                   int64_t begun, int64_t paused_until, int64_t durable) {
    if (checkpoint->is_tracked)
        rs_tracking_settle(checkpoint->tracking, status == RESUME_OK ? generation : 0);
    checkpoint->is_tracked = false;
    if (status == RESUME_OK) {
        note_saved(checkpoint, &checkpoint->saving);
        rs_checkpoint_note_cost(checkpoint, begun, paused_until, durable);
    }
    rs_schedule_note(&checkpoint->schedule, status == RESUME_OK,
                     status == RESUME_OK ? paused_until : durable);
    rs_checkpoint_arm(checkpoint);
}

static void finish_now(rs_checkpoint *checkpoint, resume_status status, uint64_t generation) {
    int64_t now = checkpoint->os->monotonic_ns(checkpoint->os);
    finish(checkpoint, status, generation, checkpoint->saving_ns, now, now);
    checkpoint->saving_ns = 0;
}

/* --- at once --- */

resume_status rs_checkpoint_save(rs_checkpoint *checkpoint, const rs_blob *blobs, size_t blob_count,
                                 rs_commit_info *info, rs_error *error) {
    rs_snapshot snapshot = {.meta = &checkpoint->saving, .blobs = blobs, .blob_count = blob_count};
    *info = (rs_commit_info){0};
    resume_status status = begin(checkpoint, error);
    if (status) return status;
    status = make_ready(checkpoint, &snapshot, error);
    if (status == RESUME_OK)
        status = rs_file_commit(checkpoint->file, &snapshot, &checkpoint->commit, info, error);
    finish_now(checkpoint, status, info->generation);
    return status;
}

/* --- by a thread --- */

/* The flag goes up last: the program's next call hears of it. */
static void write_prepared(void *context) {
    rs_checkpoint *checkpoint = context;
    rs_later *later = &checkpoint->later;
    rs_outcome *outcome = &later->outcome;
    outcome->status =
        rs_file_commit_prepared(checkpoint->file, later->prepared, &outcome->info, &outcome->error);
    rs_prepared_free(later->prepared);
    later->prepared = NULL;
    later->durable_ns = checkpoint->os->monotonic_ns(checkpoint->os);
    atomic_store(&later->is_done, 1);
    atomic_store(checkpoint->due, 1);
}

static void take_over(rs_checkpoint *checkpoint) {
    rs_later *later = &checkpoint->later;
    rs_outcome *outcome = &later->outcome;
    later->is_under_way = false;
    later->is_untold = true;
    atomic_store(&later->is_done, 0);
    outcome->pause_ns = (uint64_t)(later->paused_until_ns - later->begun_ns);
    outcome->durable_ns = (uint64_t)(later->durable_ns - later->begun_ns);
    finish(checkpoint, outcome->status, outcome->info.generation, later->begun_ns,
           later->paused_until_ns, later->durable_ns);
}

/* In a child the thread is gone: nothing ever becomes of it there. */
bool rs_checkpoint_is_under_way(const rs_checkpoint *checkpoint) {
    return checkpoint->later.is_under_way && !rs_checkpoint_is_forked(checkpoint);
}

void rs_checkpoint_wait(rs_checkpoint *checkpoint) {
    if (checkpoint->later.worker) rs_worker_wait(checkpoint->later.worker);
}

bool rs_checkpoint_is_saving(const rs_checkpoint *checkpoint) {
    return rs_checkpoint_is_under_way(checkpoint) && rs_worker_is_busy(checkpoint->later.worker);
}

void rs_checkpoint_settle(rs_checkpoint *checkpoint) {
    if (!rs_checkpoint_is_under_way(checkpoint)) return;
    rs_checkpoint_wait(checkpoint);
    take_over(checkpoint);
}

static void settle_if_done(rs_checkpoint *checkpoint) {
    if (rs_checkpoint_is_under_way(checkpoint) && !rs_checkpoint_is_saving(checkpoint))
        take_over(checkpoint);
}

bool rs_checkpoint_outcome(rs_checkpoint *checkpoint, rs_outcome *outcome) {
    settle_if_done(checkpoint);
    if (!checkpoint->later.is_untold) return false;
    checkpoint->later.is_untold = false;
    *outcome = checkpoint->later.outcome;
    return true;
}

int64_t rs_checkpoint_saved_ns(rs_checkpoint *checkpoint) {
    settle_if_done(checkpoint);
    return checkpoint->saved_ns;
}

/* Of what the blobs take, how much may be copied. */
static uint64_t copied_max(const rs_checkpoint *checkpoint, const rs_blob *blobs, size_t count) {
    const rs_os *os = checkpoint->os;
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++)
        if (rs_add_overflows(size, blobs[i].size, &size)) return 0;
    if (size <= COPY_FREELY_MAX) return COPY_MAX;
    uint64_t left = os->memory_left ? os->memory_left(os) : UINT64_MAX;
    if (left == UINT64_MAX) return COPY_MAX; /* not known */
    return rs_maximum(left / COPY_SHARE_MAX, rs_minimum(left / 2, COPY_MAX));
}

/* True: the thread has it now. */
static bool hand_over(rs_checkpoint *checkpoint) {
    rs_later *later = &checkpoint->later;
    if (!rs_prepared_is_copied(later->prepared)) return false;
    if (!later->worker && rs_worker_new(&later->worker, NULL)) return false;
    /* At rate 0 every call saves, and waits. Else nothing is due until this is durable. */
    atomic_store(checkpoint->due, checkpoint->schedule.rate_ns == 0);
    later->is_under_way = true;
    later->paused_until_ns = checkpoint->os->monotonic_ns(checkpoint->os);
    if (rs_worker_start(later->worker, write_prepared, checkpoint, NULL) != RESUME_OK)
        later->is_under_way = false;
    return later->is_under_way;
}

static resume_status write_now(rs_checkpoint *checkpoint, rs_error *error) {
    rs_later *later = &checkpoint->later;
    write_prepared(checkpoint);
    later->paused_until_ns = later->durable_ns;
    take_over(checkpoint);
    if (later->outcome.status == RESUME_OK) return RESUME_OK;
    later->is_untold = false;
    if (error) *error = later->outcome.error;
    return later->outcome.status;
}

resume_status rs_checkpoint_save_later(rs_checkpoint *checkpoint, const rs_blob *blobs,
                                       size_t blob_count, rs_error *error) {
    rs_later *later = &checkpoint->later;
    rs_snapshot snapshot = {.meta = &checkpoint->saving, .blobs = blobs, .blob_count = blob_count};
    resume_status status = begin(checkpoint, error);
    if (status) return status;
    later->is_untold = false;
    later->outcome = (rs_outcome){0};
    later->begun_ns = checkpoint->saving_ns;
    status = make_ready(checkpoint, &snapshot, error);
    if (status == RESUME_OK)
        status =
            rs_file_prepare(checkpoint->file, &snapshot, &checkpoint->commit,
                            copied_max(checkpoint, blobs, blob_count), &later->prepared, error);
    if (status) {
        finish_now(checkpoint, status, 0);
        return status;
    }
    checkpoint->saving_ns = 0;
    return hand_over(checkpoint) ? RESUME_OK : write_now(checkpoint, error);
}

/* --- what is recorded besides --- */

const char *rs_checkpoint_track_problem(const rs_checkpoint *checkpoint) {
    return checkpoint->track_problem ? checkpoint->track_problem : "";
}

void rs_checkpoint_refuse(rs_checkpoint *checkpoint, const char *text) {
    if (rs_checkpoint_is_forked(checkpoint)) return;
    rs_checkpoint_settle(checkpoint); /* which forgets what was refused before it */
    if (checkpoint->refusal && strcmp(checkpoint->refusal, text) == 0) return;
    if (checkpoint->refused_ns == 0)
        checkpoint->refused_ns = checkpoint->os->clock_ns(checkpoint->os);
    rs_free(checkpoint->refusal);
    checkpoint->refusal = rs_duplicate_text(text);
    checkpoint->may_be_refused = true;
    rs_refusal_write(checkpoint->folder, checkpoint->file_name, checkpoint->refused_ns, text, NULL);
}

void rs_checkpoint_forget_files(rs_checkpoint *checkpoint) {
    if (rs_checkpoint_is_forked(checkpoint)) return;
    rs_files_remove(checkpoint->folder, checkpoint->file_name, NULL);
}

resume_status rs_checkpoint_end(rs_checkpoint *checkpoint, const char *run, rs_error *error) {
    resume_status status = check_process(checkpoint, error);
    if (status == RESUME_OK) rs_checkpoint_settle(checkpoint);
    if (status || !checkpoint->is_saved || checkpoint->has_ended) return status;
    rs_checkpoint_forget(checkpoint);
    rs_meta meta = make_meta(checkpoint, true);
    if (run) meta.run = (rs_slice){run, strlen(run)};
    rs_commit_info info;
    status = keep_lock(checkpoint, error);
    if (status == RESUME_OK)
        status = rs_file_commit_mark(checkpoint->file, &meta, &checkpoint->commit, &info, error);
    if (status == RESUME_OK) note_saved(checkpoint, &meta);
    return status;
}
