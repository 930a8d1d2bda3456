/* Tests of src/engine/checkpoint.c: found and ignored, saved and ended, locked, forked, failing. */
#include "alloc_fail.h"
#include "engine/checkpoint.h"
#include "fault_os.h"
#include "sample.h"
#include "store/refusal.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

typedef struct engine_place {
    fault_os fault;
    rs_os shifted; /* the real one with another clock */
    char path[TEMP_PATH_SIZE], file_path[TEMP_PATH_SIZE];
    rs_checkpoint_options options;
    rs_checkpoint *checkpoint;
    rs_commit_info info;
    rs_error error;
} engine_place;

static int64_t clock_shift;

static int64_t shifted_clock(const rs_os *os) {
    (void)os;
    return rs_os_linux()->clock_ns(rs_os_linux()) + clock_shift;
}

static int set_up(void **state) {
    sample_use_memory();
    engine_place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    temp_folder_make(place->path);
    temp_path(place->file_path, place->path, "ck");
    clock_shift = 0;
    fault_os_init(&place->fault, rs_os_linux());
    fault_os_plan(&place->fault, (fault_plan){0});
    place->fault.os.clock_ns = shifted_clock;
    place->options = (rs_checkpoint_options){
        .folder = place->path,
        .name = "ck",
        .name_size = 2,
        .rate_ns = RS_NEVER,
        .expire_ended_ns = RS_NEVER,
        .expire_cut_off_ns = RS_NEVER,
        .program = "/home/user/sim.py",
        .function = "sim:main",
        .writer = "test",
    };
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    engine_place *place = *state;
    rs_checkpoint_close(place->checkpoint);
    assert_int_equal(fault_os_open_count(&place->fault), 0);
    temp_folder_remove(place->path);
    free(place);
    return 0;
}

static const rs_checkpoint_info *open_it(engine_place *place) {
    resume_status status =
        rs_checkpoint_open(&place->fault.os, &place->options, &place->checkpoint, &place->error);
    if (status) fail_msg("status %d: %s", (int)status, place->error.text);
    return rs_checkpoint_look(place->checkpoint);
}

static resume_status try_save(engine_place *place, const char *text) {
    rs_blob blob = {text, strlen(text), 1};
    return rs_checkpoint_save(place->checkpoint, &blob, 1, &place->info, &place->error);
}

static void save_it(engine_place *place, const char *text) {
    resume_status status = try_save(place, text);
    if (status) fail_msg("status %d: %s", (int)status, place->error.text);
}

static void close_it(engine_place *place) {
    rs_checkpoint_close(place->checkpoint);
    place->checkpoint = NULL;
}

static void expect_state(engine_place *place, const char *text) {
    rs_state *state = rs_checkpoint_state(place->checkpoint);
    assert_non_null(state);
    rs_slice stream = rs_state_stream(state);
    assert_int_equal(stream.size, strlen(text));
    assert_memory_equal(stream.bytes, text, stream.size);
}

/* --- found --- */

static void test_checkpoint__nothing_then_cut_off_then_ended(void **state) {
    engine_place *place = *state;
    const rs_checkpoint_info *info = open_it(place);
    assert_int_equal(info->found, RS_FOUND_NOTHING);
    assert_int_equal(info->ignored, RS_IGNORED_NO);
    assert_int_equal(info->generation, 0);
    assert_null(info->meta);
    assert_string_equal(info->path, place->file_path);
    assert_null(rs_checkpoint_state(place->checkpoint));
    assert_int_equal(rs_checkpoint_saved_ns(place->checkpoint), 0);
    save_it(place, "one");
    assert_true(rs_checkpoint_saved_ns(place->checkpoint) > 0);
    close_it(place); /* the process is killed */

    info = open_it(place);
    assert_int_equal(info->found, RS_FOUND_CUT_OFF);
    assert_int_equal(info->generation, 1);
    assert_int_equal(info->meta->saves, 1);
    assert_memory_equal(info->meta->function.bytes, "sim:main", 8);
    expect_state(place, "one");
    assert_int_equal(rs_checkpoint_end(place->checkpoint, NULL, &place->error), RESUME_OK);
    assert_int_equal(rs_checkpoint_end(place->checkpoint, NULL, &place->error), RESUME_OK);
    close_it(place);

    info = open_it(place);
    assert_int_equal(info->found, RS_FOUND_ENDED);
    assert_int_equal(info->generation, 2);
    expect_state(place, "one");
    save_it(place, "two"); /* a new call */
    close_it(place);
    info = open_it(place);
    assert_int_equal(info->found, RS_FOUND_CUT_OFF);
    assert_int_equal(info->meta->saves, 1);
}

