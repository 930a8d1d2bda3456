/* The vectors of docs/format.md: each file under tests/vectors is taken or refused as its table
 * says, with the content that the script which made it meant. */
#include "memory_file.h"
#include "sample.h"
#include "testing.h"

#include "base/buffer.h"
#include "format/hash.h"
#include "store/keys.h"

#include <resume/resume.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 7

typedef struct vector {
    const char *name, *outcome, *generation, *stream, *arrays, *says, *rule;
} vector;

static char *vectors_path(const char *name) {
    static char path[1024];
    const char *folder = getenv("RESUME_TEST_VECTORS");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/vectors", name);
    return path;
}

/* The columns of one line, in place. */
static vector take_line(char *line) {
    char *column[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
        column[i] = line;
        char *end = strstr(line, " | ");
        if (end) *end = 0;
        if (!end != (i + 1 == COLUMNS))
            fail_msg("index.txt: '%s' has not %d columns", line, COLUMNS);
        line = end + 3;
    }
    return (vector){column[0], column[1], column[2], column[3], column[4], column[5], column[6]};
}

static void hex_of(rs_hash128 hash, char to[33]) {
    snprintf(to, 33, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}

/* Arrays one behind the other, each after its size as u64. */
static resume_status digest_arrays(rs_state *state, char to[33], rs_error *error) {
    rs_buffer all = {0};
    resume_status status = RESUME_OK;
    for (size_t i = 1; i < rs_state_blob_count(state) && status == RESUME_OK; i++) {
        uint64_t size = rs_state_blob_size(state, i);
        uint8_t head[8];
        rs_store_u64(head, size);
        rs_buffer_append(&all, head, sizeof head);
        uint8_t *room = rs_buffer_reserve(&all, (size_t)size);
        assert_non_null(room);
        status = rs_state_read_blob(state, i, room, error);
        all.size += (size_t)size;
    }
    hex_of(rs_hash128_of(all.bytes, all.size, 0), to);
    rs_buffer_release(&all);
    return status;
}

/* One line for each thing that is not as expected; the test goes on to the next vector. */
static unsigned complaints;
static void complain(const vector *expected, const char *what, const char *is, const char *should) {
    print_message("%s (%s): %s '%s', expected '%s'\n", expected->name, expected->rule, what, is,
                  should);
    complaints++;
}

static void compare(const vector *expected, const char *what, const char *is, const char *should) {
    if (strcmp(is, should) != 0) complain(expected, what, is, should);
}

static void compare_words(const vector *expected, const char *text) {
    if (strcmp(expected->says, "-") != 0 && !strstr(text, expected->says))
        complain(expected, "message", text, expected->says);
}

static void check_content(const vector *expected, rs_file *file) {
    rs_state *state;
    rs_error error = {0};
    char digest[33];
    assert_int_equal(rs_file_read(file, 0, &state, &error), RESUME_OK);
    rs_slice stream = rs_state_stream(state);
    hex_of(rs_hash128_of(stream.bytes, stream.size, 0), digest);
    compare(expected, "stream", digest, expected->stream);
    resume_status status = digest_arrays(state, digest, &error);
    bool bad = strcmp(expected->arrays, "damaged") == 0;
    resume_status right = bad ? RESUME_DAMAGED : RESUME_OK;
    if (!bad) compare(expected, "arrays", digest, expected->arrays);
    compare(expected, "reading", resume_status_name(status), resume_status_name(right));
    status = rs_state_verify(state, NULL, NULL, NULL, &error);
    compare(expected, "verifying", resume_status_name(status), resume_status_name(right));
    rs_state_free(state);
}

static void check_taken(const vector *expected, rs_file *file, const rs_recovery *recovery) {
    static const char *const healths[] = {"good", "torn", "damaged"};
    char generation[24];
    snprintf(generation, sizeof generation, "%" PRIu64, recovery->taken);
    compare(expected, "health", healths[recovery->health], expected->outcome);
    compare(expected, "generation", generation, expected->generation);
    assert_int_equal(recovery->health == RS_HEALTH_GOOD, recovery->text[0] == 0);
    compare_words(expected, recovery->text);
    check_content(expected, file);
}

static void check_vector(const vector *expected) {
    char file_name[256];
    memory_file memory;
    rs_file *file;
    rs_recovery recovery;
    rs_error error = {0};
    size_t size;
    snprintf(file_name, sizeof file_name, "%s.ckpt", expected->name);
    uint8_t *bytes = sample_read_file(vectors_path(file_name), &size);
    memory_file_init(&memory);
    memory.bytes = bytes;
    memory.size = size;
    resume_status status = memory_file_open(&memory, &file, &recovery, &error);
    if (status == RESUME_OK) {
        check_taken(expected, file, &recovery);
        rs_file_close(file);
    } else {
        compare(expected, "status", resume_status_name(status) + strlen("RESUME_"),
                expected->outcome);
        compare_words(expected, error.text);
    }
    assert_int_equal(memory.open_count, 0);
    free(bytes);
}

static void test_vectors__are_taken_or_refused_as_the_table_says(void **state) {
    (void)state;
    size_t size, count = 0;
    uint8_t *bytes = sample_read_file(vectors_path("index.txt"), &size);
    char *text = malloc(size + 1), *rest = text;
    assert_non_null(text);
    memcpy(text, bytes, size);
    text[size] = 0;
    for (char *line; (line = strtok_r(rest, "\n", &rest));) {
        if (line[0] == '#') continue;
        vector expected = take_line(line);
        check_vector(&expected);
        count++;
    }
    print_message("%zu vectors\n", count);
    assert_true(count > 200);
    assert_int_equal(complaints, 0);
    free(text);
    free(bytes);
}

/* What the table says about the newest generation, for the holder of the key 00 01 .. 1f. */
static void check_signature(const char *name, const char *should) {
    static const char *const words[] = {[RS_SIGNED_NOT] = "not",
                                        [RS_SIGNED_OTHER] = "other",
                                        [RS_SIGNED_WRONG] = "wrong",
                                        [RS_SIGNED_MINE] = "mine"};
    const vector expected = {.name = name, .rule = "signature"};
    char file_name[256];
    rs_keys keys = {.has_key = true};
    memory_file memory;
    rs_file *file;
    rs_state *state;
    rs_recovery recovery;
    uint8_t key[RS_KEY_SIZE];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    rs_key_init(&keys.key, key);
    snprintf(file_name, sizeof file_name, "%s.ckpt", name);
    memory_file_init(&memory);
    uint8_t *bytes = sample_read_file(vectors_path(file_name), &memory.size);
    memory.bytes = bytes;
    memory.folder.keys = &keys;
    assert_int_equal(memory_file_open(&memory, &file, &recovery, NULL), RESUME_OK);
    assert_int_equal(rs_file_read(file, 0, &state, NULL), RESUME_OK);
    compare(&expected, "signature", words[rs_state_signature(state)], should);
    assert_int_equal(rs_state_is_mine(state), rs_state_signature(state) == RS_SIGNED_MINE);
    rs_state_free(state);
    rs_file_close(file);
    free(bytes);
}

static void test_vectors__are_whose_the_table_says(void **state) {
    (void)state;
    size_t size, count = 0;
    uint8_t *bytes = sample_read_file(vectors_path("signatures.txt"), &size);
    char *text = calloc(1, size + 1), *rest = text;
    assert_non_null(text);
    memcpy(text, bytes, size);
    complaints = 0;
    for (char *line; (line = strtok_r(rest, "\n", &rest));) {
        char *signature = strstr(line, " | ");
        if (line[0] == '#') continue;
        assert_non_null(signature);
        *signature = 0;
        check_signature(line, signature + 3);
        count++;
    }
    assert_true(count > 80);
    assert_int_equal(complaints, 0);
    free(text);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors__are_taken_or_refused_as_the_table_says),
        cmocka_unit_test(test_vectors__are_whose_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
