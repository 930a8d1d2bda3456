/* Tests of src/os/file.c: interruptions, short counts and the texts of failures. */
#include "os/file.h"

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

typedef struct place {
    fault_os fault;
    const rs_os *os;
    char path[TEMP_PATH_SIZE], file[TEMP_PATH_SIZE];
    int fd;
    rs_error error;
} place;

static int set_up(void **state) {
    static place here;
    memset(&here, 0, sizeof here);
    temp_folder_make(here.path);
    temp_path(here.file, here.path, "file");
    fault_os_init(&here.fault, rs_os_linux());
    here.os = &here.fault.os;
    unsigned flags = RS_OPEN_READ | RS_OPEN_WRITE | RS_OPEN_CREATE;
    assert_int_equal(
        rs_fd_open(here.os, RS_WORKING_FOLDER, here.file, flags, 0600, &here.fd, &here.error), 0);
    *state = &here;
    return 0;
}

static int tear_down(void **state) {
    place *here = *state;
    rs_fd_close(here->os, &here->fd);
    assert_int_equal(here->fd, -1);
    assert_int_equal(fault_os_open_count(&here->fault), 0);
    temp_folder_remove(here->path);
    return 0;
}

static resume_status write_text(place *here, const char *text, uint64_t offset) {
    rs_slice part = {text, strlen(text)};
    return rs_fd_write_all(here->os, here->fd, &part, 1, offset, here->file, &here->error);
}

static void expect_content(const place *here, const char *content) {
    char text[64];
    assert_true(temp_read(here->file, text, sizeof text));
    assert_string_equal(text, content);
}

