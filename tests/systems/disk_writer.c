/* Saves without a pause into checkpoints of a folder, and tells what it did and when: the workload
 * that is cut by tests/systems/power_cuts.py.
 *
 *   disk_writer FOLDER LOG SEED STEPS FIRST LIFE_MS
 *
 * Makes STEPS random steps (saves of several shapes, starts over, ends of calls, compactions that
 * keep fewer or more, rollbacks, new openings) on three checkpoints. Versions are numbered from
 * FIRST. After LIFE_MS milliseconds the process is killed, wherever it is; 0: it lives. Lines on
 * stdout, each with the size that LOG had:
 *
 *   F SIZE NAME VERSION ENDED          found at opening; version 0: nothing
 *   B SIZE NAME VERSION ENDED          begins: what the newest generation will be
 *   D SIZE NAME VERSION ENDED ASIDE    done, durable; ASIDE: the file that was set aside, or "-"
 *
 * Exit code 3 when something failed: nothing here should. */
#include "sample.h"
#include "seeded.h"
#include "store/file_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define NAMES 3

typedef struct disk_writer {
    const char *log;
    rs_folder *folder;
    rs_file *files[NAMES];
    uint64_t versions[NAMES]; /* newest; 0: nothing is saved */
    uint64_t next_version;
    seeded random;
    rs_error error;
} disk_writer;

static const char *const names[NAMES] = {"small", "mixed", "large"};

/* By one write, so that a killed process leaves whole lines. */
static void tell(const disk_writer *w, char what, int which, uint64_t version, bool ended,
                 const char *aside) {
    struct stat log = {0};
    char line[512];
    stat(w->log, &log);
    int size = snprintf(line, sizeof line, "%c %lld %s %" PRIu64 " %d %s\n", what,
                        (long long)log.st_size, names[which], version, ended, aside);
    if (write(1, line, (size_t)size) != size) _exit(4);
}

static void must(const disk_writer *w, resume_status status, const char *what) {
    if (!status) return;
    fprintf(stderr, "%s: status %d: %s\n", what, (int)status, w->error.text);
    exit(3);
}

static void open_file(disk_writer *w, int which) {
    rs_recovery recovery;
    rs_state *state;
    resume_status status =
        rs_file_open(w->folder, names[which], true, &w->files[which], &recovery, &w->error);
    w->versions[which] = 0;
    if (status == RESUME_NOT_FOUND) {
        tell(w, 'F', which, 0, false, "-");
        status = rs_file_new(w->folder, names[which], 1, RS_ASIDE_NO, &w->files[which], &w->error);
        must(w, status, "new");
        return;
    }
    must(w, status, "open");
    if (recovery.health == RS_HEALTH_DAMAGED) {
        fprintf(stderr, "damaged: %s\n", recovery.text);
        exit(3);
    }
    must(w, rs_file_read(w->files[which], 0, &state, &w->error), "read");
    const rs_meta *meta = rs_state_meta(state);
    w->versions[which] = meta->saves;
    tell(w, 'F', which, meta->saves, meta->ended, "-");
    rs_state_free(state);
    w->files[which]->slack = 4u << 20; /* compaction happens by itself, too */
}

static void save(disk_writer *w, int which) {
    rs_commit_info info;
    uint64_t version = w->next_version++;
    tell(w, 'B', which, version, false, "-");
    must(w, sample_commit(w->files[which], (sample_shape)which, version, &info, &w->error), "save");
    w->versions[which] = version;
    tell(w, 'D', which, version, false, info.aside[0] ? info.aside : "-");
}

static void end_call(disk_writer *w, int which) {
    rs_commit_options options = {0};
    rs_commit_info info;
    rs_meta meta = {.saves = w->versions[which], .ended = true};
    tell(w, 'B', which, meta.saves, true, "-");
    must(w, rs_file_commit_mark(w->files[which], &meta, &options, &info, &w->error), "mark");
    tell(w, 'D', which, meta.saves, true, info.aside[0] ? info.aside : "-");
}

/* Goes back to one of the last generations. */
static void roll_back(disk_writer *w, int which) {
    rs_file *file = w->files[which];
    size_t count = rs_file_generation_count(file);
    if (count < 2) return;
    size_t index = 1 + (size_t)seeded_below(&w->random, count < 5 ? count - 1 : 4);
    rs_commit_info info;
    rs_state *state;
    must(w, rs_file_read(file, index, &state, &w->error), "read an older one");
    uint64_t version = rs_state_meta(state)->saves;
    bool ended = rs_state_meta(state)->ended;
    rs_state_free(state);
    tell(w, 'B', which, version, ended, "-");
    must(w, rs_file_rollback(file, index, &info, &w->error), "roll back");
    w->versions[which] = version;
    tell(w, 'D', which, version, ended, info.aside[0] ? info.aside : "-");
}

static void close_file(disk_writer *w, int which) {
    if (seeded_below(&w->random, 2)) rs_file_leave(w->files[which]);
    rs_file_close(w->files[which]);
    w->files[which] = NULL;
}

static void step(disk_writer *w) {
    static const int shares[] = {0, 0, 0, 1, 1, 2};
    int which = shares[seeded_below(&w->random, 6)];
    uint64_t what = seeded_below(&w->random, 20);
    if (w->versions[which] == 0 || what >= 8) {
        save(w, which);
    } else if (what == 0) {
        rs_file_start_over(w->files[which]);
        save(w, which);
    } else if (what == 1) {
        rs_keep keep = {.last = 1 + (unsigned)seeded_below(&w->random, 4)};
        must(w, rs_file_compact(w->files[which], &keep, NULL, &w->error), "compact");
    } else if (what <= 3) {
        end_call(w, which);
    } else if (what <= 5) {
        roll_back(w, which);
    } else {
        close_file(w, which);
        open_file(w, which);
    }
}

int main(int count, char **arguments) {
    if (count != 7) return 2;
    disk_writer w = {.log = arguments[2], .random = {strtoull(arguments[3], NULL, 0)}};
    uint64_t steps = strtoull(arguments[4], NULL, 0);
    w.next_version = strtoull(arguments[5], NULL, 0);
    long life_ms = strtol(arguments[6], NULL, 0);
    must(&w, rs_folder_open(rs_os_linux(), arguments[1], true, &w.folder, &w.error), "folder");
    struct itimerval life = {.it_value = {life_ms / 1000, life_ms % 1000 * 1000}};
    setitimer(ITIMER_REAL, &life, NULL); /* SIGALRM kills */
    for (int i = 0; i < NAMES; i++)
        open_file(&w, i);
    for (uint64_t i = 0; i < steps; i++)
        step(&w);
    for (int i = 0; i < NAMES; i++)
        close_file(&w, i);
    rs_folder_close(w.folder);
    return 0;
}
