/* The number types of C: size, dtype in the stream, exact conversion from one to another. */
#ifndef RS_API_TYPE_H
#define RS_API_TYPE_H

#include "base/error.h"

#include <resume/resume.h>

#include <stdbool.h>
#include <stddef.h>

bool rs_type_is_valid(resume_type type);
bool rs_type_is_integer(resume_type type); /* may count: RESUME_CHAR too, bool not */
size_t rs_type_size(resume_type type);
/* Of the numbers in it, for the shuffle of the codec: a complex number has two. */
uint32_t rs_type_element_size(resume_type type);
const char *rs_type_name(resume_type type);  /* for messages: "int32" */
const char *rs_type_dtype(resume_type type); /* as it is saved: "<i4" */

/* An element in the stream: what a dtype text of docs/format.md says about numbers. */
typedef struct rs_dtype {
    char kind; /* b, i, u, f, c; g, G: extended precision of x87; 0: none of these */
    bool big_endian;
    uint32_t size; /* of an element in bytes */
} rs_dtype;
/* "<f8" and so on; false for what is no number that C has here. */
bool rs_dtype_parse(const void *text, size_t size, rs_dtype *dtype);
/* The bytes of an element are those of a variable of this type. */
bool rs_dtype_is_type(const rs_dtype *dtype, resume_type type);

/* A number on its way from one type to another. */
typedef struct rs_number {
    enum { RS_NUMBER_INTEGER, RS_NUMBER_REAL, RS_NUMBER_COMPLEX } kind;
    bool negative;     /* an integer: value is -1 - argument */
    bool is_bool;      /* an integer that was a truth value */
    uint64_t argument; /* of an integer */
    long double real, imaginary;
} rs_number;
/* An element of the stream; false when this machine can't (a quadruple on x86, x87 elsewhere). */
bool rs_number_load(const rs_dtype *dtype, const void *from, rs_number *number);
rs_number rs_number_of_int(bool negative, uint64_t argument);
rs_number rs_number_of_real(double value);
rs_number rs_number_of_complex(double real, double imaginary);
/* Into a variable; false (and nothing is written) when its type can't hold the very value. A real
 * number never becomes an integer, nor a complex one a real. */
bool rs_number_store(const rs_number *number, resume_type type, void *to);
/* Of an integer type: the value as CBOR has it. */
rs_number rs_number_of_variable(resume_type type, const void *from);
/* For messages: "300", "-1", "2.5". */
void rs_number_text(const rs_number *number, char *text, size_t size);
#endif
