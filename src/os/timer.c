/* A timer that sets a flag, by one thread that sleeps on a condition variable. */
#include "os/timer.h"

#include "base/alloc.h"
#include "os/file.h"
#include "os/fork.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000ULL
#define STACK_SIZE  (64u * 1024u) /* the thread only waits and stores */

struct rs_timer {
    atomic_int *flag;
    /* Set in a forked child, where the thread is gone and the mutex may be locked for good. */
    atomic_int is_forked;
    rs_fork_entry raise_flag, note_fork;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread;
    bool stops;
    uint64_t due_ns;   /* CLOCK_MONOTONIC; UINT64_MAX: not armed */
    uint64_t wakes_ns; /* until when the thread sleeps */
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

static void *run(void *context) {
    rs_timer *timer = context;
    pthread_mutex_lock(&timer->mutex);
    while (!timer->stops) {
        if (timer->due_ns <= now_ns()) {
            atomic_store(timer->flag, 1);
            timer->due_ns = UINT64_MAX;
        }
        timer->wakes_ns = timer->due_ns;
        if (timer->wakes_ns == UINT64_MAX) {
            pthread_cond_wait(&timer->changed, &timer->mutex);
        } else {
            struct timespec until = {.tv_sec = (time_t)(timer->wakes_ns / NANOSECONDS),
                                     .tv_nsec = (long)(timer->wakes_ns % NANOSECONDS)};
            pthread_cond_timedwait(&timer->changed, &timer->mutex, &until);
        }
    }
    pthread_mutex_unlock(&timer->mutex);
    return NULL;
}

/* Signals belong to the program: the thread is born with all of them blocked. */
static int start_thread(rs_timer *timer) {
    sigset_t all, before;
    sigfillset(&all);
    int failure = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (failure != 0) return -failure;
    pthread_attr_t attributes;
    failure = pthread_attr_init(&attributes);
    if (failure == 0) {
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        failure = pthread_create(&timer->thread, &attributes, run, timer);
        pthread_attr_destroy(&attributes);
        /* Libraries with much thread-local memory leave no room in a small stack: EINVAL. */
        if (failure != 0) failure = pthread_create(&timer->thread, NULL, run, timer);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) return -failure;
    timer->has_thread = true;
    pthread_setname_np(timer->thread, "resume-timer");
    return 0;
}

static int init_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    int failure = pthread_condattr_init(&attributes);
    if (failure != 0) return -failure;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    failure = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return -failure;
}

static int init_parts(rs_timer *timer) {
    int failure = pthread_mutex_init(&timer->mutex, NULL);
    if (failure != 0) return -failure;
    int answer = init_condition(&timer->changed);
    if (answer == 0) answer = rs_fork_add(&timer->note_fork);
    if (answer == 0) answer = rs_fork_add(&timer->raise_flag);
    if (answer < 0) rs_fork_remove(&timer->note_fork);
    return answer;
}

resume_status rs_timer_new(atomic_int *flag, rs_timer **timer, rs_error *error) {
    *timer = NULL;
    rs_timer *made = rs_allocate_zeroed(1, sizeof *made);
    if (made == NULL) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a timer");
    made->flag = flag;
    made->note_fork.flag = &made->is_forked;
    made->raise_flag.flag = flag;
    made->due_ns = UINT64_MAX;
    int answer = init_parts(made);
    if (answer < 0) {
        rs_free(made);
        return rs_os_fail(error, answer, "can't make a timer", NULL);
    }
    *timer = made;
    return RESUME_OK;
}

resume_status rs_timer_arm(rs_timer *timer, uint64_t delay_ns, rs_error *error) {
    if (atomic_load(&timer->is_forked)) return RESUME_OK;
    int answer = 0;
    uint64_t due_ns;
    if (__builtin_add_overflow(now_ns(), delay_ns, &due_ns)) due_ns = UINT64_MAX;

    pthread_mutex_lock(&timer->mutex);
    atomic_store(timer->flag, delay_ns == 0);
    timer->due_ns = delay_ns == 0 ? UINT64_MAX : due_ns;
    if (timer->due_ns != UINT64_MAX && !timer->has_thread)
        answer = start_thread(timer);
    else if (timer->due_ns < timer->wakes_ns) /* else it finds out when it wakes */
        pthread_cond_signal(&timer->changed);
    pthread_mutex_unlock(&timer->mutex);
    return answer < 0 ? rs_os_fail(error, answer, "can't start the thread of the timer", NULL)
                      : RESUME_OK;
}

static void stop_thread(rs_timer *timer) {
    pthread_mutex_lock(&timer->mutex);
    bool has_thread = timer->has_thread;
    timer->stops = true;
    pthread_cond_signal(&timer->changed);
    pthread_mutex_unlock(&timer->mutex);
    if (has_thread) pthread_join(timer->thread, NULL);
}

void rs_timer_free(rs_timer *timer) {
    if (timer == NULL) return;
    rs_fork_remove(&timer->note_fork);
    rs_fork_remove(&timer->raise_flag);
    /* In a child there is nobody to join, and destroying a condition that the lost thread waits on
     * would wait for ever. */
    if (!atomic_load(&timer->is_forked)) {
        stop_thread(timer);
        pthread_cond_destroy(&timer->changed);
        pthread_mutex_destroy(&timer->mutex);
    }
    rs_free(timer);
}
