/* A program on a model disk, and what it may find there after a crash. */
#include "disk_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOBS_MAX    100
#define STREAM_SIZE  300
#define ORDERED_SIZE 3000 /* of the second blob */
#define ORDERED_MIN  2048 /* larger segments are ordered */
#define LARGE_SIZE   1200000
#define PAGE_SIZE    4096
#define PAGES        8
#define ROOM_SIZE    16384

const char *const life_names[ORACLE_NAMES] = {"ck", "other"};

/* --- states --- */

typedef struct life_state {
    rs_blob blobs[BLOBS_MAX];
    size_t count;
} life_state;

static void add_blob(life_state *state, size_t size, uint64_t seed) {
    uint8_t *bytes = malloc(size + 8);
    if (!bytes) abort();
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = model_mix(seed, i);
        memcpy(bytes + i, &word, 8);
    }
    state->blobs[state->count++] = (rs_blob){.bytes = bytes, .size = size, .element_size = 1};
}

/* Page `i` is as the newest version up to this one has made it whose number it is, modulo PAGES. */
static void add_pages(life_state *state, uint64_t version) {
    life_state pages = {.count = 0};
    add_blob(state, PAGES * PAGE_SIZE, 0);
    uint8_t *to = (uint8_t *)(uintptr_t)state->blobs[state->count - 1].bytes;
    for (uint64_t i = 0; i < PAGES; i++) {
        uint64_t newest = version < i ? 0 : version - (version - i) % PAGES;
        add_blob(&pages, PAGE_SIZE, 1000 * i + newest);
        memcpy(to + i * PAGE_SIZE, pages.blobs[i].bytes, PAGE_SIZE);
        free((void *)(uintptr_t)pages.blobs[i].bytes);
    }
}

/* Made once for each version. */
static const life_state *state_of(life_shape shape, uint64_t version) {
    static life_state cache[LIFE_LARGE + 1][ORACLE_VERSIONS];
    life_state *state = &cache[shape][version];
    if (state->count) return state;
    add_blob(state, STREAM_SIZE + version % 7, version);
    if (shape == LIFE_PAGES) add_pages(state, version);
    if (shape == LIFE_ORDERED) add_blob(state, ORDERED_SIZE, 100 + version);
    if (shape == LIFE_LARGE) add_blob(state, LARGE_SIZE, 100 + version);
    for (uint64_t i = 1; shape == LIFE_BLOBS && i < BLOBS_MAX; i++)
        add_blob(state, 16 + i % 5, i % 40 == version % 40 ? 1000 * version + i : i);
    return state;
}

static bool holds_blobs(rs_state *state, const life_state *expected, char *text, size_t size) {
    rs_slice stream = rs_state_stream(state);
    bool equal = stream.size == expected->blobs[0].size &&
                 memcmp(stream.bytes, expected->blobs[0].bytes, stream.size) == 0 &&
                 rs_state_blob_count(state) == expected->count;
    for (size_t i = 1; equal && i < expected->count; i++) {
        rs_error error = {0};
        const rs_blob *blob = &expected->blobs[i];
        uint8_t *bytes = malloc((size_t)blob->size);
        equal = rs_state_blob_size(state, i) == blob->size &&
                rs_state_read_blob(state, i, bytes, &error) == RESUME_OK &&
                memcmp(bytes, blob->bytes, (size_t)blob->size) == 0;
        free(bytes);
        if (!equal) snprintf(text, size, "blob %zu: %.300s", i, error.text);
    }
    return equal;
}

bool life_holds(life_shape shape, const disk_oracle *oracle, rs_state *state, uint64_t version,
                char *text, size_t size) {
    const rs_meta *meta = rs_state_meta(state);
    const char *run = oracle->run[version] ? oracle->runs[oracle->run[version] - 1] : "";
    snprintf(text, size, "its bytes");
    if (meta->saves != version || meta->ended != oracle->is_mark[version] ||
        meta->run.size != strlen(run) || memcmp(meta->run.bytes, run, meta->run.size) != 0) {
        snprintf(text, size, "META");
        return false;
    }
    return holds_blobs(state, state_of(shape, oracle->content[version]), text, size);
}

/* --- telling --- */

void life_fail(disk_life *life, const char *what, const rs_error *error) {
    if (life->trouble[0] || life->may_fail) return;
    snprintf(life->trouble, sizeof life->trouble, "%s%s%.500s", what, error ? ": " : "",
             error ? error->text : "");
}

static oracle_name *own_name(disk_life *life) {
    return &life->oracle.names[life->name];
}

void life_note(disk_life *life) {
    disk_oracle *copy = model_arena_take(life->disk->live.arena, sizeof *copy);
    *copy = life->oracle;
    model_disk_note(life->disk, copy);
}

