/* Tests of src/store/folder.c: made durably, safe to open, told when others can write. */
#include "store/folder.h"

#include "alloc_fail.h"
#include "base/alloc.h"
#include "fault_os.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Between the tested code and the system: books folders whose entry is not durable yet, and plays
 * the other process. */
#define DIRTY_MAX 16
static struct {
    char dirty[DIRTY_MAX][PATH_MAX];
    size_t dirty_count;
    int out_of_order;     /* something was made in a folder that was not durable itself */
    unsigned mode;        /* that the last folder was to have */
    int made_by_another;  /* so many folders are made by another process just before us */
    int removed_by_other; /* so many are removed just after we made them */
} watch;

static void parent_of(const char *path, char to[PATH_MAX]) {
    snprintf(to, PATH_MAX, "%s", path);
    char *slash = strrchr(to, '/');
    assert_non_null(slash);
    *(slash == to ? slash + 1 : slash) = '\0';
}

static int watched_make_folder(const rs_os *os, int folder, const char *path, unsigned mode) {
    watch.mode = mode;
    if (watch.made_by_another > 0) {
        watch.made_by_another--;
        mkdir(path, 0755);
    }
    int answer = rs_os_linux()->make_folder(os, folder, path, mode);
    char real[PATH_MAX], parent[PATH_MAX];
    if (answer < 0 || realpath(path, real) == NULL) return answer;
    parent_of(real, parent);
    for (size_t i = 0; i < watch.dirty_count; i++)
        watch.out_of_order += strcmp(watch.dirty[i], parent) == 0;
    strcpy(watch.dirty[watch.dirty_count++], real);
    if (watch.removed_by_other > 0) {
        watch.removed_by_other--;
        watch.dirty_count--;
        rmdir(path);
    }
    return answer;
}

