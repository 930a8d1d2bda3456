/* userfaultfd in its asynchronous mode, and PAGEMAP_SCAN. */
#include "os/dirty.h"

#include "base/alloc.h"
#include "os/fork.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of Linux 6.7, for headers that are older. */
#define FEATURE_WP_UNPOPULATED (UINT64_C(1) << 13)
#define FEATURE_WP_ASYNC       (UINT64_C(1) << 15)
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

typedef struct page_region {
    uint64_t start, end, categories;
} page_region;

typedef struct scan_arguments {
    uint64_t size, flags, start, end, walk_end, regions, region_count, pages_max;
    uint64_t inverted, all_of, any_of, wanted;
} scan_arguments;

#define SCAN               _IOWR('f', 16, scan_arguments)
#define SCAN_PROTECT       1u /* again, what is found */
#define SCAN_CHECK_WATCHED 2u /* -EPERM when not all of it is */
#define IS_WRITTEN         2u
#define IS_OF_FILE         4u
#define IS_PRESENT         8u
#define IS_SWAPPED         16u
#define REGIONS            512u

struct rs_dirty {
    int faults, map;      /* userfaultfd; /proc/self/pagemap */
    atomic_int is_forked; /* both are of the parent */
    rs_fork_entry note_fork;
};

/* --- the kernel --- */

static int open_faults(void) {
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API,
                             .features = FEATURE_WP_ASYNC | FEATURE_WP_UNPOPULATED};
    if (fd < 0) return -1;
    if (ioctl(fd, UFFDIO_API, &api) == 0) return fd;
    close(fd);
    return -1;
}

/* Sets the bits of all pages that match; `flags` may protect them. A page that is written and
 * swapped out is told as written alone. */
static bool scan(const rs_dirty *dirty, const uint8_t *at, size_t size, const scan_arguments *what,
                 uint64_t *pages) {
    page_region regions[REGIONS];
    uint64_t base = (uintptr_t)at, end = base + size;
    scan_arguments arguments = *what;
    arguments.size = sizeof arguments;
    arguments.end = end;
    arguments.regions = (uintptr_t)regions;
    arguments.region_count = REGIONS;
    for (uint64_t from = base; from < end; from = arguments.walk_end) {
        arguments.start = from;
        int count = ioctl(dirty->map, SCAN, &arguments);
        if (count < 0 && errno == EINTR) {
            arguments.walk_end = from;
            continue;
        }
        if (count < 0 || arguments.walk_end <= from) return false;
        for (int i = 0; i < count; i++) {
            if (regions[i].categories & IS_OF_FILE) return false;
            if (regions[i].categories & IS_SWAPPED) continue; /* as it was */
            for (uint64_t page = (regions[i].start - base) / RS_DIRTY_PAGE_SIZE;
                 page < (regions[i].end - base) / RS_DIRTY_PAGE_SIZE; page++)
                pages[page / 64] |= UINT64_C(1) << page % 64;
        }
    }
    return true;
}

/* Written, and protected again in the same step: a write is in this scan or in the next one. */
static const scan_arguments written = {
    .flags = SCAN_PROTECT | SCAN_CHECK_WATCHED, .all_of = IS_WRITTEN, .wanted = IS_WRITTEN};
/* Two kinds that must not be missed. Neither in memory nor swapped out: given back (MADV_DONTNEED)
 * after it was protected, and zero now; a hole of 2 MiB is not told as written. And pages of files
 * or shared memory, which others write through mappings of their own. */
static const scan_arguments odd = {.flags = SCAN_CHECK_WATCHED,
                                   .inverted = IS_PRESENT,
                                   .any_of = IS_PRESENT | IS_OF_FILE,
                                   .wanted = IS_PRESENT | IS_OF_FILE | IS_SWAPPED};

static bool may_ask(const rs_dirty *dirty, const void *at, size_t size) {
    return !atomic_load(&dirty->is_forked) && (uintptr_t)at % RS_DIRTY_PAGE_SIZE == 0 &&
           size % RS_DIRTY_PAGE_SIZE == 0 && size > 0;
}

