/* Marks of runs: made, locked, taken over, removed. */
#include "store/run.h"

#include "base/alloc.h"
#include "os/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ATTEMPTS_MAX 8
#define STALE_NS     (INT64_C(30) * 24 * 3600 * 1000000000)

static bool is_id(const char *text) {
    return strlen(text) == RS_RUN_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == RS_RUN_ID_SIZE - 1;
}

static resume_status no_memory(rs_error *error) {
    return rs_fail(error, RESUME_NO_MEMORY, "no memory for a run");
}

static resume_status run_new(const rs_os *os, const char *folder, rs_run **run, rs_error *error) {
    rs_run *made = rs_allocate_zeroed(1, sizeof *made);
    *run = NULL;
    if (!made) return no_memory(error);
    made->os = os;
    made->fd = -1;
    made->fork.fd = &made->fd;
    made->pid = os->pid(os);
    resume_status status = rs_folder_open(os, folder, false, &made->folder, error);
    if (status == RESUME_OK) {
        int answer = rs_fork_add(&made->fork);
        if (answer < 0) status = rs_os_fail(error, answer, "can't prepare for forks", NULL);
    }
    if (status)
        rs_run_free(made);
    else
        *run = made;
    return status;
}

/* Opens the mark of this id, whose name is `name` from then on. */
static resume_status open_mark(rs_run *run, const char *id, unsigned flags, rs_error *error) {
    snprintf(run->id, sizeof run->id, "%s", id);
    snprintf(run->name, sizeof run->name, RS_RUN_PREFIX "%s", run->id);
    /* The descriptor is known to the fork handlers from its first moment. */
    rs_fork_hold();
    resume_status status =
        rs_fd_open(run->os, run->folder->fd, run->name, flags, 0600, &run->fd, error);
    rs_fork_continue();
    if (status) rs_error_prefix(error, "folder '%s'", run->folder->path);
    return status;
}

static void close_mark(rs_run *run) {
    rs_fork_hold();
    rs_fd_close(run->os, &run->fd);
    rs_fork_continue();
}

/* Where the file system knows no locks, the mark alone has to do. */
static resume_status lock_mark(rs_run *run, rs_error *error) {
    int answer = run->os->lock(run->os, run->fd);
    if (answer >= 0 || rs_os_is_unsupported(answer)) return RESUME_OK;
    if (rs_os_is_busy(answer))
        return rs_fail(error, RESUME_LOCKED, "the run '%s/%s' is alive", run->folder->path,
                       run->name);
    return rs_os_fail(error, answer, "can't lock", run->name);
}

/* --- marks of the dead --- */

typedef struct stale_list {
    const rs_os *os;
    const rs_folder *folder;
    char name[RS_RUN_NAME_SIZE];
} stale_list;

static int find_stale(void *context, const char *name) {
    stale_list *list = context;
    rs_file_info info;
    if (strncmp(name, RS_RUN_PREFIX, strlen(RS_RUN_PREFIX)) != 0 ||
        !is_id(name + strlen(RS_RUN_PREFIX)))
        return 0;
    if (list->os->info_at(list->os, list->folder->fd, name, &info) < 0) return 0;
    if (list->os->clock_ns(list->os) - info.modified_ns < STALE_NS) return 0;
    snprintf(list->name, sizeof list->name, "%s", name);
    return 1;
}

/* One at each beginning is enough to keep them few; a live process may run longer than 30 days. */
static void remove_stale(const rs_os *os, const rs_folder *folder) {
    stale_list list = {.os = os, .folder = folder};
    int fd;
    if (os->list(os, folder->fd, find_stale, &list) != 1) return;
    if (rs_fd_open(os, folder->fd, list.name, RS_OPEN_READ, 0, &fd, NULL)) return;
    if (os->lock(os, fd) == 0) os->remove(os, folder->fd, list.name);
    rs_fd_close(os, &fd);
}

/* --- the calls --- */

static resume_status make_mark(rs_run *run, rs_error *error) {
    const rs_os *os = run->os;
    uint64_t number;
    char id[RS_RUN_ID_SIZE];
    int answer = os->random(os, &number, sizeof number);
    if (answer < 0) return rs_os_fail(error, answer, "can't get random bytes", NULL);
    snprintf(id, sizeof id, "%016" PRIx64, number);
    resume_status status =
        open_mark(run, id, RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE, error);
    if (status) return status;
    status = lock_mark(run, error);
    /* Guards against a crash that keeps the end of a call and loses the mark of its run: the call
     * would be taken for the past of a program that has ended. */
    answer = status ? 0 : os->sync(os, run->folder->fd);
    if (answer < 0) status = rs_os_fail(error, answer, "can't sync folder", run->folder->path);
    if (status) os->remove(os, run->folder->fd, run->name);
    return status;
}

resume_status rs_run_begin(const rs_os *os, const char *folder, rs_run **run, rs_error *error) {
    resume_status status = run_new(os, folder, run, error);
    if (status) return status;
    remove_stale(os, (*run)->folder);
    status = RESUME_EXISTS;
    for (int i = 0; status == RESUME_EXISTS && i < ATTEMPTS_MAX; i++)
        status = make_mark(*run, error);
    if (status) {
        rs_run_free(*run);
        *run = NULL;
    }
    return status;
}

resume_status rs_run_adopt(const rs_os *os, const char *folder, const char *id, rs_run **run,
                           rs_error *error) {
    *run = NULL;
    if (!is_id(id)) return rs_fail(error, RESUME_BAD_NAME, "'%.32s' is no id of a run", id);
    resume_status status = run_new(os, folder, run, error);
    if (status) return status;
    status = open_mark(*run, id, RS_OPEN_READ, error);
    if (status == RESUME_OK) status = lock_mark(*run, error);
    rs_file_info info;
    /* its process may have removed it between our opening and our lock */
    if (status == RESUME_OK && os->info_at(os, (*run)->folder->fd, (*run)->name, &info) < 0)
        status = rs_fail(error, RESUME_NOT_FOUND, "the run '%s' has ended", id);
    if (status) {
        rs_run_free(*run);
        *run = NULL;
    }
    return status;
}

bool rs_run_is_unfinished(const rs_os *os, const char *folder, const char *id) {
    rs_file_info info;
    if (!is_id(id)) return false;
    size_t size = strlen(folder) + RS_RUN_NAME_SIZE + 1;
    char *path = rs_allocate(size);
    if (!path) return true; /* the careful answer: nothing expires */
    snprintf(path, size, "%s/" RS_RUN_PREFIX "%s", folder, id);
    bool is_there = os->info_at(os, RS_WORKING_FOLDER, path, &info) == 0;
    rs_free(path);
    return is_there;
}

void rs_run_finish(rs_run *run) {
    /* Not synced: a power cut that brings the mark back makes a repeated call find itself at its
     * end, which is what it would have given. */
    if (run->os->pid(run->os) == run->pid) run->os->remove(run->os, run->folder->fd, run->name);
}

void rs_run_free(rs_run *run) {
    if (!run) return;
    close_mark(run);
    rs_fork_remove(&run->fork);
    rs_folder_close(run->folder);
    rs_free(run);
}
