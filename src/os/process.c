/* The environment, the executable and the rank of this process. */
#include "os/process.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *rs_environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool rs_is_disabled(void) {
    const char *value = rs_environment("RESUME_DISABLE");
    return value && strcmp(value, "0") != 0;
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
