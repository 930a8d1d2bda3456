/* Tests of src/store/run.c: a mark lives as long as its run is not finished. */
#include "store/run.h"

#include "alloc_fail.h"
#include "fault_os.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[TEMP_PATH_SIZE];
static rs_error error;

static int set_up(void **state) {
    (void)state;
    temp_folder_make(folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

/* Begins a run in a child that is then killed; its id. */
static void run_of_killed_child(char id[RS_RUN_ID_SIZE]) {
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        rs_run *run;
        rs_run_begin(rs_os_linux(), folder, &run, NULL);
        if (write(pipes[1], run->id, RS_RUN_ID_SIZE) > 0) pause();
        _exit(1);
    }
    assert_int_equal(read(pipes[0], id, RS_RUN_ID_SIZE), RS_RUN_ID_SIZE);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(pipes[0]);
    close(pipes[1]);
}

static void test_run__is_unfinished_until_it_is_finished(void **state) {
    (void)state;
    rs_run *run;
    assert_int_equal(rs_run_begin(rs_os_linux(), folder, &run, &error), RESUME_OK);
    assert_true(rs_run_is_unfinished(rs_os_linux(), folder, run->id));
    rs_run_finish(run);
    assert_false(rs_run_is_unfinished(rs_os_linux(), folder, run->id));
    rs_run_free(run);
}

static void test_run__of_a_live_process_is_not_taken_over(void **state) {
    (void)state;
    rs_run *run, *other;
    assert_int_equal(rs_run_begin(rs_os_linux(), folder, &run, &error), RESUME_OK);
    assert_int_equal(rs_run_adopt(rs_os_linux(), folder, run->id, &other, &error), RESUME_LOCKED);
    assert_null(other);
    rs_run_finish(run);
    rs_run_free(run);
}

static void test_run__of_a_killed_process_is_taken_over_and_finished(void **state) {
    (void)state;
    char id[RS_RUN_ID_SIZE];
    rs_run *run;
    run_of_killed_child(id);
    assert_true(rs_run_is_unfinished(rs_os_linux(), folder, id));
    assert_int_equal(rs_run_adopt(rs_os_linux(), folder, id, &run, &error), RESUME_OK);
    assert_string_equal(run->id, id);
    rs_run_finish(run);
    rs_run_free(run);
    assert_int_equal(rs_run_adopt(rs_os_linux(), folder, id, &run, &error), RESUME_NOT_FOUND);
}

static void test_run__that_is_freed_keeps_its_mark(void **state) {
    (void)state;
    rs_run *run;
    char id[RS_RUN_ID_SIZE];
    assert_int_equal(rs_run_begin(rs_os_linux(), folder, &run, &error), RESUME_OK);
    memcpy(id, run->id, sizeof id);
    rs_run_free(run);
    assert_true(rs_run_is_unfinished(rs_os_linux(), folder, id));
}

static void test_run__is_not_finished_by_a_forked_child(void **state) {
    (void)state;
    rs_run *run;
    assert_int_equal(rs_run_begin(rs_os_linux(), folder, &run, &error), RESUME_OK);
    pid_t child = fork();
    if (child == 0) {
        rs_run_finish(run);
        _exit(run->fd == -1 ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_true(rs_run_is_unfinished(rs_os_linux(), folder, run->id));
    rs_run_free(run);
}

static void test_run__takes_no_path_for_an_id(void **state) {
    (void)state;
    static const char *const bad[] = {"", "../../../etc/pass", "0123456789abcdeF",
                                      "0123456789abcde", "0123456789abcdef0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rs_run *run;
        assert_int_equal(rs_run_adopt(rs_os_linux(), folder, bad[i], &run, &error),
                         RESUME_BAD_NAME);
        assert_false(rs_run_is_unfinished(rs_os_linux(), folder, bad[i]));
    }
}

static void test_run__removes_marks_of_the_dead_after_30_days(void **state) {
    (void)state;
    char id[RS_RUN_ID_SIZE], path[TEMP_PATH_SIZE], name[64];
    rs_run *run;
    run_of_killed_child(id);
    snprintf(name, sizeof name, ".run-%s", id);
    temp_path(path, folder, name);
    struct timespec old[2] = {{.tv_sec = time(NULL) - 31 * 24 * 3600},
                              {.tv_sec = time(NULL) - 31 * 24 * 3600}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_int_equal(rs_run_begin(rs_os_linux(), folder, &run, &error), RESUME_OK);
    assert_false(rs_run_is_unfinished(rs_os_linux(), folder, id));
    assert_true(rs_run_is_unfinished(rs_os_linux(), folder, run->id));
    rs_run_finish(run);
    rs_run_free(run);
}

static void test_run__leaves_nothing_when_a_call_fails(void **state) {
    (void)state;
    int descriptors = temp_descriptors();
    static const int errors[] = {EIO, ENOSPC, EACCES, EMFILE};
    fault_os fault;
    fault_os_init(&fault, rs_os_linux());
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        bool struck = true;
        for (long n = 1; struck; n++) {
            rs_run *run;
            fault_os_plan(&fault, (fault_plan){.nth = n, .mode = FAULT_FAIL, .os_code = errors[i]});
            resume_status status = rs_run_begin(&fault.os, folder, &run, &error);
            struck = fault_os_struck(&fault);
            fault_os_plan(&fault, (fault_plan){0});
            assert_true(status == RESUME_OK || struck);
            assert_true((status == RESUME_OK) == (run != NULL));
            if (run) rs_run_finish(run);
            rs_run_free(run);
            assert_int_equal(fault_os_open_count(&fault), 0);
        }
    }
    assert_int_equal(temp_descriptors(), descriptors);
}

/* Everything or nothing, however the memory runs out. */
static void test_run__survives_without_memory(void **state) {
    (void)state;
    bool failed = true;
    for (long n = 1; failed; n++) {
        rs_run *run;
        alloc_fail_at(n, false);
        resume_status status = rs_run_begin(rs_os_linux(), folder, &run, &error);
        failed = alloc_fail_count() >= n;
        alloc_fail_at(0, false);
        assert_true(status == (failed ? RESUME_NO_MEMORY : RESUME_OK));
        if (run) rs_run_finish(run);
        rs_run_free(run);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_run__is_unfinished_until_it_is_finished, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_run__of_a_live_process_is_not_taken_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_run__of_a_killed_process_is_taken_over_and_finished,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_run__that_is_freed_keeps_its_mark, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_run__is_not_finished_by_a_forked_child, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_run__takes_no_path_for_an_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_run__removes_marks_of_the_dead_after_30_days, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_run__leaves_nothing_when_a_call_fails, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_run__survives_without_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
