/* What is exported: the chosen values, and the parts of those that hold others. */
#include "export.h"

#include "base/alloc.h"

#include <stdlib.h>

#define ITEMS_MAX     1000000u
#define PARTS_MAX     100000u
#define PARTS_DEPTH   16u
#define LIST_MAX      1000u /* parts of a list that are exported one by one */
#define NAME_SIZE_MAX 400u
#define TOLD_MAX      20u /* lines about what is left out */

static const char *const prefixes[RC_SECTION_COUNT] = {
    [RC_VARIABLE] = "", [RC_EXTRA] = "extra.", [RC_TRACKED] = "tracked.", [RC_RESULT] = ""};

void rc_items_release(rc_export *export) {
    for (size_t i = 0; i < export->item_count; i++)
        rs_free(export->items[i].name);
    rs_free(export->items);
    export->items = NULL;
    export->item_count = export->item_room = 0;
}

void rc_export_leave_out(rc_export *export, const char *name, const char *why) {
    if (export->left_out++ < TOLD_MAX) rc_say("'%s' is left out: %s", name, why);
}

bool rc_export_spend(rc_export *export, uint64_t size, rs_error *error) {
    char text[RC_TEXT_SIZE];
    if (size <= export->budget) {
        export->budget -= size;
        return true;
    }
    rs_fail(error, RESUME_UNSUPPORTED, "%s are more than a checkpoint of this size may hold",
            rc_text_size(size, text));
    return false;
}

/* `name` is taken over. */
static bool add_item(rc_export *export, const rc_item *item) {
    if (item->name && export->item_count < ITEMS_MAX) {
        if (export->item_count == export->item_room) {
            size_t room = export->item_room ? 2 * export->item_room : 64;
            rc_item *items = rs_reallocate_array(export->items, room, sizeof *items);
            if (!items) goto failed;
            export->items = items;
            export->item_room = room;
        }
        export->items[export->item_count++] = *item;
        return true;
    }
failed:
    rs_free(item->name);
    return false;
}

static char *join(const char *before, const void *name, size_t size) {
    size_t used = strlen(before);
    if (size > NAME_SIZE_MAX) size = NAME_SIZE_MAX;
    char *joined = rs_allocate(used + size + 1);
    if (!joined) return NULL;
    memcpy(joined, before, used);
    memcpy(joined + used, name, size);
    joined[used + size] = 0;
    for (size_t i = used; i < used + size; i++)
        if (!joined[i]) joined[i] = '_'; /* a name with a NUL would be cut there */
    return joined;
}

/* ---- the named values */

static resume_status collect(void *context, rc_shares *shares, rc_section section, rs_slice name,
                             rs_cbor_reader value, rs_error *error) {
    rc_export *export = context;
    (void)shares;
    const char *prefix = prefixes[section];
    rc_item item = {.section = section, .value = value, .name_start = strlen(prefix)};
    item.name = join(prefix, name.bytes, name.size);
    if (add_item(export, &item)) return RESUME_OK;
    return rs_fail(error, RESUME_LIMIT, "too many values to export, or no memory for them");
}

/* "x" chooses x and its parts; *exact: x and not only a part of it. */
static bool is_chosen(const rc_export *export, const char *name, bool *exact) {
    if (export->selected_count == 0) return *exact = true;
    size_t size = strlen(name);
    bool chosen = false;
    *exact = false;
    for (size_t i = 0; i < export->selected_count; i++) {
        const char *wanted = export->selected[i];
        size_t wanted_size = strlen(wanted);
        size_t common = size < wanted_size ? size : wanted_size;
        if (strncmp(name, wanted, common) != 0) continue;
        bool inside = size == wanted_size || (size > wanted_size && name[wanted_size] == '.');
        *exact |= inside;
        chosen |= inside || (wanted_size > size && wanted[size] == '.');
    }
    return chosen;
}

