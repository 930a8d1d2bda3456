/* Tests of src/os/fork.c: what a forked child closes and raises, and locks that outlive nobody. */
#include "os/fork.h"

#include "store/lock.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_for(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_fork__child_closes_and_raises(void **state) {
    (void)state;
    int kept = open("/dev/null", O_RDONLY), first = open("/dev/null", O_RDONLY);
    int second = open("/dev/null", O_RDONLY), first_number = first, second_number = second;
    atomic_int flag = 0, removed_flag = 0;
    rs_fork_entry one = {.fd = &first, .flag = &flag}, two = {.fd = &second}, three = {0};
    rs_fork_entry removed = {.fd = &kept, .flag = &removed_flag};
    assert_int_equal(rs_fork_add(&one), 0);
    assert_int_equal(rs_fork_add(&removed), 0);
    assert_int_equal(rs_fork_add(&two), 0);
    assert_int_equal(rs_fork_add(&three), 0);
    rs_fork_remove(&removed);
    rs_fork_remove(&removed);
    pid_t child = fork();
    if (child == 0) {
        bool is_good = first == -1 && second == -1 && !is_open(first_number) &&
                       !is_open(second_number) && flag == 1 && is_open(kept) && removed_flag == 0;
        pid_t grandchild = fork(); /* the list still works */
        if (grandchild == 0) _exit(is_open(kept) && first == -1 ? 0 : 1);
        is_good = is_good && wait_for(grandchild) == 0;
        rs_fork_remove(&one);
        rs_fork_remove(&two);
        rs_fork_remove(&three);
        _exit(is_good ? 0 : 1);
    }
    assert_int_equal(wait_for(child), 0);
    assert_true(is_open(first) && is_open(second) && flag == 0 && first == first_number);
    rs_fork_remove(&one);
    rs_fork_remove(&two);
    rs_fork_remove(&three);
    child = fork();
    if (child == 0) _exit(is_open(first) && is_open(second) && flag == 0 ? 0 : 1);
    assert_int_equal(wait_for(child), 0);
    close(kept), close(first), close(second);
}

static void *add_and_remove(void *context) {
    atomic_int *stop = context;
    while (!atomic_load(stop)) {
        atomic_int flag = 0;
        int fd = -1;
        rs_fork_entry entry = {.fd = &fd, .flag = &flag};
        if (rs_fork_add(&entry) != 0) return context;
        rs_fork_hold();
        int opened = open("/dev/null", O_RDONLY);
        sched_yield(); /* a fork would come in here */
        fd = opened;
        rs_fork_continue();
        rs_fork_hold();
        close(fd);
        fd = -1;
        rs_fork_continue();
        rs_fork_remove(&entry);
    }
    return NULL;
}

/* Forks while other threads open and close: no child ever keeps a descriptor, none hangs. */
static void test_fork__no_descriptor_slips_through(void **state) {
    (void)state;
    atomic_int stop = 0;
    pthread_t threads[2];
    int open_before = temp_descriptors();
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_and_remove, &stop), 0);
    int kept = 0;
    for (int i = 0; i < 200; i++) {
        pid_t child = fork();
        if (child == 0) {
            int extra = 0;
            for (int fd = 3; fd < 64; fd++)
                extra += is_open(fd);
            _exit(extra);
        }
        int status = wait_for(child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) > kept) kept = WEXITSTATUS(status);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    /* 0, 1 and 2 are not counted in the children, nor is what the test was started with */
    assert_true(kept <= open_before - 3);
}

typedef struct pool {
    char folder[TEMP_PATH_SIZE];
    int tell[2]; /* the worker tells that it lives */
    int stop[2]; /* closed to end the worker */
} pool;

/* Takes the lock, starts a worker, and waits to be killed. */
static void own_and_start_worker(pool *here) {
    rs_folder *folder = NULL;
    rs_lock lock;
    if (rs_folder_open(rs_os_linux(), here->folder, true, &folder, NULL) != RESUME_OK) _exit(1);
    if (rs_lock_take(folder, "main", &lock, NULL) != RESUME_OK) _exit(1);
    close(here->stop[1]);
    pid_t worker = fork();
    if (worker == 0) {
        char byte = lock.fd == -1 ? 'w' : 'x';
        if (write(here->tell[1], &byte, 1) != 1) _exit(1);
        _exit(read(here->stop[0], &byte, 1) == 0 ? 0 : 1);
    }
    for (;;)
        pause();
}

static void test_fork__worker_of_a_killed_owner_keeps_no_lock(void **state) {
    (void)state;
    pool here;
    temp_folder_make(here.folder);
    assert_int_equal(pipe(here.tell), 0);
    assert_int_equal(pipe(here.stop), 0);
    pid_t owner = fork();
    if (owner == 0) own_and_start_worker(&here);
    char byte = 0;
    assert_int_equal(read(here.tell[0], &byte, 1), 1);
    assert_int_equal(byte, 'w');

    rs_folder *folder = NULL;
    rs_lock lock;
    rs_error error;
    assert_int_equal(rs_folder_open(rs_os_linux(), here.folder, true, &folder, &error), RESUME_OK);
    assert_int_equal(rs_lock_take(folder, "main", &lock, &error), RESUME_LOCKED);
    assert_int_equal(kill(owner, SIGKILL), 0);
    assert_true(WIFSIGNALED(wait_for(owner)));
    /* the worker lives on: it has not seen the end of its pipe, which we hold open */
    close(here.tell[1]);
    assert_int_equal(fcntl(here.tell[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(read(here.tell[0], &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(rs_lock_take(folder, "main", &lock, &error), RESUME_OK);
    rs_lock_release(folder, &lock);

    rs_folder_close(folder);
    close(here.stop[1]);
    assert_int_equal(fcntl(here.tell[0], F_SETFL, 0), 0);
    assert_int_equal(read(here.tell[0], &byte, 1), 0); /* the worker has ended */
    close(here.stop[0]), close(here.tell[0]);
    temp_folder_remove(here.folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork__child_closes_and_raises),
        cmocka_unit_test(test_fork__no_descriptor_slips_through),
        cmocka_unit_test(test_fork__worker_of_a_killed_owner_keeps_no_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
