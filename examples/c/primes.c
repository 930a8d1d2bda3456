/* The first primes by trial division, in an array that grows.
 *
 *     cc -O2 primes.c $(pkg-config --cflags --libs resume) -o primes
 *     ./primes [COUNT [SECONDS]]     primes in all, seconds between two saves */
#include <resume/resume.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void die(const char *what) {
    fprintf(stderr, "primes: %s\n", what);
    exit(1);
}

static bool is_prime(int64_t candidate, const int64_t *primes, size_t count) {
    for (size_t i = 0; i < count && primes[i] * primes[i] <= candidate; i++)
        if (candidate % primes[i] == 0) return false;
    return true;
}

int main(int argument_count, char **arguments) {
    const size_t wanted = argument_count > 1 ? strtoull(arguments[1], NULL, 10) : 1000000;
    resume_options options = {.rate_s = argument_count > 2 ? atof(arguments[2]) : 0.5};
    int64_t candidate = 1;
    int64_t *primes = NULL; /* malloc memory: restoring makes it as long as it was */
    size_t count = 0;

    resume *ck;
    resume_open(&ck, NULL, &options);
    resume_protect(ck, candidate);
    resume_protect_array(ck, primes, count);
    if (resume_restore(ck, NULL)) die(resume_message(ck));

    size_t room = count; /* what is derived from saved values is computed after restoring */
    while (count < wanted) {
        candidate++;
        if (is_prime(candidate, primes, count)) {
            if (count == room) {
                room = room ? 2 * room : 16;
                int64_t *more = realloc(primes, room * sizeof *primes);
                if (!more) die("no memory");
                primes = more; /* the address may change: it is read at each save */
            }
            primes[count++] = candidate;
        }
        if (resume_sync(ck)) fprintf(stderr, "primes: %s\n", resume_message(ck));
    }

    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = sum * 6364136223846793005u + (uint64_t)primes[i];
    printf("%zu primes, the last is %" PRId64 ", checksum %016" PRIx64 "\n", count,
           count ? primes[count - 1] : 0, sum);
    resume_status status = resume_close(ck);
    free(primes);
    return status ? 1 : 0;
}
