/* Counts the iterations of a C program and the time of its saves; tools/demo.py includes it first.
 *
 * As tools/counted.py does for Python: an iteration is one call of resume_sync, the counts are
 * three words in the file $COUNTS, mapped shared, so that they survive SIGKILL. The program itself
 * is not changed: cc -include tools/counted.h. */
#ifndef COUNTED_H
#define COUNTED_H

#include <resume/resume.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { COUNTED_ITERATIONS, COUNTED_NANOSECONDS, COUNTED_SAVES };

static volatile uint64_t *counted_words(void) {
    static volatile uint64_t *words;
    if (!words) {
        int file = open(getenv("COUNTS"), O_RDWR);
        void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (mapped == MAP_FAILED) abort();
        words = mapped;
        close(file);
    }
    return words;
}

static uint64_t counted_now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static resume_status counted_sync(resume *ck) {
    volatile uint64_t *words = counted_words();
    words[COUNTED_ITERATIONS]++;
    resume_info before, after;
    resume_look(ck, &before);
    uint64_t begun = counted_now();
    resume_status status = resume_sync(ck);
    resume_look(ck, &after);
    if (after.saves != before.saves) {
        words[COUNTED_NANOSECONDS] += counted_now() - begun;
        words[COUNTED_SAVES]++;
    }
    return status;
}
#define resume_sync(ck) counted_sync(ck)
#endif
