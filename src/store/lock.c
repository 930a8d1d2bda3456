/* Taking and releasing the lock of a checkpoint, and telling who holds it. */
#include "store/lock.h"

#include "base/alloc.h"
#include "os/file.h"
#include "store/name.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ATTEMPTS_MAX      16 /* the lock file may be removed between opening and locking */
#define INTERRUPTIONS_MAX 100
#define NANOSECONDS       1000000000

/* What all steps need. */
typedef struct attempt {
    const rs_folder *folder;
    const rs_os *os;
    const char *name; /* of the checkpoint, encoded */
    char *path;       /* of the lock file, for texts */
    char lock_name[RS_FILE_NAME_SIZE];
} attempt;

/* A word for the line in the lock file: no blanks, no control characters, not empty. */
static void write_word(const char *from, char *to) {
    for (; *from != '\0'; from++, to++) {
        bool is_plain = *from > ' ' && *from < 127;
        *to = is_plain ? *from : '?';
    }
    *to = '\0';
}

/* Tells others who we are. Advice only: the lock holds without it, as on a full disk. */
static void write_holder(const attempt *at, int fd) {
    rs_process self;
    char host[sizeof self.host], boot_id[sizeof self.boot_id], line[192];
    if (at->os->process(at->os, &self) < 0) return;
    write_word(self.host[0] != '\0' ? self.host : "-", host);
    write_word(self.boot_id[0] != '\0' ? self.boot_id : "-", boot_id);
    int size = snprintf(line, sizeof line, "%" PRId64 " %s %s %" PRId64 "\n", self.pid, host,
                        boot_id, self.started_ns);
    rs_slice part = {line, (size_t)size};
    if (at->os->truncate(at->os, fd, 0) == 0)
        rs_fd_write_all(at->os, fd, &part, 1, 0, at->path, NULL);
}

/* Who holds the lock, as its file tells: anybody may have written that. */
static bool read_holder(const attempt *at, int fd, rs_process *holder) {
    char line[192];
    memset(holder, 0, sizeof *holder);
    int64_t size = at->os->read(at->os, fd, line, sizeof line - 1, 0);
    if (size <= 0) return false;
    line[size] = '\0';
    int fields = sscanf(line, "%" SCNd64 " %64s %36s %" SCNd64, &holder->pid, holder->host,
                        holder->boot_id, &holder->started_ns);
    char host[sizeof holder->host];
    write_word(holder->host, host);
    memcpy(holder->host, host, sizeof host);
    return fields == 4 && holder->pid > 0;
}

/* " since 2026-11-22 13:43:01", local time, or "" when unknown. */
static void write_since(int64_t started_ns, char *to, size_t size) {
    time_t seconds = (time_t)(started_ns / NANOSECONDS);
    struct tm parts;
    to[0] = '\0';
    if (started_ns <= 0 || localtime_r(&seconds, &parts) == NULL) return;
    if (strftime(to, size, " since %Y-%m-%d %H:%M:%S", &parts) == 0) to[0] = '\0';
}

/* The start is computed from two clocks and may differ a little each time. */
static bool is_this_process(const attempt *at, const rs_process *holder) {
    rs_process self;
    if (at->os->process(at->os, &self) < 0) return false;
    int64_t apart = (self.started_ns - holder->started_ns) / NANOSECONDS;
    return self.pid == holder->pid && strcmp(self.boot_id, holder->boot_id) == 0 && apart >= -2 &&
           apart <= 2;
}

static resume_status fail_locked(const attempt *at, int fd, rs_error *error) {
    rs_process holder;
    char since[64];
    if (!read_holder(at, fd, &holder))
        return rs_fail(error, RESUME_LOCKED,
                       "checkpoint '%s' is held by another process (lock file '%s'); wait until "
                       "it ends, stop it, or use another name (key= in Python)",
                       at->name, at->path);
    if (is_this_process(at, &holder))
        return rs_fail(error, RESUME_LOCKED,
                       "checkpoint '%s' is held by this same process (%" PRId64
                       ", lock file '%s'); close the other one or give this one another name "
                       "(key= in Python)",
                       at->name, holder.pid, at->path);
    write_since(holder.started_ns, since, sizeof since);
    return rs_fail(error, RESUME_LOCKED,
                   "checkpoint '%s' is held by process %" PRId64 " on host '%s'%s (lock file "
                   "'%s'); wait until it ends, stop it, or use another name (key= in Python)",
                   at->name, holder.pid, holder.host, since, at->path);
}

static resume_status fail_unsafe(const attempt *at, const rs_file_info *info, rs_error *error) {
    const char *what = info->kind == RS_KIND_FOLDER ? "a folder"
                       : info->kind == RS_KIND_LINK ? "a symbolic link"
                       : info->kind == RS_KIND_FILE ? "a file with a second name (hard link)"
                                                    : "a device, FIFO or socket";
    if (info->kind == RS_KIND_FILE && info->owner != at->os->user(at->os))
        return rs_fail(error, RESUME_UNSAFE_PATH,
                       "the lock file '%s' belongs to another user (id %u); use another name "
                       "(key= in Python) or another folder",
                       at->path, (unsigned)info->owner);
    return rs_fail(error, RESUME_UNSAFE_PATH,
                   "'%s' is %s where a lock file should be; remove it or use another folder",
                   at->path, what);
}

