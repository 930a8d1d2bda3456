/* The number types of C: a table, and the grammar of dtypes. */
#include "api/type.h"

#include <complex.h>
#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Format: x87 extended precision padded to 16 bytes, or IEEE quadruple. */
#if LDBL_MANT_DIG == 64
#define LONG_DOUBLE_KIND   'g'
#define LONG_COMPLEX_KIND  'G'
#define LONG_DOUBLE_DTYPE  "<g16"
#define LONG_COMPLEX_DTYPE "<G32"
#else
#define LONG_DOUBLE_KIND   'f'
#define LONG_COMPLEX_KIND  'c'
#define LONG_DOUBLE_DTYPE  "<f16"
#define LONG_COMPLEX_DTYPE "<c32"
#endif

typedef struct type_row {
    const char *name, *dtype;
    uint8_t size, element_size;
    char kind;
} type_row;

static const type_row rows[] = {
    [RESUME_BOOL] = {"bool", "|b1", sizeof(_Bool), 1, 'b'},
    [RESUME_CHAR] = {"char", "|u1", 1, 1, CHAR_MIN < 0 ? 'i' : 'u'},
    [RESUME_INT8] = {"int8", "|i1", 1, 1, 'i'},
    [RESUME_INT16] = {"int16", "<i2", 2, 2, 'i'},
    [RESUME_INT32] = {"int32", "<i4", 4, 4, 'i'},
    [RESUME_INT64] = {"int64", "<i8", 8, 8, 'i'},
    [RESUME_UINT8] = {"uint8", "|u1", 1, 1, 'u'},
    [RESUME_UINT16] = {"uint16", "<u2", 2, 2, 'u'},
    [RESUME_UINT32] = {"uint32", "<u4", 4, 4, 'u'},
    [RESUME_UINT64] = {"uint64", "<u8", 8, 8, 'u'},
    [RESUME_FLOAT32] = {"float", "<f4", sizeof(float), 4, 'f'},
    [RESUME_FLOAT64] = {"double", "<f8", sizeof(double), 8, 'f'},
    [RESUME_LONG_DOUBLE] = {"long double", LONG_DOUBLE_DTYPE, sizeof(long double), 16,
                            LONG_DOUBLE_KIND},
    [RESUME_COMPLEX64] = {"float complex", "<c8", sizeof(float complex), 4, 'c'},
    [RESUME_COMPLEX128] = {"double complex", "<c16", sizeof(double complex), 8, 'c'},
    [RESUME_LONG_COMPLEX] = {"long double complex", LONG_COMPLEX_DTYPE, sizeof(long double complex),
                             16, LONG_COMPLEX_KIND},
};
_Static_assert(sizeof(_Bool) == 1 && sizeof(float) == 4 && sizeof(double) == 8 &&
                   sizeof(long double) == 16,
               "the dtypes above are those of Linux on x86-64 and arm64");

bool rs_type_is_valid(resume_type type) {
    return type >= RESUME_BOOL && type <= RESUME_LONG_COMPLEX;
}

bool rs_type_is_integer(resume_type type) {
    return type >= RESUME_CHAR && type <= RESUME_UINT64;
}

size_t rs_type_size(resume_type type) {
    return rows[type].size;
}

uint32_t rs_type_element_size(resume_type type) {
    return rows[type].element_size;
}

const char *rs_type_name(resume_type type) {
    return rows[type].name;
}

const char *rs_type_dtype(resume_type type) {
    return rows[type].dtype;
}

static bool is_known(char kind, uint32_t size) {
    switch (kind) {
    case 'b':
        return size == 1;
    case 'i':
    case 'u':
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f':
        return size == 2 || size == 4 || size == 8 || size == 16;
    case 'c':
        return size == 8 || size == 16 || size == 32;
    default:
        return (kind == 'g' && size == 16) || (kind == 'G' && size == 32);
    }
}

bool rs_dtype_parse(const void *text, size_t size, rs_dtype *dtype) {
    const char *at = text;
    *dtype = (rs_dtype){0};
    if (size < 3 || size > 4 || (at[0] != '<' && at[0] != '>' && at[0] != '|')) return false;
    uint32_t bytes = 0;
    for (size_t i = 2; i < size; i++) {
        if (at[i] < (i == 2 ? '1' : '0') || at[i] > '9') return false;
        bytes = bytes * 10 + (uint32_t)(at[i] - '0');
    }
    char kind = at[1] == 'q' ? 'i' : at[1] == 'Q' ? 'u' : at[1];
    if (!is_known(kind, bytes)) return false;
    *dtype = (rs_dtype){.kind = kind, .big_endian = at[0] == '>', .size = bytes};
    return true;
}

/* What is signed or not is the same byte in an array of char. */
bool rs_dtype_is_type(const rs_dtype *dtype, resume_type type) {
    if (type == RESUME_CHAR) return dtype->size == 1 && (dtype->kind == 'i' || dtype->kind == 'u');
    return dtype->kind == rows[type].kind && dtype->size == rows[type].size &&
           (dtype->size == 1 || !dtype->big_endian);
}
