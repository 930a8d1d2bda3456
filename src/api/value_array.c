/* Arrays of the object stream: their layout, held against the memory that is there. */
#include "api/stream.h"

#include "base/arith.h"

#include <stdio.h>

static void be_other(rs_value *value, const char *what) {
    value->kind = RS_VALUE_OTHER;
    value->other = what;
}

/* False: an element that C has no type for; value->dtype is then of kind 0. */
static resume_status read_dtype(rs_stream *stream, rs_cbor_reader *reader, rs_value *value,
                                rs_error *error) {
    rs_cbor_reader at = *reader;
    rs_cbor_item item;
    resume_status status = rs_stream_skip(stream, reader, error);
    if (status == RESUME_OK) status = rs_stream_resolve(stream, &at, &item, error);
    if (status) return status;
    value->dtype = (rs_dtype){0};
    if (item.kind != RS_CBOR_TEXT) return RESUME_OK;
    size_t size = (size_t)item.argument;
    if (rs_dtype_parse(item.bytes, size, &value->dtype))
        snprintf(value->dtype_text, sizeof value->dtype_text, "%.*s", (int)size,
                 (const char *)item.bytes);
    return RESUME_OK;
}

/* *rank is the true one; beyond what a variable can have, the dimensions are skipped. */
static resume_status read_shape(rs_stream *stream, rs_cbor_reader *reader, rs_value *value,
                                rs_error *error) {
    rs_cbor_item item;
    resume_status status = rs_stream_next(stream, reader, RS_CBOR_ARRAY, &item, error);
    value->rank = (size_t)item.argument;
    for (size_t i = 0; status == RESUME_OK && i < value->rank; i++) {
        status = rs_stream_next(stream, reader, RS_CBOR_UNSIGNED, &item, error);
        if (i < RESUME_DIMENSIONS_MAX) value->shape[i] = item.argument;
    }
    return status;
}

/* The axes from the slowest to the fastest. */
static resume_status read_order(rs_stream *stream, rs_cbor_reader *reader, size_t rank,
                                size_t *axes, rs_error *error) {
    rs_cbor_item item;
    unsigned seen = 0;
    resume_status status = rs_stream_resolve(stream, reader, &item, error);
    if (status) return status;
    if (item.kind == RS_CBOR_UNSIGNED && item.argument <= 1) {
        for (size_t i = 0; i < rank; i++)
            axes[i] = item.argument ? rank - 1 - i : i;
        return RESUME_OK;
    }
    if (item.kind != RS_CBOR_ARRAY || item.argument != rank)
        return rs_stream_damaged(error, "the order of an array");
    for (size_t i = 0; i < rank; i++) {
        status = rs_stream_next(stream, reader, RS_CBOR_UNSIGNED, &item, error);
        if (status) return status;
        if (item.argument >= rank || seen >> item.argument & 1)
            return rs_stream_damaged(error, "the order of an array");
        seen |= 1u << item.argument;
        axes[i] = (size_t)item.argument;
    }
    return RESUME_OK;
}

/* Strides of elements without gaps; *size: of all of them. */
static resume_status lay_out(rs_value *value, const size_t *axes, uint64_t *size, rs_error *error) {
    *size = value->dtype.size;
    for (size_t i = value->rank; i-- > 0;) {
        if (*size > INT64_MAX) return rs_stream_damaged(error, "the shape of an array");
        value->strides[axes[i]] = (int64_t)*size;
        if (rs_multiply_overflows(*size, value->shape[axes[i]], size))
            return rs_stream_damaged(error, "the shape of an array");
    }
    return RESUME_OK;
}

