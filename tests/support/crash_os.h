/* A disk in memory that can lose power: what was not synced persists in an arbitrary part.
 *
 * Data: every 512-byte sector of every write since the last sync of its file, and every change of a
 * file's size, is kept or lost on its own; a lost sector holds what was there before. Names: every
 * creation, link, removal and rename since the last sync of the folder is kept or lost on its own
 * (a rename is one step). One folder, no sub-folders. */
#ifndef SUPPORT_CRASH_OS_H
#define SUPPORT_CRASH_OS_H

#include "os/os.h"
#include "store/folder.h"

#define CRASH_FILES_MAX 48
#define CRASH_NAMES_MAX 48
#define CRASH_STEPS_MAX 4096

typedef struct crash_bytes {
    uint8_t *bytes;
    size_t size, capacity;
} crash_bytes;

typedef struct crash_file {
    crash_bytes now;     /* as the running system sees it */
    crash_bytes durable; /* as it was at the last sync */
    uint8_t *touched;    /* one for each sector of `now` that was written since */
    size_t touched_size;
    bool resized; /* since the last sync */
} crash_file;

typedef struct crash_name {
    char name[64];
    int file; /* -1: none */
} crash_name;

/* Sets `to` to `file`, and removes `from`; either may be empty. */
typedef struct crash_step {
    char from[64], to[64];
    int file;
} crash_step;

typedef struct crash_os {
    rs_os os;
    rs_folder folder;
    crash_file files[CRASH_FILES_MAX];
    int file_count;
    crash_name now[CRASH_NAMES_MAX], durable[CRASH_NAMES_MAX];
    crash_step steps[CRASH_STEPS_MAX]; /* since the last sync of the folder */
    size_t step_count;
    bool has_no_links;
    uint64_t random;
    long calls_left; /* changing calls until the power fails; negative: never */
    bool is_off;
} crash_os;

void crash_os_init(crash_os *disk, uint64_t seed);
void crash_os_release(crash_os *disk);
/* The power fails now; afterwards the disk is on again, with what has persisted. */
void crash_os_crash(crash_os *disk);
#endif
