/* Tests of src/os/linux.c: each function of the real table does its one thing. */
#include "os/os.h"

#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct place {
    const rs_os *os;
    char path[TEMP_PATH_SIZE];
    int folder;
} place;

static int set_up(void **state) {
    static place here;
    here.os = rs_os_linux();
    temp_folder_make(here.path);
    here.folder =
        here.os->open(here.os, RS_WORKING_FOLDER, here.path, RS_OPEN_READ | RS_OPEN_FOLDER, 0);
    assert_true(here.folder >= 0);
    *state = &here;
    return 0;
}

static int tear_down(void **state) {
    place *here = *state;
    here->os->close(here->os, here->folder);
    temp_folder_remove(here->path);
    return 0;
}

#define READ_WRITE (RS_OPEN_READ | RS_OPEN_WRITE)

static int make(place *here, const char *name) {
    int fd = here->os->open(here->os, here->folder, name, READ_WRITE | RS_OPEN_CREATE, 0600);
    assert_true(fd > STDERR_FILENO);
    return fd;
}

static void test_linux__open_sets_safe_flags(void **state) {
    place *here = *state;
    int fd = make(here, "a");
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(here->os->close(here->os, fd), 0);
    unsigned exclusive = READ_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE;
    assert_int_equal(here->os->open(here->os, here->folder, "a", exclusive, 0600), -EEXIST);
    assert_int_equal(here->os->open(here->os, here->folder, "b", READ_WRITE, 0), -ENOENT);
    assert_int_equal(here->os->open(here->os, here->folder, "a", RS_OPEN_READ | RS_OPEN_FOLDER, 0),
                     -ENOTDIR);
}

static void test_linux__open_follows_links_only_when_asked(void **state) {
    place *here = *state;
    here->os->close(here->os, make(here, "a"));
    assert_int_equal(symlinkat("a", here->folder, "link"), 0);
    assert_int_equal(here->os->open(here->os, here->folder, "link", RS_OPEN_READ, 0), -ELOOP);
    int fd = here->os->open(here->os, here->folder, "link", RS_OPEN_READ | RS_OPEN_FOLLOW, 0);
    assert_true(fd >= 0);
    here->os->close(here->os, fd);
}

static void test_linux__fifo_does_not_hang(void **state) {
    place *here = *state;
    assert_int_equal(mkfifoat(here->folder, "fifo", 0600), 0);
    int fd = here->os->open(here->os, here->folder, "fifo", RS_OPEN_READ, 0);
    assert_true(fd >= 0);
    rs_file_info info;
    assert_int_equal(here->os->info(here->os, fd, &info), 0);
    assert_int_equal(info.kind, RS_KIND_OTHER);
    here->os->close(here->os, fd);
}