static void test_checkpoint__end_without_a_save(void **state) {
    engine_place *place = *state;
    open_it(place);
    assert_int_equal(rs_checkpoint_end(place->checkpoint, NULL, &place->error), RESUME_OK);
    assert_int_not_equal(access(place->file_path, F_OK), 0);
}

static void test_checkpoint__a_call_counts_over_its_processes(void **state) {
    engine_place *place = *state;
    open_it(place);
    save_it(place, "one");
    save_it(place, "two");
    close_it(place);
    const rs_checkpoint_info *info = open_it(place);
    int64_t started = info->meta->started_ns, running = info->meta->running_ns;
    save_it(place, "three");
    close_it(place);
    info = open_it(place);
    assert_int_equal(info->meta->saves, 3);
    assert_int_equal(info->meta->started_ns, started);
    assert_true(info->meta->running_ns > running);
    rs_checkpoint_begin_call(place->checkpoint);
    save_it(place, "four");
    close_it(place);
    info = open_it(place);
    assert_int_equal(info->meta->saves, 1);
    assert_true(info->meta->started_ns > started);
}

/* --- ignored --- */

static void test_checkpoint__expiry(void **state) {
    engine_place *place = *state;
    static const struct {
        bool ended;
        int64_t hours;
        rs_ignored expected;
    } cases[] = {{true, 23, RS_IGNORED_NO},
                 {true, 25, RS_IGNORED_EXPIRED},
                 {false, 25, RS_IGNORED_NO}, /* killed on Friday, run again on Monday */
                 {false, 49, RS_IGNORED_EXPIRED}};
    place->options.expire_ended_ns = 24 * 3600 * (uint64_t)SECOND;
    place->options.expire_cut_off_ns = 48 * 3600 * (uint64_t)SECOND;
    for (size_t i = 0; i < 4; i++) {
        clock_shift = 0;
        open_it(place);
        save_it(place, "old");
        if (cases[i].ended)
            assert_int_equal(rs_checkpoint_end(place->checkpoint, NULL, &place->error), RESUME_OK);
        close_it(place);
        clock_shift = cases[i].hours * 3600 * SECOND;
        const rs_checkpoint_info *info = open_it(place);
        assert_int_equal(info->ignored, cases[i].expected);
        bool used = cases[i].expected == RS_IGNORED_NO;
        assert_true((info->found == RS_FOUND_NOTHING) == !used);
        assert_true((rs_checkpoint_state(place->checkpoint) != NULL) == used);
        assert_non_null(info->meta); /* to tell what was ignored */
        assert_true(info->age_ns > (cases[i].hours - 1) * 3600 * SECOND);
        if (!used) { /* nothing is touched before the first save */
            assert_int_equal(sample_count_files(place->path, "ck~", NULL), 0);
            save_it(place, "new");
            assert_string_equal(place->info.aside, "ck~1");
        }
        close_it(place);
        char path[TEMP_PATH_SIZE];
        unlink(place->file_path);
        unlink(temp_path(path, place->path, "ck~1"));
    }
}

static void test_checkpoint__clock_that_went_back_expires_nothing(void **state) {
    engine_place *place = *state;
    place->options.expire_ended_ns = place->options.expire_cut_off_ns = 1;
    open_it(place);
    save_it(place, "one");
    close_it(place);
    clock_shift = -48 * 3600 * SECOND;
    assert_int_equal(open_it(place)->ignored, RS_IGNORED_NO);
}

