/* An array in work, and the object behind an array that holds its memory. */
#ifndef RP_ARRAY_ROOTS_H
#define RP_ARRAY_ROOTS_H

#include "array_interface.h"
#include "../encode.h"

/* An array in work. */
typedef struct rp_array {
    PyObject *object, *capsule, *dtype; /* strong: capsule, dtype */
    const rp_array_interface *look;
    bool writeable;
    uint64_t size;             /* bytes of content */
    const uint8_t *low, *high; /* the memory that its elements touch */
} rp_array;

int rp_array_open(rp_array *array, PyObject *object); /* 0, or -1 with an exception */
void rp_array_release(rp_array *array);               /* also after a failure */
/* Axes from the slowest to the fastest; true when the elements fill the memory without gaps. */
bool rp_is_dense(const rp_array_interface *look, int axes[RP_ARRAY_DIMENSIONS_MAX]);

/* What holds the memory behind a view. */
typedef struct rp_root {
    PyObject *object; /* strong */
    bool is_value;    /* itself a value of the closed set: array, bytes, bytearray, array.array */
    PyObject *memmap; /* strong or NULL: the memory is that of a file, mapped by numpy */
    const uint8_t *start;
    uint64_t size;
    PyObject *keep; /* strong: holds the memory */
} rp_root;

/* Follows the bases of a view to what owns the memory. 0, or -1 with an exception. */
int rp_find_root(rp_encoder *encoder, PyObject *view, rp_root *found);
void rp_root_release(rp_root *root);
/* The memory of an object with a buffer: start, size and keep. 0, or -1 with an exception. */
int rp_root_of_buffer(rp_root *found, PyObject *object);
/* memmap.c: of the very class numpy.memmap? */
bool rp_is_memmap(rp_encoder *encoder, PyObject *object);
/* memmap.c. 1: `memory`, which `memmap` is over, is mapped from a file that is there. 0: it is not.
 * -1: exception. */
int rp_root_of_map(rp_root *found, PyObject *memmap, PyObject *memory);
/* memmap.c: writes MEMMAP for the memory. What a put function returns. */
int rp_put_map(rp_encoder *encoder, const rp_root *root);
#endif