bool rs_dirty_watch(rs_dirty *dirty, void *at, size_t size) {
    struct uffdio_register watched = {.range = {.start = (uintptr_t)at, .len = size},
                                      .mode = UFFDIO_REGISTER_MODE_WP};
    return may_ask(dirty, at, size) && ioctl(dirty->faults, UFFDIO_REGISTER, &watched) == 0;
}

void rs_dirty_unwatch(rs_dirty *dirty, void *at, size_t size) {
    struct uffdio_range range = {.start = (uintptr_t)at, .len = size};
    if (may_ask(dirty, at, size)) ioctl(dirty->faults, UFFDIO_UNREGISTER, &range);
}

bool rs_dirty_scan(rs_dirty *dirty, void *at, size_t size, uint64_t *pages) {
    return may_ask(dirty, at, size) && scan(dirty, at, size, &odd, pages) &&
           scan(dirty, at, size, &written, pages);
}

/* --- does it work here? --- */

#define TRIED_PAGES 16u
#define TRIED_SIZE  ((size_t)TRIED_PAGES * RS_DIRTY_PAGE_SIZE)

/* The pages that a scan tells now, as bits. */
static uint64_t told(rs_dirty *dirty, uint8_t *at) {
    uint64_t pages = 0;
    return rs_dirty_scan(dirty, at, TRIED_SIZE, &pages) ? pages : UINT64_MAX;
}

/* Written by the processor, by the kernel, given back and not written: each is told as it is. */
static const char *try_on(rs_dirty *dirty, uint8_t *at) {
    const uint64_t all = (UINT64_C(1) << TRIED_PAGES) - 1;
    memset(at, 1, TRIED_SIZE);
    if (!rs_dirty_watch(dirty, at, TRIED_SIZE)) return "memory can't be watched";
    if (told(dirty, at) != all) return "what was written before is not told";
    if (told(dirty, at) != 0) return "what was not written is told";
    ((volatile uint8_t *)at)[3 * RS_DIRTY_PAGE_SIZE + 7]++;
    int zeros = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = zeros < 0 ? -1 : pread(zeros, at + 5 * RS_DIRTY_PAGE_SIZE, 16, 0);
    if (zeros >= 0) close(zeros);
    if (got <= 0) return "/proc can't be read";
    madvise(at + 9 * RS_DIRTY_PAGE_SIZE, RS_DIRTY_PAGE_SIZE, MADV_DONTNEED);
    if (told(dirty, at) != (1u << 3 | 1u << 5 | 1u << 9)) return "writes are not told as they are";
    rs_dirty_unwatch(dirty, at, TRIED_SIZE);
    return told(dirty, at) == UINT64_MAX ? NULL : "other memory is not told from watched one";
}

static const char *try_all(rs_dirty *dirty) {
    if (sysconf(_SC_PAGESIZE) != RS_DIRTY_PAGE_SIZE) return "pages are not of 4 KiB";
    dirty->faults = open_faults();
    if (dirty->faults < 0) return "userfaultfd with asynchronous write protection (Linux 6.7)";
    dirty->map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (dirty->map < 0) return "/proc/self/pagemap";
    uint8_t *at =
        mmap(NULL, TRIED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return "memory to try it on";
    const char *why = try_on(dirty, at);
    munmap(at, TRIED_SIZE);
    return why;
}

rs_dirty *rs_dirty_new(const char **why) {
    rs_dirty *dirty = rs_allocate_zeroed(1, sizeof *dirty);
    *why = "memory";
    if (!dirty) return NULL;
    dirty->faults = dirty->map = -1;
    dirty->note_fork.flag = &dirty->is_forked;
    if (rs_fork_add(&dirty->note_fork) == 0) {
        *why = try_all(dirty);
        if (!*why) return dirty;
    }
    rs_dirty_free(dirty);
    return NULL;
}

void rs_dirty_free(rs_dirty *dirty) {
    if (!dirty) return;
    rs_fork_remove(&dirty->note_fork);
    if (dirty->faults >= 0) close(dirty->faults);
    if (dirty->map >= 0) close(dirty->map);
    rs_free(dirty);
}
