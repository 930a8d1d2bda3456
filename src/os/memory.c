/* Reads /proc/meminfo, /proc/self/statm and the files of the control group. */
#include "os/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATH_SIZE 4400
#define GROUP_MAX 4096

/* False: there is no such file, or nothing in it. */
static bool read_text(const char *path, char *to, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t got = read(fd, to, size - 1);
    close(fd);
    to[got > 0 ? got : 0] = 0;
    return got > 0;
}

/* The number behind `label` at the beginning of a line; `missing` when there is none. */
static uint64_t number_of(const char *text, const char *label, uint64_t missing) {
    size_t size = strlen(label);
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += at != text;
        if (strncmp(at, label, size) != 0) continue;
        uint64_t number;
        return sscanf(at + size, "%" SCNu64, &number) == 1 ? number : missing;
    }
    return missing;
}

static uint64_t less(uint64_t limit, uint64_t used) {
    return limit > used ? limit - used : 0;
}

static uint64_t left_in_system(const char *root) {
    char path[PATH_SIZE], text[4096];
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (!read_text(path, text, sizeof text)) return UINT64_MAX;
    uint64_t kibibytes = number_of(text, "MemAvailable:", UINT64_MAX);
    return kibibytes > UINT64_MAX / 1024 ? UINT64_MAX : kibibytes * 1024;
}

static uint64_t left_of_addresses(const char *root) {
    char path[PATH_SIZE], text[256];
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    snprintf(path, sizeof path, "%s/proc/self/statm", root);
    if (!read_text(path, text, sizeof text)) return UINT64_MAX;
    return less(limit.rlim_cur, number_of(text, "", 0) * (uint64_t)sysconf(_SC_PAGESIZE));
}

static uint64_t left_in_group(const char *root) {
    char path[PATH_SIZE], text[8192], group[GROUP_MAX];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (!read_text(path, group, sizeof group)) return UINT64_MAX;
    const char *line = strncmp(group, "0::", 3) == 0 ? group : strstr(group, "\n0::");
    if (!line) return UINT64_MAX;
    const char *name = strchr(line, ':') + 2;
    int size = (int)strcspn(name, "\n");
    snprintf(path, sizeof path, "%s/sys/fs/cgroup%.*s/memory.max", root, size, name);
    if (!read_text(path, text, sizeof text)) return UINT64_MAX;
    uint64_t limit = number_of(text, "", UINT64_MAX); /* "max" is no number */
    if (limit == UINT64_MAX) return UINT64_MAX;
    snprintf(path, sizeof path, "%s/sys/fs/cgroup%.*s/memory.current", root, size, name);
    if (!read_text(path, text, sizeof text)) return UINT64_MAX;
    uint64_t used = number_of(text, "", 0);
    snprintf(path, sizeof path, "%s/sys/fs/cgroup%.*s/memory.stat", root, size, name);
    if (!read_text(path, text, sizeof text)) text[0] = 0;
    uint64_t cache = number_of(text, "inactive_file ", 0) + number_of(text, "active_file ", 0);
    return less(limit, less(used, cache));
}

uint64_t rs_memory_left_under(const char *root) {
    uint64_t system = left_in_system(root), addresses = left_of_addresses(root);
    uint64_t group = left_in_group(root), least = system < addresses ? system : addresses;
    return least < group ? least : group;
}

uint64_t rs_memory_left(void) {
    return rs_memory_left_under("");
}