static resume_status refuse_name(const rc_export *export, const char *wanted, rs_error *error) {
    rc_nearest nearest = {.typed = wanted};
    static const char *const formats[] = {"npz", "json", "csv", "raw"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(wanted, formats[i]) == 0)
            return rs_fail(error, RESUME_NOT_FOUND,
                           "there is no variable '%s'; the format is chosen with --format=%s",
                           wanted, wanted);
    for (size_t i = 0; i < export->item_count; i++)
        rc_nearest_consider(&nearest, export->items[i].name);
    if (nearest.best[0])
        return rs_fail(error, RESUME_NOT_FOUND, "there is no variable '%s'; did you mean '%s'?",
                       wanted, nearest.best);
    return rs_fail(error, RESUME_NOT_FOUND,
                   "there is no variable '%s'; 'resume show NAME' lists those that are saved",
                   wanted);
}

/* Every name on the command line has a value, as far as is known: `whole` items may have parts. */
static resume_status check_names(const rc_export *export, bool whole, rs_error *error) {
    for (size_t i = 0; i < export->selected_count; i++) {
        const char *wanted = export->selected[i];
        bool found = false;
        for (size_t j = 0; !found && j < export->item_count; j++) {
            const char *name = export->items[j].name;
            size_t size = strlen(name), wanted_size = strlen(wanted);
            found = strncmp(name, wanted, wanted_size) == 0 &&
                    (name[wanted_size] == 0 || name[wanted_size] == '.');
            found |= whole && wanted_size > size && strncmp(name, wanted, size) == 0 &&
                     wanted[size] == '.';
        }
        if (!found) return refuse_name(export, wanted, error);
    }
    return RESUME_OK;
}

static void keep_chosen(rc_export *export) {
    size_t kept = 0;
    for (size_t i = 0; i < export->item_count; i++) {
        bool exact;
        if (is_chosen(export, export->items[i].name, &exact))
            export->items[kept++] = export->items[i];
        else
            rs_free(export->items[i].name);
    }
    export->item_count = kept;
}

/* ---- parts */

typedef struct level {
    rs_cbor_reader reader;
    uint64_t left, index;
    size_t start; /* of what it goes through, in the stream */
    bool pairs;
    char *name;
} level;

typedef struct parts {
    rc_export *export;
    level levels[PARTS_DEPTH];
    size_t depth;
    uint64_t steps;
    bool all; /* else only as far as the command line names parts */
} parts;

/* A dict with text keys, or a short list: its values can be exported one by one. */
static bool open_parts(parts *this, const rc_item *item, level *opened) {
    rs_cbor_item head, list;
    rs_cbor_reader look = item->value;
    if (rc_resolve(&this->export->shares, this->export->state, &look, &head, NULL, NULL) !=
        RESUME_OK)
        return false;
    uint64_t tag = head.kind == RS_CBOR_TAG ? head.argument : 0;
    bool dict = tag == TAG_DICT || tag == TAG_ORDERED_DICT;
    *opened = (level){.left = head.argument, .pairs = head.kind == RS_CBOR_MAP || dict};
    if (dict || tag == TAG_TUPLE) {
        if (rs_cbor_next(&look, &list, NULL) != RESUME_OK || list.kind != RS_CBOR_ARRAY)
            return false;
        opened->left = list.argument / (dict ? 2 : 1);
    } else if (head.kind != RS_CBOR_MAP && head.kind != RS_CBOR_ARRAY) {
        return false;
    }
    opened->reader = look;
    opened->start = look.position;
    return opened->pairs || opened->left <= LIST_MAX;
}

/* The next part of the level; false when its key can't be part of a name. */
static bool next_part(parts *this, level *top, rc_item *part) {
    char number[24];
    rs_slice key = {number, 0};
    bool good = true;
    if (top->pairs) {
        rs_cbor_item item;
        rs_cbor_reader look = top->reader;
        good = rs_cbor_skip(&top->reader, NULL) == RESUME_OK &&
               rc_resolve(&this->export->shares, this->export->state, &look, &item, NULL, NULL) ==
                   RESUME_OK;
        if (good && item.kind == RS_CBOR_TEXT)
            key = (rs_slice){item.bytes, (size_t)item.argument};
        else if (good && item.kind == RS_CBOR_UNSIGNED)
            key.size =
                (size_t)snprintf(number, sizeof number, "%llu", (unsigned long long)item.argument);
        else
            good = false;
    } else {
        key.size =
            (size_t)snprintf(number, sizeof number, "%llu", (unsigned long long)top->index++);
    }
    part->value = top->reader;
    if (rs_cbor_skip(&top->reader, NULL) != RESUME_OK) top->left = 0;
    char *dotted = good ? join(top->name, ".", 1) : NULL;
    part->name = dotted ? join(dotted, key.bytes, key.size) : NULL;
    rs_free(dotted);
    return part->name != NULL;
}

