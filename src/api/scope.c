/* Lists of variables, by name. */
#include "api/scope.h"

#include "api/type.h"
#include "base/alloc.h"
#include "format/cbor.h"
#include "format/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void rs_scope_release(rs_scope *scope) {
    rs_free(scope->variables);
    rs_buffer_release(&scope->names);
    *scope = (rs_scope){.is_fields = scope->is_fields};
}

void rs_scope_begin(rs_scope *scope) {
    scope->known = scope->count;
    scope->count = 0;
}

const char *rs_scope_name(const rs_scope *scope, const rs_variable *variable) {
    return (const char *)scope->names.bytes + variable->name;
}

/* --- names --- */

static bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static const char *skip_spaces(const char *at) {
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* Behind "->", "." or "::" and the spaces around it; NULL when there is none. */
static const char *skip_separator(const char *at) {
    at = skip_spaces(at);
    size_t size = strncmp(at, "->", 2) == 0 || strncmp(at, "::", 2) == 0 ? 2 : *at == '.';
    return size ? skip_spaces(at + size) : NULL;
}

/* The text of a variable in C as a path with dots: "sim->pos . x" is "sim.pos.x". False when it is
 * no path of names. */
static bool path_of_tokens(const char *tokens, char path[RS_NAME_BYTES_MAX + 1], size_t *size) {
    const char *at = skip_spaces(tokens);
    *size = 0;
    for (;;) {
        if (!is_letter(*at)) return false;
        while (is_letter(*at) || is_digit(*at)) {
            if (*size == RS_NAME_BYTES_MAX) return false;
            path[(*size)++] = *at++;
        }
        const char *next = skip_separator(at);
        if (!next) break;
        if (*size == RS_NAME_BYTES_MAX) return false;
        path[(*size)++] = '.';
        at = next;
    }
    path[*size] = 0;
    return *skip_spaces(at) == 0;
}

/* Inside a describe callback the object itself is no part of the name; nor is `this` of C++. */
static void drop_object(const rs_scope *scope, char *path, size_t *size) {
    const char *dot = memchr(path, '.', *size);
    if (!dot || (!scope->is_fields && strncmp(path, "this.", 5) != 0)) return;
    size_t dropped = (size_t)(dot - path) + 1;
    *size -= dropped;
    memmove(path, path + dropped, *size + 1);
}

static resume_status name_of(const rs_scope *scope, const char *given,
                             char name[RS_NAME_BYTES_MAX + 1], size_t *size, rs_error *error) {
    if (!given) return rs_fail(error, RESUME_BAD_NAME, "the name of a variable is NULL");
    if (*given == '=') {
        if (!path_of_tokens(given + 1, name, size))
            return rs_fail(error, RESUME_BAD_NAME,
                           "'%.200s' is no plain name of a variable: call the function whose name "
                           "ends with _as with a name of your own",
                           given + 1);
        drop_object(scope, name, size);
        return RESUME_OK;
    }
    *size = strlen(given);
    if (*size == 0) return rs_fail(error, RESUME_BAD_NAME, "the name of a variable is empty");
    if (*size > RS_NAME_BYTES_MAX)
        return rs_fail(error, RESUME_BAD_NAME,
                       "the name of the variable '%.40s...' has %zu bytes: at most %u are allowed",
                       given, *size, RS_NAME_BYTES_MAX);
    if (!rs_utf8_is_valid(given, *size))
        return rs_fail(error, RESUME_BAD_NAME, "the name of a variable is not UTF-8: '%s'", given);
    memcpy(name, given, *size + 1);
    return RESUME_OK;
}

/* --- the list --- */

static uint64_t hash_of(const char *name, size_t size) {
    return rs_hash64(name, size, 0);
}

static bool is_named(const rs_scope *scope, size_t index, const char *name, size_t size,
                     uint64_t hash) {
    const rs_variable *variable = &scope->variables[index];
    return variable->hash == hash && variable->name_size == size &&
           memcmp(rs_scope_name(scope, variable), name, size) == 0;
}

size_t rs_scope_find(const rs_scope *scope, const char *name, size_t size, size_t guess) {
    uint64_t hash = hash_of(name, size);
    if (guess < scope->count && is_named(scope, guess, name, size, hash)) return guess;
    for (size_t i = 0; i < scope->count; i++)
        if (is_named(scope, i, name, size, hash)) return i;
    return SIZE_MAX;
}

static resume_status make_room(rs_scope *scope, rs_error *error) {
    if (scope->count < scope->capacity) return RESUME_OK;
    size_t capacity = scope->capacity ? 2 * scope->capacity : 8;
    rs_variable *variables = rs_reallocate_array(scope->variables, capacity, sizeof *variables);
    if (!variables) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a variable");
    scope->variables = variables;
    scope->capacity = capacity;
    return RESUME_OK;
}

/* The same field of the struct before had this very name, and was judged then. */
static bool add_known(rs_scope *scope, const rs_variable *variable, const char *name) {
    if (scope->count >= scope->known || !name) return false;
    rs_variable *before = &scope->variables[scope->count];
    const rs_variable old = *before;
    if (strcmp((const char *)scope->names.bytes + old.given, name) != 0) return false;
    *before = *variable;
    before->name = old.name;
    before->name_size = old.name_size;
    before->given = old.given;
    before->hash = old.hash;
    scope->count++;
    return true;
}

/* What is known of the struct before ends here. */
static void forget_known(rs_scope *scope) {
    if (!scope->is_fields) return;
    scope->known = 0;
    scope->names.size = 0;
    if (scope->count == 0) return;
    const rs_variable *last = &scope->variables[scope->count - 1];
    scope->names.size = last->given + strlen((const char *)scope->names.bytes + last->given) + 1;
}

resume_status rs_scope_add(rs_scope *scope, const rs_variable *variable, const char *name,
                           rs_error *error) {
    char text[RS_NAME_BYTES_MAX + 1];
    size_t size;
    if (add_known(scope, variable, name)) return RESUME_OK;
    forget_known(scope);
    resume_status status = name_of(scope, name, text, &size, error);
    if (status) return status;
    if (rs_scope_find(scope, text, size, SIZE_MAX) != SIZE_MAX)
        return rs_fail(error, RESUME_MISUSE,
                       "a variable '%s' is protected already: give this one another name", text);
    status = make_room(scope, error);
    if (status) return status;
    rs_variable *added = &scope->variables[scope->count];
    *added = *variable;
    added->name = scope->names.size;
    added->name_size = size;
    added->hash = hash_of(text, size);
    rs_buffer_append(&scope->names, text, size + 1);
    added->given = scope->names.size;
    if (scope->is_fields) rs_buffer_append(&scope->names, name, strlen(name) + 1);
    if (scope->names.failed) {
        scope->names.failed = false;
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for the name of a variable");
    }
    scope->count++;
    return RESUME_OK;
}

/* A program may protect and unprotect for days: nothing is left behind. */
static void remove_name(rs_scope *scope, const rs_variable *gone) {
    size_t start = gone->name, size = gone->name_size + 1;
    scope->names.size -= size;
    memmove(scope->names.bytes + start, scope->names.bytes + start + size,
            scope->names.size - start);
    for (size_t i = 0; i < scope->count; i++)
        if (scope->variables[i].name > start) scope->variables[i].name -= size;
}

resume_status rs_scope_remove(rs_scope *scope, const char *name, rs_error *error) {
    char text[RS_NAME_BYTES_MAX + 1];
    size_t size;
    resume_status status = name_of(scope, name, text, &size, error);
    if (status) return status;
    size_t index = rs_scope_find(scope, text, size, SIZE_MAX);
    if (index == SIZE_MAX)
        return rs_fail(error, RESUME_MISUSE, "no variable '%s' is protected", text);
    if (!scope->is_fields) remove_name(scope, &scope->variables[index]);
    scope->known = 0;
    scope->count--;
    memmove(&scope->variables[index], &scope->variables[index + 1],
            (scope->count - index) * sizeof *scope->variables);
    return RESUME_OK;
}

/* --- one variable --- */

void *rs_variable_first(const rs_variable *variable) {
    size_t count;
    void *pointer = variable->address;
    if (variable->view) return variable->view(variable->address, &count);
    if (variable->count_address) memcpy(&pointer, variable->address, sizeof pointer);
    return pointer;
}

resume_status rs_variable_count(const rs_scope *scope, const rs_variable *variable, size_t *count,
                                rs_error *error) {
    *count = variable->count;
    if (variable->view) (void)variable->view(variable->address, count);
    if (!variable->count_address) return RESUME_OK;
    rs_number number = rs_number_of_variable(variable->count_type, variable->count_address);
    const void *pointer = rs_variable_first(variable);
    *count = (size_t)number.argument;
    if (number.negative)
        return rs_fail(error, RESUME_MISUSE, "the count of '%s' is negative",
                       rs_scope_name(scope, variable));
    if (!pointer && *count)
        return rs_fail(error, RESUME_MISUSE, "'%s' is NULL, but its count is %zu",
                       rs_scope_name(scope, variable), *count);
    return RESUME_OK;
}

void rs_variable_text(const rs_variable *variable, char *text, size_t size) {
    size_t used;
    switch (variable->kind) {
    case RS_VARIABLE_NUMBERS:
        used = (size_t)snprintf(text, size, "%s", rs_type_name(variable->type));
        for (size_t i = 0; i < variable->rank && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "[%zu]", variable->shape[i]);
        break;
    case RS_VARIABLE_GROWABLE:
    case RS_VARIABLE_CONTAINER:
        snprintf(text, size, "a growable array of %s", rs_type_name(variable->type));
        break;
    case RS_VARIABLE_BYTES:
        snprintf(text, size, "%zu bytes", variable->size);
        break;
    case RS_VARIABLE_STRING:
        snprintf(text, size, "a string of at most %zu bytes",
                 variable->size ? variable->size - 1 : 0);
        break;
    case RS_VARIABLE_STRUCT:
        snprintf(text, size, "a struct");
        break;
    case RS_VARIABLE_TEXT:
        snprintf(text, size, "a string");
        break;
    case RS_VARIABLE_STRUCTS:
    case RS_VARIABLE_STRUCTS_CONTAINER:
        snprintf(text, size, "a growable array of structs");
        break;
    case RS_VARIABLE_STRUCTS_FIXED:
        snprintf(text, size, "%zu structs", variable->count);
        break;
    case RS_VARIABLE_STATE:
        snprintf(text, size, "a state behind functions");
        break;
    }
}
