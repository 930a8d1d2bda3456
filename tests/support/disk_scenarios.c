/* The programs whose power is cut. */
#include "disk_scenarios.h"

#include <stdio.h>
#include <string.h>

#define HINTS_ALWAYS INT64_C(1000000000)

static void saves(disk_life *life, int count) {
    for (int i = 0; i < count; i++)
        life_save(life);
}

/* The next process, which knows nothing. */
static void next_process(disk_life *life, bool in_order) {
    if (in_order)
        life_close(life);
    else
        life_die(life);
    life_open(life);
}

/* --- saves --- */

static void first_save(disk_life *life) {
    life_open(life);
    saves(life, 1);
    life_close(life);
}

static void two_saves(disk_life *life) {
    life_open(life);
    saves(life, 2);
    life_close(life);
}

static void later_saves(disk_life *life) {
    life_open(life);
    saves(life, 4);
    next_process(life, true);
    saves(life, 2);
    life_close(life);
}

static void saves_of_killed(disk_life *life) {
    for (int i = 0; i < 3; i++) {
        life_open(life);
        saves(life, 2);
        life_die(life);
    }
}

/* Into the zeros that a small save has left. */
static void ordered_between_small(disk_life *life) {
    life_open(life);
    for (int i = 0; i < 4; i++) {
        life_let_be_small(life, i % 2 == 0);
        saves(life, 1);
    }
    next_process(life, false);
    saves(life, 1);
    life_close(life);
}

static void marks(disk_life *life) {
    life_open(life);
    saves(life, 1);
    life_mark(life);
    saves(life, 1);
    life_mark(life);
    life_close(life);
}

static void runs(disk_life *life) {
    life_open(life);
    saves(life, 1);
    life_begin_run(life);
    life_mark(life);
    saves(life, 1);
    life_mark(life);
    life_finish_run(life);
    life_close(life);
}

static void compactions(disk_life *life) {
    life_open(life);
    saves(life, 3);
    life_prune(life, 2);
    saves(life, 1);
    next_process(life, true);
    life_prune(life, 1);
    life_mark(life);
    life_prune(life, 2);
    life_close(life);
}

static void rollbacks(disk_life *life) {
    life_open(life);
    saves(life, 3);
    life_roll_back(life, 2);
    saves(life, 1);
    next_process(life, false);
    life_roll_back(life, 1);
    next_process(life, true);
    life_roll_back(life, 2);
    life_prune(life, 3);
    life_roll_back(life, 1);
    life_close(life);
}

/* Somebody else looks at the file and rolls it back while a second name leads to it: then the
 * generations move into a new file first. */
static void rollback_of_linked(disk_life *life) {
    life_open(life);
    saves(life, 3);
    const rs_os *os = model_disk_os(life->disk, life->process);
    os->link(os, RS_WORKING_FOLDER, LIFE_FOLDER "/ck", LIFE_FOLDER "/" LIFE_STRANGER);
    life_roll_back(life, 1);
    saves(life, 1);
    life_close(life);
}

/* --- set aside --- */

static void set_aside(disk_life *life) {
    life_open(life);
    saves(life, 2);
    life_start_over(life);
    saves(life, 2);
    next_process(life, true);
    life_start_over(life);
    saves(life, 1);
    life_close(life);
}

static void set_aside_by_killed(disk_life *life) {
    life_open(life);
    saves(life, 1);
    next_process(life, false);
    life_start_over(life);
    saves(life, 1);
    next_process(life, false);
    life_start_over(life);
    saves(life, 1);
    life_die(life);
}