/* [dtype, shape, order, writeable, memory] */
static resume_status read_array(rs_stream *stream, rs_cbor_reader reader, rs_value *value,
                                rs_error *error) {
    rs_cbor_item item;
    size_t axes[RESUME_DIMENSIONS_MAX];
    uint64_t size = 0;
    resume_status status = read_dtype(stream, &reader, value, error);
    if (status == RESUME_OK) status = read_shape(stream, &reader, value, error);
    if (status) return status;
    if (value->dtype.kind == 0 || value->rank > RESUME_DIMENSIONS_MAX) {
        be_other(value, value->dtype.kind ? "an array of more than 8 dimensions"
                                          : "an array of elements that C has no type for");
        return RESUME_OK;
    }
    status = read_order(stream, &reader, value->rank, axes, error);
    if (status == RESUME_OK)
        status = rs_stream_next(stream, &reader, RS_CBOR_SIMPLE, &item, error); /* writeable */
    if (status == RESUME_OK) status = rs_stream_memory(stream, &reader, &value->memory, error);
    if (status == RESUME_OK) status = lay_out(value, axes, &size, error);
    if (status) return status;
    if (value->memory.low != 0 || value->memory.high != size)
        return rs_stream_damaged(error, "the memory of an array");
    value->offset = 0;
    return RESUME_OK;
}

/* Whatever bytes a view may look at: an array, bytes, a bytearray, an array.array. */
static resume_status read_base(rs_stream *stream, rs_cbor_reader *reader, rs_memory *memory,
                               rs_error *error) {
    rs_cbor_reader at = *reader;
    rs_cbor_item item;
    resume_status status = rs_stream_skip(stream, reader, error);
    if (status == RESUME_OK) status = rs_stream_resolve(stream, &at, &item, error);
    if (status) return status;
    rs_cbor_reader start = at;
    start.position = item.offset;
    if (item.kind != RS_CBOR_TAG || item.argument == RS_TAG_BLOB)
        return rs_stream_memory(stream, &start, memory, error);
    if (item.argument == RS_TAG_BYTEARRAY) return rs_stream_memory(stream, &at, memory, error);
    size_t count = item.argument == RS_TAG_ARRAY ? 5 : item.argument == RS_TAG_ARRAY_ARRAY ? 3 : 0;
    if (count == 0) return rs_stream_damaged(error, "the base of a view");
    status = rs_stream_next(stream, &at, RS_CBOR_ARRAY, &item, error);
    if (status == RESUME_OK && item.argument != count)
        status = rs_stream_damaged(error, "the base of a view");
    for (size_t i = 1; status == RESUME_OK && i < count; i++)
        status = rs_stream_skip(stream, &at, error);
    return status ? status : rs_stream_memory(stream, &at, memory, error);
}

static resume_status read_strides(rs_stream *stream, rs_cbor_reader *reader, rs_value *value,
                                  rs_error *error) {
    rs_cbor_item item;
    resume_status status = rs_stream_next(stream, reader, RS_CBOR_ARRAY, &item, error);
    if (status == RESUME_OK && item.argument != value->rank)
        status = rs_stream_damaged(error, "the strides of a view");
    for (size_t i = 0; status == RESUME_OK && i < value->rank; i++) {
        status = rs_stream_resolve(stream, reader, &item, error);
        if (status) break;
        if (item.kind > RS_CBOR_NEGATIVE || item.argument > INT64_MAX)
            return rs_stream_damaged(error, "the strides of a view");
        int64_t stride = (int64_t)item.argument;
        value->strides[i] = item.kind == RS_CBOR_NEGATIVE ? -1 - stride : stride;
    }
    return status;
}

/* Every element of the view lies between `low` and `high` of its base. */
static bool is_inside(const rs_value *value) {
    int64_t first, last;
    if (value->offset > INT64_MAX) return false;
    first = last = (int64_t)value->offset;
    for (size_t i = 0; i < value->rank; i++)
        if (value->shape[i] == 0) return true;
    for (size_t i = 0; i < value->rank; i++) {
        int64_t span, *end = value->strides[i] < 0 ? &first : &last;
        if (value->shape[i] - 1 > INT64_MAX ||
            __builtin_mul_overflow((int64_t)(value->shape[i] - 1), value->strides[i], &span) ||
            __builtin_add_overflow(*end, span, end))
            return false;
    }
    uint64_t size = value->dtype.size;
    return first >= 0 && (uint64_t)first >= value->memory.low &&
           (uint64_t)last <= value->memory.high && value->memory.high - (uint64_t)last >= size;
}

