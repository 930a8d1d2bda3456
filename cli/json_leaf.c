/* `--format json`: numbers, texts, bytes and arrays as JSON. */
#include "json_writer.h"

#include "base/alloc.h"

#include <inttypes.h>

void rc_json_flush(rc_json_writer *this) {
    rc_output_write(this->output, this->out.bytes, this->out.size);
    this->out.size = 0;
}

void rc_json_put(rc_json_writer *this, const char *text) {
    rc_append_text(&this->out, text);
    if (this->out.size >= RC_JSON_FLUSH_SIZE) rc_json_flush(this);
}

void rc_json_put_text(rc_json_writer *this, const void *utf8, size_t size) {
    rc_append_json_text(&this->out, utf8, size);
    if (this->out.size >= RC_JSON_FLUSH_SIZE) rc_json_flush(this);
}

void rc_json_put_literal(rc_json_writer *this, const char *text) {
    rc_json_put_text(this, text, strlen(text));
}

/* {"$left_out": WHY}, and a line about it. */
void rc_json_put_left_out(rc_json_writer *this, const char *why) {
    rc_export_leave_out(this->export, this->item, why);
    rc_json_put(this, "{\"$left_out\":");
    rc_json_put_literal(this, why);
    rc_json_put(this, "}");
}

void rc_json_put_integer(rc_json_writer *this, bool negative, uint64_t magnitude) {
    bool large = magnitude >= (uint64_t)RC_JSON_EXACT_MAX;
    rc_append_format(&this->out, large ? "{\"$int\":\"%s%" PRIu64 "\"}" : "%s%" PRIu64,
                     negative ? "-" : "", magnitude);
}

void rc_json_put_double(rc_json_writer *this, double value) {
    size_t before = this->out.size;
    rc_append_double(&this->out, value, false);
    if (value - value == 0 || this->out.failed) return; /* finite */
    char text[8];
    size_t size = this->out.size - before;
    memcpy(text, this->out.bytes + before, size);
    text[size] = 0;
    this->out.size = before;
    rc_append_format(&this->out, "{\"$float\":\"%s\"}", text);
}

static void put_hex(rc_json_writer *this, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        static const char digits[] = "0123456789abcdef";
        char text[3] = {digits[bytes[i] >> 4], digits[bytes[i] & 15], 0};
        rc_json_put(this, text);
    }
}

/* Base 64 (RFC 4648), piece by piece. */
typedef struct base64 {
    uint8_t held[3];
    size_t count;
} base64;

static void put_base64(rc_json_writer *this, base64 *state, const uint8_t *bytes, size_t size,
                       bool end) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size || (end && state->count); i++) {
        if (i < size) state->held[state->count++] = bytes[i];
        if (state->count < 3 && i + 1 < size) continue;
        if (state->count < 3 && !end) return;
        size_t count = state->count;
        memset(state->held + count, 0, 3 - count);
        uint32_t n =
            (uint32_t)state->held[0] << 16 | (uint32_t)state->held[1] << 8 | state->held[2];
        char text[5] = {digits[n >> 18], digits[n >> 12 & 63],
                        count > 1 ? digits[n >> 6 & 63] : '=', count > 2 ? digits[n & 63] : '=', 0};
        rc_json_put(this, text);
        state->count = 0;
    }
}

/* ---- arrays */

/* One part of a leaf inside "data", which numpy.array(data, dtype) takes back: what is no number of
 * JSON is text there. */