static void test_checkpoint__clean_sets_the_old_one_aside(void **state) {
    engine_place *place = *state;
    open_it(place);
    save_it(place, "old");
    close_it(place);
    place->options.clean = true;
    const rs_checkpoint_info *info = open_it(place);
    assert_int_equal(info->ignored, RS_IGNORED_CLEAN);
    assert_int_equal(info->found, RS_FOUND_NOTHING);
    assert_int_equal(rs_checkpoint_end(place->checkpoint, NULL, &place->error), RESUME_OK);
    save_it(place, "new");
    assert_string_equal(place->info.aside, "ck~1");
    close_it(place);
    place->options.clean = false;
    open_it(place);
    expect_state(place, "new");
}

static void test_checkpoint__start_over(void **state) {
    engine_place *place = *state;
    open_it(place);
    rs_checkpoint_start_over(place->checkpoint); /* nothing to start over from */
    save_it(place, "old");
    assert_string_equal(place->info.aside, "");
    close_it(place);
    open_it(place);
    rs_checkpoint_start_over(place->checkpoint);
    assert_int_equal(rs_checkpoint_look(place->checkpoint)->ignored, RS_IGNORED_BY_CALLER);
    assert_null(rs_checkpoint_state(place->checkpoint));
    save_it(place, "new");
    assert_string_equal(place->info.aside, "ck~1");
    save_it(place, "newer");
    assert_string_equal(place->info.aside, "");
}

static void test_checkpoint__files_that_are_none(void **state) {
    engine_place *place = *state;
    char text[32], path[TEMP_PATH_SIZE];
    assert_true(temp_write(place->file_path, "precious"));
    assert_int_equal(
        rs_checkpoint_open(&place->fault.os, &place->options, &place->checkpoint, &place->error),
        RESUME_NOT_A_CHECKPOINT);
    assert_null(place->checkpoint);
    place->options.clean = true;
    assert_int_equal(open_it(place)->ignored, RS_IGNORED_CLEAN);
    assert_true(temp_read(place->file_path, text, sizeof text));
    assert_string_equal(text, "precious");
    save_it(place, "new");
    assert_true(temp_read(temp_path(path, place->path, "ck~1"), text, sizeof text));
    assert_string_equal(text, "precious");
}

/* --- damage --- */

static void test_checkpoint__fall_back(void **state) {
    engine_place *place = *state;
    open_it(place);
    save_it(place, "one");
    save_it(place, "two");
    close_it(place);
    open_it(place);
    expect_state(place, "two");
    assert_int_equal(rs_checkpoint_fall_back(place->checkpoint, &place->error), RESUME_OK);
    expect_state(place, "one");
    const rs_checkpoint_info *info = rs_checkpoint_look(place->checkpoint);
    assert_int_equal(info->generation, 1);
    assert_int_equal(info->recovery.health, RS_HEALTH_DAMAGED);
    save_it(place, "three");
    assert_memory_equal(place->info.aside, "ck.damaged-", 11);
    assert_int_equal(rs_checkpoint_fall_back(place->checkpoint, &place->error), RESUME_DAMAGED);
}

/* --- locks, forks --- */

static void test_checkpoint__second_one_is_locked_out(void **state) {
    engine_place *place = *state;
    rs_checkpoint *second;
    open_it(place);
    assert_int_equal(rs_checkpoint_open(&place->fault.os, &place->options, &second, &place->error),
                     RESUME_LOCKED);
    assert_null(second);
    close_it(place);
    open_it(place);
}

static void test_checkpoint__removed_folder_is_made_again_with_its_lock(void **state) {
    engine_place *place = *state;
    rs_checkpoint *second;
    open_it(place);
    save_it(place, "one");
    temp_folder_remove(place->path);
    save_it(place, "two");
    assert_true(place->info.new_file);
    assert_int_equal(rs_checkpoint_open(&place->fault.os, &place->options, &second, &place->error),
                     RESUME_LOCKED);
    close_it(place);
    open_it(place);
    expect_state(place, "two");
}

