/* api/open.c: what is found, what is refused, and how a handle ends. */
#include "testing.h"

#include "alloc_fail.h"
#include "api_place.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void save_one(api_place *place, int value, bool ends) {
    resume *ck = api_open(place);
    int x = 0;
    resume_protect(ck, x);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    x = value;
    assert_int_equal(resume_save(ck), RESUME_OK);
    if (ends)
        api_close(ck);
    else
        resume_leave(ck);
}

static resume_info look(const resume *ck) {
    resume_info info;
    resume_look(ck, &info);
    return info;
}

static void expect_found(api_place *place, resume_found found, uint64_t generation) {
    resume *ck = api_open(place);
    assert_int_equal(look(ck).found, found);
    assert_int_equal(look(ck).generation, generation);
    resume_leave(ck);
}

static void test_open__found(void **state) {
    api_place *place = *state;
    expect_found(place, RESUME_FOUND_NOTHING, 0);
    save_one(place, 1, false);
    expect_found(place, RESUME_FOUND_CUT_OFF, 1);
    save_one(place, 2, true);
    expect_found(place, RESUME_FOUND_ENDED, 3);
    resume *ck = api_open(place);
    assert_true(look(ck).saved_ns > INT64_C(1700000000) * 1000000000);
    assert_string_equal(look(ck).path, place->file);
    resume_leave(ck);
}

static void test_open__closing_without_a_save_ends_what_was_restored(void **state) {
    api_place *place = *state;
    int x = 0;
    save_one(place, 1, false);
    api_close(api_open(place)); /* nothing restored: nothing ended */
    expect_found(place, RESUME_FOUND_CUT_OFF, 1);
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    api_close(ck);
    expect_found(place, RESUME_FOUND_ENDED, 2);
}

static void test_open__done_saves_and_ends(void **state) {
    api_place *place = *state;
    int x = 1;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_done(ck), RESUME_OK);
    resume_leave(ck);
    expect_found(place, RESUME_FOUND_ENDED, 2);
}

static void test_open__again(void **state) {
    api_place *place = *state;
    int x = 0, restored;
    save_one(place, 7, true);
    place->options.again = RESUME_AGAIN_ERROR;
    resume *ck = api_try_open(place);
    assert_int_equal(resume_restore(ck, NULL), RESUME_EXISTS);
    assert_non_null(strstr(resume_message(ck), "has ended"));
    assert_int_equal(resume_sync(ck), RESUME_EXISTS);
    assert_int_equal(resume_close(ck), RESUME_EXISTS);
    place->options.again = RESUME_AGAIN_FRESH;
    ck = api_open(place);
    assert_int_equal(look(ck).found, RESUME_FOUND_NOTHING);
    resume_protect(ck, x);
    assert_int_equal(resume_restore(ck, &restored), RESUME_OK);
    assert_int_equal(restored, 0);
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_string_equal(look(ck).aside, "ck~1");
    resume_leave(ck);
    place->options.again = RESUME_AGAIN_ERROR; /* what was cut off goes on */
    ck = api_open(place);
    resume_leave(ck);
}

static void test_open__clean_and_expired(void **state) {
    api_place *place = *state;
    save_one(place, 7, false);
    place->options.clean = 1;
    expect_found(place, RESUME_FOUND_NOTHING, 0);
    place->options.clean = 0;
    place->options.expire_ended_s = 1e-9; /* it was cut off */
    expect_found(place, RESUME_FOUND_CUT_OFF, 1);
    place->options.expire_cut_off_s = 1e-9;
    resume *ck = api_open(place);
    assert_int_equal(look(ck).found, RESUME_FOUND_NOTHING);
    assert_non_null(strstr(look(ck).warning, "expired"));
    assert_int_equal(resume_save(ck), RESUME_OK); /* nothing unread: it is kept beside */
    assert_string_equal(look(ck).aside, "ck~1");
    resume_leave(ck);
}

static void test_open__options_that_are_no_values(void **state) {
    api_place *place = *state;
    const resume_options good = place->options;
    enum { BAD = 13 };
    resume_options bad[BAD];
    for (size_t i = 0; i < BAD; i++)
        bad[i] = good;
    bad[0].rate_s = -3;
    bad[1].rate_s = (double)NAN;
    bad[2].expire_ended_s = -1;
    bad[3].expire_cut_off_s = (double)NAN;
    bad[4].again = (resume_again)3;
    bad[5].again = (resume_again)-1;
    bad[6].compress = (resume_compress)3;
    bad[7].keep_last = 1001;
    bad[8].keep_daily = 1001;
    bad[9].keep_hourly = 1001;
    bad[10].overhead = 1;
    bad[11].overhead = -0.1;
    bad[12].overhead = (double)NAN;
    for (size_t i = 0; i < BAD; i++) {
        place->options = bad[i];
        resume *ck = api_try_open(place);
        assert_int_equal(resume_close(ck), RESUME_MISUSE);
    }
    place->options = good;
    place->options.rate_s = 1e300; /* never */
    place->options.expire_ended_s = 1e300;
    place->options.keep_daily = 1000;
    resume_leave(api_open(place));
}

