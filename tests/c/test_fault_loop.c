/* The n-th system call, and the n-th allocation, of every operation of a checkpoint file fails: for
 * every n, once and for ever, in every way. Afterwards what was saved before (or the newer save) is
 * there bit for bit, nothing is leaked, and the next save works.
 *
 * What this does not show: what a power cut leaves (test_torn.c), since all writes are seen. */
#include "alloc_fail.h"
#include "fault_os.h"
#include "sample.h"
#include "store/file_internal.h"
#include "store/folder.h"
#include "temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME         "ck"
#define OLD_VERSION  3u
#define NEW_VERSION  4u
#define NEXT_VERSION 9u

typedef enum base { BASE_NOTHING, BASE_GOOD, BASE_TORN, BASE_DAMAGED } base;

typedef struct fault_trial {
    fault_os fault;
    rs_os without_links; /* the real one, but link is refused */
    char path[TEMP_PATH_SIZE];
    rs_folder *folder;
    rs_file *file;
    rs_error error;
} fault_trial;

typedef struct fault_scenario {
    const char *name;
    sample_shape shape;
    base base;
    bool without_links;
    bool opens_before; /* a handle for writing, before anything fails */
    resume_status (*prepare)(fault_trial *trial, sample_shape shape);
    resume_status (*act)(fault_trial *trial, sample_shape shape);
} fault_scenario;

/* --- what is tried --- */

static resume_status act_first(fault_trial *trial, sample_shape shape) {
    resume_status status =
        rs_file_new(trial->folder, NAME, 1, RS_ASIDE_NO, &trial->file, &trial->error);
    return status ? status : sample_commit(trial->file, shape, NEW_VERSION, NULL, &trial->error);
}

static resume_status act_commit(fault_trial *trial, sample_shape shape) {
    return sample_commit(trial->file, shape, NEW_VERSION, NULL, &trial->error);
}

static resume_status act_open(fault_trial *trial, sample_shape shape) {
    (void)shape;
    rs_recovery recovery;
    return rs_file_open(trial->folder, NAME, true, &trial->file, &recovery, &trial->error);
}

static resume_status act_read(fault_trial *trial, sample_shape shape) {
    rs_recovery recovery;
    rs_file *file;
    rs_state *state = NULL;
    bool equal = true;
    resume_status status =
        rs_file_open(trial->folder, NAME, false, &file, &recovery, &trial->error);
    if (status) return status;
    status = rs_file_read(file, 0, &state, &trial->error);
    if (status == RESUME_OK)
        status = sample_compare(state, shape, OLD_VERSION, &equal, &trial->error);
    /* Reading fell back to an older generation: only if the file says so. */
    if (status == RESUME_OK && !equal) assert_int_equal(recovery.health, RS_HEALTH_DAMAGED);
    rs_state_free(state);
    rs_file_close(file);
    return status;
}

static resume_status act_open_and_commit(fault_trial *trial, sample_shape shape) {
    resume_status status = act_open(trial, shape);
    return status ? status : act_commit(trial, shape);
}

static resume_status act_compact(fault_trial *trial, sample_shape shape) {
    (void)shape;
    return rs_file_compact(trial->file, &(rs_keep){.last = 2}, NULL, &trial->error);
}

/* Hours of one save each: the newest alone stays. */
static resume_status act_prune(fault_trial *trial, sample_shape shape) {
    (void)shape;
    rs_keep keep = {.hourly = 1};
    return rs_file_compact(trial->file, &keep, NULL, &trial->error);
}

/* To the generation before: what is the newest afterwards is one of the two. */
static resume_status act_rollback(fault_trial *trial, sample_shape shape) {
    (void)shape;
    rs_commit_info info;
    return rs_file_rollback(trial->file, 1, &info, &trial->error);
}

static resume_status act_mark(fault_trial *trial, sample_shape shape) {
    (void)shape;
    rs_meta meta = {.saves = OLD_VERSION, .ended = true};
    rs_commit_options options = {0};
    rs_commit_info info;
    return rs_file_commit_mark(trial->file, &meta, &options, &info, &trial->error);
}

