/* Byte shuffle: all first bytes of the elements, then all second bytes, and so on.
 *
 * Elements of 2, 4, 8 and 16 bytes go 16 at a time through vectors of 16 bytes. Take the place of a
 * byte in such a block as a binary number: four bits of element index, then the bits of the byte
 * index. Shuffling exchanges the two groups: a rotation of that number. One pass that interleaves
 * the first half of the vectors with the second half rotates it left by one bit, so shuffling is
 * four passes, and unshuffling is log2(element size) passes. */
#include "format/chunk.h"

#include <string.h>

#define LANES 16u

typedef uint8_t vector __attribute__((vector_size(LANES)));

#if defined(__clang__)
#define INTERLEAVE_LOW(a, b)                                                                       \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define INTERLEAVE_HIGH(a, b)                                                                      \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define INTERLEAVE_LOW(a, b)                                                                       \
    __builtin_shuffle(a, b, (vector){0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23})
#define INTERLEAVE_HIGH(a, b)                                                                      \
    __builtin_shuffle(a, b, (vector){8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31})
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void rotate(vector *block, unsigned vectors, unsigned passes) {
    vector next[LANES];
    UNROLL
    for (unsigned pass = 0; pass < passes; pass++) {
        UNROLL
        for (unsigned i = 0; i < vectors / 2; i++) {
            next[2 * i] = INTERLEAVE_LOW(block[i], block[i + vectors / 2]);
            next[2 * i + 1] = INTERLEAVE_HIGH(block[i], block[i + vectors / 2]);
        }
        UNROLL
        for (unsigned i = 0; i < vectors; i++)
            block[i] = next[i];
    }
}

/* `element_size` is a constant in each use, so that the loops are unrolled. */
ALWAYS_INLINE size_t shuffle_blocks(const uint8_t *from, uint8_t *to, size_t count,
                                    unsigned element_size) {
    size_t done = 0;
    for (; done + LANES <= count; done += LANES) {
        vector block[LANES];
        UNROLL
        for (unsigned i = 0; i < element_size; i++)
            memcpy(&block[i], from + done * element_size + LANES * i, LANES);
        rotate(block, element_size, 4);
        UNROLL
        for (unsigned k = 0; k < element_size; k++)
            memcpy(to + k * count + done, &block[k], LANES);
    }
    return done;
}

ALWAYS_INLINE size_t unshuffle_blocks(const uint8_t *from, uint8_t *to, size_t count,
                                      unsigned element_size, unsigned passes) {
    size_t done = 0;
    for (; done + LANES <= count; done += LANES) {
        vector block[LANES];
        UNROLL
        for (unsigned k = 0; k < element_size; k++)
            memcpy(&block[k], from + k * count + done, LANES);
        rotate(block, element_size, passes);
        UNROLL
        for (unsigned i = 0; i < element_size; i++)
            memcpy(to + done * element_size + LANES * i, &block[i], LANES);
    }
    return done;
}

void rs_shuffle(const void *from, void *to, size_t size, size_t element_size) {
    const uint8_t *source = from;
    uint8_t *target = to;
    size_t count = element_size ? size / element_size : 0;
    size_t done = 0;
    switch (element_size) {
    case 2:
        done = shuffle_blocks(source, target, count, 2);
        break;
    case 4:
        done = shuffle_blocks(source, target, count, 4);
        break;
    case 8:
        done = shuffle_blocks(source, target, count, 8);
        break;
    case 16:
        done = shuffle_blocks(source, target, count, 16);
        break;
    default:
        break;
    }
    for (size_t k = 0; k < element_size; k++)
        for (size_t i = done; i < count; i++)
            target[k * count + i] = source[i * element_size + k];
    size_t whole = count * element_size;
    if (size > whole) memcpy(target + whole, source + whole, size - whole);
}

void rs_unshuffle(const void *from, void *to, size_t size, size_t element_size) {
    const uint8_t *source = from;
    uint8_t *target = to;
    size_t count = element_size ? size / element_size : 0;
    size_t done = 0;
    switch (element_size) {
    case 2:
        done = unshuffle_blocks(source, target, count, 2, 1);
        break;
    case 4:
        done = unshuffle_blocks(source, target, count, 4, 2);
        break;
    case 8:
        done = unshuffle_blocks(source, target, count, 8, 3);
        break;
    case 16:
        done = unshuffle_blocks(source, target, count, 16, 4);
        break;
    default:
        break;
    }
    for (size_t i = done; i < count; i++)
        for (size_t k = 0; k < element_size; k++)
            target[i * element_size + k] = source[k * count + i];
    size_t whole = count * element_size;
    if (size > whole) memcpy(target + whole, source + whole, size - whole);
}