static void test_file__status_of_each_errno(void **state) {
    (void)state;
    static const struct {
        int os_code;
        resume_status status;
    } table[] = {
        {0, RESUME_OK},
        {ENOSPC, RESUME_NO_SPACE},
        {EDQUOT, RESUME_NO_SPACE},
        {EFBIG, RESUME_NO_SPACE},
        {EACCES, RESUME_DENIED},
        {EPERM, RESUME_DENIED},
        {EROFS, RESUME_DENIED},
        {ENOENT, RESUME_NOT_FOUND},
        {EEXIST, RESUME_EXISTS},
        {ENOMEM, RESUME_NO_MEMORY},
        {ENAMETOOLONG, RESUME_BAD_NAME},
        {ELOOP, RESUME_UNSAFE_PATH},
        {ENOTDIR, RESUME_UNSAFE_PATH},
        {EISDIR, RESUME_UNSAFE_PATH},
        {ENXIO, RESUME_UNSAFE_PATH},
        {EIO, RESUME_IO},
        {EINTR, RESUME_IO},
        {ESTALE, RESUME_IO},
        {12345, RESUME_IO},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_int_equal(rs_os_status(-table[i].os_code), table[i].status);
    assert_true(rs_os_is_interrupted(-EINTR) && !rs_os_is_interrupted(-EIO));
    assert_true(rs_os_is_busy(-EAGAIN) && !rs_os_is_busy(-EIO) && !rs_os_is_busy(0));
    assert_true(rs_os_is_unsupported(-EOPNOTSUPP) && rs_os_is_unsupported(-ENOSYS) &&
                rs_os_is_unsupported(-ENOLCK) && !rs_os_is_unsupported(-EIO) &&
                !rs_os_is_unsupported(0));
}

static void test_file__failure_names_file_cause_and_cure(void **state) {
    (void)state;
    rs_error error;
    assert_int_equal(rs_os_fail(&error, -EACCES, "can't open", "/x/y"), RESUME_DENIED);
    assert_int_equal(error.status, RESUME_DENIED);
    assert_int_equal(error.os_code, EACCES);
    assert_true(error.offset == RS_NO_OFFSET);
    assert_string_equal(error.text, "can't open '/x/y': permission denied; check owner and "
                                    "permissions or point RESUME_DIR elsewhere");
    assert_int_equal(rs_os_fail(&error, -EBUSY, "can't go on", NULL), RESUME_IO);
    assert_string_equal(error.text, "can't go on: device or resource busy");
    assert_int_equal(rs_os_fail(NULL, -EIO, "can't", NULL), RESUME_IO);
}

static void test_file__read_finishes_short_reads_and_interruptions(void **state) {
    place *here = *state;
    assert_int_equal(write_text(here, "0123456789", 0), RESUME_OK);
    static const fault_mode modes[] = {FAULT_SHORT_ONE, FAULT_SHORT_BUT_ONE};
    for (size_t i = 0; i < 2; i++) {
        char text[16] = "";
        fault_os_plan(&here->fault, (fault_plan){.nth = 1, .mode = modes[i], .for_ever = i == 0});
        assert_int_equal(rs_fd_read_all(here->os, here->fd, text, 8, 1, here->file, &here->error),
                         RESUME_OK);
        assert_string_equal(text, "12345678");
        assert_int_equal(here->fault.calls[FAULT_READ], i == 0 ? 8 : 2);
    }
    char text[16] = "";
    fault_os_plan(&here->fault, (fault_plan){.nth = 1, .mode = FAULT_FAIL, .os_code = EINTR});
    assert_int_equal(rs_fd_read_all(here->os, here->fd, text, 3, 0, here->file, &here->error),
                     RESUME_OK);
    assert_string_equal(text, "012");
    assert_int_equal(here->fault.calls[FAULT_READ], 2);
}

static void test_file__read_beyond_the_end_is_truncated(void **state) {
    place *here = *state;
    char text[16];
    assert_int_equal(write_text(here, "0123456789", 0), RESUME_OK);
    assert_int_equal(rs_fd_read_all(here->os, here->fd, text, 8, 6, here->file, &here->error),
                     RESUME_TRUNCATED);
    assert_int_equal(here->error.offset, 10);
    assert_non_null(strstr(here->error.text, "ends at byte 10, 14 were expected"));
    assert_int_equal(
        rs_fd_read_all(here->os, here->fd, text, 8, UINT64_MAX - 2, here->file, &here->error),
        RESUME_TRUNCATED);
    assert_int_equal(rs_fd_read_all(here->os, here->fd, text, 0, 99, here->file, &here->error),
                     RESUME_OK);
}

static void test_file__endless_interruption_is_given_up(void **state) {
    place *here = *state;
    char text[4];
    int fd;
    fault_os_plan(&here->fault,
                  (fault_plan){.nth = 1,
                               .mode = FAULT_FAIL,
                               .os_code = EINTR,
                               .for_ever = true,
                               .calls = FAULT_BIT(FAULT_READ) | FAULT_BIT(FAULT_WRITE) |
                                        FAULT_BIT(FAULT_OPEN)});
    assert_int_equal(rs_fd_read_all(here->os, here->fd, text, 4, 0, here->file, &here->error),
                     RESUME_IO);
    assert_int_equal(here->error.os_code, EINTR);
    assert_int_equal(write_text(here, "x", 0), RESUME_IO);
    assert_int_equal(
        rs_fd_open(here->os, RS_WORKING_FOLDER, here->file, RS_OPEN_READ, 0, &fd, &here->error),
        RESUME_IO);
    assert_int_equal(fd, -1);
}

static void test_file__write_finishes_short_writes(void **state) {
    place *here = *state;
    static const rs_slice parts[] = {{"", 0}, {"ab", 2}, {"", 0}, {"cde", 3}, {"f", 1}, {"", 0}};
    static const fault_plan plans[] = {
        {.nth = 0},
        {.nth = 1, .mode = FAULT_SHORT_ONE, .for_ever = true},
        {.nth = 1, .mode = FAULT_SHORT_ONE},
        {.nth = 1, .mode = FAULT_SHORT_BUT_ONE},
        {.nth = 2, .mode = FAULT_FAIL, .os_code = EINTR},
        {.nth = 1, .mode = FAULT_SHORT_BUT_ONE, .for_ever = true},
    };
    static const long calls[] = {1, 6, 2, 2, 1, 2};
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        assert_int_equal(rs_os_linux()->truncate(rs_os_linux(), here->fd, 0), 0);
        fault_os_plan(&here->fault, plans[i]);
        assert_int_equal(rs_fd_write_all(here->os, here->fd, parts, 6, 0, here->file, &here->error),
                         RESUME_OK);
        assert_int_equal(here->fault.calls[FAULT_WRITE], calls[i]);
        expect_content(here, "abcdef");
    }
    fault_os_plan(&here->fault, (fault_plan){.nth = 0});
    assert_int_equal(rs_fd_write_all(here->os, here->fd, parts, 1, 0, here->file, &here->error),
                     RESUME_OK);
    assert_int_equal(here->fault.calls[FAULT_WRITE], 0);
}