static resume_status act_choose(fault_trial *trial, sample_shape shape) {
    (void)shape;
    rs_keep keep = {.last = 1, .hourly = 2, .daily = 3};
    rs_keep_item items[OLD_VERSION];
    uint64_t size;
    resume_status status = rs_file_list_all(trial->file, &trial->error);
    if (status) return status;
    assert_int_equal(rs_file_generation_count(trial->file), OLD_VERSION);
    return rs_file_choose(trial->file, &keep, true, items, &size, &trial->error);
}

/* The next commit finds the file larger than it should be. */
static resume_status prepare_growth(fault_trial *trial, sample_shape shape) {
    for (uint64_t version = 20; version < 40; version++)
        assert_int_equal(sample_commit(trial->file, shape, version, NULL, &trial->error),
                         RESUME_OK);
    trial->file->slack = 0;
    /* Without compaction: that is left to what is tried. */
    trial->file->compact_check_size = UINT64_MAX;
    resume_status status = sample_commit(trial->file, shape, OLD_VERSION, NULL, &trial->error);
    trial->file->compact_check_size = 0;
    return status;
}

static resume_status act_commit_compacting(fault_trial *trial, sample_shape shape) {
    rs_commit_info info;
    resume_status status = sample_commit(trial->file, shape, NEW_VERSION, &info, &trial->error);
    if (status == RESUME_OK && !fault_os_struck(&trial->fault) && alloc_fail_count() == 0)
        assert_true(info.compacted);
    if (status == RESUME_OK && !info.compacted) assert_true(strlen(info.note) > 10);
    return status;
}

static resume_status prepare_start_over(fault_trial *trial, sample_shape shape) {
    (void)shape;
    rs_file_start_over(trial->file);
    return RESUME_OK;
}

static resume_status prepare_poison(fault_trial *trial, sample_shape shape) {
    fault_os_plan(&trial->fault, (fault_plan){.nth = 1,
                                              .mode = FAULT_FAIL,
                                              .os_code = EIO,
                                              .for_ever = true,
                                              .calls = FAULT_BIT(FAULT_SYNC_DATA)});
    assert_int_equal(sample_commit(trial->file, shape, OLD_VERSION, NULL, &trial->error),
                     RESUME_IO);
    return RESUME_OK;
}

static const fault_scenario scenarios[] = {
    {"first save", SAMPLE_SMALL, BASE_NOTHING, false, false, NULL, act_first},
    {"first large save", SAMPLE_LARGE, BASE_NOTHING, false, false, NULL, act_first},
    {"later save", SAMPLE_SMALL, BASE_GOOD, false, true, NULL, act_commit},
    {"later save with arrays", SAMPLE_MIXED, BASE_GOOD, false, true, NULL, act_commit},
    {"large ordered save", SAMPLE_LARGE, BASE_GOOD, false, true, NULL, act_commit},
    {"open for writing", SAMPLE_MIXED, BASE_GOOD, false, false, NULL, act_open},
    {"open and read", SAMPLE_LARGE, BASE_GOOD, false, false, NULL, act_read},
    {"open a torn file", SAMPLE_MIXED, BASE_TORN, false, false, NULL, act_open_and_commit},
    {"open a damaged file", SAMPLE_MIXED, BASE_DAMAGED, false, false, NULL, act_open_and_commit},
    {"compaction", SAMPLE_LARGE, BASE_GOOD, false, true, NULL, act_compact},
    {"pruning by hours", SAMPLE_MIXED, BASE_GOOD, false, true, NULL, act_prune},
    {"going back", SAMPLE_MIXED, BASE_GOOD, false, true, NULL, act_rollback},
    {"going back in a poisoned file", SAMPLE_SMALL, BASE_GOOD, false, true, prepare_poison,
     act_rollback},
    {"save that compacts", SAMPLE_SMALL, BASE_GOOD, false, true, prepare_growth,
     act_commit_compacting},
    {"choosing what to prune", SAMPLE_SMALL, BASE_GOOD, false, true, NULL, act_choose},
    {"set aside", SAMPLE_SMALL, BASE_GOOD, false, true, prepare_start_over, act_commit},
    {"set aside without links", SAMPLE_SMALL, BASE_GOOD, true, true, prepare_start_over,
     act_commit},
    {"call ended", SAMPLE_SMALL, BASE_GOOD, false, true, NULL, act_mark},
    {"call ended in a poisoned file", SAMPLE_SMALL, BASE_GOOD, false, true, prepare_poison,
     act_mark},
    {"save in a poisoned file", SAMPLE_MIXED, BASE_GOOD, false, true, prepare_poison, act_commit},
};

