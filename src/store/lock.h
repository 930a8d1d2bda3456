/* The lock of a checkpoint: flock on NAME.lock. The kernel's, so a killed owner leaves none. */
#ifndef RS_STORE_LOCK_H
#define RS_STORE_LOCK_H

#include "os/fork.h"
#include "os/os.h"
#include "store/folder.h"

typedef struct rs_lock {
    int fd;           /* -1: not held */
    bool unsupported; /* the file system knows no locks: said once by the caller, work goes on */
    uint64_t device, inode;
    rs_fork_entry
        fork; /* closes fd in forked children, so that a worker of a killed parent keeps no lock */
} rs_lock;

/* Takes the lock of `file_name` (an encoded checkpoint name) or fails with LOCKED and a text that
 * names host, process and start time of the holder, as its lock file tells. `lock` must not move
 * while it is held; it needs no initialisation and is not held after a failure.
 *
 * The lock file is made 0600 and never deleted. What is not a regular file of the effective user
 * with one name (symbolic link, FIFO, folder, hard link, another owner, also for root) is
 * UNSAFE_PATH: it is written to. After taking the lock, the path must still name the locked file.
 *
 * Its content, for people and for the text of LOCKED: one line "PID HOST BOOT_ID STARTED_NS\n" of
 * the holder, STARTED_NS being the start of that process in ns since 1970 (0: unknown) and "-"
 * standing for an unknown text. Emptied by a release; what a killed holder wrote stays. */
resume_status rs_lock_take(const rs_folder *folder, const char *file_name, rs_lock *lock,
                           rs_error *error);
void rs_lock_release(const rs_folder *folder,
                     rs_lock *lock); /* not held, zero-initialised: allowed */
#endif
