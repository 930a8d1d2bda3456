/* Hostile paths through folder and lock: links, FIFOs, hard links, folders of others, long and ugly
 * names, read-only places; as root and as an ordinary user, since root ignores modes. */
#include "store/folder.h"
#include "store/lock.h"
#include "store/name.h"

#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORDINARY 65534 /* "nobody", or any other user that is not root */

typedef struct place {
    char path[TEMP_PATH_SIZE], text[TEMP_PATH_SIZE];
    int open_before;
} place;

static int set_up(void **state) {
    static place here;
    here.open_before = temp_descriptors();
    temp_folder_make(here.path);
    assert_int_equal(chmod(here.path, 0755), 0);
    *state = &here;
    return 0;
}

static int tear_down(void **state) {
    place *here = *state;
    temp_folder_remove(here->path);
    assert_int_equal(temp_descriptors(), here->open_before);
    return 0;
}

static char *at(place *here, const char *name) {
    return temp_path(here->text, here->path, name);
}

/* Opens the folder `name` below the place and takes a lock in it; nothing is left open. */
static resume_status visit(place *here, const char *name, rs_error *error) {
    char path[TEMP_PATH_SIZE];
    rs_folder *folder = NULL;
    rs_lock lock;
    memset(error, 0, sizeof *error);
    resume_status status =
        rs_folder_open(rs_os_linux(), temp_path(path, here->path, name), true, &folder, error);
    if (status == RESUME_OK) {
        status = rs_lock_take(folder, "main", &lock, error);
        rs_lock_release(folder, &lock);
    }
    rs_folder_close(folder);
    return status;
}

/* The status, and a text that names the path and says something about the cause. */
static void expect(place *here, const char *name, resume_status expected, const char *cause) {
    rs_error error;
    resume_status status = visit(here, name, &error);
    if (status != expected) fail_msg("'%s': status %d, '%s'", name, status, error.text);
    if (cause == NULL) return;
    if (strstr(error.text, cause) == NULL) fail_msg("no '%s' in '%s'", cause, error.text);
    if (strstr(error.text, here->path) == NULL) fail_msg("no path in '%s'", error.text);
}

static void expect_content(place *here, const char *name, const char *content) {
    char text[64];
    assert_true(temp_read(at(here, name), text, sizeof text));
    assert_string_equal(text, content);
}

static bool is_there(place *here, const char *name) {
    struct stat found;
    return lstat(at(here, name), &found) == 0;
}

