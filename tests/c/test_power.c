/* Power cuts on a model disk: a program saves, starts over, ends calls, compacts and opens again,
 * and at an arbitrary call the power fails. What was not synced persists in an arbitrary part. The
 * next life, whose opening may be cut as well, finds the last save that had returned or the one
 * that was being made, bit for bit; nothing that a crash alone has done is called damage.
 *
 * In two tests calls of the disk fail as well, before the power does (evidence row 1, paired with a
 * crash).
 *
 * RESUME_POWER_LIVES sets the number of lives. */
#include "crash_os.h"
#include "fault_os.h"
#include "sample.h"
#include "seeded.h"
#include "store/file_internal.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_SIZE       65536 /* zeros behind the newest save */
#define NAME            "ck"
#define LIVES           10000u
#define LIVES_OF_A_DISK 12

typedef struct power_history {
    uint64_t acknowledged; /* version of the newest save that has returned; 0: none */
    uint64_t seen;         /* that a process found at opening, perhaps in the cache alone */
    uint64_t attempted;    /* the newest that was tried */
    uint64_t set_aside;    /* how many files must be there as NAME~k */
    bool sets_aside;       /* the newest attempt sets one aside */
} power_history;

typedef struct power_totals {
    uint64_t lives, saves, newer, torn, failures;
} power_totals;

/* Files that were set aside by a save that has returned are there. */
static void check_aside(const crash_os *disk, const power_history *history) {
    uint64_t count = 0;
    for (int i = 0; i < CRASH_NAMES_MAX; i++)
        count += disk->now[i].file >= 0 && strncmp(disk->now[i].name, NAME "~", 3) == 0;
    if (count < history->set_aside)
        fail_msg("%llu files were set aside, %llu are there",
                 (unsigned long long)history->set_aside, (unsigned long long)count);
}

/* What is on the disk after a crash, as a reader finds it. */
static void check(crash_os *disk, sample_shape shape, bool power_cut, power_history *history,
                  power_totals *totals) {
    rs_file *file;
    rs_recovery recovery;
    rs_state *state;
    rs_error error = {0};
    bool equal;
    resume_status status = rs_file_open(&disk->folder, NAME, false, &file, &recovery, &error);
    if (status == RESUME_NOT_FOUND && history->acknowledged == 0) return;
    if (status) fail_msg("status %d: %s", (int)status, error.text);
    if (recovery.health == RS_HEALTH_DAMAGED) fail_msg("called damaged: %s", recovery.text);
    totals->torn += recovery.health == RS_HEALTH_TORN;
    assert_int_equal(rs_file_read(file, 0, &state, &error), RESUME_OK);
    uint64_t found = rs_state_meta(state)->saves;
    if (found < history->acknowledged || found > history->attempted)
        fail_msg("version %llu was found, %llu had returned, %llu was tried",
                 (unsigned long long)found, (unsigned long long)history->acknowledged,
                 (unsigned long long)history->attempted);
    status = sample_compare(state, shape, found, &equal, &error);
    if (status) fail_msg("status %d: %s", (int)status, error.text);
    if (!equal) fail_msg("version %llu is a mixture", (unsigned long long)found);
    totals->newer += found != history->acknowledged;
    history->seen = found;
    if (power_cut) {
        if (found > history->acknowledged && found == history->attempted)
            history->set_aside += history->sets_aside;
        history->acknowledged = history->attempted = found;
        history->sets_aside = false;
    }
    rs_state_free(state);
    rs_file_close(file);
}

/* One step of the program; false when it failed, as it does without power. */
static bool act(rs_file *file, sample_shape shape, power_history *history, seeded *random,
                power_totals *totals) {
    rs_error error;
    rs_commit_info info;
    rs_commit_options options = {0};
    uint64_t what = seeded_below(random, 12);
    bool is_saved = rs_file_generation_count(file) > 0;
    if (what == 0 && is_saved)
        return rs_file_compact(file, &(rs_keep){.last = 2}, NULL, &error) == RESUME_OK;
    if (what == 1 && is_saved) {
        rs_meta meta = {.saves = history->seen, .ended = true};
        return rs_file_commit_mark(file, &meta, &options, &info, &error) == RESUME_OK;
    }
    history->sets_aside = what == 2 && is_saved;
    if (history->sets_aside) rs_file_start_over(file);
    history->attempted = history->seen + 1;
    if (sample_commit(file, shape, history->attempted, &info, &error)) return false;
    history->acknowledged = history->seen = history->attempted;
    history->set_aside += info.aside[0] != 0;
    history->sets_aside = false;
    totals->saves++;
    return true;
}

/* With `fails`, a call of the disk fails by itself, too, before the power does: once or from there
 * on. */
