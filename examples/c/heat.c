/* Heat spreads through a square plate: kill it at any moment, run it again, and it goes on.
 *
 *     cc -O2 heat.c $(pkg-config --cflags --libs resume) -lm -o heat
 *     ./heat [STEPS [SECONDS]]     steps in all, seconds between two saves */
#include <resume/resume.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 1024 };

typedef double row[SIZE];

/* One explicit step of du/dt = u_xx + u_yy; the edge keeps its temperature. */
static void spread(const row *from, row *to) {
    const double rate = 0.2; /* dt / dx^2; above 0.25 it would blow up */
    for (int i = 1; i < SIZE - 1; i++)
        for (int j = 1; j < SIZE - 1; j++)
            to[i][j] = from[i][j] + rate * (from[i - 1][j] + from[i + 1][j] + from[i][j - 1] +
                                            from[i][j + 1] - 4 * from[i][j]);
}

/* FNV-1a: another result when a single bit differs. */
static uint64_t checksum(const row *plate) {
    uint64_t sum = 0xcbf29ce484222325u;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            uint64_t bits;
            memcpy(&bits, &plate[i][j], sizeof bits);
            sum = (sum ^ bits) * 0x100000001b3u;
        }
    }
    return sum;
}

int main(int count, char **arguments) {
    const int64_t steps = count > 1 ? atoll(arguments[1]) : 2000;
    resume_options options = {.rate_s = count > 2 ? atof(arguments[2]) : 0.5}; /* else 30 s */
    static row plate[SIZE], next[SIZE];
    int64_t step = 0;
    for (int i = 0; i < SIZE; i++) /* a warm left edge, everything else is cold */
        plate[i][0] = next[i][0] = 100 * sin(3.141592653589793 * i / (SIZE - 1));

    resume *ck;
    resume_open(&ck, NULL, &options);
    resume_protect(ck, step);
    resume_protect(ck, plate); /* `next` is computed anew in each step */
    int restored;
    if (resume_restore(ck, &restored)) { /* also tells the errors of the lines above */
        fprintf(stderr, "heat: %s\n", resume_message(ck));
        return 1;
    }
    if (restored) fprintf(stderr, "heat: goes on from step %" PRId64 "\n", step);

    while (step < steps) {
        spread(plate, next);
        memcpy(plate, next, sizeof plate);
        step++;
        /* Saves when the time has come; here `step` and `plate` belong together. */
        if (resume_sync(ck)) fprintf(stderr, "heat: %s\n", resume_message(ck));
    }

    double mean = 0;
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            mean += plate[i][j] / ((double)SIZE * SIZE);
    printf("%" PRId64 " steps, mean temperature %.12f, checksum %016" PRIx64 "\n", step, mean,
           checksum(plate));
    return resume_close(ck) ? 1 : 0;
}
