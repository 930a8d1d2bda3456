/* Sixteen processes on one name: writers that take the lock, open, save, end the call, go back,
 * compact and start over, and readers that need no lock. One after the other is killed by SIGKILL
 * at random moments and replaced.
 *
 * The oracle is memory that all share, so that it survives kills: for each generation number the
 * version that its writer, under the lock, was about to save, and the newest number whose save has
 * returned. Whoever reads, at any moment, finds one writer's whole generation, the planned one,
 * not older than what had returned before it looked; numbers strictly rise; nothing is called
 * damaged.
 *
 * RESUME_MANY_SECONDS sets the time. What this does not show: power cuts; the page cache survives
 * kills. Nor network file systems: locks are the kernel's here. */
#include "sample.h"
#include "seeded.h"
#include "store/file_internal.h"
#include "store/lock.h"
#include "store_place.h"
#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES       16
#define READERS         5
#define SECONDS         4u
#define SAVES_MIN       50u /* even when that takes longer */
#define GENERATIONS_MAX (1u << 20)

typedef struct many_oracle {
    atomic_ullong versions;     /* given out */
    atomic_ullong acknowledged; /* the newest generation whose save has returned */
    atomic_ullong asides;       /* files set aside by saves that have returned */
    atomic_ullong saves, looks, locked, compactions, rollbacks;
    atomic_ullong planned[GENERATIONS_MAX]; /* the version of a generation */
} many_oracle;

typedef struct many_process {
    many_oracle *oracle;
    const char *path;
    const rs_os *os;
    sample_shape shape;
    seeded random;
    rs_folder *folder;
    rs_file *file;
    uint64_t seen; /* the newest generation that this process has met */
} many_process;

/* In a child: what is wrong is told, and the parent's test fails by the exit status. */
#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "process %ld, line %d: ", (long)getpid(), __LINE__);                   \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fprintf(stderr, "\n");                                                                 \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* The newest generation of an open file is the planned one, whole, and not older than `least`. */
static void check_newest(many_process *process, rs_file *file, uint64_t least) {
    rs_error error = {0};
    rs_state *state;
    bool equal;
    resume_status status = rs_file_read(file, 0, &state, &error);
    EXPECT(status == RESUME_OK, "reading: %s", error.text);
    uint64_t number = rs_file_newest(file)->number;
    uint64_t planned = atomic_load(&process->oracle->planned[number]);
    EXPECT(number >= least, "generation %llu is older than %llu", (unsigned long long)number,
           (unsigned long long)least);
    EXPECT(number >= process->seen, "generations go back");
    EXPECT(planned == rs_state_meta(state)->saves,
           "generation %llu holds version %llu, its writer saved %llu", (unsigned long long)number,
           (unsigned long long)rs_state_meta(state)->saves, (unsigned long long)planned);
    status = sample_compare(state, process->shape, planned, &equal, &error);
    EXPECT(status == RESUME_OK, "reading an array: %s", error.text);
    EXPECT(equal, "generation %llu is a mixture", (unsigned long long)number);
    process->seen = number;
    rs_state_free(state);
}

static void read_for_ever(many_process *process) {
    for (;;) {
        uint64_t least = atomic_load(&process->oracle->acknowledged);
        rs_recovery recovery;
        rs_error error = {0};
        rs_file *file;
        resume_status status = rs_file_open(process->folder, CK, false, &file, &recovery, &error);
        if (status == RESUME_NOT_FOUND && least == 0) continue;
        EXPECT(status == RESUME_OK, "opening for reading: %s", error.text);
        EXPECT(recovery.health != RS_HEALTH_DAMAGED, "%s", recovery.text);
        check_newest(process, file, least);
        rs_file_close(file);
        atomic_fetch_add(&process->oracle->looks, 1);
    }
}

/* The number that the next commit gets, and the version that will be in it. */
static uint64_t plan(many_process *process, uint64_t version) {
    uint64_t number = process->file->next_generation;
    EXPECT(number < GENERATIONS_MAX, "too many generations");
    EXPECT(number > atomic_load(&process->oracle->acknowledged), "a number is given twice");
    atomic_store(&process->oracle->planned[number], version);
    return number;
}

static void acknowledge(many_process *process, uint64_t planned, const rs_commit_info *info) {
    EXPECT(info->generation == planned, "another number than announced");
    EXPECT(info->generation > atomic_load(&process->oracle->acknowledged), "numbers do not rise");
    atomic_store(&process->oracle->acknowledged, planned); /* under the lock */
    atomic_fetch_add(&process->oracle->asides, info->aside[0] != 0);
    atomic_fetch_add(&process->oracle->saves, 1);
    process->seen = planned;
}

