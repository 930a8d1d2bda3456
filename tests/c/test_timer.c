/* Tests of src/os/timer.c: the flag rises when it is due, never before, and never in a child. */
#include "os/timer.h"

#include "alloc_fail.h"
#include "os/os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
/* ThreadSanitizer can't follow threads that a forked child starts: that part is left out. */
#define CHILD_STARTS_THREADS 0
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "die_after_fork=0";
}
#else
#define CHILD_STARTS_THREADS 1
#endif

#define MILLISECONDS 1000000ULL

static int64_t now(void) {
    return rs_os_linux()->monotonic_ns(rs_os_linux());
}

static void nap(uint64_t nanoseconds) {
    struct timespec length = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
    while (nanosleep(&length, &length) < 0)
        ;
}

/* Waits at most 10 s for the flag; when it rose. */
static int64_t wait_for(atomic_int *flag) {
    int64_t end = now() + 10000000000;
    while (!atomic_load(flag) && now() < end)
        nap(MILLISECONDS / 5);
    assert_int_equal(atomic_load(flag), 1);
    return now();
}

/* Threads of this process whose name is that of the timer's. `blocked`: the mask of signals that
 * the last one blocks. */
static int timer_threads(unsigned long long *blocked) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        char path[64], line[256];
        snprintf(path, sizeof path, "/proc/self/task/%.16s/status", entry->d_name);
        FILE *status = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (status == NULL) continue;
        bool is_ours = false;
        while (fgets(line, sizeof line, status) != NULL) {
            if (strcmp(line, "Name:\tresume-timer\n") == 0) is_ours = true;
            if (is_ours && blocked != NULL) sscanf(line, "SigBlk: %llx", blocked);
        }
        count += is_ours;
        fclose(status);
    }
    closedir(tasks);
    return count;
}

/* A thread that was joined may still be listed for a moment. */
static void expect_no_thread(void) {
    int64_t end = now() + 10000000000;
    while (timer_threads(NULL) > 0 && now() < end)
        nap(MILLISECONDS / 5);
    assert_int_equal(timer_threads(NULL), 0);
}

static void test_timer__flag_rises_when_due_and_not_before(void **state) {
    (void)state;
    atomic_int flag = 1;
    rs_timer *timer = NULL;
    assert_int_equal(rs_timer_new(&flag, &timer, NULL), RESUME_OK);
    assert_int_equal(flag, 1); /* untouched until armed */
    for (int i = 0; i < 3; i++) {
        int64_t start = now();
        assert_int_equal(rs_timer_arm(timer, 30 * MILLISECONDS, NULL), RESUME_OK);
        /* on a busy machine the time may be over by now */
        if (atomic_load(&flag)) assert_true(now() - start >= (int64_t)(30 * MILLISECONDS));
        int64_t rose = wait_for(&flag);
        assert_true(rose - start >= (int64_t)(30 * MILLISECONDS));
    }
    rs_timer_free(timer);
    assert_int_equal(flag, 1);
}

static void test_timer__new_arming_replaces_the_old(void **state) {
    (void)state;
    atomic_int flag = 0;
    rs_timer *timer = NULL;
    assert_int_equal(rs_timer_new(&flag, &timer, NULL), RESUME_OK);
    assert_int_equal(rs_timer_arm(timer, 20 * MILLISECONDS, NULL), RESUME_OK);
    assert_int_equal(rs_timer_arm(timer, UINT64_MAX, NULL), RESUME_OK); /* never */
    nap(60 * MILLISECONDS);
    assert_int_equal(flag, 0);
    assert_int_equal(rs_timer_arm(timer, 3600000 * MILLISECONDS, NULL), RESUME_OK);
    assert_int_equal(rs_timer_arm(timer, 5 * MILLISECONDS, NULL), RESUME_OK); /* earlier */
    wait_for(&flag);
    assert_int_equal(rs_timer_arm(timer, 3600000 * MILLISECONDS, NULL), RESUME_OK); /* takes back */
    nap(20 * MILLISECONDS);
    assert_int_equal(flag, 0);
    assert_int_equal(rs_timer_arm(timer, 0, NULL), RESUME_OK);
    assert_int_equal(flag, 1);
    assert_int_equal(rs_timer_arm(timer, 3600000 * MILLISECONDS, NULL), RESUME_OK);
    assert_int_equal(flag, 0);
    int64_t start = now();
    rs_timer_free(timer); /* does not wait for the hour */
    assert_true(now() - start < 5000000000);
}

static void test_timer__thread_is_made_by_the_first_arming_and_joined(void **state) {
    (void)state;
    atomic_int flag = 0;
    rs_timer *timer = NULL;
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    expect_no_thread(); /* of the test before */
    assert_int_equal(rs_timer_new(&flag, &timer, NULL), RESUME_OK);
    assert_int_equal(rs_timer_arm(timer, 0, NULL), RESUME_OK);
    assert_int_equal(rs_timer_arm(timer, UINT64_MAX, NULL), RESUME_OK);
    assert_int_equal(timer_threads(NULL), 0);
    unsigned long long blocked = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rs_timer_arm(timer, 3600000 * MILLISECONDS, NULL), RESUME_OK);
    assert_int_equal(timer_threads(&blocked), 1);
    unsigned long long used = 0;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1, SIGCHLD, SIGPROF};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        used |= 1ULL << (signals[i] - 1);
    assert_true((blocked & used) == used);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_memory_equal(&before, &after, sizeof(unsigned long));
    rs_timer_free(timer);
    expect_no_thread();
    rs_timer_free(NULL);
}