static void test_checkpoint__removed_lock_file_is_taken_again(void **state) {
    engine_place *place = *state;
    rs_checkpoint *second;
    char path[TEMP_PATH_SIZE];
    open_it(place);
    save_it(place, "one");
    assert_int_equal(unlink(temp_path(path, place->path, "ck.lock")), 0);
    save_it(place, "two");
    assert_int_equal(rs_checkpoint_open(&place->fault.os, &place->options, &second, &place->error),
                     RESUME_LOCKED);
}

static void test_checkpoint__lost_lock_is_no_licence_to_write(void **state) {
    engine_place *place = *state;
    rs_checkpoint *second;
    char path[TEMP_PATH_SIZE];
    open_it(place);
    save_it(place, "one");
    assert_int_equal(unlink(temp_path(path, place->path, "ck.lock")), 0);
    assert_int_equal(rs_checkpoint_open(&place->fault.os, &place->options, &second, &place->error),
                     RESUME_OK);
    uint64_t size = store_size(place->file_path);
    assert_int_equal(try_save(place, "two"), RESUME_LOCKED);
    assert_int_equal(store_size(place->file_path), size);
    rs_checkpoint_close(second);
    save_it(place, "three");
}

static void test_checkpoint__children_may_not_save(void **state) {
    engine_place *place = *state;
    place->options.rate_ns = 3600 * (uint64_t)SECOND;
    open_it(place);
    save_it(place, "one");
    assert_int_equal(atomic_load(rs_checkpoint_due(place->checkpoint)), 0);
    uint64_t size = store_size(place->file_path);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool good = rs_checkpoint_is_forked(place->checkpoint) &&
                    atomic_load(rs_checkpoint_due(place->checkpoint)) == 1 &&
                    try_save(place, "two") == RESUME_FORKED &&
                    atomic_load(rs_checkpoint_due(place->checkpoint)) == 1 &&
                    rs_checkpoint_end(place->checkpoint, NULL, &place->error) == RESUME_FORKED;
        rs_checkpoint_close(place->checkpoint);
        _exit(good ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(store_size(place->file_path), size);
    rs_checkpoint *second; /* the lock is still the parent's */
    assert_int_equal(rs_checkpoint_open(&place->fault.os, &place->options, &second, &place->error),
                     RESUME_LOCKED);
    save_it(place, "three");
}

/* --- due, failing --- */

static bool is_due_within(engine_place *place, int milliseconds) {
    for (int i = 0; i < milliseconds; i++) {
        if (atomic_load(rs_checkpoint_due(place->checkpoint))) return true;
        usleep(1000);
    }
    return false;
}

static void test_checkpoint__due_after_rate(void **state) {
    engine_place *place = *state;
    place->options.rate_ns = 20 * 1000 * 1000;
    open_it(place);
    assert_true(is_due_within(place, 5000));
    save_it(place, "one");
    assert_true(is_due_within(place, 5000));
    rs_checkpoint_set_rate(place->checkpoint, RS_NEVER);
    assert_false(is_due_within(place, 60));
    rs_checkpoint_set_rate(place->checkpoint, 0);
    assert_int_equal(atomic_load(rs_checkpoint_due(place->checkpoint)), 1);
}

static void test_checkpoint__failed_save_leaves_all_and_is_tried_later(void **state) {
    engine_place *place = *state;
    place->options.rate_ns = 0;
    open_it(place);
    save_it(place, "one");
    assert_int_equal(atomic_load(rs_checkpoint_due(place->checkpoint)), 1);
    fault_os_plan(&place->fault, (fault_plan){.nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = ENOSPC,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_WRITE)});
    assert_int_equal(try_save(place, "two"), RESUME_NO_SPACE);
    assert_int_equal(atomic_load(rs_checkpoint_due(place->checkpoint)), 0);
    fault_os_plan(&place->fault, (fault_plan){0});
    save_it(place, "three");
    assert_int_equal(atomic_load(rs_checkpoint_due(place->checkpoint)), 1);
    close_it(place);
    assert_int_equal(open_it(place)->meta->saves, 2);
    expect_state(place, "three");
}

