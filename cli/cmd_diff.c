/* `resume diff`: what changed between two generations, variable by variable. */
#include "diff.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LISTED_MAX     10000u /* changes that are told */
#define NAME_WIDTH_MAX 24u

typedef struct differ {
    const rc_arguments *chosen;
    rc_side a, b; /* before and after */
    rc_diff_budget budget;
    json_t *changes;
    size_t changed, unchanged;
    size_t name_width, columns; /* of the terminal; 0: none */
    rc_exit worst;
} differ;

static const char *const section_words[RC_SECTION_COUNT] = {[RC_VARIABLE] = "variable",
                                                            [RC_EXTRA] = "extra",
                                                            [RC_TRACKED] = "tracked",
                                                            [RC_RESULT] = "result"};

/* ---- the two generations */

static void side_release(rc_side *side) {
    rc_items_release(&side->values);
    rc_shares_release(&side->values.shares);
    rs_state_free(side->values.state);
    rc_opened_release(&side->opened);
}

static resume_status side_read(rc_side *side, rs_error *error) {
    resume_status status =
        rs_file_read(side->opened.file, side->opened.index, &side->values.state, error);
    if (status != RESUME_OK) return status;
    side->values.opened = &side->opened;
    side->chunk_size = rs_file_header(side->opened.file)->chunk_size;
    return rc_items_collect(&side->values, error);
}

/* The save before it: a mark has the same state as the one before. */
static resume_status step_back(rc_opened *opened, rs_error *error) {
    resume_status status = rs_file_list_all(opened->file, error);
    if (status != RESUME_OK) return status;
    size_t index = opened->index, count = rs_file_generation_count(opened->file);
    while (index < count && rs_generation_is_mark(rs_file_generation(opened->file, index)))
        index++;
    if (index + 1 < count) {
        opened->index = index + 1;
        return RESUME_OK;
    }
    char shown[RS_FILE_NAME_SIZE];
    rs_name_show(opened->place.file_name, shown);
    return rs_fail(error, RESUME_NOT_FOUND,
                   "no save before generation %" PRIu64 " of '%s' is kept to compare it with",
                   rs_file_generation(opened->file, opened->index)->number, shown);
}

/* "NAME": the newest and the one before. "NAME@41": that one and the newest. */
static resume_status open_one(differ *this, const char *target, rs_error *error) {
    resume_status status = rc_opened_open(target, 0, &this->b.opened, error);
    if (status == RESUME_OK) status = rc_opened_open(target, 0, &this->a.opened, error);
    if (status != RESUME_OK) return status;
    if (this->b.opened.index > 0) {
        this->b.opened.index = 0;
        return RESUME_OK;
    }
    return step_back(&this->a.opened, error);
}

/* The second may be "@57" alone: of the same checkpoint. */
static resume_status open_two(differ *this, char **targets, rs_error *error) {
    const char *second = targets[1];
    char *joined = NULL;
    resume_status status = rc_opened_open(targets[0], 0, &this->a.opened, error);
    if (second[0] == '@') {
        const char *at = strrchr(targets[0], '@');
        bool has = this->a.opened.place.generation || this->a.opened.place.back;
        size_t length = has && at ? (size_t)(at - targets[0]) : strlen(targets[0]);
        joined = rs_allocate(length + strlen(second) + 1);
        if (!joined) return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
        memcpy(joined, targets[0], length);
        memcpy(joined + length, second, strlen(second) + 1);
        second = joined;
    }
    if (status == RESUME_OK) status = rc_opened_open(second, 0, &this->b.opened, error);
    rs_free(joined);
    return status;
}

static uint64_t bytes_of(const rc_side *side) {
    uint64_t all = 0;
    for (size_t i = 1; i < rs_state_blob_count(side->values.state); i++)
        if (rs_add_overflows(all, rs_state_blob_size(side->values.state, i), &all))
            return UINT64_MAX / 16;
    return rs_minimum(all, UINT64_MAX / 16);
}

static resume_status open_both(differ *this, rs_error *error) {
    const rc_arguments *chosen = this->chosen;
    resume_status status = chosen->count == 1 ? open_one(this, chosen->targets[0], error)
                                              : open_two(this, chosen->targets, error);
    if (status == RESUME_OK) status = side_read(&this->a, error);
    if (status == RESUME_OK) status = side_read(&this->b, error);
    if (status != RESUME_OK) return status;
    uint64_t streams =
        rs_state_stream(this->a.values.state).size + rs_state_stream(this->b.values.state).size;
    this->budget.stream = 64 * streams + (UINT64_C(1) << 20);
    this->budget.arrays =
        4 * (bytes_of(&this->a) + bytes_of(&this->b)) + 64 * streams + (UINT64_C(64) << 20);
    return RESUME_OK;
}

