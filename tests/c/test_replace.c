/* Tests of src/store/replace.c: new files, files set aside, and what crashes in between leave. */
#include "alloc_fail.h"
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

/* A checkpoint that the user removed does not come back from a temporary file. */
static void test_replace__removed_is_removed(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE];
    size_t size;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    uint8_t *bytes = sample_read_file(place->file_path, &size);
    sample_write_file(temp_path(path, place->path, ".ck.tmp-0000000000000000"), bytes, size);
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

static void test_replace__folders_that_cannot_be_synced(void **state) {
    store_place *place = *state;
    store_new(place);
    store_fail(place, FAULT_SYNC, 2, EINVAL); /* the first is that of the file */
    store_save(place, SAMPLE_SMALL, 1);
    assert_true(fault_os_struck(&place->fault));
    store_fail(place, FAULT_SYNC, 1, 0);
    store_save(place, SAMPLE_SMALL, 2);
    assert_false(place->info.new_file);
}

/* A million names are taken, it seems. */
static void test_replace__no_name_to_set_aside(void **state) {
    store_place *place = *state;
    rs_os no_links = *rs_os_linux();
    no_links.link = refuse_link;
    for (int links = 0; links <= 1; links++) {
        if (!links) place->fault.real = &no_links;
        store_new(place);
        store_save(place, SAMPLE_SMALL, 1);
        rs_file_start_over(place->file);
        fault_os_plan(&place->fault,
                      (fault_plan){.nth = links ? 1 : 2, /* the first tells that it is ready */
                                   .mode = FAULT_FAIL,
                                   .os_code = EEXIST,
                                   .for_ever = true,
                                   .calls = FAULT_BIT(links ? FAULT_LINK : FAULT_RENAME)});
        assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 2, NULL, &place->error),
                         RESUME_EXISTS);
        assert_non_null(strstr(place->error.text, "remove some"));
        fault_os_plan(&place->fault, (fault_plan){0});
        store_expect(place, 0, SAMPLE_SMALL, 1);
        store_save(place, SAMPLE_SMALL, 2);
        expect_versions(place, 2, 1);
        char path[TEMP_PATH_SIZE];
        unlink(place->file_path);
        unlink(temp_path(path, place->path, CK "~1"));
        place->fault.real = rs_os_linux();
    }
}

static void test_replace__no_name_for_a_torn_end(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    store_append(place->file_path, "torn", 4);
    store_open(place);
    fault_os_plan(&place->fault, (fault_plan){.nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = EEXIST,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_OPEN)});
    assert_int_equal(sample_commit(place->file, SAMPLE_SMALL, 2, NULL, &place->error),
                     RESUME_EXISTS);
    fault_os_plan(&place->fault, (fault_plan){0});
    store_save(place, SAMPLE_SMALL, 2);
    assert_int_equal(sample_count_files(place->path, CK ".torn-", NULL), 1);
}

static void put_a_file(void *context) {
    assert_true(temp_write(context, "precious"));
}

/* Somebody makes a file of this name while the first save is under way, at every moment. */
static void test_replace__a_file_that_appears_while_saving_is_kept(void **state) {
    store_place *place = *state;
    char text[16], path[TEMP_PATH_SIZE];
    bool was_made = true;
    temp_path(path, place->path, CK "~1");
    for (long n = 1; was_made; n++) {
        store_new(place);
        fault_os_hook(&place->fault, 0, n, put_a_file, place->file_path);
        resume_status status =
            sample_commit(place->file, SAMPLE_SMALL, 1, &place->info, &place->error);
        was_made = !fault_os_hook_waits(&place->fault);
        fault_os_hook(&place->fault, 0, 0, NULL, NULL);
        assert_int_equal(status, RESUME_OK);
        if (place->info.aside[0]) { /* it came before the save got the name */
            assert_true(temp_read(path, text, sizeof text));
            assert_string_equal(text, "precious");
            store_expect(place, 0, SAMPLE_SMALL, 1);
        } else if (was_made) { /* afterwards: written into the checkpoint itself */
            assert_true(temp_read(place->file_path, text, sizeof text));
            assert_string_equal(text, "precious");
        }
        store_close(place);
        unlink(path);
        unlink(place->file_path);
    }
}

