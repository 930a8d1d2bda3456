/* Random numbers from one printed seed: RESUME_SEED repeats a failed run. */
#ifndef SUPPORT_SEEDED_H
#define SUPPORT_SEEDED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct seeded {
    uint64_t state;
} seeded;

/* splitmix64 */
static inline uint64_t seeded_next(seeded *random) {
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static inline uint64_t seeded_below(seeded *random, uint64_t limit) {
    return seeded_next(random) % limit;
}

static inline void seeded_fill(seeded *random, void *to, size_t size) {
    uint8_t *bytes = to;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(seeded_next(random) >> 32);
}

static inline seeded seeded_start(void) {
    const char *given = getenv("RESUME_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003u;
    printf("RESUME_SEED=%llu\n", (unsigned long long)seed);
    return (seeded){seed};
}
#endif
