/* Every state after a power cut, looked at. */
#include "disk_run.h"

#include <stdio.h>
#include <string.h>

static bool visit(void *context, model_cursor *cursor, model_tree *tree);

/* Power cuts while the next program was at work on `disk`. */
static bool look_further(disk_run *run, model_disk *disk, const disk_oracle *oracle) {
    model_cursor cursor;
    bool good = true, was_second = run->is_second;
    run->is_second = true;
    model_cursor_begin(&cursor, disk, oracle);
    while (good && model_cursor_next(&cursor))
        good = model_cursor_visit(&cursor, &run->second_bounds, &run->random, visit, run);
    if (good) run->is_second = was_second;
    return good;
}

static bool look(disk_run *run, model_disk *disk, const disk_oracle *oracle) {
    if (disk_check_reader(&run->check, disk, oracle) &&
        disk_check_going_on(&run->check, disk, oracle))
        return true;
    if (run->shows) {
        printf("%s\n", run->check.text);
        disk_check_print(disk);
    }
    return false;
}

static bool visit(void *context, model_cursor *cursor, model_tree *tree) {
    disk_run *run = context;
    const disk_oracle *oracle = cursor->note;
    uint64_t hash = model_tree_hash(tree);
    bool is_new = model_set_add(&run->states, hash);
    run->totals.visited++;
    run->totals.distinct += is_new;
    run->totals.second += is_new && run->is_second;
    for (unsigned i = 0; i < ORACLE_NAMES; i++)
        hash = model_mix(hash, oracle->names[i].allowed + oracle->newest);
    if (!model_set_add(&run->checked, hash)) return true;
    model_disk disk;
    model_disk_init_like(&disk, tree, hash, cursor->disk);
    run->check.first = hash % 8 < 3 ? (check_first)(hash % 8) : CHECK_SAVES;
    bool further = !run->is_second && hash % run->second_every == 0;
    if (look(run, &disk, oracle)) return !further || look_further(run, &disk, oracle);
    if (run->shows) disk_check_print(cursor->disk);
    return false;
}

/* A process dies here, the system does not: the next one finds what is in the cache. */
static bool kill_here(disk_run *run, model_cursor *cursor) {
    model_arena *arena = cursor->live.arena;
    if (cursor->is_read_only) return true; /* nothing goes on before a restart */
    bool good = true;
    for (int first = CHECK_SAVES; good && first <= CHECK_ROLLS_BACK; first++) {
        if (run->takes_turns && run->totals.cuts % 3 != (uint64_t)first) continue;
        size_t mark = arena->used;
        model_disk disk;
        model_cursor_kill(cursor, &disk, run->random);
        run->check.first = (check_first)first;
        good = look(run, &disk, cursor->note) && look_further(run, &disk, cursor->note);
        arena->used = mark;
    }
    return good;
}

/* --- a reader at work while the writer goes on --- */

typedef struct read_work {
    const model_disk *recorded; /* what the writer does */
    size_t at;                  /* in its log */
    disk_oracle oracle;
    uint64_t random;
    unsigned haste; /* of the writer: 1 to 8 */
} read_work;

/* What may be found by a reader that began earlier: all that could be since. */
static void add_allowed(read_work *reading, const disk_oracle *now) {
    for (unsigned i = 0; i < ORACLE_NAMES; i++) {
        uint64_t before = reading->oracle.names[i].allowed;
        bool was_damaged = reading->oracle.names[i].may_be_damaged;
        reading->oracle.names[i] = now->names[i];
        reading->oracle.names[i].allowed |= before;
        reading->oracle.names[i].may_be_damaged |= was_damaged;
        reading->oracle.names[i].aside_count = 0;
        reading->oracle.names[i].torn = NULL;
    }
    disk_oracle whole = *now;
    memcpy(whole.names, reading->oracle.names, sizeof whole.names);
    whole.has_gitignore = false;
    memset(whole.run_is_finished, 1, sizeof whole.run_is_finished);
    reading->oracle = whole;
}