/* What stands where the lock file should be, each in a folder of its own. */
static void make_obstacles(place *here) {
    static const char *const folders[] = {"link",   "dangling", "fifo",   "folder", "hard",
                                          "socket", "device",   "circle", "upward"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(at(here, folders[i]), 0700), 0);
    assert_true(temp_write(at(here, "victim"), "keep me"));
    assert_int_equal(symlink("../victim", at(here, "link/main.lock")), 0);
    assert_int_equal(symlink("../made", at(here, "dangling/main.lock")), 0);
    assert_int_equal(symlink("main.lock", at(here, "circle/main.lock")), 0);
    assert_int_equal(symlink("..", at(here, "upward/main.lock")), 0);
    assert_int_equal(mkfifo(at(here, "fifo/main.lock"), 0600), 0);
    assert_int_equal(mkdir(at(here, "folder/main.lock"), 0700), 0);
    char victim[TEMP_PATH_SIZE];
    temp_path(victim, here->path, "victim");
    assert_int_equal(link(victim, at(here, "hard/main.lock")), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/socket/main.lock", here->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void expect_obstacles_refused(place *here) {
    expect(here, "link", RESUME_UNSAFE_PATH, "/link/main.lock' is a symbolic link where");
    expect(here, "dangling", RESUME_UNSAFE_PATH, "is a symbolic link where");
    expect(here, "circle", RESUME_UNSAFE_PATH, "is a symbolic link where");
    expect(here, "upward", RESUME_UNSAFE_PATH, "is a symbolic link where");
    expect(here, "fifo", RESUME_UNSAFE_PATH, "is a device, FIFO or socket where");
    expect(here, "socket", RESUME_UNSAFE_PATH, "is a device, FIFO or socket where");
    expect(here, "folder", RESUME_UNSAFE_PATH, "/folder/main.lock' is a folder where");
    expect(here, "hard", RESUME_UNSAFE_PATH, "is a file with a second name (hard link) where");
    expect_content(here, "victim", "keep me");
    assert_false(is_there(here, "made"));
}

static void test_paths__obstacles_in_place_of_the_lock_file(void **state) {
    place *here = *state;
    make_obstacles(here);
    expect_obstacles_refused(here);
    if (geteuid() == 0 && mknod(at(here, "device/main.lock"), S_IFCHR | 0600, makedev(1, 3)) == 0)
        expect(here, "device", RESUME_UNSAFE_PATH, "is a device, FIFO or socket where");
}

/* Runs `body` in a child that is an ordinary user; skips when we can't become one. */
static void as_ordinary_user(place *here, void (*body)(place *here)) {
    if (geteuid() != 0) {
        body(here);
        return;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        bool is_ordinary =
            setgroups(0, NULL) == 0 && setegid(ORDINARY) == 0 && seteuid(ORDINARY) == 0;
        if (!is_ordinary) _exit(77);
        body(here); /* a failed assertion jumps out to the runner, in this child only */
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

static void give_away(place *here, const char *name) {
    if (geteuid() == 0) assert_int_equal(lchown(at(here, name), ORDINARY, ORDINARY), 0);
}

static void obstacles_as_user(place *here) {
    make_obstacles(here);
    expect_obstacles_refused(here);
}

static void test_paths__obstacles_as_an_ordinary_user(void **state) {
    place *here = *state;
    give_away(here, "");
    as_ordinary_user(here, obstacles_as_user);
}

static void read_only_as_user(place *here) {
    expect(here, "closed", RESUME_DENIED, "permission denied; check owner and permissions");
    expect(here, "closed/below", RESUME_DENIED, "can't make folder");
    assert_false(is_there(here, "closed/below"));
    expect(here, "unread", RESUME_DENIED, "permission denied");
    /* only passing through: the folder below works, though its parent can't be synced */
    expect(here, "passage/ck", RESUME_OK, NULL);
    expect(here, "passage/new", RESUME_OK, NULL);
    assert_true(is_there(here, "passage/new/main.lock"));
}

static void test_paths__read_only_folders_as_an_ordinary_user(void **state) {
    place *here = *state;
    static const char *const names[] = {"closed", "unread", "passage", "passage/ck"};
    static const mode_t modes[] = {0500, 0300, 0300, 0700};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(mkdir(at(here, names[i]), 0700), 0);
        assert_int_equal(chmod(at(here, names[i]), i == 2 ? 0700 : modes[i]), 0);
        give_away(here, names[i]);
    }
    assert_int_equal(chmod(at(here, "passage"), modes[2]), 0);
    as_ordinary_user(here, read_only_as_user);
}

static void foreign_files_as_user(place *here) {
    expect(here, "shared", RESUME_UNSAFE_PATH,
           "/shared/main.lock' belongs to another user (id 0); use another name (key= in Python)");
    expect_content(here, "shared/main.lock", "theirs");
    expect(here, "private", RESUME_UNSAFE_PATH, "belongs to another user (id 0)");
    expect(here, "to-shared", RESUME_UNSAFE_PATH, "belongs to another user"); /* link of root */
    expect(here, "stranger", RESUME_UNSAFE_PATH,
           "is a symbolic link of another user (id 1); remove it or point RESUME_DIR");
    expect(here, "mine", RESUME_OK, NULL);
}

static void test_paths__files_and_links_of_other_users(void **state) {
    place *here = *state;
    if (geteuid() != 0) skip();
    static const char *const folders[] = {"shared", "private", "target"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mkdir(at(here, folders[i]), 0777), 0);
        assert_int_equal(chmod(at(here, folders[i]), 0777), 0);
    }
    assert_true(temp_write(at(here, "shared/main.lock"), "theirs"));
    assert_int_equal(chmod(at(here, "shared/main.lock"), 0666), 0);
    assert_true(temp_write(at(here, "private/main.lock"), "theirs"));
    assert_int_equal(chmod(at(here, "private/main.lock"), 0600), 0);
    assert_int_equal(symlink("shared", at(here, "to-shared")), 0);
    assert_int_equal(symlink("target", at(here, "stranger")), 0);
    assert_int_equal(lchown(at(here, "stranger"), 1, 1), 0);
    assert_int_equal(symlink("target", at(here, "mine")), 0);
    give_away(here, "mine");
    as_ordinary_user(here, foreign_files_as_user);

    /* and root does not write to what an ordinary user put there */
    assert_int_equal(unlink(at(here, "target/main.lock")), 0);
    assert_true(temp_write(at(here, "target/main.lock"), "user's"));
    give_away(here, "target/main.lock");
    expect(here, "target", RESUME_UNSAFE_PATH, "belongs to another user (id 65534)");
    expect_content(here, "target/main.lock", "user's");
    expect(here, "stranger", RESUME_UNSAFE_PATH, "symbolic link of another user (id 1)");
}

static void test_paths__long_names(void **state) {
    place *here = *state;
    char name[300];
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    expect(here, name, RESUME_OK, NULL);
    name[255] = 'n';
    name[256] = '\0';
    expect(here, name, RESUME_BAD_NAME, "choose a shorter name or folder");

    /* deeper than one path may be */
    static char deep[6000];
    size_t used = (size_t)snprintf(deep, sizeof deep, "%s", here->path);
    while (used < 5000)
        used += (size_t)snprintf(deep + used, sizeof deep - used, "/%.200s", name);
    rs_folder *folder = NULL;
    rs_error error;
    assert_int_equal(rs_folder_open(rs_os_linux(), deep, true, &folder, &error), RESUME_BAD_NAME);
    assert_null(folder);
    assert_non_null(strstr(error.text, "/nnn"));
    assert_non_null(strstr(error.text, "': file name too long; choose a shorter name or folder"));

    /* the longest name of a checkpoint fits with each ending */
    char longest[RS_NAME_SIZE_MAX], file_name[RS_FILE_NAME_SIZE];
    memset(longest, 'x', sizeof longest);
    rs_lock lock;
    assert_int_equal(rs_name_encode(longest, sizeof longest, file_name, &error), RESUME_OK);
    assert_int_equal(rs_folder_open(rs_os_linux(), here->path, true, &folder, &error), RESUME_OK);
    assert_int_equal(rs_lock_take(folder, file_name, &lock, &error), RESUME_OK);
    rs_lock_release(folder, &lock);
    rs_folder_close(folder);
}

static void test_paths__ugly_names_do_not_reach_the_terminal(void **state) {
    place *here = *state;
    static const char *const names[] = {"new\nline", "esc\033[2Jape", "bell\a", "csi\302\2332J"};
    rs_error error;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        expect(here, names[i], RESUME_OK, NULL);
        char path[TEMP_PATH_SIZE];
        temp_path(path, here->path, names[i]);
        temp_folder_remove(path);
        assert_true(temp_write(path, ""));
        assert_int_equal(visit(here, names[i], &error), RESUME_UNSAFE_PATH);
        assert_non_null(strstr(error.text, "' is no folder; move it away or point RESUME_DIR"));
        assert_null(strpbrk(error.text, "\n\033\a\x9b"));
    }
}

