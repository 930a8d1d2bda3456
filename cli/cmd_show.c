/* `resume show`: what is in one checkpoint, from META and the heads of its object stream. */
#include "command.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX      120u  /* of a value in the table, */
#define TEXT_MAX_LONG 2000u /* with --long and in JSON */

typedef struct options {
    rc_arguments common;
    bool wide;
} options;

static const rc_option own_options[] = {
    {"long", 'l', RC_FLAG, NULL, "more of each value", offsetof(options, wide)}, {0}};

/* The opened file and the generation that is shown. */
typedef struct shown {
    rc_opened opened;
    rs_state *state;
    int64_t in_use, now_ns;
    char *path;
    const rs_meta *meta;
} shown;

static void shown_release(shown *this) {
    rs_state_free(this->state);
    rs_free(this->path);
    rc_opened_release(&this->opened);
}

static resume_status shown_open(shown *this, const options *chosen, rs_error *error) {
    rc_opened *opened = &this->opened;
    resume_status status =
        rc_opened_open(chosen->common.targets[0], chosen->common.generation, opened, error);
    if (status != RESUME_OK) return status;
    const rs_folder *folder = opened->place.folder;
    this->path = rs_folder_join(folder, opened->place.file_name);
    if (!this->path) return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    status = rs_file_read(opened->file, opened->index, &this->state, error);
    if (status != RESUME_OK) return status;
    this->meta = rs_state_meta(this->state);
    this->now_ns = folder->os->clock_ns(folder->os);
    this->in_use = rc_place_in_use(folder, opened->place.file_name);
    return RESUME_OK;
}

static const char *state_word(const shown *this) {
    return this->in_use ? "running" : this->meta->ended ? "ended" : "cut off";
}

static const char *role_word(const shown *this) {
    rs_file_role role = rs_name_role(this->opened.place.file_name);
    return role == RS_ROLE_ASIDE ? ", set aside" : role == RS_ROLE_DAMAGED ? ", damaged" : "";
}

/* ---- as text */

static void print_field(const char *label, const char *text) {
    char safe[4 * 1024];
    if (!*text) return;
    rc_escape(RC_ESCAPE_TERMINAL, text, strlen(text), safe, sizeof safe);
    printf("%-10s %s\n", label, safe);
}

static void print_slice(const char *label, rs_slice text) {
    char raw[2048];
    snprintf(raw, sizeof raw, "%.*s", (int)(text.size < 2000 ? text.size : 2000),
             text.size ? (const char *)text.bytes : "");
    print_field(label, raw);
}

static void print_summary(const shown *this) {
    const rs_meta *meta = this->meta;
    char name[4 * RS_FILE_NAME_SIZE], line[512], a[RC_TEXT_SIZE], b[RC_TEXT_SIZE];
    rc_text_name(RC_ESCAPE_TERMINAL, this->opened.place.file_name, name, sizeof name);
    printf("%s: %s%s, generation %" PRIu64 ", saved %s\n\n", name, state_word(this),
           role_word(this), rs_file_generation(this->opened.file, this->opened.index)->number,
           rc_text_age(this->now_ns - meta->saved_ns, a));
    print_slice("program", meta->program);
    print_slice("function", meta->function);
    print_field("file", this->path);
    rs_state_sizes sizes = rs_state_measure(this->state);
    snprintf(line, sizeof line, "%s of state in a file of %s", rc_text_size(sizes.raw, a),
             rc_text_size(rs_file_size(this->opened.file), b));
    print_field("size", line);
    print_field("started", rc_text_time(meta->started_ns, a));
    print_field("saved", rc_text_time(meta->saved_ns, a));
    snprintf(line, sizeof line, "%s so far, %" PRIu64 " save%s",
             rc_text_duration(meta->running_ns, a), meta->saves, meta->saves == 1 ? "" : "s");
    print_field("running", line);
    snprintf(line, sizeof line, "%.*s, process %" PRId64,
             (int)(meta->host.size < 200 ? meta->host.size : 200),
             meta->host.size ? (const char *)meta->host.bytes : "?", meta->pid);
    print_field("host", line);
    print_slice("writer", meta->writer);
    const char *health = rc_text_health(this->opened.recovery.health);
    print_field("health", rc_text_trust(health, rs_state_signature(this->state), a));
}

