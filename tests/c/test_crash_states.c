/* Every state in which a power cut may leave the disk, for programs that save, end calls, compact,
 * set aside, fail and are killed: a reader finds the last save that had returned or the one that
 * was being made, bit for bit; nothing that a crash alone has done is called damage; the next
 * program saves, its saves stick, and nothing is left lying about. Then the same for power cuts in
 * that next program's opening and saving, and for programs that find what a killed one left in the
 * cache.
 *
 * RESUME_SEED repeats a run; RESUME_SCALE widens the bounds (from 16 on all subsets of up to 16
 * pending operations are tried); RESUME_CRASH_SCENARIO takes the scenarios of that word alone;
 * RESUME_CRASH_SHOW=1 prints the log and the state of a failure.
 *
 * What it does not show: whether disks and file systems keep to what model_crash.h assumes. */
#include "disk_run.h"
#include "sample.h"
#include "seeded.h"
#include "testing.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__ /* some twenty times as slow */
#define SANITIZED true
#else
#define SANITIZED false
#endif

static void tell(const disk_run *run) {
    const disk_totals *totals = &run->totals;
    print_message("%-45s %8llu states, %7llu distinct (%llu of a second crash), %llu moments "
                  "(%llu with all subsets), at most %u files, %llu bytes\n",
                  run->scenario->name, (unsigned long long)totals->visited,
                  (unsigned long long)totals->distinct, (unsigned long long)totals->second,
                  (unsigned long long)totals->cuts, (unsigned long long)totals->exhausted,
                  run->check.files_max, (unsigned long long)run->check.bytes_max);
}

static void test_crash_states__nothing_is_lost(void **state) {
    (void)state;
    model_arena arena;
    seeded random = seeded_start();
    disk_totals all = {0};
    const char *only = getenv("RESUME_CRASH_SCENARIO");
    bool is_fast = getenv("RESUME_FAST") || SANITIZED;
    unsigned scale = is_fast ? 0 : (unsigned)sample_setting("RESUME_SCALE", 1);
    setbuf(stdout, NULL);
    model_arena_init(&arena);
    for (size_t i = 0; i < disk_scenario_count; i++) {
        disk_run run;
        disk_run_init(&run, &disk_scenarios[i], scale, seeded_next(&random));
        run.shows = getenv("RESUME_CRASH_SHOW") != NULL;
        if (only && !strstr(run.scenario->name, only)) continue;
        bool good = disk_run_all(&run, &arena);
        tell(&run);
        disk_run_release(&run);
        all.visited += run.totals.visited;
        all.distinct += run.totals.distinct;
        if (!good)
            fail_msg("'%s', %s: %s", run.scenario->name,
                     run.is_second ? "a second crash" : "a crash", run.check.text);
    }
    print_message("%llu states, %llu distinct; 0 lost, 0 mixed, 0 silently nothing\n",
                  (unsigned long long)all.visited, (unsigned long long)all.distinct);
    model_arena_release(&arena);
}

int main(void) {
    mallopt(M_MMAP_THRESHOLD, 64 << 20); /* opening takes 1 MiB for a moment */
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crash_states__nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
