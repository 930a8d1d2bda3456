/* The C API against the plainest code that does the same; arms interleaved. bench_capi.py runs it.
 *
 * bench_capi sync: a bare loop, an atomic load and a branch, resume_sync that is not due.
 * bench_capi small BYTES N: N appends + fdatasync of a block, saves of it, replaced files.
 * bench_capi large MIB N: N saves and restores of an array against write + fdatasync, memcpy.
 *
 * Files are made in the working folder. A line of output for each round: seconds (of sync
 * nanoseconds) of each arm. */
#include <resume/resume.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
    fprintf(stderr, "bench_capi: %s\n", what);
    exit(1);
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* --- a sync that is not due --- */

enum { BARE, LOAD, SYNC, ARMS };
static volatile int stop_asked; /* what LOAD branches to, never taken */

static inline int load_and_branch(atomic_int *flag) {
    if (__builtin_expect(atomic_load_explicit(flag, memory_order_relaxed) == 0, 1)) return 0;
    return stop_asked;
}

/* The empty asm keeps each iteration: without it the bare loop is gone. */
#define REPEAT(calls, call)                                                                        \
    for (long i = 0; i < (calls); i++) {                                                           \
        if (call) die("a call that should do nothing failed");                                     \
        __asm__ volatile("" ::: "memory");                                                         \
    }

static __attribute__((noinline)) void run_arm(int arm, long calls, resume *ck, atomic_int *flag) {
    if (arm == BARE) REPEAT(calls, 0)
    if (arm == LOAD) REPEAT(calls, load_and_branch(flag))
    if (arm == SYNC) REPEAT(calls, resume_sync(ck))
}

static resume *open_idle(void) {
    static int64_t counter;
    resume *ck;
    resume_open(&ck, "bench_sync", &(resume_options){.rate_s = 86400, .clean = 1});
    resume_protect(ck, counter);
    if (resume_restore(ck, NULL)) die(resume_message(ck));
    return ck;
}

static void bench_sync(void) {
    enum { CALLS = 1000000, ROUNDS = 101 };
    static double times[ARMS][ROUNDS];
    static atomic_int flag;
    resume *ck = open_idle();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < ARMS; i++) {
            int arm = (i + round) % ARMS;
            double begun = now();
            run_arm(arm, CALLS, ck, &flag);
            times[arm][round] = (now() - begun) / CALLS * 1e9;
        }
    }
    for (int round = 0; round < ROUNDS; round++)
        printf("%.9g %.9g %.9g\n", times[BARE][round], times[LOAD][round], times[SYNC][round]);
    resume_leave(ck);
}

/* --- saves --- */

static void fill(void *bytes, size_t size, uint64_t seed) {
    uint64_t *words = bytes;
    for (size_t i = 0; i < size / 8; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        words[i] = z ^ (z >> 27);
    }
}

static void save(resume *ck) {
    if (resume_save(ck)) die(resume_message(ck));
}

static void write_plain(int file, const char *bytes, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t part = write(file, bytes + at, size - at);
        if (part <= 0) die("write");
        at += (size_t)part;
    }
    if (fdatasync(file)) die("fdatasync");
}

/* What careful programs do by hand. */
static void replace_file(const char *bytes, size_t size, int folder) {
    int file = open("replace.tmp", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size || fsync(file) || close(file))
        die("write");
    if (rename("replace.tmp", "replace.plain") || fsync(folder)) die("rename");
}

enum { APPEND, SAVE, REPLACE, SMALL_ARMS };