/* --- files to begin with, made once for each shape --- */

static struct {
    uint8_t *bytes;
    size_t size, newest; /* offset of the newest segment */
} images[3];

static int refuse_link(const rs_os *os, int folder, const char *from, const char *to) {
    (void)os, (void)folder, (void)from, (void)to;
    return -EPERM;
}

static void make_image(sample_shape shape) {
    char folder_path[TEMP_PATH_SIZE], path[TEMP_PATH_SIZE];
    rs_folder *folder;
    rs_file *file;
    rs_error error;
    temp_folder_make(folder_path);
    assert_int_equal(rs_folder_open(rs_os_linux(), folder_path, true, &folder, &error), RESUME_OK);
    assert_int_equal(rs_file_new(folder, NAME, 1, RS_ASIDE_NO, &file, &error), RESUME_OK);
    for (uint64_t version = 1; version <= OLD_VERSION; version++)
        assert_int_equal(sample_commit(file, shape, version, NULL, &error), RESUME_OK);
    images[shape].newest = (size_t)rs_file_generation(file, 0)->segment_offset;
    rs_file_close(file);
    rs_folder_close(folder);
    images[shape].bytes = sample_read_file(temp_path(path, folder_path, NAME), &images[shape].size);
    temp_folder_remove(folder_path);
}

static void lay_base(const fault_trial *trial, const fault_scenario *scenario) {
    if (scenario->base == BASE_NOTHING) return;
    char path[TEMP_PATH_SIZE];
    size_t size = images[scenario->shape].size, newest = images[scenario->shape].newest;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memcpy(bytes, images[scenario->shape].bytes, size);
    /* Torn: half a copy of the newest segment behind it. Damaged: a byte of the first one. */
    if (scenario->base == BASE_DAMAGED) bytes[RS_SEGMENTS_START + 100] ^= 1;
    sample_write_file(temp_path(path, trial->path, NAME), bytes, size);
    if (scenario->base == BASE_TORN) {
        FILE *stream = fopen(path, "ab");
        fwrite(bytes + newest, 1, (size - newest) / 2, stream);
        fclose(stream);
    }
    free(bytes);
}

/* --- one trial --- */

static void begin_trial(fault_trial *trial, const fault_scenario *scenario) {
    memset(trial, 0, sizeof *trial);
    trial->without_links = *rs_os_linux();
    trial->without_links.link = refuse_link;
    fault_os_init(&trial->fault, scenario->without_links ? &trial->without_links : rs_os_linux());
    temp_folder_make(trial->path);
    lay_base(trial, scenario);
    assert_int_equal(
        rs_folder_open(&trial->fault.os, trial->path, true, &trial->folder, &trial->error),
        RESUME_OK);
    if (scenario->opens_before) assert_int_equal(act_open(trial, scenario->shape), RESUME_OK);
    if (scenario->prepare) assert_int_equal(scenario->prepare(trial, scenario->shape), RESUME_OK);
}

/* The newest generation is one of these versions, bit for bit; 0 when there is no checkpoint. */
static uint64_t look(const fault_trial *trial, sample_shape shape, rs_recovery *recovery) {
    rs_folder *folder;
    rs_file *file;
    rs_state *state;
    rs_error error = {0};
    static const uint64_t candidates[] = {OLD_VERSION - 1, OLD_VERSION, NEW_VERSION, NEXT_VERSION};
    uint64_t found = 0;
    assert_int_equal(rs_folder_open(rs_os_linux(), trial->path, false, &folder, &error), RESUME_OK);
    resume_status status = rs_file_open(folder, NAME, false, &file, recovery, &error);
    if (status == RESUME_NOT_FOUND) {
        rs_folder_close(folder);
        return 0;
    }
    if (status) fail_msg("the file can't be opened any more: %s", error.text);
    assert_int_equal(rs_file_read(file, 0, &state, &error), RESUME_OK);
    for (size_t i = 0; i < 4 && found == 0; i++) {
        bool equal;
        assert_int_equal(sample_compare(state, shape, candidates[i], &equal, &error), RESUME_OK);
        if (equal) found = candidates[i];
    }
    if (found == 0) fail_msg("the newest generation is a mixture");
    rs_state_free(state);
    rs_file_close(file);
    rs_folder_close(folder);
    return found;
}

