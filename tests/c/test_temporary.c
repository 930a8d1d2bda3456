/* Tests of src/store/replace.c: the names of temporary files, and whose they are. */
#include "store_place.h"
#include "testing.h"

#include "store/file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_temporary__temporary_files_of_dead_writers_are_removed(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE];
    static const char *const mine = ".ck.tmp-0000000000000000";
    static const char *const others[] = {".ck.tmp-notahexnumber", ".ckk.tmp-0000000000000000",
                                         "ck.tmp-0000000000000000", "ck~1"};
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    assert_true(temp_write(temp_path(path, place->path, mine), "half"));
    for (size_t i = 0; i < 4; i++)
        assert_true(temp_write(temp_path(path, place->path, others[i]), "not ours"));
    store_open_reader(place); /* a reader removes nothing */
    store_close(place);
    assert_int_equal(access(temp_path(path, place->path, mine), F_OK), 0);
    store_open(place);
    assert_int_not_equal(access(temp_path(path, place->path, mine), F_OK), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(access(temp_path(path, place->path, others[i]), F_OK), 0);
}

/* Nobody is at work on a link, or on a file that not even its owner may open. */
static void test_temporary__odd_things_under_temporary_names_are_removed(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE], other[TEMP_PATH_SIZE], text[16];
    static const char *const mine = ".ck.tmp-0000000000000000";
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    assert_true(temp_write(temp_path(other, place->path, "other"), "precious"));
    assert_int_equal(symlink(other, temp_path(path, place->path, mine)), 0);
    store_open(place);
    store_close(place);
    assert_int_equal(sample_count_files(place->path, mine, NULL), 0);
    assert_true(temp_read(other, text, sizeof text));
    assert_string_equal(text, "precious");
    for (int denied = 0; denied < 2; denied++) {
        assert_true(temp_write(path, "half"));
        store_fail(place, FAULT_OPEN, 1, denied ? EACCES : EMFILE);
        store_open(place);
        store_close(place);
        assert_int_equal(sample_count_files(place->path, mine, NULL), !denied);
    }
}

static void make_fresh(rs_file *file, rs_fresh *fresh) {
    rs_error error;
    *fresh = (rs_fresh){.fd = -1};
    assert_int_equal(rs_fresh_make(file, fresh, &error), RESUME_OK);
}

static int cannot_lock(const rs_os *os, int fd) {
    (void)os, (void)fd;
    return -ENOLCK;
}

/* Without locks, a temporary file may be that of somebody who is at work on it. */
static void test_temporary__another_writer_without_locks_keeps_his_file(void **state) {
    store_place *place = *state;
    rs_os no_locks = *rs_os_linux();
    char aside[RS_FILE_NAME_SIZE], path[TEMP_PATH_SIZE];
    rs_file_info info;
    rs_fresh fresh;
    rs_file *other;
    bool published;
    no_locks.lock = cannot_lock;
    place->fault.real = &no_locks;
    store_new(place);
    other = place->file;
    make_fresh(other, &fresh);
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    store_open(place);
    assert_int_equal(access(temp_path(path, place->path, fresh.name), F_OK), 0);
    store_expect(place, 0, SAMPLE_SMALL, 1);
    assert_int_equal(place->fault.os.info(&place->fault.os, fresh.fd, &info), 0);
    assert_int_equal(rs_fresh_publish(other, &fresh, aside, &published, &place->error), RESUME_OK);
    assert_true(published);
    assert_string_equal(aside, CK "~1"); /* what the other one has saved is kept */
    rs_fd_close(other->os, &fresh.fd);
    rs_fresh_discard(other, &fresh);
    rs_file_close(other);
    place->fault.real = rs_os_linux();
}