static void test_open__an_older_caller_knows_fewer_options(void **state) {
    api_place *place = *state;
    resume *ck;
    struct {
        resume_options known;
        char more[64];
    } newer = {.known = place->options};
    memset(newer.more, 0xff, sizeof newer.more);
    assert_int_equal(rs_api_open(&place->fault.os, &ck, "ck", NULL, &place->options,
                                 sizeof place->options.folder),
                     RESUME_OK);
    resume_leave(ck);
    assert_int_equal(rs_api_open(&place->fault.os, &ck, "ck", NULL, &newer.known, sizeof newer),
                     RESUME_OK);
    resume_leave(ck);
}

static void test_open__two_handles(void **state) {
    api_place *place = *state;
    resume *first = api_open(place), *second = api_try_open(place);
    assert_int_equal(resume_restore(second, NULL), RESUME_LOCKED);
    assert_int_equal(resume_close(second), RESUME_LOCKED);
    api_close(first);
    resume_leave(api_open(place));
}

static void test_open__a_failed_handle_does_no_harm(void **state) {
    api_place *place = *state;
    place->options.folder = "/dev/null/nowhere";
    int x = 0, restored = 5;
    double *array = NULL;
    size_t count = 0;
    resume *ck = api_try_open(place);
    resume_status status = resume_protect(ck, x);
    assert_int_not_equal(status, RESUME_OK);
    assert_int_equal(resume_protect_array(ck, array, count), status);
    assert_int_equal(resume_unprotect(ck, x), status);
    assert_int_equal(resume_restore(ck, &restored), status);
    assert_int_equal(restored, 0);
    assert_int_equal(resume_sync(ck), status);
    assert_int_equal(resume_save(ck), status);
    assert_int_equal(resume_done(ck), status);
    assert_true(strlen(resume_message(ck)) > 10);
    assert_string_equal(look(ck).path, "");
    assert_null(resume_report(ck, RESUME_UNUSED, 0));
    assert_int_equal(resume_close(ck), status);
    assert_int_equal(resume_close(NULL), RESUME_OK);
    resume_leave(NULL);
}

/* Every allocation of opening fails: a handle is there all the same. */
static void test_open__no_memory(void **state) {
    api_place *place = *state;
    save_one(place, 1, false);
    for (long nth = 1;; nth++) {
        int x = 0;
        alloc_fail_at(nth, true);
        resume *ck = api_try_open(place);
        if (!*resume_message(ck)) {
            alloc_fail_at(0, false);
            resume_leave(ck);
            assert_true(nth > 5);
            return;
        }
        assert_int_equal(resume_protect(ck, x), RESUME_NO_MEMORY);
        assert_int_equal(resume_restore(ck, NULL), RESUME_NO_MEMORY);
        assert_int_equal(resume_sync(ck), RESUME_NO_MEMORY);
        assert_non_null(strstr(resume_message(ck), "memory"));
        assert_int_equal(resume_close(ck), RESUME_NO_MEMORY);
        alloc_fail_at(0, false);
    }
}

static void test_open__disabled(void **state) {
    api_place *place = *state;
    int x = 3, restored = 9;
    resume *ck = NULL;
    setenv("RESUME_DISABLE", "1", 1);
    place->options.rate_s = -7; /* not even looked at */
    assert_int_equal(resume_open(&ck, NULL, &place->options), RESUME_OK);
    assert_int_equal(resume_protect(ck, x), RESUME_OK);
    assert_int_equal(resume_protect(ck, x), RESUME_OK);
    assert_int_equal(resume_restore(ck, &restored), RESUME_OK);
    assert_int_equal(restored, 0);
    assert_int_equal(resume_sync(ck), RESUME_OK);
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_int_equal(resume_done(ck), RESUME_OK);
    assert_int_equal(resume_unprotect(ck, x), RESUME_OK);
    assert_int_equal(resume_close(ck), RESUME_OK);
    assert_int_equal(resume_read(&ck, "/nowhere/at/all"), RESUME_OK);
    assert_int_equal(resume_close(ck), RESUME_OK);
    setenv("RESUME_DISABLE", "0", 1);
    place->options.rate_s = RESUME_EVERY_SYNC;
    expect_found(place, RESUME_FOUND_NOTHING, 0);
    unsetenv("RESUME_DISABLE");
}

