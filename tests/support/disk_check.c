/* What a reader and the next program find on a disk after a crash. */
#include "disk_check.h"

#include "store/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READER    2 /* its process */
#define WRITER    1
#define NAMES_MAX 64

static bool wrong(disk_check *check, const char *kind, const char *detail) {
    if (!check->text[0]) snprintf(check->text, sizeof check->text, "%s: %.900s", kind, detail);
    return false;
}

static bool is_beside(const char *file_name, const char *name, const char *ending) {
    size_t size = strlen(name);
    return strncmp(file_name, name, size) == 0 &&
           strncmp(file_name + size, ending, strlen(ending)) == 0;
}

/* --- the names in the folder --- */

static int folder_of(const model_tree *tree) {
    char path[] = LIFE_FOLDER;
    int node = MODEL_ROOT;
    for (char *part = strtok(path, "/"); part && node != MODEL_NONE; part = strtok(NULL, "/"))
        node = model_tree_find(tree, node, part);
    return node;
}

/* --- a reader --- */

/* Opens `file_name` and tells the version in it; ORACLE_NOTHING when there is no such file. */
static bool read_version(disk_check *check, const rs_folder *folder, const char *file_name,
                         const disk_oracle *oracle, bool may_be_damaged, uint64_t *version) {
    rs_file *file;
    rs_recovery recovery;
    rs_state *state;
    rs_error error = {0};
    char text[400];
    *version = ORACLE_NOTHING;
    resume_status status = rs_file_open(folder, file_name, false, &file, &recovery, &error);
    if (status == RESUME_NOT_FOUND) return true;
    if (status) return wrong(check, "can't be read", error.text);
    bool good = recovery.health != RS_HEALTH_DAMAGED || may_be_damaged;
    if (!good) wrong(check, "called damaged", recovery.text);
    status = rs_file_read(file, 0, &state, &error);
    if (status) {
        rs_file_close(file);
        return wrong(check, "can't be read", error.text);
    }
    *version = rs_state_meta(state)->saves;
    if (*version == 0 || *version > oracle->newest)
        good = wrong(check, "mixture", "a version that was never saved");
    else if (!life_holds(check->shape, oracle, state, *version, text, sizeof text))
        good = wrong(check, "mixture", text);
    rs_state_free(state);
    rs_file_close(file);
    return good;
}

static bool is_aside_of(const char *file_name, const char *name) {
    return is_beside(file_name, name, "~") || is_beside(file_name, name, ".damaged-");
}

/* Each of those that must be there is a file of its own, whatever else it may hold. */
static bool has_as_many_asides(disk_check *check, const model_tree *tree, const char *name,
                               uint32_t needs) {
    int node = folder_of(tree), count = 0;
    for (size_t i = 0; i < tree->nodes[node].entry_count; i++)
        count += is_aside_of(tree->nodes[node].entries[i].name, name);
    return count >= __builtin_popcount(needs) ||
           wrong(check, "lost", "one of the files that were set aside");
}

/* Is a file aside there that holds one of `versions`? */
static bool find_aside(disk_check *check, const rs_folder *folder, const model_tree *tree,
                       const char *name, const disk_oracle *oracle, uint64_t versions) {
    int node = folder_of(tree);
    for (size_t i = 0; i < tree->nodes[node].entry_count; i++) {
        const char *file_name = tree->nodes[node].entries[i].name;
        uint64_t version;
        if (!is_aside_of(file_name, name) && strcmp(file_name, LIFE_STRANGER) != 0) continue;
        if (!read_version(check, folder, file_name, oracle, true, &version)) return false;
        if (versions >> version & 1) return true;
    }
    return wrong(check, "lost", "a file that was set aside");
}

static bool holds_bytes(const model_tree *tree, int node, uint64_t offset, const uint8_t *bytes,
                        size_t size) {
    if (tree->nodes[node].is_folder || tree->nodes[node].size < offset + size) return false;
    uint8_t *there = malloc(size);
    if (!there) abort();
    model_tree_read(tree, node, there, size, offset);
    bool equal = memcmp(there, bytes, size) == 0;
    free(there);
    return equal;
}

/* The torn end that a writer found is where it was, or in a copy. */
static bool keeps_torn(disk_check *check, const model_tree *tree, const oracle_name *name) {
    int folder = folder_of(tree);
    if (!name->torn) return true;
    for (size_t i = 0; i < tree->nodes[folder].entry_count; i++) {
        int node = tree->nodes[folder].entries[i].node;
        if (holds_bytes(tree, node, 0, name->torn, (size_t)name->torn_size) ||
            holds_bytes(tree, node, name->torn_at, name->torn, (size_t)name->torn_size))
            return true;
    }
    return wrong(check, "lost", "the torn end that was to be kept");
}