/* The thread sleeps; it does not spin until the flag is due. */
static void test_timer__waiting_takes_no_processor_time(void **state) {
    (void)state;
    atomic_int flag = 0;
    rs_timer *timer = NULL;
    assert_int_equal(rs_timer_new(&flag, &timer, NULL), RESUME_OK);
    assert_int_equal(rs_timer_arm(timer, 30000 * MILLISECONDS, NULL), RESUME_OK);
    clock_t before = clock();
    nap(200 * MILLISECONDS);
    assert_true(clock() - before < CLOCKS_PER_SEC / 100);
    rs_timer_free(timer);
}

/* Many checkpoints in turn, one after the other, each freed while its timer waits. */
static void test_timer__many_in_turn(void **state) {
    (void)state;
    for (int i = 0; i < 500; i++) {
        atomic_int flag = 0;
        rs_timer *timer = NULL;
        assert_int_equal(rs_timer_new(&flag, &timer, NULL), RESUME_OK);
        assert_int_equal(rs_timer_arm(timer, i % 3 == 0 ? 20000 : 30000 * MILLISECONDS, NULL), 0);
        if (i % 3 == 0) wait_for(&flag);
        assert_int_equal(rs_timer_arm(timer, 30000 * MILLISECONDS, NULL), RESUME_OK);
        rs_timer_free(timer);
        assert_int_equal(flag, 0);
    }
    expect_no_thread();
}

static int status_of(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* Forks at random moments, while the thread holds its mutex, too. */
static void test_timer__child_sees_the_flag_and_frees_at_once(void **state) {
    (void)state;
    atomic_int flag = 0;
    rs_timer *timer = NULL;
    assert_int_equal(rs_timer_new(&flag, &timer, NULL), RESUME_OK);
    for (int i = 0; i < 100; i++) {
        uint64_t delay = i % 2 == 0 ? 30000 * MILLISECONDS : 1000 * (uint64_t)(i * 5);
        assert_int_equal(rs_timer_arm(timer, delay, NULL), RESUME_OK);
        pid_t child = fork();
        if (child == 0) {
            alarm(20); /* a child that hangs must not hang the test */
            bool is_good = flag == 1;
            is_good = is_good && rs_timer_arm(timer, 1, NULL) == RESUME_OK && flag == 1;
            is_good = is_good && rs_timer_arm(timer, UINT64_MAX, NULL) == RESUME_OK && flag == 1;
            is_good = is_good && timer_threads(NULL) == 0;
            rs_timer_free(timer);
            /* the child may have timers of its own */
            atomic_int own = 0;
            rs_timer *another = NULL;
            if (CHILD_STARTS_THREADS)
                is_good = is_good && rs_timer_new(&own, &another, NULL) == RESUME_OK &&
                          rs_timer_arm(another, 1000, NULL) == RESUME_OK;
            while (CHILD_STARTS_THREADS && is_good && !atomic_load(&own))
                nap(MILLISECONDS / 5);
            rs_timer_free(another);
            _exit(is_good ? 0 : 1);
        }
        assert_int_equal(status_of(child), 0);
    }
    assert_int_equal(rs_timer_arm(timer, 1000, NULL), RESUME_OK); /* the parent's still works */
    wait_for(&flag);
    rs_timer_free(timer);
}

static void test_timer__no_memory_is_reported(void **state) {
    (void)state;
    atomic_int flag = 0;
    rs_timer *timer = NULL;
    rs_error error;
    alloc_fail_at(1, false);
    resume_status status = rs_timer_new(&flag, &timer, &error);
    alloc_fail_at(0, false);
    assert_int_equal(status, RESUME_NO_MEMORY);
    assert_null(timer);
}

/* In a child, since a limit on processes can't be raised again. */
static void test_timer__no_thread_is_reported(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(77);
        if (geteuid() == 0 && setuid(65534) != 0) _exit(77); /* root has no limit */
        atomic_int flag = 0;
        rs_timer *timer = NULL;
        rs_error error = {0};
        bool is_good = rs_timer_new(&flag, &timer, &error) == RESUME_OK &&
                       rs_timer_arm(timer, 1000 * MILLISECONDS, &error) == RESUME_IO &&
                       strstr(error.text, "can't start the thread of the timer") != NULL;
        rs_timer_free(timer);
        _exit(is_good ? 0 : 1);
    }
    int status = status_of(child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer__flag_rises_when_due_and_not_before),
        cmocka_unit_test(test_timer__new_arming_replaces_the_old),
        cmocka_unit_test(test_timer__thread_is_made_by_the_first_arming_and_joined),
        cmocka_unit_test(test_timer__waiting_takes_no_processor_time),
        cmocka_unit_test(test_timer__many_in_turn),
        cmocka_unit_test(test_timer__child_sees_the_flag_and_frees_at_once),
        cmocka_unit_test(test_timer__no_memory_is_reported),
        cmocka_unit_test(test_timer__no_thread_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
