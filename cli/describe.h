/* Inside the describer: the text being made, and the tags of the object stream. */
#ifndef RC_DESCRIBE_H
#define RC_DESCRIBE_H

#include "command.h"

#include "format/cbor.h"

/* The text so far. Full: nothing more is added, and the walk can stop. */
typedef struct rc_sink {
    char *to;
    size_t used, size;
    bool full;
} rc_sink;

void rc_put(rc_sink *out, const void *text, size_t size);
void rc_put_text(rc_sink *out, const char *text);
void rc_put_format(rc_sink *out, const char *format, ...) RS_PRINTF(2, 3);
void rc_put_double(rc_sink *out, double value); /* as Python writes it */
void rc_put_hex(rc_sink *out, const uint8_t *bytes, size_t size);
/* Tags 2 and 3: n, or -1 - n, from big-endian bytes. */
void rc_put_big(rc_sink *out, bool negative, const uint8_t *bytes, size_t size);
void rc_put_bytes(rc_sink *out, const uint8_t *bytes, size_t size); /* b'...' */

/* docs/format.md, part "Object stream" */
enum {
    TAG_BIG_POSITIVE = 2,
    TAG_BIG_NEGATIVE = 3,
    TAG_SHARED = 28,
    TAG_REFERENCE = 29,
    TAG_INT64_ARRAY = 79,
    TAG_FLOAT64_ARRAY = 86,
    TAG_TUPLE = 39250,
    TAG_DICT = 39251,
    TAG_SET = 39252,
    TAG_FROZENSET = 39253,
    TAG_SURROGATES = 39254,
    TAG_BYTEARRAY = 39255,
    TAG_BLOB = 39256,
    TAG_LIST = 39257,
    TAG_CONSTANT = 39260,
    TAG_COMPLEX = 39261,
    TAG_ARRAY = 39262,
    TAG_VIEW = 39263,
    TAG_SCALAR = 39264,
    TAG_DTYPE = 39265,
    TAG_ARRAY_ARRAY = 39277,
    TAG_DEQUE = 39278,
    TAG_ORDERED_DICT = 39279,
    TAG_COUNTER = 39280,
    TAG_DEFAULT_DICT = 39281,
    TAG_GLOBAL = 39282,
    TAG_INSTANCE = 39283,
    TAG_OPAQUE = 39285,
    TAG_FUNCTION = 39286,
    TAG_CLASS = 39288,
    TAG_CODE = 39295,
    TAG_FRAMES = 39297,
    TAG_RUNNER = 39298,
};

/* How a tagged value is written: NAME OPEN items CLOSE. */
typedef struct rc_form {
    uint64_t tag;
    const char *name, *open, *close;
    bool pairs;   /* an array of key, value, key, value */
    bool counted; /* its array is as long as it is */
} rc_form;
/* NULL when the tag is not known. */
const rc_form *rc_find_form(uint64_t tag);
bool rc_is_packed(uint64_t tag);
/* The next head behind the tags that add nothing for a reader: marks of shared objects, and "this
 * typed array is a list". */
resume_status rc_next_head(rs_cbor_reader *reader, rs_cbor_item *item, rs_error *error);

/* shares.c: the value that reference `number` means; false when there is none. */
bool rc_shares_find(rc_shares *shares, const rs_state *state, uint64_t number,
                    rs_cbor_reader *reader);
/* The first head that is no mark and no reference, behind at most a few references. `reader` then
 * stands behind it, in the place where the value itself is; `elsewhere` (may be NULL) is set when a
 * reference was followed. */
resume_status rc_resolve(rc_shares *shares, const rs_state *state, rs_cbor_reader *reader,
                         rs_cbor_item *item, bool *elsewhere, rs_error *error);

#define RC_BLOB_READ_MAX (UINT64_C(4) << 20) /* to show the first numbers in it */
/* Memory at the reader: a byte string, or a blob that is not too large. */
typedef struct rc_memory {
    const uint8_t *bytes; /* NULL: not read, `size` alone is known */
    uint64_t size;
    uint64_t start; /* of the bytes in the memory that was saved in part */
    uint8_t *owned; /* rs_free */
} rc_memory;
/* The content of tag BLOB: the number of the blob, and in *start where it begins in the memory that
 * was saved in part. False when it is none. */
bool rc_next_blob(rs_cbor_reader *reader, size_t *number, uint64_t *start);
rc_memory rc_read_memory(const rs_state *state, rs_cbor_reader *reader);

/* describe_type.c: the type of the item at `look`, with the number of its items or its shape. */
void rc_put_type(rc_sink *out, const rs_state *state, rc_shares *shares, rs_cbor_reader look);
/* describe_code.c: a function, class, name or where frames stand; false when it is none, or
 * damaged.
 */
bool rc_put_definition(rc_sink *out, const rs_state *state, rc_shares *shares, uint64_t tag,
                       rs_cbor_reader look);
/* Opens the frames or the generator behind the tag: how many there are (0: it has ended), the
 * reader stands before the first; -1: damaged. */
int64_t rc_open_frames(rs_cbor_reader *reader);
/* The next of them: "module.function" in `name`, and where its line is; false: damaged. */
bool rc_next_frame(const rs_state *state, rc_shares *shares, rs_cbor_reader *reader, rc_sink *name,
                   rs_cbor_reader *line);
/* describe_array.c: what stands behind the tags ARRAY, VIEW, SCALAR and DTYPE. */
void rc_put_array_type(rc_sink *out, uint64_t tag, rs_cbor_reader look);
void rc_put_array(rc_sink *out, const rs_state *state, rc_shares *shares, uint64_t tag,
                  rs_cbor_reader at_tag, rs_cbor_reader look);
/* describe_time.c: a datetime64 as numpy writes it, `unit` as in its dtype. */
void rc_put_datetime(rc_sink *out, int64_t count, const char *unit);
#endif