static bool has_its_run(disk_check *check, const rs_os *os, const disk_oracle *oracle,
                        uint64_t version) {
    unsigned run = oracle->run[version];
    if (!run || oracle->run_is_finished[run - 1]) return true;
    return rs_run_is_unfinished(os, LIFE_FOLDER, oracle->runs[run - 1]) ||
           wrong(check, "lost", "the mark of the run of an ended call");
}

static bool check_name(disk_check *check, model_disk *disk, const rs_folder *folder,
                       const disk_oracle *oracle, unsigned index) {
    const oracle_name *name = &oracle->names[index];
    const char *file_name = life_names[index];
    uint64_t version;
    char text[200];
    if (name->allowed <= 1) return true;
    if (!read_version(check, folder, file_name, oracle, name->may_be_damaged, &version))
        return false;
    snprintf(text, sizeof text, "version %llu was found; allowed: %llx",
             (unsigned long long)version, (unsigned long long)name->allowed);
    if (!(name->allowed >> version & 1))
        return wrong(check, version == ORACLE_NOTHING ? "silently nothing" : "lost", text);
    for (unsigned i = 0; i < name->aside_count; i++)
        if ((name->needs[version] >> i & 1) &&
            !find_aside(check, folder, &disk->live, file_name, oracle, name->asides[i]))
            return false;
    if (!name->has_stranger &&
        !has_as_many_asides(check, &disk->live, file_name, name->needs[version]))
        return false;
    return keeps_torn(check, &disk->live, name) &&
           has_its_run(check, model_disk_os(disk, READER), oracle, version);
}

static bool keeps_gitignore(disk_check *check, const model_tree *tree) {
    int node = model_tree_find(tree, folder_of(tree), ".gitignore");
    return (node != MODEL_NONE && holds_bytes(tree, node, 0, (const uint8_t *)"*\n", 2)) ||
           wrong(check, "lost", ".gitignore of a new folder");
}

bool disk_check_reader(disk_check *check, model_disk *disk, const disk_oracle *oracle) {
    rs_folder *folder;
    rs_error error = {0};
    resume_status status =
        rs_folder_open(model_disk_os(disk, READER), LIFE_FOLDER, false, &folder, &error);
    if (status == RESUME_NOT_FOUND) {
        for (unsigned i = 0; i < ORACLE_NAMES; i++)
            if (!(oracle->names[i].allowed & 1) && oracle->names[i].allowed)
                return wrong(check, "silently nothing", "the folder is gone");
        return true;
    }
    if (status) return wrong(check, "no folder", error.text);
    bool good = !oracle->has_gitignore || keeps_gitignore(check, &disk->live);
    for (unsigned i = 0; good && i < ORACLE_NAMES; i++)
        good = check_name(check, disk, folder, oracle, i);
    rs_folder_close(folder);
    return good;
}

/* --- the next program --- */

/* The power fails now, and nothing stays that was not synced. */
static bool sticks(disk_check *check, model_cursor *cursor, const disk_oracle *oracle) {
    model_arena *arena = cursor->live.arena;
    model_tree tree;
    model_disk after;
    while (model_cursor_next(cursor)) {
    }
    size_t mark = arena->used;
    uint8_t *keep = model_arena_take(arena, cursor->pending_count + 1);
    memset(keep, MODEL_LOST, cursor->pending_count + 1);
    model_cursor_crash(cursor, keep, MODEL_FILL_GARBAGE, 1, &tree);
    model_disk_init(&after, &tree, 1);
    bool good = disk_check_reader(check, &after, oracle);
    arena->used = mark;
    return good;
}

/* Where there are no locks, it stays: it may be that of a living writer. */
static bool is_temporary(const char *entry, const char *name) {
    char temporary[RS_FILE_NAME_SIZE];
    for (unsigned slot = 0; slot < RS_TEMPORARY_SLOTS; slot++) {
        rs_name_temporary(name, slot, false, temporary);
        if (strcmp(entry, temporary) == 0) return true;
    }
    return false;
}

