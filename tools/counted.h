/* Counts the iterations of a C program; tools/demo.py includes it first.
 *
 * As tools/counted.py does for Python: an iteration is one call of resume_sync, the count is a word
 * in the file $COUNTS, mapped shared, so that it survives SIGKILL. The program itself is not
 * changed: cc -include tools/counted.h. */
#ifndef COUNTED_H
#define COUNTED_H

#include <resume/resume.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static resume_status counted_sync(resume *ck) {
    static volatile uint64_t *iterations;
    if (!iterations) {
        int file = open(getenv("COUNTS"), O_RDWR);
        void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (mapped == MAP_FAILED) abort();
        iterations = mapped;
        close(file);
    }
    ++*iterations;
    return resume_sync(ck);
}
#define resume_sync(ck) counted_sync(ck)
#endif
