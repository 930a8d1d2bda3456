/* api/save.c: when it saves, when it refuses, and that a failure leaves what was there. */
#include "engine/interval.h"
#include "testing.h"

#include "alloc_fail.h"
#include "api_place.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdlib.h>
#include <string.h>

static resume_info look(const resume *ck) {
    resume_info info;
    resume_look(ck, &info);
    return info;
}

static int stored(api_place *place) {
    int x = -1, restored;
    resume *ck;
    assert_int_equal(rs_api_read(&place->fault.os, &ck, place->file), RESUME_OK);
    resume_protect(ck, x);
    if (resume_restore(ck, &restored)) fail_msg("%s", resume_message(ck));
    resume_leave(ck);
    return x;
}

static void test_save__unread_state_is_never_lost(void **state) {
    api_place *place = *state;
    int x = 1;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_save(ck), RESUME_OK); /* nothing there: no need to restore */
    resume_leave(ck);
    x = 2;
    ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_save(ck), RESUME_MISUSE);
    assert_non_null(strstr(resume_message(ck), "resume_restore"));
    assert_int_equal(resume_sync(ck), RESUME_MISUSE);
    assert_int_equal(resume_done(ck), RESUME_MISUSE);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_int_equal(resume_save(ck), RESUME_OK);
    api_close(ck);
    assert_int_equal(stored(place), 1);
}

static void test_save__sync_only_when_due(void **state) {
    api_place *place = *state;
    int x = 1;
    place->options.rate_s = 3600;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(resume_sync(ck), RESUME_OK);
    assert_int_equal(resume_sync_due(ck), RESUME_OK);
    assert_int_equal(look(ck).saves, 0);
    atomic_store(&ck->due, 1);
    assert_int_equal(resume_sync(ck), RESUME_OK);
    assert_int_equal(resume_wait(ck), RESUME_OK);
    assert_int_equal(look(ck).saves, 1);
    assert_int_equal(atomic_load(&ck->due), 0);
    resume_leave(ck);
}

static void test_save__every_sync(void **state) {
    api_place *place = *state;
    int x = 0;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    for (x = 1; x <= 5; x++)
        assert_int_equal(resume_sync(ck), RESUME_OK); /* each waits for the one before */
    assert_true(look(ck).saves >= 4);
    assert_int_equal(resume_wait(ck), RESUME_OK);
    resume_info info = look(ck);
    assert_int_equal(info.saves, 5);
    assert_int_equal(info.generation, 5);
    assert_true(info.bytes_written > 0 && info.state_size > 0 && info.saved_ns > 0);
    assert_int_equal(info.failures, 0);
    resume_leave(ck);
    assert_int_equal(stored(place), 5);
}

static void test_save__auto(void **state) {
    api_place *place = *state;
    int x = 1;
    place->options.rate_s = RESUME_AUTO;
    place->options.overhead = 0.9;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_sync(ck), RESUME_OK); /* the first one after a second */
    assert_int_equal(look(ck).saves, 0);
    assert_true(rs_checkpoint_rate(ck->engine) == RS_INTERVAL_MIN);
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_true(rs_checkpoint_rate(ck->engine) >= RS_INTERVAL_MIN);
    resume_leave(ck);
}

static void test_save__unprotected_is_left_out(void **state) {
    api_place *place = *state;
    int x = 1, y = 2;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    resume_protect(ck, y);
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_int_equal(resume_unprotect(ck, y), RESUME_OK);
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_null(resume_report(ck, RESUME_UNUSED, 0));
    assert_string_equal(resume_report(ck, RESUME_RESTORED, 0), "x");
    assert_null(resume_report(ck, RESUME_RESTORED, 1));
    assert_int_equal(resume_unprotect(ck, y), RESUME_MISUSE);
    assert_int_equal(resume_save(ck), RESUME_MISUSE); /* sticky */
    assert_int_equal(resume_close(ck), RESUME_MISUSE);
}

static void test_save__an_error_of_protecting_stops_it(void **state) {
    api_place *place = *state;
    int x = 1;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    assert_int_equal(resume_protect(ck, x), RESUME_MISUSE);
    assert_int_equal(resume_sync(ck), RESUME_MISUSE);
    assert_int_equal(resume_save(ck), RESUME_MISUSE);
    assert_int_equal(resume_restore(ck, NULL), RESUME_MISUSE);
    assert_non_null(strstr(resume_message(ck), "'x' is protected already"));
    resume_leave(ck);
    assert_int_equal(access(place->file, 0), -1);
}