static int watched_sync(const rs_os *os, int fd) {
    char link[64], path[PATH_MAX] = "", parent[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    path[size < 0 ? 0 : size] = '\0';
    for (size_t i = watch.dirty_count; i-- > 0;) {
        parent_of(watch.dirty[i], parent);
        if (strcmp(parent, path) == 0)
            memmove(watch.dirty[i], watch.dirty[--watch.dirty_count], sizeof watch.dirty[i]);
    }
    (void)os; /* the disk itself is not what is tested, and slow */
    struct stat found;
    return fstat(fd, &found) == 0 ? 0 : -errno;
}

typedef struct place {
    rs_os watched;
    fault_os fault;
    const rs_os *os;
    char path[TEMP_PATH_SIZE], before[PATH_MAX], text[TEMP_PATH_SIZE];
    rs_folder *folder;
    rs_error error;
    mode_t mask;
} place;

static int set_up(void **state) {
    static place here;
    memset(&here, 0, sizeof here);
    memset(&watch, 0, sizeof watch);
    here.mask = umask(022);
    char made[TEMP_PATH_SIZE];
    temp_folder_make(made);
    char *real = realpath(made, NULL);
    assert_non_null(real);
    assert_true(strlen(real) < sizeof here.path);
    strcpy(here.path, real);
    free(real);
    here.watched = *rs_os_linux();
    here.watched.make_folder = watched_make_folder;
    here.watched.sync = watched_sync;
    fault_os_init(&here.fault, &here.watched);
    here.os = &here.fault.os;
    assert_non_null(getcwd(here.before, sizeof here.before));
    *state = &here;
    return 0;
}

static int tear_down(void **state) {
    place *here = *state;
    fault_os_plan(&here->fault, (fault_plan){.nth = 0});
    rs_folder_close(here->folder);
    umask(here->mask);
    assert_int_equal(chdir(here->before), 0);
    assert_int_equal(fault_os_open_count(&here->fault), 0);
    temp_folder_remove(here->path);
    return 0;
}

static resume_status open_at(place *here, const char *name, bool make) {
    rs_folder_close(here->folder);
    char path[TEMP_PATH_SIZE];
    return rs_folder_open(here->os, temp_path(path, here->path, name), make, &here->folder,
                          &here->error);
}

static char *at(place *here, const char *name) {
    return temp_path(here->text, here->path, name);
}

static unsigned mode_of(place *here, const char *name) {
    struct stat found;
    assert_int_equal(lstat(at(here, name), &found), 0);
    return found.st_mode & 07777;
}

static bool is_there(place *here, const char *name) {
    struct stat found;
    return lstat(at(here, name), &found) == 0;
}

static void test_folder__is_made_with_parents_and_gitignore(void **state) {
    place *here = *state;
    assert_int_equal(open_at(here, "a/b/.checkpoints", true), RESUME_OK);
    assert_int_equal(mode_of(here, "a"), 0755);
    assert_int_equal(mode_of(here, "a/b"), 0755);
    assert_int_equal(mode_of(here, "a/b/.checkpoints"), 0700);
    assert_int_equal(watch.mode, 0700); /* not open to others for a moment either */
    char text[8];
    assert_true(temp_read(at(here, "a/b/.checkpoints/.gitignore"), text, sizeof text));
    assert_string_equal(text, "*\n");
    assert_false(is_there(here, "a/.gitignore"));
    assert_string_equal(here->folder->warning, "");
    assert_string_equal(here->folder->path, at(here, "a/b/.checkpoints"));
    struct stat found;
    assert_int_equal(fstat(here->folder->fd, &found), 0);
    assert_int_equal(here->folder->inode, found.st_ino);
    assert_int_equal(here->folder->device, found.st_dev);
    assert_int_equal(here->error.status, RESUME_OK);
    assert_string_equal(here->error.text, "");
}

static void test_folder__mode_is_exact_whatever_the_umask(void **state) {
    place *here = *state;
    static const mode_t masks[] = {0, 022, 077, 0277};
    char name[16];
    for (size_t i = 0; i < 4; i++) {
        umask(masks[i]);
        snprintf(name, sizeof name, "f%zu", i);
        assert_int_equal(open_at(here, name, true), RESUME_OK);
        assert_int_equal(mode_of(here, name), 0700);
    }
}

static void test_folder__existing_one_is_left_as_it_is(void **state) {
    place *here = *state;
    assert_int_equal(mkdir(at(here, "mine"), 0750), 0);
    assert_int_equal(open_at(here, "mine", true), RESUME_OK);
    assert_int_equal(mode_of(here, "mine"), 0750);
    assert_false(is_there(here, "mine/.gitignore"));
}

static void test_folder__missing_is_not_found_and_not_made(void **state) {
    place *here = *state;
    assert_int_equal(open_at(here, "a/b", false), RESUME_NOT_FOUND);
    assert_null(here->folder);
    assert_non_null(strstr(here->error.text, "/a/b'"));
    assert_false(is_there(here, "a"));
}

static void test_folder__path_is_absolute_and_plain(void **state) {
    place *here = *state;
    assert_int_equal(chdir(here->path), 0);
    static const char *const forms[] = {"ck", "./ck/", "ck//", "././ck/.", ".//ck"};
    char expected[TEMP_PATH_SIZE];
    temp_path(expected, here->path, "ck");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_equal(rs_folder_open(here->os, forms[i], true, &here->folder, &here->error),
                         RESUME_OK);
        assert_string_equal(here->folder->path, expected);
        rs_folder_close(here->folder);
    }
    assert_int_equal(rs_folder_open(here->os, ".", false, &here->folder, &here->error), RESUME_OK);
    assert_string_equal(here->folder->path, here->path);
    rs_folder_close(here->folder);
    assert_int_equal(rs_folder_open(here->os, "ck/../ck", false, &here->folder, &here->error),
                     RESUME_OK);
    char *joined = rs_folder_join(here->folder, "main");
    assert_string_equal(joined, at(here, "ck/../ck/main"));
    rs_free(joined);
    rs_folder_close(here->folder);
    assert_int_equal(rs_folder_open(here->os, "//", false, &here->folder, &here->error), RESUME_OK);
    assert_string_equal(here->folder->path, "/");
    joined = rs_folder_join(here->folder, "main");
    assert_string_equal(joined, "/main");
    rs_free(joined);
    rs_folder_close(here->folder);
    assert_int_equal(rs_folder_open(here->os, "", true, &here->folder, &here->error),
                     RESUME_MISUSE);
    assert_null(here->folder);
}

