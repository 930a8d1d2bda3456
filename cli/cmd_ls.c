/* `resume ls`: the checkpoints of a folder, one line each. */
#include "command.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    rc_arguments common;
    bool all;
} options;

static const rc_option own_options[] = {{"all", 'a', RC_FLAG, NULL,
                                         "also what was set aside (NAME~1), damaged and torn files",
                                         offsetof(options, all)},
                                        {0}};

/* What is known of one file; texts are escaped for a terminal. */
typedef struct entry {
    const char *file_name;
    rs_file_role role;
    resume_status status; /* of opening and reading it */
    rs_error error;
    rs_health health;
    rs_file_info info;
    int64_t in_use;
    uint64_t generation;
    size_t generation_count;
    rs_file *file;
    rs_state *state;
    const rs_meta *meta; /* NULL when it could not be read */
} entry;

static void entry_release(entry *this) {
    rs_state_free(this->state);
    rs_file_close(this->file);
}

static void entry_read(const rs_folder *folder, const rc_locks *locks, const char *file_name,
                       entry *this) {
    *this = (entry){.file_name = file_name, .role = rs_name_role(file_name)};
    if (folder->os->info_at(folder->os, folder->fd, file_name, &this->info) != 0)
        this->info = (rs_file_info){0};
    if (this->role == RS_ROLE_TORN) return;
    if (this->role == RS_ROLE_CHECKPOINT) this->in_use = rc_locks_in_use(locks, folder, file_name);
    rs_recovery recovery = {0};
    this->status = rs_file_open(folder, file_name, false, &this->file, &recovery, &this->error);
    this->health = recovery.health;
    if (this->status != RESUME_OK) return;
    this->generation_count = rs_file_generation_count(this->file);
    this->generation = recovery.taken;
    this->status = rs_file_read(this->file, 0, &this->state, &this->error);
    if (this->status == RESUME_OK) this->meta = rs_state_meta(this->state);
}

static const char *state_text(const entry *this) {
    if (this->role == RS_ROLE_TORN) return "copied tail";
    if (!this->meta) return "unreadable";
    if (this->in_use) return "running";
    return this->meta->ended ? "ended" : "cut off";
}

static const char *health_text(const entry *this) {
    if (this->role == RS_ROLE_TORN) return "torn";
    switch (this->status) {
    case RESUME_OK:
        return rc_text_health(this->health);
    case RESUME_NOT_A_CHECKPOINT:
        return "foreign";
    case RESUME_LEGACY:
        return "legacy";
    case RESUME_UNSUPPORTED:
        return "unsupported";
    case RESUME_DAMAGED:
    case RESUME_TRUNCATED:
        return "damaged";
    default:
        return resume_status_text(this->status);
    }
}

static rc_colour health_colour(const entry *this) {
    if (this->role == RS_ROLE_TORN) return RC_PLAIN;
    if (this->status != RESUME_OK || this->health == RS_HEALTH_DAMAGED) return RC_BAD;
    return this->health == RS_HEALTH_TORN ? RC_CAREFUL : RC_GOOD;
}

static const char *role_text(rs_file_role role) {
    switch (role) {
    case RS_ROLE_ASIDE:
        return "set aside";
    case RS_ROLE_DAMAGED:
        return "damaged, set aside";
    case RS_ROLE_TORN:
        return "torn tail, copied";
    default:
        return "checkpoint";
    }
}

/* The program, without the working folder in front of it, or the function. */
static rs_slice where_it_is(const rs_meta *meta, const char *here) {
    size_t length = strlen(here);
    rs_slice path = meta->program;
    if (!path.size) return meta->function;
    const char *text = path.bytes;
    bool inside = length > 1 && path.size > length + 1 && memcmp(text, here, length) == 0 &&
                  text[length] == '/';
    return inside ? (rs_slice){text + length + 1, path.size - length - 1} : path;
}

static void add_line(struct libscols_table *table, const entry *this, int64_t now_ns,
                     const char *here) {
    char name[4 * RS_FILE_NAME_SIZE], program[4 * 1024] = "", age[RC_TEXT_SIZE] = "";
    char size[RC_TEXT_SIZE], generations[RC_TEXT_SIZE] = "";
    rc_text_name(RC_ESCAPE_TERMINAL, this->file_name, name, rc_table_cell_size(sizeof name));
    rc_text_size(this->info.size, size);
    if (this->meta) {
        rc_text_age(now_ns - this->meta->saved_ns, age);
        rs_slice source = where_it_is(this->meta, here);
        rc_escape(RC_ESCAPE_TERMINAL, source.bytes, source.size, program, sizeof program);
        snprintf(generations, sizeof generations, "%" PRIu64, this->generation);
    } else {
        rc_text_age(now_ns - this->info.modified_ns, age);
    }
    char health[RC_TEXT_SIZE];
    snprintf(health, sizeof health, "%s", health_text(this));
    if (this->meta) rc_text_trust(health_text(this), rs_state_signature(this->state), health);
    const char *cells[] = {
        name, this->meta ? state_text(this) : "-", age, size, generations, health, program};
    struct libscols_line *line = rc_table_add(table, cells, sizeof cells / sizeof *cells);
    if (this->meta && !this->in_use && !this->meta->ended) rc_table_colour(line, 1, RC_CAREFUL);
    rc_table_colour(line, 5, health_colour(this));
}

