/* The object stream as C programs read it: values found by name, without building any.
 *
 * The bytes may be hostile. Nothing here recurses, allocates by a declared count, or does more work
 * than a multiple of the size of the stream, whatever its references say. */
#ifndef RS_API_STREAM_H
#define RS_API_STREAM_H

#include "api/type.h"
#include "base/bytes.h"
#include "format/cbor.h"

/* Where the memory of arrays comes from: a generation, or a test. */
typedef struct rs_blobs {
    void *context;
    size_t count; /* with blob 0, the stream itself */
    uint64_t (*size)(void *context, size_t index);
    resume_status (*read)(void *context, size_t index, uint64_t offset, size_t size, void *to,
                          rs_error *error);
    /* Before memory is taken for what a file declares; NULL: no limit. */
    resume_status (*claim)(void *context, uint64_t size, rs_error *error);
    /* Reading all of it twice costs little, and `read` verifies it where `to` is NULL. NULL: never.
     */
    bool (*is_at_hand)(void *context, size_t index);
} rs_blobs;

typedef struct rs_stream {
    rs_slice bytes;
    rs_blobs blobs;
    size_t *marks; /* where the content of each tag 28 begins */
    size_t mark_count, mark_capacity;
    uint64_t work_left;  /* bytes that may still be looked at */
    rs_cbor_reader vars; /* at the first key of "vars" */
    uint64_t var_count;
} rs_stream;

/* Looks through the whole stream once. `bytes` and what `blobs` points to are borrowed. DAMAGED,
 * TRUNCATED, UNSUPPORTED (a later version of the outermost map), NO_MEMORY. */
resume_status rs_stream_open(rs_stream *stream, rs_slice bytes, const rs_blobs *blobs,
                             rs_error *error);
void rs_stream_release(rs_stream *stream);

/* Memory of an array: in the stream, or a blob. */
typedef struct rs_memory {
    const uint8_t *bytes; /* NULL: a blob */
    size_t blob;
    uint64_t low;  /* the first byte of the memory that is there */
    uint64_t high; /* and behind the last; bytes[0] and the blob's first byte stand for `low` */
} rs_memory;
/* Bytes `offset` to `offset` + `size` of the memory, which must be there. */
resume_status rs_memory_read(const rs_stream *stream, const rs_memory *memory, uint64_t offset,
                             size_t size, void *to, rs_error *error);

/* That part is all of a blob which may be read twice; rs_memory_read verifies it where `to` is
 * NULL. */
bool rs_memory_is_at_hand(const rs_stream *stream, const rs_memory *memory, uint64_t offset,
                          size_t size);

/* Memory of `size` bytes is about to be taken because the stream says so: LIMIT, NO_MEMORY. */
resume_status rs_stream_claim(const rs_stream *stream, uint64_t size, rs_error *error);

typedef enum rs_value_kind {
    RS_VALUE_NUMBER,
    RS_VALUE_TEXT,  /* str; memory */
    RS_VALUE_BYTES, /* bytes, bytearray; memory */
    RS_VALUE_ARRAY, /* memory with a layout */
    RS_VALUE_LIST,  /* list or tuple, item by item */
    RS_VALUE_MAP,   /* dict */
    RS_VALUE_OTHER, /* what C has no variable for; `other` says what */
} rs_value_kind;

typedef struct rs_value {
    rs_value_kind kind;
    rs_number number;
    uint8_t raw[32]; /* of a number with a dtype: its very bytes */
    rs_dtype dtype;  /* of an array or a number; of kind 0: none known */
    char dtype_text[16];
    rs_memory memory;
    uint64_t offset; /* ARRAY: of the first element in the memory */
    size_t rank;     /* ARRAY */
    uint64_t shape[RESUME_DIMENSIONS_MAX];
    int64_t strides[RESUME_DIMENSIONS_MAX]; /* in bytes */
    uint64_t count;                         /* LIST: items, MAP: pairs */
    rs_cbor_reader items;                   /* LIST and MAP: at the first one */
    const char *other;
} rs_value;

/* The value at the reader, which moves behind it. Marks and references are resolved, and an array
 * is checked: all its elements lie in its memory. DAMAGED, LIMIT (too much work). */
resume_status rs_value_read(rs_stream *stream, rs_cbor_reader *reader, rs_value *value,
                            rs_error *error);
/* A key of a MAP: NULL in *text when it is none that a variable can have (no text). */
resume_status rs_value_read_key(rs_stream *stream, rs_cbor_reader *reader, rs_slice *text,
                                rs_error *error);
/* What it is, for messages: "a list of 3", "float64 array (3, 4)". */
void rs_value_text(const rs_value *value, char *text, size_t size);

/* Inside the reader: the item at it with marks and references resolved; *reader ends behind its
 * head, wherever that is. */
resume_status rs_stream_resolve(rs_stream *stream, rs_cbor_reader *reader, rs_cbor_item *item,
                                rs_error *error);
resume_status rs_stream_next(rs_stream *stream, rs_cbor_reader *reader, rs_cbor_kind kind,
                             rs_cbor_item *item, rs_error *error);
resume_status rs_stream_skip(rs_stream *stream, rs_cbor_reader *reader, rs_error *error);
resume_status rs_stream_damaged(rs_error *error, const char *what);
/* The memory at the reader, which moves behind it. */
resume_status rs_stream_memory(rs_stream *stream, rs_cbor_reader *reader, rs_memory *memory,
                               rs_error *error);
/* The content of an ARRAY, a VIEW, an ARRAY_ARRAY: a value of kind ARRAY, or OTHER. */
resume_status rs_stream_array(rs_stream *stream, rs_cbor_reader reader, uint64_t tag,
                              rs_value *value, rs_error *error);

enum rs_stream_tags {
    RS_TAG_BIG_POSITIVE = 2,
    RS_TAG_BIG_NEGATIVE = 3,
    RS_TAG_SHARED = 28,
    RS_TAG_REFERENCE = 29,
    RS_TAG_INT64_ARRAY = 79,
    RS_TAG_FLOAT64_ARRAY = 86,
    RS_TAG_TUPLE = 39250,
    RS_TAG_DICT = 39251,
    RS_TAG_SURROGATES = 39254,
    RS_TAG_BYTEARRAY = 39255,
    RS_TAG_BLOB = 39256,
    RS_TAG_LIST = 39257,
    RS_TAG_COMPLEX = 39261,
    RS_TAG_ARRAY = 39262,
    RS_TAG_VIEW = 39263,
    RS_TAG_SCALAR = 39264,
    RS_TAG_ARRAY_ARRAY = 39277,
    RS_TAG_ORDERED_DICT = 39279,
};
#endif