static rc_exit print_generations(const shown *this) {
    static const rc_column columns[] = {
        {"GENERATION", true, false}, {"SAVED", false, false}, {"SIZE", true, false}};
    printf("\n");
    struct libscols_table *table = rc_table_new(columns, 3);
    for (size_t i = 0; i < rs_file_generation_count(this->opened.file); i++) {
        char number[RC_TEXT_SIZE], saved[RC_TEXT_SIZE] = "unreadable", size[RC_TEXT_SIZE] = "";
        rs_state *state = NULL;
        snprintf(number, sizeof number, "%" PRIu64,
                 rs_file_generation(this->opened.file, i)->number);
        if (rs_file_read(this->opened.file, i, &state, NULL) == RESUME_OK) {
            rc_text_time(rs_state_meta(state)->saved_ns, saved);
            rc_text_size(rs_state_measure(state).raw, size);
        }
        const char *cells[] = {number, saved, size};
        rc_table_add(table, cells, 3);
        rs_state_free(state);
    }
    return rc_table_print(table);
}

typedef struct printer {
    struct libscols_table *table;
    size_t count;
} printer;

static void print_value(void *context, rc_section section, rs_slice name, const rc_value *value) {
    printer *this = context;
    char safe_name[512], type[512], text[4 * RC_VALUE_SIZE];
    rc_escape(RC_ESCAPE_TERMINAL, name.bytes, name.size, safe_name,
              rc_table_cell_size(sizeof safe_name));
    rc_escape(RC_ESCAPE_TERMINAL, value->type, strlen(value->type), type,
              rc_table_cell_size(sizeof type));
    rc_escape(RC_ESCAPE_TERMINAL, value->text, strlen(value->text), text, sizeof text);
    const char *with_type[] = {safe_name, type, text}, *without[] = {safe_name, text};
    bool typed = section < RC_ARGUMENT;
    rc_table_add(this->table, typed ? with_type : without, typed ? 3 : 2);
    this->count++;
}

static rc_exit print_section(const shown *this, rc_section section, const char *title,
                             size_t text_max) {
    const rc_column typed[] = {
        {title, false, false}, {"TYPE", false, false}, {"VALUE", false, true}};
    const char *second = section == RC_SKIPPED ? "REASON"
                         : section == RC_FRAME ? "LINE"
                                               : "WHEN THE CALL BEGAN";
    const rc_column untyped[] = {{title, false, false}, {second, false, true}};
    bool has_type = section < RC_ARGUMENT;
    printer out = {0};
    out.table = rc_table_new(has_type ? typed : untyped, has_type ? 3 : 2);
    rs_error error = {0};
    rc_exit result = RC_OK;
    if (rc_contents_walk(this->state, 1u << section, text_max, print_value, &out, &error) !=
        RESUME_OK)
        result = section == RC_VARIABLE ? rc_report(&error) : RC_OK; /* said once */
    if (out.count == 0) {
        scols_unref_table(out.table);
        return result;
    }
    printf("\n");
    return rc_worse(result, rc_table_print(out.table));
}

static rc_exit print_all(const shown *this, const options *chosen) {
    static const struct {
        rc_section section;
        const char *title;
    } sections[] = {{RC_FRAME, "STANDS IN"},  {RC_VARIABLE, "VARIABLE"}, {RC_EXTRA, "EXTRA"},
                    {RC_TRACKED, "TRACKED"},  {RC_RESULT, "RESULT"},     {RC_ARGUMENT, "ARGUMENT"},
                    {RC_SKIPPED, "NOT SAVED"}};
    print_summary(this);
    rc_exit result = print_generations(this);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        result = rc_worse(result, print_section(this, sections[i].section, sections[i].title,
                                                chosen->wide ? TEXT_MAX_LONG : TEXT_MAX));
    return result;
}

/* ---- as JSON */

static void add_value(void *context, rc_section section, rs_slice name, const rc_value *value) {
    static const char *const keys[] = {
        [RC_VARIABLE] = "variables", [RC_EXTRA] = "extra",        [RC_TRACKED] = "tracked",
        [RC_RESULT] = "result",      [RC_ARGUMENT] = "arguments", [RC_SKIPPED] = "skipped",
        [RC_FRAME] = "frames"};
    json_t *object = json_object();
    json_object_set_new(object, "name", rc_json_text(name.bytes, name.size));
    if (section < RC_ARGUMENT)
        json_object_set_new(object, "type", rc_json_text(value->type, strlen(value->type)));
    json_object_set_new(object, "value", rc_json_text(value->text, strlen(value->text)));
    json_array_append_new(json_object_get(context, keys[section]), object);
}

