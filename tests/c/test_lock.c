/* Tests of src/store/lock.c: one holder, known by name, gone with its process. */
#include "store/lock.h"

#include "alloc_fail.h"
#include "fault_os.h"
#include "store/name.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Somebody removes the lock file just before we lock it, so many times. */
static struct {
    int removals;
    char path[TEMP_PATH_SIZE];
} remover;

static int lock_after_removal(const rs_os *os, int fd) {
    if (remover.removals > 0) {
        remover.removals--;
        unlink(remover.path);
    }
    return rs_os_linux()->lock(os, fd);
}

typedef struct place {
    rs_os removing;
    fault_os fault;
    char path[TEMP_PATH_SIZE], file[TEMP_PATH_SIZE];
    rs_folder *folder;
    rs_lock lock, other;
    rs_error error;
} place;

static int set_up(void **state) {
    static place here;
    memset(&here, 0, sizeof here);
    temp_folder_make(here.path);
    temp_path(here.file, here.path, "main.lock");
    strcpy(remover.path, here.file);
    remover.removals = 0;
    here.removing = *rs_os_linux();
    here.removing.lock = lock_after_removal;
    fault_os_init(&here.fault, &here.removing);
    assert_int_equal(rs_folder_open(&here.fault.os, here.path, true, &here.folder, NULL),
                     RESUME_OK);
    *state = &here;
    return 0;
}

static int tear_down(void **state) {
    place *here = *state;
    fault_os_plan(&here->fault, (fault_plan){.nth = 0});
    rs_lock_release(here->folder, &here->lock);
    rs_lock_release(here->folder, &here->other);
    rs_folder_close(here->folder);
    assert_int_equal(fault_os_open_count(&here->fault), 0);
    temp_folder_remove(here->path);
    return 0;
}

static resume_status take(place *here) {
    return rs_lock_take(here->folder, "main", &here->lock, &here->error);
}

static resume_status take_other(place *here) {
    return rs_lock_take(here->folder, "main", &here->other, &here->error);
}