/* Nothing but what belongs there. */
static bool is_clean(disk_check *check, const model_disk *disk, const disk_oracle *oracle) {
    const model_tree *tree = &disk->live;
    int folder = folder_of(tree);
    unsigned beside = 0, asides[ORACLE_NAMES] = {0}, torn[ORACLE_NAMES] = {0};
    uint64_t bytes = 0;
    for (size_t i = 0; i < tree->nodes[folder].entry_count; i++) {
        const model_entry *entry = &tree->nodes[folder].entries[i];
        bool is_known = strcmp(entry->name, ".gitignore") == 0 ||
                        strcmp(entry->name, LIFE_STRANGER) == 0 ||
                        strncmp(entry->name, ".run-", 5) == 0;
        for (unsigned j = 0; j < ORACLE_NAMES; j++) {
            const char *name = life_names[j];
            bool is_torn = is_beside(entry->name, name, ".torn-");
            bool is_aside = is_aside_of(entry->name, name);
            torn[j] += is_torn;
            asides[j] += is_aside;
            is_known = is_known || is_torn || is_aside || strcmp(entry->name, name) == 0 ||
                       is_beside(entry->name, name, ".lock") ||
                       (disk->has_no_locks && is_temporary(entry->name, name));
        }
        if (!is_known) return wrong(check, "litter", entry->name);
        beside++;
        bytes += tree->nodes[entry->node].size;
    }
    for (unsigned j = 0; j < ORACLE_NAMES; j++) {
        if (torn[j] > 1) return wrong(check, "litter", "more than one torn end");
        if (asides[j] > oracle->names[j].asides_tried)
            return wrong(check, "litter", "files set aside for nothing");
    }
    if (beside > check->files_max) check->files_max = beside;
    if (bytes > check->bytes_max) check->bytes_max = bytes;
    return true;
}

/* Before it saves, the next program may end the call that it found, or go back. */
static void act_first(const disk_check *check, disk_life *life) {
    const oracle_name *name = &life->oracle.names[life->name];
    if (!life->file || name->known == ORACLE_NOTHING || name->may_be_damaged) return;
    if (check->first == CHECK_MARKS) life_mark(life);
    if (check->first == CHECK_ROLLS_BACK && rs_file_generation_count(life->file) > 1)
        life_roll_back(life, 1);
}

bool disk_check_going_on(disk_check *check, model_disk *disk, const disk_oracle *start) {
    model_cursor cursor;
    disk_life life;
    disk_oracle oracle = *start;
    model_cursor_begin(&cursor, disk, start);
    bool good = true;
    for (unsigned name = 0; name < ORACLE_NAMES; name++) {
        /* Both saves by programs that open anew: the second finds what the first has left. */
        for (int i = 0; good && i < 2 && oracle.names[name].allowed; i++) {
            life_begin(&life, disk, WRITER, check->shape, &oracle);
            life.uses_locks = check->uses_locks;
            life.name = name;
            life_open(&life);
            if (i == 0) act_first(check, &life);
            if (life.file) life_save(&life);
            good = !life.trouble[0] || wrong(check, "going on", life.trouble);
            oracle = life.oracle;
            good = good && sticks(check, &cursor, &oracle);
            life_close(&life);
        }
    }
    return good && disk_check_reader(check, disk, &oracle) && is_clean(check, disk, &oracle);
}

/* --- for people --- */

static void print_op(const model_op *op) {
    static const char *const kinds[] = {
        [MODEL_MAKE] = "make",     [MODEL_WRITE] = "write", [MODEL_RESIZE] = "size",
        [MODEL_RENAME] = "rename", [MODEL_SYNC] = "sync",   [MODEL_FAILED_SYNC] = "failed sync",
        [MODEL_NOTE] = "note",
    };
    const disk_oracle *oracle = op->note;
    printf("call %u, node %d: %s", op->call, op->node, kinds[op->kind]);
    if (op->kind == MODEL_WRITE) printf(" sector %zu%s", op->index, op->sector ? "" : ", zeros");
    if (op->kind == MODEL_RESIZE) printf(" %llu", (unsigned long long)op->size);
    if (op->kind == MODEL_RENAME)
        printf(" %s to %s (%d)", op->from ? op->from : "-", op->to ? op->to : "-", op->target);
    if (oracle) printf(" may be found: %llx", (unsigned long long)oracle->names[0].allowed);
    printf("\n");
}

void disk_check_print(const model_disk *disk) {
    const model_tree *tree = &disk->live;
    printf("--- log\n");
    for (size_t i = 0; i < disk->log_count; i++)
        print_op(&disk->log[i]);
    printf("--- now\n");
    for (int i = 0; i < tree->node_count; i++) {
        const model_node *node = &tree->nodes[i];
        printf("node %d, %llu bytes: ", i, (unsigned long long)node->size);
        for (size_t j = 0; j < node->sector_count && j < 200; j++)
            putchar(node->sectors[j] ? 'x' : '.');
        for (size_t j = 0; j < node->entry_count; j++)
            printf("%s (%d) ", node->entries[j].name, node->entries[j].node);
        printf("\n");
    }
}
