/* Arrays of the object stream: shape, strides, and their elements in order, a piece at a time.
 *
 * docs/format.md, part "Arrays of numpy". Nothing is taken on trust: every element must lie inside
 * the memory that is there. */
#include "export.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>
#include <unistd.h>

#define WINDOW_MIN (UINT64_C(1) << 20) /* of a blob that is read in order */
#define ITEM_MAX   (UINT64_C(64) << 20)

void rc_array_release(rc_array *array) {
    rc_dtype_release(&array->dtype);
    rs_free(array->source.owned);
    rs_free(array->source.window);
    *array = (rc_array){0};
}

uint64_t rc_array_size(const rc_array *array) {
    return array->elements * array->dtype.item_size;
}

static resume_status refuse(rs_error *error, const char *why) {
    return rs_fail(error, RESUME_UNSUPPORTED, "%s", why);
}

/* ---- memory */

/* A byte string or a blob, at the reader. */
static bool read_source(const rc_export *export, rs_cbor_reader *reader, rc_source *source) {
    rs_cbor_item item;
    *source = (rc_source){0};
    if (rc_resolve((rc_shares *)&export->shares, export->state, reader, &item, NULL, NULL) !=
        RESUME_OK)
        return false;
    if (item.kind == RS_CBOR_BYTES) {
        source->bytes = item.bytes;
        source->size = item.argument;
        return true;
    }
    if (item.kind != RS_CBOR_TAG || item.argument != TAG_BLOB) return false;
    if (!rc_next_blob(reader, &source->blob, &source->start) ||
        source->blob >= rs_state_blob_count(export->state))
        return false;
    source->size = rs_state_blob_size(export->state, source->blob);
    return source->blob > 0;
}

/* Bytes `position` and on, relative to what is there; at least `size` of them in *bytes. */
static resume_status source_get(rc_export *export, rc_source *source, uint64_t position,
                                uint64_t size, const uint8_t **bytes, rs_error *error) {
    if (source->bytes) {
        *bytes = source->bytes + position;
        return RESUME_OK;
    }
    bool inside = position >= source->window_start &&
                  position + size <= source->window_start + source->window_size;
    if (!inside) {
        if (!source->window) {
            resume_status refused = rs_state_claim(export->state, source->window_room, error);
            if (refused) return refused;
            source->window = rs_allocate((size_t)source->window_room);
        }
        if (!source->window)
            return rs_fail(error, RESUME_NO_MEMORY, "no memory for %" PRIu64 " bytes of an array",
                           source->window_room);
        uint64_t start = source->window_room == source->size ? 0 : position; /* all of it, once */
        uint64_t count = rs_minimum(source->window_room, source->size - start);
        source->window_size = 0;
        resume_status status = rs_state_read_range(export->state, source->blob, start,
                                                   (size_t)count, source->window, error);
        if (status != RESUME_OK) return status;
        source->window_start = start;
        source->window_size = count;
    }
    *bytes = source->window + (position - source->window_start);
    return RESUME_OK;
}

/* ---- shape */

static bool next_list(rs_cbor_reader *reader, uint64_t count_max, uint64_t *count) {
    rs_cbor_item item;
    if (rs_cbor_next(reader, &item, NULL) != RESUME_OK || item.kind != RS_CBOR_ARRAY) return false;
    *count = item.argument;
    return item.argument <= count_max;
}

static bool read_shape(rs_cbor_reader *reader, rc_array *array) {
    uint64_t count;
    if (!next_list(reader, RC_DIMENSIONS_MAX, &count)) return false;
    array->dimensions = (size_t)count;
    for (size_t i = 0; i < count; i++) {
        rs_cbor_item item;
        if (rs_cbor_next(reader, &item, NULL) != RESUME_OK || item.kind != RS_CBOR_UNSIGNED ||
            item.argument > INT64_MAX)
            return false;
        array->shape[i] = item.argument;
    }
    return true;
}

static bool read_strides(rs_cbor_reader *reader, rc_array *array) {
    uint64_t count;
    if (!next_list(reader, RC_DIMENSIONS_MAX, &count) || count != array->dimensions) return false;
    for (size_t i = 0; i < count; i++) {
        rs_cbor_item item;
        if (rs_cbor_next(reader, &item, NULL) != RESUME_OK || item.argument > INT64_MAX)
            return false;
        if (item.kind == RS_CBOR_UNSIGNED)
            array->strides[i] = (int64_t)item.argument;
        else if (item.kind == RS_CBOR_NEGATIVE)
            array->strides[i] = -1 - (int64_t)item.argument;
        else
            return false;
    }
    return true;
}

/* 0 rows first, 1 columns first, or the axes from the slowest to the fastest: strides without
 * gaps. */