static void test_open__a_forked_child_writes_nothing(void **state) {
    api_place *place = *state;
    int x = 1;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_save(ck), RESUME_OK);
    pid_t child = fork();
    if (child == 0) {
        x = 2;
        if (resume_save(ck) != RESUME_FORKED) _exit(1);
        if (resume_sync(ck) != RESUME_FORKED) _exit(2);
        if (resume_done(ck) != RESUME_FORKED) _exit(3);
        if (resume_close(ck) != RESUME_OK) _exit(4);
        _exit(0);
    }
    int answer;
    assert_int_equal(waitpid(child, &answer, 0), child);
    assert_true(WIFEXITED(answer));
    assert_int_equal(WEXITSTATUS(answer), 0);
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_int_equal(look(ck).generation, 2);
    api_close(ck);
}

/* --- of another program --- */

static resume_status open_as(api_place *place, resume **ck, const char *program) {
    place->options.program = program;
    return rs_api_open(&place->fault.os, ck, NULL, "main", &place->options, sizeof place->options);
}

static void test_open__another_program_of_the_same_name(void **state) {
    api_place *place = *state;
    char first[TEMP_PATH_SIZE], folder[TEMP_PATH_SIZE + 20];
    resume *ck;
    temp_path(first, place->path, "sim");
    assert_true(temp_write(first, "a program"));
    snprintf(folder, sizeof folder, "%s/other/sim", place->path);
    assert_int_equal(open_as(place, &ck, first), RESUME_OK);
    assert_non_null(strstr(look(ck).path, "/sim.main"));
    assert_int_equal(resume_save(ck), RESUME_OK);
    resume_leave(ck);
    assert_int_equal(open_as(place, &ck, folder), RESUME_EXISTS);
    assert_non_null(strstr(resume_message(ck), first));
    resume_leave(ck);
    place->options.any_program = 1;
    assert_int_equal(open_as(place, &ck, folder), RESUME_OK);
    resume_leave(ck);
    place->options.any_program = 0;
    remove(first); /* moved or removed: it gives its checkpoint up */
    assert_int_equal(open_as(place, &ck, folder), RESUME_OK);
    resume_leave(ck);
    assert_int_equal(open_as(place, &ck, first), RESUME_OK);
    resume_leave(ck);
}

/* --- reading alone --- */

static void test_open__a_reader_needs_no_lock_and_writes_nothing(void **state) {
    api_place *place = *state;
    int x = 0;
    save_one(place, 5, false);
    resume *writer = api_open(place), *ck;
    assert_int_equal(rs_api_read(&place->fault.os, &ck, place->file), RESUME_OK);
    assert_int_equal(look(ck).found, RESUME_FOUND_CUT_OFF);
    assert_int_equal(look(ck).generation, 1);
    resume_protect(ck, x);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_int_equal(x, 5);
    assert_int_equal(resume_save(ck), RESUME_MISUSE);
    assert_int_equal(resume_sync(ck), RESUME_OK); /* never due */
    assert_int_equal(resume_done(ck), RESUME_MISUSE);
    assert_int_equal(resume_close(ck), RESUME_OK);
    resume_leave(writer);
    expect_found(place, RESUME_FOUND_CUT_OFF, 1);
}

static void test_open__a_reader_finds_names_in_the_default_folder(void **state) {
    api_place *place = *state;
    char here[TEMP_PATH_SIZE];
    resume *ck;
    save_one(place, 5, false);
    assert_non_null(getcwd(here, sizeof here));
    setenv("RESUME_DIR", place->path, 1);
    assert_int_equal(resume_read(&ck, "ck"), RESUME_OK);
    resume_leave(ck);
    assert_int_equal(resume_read(&ck, "other"), RESUME_NOT_FOUND);
    assert_int_equal(resume_close(ck), RESUME_NOT_FOUND);
    unsetenv("RESUME_DIR");
    assert_int_equal(chdir(place->path), 0);
    assert_int_equal(resume_read(&ck, "ck"), RESUME_OK);
    resume_leave(ck);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(resume_read(&ck, NULL), RESUME_BAD_NAME);
    resume_leave(ck);
    assert_int_equal(resume_read(&ck, "/dev/null"), RESUME_UNSAFE_PATH);
    resume_leave(ck);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_open__found),
        TEST(test_open__closing_without_a_save_ends_what_was_restored),
        TEST(test_open__done_saves_and_ends),
        TEST(test_open__again),
        TEST(test_open__clean_and_expired),
        TEST(test_open__options_that_are_no_values),
        TEST(test_open__an_older_caller_knows_fewer_options),
        TEST(test_open__two_handles),
        TEST(test_open__a_failed_handle_does_no_harm),
        TEST(test_open__no_memory),
        TEST(test_open__disabled),
        TEST(test_open__a_forked_child_writes_nothing),
        TEST(test_open__another_program_of_the_same_name),
        TEST(test_open__a_reader_needs_no_lock_and_writes_nothing),
        TEST(test_open__a_reader_finds_names_in_the_default_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
