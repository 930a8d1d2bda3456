/* One number from one type into another, if that holds the very value. */
#include "api/type.h"

#include <complex.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { LONG_DOUBLE_BYTES = LDBL_MANT_DIG == 64 ? 10 : 16 }; /* without padding */

rs_number rs_number_of_int(bool negative, uint64_t argument) {
    return (rs_number){.kind = RS_NUMBER_INTEGER, .negative = negative, .argument = argument};
}

rs_number rs_number_of_real(double value) {
    return (rs_number){.kind = RS_NUMBER_REAL, .real = value};
}

rs_number rs_number_of_complex(double real, double imaginary) {
    return (rs_number){.kind = RS_NUMBER_COMPLEX, .real = real, .imaginary = imaginary};
}

/* --- from the stream --- */

/* The bytes of one real or integer number, little-endian. */
static void order(const rs_dtype *dtype, const uint8_t *from, uint32_t size, uint8_t *to) {
    for (uint32_t i = 0; i < size; i++)
        to[i] = from[dtype->big_endian ? size - 1 - i : i];
}

static long double half_of(uint16_t bits) {
    uint64_t exponent = bits >> 10 & 31, mantissa = bits & 1023,
             sign = (uint64_t)(bits >> 15) << 63;
    double value;
    if (exponent == 0) {
        value = (double)mantissa * 0x1p-24;
        return (long double)(sign ? -value : value);
    }
    uint64_t wide = exponent == 31 ? 2047 : exponent - 15 + 1023;
    wide = sign | wide << 52 | mantissa << 42;
    memcpy(&value, &wide, sizeof value);
    return (long double)value;
}

static bool load_real(const rs_dtype *dtype, const uint8_t *from, uint32_t size,
                      long double *value) {
    uint8_t bytes[16];
    float single;
    double real;
    order(dtype, from, size, bytes);
    switch (size) {
    case 2:
        *value = half_of((uint16_t)(bytes[0] | bytes[1] << 8));
        return true;
    case 4:
        memcpy(&single, bytes, sizeof single);
        *value = (long double)single;
        return true;
    case 8:
        memcpy(&real, bytes, sizeof real);
        *value = (long double)real;
        return true;
    default: {
        bool extended = dtype->kind == 'g' || dtype->kind == 'G';
        if (extended != (LDBL_MANT_DIG == 64)) return false;
        *value = 0;
        memcpy(value, bytes, LONG_DOUBLE_BYTES);
        return true;
    }
    }
}

static rs_number load_integer(const rs_dtype *dtype, const uint8_t *from) {
    uint8_t bytes[8] = {0};
    order(dtype, from, dtype->size, bytes);
    uint64_t bits = 0;
    for (unsigned i = 8; i-- > 0;)
        bits = bits << 8 | bytes[i];
    bool negative = dtype->kind == 'i' && bits >> (8 * dtype->size - 1) != 0;
    if (!negative) return rs_number_of_int(false, bits);
    if (dtype->size < 8) bits |= UINT64_MAX << (8 * dtype->size);
    return rs_number_of_int(true, ~bits);
}

bool rs_number_load(const rs_dtype *dtype, const void *from, rs_number *number) {
    const uint8_t *bytes = from;
    *number = (rs_number){.kind = RS_NUMBER_REAL};
    switch (dtype->kind) {
    case 'b':
        *number = rs_number_of_int(false, bytes[0] != 0);
        number->is_bool = true;
        return true;
    case 'i':
    case 'u':
        *number = load_integer(dtype, bytes);
        return true;
    case 'f':
    case 'g':
        return load_real(dtype, bytes, dtype->size, &number->real);
    default:
        number->kind = RS_NUMBER_COMPLEX;
        return load_real(dtype, bytes, dtype->size / 2, &number->real) &&
               load_real(dtype, bytes + dtype->size / 2, dtype->size / 2, &number->imaginary);
    }
}

