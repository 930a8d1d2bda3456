/* The saved variables, one after the other, into those of the program: by name. */
#include "api/take.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <stdio.h>

#define NOT_FOUND SIZE_MAX
/* A view may show few bytes as many elements: a broadcast array does. */
#define SPREAD_SIZE_MAX (UINT64_C(64) << 20)

/* `owner` is the handle whose scope is filled: the checkpoint, or the fields of a struct. */
static resume_status take_map(rs_taking *taking, resume *owner, rs_cbor_reader items,
                              uint64_t count, rs_error *error);

/* --- names and messages --- */

static const char *prefix_of(const rs_taking *taking) {
    return taking->prefix.size ? (const char *)taking->prefix.bytes : "";
}

static resume_status push_prefix(rs_taking *taking, const char *name, const char *behind,
                                 rs_error *error) {
    rs_buffer *prefix = &taking->prefix;
    if (prefix->size) prefix->size--; /* the zero */
    rs_buffer_append(prefix, name, strlen(name));
    rs_buffer_append(prefix, behind, strlen(behind) + 1);
    return prefix->failed ? rs_fail(error, RESUME_NO_MEMORY, "no memory for a name") : RESUME_OK;
}

static void cut_prefix(rs_taking *taking, size_t size) {
    taking->prefix.size = size;
    if (size) taking->prefix.bytes[size - 1] = 0;
}

static void note(rs_taking *taking, resume_fate fate, const char *name, size_t size) {
    bool is_field = taking->prefix.size > 0;
    if (fate != RESUME_RESTORED) taking->is_incomplete = true;
    if (fate == RESUME_RESTORED && is_field) return;
    rs_report_add(&taking->checkpoint->report, fate, prefix_of(taking), name, size, is_field);
}

static resume_status mismatch(rs_taking *taking, const resume *owner, const rs_variable *variable,
                              const rs_value *value, rs_fit fit, rs_error *error) {
    static const char *const cures[] = {
        [RS_FIT_YES] = "",
        [RS_FIT_SHAPE] = ", which has another shape: declare it as it was saved",
        [RS_FIT_TYPE] = ": declare it as it was saved, or under another name",
        [RS_FIT_VALUE] = ", which it can't hold exactly: declare it with the type that was saved"};
    char ours[200], theirs[200];
    rs_variable_text(variable, ours, sizeof ours);
    rs_value_text(value, theirs, sizeof theirs);
    return rs_fail(error, RESUME_MISMATCH,
                   "variable '%s%s' is %s in this program, and saved is %s%s", prefix_of(taking),
                   rs_scope_name(&owner->scope, variable), ours, theirs, cures[fit]);
}

/* --- numbers and bytes --- */

static resume_status no_memory(rs_error *error) {
    return rs_fail(error, RESUME_NO_MEMORY, "no memory to restore the variables");
}

static resume_status put_bytes(rs_taking *taking, void *address, const void *bytes, size_t size,
                               rs_error *error) {
    void *room = rs_changes_room(&taking->changes, address, size);
    if (!room) return no_memory(error);
    memcpy(room, bytes, size);
    return RESUME_OK;
}

static resume_status take_numbers(rs_taking *taking, const rs_variable *variable, rs_value *value,
                                  rs_fit *fit, rs_error *error) {
    rs_array_target target = {variable->type,  variable->order,   variable->rank,
                              variable->shape, variable->address, NULL};
    if (variable->rank > 0) return rs_take_array(taking, &target, value, fit, error);
    uint8_t number[32];
    resume_status status = rs_take_number(taking, value, variable->type, number, fit, error);
    if (status || *fit != RS_FIT_YES) return status;
    return put_bytes(taking, variable->address, number, rs_type_size(variable->type), error);
}

static resume_status take_bytes(rs_taking *taking, const rs_variable *variable, rs_value *value,
                                rs_fit *fit, rs_error *error) {
    rs_array_target target = {RESUME_UINT8,    RESUME_ROWS,       1,
                              &variable->size, variable->address, NULL};
    if (value->kind == RS_VALUE_BYTES) return rs_take_array(taking, &target, value, fit, error);
    *fit = RS_FIT_TYPE;
    return RESUME_OK;
}