/* A bit of the newest generation flips on the disk itself. */
static void flip(disk_life *life) {
    model_disk *disk = life->disk;
    int node = (int)life->file->inode - 1;
    const rs_generation *newest = rs_file_generation(life->file, 0);
    size_t index = (size_t)(newest->segment_offset / MODEL_SECTOR);
    uint8_t bytes[MODEL_SECTOR];
    model_tree_read(&disk->live, node, bytes, sizeof bytes, newest->segment_offset);
    bytes[80] ^= 1;
    rs_slice part = {bytes, sizeof bytes};
    const rs_os *os = model_disk_os(disk, life->process);
    model_sites *sites = disk->sites;
    disk->sites = NULL; /* this one is ours */
    os->write(os, life->file->fd, &part, 1, index * MODEL_SECTOR);
    os->sync(os, life->file->fd);
    disk->sites = sites;
}

static void damaged(disk_life *life) {
    life_open(life);
    saves(life, 2);
    rs_file_hint(life->file, life->file->fd, &life->file->header.uuid,
                 rs_file_generation(life->file, 0));
    life->oracle.names[0].may_be_damaged = true;
    life->oracle.names[0].allowed |= life->oracle.names[0].allowed >> 1; /* the one before, too */
    life_note(life);
    flip(life);
    next_process(life, true);
    saves(life, 2);
    life_close(life);
}

/* --- two at a time --- */

static void two_names(disk_life *life) {
    life_open(life);
    saves(life, 1);
    disk_life other;
    life_begin(&other, life->disk, 0, life->shape, &life->oracle);
    other.name = 1;
    life_open(&other);
    for (int i = 0; i < 2; i++) {
        life_save(&other);
        life->oracle = other.oracle;
        life_save(life);
        other.oracle = life->oracle;
    }
    life_start_over(&other);
    life_save(&other);
    if (other.trouble[0]) memcpy(life->trouble, other.trouble, sizeof life->trouble);
    life->oracle = other.oracle;
    life_close(&other);
    life_close(life);
}

/* A file of somebody else gets our name just when we are about to take it. */
typedef struct stranger {
    disk_life *life;
    uint64_t version; /* in his file */
    bool has_come;
    bool dies_first;   /* we are killed at that moment, and he comes when the next one is there */
    size_t not_before; /* in the log */
    unsigned calls;    /* since NAME is missing and something was synced */
} stranger;

static void stranger_comes(void *context, model_process *process) {
    stranger *other = context;
    disk_life *life = other->life;
    const model_disk *disk = life->disk;
    const model_op *last = &disk->log[disk->log_count - 1];
    int folder = life->folder ? disk->fds[life->folder->fd - 1000].node : MODEL_NONE;
    if (process->number != 0 || other->has_come || folder == MODEL_NONE) return;
    if (disk->log_count <= other->not_before || last->kind != MODEL_SYNC ||
        model_tree_find(&disk->live, folder, "ck") != MODEL_NONE) {
        other->calls = 0;
        return;
    }
    /* behind the sync of a new file come three looks, then its rename */
    if (++other->calls < (last->node == folder ? 1u : 4u)) return;
    if (other->dies_first) {
        other->dies_first = false;
        other->not_before = disk->log_count;
        process->is_dead = true;
        return;
    }
    other->has_come = true;
    oracle_name *name = &life->oracle.names[0];
    uint64_t trying = life->oracle.newest;
    name->needs[other->version] |= name->needs[trying];
    /* If one of ours is found, his is beside it. */
    for (unsigned i = 0; i < ORACLE_VERSIONS; i++)
        if (name->allowed >> i & 1) name->needs[i] |= 1u << name->aside_count;
    name->allowed |= UINT64_C(1) << other->version;
    name->asides[name->aside_count++] = UINT64_C(1) << other->version;
    name->asides_tried++;
    life_note(life);
    const rs_os *os = model_disk_os(life->disk, 1);
    os->rename(os, RS_WORKING_FOLDER, LIFE_FOLDER "/" LIFE_STRANGER, LIFE_FOLDER "/ck", true);
}

