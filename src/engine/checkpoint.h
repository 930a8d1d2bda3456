/* A running checkpoint: what the front ends build on. Snapshots in, snapshots out.
 *
 * One handle belongs to one thread at a time; the due flag may be read from any. A thread of its
 * own writes what is saved in the background. The front ends decide what is in a snapshot and what
 * a found state means for their language; this layer knows names, locks, ages, ends and failures.
 */
#ifndef RS_ENGINE_CHECKPOINT_H
#define RS_ENGINE_CHECKPOINT_H

#include "store/file.h"

#include <stdatomic.h>

typedef struct rs_checkpoint rs_checkpoint;

#define RS_NEVER UINT64_MAX       /* for durations: no limit */
#define RS_AUTO  (UINT64_MAX - 1) /* for rates: engine/interval.h */

typedef struct rs_checkpoint_options {
    const char *folder; /* made absolute at opening, made when missing */
    const char *name;   /* UTF-8, `name_size` bytes, encoded by store/name.h */
    size_t name_size;
    const char *key_file; /* of the user (os/process.h); NULL: nothing is signed, nor proven */
    uint64_t rate_ns;     /* time between two due saves; RS_AUTO: what costs least */
    double overhead;      /* for RS_AUTO: share of the run, 0: RS_OVERHEAD_DEFAULT */
    uint64_t
        expire_ended_ns; /* age at which a call expires that ended in a program that did, too */
    uint64_t expire_cut_off_ns; /* the same for all other calls; RS_NEVER by default */
    bool clean;                 /* ignore what is saved (set it aside) */
    rs_keep keep;               /* generations that compaction keeps */
    rs_compress compress;
    const char *program, *function, *writer; /* for META; may be NULL; copied */
    bool track;      /* ask the kernel which memory has changed (engine/tracking.h) */
    atomic_int *due; /* the flag to raise when a save is due, borrowed; NULL: one of its own */
} rs_checkpoint_options;

typedef enum rs_found { RS_FOUND_NOTHING, RS_FOUND_CUT_OFF, RS_FOUND_ENDED } rs_found;

/* Why what was found is not used. */
typedef enum rs_ignored {
    RS_IGNORED_NO,
    RS_IGNORED_EXPIRED,
    RS_IGNORED_CLEAN,
    RS_IGNORED_BY_CALLER
} rs_ignored;

typedef struct rs_checkpoint_info {
    const char *path; /* of the file, absolute */
    const char *folder;
    rs_found found; /* what is saved and used; NOTHING when there is none or it is ignored */
    rs_ignored ignored;
    uint64_t generation; /* newest, 0 when nothing was saved */
    int64_t saved_ns;    /* of the newest generation, since 1970; 0 */
    int64_t age_ns;      /* of it at opening */
    const rs_meta *meta; /* of the newest generation at opening; NULL when nothing was found (kept
                            when ignored) */
    rs_recovery recovery;
    bool run_unfinished; /* an ended call was found, and its run of the program has not ended */
    bool lock_unsupported;
    const char *folder_warning; /* or "" */
    const char *key_problem;    /* why nothing is signed, or ""; known after the first save */
    const char *key_warning; /* the key will be lost before the checkpoints are, or ""; the same */
} rs_checkpoint_info;

/* Opens the folder, takes the lock (LOCKED with the holder's name), recovers the file and loads its
 * newest generation. A file that can't be used (NOT_A_CHECKPOINT, LEGACY, UNSUPPORTED, DAMAGED
 * without any good generation) is an error and is left as it is, unless `clean` says to set it
 * aside. */
resume_status rs_checkpoint_open(const rs_os *os, const rs_checkpoint_options *options,
                                 rs_checkpoint **checkpoint, rs_error *error);
const rs_checkpoint_info *rs_checkpoint_look(const rs_checkpoint *checkpoint);
/* The loaded generation, borrowed until the next save, fall back, forget or close; NULL when there
 * is none. */
rs_state *rs_checkpoint_state(rs_checkpoint *checkpoint);
/* The same, read again when it is not loaded any more; `*state` is NULL when nothing is saved (or
 * what is saved is not used). */
resume_status rs_checkpoint_load(rs_checkpoint *checkpoint, rs_state **state, rs_error *error);
/* A blob of the loaded generation turned out to be damaged (`error` on entry may say how): loads
 * the newest older one that verifies. DAMAGED when there is none left. The next save then writes a
 * complete new file and keeps the damaged one beside it. */
resume_status rs_checkpoint_fall_back(rs_checkpoint *checkpoint, rs_error *error);
/* What was found was saved by another program than `program` (a path; "" or NULL: not known), which
 * is still there: two programs of one name must not take turns with one file. One that was moved or
 * removed gives its checkpoint up. */
bool rs_checkpoint_is_of_other_program(const rs_checkpoint *checkpoint, const char *program);
/* UNTRUSTED: every user can put files into the folder, and what was found there is not signed with
 * the user's key: nothing of it goes into a program. */