static void test_replace__a_torn_end_of_many_megabytes_is_kept_in_part(void **state) {
    store_place *place = *state;
    char name[256], path[TEMP_PATH_SIZE];
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    uint64_t end = rs_file_size(place->file);
    store_close(place);
    store_append(place->file_path, "torn", 4);
    store_cut(place->file_path, end + (65u << 20)); /* longer: holes */
    assert_true(temp_write(temp_path(path, place->path, "other.torn-1"), "not ours"));
    assert_true(temp_write(temp_path(path, place->path, "ckk.torn-1"), "not ours"));
    store_open(place);
    store_save(place, SAMPLE_SMALL, 2);
    assert_int_equal(sample_count_files(place->path, CK ".torn-", name), 1);
    assert_int_equal(store_size(temp_path(path, place->path, name)), 64u << 20);
    assert_int_equal(sample_count_files(place->path, "other.torn-1", NULL), 1);
    assert_int_equal(sample_count_files(place->path, "ckk.torn-1", NULL), 1);
}

/* --- everything that crashes can leave, and an opening of which any step fails --- */

static void lay_litter(store_place *place, bool named, bool good) {
    char path[TEMP_PATH_SIZE];
    size_t size;
    store_new(place);
    store_save_until(place, SAMPLE_SMALL, 2);
    store_close(place);
    uint8_t *bytes = sample_read_file(place->file_path, &size);
    if (!good) bytes[0] ^= 1;
    sample_write_file(temp_path(path, place->path, ".ck.tmp-0000000000000000a"), bytes, size);
    free(bytes);
    assert_true(temp_write(temp_path(path, place->path, ".ck.tmp-0000000000000000"), "half"));
    assert_true(temp_write(temp_path(path, place->path, ".ck.tmp-0000000000000001"), "odd"));
    assert_true(temp_write(temp_path(path, place->path, CK "~2"), "another"));
    if (named) {
        assert_true(temp_write(temp_path(path, place->path, ".ck.tmp-0000000000000001a"), "odd"));
        assert_int_equal(link(place->file_path, temp_path(path, place->path, CK "~1")), 0);
    } else {
        unlink(place->file_path);
    }
}

static void check_litter_is_gone(store_place *place, bool named) {
    char text[16], path[TEMP_PATH_SIZE];
    store_open(place);
    assert_int_equal(place->recovery.health, RS_HEALTH_GOOD);
    store_expect(place, 0, SAMPLE_SMALL, 2);
    assert_int_equal(sample_count_files(place->path, ".", NULL), 0);
    assert_true(temp_read(temp_path(path, place->path, CK "~2"), text, sizeof text));
    assert_string_equal(text, "another");
    if (named) assert_int_equal(sample_count_files(place->path, CK "~1", NULL), 0);
    store_close(place);
    unlink(path);
    unlink(place->file_path);
}

static void test_replace__litter_and_an_opening_that_fails(void **state) {
    store_place *place = *state;
    for (int named = 0; named <= 1; named++) {
        for (int allocations = 0; allocations <= 1; allocations++) {
            bool struck = true;
            for (long n = 1; struck; n++) {
                lay_litter(place, named == 1, true);
                fault_os_plan(&place->fault, (fault_plan){
                                                 .nth = n,
                                                 .mode = allocations ? FAULT_NOTHING : FAULT_FAIL,
                                                 .os_code = ETIMEDOUT,
                                             });
                if (allocations) alloc_fail_at(n, true);
                resume_status status = rs_file_open(place->folder, CK, true, &place->file,
                                                    &place->recovery, &place->error);
                struck = allocations ? alloc_fail_count() >= n : fault_os_struck(&place->fault);
                alloc_fail_at(0, false);
                fault_os_plan(&place->fault, (fault_plan){0});
                if (status) assert_int_equal(status, allocations ? RESUME_NO_MEMORY : RESUME_IO);
                if (!status) store_expect(place, 0, SAMPLE_SMALL, 2);
                store_close(place);
                check_litter_is_gone(place, named == 1);
            }
        }
    }
}