static bool read_order(rs_cbor_reader *reader, rc_array *array) {
    size_t axes[RC_DIMENSIONS_MAX], count = array->dimensions;
    bool seen[RC_DIMENSIONS_MAX] = {false};
    rs_cbor_item item;
    if (rs_cbor_next(reader, &item, NULL) != RESUME_OK) return false;
    if (item.kind == RS_CBOR_ARRAY && item.argument != count) return false;
    if (item.kind == RS_CBOR_UNSIGNED ? item.argument > 1 : item.kind != RS_CBOR_ARRAY)
        return false;
    for (size_t i = 0; i < count; i++) {
        axes[i] = item.kind == RS_CBOR_UNSIGNED && item.argument == 1 ? count - 1 - i : i;
        rs_cbor_item axis;
        if (item.kind != RS_CBOR_ARRAY) continue;
        if (rs_cbor_next(reader, &axis, NULL) != RESUME_OK || axis.kind != RS_CBOR_UNSIGNED ||
            axis.argument >= count || seen[axis.argument])
            return false;
        seen[axis.argument] = true;
        axes[i] = (size_t)axis.argument;
    }
    int64_t stride = (int64_t)array->dtype.item_size;
    for (size_t i = count; i-- > 0;) {
        array->strides[axes[i]] = stride;
        if (array->shape[axes[i]] > 0 &&
            __builtin_mul_overflow(stride, (int64_t)array->shape[axes[i]], &stride))
            return false;
    }
    return true;
}

/* The number of elements; false when they are too many, or some are outside of the memory. */
static bool lay_out(rc_array *array) {
    const rc_source *source = &array->source;
    int64_t low = 0, high = 0, size;
    uint64_t all;
    array->elements = 1;
    for (size_t i = 0; i < array->dimensions; i++)
        if (array->shape[i] == 0) array->elements = 0;
    if (array->elements == 0) return true;
    for (size_t i = 0; i < array->dimensions; i++) {
        int64_t extent;
        if (rs_multiply_overflows(array->elements, array->shape[i], &array->elements) ||
            __builtin_mul_overflow((int64_t)array->shape[i] - 1, array->strides[i], &extent) ||
            __builtin_add_overflow(extent < 0 ? low : high, extent, extent < 0 ? &low : &high))
            return false;
    }
    if (rs_multiply_overflows(array->elements, array->dtype.item_size, &all) || all > INT64_MAX)
        return false;
    if (array->offset > INT64_MAX || source->start > INT64_MAX || source->size > INT64_MAX)
        return false;
    int64_t first = (int64_t)array->offset - (int64_t)source->start;
    if (__builtin_add_overflow(low, first, &low) || low < 0) return false;
    if (__builtin_add_overflow(high, first, &high) ||
        __builtin_add_overflow(high, (int64_t)array->dtype.item_size, &size))
        return false;
    return size <= (int64_t)source->size;
}

/* ---- values that are arrays */

/* A list of numbers, plain bytes and the like: one dimension over all of the memory. */
static resume_status over_memory(const char *dtype, rc_array *array, rs_error *error) {
    if (!rc_dtype_plain(dtype, &array->dtype))
        return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    array->dimensions = 1;
    array->shape[0] = array->source.size / array->dtype.item_size;
    array->strides[0] = (int64_t)array->dtype.item_size;
    return lay_out(array) ? RESUME_OK : refuse(error, "an array is damaged");
}

/* [dtype, shape, order, writeable, memory] */
static bool read_array(const rc_export *export, rs_cbor_reader look, rc_array *array) {
    uint64_t count;
    return next_list(&look, 5, &count) && count == 5 && rc_dtype_read(&look, &array->dtype) &&
           read_shape(&look, array) && read_order(&look, array) &&
           rs_cbor_skip(&look, NULL) == RESUME_OK && read_source(export, &look, &array->source);
}

/* The memory of an ARRAY, of bytes, of a bytearray or of an array.array. */
static bool read_base(const rc_export *export, rs_cbor_reader look, rc_source *source) {
    rs_cbor_item item;
    rs_cbor_reader memory = look;
    uint64_t count;
    if (rc_resolve((rc_shares *)&export->shares, export->state, &look, &item, NULL, NULL) !=
        RESUME_OK)
        return false;
    if (item.kind == RS_CBOR_TAG && item.argument == TAG_BYTEARRAY) memory = look;
    if (item.kind == RS_CBOR_TAG &&
        (item.argument == TAG_ARRAY || item.argument == TAG_ARRAY_ARRAY)) {
        uint64_t before = item.argument == TAG_ARRAY ? 4 : 2;
        if (!next_list(&look, 5, &count) || count != before + 1) return false;
        for (uint64_t i = 0; i < before; i++)
            if (rs_cbor_skip(&look, NULL) != RESUME_OK) return false;
        memory = look;
    }
    return read_source(export, &memory, source);
}