/* Text, or bytes where it was no UTF-8. */
static resume_status take_string(rs_taking *taking, const rs_variable *variable,
                                 const rs_value *value, rs_fit *fit, rs_error *error) {
    *fit = RS_FIT_TYPE;
    if (value->kind != RS_VALUE_TEXT && value->kind != RS_VALUE_BYTES) return RESUME_OK;
    uint64_t size = value->memory.high - value->memory.low;
    *fit = RS_FIT_VALUE;
    if (size >= variable->size) return RESUME_OK;
    char *room = rs_changes_room(&taking->changes, variable->address, (size_t)size + 1);
    if (!room) return no_memory(error);
    room[size] = 0;
    resume_status status =
        rs_memory_read(taking->stream, &value->memory, 0, (size_t)size, room, error);
    if (status == RESUME_OK && !memchr(room, 0, (size_t)size)) *fit = RS_FIT_YES;
    return status;
}

/* --- arrays that grow --- */

/* A new block and count for `length` elements of `size` bytes. *block is NULL for none. */
static resume_status grow(rs_taking *taking, const rs_variable *variable, uint64_t length,
                          size_t size, uint8_t **block, rs_fit *fit, rs_error *error) {
    uint8_t count[8];
    uint64_t bytes;
    bool failed;
    rs_number number = rs_number_of_int(false, length);
    *block = NULL;
    *fit = RS_FIT_VALUE;
    if (!rs_number_store(&number, variable->count_type, count)) return RESUME_OK;
    *fit = RS_FIT_YES;
    if (rs_multiply_overflows(length, size, &bytes) || bytes > PTRDIFF_MAX)
        return rs_fail(error, RESUME_LIMIT, "an array of %" PRIu64 " elements", length);
    resume_status status = rs_stream_claim(taking->stream, bytes, error);
    if (status) return status;
    *block = rs_changes_block(&taking->changes, variable->address, (size_t)bytes, &failed);
    if (failed)
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for an array of %" PRIu64 " bytes",
                       bytes);
    return put_bytes(taking, variable->count_address, count, rs_type_size(variable->count_type),
                     error);
}

/* What a view shows is limited by what it looks at. */
static bool is_spread(const rs_value *value, uint64_t length) {
    uint64_t bytes;
    if (value->kind != RS_VALUE_ARRAY) return false;
    return rs_multiply_overflows(length, value->dtype.size, &bytes) ||
           (bytes > SPREAD_SIZE_MAX && bytes / 16 > value->memory.high - value->memory.low);
}

/* The container gets room for `length` elements of `size` bytes, and shows them to the program when
 * all is done. What is new in it is fresh until the caller takes that back. */
static resume_status resize(rs_taking *taking, const rs_variable *variable, uint64_t length,
                            size_t size, uint8_t **first, rs_error *error) {
    uint64_t bytes;
    size_t before = 0;
    rs_changes *changes = &taking->changes;
    (void)variable->view(variable->address, &before);
    if (rs_multiply_overflows(length, size, &bytes) || bytes > PTRDIFF_MAX)
        return rs_fail(error, RESUME_LIMIT, "an array of %" PRIu64 " elements", length);
    resume_status status = rs_stream_claim(taking->stream, bytes, error);
    if (status) return status;
    size_t after = (size_t)length;
    if (rs_changes_resize(changes, variable->address, variable->resize, before, after))
        return rs_fail(error, RESUME_NO_MEMORY,
                       "a container could not be given %zu elements of %zu bytes", after, size);
    *first = rs_variable_first(variable);
    rs_fresh fresh = {NULL, 0};
    if (after > before) fresh = (rs_fresh){*first + before * size, (after - before) * size};
    changes->fresh[changes->fresh_count++] = fresh;
    return RESUME_OK;
}

static resume_status take_container(rs_taking *taking, const rs_variable *variable, rs_value *value,
                                    rs_fit *fit, rs_error *error) {
    uint64_t length;
    uint8_t *first, nothing;
    *fit = RS_FIT_TYPE;
    if (!rs_value_length(value, &length) || is_spread(value, length)) return RESUME_OK;
    resume_status status =
        resize(taking, variable, length, rs_type_size(variable->type), &first, error);
    if (status) return status;
    size_t count = (size_t)length;
    rs_array_target target = {variable->type,           RESUME_ROWS, 1, &count,
                              count ? first : &nothing, NULL};
    status = rs_take_array(taking, &target, value, fit, error);
    taking->changes.fresh_count--;
    return status;
}