static void test_folder__working_directory_that_is_gone(void **state) {
    place *here = *state;
    assert_int_equal(mkdir(at(here, "gone"), 0700), 0);
    assert_int_equal(chdir(at(here, "gone")), 0);
    assert_int_equal(rmdir(at(here, "gone")), 0);
    assert_int_equal(rs_folder_open(here->os, "ck", true, &here->folder, &here->error),
                     RESUME_NOT_FOUND);
    assert_non_null(strstr(here->error.text, "can't tell the working directory"));
}

static void test_folder__new_entries_are_durable_from_above(void **state) {
    place *here = *state;
    assert_int_equal(open_at(here, "a/b/c/ck", true), RESUME_OK);
    assert_int_equal(watch.dirty_count, 0);
    assert_int_equal(watch.out_of_order, 0);
}

/* A process that was killed after making and before syncing: the next one must sync. */
static void test_folder__killed_maker_leaves_nothing_undurable(void **state) {
    place *here = *state;
    long n = 1;
    for (bool was_cut = true; was_cut; n++) {
        char name[32];
        snprintf(name, sizeof name, "t%ld/b/ck", n);
        fault_os_plan(&here->fault, (fault_plan){.nth = n, .mode = FAULT_CUT});
        open_at(here, name, true);
        was_cut = fault_os_struck(&here->fault);
        fault_os_plan(&here->fault, (fault_plan){.nth = 0});
        assert_int_equal(open_at(here, name, true), RESUME_OK);
        if (watch.dirty_count > 0) fail_msg("cut at %ld: '%s' is not durable", n, watch.dirty[0]);
        assert_int_equal(watch.out_of_order, 0);
    }
    assert_true(n > 15);
}

static void test_folder__made_by_another_at_the_same_time(void **state) {
    place *here = *state;
    watch.made_by_another = 3;
    assert_int_equal(open_at(here, "a/b/ck", true), RESUME_OK);
    assert_int_equal(watch.made_by_another, 0);
    watch.removed_by_other = 2;
    assert_int_equal(open_at(here, "c", true), RESUME_OK);
    assert_int_equal(mode_of(here, "c"), 0700);
    watch.removed_by_other = INT_MAX;
    assert_int_equal(open_at(here, "d", true), RESUME_NOT_FOUND);
}

static void test_folder__open_to_all_is_told_with_the_cure(void **state) {
    place *here = *state;
    assert_int_equal(open_at(here, "it's/ck", true), RESUME_OK);
    static const struct {
        unsigned parent, folder;
        const char *end; /* of the warning */
    } table[] = {
        {0755, 0700, ""},
        {0775, 0770, ""},
        {01777, 0700, ""},
        {0755, 01777, ""},
        {0755, 0702, "it'\\''s/ck'"},
        {0777, 0700, "it'\\''s'"},
        {0777, 0777, "it'\\''s/ck'"},
        {02777, 0700, "it'\\''s'"},
    };
    char expected[2 * TEMP_PATH_SIZE];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_int_equal(chmod(at(here, "it's"), table[i].parent), 0);
        assert_int_equal(chmod(at(here, "it's/ck"), table[i].folder), 0);
        assert_int_equal(open_at(here, "it's/ck", true), RESUME_OK);
        snprintf(expected, sizeof expected, ": chmod o-w '%s/%s", here->path, table[i].end);
        if (table[i].end[0] == '\0')
            assert_string_equal(here->folder->warning, "");
        else
            assert_string_equal(strstr(here->folder->warning, ": chmod"), expected);
    }
}

