/* A disk that is full, at every free size: each kind of save works or fails with NO_SPACE, tells
 * what it needs, leaves what was saved before, and works once there is space.
 *
 *   disk_full FOLDER STEP STEPS_MAX OPERATION...
 *
 * FOLDER is the root of a small file system. For each operation (first, small, large, compact,
 * aside, mark, rollback) the disk is filled by a ballast file, then 0, STEP, 2 x STEP ... bytes are
 * freed in it and the operation is tried, until it has worked 12 times in a row. Prints a line with
 * counts for each; exit code 1 when anything went wrong, with a line for each wrong thing on
 * stderr.
 *
 * What this does not show: blocks that other processes take while a save is made. */
#include "sample.h"
#include "store/file_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORKED_IN_A_ROW 12
#define PATH_SIZE       512
#define PLENTY          UINT64_MAX
#define ENOUGH          (512u << 10) /* for a small save and what the file system needs */
#define RECORDS_MAX     (128u << 10) /* of the file system itself */

typedef struct full_disk {
    char path[PATH_SIZE], ballast[PATH_SIZE];
    rs_folder *folder;
    rs_file *file;
    sample_shape shape;
    uint64_t before, after; /* versions that are newest when the operation failed, or worked */
    const char *operation;
    uint64_t freed;
    unsigned long tried, worked, wrong, free_told_wrong;
    uint64_t smallest_worked, largest_failed;
    rs_error error;
} full_disk;

static void wrong(full_disk *disk, const char *what, const char *detail) {
    disk->wrong++;
    fprintf(stderr, "%s, %" PRIu64 " bytes freed: %s: %s\n", disk->operation, disk->freed, what,
            detail);
}

static void must(full_disk *disk, bool worked, const char *what) {
    if (worked) return;
    fprintf(stderr, "%s, %" PRIu64 " bytes freed: can't %s: %s %s\n", disk->operation, disk->freed,
            what, strerror(errno), disk->error.text);
    exit(2);
}

/* --- the space --- */

static void sync_disk(const full_disk *disk) {
    int fd = open(disk->path, O_RDONLY | O_DIRECTORY);
    if (fd >= 0) syncfs(fd);
    close(fd);
}

/* All of it, then `freed` bytes back. PLENTY: no ballast. */
static void leave_free(full_disk *disk, uint64_t freed) {
    unlink(disk->ballast);
    sync_disk(disk);
    if (freed == PLENTY) return;
    int fd = open(disk->ballast, O_RDWR | O_CREAT, 0600);
    must(disk, fd >= 0, "make the ballast");
    off_t size = 0;
    for (int round = 0; round < 2; round++) { /* what writing it has freed by itself, too */
        for (off_t piece = 16 << 20; piece >= 4096; piece /= 2)
            while (fallocate(fd, 0, size, piece) == 0)
                size += piece;
        sync_disk(disk);
    }
    struct stat found;
    must(disk, fstat(fd, &found) == 0, "look at the ballast");
    off_t left = found.st_size - (off_t)freed;
    must(disk, ftruncate(fd, left > 0 ? left : 0) == 0, "shorten the ballast");
    close(fd);
    sync_disk(disk);
}

static uint64_t free_bytes(const full_disk *disk) {
    uint64_t bytes = 0;
    rs_os_linux()->free_bytes(rs_os_linux(), disk->folder->fd, &bytes);
    return bytes;
}

/* --- checkpoints --- */

static void save(full_disk *disk, uint64_t version) {
    must(disk, !sample_commit(disk->file, disk->shape, version, NULL, &disk->error), "save");
    disk->before = version;
}

static void empty(const char *path) {
    DIR *stream = opendir(path);
    struct dirent *entry;
    char name[PATH_SIZE + 300];
    while (stream && (entry = readdir(stream))) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        unlink(name);
    }
    if (stream) closedir(stream);
}

