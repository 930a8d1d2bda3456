/* Several checkpoints in several threads, the due flags read from another, and forks meanwhile: for
 * ThreadSanitizer (./dev test --tsan), and true without it. One handle belongs to one thread.
 *
 * What this does not show: what only other memory models do; ThreadSanitizer sees the accesses that
 * happen here. */
#include "engine/checkpoint.h"
#include "os/os.h"
#include "sample.h"
#include "temp_folder.h"
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 6
#define SAVES   40

typedef struct worker {
    pthread_t thread;
    const char *folder;
    char name[16];
    pthread_mutex_t mutex; /* guards `due` against the end of the checkpoint */
    atomic_int *due;       /* NULL: it is not open */
    unsigned saves;
    resume_status status;
    rs_error error;
} worker;

static worker workers[THREADS];
static atomic_int workers_left;
static atomic_long looks;

static void publish(worker *own, atomic_int *due) {
    pthread_mutex_lock(&own->mutex);
    own->due = due;
    pthread_mutex_unlock(&own->mutex);
}

static resume_status save_when_due(worker *own, rs_checkpoint *checkpoint) {
    static const char text[] = "the state of a thread";
    rs_blob blob = {text, sizeof text, 1};
    atomic_int *due = rs_checkpoint_due(checkpoint);
    for (unsigned i = 0; i < SAVES; i++) {
        rs_commit_info info;
        while (!atomic_load(due))
            usleep(100);
        resume_status status = rs_checkpoint_save(checkpoint, &blob, 1, &info, &own->error);
        if (status) return status;
        own->saves++;
    }
    return RESUME_OK;
}

/* Opens twice, so that threads of timers end and begin while others work. */
static void *work(void *context) {
    worker *own = context;
    rs_checkpoint_options options = {
        .folder = own->folder,
        .name = own->name,
        .name_size = strlen(own->name),
        .rate_ns = 200000,
        .expire_ended_ns = RS_NEVER,
        .expire_cut_off_ns = RS_NEVER,
        .program = "threads",
        .writer = "test",
    };
    for (int life = 0; life < 2 && own->status == RESUME_OK; life++) {
        rs_checkpoint *checkpoint;
        own->status = rs_checkpoint_open(rs_os_linux(), &options, &checkpoint, &own->error);
        if (own->status) break;
        publish(own, rs_checkpoint_due(checkpoint));
        own->status = save_when_due(own, checkpoint);
        if (own->status == RESUME_OK && life == 1)
            own->status = rs_checkpoint_end(checkpoint, NULL, &own->error);
        publish(own, NULL);
        rs_checkpoint_close(checkpoint);
    }
    atomic_fetch_sub(&workers_left, 1);
    return NULL;
}

/* What resume_sync of another thread does: a load. */
static void *watch(void *context) {
    (void)context;
    while (atomic_load(&workers_left) > 0)
        for (size_t i = 0; i < THREADS; i++) {
            pthread_mutex_lock(&workers[i].mutex);
            if (workers[i].due) atomic_fetch_add(&looks, atomic_load(workers[i].due) + 1);
            pthread_mutex_unlock(&workers[i].mutex);
            usleep(50);
        }
    return NULL;
}

/* The children hold no lock and see every flag raised; they end at once. */
static unsigned fork_while_they_work(void) {
    unsigned forks = 0;
    for (; atomic_load(&workers_left) > 0; forks++) {
        int result;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(0);
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_int_equal(result, 0);
        usleep(1000);
    }
    return forks;
}

static void test_threads__a_checkpoint_each(void **state) {
    (void)state;
    char folder[TEMP_PATH_SIZE];
    pthread_t watcher;
    temp_folder_make(folder);
    atomic_store(&workers_left, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        worker *own = &workers[i];
        own->folder = folder;
        snprintf(own->name, sizeof own->name, "t%zu", i);
        assert_int_equal(pthread_mutex_init(&own->mutex, NULL), 0);
        assert_int_equal(pthread_create(&own->thread, NULL, work, own), 0);
    }
    assert_int_equal(pthread_create(&watcher, NULL, watch, NULL), 0);
    unsigned forks = fork_while_they_work();
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    assert_int_equal(pthread_join(watcher, NULL), 0);
    for (size_t i = 0; i < THREADS; i++) {
        if (workers[i].status) fail_msg("%s", workers[i].error.text);
        assert_int_equal(workers[i].saves, 2 * SAVES);
    }
    assert_true(atomic_load(&looks) > 0 && forks > 0);
    temp_folder_remove(folder);
}

int main(void) {
    sample_use_memory();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads__a_checkpoint_each)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
