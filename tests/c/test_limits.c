/* src/store/limits.c: what a file may ask for. tests/python/test_limits.py has hostile files. */
#include "memory_file.h"
#include "sample.h"
#include "testing.h"

#include "store/file_internal.h"
#include "store/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)

typedef struct opened {
    memory_file memory;
    rs_file *file;
    rs_state *state;
    uint8_t *bytes;
    rs_error error;
} opened;

/* A golden file, as if it belonged to `owner`. */
static void open_as(opened *it, uint32_t owner, const char *meminfo) {
    char path[1024];
    rs_recovery recovery;
    const char *folder = getenv("RESUME_TEST_VECTORS");
    memset(it, 0, sizeof *it);
    snprintf(path, sizeof path, "%s/arrays.ckpt", folder ? folder : "tests/vectors");
    memory_file_init(&it->memory);
    it->bytes = sample_read_file(path, &it->memory.size);
    it->memory.bytes = it->bytes;
    it->memory.owner = owner;
    it->memory.meminfo = meminfo;
    assert_int_equal(memory_file_open(&it->memory, &it->file, &recovery, &it->error), RESUME_OK);
    assert_int_equal(rs_file_read(it->file, 0, &it->state, &it->error), RESUME_OK);
}

static void close_it(opened *it) {
    rs_state_free(it->state);
    rs_file_close(it->file);
    free(it->bytes);
    assert_int_equal(it->memory.open_count, 0);
}

static void test_limits__a_file_of_another_user_is_held_to_one_gib_in_all(void **unused) {
    (void)unused;
    opened it;
    open_as(&it, 1000, NULL);
    assert_true(rs_state_is_foreign(it.state));
    assert_int_equal(rs_state_claim(it.state, GIB / 2, &it.error), RESUME_OK);
    assert_int_equal(rs_state_claim(it.state, GIB / 4, &it.error), RESUME_OK);
    assert_int_equal(rs_state_claim(it.state, GIB / 4, &it.error), RESUME_LIMIT);
    assert_non_null(strstr(it.error.text, "another user"));
    assert_non_null(strstr(it.error.text, "copy the file"));
    assert_int_equal(rs_state_claim(it.state, 1, &it.error), RESUME_LIMIT);
    close_it(&it);
}

/* Whoever has a key goes by signatures: that files belong to the user says nothing then. */
static void test_limits__with_a_key_the_signature_counts(void **unused) {
    (void)unused;
    opened it;
    rs_keys keys = {.has_key = true};
    open_as(&it, 0, NULL);
    assert_int_equal(rs_check_foreign(it.state, 2 * GIB, &it.error), RESUME_OK);
    it.memory.folder.keys = &keys;
    assert_int_equal(rs_check_foreign(it.state, GIB, &it.error), RESUME_OK);
    assert_int_equal(rs_check_foreign(it.state, GIB + 1, &it.error), RESUME_LIMIT);
    assert_non_null(strstr(it.error.text, "is not proven to be yours"));
    assert_non_null(strstr(it.error.text, "'resume trust' the file if you trust it"));
    it.memory.folder.lifts_limits = true;
    assert_int_equal(rs_check_foreign(it.state, GIB + 1, &it.error), RESUME_OK);
    it.memory.folder.lifts_limits = false;
    it.state->signature = RS_SIGNED_MINE;
    assert_int_equal(rs_check_foreign(it.state, GIB + 1, &it.error), RESUME_OK);
    it.memory.folder.keys = NULL;
    close_it(&it);
}

static void test_limits__sums_do_not_wrap(void **unused) {
    (void)unused;
    opened it;
    open_as(&it, 1000, NULL);
    assert_int_equal(rs_state_claim(it.state, UINT64_MAX, &it.error), RESUME_LIMIT);
    assert_int_equal(rs_state_claim(it.state, UINT64_MAX, &it.error), RESUME_LIMIT);
    assert_int_equal(rs_state_claim(it.state, 0, &it.error), RESUME_LIMIT);
    close_it(&it);
}

static void test_limits__a_large_file_may_ask_for_four_times_its_size(void **unused) {
    (void)unused;
    opened it;
    open_as(&it, 1000, NULL);
    it.file->size = GIB;
    assert_int_equal(rs_check_foreign(it.state, 4 * GIB, &it.error), RESUME_OK);
    assert_int_equal(rs_check_foreign(it.state, 4 * GIB + 1, &it.error), RESUME_LIMIT);
    close_it(&it);
}

static void test_limits__ones_own_file_is_held_against_the_memory_there_is(void **unused) {
    (void)unused;
    opened it;
    open_as(&it, 0,
            "MemTotal:        9000000 kB\nMemAvailable:    4194304 kB\nSwapFree:  1048576 kB\n");
    assert_false(rs_state_is_foreign(it.state));
    assert_int_equal(rs_state_claim(it.state, 5 * GIB, &it.error), RESUME_OK);
    assert_int_equal(rs_state_claim(it.state, 5 * GIB + 1, &it.error), RESUME_NO_MEMORY);
    assert_non_null(strstr(it.error.text, "5368709120 are available"));
    assert_int_equal(rs_state_claim(it.state, UINT64_MAX, &it.error), RESUME_NO_MEMORY);
    close_it(&it);
}

/* Many small ones are asked for once in a GiB: what was read before is in use by then. */
static void test_limits__small_claims_are_asked_for_together(void **unused) {
    (void)unused;
    opened it;
    open_as(&it, 0, "MemAvailable:    1 kB\nSwapFree:  0 kB\n");
    for (int i = 0; i < 1023; i++)
        assert_int_equal(rs_state_claim(it.state, 1 << 20, &it.error), RESUME_OK);
    assert_int_equal(rs_state_claim(it.state, 1 << 20, &it.error), RESUME_NO_MEMORY);
    close_it(&it);
}

static void test_limits__a_system_that_does_not_say_is_believed(void **unused) {
    (void)unused;
    static const char *const texts[] = {"", "MemTotal: 1 kB\n", "MemAvailable: 1 kB\n", NULL};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        opened it;
        open_as(&it, 0, texts[i]);
        assert_int_equal(rs_state_claim(it.state, 100 * GIB, &it.error), RESUME_OK);
        close_it(&it);
    }
}

static void test_limits__verifying_is_limited_too(void **unused) {
    (void)unused;
    opened it;
    open_as(&it, 1000, NULL);
    assert_int_equal(rs_state_verify(it.state, NULL, NULL, NULL, &it.error), RESUME_OK);
    rs_chunk_entry *entry = &it.state->table.entries[0];
    size_t count = (size_t)it.state->table.entry_count;
    for (size_t i = 0; i < count; i++)
        entry[i].raw_size = UINT32_MAX;
    assert_int_equal(rs_state_verify(it.state, NULL, NULL, NULL, &it.error), RESUME_LIMIT);
    close_it(&it);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits__a_file_of_another_user_is_held_to_one_gib_in_all),
        cmocka_unit_test(test_limits__with_a_key_the_signature_counts),
        cmocka_unit_test(test_limits__sums_do_not_wrap),
        cmocka_unit_test(test_limits__a_large_file_may_ask_for_four_times_its_size),
        cmocka_unit_test(test_limits__ones_own_file_is_held_against_the_memory_there_is),
        cmocka_unit_test(test_limits__small_claims_are_asked_for_together),
        cmocka_unit_test(test_limits__a_system_that_does_not_say_is_believed),
        cmocka_unit_test(test_limits__verifying_is_limited_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