/* What it holds is what there was at the call. */
static void test_save__in_the_background(void **state) {
    api_place *place = *state;
    static double big[100000];
    int x;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    resume_protect(ck, big);
    for (x = 1; x <= 5; x++) {
        int before = x;
        for (size_t i = 0; i < 100000; i++)
            big[i] = x + (double)i;
        assert_int_equal(resume_sync(ck), RESUME_OK);
        memset(big, 0xEE, sizeof big);
        x = -1;
        assert_int_equal(resume_wait(ck), RESUME_OK);
        assert_int_equal(resume_wait(ck), RESUME_OK);
        assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
        assert_int_equal(x, before);
        for (size_t i = 0; i < 100000; i++)
            assert_true(big[i] == x + (double)i);
    }
    x = 77;
    assert_int_equal(resume_sync(ck), RESUME_OK);
    x = 78;
    resume_leave(ck); /* waits */
    assert_int_equal(stored(place), 77);
}

static void test_save__in_the_foreground(void **state) {
    api_place *place = *state;
    int x = 0;
    place->options.foreground = 1;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    for (x = 1; x <= 5; x++) {
        assert_int_equal(resume_sync(ck), RESUME_OK);
        assert_int_equal(look(ck).saves, x);
        assert_int_equal(stored(place), x);
    }
    resume_leave(ck);
}

/* Told once, by whoever comes next; an end is not recorded without the last state. */
static void test_save__a_failure_in_the_background(void **state) {
    api_place *place = *state;
    const fault_plan full = {.nth = 1,
                             .mode = FAULT_FAIL,
                             .os_code = ENOSPC,
                             .for_ever = true,
                             .calls = FAULT_BIT(FAULT_WRITE)};
    int x = 1;
    for (int way = 0; way < 5; way++) {
        resume *ck = api_open(place);
        resume_protect(ck, x);
        assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
        x = 1;
        assert_int_equal(resume_save(ck), RESUME_OK);
        x = 2;
        fault_os_plan(&place->fault, full);
        assert_int_equal(resume_sync(ck), RESUME_OK);
        rs_checkpoint_wait(ck->engine);
        fault_os_plan(&place->fault, (fault_plan){0});
        assert_int_equal(atomic_load(&ck->due), 1);
        if (way == 0) {
            assert_int_equal(resume_wait(ck), RESUME_NO_SPACE);
            assert_int_equal(look(ck).failures, 1);
            assert_int_equal(resume_wait(ck), RESUME_OK);
        } else if (way == 1) {
            assert_int_equal(resume_sync(ck), RESUME_NO_SPACE);
            assert_int_equal(resume_sync(ck), RESUME_OK); /* not due again at once */
        } else if (way == 2) {
            assert_int_equal(resume_save(ck), RESUME_OK);
            assert_non_null(strstr(look(ck).warning, "ck"));
            assert_int_equal(look(ck).failures, 0);
        } else if (way == 3) {
            assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
            assert_int_equal(x, 1);
        } else {
            assert_int_equal(resume_close(ck), RESUME_NO_SPACE);
        }
        if (way < 4) resume_leave(ck);
        assert_int_equal(stored(place), way == 2 ? 2 : 1);
    }
    resume *ck;
    assert_int_equal(rs_api_read(&place->fault.os, &ck, place->file), RESUME_OK);
    assert_int_equal(look(ck).found, RESUME_FOUND_CUT_OFF);
    assert_int_equal(resume_wait(ck), RESUME_OK); /* there is nothing to wait for */
    resume_leave(ck);
}

static resume_status save_it(resume *ck, bool in_background) {
    if (!in_background) return resume_save(ck);
    atomic_store(&ck->due, 1);
    resume_status status = resume_sync(ck);
    return status ? status : resume_wait(ck);
}

/* The n-th system call of a save fails, for every n: what was saved stays, the next save works. */
static void fail_calls(api_place *place, int os_code, bool for_ever, bool in_background) {
    static double big[40000];
    int x = 1;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    resume_protect(ck, big);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    x = 1;
    assert_int_equal(resume_save(ck), RESUME_OK);
    bool worked = false;
    for (long nth = 1; !worked; nth++) {
        int before = x++;
        big[x % 40000] = x;
        fault_os_plan(
            &place->fault,
            (fault_plan){.nth = nth, .mode = FAULT_FAIL, .os_code = os_code, .for_ever = for_ever});
        resume_status status = save_it(ck, in_background);
        worked = !fault_os_struck(&place->fault);
        fault_os_plan(&place->fault, (fault_plan){0});
        int there = stored(place);
        if (status) {
            assert_true(there == before || there == x);
            assert_true(look(ck).failures > 0);
            assert_true(strlen(resume_message(ck)) > 10);
        } else {
            assert_int_equal(there, x);
        }
        x++;
        if (resume_save(ck)) fail_msg("after call %ld: %s", nth, resume_message(ck));
        assert_int_equal(stored(place), x);
        assert_int_equal(look(ck).failures, 0);
    }
    api_close(ck);
}

static void test_save__any_call_may_fail(void **state) {
    fail_calls(*state, EIO, false, false);
    fail_calls(*state, ENOSPC, true, false);
}