/* [base, dtype, shape, strides, offset, writeable] */
static resume_status read_view(rs_stream *stream, rs_cbor_reader reader, rs_value *value,
                               rs_error *error) {
    rs_cbor_item item = {0};
    resume_status status = read_base(stream, &reader, &value->memory, error);
    if (status == RESUME_OK) status = read_dtype(stream, &reader, value, error);
    if (status == RESUME_OK) status = read_shape(stream, &reader, value, error);
    if (status) return status;
    if (value->dtype.kind == 0 || value->rank > RESUME_DIMENSIONS_MAX) {
        be_other(value, value->dtype.kind ? "an array of more than 8 dimensions"
                                          : "an array of elements that C has no type for");
        return RESUME_OK;
    }
    status = read_strides(stream, &reader, value, error);
    if (status == RESUME_OK)
        status = rs_stream_next(stream, &reader, RS_CBOR_UNSIGNED, &item, error);
    if (status) return status;
    value->offset = item.argument;
    return is_inside(value) ? RESUME_OK : rs_stream_damaged(error, "the layout of a view");
}

/* [typecode, size of an item, memory] of array.array */
static resume_status read_array_array(rs_stream *stream, rs_cbor_reader reader, rs_value *value,
                                      rs_error *error) {
    rs_cbor_item code, item = {0};
    resume_status status = rs_stream_next(stream, &reader, RS_CBOR_TEXT, &code, error);
    if (status == RESUME_OK)
        status = rs_stream_next(stream, &reader, RS_CBOR_UNSIGNED, &item, error);
    if (status == RESUME_OK) status = rs_stream_memory(stream, &reader, &value->memory, error);
    if (status) return status;
    uint64_t size = item.argument, bytes = value->memory.high - value->memory.low;
    char letter = code.argument == 1 ? (char)code.bytes[0] : 0;
    char kind = letter == 0                      ? 0
                : strchr("bhilq", letter)        ? 'i'
                : strchr("BHILQ", letter)        ? 'u'
                : letter == 'f' || letter == 'd' ? 'f'
                                                 : 0;
    snprintf(value->dtype_text, sizeof value->dtype_text, "<%c%d", kind ? kind : '?',
             size < 100 ? (int)size : 0);
    if (kind == 0 || !rs_dtype_parse(value->dtype_text, strlen(value->dtype_text), &value->dtype)) {
        be_other(value, "an array.array that C has no type for");
        return RESUME_OK;
    }
    if (value->memory.low != 0 || bytes % size != 0)
        return rs_stream_damaged(error, "an array.array");
    value->rank = 1;
    value->shape[0] = bytes / size;
    value->strides[0] = (int64_t)size;
    value->offset = 0;
    return RESUME_OK;
}

resume_status rs_stream_array(rs_stream *stream, rs_cbor_reader reader, uint64_t tag,
                              rs_value *value, rs_error *error) {
    rs_cbor_item item;
    uint64_t count = tag == RS_TAG_ARRAY ? 5 : tag == RS_TAG_VIEW ? 6 : 3;
    resume_status status = rs_stream_next(stream, &reader, RS_CBOR_ARRAY, &item, error);
    if (status) return status;
    if (item.argument != count) return rs_stream_damaged(error, "an array");
    value->kind = RS_VALUE_ARRAY;
    return tag == RS_TAG_ARRAY  ? read_array(stream, reader, value, error)
           : tag == RS_TAG_VIEW ? read_view(stream, reader, value, error)
                                : read_array_array(stream, reader, value, error);
}