static bool is_safe(const attempt *at, const rs_file_info *info) {
    /* 0 links: removed since it was opened, found out after locking. */
    return info->kind == RS_KIND_FILE && info->links <= 1 && info->owner == at->os->user(at->os);
}

/* Opens the lock file; on failure says what is in its place, if that is the cause. */
static resume_status open_lock_file(const attempt *at, rs_lock *lock, rs_error *error) {
    const unsigned flags = RS_OPEN_READ | RS_OPEN_WRITE | RS_OPEN_CREATE;
    rs_error cause;
    rs_fork_hold(); /* a forked child must know each descriptor that may become locked */
    resume_status status =
        rs_fd_open(at->os, at->folder->fd, at->lock_name, flags, 0600, &lock->fd, &cause);
    rs_fork_continue();
    rs_file_info info;
    if (status == RESUME_OK) {
        int answer = at->os->info(at->os, lock->fd, &info);
        if (answer < 0) return rs_os_fail(error, answer, "can't look at", at->path);
        if (!is_safe(at, &info)) return fail_unsafe(at, &info, error);
        lock->device = info.device;
        lock->inode = info.inode;
        return RESUME_OK;
    }
    bool may_be_unsafe = status == RESUME_UNSAFE_PATH || status == RESUME_DENIED;
    if (may_be_unsafe && at->os->info_at(at->os, at->folder->fd, at->lock_name, &info) == 0 &&
        !is_safe(at, &info))
        return fail_unsafe(at, &info, error);
    return rs_os_fail(error, -cause.os_code, "can't open the lock file", at->path);
}

static void close_lock_file(const rs_os *os, rs_lock *lock) {
    rs_fork_hold();
    rs_fd_close(os, &lock->fd);
    rs_fork_continue();
}

/* One try. *again: the file that was locked is no longer the one at the path. */
static resume_status try_once(const attempt *at, rs_lock *lock, bool *again, rs_error *error) {
    resume_status status = open_lock_file(at, lock, error);
    if (status != RESUME_OK) return status;

    int answer = at->os->lock(at->os, lock->fd);
    for (int i = 0; rs_os_is_interrupted(answer) && i < INTERRUPTIONS_MAX; i++)
        answer = at->os->lock(at->os, lock->fd);
    if (rs_os_is_busy(answer)) return fail_locked(at, lock->fd, error);
    lock->unsupported = rs_os_is_unsupported(answer);
    if (lock->unsupported) return RESUME_OK;
    if (answer < 0) return rs_os_fail(error, answer, "can't lock", at->path);

    /* Two processes that lock two files of one name would both write: whoever removed the file or
     * its folder between our opening and our lock must not make that happen. */
    rs_file_info named;
    answer = at->os->info_at(at->os, at->folder->fd, at->lock_name, &named);
    if (answer < 0 && rs_os_status(answer) != RESUME_NOT_FOUND)
        return rs_os_fail(error, answer, "can't look at", at->path);
    *again = answer < 0 || !rs_is_same_file(&named, lock->device, lock->inode);
    if (!*again) write_holder(at, lock->fd);
    return RESUME_OK;
}

resume_status rs_lock_take(const rs_folder *folder, const char *file_name, rs_lock *lock,
                           rs_error *error) {
    memset(lock, 0, sizeof *lock);
    lock->fd = -1;
    lock->fork.fd = &lock->fd;
    attempt at = {.folder = folder, .os = folder->os, .name = file_name};
    int size = snprintf(at.lock_name, sizeof at.lock_name, "%s.lock", file_name);
    if (size < 0 || (size_t)size >= sizeof at.lock_name)
        return rs_fail(error, RESUME_BAD_NAME, "the file name '%.40s...' is too long", file_name);
    at.path = rs_folder_join(folder, at.lock_name);
    if (at.path == NULL) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a lock");

    int answer = rs_fork_add(&lock->fork);
    resume_status status =
        answer < 0 ? rs_os_fail(error, answer, "can't prepare for forks", NULL) : RESUME_OK;
    bool again = status == RESUME_OK;
    for (int i = 0; again && i < ATTEMPTS_MAX; i++) {
        again = false;
        close_lock_file(at.os, lock);
        status = try_once(&at, lock, &again, error);
    }
    if (again)
        status = rs_fail(error, RESUME_IO,
                         "the lock file '%s' is removed again and again; find out who does that",
                         at.path);
    if (status != RESUME_OK || lock->unsupported) {
        close_lock_file(at.os, lock);
        rs_fork_remove(&lock->fork);
    }
    rs_free(at.path);
    return status;
}

void rs_lock_release(const rs_folder *folder, rs_lock *lock) {
    if (lock->fork.fd == NULL) return; /* zero-initialised, never taken */
    /* In a forked child the descriptor is closed, and the lock the parent's. */
    if (lock->fd >= 0) {
        folder->os->truncate(folder->os, lock->fd, 0); /* nobody is to be told that we hold it */
        /* A child that another thread has forked just now has it open until it gets to run. */
        folder->os->unlock(folder->os, lock->fd);
        close_lock_file(folder->os, lock);
    }
    rs_fork_remove(&lock->fork);
}
