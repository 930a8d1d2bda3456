/* One value of the object stream: what it is, for a variable of C. */
#include "api/stream.h"

#include <inttypes.h>
#include <stdio.h>

static void be_other(rs_value *value, const char *what) {
    value->kind = RS_VALUE_OTHER;
    value->other = what;
}

static void be_number(rs_value *value, rs_number number) {
    value->kind = RS_VALUE_NUMBER;
    value->number = number;
}

/* A number that has its bytes: they are kept, since a conversion may change a NaN. */
static void be_raw(rs_value *value, const rs_dtype *dtype) {
    rs_number number;
    if (!rs_number_load(dtype, value->raw, &number)) {
        be_other(value, "a number of another kind of machine");
        return;
    }
    be_number(value, number);
    value->dtype = *dtype;
}

static resume_status read_simple(const rs_cbor_item *item, rs_value *value) {
    rs_dtype dtype = {.kind = 'f', .size = item->width};
    if (item->width >= 2) {
        rs_store_u64(value->raw, item->argument);
        be_raw(value, &dtype);
    } else if (item->argument == RS_CBOR_FALSE || item->argument == RS_CBOR_TRUE) {
        be_number(value, rs_number_of_int(false, item->argument == RS_CBOR_TRUE));
        value->number.is_bool = true;
    } else {
        be_other(value, item->argument == RS_CBOR_NULL ? "None" : "what could not be saved");
    }
    return RESUME_OK;
}

static resume_status read_complex(rs_stream *stream, rs_cbor_reader reader, rs_value *value,
                                  rs_error *error) {
    rs_cbor_item item;
    resume_status status = rs_stream_next(stream, &reader, RS_CBOR_ARRAY, &item, error);
    if (status == RESUME_OK && item.argument != 2) status = rs_stream_damaged(error, "a complex");
    for (unsigned i = 0; status == RESUME_OK && i < 2; i++) {
        status = rs_stream_next(stream, &reader, RS_CBOR_SIMPLE, &item, error);
        if (status == RESUME_OK && item.width != 8) status = rs_stream_damaged(error, "a complex");
        if (status == RESUME_OK) rs_store_u64(value->raw + 8 * i, item.argument);
    }
    if (status == RESUME_OK) be_raw(value, &(rs_dtype){.kind = 'c', .size = 16});
    return status;
}

static resume_status read_memory_value(rs_stream *stream, rs_cbor_reader reader, rs_value_kind kind,
                                       rs_value *value, rs_error *error) {
    value->kind = kind;
    resume_status status = rs_stream_memory(stream, &reader, &value->memory, error);
    if (status == RESUME_OK && value->memory.low != 0) status = rs_stream_damaged(error, "bytes");
    return status;
}

/* numpy.str_ and numpy.bytes_ stand as they are. `item` is the one before `reader`. */
static resume_status read_numpy_text(rs_stream *stream, const rs_cbor_item *item,
                                     rs_cbor_reader reader, rs_value *value, rs_error *error) {
    rs_cbor_reader at_item = reader;
    at_item.position = item->offset;
    if (item->kind == RS_CBOR_TEXT) {
        value->kind = RS_VALUE_TEXT;
        value->memory = (rs_memory){.bytes = item->bytes, .high = item->argument};
        return RESUME_OK;
    }
    if (item->kind == RS_CBOR_TAG && item->argument == RS_TAG_SURROGATES)
        return read_memory_value(stream, reader, RS_VALUE_TEXT, value, error);
    return read_memory_value(stream, at_item, RS_VALUE_BYTES, value, error);
}

