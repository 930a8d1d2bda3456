/* One thread, one job at a time, by a mutex and two conditions. */
#include "os/worker.h"

#include "base/alloc.h"
#include "os/file.h"
#include "os/fork.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* What it does is flat: the default of 8 MiB would count against a limit of the address space. */
#define STACK_SIZE ((size_t)1 << 20)

struct rs_worker {
    /* Set in a forked child, where the thread is gone and the mutex may be locked for good. */
    atomic_int is_forked;
    rs_fork_entry note_fork;
    atomic_int is_busy;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t has_job, is_done;
    pthread_t thread;
    bool has_thread;
    bool stops;
    void (*job)(void *context); /* NULL: none */
    void *context;
};

static void *run(void *argument) {
    rs_worker *worker = argument;
    pthread_mutex_lock(&worker->mutex);
    while (!worker->stops) {
        if (!worker->job) {
            pthread_cond_wait(&worker->has_job, &worker->mutex);
            continue;
        }
        void (*job)(void *) = worker->job;
        void *context = worker->context;
        pthread_mutex_unlock(&worker->mutex);
        job(context);
        pthread_mutex_lock(&worker->mutex);
        worker->job = NULL;
        atomic_store(&worker->is_busy, 0);
        pthread_cond_broadcast(&worker->is_done);
    }
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

/* Signals belong to the program: the thread is born with all of them blocked. */
static int start_thread(rs_worker *worker) {
    sigset_t all, before;
    pthread_attr_t how;
    int failure = pthread_attr_init(&how);
    if (failure != 0) return -failure;
    pthread_attr_setstacksize(&how, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&worker->thread, &how, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&how);
    if (failure != 0) return -failure;
    worker->has_thread = true;
    pthread_setname_np(worker->thread, "resume-writer");
    return 0;
}

resume_status rs_worker_new(rs_worker **worker, rs_error *error) {
    *worker = NULL;
    rs_worker *made = rs_allocate_zeroed(1, sizeof *made);
    if (!made) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a writer");
    made->note_fork.flag = &made->is_forked;
    int failure = pthread_mutex_init(&made->mutex, NULL);
    if (failure == 0) failure = pthread_cond_init(&made->has_job, NULL);
    if (failure == 0) failure = pthread_cond_init(&made->is_done, NULL);
    int answer = failure == 0 ? rs_fork_add(&made->note_fork) : -failure;
    if (answer < 0) {
        rs_free(made);
        return rs_os_fail(error, answer, "can't make a writer", NULL);
    }
    *worker = made;
    return RESUME_OK;
}

resume_status rs_worker_start(rs_worker *worker, void (*job)(void *context), void *context,
                              rs_error *error) {
    if (atomic_load(&worker->is_forked))
        return rs_fail(error, RESUME_FORKED, "the writer belongs to the parent process");
    rs_worker_wait(worker);
    pthread_mutex_lock(&worker->mutex);
    int answer = worker->has_thread ? 0 : start_thread(worker);
    if (answer == 0) {
        worker->job = job;
        worker->context = context;
        atomic_store(&worker->is_busy, 1);
        pthread_cond_signal(&worker->has_job);
    }
    pthread_mutex_unlock(&worker->mutex);
    return answer < 0 ? rs_os_fail(error, answer, "can't start the thread of the writer", NULL)
                      : RESUME_OK;
}

bool rs_worker_is_busy(rs_worker *worker) {
    return !atomic_load(&worker->is_forked) && atomic_load(&worker->is_busy);
}

bool rs_worker_was_cut(rs_worker *worker) {
    return atomic_load(&worker->is_forked) && atomic_load(&worker->is_busy);
}

void rs_worker_wait(rs_worker *worker) {
    if (!rs_worker_is_busy(worker)) return;
    pthread_mutex_lock(&worker->mutex);
    while (worker->job)
        pthread_cond_wait(&worker->is_done, &worker->mutex);
    pthread_mutex_unlock(&worker->mutex);
}

void rs_worker_free(rs_worker *worker) {
    if (!worker) return;
    rs_fork_remove(&worker->note_fork);
    /* In a child there is nobody to join, and destroying a condition that the lost thread waits on
     * would wait for ever. */
    if (!atomic_load(&worker->is_forked)) {
        rs_worker_wait(worker);
        pthread_mutex_lock(&worker->mutex);
        worker->stops = true;
        pthread_cond_signal(&worker->has_job);
        bool has_thread = worker->has_thread;
        pthread_mutex_unlock(&worker->mutex);
        if (has_thread) pthread_join(worker->thread, NULL);
        pthread_cond_destroy(&worker->is_done);
        pthread_cond_destroy(&worker->has_job);
        pthread_mutex_destroy(&worker->mutex);
    }
    rs_free(worker);
}
