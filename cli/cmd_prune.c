/* `resume prune`: older generations are removed from checkpoints, by number, hour and day. */
#include "command.h"

#include "base/alloc.h"
#include "store/lock.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

typedef struct options {
    rc_arguments common;
    uint64_t last, hourly, daily;
    bool dry_run;
} options;

static const rc_option own_options[] = {
    {"keep-last", 'l', RC_NUMBER, "NUMBER", "the newest saves", offsetof(options, last)},
    {"keep-hourly", 'H', RC_NUMBER, "NUMBER", "the newest of each of the last hours (UTC)",
     offsetof(options, hourly)},
    {"keep-daily", 'd', RC_NUMBER, "NUMBER", "the newest of each of the last days (UTC)",
     offsetof(options, daily)},
    {"dry-run", 'n', RC_FLAG, NULL, "tell what would go, and change nothing",
     offsetof(options, dry_run)},
    {0}};

typedef struct pruner {
    const options *chosen;
    rs_keep keep;
    json_t *checkpoints;
    rc_exit worst;
    size_t seen;
} pruner;

/* One generation, and what becomes of it. */
typedef struct entry {
    uint64_t number;
    int64_t saved_ns; /* 0: unknown */
    bool kept;
} entry;

typedef struct pruned {
    entry *entries; /* newest first */
    size_t count, kept;
    uint64_t size_before, size_after;
    rs_commit_info info;
} pruned;

/* ---- one file */

static resume_status look(rs_file *file, const rs_keep *keep, pruned *this, rs_error *error) {
    /* times are wanted for the list also where the policy needs none */
    rs_keep timed = {.last = UINT_MAX, .hourly = 1};
    resume_status status = rs_file_list_all(file, error);
    size_t count = rs_file_generation_count(file);
    if (status != RESUME_OK) return status;
    rs_keep_item *items = rs_allocate_zeroed(count, sizeof *items);
    this->entries = rs_allocate_zeroed(count, sizeof *this->entries);
    if (!items || !this->entries) {
        rs_free(items);
        return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    }
    status = rs_file_choose(file, &timed, false, items, NULL, error);
    if (status == RESUME_OK)
        status = rs_file_choose(file, keep, true, items, &this->size_after, error);
    this->count = count;
    this->size_before = rs_file_size(file);
    for (size_t i = 0; status == RESUME_OK && i < count; i++) {
        const rs_generation *generation = rs_file_generation(file, i);
        this->entries[i] = (entry){generation->number, generation->saved_ns, items[i].kept};
        this->kept += items[i].kept;
    }
    rs_free(items);
    return status;
}

/* What is really there afterwards: something bad may have been left out. */
static void look_again(rs_file *file, pruned *this) {
    size_t left = rs_file_generation_count(file), at = 0;
    this->kept = left;
    this->size_after = rs_file_size(file);
    for (size_t i = 0; i < this->count; i++) {
        this->entries[i].kept =
            at < left && rs_file_generation(file, at)->number == this->entries[i].number;
        at += this->entries[i].kept;
    }
}

/* A damaged file would be kept beside the new one, and the disk be fuller than before. */
static resume_status refuse_damaged(const rs_recovery *recovery, rs_error *error) {
    if (recovery->health != RS_HEALTH_DAMAGED) return RESUME_OK;
    return rs_fail(error, RESUME_DAMAGED,
                   "%.300s; nothing is removed from a damaged file: let the program save, or "
                   "use 'resume rollback'",
                   recovery->text);
}

static resume_status prune_file(const pruner *work, const rs_folder *folder, const char *file_name,
                                pruned *this, rs_error *error) {
    bool dry = work->chosen->dry_run;
    rs_lock lock = {.fd = -1};
    rs_file *file = NULL;
    rs_recovery recovery;
    resume_status status = dry ? RESUME_OK : rs_lock_take(folder, file_name, &lock, error);
    bool locked = !dry && status == RESUME_OK;
    if (status == RESUME_OK)
        status = rs_file_open(folder, file_name, !dry, &file, &recovery, error);
    if (status == RESUME_OK) status = refuse_damaged(&recovery, error);
    if (status == RESUME_OK) status = look(file, &work->keep, this, error);
    if (status == RESUME_OK && this->kept == this->count) {
        this->size_after = this->size_before;
    } else if (status == RESUME_OK && !dry) {
        status = rs_file_compact(file, &work->keep, &this->info, error);
        if (status == RESUME_OK) status = rs_file_list_all(file, error);
        if (status == RESUME_OK) look_again(file, this);
    }
    rs_file_close(file);
    if (locked) rs_lock_release(folder, &lock);
    return status;
}