static resume_status read_scalar(rs_stream *stream, rs_cbor_reader reader, rs_value *value,
                                 rs_error *error) {
    rs_cbor_item item;
    rs_dtype dtype;
    resume_status status = rs_stream_resolve(stream, &reader, &item, error);
    if (status) return status;
    if (item.kind != RS_CBOR_ARRAY) return read_numpy_text(stream, &item, reader, value, error);
    if (item.argument != 2) return rs_stream_damaged(error, "a number of numpy");
    rs_cbor_reader type = reader;
    status = rs_stream_skip(stream, &reader, error);
    if (status == RESUME_OK) status = rs_stream_resolve(stream, &type, &item, error);
    if (status == RESUME_OK) status = rs_stream_memory(stream, &reader, &value->memory, error);
    if (status) return status;
    if (item.kind != RS_CBOR_TEXT || !rs_dtype_parse(item.bytes, (size_t)item.argument, &dtype)) {
        be_other(value, "a value of numpy that C has no type for");
        return RESUME_OK;
    }
    if (value->memory.high - value->memory.low != dtype.size || value->memory.low != 0)
        return rs_stream_damaged(error, "a number of numpy");
    status = rs_memory_read(stream, &value->memory, 0, dtype.size, value->raw, error);
    if (status == RESUME_OK) be_raw(value, &dtype);
    return status;
}

/* A list of numbers, packed: tag 79 or 86 over memory. */
static resume_status read_packed(rs_stream *stream, rs_cbor_reader reader, rs_value *value,
                                 rs_error *error) {
    rs_cbor_item item;
    resume_status status = rs_stream_next(stream, &reader, RS_CBOR_TAG, &item, error);
    if (status) return status;
    bool is_int = item.argument == RS_TAG_INT64_ARRAY;
    if (!is_int && item.argument != RS_TAG_FLOAT64_ARRAY)
        return rs_stream_damaged(error, "a list of numbers");
    status = rs_stream_memory(stream, &reader, &value->memory, error);
    if (status) return status;
    uint64_t size = value->memory.high - value->memory.low;
    if (value->memory.low != 0 || size % 8 != 0)
        return rs_stream_damaged(error, "a list of numbers");
    value->kind = RS_VALUE_ARRAY;
    value->dtype = (rs_dtype){.kind = is_int ? 'i' : 'f', .size = 8};
    snprintf(value->dtype_text, sizeof value->dtype_text, "%s", is_int ? "<i8" : "<f8");
    value->rank = 1;
    value->shape[0] = size / 8;
    value->strides[0] = 8;
    value->offset = 0;
    return RESUME_OK;
}

/* The content of a tag that is an array: of items, or of keys and values in turn. */
static resume_status read_items(rs_stream *stream, rs_cbor_reader reader, bool pairs,
                                rs_value *value, rs_error *error) {
    rs_cbor_item item;
    resume_status status = rs_stream_next(stream, &reader, RS_CBOR_ARRAY, &item, error);
    if (status) return status;
    if (pairs && item.argument % 2) return rs_stream_damaged(error, "a dict");
    value->kind = pairs ? RS_VALUE_MAP : RS_VALUE_LIST;
    value->count = pairs ? item.argument / 2 : item.argument;
    value->items = reader;
    return RESUME_OK;
}

static resume_status read_tag(rs_stream *stream, rs_cbor_reader at_tag, rs_cbor_reader reader,
                              uint64_t tag, rs_value *value, rs_error *error) {
    switch (tag) {
    case RS_TAG_BIG_POSITIVE:
    case RS_TAG_BIG_NEGATIVE:
        be_other(value, "an int of more than 64 bits");
        return RESUME_OK;
    case RS_TAG_TUPLE:
        return read_items(stream, reader, false, value, error);
    case RS_TAG_DICT:
    case RS_TAG_ORDERED_DICT:
        return read_items(stream, reader, true, value, error);
    case RS_TAG_SURROGATES:
        return read_memory_value(stream, reader, RS_VALUE_TEXT, value, error);
    case RS_TAG_BLOB:
        return read_memory_value(stream, at_tag, RS_VALUE_BYTES, value, error);
    case RS_TAG_BYTEARRAY:
        return read_memory_value(stream, reader, RS_VALUE_BYTES, value, error);
    case RS_TAG_LIST:
        return read_packed(stream, reader, value, error);
    case RS_TAG_COMPLEX:
        return read_complex(stream, reader, value, error);
    case RS_TAG_SCALAR:
        return read_scalar(stream, reader, value, error);
    case RS_TAG_ARRAY:
    case RS_TAG_VIEW:
    case RS_TAG_ARRAY_ARRAY:
        return rs_stream_array(stream, reader, tag, value, error);
    default:
        be_other(value, "a value that C has no type for");
        return RESUME_OK;
    }
}

