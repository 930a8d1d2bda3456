/* What a durable save costs, as ratios to the plainest way to the disk, arms interleaved, medians.
 *
 *   bench_commit [FOLDER [ROUNDS [MIB]]]     (default: . 200 256)
 *
 * small commits (4 and 64 KiB of random bytes) against
 *   append   write of as many bytes at the end of an open file, fdatasync
 *   replace  temporary file, write, fsync, rename, fsync of the folder
 * and a large random array, saved against write + fdatasync and restored against memcpy. */
#include "store/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LARGE_ROUNDS 5

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static void die(const char *what) {
    fprintf(stderr, "bench_commit: %s\n", what);
    exit(1);
}

static void fill(uint8_t *bytes, size_t size, uint64_t seed) {
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z ^= z >> 27;
        memcpy(bytes + i, &z, 8);
    }
}

/* --- the plain ways --- */

static void append_plain(int fd, const void *bytes, size_t size, off_t at) {
    if (pwrite(fd, bytes, size, at) != (ssize_t)size || fdatasync(fd)) die("append");
}

static void replace_plain(int folder, const void *bytes, size_t size) {
    int fd = openat(folder, "plain.tmp", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fsync(fd) || close(fd)) die("write");
    if (renameat(folder, "plain.tmp", folder, "plain") || fsync(folder)) die("rename");
}

static void write_plain(int folder, const uint8_t *bytes, size_t size) {
    int fd = openat(folder, "large.plain", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) die("open");
    for (size_t at = 0; at < size;) {
        size_t part = size - at < 4u << 20 ? size - at : 4u << 20;
        if (write(fd, bytes + at, part) != (ssize_t)part) die("write");
        at += part;
    }
    if (fdatasync(fd) || close(fd)) die("sync");
}

/* --- ours --- */

static void commit(rs_file *file, const uint8_t *bytes, size_t size, bool as_array) {
    rs_meta meta = {.saves = 1, .name = {"bench", 5}};
    rs_blob blobs[] = {{"", 0, 1}, {bytes, size, 8}};
    if (!as_array) blobs[0] = (rs_blob){bytes, size, 1};
    rs_snapshot snapshot = {&meta, blobs, as_array ? 2 : 1};
    rs_commit_options options = {0};
    rs_commit_info info;
    rs_error error;
    if (rs_file_commit(file, &snapshot, &options, &info, &error)) die(error.text);
}

static void bench_small(rs_folder *folder, size_t size, size_t rounds) {
    uint8_t *bytes = malloc(size);
    double *times[3];
    rs_file *file;
    rs_error error;
    int plain = openat(folder->fd, "append.plain", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < 3; i++)
        times[i] = malloc(rounds * sizeof(double));
    if (rs_file_new(folder, "small", 1, RS_ASIDE_NO, &file, &error)) die(error.text);
    fill(bytes, size, 1);
    commit(file, bytes, size, false);
    for (size_t i = 0; i < rounds; i++) {
        fill(bytes, size, 1000 + i);
        double begun = now();
        append_plain(plain, bytes, size, (off_t)(i * size));
        times[0][i] = now() - begun;
        begun = now();
        replace_plain(folder->fd, bytes, size);
        times[1][i] = now() - begun;
        begun = now();
        commit(file, bytes, size, false);
        times[2][i] = now() - begun;
    }
    double append = median(times[0], rounds), replace = median(times[1], rounds),
           ours = median(times[2], rounds);
    printf("%3zu KiB commit: %7.1f us; %.2f of append + fdatasync (%.1f us), "
           "%.2f of temp + fsync + rename + fsync(dir) (%.1f us)\n",
           size >> 10, ours * 1e6, ours / append, append * 1e6, ours / replace, replace * 1e6);
    rs_file_close(file);
    close(plain);
    unlinkat(folder->fd, "small", 0);
    for (int i = 0; i < 3; i++)
        free(times[i]);
    free(bytes);
}

enum { PLAIN, FIRST, UNCHANGED, CHANGED, COPY, RESTORE, ARMS };

static double time_plain(rs_folder *folder, const uint8_t *bytes, size_t size) {
    unlinkat(folder->fd, "large.plain", 0);
    double begun = now();
    write_plain(folder->fd, bytes, size);
    double taken = now() - begun;
    unlinkat(folder->fd, "large.plain", 0);
    return taken;
}