static void check_next_save(fault_trial *trial, const fault_scenario *scenario) {
    rs_recovery recovery;
    if (!trial->file) {
        resume_status status =
            rs_file_open(trial->folder, NAME, true, &trial->file, &recovery, &trial->error);
        if (status == RESUME_NOT_FOUND && scenario->base == BASE_NOTHING)
            status = rs_file_new(trial->folder, NAME, 1, RS_ASIDE_NO, &trial->file, &trial->error);
        if (status) fail_msg("the next opening fails: %s", trial->error.text);
    }
    resume_status status =
        sample_commit(trial->file, scenario->shape, NEXT_VERSION, NULL, &trial->error);
    if (status) fail_msg("the next save fails: %s", trial->error.text);
    assert_int_equal(look(trial, scenario->shape, &recovery), NEXT_VERSION);
    assert_int_equal(recovery.health, RS_HEALTH_GOOD);
}

static void end_trial(fault_trial *trial) {
    rs_recovery recovery;
    rs_file_close(trial->file);
    /* What a failure left beside the file goes at the next opening. */
    resume_status status =
        rs_file_open(trial->folder, NAME, true, &trial->file, &recovery, &trial->error);
    assert_int_equal(status, RESUME_OK);
    assert_int_equal(sample_count_files(trial->path, ".ck.tmp-", NULL), 0);
    rs_file_close(trial->file);
    rs_folder_close(trial->folder);
    if (fault_os_open_count(&trial->fault) != 0) {
        fault_os_print(&trial->fault);
        fail_msg("descriptors are leaked");
    }
    temp_folder_remove(trial->path);
}

/* After the act: what was saved is there, the next save works, nothing is leaked. */
static void judge(fault_trial *trial, const fault_scenario *scenario, resume_status status) {
    rs_recovery recovery;
    fault_os_plan(&trial->fault, (fault_plan){0});
    uint64_t found = look(trial, scenario->shape, &recovery);
    bool reads = scenario->act == act_read || scenario->act == act_open;
    bool keeps = scenario->act == act_compact || scenario->act == act_prune ||
                 scenario->act == act_mark || scenario->act == act_choose;
    uint64_t newer = reads || keeps                  ? OLD_VERSION
                     : scenario->act == act_rollback ? OLD_VERSION - 1
                                                     : NEW_VERSION;
    if (status == RESUME_OK) assert_int_equal(found, newer);
    if (scenario->base == BASE_NOTHING && status != RESUME_OK)
        assert_true(found == 0 || found == newer);
    else
        assert_true(found == OLD_VERSION || found == newer);
    if (scenario->base == BASE_GOOD) assert_int_not_equal(recovery.health, RS_HEALTH_DAMAGED);
    check_next_save(trial, scenario);
    end_trial(trial);
}

/* --- system calls --- */

typedef struct fault_kind {
    const char *name;
    fault_mode mode;
    int os_code;
    resume_status expected; /* RESUME_OK: must succeed */
    bool is_like_another;   /* as another one, but for its status: tried with small files alone */
} fault_kind;

static const fault_kind kinds[] = {
    {"EIO", FAULT_FAIL, EIO, RESUME_IO, false},
    {"ENOSPC", FAULT_FAIL, ENOSPC, RESUME_NO_SPACE, false},
    {"EDQUOT", FAULT_FAIL, EDQUOT, RESUME_NO_SPACE, true},
    {"EINTR", FAULT_FAIL, EINTR, RESUME_IO, false},
    {"EMFILE", FAULT_FAIL, EMFILE, RESUME_IO, true},
    {"EACCES", FAULT_FAIL, EACCES, RESUME_DENIED, true},
    {"EROFS", FAULT_FAIL, EROFS, RESUME_DENIED, true},
    {"ETIMEDOUT", FAULT_FAIL, ETIMEDOUT, RESUME_IO, true},
    {"done, but EIO", FAULT_DO_AND_FAIL, EIO, RESUME_IO, false},
    {"cut", FAULT_CUT, 0, RESUME_IO, false},
    {"one byte", FAULT_SHORT_ONE, 0, RESUME_OK, false},
    {"all but one byte", FAULT_SHORT_BUT_ONE, 0, RESUME_OK, false},
    {"no byte", FAULT_SHORT_ZERO, 0, RESUME_IO, false},
};

