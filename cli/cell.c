/* Numbers of arrays as text, and texts as JSON. */
#include "export.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

void rc_append_text(rs_buffer *out, const char *text) {
    rs_buffer_append(out, text, strlen(text));
}

void rc_append_format(rs_buffer *out, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rc_append_text(out, text);
}

/* The shortest form that reads back as the same number, with a point or an exponent. */
void rc_append_double(rs_buffer *out, double value, bool is_single) {
    char text[40];
    if (isnan(value) || isinf(value)) {
        rc_append_text(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = is_single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (is_single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) break;
    }
    rc_append_text(out, text);
    if (!strpbrk(text, ".e")) rc_append_text(out, ".0");
}

static void put_code_unit(rs_buffer *out, uint32_t unit) {
    rc_append_format(out, "\\u%04" PRIx32, unit);
}

void rc_append_json_text(rs_buffer *out, const void *utf8, size_t size) {
    const uint8_t *bytes = utf8;
    size_t plain = 0; /* bytes before i that are still to be copied */
    rc_append_text(out, "\"");
    for (size_t i = 0; i < size;) {
        uint32_t c = bytes[i];
        if (c >= 32 && c < 127 && c != '"' && c != '\\') {
            plain++;
            i++;
            continue;
        }
        rs_buffer_append(out, bytes + i - plain, plain);
        plain = 0;
        size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (length > size - i) length = size - i;
        if (length > 1) c &= 0xffu >> (length + 1);
        for (size_t j = 1; j < length; j++)
            c = c << 6 | (bytes[i + j] & 0x3f);
        i += length;
        if (c == '"' || c == '\\') {
            rc_append_format(out, "\\%c", (int)c);
        } else if (c > 0xffff) {
            put_code_unit(out, 0xd800 + ((c - 0x10000) >> 10 & 0x3ff));
            put_code_unit(out, 0xdc00 + (c & 0x3ff));
        } else {
            put_code_unit(out, c);
        }
    }
    rs_buffer_append(out, bytes + size - plain, plain);
    rc_append_text(out, "\"");
}

/* ---- elements of arrays */

/* Up to 8 bytes as a number, in the order of the leaf. */
static uint64_t load(const rc_leaf *leaf, const uint8_t *from, size_t size) {
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | from[leaf->order == '>' ? i : size - 1 - i];
    return bits;
}

static double half_as_double(uint64_t bits) {
    int exponent = (int)(bits >> 10 & 0x1f);
    double fraction = (double)(bits & 0x3ff), value;
    if (exponent == 0x1f)
        value = fraction == 0 ? (double)INFINITY : (double)NAN;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

static rc_cell_kind put_long_double(const rc_leaf *leaf, const uint8_t *from, rs_buffer *out) {
    bool ours = leaf->kind == 'g' || leaf->kind == 'G' ? LDBL_MANT_DIG == 64 : LDBL_MANT_DIG == 113;
    if (!ours || sizeof(long double) != 16) { /* of another processor: as it stands */
        for (size_t i = 0; i < 16; i++)
            rc_append_format(out, "%02x", from[i]);
        return RC_CELL_TEXT;
    }
    uint8_t bytes[16];
    long double value;
    for (size_t i = 0; i < 16; i++)
        bytes[i] = from[leaf->order == '>' ? 15 - i : i];
    memcpy(&value, bytes, sizeof value);
    if (isnan(value) || isinf(value)) {
        rc_append_text(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return RC_CELL_NOT_FINITE;
    }
    rc_append_format(out, "%.*Lg", LDBL_DECIMAL_DIG, value);
    return RC_CELL_NUMBER;
}

static rc_cell_kind put_float(const rc_leaf *leaf, const uint8_t *from, size_t size,
                              rs_buffer *out) {
    if (size == 16) return put_long_double(leaf, from, out);
    uint64_t bits = load(leaf, from, size);
    uint32_t low = (uint32_t)bits;
    float single;
    double value;
    memcpy(&value, &bits, sizeof value);
    memcpy(&single, &low, sizeof single);
    if (size == 4) value = (double)single;
    if (size == 2) value = half_as_double(bits);
    rc_append_double(out, value, size == 4);
    return isfinite(value) ? RC_CELL_NUMBER : RC_CELL_NOT_FINITE;
}

#define EXACT_MAX (INT64_C(1) << 53)

static void put_digits(rs_buffer *out, bool negative, uint64_t magnitude) {
    char text[24];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (negative) text[--at] = '-';
    rs_buffer_append(out, text + at, sizeof text - at);
}

static rc_cell_kind put_integer(const rc_leaf *leaf, const uint8_t *from, rs_buffer *out) {
    unsigned unused = 64 - 8 * (unsigned)leaf->size;
    uint64_t bits = load(leaf, from, (size_t)leaf->size);
    if (leaf->kind == 'u' || leaf->kind == 'Q') {
        put_digits(out, false, bits);
        return bits < (uint64_t)EXACT_MAX ? RC_CELL_NUMBER : RC_CELL_LARGE;
    }
    int64_t number = (int64_t)(bits << unused) >> unused; /* the sign is spread */
    if ((leaf->kind == 'm' || leaf->kind == 'M') && number == INT64_MIN) {
        rc_append_text(out, "NaT");
        return RC_CELL_NOT_FINITE;
    }
    put_digits(out, number < 0, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
    return number < EXACT_MAX && number > -EXACT_MAX ? RC_CELL_NUMBER : RC_CELL_LARGE;
}

static void put_utf8(rs_buffer *out, uint32_t c) {
    uint8_t bytes[4];
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; c >>= 6)
        bytes[i] = (uint8_t)(0x80 | (c & 0x3f));
    bytes[0] = (uint8_t)(first[length] | c);
    rs_buffer_append(out, bytes, length);
}

/* Characters of 4 bytes; the zeros behind the text do not belong to it. */
static rc_cell_kind put_characters(const rc_leaf *leaf, const uint8_t *from, rs_buffer *out) {
    size_t count = (size_t)leaf->size / 4;
    while (count > 0 && load(leaf, from + 4 * (count - 1), 4) == 0)
        count--;
    for (size_t i = 0; i < count; i++) {
        uint32_t c = (uint32_t)load(leaf, from + 4 * i, 4);
        put_utf8(out, c > 0x10ffff ? 0xfffd : c);
    }
    return RC_CELL_TEXT;
}

static rc_cell_kind put_bytes(const rc_leaf *leaf, const uint8_t *from, rs_buffer *out) {
    size_t size = (size_t)leaf->size;
    if (leaf->kind == 'V') {
        for (size_t i = 0; i < size; i++)
            rc_append_format(out, "%02x", from[i]);
        return RC_CELL_TEXT;
    }
    while (size > 0 && from[size - 1] == 0)
        size--;
    for (size_t i = 0; i < size; i++) /* a character stands for a byte */
        put_utf8(out, from[i]);
    return RC_CELL_TEXT;
}

rc_cell_kind rc_leaf_text(const rc_leaf *leaf, const uint8_t *element, uint64_t index,
                          unsigned part, rs_buffer *out) {
    const uint8_t *from = element + leaf->offset + index * leaf->size;
    size_t half = (size_t)leaf->size / 2;
    switch (leaf->kind) {
    case 'b':
        rc_append_text(out, *from ? "true" : "false");
        return RC_CELL_BOOL;
    case 'f':
    case 'g':
        return put_float(leaf, from, (size_t)leaf->size, out);
    case 'c':
    case 'G':
        return put_float(leaf, from + part * half, half, out);
    case 'S':
    case 'V':
        return put_bytes(leaf, from, out);
    case 'U':
        return put_characters(leaf, from, out);
    default:
        return put_integer(leaf, from, out);
    }
}
