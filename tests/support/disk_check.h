/* Is a disk after a crash what the oracle says, and does the next program get on with it? */
#ifndef SUPPORT_DISK_CHECK_H
#define SUPPORT_DISK_CHECK_H

#include "disk_life.h"
#include "model_crash.h"

#define CHECK_TEXT 1200

/* What the next program does first. */
typedef enum check_first { CHECK_SAVES, CHECK_MARKS, CHECK_ROLLS_BACK } check_first;

typedef struct disk_check {
    life_shape shape;
    bool uses_locks;
    check_first first;
    char text[CHECK_TEXT]; /* what is wrong; empty: nothing */
    unsigned files_max;    /* the most that was left beside the checkpoints after two more saves */
    uint64_t bytes_max;
} disk_check;

/* As a reader sees it. False: wrong. */
bool disk_check_reader(disk_check *check, model_disk *disk, const disk_oracle *oracle);
/* A program opens, saves twice, and the power fails right after each save: nothing is lost, and
 * nothing is left lying about. The log of `disk` afterwards has all of it. */
bool disk_check_going_on(disk_check *check, model_disk *disk, const disk_oracle *oracle);
/* The log and what is there, for people. */
void disk_check_print(const model_disk *disk);
#endif