static resume_status take_text(rs_taking *taking, const rs_variable *variable,
                               const rs_value *value, rs_fit *fit, rs_error *error) {
    uint8_t *first;
    *fit = RS_FIT_TYPE;
    if (value->kind != RS_VALUE_TEXT && value->kind != RS_VALUE_BYTES) return RESUME_OK;
    *fit = RS_FIT_YES;
    uint64_t size = value->memory.high - value->memory.low;
    resume_status status = resize(taking, variable, size, 1, &first, error);
    if (status) return status;
    if (size)
        status = rs_changes_read(&taking->changes, taking->stream, &value->memory, 0, (size_t)size,
                                 first, error);
    taking->changes.fresh_count--;
    return status;
}

static resume_status take_growable(rs_taking *taking, const rs_variable *variable, rs_value *value,
                                   rs_fit *fit, rs_error *error) {
    uint64_t length;
    uint8_t *block;
    *fit = RS_FIT_TYPE;
    if (!rs_value_length(value, &length) || is_spread(value, length)) return RESUME_OK;
    resume_status status =
        grow(taking, variable, length, rs_type_size(variable->type), &block, fit, error);
    if (status || *fit != RS_FIT_YES) return status;
    size_t count = (size_t)length;
    uint8_t nothing;
    rs_array_target target = {variable->type, RESUME_ROWS, 1,
                              &count,         NULL,        block ? block : &nothing};
    return rs_take_array(taking, &target, value, fit, error);
}

/* --- structs --- */

static resume_status take_struct(rs_taking *taking, resume *owner, const rs_variable *variable,
                                 void *object, const rs_value *value, const char *behind,
                                 rs_fit *fit, rs_error *error) {
    size_t size = taking->prefix.size;
    *fit = value->kind == RS_VALUE_MAP ? RS_FIT_YES : RS_FIT_TYPE;
    if (*fit != RS_FIT_YES) return RESUME_OK;
    resume_status status = rs_handle_describe(owner, variable->describe, object, error);
    if (status == RESUME_OK)
        status = push_prefix(taking, rs_scope_name(&owner->scope, variable), behind, error);
    if (status == RESUME_OK)
        status = take_map(taking, owner->fields, value->items, value->count, error);
    cut_prefix(taking, size);
    return status;
}

static resume_status take_elements(rs_taking *taking, resume *owner, const rs_variable *variable,
                                   uint8_t *first, const rs_value *list, rs_fit *fit,
                                   rs_error *error) {
    rs_cbor_reader items = list->items;
    rs_value value;
    resume_status status = RESUME_OK;
    for (uint64_t i = 0; status == RESUME_OK && *fit == RS_FIT_YES && i < list->count; i++) {
        status = rs_value_read(taking->stream, &items, &value, error);
        if (status == RESUME_OK)
            status = take_struct(taking, owner, variable, first + i * variable->size, &value, "[].",
                                 fit, error);
    }
    return status;
}

/* The blocks of elements that the array has no more room for, in all their fields that grow. */
static resume_status drop_elements(rs_taking *taking, resume *owner, const rs_variable *variable,
                                   uint8_t *first, size_t start, size_t end, rs_error *error) {
    for (size_t i = start; i < end; i++) {
        resume_status status =
            rs_handle_describe(owner, variable->describe, first + i * variable->size, error);
        if (status) return status;
        resume *fields = owner->fields;
        for (size_t k = 0; k < fields->scope.count; k++) {
            const rs_variable field = fields->scope.variables[k];
            uint8_t *inner = rs_variable_first(&field);
            size_t count = 0;
            status = rs_variable_count(&fields->scope, &field, &count, error);
            if (status) return status;
            if ((field.kind == RS_VARIABLE_STRUCTS || field.kind == RS_VARIABLE_GROWABLE) &&
                !rs_changes_drop(&taking->changes, inner))
                return no_memory(error);
            bool has_structs = field.kind == RS_VARIABLE_STRUCTS ||
                               field.kind == RS_VARIABLE_STRUCTS_FIXED ||
                               field.kind == RS_VARIABLE_STRUCT;
            if (has_structs)
                status = drop_elements(taking, fields, &field, inner, 0,
                                       field.kind == RS_VARIABLE_STRUCT ? 1 : count, error);
            if (status) return status;
        }
    }
    return RESUME_OK;
}