static void put_cell(rc_json_writer *this, const rc_leaf *leaf, const uint8_t *element,
                     uint64_t index, unsigned part, bool in_list) {
    size_t before = this->out.size;
    rc_cell_kind kind = rc_leaf_text(leaf, element, index, part, &this->out);
    bool quoted = kind == RC_CELL_TEXT || kind == RC_CELL_LARGE || kind == RC_CELL_NOT_FINITE;
    if (!quoted || this->out.failed) return;
    rs_buffer_clear(&this->scratch); /* as text it is written once more, escaped */
    rs_buffer_append(&this->scratch, this->out.bytes + before, this->out.size - before);
    this->out.size = before;
    if (in_list) rc_json_put(this, kind == RC_CELL_LARGE ? "{\"$int\":" : "{\"$float\":");
    rc_json_put_text(this, this->scratch.bytes, this->scratch.size);
    if (in_list) rc_json_put(this, "}");
    this->out.failed |= this->scratch.failed;
}

static void put_leaf(rc_json_writer *this, const rc_leaf *leaf, const uint8_t *element,
                     bool in_list) {
    bool several = leaf->count != 1, parts = rc_leaf_parts(leaf) == 2;
    if (several) rc_json_put(this, "[");
    for (uint64_t i = 0; i < leaf->count; i++) {
        if (i) rc_json_put(this, ",");
        if (parts) rc_json_put(this, "[");
        put_cell(this, leaf, element, i, 0, in_list);
        if (parts) {
            rc_json_put(this, ",");
            put_cell(this, leaf, element, i, 1, in_list);
            rc_json_put(this, "]");
        }
    }
    if (several) rc_json_put(this, "]");
}

static void put_element(rc_json_writer *this, const rc_dtype *dtype, const uint8_t *element,
                        bool in_list) {
    if (!dtype->record) {
        put_leaf(this, dtype->leaves, element, in_list);
        return;
    }
    rc_json_put(this, "{");
    for (size_t i = 0; i < dtype->leaf_count; i++) {
        if (i) rc_json_put(this, ",");
        rc_json_put_literal(this, dtype->leaves[i].name);
        rc_json_put(this, ":");
        put_leaf(this, &dtype->leaves[i], element, false);
    }
    rc_json_put(this, "}");
}

/* "[[1,2],[3,4]]": brackets open and close where the index of a dimension begins and ends. */
static resume_status put_elements(rc_json_writer *this, rc_array *array, bool in_list,
                                  rs_error *error) {
    rc_array_walk walk;
    uint64_t index[RC_DIMENSIONS_MAX] = {0};
    const uint8_t *bytes;
    size_t size = 1, dimensions = array->dimensions;
    resume_status status = rc_array_walk_start(this->export, array, &walk, error);
    if (array->elements == 0) rc_json_put(this, "[]");
    for (size_t i = 0; array->elements && i < dimensions; i++)
        rc_json_put(this, "[");
    for (uint64_t n = 0; status == RESUME_OK && size;) {
        status = rc_array_walk_next(this->export, &walk, RC_JSON_FLUSH_SIZE, &bytes, &size, error);
        for (size_t at = 0; status == RESUME_OK && at < size;
             at += (size_t)array->dtype.item_size) {
            put_element(this, &array->dtype, bytes + at, in_list);
            size_t ended = 0;
            n++;
            while (ended < dimensions &&
                   ++index[dimensions - 1 - ended] == array->shape[dimensions - 1 - ended]) {
                index[dimensions - 1 - ended++] = 0;
                rc_json_put(this, "]");
            }
            if (n == array->elements) break;
            rc_json_put(this, ",");
            while (ended-- > 0)
                rc_json_put(this, "[");
        }
        if (this->output->failed || this->out.failed) break; /* told by who wrote */
    }
    return status;
}

void rc_json_put_descr(rc_json_writer *this, const rc_dtype *dtype) {
    const char *descr = (const char *)dtype->descr.bytes;
    size_t size = dtype->descr.size - 1;
    bool quoted = !dtype->record && size > 2; /* '<f8' of Python is <f8 here */
    rc_json_put_text(this, descr + quoted, size - 2 * quoted);
}

