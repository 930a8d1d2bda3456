/* The protected variables: those of a handle, or the fields that a describe callback names. */
#ifndef RS_API_SCOPE_H
#define RS_API_SCOPE_H

#include "base/buffer.h"
#include "base/error.h"

#include <resume/resume.h>

#include <stdbool.h>

#define RS_NAME_BYTES_MAX 255u

typedef enum rs_variable_kind {
    RS_VARIABLE_NUMBERS,  /* a number (rank 0), or a block of fixed shape */
    RS_VARIABLE_GROWABLE, /* behind a pointer, as many as the count says */
    RS_VARIABLE_BYTES,
    RS_VARIABLE_STRING,
    RS_VARIABLE_STRUCT,
    RS_VARIABLE_STRUCTS,       /* growable */
    RS_VARIABLE_STRUCTS_FIXED, /* `count` of them */
    RS_VARIABLE_STATE,
    RS_VARIABLE_CONTAINER, /* numbers behind functions */
    RS_VARIABLE_TEXT,      /* the same of chars */
    RS_VARIABLE_STRUCTS_CONTAINER,
} rs_variable_kind;

typedef struct rs_variable {
    rs_variable_kind kind;
    resume_type type, count_type;
    resume_order order;
    size_t rank;
    size_t shape[RESUME_DIMENSIONS_MAX];
    void *address; /* of the value, of the pointer, or the object of callbacks */
    void *count_address;
    size_t size;  /* of an element of an array of structs; of BYTES and STRING all */
    size_t count; /* of fixed elements, numbers too */
    resume_describe describe;
    resume_save_state save;
    resume_load_state load;
    resume_view view;
    resume_resize resize;
    size_t name, name_size; /* in the names of the scope; ends with a zero */
    size_t given;           /* of a field: the name as the callback gave it, in the names too */
    uint64_t hash;          /* of the name */
    size_t found_at;        /* in the stream, while it is restored */
} rs_variable;

typedef struct rs_scope {
    rs_variable *variables;
    size_t count, capacity;
    rs_buffer names;
    bool is_fields; /* of a struct: the first part of a path is the struct itself */
    size_t known;   /* of the struct before: what is named alike again needs no new name */
} rs_scope;         /* zero-initialised: empty */

void rs_scope_release(rs_scope *scope);
/* The fields of the next struct: they are likely to have the same names in the same order. */
void rs_scope_begin(rs_scope *scope);
const char *rs_scope_name(const rs_scope *scope, const rs_variable *variable);
/* `variable` without its name, which is given as in resume.h: BAD_NAME, MISUSE (there already),
 * NO_MEMORY. */
resume_status rs_scope_add(rs_scope *scope, const rs_variable *variable, const char *name,
                           rs_error *error);
resume_status rs_scope_remove(rs_scope *scope, const char *name, rs_error *error);
/* The index of a name; `guess` is looked at first. SIZE_MAX: none. */
size_t rs_scope_find(const rs_scope *scope, const char *name, size_t size, size_t guess);

/* Where the elements of an array are now. */
void *rs_variable_first(const rs_variable *variable);
/* The elements of an array now: `*count` from the variable of its type. MISUSE: negative. */
resume_status rs_variable_count(const rs_scope *scope, const rs_variable *variable, size_t *count,
                                rs_error *error);
/* "int32[3][4]" and so on. */
void rs_variable_text(const rs_variable *variable, char *text, size_t size);
#endif
