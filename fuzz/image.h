/* A checkpoint file as bytes in memory, for mutators: where its numbers stand, and all checksums
 * made right again. Takes any bytes; what it does not understand it leaves alone. */
#ifndef FUZZ_IMAGE_H
#define FUZZ_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct image {
    uint8_t *bytes;
    size_t size, capacity;
} image;

/* By the magic of its header alone; clipped to the file. */
typedef struct image_segment {
    size_t offset, size, records, records_size;
} image_segment;
/* How many there are, at most `max`. */
size_t image_segments(const image *file, image_segment *segments, size_t max);

typedef struct image_field {
    size_t at;
    unsigned width; /* 1, 2, 4 or 8 bytes */
} image_field;
/* The numbers of block 0, hints, headers, trailers, records and tables. */
size_t image_fields(const image *file, image_field *fields, size_t max);

enum image_repairs {
    IMAGE_BLOCK0 = 1,
    IMAGE_HINTS = 2,
    IMAGE_SEALS = 4,   /* of headers and trailers */
    IMAGE_DIGESTS = 8, /* in trailers */
    IMAGE_CHUNKS = 16, /* of chunks, in tables */
    IMAGE_SIZES = 32,  /* header, trailer and tables agree with where things are */
    IMAGE_ALL = 63,
};
void image_repair(image *file, unsigned what);
#endif
