/* Tests of src/store/replace.c: new files, files set aside, and what crashes in between leave. */
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_link(const rs_os *os, int folder, const char *from, const char *to) {
    (void)os, (void)folder, (void)from, (void)to;
    return -EPERM;
}

static void expect_versions(store_place *place, uint64_t newest, uint64_t aside) {
    char folder[TEMP_PATH_SIZE];
    snprintf(folder, sizeof folder, "%s", place->path);
    store_close(place);
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, SAMPLE_SMALL, newest);
    store_close(place);
    rs_file *file;
    rs_state *read;
    bool equal;
    assert_int_equal(
        rs_file_open(place->folder, CK "~1", false, &file, &place->recovery, &place->error),
        RESUME_OK);
    assert_int_equal(rs_file_read(file, 0, &read, &place->error), RESUME_OK);
    assert_int_equal(sample_compare(read, SAMPLE_SMALL, aside, &equal, &place->error), RESUME_OK);
    assert_true(equal);
    rs_state_free(read);
    rs_file_close(file);
}

static void test_replace__first_save_appears_whole(void **state) {
    store_place *place = *state;
    struct stat info;
    store_new(place);
    assert_int_equal(sample_count_files(place->path, "", NULL), 0);
    store_save(place, SAMPLE_SMALL, 1);
    assert_int_equal(sample_count_files(place->path, "", NULL), 1);
    assert_int_equal(stat(place->file_path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void test_replace__steps_of_a_first_save_are_in_order(void **state) {
    store_place *place = *state;
    store_new(place);
    fault_os_plan(&place->fault, (fault_plan){0});
    store_save(place, SAMPLE_SMALL, 1);
    /* write .., sync of the file, rename, sync of the folder */
    long last_write = -1, sync = -1, renamed = -1, folder_sync = -1;
    for (long i = 0; i < (long)place->fault.log_count; i++) {
        const fault_entry *entry = &place->fault.log[i];
        if (entry->call == FAULT_WRITE) last_write = i;
        if (entry->call == FAULT_RENAME) renamed = i;
        if (entry->call == FAULT_SYNC && entry->fd == place->folder->fd) folder_sync = i;
        if (entry->call == FAULT_SYNC && entry->fd != place->folder->fd) sync = i;
    }
    assert_true(0 <= last_write && last_write < sync && sync < renamed && renamed < folder_sync);
}

static void test_replace__set_aside_with_and_without_links(void **state) {
    store_place *place = *state;
    rs_os no_links = *rs_os_linux();
    no_links.link = refuse_link;
    for (int i = 0; i < 2; i++) {
        if (i == 1) place->fault.real = &no_links;
        store_new(place);
        if (i == 1) rs_file_start_over(place->file); /* nothing is there: nothing to do */
        store_save(place, SAMPLE_SMALL, 1);
        store_close(place);
        store_open(place);
        rs_file_start_over(place->file);
        store_save(place, SAMPLE_SMALL, 2);
        assert_string_equal(place->info.aside, CK "~1");
        expect_versions(place, 2, 1);
        store_open(place);
        rs_file_start_over(place->file);
        store_save(place, SAMPLE_SMALL, 3);
        assert_string_equal(place->info.aside, CK "~2");
        expect_versions(place, 3, 1);
        assert_int_equal(sample_count_files(place->path, "", NULL), 3);
        assert_int_equal(sample_count_files(place->path, ".", NULL), 0);
        char path[TEMP_PATH_SIZE];
        unlink(place->file_path);
        unlink(temp_path(path, place->path, CK "~1"));
        unlink(temp_path(path, place->path, CK "~2"));
    }
    store_close(place);
    place->fault.real = rs_os_linux();
}

/* The program dies at each call of a set-aside: afterwards the old file or the new one has the
 * name, nothing is lost, and the next opening leaves no second name and no temporary file. */
static void crash_while_setting_aside(store_place *place) {
    for (long n = 1;; n++) {
        char path[TEMP_PATH_SIZE];
        store_new(place);
        store_save_until(place, SAMPLE_SMALL, 2);
        rs_file_start_over(place->file);
        fault_os_plan(&place->fault, (fault_plan){.nth = n, .mode = FAULT_CUT});
        resume_status status =
            sample_commit(place->file, SAMPLE_SMALL, 3, &place->info, &place->error);
        bool struck = fault_os_struck(&place->fault);
        store_close(place);
        place->fault.is_cut = false;
        fault_os_plan(&place->fault, (fault_plan){0});

        store_open_reader(place); /* looks on, repairs nothing */
        assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
        store_close(place);
        store_open(place);
        assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
        bool is_new = rs_file_generation(place->file, 0)->number == 3;
        store_expect(place, 0, SAMPLE_SMALL, is_new ? 3 : 2);
        if (status == RESUME_OK) assert_true(is_new);
        assert_int_equal(sample_count_files(place->path, ".", NULL), 0);
        assert_int_equal(sample_count_files(place->path, CK "~", NULL), is_new);
        struct stat info;
        assert_int_equal(stat(place->file_path, &info), 0);
        assert_int_equal(info.st_nlink, 1);
        store_close(place);
        if (is_new) expect_versions(place, 3, 2);
        unlink(place->file_path);
        unlink(temp_path(path, place->path, CK "~1"));
        if (!struck) break;
    }
}

static void test_replace__crash_while_setting_aside(void **state) {
    crash_while_setting_aside(*state);
}

static void test_replace__crash_while_setting_aside_without_links(void **state) {
    store_place *place = *state;
    rs_os no_links = *rs_os_linux();
    no_links.link = refuse_link;
    place->fault.real = &no_links;
    crash_while_setting_aside(place);
    place->fault.real = rs_os_linux();
}

static void test_replace__temporary_files_of_dead_writers_are_removed(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE];
    static const char *const mine = ".ck.tmp-0123456789abcdef";
    static const char *const others[] = {".ck.tmp-notahexnumber", ".ckk.tmp-0123456789abcdef",
                                         "ck.tmp-0123456789abcdef", "ck~1"};
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

/* A checkpoint that the user removed does not come back from a temporary file. */
static void test_replace__removed_is_removed(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE];
    size_t size;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    uint8_t *bytes = sample_read_file(place->file_path, &size);
    sample_write_file(temp_path(path, place->path, ".ck.tmp-0123456789abcdef"), bytes, size);
    free(bytes);
    assert_int_equal(unlink(place->file_path), 0);
    assert_int_equal(
        rs_file_open(place->folder, CK, true, &place->file, &place->recovery, &place->error),
        RESUME_NOT_FOUND);
    assert_int_equal(sample_count_files(place->path, ".", NULL), 0);
}

static void test_replace__only_one_torn_tail_is_kept(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    for (uint64_t i = 2; i < 5; i++) {
        store_close(place);
        store_append(place->file_path, "torn", 4);
        store_open(place);
        assert_int_equal(place->recovery.health, RS_HEALTH_TORN);
        store_save(place, SAMPLE_SMALL, i);
        assert_int_equal(sample_count_files(place->path, CK ".torn-", NULL), 1);
    }
    store_close(place);
    store_append(place->file_path, "\0\0\0\0\0\0", 6); /* nothing that could be looked at later */
    store_open(place);
    store_save(place, SAMPLE_SMALL, 5);
    assert_int_equal(sample_count_files(place->path, CK ".torn-", NULL), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_replace__first_save_appears_whole),
        TEST(test_replace__steps_of_a_first_save_are_in_order),
        TEST(test_replace__set_aside_with_and_without_links),
        TEST(test_replace__crash_while_setting_aside),
        TEST(test_replace__crash_while_setting_aside_without_links),
        TEST(test_replace__temporary_files_of_dead_writers_are_removed),
        TEST(test_replace__removed_is_removed),
        TEST(test_replace__only_one_torn_tail_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
