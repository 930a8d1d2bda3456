/* From values of the object stream into variables: what a restore will change is found here. */
#ifndef RS_API_TAKE_H
#define RS_API_TAKE_H

#include "api/handle.h"
#include "api/changes.h"

/* Saved state for a load callback. */
typedef struct rs_loading {
    size_t variable; /* in the scope of the checkpoint */
    rs_buffer bytes;
    rs_buffer before; /* what it held, to be given back */
    bool is_kept;
} rs_loading;

typedef struct rs_taking {
    resume *checkpoint;
    rs_stream *stream;
    rs_changes changes;
    rs_loading *states;
    size_t state_count, state_capacity;
    rs_buffer prefix;   /* of names in structs, ends with a zero */
    bool is_incomplete; /* something is missing or unused: for `strict` */
} rs_taking;

void rs_taking_release(rs_taking *taking);
/* Takes all protected variables of the checkpoint. MISMATCH: one does not fit; DAMAGED, LIMIT,
 * NO_MEMORY and what the file gives. Nothing of the program has changed. */
resume_status rs_take_all(rs_taking *taking, rs_error *error);

/* An array on its way: `shape` and `order` are those of the variable. */
typedef struct rs_array_target {
    resume_type type;
    resume_order order;
    size_t rank;
    const size_t *shape;
    void *address; /* of the variable, for the changes */
    void *room;    /* where to write, or NULL: the changes give it */
} rs_array_target;

typedef enum rs_fit { RS_FIT_YES, RS_FIT_SHAPE, RS_FIT_TYPE, RS_FIT_VALUE } rs_fit;

/* *fit tells why a value does not go into the target: nothing of it is used then. *count: how many
 * elements were looked at before one that does not fit. */
resume_status rs_take_array(rs_taking *taking, const rs_array_target *target, rs_value *value,
                            rs_fit *fit, rs_error *error);
/* How many elements a value has as an array of one dimension; false: it is none. */
bool rs_value_length(const rs_value *value, uint64_t *length);
/* One number out of a value: a number, or an array of no dimension. */
resume_status rs_take_number(rs_taking *taking, rs_value *value, resume_type type, void *to,
                             rs_fit *fit, rs_error *error);
#endif
