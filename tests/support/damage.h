/* Every single-bit flip and every truncation of some bytes, each handed to a check. */
#ifndef SUPPORT_DAMAGE_H
#define SUPPORT_DAMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* `bytes` is a block of exactly `size` bytes, so that a sanitizer sees any read beyond. `at` is the
 * byte that was changed, or the size left. */
typedef void damage_check(const uint8_t *bytes, size_t size, size_t at, void *context);

static inline void damage_flips(const uint8_t *bytes, size_t size, damage_check *check,
                                void *context) {
    uint8_t *copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        check(copy, size, bit / 8, context);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(copy);
}

static inline void damage_cuts(const uint8_t *bytes, size_t size, damage_check *check,
                               void *context) {
    for (size_t left = 0; left < size; left++) {
        uint8_t *copy = malloc(left + !left);
        memcpy(copy, bytes, left);
        check(copy, left, left, context);
        free(copy);
    }
}
#endif
