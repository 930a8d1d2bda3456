/* The environment, the executable and the rank of this process. */
#include "os/process.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *rs_environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool rs_is_disabled(void) {
    const char *value = rs_environment("RESUME_DISABLE");
    return value && strcmp(value, "0") != 0;
}

void rs_sleep_ms(unsigned milliseconds) {
    struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* The kernel puts this behind the path of an executable that was replaced, by a new build say. */
static void cut_deleted(char *path, size_t size) {
    static const char mark[] = " (deleted)";
    size_t mark_size = sizeof mark - 1;
    if (size > mark_size && memcmp(path + size - mark_size, mark, mark_size) == 0)
        path[size - mark_size] = 0;
}

void rs_program_path(char path[RS_PROGRAM_PATH_SIZE]) {
    ssize_t size = readlink("/proc/self/exe", path, RS_PROGRAM_PATH_SIZE - 1);
    path[size > 0 ? size : 0] = 0;
    if (size > 0) cut_deleted(path, (size_t)size);
}

/* The home directory that the system knows for this user. */
static void home_of_user(char path[RS_KEY_PATH_SIZE]) {
    struct passwd user, *found = NULL;
    char text[4096];
    path[0] = 0;
    if (getpwuid_r(geteuid(), &user, text, sizeof text, &found) == 0 && found)
        snprintf(path, RS_KEY_PATH_SIZE, "%s", user.pw_dir);
}

/* A path that does not fit is no place. */
static void put_path(char path[RS_KEY_PATH_SIZE], const char *folder, const char *rest) {
    const char *between = *rest == '/' || !*folder ? "" : "/";
    int size = snprintf(path, RS_KEY_PATH_SIZE, "%s%s%s", folder, between, rest);
    if (size < 0 || (size_t)size >= RS_KEY_PATH_SIZE || path[0] != '/') path[0] = 0;
}

void rs_key_file_path(char path[RS_KEY_PATH_SIZE]) {
    char folder[RS_KEY_PATH_SIZE] = "";
    const char *named = rs_environment("RESUME_KEY_FILE"), *data = rs_environment("XDG_DATA_HOME");
    const char *home = rs_environment("HOME");
    if (named) {
        if (named[0] != '/' && !getcwd(folder, sizeof folder)) folder[0] = 0;
        put_path(path, folder, named);
    } else if (data && data[0] == '/') { /* the specification of XDG ignores relative ones */
        put_path(path, data, "resume/key");
    } else {
        if (home) snprintf(folder, sizeof folder, "%s", home);
        if (folder[0] != '/') home_of_user(folder);
        put_path(path, folder, "/.local/share/resume/key");
    }
}

static long number_of(const char *text) {
    char *end = NULL;
    long number = text ? strtol(text, &end, 10) : -1;
    return end && *end == 0 ? number : -1;
}

bool rs_is_rank(const char **rank) {
    static const struct {
        const char *rank, *size;
    } launchers[] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                     {"PMI_RANK", "PMI_SIZE"},
                     {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"},
                     {"RANK", "WORLD_SIZE"}};
    *rank = NULL;
    for (size_t i = 0; i < sizeof launchers / sizeof launchers[0]; i++)
        if (number_of(rs_environment(launchers[i].size)) > 1) {
            *rank = rs_environment(launchers[i].rank);
            return true;
        }
    return false;
}
