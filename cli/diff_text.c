/* What differs, as text for people and as JSON. */
#include "diff.h"

#include "base/arith.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

typedef struct writing {
    rc_diff_part *parts;
    size_t count;
} writing;

static void put(writing *this, const char *format, ...) RS_PRINTF(2, 3);
static void put(writing *this, const char *format, ...) {
    va_list arguments;
    if (this->count == RC_DIFF_PARTS_MAX) return;
    va_start(arguments, format);
    vsnprintf(this->parts[this->count].text, sizeof this->parts->text, format, arguments);
    va_end(arguments);
    this->count++;
}

/* The indexes of element `at`, in the order of rows. */
static size_t unravel(const rc_change *change, uint64_t at, uint64_t indexes[RC_DIMENSIONS_MAX]) {
    for (size_t i = change->dimensions; i-- > 0;) {
        uint64_t length = change->shape[i] ? change->shape[i] : 1;
        indexes[i] = at % length;
        at /= length;
    }
    return change->dimensions;
}

#define INDEX_SIZE 128
static const char *index_text(const rc_change *change, uint64_t at, char to[INDEX_SIZE]) {
    uint64_t indexes[RC_DIMENSIONS_MAX];
    size_t count = unravel(change, at, indexes), used = 1;
    to[0] = '[';
    for (size_t i = 0; i < count && used < INDEX_SIZE - 24; i++)
        used += (size_t)snprintf(to + used, INDEX_SIZE - used, i ? ", %" PRIu64 : "%" PRIu64,
                                 indexes[i]);
    snprintf(to + used, INDEX_SIZE - used, "]");
    return to;
}

/* Integers are exact, also where a double is not. */
static void largest_text(const rc_numbers *numbers, char to[64]) {
    if (numbers->largest_exact)
        snprintf(to, 64, "%" PRIu64, numbers->largest_exact);
    else
        snprintf(to, 64, "%.6g", numbers->largest);
}

static void put_numbers(writing *this, const rc_change *change) {
    const rc_numbers *numbers = &change->numbers;
    char index[INDEX_SIZE], largest[64];
    const char *colon = change->path[0] ? ": " : "";
    put(this, "%s%s%" PRIu64 " of %" PRIu64 " elements differ", change->path, colon,
        numbers->changed, numbers->elements);
    if (numbers->has_largest) {
        largest_text(numbers, largest);
        put(this, "largest change %s at %s (%s -> %s)", largest,
            index_text(change, numbers->largest_at, index), numbers->before, numbers->after);
    }
    if (numbers->has_relative)
        put(this, "largest relative change %.3g at %s", numbers->relative,
            index_text(change, numbers->relative_at, index));
    if (numbers->nan_before || numbers->nan_after)
        put(this, "nan among them %" PRIu64 " -> %" PRIu64, numbers->nan_before,
            numbers->nan_after);
    if (numbers->inf_before || numbers->inf_after)
        put(this, "inf among them %" PRIu64 " -> %" PRIu64, numbers->inf_before,
            numbers->inf_after);
}

static void put_resized(writing *this, const rc_change *change) {
    put(this, "%s%slength %" PRIu64 " -> %" PRIu64, change->resized_path,
        change->resized_path[0] ? ": " : "", change->length_before, change->length_after);
    if (change->extra[0]) put(this, "%s", change->extra);
}

/* Numbers, texts and the like; of what holds others the type tells enough. */
static bool is_brief(const char *value) {
    return value[0] && !strchr("[({", value[0]) && strlen(value) < 40;
}

static void put_retyped(writing *this, const rc_change *change) {
    const char *colon = change->path[0] ? ": " : "";
    if (is_brief(change->before) && is_brief(change->after))
        put(this, "%s%s%s %s -> %s %s", change->path, colon, change->type_before, change->before,
            change->type_after, change->after);
    else
        put(this, "%s%s%s -> %s", change->path, colon, change->type_before, change->type_after);
}