/* Every system call and every allocation of opening, saving, ending: the status says so, nothing is
 * leaked (ASan, and the count of descriptors), and it works the next time. */
static resume_status whole_life(engine_place *place) {
    resume_status status =
        rs_checkpoint_open(&place->fault.os, &place->options, &place->checkpoint, &place->error);
    if (status) return status;
    status = try_save(place, "next");
    if (status == RESUME_OK) status = rs_checkpoint_end(place->checkpoint, NULL, &place->error);
    return status;
}

static void check_life(engine_place *place, resume_status status) {
    close_it(place);
    assert_int_equal(fault_os_open_count(&place->fault), 0);
    const rs_checkpoint_info *info = open_it(place);
    assert_int_not_equal(info->found, RS_FOUND_NOTHING);
    if (status == RESUME_OK) assert_int_equal(info->found, RS_FOUND_ENDED);
    save_it(place, "first");
    close_it(place);
}

static void test_checkpoint__every_system_call_fails(void **state) {
    engine_place *place = *state;
    static const int codes[] = {EIO, ENOSPC, EACCES, EMFILE};
    open_it(place);
    save_it(place, "first");
    close_it(place);
    for (size_t i = 0; i < 4; i++) {
        bool struck = true;
        for (long n = 1; struck; n++) {
            fault_os_plan(&place->fault,
                          (fault_plan){.nth = n, .mode = FAULT_FAIL, .os_code = codes[i]});
            resume_status status = whole_life(place);
            struck = fault_os_struck(&place->fault);
            fault_os_plan(&place->fault, (fault_plan){0});
            assert_int_not_equal(status, RESUME_MISUSE);
            check_life(place, status);
        }
    }
}

static void test_checkpoint__every_allocation_fails(void **state) {
    engine_place *place = *state;
    open_it(place);
    save_it(place, "first");
    close_it(place);
    for (long n = 1;; n++) {
        alloc_fail_at(n, false);
        resume_status status = whole_life(place);
        long count = alloc_fail_count();
        alloc_fail_at(0, false);
        assert_true(status == RESUME_OK || status == RESUME_NO_MEMORY);
        check_life(place, status);
        if (n > count) break;
    }
}

/* --- whose it is --- */

/* A key on a file system that passes, and a checkpoint on one that stays. */
static int key_passes(const rs_os *os, int fd) {
    rs_file_info info;
    return os->info(os, fd, &info) == 0 && info.kind == RS_KIND_FILE;
}

static void test_checkpoint__saves_with_a_key(void **state) {
    engine_place *place = *state;
    char key[TEMP_PATH_SIZE];
    place->options.key_file = temp_path(key, place->path, "keys/key");
    place->fault.os.is_passing = key_passes;
    const rs_checkpoint_info *info = open_it(place);
    assert_string_equal(info->key_problem, "");
    assert_int_equal(access(key, F_OK), -1); /* made when something is to be signed */
    save_it(place, "one");
    assert_int_equal(access(key, F_OK), 0);
    assert_non_null(strstr(info->key_warning, "RESUME_KEY_FILE"));
    assert_int_equal(rs_checkpoint_end(place->checkpoint, NULL, &place->error), RESUME_OK);
    close_it(place);
    open_it(place);
    assert_true(rs_state_is_mine(rs_checkpoint_state(place->checkpoint)));
    close_it(place);
    assert_int_equal(chmod(key, 0644), 0);
    info = open_it(place);
    assert_non_null(strstr(info->key_problem, "chmod 600"));
    assert_false(rs_state_is_mine(rs_checkpoint_state(place->checkpoint)));
    save_it(place, "two"); /* unsigned, but saved */
    assert_non_null(strstr(info->key_problem, "chmod 600"));
}