static json_t *generations_as_json(const shown *this) {
    json_t *list = json_array();
    for (size_t i = 0; i < rs_file_generation_count(this->opened.file); i++) {
        rs_state *state = NULL;
        rs_error error = {0};
        resume_status status = rs_file_read(this->opened.file, i, &state, &error);
        json_t *object = json_object();
        json_object_set_new(
            object, "generation",
            json_integer((json_int_t)rs_file_generation(this->opened.file, i)->number));
        json_object_set_new(object, "status", json_string(resume_status_name(status)));
        if (status == RESUME_OK) rc_json_state(object, state);
        json_array_append_new(list, object);
        rs_state_free(state);
    }
    return list;
}

static rc_exit print_json(const shown *this, rc_exit exit_code) {
    json_t *root = rc_json_new("show");
    json_object_set_new(root, "name", rc_json_name(this->opened.place.file_name));
    json_object_set_new(root, "path", rc_json_text(this->path, strlen(this->path)));
    json_object_set_new(root, "state", json_string(state_word(this)));
    json_object_set_new(root, "health", json_string(rc_text_health(this->opened.recovery.health)));
    json_object_set_new(
        root, "message",
        rc_json_text(this->opened.recovery.text, strlen(this->opened.recovery.text)));
    json_object_set_new(root, "in_use_by", this->in_use ? json_integer(this->in_use) : json_null());
    json_object_set_new(root, "size", json_integer((json_int_t)rs_file_size(this->opened.file)));
    json_object_set_new(
        root, "generation",
        json_integer(
            (json_int_t)rs_file_generation(this->opened.file, this->opened.index)->number));
    rc_json_state(root, this->state);
    json_object_set_new(root, "generations", generations_as_json(this));
    static const char *const lists[] = {"variables", "extra",   "tracked", "result",
                                        "arguments", "skipped", "frames"};
    for (size_t i = 0; i < RC_SECTION_COUNT; i++)
        json_object_set_new(root, lists[i], json_array());
    rs_error error = {0};
    if (rc_contents_walk(this->state, RC_ALL_SECTIONS, TEXT_MAX_LONG, add_value, root, &error) !=
        RESUME_OK)
        exit_code = rc_worse(exit_code, rc_report(&error));
    return rc_json_print(root, exit_code);
}

static rc_exit run(const void *parsed) {
    const options *chosen = parsed;
    shown this = {0};
    rs_error error = {0};
    rc_exit result;
    if (shown_open(&this, chosen, &error) != RESUME_OK) {
        result = rc_report_failed("show", chosen->common.json, &error);
    } else {
        result = rc_opened_health(&this.opened);
        result = chosen->common.json ? print_json(&this, result)
                                     : rc_worse(result, print_all(&this, chosen));
    }
    shown_release(&this);
    return result;
}

const rc_command rc_show = {
    .name = "show",
    .job = "show what is in a checkpoint",
    .arguments = "NAME[@GENERATION]|PATH[@GENERATION]",
    .examples = "  resume show sim.main            what is saved under this name\n"
                "  resume show sim.main@41         an older save; @-1: the one before the newest\n"
                "  resume show sim.main~1          the file that was set aside\n"
                "  resume show /backup/sim.main    a file anywhere\n"
                "  resume show sim.main --json | jq '.variables[] | .name'\n",
    .text = "Shows what a checkpoint holds. Nothing in it is run or built.\v"
            "Names are looked up in RESUME_DIR, or '.checkpoints' here.",
    .options = own_options,
    .options_size = sizeof(options),
    .shared = RC_WITH_JSON | RC_WITH_COLOR | RC_WITH_GENERATION,
    .count_min = 1,
    .count_max = 1,
    .missing = "which one? 'resume ls' lists them",
    .too_many = "one checkpoint at a time",
    .target = RC_TARGET_CHECKPOINT,
    .run = run,
};
