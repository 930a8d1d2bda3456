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
 * names host, process and start time of the holder, as its lock file tells. The lock file is made
 * 0600, O_NOFOLLOW, and never deleted. After taking it, checks that the path still names the locked
 * file. `lock` must not move while it is held. */
resume_status rs_lock_take(const rs_folder *folder, const char *file_name, rs_lock *lock,
                           rs_error *error);
void rs_lock_release(const rs_folder *folder, rs_lock *lock); /* not held is allowed */
#endif