size_t rc_diff_parts(const rc_change *change, rc_diff_part parts[RC_DIFF_PARTS_MAX]) {
    writing this = {.parts = parts};
    if (change->kind == RC_ADDED) put(&this, "added: %s %s", change->type_after, change->after);
    if (change->kind == RC_REMOVED)
        put(&this, "removed: %s %s", change->type_before, change->before);
    if (change->resized) put_resized(&this, change);
    if (change->kind == RC_RETYPED) put_retyped(&this, change);
    if (change->kind == RC_CHANGED && change->is_numbers) put_numbers(&this, change);
    if (change->kind == RC_CHANGED && !change->is_numbers)
        put(&this, "%s%s%s -> %s", change->path, change->path[0] ? ": " : "", change->before,
            change->after);
    uint64_t told = change->resized + (change->kind != RC_RESIZED);
    if (change->differences > told)
        put(&this, "%" PRIu64 " more place%s", change->differences - told,
            change->differences - told == 1 ? "" : "s");
    if (change->incomplete)
        put(&this, "%s",
            change->kind == RC_INCOMPLETE ? "too much to compare: no difference found"
                                          : "too much to compare all");
    return this.count;
}

/* ---- JSON */

static json_t *number_or_null(bool has, double value) {
    return has && isfinite(value) ? json_real(value) : json_null();
}

static json_t *index_as_json(const rc_change *change, bool has, uint64_t at) {
    uint64_t indexes[RC_DIMENSIONS_MAX];
    if (!has) return json_null();
    json_t *list = json_array();
    size_t count = unravel(change, at, indexes);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer((json_int_t)indexes[i]));
    return list;
}

static json_t *numbers_as_json(const rc_change *change) {
    const rc_numbers *numbers = &change->numbers;
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {{"elements", numbers->elements},     {"changed", numbers->changed},
                  {"nan_before", numbers->nan_before}, {"nan_after", numbers->nan_after},
                  {"inf_before", numbers->inf_before}, {"inf_after", numbers->inf_after}};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(object, counts[i].key, json_integer((json_int_t)counts[i].value));
    bool exact = numbers->largest_exact && numbers->largest_exact <= INT64_MAX;
    json_object_set_new(object, "largest",
                        exact ? json_integer((json_int_t)numbers->largest_exact)
                              : number_or_null(numbers->has_largest, numbers->largest));
    json_object_set_new(object, "largest_at",
                        index_as_json(change, numbers->has_largest, numbers->largest_at));
    json_object_set_new(object, "relative",
                        number_or_null(numbers->has_relative, numbers->relative));
    json_object_set_new(object, "relative_at",
                        index_as_json(change, numbers->has_relative, numbers->relative_at));
    json_object_set_new(object, "before",
                        numbers->has_largest ? json_string(numbers->before) : json_null());
    json_object_set_new(object, "after",
                        numbers->has_largest ? json_string(numbers->after) : json_null());
    return object;
}

static void set_text(json_t *object, const char *key, const char *text) {
    json_object_set_new(object, key, rc_json_text(text, strlen(text)));
}

json_t *rc_diff_json(const rc_change *change) {
    static const char *const words[] = {
        [RC_SAME] = "same",         [RC_CHANGED] = "changed", [RC_RETYPED] = "retyped",
        [RC_RESIZED] = "resized",   [RC_ADDED] = "added",     [RC_REMOVED] = "removed",
        [RC_INCOMPLETE] = "unknown"};
    json_t *object = json_object();
    json_object_set_new(object, "change", json_string(words[change->kind]));
    set_text(object, "path", change->path);
    set_text(object, "type_before", change->type_before);
    set_text(object, "type_after", change->type_after);
    set_text(object, "before", change->before);
    set_text(object, "after", change->after);
    json_object_set_new(object, "differences", json_integer((json_int_t)change->differences));
    json_object_set_new(object, "complete", json_boolean(!change->incomplete));
    if (change->is_numbers) json_object_set_new(object, "numbers", numbers_as_json(change));
    if (change->resized) {
        set_text(object, "resized_path", change->resized_path);
        json_object_set_new(object, "length_before",
                            json_integer((json_int_t)change->length_before));
        json_object_set_new(object, "length_after", json_integer((json_int_t)change->length_after));
        set_text(object, "extra", change->extra);
    }
    return object;
}