/* [base, dtype, shape, strides, offset, writeable] */
static bool read_view(const rc_export *export, rs_cbor_reader look, rc_array *array) {
    uint64_t count;
    rs_cbor_item offset;
    if (!next_list(&look, 6, &count) || count != 6) return false;
    if (!read_base(export, look, &array->source)) return false;
    if (rs_cbor_skip(&look, NULL) != RESUME_OK || !rc_dtype_read(&look, &array->dtype) ||
        !read_shape(&look, array) || !read_strides(&look, array) ||
        rs_cbor_next(&look, &offset, NULL) != RESUME_OK || offset.kind != RS_CBOR_UNSIGNED)
        return false;
    array->offset = offset.argument;
    return true;
}

static resume_status open_array(rc_export *export, uint64_t tag, rs_cbor_reader look,
                                rc_array *array, rs_error *error) {
    uint64_t count;
    bool good = tag == TAG_ARRAY  ? read_array(export, look, array)
                : tag == TAG_VIEW ? read_view(export, look, array)
                                  : next_list(&look, 2, &count) && count == 2 &&
                                        rc_dtype_read(&look, &array->dtype) &&
                                        read_source(export, &look, &array->source);
    if (good && array->dtype.item_size == 0) return refuse(error, "its elements have no bytes");
    if (good && array->dtype.item_size > ITEM_MAX)
        return refuse(error, "its elements are too large");
    if (!good || !lay_out(array)) return refuse(error, "an array of a kind that is not known");
    return RESUME_OK;
}

/* [typecode, size of an item, memory] */
static resume_status open_array_array(rc_export *export, rs_cbor_reader look, rc_array *array,
                                      rs_error *error) {
    uint64_t count;
    char dtype[4] = "<";
    rs_cbor_item code, size;
    if (!next_list(&look, 3, &count) || count != 3 ||
        rs_cbor_next(&look, &code, NULL) != RESUME_OK || code.kind != RS_CBOR_TEXT ||
        code.argument != 1 || rs_cbor_next(&look, &size, NULL) != RESUME_OK ||
        size.kind != RS_CBOR_UNSIGNED || size.argument > 8 ||
        !read_source(export, &look, &array->source))
        return refuse(error, "an array.array of a kind that is not known");
    char letter = (char)code.bytes[0];
    if (!strchr("bBhHiIlLqQfd", letter)) return refuse(error, "an array.array of characters");
    dtype[1] = letter == 'f' || letter == 'd' ? 'f' : letter >= 'a' ? 'i' : 'u';
    dtype[2] = (char)('0' + size.argument);
    if (!rc_dtype_plain(dtype, &array->dtype))
        return refuse(error, "an array.array of a kind that is not known");
    rc_dtype_release(&array->dtype);
    return over_memory(dtype, array, error);
}

/* numpy.bytes_ */
static resume_status open_bytes_scalar(const rs_cbor_item *content, rc_array *array,
                                       rs_error *error) {
    char dtype[32];
    if (content->argument == 0) return refuse(error, "its elements have no bytes");
    snprintf(dtype, sizeof dtype, "|S%" PRIu64, content->argument);
    if (!rc_dtype_plain(dtype, &array->dtype)) return refuse(error, "bytes that are too many");
    array->source.bytes = content->bytes;
    array->source.size = content->argument;
    return lay_out(array) ? RESUME_OK : refuse(error, "an array is damaged");
}

resume_status rc_array_open(rc_export *export, rs_cbor_reader value, rc_array *array,
                            rs_error *error) {
    rs_cbor_item item;
    rs_cbor_reader look = value;
    *array = (rc_array){0};
    resume_status status = rc_resolve(&export->shares, export->state, &look, &item, NULL, error);
    if (status != RESUME_OK) return status;
    bool tagged = item.kind == RS_CBOR_TAG;
    rs_cbor_item content = {.kind = RS_CBOR_SIMPLE};
    rs_cbor_reader inside = look;
    if (tagged && item.argument == TAG_SCALAR) (void)rs_cbor_next(&inside, &content, NULL);
    if (tagged && (item.argument == TAG_ARRAY || item.argument == TAG_VIEW))
        status = open_array(export, item.argument, look, array, error);
    else if (tagged && item.argument == TAG_SCALAR && content.kind == RS_CBOR_ARRAY)
        status = open_array(export, item.argument, look, array, error);
    else if (tagged && item.argument == TAG_SCALAR && content.kind == RS_CBOR_BYTES)
        status = open_bytes_scalar(&content, array, error);
    else if (tagged && item.argument == TAG_ARRAY_ARRAY)
        status = open_array_array(export, look, array, error);
    else if (tagged && rc_is_packed(item.argument)) /* never a list for rc_array_from_list */
        status = read_source(export, &look, &array->source)
                     ? over_memory(item.argument == TAG_INT64_ARRAY ? "<i8" : "<f8", array, error)
                     : refuse(error, "a list that is damaged");
    else if (item.kind == RS_CBOR_BYTES || (tagged && item.argument == TAG_BYTEARRAY) ||
             (tagged && item.argument == TAG_BLOB))
        status = read_base(export, value, &array->source) ? over_memory("|u1", array, error)
                                                          : refuse(error, "bytes are damaged");
    else
        status = rc_array_from_list(export, value, array, error);
    if (status != RESUME_OK) rc_array_release(array);
    return status;
}