/* ---- telling */

static size_t terminal_columns(void) {
    struct winsize window;
    bool is_terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0;
    return is_terminal ? window.ws_col : 0;
}

/* As many parts in a line as fit, the rest below, under each other. */
static void print_parts(const differ *this, const char *name, const rc_change *change) {
    static rc_diff_part parts[RC_DIFF_PARTS_MAX];
    size_t count = rc_diff_parts(change, parts), indent = this->name_width + 4, used = indent;
    printf("  %-*s", (int)this->name_width, name);
    if (strlen(name) > this->name_width) used = indent - this->name_width + strlen(name);
    for (size_t i = 0; i < count; i++) {
        char safe[4 * sizeof parts[i].text];
        size_t size =
            rc_escape(RC_ESCAPE_TERMINAL, parts[i].text, strlen(parts[i].text), safe, sizeof safe);
        bool fits = !this->columns || used + 2 + size <= this->columns;
        if (i && fits)
            printf("; ");
        else if (i)
            printf("\n%*s", (int)indent, "");
        else
            printf("  ");
        used = i && fits ? used + 2 + size : (i ? indent : used) + size;
        printf("%s", safe);
    }
    putchar('\n');
}

static void tell(differ *this, const rc_item *item, const rc_change *change) {
    if (change->kind == RC_SAME) {
        this->unchanged++;
        return;
    }
    if (this->changed++ >= LISTED_MAX) return;
    if (this->chosen->json) {
        json_t *object = rc_diff_json(change);
        const char *name = item->name + item->name_start;
        json_object_set_new(object, "name", rc_json_text(name, strlen(name)));
        json_object_set_new(object, "section", json_string(section_words[item->section]));
        json_array_append_new(this->changes, object);
    } else {
        char safe[1024];
        rc_escape(RC_ESCAPE_TERMINAL, item->name, strlen(item->name), safe, sizeof safe);
        print_parts(this, safe, change);
    }
}

/* ---- matching by name */

static int compare_items(const void *a, const void *b) {
    const rc_item *x = a, *y = b;
    if (x->section != y->section) return x->section < y->section ? -1 : 1;
    int order = strcmp(x->name, y->name);
    if (order) return order;
    return x->value.position < y->value.position ? -1 : x->value.position > y->value.position;
}

