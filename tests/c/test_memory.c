/* How much memory is left, as files of /proc and /sys tell it. */
#include "os/memory.h"
#include "temp_folder.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[TEMP_PATH_SIZE];

static void put(const char *name, const char *text) {
    char path[TEMP_PATH_SIZE + 100];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        (void)mkdir(path, 0700);
        *at = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state) {
    (void)state;
    temp_folder_make(root);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    temp_folder_remove(root);
    return 0;
}

static void test_memory__of_the_system(void **state) {
    (void)state;
    assert_int_equal(rs_memory_left_under(root), UINT64_MAX);
    put("proc/meminfo", "");
    assert_int_equal(rs_memory_left_under(root), UINT64_MAX);
    put("proc/meminfo", "MemTotal: 9000 kB\nMemFree: 10 kB\n");
    assert_int_equal(rs_memory_left_under(root), UINT64_MAX);
    put("proc/meminfo", "MemTotal: 9000 kB\nMemFree: 10 kB\nMemAvailable:    3000 kB\n");
    assert_int_equal(rs_memory_left_under(root), 3000 * 1024);
    put("proc/meminfo", "MemAvailable: none\n");
    assert_int_equal(rs_memory_left_under(root), UINT64_MAX);
}

static void test_memory__of_the_group(void **state) {
    (void)state;
    put("proc/meminfo", "MemAvailable: 3000 kB\n");
    put("proc/self/cgroup", "1:cpu:/\n");
    assert_int_equal(rs_memory_left_under(root), 3000 * 1024); /* version 1 alone */
    put("proc/self/cgroup", "1:cpu:/\n0::/a/b\n");
    assert_int_equal(rs_memory_left_under(root), 3000 * 1024); /* no limit is to be seen */
    put("sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_int_equal(rs_memory_left_under(root), 3000 * 1024);
    put("sys/fs/cgroup/a/b/memory.max", "1000000\n");
    assert_int_equal(rs_memory_left_under(root), 3000 * 1024);
    put("sys/fs/cgroup/a/b/memory.current", "700000\n");
    assert_int_equal(rs_memory_left_under(root), 300000);
    put("sys/fs/cgroup/a/b/memory.stat", "anon 1\ninactive_file 50000\nactive_file 30000\n");
    assert_int_equal(rs_memory_left_under(root), 380000);
    put("sys/fs/cgroup/a/b/memory.current", "1700000\n");
    assert_int_equal(rs_memory_left_under(root), 0);
    put("proc/self/cgroup", "0::/a/b\n");
    assert_int_equal(rs_memory_left_under(root), 0);
}

/* In a process of its own: the limit is for good. */
static void test_memory__of_addresses(void **state) {
    (void)state;
    put("proc/meminfo", "MemAvailable: 8000000000 kB\n");
    pid_t child = fork();
    if (child == 0) {
        uint64_t pages = (uint64_t)sysconf(_SC_PAGESIZE), limit = pages << 30;
        struct rlimit most = {limit, limit};
        if (setrlimit(RLIMIT_AS, &most) < 0) _exit(2);
        if (rs_memory_left_under(root) != (uint64_t)8000000000 * 1024) _exit(3);
        put("proc/self/statm", "1000 800 70 1 0 2 0\n");
        _exit(rs_memory_left_under(root) == limit - 1000 * pages ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_memory__of_this_process(void **state) {
    (void)state;
    assert_true(rs_memory_left() > 1 << 20 && rs_memory_left() < UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_memory__of_the_system),
        TEST(test_memory__of_the_group),
        TEST(test_memory__of_addresses),
        TEST(test_memory__of_this_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