static void plan_failure(fault_os *fault, bool fails, seeded *random) {
    static const int codes[] = {EIO, ENOSPC, EDQUOT, EINTR, EMFILE, EACCES, EROFS, ETIMEDOUT};
    fault_os_plan(fault,
                  (fault_plan){.nth = fails ? 1 + (long)seeded_below(random, 50) : 0,
                               .mode = FAULT_FAIL,
                               .os_code = codes[seeded_below(random, sizeof codes / sizeof *codes)],
                               .for_ever = seeded_below(random, 8) == 0});
}

static void live(crash_os *disk, sample_shape shape, bool fails, power_history *history,
                 seeded *random, power_totals *totals) {
    static fault_os fault;
    rs_file *file;
    rs_recovery recovery;
    rs_error error;
    rs_folder folder = disk->folder;
    fault_os_init(&fault, disk->folder.os);
    folder.os = &fault.os;
    plan_failure(&fault, fails, random);
    resume_status status = rs_file_open(&folder, NAME, true, &file, &recovery, &error);
    if (status == RESUME_NOT_FOUND)
        status = rs_file_new(&folder, NAME, 1, RS_ASIDE_NO, &file, &error);
    if (status) {
        /* A failure that is nobody's would be a bug: nothing else goes wrong here. */
        assert_true(disk->is_off || fault_os_struck(&fault));
        totals->failures += fault_os_struck(&fault);
        return;
    }
    file->room_size = ROOM_SIZE;
    file->quick_commits = RS_ROOM_COMMITS_MIN;
    for (int i = 0; i < 8; i++) {
        bool goes_on = act(file, shape, history, random, totals);
        if (!goes_on) assert_true(disk->is_off || fault_os_struck(&fault));
        if (!goes_on) break; /* the handle may hold a state that the history does not know of */
    }
    totals->failures += fault_os_struck(&fault);
    if (!disk->is_off && seeded_below(random, 2)) rs_file_leave(file);
    rs_file_close(file);
}

static void one_disk(sample_shape shape, bool fails, seeded *random, power_totals *totals) {
    static crash_os disk;
    power_history history = {0};
    crash_os_init(&disk, seeded_next(random));
    disk.has_no_links = seeded_below(random, 3) == 0;
    for (int i = 0; i < LIVES_OF_A_DISK && disk.file_count < CRASH_FILES_MAX - 12; i++) {
        disk.calls_left = (long)seeded_below(random, 60);
        live(&disk, shape, fails, &history, random, totals);
        /* Sometimes the process alone dies, and the next one finds what is in the cache. */
        bool power_cut = seeded_below(random, 3) != 0;
        disk.is_off = false;
        disk.calls_left = -1;
        if (power_cut) crash_os_crash(&disk);
        check(&disk, shape, power_cut, &history, totals);
        check_aside(&disk, &history);
        totals->lives++;
    }
    crash_os_release(&disk);
}

static void run(sample_shape shape, bool fails, uint64_t lives) {
    seeded random = seeded_start();
    power_totals totals = {0};
    while (totals.lives < lives)
        one_disk(shape, fails, &random, &totals);
    print_message("%llu ends, %llu saves had returned, 0 lost; %llu times the newer one was "
                  "there, %llu torn; calls failed in %llu lives\n",
                  (unsigned long long)totals.lives, (unsigned long long)totals.saves,
                  (unsigned long long)totals.newer, (unsigned long long)totals.torn,
                  (unsigned long long)totals.failures);
    if (lives >= LIVES / 100) assert_true(totals.newer > 0 && totals.torn > 0);
}

static void test_power__small_states(void **state) {
    (void)state;
    run(SAMPLE_SMALL, false, sample_setting("RESUME_POWER_LIVES", LIVES));
}

static void test_power__small_states_and_failing_calls(void **state) {
    (void)state;
    run(SAMPLE_SMALL, true, sample_setting("RESUME_POWER_LIVES", LIVES) / 4);
}

static void test_power__arrays_and_failing_calls(void **state) {
    (void)state;
    run(SAMPLE_MIXED, true, sample_setting("RESUME_POWER_LIVES", LIVES) / 125);
}

static void test_power__states_with_arrays(void **state) {
    (void)state;
    run(SAMPLE_MIXED, false, sample_setting("RESUME_POWER_LIVES", LIVES) / 40);
}

static void test_power__ordered_commits(void **state) {
    (void)state;
    run(SAMPLE_LARGE, false, sample_setting("RESUME_POWER_LIVES", LIVES) / 60);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power__small_states),
        cmocka_unit_test(test_power__small_states_and_failing_calls),
        cmocka_unit_test(test_power__arrays_and_failing_calls),
        cmocka_unit_test(test_power__states_with_arrays),
        cmocka_unit_test(test_power__ordered_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
