/* os/process.c: environment, executable, ranks. */
#include "testing.h"

#include "os/process.h"

#include <stdlib.h>
#include <string.h>

static void test_process__environment(void **state) {
    (void)state;
    unsetenv("RESUME_TEST");
    assert_null(rs_environment("RESUME_TEST"));
    setenv("RESUME_TEST", "", 1);
    assert_null(rs_environment("RESUME_TEST"));
    setenv("RESUME_TEST", "x", 1);
    assert_string_equal(rs_environment("RESUME_TEST"), "x");
}

static void test_process__disabled(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool disabled;
    } rows[] = {{"", false}, {"0", false}, {"1", true}, {"yes", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv("RESUME_DISABLE", rows[i].value, 1);
        assert_int_equal(rs_is_disabled(), rows[i].disabled);
    }
    unsetenv("RESUME_DISABLE");
    assert_false(rs_is_disabled());
}

static void test_process__executable(void **state) {
    (void)state;
    char path[RS_PROGRAM_PATH_SIZE];
    rs_program_path(path);
    assert_int_equal(path[0], '/');
    assert_non_null(strstr(path, "/test_process"));
}

static void test_process__ranks(void **state) {
    (void)state;
    static const struct {
        const char *rank_name, *size_name, *rank, *size;
        bool is_rank;
    } rows[] = {{"RANK", "WORLD_SIZE", "1", "2", true},
                {"RANK", "WORLD_SIZE", "0", "1", false},
                {"PMI_RANK", "PMI_SIZE", "7", "8", true},
                {"RANK", "WORLD_SIZE", "1", "x", false},
                {"RANK", "WORLD_SIZE", "1", "2x", false},
                {"RANK", "WORLD_SIZE", "", "2", true},
                {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "5", "6", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *rank;
        setenv(rows[i].rank_name, rows[i].rank, 1);
        setenv(rows[i].size_name, rows[i].size, 1);
        assert_int_equal(rs_is_rank(&rank), rows[i].is_rank);
        if (rows[i].is_rank && *rows[i].rank)
            assert_string_equal(rank, rows[i].rank);
        else
            assert_null(rank);
        unsetenv(rows[i].rank_name);
        unsetenv(rows[i].size_name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process__environment),
        cmocka_unit_test(test_process__disabled),
        cmocka_unit_test(test_process__executable),
        cmocka_unit_test(test_process__ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
