/* Inside `resume export`: dtypes, arrays, what is exported, where it goes, and the four formats. */
#ifndef RC_EXPORT_H
#define RC_EXPORT_H

#include "command.h"
#include "describe.h"

#include "base/buffer.h"

#include <string.h>

/* ---- dtype.c: what the elements of an array are, docs/format.md "Arrays of numpy" */

/* One kind of number in an element: the element itself, or a field of a record. */
typedef struct rc_leaf {
    char name[96];   /* of the field, "a.b" for one in a record in a record; else empty */
    uint64_t offset; /* in the element */
    char order;      /* '<', '>' or '|' */
    char kind;       /* b i u q Q f g c G m M S U V */
    uint64_t size;   /* bytes of one */
    uint64_t count;  /* of a sub-array, else 1 */
    char unit[24];   /* of M and m: "s", "25us" */
} rc_leaf;

typedef struct rc_dtype {
    rs_buffer descr;      /* as numpy.save writes it, with a zero behind it */
    const char *no_descr; /* NULL, or why numpy.load can't have it */
    rc_leaf *leaves;
    size_t leaf_count;
    uint64_t item_size; /* at most 2^31 */
    bool record;
} rc_dtype; /* zero-initialised: safe to release */
void rc_dtype_release(rc_dtype *dtype);
/* Reads a dtype and moves behind it; false: it is none, or there is no memory. */
bool rc_dtype_read(rs_cbor_reader *reader, rc_dtype *dtype);
bool rc_dtype_plain(const char *text, rc_dtype *dtype); /* "<f8" */

typedef enum rc_cell_kind {
    RC_CELL_NUMBER,
    RC_CELL_LARGE,      /* an integer that a double can't hold */
    RC_CELL_NOT_FINITE, /* nan, inf, -inf */
    RC_CELL_BOOL,
    RC_CELL_TEXT,
} rc_cell_kind;
/* Number `index` (of leaf->count) in an element as text, appended to `out`; a complex number has
 * two parts. */
rc_cell_kind rc_leaf_text(const rc_leaf *leaf, const uint8_t *element, uint64_t index,
                          unsigned part, rs_buffer *out);
static inline unsigned rc_leaf_parts(const rc_leaf *leaf) {
    return leaf->kind == 'c' || leaf->kind == 'G' ? 2 : 1;
}

/* ---- array.c: the elements of one array, a piece at a time */

typedef struct rc_export rc_export;

/* Bytes start .. start + size of some memory: here, or in a blob that is read by a window. */
typedef struct rc_source {
    const uint8_t *bytes;
    uint8_t *owned;
    size_t blob;
    uint64_t start, size;
    uint8_t *window;
    uint64_t window_start, window_size, window_room;
} rc_source;

#define RC_DIMENSIONS_MAX 64u
typedef struct rc_array {
    rc_dtype dtype;
    size_t dimensions;
    uint64_t shape[RC_DIMENSIONS_MAX];
    int64_t strides[RC_DIMENSIONS_MAX];
    uint64_t offset; /* of the first element in the memory */
    uint64_t elements;
    rc_source source;
} rc_array; /* zero-initialised: safe to release */
void rc_array_release(rc_array *array);
/* The value at `value` as an array: arrays, views, scalars, numbers, texts, bytes, lists of numbers
 * in one or more dimensions. UNSUPPORTED, with the reason in `error`, when it is none. */
resume_status rc_array_open(rc_export *export, rs_cbor_reader value, rc_array *array,
                            rs_error *error);
/* Bytes of all elements. */
uint64_t rc_array_size(const rc_array *array);
/* Its memory is ordered by columns and not by rows. */
bool rc_array_is_fortran(const rc_array *array);
void rc_array_transpose(rc_array *array);
/* The elements in the order of rows, as runs of whole elements. */
typedef struct rc_array_walk {
    rc_array *array;
    size_t outer; /* dimensions before those that lie dense in memory */
    uint64_t index[RC_DIMENSIONS_MAX];
    uint64_t run, run_left; /* bytes */
    uint64_t position;
    bool done;
} rc_array_walk;
/* NO_MEMORY when the order of its elements needs more memory at once than there is. */
resume_status rc_array_walk_start(rc_export *export, rc_array *array, rc_array_walk *walk,
                                  rs_error *error);
