/* Saves in the background: what they hold, when they are told, what waits for them, forks. */
#include "alloc_fail.h"
#include "engine/checkpoint.h"
#include "temp_folder.h"
#include "testing.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct later_place {
    rs_os os; /* the real one, whose writes wait for the gate and may fail */
    char path[TEMP_PATH_SIZE];
    rs_checkpoint *checkpoint;
    rs_outcome outcome;
    rs_error error;
} later_place;

static atomic_int gate, failure; /* of all writes of this test */

static atomic_ullong memory_left;

static uint64_t given_memory_left(const rs_os *os) {
    (void)os;
    return atomic_load(&memory_left);
}

/* What rs_checkpoint_outcome tells when nothing is under way any more. */
static bool outcome(later_place *place) {
    rs_checkpoint_wait(place->checkpoint);
    return rs_checkpoint_outcome(place->checkpoint, &place->outcome);
}

static int64_t gated_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                           uint64_t offset) {
    (void)os;
    while (!atomic_load(&gate))
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    if (atomic_load(&failure)) return -atomic_load(&failure);
    return rs_os_linux()->write(rs_os_linux(), fd, parts, count, offset);
}

static uint64_t rate_ns = RS_NEVER;

static void open_it(later_place *place) {
    rs_checkpoint_options options = {.folder = place->path,
                                     .name = "ck",
                                     .name_size = 2,
                                     .rate_ns = rate_ns,
                                     .expire_ended_ns = RS_NEVER,
                                     .expire_cut_off_ns = RS_NEVER};
    resume_status status =
        rs_checkpoint_open(&place->os, &options, &place->checkpoint, &place->error);
    if (status) fail_msg("status %d: %s", (int)status, place->error.text);
}

static void close_it(later_place *place) {
    rs_checkpoint_close(place->checkpoint);
    place->checkpoint = NULL;
}

static int set_up(void **state) {
    later_place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    temp_folder_make(place->path);
    place->os = *rs_os_linux();
    place->os.write = gated_write;
    place->os.memory_left = given_memory_left;
    atomic_store(&memory_left, UINT64_MAX);
    rate_ns = RS_NEVER;
    atomic_store(&gate, 1);
    atomic_store(&failure, 0);
    open_it(place);
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    later_place *place = *state;
    rs_checkpoint_close(place->checkpoint);
    temp_folder_remove(place->path);
    free(place);
    return 0;
}

static void later(later_place *place, const void *bytes, size_t size) {
    rs_blob blob = {bytes, size, 1};
    resume_status status = rs_checkpoint_save_later(place->checkpoint, &blob, 1, &place->error);
    if (status) fail_msg("status %d: %s", (int)status, place->error.text);
}

static void expect(later_place *place, const char *text, uint64_t generation) {
    close_it(place);
    open_it(place);
    rs_state *state = rs_checkpoint_state(place->checkpoint);
    assert_non_null(state);
    rs_slice stream = rs_state_stream(state);
    assert_int_equal(stream.size, strlen(text));
    assert_memory_equal(stream.bytes, text, stream.size);
    assert_int_equal(rs_checkpoint_look(place->checkpoint)->generation, generation);
}

static void test_later__holds_what_there_was_at_the_call(void **state) {
    later_place *place = *state;
    char text[] = "one";
    atomic_store(&gate, 0);
    later(place, text, 3);
    memcpy(text, "XXX", 3); /* the program goes on before anything is written */
    assert_false(rs_checkpoint_outcome(place->checkpoint, &place->outcome));
    atomic_store(&gate, 1);
    assert_true(outcome(place));
    assert_int_equal(place->outcome.status, RESUME_OK);
    assert_int_equal(place->outcome.info.generation, 1);
    assert_true(place->outcome.pause_ns <= place->outcome.durable_ns);
    assert_false(outcome(place)); /* once */
    assert_true(rs_checkpoint_saved_ns(place->checkpoint) > 0);
    expect(place, "one", 1);
}

