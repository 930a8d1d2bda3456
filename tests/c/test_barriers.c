/* Takes each durability step out of the library, one at a time, and sees the model disk notice.
 *
 * The model disk ignores one call site: a sync that does nothing, a truncation that does not
 * happen, a rename that replaces what it must not, a copy of a torn end that is not written. Sites
 * are found by running all scenarios first, and told apart by their return addresses, so that no
 * list can be out of date. A site of which no scenario notices that it is gone fails the test.
 *
 * What it does not show: that the steps are enough (test_crash_states does), nor that the kernel
 * does what they ask for. */
#include "disk_run.h"
#include "sample.h"
#include "seeded.h"
#include "testing.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCENARIOS_MAX 64

extern const char __executable_start[];

static const char *const barrier_names[] = {
    [MODEL_BARRIER_SYNC] = "sync",
    [MODEL_BARRIER_TRUNCATE] = "truncate",
    [MODEL_BARRIER_NO_REPLACE] = "rename without replacing",
    [MODEL_BARRIER_TORN_COPY] = "copy of a torn end",
};

/* "FUNCTION at FILE:LINE" of a return address, or its offset where nobody can tell. */
static void name_address(const void *address, char *text, size_t size) {
    char command[200];
    unsigned long offset = (unsigned long)((const char *)address - __executable_start);
    snprintf(text, size, "0x%lx", offset);
    snprintf(command, sizeof command, "addr2line -s -f -p -e /proc/%ld/exe 0x%lx 2>/dev/null",
             (long)getpid(), offset - 1);
    FILE *stream = popen(command, "r");
    char line[200];
    if (stream && fgets(line, sizeof line, stream) && line[0] != '?') {
        line[strcspn(line, "\n")] = 0;
        snprintf(text, size, "%s", line);
    }
    if (stream) pclose(stream);
}

typedef struct barrier_use {
    model_site site;
    bool used[SCENARIOS_MAX]; /* by which scenarios */
    char name[512];
} barrier_use;

static void note_sites(const model_sites *sites, size_t scenario, barrier_use *barriers,
                       size_t *count) {
    for (size_t i = 0; i < sites->count; i++) {
        const model_site *site = &sites->list[i];
        size_t at = 0;
        while (at < *count && memcmp(&barriers[at].site, site, sizeof *site) != 0)
            at++;
        if (at == MODEL_SITES_MAX) fail_msg("more than %d sites", MODEL_SITES_MAX);
        if (at == *count) barriers[(*count)++] = (barrier_use){.site = *site};
        barriers[at].used[scenario] = true;
    }
}

/* One way to look: a scenario with its bounds. */
typedef struct attempt {
    size_t scenario;
    unsigned scale;
    uint64_t cost; /* states, roughly */
} attempt;

static int by_cost(const void *left, const void *right) {
    const attempt *a = left, *b = right;
    return (a->cost > b->cost) - (a->cost < b->cost);
}

/* Scenarios that noticed a barrier that many others did not: they are asked first. A wrong line
 * costs time and nothing else. */
static const struct {
    const char *function, *scenario; /* the function that holds the barrier, or calls what does */
} known_killers[] = {
    {"cut_tail", "failing syncs, ordered"},
    {"rs_file_undo", "failing syncs, ordered"},
    {"rs_tail_keep", "ordered saves"},
    {"rs_file_append_table", "room"}, /* and the one below */
    {"settle", "ended calls"},
    {"open_once", "a stranger at an opening"},
    {"remove_needless", "a stranger between two renames"},
    {"finish_large", "ended calls, ordered"},
};

static const char *likely_killer(const char *inner, const char *outer) {
    for (size_t i = 0; i < sizeof known_killers / sizeof *known_killers; i++) {
        size_t size = strlen(known_killers[i].function);
        bool is_inner = strncmp(inner, known_killers[i].function, size) == 0;
        if (is_inner || strncmp(outer, known_killers[i].function, size) == 0)
            return known_killers[i].scenario;
    }
    return "";
}

