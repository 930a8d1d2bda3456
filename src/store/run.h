/* A run of a program, as its ended calls know it: which of them belong to a run that was cut off.
 *
 * A program makes calls one after the other, and is killed in the third. Run again, it makes the
 * first two once more: they have ended, but in a run that has not, so each is the same call again,
 * at its end. Only when the program has ended normally are its calls the past, on which new ones
 * build. So each run has a mark, an empty file `.run-ID` in the folder of the checkpoints: made
 * before the first end of a call is recorded, locked while the process lives, removed when the
 * program ends normally. META names the run. One removal settles all its calls at once. */
#ifndef RS_STORE_RUN_H
#define RS_STORE_RUN_H

#include "base/error.h"
#include "os/fork.h"
#include "os/os.h"
#include "store/folder.h"

#define RS_RUN_ID_SIZE   17u /* 16 hex digits and a zero */
#define RS_RUN_PREFIX    ".run-"
#define RS_RUN_NAME_SIZE (sizeof RS_RUN_PREFIX + RS_RUN_ID_SIZE)

typedef struct rs_run {
    const rs_os *os;
    rs_folder *folder; /* open: what its path leads to later does not matter */
    int fd;            /* holds its lock; closed in forked children */
    int64_t pid;       /* of the process whose run it is */
    rs_fork_entry fork;
    char id[RS_RUN_ID_SIZE];
    char name[RS_RUN_NAME_SIZE]; /* of the mark */
} rs_run;

/* Begins a run in the folder: the mark is durable when it returns OK. Marks of dead processes that
 * are older than 30 days are removed. The run must not move while it is held. */
resume_status rs_run_begin(const rs_os *os, const char *folder, rs_run **run, rs_error *error);
/* Takes over the run `id` of a dead process. NOT_FOUND: that run has ended normally. LOCKED: its
 * process is alive. BAD_NAME: not an id. */
resume_status rs_run_adopt(const rs_os *os, const char *folder, const char *id, rs_run **run,
                           rs_error *error);
/* The mark of run `id` is there: its process is alive or was cut off. */
bool rs_run_is_unfinished(const rs_os *os, const char *folder, const char *id);
/* The program has ended normally: removes the mark (not in forked children). */
void rs_run_finish(rs_run *run);
void rs_run_free(rs_run *run); /* NULL is allowed; the mark stays */
#endif
