/* Tests of src/store/refusal.c: why nothing can be saved, kept beside the checkpoint. */
#include "store/refusal.h"

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
#include <unistd.h>

typedef struct place {
    fault_os fault;
    char path[TEMP_PATH_SIZE], file[TEMP_PATH_SIZE];
    rs_folder *folder;
    rs_refusal found;
    rs_error error;
} place;

static int set_up(void **state) {
    static place here;
    memset(&here, 0, sizeof here);
    temp_folder_make(here.path);
    temp_path(here.file, here.path, "main.refused");
    fault_os_init(&here.fault, rs_os_linux());
    *state = &here;
    return rs_folder_open(&here.fault.os, here.path, true, &here.folder, &here.error);
}

static int tear_down(void **state) {
    place *here = *state;
    rs_folder_close(here->folder);
    temp_folder_remove(here->path);
    return 0;
}

static void put(const place *here, const char *text) {
    FILE *file = fopen(here->file, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_refusal__is_read_back_and_replaced(void **state) {
    place *here = *state;
    assert_false(rs_refusal_read(here->folder, "main", &here->found));
    static const char *const texts[] = {"line 3: a lock", "another", ""};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            rs_refusal_write(here->folder, "main", 1795400000000000000 + i, texts[i], NULL), 0);
        assert_true(rs_refusal_read(here->folder, "main", &here->found));
        assert_int_equal(here->found.since_ns, 1795400000000000000 + i);
        assert_string_equal(here->found.text, texts[i]);
    }
    struct stat status;
    assert_int_equal(stat(here->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    rs_refusal_remove(here->folder, "main");
    rs_refusal_remove(here->folder, "main");
    assert_false(rs_refusal_read(here->folder, "main", &here->found));
}

static void test_refusal__long_text_is_cut(void **state) {
    place *here = *state;
    static char text[3 * RS_REFUSAL_TEXT_SIZE];
    memset(text, 'a', sizeof text - 1);
    assert_int_equal(rs_refusal_write(here->folder, "main", 5, text, NULL), 0);
    assert_true(rs_refusal_read(here->folder, "main", &here->found));
    assert_int_equal(strlen(here->found.text), RS_REFUSAL_TEXT_SIZE - 1);
}

/* Whoever may write to the folder may have written it. */
static void test_refusal__text_of_others(void **state) {
    place *here = *state;
    static const char *const bad[] = {"",
                                      "\n",
                                      "x",
                                      " x\n",
                                      "12",
                                      "12\n",
                                      "-1 x\n",
                                      "1.5 x\n",
                                      "99999999999999999999 x\n",
                                      "9999999999999999999 x\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put(here, bad[i]);
        assert_false(rs_refusal_read(here->folder, "main", &here->found));
    }
    put(here, "7 one\ntwo\n");
    assert_true(rs_refusal_read(here->folder, "main", &here->found));
    assert_string_equal(here->found.text, "one");
}

/* A link to a file of the user is neither followed nor written to. */
static void test_refusal__link_is_replaced(void **state) {
    place *here = *state;
    char other[TEMP_PATH_SIZE];
    struct stat status;
    temp_path(other, here->path, "other");
    FILE *file = fopen(other, "w");
    fputs("7 mine\n", file);
    fclose(file);
    assert_int_equal(symlink(other, here->file), 0);
    assert_false(rs_refusal_read(here->folder, "main", &here->found));
    assert_int_equal(rs_refusal_write(here->folder, "main", 5, "text", NULL), 0);
    assert_int_equal(stat(other, &status), 0);
    assert_int_equal(status.st_size, 7);
    assert_true(rs_refusal_read(here->folder, "main", &here->found));
}

static void test_refusal__failures_are_told(void **state) {
    place *here = *state;
    for (long nth = 1;; nth++) {
        fault_os_plan(&here->fault,
                      (fault_plan){.nth = nth, .mode = FAULT_FAIL, .os_code = ENOSPC});
        resume_status status = rs_refusal_write(here->folder, "main", 5, "text", &here->error);
        bool failed = fault_os_struck(&here->fault);
        fault_os_plan(&here->fault, (fault_plan){0});
        if (!failed) {
            assert_int_equal(status, 0);
            break;
        }
        rs_refusal_read(here->folder, "main", &here->found); /* one or none */
        rs_refusal_remove(here->folder, "main");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refusal__is_read_back_and_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusal__long_text_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusal__text_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusal__link_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusal__failures_are_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