static void save(many_process *process) {
    rs_error error = {0};
    rs_commit_info info;
    uint64_t version = atomic_fetch_add(&process->oracle->versions, 1) + 1;
    uint64_t number = plan(process, version);
    resume_status status = sample_commit(process->file, process->shape, version, &info, &error);
    EXPECT(status == RESUME_OK, "saving: %s", error.text);
    acknowledge(process, number, &info);
}

static void end_call(many_process *process) {
    rs_error error = {0};
    rs_commit_info info;
    rs_commit_options options = {0};
    uint64_t version =
        atomic_load(&process->oracle->planned[rs_file_newest(process->file)->number]);
    rs_meta meta = {.saves = version, .ended = true};
    uint64_t number = plan(process, version);
    resume_status status = rs_file_commit_mark(process->file, &meta, &options, &info, &error);
    EXPECT(status == RESUME_OK, "ending: %s", error.text);
    acknowledge(process, number, &info);
}

static void go_back(many_process *process) {
    rs_error error = {0};
    rs_commit_info info;
    const rs_generation *older = rs_file_generation(process->file, 1);
    if (!older) return;
    uint64_t number = plan(process, atomic_load(&process->oracle->planned[older->number]));
    resume_status status = rs_file_rollback(process->file, 1, &info, &error);
    EXPECT(status == RESUME_OK, "going back: %s", error.text);
    acknowledge(process, number, &info);
    atomic_fetch_add(&process->oracle->rollbacks, 1);
}

static void act(many_process *process) {
    rs_error error = {0};
    rs_keep keep = {.last = 1 + (unsigned)seeded_below(&process->random, 3)};
    uint64_t what = seeded_below(&process->random, 16);
    bool is_saved = rs_file_generation_count(process->file) > 0;
    if (what == 0 && is_saved) {
        resume_status status = rs_file_compact(process->file, &keep, NULL, &error);
        EXPECT(status == RESUME_OK, "compacting: %s", error.text);
        atomic_fetch_add(&process->oracle->compactions, 1);
    } else if (what == 1 && is_saved) {
        end_call(process);
    } else if (what == 2 && is_saved) {
        go_back(process);
    } else {
        if (what == 3 && seeded_below(&process->random, 8) == 0) rs_file_start_over(process->file);
        save(process);
    }
}

static void write_for_ever(many_process *process) {
    for (;;) {
        rs_lock lock = {.fd = -1};
        rs_recovery recovery;
        rs_error error = {0};
        resume_status status = rs_lock_take(process->folder, CK, &lock, &error);
        if (status == RESUME_LOCKED) {
            atomic_fetch_add(&process->oracle->locked, 1);
            usleep((useconds_t)seeded_below(&process->random, 3000));
            continue;
        }
        EXPECT(status == RESUME_OK, "locking: %s", error.text);
        uint64_t least = atomic_load(&process->oracle->acknowledged);
        status = rs_file_open(process->folder, CK, true, &process->file, &recovery, &error);
        if (status == RESUME_NOT_FOUND && least == 0) {
            status = rs_file_new(process->folder, CK, 1, RS_ASIDE_NO, &process->file, &error);
        } else if (status == RESUME_OK) {
            EXPECT(recovery.health != RS_HEALTH_DAMAGED, "%s", recovery.text);
            check_newest(process, process->file, least);
        }
        EXPECT(status == RESUME_OK, "opening: %s", error.text);
        process->file->slack = 1 << 19; /* compaction by itself happens often */
        for (uint64_t i = seeded_below(&process->random, 8); i-- > 0;)
            act(process);
        if (seeded_below(&process->random, 2)) rs_file_leave(process->file);
        rs_file_close(process->file);
        rs_lock_release(process->folder, &lock);
        usleep((useconds_t)seeded_below(&process->random, 3000));
    }
}

static pid_t start(const many_process *like, size_t index, uint64_t seed) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test fails */
    many_process process = *like;
    rs_error error = {0};
    process.random.state = seed;
    resume_status status = rs_folder_open(process.os, process.path, true, &process.folder, &error);
    EXPECT(status == RESUME_OK, "opening the folder: %s", error.text);
    if (index < READERS) read_for_ever(&process);
    write_for_ever(&process);
    _exit(2);
}