/* {"$array": {"dtype": .., "shape": [..], "data": [..]}}; *left_out: why it can't be written. */
resume_status rc_json_put_array(rc_json_writer *this, rs_cbor_reader value, const char *kind,
                                rs_error *error) {
    rc_array array;
    rs_error why = {0};
    resume_status status = rc_array_open(this->export, value, &array, &why);
    if (status == RESUME_OK && !rc_export_spend(this->export, rc_array_size(&array), &why))
        status = RESUME_UNSUPPORTED;
    rc_array_walk walk;
    if (status == RESUME_OK && rc_array_walk_start(this->export, &array, &walk, &why) != RESUME_OK)
        status = RESUME_UNSUPPORTED;
    if (status == RESUME_UNSUPPORTED) {
        rc_json_put_left_out(this, why.text);
        status = RESUME_OK;
    } else if (status != RESUME_OK) {
        *error = why;
    } else if (!kind) {
        status = put_elements(this, &array, true, error);
    } else {
        rc_append_format(&this->out, "{\"%s\":{\"dtype\":", kind);
        rc_json_put_descr(this, &array.dtype);
        rc_json_put(this, ",\"shape\":[");
        for (size_t i = 0; i < array.dimensions; i++)
            rc_append_format(&this->out, i ? ",%" PRIu64 : "%" PRIu64, array.shape[i]);
        rc_json_put(this, "],\"data\":");
        status = put_elements(this, &array, false, error);
        rc_json_put(this, "}}");
    }
    rc_array_release(&array);
    return status;
}

resume_status rc_json_put_bytes(rc_json_writer *this, rs_cbor_reader value, const char *kind,
                                rs_error *error) {
    rc_array array;
    rc_array_walk walk;
    base64 state = {0};
    const uint8_t *bytes = NULL;
    size_t size = 1;
    rs_error why = {0};
    resume_status status = rc_array_open(this->export, value, &array, &why);
    if (status == RESUME_OK && !rc_export_spend(this->export, rc_array_size(&array), &why))
        status = RESUME_UNSUPPORTED;
    if (status == RESUME_UNSUPPORTED) {
        rc_json_put_left_out(this, why.text);
        rc_array_release(&array);
        return RESUME_OK;
    }
    if (status == RESUME_OK) status = rc_array_walk_start(this->export, &array, &walk, &why);
    rc_append_format(&this->out, "{\"%s\":\"", kind);
    while (status == RESUME_OK && size && !this->output->failed) {
        status = rc_array_walk_next(this->export, &walk, RC_JSON_FLUSH_SIZE, &bytes, &size, &why);
        if (status == RESUME_OK) put_base64(this, &state, bytes, size, size == 0);
    }
    rc_json_put(this, "\"}");
    rc_array_release(&array);
    if (status != RESUME_OK) *error = why;
    return status;
}

/* -1 - n is -(n + 1): the bytes of n + 1, big-endian, one more than there were. */
static uint8_t *add_one(const uint8_t *bytes, size_t size) {
    uint8_t *sum = rs_allocate_zeroed(size + 1, 1);
    if (!sum) return NULL;
    unsigned carry = 1;
    for (size_t i = size + 1; i-- > 0;) {
        carry += i ? bytes[i - 1] : 0;
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return sum;
}

/* Decimal up to 256 bytes, hexadecimal beyond: making it decimal is quadratic work. */
void rc_json_put_big(rc_json_writer *this, bool negative, const uint8_t *bytes, size_t size) {
    char text[1024];
    rc_sink sink = {.to = text, .size = sizeof text};
    rc_json_put(this, "{\"$int\":\"");
    if (size <= 256) {
        rc_put_big(&sink, negative, bytes, size);
        text[sink.used] = 0;
        rc_json_put(this, text);
    } else {
        uint8_t *sum = negative ? add_one(bytes, size) : NULL;
        if (negative && !sum) this->out.failed = true;
        rc_json_put(this, negative ? "-0x" : "0x");
        if (sum) put_hex(this, sum, size + 1);
        if (!negative) put_hex(this, bytes, size);
        rs_free(sum);
    }
    rc_json_put(this, "\"}");
}