static int status_of(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* A process that holds the lock until it is killed; started when this returns. */
static pid_t start_holder(const place *here) {
    int tell[2];
    assert_int_equal(pipe(tell), 0);
    pid_t child = fork();
    if (child == 0) {
        rs_folder *folder = NULL;
        rs_lock lock;
        bool is_held =
            rs_folder_open(rs_os_linux(), here->path, true, &folder, NULL) == RESUME_OK &&
            rs_lock_take(folder, "main", &lock, NULL) == RESUME_OK;
        if (write(tell[1], is_held ? "y" : "n", 1) != 1) _exit(1);
        for (;;)
            pause();
    }
    char byte = 0;
    assert_int_equal(read(tell[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(tell[0]), close(tell[1]);
    return child;
}

static void test_lock__is_taken_once_and_released(void **state) {
    place *here = *state;
    assert_int_equal(take(here), RESUME_OK);
    assert_true(here->lock.fd >= 0);
    assert_false(here->lock.unsupported);
    assert_int_equal(take_other(here), RESUME_LOCKED);
    assert_int_equal(here->other.fd, -1);
    assert_non_null(strstr(here->error.text, "checkpoint 'main' is held by this same process"));
    assert_non_null(strstr(here->error.text, "key="));
    rs_lock_release(here->folder, &here->lock);
    assert_int_equal(here->lock.fd, -1);
    rs_lock_release(here->folder, &here->lock); /* again is allowed */
    assert_int_equal(take_other(here), RESUME_OK);
}

/* As a child has it that was forked by another thread just now, and has not yet got to run. */
static void test_lock__is_free_once_released_whoever_has_it_open(void **state) {
    place *here = *state;
    assert_int_equal(take(here), RESUME_OK);
    int copy = dup(here->lock.fd);
    assert_true(copy >= 0);
    rs_lock_release(here->folder, &here->lock);
    assert_int_equal(take_other(here), RESUME_OK);
    close(copy);
}

static void test_lock__other_names_are_free(void **state) {
    place *here = *state;
    assert_int_equal(take(here), RESUME_OK);
    assert_int_equal(rs_lock_take(here->folder, "main2", &here->other, &here->error), RESUME_OK);
}

static void test_lock__file_is_private_and_tells_the_holder(void **state) {
    place *here = *state;
    assert_int_equal(take(here), RESUME_OK);
    struct stat found;
    assert_int_equal(stat(here->file, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    char text[256], host[65], boot_id[37], end;
    long long pid, started;
    assert_true(temp_read(here->file, text, sizeof text));
    assert_int_equal(sscanf(text, "%lld %64s %36s %lld%c", &pid, host, boot_id, &started, &end), 5);
    rs_process self;
    rs_os_linux()->process(rs_os_linux(), &self);
    assert_int_equal(pid, getpid());
    assert_string_equal(host, self.host);
    assert_string_equal(boot_id, self.boot_id);
    assert_true(llabs(started - self.started_ns) < 2000000000);
    assert_int_equal(end, '\n');
    rs_lock_release(here->folder, &here->lock);
    assert_true(temp_read(here->file, text, sizeof text)); /* it stays, and names nobody */
    assert_string_equal(text, "");
}

static void test_lock__another_process_is_named_with_host_and_start(void **state) {
    place *here = *state;
    pid_t holder = start_holder(here);
    assert_int_equal(take(here), RESUME_LOCKED);
    rs_process self;
    rs_os_linux()->process(rs_os_linux(), &self);
    char expected[200];
    snprintf(expected, sizeof expected,
             "checkpoint 'main' is held by process %d on host '%s' since 20", (int)holder,
             self.host);
    assert_non_null(strstr(here->error.text, expected));
    assert_non_null(strstr(here->error.text, here->file));
    assert_non_null(strstr(here->error.text, "wait until it ends, stop it, or use another name"));
    assert_int_equal(fault_os_open_count(&here->fault), 1); /* the folder */

    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_true(WIFSIGNALED(status_of(holder)));
    assert_int_equal(take(here), RESUME_OK);
    char text[256];
    assert_true(temp_read(here->file, text, sizeof text));
    assert_int_equal(atoi(text), getpid());
}

/* The content of the file is whatever somebody wrote. */
static void test_lock__hostile_content_stays_harmless(void **state) {
    place *here = *state;
    static char huge[5000];
    memset(huge, 'A', sizeof huge - 1);
    const char *const contents[] = {
        "",
        "\n",
        "garbage",
        "12 host boot",
        "-5 host boot 1\n",
        "99999999999999999999999999 host boot 1\n",
        "12 \033[2Jhost\a boot 99999999999999999999\n",
        "12 host\x80\xff boot 9223372036854775807\n",
        "12 %s%n boot -1\n",
        huge,
    };
    assert_int_equal(take(here), RESUME_OK);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        assert_true(temp_write(here->file, contents[i]));
        memset(&here->error, 0, sizeof here->error);
        assert_int_equal(take_other(here), RESUME_LOCKED);
        assert_non_null(strstr(here->error.text, "checkpoint 'main' is held by "));
        assert_non_null(strstr(here->error.text, "; wait until it ends"));
        for (const char *c = here->error.text; *c != '\0'; c++)
            assert_true((unsigned char)*c >= ' ' && (unsigned char)*c < 127);
    }
    assert_true(temp_write(here->file, "12 h%s boot -1\n"));
    assert_int_equal(take_other(here), RESUME_LOCKED);
    assert_non_null(strstr(here->error.text, "process 12 on host 'h%s' (lock file"));
}

static void test_lock__removed_file_is_noticed(void **state) {
    place *here = *state;
    struct stat found;
    remover.removals = 3;
    assert_int_equal(take(here), RESUME_OK);
    assert_int_equal(remover.removals, 0);
    assert_int_equal(stat(here->file, &found), 0);
    assert_int_equal(found.st_ino, here->lock.inode);
    assert_int_equal(found.st_dev, here->lock.device);
    assert_int_equal(take_other(here), RESUME_LOCKED);
    rs_lock_release(here->folder, &here->lock);

    remover.removals = INT_MAX;
    assert_int_equal(take(here), RESUME_IO);
    assert_non_null(strstr(here->error.text, "removed again and again"));
    assert_int_equal(here->lock.fd, -1);
    assert_int_equal(fault_os_open_count(&here->fault), 1);
}

static void test_lock__removed_folder_is_not_found(void **state) {
    place *here = *state;
    temp_folder_remove(here->path);
    assert_int_equal(take(here), RESUME_NOT_FOUND);
    bool replaced = false;
    assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), RESUME_OK);
    assert_true(replaced);
    assert_int_equal(take(here), RESUME_OK);
}

static void test_lock__file_system_without_locks(void **state) {
    place *here = *state;
    static const int codes[] = {ENOLCK, EOPNOTSUPP, ENOSYS};
    for (size_t i = 0; i < 3; i++) {
        fault_os_plan(&here->fault, (fault_plan){.nth = 1,
                                                 .mode = FAULT_FAIL,
                                                 .os_code = codes[i],
                                                 .calls = FAULT_BIT(FAULT_LOCK)});
        assert_int_equal(take(here), RESUME_OK);
        assert_true(here->lock.unsupported);
        assert_int_equal(here->lock.fd, -1);
        rs_lock_release(here->folder, &here->lock);
    }
    assert_int_equal(take(here), RESUME_OK);
    assert_false(here->lock.unsupported);
}

static void test_lock__interruptions_are_passed_over(void **state) {
    place *here = *state;
    fault_os_plan(&here->fault, (fault_plan){.nth = 1,
                                             .mode = FAULT_FAIL,
                                             .os_code = EINTR,
                                             .calls = FAULT_BIT(FAULT_LOCK)});
    assert_int_equal(take(here), RESUME_OK);
    rs_lock_release(here->folder, &here->lock);
    fault_os_plan(&here->fault, (fault_plan){.nth = 1,
                                             .mode = FAULT_FAIL,
                                             .os_code = EINTR,
                                             .calls = FAULT_BIT(FAULT_LOCK),
                                             .for_ever = true});
    assert_int_equal(take(here), RESUME_IO);
    assert_int_equal(here->error.os_code, EINTR);
}

static void test_lock__holds_on_a_full_disk(void **state) {
    place *here = *state;
    fault_os_plan(&here->fault, (fault_plan){.nth = 1,
                                             .mode = FAULT_FAIL,
                                             .os_code = ENOSPC,
                                             .calls = FAULT_BIT(FAULT_WRITE)});
    assert_int_equal(take(here), RESUME_OK);
    assert_true(fault_os_struck(&here->fault));
    assert_int_equal(take_other(here), RESUME_LOCKED);
    assert_non_null(strstr(here->error.text, "is held by another process"));
}

static void test_lock__every_call_may_fail(void **state) {
    place *here = *state;
    static const int codes[] = {EIO, ENOSPC, EINTR, EACCES, EMFILE, ELOOP};
    int failures = 0;
    for (size_t i = 0; i < sizeof codes / sizeof *codes * 4; i++) {
        bool was_struck = true;
        for (long n = 1; was_struck; n++) {
            unlink(here->file);
            fault_os_plan(&here->fault, (fault_plan){.nth = n,
                                                     .mode = i & 1 ? FAULT_FAIL : FAULT_DO_AND_FAIL,
                                                     .os_code = codes[i / 4],
                                                     .for_ever = (i & 2) != 0});
            memset(&here->error, 0, sizeof here->error);
            resume_status status = take(here);
            assert_true((status == RESUME_OK) == (here->lock.fd >= 0));
            assert_true((status == RESUME_OK) == (here->error.text[0] == '\0'));
            assert_int_equal(here->error.status, status);
            assert_int_equal(fault_os_open_count(&here->fault), 1 + (status == RESUME_OK));
            failures += status != RESUME_OK;
            rs_lock_release(here->folder, &here->lock);
            was_struck = fault_os_struck(&here->fault);
            fault_os_plan(&here->fault, (fault_plan){.nth = 0});
            assert_int_equal(take(here), RESUME_OK);
            rs_lock_release(here->folder, &here->lock);
        }
    }
    assert_true(failures > 50);
}

static void test_lock__no_memory(void **state) {
    place *here = *state;
    alloc_fail_at(1, false);
    resume_status status = take(here);
    alloc_fail_at(0, false);
    assert_int_equal(status, RESUME_NO_MEMORY);
    assert_int_equal(take(here), RESUME_OK);
}

static void test_lock__release_of_what_was_never_taken(void **state) {
    place *here = *state;
    pid_t child = fork();
    if (child == 0) { /* descriptor 0 is not ours */
        rs_lock never = {0};
        int null = open("/dev/null", O_RDWR);
        if (dup2(null, 0) != 0) _exit(1);
        rs_lock_release(here->folder, &never);
        _exit(fcntl(0, F_GETFD) >= 0 ? 0 : 2);
    }
    assert_int_equal(status_of(child), 0);
    char longest[RS_FILE_NAME_SIZE];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(rs_lock_take(here->folder, longest, &here->lock, &here->error),
                     RESUME_BAD_NAME);
}

/* The child of a holder has nothing to release, and does not empty the holder's file. */
static void test_lock__child_leaves_the_lock_alone(void **state) {
    place *here = *state;
    assert_int_equal(take(here), RESUME_OK);
    pid_t child = fork();
    if (child == 0) {
        bool is_gone = here->lock.fd == -1;
        rs_lock_release(here->folder, &here->lock);
        rs_lock mine;
        bool is_refused =
            rs_lock_take(here->folder, "main", &mine, &here->error) == RESUME_LOCKED &&
            strstr(here->error.text, "held by process ") != NULL;
        _exit(is_gone && is_refused ? 0 : 1);
    }
    assert_int_equal(status_of(child), 0);
    char text[256];
    assert_true(temp_read(here->file, text, sizeof text));
    assert_int_equal(atoi(text), getpid());
}

/* Many processes, each in turn alone; some end by release, some are killed. */
static void test_lock__never_two_at_once(void **state) {
    place *here = *state;
    atomic_int *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    enum { INSIDE, TAKEN, CLASHES };
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] != 0) continue;
        rs_folder *folder = NULL;
        rs_lock lock;
        if (rs_folder_open(rs_os_linux(), here->path, true, &folder, NULL) != RESUME_OK) _exit(1);
        for (int done = 0; done < 50;) {
            resume_status status = rs_lock_take(folder, "main", &lock, NULL);
            if (status != RESUME_OK && status != RESUME_LOCKED) _exit(2);
            if (status == RESUME_LOCKED) {
                usleep(100);
                continue;
            }
            if (atomic_fetch_add(&shared[INSIDE], 1) != 0) atomic_fetch_add(&shared[CLASHES], 1);
            atomic_fetch_add(&shared[TAKEN], 1);
            usleep(20);
            atomic_fetch_sub(&shared[INSIDE], 1);
            if (++done == 50 && i % 2 == 0) kill(getpid(), SIGKILL); /* holding it */
            rs_lock_release(folder, &lock);
        }
        rs_folder_close(folder);
        _exit(0);
    }
    for (int i = 0; i < 4; i++) {
        int status = status_of(children[i]);
        assert_true(i % 2 == 0 ? WIFSIGNALED(status) : status == 0);
    }
    assert_int_equal(shared[TAKEN], 200);
    assert_int_equal(shared[CLASHES], 0);
    assert_int_equal(take(here), RESUME_OK);
    munmap(shared, 4096);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_lock__is_taken_once_and_released),
        TEST(test_lock__is_free_once_released_whoever_has_it_open),
        TEST(test_lock__other_names_are_free),
        TEST(test_lock__file_is_private_and_tells_the_holder),
        TEST(test_lock__another_process_is_named_with_host_and_start),
        TEST(test_lock__hostile_content_stays_harmless),
        TEST(test_lock__removed_file_is_noticed),
        TEST(test_lock__removed_folder_is_not_found),
        TEST(test_lock__file_system_without_locks),
        TEST(test_lock__interruptions_are_passed_over),
        TEST(test_lock__holds_on_a_full_disk),
        TEST(test_lock__every_call_may_fail),
        TEST(test_lock__no_memory),
        TEST(test_lock__release_of_what_was_never_taken),
        TEST(test_lock__child_leaves_the_lock_alone),
        TEST(test_lock__never_two_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