/* Leaves a file `mine` with a checkpoint in it, and none under our name. */
static void prepare_stranger(disk_life *life, stranger *other) {
    const rs_os *os = model_disk_os(life->disk, 1);
    life_open(life);
    saves(life, 1);
    *other = (stranger){.life = life, .version = life->oracle.newest};
    life->oracle.names[0].allowed |= 1;
    life->oracle.names[0].has_stranger = true;
    life_note(life);
    os->rename(os, RS_WORKING_FOLDER, LIFE_FOLDER "/ck", LIFE_FOLDER "/" LIFE_STRANGER, true);
    life_close(life);
    int fd = os->open(os, RS_WORKING_FOLDER, LIFE_FOLDER, RS_OPEN_READ | RS_OPEN_FOLDER, 0);
    model_sites *sites = life->disk->sites;
    life->disk->sites = NULL;
    os->sync(os, fd);
    life->disk->sites = sites;
    os->close(os, fd);
    life->oracle.names[0].allowed = 1;
    life->disk->before = stranger_comes;
    life->disk->before_context = other;
    life_note(life);
}

static void stranger_at_first_save(disk_life *life) {
    stranger other;
    prepare_stranger(life, &other);
    life_open(life);
    saves(life, 1);
    life_close(life);
    life->disk->before = NULL;
}

/* Without hard links: NAME stands empty for a moment. */
static void stranger_between_renames(disk_life *life, bool dies_first) {
    stranger other;
    prepare_stranger(life, &other);
    life->disk->before = NULL;
    life_open(life);
    saves(life, 1);
    life_start_over(life);
    life->disk->before = stranger_comes;
    other.dies_first = dies_first;
    life->may_fail = true;
    saves(life, 1); /* fails: what he put there stays */
    next_process(life, false);
    next_process(life, false);
    life->may_fail = false;
    life->disk->before = NULL;
    saves(life, 1);
    life_close(life);
}

static void stranger_while_replacing(disk_life *life) {
    stranger_between_renames(life, false);
}

static void stranger_while_recovering(disk_life *life) {
    stranger_between_renames(life, true);
}

static void dies_without_name(void *context, model_process *process) {
    disk_life *life = context;
    const model_disk *disk = life->disk;
    int folder = disk->fds[life->folder->fd - 1000].node;
    if (process->number == 0 && model_tree_find(&disk->live, folder, "ck") == MODEL_NONE)
        process->is_dead = true;
}

/* Without hard links: what waits for its name gets it from the next process, which sets it aside in
 * the same way. */
static void killed_between_renames(disk_life *life) {
    life_open(life);
    saves(life, 1);
    life_start_over(life);
    life->disk->before_context = life;
    life->disk->before = dies_without_name;
    life->may_fail = true;
    saves(life, 1);
    life->disk->before = NULL;
    next_process(life, false);
    life->may_fail = false;
    life_start_over(life);
    saves(life, 1);
    life_close(life);
}

/* --- failures --- */

/* The n-th sync from now fails, and what it should have written never reaches the disk, whatever
 * later ones say. */
static void save_failing(disk_life *life, int syncs_before) {
    life->oracle.names[life->name].may_be_damaged = true; /* the disk did fail */
    life->may_fail = true;
    life->disk->syncs_left = syncs_before;
    saves(life, 1);
    life->disk->syncs_left = -1;
    life->may_fail = false;
}

static void failing_syncs(disk_life *life) {
    life_open(life);
    saves(life, 2);
    save_failing(life, life->shape == LIFE_ORDERED);
    saves(life, 1);
    save_failing(life, 0);
    next_process(life, false);
    saves(life, 2);
    life_close(life);
}

/* ... of a new file, of what a dead process has left. */
static void failing_syncs_of_new(disk_life *life) {
    life_open(life);
    save_failing(life, 0);
    saves(life, 1);
    life_start_over(life);
    save_failing(life, 0);
    saves(life, 1);
    next_process(life, false);
    save_failing(life, 0);
    saves(life, 1);
    life_close(life);
}