/* The same name, wherever they stand. */
static int compare_names(const rc_item *x, const rc_item *y) {
    if (x->section != y->section) return x->section < y->section ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void describe_one(rc_side *side, const rc_item *item, char type[160], char *text) {
    rc_value value;
    rs_cbor_reader at = item->value;
    if (rc_describe(side->values.state, &side->values.shares, &at, 120, &value, NULL) != RESUME_OK)
        return;
    memcpy(type, value.type, sizeof value.type);
    snprintf(text, RC_DIFF_TEXT_SIZE, "%.300s", value.text);
}

static void take_missing(differ *this, const rc_item *item, bool added) {
    rc_change change = {.kind = added ? RC_ADDED : RC_REMOVED, .differences = 1};
    if (added)
        describe_one(&this->b, item, change.type_after, change.after);
    else
        describe_one(&this->a, item, change.type_before, change.before);
    tell(this, item, &change);
}

static void take_pair(differ *this, const rc_item *before, const rc_item *after) {
    rc_change change;
    rs_error error = {0};
    if (rc_diff_values(&this->a, before->value, &this->b, after->value, &this->budget, &change,
                       &error) != RESUME_OK) {
        rs_error_prefix(&error, "'%s' can't be compared", after->name);
        this->worst = rc_worse(this->worst, rc_report(&error));
        change = (rc_change){.kind = RC_INCOMPLETE, .incomplete = true};
    }
    tell(this, after, &change);
}

static size_t widest(const rc_export *values, size_t width) {
    for (size_t i = 0; i < values->item_count; i++) {
        size_t size = strlen(values->items[i].name);
        if (size > width) width = size;
    }
    return width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
}

static void compare(differ *this) {
    rc_export *a = &this->a.values, *b = &this->b.values;
    if (a->item_count) qsort(a->items, a->item_count, sizeof *a->items, compare_items);
    if (b->item_count) qsort(b->items, b->item_count, sizeof *b->items, compare_items);
    this->name_width = widest(b, widest(a, 1));
    for (size_t i = 0, j = 0; i < a->item_count || j < b->item_count;) {
        int order = i == a->item_count   ? 1
                    : j == b->item_count ? -1
                                         : compare_names(&a->items[i], &b->items[j]);
        if (order < 0)
            take_missing(this, &a->items[i++], false);
        else if (order > 0)
            take_missing(this, &b->items[j++], true);
        else
            take_pair(this, &a->items[i++], &b->items[j++]);
    }
}

/* ---- the whole */

static void print_side(const rc_side *side) {
    char name[4 * RS_FILE_NAME_SIZE], time[RC_TEXT_SIZE];
    const rc_opened *opened = &side->opened;
    rc_text_name(RC_ESCAPE_TERMINAL, opened->place.file_name, name, sizeof name);
    printf("%s@%" PRIu64 " (%s)", name, rs_file_generation(opened->file, opened->index)->number,
           rc_text_time(rs_state_meta(side->values.state)->saved_ns, time));
}

static json_t *side_as_json(const rc_side *side) {
    const rc_opened *opened = &side->opened;
    char *path = rs_folder_join(opened->place.folder, opened->place.file_name);
    json_t *object = json_object();
    json_object_set_new(object, "name", rc_json_name(opened->place.file_name));
    json_object_set_new(object, "path", path ? rc_json_text(path, strlen(path)) : json_null());
    json_object_set_new(
        object, "generation",
        json_integer((json_int_t)rs_file_generation(opened->file, opened->index)->number));
    rc_json_state(object, side->values.state);
    rs_free(path);
    return object;
}

static rc_exit print_json(differ *this) {
    json_t *root = rc_json_new("diff");
    json_object_set_new(root, "before", side_as_json(&this->a));
    json_object_set_new(root, "after", side_as_json(&this->b));
    json_object_set_new(root, "changed", json_integer((json_int_t)this->changed));
    json_object_set_new(root, "unchanged", json_integer((json_int_t)this->unchanged));
    json_object_set(root, "changes", this->changes);
    return rc_json_print(root, this->worst);
}

static rc_exit run(const void *parsed) {
    differ this = {.chosen = parsed, .changes = json_array(), .columns = terminal_columns()};
    rs_error error = {0};
    if (open_both(&this, &error) != RESUME_OK) {
        this.worst = rc_report_failed("diff", this.chosen->json, &error);
    } else {
        this.worst =
            rc_worse(rc_opened_health(&this.a.opened),
                     this.b.opened.recovery.health == RS_HEALTH_DAMAGED ? RC_DAMAGED : RC_OK);
        if (!this.chosen->json) {
            print_side(&this.a);
            printf(" -> ");
            print_side(&this.b);
            putchar('\n');
        }
        compare(&this);
        if (this.chosen->json)
            this.worst = print_json(&this);
        else
            printf("%zu changed, %zu unchanged\n", this.changed, this.unchanged);
        if (this.changed > LISTED_MAX) rc_say("only the first %u are told", LISTED_MAX);
    }
    side_release(&this.a);
    side_release(&this.b);
    json_decref(this.changes);
    return this.worst;
}

const rc_command rc_diff = {
    .name = "diff",
    .job = "what changed between two saves",
    .arguments = "NAME[@GENERATION] [NAME][@GENERATION]",
    .examples = "  resume diff sim.main               the newest save and the one before it\n"
                "  resume diff sim.main@41            generation 41 and the newest\n"
                "  resume diff sim.main@41 @57        41 and 57\n"
                "  resume diff sim.main~1 sim.main    what was set aside, and what is there now\n",
    .text = "Tells, for each variable, what differs between two generations; nothing in them is "
            "run or built.\v"
            "Of arrays: how many elements differ in any bit, the largest change, and how many of "
            "those were and are nan or inf. Of what holds others: its length, and the first "
            "place that differs. Parts of arrays with equal checksums are not read.",
    .options_size = sizeof(rc_arguments),
    .shared = RC_WITH_JSON,
    .count_min = 1,
    .count_max = 2,
    .missing = "which one? 'resume ls' lists them",
    .too_many = "two saves at a time",
    .target = RC_TARGET_CHECKPOINT,
    .run = run,
};