static void test_save__any_call_may_fail_in_the_background(void **state) {
    fail_calls(*state, EIO, false, true);
    fail_calls(*state, ENOSPC, true, true);
}

static void test_save__any_allocation_may_fail(void **state) {
    api_place *place = *state;
    int x = 0;
    double *grows = calloc(20000, sizeof *grows);
    size_t count = 20000;
    resume *ck = api_open(place);
    resume_protect(ck, x);
    resume_protect_array(ck, grows, count);
    assert_int_equal(resume_save(ck), RESUME_OK);
    for (long nth = 1;; nth++) {
        x++;
        grows[x % 20000] = x;
        alloc_fail_at(nth, false);
        resume_status status = resume_save(ck);
        bool struck = alloc_fail_count() >= nth;
        alloc_fail_at(0, false);
        if (status) assert_int_equal(stored(place), x - 1);
        if (status) assert_int_equal(resume_save(ck), RESUME_OK);
        assert_int_equal(stored(place), x);
        if (!struck) break;
    }
    api_close(ck);
    free(grows);
}

/* --- callbacks --- */

static resume *the_checkpoint; /* for what a callback must not do */
static resume_status seen;

static int save_wrongly(void *object, resume_writer *writer) {
    (void)object, (void)writer;
    seen = resume_save(the_checkpoint);
    return 3;
}

static int load_nothing(void *object, const void *bytes, size_t size) {
    (void)object, (void)bytes, (void)size;
    return 0;
}

static void test_save__a_callback_that_refuses_or_saves(void **state) {
    api_place *place = *state;
    the_checkpoint = api_open(place);
    resume_protect_state(the_checkpoint, "s", save_wrongly, load_nothing, NULL);
    assert_int_equal(resume_save(the_checkpoint), RESUME_MISUSE);
    assert_int_equal(seen, RESUME_MISUSE);
    assert_non_null(strstr(resume_message(the_checkpoint), "it gave 3"));
    resume_leave(the_checkpoint);
}

/* 256 MiB in one array. */
/* Said once, and the saves are good all the same. */
static void test_save__says_why_nothing_is_signed(void **state) {
    api_place *place = *state;
    const char *before = getenv("RESUME_KEY_FILE");
    char key[TEMP_PATH_SIZE], *kept = before ? strdup(before) : NULL;
    temp_path(key, place->path, "key");
    assert_true(temp_write(key, "too short"));
    setenv("RESUME_KEY_FILE", key, 1);
    chmod(key, 0600);
    resume *ck = api_open(place);
    int number = 1;
    resume_protect(ck, number);
    assert_string_equal(look(ck).warning, "");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(resume_save(ck), RESUME_OK);
        const char *told = strstr(look(ck).warning, "not signed: the key '");
        assert_non_null(told);
        assert_null(strstr(told + 1, "not signed"));
    }
    api_close(ck);
    if (kept)
        setenv("RESUME_KEY_FILE", kept, 1);
    else
        unsetenv("RESUME_KEY_FILE");
    free(kept);
}

static void test_save__large(void **state) {
    api_place *place = *state;
    size_t count = getenv("RESUME_FAST") ? 1u << 20 : 1u << 25;
    double *big = malloc(count * sizeof *big), *found = NULL;
    size_t found_count = 0;
    for (size_t i = 0; i < count; i++)
        big[i] = (double)i * 0.1;
    resume *ck = api_open(place);
    resume_protect_array_as(ck, "big", &big, RESUME_FLOAT64, &count, RESUME_UINT64);
    assert_int_equal(resume_save(ck), RESUME_OK);
    assert_true(look(ck).state_size > count * sizeof *big);
    resume_leave(ck);
    ck = api_open(place);
    resume_protect_array_as(ck, "big", &found, RESUME_FLOAT64, &found_count, RESUME_UINT64);
    assert_int_equal(resume_restore(ck, NULL), RESUME_OK);
    assert_true(found_count == count);
    assert_memory_equal(found, big, count * sizeof *big);
    resume_leave(ck);
    free(big);
    free(found);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, api_place_setup, api_place_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_save__unread_state_is_never_lost),
        TEST(test_save__sync_only_when_due),
        TEST(test_save__every_sync),
        TEST(test_save__auto),
        TEST(test_save__unprotected_is_left_out),
        TEST(test_save__an_error_of_protecting_stops_it),
        TEST(test_save__in_the_background),
        TEST(test_save__in_the_foreground),
        TEST(test_save__a_failure_in_the_background),
        TEST(test_save__any_call_may_fail),
        TEST(test_save__any_call_may_fail_in_the_background),
        TEST(test_save__any_allocation_may_fail),
        TEST(test_save__a_callback_that_refuses_or_saves),
        TEST(test_save__says_why_nothing_is_signed),
        TEST(test_save__large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