static void add_json(json_t *list, const entry *this, int64_t now_ns) {
    json_t *object = json_object();
    json_object_set_new(object, "name", rc_json_name(this->file_name));
    json_object_set_new(object, "file", rc_json_text(this->file_name, strlen(this->file_name)));
    json_object_set_new(object, "role", json_string(role_text(this->role)));
    json_object_set_new(object, "state", json_string(state_text(this)));
    json_object_set_new(object, "health", json_string(health_text(this)));
    json_object_set_new(object, "status", json_string(resume_status_name(this->status)));
    json_object_set_new(object, "size", json_integer((json_int_t)this->info.size));
    json_object_set_new(object, "generations", json_integer((json_int_t)this->generation_count));
    json_object_set_new(object, "in_use_by",
                        this->in_use ? json_integer(this->in_use) : json_null());
    if (this->meta) {
        json_object_set_new(object, "generation", json_integer((json_int_t)this->generation));
        json_object_set_new(object, "age_seconds",
                            json_real((double)(now_ns - this->meta->saved_ns) / 1e9));
        rc_json_state(object, this->state);
    }
    if (this->status != RESUME_OK)
        json_object_set_new(object, "message",
                            rc_json_text(this->error.text, strlen(this->error.text)));
    json_array_append_new(list, object);
}

static bool is_listed(const char *file_name, bool all) {
    rs_file_role role = rs_name_role(file_name);
    if (role == RS_ROLE_CHECKPOINT) return true;
    return all && (role == RS_ROLE_ASIDE || role == RS_ROLE_DAMAGED || role == RS_ROLE_TORN);
}

static rc_exit list_folder(const rs_folder *folder, const options *chosen, char **names,
                           size_t count) {
    static const rc_column columns[] = {{"NAME", false, false},  {"STATE", false, false},
                                        {"SAVED", false, false}, {"SIZE", true, false},
                                        {"GEN", true, false},    {"HEALTH", false, false},
                                        {"PROGRAM", false, true}};
    int64_t now_ns = folder->os->clock_ns(folder->os);
    struct libscols_table *table = chosen->common.json ? NULL : rc_table_new(columns, 7);
    rc_table_drop(table, "PROGRAM GEN SAVED SIZE");
    json_t *list = json_array();
    char here[PATH_MAX];
    if (folder->os->working_folder(folder->os, here, sizeof here) != 0) here[0] = 0;
    size_t listed = 0, hidden = 0;
    rc_locks locks;
    rc_locks_read(&locks);
    for (size_t i = 0; i < count; i++) {
        if (!is_listed(names[i], chosen->all)) {
            hidden += is_listed(names[i], true);
            continue;
        }
        entry this;
        entry_read(folder, &locks, names[i], &this);
        if (chosen->common.json)
            add_json(list, &this, now_ns);
        else
            add_line(table, &this, now_ns, here);
        entry_release(&this);
        listed++;
    }
    rc_locks_release(&locks);
    rc_exit result = RC_OK;
    if (chosen->common.json) {
        json_t *root = rc_json_new("ls");
        json_object_set_new(root, "folder", rc_json_text(folder->path, strlen(folder->path)));
        json_object_set(root, "checkpoints", list);
        result = rc_json_print(root, result);
    } else if (listed) {
        result = rc_table_print(table);
    } else {
        scols_unref_table(table);
        rc_say("no checkpoints in '%s'", folder->path);
    }
    json_decref(list);
    if (hidden && !chosen->common.json)
        rc_say("%zu more set aside, damaged or torn: resume ls --all", hidden);
    return result;
}

static rc_exit run(const void *parsed) {
    const options *chosen = parsed;
    rs_error error = {0};
    rc_place place = {0};
    char **names = NULL;
    size_t count = 0;
    rc_exit result;
    const char *folder = chosen->common.count ? chosen->common.targets[0] : NULL;
    if (rc_place_folder(folder, &place, &error) != RESUME_OK ||
        rc_place_list(place.folder, &names, &count, &error) != RESUME_OK) {
        result = rc_report_failed("ls", chosen->common.json, &error);
    } else {
        result = list_folder(place.folder, chosen, names, count);
    }
    for (size_t i = 0; i < count; i++)
        rs_free(names[i]);
    rs_free(names);
    rc_place_release(&place);
    return result;
}

const rc_command rc_ls = {
    .name = "ls",
    .job = "list the checkpoints of a folder",
    .arguments = "[FOLDER]",
    .examples =
        "  resume ls                   of this folder ('.checkpoints' or RESUME_DIR)\n"
        "  resume ls ~/project         of another one\n"
        "  resume ls --all             also what was set aside or is damaged\n"
        "  resume ls --json | jq '.checkpoints[] | select(.state == \"cut off\") | .name'\n",
    .text = "Lists the checkpoints of a folder, without running anything that is in them.\v"
            "STATE is 'ended' when the call that saved has ended, 'cut off' when it was "
            "interrupted (run the program again: it goes on), 'running' while a process has "
            "it open. GEN is the number of the newest save.",
    .options = own_options,
    .options_size = sizeof(options),
    .shared = RC_WITH_JSON | RC_WITH_COLOR,
    .count_max = 1,
    .too_many = "one folder at a time",
    .target = RC_TARGET_FOLDER,
    .run = run,
};