/* The dead have left all temporary files that there may be; the oldest is one of theirs. */
static void test_temporary__temporary_names_that_are_all_taken(void **state) {
    store_place *place = *state;
    char text[16], path[TEMP_PATH_SIZE], aside[RS_FILE_NAME_SIZE];
    static const char *const names[] = {".ck.tmp-0000000000000000", ".ck.tmp-0000000000000001"};
    for (int oldest = 0; oldest < 2; oldest++) {
        rs_fresh fresh, later;
        bool published = false;
        struct timespec times[] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
        store_new(place);
        rs_file *other = place->file;
        make_fresh(other, &fresh);
        if (oldest == 1) { /* ours is the second one */
            rs_fresh_discard(other, &fresh);
            assert_true(temp_write(temp_path(path, place->path, names[0]), "half"));
            make_fresh(other, &fresh);
        } else {
            assert_true(temp_write(temp_path(path, place->path, names[1]), "half"));
        }
        assert_string_equal(fresh.name, names[oldest]);
        temp_path(path, place->path, names[oldest]);
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        place->file = NULL;
        rs_file *file;
        assert_int_equal(rs_file_new(place->folder, CK "2", 1, RS_ASIDE_NO, &file, &place->error),
                         RESUME_OK);
        memcpy(file->name, CK, sizeof CK); /* opened at the same moment as the other one */
        make_fresh(file, &later);
        assert_string_equal(later.name, names[oldest]);
        /* ours was taken for a dead one's: nothing of the others is harmed */
        assert_int_equal(rs_fresh_publish(other, &fresh, aside, &published, &place->error),
                         RESUME_IO);
        assert_false(published);
        assert_non_null(strstr(place->error.text, "another process"));
        rs_fresh_discard(other, &fresh);
        assert_int_equal(access(path, F_OK), 0);
        assert_true(temp_read(temp_path(path, place->path, names[1 - oldest]), text, sizeof text));
        assert_string_equal(text, "half");
        rs_fresh_discard(file, &later);
        rs_file_close(file);
        rs_file_close(other);
        unlink(path);
        assert_int_equal(sample_count_files(place->path, ".ck", NULL), 0);
    }
}

static void test_temporary__temporary_names_that_stay_taken(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE], other[TEMP_PATH_SIZE];
    store_new(place);
    assert_int_equal(mkdir(temp_path(path, place->path, ".ck.tmp-0000000000000000"), 0700), 0);
    store_save(place, SAMPLE_SMALL, 1);
    assert_int_equal(mkdir(temp_path(other, place->path, ".ck.tmp-0000000000000001"), 0700), 0);
    rs_file_start_over(place->file);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 2, NULL, &place->error),
                     RESUME_EXISTS);
    assert_non_null(strstr(place->error.text, place->path));
    rs_fresh fresh = {.fd = -1};
    fault_os_plan(&place->fault, (fault_plan){.nth = 1, /* nobody knows how old they are */
                                              .mode = FAULT_FAIL,
                                              .os_code = ETIMEDOUT,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_INFO_AT)});
    assert_int_equal(rs_fresh_make(place->file, &fresh, &place->error), RESUME_EXISTS);
    fault_os_plan(&place->fault, (fault_plan){0});
    rs_fresh_discard(place->file, &fresh);
    assert_int_equal(rmdir(other), 0);
    store_save(place, SAMPLE_SMALL, 2);
    assert_int_equal(rmdir(path), 0);
}

static void test_temporary__a_name_that_leaves_no_room(void **state) {
    store_place *place = *state;
    char name[RS_FILE_NAME_SIZE];
    memset(name, 'x', sizeof name);
    name[240] = 0;
    assert_int_equal(rs_file_new(place->folder, name, 1, RS_ASIDE_NO, &place->file, &place->error),
                     RESUME_OK);
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 1, NULL, &place->error),
                     RESUME_BAD_NAME);
    assert_int_equal(sample_count_files(place->path, "", NULL), 0);
}

/* Other numbers than ours are none that an opening looks for. */
static void test_temporary__nothing_is_listed(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE];
    long calls[2];
    for (int many = 0; many < 2; many++) {
        for (unsigned i = 0; many && i < 300; i++) {
            char name[RS_FILE_NAME_SIZE];
            snprintf(name, sizeof name, i % 2 ? ".ck.tmp-%016x" : "other%u", i + 1000);
            assert_true(temp_write(temp_path(path, place->path, name), "of others"));
        }
        fault_os_plan(&place->fault, (fault_plan){0});
        store_new(place);
        store_save(place, SAMPLE_SMALL, 1);
        store_close(place);
        store_open_reader(place);
        store_close(place);
        store_open(place);
        store_save(place, SAMPLE_SMALL, 2);
        store_close(place);
        calls[many] = fault_os_calls(&place->fault);
        assert_int_equal(place->fault.calls[FAULT_LIST], 0);
        unlink(place->file_path);
    }
    assert_int_equal(calls[0], calls[1]);
    assert_int_equal(sample_count_files(place->path, ".ck.tmp-", NULL), 150);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_temporary__temporary_files_of_dead_writers_are_removed),
        TEST(test_temporary__odd_things_under_temporary_names_are_removed),
        TEST(test_temporary__another_writer_without_locks_keeps_his_file),
        TEST(test_temporary__temporary_names_that_are_all_taken),
        TEST(test_temporary__temporary_names_that_stay_taken),
        TEST(test_temporary__a_name_that_leaves_no_room),
        TEST(test_temporary__nothing_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
