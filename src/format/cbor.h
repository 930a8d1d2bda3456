/* CBOR (RFC 8949) heads: a writer into a buffer, a pull reader over memory. Knows no Python.
 *
 * Only definite lengths: what the writer makes and all that the reader takes. The reader never
 * allocates and never recurses: it hands out one head after the other, the caller keeps its own
 * stack. */
#ifndef RS_FORMAT_CBOR_H
#define RS_FORMAT_CBOR_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>

typedef enum rs_cbor_kind { /* the major types of RFC 8949 section 3.1 */
                            RS_CBOR_UNSIGNED = 0,
                            RS_CBOR_NEGATIVE = 1, /* value is -1 - argument */
                            RS_CBOR_BYTES = 2,
                            RS_CBOR_TEXT = 3,
                            RS_CBOR_ARRAY = 4,
                            RS_CBOR_MAP = 5,
                            RS_CBOR_TAG = 6,
                            RS_CBOR_SIMPLE = 7,
} rs_cbor_kind;

enum { RS_CBOR_FALSE = 20, RS_CBOR_TRUE = 21, RS_CBOR_NULL = 22, RS_CBOR_UNDEFINED = 23 };

/* Writing: failures are sticky in the buffer. The shortest head is always chosen, but for floats:
 * always 64 bit. */
void rs_cbor_put_head(rs_buffer *buffer, rs_cbor_kind kind, uint64_t argument);
void rs_cbor_put_int(rs_buffer *buffer, int64_t value);
void rs_cbor_put_bytes(rs_buffer *buffer, const void *bytes, size_t size);
void rs_cbor_put_text(rs_buffer *buffer, const char *utf8, size_t size);
void rs_cbor_put_literal(rs_buffer *buffer, const char *text); /* a C string as text */
void rs_cbor_put_double(rs_buffer *buffer, double value);      /* NaN payloads are kept */
void rs_cbor_put_simple(rs_buffer *buffer, uint8_t simple);    /* RS_CBOR_NULL and so on */

/* RFC 3629: no overlong forms, no surrogates. */
bool rs_utf8_is_valid(const void *text, size_t size);

typedef struct rs_cbor_item {
    rs_cbor_kind kind;
    uint8_t width; /* of the argument in bytes: 0 (in the head), 1, 2, 4, 8; a SIMPLE of width 8 is
                      a double */
    uint64_t
        argument; /* the number, length, count, tag or simple value; bits of a float as stored */
    const uint8_t *bytes; /* BYTES and TEXT: `argument` bytes, borrowed */
    size_t offset;        /* of the head */
} rs_cbor_item;

typedef struct rs_cbor_reader {
    const uint8_t *bytes;
    size_t size, position;
    uint64_t items_left; /* limit on heads; set to UINT64_MAX for none */
} rs_cbor_reader;

rs_cbor_reader rs_cbor_reader_over(const void *bytes, size_t size);
/* TRUNCATED at the end of the bytes; DAMAGED for reserved heads, indefinite lengths, a string or a
 * count longer than the bytes that are left (an item takes a byte at least), text that is not UTF-8
 * (tag WTF-8 text as bytes); LIMIT. After a failure the reader does not move. */
resume_status rs_cbor_next(rs_cbor_reader *reader, rs_cbor_item *item, rs_error *error);
/* The item as a double: half, single and double floats. False when it is no float. */
bool rs_cbor_item_double(const rs_cbor_item *item, double *value);
/* Skips one whole item with all that is in it; nesting is only a count of items still to come, no
 * recursion. */
resume_status rs_cbor_skip(rs_cbor_reader *reader, rs_error *error);
/* In the map that `map` (just read by rs_cbor_next) opened: moves the reader to the value of text
 * key `key`. NOT_FOUND leaves the reader at the end of the map. */
resume_status rs_cbor_find(rs_cbor_reader *reader, const rs_cbor_item *map, const char *key,
                           rs_error *error);
#endif
