/* Tests of src/store/keys.c. */
#include "store/keys.h"

#include "alloc_fail.h"
#include "fault_os.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[TEMP_PATH_SIZE], path[TEMP_PATH_SIZE];
static fault_os fault;
static rs_error error;

static int set_up(void **state) {
    (void)state;
    temp_folder_make(folder);
    temp_path(path, folder, "a/b/key");
    fault_os_init(&fault, rs_os_linux());
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_int_equal(fault_os_open_count(&fault), 0);
    temp_folder_remove(folder);
    return 0;
}

static rs_keys *open_keys(const char *key_path) {
    rs_keys *keys;
    assert_int_equal(rs_keys_open(&fault.os, key_path, &keys, &error), RESUME_OK);
    return keys;
}

static rs_keys *make_keys(void) {
    rs_keys *keys = open_keys(path);
    rs_keys_make(keys, NULL);
    return keys;
}

static void write_key(const char *text, size_t size, mode_t mode) {
    char parent[TEMP_PATH_SIZE];
    mkdir(temp_path(parent, folder, "a"), 0700);
    mkdir(temp_path(parent, folder, "a/b"), 0700);
    unlink(path);
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(text, 1, size, stream), size);
    fclose(stream);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_keys__are_made_once(void **unused) {
    (void)unused;
    rs_keys *keys = open_keys(path);
    assert_false(keys->has_key);
    assert_string_equal(keys->problem, "");
    assert_int_equal(access(path, F_OK), -1); /* looking makes nothing */
    rs_keys_make(keys, NULL);
    assert_true(keys->has_key);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(info.st_size, RS_KEY_SIZE);
    rs_keys *again = open_keys(path);
    assert_true(again->has_key);
    assert_memory_equal(&again->key, &keys->key, sizeof keys->key);
    rs_keys_make(again, NULL); /* stays */
    assert_memory_equal(&again->key, &keys->key, sizeof keys->key);
    rs_keys_free(again);
    rs_keys_free(keys);
}

static void test_keys__differ(void **unused) {
    (void)unused;
    rs_keys *keys = make_keys();
    unlink(path);
    rs_keys *other = make_keys();
    assert_memory_not_equal(keys->key.bytes, other->key.bytes, RS_KEY_SIZE);
    assert_memory_not_equal(keys->key.id, other->key.id, RS_KEY_ID_SIZE);
    rs_keys_free(other);
    rs_keys_free(keys);
}