static void test_file__many_parts_take_few_calls(void **state) {
    place *here = *state;
    enum { COUNT = 3 * RS_WRITE_PARTS_MAX + 1 };
    static rs_slice parts[COUNT];
    static char numbers[COUNT][4], back[COUNT * 4];
    for (size_t i = 0; i < COUNT; i++) {
        rs_store_u32(numbers[i], (uint32_t)i);
        parts[i] = (rs_slice){numbers[i], 4};
    }
    for (int short_too = 0; short_too < 2; short_too++) {
        fault_os_plan(&here->fault, (fault_plan){.nth = short_too, .mode = FAULT_SHORT_BUT_ONE});
        assert_int_equal(
            rs_fd_write_all(here->os, here->fd, parts, COUNT, 8, here->file, &here->error),
            RESUME_OK);
        assert_int_equal(here->fault.calls[FAULT_WRITE], 4);
        assert_int_equal(
            rs_fd_read_all(here->os, here->fd, back, sizeof back, 8, here->file, &here->error),
            RESUME_OK);
        assert_memory_equal(back, numbers, sizeof back);
    }
}

static void test_file__write_that_takes_nothing_fails(void **state) {
    place *here = *state;
    fault_os_plan(&here->fault, (fault_plan){.nth = 1, .mode = FAULT_SHORT_ZERO});
    assert_int_equal(write_text(here, "abc", 0), RESUME_IO);
    assert_int_equal(here->fault.calls[FAULT_WRITE], 1);
}

static void test_file__no_space_names_the_file_and_the_cure(void **state) {
    place *here = *state;
    fault_os_plan(&here->fault, (fault_plan){.nth = 2,
                                             .mode = FAULT_FAIL,
                                             .os_code = ENOSPC,
                                             .calls = FAULT_BIT(FAULT_WRITE)});
    static const rs_slice parts[] = {{"abc", 3}};
    assert_int_equal(write_text(here, "abc", 0), RESUME_OK);
    assert_int_equal(rs_fd_write_all(here->os, here->fd, parts, 1, 7, here->file, &here->error),
                     RESUME_NO_SPACE);
    assert_int_equal(here->error.offset, 7);
    assert_int_equal(here->error.os_code, ENOSPC);
    assert_non_null(strstr(here->error.text, here->file));
    assert_non_null(strstr(here->error.text, "free space or point RESUME_DIR elsewhere"));
}

static void test_file__offsets_beyond_any_file_are_refused(void **state) {
    place *here = *state;
    assert_int_equal(write_text(here, "abc", INT64_MAX - 1), RESUME_NO_SPACE);
    static const rs_slice huge[] = {{"", SIZE_MAX}, {"", SIZE_MAX}};
    assert_int_equal(rs_fd_write_all(here->os, here->fd, huge, 2, 0, here->file, &here->error),
                     RESUME_NO_SPACE);
    assert_int_equal(here->fault.calls[FAULT_WRITE], 0);
}

static void test_file__close_is_never_retried(void **state) {
    place *here = *state;
    fault_os_plan(&here->fault, (fault_plan){.nth = 1, .mode = FAULT_FAIL, .os_code = EINTR});
    rs_fd_close(here->os, &here->fd);
    assert_int_equal(here->fd, -1);
    rs_fd_close(here->os, &here->fd);
    assert_int_equal(here->fault.calls[FAULT_CLOSE], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_file__status_of_each_errno),
        TEST(test_file__failure_names_file_cause_and_cure),
        TEST(test_file__read_finishes_short_reads_and_interruptions),
        TEST(test_file__read_beyond_the_end_is_truncated),
        TEST(test_file__endless_interruption_is_given_up),
        TEST(test_file__write_finishes_short_writes),
        TEST(test_file__many_parts_take_few_calls),
        TEST(test_file__write_that_takes_nothing_fails),
        TEST(test_file__no_space_names_the_file_and_the_cure),
        TEST(test_file__offsets_beyond_any_file_are_refused),
        TEST(test_file__close_is_never_retried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