/* ---- the elements in order */

void rc_array_transpose(rc_array *array) {
    for (size_t i = 0, j = array->dimensions; i + 1 < j; i++) {
        j--;
        uint64_t shape = array->shape[i];
        int64_t stride = array->strides[i];
        array->shape[i] = array->shape[j];
        array->strides[i] = array->strides[j];
        array->shape[j] = shape;
        array->strides[j] = stride;
    }
}

/* The first of the last dimensions that have no gaps: in them the order is that of the memory. */
static size_t dense_from(const rc_array *array, uint64_t *bytes) {
    size_t first = array->dimensions;
    *bytes = array->dtype.item_size;
    while (first > 0) {
        uint64_t count = array->shape[first - 1];
        if (count != 1 && array->strides[first - 1] != (int64_t)*bytes) break;
        *bytes *= count;
        first--;
    }
    return first;
}

bool rc_array_is_fortran(const rc_array *array) {
    uint64_t bytes;
    rc_array turned = *array;
    if (array->dimensions < 2 || array->elements == 0 || dense_from(array, &bytes) == 0)
        return false;
    rc_array_transpose(&turned);
    return dense_from(&turned, &bytes) == 0;
}

/* Each step of the walk goes forward in memory. */
static bool is_forward(const rc_array *array, size_t outer, uint64_t run) {
    uint64_t inner = run;
    for (size_t i = outer; i-- > 0;) {
        if (array->shape[i] == 1) continue;
        if (array->strides[i] < 0 || (uint64_t)array->strides[i] < inner) return false;
        inner = (uint64_t)array->strides[i] * array->shape[i];
    }
    return true;
}

/* For a blob that must be in memory as a whole: a quarter of the machine's. */
static uint64_t memory_max(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages / 4 * (uint64_t)size : WINDOW_MIN;
}

resume_status rc_array_walk_start(rc_export *export, rc_array *array, rc_array_walk *walk,
                                  rs_error *error) {
    (void)export;
    rc_source *source = &array->source;
    *walk = (rc_array_walk){.array = array, .done = array->elements == 0};
    if (walk->done) return RESUME_OK;
    walk->outer = dense_from(array, &walk->run);
    walk->run_left = walk->run;
    walk->position = array->offset - source->start;
    bool forward = is_forward(array, walk->outer, walk->run);
    uint64_t room = rs_maximum(WINDOW_MIN, array->dtype.item_size);
    if (!forward) room = source->size;
    if (!source->bytes && room > memory_max())
        return rs_fail(error, RESUME_NO_MEMORY,
                       "a view in another order of an array of %" PRIu64 " bytes", source->size);
    source->window_room = rs_minimum(room, source->size);
    return RESUME_OK;
}

/* The next run, like an odometer. */
static void advance(rc_array_walk *walk) {
    rc_array *array = walk->array;
    walk->run_left = walk->run;
    for (size_t i = walk->outer; i-- > 0;) {
        walk->position += (uint64_t)array->strides[i];
        if (++walk->index[i] < array->shape[i]) return;
        walk->position -= (uint64_t)array->strides[i] * array->shape[i];
        walk->index[i] = 0;
    }
    walk->done = true;
}

resume_status rc_array_walk_next(rc_export *export, rc_array_walk *walk, size_t size_max,
                                 const uint8_t **bytes, size_t *size, rs_error *error) {
    *size = 0;
    if (walk->done) return RESUME_OK;
    uint64_t item = walk->array->dtype.item_size;
    uint64_t part = rs_minimum(walk->run_left, rs_maximum(size_max / item, 1) * item);
    rc_source *source = &walk->array->source;
    if (!source->bytes) part = rs_minimum(part, rs_maximum(source->window_room / item, 1) * item);
    uint64_t at = walk->position + (walk->run - walk->run_left);
    resume_status status = source_get(export, source, at, part, bytes, error);
    if (status != RESUME_OK) return status;
    *size = (size_t)part;
    walk->run_left -= part;
    if (walk->run_left == 0) advance(walk);
    return RESUME_OK;
}
