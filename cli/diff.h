/* Inside `resume diff`: two values of two generations, and what differs between them. */
#ifndef RC_DIFF_H
#define RC_DIFF_H

#include "export.h"

#define RC_DIFF_PATH_SIZE 256u
#define RC_DIFF_TEXT_SIZE 400u

/* One side. `values.state` and `values.shares` are what arrays and values are read with. */
typedef struct rc_side {
    rc_opened opened;
    rc_export values;
    uint32_t chunk_size;
} rc_side;

/* Elements of two arrays of one dtype. Counts of nan and inf are of elements that differ: chunks
 * that are the same are not read. */
typedef struct rc_numbers {
    uint64_t elements, changed; /* compared, and of them different in any bit */
    uint64_t nan_before, nan_after, inf_before, inf_after;
    bool has_largest, has_relative; /* of finite numbers */
    double largest, relative;
    uint64_t largest_exact; /* of integers */
    uint64_t largest_at, relative_at;
    char before[64], after[64]; /* the elements at largest_at */
} rc_numbers;
/* The first `elements` elements, in the order of rows. Both have one dtype. */
resume_status rc_numbers_compare(rc_side *a, rc_array *x, rc_side *b, rc_array *y,
                                 uint64_t elements, rc_numbers *found, rs_error *error);

typedef enum rc_change_kind {
    RC_SAME,
    RC_CHANGED, /* values, at `path` first */
    RC_RETYPED, /* at `path` */
    RC_RESIZED, /* as long as the shorter one they may be the same */
    RC_ADDED,
    RC_REMOVED,
    RC_INCOMPLETE, /* the same as far as was looked */
} rc_change_kind;

/* The first difference in a value is told, the others are counted. */
typedef struct rc_change {
    rc_change_kind kind;
    char path[RC_DIFF_PATH_SIZE]; /* of the first difference, "['w'][1]"; empty: the value itself */
    char type_before[160], type_after[160];                   /* there */
    char before[RC_DIFF_TEXT_SIZE], after[RC_DIFF_TEXT_SIZE]; /* values there, short */
    uint64_t differences;                                     /* places that differ */
    bool is_numbers; /* an array of numbers: `numbers` tells more than before and after */
    rc_numbers numbers;
    uint64_t shape[RC_DIMENSIONS_MAX]; /* of that array */
    size_t dimensions;
    /* the outermost place where one is longer: */
    bool resized;
    char resized_path[RC_DIFF_PATH_SIZE];
    uint64_t length_before, length_after;
    char extra[RC_DIFF_TEXT_SIZE]; /* the first item that only the longer one has */
    bool incomplete;               /* too much to look at, or too deep: there may be more */
} rc_change;

/* What may still be looked at, over all values of a diff: a stream can refer to one large value a
 * million times. */
typedef struct rc_diff_budget {
    uint64_t stream, arrays; /* bytes */
} rc_diff_budget;
resume_status rc_diff_values(rc_side *a, rs_cbor_reader before, rc_side *b, rs_cbor_reader after,
                             rc_diff_budget *budget, rc_change *change, rs_error *error);

/* diff_text.c: a change as parts of text, raw ("step: 3 -> 4"), each of which may be a line of its
 * own. How many were made. */
#define RC_DIFF_PARTS_MAX 8u
typedef struct rc_diff_part {
    char text[2 * RC_DIFF_TEXT_SIZE + RC_DIFF_PATH_SIZE + 64];
} rc_diff_part;
size_t rc_diff_parts(const rc_change *change, rc_diff_part parts[RC_DIFF_PARTS_MAX]);
json_t *rc_diff_json(const rc_change *change);
#endif