/* The scenario that notices, or -1. *visited counts states, on and on. */
static int find_killer(const barrier_use *barrier, const char *first, const attempt *attempts,
                       size_t attempt_count, model_arena *arena, seeded *random, disk_run *run,
                       uint64_t *visited) {
    for (size_t n = 0; n < 2 * attempt_count; n++) {
        size_t i = n % attempt_count, scenario = attempts[i].scenario;
        bool is_first = strcmp(disk_scenarios[scenario].name, first) == 0;
        if (!barrier->used[scenario] || is_first != (n < attempt_count)) continue;
        disk_run_init(run, &disk_scenarios[scenario], attempts[i].scale, seeded_next(random));
        run->ignored = &barrier->site;
        run->takes_turns = attempts[i].scale == 0;
        bool good = disk_run_all(run, arena);
        disk_run_release(run);
        *visited += run->totals.visited;
        if (!good) return (int)scenario;
    }
    return -1;
}

static void test_barriers__each_is_needed(void **state) {
    (void)state;
    static barrier_use barriers[MODEL_SITES_MAX];
    attempt attempts[2 * SCENARIOS_MAX];
    size_t count = 0, attempt_count = 0, survivors = 0;
    model_arena arena;
    model_arena_init(&arena);
    seeded random = seeded_start();
    unsigned scale = (unsigned)sample_setting("RESUME_SCALE", 1);
    setbuf(stdout, NULL);
    for (size_t i = 0; i < disk_scenario_count; i++) {
        disk_run run;
        model_sites sites = {0};
        if (disk_scenarios[i].is_rare) continue; /* as the others, only larger */
        disk_run_init(&run, &disk_scenarios[i], 1, seeded_next(&random));
        run.bounds.exhaustive = run.second_bounds.exhaustive = 0;
        run.bounds.each = run.bounds.random = 1;
        run.sites = &sites;
        run.shows = getenv("RESUME_CRASH_SHOW") != NULL;
        if (!disk_run_all(&run, &arena)) fail_msg("%s: %s", run.scenario->name, run.check.text);
        disk_run_release(&run);
        note_sites(&sites, i, barriers, &count);
        attempts[attempt_count++] = (attempt){i, 0, run.totals.visited};
        attempts[attempt_count++] = (attempt){i, scale, 3 * (uint64_t)scale * run.totals.visited};
    }
    /* Most barriers are missed soon, each by another scenario: dear ones come late. */
    qsort(attempts, attempt_count, sizeof *attempts, by_cost);
    bool is_fast = getenv("RESUME_FAST") != NULL; /* finds the sites alone */
    /* every second one, from a random one on; ./dev soak, with RESUME_SCALE above 1, takes all */
    size_t step = scale > 1 ? 1 : 2;
    for (size_t i = seeded_next(&random) % step; !is_fast && i < count; i += step) {
        barrier_use *barrier = &barriers[i];
        char inner[200], outer[200];
        disk_run run;
        name_address(barrier->site.caller, inner, sizeof inner);
        name_address(barrier->site.outer, outer, sizeof outer);
        uint64_t visited = 0;
        int killer = find_killer(barrier, likely_killer(inner, outer), attempts, attempt_count,
                                 &arena, &random, &run, &visited);
        survivors += killer < 0;
        print_message("%s: %s, from %s: %s%s, after %llu states: %.160s\n",
                      barrier_names[barrier->site.barrier], inner, outer,
                      killer < 0 ? "SURVIVES" : "killed by ",
                      killer < 0 ? "" : disk_scenarios[killer].name, (unsigned long long)visited,
                      run.check.text);
    }
    print_message("%zu barriers, one in %zu taken out, %zu survive\n", count, step, survivors);
    model_arena_release(&arena);
    assert_true(count > 10);
    assert_int_equal(survivors, 0);
}

int main(void) {
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_barriers__each_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