rs_number rs_number_of_variable(resume_type type, const void *from) {
    rs_dtype dtype = {.kind = 'u', .size = (uint32_t)rs_type_size(type)};
    bool is_signed =
        type == RESUME_CHAR ? CHAR_MIN < 0 : type >= RESUME_INT8 && type <= RESUME_INT64;
    if (is_signed) dtype.kind = 'i';
    if (type == RESUME_BOOL) dtype.kind = 'b';
    rs_number number;
    rs_number_load(&dtype, from, &number);
    return number;
}

/* --- into a variable --- */

/* `limit`: the largest value; a negative one goes down to -1 - limit. */
static bool fits(const rs_number *number, bool is_signed, uint64_t limit) {
    if (number->kind != RS_NUMBER_INTEGER) return false;
    return number->negative ? is_signed && number->argument <= limit : number->argument <= limit;
}

static bool store_integer(const rs_number *number, resume_type type, void *to) {
    bool is_signed =
        type == RESUME_CHAR ? CHAR_MIN < 0 : type >= RESUME_INT8 && type <= RESUME_INT64;
    size_t size = rs_type_size(type);
    uint64_t limit = UINT64_MAX >> (64 - 8 * size) >> is_signed;
    if (!fits(number, is_signed, type == RESUME_BOOL ? 1 : limit)) return false;
    uint64_t bits = number->negative ? ~number->argument : number->argument;
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> 8 * i);
    memcpy(to, bytes, size);
    return true;
}

/* Equal in every bit, the sign of zero and the payload of a NaN too. */
static bool same(long double a, long double b) {
    return memcmp(&a, &b, LONG_DOUBLE_BYTES) == 0;
}

/* All 64-bit integers are exact here: both formats have 64 bits of mantissa at least. */
static long double real_of(const rs_number *number) {
    if (number->kind != RS_NUMBER_INTEGER) return number->real;
    long double value = (long double)number->argument;
    return number->negative ? -1.0L - value : value;
}

static bool store_real(long double value, resume_type type, void *to) {
    if (type == RESUME_FLOAT32) {
        float narrow = (float)value;
        if (!same((long double)narrow, value)) return false;
        memcpy(to, &narrow, sizeof narrow);
    } else if (type == RESUME_FLOAT64) {
        double narrow = (double)value;
        if (!same((long double)narrow, value)) return false;
        memcpy(to, &narrow, sizeof narrow);
    } else {
        memset(to, 0, sizeof value); /* the padding, too */
        memcpy(to, &value, LONG_DOUBLE_BYTES);
    }
    return true;
}

static bool store_complex(const rs_number *number, resume_type type, void *to) {
    static const resume_type parts[] = {RESUME_FLOAT32, RESUME_FLOAT64, RESUME_LONG_DOUBLE};
    resume_type part = parts[type - RESUME_COMPLEX64];
    size_t size = rs_type_size(part);
    uint8_t bytes[2 * sizeof(long double)];
    long double imaginary = number->kind == RS_NUMBER_COMPLEX ? number->imaginary : 0.0L;
    if (!store_real(real_of(number), part, bytes) || !store_real(imaginary, part, bytes + size))
        return false;
    memcpy(to, bytes, 2 * size);
    return true;
}

bool rs_number_store(const rs_number *number, resume_type type, void *to) {
    if (type <= RESUME_UINT64) return store_integer(number, type, to);
    if (type >= RESUME_COMPLEX64) return store_complex(number, type, to);
    return number->kind != RS_NUMBER_COMPLEX && store_real(real_of(number), type, to);
}

void rs_number_text(const rs_number *number, char *text, size_t size) {
    if (number->kind == RS_NUMBER_REAL)
        snprintf(text, size, "%.17Lg", number->real);
    else if (number->kind == RS_NUMBER_COMPLEX)
        snprintf(text, size, "%.17Lg%+.17Lgj", number->real, number->imaginary);
    else if (number->is_bool)
        snprintf(text, size, "%s", number->argument ? "true" : "false");
    else if (number->negative && number->argument == UINT64_MAX)
        snprintf(text, size, "-18446744073709551616");
    else
        snprintf(text, size, "%s%" PRIu64, number->negative ? "-" : "",
                 number->argument + number->negative);
}
