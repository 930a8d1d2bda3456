/* Tests of src/store/trusted.c: what somebody else has saved becomes trusted, and is not any more.
 */
#include "store/file_internal.h"

#include "alloc_fail.h"
#include "store/keys.h"
#include "store_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static rs_keys *use_key(store_place *place, const char *name) {
    char path[TEMP_PATH_SIZE];
    rs_keys_free(place->folder->keys);
    assert_int_equal(
        rs_folder_use_key(place->folder, temp_path(path, place->path, name), &place->error),
        RESUME_OK);
    rs_keys_make(place->folder->keys, NULL);
    assert_string_equal(place->folder->keys->problem, "");
    return place->folder->keys;
}

static rs_signature signature_of(store_place *place, size_t index) {
    rs_state *state;
    store_close(place);
    store_open_reader(place);
    assert_int_equal(rs_file_read(place->file, index, &state, &place->error), RESUME_OK);
    rs_signature signature = rs_state_signature(state);
    assert_int_equal(rs_state_is_mine(state),
                     signature == RS_SIGNED_MINE || signature == RS_SIGNED_TRUSTED);
    rs_state_free(state);
    return signature;
}

static rs_mac mac_of(store_place *place, size_t index) {
    rs_state *state;
    rs_mac mac;
    assert_int_equal(rs_file_read(place->file, index, &state, &place->error), RESUME_OK);
    assert_int_equal(rs_state_trust_mac(state, &mac, &place->error), RESUME_OK);
    rs_state_free(state);
    return mac;
}

/* Two generations of another user; our key is in use. */
static rs_keys *others(store_place *place) {
    use_key(place, "theirs/key");
    store_new(place);
    store_save(place, SAMPLE_MIXED, 1);
    store_save(place, SAMPLE_MIXED, 2);
    rs_keys *keys = use_key(place, "mine/key");
    assert_int_equal(signature_of(place, 0), RS_SIGNED_OTHER);
    return keys;
}