static void test_keys__folders_are_private_whatever_the_mask(void **unused) {
    (void)unused;
    mode_t mask = umask(0);
    rs_keys_free(make_keys());
    umask(mask);
    struct stat info;
    char parent[TEMP_PATH_SIZE];
    assert_int_equal(stat(temp_path(parent, folder, "a/b"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void expect_problem(const char *text) {
    rs_keys *keys = make_keys();
    assert_false(keys->has_key);
    if (!strstr(keys->problem, text)) fail_msg("'%s' is not in: %s", text, keys->problem);
    rs_keys_free(keys);
}

static void test_keys__that_others_know_are_refused(void **unused) {
    (void)unused;
    static const char bytes[RS_KEY_SIZE] = "0123456789";
    static const mode_t good[] = {0600, 0400, 0640, 0440}; /* a group may share one */
    static const mode_t bad[] = {0644, 0604, 0620, 0660, 0602, 0601, 0610, 0666, 0777};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        write_key(bytes, sizeof bytes, good[i]);
        rs_keys *keys = open_keys(path);
        assert_true(keys->has_key);
        rs_keys_free(keys);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_key(bytes, sizeof bytes, bad[i]);
        expect_problem("chmod 600");
    }
}

static void test_keys__of_another_user_are_refused(void **unused) {
    (void)unused;
    static const char bytes[RS_KEY_SIZE] = "0123456789";
    if (geteuid() != 0) skip();
    write_key(bytes, sizeof bytes, 0600);
    assert_int_equal(chown(path, 1000, 1000), 0);
    expect_problem("belongs to another user (id 1000)");
}

static void test_keys__are_bytes_or_hexadecimal(void **unused) {
    (void)unused;
    static const char text[] = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
    char longer[80];
    for (int i = 0; i < 3; i++) {
        snprintf(longer, sizeof longer, "%s%s", text, i == 0 ? "" : i == 1 ? "\n" : "\r\n");
        write_key(longer, strlen(longer), 0600);
        rs_keys *keys = open_keys(path);
        assert_true(keys->has_key);
        for (size_t j = 0; j < RS_KEY_SIZE; j++)
            assert_int_equal(keys->key.bytes[j], j);
        rs_keys_free(keys);
    }
    static const char *const bad[] = {
        "", "short", "000102030405060708090a0b0c0d0e0f1",
        ("x00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1"
         "f")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_key(bad[i], strlen(bad[i]), 0600);
        expect_problem("neither 32 bytes nor 64 hexadecimal digits");
    }
    snprintf(longer, sizeof longer, "%s12", text);
    write_key(longer, strlen(longer), 0600);
    expect_problem("neither 32 bytes");
}

static void test_keys__something_else_in_their_place(void **unused) {
    (void)unused;
    rs_keys_free(make_keys());
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* nothing hangs */
    expect_problem("no regular file");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    expect_problem("no regular file");
    rmdir(path);
}

/* Kubernetes mounts a secret as a link to a file whose name changes with its content. */
static void test_keys__a_link_is_followed(void **unused) {
    (void)unused;
    rs_keys *keys = make_keys();
    char moved[TEMP_PATH_SIZE];
    assert_int_equal(rename(path, temp_path(moved, folder, "secret")), 0);
    assert_int_equal(symlink("../../secret", path), 0);
    rs_keys *again = open_keys(path);
    assert_true(again->has_key);
    assert_memory_equal(again->key.bytes, keys->key.bytes, RS_KEY_SIZE);
    rs_keys_free(again);
    rs_keys_free(keys);
    chmod(moved, 0644);
    expect_problem("chmod 600");
}

static void test_keys__no_place(void **unused) {
    (void)unused;
    for (int i = 0; i < 2; i++) {
        rs_keys *keys = open_keys(i ? "" : NULL);
        rs_keys_make(keys, NULL);
        assert_false(keys->has_key);
        assert_non_null(strstr(keys->problem, "RESUME_KEY_FILE"));
        rs_keys_free(keys);
    }
    char blocked[TEMP_PATH_SIZE];
    assert_true(temp_write(temp_path(blocked, folder, "file"), "x"));
    rs_keys *keys = open_keys(temp_path(blocked, folder, "file/key"));
    rs_keys_make(keys, NULL);
    assert_false(keys->has_key);
    assert_string_not_equal(keys->problem, "");
    rs_keys_free(keys);
    keys = open_keys("/proc/key"); /* where nobody makes files */
    rs_keys_make(keys, NULL);
    assert_false(keys->has_key);
    assert_non_null(strstr(keys->problem, "; set RESUME_KEY_FILE to a file whose folder"));
    rs_keys_free(keys);
}

/* Whatever fails, there is either no key, and a reason, or the one that is in the file. */
static void test_keys__any_failure_is_told(void **unused) {
    (void)unused;
    for (long nth = 1;; nth++) {
        temp_folder_remove(folder);
        assert_int_equal(mkdir(folder, 0700), 0);
        fault_os_plan(&fault, (fault_plan){.nth = nth, .mode = FAULT_FAIL, .os_code = EIO});
        rs_keys *keys = make_keys();
        bool struck = fault_os_struck(&fault);
        fault_os_plan(&fault, (fault_plan){0});
        rs_keys *found = open_keys(path);
        if (keys->has_key) {
            assert_true(found->has_key);
            assert_memory_equal(keys->key.bytes, found->key.bytes, RS_KEY_SIZE);
        } else {
            assert_string_not_equal(keys->problem, "");
        }
        assert_string_equal(found->problem, ""); /* nothing half-made has the name */
        rs_keys_free(found);
        rs_keys_free(keys);
        if (!struck) break;
    }
}

static void test_keys__no_memory(void **unused) {
    (void)unused;
    for (long nth = 1;; nth++) {
        temp_folder_remove(folder);
        assert_int_equal(mkdir(folder, 0700), 0);
        rs_keys *keys;
        alloc_fail_at(nth, false);
        resume_status status = rs_keys_open(&fault.os, path, &keys, &error);
        if (status == RESUME_OK) rs_keys_make(keys, NULL);
        bool struck = alloc_fail_count() >= nth;
        alloc_fail_at(0, false);
        if (status == RESUME_OK)
            assert_true(keys->has_key || keys->problem[0]);
        else
            assert_int_equal(status, RESUME_NO_MEMORY);
        rs_keys_free(keys);
        if (!struck) break;
    }
}

/* The first saves of many processes at once: all sign with one key. */
static void test_keys__many_processes_make_one(void **unused) {
    (void)unused;
    enum { PROCESSES = 16 };
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            rs_keys *keys;
            rs_keys_open(rs_os_linux(), path, &keys, NULL);
            rs_keys_make(keys, NULL);
            ssize_t size = write(pipes[1], keys->key.id, sizeof keys->key.id);
            _exit(keys->has_key && size > 0 ? 0 : 1);
        }
    uint8_t first[RS_KEY_ID_SIZE], id[RS_KEY_ID_SIZE];
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
        assert_int_equal(read(pipes[0], i ? id : first, sizeof id), sizeof id);
        if (i) assert_memory_equal(id, first, sizeof id);
    }
    close(pipes[0]);
    close(pipes[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys__are_made_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__differ, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__folders_are_private_whatever_the_mask, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_keys__that_others_know_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__of_another_user_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__are_bytes_or_hexadecimal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__something_else_in_their_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_keys__a_link_is_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__no_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__any_failure_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys__many_processes_make_one, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