/* False when it has ended by itself before. */
static bool kill_one(pid_t child) {
    int result = 0;
    kill(child, SIGKILL);
    return waitpid(child, &result, 0) == child && WIFSIGNALED(result) &&
           WTERMSIG(result) == SIGKILL;
}

/* Afterwards: the last acknowledged generation is there, older ones verify, litter is bounded. */
static void check_end(store_place *place, many_process *like) {
    many_oracle *oracle = like->oracle;
    store_open(place);
    assert_int_not_equal(place->recovery.health, RS_HEALTH_DAMAGED);
    check_newest(like, place->file, atomic_load(&oracle->acknowledged));
    for (size_t i = 0; i < rs_file_generation_count(place->file); i++) {
        rs_state *state;
        uint64_t number = rs_file_generation(place->file, i)->number;
        bool equal;
        assert_int_equal(rs_file_read(place->file, i, &state, &place->error), RESUME_OK);
        assert_int_equal(rs_state_meta(state)->saves, atomic_load(&oracle->planned[number]));
        assert_int_equal(
            sample_compare(state, like->shape, rs_state_meta(state)->saves, &equal, &place->error),
            RESUME_OK);
        assert_true(equal);
        rs_state_free(state);
    }
    store_close(place);
    assert_int_equal(sample_count_files(place->path, "." CK ".tmp-", NULL), 0);
    assert_int_equal(sample_count_files(place->path, CK ".damaged-", NULL), 0);
    assert_true(sample_count_files(place->path, CK ".torn-", NULL) <= 1);
    assert_true(sample_count_files(place->path, CK "~", NULL) >= atomic_load(&oracle->asides));
}

static int64_t now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void run(store_place *place, sample_shape shape, const rs_os *os, uint64_t seconds) {
    seeded random = seeded_start();
    many_oracle *oracle =
        mmap(NULL, sizeof *oracle, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(oracle != MAP_FAILED);
    many_process like = {.oracle = oracle, .path = place->path, .os = os, .shape = shape};
    pid_t children[PROCESSES];
    uint64_t kills = 0;
    for (size_t i = 0; i < PROCESSES; i++)
        children[i] = start(&like, i, seeded_next(&random));
    int64_t end = now_s() + (int64_t)seconds;
    bool is_good = true;
    while (is_good && (now_s() < end || atomic_load(&oracle->saves) < SAVES_MIN)) {
        usleep((useconds_t)seeded_below(&random, 8000));
        size_t index = seeded_below(&random, PROCESSES);
        is_good = kill_one(children[index]);
        children[index] = start(&like, index, seeded_next(&random));
        kills++;
    }
    for (size_t i = 0; i < PROCESSES; i++)
        is_good = kill_one(children[i]) && is_good;
    if (!is_good) fail_msg("a process ended by itself: see above");
    check_end(place, &like);
    print_message("%llu kills, %llu saves, %llu looks, %llu times locked, %llu compactions, "
                  "%llu rollbacks, %llu set aside; 0 lost, 0 mixed\n",
                  (unsigned long long)kills, atomic_load(&oracle->saves),
                  atomic_load(&oracle->looks), atomic_load(&oracle->locked),
                  atomic_load(&oracle->compactions), atomic_load(&oracle->rollbacks),
                  atomic_load(&oracle->asides));
    assert_true(atomic_load(&oracle->looks) > 0);
    munmap(oracle, sizeof *oracle);
}

static uint64_t seconds_of_a_test(void) {
    uint64_t otherwise = getenv("RESUME_FAST") ? 1 : SECONDS;
    return sample_setting("RESUME_MANY_SECONDS", otherwise * sample_setting("RESUME_SCALE", 1)) / 2;
}

static void test_many__states_with_arrays(void **state) {
    run(*state, SAMPLE_MIXED, rs_os_linux(), seconds_of_a_test());
}

static int refuse_link(const rs_os *os, int folder, const char *from, const char *to) {
    (void)os, (void)folder, (void)from, (void)to;
    return -EPERM;
}

/* Where a file is set aside by renames, its name is empty for a moment. */
static void test_many__file_system_without_links(void **state) {
    rs_os no_links = *rs_os_linux();
    no_links.link = refuse_link;
    run(*state, SAMPLE_SMALL, &no_links, seconds_of_a_test());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_place_setup, store_place_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_many__states_with_arrays),
        TEST(test_many__file_system_without_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
