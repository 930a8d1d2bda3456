/* What somebody puts in the place of a checkpoint, its lock or its folder between the look and the
 * use, at every call in turn and by a racing thread: nothing outside the folder is ever touched,
 * every failure says what it met, and nothing hangs.
 *
 * RESUME_RACES sets the number of rounds of the race. What this does not show: a folder above that
 * others may replace (the library warns of those), and what root does to itself. */
#include "engine/checkpoint.h"
#include "fault_os.h"
#include "sample.h"
#include "store/run.h"
#include "temp_folder.h"
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STRANGER 1     /* a user that is neither we nor root */
#define ORDINARY 65534 /* "nobody" */
#define RACES    300u
#define VICTIM   "keep me"

typedef struct scene {
    char base[TEMP_PATH_SIZE], folder[TEMP_PATH_SIZE], text[TEMP_PATH_SIZE];
    fault_os fault;
    int descriptors;
    rs_error error;
} scene;

static char *at(scene *here, const char *name) {
    return temp_path(here->text, here->base, name);
}

/* --- the surroundings, which must stay as they are --- */

static const char *const victims[] = {"outside/victim", "outside/ck/main", "outside/ck/main.lock"};

static void make_scene(scene *here) {
    temp_folder_make(here->base);
    assert_int_equal(chmod(here->base, 0777), 0);
    assert_int_equal(mkdir(at(here, "outside"), 0777), 0);
    assert_int_equal(mkdir(at(here, "outside/ck"), 0777), 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(temp_write(at(here, victims[i]), VICTIM));
    /* prepared, to be renamed into a place: only root can make one that belongs to a stranger */
    assert_int_equal(symlink("../outside/victim", at(here, "link")), 0);
    assert_int_equal(symlink("outside/ck", at(here, "folder-link")), 0);
    bool is_root = geteuid() == 0;
    if (is_root) assert_int_equal(lchown(at(here, "folder-link"), STRANGER, STRANGER), 0);
    temp_path(here->folder, here->base, "ck");
}

static void check_outside(scene *here, const char *what, long nth) {
    char text[64];
    for (size_t i = 0; i < 3; i++) {
        struct stat found;
        if (lstat(at(here, victims[i]), &found) || !S_ISREG(found.st_mode) ||
            !temp_read(at(here, victims[i]), text, sizeof text) || strcmp(text, VICTIM) != 0)
            fail_msg("%s at call %ld: '%s' was touched", what, nth, victims[i]);
    }
    if (sample_count_files(at(here, "outside/ck"), "", NULL) != 2 ||
        sample_count_files(at(here, "outside"), "", NULL) != 2)
        fail_msg("%s at call %ld: something was made outside", what, nth);
}

/* --- what somebody does --- */

static void away(scene *here, const char *name, const char *to) {
    char from[TEMP_PATH_SIZE];
    rename(temp_path(from, here->base, name), at(here, to));
}

static void prepared(scene *here, const char *name, const char *to) {
    char from[TEMP_PATH_SIZE];
    rename(temp_path(from, here->base, name), at(here, to));
}

static void file_for_link(void *context) {
    away(context, "ck/main", "moved");
    prepared(context, "link", "ck/main");
}

static void lock_for_link(void *context) {
    away(context, "ck/main.lock", "moved");
    prepared(context, "link", "ck/main.lock");
}

static void file_for_hard_link(void *context) {
    char victim[TEMP_PATH_SIZE];
    scene *here = context;
    away(here, "ck/main", "moved");
    link(temp_path(victim, here->base, "outside/victim"), at(here, "ck/main"));
}

static void lock_for_hard_link(void *context) {
    char victim[TEMP_PATH_SIZE];
    scene *here = context;
    away(here, "ck/main.lock", "moved");
    link(temp_path(victim, here->base, "outside/victim"), at(here, "ck/main.lock"));
}

static void file_for_fifo(void *context) {
    away(context, "ck/main", "moved");
    mkfifo(at(context, "ck/main"), 0600);
}

static void file_for_folder(void *context) {
    away(context, "ck/main", "moved");
    mkdir(at(context, "ck/main"), 0700);
}

static void file_gone(void *context) {
    away(context, "ck/main", "moved");
}

static void lock_gone(void *context) {
    away(context, "ck/main.lock", "moved");
}

static void folder_gone(void *context) {
    away(context, "ck", "moved");
}

static void folder_for_folder(void *context) {
    away(context, "ck", "moved");
    mkdir(at(context, "ck"), 0700);
}

static void folder_for_file(void *context) {
    away(context, "ck", "moved");
    temp_write(at(context, "ck"), "a file");
}

static void folder_for_link(void *context) {
    away(context, "ck", "moved");
    prepared(context, "folder-link", "ck");
}

typedef struct swap {
    const char *name;
    void (*act)(void *context);
    bool needs_stranger; /* links that are our own are followed: they are our wish */
} swap;

static const swap swaps[] = {
    {"file becomes a link", file_for_link, false},
    {"lock becomes a link", lock_for_link, false},
    {"file becomes a hard link", file_for_hard_link, false},
    {"lock becomes a hard link", lock_for_hard_link, false},
    {"file becomes a FIFO", file_for_fifo, false},
    {"file becomes a folder", file_for_folder, false},
    {"file is removed", file_gone, false},
    {"lock is removed", lock_gone, false},
    {"folder is removed", folder_gone, false},
    {"folder is another one", folder_for_folder, false},
    {"folder becomes a file", folder_for_file, false},
    {"folder becomes a link", folder_for_link, true},
};

/* --- what the program does meanwhile --- */

static rs_checkpoint_options options_for(scene *here) {
    return (rs_checkpoint_options){.folder = here->folder,
                                   .name = "main",
                                   .name_size = 4,
                                   .rate_ns = RS_NEVER,
                                   .expire_ended_ns = RS_NEVER,
                                   .expire_cut_off_ns = RS_NEVER};
}

static resume_status open_it(scene *here, bool clean, rs_checkpoint **checkpoint) {
    rs_checkpoint_options options = options_for(here);
    options.clean = clean;
    return rs_checkpoint_open(&here->fault.os, &options, checkpoint, &here->error);
}

static resume_status save_it(scene *here, rs_checkpoint *checkpoint, sample_shape shape,
                             uint64_t version) {
    sample_data made;
    rs_commit_info info;
    sample_make(&made, shape, version);
    resume_status status =
        rs_checkpoint_save(checkpoint, made.blobs, made.blob_count, &info, &here->error);
    sample_free(&made);
    return status;
}

/* Opens, reads, saves behind the others, ends. With `clean` a new file, the old one set aside. */
static resume_status whole_run(scene *here, bool clean) {
    rs_checkpoint *checkpoint = NULL;
    resume_status status = open_it(here, clean, &checkpoint);
    if (status == RESUME_OK) status = save_it(here, checkpoint, SAMPLE_SMALL, 2);
    if (status == RESUME_OK) status = save_it(here, checkpoint, SAMPLE_LARGE, 3);
    if (status == RESUME_OK) status = rs_checkpoint_end(checkpoint, NULL, &here->error);
    rs_checkpoint_close(checkpoint);
    return status;
}

static resume_status going_on(scene *here) {
    return whole_run(here, false);
}

static resume_status starting_over(scene *here) {
    return whole_run(here, true);
}

static resume_status reading(scene *here) {
    rs_folder *folder = NULL;
    rs_file *file = NULL;
    rs_state *state = NULL;
    rs_recovery recovery;
    resume_status status =
        rs_folder_open(&here->fault.os, here->folder, false, &folder, &here->error);
    if (status == RESUME_OK)
        status = rs_file_open(folder, "main", false, &file, &recovery, &here->error);
    if (status == RESUME_OK) status = rs_file_read(file, 0, &state, &here->error);
    rs_state_free(state);
    rs_file_close(file);
    rs_folder_close(folder);
    return status;
}

/* The mark of a run of a program, as a process leaves it and another one takes it over. */
static resume_status marking(scene *here) {
    rs_run *run = NULL;
    char id[RS_RUN_ID_SIZE];
    resume_status status = rs_run_begin(&here->fault.os, here->folder, &run, &here->error);
    if (status) return status;
    snprintf(id, sizeof id, "%s", run->id);
    rs_run_free(run);
    check_outside(here, "marking a run", here->fault.plan.nth); /* before it is removed again */
    status = rs_run_adopt(&here->fault.os, here->folder, id, &run, &here->error);
    if (status) return status;
    rs_run_finish(run);
    rs_run_free(run);
    return RESUME_OK;
}

typedef struct operation {
    const char *name;
    resume_status (*run)(scene *here);
} operation;

static const operation operations[] = {
    {"going on", going_on},
    {"starting over", starting_over},
    {"reading", reading},
    {"marking a run", marking},
};

/* --- each at each call --- */

static bool is_expected(resume_status status) {
    return status == RESUME_OK || status == RESUME_UNSAFE_PATH || status == RESUME_NOT_FOUND ||
           status == RESUME_DENIED || status == RESUME_EXISTS ||
           status == RESUME_NOT_A_CHECKPOINT || status == RESUME_LOCKED;
}

/* False when the operation made fewer than `nth` calls. */
static bool swap_at(const swap *swapped, const operation *doing, long nth, unsigned *refused) {
    scene here = {0};
    char what[128];
    snprintf(what, sizeof what, "%s, while %s", swapped->name, doing->name);
    make_scene(&here);
    fault_os_init(&here.fault, rs_os_linux());
    rs_checkpoint *first = NULL;
    assert_int_equal(open_it(&here, false, &first), RESUME_OK);
    assert_int_equal(save_it(&here, first, SAMPLE_SMALL, 1), RESUME_OK);
    rs_checkpoint_close(first);

    here.descriptors = temp_descriptors();
    fault_os_plan(
        &here.fault,
        (fault_plan){.nth = nth, .mode = FAULT_ACT, .act = swapped->act, .context = &here});
    resume_status status = doing->run(&here);
    bool struck = fault_os_struck(&here.fault);
    fault_os_plan(&here.fault, (fault_plan){0});
    if (!is_expected(status))
        fail_msg("%s at call %ld: status %d: %s", what, nth, (int)status, here.error.text);
    if (status && !strstr(here.error.text, here.base) && !strstr(here.error.text, "'main"))
        fail_msg("%s at call %ld: the text names nothing: %s", what, nth, here.error.text);
    *refused += status != RESUME_OK;
    check_outside(&here, what, nth);
    assert_int_equal(temp_descriptors(), here.descriptors);
    temp_folder_remove(here.base);
    return struck;
}

static void swap_everywhere(bool with_stranger) {
    unsigned tried = 0, refused = 0;
    for (size_t i = 0; i < sizeof swaps / sizeof *swaps; i++) {
        if (swaps[i].needs_stranger && !with_stranger) continue;
        for (size_t j = 0; j < sizeof operations / sizeof *operations; j++)
            for (long nth = 1; swap_at(&swaps[i], &operations[j], nth, &refused); nth++)
                tried++;
    }
    print_message("%u swaps, %u of them refused\n", tried, refused);
    assert_true(tried > 500 && refused > 50);
}

static void test_swaps__at_every_call(void **state) {
    (void)state;
    swap_everywhere(geteuid() == 0);
}

static void become_ordinary(void) {
    if (setgroups(0, NULL) || setegid(ORDINARY) || seteuid(ORDINARY)) _exit(77);
}

/* Root passes over modes; an ordinary user does not. */
static void test_swaps__at_every_call_as_an_ordinary_user(void **state) {
    (void)state;
    if (geteuid() != 0) skip(); /* was done above */
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        become_ordinary();
        swap_everywhere(false);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

/* --- a race --- */

static atomic_bool race_is_over;

/* Puts links and files in turn where checkpoint and lock should be. */
static void *swap_for_ever(void *context) {
    scene *here = context;
    char link_path[TEMP_PATH_SIZE], to[TEMP_PATH_SIZE], victim[TEMP_PATH_SIZE];
    temp_path(link_path, here->base, "race-link");
    temp_path(victim, here->base, "outside/victim");
    for (unsigned i = 0; !atomic_load(&race_is_over); i++) {
        temp_path(to, here->base, i % 2 ? "ck/main" : "ck/main.lock");
        symlink(victim, link_path);
        rename(link_path, to);
        usleep(i % 7 * 50);
        unlink(to);
        usleep(i % 5 * 500);
    }
    return NULL;
}

static void test_swaps__a_race(void **state) {
    (void)state;
    scene here = {0};
    pthread_t thread;
    unsigned worked = 0, refused = 0;
    uint64_t rounds = sample_setting("RESUME_RACES", RACES);
    make_scene(&here);
    fault_os_init(&here.fault, rs_os_linux());
    atomic_store(&race_is_over, false);
    assert_int_equal(pthread_create(&thread, NULL, swap_for_ever, &here), 0);
    for (uint64_t i = 0; i < rounds; i++) {
        resume_status status = whole_run(&here, i % 4 == 0);
        worked += status == RESUME_OK;
        refused += status == RESUME_UNSAFE_PATH;
        fault_os_plan(&here.fault, (fault_plan){0});
    }
    atomic_store(&race_is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    check_outside(&here, "a race", 0);
    print_message("%llu runs, %u worked, %u met a link\n", (unsigned long long)rounds, worked,
                  refused);
    assert_true(worked > 0 && refused > 0);
    temp_folder_remove(here.base);
}

static int use_memory(void **state) {
    (void)state;
    sample_use_memory();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_swaps__at_every_call),
        cmocka_unit_test(test_swaps__at_every_call_as_an_ordinary_user),
        cmocka_unit_test(test_swaps__a_race),
    };
    return cmocka_run_group_tests(tests, use_memory, NULL);
}