/* A value that is changed in a loop, right after each call has returned. */
static void test_later__never_has_a_later_value(void **state) {
    later_place *place = *state;
    static uint64_t numbers[50000];
    size_t count = sizeof numbers / sizeof *numbers;
    for (uint64_t round = 1; round <= 30; round++) {
        for (size_t i = 0; i < count; i++)
            numbers[i] = round;
        later(place, numbers, sizeof numbers);
        memset(numbers, 0xEE, sizeof numbers);
        rs_state *saved;
        assert_int_equal(rs_checkpoint_load(place->checkpoint, &saved, &place->error), RESUME_OK);
        rs_slice stream = rs_state_stream(saved);
        assert_int_equal(stream.size, sizeof numbers);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(((const uint64_t *)(const void *)stream.bytes)[i], round);
    }
}

static void test_later__closing_and_saving_wait(void **state) {
    later_place *place = *state;
    rs_commit_info info;
    rs_blob blob = {"two", 3, 1};
    later(place, "one", 3);
    assert_int_equal(rs_checkpoint_save(place->checkpoint, &blob, 1, &info, &place->error),
                     RESUME_OK);
    assert_int_equal(info.generation, 2);
    later(place, "three", 5);
    later(place, "four", 4);
    expect(place, "four", 4);
    later(place, "five", 4);
    assert_int_equal(rs_checkpoint_end(place->checkpoint, NULL, &place->error), RESUME_OK);
    expect(place, "five", 6);
    assert_int_equal(rs_checkpoint_look(place->checkpoint)->found, RS_FOUND_ENDED);
}

static void test_later__a_failure_is_told_at_the_next_call(void **state) {
    later_place *place = *state;
    later(place, "one", 3);
    assert_true(outcome(place));
    atomic_store(&failure, ENOSPC);
    later(place, "two", 3);
    while (!atomic_load(rs_checkpoint_due(place->checkpoint)))
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    assert_true(outcome(place));
    assert_int_equal(place->outcome.status, RESUME_NO_SPACE);
    assert_non_null(strstr(place->outcome.error.text, "ck"));
    atomic_store(&failure, 0);
    expect(place, "one", 1);
    later(place, "three", 5);
    expect(place, "three", 2);
}

static void test_later__forked_in_the_middle(void **state) {
    later_place *place = *state;
    later(place, "one", 3);
    assert_true(outcome(place));
    atomic_store(&gate, 0);
    later(place, "two", 3);
    pid_t child = fork();
    if (child == 0) {
        rs_blob blob = {"child", 5, 1};
        bool good = !outcome(place);
        good = good && rs_checkpoint_save_later(place->checkpoint, &blob, 1, &place->error) ==
                           RESUME_FORKED;
        rs_checkpoint_close(place->checkpoint);
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    atomic_store(&gate, 1);
    expect(place, "two", 2);
}

/* No memory for the copy, or for the writer: it is saved at once. */
static void test_later__without_memory_for_a_copy(void **state) {
    later_place *place = *state;
    static char large[300000];
    rs_blob blob = {large, sizeof large, 1};
    uint64_t saved = 0, refused = 0;
    for (long nth = 1; nth <= 40; nth++) {
        alloc_fail_at(nth, false);
        large[nth] = 1;
        resume_status status = rs_checkpoint_save_later(place->checkpoint, &blob, 1, &place->error);
        if (status == RESUME_OK) rs_checkpoint_wait(place->checkpoint);
        alloc_fail_at(0, false);
        if (status == RESUME_OK)
            assert_true(outcome(place));
        else
            assert_int_equal(status, RESUME_NO_MEMORY);
        saved += status == RESUME_OK && place->outcome.status == RESUME_OK;
        refused += status != RESUME_OK || place->outcome.status != RESUME_OK;
    }
    assert_true(saved > 0 && refused > 0);
    later(place, "good", 4);
    assert_true(outcome(place));
    assert_int_equal(place->outcome.status, RESUME_OK);
    assert_int_equal(place->outcome.info.generation, saved + 1);
}

/* More than may be copied is durable when the call returns, and told as any other. */
static void test_later__more_than_may_be_copied_is_saved_at_once(void **state) {
    later_place *place = *state;
    const struct {
        uint64_t left;
        bool at_once;
    } cases[] = {{UINT64_MAX, false}, {4 << 20, true}, {64 << 20, false}, {0, true}};
    size_t size = (size_t)3 << 20;
    char *large = malloc(size);
    assert_non_null(large);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atomic_store(&memory_left, cases[i].left);
        for (size_t at = 0; at < size; at++)
            large[at] = (char)(at * 7919 >> 8 ^ i);
        rs_blob blobs[2] = {{"one", 3, 1}, {large, size, 1}};
        if (!cases[i].at_once) atomic_store(&gate, 0);
        assert_int_equal(rs_checkpoint_save_later(place->checkpoint, blobs, 2, &place->error),
                         RESUME_OK);
        bool told = rs_checkpoint_outcome(place->checkpoint, &place->outcome);
        assert_int_equal(told, cases[i].at_once);
        if (told) assert_int_equal(place->outcome.pause_ns, place->outcome.durable_ns);
        atomic_store(&gate, 1);
        if (!told) assert_true(outcome(place));
        assert_int_equal(place->outcome.info.generation, i + 1);
    }
    free(large);
}

