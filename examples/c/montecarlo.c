/* The volume of a ball by random points: the state of a generator behind functions is saved, too.
 *
 *     cc -O2 montecarlo.c $(pkg-config --cflags --libs resume) -o montecarlo
 *     ./montecarlo [ROUNDS [SECONDS]]     rounds in all, seconds between two saves */
#include <resume/resume.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a generator as a library offers it: a handle, and its state as bytes (gsl_rng is like it) ---
 */

typedef struct generator {
    const char *name; /* a pointer: this struct can't be saved as it lies in memory */
    uint64_t *state;  /* four words of xoshiro256+ */
} generator;

static uint64_t rotated(uint64_t x, int by) {
    return x << by | x >> (64 - by);
}

static double uniform(generator *g) {
    uint64_t *s = g->state, sum = s[0] + s[3], shifted = s[1] << 17;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= shifted;
    s[3] = rotated(s[3], 45);
    return (double)(sum >> 11) * 0x1p-53;
}

static generator *generator_new(uint64_t seed) {
    generator *g = malloc(sizeof *g);
    if (!g) exit(1);
    *g = (generator){"xoshiro256+", malloc(4 * sizeof *g->state)};
    if (!g->state) exit(1);
    for (int i = 0; i < 4; i++)
        g->state[i] = seed = seed * 6364136223846793005u + 1442695040888963407u;
    return g;
}

static void *generator_state(generator *g) {
    return g->state;
}

static size_t generator_size(const generator *g) {
    (void)g;
    return 4 * sizeof(uint64_t);
}

/* --- two functions tell how it is saved and loaded --- */

static int save_generator(void *object, resume_writer *writer) {
    generator *g = object;
    return resume_write(writer, generator_state(g), generator_size(g)) != RESUME_OK;
}

static int load_generator(void *object, const void *bytes, size_t size) {
    generator *g = object;
    if (size != generator_size(g)) return 1; /* refused: it belongs to another generator */
    memcpy(generator_state(g), bytes, size);
    return 0;
}

int main(int count, char **arguments) {
    enum { POINTS = 1000, DIMENSIONS = 5 };
    const uint64_t rounds = count > 1 ? strtoull(arguments[1], NULL, 10) : 100000;
    resume_options options = {.rate_s = count > 2 ? atof(arguments[2]) : 0.5};
    struct {
        uint64_t rounds, inside;
        double sum;
    } seen = {0};
    generator *random = generator_new(42);

    resume *ck;
    resume_open(&ck, NULL, &options);
    resume_protect_block(ck, seen); /* a struct without pointers: as it lies in memory */
    resume_protect_state(ck, "random", save_generator, load_generator, random);
    if (resume_restore(ck, NULL)) {
        fprintf(stderr, "montecarlo: %s\n", resume_message(ck));
        return 1;
    }
    while (seen.rounds < rounds) {
        for (int i = 0; i < POINTS; i++) {
            double square = 0;
            for (int j = 0; j < DIMENSIONS; j++) {
                double x = 2 * uniform(random) - 1;
                square += x * x;
            }
            if (square < 1) seen.inside++;
            seen.sum += square;
        }
        seen.rounds++;
        if (resume_sync(ck)) fprintf(stderr, "montecarlo: %s\n", resume_message(ck));
    }
    double points = (double)seen.rounds * POINTS;
    printf("%" PRIu64 " rounds, volume %.12f (exact 5.263789013914), mean square %a, next %a\n",
           seen.rounds, 32 * (double)seen.inside / points, seen.sum / points, uniform(random));
    resume_status status = resume_close(ck);
    free(random->state);
    free(random);
    return status ? 1 : 0;
}