/* At most `size_max` bytes, *size 0 at the end. */
resume_status rc_array_walk_next(rc_export *export, rc_array_walk *walk, size_t size_max,
                                 const uint8_t **bytes, size_t *size, rs_error *error);

/* list.c: a list of numbers, texts or such lists, of equal lengths, as an array. */
resume_status rc_array_from_list(rc_export *export, rs_cbor_reader value, rc_array *array,
                                 rs_error *error);

/* ---- items.c: what is exported */

typedef struct rc_item {
    char *name; /* "x", "extra.x", "tracked.x", "result"; of a part "x.key" */
    rc_section section;
    size_t name_start;    /* of the bare name in `name` */
    rs_cbor_reader value; /* where it stands */
} rc_item;

struct rc_export {
    const rc_opened *opened;
    rs_state *state;
    rc_shares shares;
    rc_item *items;
    size_t item_count, item_room;
    uint64_t list_work; /* steps through lists that may still be taken, 1: none; 0: not known */
    uint64_t budget;    /* bytes of arrays that may still be written */
    size_t left_out;    /* values */
    char **selected;    /* names on the command line */
    size_t selected_count;
    bool compress;
};
/* The values that are chosen, in the order of the stream. NOT_FOUND for a name that is not there.
 */
resume_status rc_items_collect(rc_export *export, rs_error *error);
void rc_items_release(rc_export *export);
/* Dicts and lists that are no arrays themselves are replaced by their values, "x.key"; without
 * `all` only as far as the command line names such parts. */
resume_status rc_items_flatten(rc_export *export, bool all, rs_error *error);
/* Says on stderr, up to a number of times, that a value can't be exported. */
void rc_export_leave_out(rc_export *export, const char *name, const char *why);
/* Takes from the budget; false, with a reason in `error`: more than the file may well contain. */
bool rc_export_spend(rc_export *export, uint64_t size, rs_error *error);

/* ---- output.c: a new file that appears when it is complete, or stdout */

typedef struct rc_output {
    FILE *stream;
    const char *path; /* NULL: stdout */
    int folder;
    const char *file_name;
    char temporary[64];
    bool force;
    bool failed; /* a write failed: os_code */
    int os_code;
} rc_output; /* zero-initialised, folder -1 */
/* NULL or "-": stdout. EXISTS without `force`; never a folder, a device, a link. */
resume_status rc_output_open(rc_output *output, const char *path, bool force, rs_error *error);
/* Fails early when the disk has less room. */
resume_status rc_output_expect(rc_output *output, uint64_t size, rs_error *error);
void rc_output_write(rc_output *output, const void *bytes, size_t size);
static inline void rc_output_text(rc_output *output, const char *text) {
    rc_output_write(output, text, strlen(text));
}
/* All is written and synced: the file gets its name. */
resume_status rc_output_finish(rc_output *output, rs_error *error);
void rc_output_discard(rc_output *output); /* after finish: does nothing */

/* ---- the formats; what can't be exported is left out and told */
resume_status rc_export_npz(rc_export *export, rc_output *output, rs_error *error);
resume_status rc_export_json(rc_export *export, rc_output *output, rs_error *error);
resume_status rc_export_csv(rc_export *export, rc_output *output, rs_error *error);
resume_status rc_export_raw(rc_export *export, rc_output *output, rs_error *error);

/* cell.c: numbers and texts as text */
void rc_append_text(rs_buffer *out, const char *text);
void rc_append_format(rs_buffer *out, const char *format, ...) RS_PRINTF(2, 3);
void rc_append_double(rs_buffer *out, double value, bool is_single);
/* A text in quotes, ASCII alone; what is not UTF-8 but encoded like it (surrogates) is kept. */
void rc_append_json_text(rs_buffer *out, const void *utf8, size_t size);
#endif