static resume_status take_structs(rs_taking *taking, resume *owner, const rs_variable *variable,
                                  const rs_value *value, rs_fit *fit, rs_error *error) {
    size_t before;
    uint8_t *block, *old;
    *fit = value->kind == RS_VALUE_LIST ? RS_FIT_YES : RS_FIT_TYPE;
    if (*fit != RS_FIT_YES) return RESUME_OK;
    resume_status status = rs_variable_count(&owner->scope, variable, &before, error);
    memcpy(&old, variable->address, sizeof old);
    if (status == RESUME_OK)
        status = grow(taking, variable, value->count, variable->size, &block, fit, error);
    if (status || *fit != RS_FIT_YES) return status;
    size_t count = (size_t)value->count, kept = before < count ? before : count;
    if (kept) memcpy(block, old, kept * variable->size);
    if (count > kept) memset(block + kept * variable->size, 0, (count - kept) * variable->size);
    if (before > count) status = drop_elements(taking, owner, variable, old, count, before, error);
    if (status || !count) return status;
    taking->changes.fresh[taking->changes.fresh_count++] =
        (rs_fresh){block, count * variable->size};
    status = take_elements(taking, owner, variable, block, value, fit, error);
    taking->changes.fresh_count--;
    return status;
}

static resume_status take_structs_container(rs_taking *taking, resume *owner,
                                            const rs_variable *variable, const rs_value *value,
                                            rs_fit *fit, rs_error *error) {
    uint8_t *first;
    *fit = value->kind == RS_VALUE_LIST ? RS_FIT_YES : RS_FIT_TYPE;
    if (*fit != RS_FIT_YES) return RESUME_OK;
    resume_status status = resize(taking, variable, value->count, variable->size, &first, error);
    if (status) return status;
    status = take_elements(taking, owner, variable, first, value, fit, error);
    taking->changes.fresh_count--;
    return status;
}

static resume_status take_structs_fixed(rs_taking *taking, resume *owner,
                                        const rs_variable *variable, const rs_value *value,
                                        rs_fit *fit, rs_error *error) {
    *fit = value->kind != RS_VALUE_LIST      ? RS_FIT_TYPE
           : value->count != variable->count ? RS_FIT_SHAPE
                                             : RS_FIT_YES;
    if (*fit != RS_FIT_YES) return RESUME_OK;
    return take_elements(taking, owner, variable, variable->address, value, fit, error);
}

/* --- state behind functions --- */

static resume_status take_state(rs_taking *taking, resume *owner, const rs_variable *variable,
                                const rs_value *value, rs_fit *fit, rs_error *error) {
    *fit = value->kind == RS_VALUE_BYTES ? RS_FIT_YES : RS_FIT_TYPE;
    if (*fit != RS_FIT_YES) return RESUME_OK;
    uint64_t size = value->memory.high - value->memory.low;
    resume_status status = rs_stream_claim(taking->stream, size, error);
    if (status) return status;
    if (taking->state_count == taking->state_capacity) {
        size_t capacity = taking->state_capacity ? 2 * taking->state_capacity : 4;
        rs_loading *states = rs_reallocate_array(taking->states, capacity, sizeof *states);
        if (!states) return no_memory(error);
        taking->states = states;
        taking->state_capacity = capacity;
    }
    rs_loading loading = {.variable = (size_t)(variable - owner->scope.variables)};
    uint8_t *room = rs_buffer_reserve(&loading.bytes, (size_t)size);
    if (!room) return no_memory(error);
    loading.bytes.size = (size_t)size;
    taking->states[taking->state_count++] = loading;
    return rs_memory_read(taking->stream, &value->memory, 0, (size_t)size, room, error);
}

