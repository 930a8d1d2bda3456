/* Tests of src/os/crew.c. */
#include "os/crew.h"
#include "testing.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct shared {
    atomic_int called[RS_CREW_MAX + 1];
    atomic_int next, sum, unblocked;
    pthread_t caller;
    atomic_bool is_caller[RS_CREW_MAX + 1];
} shared;

static void take(void *context, unsigned member) {
    shared *all = context;
    sigset_t blocked;
    atomic_fetch_add(&all->called[member], 1);
    atomic_store(&all->is_caller[member], pthread_equal(pthread_self(), all->caller) != 0);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (member > 0 && (!sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGINT)))
        atomic_fetch_add(&all->unblocked, 1);
    for (;;) {
        int item = atomic_fetch_add(&all->next, 1);
        if (item >= 1000) return;
        atomic_fetch_add(&all->sum, item);
    }
}

static void test_crew__everything_is_done_once(void **state) {
    (void)state;
    for (unsigned size = 0; size <= RS_CREW_MAX + 3; size++) {
        shared all = {.caller = pthread_self()};
        rs_crew_run(size, take, &all);
        assert_int_equal(atomic_load(&all.sum), 999 * 1000 / 2);
        for (unsigned i = 0; i < RS_CREW_MAX + 1; i++) {
            bool is_there = i == 0 || (i < size && i < RS_CREW_MAX);
            assert_int_equal(atomic_load(&all.called[i]), is_there);
            assert_int_equal(atomic_load(&all.is_caller[i]), i == 0);
        }
        assert_int_equal(atomic_load(&all.unblocked), 0);
        sigset_t mine;
        pthread_sigmask(SIG_SETMASK, NULL, &mine);
        assert_false(sigismember(&mine, SIGTERM)); /* of the caller, as it was */
    }
}

/* In a child, since a limit on processes can't be raised again. */
static void test_crew__the_caller_alone_when_there_are_no_threads(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        if (setrlimit(RLIMIT_NPROC, &none) != 0) _exit(77);
        if (geteuid() == 0 && setuid(65534) != 0) _exit(77); /* root has no limit */
        shared all = {.caller = pthread_self()};
        rs_crew_run(4, take, &all);
        _exit(atomic_load(&all.sum) == 999 * 1000 / 2 && atomic_load(&all.called[0]) == 1 &&
                      atomic_load(&all.called[1]) == 0
                  ? 0
                  : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crew__everything_is_done_once),
        cmocka_unit_test(test_crew__the_caller_alone_when_there_are_no_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
