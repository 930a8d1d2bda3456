/* Tests of src/store/file.c: opening what is, and what is not, a checkpoint. */
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static resume_status try_open(store_place *place, bool for_writing) {
    memset(&place->error, 0, sizeof place->error);
    return rs_file_open(place->folder, CK, for_writing, &place->file, &place->recovery,
                        &place->error);
}

static void expect_refused(store_place *place, resume_status expected) {
    for (int writing = 0; writing <= 1; writing++) {
        assert_int_equal(try_open(place, writing == 1), expected);
        assert_null(place->file);
        assert_non_null(strstr(place->error.text, place->file_path));
        assert_int_equal(place->error.status, expected);
    }
}

static void test_file__there_is_none(void **state) {
    expect_refused(*state, RESUME_NOT_FOUND);
}

static void test_file__files_of_others(void **state) {
    store_place *place = *state;
    static const struct {
        const char *bytes;
        size_t size;
        resume_status expected;
    } cases[] = {
        {"", 0, RESUME_NOT_A_CHECKPOINT},
        {"x", 1, RESUME_NOT_A_CHECKPOINT},
        {"#!/bin/sh\n", 10, RESUME_NOT_A_CHECKPOINT},
        {"\x1f\x8b\x08\x00", 4, RESUME_LEGACY},
        {"\x89RESUME\n", 8, RESUME_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sample_write_file(place->file_path, cases[i].bytes, cases[i].size);
        expect_refused(place, cases[i].expected);
    }
}

static void test_file__newer_formats(void **state) {
    store_place *place = *state;
    uint8_t block[RS_BLOCK_SIZE];
    rs_header header = {.major = RS_FORMAT_MAJOR, .chunk_size = RS_CHUNK_SIZE, .incompatible = 1};
    rs_header_encode(&header, block);
    sample_write_file(place->file_path, block, sizeof block);
    expect_refused(place, RESUME_UNSUPPORTED);
    header = (rs_header){.major = RS_FORMAT_MAJOR + 1, .chunk_size = RS_CHUNK_SIZE};
    rs_header_encode(&header, block);
    sample_write_file(place->file_path, block, sizeof block);
    expect_refused(place, RESUME_UNSUPPORTED);
}

static void test_file__things_that_are_no_files(void **state) {
    store_place *place = *state;
    assert_int_equal(mkdir(place->file_path, 0700), 0);
    expect_refused(place, RESUME_UNSAFE_PATH);
    rmdir(place->file_path);
    assert_int_equal(mkfifo(place->file_path, 0600), 0);
    expect_refused(place, RESUME_UNSAFE_PATH);
    unlink(place->file_path);
    assert_int_equal(symlink("/etc/passwd", place->file_path), 0);
    expect_refused(place, RESUME_UNSAFE_PATH);
}

static uint32_t another_user(const rs_os *os) {
    (void)os;
    return 12345;
}

static void test_file__of_another_user_is_read_only(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    if (chown(place->file_path, 54321, (gid_t)-1) != 0) skip(); /* not root */
    place->fault.os.user = another_user;
    assert_int_equal(try_open(place, true), RESUME_UNSAFE_PATH);
    assert_non_null(strstr(place->error.text, "54321"));
    assert_int_equal(try_open(place, false), RESUME_OK);
}

static void test_file__swapped_between_looking_and_opening(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    /* Opening finds a link where a file was. */
    store_fail(place, FAULT_OPEN, 1, ELOOP);
    assert_int_equal(try_open(place, false), RESUME_UNSAFE_PATH);
}

static void test_file__new_one_does_not_touch_what_is_there(void **state) {
    store_place *place = *state;
    char text[16];
    assert_true(temp_write(place->file_path, "precious"));
    store_new(place);
    assert_true(temp_read(place->file_path, text, sizeof text));
    assert_string_equal(text, "precious");
    store_save(place, SAMPLE_SMALL, 1);
    assert_string_equal(place->info.aside, CK "~1");
}

static void test_file__closing_nothing(void **state) {
    (void)state;
    rs_file_close(NULL);
    rs_state_free(NULL);
}

static void test_file__looks(void **state) {
    store_place *place = *state;
    store_new(place);
    assert_int_equal(rs_file_generation_count(place->file), 0);
    assert_null(rs_file_generation(place->file, 0));
    rs_state *read;
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_NOT_FOUND);
    assert_null(read);
    store_save_until(place, SAMPLE_SMALL, 2);
    assert_int_equal(rs_file_generation_count(place->file), 2);
    assert_int_equal(rs_file_generation(place->file, 0)->number, 2);
    assert_int_equal(rs_file_generation(place->file, 1)->number, 1);
    assert_null(rs_file_generation(place->file, 2));
    assert_int_equal(rs_file_size(place->file), store_size(place->file_path));
    assert_int_equal(rs_file_header(place->file)->chunk_size, RS_CHUNK_SIZE);
}