/* --- opening and closing --- */

void life_begin(disk_life *life, model_disk *disk, int process, life_shape shape,
                const disk_oracle *oracle) {
    *life = (disk_life){.disk = disk, .process = process, .shape = shape, .oracle = *oracle};
}

/* What a crash left behind the newest save is to be kept aside. */
static void note_tail(disk_life *life) {
    oracle_name *name = own_name(life);
    const rs_recovery *recovery = &life->recovery;
    name->torn = NULL;
    if (recovery->health != RS_HEALTH_TORN || recovery->size <= recovery->end) return;
    if (life->disk->pending) return; /* it may be in the cache alone */
    size_t size = (size_t)(recovery->size - recovery->end);
    uint8_t *tail = model_arena_take(life->disk->live.arena, size);
    int node = (int)life->file->inode - 1;
    model_tree_read(&life->disk->live, node, tail, size, recovery->end);
    bool is_zero = true;
    for (size_t i = 0; i < size; i++)
        is_zero = is_zero && tail[i] == 0;
    if (is_zero) return;
    name->torn = tail;
    name->torn_at = recovery->end;
    name->torn_size = size;
}

static void look(disk_life *life) {
    oracle_name *name = own_name(life);
    rs_error error = {0};
    rs_state *state;
    char text[400];
    if (life->recovery.health == RS_HEALTH_DAMAGED && !name->may_be_damaged)
        life_fail(life, "called damaged by a writer", NULL);
    if (rs_file_read(life->file, 0, &state, &error)) {
        life_fail(life, "a writer can't read", &error);
        return;
    }
    uint64_t version = rs_state_meta(state)->saves;
    if (version >= ORACLE_VERSIONS || !(name->allowed >> version & 1))
        life_fail(life, "a writer found an older save", NULL);
    else if (!life_holds(life->shape, &life->oracle, state, version, text, sizeof text))
        life_fail(life, "a writer found a mixture", NULL);
    else
        name->known = version;
    rs_state_free(state);
    note_tail(life);
}

void life_open(disk_life *life) {
    const rs_os *os = model_disk_os(life->disk, life->process);
    rs_file_info info;
    bool makes_folder = os->info_at(os, RS_WORKING_FOLDER, LIFE_FOLDER, &info) < 0;
    const char *name = life_names[life->name];
    rs_error error = {0};
    resume_status status = rs_folder_open(os, LIFE_FOLDER, true, &life->folder, &error);
    if (status == RESUME_OK && makes_folder) life->oracle.has_gitignore = true;
    if (status == RESUME_OK && life->uses_locks)
        status = rs_lock_take(life->folder, name, &life->lock, &error);
    if (status == RESUME_OK)
        status = rs_file_open(life->folder, name, true, &life->file, &life->recovery, &error);
    bool is_missing = status == RESUME_NOT_FOUND;
    if (is_missing) status = rs_file_new(life->folder, name, 1, RS_ASIDE_NO, &life->file, &error);
    if (status) {
        life_fail(life, "can't be opened", &error);
        return;
    }
    if (life->shape == LIFE_ORDERED) life->file->small_size_max = ORDERED_MIN;
    life->file->room_size = ROOM_SIZE;
    life->file->quick_commits = RS_ROOM_COMMITS_MIN; /* where the disk is in place */
    own_name(life)->known = ORACLE_NOTHING;
    if (!is_missing)
        look(life);
    else if (!(own_name(life)->allowed & 1))
        life_fail(life, "a writer found nothing", NULL);
}

static void leave(disk_life *life) {
    rs_file_close(life->file);
    life->file = NULL;
    if (life->folder && life->lock.fork.fd) rs_lock_release(life->folder, &life->lock);
    rs_folder_close(life->folder);
    life->folder = NULL;
    life->lock = (rs_lock){0};
}

/* The zeros that waited for the next save are gone. */
static void look_behind_end(disk_life *life) {
    const rs_file *file = life->file;
    rs_file_info info;
    bool is_settled =
        file->fd >= 0 && !file->has_tail && !file->unsynced && !file->poisoned && !file->replaces;
    if (is_settled && file->os->info(file->os, file->fd, &info) == 0 && info.size > file->end)
        life_fail(life, "zeros were left behind", NULL);
}

void life_close(disk_life *life) {
    if (life->file && life->hints) {
        rs_file_leave(life->file);
        look_behind_end(life);
    }
    leave(life);
}

void life_let_be_small(disk_life *life, bool small) {
    if (life->file) life->file->small_size_max = small ? RS_SELF_VERIFYING_SIZE_MAX : ORDERED_MIN;
}

void life_die(disk_life *life) {
    model_process *process = &life->disk->processes[life->process];
    process->is_dead = true;
    leave(life);
    rs_run_free(life->run);
    life->run = NULL;
    process->is_dead = false;
    model_disk_kill(life->disk, life->process);
}

