/* Tests of src/os/dirty.c, on kernels that can do it. */
#include "os/dirty.h"
#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE  ((size_t)RS_DIRTY_PAGE_SIZE)
#define PAGES ((size_t)2048)
#define SIZE  (PAGES * PAGE)

static rs_dirty *dirty;
static uint8_t *memory;
static uint64_t pages[PAGES / 64];

static uint8_t *map(size_t size, int flags) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    assert_true(at != MAP_FAILED);
    return at;
}

/* Skips the tests where the kernel lacks it, or forbids it. */
static int setup(void **state) {
    const char *why;
    (void)state;
    dirty = rs_dirty_new(&why);
    if (!dirty) {
        print_message("not here: %s\n", why);
        return 0;
    }
    memory = map(SIZE, MAP_PRIVATE);
    memset(memory, 1, SIZE);
    assert_true(rs_dirty_watch(dirty, memory, SIZE));
    memset(pages, 0, sizeof pages);
    assert_true(rs_dirty_scan(dirty, memory, SIZE, pages));
    for (size_t i = 0; i < PAGES / 64; i++)
        assert_true(pages[i] == UINT64_MAX); /* what was written before */
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rs_dirty_free(dirty);
    if (dirty) munmap(memory, SIZE);
    return 0;
}

/* How many pages the next scan tells; -1: nothing is known. */
static int told(void) {
    int count = 0;
    memset(pages, 0, sizeof pages);
    if (!rs_dirty_scan(dirty, memory, SIZE, pages)) return -1;
    for (size_t i = 0; i < PAGES / 64; i++)
        count += __builtin_popcountll(pages[i]);
    return count;
}

static bool is_told(size_t page) {
    return pages[page / 64] >> page % 64 & 1;
}

static void test_dirty__what_was_written_is_told_once(void **state) {
    (void)state;
    if (!dirty) skip();
    assert_int_equal(told(), 0);
    memory[5 * PAGE + 100]++;
    memory[2047 * PAGE]++;
    assert_int_equal(told(), 2);
    assert_true(is_told(5) && is_told(2047));
    assert_int_equal(told(), 0);
    memory[5 * PAGE]++; /* watched again */
    assert_int_equal(told(), 1);
    for (size_t i = 0; i < PAGES; i += 2) /* more pieces than one call returns */
        memory[i * PAGE]++;
    assert_int_equal(told(), PAGES / 2);
    for (size_t i = 0; i < PAGES; i++)
        assert_int_equal(is_told(i), i % 2 == 0);
    assert_int_equal(told(), 0);
    volatile uint8_t *seen = memory; /* reading is not writing */
    for (size_t i = 0; i < PAGES; i++)
        (void)seen[i * PAGE];
    assert_int_equal(told(), 0);
}

static void test_dirty__bits_that_are_set_stay(void **state) {
    (void)state;
    if (!dirty) skip();
    memset(pages, 0, sizeof pages);
    pages[3] = 5;
    memory[7 * PAGE]++;
    assert_true(rs_dirty_scan(dirty, memory, SIZE, pages));
    assert_true(pages[3] == 5 && pages[0] == 1 << 7);
}

static void test_dirty__the_kernel_writes_too(void **state) {
    (void)state;
    if (!dirty) skip();
    int fd = open("/dev/zero", O_RDONLY), ends[2];
    assert_int_equal(read(fd, memory + 9 * PAGE, 2 * PAGE), 2 * PAGE);
    close(fd);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    assert_int_equal(read(ends[0], memory + 20 * PAGE, 3), 3);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(told(), 3);
    assert_true(is_told(9) && is_told(10) && is_told(20));
}

static void test_dirty__given_back_is_changed(void **state) {
    (void)state;
    if (!dirty) skip();
    assert_int_equal(madvise(memory + 30 * PAGE, 4 * PAGE, MADV_DONTNEED), 0);
    assert_int_equal(told(), 4);
    volatile uint8_t *seen = memory;
    assert_int_equal(seen[30 * PAGE], 0);
    told(); /* whatever it says of pages that were only looked at */
    memory[31 * PAGE]++;
    assert_true(told() >= 1 && is_told(31));
    /* all of it, with its page tables */
    assert_int_equal(madvise(memory, SIZE, MADV_DONTNEED), 0);
    assert_int_equal(told(), PAGES);
}