/* A crash fell between link and rename; there is no memory for the names of what was set aside. */
static void test_replace__no_memory_for_names(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE];
    bool failed = true;
    for (long n = 1; failed; n++) {
        store_new(place);
        store_save(place, SAMPLE_SMALL, 1);
        store_close(place);
        assert_int_equal(link(place->file_path, temp_path(path, place->path, CK "~1")), 0);
        alloc_fail_at(n, true);
        resume_status status =
            rs_file_open(place->folder, CK, true, &place->file, &place->recovery, &place->error);
        alloc_fail_at(0, false);
        failed = status != RESUME_OK;
        if (failed) assert_int_equal(status, RESUME_NO_MEMORY);
        store_close(place);
        store_open(place);
        assert_int_equal(sample_count_files(place->path, CK "~", NULL), 0);
        store_expect(place, 0, SAMPLE_SMALL, 1);
        store_close(place);
        unlink(place->file_path);
    }
}

static void test_replace__every_second_name_goes(void **state) {
    store_place *place = *state;
    char path[TEMP_PATH_SIZE];
    static const char *const names[] = {CK "~1", CK ".damaged-20261122T134301Z"};
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    for (int i = 0; i < 2; i++)
        assert_int_equal(link(place->file_path, temp_path(path, place->path, names[i])), 0);
    store_open(place);
    store_expect(place, 0, SAMPLE_SMALL, 1);
    assert_int_equal(sample_count_files(place->path, CK, NULL), 1);
}

static void test_replace__a_reader_who_can_not_look_for_what_waits(void **state) {
    store_place *place = *state;
    store_fail(place, FAULT_INFO_AT, 2, EIO); /* the first look is for NAME */
    assert_int_equal(
        rs_file_open(place->folder, CK, false, &place->file, &place->recovery, &place->error),
        RESUME_NOT_FOUND);
    assert_true(fault_os_struck(&place->fault));
}

/* The only file that there is waits for its name and can't be opened: it is not thrown away. */
static void test_replace__a_waiting_file_that_is_bad_is_an_error(void **state) {
    store_place *place = *state;
    lay_litter(place, false, false);
    assert_int_equal(
        rs_file_open(place->folder, CK, true, &place->file, &place->recovery, &place->error),
        RESUME_NOT_A_CHECKPOINT);
    assert_int_equal(sample_count_files(place->path, ".ck.tmp-0000000000000000a", NULL), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_replace__first_save_appears_whole),
        TEST(test_replace__steps_of_a_first_save_are_in_order),
        TEST(test_replace__set_aside_with_and_without_links),
        TEST(test_replace__crash_while_setting_aside),
        TEST(test_replace__crash_while_setting_aside_without_links),
        TEST(test_replace__removed_is_removed),
        TEST(test_replace__only_one_torn_tail_is_kept),
        TEST(test_replace__folders_that_cannot_be_synced),
        TEST(test_replace__no_name_to_set_aside),
        TEST(test_replace__no_name_for_a_torn_end),
        TEST(test_replace__a_file_that_appears_while_saving_is_kept),
        TEST(test_replace__a_torn_end_of_many_megabytes_is_kept_in_part),
        TEST(test_replace__litter_and_an_opening_that_fails),
        TEST(test_replace__no_memory_for_names),
        TEST(test_replace__every_second_name_goes),
        TEST(test_replace__a_reader_who_can_not_look_for_what_waits),
        TEST(test_replace__a_waiting_file_that_is_bad_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