static void test_checkpoint__nothing_of_others_out_of_a_folder_of_everybody(void **state) {
    engine_place *place = *state;
    char key[TEMP_PATH_SIZE], other[TEMP_PATH_SIZE];
    place->options.key_file = temp_path(key, place->path, "keys/key");
    open_it(place);
    save_it(place, "one");
    assert_int_equal(chmod(place->path, 0777), 0);
    for (int i = 0; i < 2; i++) {
        close_it(place);
        if (i) place->options.key_file = temp_path(other, place->path, "keys/other");
        open_it(place);
        resume_status status = rs_checkpoint_check_folder(place->checkpoint, &place->error);
        assert_int_equal(status, i ? RESUME_UNTRUSTED : RESUME_OK);
    }
    assert_non_null(strstr(place->error.text, "signed with another key"));
    assert_non_null(strstr(place->error.text, "chmod o-w"));
    close_it(place);
    assert_int_equal(chmod(place->path, 0770), 0);
    open_it(place);
    assert_int_equal(rs_checkpoint_check_folder(place->checkpoint, &place->error), RESUME_OK);
}

static bool is_refused(engine_place *place, rs_refusal *found) {
    rs_folder *folder;
    assert_int_equal(rs_folder_open(rs_os_linux(), place->path, false, &folder, NULL), 0);
    bool is = rs_refusal_read(folder, "ck", found);
    rs_folder_close(folder);
    return is;
}

static void test_checkpoint__refusal_lies_there_until_a_save_works(void **state) {
    engine_place *place = *state;
    rs_refusal found;
    open_it(place);
    rs_checkpoint_refuse(place->checkpoint, "one");
    assert_true(is_refused(place, &found));
    int64_t since = found.since_ns;
    clock_shift = 1000000;
    rs_checkpoint_refuse(place->checkpoint, "two");
    rs_checkpoint_refuse(place->checkpoint, "two");
    assert_true(is_refused(place, &found));
    assert_string_equal(found.text, "two");
    assert_int_equal(found.since_ns, since);
    close_it(place);
    assert_true(is_refused(place, &found));
    open_it(place);
    save_it(place, "state");
    assert_false(is_refused(place, &found));
    rs_checkpoint_refuse(place->checkpoint, "three");
    assert_true(is_refused(place, &found));
    assert_true(found.since_ns > since);
    assert_int_equal(rs_checkpoint_end(place->checkpoint, NULL, &place->error), RESUME_OK);
    assert_false(is_refused(place, &found));
    pid_t child = fork();
    if (child == 0) {
        rs_checkpoint_refuse(place->checkpoint, "four");
        _exit(is_refused(place, &found));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_checkpoint__nothing_then_cut_off_then_ended),
        TEST(test_checkpoint__end_without_a_save),
        TEST(test_checkpoint__a_call_counts_over_its_processes),
        TEST(test_checkpoint__expiry),
        TEST(test_checkpoint__clock_that_went_back_expires_nothing),
        TEST(test_checkpoint__clean_sets_the_old_one_aside),
        TEST(test_checkpoint__start_over),
        TEST(test_checkpoint__files_that_are_none),
        TEST(test_checkpoint__fall_back),
        TEST(test_checkpoint__second_one_is_locked_out),
        TEST(test_checkpoint__removed_folder_is_made_again_with_its_lock),
        TEST(test_checkpoint__removed_lock_file_is_taken_again),
        TEST(test_checkpoint__lost_lock_is_no_licence_to_write),
        TEST(test_checkpoint__children_may_not_save),
        TEST(test_checkpoint__due_after_rate),
        TEST(test_checkpoint__failed_save_leaves_all_and_is_tried_later),
        TEST(test_checkpoint__every_system_call_fails),
        TEST(test_checkpoint__every_allocation_fails),
        TEST(test_checkpoint__saves_with_a_key),
        TEST(test_checkpoint__refusal_lies_there_until_a_save_works),
        TEST(test_checkpoint__nothing_of_others_out_of_a_folder_of_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
