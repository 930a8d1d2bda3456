/* Tests of src/store/name.c: names as file names and back, and the roles of file names. */
#include "store/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALL_DIFFERENT "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz.x"

static void expect(const char *name, const char *file_name) {
    char encoded[RS_FILE_NAME_SIZE], decoded[RS_FILE_NAME_SIZE];
    rs_error error;
    assert_int_equal(rs_name_encode(name, strlen(name), encoded, &error), RESUME_OK);
    assert_string_equal(encoded, file_name);
    assert_true(rs_name_decode(encoded, decoded, sizeof decoded));
    assert_string_equal(decoded, name);
    assert_int_equal(rs_name_role(encoded), RS_ROLE_CHECKPOINT);
}

static void test_name__plain_names_stand_for_themselves(void **state) {
    (void)state;
    expect("main", "main");
    expect("simulate.World.step", "simulate.World.step");
    expect("_a-b_1.2", "_a-b_1.2");
    expect(ALL_DIFFERENT, ALL_DIFFERENT);
    expect("a.locked", "a.locked");
    expect("a.lock.b", "a.lock.b");
    expect("a.damaged", "a.damaged");
    expect("a.tmp-12", "a.tmp-12");
}

static void test_name__all_else_is_encoded(void **state) {
    (void)state;
    expect("a/b", "a%2Fb");
    expect("..", "%2E.");
    expect(".", "%2E");
    expect("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd");
    expect(".hidden", "%2Ehidden");
    expect("-rf", "%2Drf");
    expect("a b\n\033[2J", "a%20b%0A%1B%5B2J");
    expect("f.<locals>.g", "f.%3Clocals%3E.g");
    expect("a~1", "a%7E1");
    expect("100%", "100%25");
    expect("%41", "%2541");
    expect("r\xc3\xb6sti", "r%C3%B6sti");
    expect("\xff", "%FF");
}

static void test_name__endings_of_files_beside_are_encoded(void **state) {
    (void)state;
    expect("a.lock", "a%2Elock");
    expect(".lock", "%2Elock");
    expect("a.lock.lock", "a.lock%2Elock");
    expect("a.damaged-b", "a%2Edamaged-b");
    expect("a.damaged-20261122T134301Z", "a%2Edamaged-20261122T134301Z");
    expect("a.torn-", "a%2Etorn-");
}

static void test_name__bad_names_say_why(void **state) {
    (void)state;
    static char zeros[300];
    char file_name[RS_FILE_NAME_SIZE] = "old";
    rs_error error;
    assert_int_equal(rs_name_encode("", 0, file_name, &error), RESUME_BAD_NAME);
    assert_non_null(strstr(error.text, "empty"));
    assert_string_equal(file_name, "");
    assert_int_equal(rs_name_encode("ab\0c", 4, file_name, &error), RESUME_BAD_NAME);
    assert_non_null(strstr(error.text, "zero byte at position 2"));
    assert_int_equal(rs_name_encode(zeros, sizeof zeros, file_name, &error), RESUME_BAD_NAME);
    assert_int_equal(rs_name_encode("", 0, file_name, NULL), RESUME_BAD_NAME);

    char name[301];
    memset(name, 'x', sizeof name);
    memcpy(name, "\033]0;", 4);
    assert_int_equal(rs_name_encode(name, 300, file_name, &error), RESUME_BAD_NAME);
    assert_string_equal(file_name, "");
    assert_non_null(strstr(error.text, "%1B%5D0%3Bxxx"));
    assert_non_null(strstr(error.text, "it takes 306 bytes, where 100 are possible"));
    assert_non_null(strstr(error.text, "choose a shorter one"));

    for (size_t i = 0; i < 100; i += 2) /* 50 characters that fit, if they were not encoded */
        memcpy(name + i, "\303\274", 2);
    assert_int_equal(rs_name_encode(name, 100, file_name, &error), RESUME_BAD_NAME);
    assert_non_null(strstr(error.text, "it takes 300 bytes, where 100 are possible"));
}

static void test_name__longest_is_100_encoded_bytes(void **state) {
    (void)state;
    char name[200], file_name[RS_FILE_NAME_SIZE];
    memset(name, 'a', sizeof name);
    assert_int_equal(rs_name_encode(name, 100, file_name, NULL), RESUME_OK);
    assert_int_equal(rs_name_role(file_name), RS_ROLE_CHECKPOINT);
    assert_int_equal(rs_name_encode(name, 101, file_name, NULL), RESUME_BAD_NAME);
    memset(name, '/', sizeof name);
    assert_int_equal(rs_name_encode(name, 33, file_name, NULL), RESUME_OK);
    assert_int_equal(strlen(file_name), 99);
    for (size_t size = 34; size <= sizeof name; size++)
        assert_int_equal(rs_name_encode(name, size, file_name, NULL), RESUME_BAD_NAME);
    name[33] = 'a';
    assert_int_equal(rs_name_encode(name, 34, file_name, NULL), RESUME_OK);
    assert_int_equal(strlen(file_name), 100);
}