/* --- saving --- */

/* A number for what is saved next, which may be found from now on. */
static uint64_t try_version(disk_life *life, bool is_mark) {
    disk_oracle *oracle = &life->oracle;
    oracle_name *name = own_name(life);
    uint64_t version = ++oracle->newest;
    if (version >= ORACLE_VERSIONS) abort();
    oracle->content[version] = is_mark ? oracle->content[name->known] : (uint8_t)version;
    oracle->is_mark[version] = is_mark;
    oracle->run[version] = is_mark && life->run ? (uint8_t)oracle->run_count : 0;
    name->needs[version] = name->needs[name->known];
    if (life->file->aside != RS_ASIDE_NO && name->known != ORACLE_NOTHING) {
        if (name->aside_count == ORACLE_ASIDES) abort();
        bool is_damaged = life->file->aside == RS_ASIDE_DAMAGED;
        name->needs[version] |= 1u << name->aside_count;
        name->asides[name->aside_count++] = is_damaged ? UINT64_MAX : name->allowed & ~UINT64_C(1);
        name->asides_tried++;
    }
    name->allowed |= UINT64_C(1) << version;
    life_note(life);
    return version;
}

static void acknowledge(disk_life *life, uint64_t version) {
    oracle_name *name = own_name(life);
    name->allowed = UINT64_C(1) << version;
    name->known = version;
    life_note(life);
}

bool life_save(disk_life *life) {
    if (!life->file) return false;
    rs_error error = {0};
    rs_commit_info info;
    uint64_t version = try_version(life, false);
    const life_state *state = state_of(life->shape, version);
    rs_meta meta = {.saves = version, .saved_ns = 1, .pid = 1};
    rs_snapshot snapshot = {.meta = &meta, .blobs = state->blobs, .blob_count = state->count};
    rs_commit_options options = {.compress = RS_COMPRESS_NEVER};
    if (rs_file_commit(life->file, &snapshot, &options, &info, &error)) {
        life_fail(life, "a save failed", &error);
        return false;
    }
    acknowledge(life, version);
    return true;
}

void life_start_over(disk_life *life) {
    if (life->file) rs_file_start_over(life->file);
}

bool life_mark(disk_life *life) {
    if (!life->file) return false;
    rs_error error = {0};
    rs_commit_info info;
    uint64_t version = try_version(life, true);
    rs_meta meta = {.saves = version, .saved_ns = 1, .pid = 1, .ended = true};
    if (life->run) meta.run = (rs_slice){life->run->id, strlen(life->run->id)};
    rs_commit_options options = {.compress = RS_COMPRESS_NEVER};
    if (rs_file_commit_mark(life->file, &meta, &options, &info, &error)) {
        life_fail(life, "a mark failed", &error);
        return false;
    }
    acknowledge(life, version);
    return true;
}

bool life_prune(disk_life *life, unsigned last) {
    if (!life->file) return false;
    rs_error error = {0};
    rs_keep keep = {.last = last};
    resume_status status = rs_file_compact(life->file, &keep, NULL, &error);
    if (status) life_fail(life, "can't prune", &error);
    return status == RESUME_OK;
}

/* The copy says of itself what the original did: it has its version. */
bool life_roll_back(disk_life *life, unsigned index) {
    if (!life->file) return false;
    rs_error error = {0};
    rs_commit_info info;
    rs_state *state;
    oracle_name *name = own_name(life);
    if (rs_file_read(life->file, index, &state, &error)) {
        life_fail(life, "an older save can't be read", &error);
        return false;
    }
    uint64_t version = rs_state_meta(state)->saves;
    rs_state_free(state);
    name->needs[version] |= name->needs[name->known];
    name->allowed |= UINT64_C(1) << version;
    life_note(life);
    if (rs_file_rollback(life->file, index, &info, &error)) {
        life_fail(life, "can't roll back", &error);
        return false;
    }
    acknowledge(life, version);
    return true;
}

/* --- runs --- */

void life_begin_run(disk_life *life) {
    rs_error error = {0};
    disk_oracle *oracle = &life->oracle;
    const rs_os *os = model_disk_os(life->disk, life->process);
    if (rs_run_begin(os, LIFE_FOLDER, &life->run, &error)) {
        life_fail(life, "no run", &error);
        return;
    }
    snprintf(oracle->runs[oracle->run_count++], sizeof oracle->runs[0], "%s", life->run->id);
}

void life_finish_run(disk_life *life) {
    if (!life->run) return;
    life->oracle.run_is_finished[life->oracle.run_count - 1] = 1;
    life_note(life);
    rs_run_finish(life->run);
    rs_run_free(life->run);
    life->run = NULL;
}
