/* What is behind an rs_checkpoint. Private to src/engine. */
#ifndef RS_ENGINE_CHECKPOINT_INTERNAL_H
#define RS_ENGINE_CHECKPOINT_INTERNAL_H

#include "engine/checkpoint.h"
#include "engine/interval.h"
#include "engine/schedule.h"
#include "engine/tracking.h"
#include "os/timer.h"
#include "os/worker.h"
#include "store/lock.h"
#include "store/run.h"

/* The save that a thread writes behind the back of the program. */
typedef struct rs_later {
    rs_worker *worker;     /* made by the first one */
    rs_prepared *prepared; /* the thread's, until it is done */
    rs_outcome outcome;
    int64_t begun_ns, paused_until_ns, durable_ns; /* monotonic */
    atomic_int is_done;                            /* the thread has written it, or failed to */
    bool is_under_way; /* it was begun, and what became of it is not taken over yet */
    bool is_untold;    /* rs_checkpoint_outcome has to tell `outcome` */
} rs_later;

struct rs_checkpoint {
    const rs_os *os;
    rs_folder *folder;
    rs_file *file;
    rs_lock lock;
    rs_state *state; /* loaded, until the next save */
    rs_timer *timer;
    atomic_int *due, own_due; /* the one in use, and the one to use when none is given */
    rs_schedule schedule;
    bool is_automatic; /* `interval` chooses the rate */
    rs_interval interval;
    int64_t opened_ns; /* monotonic */
    int64_t saving_ns; /* monotonic: since when a save keeps the program waiting; 0: it does not */
    rs_meta saving;    /* of the save that is made: its texts are those of the checkpoint */
    bool is_tracked;   /* and `tracking` waits to hear what became of it */
    rs_later later;
    int64_t pid; /* of the opener: its children may not save */

    char file_name[RS_FILE_NAME_SIZE];
    char *path;
    rs_slice name;                     /* owned */
    char *program, *function, *writer; /* owned, "" for NULL */
    char host[65];
    rs_commit_options commit;

    bool tracks;
    rs_tracking *tracking; /* made when it is needed first */
    const char *track_problem;

    rs_checkpoint_info info;
    rs_buffer found_bytes; /* info.meta borrows them */
    rs_meta found_meta;
    char run[RS_RUN_ID_SIZE]; /* of the ended call that was found */

    /* The call that is running, as META counts it. */
    int64_t call_started_ns;
    int64_t call_running_ns; /* in processes before this one */
    int64_t call_begun_ns;   /* monotonic: in this process */
    uint64_t call_saves;
    uint64_t call_paused_ns;       /* for which its saves have stopped the program */
    uint64_t pause_ns, durable_ns; /* of its newest save, by this process; 0: none yet */

    bool is_saved;  /* the file holds a generation that is used: found, or saved by this handle */
    bool has_ended; /* and its META says that its call has ended */
    int64_t saved_ns;

    bool may_be_refused; /* a refusal may lie beside the file, of this handle or before it */
    int64_t refused_ns;  /* when the first save was refused since the newest; 0: none was */
    char *refusal;       /* owned: what was written there, or NULL */
};

/* --- save.c --- */

/* A save that is under way comes to its end first, and what became of it is taken over. */
void rs_checkpoint_settle(rs_checkpoint *checkpoint);

/* --- checkpoint.c: when a save is due --- */

/* With RS_AUTO the rate follows what saves cost and how often the call was cut off. */
void rs_checkpoint_choose_rate(rs_checkpoint *checkpoint, uint64_t rate_ns);
/* A save that has worked began at `begun`, kept the program waiting until `paused_until`, and was
 * durable at `durable` (all monotonic). */
void rs_checkpoint_note_cost(rs_checkpoint *checkpoint, int64_t begun, int64_t paused_until,
                             int64_t durable);
/* The flag goes up when the schedule says so. */
void rs_checkpoint_arm(rs_checkpoint *checkpoint);
resume_status rs_checkpoint_start_timer(rs_checkpoint *checkpoint, rs_error *error);
#endif