resume_status rs_checkpoint_check_folder(const rs_checkpoint *checkpoint, rs_error *error);
/* Frees the loaded generation (after restoring). */
void rs_checkpoint_forget(rs_checkpoint *checkpoint);
/* Ignores what was found (nothing to do when nothing was): the next save starts a new file and sets
 * the old one aside once the new one is durable. */
void rs_checkpoint_start_over(rs_checkpoint *checkpoint);
/* A new call begins: saves and running time count from zero. Opening and starting over do so by
 * themselves unless a call that was cut off was found, which goes on. */
void rs_checkpoint_begin_call(rs_checkpoint *checkpoint);

/* The state is going to be collected for rs_checkpoint_save: from here on the program waits, which
 * RS_AUTO counts as what saves cost. */
void rs_checkpoint_begin_save(rs_checkpoint *checkpoint);
/* blobs[0] is the object stream. Durable when it returns OK; arms the timer again, also after a
 * failure (with a growing interval, up to 16 x rate, until a save works). FORKED in a child process
 * of the opener. */
resume_status rs_checkpoint_save(rs_checkpoint *checkpoint, const rs_blob *blobs, size_t blob_count,
                                 rs_commit_info *info, rs_error *error);
/* The same, but it returns when what has to be written is copied, and a thread writes it while the
 * program goes on: rs_checkpoint_outcome tells what became of it. Nothing of the blobs is needed
 * after the return. What is more than may be copied, or when there is no memory or no thread, is
 * made durable before the return. A save that is under way is waited for; its outcome, if it was
 * not asked for, is dropped. A failure before anything is handed over, or of what was made durable
 * at once, is returned, and is no outcome. */
resume_status rs_checkpoint_save_later(rs_checkpoint *checkpoint, const rs_blob *blobs,
                                       size_t blob_count, rs_error *error);
/* Returns when no save is under way. Any thread may call it, as long as nobody closes the
 * checkpoint. All other functions wait by themselves where they have to. */
void rs_checkpoint_wait(rs_checkpoint *checkpoint);
/* A save is under way, or its end was not looked at yet. */
bool rs_checkpoint_is_under_way(const rs_checkpoint *checkpoint);
/* The thread is at it: rs_checkpoint_wait would wait. */
bool rs_checkpoint_is_saving(const rs_checkpoint *checkpoint);
typedef struct rs_outcome {
    resume_status status;
    rs_commit_info info;
    rs_error error;
    uint64_t pause_ns;   /* how long the program was stopped */
    uint64_t durable_ns; /* from the beginning of the save until it was durable, or had failed */
} rs_outcome;
/* True: a save of rs_checkpoint_save_later has come to its end and was not told yet. Never waits.
 * The due flag goes up when there is something to tell, and down again here until the next save is
 * due. */
bool rs_checkpoint_outcome(rs_checkpoint *checkpoint, rs_outcome *outcome);
/* Why nothing is tracked though options.track asks for it, or "": what this system lacks. Known
 * after the first save. */
const char *rs_checkpoint_track_problem(const rs_checkpoint *checkpoint);
/* Records that the call has ended (nothing to do when nothing was saved, or when it is recorded
 * already). `run`: the id of the run of the program that it was part of (store/run.h), NULL when
 * that ends with it. */
resume_status rs_checkpoint_end(rs_checkpoint *checkpoint, const char *run, rs_error *error);
/* The program has ended: what `resume run` keeps of its files goes (store/files.h). A failure is
 * ignored: the next run finds that nothing has to be taken back. */
void rs_checkpoint_forget_files(rs_checkpoint *checkpoint);
/* Why nothing can be saved at the moment (UTF-8): kept beside the checkpoint for `resume log` until
 * a save works or the call has ended. Failures are ignored. */
void rs_checkpoint_refuse(rs_checkpoint *checkpoint, const char *text);
/* 1 when a save is due, or rs_checkpoint_outcome has something to tell. Set by the timer `rate`
 * after the opening and after each save, and for good in forked children; while a save is under way
 * nothing is due, but at rate 0. */
atomic_int *rs_checkpoint_due(rs_checkpoint *checkpoint);
void rs_checkpoint_set_rate(rs_checkpoint *checkpoint, uint64_t rate_ns);
/* The time between two due saves as it is now, also with RS_AUTO. */
uint64_t rs_checkpoint_rate(const rs_checkpoint *checkpoint);
/* Nothing can be saved now: the next save is due `delay_ns` from now. */
void rs_checkpoint_postpone(rs_checkpoint *checkpoint, uint64_t delay_ns);
bool rs_checkpoint_is_forked(
    const rs_checkpoint *checkpoint); /* this process is a child of the opener */
/* Time of the newest save by this handle or before it, ns since 1970; 0 when there is none. */
int64_t rs_checkpoint_saved_ns(rs_checkpoint *checkpoint);
/* Waits for a save that is under way, and releases the lock; saves nothing. NULL is allowed. */
void rs_checkpoint_close(rs_checkpoint *checkpoint);
#endif
