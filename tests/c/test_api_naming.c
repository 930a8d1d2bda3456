/* api/naming.c: names from the program, from the caller, and for each rank. */
#include "testing.h"

#include "api/naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static resume_status find(rs_naming *naming, const char *name, const char *function,
                          resume_options options) {
    memset(naming, 0, sizeof *naming);
    return rs_naming_find(naming, name, function, &options, NULL);
}

static void test_naming__from_program_and_function(void **state) {
    (void)state;
    rs_naming naming;
    assert_int_equal(find(&naming, NULL, "solve", (resume_options){.program = "/a/b/sim"}),
                     RESUME_OK);
    assert_string_equal(naming.name, "sim.solve");
    assert_string_equal(naming.function, "sim:solve");
    assert_string_equal(naming.program, "/a/b/sim");
    assert_false(naming.is_named);
    assert_int_equal(find(&naming, NULL, NULL, (resume_options){0}), RESUME_OK);
    assert_string_equal(naming.name, "test_api_naming.main");
    assert_non_null(strstr(naming.program, "/test_api_naming"));
}

static void test_naming__long_ones_are_cut(void **state) {
    (void)state;
    rs_naming naming, other;
    char function[400];
    memset(function, 'f', sizeof function);
    function[200] = 0;
    assert_int_equal(find(&naming, NULL, function, (resume_options){.program = "/sim"}), RESUME_OK);
    assert_int_equal(strlen(naming.name), 100);
    function[199] = 'g';
    assert_int_equal(find(&other, NULL, function, (resume_options){.program = "/sim"}), RESUME_OK);
    assert_string_not_equal(naming.name, other.name);
}

static void test_naming__from_the_caller(void **state) {
    (void)state;
    static const struct {
        const char *given, *folder, *name;
    } rows[] = {{"plain", NULL, "plain"},
                {"with space@5", NULL, "with space@5"},
                {"/a/b/name", "/a/b", "name"},
                {"/name", "/", "name"},
                {"./name", ".", "name"},
                {"../x/sim.main%405", "../x", "sim.main@5"},
                {"a/", "a", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rs_naming naming;
        assert_int_equal(find(&naming, rows[i].given, "f", (resume_options){0}), RESUME_OK);
        assert_true(naming.is_named);
        assert_string_equal(naming.name, rows[i].name);
        if (rows[i].folder)
            assert_string_equal(naming.folder, rows[i].folder);
        else
            assert_null(naming.folder);
        rs_naming_release(&naming);
    }
    rs_naming naming;
    assert_int_equal(find(&naming, "a/b", "f", (resume_options){.folder = "c"}), RESUME_MISUSE);
    char name[400];
    memset(name, 'n', sizeof name);
    name[300] = 0;
    assert_int_equal(find(&naming, name, "f", (resume_options){0}), RESUME_BAD_NAME);
    name[1] = '/';
    assert_int_equal(find(&naming, name, "f", (resume_options){0}), RESUME_BAD_NAME);
    rs_naming_release(&naming);
}

static void test_naming__ranks(void **state) {
    (void)state;
    rs_naming naming;
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    setenv("OMPI_COMM_WORLD_RANK", "3", 1);
    assert_int_equal(find(&naming, "x", "f", (resume_options){0}), RESUME_MISUSE);
    assert_int_equal(find(&naming, "x", "f", (resume_options){.independent_ranks = 1}), RESUME_OK);
    assert_string_equal(naming.name, "x@rank3");
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    assert_int_equal(find(&naming, "x", "f", (resume_options){0}), RESUME_OK);
    assert_string_equal(naming.name, "x");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    unsetenv("OMPI_COMM_WORLD_RANK");
}

static void test_naming__default_folder(void **state) {
    (void)state;
    unsetenv("RESUME_DIR");
    assert_string_equal(rs_default_folder(), ".checkpoints");
    setenv("RESUME_DIR", "/elsewhere", 1);
    assert_string_equal(rs_default_folder(), "/elsewhere");
    unsetenv("RESUME_DIR");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_naming__from_program_and_function),
        cmocka_unit_test(test_naming__long_ones_are_cut),
        cmocka_unit_test(test_naming__from_the_caller),
        cmocka_unit_test(test_naming__ranks),
        cmocka_unit_test(test_naming__default_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