static void test_file__fall_back_without_anything_left(void **state) {
    store_place *place = *state;
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    assert_int_equal(rs_file_fall_back(place->file, &place->recovery, &place->error),
                     RESUME_DAMAGED);
    store_save(place, SAMPLE_SMALL, 2); /* a new file, the other one kept */
    assert_memory_equal(place->info.aside, CK ".damaged-", 11);
    store_expect(place, 0, SAMPLE_SMALL, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

/* --- a reader while a writer is at work --- */

typedef struct busy_writer {
    store_place place; /* the writer's own */
    sample_shape shape;
    uint64_t version; /* the newest saved */
    enum { WRITER_SAVES, WRITER_STARTS_OVER, WRITER_COMPACTS, WRITER_CUTS_A_TORN_END } what;
} busy_writer;

static int refuse_link(const rs_os *os, int folder, const char *from, const char *to) {
    (void)os, (void)folder, (void)from, (void)to;
    return -EPERM;
}

static void write_meanwhile(void *context) {
    busy_writer *writer = context;
    if (writer->what == WRITER_CUTS_A_TORN_END) { /* the next process, after a crash */
        store_close(&writer->place);
        store_open(&writer->place);
    }
    for (int i = 0; i < 3; i++) {
        if (writer->what == WRITER_STARTS_OVER) rs_file_start_over(writer->place.file);
        store_save(&writer->place, writer->shape, ++writer->version);
        if (writer->what == WRITER_COMPACTS)
            assert_int_equal(rs_file_compact(writer->place.file, &(rs_keep){.last = 1}, NULL,
                                             &writer->place.error),
                             RESUME_OK);
        rs_file_leave(writer->place.file);
    }
}

static bool reads_while_written(store_place *place, busy_writer *writer, long moment) {
    bool equal = false;
    rs_state *read;
    rs_os no_links = *rs_os_linux();
    no_links.link = refuse_link;
    writer->place.folder = place->folder;
    snprintf(writer->place.file_path, sizeof writer->place.file_path, "%s", place->file_path);
    rs_folder with_own_os = *place->folder;
    with_own_os.os = writer->what == WRITER_STARTS_OVER ? &no_links : rs_os_linux();
    writer->place.folder = &with_own_os;
    store_new(&writer->place);
    for (writer->version = 0; writer->version < 3;)
        store_save(&writer->place, writer->shape, ++writer->version);
    if (writer->what == WRITER_CUTS_A_TORN_END) {
        static const uint8_t rest[6000] = {1, 2, 3};
        store_append(place->file_path, rest, sizeof rest);
    }
    fault_os_hook(&place->fault, 0, moment, write_meanwhile, writer);
    store_open_reader(place);
    assert_int_not_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    uint64_t found = rs_state_meta(read)->saves;
    assert_in_range(found, 3, 6);
    assert_int_equal(sample_compare(read, writer->shape, found, &equal, &place->error), RESUME_OK);
    assert_true(equal);
    rs_state_free(read);
    store_close(place);
    store_close(&writer->place);
    bool was_reached = !fault_os_hook_waits(&place->fault);
    fault_os_hook(&place->fault, 0, 0, NULL, NULL);
    temp_folder_remove(place->path);
    assert_int_equal(mkdir(place->path, 0700), 0);
    rs_folder_close(place->folder);
    assert_int_equal(
        rs_folder_open(&place->fault.os, place->path, true, &place->folder, &place->error),
        RESUME_OK);
    return was_reached;
}

/* Somebody puts another file, `good`, in the place of the one that is read. */
typedef struct exchange {
    const char *good, *path;
} exchange;

static void put_another(void *context) {
    const exchange *files = context;
    assert_int_equal(rename(files->good, files->path), 0);
}

/* What looks damaged is looked at again when the name leads to another file since. */
static void test_file__a_damaged_one_is_exchanged_while_it_is_read(void **state) {
    store_place *place = *state;
    char good[TEMP_PATH_SIZE];
    exchange files = {good, place->file_path};
    temp_path(good, place->path, "good");
    store_new(place);
    store_save(place, SAMPLE_SMALL, 1);
    store_close(place);
    size_t size;
    uint8_t *bytes = sample_read_file(place->file_path, &size);
    bool was_reached = true;
    long moment = 1;
    for (; was_reached; moment++) {
        sample_write_file(good, bytes, size);
        sample_write_file(place->file_path, bytes, size);
        store_flip(place->file_path, RS_SEGMENTS_START + 100); /* of the one generation */
        fault_os_hook(&place->fault, FAULT_BIT(FAULT_INFO_AT), moment, put_another, &files);
        resume_status status =
            rs_file_open(place->folder, CK, false, &place->file, &place->recovery, &place->error);
        was_reached = !fault_os_hook_waits(&place->fault);
        fault_os_hook(&place->fault, 0, 0, NULL, NULL);
        assert_int_equal(status, was_reached ? RESUME_OK : RESUME_DAMAGED);
        if (was_reached) store_expect(place, 0, SAMPLE_SMALL, 1);
        store_close(place);
    }
    assert_true(moment > 3);
    free(bytes);
}

/* Three saves are made before each system call of a reader in turn. It finds what was there, or
 * something newer, and calls nothing damaged or missing. */
static void test_file__read_at_every_moment_of_saves(void **state) {
    store_place *place = *state;
    static busy_writer writer;
    for (int what = WRITER_SAVES; what <= WRITER_CUTS_A_TORN_END; what++) {
        for (int shape = SAMPLE_SMALL; shape <= SAMPLE_LARGE; shape++) {
            memset(&writer, 0, sizeof writer);
            writer.shape = (sample_shape)shape;
            writer.what = what;
            for (long moment = 1; reads_while_written(place, &writer, moment); moment++)
                ;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_file__there_is_none),
        TEST(test_file__files_of_others),
        TEST(test_file__newer_formats),
        TEST(test_file__things_that_are_no_files),
        TEST(test_file__of_another_user_is_read_only),
        TEST(test_file__swapped_between_looking_and_opening),
        TEST(test_file__new_one_does_not_touch_what_is_there),
        TEST(test_file__closing_nothing),
        TEST(test_file__read_at_every_moment_of_saves),
        TEST(test_file__a_damaged_one_is_exchanged_while_it_is_read),
        TEST(test_file__looks),
        TEST(test_file__fall_back_without_anything_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