static void check_status(const fault_trial *trial, const fault_kind *kind, resume_status status) {
    if (status == RESUME_OK) return;
    /* A place that can't be read, tried twice, is damage to the caller: it may fall back. */
    bool reads_twice = kind->expected == RESUME_IO && status == RESUME_DAMAGED &&
                       trial->fault.calls[FAULT_READ] > 0;
    if (status != kind->expected && !reads_twice &&
        !(kind->mode == FAULT_SHORT_ZERO &&
          (status == RESUME_TRUNCATED || status == RESUME_DAMAGED)))
        fail_msg("status %d (%s) for %s", (int)status, trial->error.text, kind->name);
    assert_int_equal(trial->error.status, status);
    assert_true(strlen(trial->error.text) > 10);
}

static long run_calls(const fault_scenario *scenario, const fault_kind *kind, bool for_ever) {
    long n = 1;
    /* Byte by byte, a megabyte takes too long. */
    if (for_ever && kind->mode == FAULT_SHORT_ONE && scenario->shape != SAMPLE_SMALL) return 0;
    if (kind->is_like_another && scenario->shape == SAMPLE_LARGE) return 0;
    for (;; n++) {
        static fault_trial trial;
        begin_trial(&trial, scenario);
        fault_os_plan(&trial.fault, (fault_plan){.nth = n,
                                                 .mode = kind->mode,
                                                 .os_code = kind->os_code,
                                                 .for_ever = for_ever});
        resume_status status = scenario->act(&trial, scenario->shape);
        bool struck = fault_os_struck(&trial.fault);
        long calls = fault_os_calls(&trial.fault);
        if (getenv("RESUME_TEST_VERBOSE"))
            fprintf(stderr, "%s, %s %s, n=%ld: status %d %s\n", scenario->name, kind->name,
                    for_ever ? "for ever" : "once", n, (int)status, status ? trial.error.text : "");
        if (!struck) assert_int_equal(status, RESUME_OK);
        check_status(&trial, kind, status);
        judge(&trial, scenario, status);
        if (n > calls) break; /* every call was struck once */
    }
    return n - 1;
}

static void test_fault_loop__every_system_call(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        long trials = 0;
        for (size_t j = 0; j < sizeof kinds / sizeof kinds[0]; j++)
            for (int for_ever = 0; for_ever <= 1; for_ever++)
                trials += run_calls(&scenarios[i], &kinds[j], for_ever == 1);
        print_message("%s: %ld failures survived\n", scenarios[i].name, trials);
        assert_true(trials > 0);
    }
}

/* --- allocations --- */

static void test_fault_loop__every_allocation(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        long trials = 0;
        for (int for_ever = 0; for_ever <= 1; for_ever++) {
            for (long n = 1;; n++) {
                static fault_trial trial;
                begin_trial(&trial, &scenarios[i]);
                fault_os_plan(&trial.fault, (fault_plan){0});
                alloc_fail_at(n, for_ever == 1);
                resume_status status = scenarios[i].act(&trial, scenarios[i].shape);
                long allocations = alloc_fail_count();
                alloc_fail_at(0, false);
                if (status != RESUME_OK && status != RESUME_NO_MEMORY)
                    fail_msg("%s, allocation %ld: status %d (%s)", scenarios[i].name, n,
                             (int)status, trial.error.text);
                judge(&trial, &scenarios[i], status);
                if (n > allocations) break;
                trials++;
            }
        }
        print_message("%s: %ld failed allocations survived\n", scenarios[i].name, trials);
        assert_true(trials > 0);
    }
}

static int make_images(void **state) {
    (void)state;
    for (int shape = 0; shape < 3; shape++)
        make_image((sample_shape)shape);
    return 0;
}

static int free_images(void **state) {
    (void)state;
    for (int shape = 0; shape < 3; shape++)
        free(images[shape].bytes);
    return 0;
}

int main(void) {
    sample_use_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_loop__every_system_call),
        cmocka_unit_test(test_fault_loop__every_allocation),
    };
    return cmocka_run_group_tests(tests, make_images, free_images);
}