static void test_trusted__this_content_alone(void **state) {
    store_place *place = *state;
    rs_keys *keys = others(place);
    rs_mac mac = mac_of(place, 0);
    assert_int_equal(rs_trusted_add(keys, &mac, 1, "a note\nof two lines", &place->error),
                     RESUME_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(signature_of(place, 0), RS_SIGNED_TRUSTED);
        assert_int_equal(signature_of(place, 1), RS_SIGNED_OTHER);
        keys = use_key(place, "mine/key"); /* as the next process finds it */
        assert_int_equal(keys->trusted_count, 1);
    }
    size_t removed;
    rs_mac both[] = {mac, mac_of(place, 1)};
    assert_int_equal(rs_trusted_remove(keys, both, 2, &removed, &place->error), RESUME_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(signature_of(place, 0), RS_SIGNED_OTHER);
    assert_int_equal(rs_trusted_remove(keys, both, 2, &removed, &place->error), RESUME_OK);
    assert_int_equal(removed, 0);
}

static void test_trusted__once_each(void **state) {
    store_place *place = *state;
    rs_keys *keys = others(place);
    rs_mac macs[] = {mac_of(place, 0), mac_of(place, 1)};
    assert_int_equal(rs_trusted_add(keys, macs, 1, "", &place->error), RESUME_OK);
    assert_int_equal(rs_trusted_add(keys, macs, 2, "", &place->error), RESUME_OK);
    assert_int_equal(keys->trusted_count, 2);
    assert_int_equal(signature_of(place, 0), RS_SIGNED_TRUSTED);
    assert_int_equal(signature_of(place, 1), RS_SIGNED_TRUSTED);
}

/* What is trusted goes on as one's own: the next saves, and a copy in a new file. */
static void test_trusted__goes_on_as_mine(void **state) {
    store_place *place = *state;
    static const rs_keep all = {.last = 100};
    rs_keys *keys = others(place);
    rs_mac mac = mac_of(place, 0);
    assert_int_equal(rs_trusted_add(keys, &mac, 1, "", &place->error), RESUME_OK);
    store_close(place);
    store_open(place);
    assert_int_equal(rs_file_compact(place->file, &all, NULL, &place->error), RESUME_OK);
    assert_int_equal(signature_of(place, 0), RS_SIGNED_MINE);
    assert_int_equal(signature_of(place, 1), RS_SIGNED_NOT);
}

/* Whoever can write into the list, but has not the key, makes nothing trusted. */
static void test_trusted__by_the_holder_of_the_key_alone(void **state) {
    store_place *place = *state;
    others(place);
    rs_keys *theirs = use_key(place, "theirs/key");
    rs_mac mac = mac_of(place, 0);
    assert_int_equal(rs_trusted_add(theirs, &mac, 1, "", &place->error), RESUME_OK);
    char from[TEMP_PATH_SIZE], to[TEMP_PATH_SIZE];
    temp_path(from, place->path, "theirs/key.trusted");
    assert_int_equal(rename(from, temp_path(to, place->path, "mine/key.trusted")), 0);
    rs_keys *keys = use_key(place, "mine/key");
    assert_int_equal(keys->trusted_count, 1);
    assert_int_equal(signature_of(place, 0), RS_SIGNED_OTHER);
}

/* Trust is in what was read; the content of the file changed behind its MAC. */
static void test_trusted__a_changed_stream_is_not(void **state) {
    store_place *place = *state;
    rs_keys *keys = others(place);
    rs_state *saved;
    rs_mac mac = mac_of(place, 0);
    assert_int_equal(rs_trusted_add(keys, &mac, 1, "", &place->error), RESUME_OK);
    assert_int_equal(rs_file_read(place->file, 0, &saved, &place->error), RESUME_OK);
    saved->stream[0] ^= 1;
    rs_slice meta = {saved->meta_bytes.bytes, saved->meta_bytes.size};
    assert_int_equal(rs_state_judge(saved, meta, &place->error), RESUME_OK);
    assert_int_equal(saved->signature, RS_SIGNED_TRUSTED);
    rs_state_judge_stream(saved);
    assert_int_equal(saved->signature, RS_SIGNED_WRONG);
    assert_int_equal(rs_state_trust_mac(saved, &mac, &place->error), RESUME_UNTRUSTED);
    rs_state_free(saved);
}

static void test_trusted__lines_that_are_none(void **state) {
    store_place *place = *state;
    rs_keys *keys = others(place);
    rs_mac mac = mac_of(place, 0);
    assert_int_equal(rs_trusted_add(keys, &mac, 1, "note", &place->error), RESUME_OK);
    char path[TEMP_PATH_SIZE], text[4096], whole[8192];
    temp_path(path, place->path, "mine/key.trusted");
    assert_true(temp_read(path, text, sizeof text));
    snprintf(whole, sizeof whole, "\nnonsense\n%.60s\n%.64sx\nG%s%.64s", text, text, text, text);
    assert_true(temp_write(path, whole));
    keys = use_key(place, "mine/key");
    assert_int_equal(keys->trusted_count, 1); /* the last line, which has no end */
    assert_int_equal(signature_of(place, 0), RS_SIGNED_TRUSTED);
}

static void test_trusted__any_failure_leaves_the_old_list(void **state) {
    store_place *place = *state;
    rs_keys *keys = others(place);
    rs_mac first = mac_of(place, 0), second = mac_of(place, 1);
    assert_int_equal(rs_trusted_add(keys, &first, 1, "", &place->error), RESUME_OK);
    for (long nth = 1;; nth++) {
        fault_os_plan(&place->fault, (fault_plan){.nth = nth, .mode = FAULT_FAIL, .os_code = EIO});
        resume_status status = rs_trusted_add(keys, &second, 1, "", &place->error);
        bool struck = fault_os_struck(&place->fault);
        fault_os_plan(&place->fault, (fault_plan){0});
        keys = use_key(place, "mine/key");
        assert_true(rs_keys_trust(keys, &first));
        if (status == RESUME_OK) assert_true(rs_keys_trust(keys, &second));
        size_t removed;
        assert_int_equal(rs_trusted_remove(keys, &second, 1, &removed, &place->error), RESUME_OK);
        if (!struck) break;
    }
    for (long nth = 1;; nth++) {
        alloc_fail_at(nth, false);
        resume_status status = rs_trusted_add(keys, &second, 1, "", &place->error);
        bool struck = alloc_fail_count() >= nth;
        alloc_fail_at(0, false);
        if (status) assert_int_equal(status, RESUME_NO_MEMORY);
        keys = use_key(place, "mine/key");
        assert_true(rs_keys_trust(keys, &first));
        if (!struck) break;
    }
}

/* Each reads the list, and writes it with a line more. */
static void test_trusted__by_several_processes_at_once(void **state) {
    enum { PROCESSES = 4, ENTRIES = 25 };
    store_place *place = *state;
    rs_mac macs[PROCESSES * ENTRIES] = {0};
    rs_keys *keys = use_key(place, "mine/key");
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES * ENTRIES; i++)
        macs[i].bytes[0] = (uint8_t)(i + 1);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] > 0) continue;
        for (int j = 0; j < ENTRIES; j++)
            if (rs_trusted_add(keys, &macs[i * ENTRIES + j], 1, "", &place->error)) _exit(1);
        _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    keys = use_key(place, "mine/key");
    assert_int_equal(keys->trusted_count, PROCESSES * ENTRIES);
    for (int i = 0; i < PROCESSES * ENTRIES; i++)
        assert_true(rs_keys_trust(keys, &macs[i]));
}

/* Somebody holds the lock and does not go on. */
static void test_trusted__a_lock_that_stays(void **state) {
    store_place *place = *state;
    rs_mac mac = {{1}};
    rs_keys *keys = use_key(place, "mine/key");
    fault_os_plan(&place->fault, (fault_plan){.nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = EWOULDBLOCK,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_LOCK)});
    assert_int_equal(rs_trusted_add(keys, &mac, 1, "", &place->error), RESUME_LOCKED);
    assert_non_null(strstr(place->error.text, "another process"));
    fault_os_plan(&place->fault, (fault_plan){0});
    assert_int_equal(rs_trusted_add(keys, &mac, 1, "", &place->error), RESUME_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_trusted__this_content_alone),
        TEST(test_trusted__once_each),
        TEST(test_trusted__goes_on_as_mine),
        TEST(test_trusted__by_the_holder_of_the_key_alone),
        TEST(test_trusted__a_changed_stream_is_not),
        TEST(test_trusted__lines_that_are_none),
        TEST(test_trusted__any_failure_leaves_the_old_list),
        TEST(test_trusted__by_several_processes_at_once),
        TEST(test_trusted__a_lock_that_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
