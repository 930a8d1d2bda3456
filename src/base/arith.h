/* Checked arithmetic: true when the result does not fit; the result is then unspecified. */
#ifndef RS_BASE_ARITH_H
#define RS_BASE_ARITH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(size_t) == sizeof(uint64_t), "resume needs a 64-bit machine");

static inline bool rs_add_overflows(uint64_t a, uint64_t b, uint64_t *sum) {
    return __builtin_add_overflow(a, b, sum);
}
static inline bool rs_multiply_overflows(uint64_t a, uint64_t b, uint64_t *product) {
    return __builtin_mul_overflow(a, b, product);
}
/* `value` rounded up to a multiple of `unit`, a power of two. */
static inline bool rs_round_up_overflows(uint64_t value, uint64_t unit, uint64_t *rounded) {
    uint64_t sum;
    if (__builtin_add_overflow(value, unit - 1, &sum)) return true;
    *rounded = sum & ~(unit - 1);
    return false;
}
/* For values that are known to be far from the limit. */
static inline uint64_t rs_round_up(uint64_t value, uint64_t unit) {
    return (value + unit - 1) & ~(unit - 1);
}
static inline uint64_t rs_minimum(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}
static inline uint64_t rs_maximum(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}
#endif