/* A failure of what is made at once is told by the call itself, and no second time. */
static void test_later__a_failure_at_once_is_returned(void **state) {
    later_place *place = *state;
    static char large[2 << 20];
    for (size_t at = 0; at < sizeof large; at++)
        large[at] = (char)(at * 7919 >> 8);
    rs_blob blobs[2] = {{"one", 3, 1}, {large, sizeof large, 1}};
    atomic_store(&memory_left, 0);
    atomic_store(&failure, ENOSPC);
    assert_int_equal(rs_checkpoint_save_later(place->checkpoint, blobs, 2, &place->error),
                     RESUME_NO_SPACE);
    assert_non_null(strstr(place->error.text, "ck"));
    assert_false(outcome(place));
    atomic_store(&failure, 0);
    assert_int_equal(rs_checkpoint_save_later(place->checkpoint, blobs, 2, &place->error),
                     RESUME_OK);
    assert_true(outcome(place));
    assert_int_equal(place->outcome.info.generation, 1);
}

/* Not due while one is under way; the flag tells its end, and then counts from the save on. */
static void test_later__the_flag_is_down_until_it_is_durable(void **state) {
    later_place *place = *state;
    close_it(place);
    rate_ns = UINT64_C(3600) * 1000000000;
    open_it(place);
    atomic_int *due = rs_checkpoint_due(place->checkpoint);
    atomic_store(due, 1);
    atomic_store(&gate, 0);
    later(place, "one", 3);
    assert_int_equal(atomic_load(due), 0);
    atomic_store(&gate, 1);
    rs_checkpoint_wait(place->checkpoint);
    assert_int_equal(atomic_load(due), 1);
    rs_checkpoint_set_rate(place->checkpoint, rate_ns); /* does not hide it */
    assert_int_equal(atomic_load(due), 1);
    assert_true(outcome(place));
    assert_int_equal(atomic_load(due), 0);
    rs_checkpoint_set_rate(place->checkpoint, 0);
    later(place, "two", 3);
    assert_int_equal(atomic_load(due), 1);
}

/* The functions that look at the file or write it wait by themselves. */
static void test_later__what_looks_at_the_file_waits(void **state) {
    later_place *place = *state;
    rs_state *loaded;
    later(place, "one", 3);
    rs_checkpoint_refuse(place->checkpoint, "a reason");
    assert_true(rs_checkpoint_saved_ns(place->checkpoint) > 0);
    later(place, "two", 3);
    assert_int_equal(rs_checkpoint_fall_back(place->checkpoint, &place->error), RESUME_OK);
    assert_int_equal(rs_checkpoint_look(place->checkpoint)->generation, 1);
    later(place, "three", 5);
    assert_int_equal(rs_checkpoint_load(place->checkpoint, &loaded, &place->error), RESUME_OK);
    assert_memory_equal(rs_state_stream(loaded).bytes, "three", 5);
    later(place, "four", 4);
    rs_checkpoint_start_over(place->checkpoint);
    assert_int_equal(rs_checkpoint_load(place->checkpoint, &loaded, &place->error), RESUME_OK);
    assert_null(loaded);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_later__holds_what_there_was_at_the_call),
        TEST(test_later__never_has_a_later_value),
        TEST(test_later__closing_and_saving_wait),
        TEST(test_later__a_failure_is_told_at_the_next_call),
        TEST(test_later__forked_in_the_middle),
        TEST(test_later__without_memory_for_a_copy),
        TEST(test_later__more_than_may_be_copied_is_saved_at_once),
        TEST(test_later__a_failure_at_once_is_returned),
        TEST(test_later__the_flag_is_down_until_it_is_durable),
        TEST(test_later__what_looks_at_the_file_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