/* ---- telling */

static uint64_t freed(const pruned *this) {
    return this->size_before > this->size_after ? this->size_before - this->size_after : 0;
}

/* Neighbours that go together are one line. */
static rc_exit print_table(const pruned *this) {
    static const rc_column columns[] = {
        {"", false, false}, {"GENERATION", true, false}, {"SAVED", false, true}};
    struct libscols_table *table = rc_table_new(columns, 3);
    for (size_t i = 0, end; i < this->count; i = end) {
        char numbers[RC_TEXT_SIZE], saved[3 * RC_TEXT_SIZE], to[RC_TEXT_SIZE], from[RC_TEXT_SIZE];
        const entry *first = &this->entries[i];
        for (end = i + 1; end < this->count && !first->kept && !this->entries[end].kept;)
            end++;
        const entry *last = &this->entries[end - 1];
        snprintf(numbers, sizeof numbers, "%" PRIu64, first->number);
        snprintf(saved, sizeof saved, "%s", rc_text_time(first->saved_ns, to));
        if (end > i + 1) {
            snprintf(numbers, sizeof numbers, "%" PRIu64 "-%" PRIu64, last->number, first->number);
            snprintf(saved, sizeof saved, "%s to %s (%zu)", rc_text_time(last->saved_ns, from), to,
                     end - i);
        }
        const char *cells[] = {first->kept ? "  keep" : "  drop", numbers, saved};
        rc_table_colour(rc_table_add(table, cells, 3), 0, first->kept ? RC_GOOD : RC_CAREFUL);
    }
    return rc_table_print(table);
}

static rc_exit print_text(const pruner *work, const char *file_name, const pruned *this) {
    char name[4 * RS_FILE_NAME_SIZE], size[RC_TEXT_SIZE];
    rc_text_name(RC_ESCAPE_TERMINAL, file_name, name, sizeof name);
    if (this->kept == this->count) {
        printf("%s: all %zu generation%s stay\n", name, this->count, this->count == 1 ? "" : "s");
        return RC_OK;
    }
    bool dry = work->chosen->dry_run;
    printf("%s: %zu of %zu generations %s, %s%s %s\n", name, this->kept, this->count,
           dry ? "would stay" : "stay", dry ? "about " : "", rc_text_size(freed(this), size),
           dry ? "would be freed" : "freed");
    return print_table(this);
}

static json_t *entries_as_json(const pruned *this, bool kept) {
    json_t *list = json_array();
    for (size_t i = 0; i < this->count; i++) {
        if (this->entries[i].kept != kept) continue;
        json_t *object = json_object();
        json_object_set_new(object, "generation",
                            json_integer((json_int_t)this->entries[i].number));
        json_object_set_new(object, "saved", rc_json_time(this->entries[i].saved_ns));
        json_object_set_new(object, "saved_ns", json_integer(this->entries[i].saved_ns));
        json_array_append_new(list, object);
    }
    return list;
}

static void add_json(const pruner *work, const rs_folder *folder, const char *file_name,
                     const pruned *this, const rs_error *error) {
    json_t *object = json_object();
    char *path = rs_folder_join(folder, file_name);
    bool good = error->status == RESUME_OK;
    json_object_set_new(object, "name", rc_json_name(file_name));
    json_object_set_new(object, "path", path ? rc_json_text(path, strlen(path)) : json_null());
    json_object_set_new(object, "status", json_string(resume_status_name(error->status)));
    json_object_set_new(object, "message",
                        good ? rc_json_text(this->info.note, strlen(this->info.note))
                             : rc_json_text(error->text, strlen(error->text)));
    if (good) {
        json_object_set_new(object, "kept", entries_as_json(this, true));
        json_object_set_new(object, "dropped", entries_as_json(this, false));
        json_object_set_new(object, "size_before", json_integer((json_int_t)this->size_before));
        json_object_set_new(object, "size_after", json_integer((json_int_t)this->size_after));
        json_object_set_new(object, "freed", json_integer((json_int_t)freed(this)));
    }
    json_array_append_new(work->checkpoints, object);
    rs_free(path);
}

static void prune_one(pruner *work, const rs_folder *folder, const char *file_name) {
    pruned this = {0};
    rs_error error = {0};
    resume_status status = prune_file(work, folder, file_name, &this, &error);
    work->seen++;
    if (status == RESUME_OK) error = (rs_error){0};
    if (work->chosen->common.json) add_json(work, folder, file_name, &this, &error);
    if (status != RESUME_OK)
        work->worst = rc_worse(work->worst, rc_report(&error));
    else if (!work->chosen->common.json)
        work->worst = rc_worse(work->worst, print_text(work, file_name, &this));
    char shown[RS_FILE_NAME_SIZE];
    rs_name_show(file_name, shown);
    if (this.info.note[0]) rc_say("'%s': %s", shown, this.info.note);
    rs_free(this.entries);
}

