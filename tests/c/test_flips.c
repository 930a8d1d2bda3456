/* Every single-bit flip and every truncation of the golden files: the identical value, an older
 * generation with a warning, or the right error. Never a crash, never another value. */
#include "damage.h"
#include "golden.h"
#include "memory_file.h"
#include "sample.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct flip_counts {
    uint64_t identical, older, refused, told_later;
} flip_counts;

typedef struct flip_context {
    const golden_file *golden;
    golden_state states[GOLDEN_GENERATIONS_MAX];
    memory_file memory;
    flip_counts counts;
    bool cuts;
} flip_context;

static uint8_t *read_golden(const char *name, size_t *size) {
    char path[1024];
    const char *folder = getenv("RESUME_TEST_VECTORS");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/vectors", name);
    return sample_read_file(path, size);
}

static bool is_refusal(resume_status status, bool cut) {
    return status == RESUME_DAMAGED || status == RESUME_TRUNCATED ||
           status == RESUME_NOT_A_CHECKPOINT ||
           (!cut && (status == RESUME_UNSUPPORTED || status == RESUME_LEGACY));
}

/* The generation that was taken holds what it held, or reading it says what is wrong. */
static void check_taken(flip_context *context, rs_file *file, const rs_recovery *recovery,
                        size_t at) {
    rs_state *state;
    rs_error error = {0};
    size_t newest = context->golden->generation_count;
    assert_true(recovery->taken >= 1 && recovery->taken <= newest);
    if (recovery->taken < newest) {
        assert_int_not_equal(recovery->health, RS_HEALTH_GOOD);
        assert_true(strlen(recovery->text) > 20);
    }
    assert_int_equal(rs_file_read(file, 0, &state, &error), RESUME_OK);
    bool equal;
    resume_status status =
        golden_compare(&context->states[recovery->taken - 1], state, &equal, &error);
    if (status == RESUME_OK && !equal)
        fail_msg("%s: another value, at byte %zu", context->golden->name, at);
    if (status) {
        assert_int_equal(status, RESUME_DAMAGED);
        context->counts.told_later++;
    } else if (recovery->taken == newest) {
        context->counts.identical++;
    } else {
        context->counts.older++;
    }
    rs_state_free(state);
}

static void check_variant(const uint8_t *bytes, size_t size, size_t at, void *passed) {
    flip_context *context = passed;
    rs_file *file;
    rs_recovery recovery;
    rs_error error = {0};
    context->memory.bytes = bytes;
    context->memory.size = size;
    resume_status status = memory_file_open(&context->memory, &file, &recovery, &error);
    if (status == RESUME_OK) {
        check_taken(context, file, &recovery, at);
        rs_file_close(file);
    } else {
        if (!is_refusal(status, context->cuts))
            fail_msg("%s, byte %zu: status %d (%s)", context->golden->name, at, (int)status,
                     error.text);
        assert_int_equal(error.status, status);
        context->counts.refused++;
    }
    assert_int_equal(context->memory.open_count, 0);
}

static void run(const golden_file *golden, bool cuts) {
    static flip_context context;
    size_t size;
    uint8_t *bytes = read_golden(golden->name, &size);
    memset(&context, 0, sizeof context);
    context.golden = golden;
    context.cuts = cuts;
    memory_file_init(&context.memory);
    for (size_t i = 1; i <= golden->generation_count; i++)
        golden_make(golden, i, &context.states[i - 1]);
    check_variant(bytes, size, size, &context);
    assert_int_equal(context.counts.identical, 1); /* as it is, it can be read */
    if (cuts)
        damage_cuts(bytes, size, check_variant, &context);
    else
        damage_flips(bytes, size, check_variant, &context);
    const flip_counts *counts = &context.counts;
    print_message("%s, %zu bytes: %llu identical, %llu older, %llu refused, %llu found when read\n",
                  golden->name, size, (unsigned long long)counts->identical,
                  (unsigned long long)counts->older, (unsigned long long)counts->refused,
                  (unsigned long long)counts->told_later);
    assert_int_equal(counts->identical + counts->older + counts->refused + counts->told_later,
                     (cuts ? size : size * 8) + 1);
    assert_true(counts->refused > 0);
    free(bytes);
}

static void test_flips__every_bit(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_FILES; i++)
        run(&golden_files[i], false);
}

static void test_flips__every_length(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_FILES; i++)
        run(&golden_files[i], true);
}

/* Older generations can be read, too. */
static void test_flips__every_generation_of_the_golden_files(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_FILES; i++) {
        const golden_file *golden = &golden_files[i];
        static golden_state expected;
        memory_file memory;
        rs_file *file;
        rs_recovery recovery;
        rs_error error;
        uint8_t *bytes = read_golden(golden->name, &memory.size);
        size_t size = memory.size;
        memory_file_init(&memory);
        memory.size = size;
        memory.bytes = bytes;
        assert_int_equal(memory_file_open(&memory, &file, &recovery, &error), RESUME_OK);
        assert_int_equal(recovery.health, RS_HEALTH_GOOD);
        assert_int_equal(rs_file_generation_count(file), golden->generation_count);
        for (size_t j = 0; j < golden->generation_count; j++) {
            rs_state *read;
            bool equal;
            golden_make(golden, golden->generation_count - j, &expected);
            assert_int_equal(rs_file_read(file, j, &read, &error), RESUME_OK);
            assert_int_equal(golden_compare(&expected, read, &equal, &error), RESUME_OK);
            assert_true(equal);
            rs_state_free(read);
        }
        rs_file_close(file);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flips__every_generation_of_the_golden_files),
        cmocka_unit_test(test_flips__every_bit),
        cmocka_unit_test(test_flips__every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
