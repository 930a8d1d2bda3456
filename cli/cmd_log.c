/* `resume log`: the generations of one checkpoint, the newest first. */
#include "command.h"

#include "base/alloc.h"
#include "store/refusal.h"

#include <inttypes.h>
#include <string.h>

#define ROWS_DEFAULT 20u

typedef struct options {
    rc_arguments common;
    bool all;
    uint64_t number;
} options;

static const rc_option own_options[] = {
    {"number", 'n', RC_NUMBER, "NUMBER", "so many, instead of 20", offsetof(options, number)},
    {"all", 'a', RC_FLAG, NULL, "all that are in the file", offsetof(options, all)},
    {0}};

/* One generation, read as far as its table. */
typedef struct row {
    const rs_generation *generation;
    rs_state *state;
    rs_error error;
    const rs_meta *meta; /* NULL: it could not be read */
    const char *word;
    uint64_t pause_ns, durable_ns; /* what the save has cost: the next one tells; 0: not known */
} row;

/* The one that is newer by one. */
typedef struct successor {
    bool is_there;
    rs_meta meta; /* its texts are gone */
} successor;

static const char *state_word(const row *this, bool newest, int64_t in_use) {
    if (!this->meta) return "-";
    if (this->meta->ended) return "ended";
    if (!newest) return "going on";
    return in_use ? "running" : "cut off";
}

static bool tells_costs_of(const successor *next, const rs_meta *meta) {
    return next->is_there && !next->meta.copy_of && !meta->copy_of && !meta->ended &&
           next->meta.started_ns == meta->started_ns &&
           next->meta.saves == meta->saves + !next->meta.ended;
}

static void row_read(rs_file *file, size_t index, int64_t in_use, successor *next, row *this) {
    *this = (row){.generation = rs_file_generation(file, index)};
    if (rs_file_look(file, index, &this->state, &this->error) == RESUME_OK)
        this->meta = rs_state_meta(this->state);
    this->word = state_word(this, index == 0, in_use);
    if (this->meta && tells_costs_of(next, this->meta)) {
        this->pause_ns = next->meta.pause_ns;
        this->durable_ns = next->meta.durable_ns;
    }
    next->is_there = this->meta != NULL;
    if (this->meta) next->meta = *this->meta;
}

/* ---- as text */

/* "1:02:03", short enough for a column; hours may be many. */
static void put_duration(int64_t ns, char to[RC_TEXT_SIZE]) {
    int64_t s = ns > 0 ? ns / INT64_C(1000000000) : 0;
    snprintf(to, RC_TEXT_SIZE, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60),
             (int)(s % 60));
}

