/* A process that saves without a pause is killed by SIGKILL at random moments, and started again.
 * It tells through a pipe which saves have returned: the parent finds that one or the next, bit for
 * bit, and nothing is called damaged.
 *
 * RESUME_KILLS sets the number of kills. What this does not show: power cuts; the page cache
 * survives a kill. */
#include "sample.h"
#include "seeded.h"
#include "store/file_internal.h"
#include "store_place.h"
#include "testing.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLS 150u

/* In the child: versions from `first` on, for ever. Now and then the file is started over. */
static void save_for_ever(const char *path, sample_shape shape, uint64_t first, int acknowledge) {
    rs_folder *folder;
    rs_file *file;
    rs_recovery recovery;
    rs_error error;
    if (rs_folder_open(rs_os_linux(), path, true, &folder, &error)) _exit(2);
    resume_status status = rs_file_open(folder, CK, true, &file, &recovery, &error);
    if (status == RESUME_NOT_FOUND) status = rs_file_new(folder, CK, 1, RS_ASIDE_NO, &file, &error);
    if (status) _exit(3);
    file->slack = 1 << 19; /* compaction happens often */
    for (uint64_t version = first;; version++) {
        if (version % 37 == 0) rs_file_start_over(file);
        if (sample_commit(file, shape, version, NULL, &error)) _exit(4);
        if (write(acknowledge, &version, sizeof version) != sizeof version) _exit(5);
    }
}

/* The newest version whose save has returned. */
static uint64_t run_and_kill(store_place *place, sample_shape shape, uint64_t last,
                             useconds_t life_us) {
    int ends[2];
    uint64_t version;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        save_for_ever(place->path, shape, last + 1, ends[1]);
    }
    close(ends[1]);
    usleep(life_us);
    kill(child, SIGKILL);
    while (read(ends[0], &version, sizeof version) == sizeof version)
        last = version;
    close(ends[0]);
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    if (!WIFSIGNALED(result)) fail_msg("the child ended by itself: %d", WEXITSTATUS(result));
    return last;
}

static void check_newest(store_place *place, sample_shape shape, uint64_t *last) {
    rs_state *read;
    bool equal = false;
    resume_status status =
        rs_file_open(place->folder, CK, false, &place->file, &place->recovery, &place->error);
    if (status == RESUME_NOT_FOUND && *last == 0) return;
    if (status) fail_msg("status %d: %s", (int)status, place->error.text);
    if (place->recovery.health == RS_HEALTH_DAMAGED) fail_msg("%s", place->recovery.text);
    assert_int_equal(rs_file_read(place->file, 0, &read, &place->error), RESUME_OK);
    uint64_t found = rs_state_meta(read)->saves;
    assert_true(found == *last || found == *last + 1);
    assert_int_equal(sample_compare(read, shape, found, &equal, &place->error), RESUME_OK);
    assert_true(equal);
    rs_state_free(read);
    store_close(place);
    *last = found;
}

static void kill_often(store_place *place, sample_shape shape, uint64_t kills, seeded *random) {
    uint64_t last = 0, life_us = 20000;
    for (uint64_t i = 0; i < kills; i++) {
        uint64_t before = last;
        last = run_and_kill(place, shape, last, (useconds_t)seeded_below(random, life_us));
        check_newest(place, shape, &last);
        /* On a slow machine lives are longer, so that something is saved in most of them. */
        if (last == before && life_us < 1000000) life_us += life_us / 8;
    }
    assert_true(sample_count_files(place->path, CK ".torn-", NULL) <= 1);
    assert_int_equal(sample_count_files(place->path, CK ".damaged-", NULL), 0);
    print_message("%llu kills, %llu saves\n", (unsigned long long)kills, (unsigned long long)last);
    if (kills >= KILLS) assert_true(last > 0);
}

static void test_kill__small_states(void **state) {
    seeded random = seeded_start();
    kill_often(*state, SAMPLE_SMALL, sample_setting("RESUME_KILLS", KILLS), &random);
}

static void test_kill__states_with_arrays(void **state) {
    seeded random = seeded_start();
    kill_often(*state, SAMPLE_MIXED, sample_setting("RESUME_KILLS", KILLS), &random);
}

static void test_kill__ordered_commits(void **state) {
    seeded random = seeded_start();
    kill_often(*state, SAMPLE_LARGE, sample_setting("RESUME_KILLS", KILLS), &random);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_kill__small_states),
        TEST(test_kill__states_with_arrays),
        TEST(test_kill__ordered_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