/* Files that are none of ours stand in the folder of checkpoints now and then. */
static bool is_ours(const rs_folder *folder, const char *file_name) {
    rs_file *file;
    rs_recovery recovery;
    resume_status status = rs_file_open(folder, file_name, false, &file, &recovery, NULL);
    if (status == RESUME_OK) rs_file_close(file);
    return status != RESUME_NOT_A_CHECKPOINT && status != RESUME_LEGACY;
}

static resume_status prune_folder(pruner *work, const rs_folder *folder, rs_error *error) {
    char **names = NULL;
    size_t count = 0, before = work->seen;
    resume_status status = rc_place_list(folder, &names, &count, error);
    for (size_t i = 0; i < count; i++) {
        if (rs_name_role(names[i]) == RS_ROLE_CHECKPOINT && is_ours(folder, names[i]))
            prune_one(work, folder, names[i]);
        rs_free(names[i]);
    }
    rs_free(names);
    if (status == RESUME_OK && work->seen == before) rc_say("no checkpoints in '%s'", folder->path);
    return status;
}

static void prune_target(pruner *work, const char *target) {
    char shown[RS_FILE_NAME_SIZE];
    rc_place place = {0};
    rs_error error = {0};
    resume_status status = target ? rc_place_find(target, true, &place, &error)
                                  : rc_place_folder(NULL, &place, &error);
    rs_name_show(place.file_name, shown);
    if (status == RESUME_OK && !place.file_name[0])
        status = prune_folder(work, place.folder, &error);
    else if (status == RESUME_OK && rs_name_role(place.file_name) != RS_ROLE_CHECKPOINT)
        status = rs_fail(&error, RESUME_MISUSE,
                         "'%s' is set aside; 'resume rm' removes it, 'resume revive' brings it "
                         "back",
                         shown);
    else if (status == RESUME_OK)
        prune_one(work, place.folder, place.file_name);
    if (status != RESUME_OK) work->worst = rc_worse(work->worst, rc_report(&error));
    rc_place_release(&place);
}

static unsigned count_of(uint64_t number) {
    return number < UINT_MAX ? (unsigned)number : UINT_MAX;
}

static rc_exit run(const void *parsed) {
    const options *chosen = parsed;
    if (!chosen->last && !chosen->hourly && !chosen->daily) {
        rc_say("what is to stay? for example: resume prune --keep-last 3 --keep-daily 7");
        return RC_USAGE;
    }
    pruner work = {
        .chosen = chosen,
        .checkpoints = json_array(),
        .keep = {count_of(chosen->last), count_of(chosen->hourly), count_of(chosen->daily)}};
    for (size_t i = 0; i < chosen->common.count; i++)
        prune_target(&work, chosen->common.targets[i]);
    if (chosen->common.count == 0) prune_target(&work, NULL);
    rc_exit result = work.worst;
    if (chosen->common.json) {
        json_t *root = rc_json_new("prune");
        json_object_set_new(root, "dry_run", json_boolean(chosen->dry_run));
        json_object_set(root, "checkpoints", work.checkpoints);
        result = rc_json_print(root, result);
    }
    json_decref(work.checkpoints);
    return result;
}

const rc_command rc_prune = {
    .name = "prune",
    .job = "remove older saves from checkpoints",
    .arguments = "[NAME|PATH|FOLDER]...",
    .examples = "  resume prune --keep-last 3                  of all checkpoints here\n"
                "  resume prune sim.main --keep-hourly 24 --keep-daily 7 --dry-run\n"
                "  resume prune ~/project --keep-last 1 --json | jq .checkpoints[].freed\n",
    .text = "Removes older generations, and what only they need, from checkpoints. What any of "
            "the numbers asks for stays; the newest save always does, and all that stays is "
            "verified.\v"
            "Hours and days are those of UTC; only hours and days count in which something was "
            "saved. A checkpoint that a program has open is left alone (exit code 5): give its "
            "Checkpoint keep={\"last\": 3, \"daily\": 7}, which does the same when the file grows.",
    .options = own_options,
    .options_size = sizeof(options),
    .shared = RC_WITH_JSON | RC_WITH_COLOR,
    .count_max = SIZE_MAX,
    .target = RC_TARGET_CHECKPOINT,
    .run = run,
};