static void test_folder__warning_leads_to_the_real_parent_of_a_link(void **state) {
    place *here = *state;
    assert_int_equal(mkdir(at(here, "open"), 0700), 0);
    assert_int_equal(mkdir(at(here, "open/ck"), 0700), 0);
    assert_int_equal(chmod(at(here, "open"), 0777), 0);
    assert_int_equal(symlink("open/ck", at(here, "link")), 0);
    assert_int_equal(open_at(here, "link", true), RESUME_OK);
    char expected[2 * TEMP_PATH_SIZE];
    snprintf(expected, sizeof expected, ": chmod o-w '%s/link/..'", here->path);
    assert_string_equal(strstr(here->folder->warning, ": chmod"), expected);
}

static void test_folder__links_of_the_user_are_followed(void **state) {
    place *here = *state;
    assert_int_equal(mkdir(at(here, "real"), 0700), 0);
    assert_int_equal(symlink("real", at(here, "link")), 0);
    assert_int_equal(open_at(here, "link", true), RESUME_OK);
    struct stat found;
    assert_int_equal(stat(at(here, "real"), &found), 0);
    assert_int_equal(here->folder->inode, found.st_ino);
    bool replaced = true;
    assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), RESUME_OK);
    assert_false(replaced);
    /* the link leads elsewhere now */
    assert_int_equal(mkdir(at(here, "other"), 0700), 0);
    assert_int_equal(unlink(at(here, "link")), 0);
    assert_int_equal(symlink("other", at(here, "link")), 0);
    assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), RESUME_OK);
    assert_true(replaced);
    assert_int_equal(stat(at(here, "other"), &found), 0);
    assert_int_equal(here->folder->inode, found.st_ino);
}

static void test_folder__other_things_in_its_place_are_unsafe(void **state) {
    place *here = *state;
    assert_true(temp_write(at(here, "file"), "keep"));
    assert_int_equal(symlink("file", at(here, "to-file")), 0);
    assert_int_equal(symlink("nowhere", at(here, "to-nothing")), 0);
    assert_int_equal(symlink("circle", at(here, "circle")), 0);
    assert_int_equal(mkfifo(at(here, "fifo"), 0600), 0);
    static const char *const names[] = {"file",   "to-file", "to-nothing",
                                        "circle", "fifo",    "file/below"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(open_at(here, names[i], true), RESUME_UNSAFE_PATH);
        assert_non_null(strstr(here->error.text, at(here, names[i])));
        assert_null(here->folder);
    }
    assert_false(is_there(here, "nowhere"));
    char text[8];
    assert_true(temp_read(at(here, "file"), text, sizeof text));
    assert_string_equal(text, "keep");
}

static void test_folder__refresh_after_removal(void **state) {
    place *here = *state;
    bool replaced = true;
    assert_int_equal(open_at(here, "a/ck", true), RESUME_OK);
    assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), RESUME_OK);
    assert_false(replaced);

    temp_folder_remove(at(here, "a"));
    assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), RESUME_OK);
    assert_true(replaced);
    assert_true(is_there(here, "a/ck/.gitignore"));
    int fd =
        here->os->open(here->os, here->folder->fd, "new", RS_OPEN_WRITE | RS_OPEN_CREATE, 0600);
    assert_true(fd >= 0);
    here->os->close(here->os, fd);
    assert_true(is_there(here, "a/ck/new"));

    char moved[TEMP_PATH_SIZE];
    temp_path(moved, here->path, "a/moved");
    assert_int_equal(rename(at(here, "a/ck"), moved), 0);
    assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), RESUME_OK);
    assert_true(replaced);
    assert_false(is_there(here, "a/ck/new"));
    assert_true(is_there(here, "a/moved/new"));
}

static void test_folder__refresh_that_fails_keeps_the_open_one(void **state) {
    place *here = *state;
    bool replaced = true;
    assert_int_equal(open_at(here, "a/ck", true), RESUME_OK);
    uint64_t inode = here->folder->inode;
    temp_folder_remove(at(here, "a"));
    assert_true(temp_write(at(here, "a"), ""));
    assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), RESUME_UNSAFE_PATH);
    assert_false(replaced);
    assert_int_equal(here->folder->inode, inode);
    rs_file_info info;
    assert_int_equal(here->os->info(here->os, here->folder->fd, &info), 0);
    assert_int_equal(unlink(at(here, "a")), 0);
    assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), RESUME_OK);
    assert_true(replaced);
}

