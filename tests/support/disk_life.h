/* A program on a model disk: opens, saves, marks, starts over, dies; and tells the oracle.
 *
 * A step that fails although the disk is whole is a failure of the test; it is kept as `trouble`.
 */
#ifndef SUPPORT_DISK_LIFE_H
#define SUPPORT_DISK_LIFE_H

#include "disk_oracle.h"
#include "model_disk.h"
#include "store/lock.h"
#include "store/run.h"
#include "store/file_internal.h"

#define LIFE_FOLDER   "/home/work/.checkpoints"
#define LIFE_STRANGER "mine" /* a file of somebody else */

typedef enum life_shape {
    LIFE_SMALL,   /* some hundred bytes: one self-verifying segment of one block */
    LIFE_BLOBS,   /* many small blobs, few of which change: deltas of the table */
    LIFE_PAGES,   /* a chunk of eight pages of which one changes each time: patches */
    LIFE_ORDERED, /* some blocks, written as an ordered segment */
    LIFE_LARGE,   /* over 1 MiB */
} life_shape;

typedef struct disk_life {
    model_disk *disk;
    int process;
    life_shape shape;
    bool uses_locks;
    bool hints;    /* closing writes one */
    unsigned name; /* which of the two */
    rs_folder *folder;
    rs_lock lock;
    rs_file *file;
    rs_recovery recovery;
    rs_run *run;
    disk_oracle oracle;
    bool may_fail;     /* the disk fails now and then: trouble is not kept */
    char trouble[600]; /* empty: none */
} disk_life;

extern const char *const life_names[ORACLE_NAMES];

/* A process begins with what the oracle says. */
void life_begin(disk_life *life, model_disk *disk, int process, life_shape shape,
                const disk_oracle *oracle);
void life_open(disk_life *life);  /* folder, lock, file; a new one when there is none */
void life_close(disk_life *life); /* in order */
void life_die(disk_life *life);   /* descriptors and locks go */
void life_let_be_small(disk_life *life, bool small); /* segments of LIFE_ORDERED */
bool life_save(disk_life *life);
void life_start_over(disk_life *life); /* the next save sets aside */
bool life_mark(disk_life *life);       /* the call has ended; names the run if there is one */
bool life_prune(disk_life *life, unsigned last);
bool life_roll_back(disk_life *life, unsigned index); /* 1: the save before the newest */
void life_begin_run(disk_life *life);
void life_finish_run(disk_life *life);
void life_note(disk_life *life); /* what the oracle says from now on */
/* Remembers what failed, if nothing did before. */
void life_fail(disk_life *life, const char *what, const rs_error *error);

/* Does the state hold `version`, bit for bit? The text says what differs. */
bool life_holds(life_shape shape, const disk_oracle *oracle, rs_state *state, uint64_t version,
                char *text, size_t text_size);
#endif