static void test_name__other_forms_of_a_name_are_not_decoded(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",          "%",        "%4",       "a%",   "a%2",         "%41",       "%2f",    "%00",
        "a%00b",     "%G0",      ".a",       "-a",   "a b",         "a/b",       "a~1",    "a.lock",
        "r\xc3\xb6", "a.torn-x", "%2Ea%2Eb", "a%2E", "a.damaged-x", "a%2Flock%", "%2E%2E",
    };
    char name[RS_FILE_NAME_SIZE];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        strcpy(name, "old");
        assert_false(rs_name_decode(wrong[i], name, sizeof name));
        assert_string_equal(name, "");
        assert_int_not_equal(rs_name_role(wrong[i]), RS_ROLE_CHECKPOINT);
    }
    char room[4];
    assert_true(rs_name_decode("abc", room, sizeof room));
    assert_false(rs_name_decode("abcd", room, sizeof room));
    assert_false(rs_name_decode("abc", room, 0));
}

static void test_name__roles(void **state) {
    (void)state;
    char long_name[120], long_lock[130];
    memset(long_name, 'a', 101);
    long_name[101] = '\0';
    snprintf(long_lock, sizeof long_lock, "%s.lock", long_name);
    const struct {
        const char *file_name;
        rs_file_role role;
    } table[] = {
        {"main", RS_ROLE_CHECKPOINT},
        {"a.tmp-12", RS_ROLE_CHECKPOINT},
        {"main.lock", RS_ROLE_LOCK},
        {"a%2Elock.lock", RS_ROLE_LOCK},
        {"main.refused", RS_ROLE_NOTE},
        {"main.files", RS_ROLE_FILES},
        {"a%2Erefused.refused", RS_ROLE_NOTE},
        {"a b.refused", RS_ROLE_OTHER},
        {".files", RS_ROLE_OTHER},
        {".lock", RS_ROLE_OTHER},
        {"main~1", RS_ROLE_ASIDE},
        {"main~42", RS_ROLE_ASIDE},
        {"main~0", RS_ROLE_OTHER},
        {"main~01", RS_ROLE_OTHER},
        {"main~", RS_ROLE_OTHER},
        {"main~1~2", RS_ROLE_OTHER},
        {"main~99999999999999999999", RS_ROLE_OTHER},
        {"~1", RS_ROLE_OTHER},
        {"main~1.lock", RS_ROLE_OTHER},
        {"main.damaged-20261122T134301Z", RS_ROLE_DAMAGED},
        {"main.damaged-20261122T134301Z~1", RS_ROLE_DAMAGED},
        {"main.torn-20261122T134301Z", RS_ROLE_TORN},
        {"main.torn-20261122T134301", RS_ROLE_OTHER},
        {"main.torn-20261122T13430xZ", RS_ROLE_OTHER},
        {"main.torn-", RS_ROLE_OTHER},
        {".torn-20261122T134301Z", RS_ROLE_OTHER},
        {".main.tmp-0123abCD", RS_ROLE_TEMPORARY},
        {".a.tmp-1.tmp-2", RS_ROLE_TEMPORARY},
        {".main.tmp-", RS_ROLE_OTHER},
        {".main.tmp-xyz", RS_ROLE_OTHER},
        {".tmp-12", RS_ROLE_OTHER},
        {".gitignore", RS_ROLE_OTHER},
        {"", RS_ROLE_OTHER},
        {".", RS_ROLE_OTHER},
        {"..", RS_ROLE_OTHER},
        {"a b", RS_ROLE_OTHER},
        {"main.pzip\n", RS_ROLE_OTHER},
        {long_name, RS_ROLE_OTHER},
        {long_lock, RS_ROLE_OTHER},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (rs_name_role(table[i].file_name) != table[i].role)
            fail_msg("'%s' has role %d", table[i].file_name, rs_name_role(table[i].file_name));
}

/* Any bytes: two names never meet in one file name, nor with a file beside another. */
static void expect_shown(const char *file_name, const char *shown) {
    char found[RS_FILE_NAME_SIZE];
    rs_name_show(file_name, found);
    assert_string_equal(found, shown);
}

static void test_name__temporary_files_are_known(void **state) {
    (void)state;
    char name[RS_FILE_NAME_SIZE], long_name[RS_FILE_NAME_SIZE];
    for (unsigned slot = 0; slot < RS_TEMPORARY_SLOTS; slot++) {
        assert_true(rs_name_temporary("a%20b", slot, slot == 1, name));
        assert_int_equal(rs_name_role(name), RS_ROLE_TEMPORARY);
    }
    assert_string_equal(name, ".a%20b.tmp-0000000000000001a");
    memset(long_name, 'x', sizeof long_name);
    long_name[RS_FILE_NAME_SIZE - 23] = 0; /* with what is added, one too many */
    assert_true(rs_name_temporary(long_name, 0, false, name));
    assert_false(rs_name_temporary(long_name, 0, true, name));
    assert_string_equal(name, "");
}

static void test_name__files_are_told_by_decoded_names(void **state) {
    (void)state;
    static const char *const both[][2] = {
        {"a%40b~1", "a@b~1"},
        {"a%20b.damaged-20261122T134301Z", "a b.damaged-20261122T134301Z"},
        {"a%7E2~12", "a~2~12"},
        {"%2Fx.torn-20261122T134301Z~3", "/x.torn-20261122T134301Z~3"},
        {"a%2Edamaged-20261122T134301Z~1", "a.damaged-20261122T134301Z~1"},
        {"plain~1", "plain~1"}};
    char file_name[RS_FILE_NAME_SIZE];
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        expect_shown(both[i][0], both[i][1]);
        assert_true(rs_name_of_shown(both[i][1], file_name));
        bool two_meanings = i == 4; /* the file of the time is meant, which is told alike */
        assert_string_equal(file_name, two_meanings ? "a.damaged-20261122T134301Z~1" : both[i][0]);
    }
    expect_shown("a%40b", "a@b");
    expect_shown("a%40b.lock", "a%40b.lock");
    expect_shown(".a%40b.tmp-12", ".a%40b.tmp-12");
    expect_shown("%zz~1", "%zz~1");
    expect_shown("", "");
    static const char *const none[] = {"", "a@b", "~1", "a@b~", "a@b~0", "a@b~1x", "a@b.damaged-1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(rs_name_of_shown(none[i], file_name));
    char longest[102];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    char text[RS_FILE_NAME_SIZE];
    snprintf(text, sizeof text, "%s~1", longest);
    assert_false(rs_name_of_shown(text, file_name));
}

static void test_name__random_names_come_back(void **state) {
    (void)state;
    const char *given = getenv("RESUME_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("RESUME_SEED=%u\n", seed);
    srand(seed);
    static const char pieces[] = "ab.~%-_/0 \n\xc3\xb6";
    static const char *const endings[] = {".lock", ".torn-", ".damaged-", "~1", ".tmp-1"};
    for (int i = 0; i < 200000; i++) {
        char name[64] = "", encoded[RS_FILE_NAME_SIZE], decoded[RS_FILE_NAME_SIZE];
        size_t size = 1 + (size_t)rand() % 12;
        for (size_t k = 0; k < size; k++)
            name[k] = pieces[(size_t)rand() % (sizeof pieces - 1)];
        if (rand() % 2) strcat(name, endings[rand() % 5]);
        assert_int_equal(rs_name_encode(name, strlen(name), encoded, NULL), RESUME_OK);
        assert_int_equal(rs_name_role(encoded), RS_ROLE_CHECKPOINT);
        assert_true(rs_name_decode(encoded, decoded, sizeof decoded));
        assert_string_equal(decoded, name);
        assert_null(strpbrk(encoded, "/~ \n"));
        assert_true(encoded[0] != '.' && encoded[0] != '-');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name__plain_names_stand_for_themselves),
        cmocka_unit_test(test_name__all_else_is_encoded),
        cmocka_unit_test(test_name__endings_of_files_beside_are_encoded),
        cmocka_unit_test(test_name__bad_names_say_why),
        cmocka_unit_test(test_name__longest_is_100_encoded_bytes),
        cmocka_unit_test(test_name__other_forms_of_a_name_are_not_decoded),
        cmocka_unit_test(test_name__roles),
        cmocka_unit_test(test_name__temporary_files_are_known),
        cmocka_unit_test(test_name__files_are_told_by_decoded_names),
        cmocka_unit_test(test_name__random_names_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