/* The n-th call fails, for every n, for each cause: an error or success, nothing leaks, and the
 * next opening works. */
static void test_folder__every_call_may_fail(void **state) {
    place *here = *state;
    static const int codes[] = {EIO, ENOSPC, EINTR, EACCES, ENOENT, EMFILE, EROFS, ELOOP, EINVAL};
    static const fault_mode modes[] = {FAULT_FAIL, FAULT_DO_AND_FAIL};
    int round = 0, failures = 0;
    for (size_t i = 0; i < sizeof codes / sizeof *codes * 4; i++) {
        bool was_struck = true;
        for (long n = 1; was_struck; n++) {
            char name[32];
            snprintf(name, sizeof name, "t%d/ck", ++round);
            fault_os_plan(&here->fault, (fault_plan){.nth = n,
                                                     .mode = modes[i / 2 % 2],
                                                     .os_code = codes[i / 4],
                                                     .for_ever = i % 2 != 0});
            memset(&here->error, 0, sizeof here->error);
            resume_status status = open_at(here, name, true);
            was_struck = fault_os_struck(&here->fault);
            assert_int_equal(here->error.status, status);
            assert_true((status == RESUME_OK) == (here->folder != NULL));
            assert_true(status == RESUME_OK || here->error.text[0] != '\0');
            failures += status != RESUME_OK;
            fault_os_plan(&here->fault, (fault_plan){.nth = 0});
            assert_int_equal(fault_os_open_count(&here->fault), here->folder != NULL);
            bool replaced;
            if (here->folder != NULL) {
                fault_os_plan(&here->fault,
                              (fault_plan){.nth = n, .mode = FAULT_FAIL, .os_code = codes[i / 4]});
                rs_folder_refresh(here->folder, &replaced, &here->error);
                fault_os_plan(&here->fault, (fault_plan){.nth = 0});
                assert_int_equal(rs_folder_refresh(here->folder, &replaced, &here->error), 0);
                assert_int_equal(fault_os_open_count(&here->fault), 1);
            }
            assert_int_equal(open_at(here, name, true), RESUME_OK);
        }
    }
    assert_true(failures > 200);
}

static void test_folder__no_memory(void **state) {
    place *here = *state;
    resume_status status = RESUME_NO_MEMORY;
    for (long n = 1; status != RESUME_OK; n++) {
        alloc_fail_at(n, false);
        status = open_at(here, "ck", true);
        alloc_fail_at(0, false);
        assert_int_equal(status, n <= 2 ? RESUME_NO_MEMORY : RESUME_OK);
    }
    alloc_fail_at(1, false);
    char *joined = rs_folder_join(here->folder, "main");
    alloc_fail_at(0, false);
    assert_null(joined);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_folder__is_made_with_parents_and_gitignore),
        TEST(test_folder__mode_is_exact_whatever_the_umask),
        TEST(test_folder__existing_one_is_left_as_it_is),
        TEST(test_folder__missing_is_not_found_and_not_made),
        TEST(test_folder__path_is_absolute_and_plain),
        TEST(test_folder__working_directory_that_is_gone),
        TEST(test_folder__new_entries_are_durable_from_above),
        TEST(test_folder__killed_maker_leaves_nothing_undurable),
        TEST(test_folder__made_by_another_at_the_same_time),
        TEST(test_folder__open_to_all_is_told_with_the_cure),
        TEST(test_folder__warning_leads_to_the_real_parent_of_a_link),
        TEST(test_folder__links_of_the_user_are_followed),
        TEST(test_folder__other_things_in_its_place_are_unsafe),
        TEST(test_folder__refresh_after_removal),
        TEST(test_folder__refresh_that_fails_keeps_the_open_one),
        TEST(test_folder__every_call_may_fail),
        TEST(test_folder__no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