/* Nobody should remove a device. */
static void test_paths__a_device_is_no_folder(void **state) {
    rs_folder *folder = NULL;
    rs_error error;
    (void)state;
    assert_int_equal(rs_folder_open(rs_os_linux(), "/dev/null", true, &folder, &error),
                     RESUME_UNSAFE_PATH);
    assert_string_equal(error.text, "'/dev/null' is no folder; point RESUME_DIR elsewhere");
}

/* Swapped between opening and locking: what was opened counts. */
static void test_paths__folder_swapped_for_a_link(void **state) {
    place *here = *state;
    rs_folder *folder = NULL;
    rs_lock lock;
    rs_error error;
    char path[TEMP_PATH_SIZE], moved[TEMP_PATH_SIZE];
    assert_int_equal(mkdir(at(here, "elsewhere"), 0700), 0);
    temp_path(path, here->path, "ck");
    assert_int_equal(rs_folder_open(rs_os_linux(), path, true, &folder, &error), RESUME_OK);
    assert_int_equal(rename(path, temp_path(moved, here->path, "moved")), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_int_equal(rs_lock_take(folder, "main", &lock, &error), RESUME_OK);
    assert_true(is_there(here, "moved/main.lock"));
    assert_false(is_there(here, "elsewhere/main.lock"));
    rs_lock_release(folder, &lock);
    rs_folder_close(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_paths__obstacles_in_place_of_the_lock_file),
        TEST(test_paths__obstacles_as_an_ordinary_user),
        TEST(test_paths__read_only_folders_as_an_ordinary_user),
        TEST(test_paths__files_and_links_of_other_users),
        TEST(test_paths__long_names),
        TEST(test_paths__ugly_names_do_not_reach_the_terminal),
        TEST(test_paths__a_device_is_no_folder),
        TEST(test_paths__folder_swapped_for_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