/* A program started with stdout closed prints into the next file that is opened as 1. */
static void test_linux__standard_streams_are_never_taken(void **state) {
    place *here = *state;
    pid_t child = fork();
    if (child == 0) {
        close(0), close(1), close(2);
        int fd = here->os->open(here->os, here->folder, "a", READ_WRITE | RS_OPEN_CREATE, 0600);
        bool is_good = fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 && fcntl(0, F_GETFD) < 0 &&
                       fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
        _exit(is_good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_linux__write_read_truncate(void **state) {
    place *here = *state;
    int fd = make(here, "a");
    rs_slice parts[] = {{"one", 3}, {"", 0}, {"two", 3}};
    assert_int_equal(here->os->write(here->os, fd, parts, 3, 5), 6);
    char text[16] = "";
    assert_int_equal(here->os->read(here->os, fd, text, sizeof text, 5), 6);
    assert_memory_equal(text, "onetwo", 6);
    assert_int_equal(here->os->read(here->os, fd, text, sizeof text, 11), 0);
    assert_int_equal(here->os->truncate(here->os, fd, 7), 0);
    rs_file_info info;
    assert_int_equal(here->os->info(here->os, fd, &info), 0);
    assert_int_equal(info.size, 7);
    assert_int_equal(here->os->sync_data(here->os, fd), 0);
    assert_int_equal(here->os->sync(here->os, fd), 0);
    assert_int_equal(here->os->sync(here->os, here->folder), 0);
    here->os->close(here->os, fd);
    assert_int_equal(here->os->write(here->os, fd, parts, 3, 0), -EBADF);
}

static void test_linux__more_parts_than_the_kernel_takes_are_a_short_write(void **state) {
    place *here = *state;
    static rs_slice parts[IOV_MAX + 5];
    for (size_t i = 0; i < IOV_MAX + 5; i++)
        parts[i] = (rs_slice){"x", 1};
    int fd = make(here, "a");
    assert_int_equal(here->os->write(here->os, fd, parts, IOV_MAX + 5, 0), IOV_MAX);
    here->os->close(here->os, fd);
}

/* The signal that a write beyond the limit sends would kill the program. */
static void test_linux__write_beyond_the_size_limit_is_only_an_error(void **state) {
    place *here = *state;
    int fd = make(here, "limited");
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 4, .rlim_max = RLIM_INFINITY};
        rs_slice part = {"abcdef", 6};
        signal(SIGXFSZ, SIG_DFL);
        bool good = setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                    here->os->write(here->os, fd, &part, 1, 0) == 4 &&
                    here->os->write(here->os, fd, &part, 1, 4) == -EFBIG &&
                    here->os->write(here->os, fd, &part, 1, 1000) == -EFBIG &&
                    here->os->copy(here->os, fd, 0, fd, 100, 2) == -EFBIG &&
                    here->os->reserve(here->os, fd, 0, 5) == -EFBIG &&
                    here->os->write(here->os, fd, &part, 1, 2) == 2;
        _exit(good ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    here->os->close(here->os, fd);
}

static void test_linux__reserve_keeps_the_size(void **state) {
    place *here = *state;
    int fd = make(here, "a");
    int answer = here->os->reserve(here->os, fd, 0, 1 << 20);
    assert_true(answer == 0 || answer == -EOPNOTSUPP);
    rs_file_info info;
    assert_int_equal(here->os->info(here->os, fd, &info), 0);
    assert_int_equal(info.size, 0);
    uint64_t free_bytes = 0;
    assert_int_equal(here->os->free_bytes(here->os, fd, &free_bytes), 0);
    assert_true(free_bytes > 0);
    here->os->close(here->os, fd);
}

static void test_linux__the_disk_may_begin(void **state) {
    place *here = *state;
    int fd = make(here, "a");
    rs_slice part = {"0123456789", 10};
    assert_int_equal(here->os->write(here->os, fd, &part, 1, 0), 10);
    assert_int_equal(here->os->start_writing(here->os, fd, 0, 10), 0);
    assert_int_equal(here->os->start_writing(here->os, fd, 5, 100), 0); /* beyond its end */
    assert_int_equal(here->os->start_writing(here->os, -1, 0, 10), -EBADF);
    here->os->close(here->os, fd);
}

static void test_linux__copy_takes_offsets(void **state) {
    place *here = *state;
    int from = make(here, "a"), to = make(here, "b");
    rs_slice part = {"0123456789", 10};
    assert_int_equal(here->os->write(here->os, from, &part, 1, 0), 10);
    int64_t copied = here->os->copy(here->os, from, 4, to, 2, 3);
    if (copied == -EOPNOTSUPP || copied == -ENOSYS) skip();
    assert_int_equal(copied, 3);
    char text[8] = "";
    assert_int_equal(here->os->read(here->os, to, text, sizeof text, 0), 5);
    assert_memory_equal(text,
                        "\0\0"
                        "456",
                        5);
    here->os->close(here->os, from);
    here->os->close(here->os, to);
}

static void test_linux__info_tells_kinds(void **state) {
    place *here = *state;
    const rs_os *os = here->os;
    rs_file_info info, same;
    int fd = make(here, "a");
    assert_int_equal(os->set_mode(os, fd, 0640), 0);
    assert_int_equal(os->link(os, here->folder, "a", "b"), 0);
    assert_int_equal(os->info_at(os, here->folder, "a", &info), 0);
    assert_int_equal(os->info(os, fd, &same), 0);
    assert_memory_equal(&info, &same, sizeof info);
    assert_int_equal(info.kind, RS_KIND_FILE);
    assert_int_equal(info.mode, 0640);
    assert_int_equal(info.links, 2);
    assert_int_equal(info.owner, geteuid());
    assert_int_equal(info.owner, os->user(os));
    int64_t age = os->clock_ns(os) - info.modified_ns;
    assert_true(age > -2000000000 && age < 60000000000);
    os->close(os, fd);

    assert_int_equal(symlinkat("nowhere", here->folder, "link"), 0);
    assert_int_equal(os->info_at(os, here->folder, "link", &info), 0);
    assert_int_equal(info.kind, RS_KIND_LINK);
    assert_int_equal(os->make_folder(os, here->folder, "folder", 0700), 0);
    assert_int_equal(os->make_folder(os, here->folder, "folder", 0700), -EEXIST);
    assert_int_equal(chmod(here->path, 01777), 0);
    assert_int_equal(os->info_at(os, RS_WORKING_FOLDER, here->path, &info), 0);
    assert_int_equal(info.kind, RS_KIND_FOLDER);
    assert_int_equal(info.mode, 01777);
}

static void test_linux__rename_replaces_only_when_asked(void **state) {
    place *here = *state;
    const rs_os *os = here->os;
    rs_file_info a, b;
    os->close(os, make(here, "a"));
    os->close(os, make(here, "b"));
    assert_int_equal(os->info_at(os, here->folder, "a", &a), 0);
    assert_int_equal(os->rename(os, here->folder, "a", "b", false), -EEXIST);
    assert_int_equal(os->rename(os, here->folder, "a", "c", false), 0);
    assert_int_equal(os->info_at(os, here->folder, "a", &b), -ENOENT);
    assert_int_equal(os->rename(os, here->folder, "c", "b", true), 0);
    assert_int_equal(os->info_at(os, here->folder, "b", &b), 0);
    assert_int_equal(a.inode, b.inode);
    assert_int_equal(os->rename(os, here->folder, "c", "d", false), -ENOENT);
    assert_int_equal(os->remove(os, here->folder, "b"), 0);
    assert_int_equal(os->remove(os, here->folder, "b"), -ENOENT);
    assert_int_equal(os->make_folder(os, here->folder, "f", 0700), 0);
    os->close(os, make(here, "f/a"));
    assert_int_equal(os->remove_folder(os, here->folder, "f"), -ENOTEMPTY);
    assert_int_equal(os->remove(os, here->folder, "f/a"), 0);
    assert_int_equal(os->remove_folder(os, here->folder, "f"), 0);
    assert_int_equal(os->remove_folder(os, here->folder, "f"), -ENOENT);
}

/* From now on this process gets `os_code` from the system calls of the numbers given. */
static void forbid(const int *numbers, size_t count, int os_code) {
    struct sock_filter code[16];
    size_t used = 0;
    code[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0); /* the number */
    for (size_t i = 0; i < count; i++) {
        code[used++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
        code[used++] =
            (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)os_code);
    }
    code[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = (unsigned short)used, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(77);
}

/* A file system that knows no RENAME_NOREPLACE, and one that has no hard links either. */
static void test_linux__rename_without_help_of_the_file_system(void **state) {
    place *here = *state;
    const rs_os *os = here->os;
    static const int numbers[] = {SYS_renameat2, SYS_linkat};
    for (size_t count = 1; count <= 2; count++) {
        os->close(os, make(here, "a"));
        os->close(os, make(here, "b"));
        pid_t child = fork();
        if (child == 0) {
            forbid(numbers, count, count == 1 ? EINVAL : EPERM);
            if (count == 2) forbid(numbers, 1, ENOSYS);
            rs_file_info info;
            bool is_good = os->rename(os, here->folder, "a", "b", false) == -EEXIST &&
                           os->info_at(os, here->folder, "a", &info) == 0 &&
                           os->rename(os, here->folder, "a", "c", false) == 0 &&
                           os->info_at(os, here->folder, "a", &info) == -ENOENT &&
                           os->info_at(os, here->folder, "c", &info) == 0 && info.links == 1 &&
                           os->rename(os, here->folder, "a", "d", false) == -ENOENT;
            _exit(is_good ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WEXITSTATUS(status) == 77) skip();
        assert_int_equal(status, 0);
        assert_int_equal(os->remove(os, here->folder, "b"), 0);
        assert_int_equal(os->remove(os, here->folder, "c"), 0);
    }
}

/* Pages of the file in the page cache, by another way than that of the library. */
static size_t cached_pages(int fd, size_t size) {
    unsigned char in_cache[1024];
    size_t pages = size / 4096, found = 0;
    assert_true(pages <= sizeof in_cache);
    void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(at != MAP_FAILED);
    assert_int_equal(mincore(at, size, in_cache), 0);
    for (size_t i = 0; i < pages; i++)
        found += in_cache[i] & 1;
    munmap(at, size);
    return found;
}

/* What is not cached is not read, and not read ahead either. */
static void test_linux__read_cached_leaves_the_disk_alone(void **state) {
    enum { SIZE = 1 << 20, CACHESTAT = 451 };
    place *here = *state;
    const rs_os *os = here->os;
    uint8_t *bytes = malloc(SIZE), *back = malloc(SIZE);
    assert_true(bytes && back);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i / 1000);
    int fd = make(here, "a");
    assert_int_equal(os->write(os, fd, &(rs_slice){bytes, SIZE}, 1, 0), SIZE);
    assert_int_equal(os->sync(os, fd), 0);
    assert_int_equal(os->read_cached(os, fd, back, SIZE - 4000, 3000), SIZE - 4000);
    bool is_known = os->is_cached(os, fd, SIZE - 4000, 3000);
    assert_memory_equal(back, bytes + 3000, SIZE - 4000);
    pid_t child = fork();
    if (child == 0) { /* before Linux 6.5 nobody can tell */
        forbid(&(int){CACHESTAT}, 1, ENOSYS);
        if (os->is_cached(os, fd, SIZE, 0)) _exit(1);
        _exit(os->read_cached(os, fd, back, SIZE, 0) == SIZE && !memcmp(back, bytes, SIZE) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(status == 0 || WEXITSTATUS(status) == 77);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    bool can_tell = syscall(CACHESTAT, -1, NULL, NULL, 0) < 0 && errno != ENOSYS && errno != EPERM;
    bool has_cache = cached_pages(fd, SIZE) == 0; /* not in memory alone */
    assert_int_equal(is_known, can_tell);
    if (can_tell && has_cache) {
        assert_false(os->is_cached(os, fd, SIZE, 0));
        assert_int_equal(os->read_cached(os, fd, back, SIZE, 0), -EAGAIN);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        assert_int_equal(cached_pages(fd, SIZE), 0);
        posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
        assert_int_equal(os->read(os, fd, back, 4096, SIZE / 2), 4096);
        assert_true(cached_pages(fd, SIZE) < SIZE / 4096);
        assert_int_equal(os->read_cached(os, fd, back, SIZE, 0), -EAGAIN);
        assert_int_equal(os->read_cached(os, fd, back, 100, SIZE / 2 + 50), 100);
    }
    os->close(os, fd);
    free(bytes);
    free(back);
    if (!can_tell || !has_cache) skip();
}

typedef struct seen {
    int count;
    bool a, b, other;
    int stop_after;
} seen;

static int see(void *context, const char *name) {
    seen *all = context;
    all->count++;
    if (strcmp(name, "a") == 0)
        all->a = true;
    else if (strcmp(name, ".b") == 0)
        all->b = true;
    else
        all->other = true;
    return all->count == all->stop_after ? 7 : 0;
}

static void test_linux__list_names_all_and_stops(void **state) {
    place *here = *state;
    const rs_os *os = here->os;
    os->close(os, make(here, "a"));
    os->close(os, make(here, ".b"));
    int open_before = temp_descriptors();
    for (int i = 0; i < 2; i++) { /* a second listing begins anew */
        seen all = {0};
        assert_int_equal(os->list(os, here->folder, see, &all), 0);
        assert_int_equal(all.count, 2);
        assert_true(all.a && all.b && !all.other);
    }
    seen some = {.stop_after = 1};
    assert_int_equal(os->list(os, here->folder, see, &some), 7);
    assert_int_equal(some.count, 1);
    assert_int_equal(os->list(os, -1, see, &some), -EBADF);
    assert_int_equal(temp_descriptors(), open_before);
}

static void test_linux__lock_excludes_other_openings(void **state) {
    place *here = *state;
    const rs_os *os = here->os;
    int first = make(here, "a"), second = make(here, "a");
    assert_int_equal(os->lock(os, first), 0);
    assert_int_equal(os->lock(os, second), -EWOULDBLOCK);
    os->close(os, first);
    assert_int_equal(os->lock(os, second), 0);
    os->close(os, second);
}

static void test_linux__working_folder_is_absolute(void **state) {
    place *here = *state;
    const rs_os *os = here->os;
    char before[PATH_MAX], path[PATH_MAX], expected[PATH_MAX];
    assert_int_equal(os->working_folder(os, before, sizeof before), 0);
    assert_int_equal(chdir(here->path), 0);
    assert_int_equal(os->working_folder(os, path, sizeof path), 0);
    assert_non_null(realpath(here->path, expected));
    assert_string_equal(path, expected);
    assert_int_equal(os->working_folder(os, path, 2), -ERANGE);
    assert_int_equal(chdir(before), 0);
}

static void test_linux__clocks_and_random(void **state) {
    const rs_os *os = ((place *)*state)->os;
    int64_t apart = os->clock_ns(os) / 1000000000 - (int64_t)time(NULL);
    assert_true(apart >= -2 && apart <= 2);
    int64_t first = os->monotonic_ns(os);
    assert_true(os->monotonic_ns(os) >= first && first > 0);
    uint8_t one[300] = {0}, two[300] = {0}, zeros[16] = {0};
    assert_int_equal(os->random(os, one, sizeof one), 0);
    assert_int_equal(os->random(os, two, sizeof two), 0);
    assert_memory_not_equal(one, two, sizeof one);
    assert_memory_not_equal(one + sizeof one - 16, zeros, 16);
}

static void test_linux__process_says_who_and_since_when(void **state) {
    const rs_os *os = ((place *)*state)->os;
    int64_t before = os->clock_ns(os);
    int tell[2];
    assert_int_equal(pipe(tell), 0);
    pid_t child = fork(); /* a young process, so that the start is known within a second or two */
    if (child == 0) {
        rs_process self;
        memset(&self, 0x55, sizeof self);
        int answer = os->process(os, &self);
        bool is_told = write(tell[1], &self, sizeof self) == (ssize_t)sizeof self;
        _exit(answer == 0 && is_told && os->pid(os) == getpid() ? 0 : 1);
    }
    rs_process told;
    assert_int_equal(read(tell[0], &told, sizeof told), sizeof told);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(told.pid, child);
    assert_true(told.started_ns > before - 2000000000 && told.started_ns < before + 60000000000);
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    assert_string_equal(told.host, host);
    assert_int_equal(strlen(told.boot_id), 36);
    close(tell[0]), close(tell[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_linux__open_sets_safe_flags),
        TEST(test_linux__open_follows_links_only_when_asked),
        TEST(test_linux__fifo_does_not_hang),
        TEST(test_linux__standard_streams_are_never_taken),
        TEST(test_linux__write_read_truncate),
        TEST(test_linux__more_parts_than_the_kernel_takes_are_a_short_write),
        TEST(test_linux__write_beyond_the_size_limit_is_only_an_error),
        TEST(test_linux__reserve_keeps_the_size),
        TEST(test_linux__the_disk_may_begin),
        TEST(test_linux__copy_takes_offsets),
        TEST(test_linux__info_tells_kinds),
        TEST(test_linux__rename_replaces_only_when_asked),
        TEST(test_linux__rename_without_help_of_the_file_system),
        TEST(test_linux__read_cached_leaves_the_disk_alone),
        TEST(test_linux__list_names_all_and_stops),
        TEST(test_linux__lock_excludes_other_openings),
        TEST(test_linux__working_folder_is_absolute),
        TEST(test_linux__clocks_and_random),
        TEST(test_linux__process_says_who_and_since_when),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