/* An empty folder, and `saves` saves of a new checkpoint in it. */
static void begin(full_disk *disk, sample_shape shape, uint64_t saves) {
    char path[PATH_SIZE + 8];
    snprintf(path, sizeof path, "%s/ck", disk->path);
    leave_free(disk, PLENTY);
    empty(path);
    must(disk, !rs_folder_open(rs_os_linux(), path, true, &disk->folder, &disk->error), "open");
    must(disk, !rs_file_new(disk->folder, "ck", 1, RS_ASIDE_NO, &disk->file, &disk->error), "new");
    disk->shape = shape;
    disk->before = 0;
    for (uint64_t version = 1; version <= saves; version++)
        save(disk, version);
    disk->after = saves + 1;
}

static void finish(full_disk *disk) {
    rs_file_close(disk->file);
    rs_folder_close(disk->folder);
    disk->file = NULL;
    disk->folder = NULL;
}

/* A reader finds this version, all of it. 0: no checkpoint. */
static void expect(full_disk *disk, const char *name, uint64_t version, const char *when) {
    rs_file *file = NULL;
    rs_recovery recovery;
    rs_state *state = NULL;
    rs_error error = {0};
    bool equal = false;
    resume_status status = rs_file_open(disk->folder, name, false, &file, &recovery, &error);
    if (version == 0) {
        if (status != RESUME_NOT_FOUND) wrong(disk, when, "something is there");
        rs_file_close(file);
        return;
    }
    if (status == RESUME_OK) status = rs_file_read(file, 0, &state, &error);
    if (status == RESUME_OK) status = sample_compare(state, disk->shape, version, &equal, &error);
    if (status || !equal || recovery.health)
        wrong(disk, when, status ? error.text : equal ? recovery.text : "another state");
    rs_state_free(state);
    rs_file_close(file);
}

static void expect_no_litter(full_disk *disk) {
    DIR *stream = opendir(disk->folder->path);
    struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        const char *name = entry->d_name;
        bool aside = disk->operation[0] == 'a' && strcmp(name, "ck~1") == 0;
        if (strcmp(name, ".") && strcmp(name, "..") && strcmp(name, ".gitignore") &&
            strcmp(name, "ck") && !aside)
            wrong(disk, "litter", name);
    }
    if (stream) closedir(stream);
}

/* --- the operations --- */

static void prepare(full_disk *disk) {
    char what = disk->operation[0];
    if (what == 'f') begin(disk, SAMPLE_MIXED, 0);
    if (what == 's' || what == 'm') begin(disk, SAMPLE_SMALL, 2);
    if (what == 'l') begin(disk, SAMPLE_LARGE, 1);
    if (what == 'c') begin(disk, SAMPLE_MIXED, 4);
    if (what == 'a') {
        begin(disk, SAMPLE_MIXED, 1);
        rs_file_start_over(disk->file);
    }
    if (what == 'r') begin(disk, SAMPLE_SMALL, 3);
    if (what == 'c' || what == 'm') disk->after = disk->before;
    if (what == 'r') disk->after = disk->before - 1;
}

static resume_status act(full_disk *disk, rs_commit_info *info) {
    rs_commit_options options = {0};
    rs_meta mark = {.saves = disk->before, .ended = true};
    *info = (rs_commit_info){0};
    switch (disk->operation[0]) {
    case 'c':
        return rs_file_compact(disk->file, &(rs_keep){.last = 1}, NULL, &disk->error);
    case 'r':
        return rs_file_rollback(disk->file, 1, info, &disk->error);
    case 'm':
        return rs_file_commit_mark(disk->file, &mark, &options, info, &disk->error);
    default:
        return sample_commit(disk->file, disk->shape, disk->after, info, &disk->error);
    }
}

/* "(up to N bytes needed, M free" is in the message, with M as it is. */
static void check_message(full_disk *disk) {
    uint64_t needed = 0, told = 0, now = free_bytes(disk);
    const char *at = strchr(disk->error.text, '(');
    if (!at || sscanf(at, "(up to %" SCNu64 " bytes needed, %" SCNu64 " free", &needed, &told) != 2)
        wrong(disk, "the message tells no sizes", disk->error.text);
    else if (needed == 0)
        wrong(disk, "nothing is needed", disk->error.text);
    disk->free_told_wrong += at != NULL && (told > now + 65536 || now > told + 65536);
}