static void bench_small(size_t size, int rounds) {
    char *bytes = malloc(size);
    int file = open("append.plain", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    if (!bytes || file < 0 || folder < 0) die("can't prepare");
    resume *ck;
    resume_open(&ck, "bench_small", &(resume_options){.clean = 1});
    resume_protect_bytes_as(ck, "bytes", bytes, size);
    if (resume_restore(ck, NULL)) die(resume_message(ck));
    save(ck); /* the first one makes the file */
    for (int round = 0; round < rounds; round++) {
        double taken[SMALL_ARMS];
        for (int i = 0; i < SMALL_ARMS; i++) {
            int arm = (i + round) % SMALL_ARMS;
            fill(bytes, size, (uint64_t)(SMALL_ARMS * round + arm + 1));
            double begun = now();
            if (arm == APPEND) write_plain(file, bytes, size);
            if (arm == SAVE) save(ck);
            if (arm == REPLACE) replace_file(bytes, size, folder);
            taken[arm] = now() - begun;
        }
        printf("%.9g %.9g %.9g\n", taken[APPEND], taken[SAVE], taken[REPLACE]);
    }
    resume_close(ck);
    close(file);
    close(folder);
    unlink("append.plain");
    unlink("replace.plain");
    free(bytes);
}

static double time_plain(const void *bytes, size_t size) {
    double begun = now();
    int file = open("large.plain", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0) die("open");
    write_plain(file, bytes, size);
    close(file);
    double taken = now() - begun;
    unlink("large.plain");
    return taken;
}

static double time_save(resume *ck) {
    double begun = now();
    save(ck);
    return now() - begun;
}

static double time_copy(void *to, const void *from, size_t size) {
    double begun = now();
    memcpy(to, from, size);
    __asm__ volatile("" ::: "memory");
    return now() - begun;
}

/* A large save goes past the page cache: what is restored warm has to be read into it. */
static void warm(const char *path) {
    static char bytes[1 << 20];
    int file = open(path, O_RDONLY);
    if (file < 0) die("no checkpoint to warm");
    while (read(file, bytes, sizeof bytes) > 0) {
    }
    close(file);
}

/* Opens, restores what was saved into `field`, closes; the time of it all. */
static double time_restore(double *field, size_t count) {
    resume *ck;
    int restored;
    double begun = now();
    resume_open(&ck, "bench_large", NULL);
    resume_protect_shape(ck, field, count);
    if (resume_restore(ck, &restored) || !restored) die(resume_message(ck));
    double taken = now() - begun;
    resume_leave(ck);
    return taken;
}

static void bench_large(size_t mib, int rounds) {
    size_t size = mib << 20, count = size / sizeof(double);
    double *field = malloc(size), *copy = malloc(size);
    if (!field || !copy) die("no memory");
    memset(copy, 1, size);
    for (int round = 0; round < rounds; round++) {
        resume *ck;
        resume_open(&ck, "bench_large", &(resume_options){.clean = 1});
        resume_protect_shape(ck, field, count);
        if (resume_restore(ck, NULL)) die(resume_message(ck));
        fill(field, size, (uint64_t)round + 1);
        double plain = round % 2 ? 0 : time_plain(field, size); /* who comes first takes turns */
        double first = time_save(ck), unchanged = time_save(ck);
        if (round % 2) plain = time_plain(field, size);
        fill(field, size, (uint64_t)(round + 1000));
        double changed = time_save(ck), copied = time_copy(copy, field, size);
        resume_leave(ck);
        memset(field, 0, size);
        warm(".checkpoints/bench_large");
        double restored = time_restore(field, count);
        if (memcmp(field, copy, size)) die("restored something else");
        printf("%.9g %.9g %.9g %.9g %.9g %.9g\n", plain, first, unchanged, changed, copied,
               restored);
    }
    free(field);
    free(copy);
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    long numbers[2] = {0};
    for (int i = 2; i < count && i < 4; i++)
        numbers[i - 2] = atol(arguments[i]);
    if (!strcmp(what, "sync"))
        bench_sync();
    else if (!strcmp(what, "small"))
        bench_small((size_t)numbers[0], (int)numbers[1]);
    else if (!strcmp(what, "large"))
        bench_large((size_t)numbers[0], (int)numbers[1]);
    else
        die("usage: bench_capi sync | small BYTES N | large MIB N");
    return 0;
}