/* --- all of them --- */

static resume_status take_variable(rs_taking *taking, resume *owner, const rs_variable *variable,
                                   rs_value *value, rs_fit *fit, rs_error *error) {
    switch (variable->kind) {
    case RS_VARIABLE_NUMBERS:
        return take_numbers(taking, variable, value, fit, error);
    case RS_VARIABLE_GROWABLE:
        return take_growable(taking, variable, value, fit, error);
    case RS_VARIABLE_BYTES:
        return take_bytes(taking, variable, value, fit, error);
    case RS_VARIABLE_STRING:
        return take_string(taking, variable, value, fit, error);
    case RS_VARIABLE_STRUCT:
        return take_struct(taking, owner, variable, variable->address, value, ".", fit, error);
    case RS_VARIABLE_STRUCTS:
        return take_structs(taking, owner, variable, value, fit, error);
    case RS_VARIABLE_CONTAINER:
        return take_container(taking, variable, value, fit, error);
    case RS_VARIABLE_TEXT:
        return take_text(taking, variable, value, fit, error);
    case RS_VARIABLE_STRUCTS_CONTAINER:
        return take_structs_container(taking, owner, variable, value, fit, error);
    case RS_VARIABLE_STRUCTS_FIXED:
        return take_structs_fixed(taking, owner, variable, value, fit, error);
    default:
        return take_state(taking, owner, variable, value, fit, error);
    }
}

/* Where each variable stands in the map, whatever its order. */
static resume_status find_all(rs_taking *taking, resume *owner, rs_cbor_reader items,
                              uint64_t count, rs_error *error) {
    rs_scope *scope = &owner->scope;
    size_t guess = 0;
    for (size_t i = 0; i < scope->count; i++)
        scope->variables[i].found_at = NOT_FOUND;
    for (uint64_t i = 0; i < count; i++) {
        rs_slice key;
        resume_status status = rs_value_read_key(taking->stream, &items, &key, error);
        if (status) return status;
        size_t index = NOT_FOUND;
        if (key.bytes) index = rs_scope_find(scope, key.bytes, key.size, guess);
        if (index != NOT_FOUND) {
            if (scope->variables[index].found_at != NOT_FOUND)
                return rs_stream_damaged(error, "a name that stands twice");
            scope->variables[index].found_at = items.position;
            guess = index + 1;
        } else if (key.bytes) {
            note(taking, RESUME_UNUSED, key.bytes, key.size);
        }
        status = rs_stream_skip(taking->stream, &items, error);
        if (status) return status;
    }
    return RESUME_OK;
}

static resume_status take_map(rs_taking *taking, resume *owner, rs_cbor_reader items,
                              uint64_t count, rs_error *error) {
    resume_status status = find_all(taking, owner, items, count, error);
    for (size_t i = 0; status == RESUME_OK && i < owner->scope.count; i++) {
        const rs_variable *variable = &owner->scope.variables[i];
        const char *name = rs_scope_name(&owner->scope, variable);
        if (variable->found_at == NOT_FOUND) {
            note(taking, RESUME_MISSING, name, variable->name_size);
            continue;
        }
        rs_value value;
        rs_fit fit = RS_FIT_YES;
        items.position = variable->found_at;
        status = rs_value_read(taking->stream, &items, &value, error);
        if (status == RESUME_OK)
            status = take_variable(taking, owner, variable, &value, &fit, error);
        if (status == RESUME_OK && fit != RS_FIT_YES)
            status = mismatch(taking, owner, variable, &value, fit, error);
        else if (status == RESUME_OK)
            note(taking, RESUME_RESTORED, name, variable->name_size);
    }
    return status;
}

resume_status rs_take_all(rs_taking *taking, rs_error *error) {
    return take_map(taking, taking->checkpoint, taking->stream->vars, taking->stream->var_count,
                    error);
}

void rs_taking_release(rs_taking *taking) {
    for (size_t i = 0; i < taking->state_count; i++) {
        rs_buffer_release(&taking->states[i].bytes);
        rs_buffer_release(&taking->states[i].before);
    }
    rs_free(taking->states);
    rs_buffer_release(&taking->prefix);
    rs_changes_release(&taking->changes);
}