/* What the attempt had taken is given back at once: other programs want it, too. */
static void check_given_back(full_disk *disk, uint64_t before) {
    char detail[96];
    sync_disk(disk); /* btrfs counts it then */
    uint64_t now = free_bytes(disk);
    if (now + RECORDS_MAX >= before) return;
    snprintf(detail, sizeof detail, "%" PRIu64 " bytes were free, %" PRIu64 " are", before, now);
    wrong(disk, "not given back", detail);
}

static void check_failure(full_disk *disk, resume_status status) {
    if (status != RESUME_NO_SPACE) wrong(disk, "another status", disk->error.text);
    check_message(disk);
    expect(disk, "ck", disk->before, "after a failure");
    expect_no_litter(disk);
}

/* One that was too large has taken nothing: what had fitted before it still does. */
static void save_less(full_disk *disk) {
    if (disk->operation[0] != 'l' || disk->freed < ENOUGH) return;
    disk->shape = SAMPLE_SMALL;
    if (sample_commit(disk->file, SAMPLE_SMALL, 7, NULL, &disk->error))
        wrong(disk, "a smaller one", disk->error.text);
    else
        expect(disk, "ck", 7, "a smaller one");
}

static void try_once(full_disk *disk, uint64_t freed, unsigned *in_a_row) {
    rs_commit_info info;
    prepare(disk);
    disk->freed = freed;
    leave_free(disk, freed);
    uint64_t free_before = free_bytes(disk);
    resume_status status = act(disk, &info);
    disk->tried++;
    if (status) {
        *in_a_row = 0;
        disk->largest_failed = freed;
        check_failure(disk, status);
        check_given_back(disk, free_before);
        save_less(disk);
    } else {
        if (disk->worked++ == 0) disk->smallest_worked = freed;
        ++*in_a_row;
        expect(disk, "ck", disk->after, "after it worked");
    }
    /* with space again, on the same handle */
    leave_free(disk, PLENTY);
    if (sample_commit(disk->file, disk->shape, 9, NULL, &disk->error))
        wrong(disk, "with space again", disk->error.text);
    else
        expect(disk, "ck", 9, "with space again");
    if (disk->operation[0] == 'a') expect(disk, "ck~1", 1, "what was set aside");
    expect_no_litter(disk);
    finish(disk);
}

static void try_all(full_disk *disk, const char *operation, uint64_t step, uint64_t steps_max) {
    unsigned in_a_row = 0;
    disk->operation = operation;
    disk->tried = disk->worked = disk->free_told_wrong = 0;
    disk->smallest_worked = disk->largest_failed = 0;
    for (uint64_t i = 0; i < steps_max && in_a_row < WORKED_IN_A_ROW; i++)
        try_once(disk, i * step, &in_a_row);
    printf("%s: %lu free sizes, %lu worked, %lu failed (smallest that worked %" PRIu64
           ", largest that failed %" PRIu64 "; free space told otherwise %lu times)\n",
           operation, disk->tried, disk->worked, disk->tried - disk->worked, disk->smallest_worked,
           disk->largest_failed, disk->free_told_wrong);
    fflush(stdout);
    if (in_a_row < WORKED_IN_A_ROW && steps_max > 1000)
        wrong(disk, "it never worked", disk->error.text);
}

int main(int count, char **arguments) {
    static full_disk disk;
    if (count < 5) return 2;
    uint64_t step = strtoull(arguments[2], NULL, 0), steps_max = strtoull(arguments[3], NULL, 0);
    snprintf(disk.path, sizeof disk.path, "%.400s", arguments[1]);
    snprintf(disk.ballast, sizeof disk.ballast, "%.400s/ballast", arguments[1]);
    for (int i = 4; i < count; i++)
        try_all(&disk, arguments[i], step, steps_max);
    printf("%lu wrong\n", disk.wrong);
    return disk.wrong ? 1 : 0;
}