static double time_commit(rs_file *file, const uint8_t *bytes, size_t size) {
    double begun = now();
    commit(file, bytes, size, true);
    return now() - begun;
}

static double time_first(rs_folder *folder, rs_file **file, const uint8_t *bytes, size_t size) {
    rs_error error;
    unlinkat(folder->fd, "large", 0);
    if (rs_file_new(folder, "large", 1, RS_ASIDE_NO, file, &error)) die(error.text);
    return time_commit(*file, bytes, size);
}

static double time_restore(rs_folder *folder, const uint8_t *bytes, uint8_t *to, size_t size) {
    rs_file *file;
    rs_state *state = NULL;
    rs_recovery recovery;
    rs_error error;
    double begun = now();
    if (rs_file_open(folder, "large", false, &file, &recovery, &error) ||
        rs_file_read(file, 0, &state, &error) || rs_state_read_blob(state, 1, to, &error))
        die(error.text);
    double taken = now() - begun;
    if (memcmp(to, bytes, size)) die("restored something else");
    rs_state_free(state);
    rs_file_close(file);
    return taken;
}

static void print_large(double times[ARMS][LARGE_ROUNDS], size_t size) {
    double value[ARMS];
    for (int i = 0; i < ARMS; i++)
        value[i] = median(times[i], LARGE_ROUNDS);
    printf("%zu MiB random array, write + fdatasync %.3f s, memcpy %.3f s\n", size >> 20,
           value[PLAIN], value[COPY]);
    printf("  first save      %.3f s: %.2f of the speed of write + fdatasync\n", value[FIRST],
           value[PLAIN] / value[FIRST]);
    printf("  all changed     %.3f s: %.2f of the speed of write + fdatasync\n", value[CHANGED],
           value[PLAIN] / value[CHANGED]);
    printf("  nothing changed %.3f s: %.2f x memcpy\n", value[UNCHANGED],
           value[UNCHANGED] / value[COPY]);
    printf("  restore, warm and verified %.3f s: %.2f x memcpy\n", value[RESTORE],
           value[RESTORE] / value[COPY]);
}

static void bench_large(rs_folder *folder, size_t size) {
    uint8_t *bytes = malloc(size), *to = malloc(size);
    double times[ARMS][LARGE_ROUNDS];
    if (!bytes || !to) die("no memory");
    memset(to, 1, size);
    for (size_t i = 0; i < LARGE_ROUNDS; i++) {
        rs_file *file;
        fill(bytes, size, i);
        bool plain_first = i % 2 == 0; /* who comes first has a cleaner disk */
        if (plain_first) times[PLAIN][i] = time_plain(folder, bytes, size);
        times[FIRST][i] = time_first(folder, &file, bytes, size);
        times[UNCHANGED][i] = time_commit(file, bytes, size);
        if (!plain_first) times[PLAIN][i] = time_plain(folder, bytes, size);
        fill(bytes, size, 100 + i);
        times[CHANGED][i] = time_commit(file, bytes, size);
        rs_file_close(file);
        double begun = now();
        memcpy(to, bytes, size);
        times[COPY][i] = now() - begun;
        times[RESTORE][i] = time_restore(folder, bytes, to, size);
    }
    print_large(times, size);
    unlinkat(folder->fd, "large", 0);
    free(bytes);
    free(to);
}

int main(int count, char **arguments) {
    const char *base = count > 1 ? arguments[1] : ".";
    size_t rounds = count > 2 ? strtoul(arguments[2], NULL, 10) : 200;
    size_t mib = count > 3 ? strtoul(arguments[3], NULL, 10) : 256;
    char path[4096];
    rs_folder *folder;
    rs_error error;
    snprintf(path, sizeof path, "%s/bench-commit-%ld", base, (long)getpid());
    if (rs_folder_open(rs_os_linux(), path, true, &folder, &error)) die(error.text);
    bench_small(folder, 4096, rounds);
    bench_small(folder, 65536, rounds);
    if (mib > 0) bench_large(folder, mib << 20);
    const char *left[] = {"append.plain", "plain", ".gitignore"};
    for (size_t i = 0; i < 3; i++)
        unlinkat(folder->fd, left[i], 0);
    rs_folder_close(folder);
    rmdir(path);
    return 0;
}