static void test_dirty__huge_pages(void **state) {
    (void)state;
    if (!dirty) skip();
    const size_t huge = (size_t)2 << 20;
    uint8_t *all = map(3 * huge, MAP_PRIVATE);
    uint8_t *at = all + (huge - (uintptr_t)all % huge) % huge;
    uint64_t bits[512 / 64] = {0};
    madvise(at, huge, MADV_HUGEPAGE);
    memset(at, 1, huge);
    assert_true(rs_dirty_watch(dirty, at, huge));
    assert_true(rs_dirty_scan(dirty, at, huge, bits));
    memset(bits, 0, sizeof bits);
    at[100 * PAGE]++;
    assert_true(rs_dirty_scan(dirty, at, huge, bits));
    assert_true(bits[1] >> 36 & 1);
    memset(bits, 0, sizeof bits);
    madvise(at, huge, MADV_DONTNEED);
    assert_true(rs_dirty_scan(dirty, at, huge, bits));
    for (size_t i = 0; i < 8; i++)
        assert_true(bits[i] == UINT64_MAX);
    rs_dirty_unwatch(dirty, at, huge);
    munmap(all, 3 * huge);
}

static void test_dirty__a_fork_changes_nothing(void **state) {
    (void)state;
    if (!dirty) skip();
    memory[1 * PAGE]++;
    pid_t child = fork();
    if (child == 0) {
        memory[2 * PAGE]++;
        _exit(told() == -1 ? 0 : 1); /* it has nothing to say there */
    }
    memory[3 * PAGE]++;
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    memory[4 * PAGE]++;
    assert_int_equal(told(), 3);
    assert_true(is_told(1) && is_told(3) && is_told(4));
    child = fork();
    if (child == 0) _exit(0);
    waitpid(child, &status, 0);
    assert_int_equal(told(), 0);
    memory[6 * PAGE]++;
    assert_int_equal(told(), 1);
}

static void test_dirty__other_memory_in_its_place_is_noticed(void **state) {
    (void)state;
    if (!dirty) skip();
    assert_true(mmap(memory + 100 * PAGE, PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    assert_int_equal(told(), -1);
    assert_true(rs_dirty_watch(dirty, memory, SIZE)); /* and it may be watched once more */
    told();
    assert_int_equal(told(), 0);
    memory[100 * PAGE]++;
    assert_int_equal(told(), 1);
    /* moved away and back */
    uint8_t *elsewhere = map(SIZE, MAP_PRIVATE);
    assert_true(mremap(memory, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) == elsewhere);
    assert_true(mremap(elsewhere, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, memory) == memory);
    assert_int_equal(told(), -1);
}

static void test_dirty__what_others_can_write_is_refused(void **state) {
    (void)state;
    if (!dirty) skip();
    uint64_t bits[1] = {0};
    uint8_t *shared = map(4 * PAGE, MAP_SHARED);
    memset(shared, 1, 4 * PAGE);
    assert_true(!rs_dirty_watch(dirty, shared, 4 * PAGE) ||
                !rs_dirty_scan(dirty, shared, 4 * PAGE, bits));
    munmap(shared, 4 * PAGE);
    int fd = open("/proc/self/exe", O_RDONLY);
    uint8_t *file = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    close(fd);
    volatile uint8_t *seen = file;
    (void)seen[0];
    assert_true(!rs_dirty_watch(dirty, file, 4 * PAGE) ||
                !rs_dirty_scan(dirty, file, 4 * PAGE, bits));
    munmap(file, 4 * PAGE);
}

static void test_dirty__no_whole_pages_are_refused(void **state) {
    (void)state;
    if (!dirty) skip();
    assert_false(rs_dirty_watch(dirty, memory + 1, PAGE));
    assert_false(rs_dirty_watch(dirty, memory, PAGE + 1));
    assert_false(rs_dirty_watch(dirty, memory, 0));
    assert_false(rs_dirty_scan(dirty, memory + 1, PAGE, pages));
    rs_dirty_unwatch(dirty, memory, SIZE);
    assert_int_equal(told(), -1);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_dirty__what_was_written_is_told_once),
        TEST(test_dirty__bits_that_are_set_stay),
        TEST(test_dirty__the_kernel_writes_too),
        TEST(test_dirty__given_back_is_changed),
        TEST(test_dirty__huge_pages),
        TEST(test_dirty__a_fork_changes_nothing),
        TEST(test_dirty__other_memory_in_its_place_is_noticed),
        TEST(test_dirty__what_others_can_write_is_refused),
        TEST(test_dirty__no_whole_pages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
