/* Tests of src/store/files.c: the folder NAME.files goes, and nothing that a link in it leads to.
 */
#include "store/files.h"

#include "fault_os.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct place {
    fault_os fault;
    char path[TEMP_PATH_SIZE], files[TEMP_PATH_SIZE], other[TEMP_PATH_SIZE];
    rs_folder *folder;
    rs_error error;
} place;

static int set_up(void **state) {
    static place here;
    memset(&here, 0, sizeof here);
    temp_folder_make(here.path);
    temp_path(here.files, here.path, "main.files");
    temp_path(here.other, here.path, "other");
    fault_os_init(&here.fault, rs_os_linux());
    *state = &here;
    return rs_folder_open(&here.fault.os, here.path, true, &here.folder, &here.error);
}

static int tear_down(void **state) {
    place *here = *state;
    rs_folder_close(here->folder);
    temp_folder_remove(here->path);
    return fault_os_open_count(&here->fault) == 0 ? 0 : -1;
}

static void fill(const place *here) {
    char path[TEMP_PATH_SIZE];
    mkdir(here->files, 0700);
    assert_true(temp_write(here->other, "another's"));
    assert_true(temp_write(temp_path(path, here->files, "journal"), "[]"));
    unlink(temp_path(path, here->files, "1-1"));
    assert_int_equal(symlink(here->other, path), 0);
}

static void test_files__folder_goes_with_what_is_in_it(void **state) {
    place *here = *state;
    char text[16];
    fill(here);
    assert_int_equal(rs_files_remove(here->folder, "main", &here->error), RESUME_OK);
    assert_int_not_equal(access(here->files, F_OK), 0);
    assert_true(temp_read(here->other, text, sizeof text));
    assert_int_equal(rs_files_remove(here->folder, "main", &here->error), RESUME_NOT_FOUND);
}

static void test_files__links_and_files_stay(void **state) {
    place *here = *state;
    char folder[TEMP_PATH_SIZE], path[TEMP_PATH_SIZE];
    mkdir(temp_path(folder, here->path, "folder"), 0700);
    assert_true(temp_write(temp_path(path, folder, "precious"), "a"));
    assert_int_equal(symlink(folder, here->files), 0);
    assert_int_not_equal(rs_files_remove(here->folder, "main", &here->error), RESUME_OK);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(here->files), 0);
    assert_true(temp_write(here->files, "a file"));
    assert_int_not_equal(rs_files_remove(here->folder, "main", &here->error), RESUME_OK);
    assert_int_equal(access(here->files, F_OK), 0);
}

static void test_files__every_call_that_fails(void **state) {
    place *here = *state;
    bool struck = true;
    for (long n = 1; struck; n++) {
        fill(here);
        fault_os_plan(&here->fault, (fault_plan){.nth = n, .mode = FAULT_FAIL, .os_code = EIO});
        resume_status status = rs_files_remove(here->folder, "main", &here->error);
        struck = fault_os_struck(&here->fault);
        if (status == RESUME_OK) assert_int_not_equal(access(here->files, F_OK), 0);
        fault_os_plan(&here->fault, (fault_plan){0});
        unlink(here->other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files__folder_goes_with_what_is_in_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_files__links_and_files_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files__every_call_that_fails, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