/* A folder's sync fails: file systems allow no more changes then. */
static void failing_folder(disk_life *life) {
    life_open(life);
    saves(life, 1);
    life_start_over(life);
    save_failing(life, (int)(life->disk->random % 3) + 1);
    life->may_fail = true;
    saves(life, 2);
    life_die(life);
}

static void failing_writes(disk_life *life) {
    life_open(life);
    saves(life, 1);
    life->may_fail = true;
    for (int i = 0; i < 4; i++) {
        life->disk->writes_left = i / 2;
        life->disk->writes_fail_hard = i % 2;
        saves(life, 1);
        life->disk->writes_left = -1;
        saves(life, 1);
    }
    life->may_fail = false;
    next_process(life, false);
    saves(life, 1);
    life_close(life);
}

/* There is room for the save, but not for the zeros behind it. */
static void full_behind_save(disk_life *life) {
    life_open(life);
    saves(life, 1);
    life->disk->writes_left = 0;
    saves(life, 1);
    life->disk->writes_left = -1;
    saves(life, 2);
    next_process(life, false);
    saves(life, 2);
    life_close(life);
}

const disk_scenario disk_scenarios[] = {
    {.name = "first save in a new folder", .run = first_save, .no_folder = true},
    {.name = "first save under a lock", .run = first_save, .no_folder = true, .locks = true},
    {.name = "later saves", .run = later_saves},
    {.name = "later saves, hints", .run = later_saves, .tick_ns = HINTS_ALWAYS},
    {.name = "saves of killed programs", .run = saves_of_killed},
    {.name = "deltas", .run = later_saves, .shape = LIFE_BLOBS},
    {.name = "ordered saves", .run = later_saves, .shape = LIFE_ORDERED},
    {.name = "ordered saves, hints",
     .run = saves_of_killed,
     .shape = LIFE_ORDERED,
     .tick_ns = HINTS_ALWAYS},
    {.name = "large ordered saves", .run = two_saves, .shape = LIFE_LARGE, .is_rare = true},
    {.name = "ended calls", .run = marks},
    {.name = "ended calls, ordered", .run = marks, .shape = LIFE_ORDERED, .tick_ns = HINTS_ALWAYS},
    {.name = "ended calls of a run", .run = runs},
    {.name = "compaction", .run = compactions},
    {.name = "compaction, deltas", .run = compactions, .shape = LIFE_BLOBS},
    {.name = "patches", .run = later_saves, .shape = LIFE_PAGES},
    {.name = "patches, killed programs", .run = saves_of_killed, .shape = LIFE_PAGES},
    {.name = "patches, failing writes", .run = failing_writes, .shape = LIFE_PAGES},
    {.name = "patches, room", .run = later_saves, .shape = LIFE_PAGES, .room = true},
    {.name = "compaction, patches", .run = compactions, .shape = LIFE_PAGES},
    {.name = "rollback, pruning, patches", .run = rollbacks, .shape = LIFE_PAGES},
    {.name = "compaction, ordered", .run = compactions, .shape = LIFE_ORDERED},
    {.name = "rollback, pruning", .run = rollbacks},
    {.name = "rollback, pruning, deltas", .run = rollbacks, .shape = LIFE_BLOBS},
    {.name = "rollback, pruning, ordered", .run = rollbacks, .shape = LIFE_ORDERED},
    {.name = "rollback of a linked file", .run = rollback_of_linked},
    {.name = "set aside", .run = set_aside},
    {.name = "set aside, no hard links", .run = set_aside, .no_links = true},
    {.name = "set aside by killed programs", .run = set_aside_by_killed},
    {.name = "set aside by killed programs, no hard links",
     .run = set_aside_by_killed,
     .no_links = true},
    {.name = "set aside by killed programs, no locks",
     .run = set_aside_by_killed,
     .no_locks = true},
    {.name = "compaction, no locks", .run = compactions, .no_locks = true},
    {.name = "damaged", .run = damaged},
    {.name = "damaged, no hard links", .run = damaged, .no_links = true},
    {.name = "two names", .run = two_names},
    {.name = "a stranger at the first save", .run = stranger_at_first_save, .by_rename = true},
    {.name = "a stranger between two renames", .run = stranger_while_replacing, .no_links = true},
    {.name = "a stranger at an opening", .run = stranger_while_recovering, .no_links = true},
    {.name = "killed between two renames", .run = killed_between_renames, .no_links = true},
    {.name = "failing syncs", .run = failing_syncs, .takes_back = true},
    {.name = "failing syncs, deltas",
     .run = failing_syncs,
     .shape = LIFE_BLOBS,
     .takes_back = true},
    {.name = "failing syncs, ordered",
     .run = failing_syncs,
     .shape = LIFE_ORDERED,
     .takes_back = true},
    {.name = "failing syncs of new files", .run = failing_syncs_of_new, .takes_back = true},
    {.name = "failing syncs of new files, deltas",
     .run = failing_syncs_of_new,
     .shape = LIFE_BLOBS,
     .takes_back = true},
    {.name = "failing sync of the folder", .run = failing_folder, .takes_back = true},
    {.name = "failing sync of the folder, no hard links",
     .run = failing_folder,
     .no_links = true,
     .takes_back = true},
    {.name = "failing writes", .run = failing_writes},
    {.name = "room", .run = later_saves, .room = true},
    {.name = "room, hints", .run = later_saves, .room = true, .tick_ns = HINTS_ALWAYS / 10},
    {.name = "room, killed programs", .run = saves_of_killed, .room = true},
    {.name = "room, ordered saves",
     .run = ordered_between_small,
     .shape = LIFE_ORDERED,
     .room = true},
    {.name = "room, ended calls", .run = marks, .room = true},
    {.name = "room, compaction", .run = compactions, .room = true},
    {.name = "room, set aside", .run = set_aside, .room = true},
    {.name = "room, a full disk", .run = full_behind_save, .room = true},
    {.name = "room, failing syncs", .run = failing_syncs, .room = true, .takes_back = true},
    {.name = "room, failing writes", .run = failing_writes, .room = true},
    {.name = "failing writes, ordered", .run = failing_writes, .shape = LIFE_ORDERED},
};
const size_t disk_scenario_count = sizeof disk_scenarios / sizeof *disk_scenarios;