static resume_status read_item(rs_stream *stream, const rs_cbor_item *item, rs_cbor_reader at_item,
                               rs_cbor_reader reader, rs_value *value, rs_error *error) {
    switch (item->kind) {
    case RS_CBOR_UNSIGNED:
    case RS_CBOR_NEGATIVE:
        be_number(value, rs_number_of_int(item->kind == RS_CBOR_NEGATIVE, item->argument));
        return RESUME_OK;
    case RS_CBOR_BYTES:
    case RS_CBOR_TEXT:
        value->kind = item->kind == RS_CBOR_TEXT ? RS_VALUE_TEXT : RS_VALUE_BYTES;
        value->memory = (rs_memory){.bytes = item->bytes, .high = item->argument};
        return RESUME_OK;
    case RS_CBOR_ARRAY:
    case RS_CBOR_MAP:
        value->kind = item->kind == RS_CBOR_MAP ? RS_VALUE_MAP : RS_VALUE_LIST;
        value->count = item->argument;
        value->items = reader;
        return RESUME_OK;
    case RS_CBOR_TAG:
        return read_tag(stream, at_item, reader, item->argument, value, error);
    default:
        return read_simple(item, value);
    }
}

resume_status rs_value_read(rs_stream *stream, rs_cbor_reader *reader, rs_value *value,
                            rs_error *error) {
    rs_cbor_reader at = *reader;
    rs_cbor_item item;
    value->dtype = (rs_dtype){0};
    resume_status status = rs_stream_skip(stream, reader, error);
    if (status == RESUME_OK) status = rs_stream_resolve(stream, &at, &item, error);
    if (status) return status;
    rs_cbor_reader at_item = at;
    at_item.position = item.offset;
    return read_item(stream, &item, at_item, at, value, error);
}

/* --- for messages --- */

static void array_text(const rs_value *value, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "an array of %s (", value->dtype_text);
    for (size_t i = 0; i < value->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i ? ", %" PRIu64 : "%" PRIu64,
                                 value->shape[i]);
    if (used < size) snprintf(text + used, size - used, value->rank == 1 ? ",)" : ")");
}

void rs_value_text(const rs_value *value, char *text, size_t size) {
    static const char *const numbers[] = {"the int ", "the float ", "the complex "};
    uint64_t bytes = value->memory.high - value->memory.low;
    int used;
    switch (value->kind) {
    case RS_VALUE_NUMBER:
        used = snprintf(text, size, "%s",
                        value->number.is_bool ? "the bool " : numbers[value->number.kind]);
        if (used >= 0 && (size_t)used < size)
            rs_number_text(&value->number, text + used, size - (size_t)used);
        break;
    case RS_VALUE_TEXT:
        snprintf(text, size, "a text of %" PRIu64 " bytes", bytes);
        break;
    case RS_VALUE_BYTES:
        snprintf(text, size, "%" PRIu64 " bytes", bytes);
        break;
    case RS_VALUE_ARRAY:
        array_text(value, text, size);
        break;
    case RS_VALUE_LIST:
        snprintf(text, size, "a list of %" PRIu64, value->count);
        break;
    case RS_VALUE_MAP:
        snprintf(text, size, "a dict of %" PRIu64, value->count);
        break;
    case RS_VALUE_OTHER:
        snprintf(text, size, "%s", value->other);
        break;
    }
}