/* The item stands in itself: its parts have no end. */
static bool is_repeated(parts *this, const rc_item *item, const level *opened) {
    char why[NAME_SIZE_MAX + 64];
    size_t i = 0;
    while (i < this->depth && this->levels[i].start != opened->start)
        i++;
    if (i == this->depth) return false;
    snprintf(why, sizeof why, "it is '%.*s' again, which it stands in", (int)NAME_SIZE_MAX,
             this->levels[i].name);
    rc_export_leave_out(this->export, item->name, why);
    return true;
}

/* An item that is an array, or has no parts, stays as it is; else it is gone through. */
static resume_status take_item(parts *this, rc_item *item, rs_error *error) {
    rc_array array;
    level opened;
    bool exact, chosen = is_chosen(this->export, item->name, &exact);
    rs_error ignored = {0};
    resume_status status = RESUME_UNSUPPORTED;
    if (!chosen) {
        rs_free(item->name);
        return RESUME_OK;
    }
    if (exact && !this->all) {
        status = RESUME_OK;
    } else if (exact) {
        status = rc_array_open(this->export, item->value, &array, &ignored);
        if (status == RESUME_OK) rc_array_release(&array);
    }
    if (status == RESUME_NO_MEMORY || status == RESUME_DAMAGED) {
        rs_free(item->name);
        return rs_fail(error, status, "%s", ignored.text);
    }
    bool parted =
        status != RESUME_OK && this->depth < PARTS_DEPTH && open_parts(this, item, &opened);
    if (!parted && !exact) rs_free(item->name);
    if (!parted && exact && !add_item(this->export, item))
        return rs_fail(error, RESUME_LIMIT, "too many values to export");
    if (!parted) return RESUME_OK;
    if (exact && is_repeated(this, item, &opened)) {
        rs_free(item->name);
        return RESUME_OK;
    }
    opened.name = item->name;
    this->levels[this->depth++] = opened;
    return RESUME_OK;
}

static resume_status flatten_one(parts *this, rc_item *whole, rs_error *error) {
    resume_status status = take_item(this, whole, error);
    while (this->depth > 0) {
        level *top = &this->levels[this->depth - 1];
        rc_item part = {.section = whole->section, .name_start = whole->name_start};
        if (status != RESUME_OK || top->left == 0) {
            rs_free(top->name);
            this->depth--;
            continue;
        }
        top->left--;
        if (++this->steps > PARTS_MAX) {
            rc_export_leave_out(this->export, top->name, "too many parts");
            top->left = 0;
        } else if (!next_part(this, top, &part)) {
            rc_export_leave_out(this->export, top->name, "a key that is no text");
        } else {
            status = take_item(this, &part, error);
        }
    }
    return status;
}

resume_status rc_items_flatten(rc_export *export, bool all, rs_error *error) {
    parts this = {.export = export, .all = all};
    rc_item *whole = export->items;
    size_t count = export->item_count;
    resume_status status = RESUME_OK;
    export->items = NULL;
    export->item_count = export->item_room = 0;
    for (size_t i = 0; i < count; i++) {
        if (status == RESUME_OK)
            status = flatten_one(&this, &whole[i], error);
        else
            rs_free(whole[i].name);
    }
    rs_free(whole);
    return status == RESUME_OK ? check_names(export, false, error) : status;
}

resume_status rc_items_collect(rc_export *export, rs_error *error) {
    unsigned sections = 1u << RC_VARIABLE | 1u << RC_EXTRA | 1u << RC_TRACKED | 1u << RC_RESULT;
    resume_status status = rc_contents_places(export->state, sections, collect, export, error);
    if (status == RESUME_OK) status = check_names(export, true, error);
    if (status == RESUME_OK) keep_chosen(export);
    return status == RESUME_OK ? rc_items_flatten(export, false, error) : status;
}