static void writer_goes_on(void *context, model_process *process) {
    read_work *reading = context;
    const model_disk *recorded = reading->recorded;
    reading->random = model_mix(reading->random, 3);
    while (reading->random % 8 < reading->haste && reading->at < recorded->log_count) {
        const model_op *op = &recorded->log[reading->at++];
        model_op_apply(&process->disk->live, op);
        if (op->kind == MODEL_NOTE) add_allowed(reading, op->note);
        reading->random = model_mix(reading->random, 3);
    }
}

static bool read_across(disk_run *run, model_cursor *cursor) {
    model_arena *arena = cursor->live.arena;
    bool good = true;
    for (unsigned i = 0; good && i < run->reads; i++) {
        size_t mark = arena->used;
        model_disk disk;
        read_work reading = {
            .recorded = cursor->disk,
            .at = cursor->at,
            .random = model_mix(run->random, cursor->at + i),
            .haste = 1 + i % 7,
        };
        add_allowed(&reading, cursor->note);
        for (unsigned j = 0; j < ORACLE_NAMES; j++) /* it may happen while he reads */
            reading.oracle.names[j].may_be_damaged |= run->gets_damaged;
        model_disk_init_like(&disk, &cursor->live, 1, cursor->disk);
        disk.before = writer_goes_on;
        disk.before_context = &reading;
        good = disk_check_reader(&run->check, &disk, &reading.oracle);
        run->totals.reads++;
        arena->used = mark;
    }
    return good;
}

bool disk_run_all(disk_run *run, model_arena *arena) {
    model_disk disk;
    disk_life life;
    model_cursor cursor;
    disk_scenario_begin(run->scenario, arena, run->random, &disk, &life);
    disk.sites = run->sites;
    disk.ignored = run->ignored;
    run->scenario->run(&life);
    if (life.trouble[0]) {
        snprintf(run->check.text, sizeof run->check.text, "%s", life.trouble);
        return false;
    }
    run->check.shape = run->scenario->shape;
    run->check.uses_locks = run->scenario->locks;
    run->gets_damaged = life.oracle.names[0].may_be_damaged;
    if (run->scenario->takes_back) run->reads = 0;
    model_cursor_begin(&cursor, &disk, NULL);
    bool good = true;
    while (good && model_cursor_next(&cursor)) {
        run->totals.cuts++;
        run->totals.exhausted += cursor.pending_count <= run->bounds.exhaustive;
        good = read_across(run, &cursor) &&
               model_cursor_visit(&cursor, &run->bounds, &run->random, visit, run);
        if (good && run->totals.cuts % run->kill_every == 0) good = kill_here(run, &cursor);
    }
    return good;
}

void disk_run_init(disk_run *run, const disk_scenario *scenario, unsigned scale, uint64_t random) {
    unsigned log = 0;
    bool is_least = scale == 0;
    if (is_least) scale = 1;
    while (log < 4 && scale >> (log + 1))
        log++;
    *run = (disk_run){
        .scenario = scenario,
        .bounds = {.exhaustive = 6 + 3 * log, .each = 8 * scale, .random = 8 * scale},
        .second_bounds = {.exhaustive = 1 + log, .each = 1 + scale, .random = 1 + scale},
        .second_every = 200,
        .kill_every = 1,
        .reads = 14 * scale,
        .takes_turns = scale <= 1,
        .random = random,
    };
    if (run->bounds.exhaustive > 16) run->bounds.exhaustive = 16;
    if (is_least) {
        run->bounds = (model_bounds){.exhaustive = 2, .each = 2, .random = 1};
        run->second_bounds = (model_bounds){.each = 1};
        run->reads = 0;
    }
    if (scenario->is_rare) {
        run->bounds = (model_bounds){.exhaustive = 1, .each = scale, .random = scale};
        run->second_bounds = (model_bounds){.each = 1};
        run->second_every = UINT32_MAX;
        run->kill_every = 12;
        run->reads = 1;
    }
    /* Without hard links a file that is set aside has but the one name: a file system whose renames
     * can lose both is none to keep files on. */
    bool has_one_name = scenario->no_links || scenario->by_rename;
    run->bounds.rename_ways = run->second_bounds.rename_ways = has_one_name ? 3 : 4;
}

void disk_run_release(disk_run *run) {
    model_set_release(&run->states);
    model_set_release(&run->checked);
}
