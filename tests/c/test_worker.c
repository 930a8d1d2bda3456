/* Tests of src/os/worker.c: one job at a time, signals blocked, nothing of it in a forked child. */
#include "os/worker.h"

#include "alloc_fail.h"
#include "testing.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct task {
    atomic_int gate; /* the job goes on when it is 1 */
    int runs;        /* not atomic on purpose: the worker orders it */
    bool blocks_signals;
    pthread_t thread;
} task;

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static void job(void *context) {
    task *here = context;
    sigset_t blocked;
    while (!atomic_load(&here->gate))
        nap();
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    here->blocks_signals =
        sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGINT) == 1;
    here->thread = pthread_self();
    here->runs++;
}

static rs_worker *new_worker(void) {
    rs_worker *worker;
    rs_error error = {0};
    assert_int_equal(rs_worker_new(&worker, &error), RESUME_OK);
    return worker;
}

static void start(rs_worker *worker, task *here) {
    rs_error error = {0};
    assert_int_equal(rs_worker_start(worker, job, here, &error), RESUME_OK);
}

static void test_worker__does_one_job_after_the_other(void **state) {
    (void)state;
    rs_worker *worker = new_worker();
    task here = {.gate = 1};
    assert_false(rs_worker_is_busy(worker));
    for (int i = 1; i <= 50; i++) {
        start(worker, &here);
        if (i % 2) rs_worker_wait(worker); /* else the next start waits */
        if (i % 2) assert_int_equal(here.runs, i);
    }
    rs_worker_wait(worker);
    assert_false(rs_worker_is_busy(worker));
    assert_int_equal(here.runs, 50);
    assert_true(here.blocks_signals);
    assert_false(pthread_equal(here.thread, pthread_self()));
    rs_worker_free(worker);
}

static void test_worker__is_busy_until_the_job_is_done(void **state) {
    (void)state;
    rs_worker *worker = new_worker();
    task here = {0};
    start(worker, &here);
    assert_true(rs_worker_is_busy(worker));
    assert_false(rs_worker_was_cut(worker));
    atomic_store(&here.gate, 1);
    rs_worker_free(worker); /* waits */
    assert_int_equal(here.runs, 1);
}

static void test_worker__in_a_forked_child(void **state) {
    (void)state;
    rs_worker *worker = new_worker();
    task here = {0};
    start(worker, &here);
    pid_t child = fork();
    if (child == 0) {
        rs_error error = {0};
        bool good = !rs_worker_is_busy(worker) && rs_worker_was_cut(worker);
        rs_worker_wait(worker); /* for nothing */
        good = good && rs_worker_start(worker, job, &here, &error) == RESUME_FORKED;
        rs_worker_free(worker);
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    atomic_store(&here.gate, 1);
    rs_worker_free(worker);
    assert_int_equal(here.runs, 1);
}

static void test_worker__without_memory(void **state) {
    (void)state;
    rs_worker *worker;
    rs_error error = {0};
    alloc_fail_at(1, true);
    resume_status status = rs_worker_new(&worker, &error);
    alloc_fail_at(0, false);
    assert_int_equal(status, RESUME_NO_MEMORY);
    assert_null(worker);
    rs_worker_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker__does_one_job_after_the_other),
        cmocka_unit_test(test_worker__is_busy_until_the_job_is_done),
        cmocka_unit_test(test_worker__in_a_forked_child),
        cmocka_unit_test(test_worker__without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
