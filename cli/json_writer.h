/* Inside `--format json`: the writer that the walk over values and the writing of leaves share. */
#ifndef RC_JSON_WRITER_H
#define RC_JSON_WRITER_H

#include "export.h"

typedef enum rc_json_shape { ITEMS, OBJECT, PAIRS } rc_json_shape;

typedef struct rc_json_level {
    uint64_t left;   /* items; of a map keys and values */
    size_t behind;   /* where to go on, when not where the items end; else 0 */
    uint8_t shape;   /* rc_json_shape */
    uint8_t skipped; /* items behind the last one that are no part of the value */
    bool some, wrapped, named;
} rc_json_level;

typedef struct rc_json_writer {
    rc_export *export;
    rc_output *output;
    rs_buffer out, scratch;
    rs_cbor_reader reader;
    rc_json_level *levels;
    size_t depth, room;
    uint8_t *referenced, *written; /* bits, one for each mark */
    size_t mark_count;
    const char *item; /* the name of the variable */
} rc_json_writer;

/* json_leaf.c */
#define RC_JSON_FLUSH_SIZE (1u << 16)
#define RC_JSON_EXACT_MAX  (INT64_C(1) << 53) /* from here on a double may not hold an integer */
void rc_json_flush(rc_json_writer *this);
void rc_json_put(rc_json_writer *this, const char *text);
void rc_json_put_text(rc_json_writer *this, const void *utf8, size_t size); /* in quotes */
void rc_json_put_literal(rc_json_writer *this, const char *text);
/* {"$left_out": WHY}, and a line about it. */
void rc_json_put_left_out(rc_json_writer *this, const char *why);
void rc_json_put_integer(rc_json_writer *this, bool negative, uint64_t magnitude);
void rc_json_put_double(rc_json_writer *this, double value);
void rc_json_put_big(rc_json_writer *this, bool negative, const uint8_t *bytes, size_t size);
void rc_json_put_descr(rc_json_writer *this, const rc_dtype *dtype);
/* {KIND: {"dtype": .., "shape": [..], "data": [..]}}; without `kind` a list of numbers. */
resume_status rc_json_put_array(rc_json_writer *this, rs_cbor_reader value, const char *kind,
                                rs_error *error);
/* {KIND: base 64} */
resume_status rc_json_put_bytes(rc_json_writer *this, rs_cbor_reader value, const char *kind,
                                rs_error *error);
#endif
