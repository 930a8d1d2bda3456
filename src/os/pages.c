/* Memory by mmap, for arrays. */
#include "os/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)

static size_t rounded(size_t size) {
    size_t unit = size >= HUGE ? HUGE : PAGE;
    size_t pages = size / unit + (size % unit != 0);
    return pages > SIZE_MAX / unit - 2 ? SIZE_MAX : (pages ? pages : 1) * unit;
}

void *rs_pages_new(size_t size) {
    size_t whole = rounded(size), more = whole >= HUGE ? HUGE : 0;
    if (whole == SIZE_MAX) return NULL;
    uint8_t *got =
        mmap(NULL, whole + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) return NULL;
    if (more == 0) return got;
    size_t skip = (HUGE - (uintptr_t)got % HUGE) % HUGE;
    if (skip > 0) munmap(got, skip);
    if (skip < more) munmap(got + skip + whole, more - skip);
    madvise(got + skip, whole, MADV_HUGEPAGE); /* it need not help */
    return got + skip;
}

void *rs_pages_new_ready(size_t size) {
    size_t whole = rounded(size);
    if (whole == SIZE_MAX) return NULL;
    void *got = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) return NULL;
#ifdef MADV_POPULATE_WRITE /* it need not help: before Linux 5.14, or without the memory */
    madvise(got, whole, MADV_POPULATE_WRITE);
#endif
    return got;
}

void rs_pages_free(void *pages, size_t size) {
    if (pages) munmap(pages, rounded(size));
}