void disk_scenario_begin(const disk_scenario *scenario, model_arena *arena, uint64_t random,
                         model_disk *disk, disk_life *life) {
    model_tree tree;
    disk_oracle oracle = {0};
    arena->used = 0;
    model_tree_init(&tree, arena);
    model_tree_make(&tree, 1, true, MODEL_ROOT);
    model_tree_set_name(&tree, MODEL_ROOT, "home", 1);
    if (!scenario->no_folder) {
        model_tree_make(&tree, 2, true, 1);
        model_tree_set_name(&tree, 1, "work", 2);
        model_tree_make(&tree, 3, true, 2);
        model_tree_set_name(&tree, 2, ".checkpoints", 3);
        model_tree_make(&tree, 4, false, MODEL_NONE);
        model_tree_set_name(&tree, 3, ".gitignore", 4);
    }
    model_disk_init(disk, &tree, random);
    disk->has_no_links = scenario->no_links;
    disk->has_no_locks = scenario->no_locks;
    disk->can_reserve = random % 2;
    disk->is_in_place = scenario->room;
    if (scenario->tick_ns) disk->tick_ns = scenario->tick_ns;
    oracle.names[0].allowed = 1; /* nothing */
    if (scenario->run == two_names) oracle.names[1].allowed = 1;
    life_begin(life, disk, 0, scenario->shape, &oracle);
    life->uses_locks = scenario->locks;
    life->hints = true;
    model_disk_note(disk, memcpy(model_arena_take(arena, sizeof oracle), &oracle, sizeof oracle));
}