/* "12.3 ms" */
static void put_short(uint64_t ns, char to[RC_TEXT_SIZE]) {
    static const char *const units[] = {"us", "ms", "s"};
    double value = (double)ns / 1e3;
    size_t unit = 0;
    for (; value >= 1000 && unit < 2; unit++)
        value /= 1000;
    if (ns > 0) snprintf(to, RC_TEXT_SIZE, value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void add_line(struct libscols_table *table, const row *this) {
    char number[RC_TEXT_SIZE], saved[RC_TEXT_SIZE] = "", added[RC_TEXT_SIZE];
    char size[RC_TEXT_SIZE] = "", running[RC_TEXT_SIZE] = "", saves[RC_TEXT_SIZE] = "";
    char pause[RC_TEXT_SIZE] = "", durable[RC_TEXT_SIZE] = "", health[1024] = "good";
    const rs_meta *meta = this->meta;
    snprintf(number, sizeof number, "%" PRIu64, this->generation->number);
    rc_text_size(this->generation->segment_size, added);
    if (meta) {
        rc_text_time(meta->saved_ns, saved);
        rc_text_size(rs_state_measure(this->state).raw, size);
        put_duration(meta->running_ns, running);
        put_short(this->pause_ns, pause);
        put_short(this->durable_ns, durable);
        snprintf(saves, sizeof saves, "%" PRIu64, meta->saves);
        char trust[RC_TEXT_SIZE];
        rc_text_trust("good", rs_state_signature(this->state), trust);
        snprintf(health, sizeof health, "%s", trust);
        if (meta->copy_of)
            snprintf(health, sizeof health, "copy of %" PRIu64 "%s", meta->copy_of, trust + 4);
    } else {
        size_t used = (size_t)snprintf(health, sizeof health, "damaged: ");
        rc_escape(RC_ESCAPE_TERMINAL, this->error.text, strlen(this->error.text), health + used,
                  sizeof health - used);
    }
    const char *cells[] = {number, saved,   this->word, added, size,
                           pause,  durable, running,    saves, health};
    struct libscols_line *line = rc_table_add(table, cells, sizeof cells / sizeof *cells);
    if (meta && strcmp(this->word, "cut off") == 0) rc_table_colour(line, 2, RC_CAREFUL);
    rc_table_colour(line, 9, meta ? RC_GOOD : RC_BAD);
}

/* ---- as JSON */

static json_t *row_as_json(const row *this) {
    json_t *object = json_object();
    json_object_set_new(object, "generation", json_integer((json_int_t)this->generation->number));
    json_object_set_new(object, "state", json_string(this->meta ? this->word : "unreadable"));
    json_object_set_new(object, "added", json_integer((json_int_t)this->generation->segment_size));
    json_object_set_new(object, "health", json_string(this->meta ? "good" : "damaged"));
    json_object_set_new(object, "status", json_string(resume_status_name(this->error.status)));
    if (this->meta)
        rc_json_state(object, this->state);
    else
        json_object_set_new(object, "message",
                            rc_json_text(this->error.text, strlen(this->error.text)));
    bool known = this->durable_ns > 0;
    json_object_set_new(object, "pause_ns",
                        known ? json_integer((json_int_t)this->pause_ns) : json_null());
    json_object_set_new(object, "durable_ns",
                        known ? json_integer((json_int_t)this->durable_ns) : json_null());
    return object;
}

static json_t *refusal_as_json(const rs_refusal *refusal) {
    if (!refusal) return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "since", rc_json_time(refusal->since_ns));
    json_object_set_new(object, "reason", rc_json_text(refusal->text, strlen(refusal->text)));
    return object;
}

/* ---- both */

static void print_refusal(const rs_refusal *refusal) {
    char since[RC_TEXT_SIZE], text[4 * RS_REFUSAL_TEXT_SIZE];
    rc_text_time(refusal->since_ns, since);
    rc_escape(RC_ESCAPE_TERMINAL, refusal->text, strlen(refusal->text), text, sizeof text);
    printf("not saved since %s: %s\n", since, text);
}

/* All saves of the newest call, until its newest generation; of less than a second nothing that
 * would tell. */
static void print_costs(const rs_meta *newest) {
    char paused[RC_TEXT_SIZE] = "", running[RC_TEXT_SIZE];
    if (newest->paused_ns == 0 || newest->running_ns < INT64_C(1000000000)) return;
    put_short(newest->paused_ns, paused);
    put_duration(newest->running_ns, running);
    printf("saves: %s of %s (%.2g %%)\n", paused, running,
           100 * (double)newest->paused_ns / (double)newest->running_ns);
}

static rc_exit print_text(const rc_opened *opened, const char *target, size_t count, int64_t in_use,
                          const rs_refusal *refusal) {
    static const rc_column columns[] = {{"GEN", true, false},     {"SAVED", false, false},
                                        {"STATE", false, false},  {"ADDED", true, false},
                                        {"SIZE", true, false},    {"PAUSE", true, false},
                                        {"DURABLE", true, false}, {"RUNNING", true, false},
                                        {"SAVES", true, false},   {"HEALTH", false, true}};
    struct libscols_table *table = rc_table_new(columns, sizeof columns / sizeof *columns);
    rc_table_drop(table, "SAVES RUNNING DURABLE PAUSE ADDED SIZE STATE");
    rc_exit result = RC_OK;
    successor next = {0};
    rs_meta newest = {0};
    for (size_t i = 0; i < count; i++) {
        row this;
        row_read(opened->file, i, in_use, &next, &this);
        add_line(table, &this);
        if (i == 0 && this.meta) newest = *this.meta;
        if (!this.meta) result = rc_worse(result, rc_exit_of(this.error.status));
        rs_state_free(this.state);
    }
    result = rc_worse(result, rc_table_print(table));
    print_costs(&newest);
    if (refusal) print_refusal(refusal);
    size_t more = rs_file_generation_count(opened->file) - count;
    if (more) rc_say("%zu older: resume log --all %s", more, target);
    return result;
}

static rc_exit print_json(const rc_opened *opened, size_t count, int64_t in_use,
                          const rs_refusal *refusal, rc_exit result) {
    json_t *root = rc_json_new("log"), *list = json_array();
    const char *file_name = opened->place.file_name;
    char *path = rs_folder_join(opened->place.folder, file_name);
    successor next = {0};
    for (size_t i = 0; i < count; i++) {
        row this;
        row_read(opened->file, i, in_use, &next, &this);
        json_array_append_new(list, row_as_json(&this));
        if (!this.meta) result = rc_worse(result, rc_exit_of(this.error.status));
        rs_state_free(this.state);
    }
    json_object_set_new(root, "name", rc_json_name(file_name));
    json_object_set_new(root, "path", path ? rc_json_text(path, strlen(path)) : json_null());
    json_object_set_new(root, "health", json_string(rc_text_health(opened->recovery.health)));
    json_object_set_new(root, "message",
                        rc_json_text(opened->recovery.text, strlen(opened->recovery.text)));
    json_object_set_new(root, "in_use_by", in_use ? json_integer(in_use) : json_null());
    json_object_set_new(root, "refused", refusal_as_json(refusal));
    json_object_set_new(root, "size", json_integer((json_int_t)rs_file_size(opened->file)));
    json_object_set_new(root, "count",
                        json_integer((json_int_t)rs_file_generation_count(opened->file)));
    json_object_set_new(root, "generations", list);
    rs_free(path);
    return rc_json_print(root, result);
}

static rc_exit run(const void *parsed) {
    const options *chosen = parsed;
    rc_opened opened = {0};
    rs_error error = {0};
    rc_exit result;
    resume_status status = rc_place_find(chosen->common.targets[0], false, &opened.place, &error);
    if (status == RESUME_OK)
        status = rs_file_open(opened.place.folder, opened.place.file_name, false, &opened.file,
                              &opened.recovery, &error);
    if (status == RESUME_OK) status = rs_file_list_all(opened.file, &error);
    if (status != RESUME_OK) {
        result = rc_report_failed("log", chosen->common.json, &error);
    } else {
        size_t count = rs_file_generation_count(opened.file);
        uint64_t limit = chosen->number ? chosen->number : ROWS_DEFAULT;
        bool all = chosen->all || (chosen->common.json && !chosen->number);
        if (!all && limit < count) count = (size_t)limit;
        int64_t in_use = rc_place_in_use(opened.place.folder, opened.place.file_name);
        rs_refusal found;
        bool is_refused = rs_refusal_read(opened.place.folder, opened.place.file_name, &found);
        const rs_refusal *refusal = is_refused ? &found : NULL;
        result = rc_opened_health(&opened);
        result = chosen->common.json
                     ? print_json(&opened, count, in_use, refusal, result)
                     : rc_worse(result, print_text(&opened, chosen->common.targets[0], count,
                                                   in_use, refusal));
    }
    rc_opened_release(&opened);
    return result;
}

const rc_command rc_log = {
    .name = "log",
    .job = "list the saves that a checkpoint still has",
    .arguments = "NAME|PATH",
    .examples = "  resume log sim.main                the newest twenty\n"
                "  resume log sim.main --all          all that are in the file\n"
                "  resume show sim.main@41            what is in one of them\n"
                "  resume log sim.main --json | jq '.generations[] | [.generation, .saved]'\n",
    .text =
        "Lists the generations of a checkpoint, the newest first.\v"
        "ADDED is what the save added to the file, SIZE what it stands for. RUNNING and "
        "SAVES count from the beginning of the call. PAUSE is for how long the save stopped the "
        "program, DURABLE how long it took until it was on the disk: the next save records "
        "them. HEALTH tells whether its record "
        "verifies; 'resume check' reads all of it. Older saves than those that are kept go "
        "when the file is compacted. A last line says since when and why a running program "
        "can't be saved, or could not be when it ended.",
    .options = own_options,
    .options_size = sizeof(options),
    .shared = RC_WITH_JSON | RC_WITH_COLOR,
    .count_min = 1,
    .count_max = 1,
    .missing = "which one? 'resume ls' lists them",
    .too_many = "one checkpoint at a time",
    .target = RC_TARGET_CHECKPOINT,
    .run = run,
};
