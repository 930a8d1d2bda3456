/* One file in memory behind an os table. */
#include "memory_file.h"

#include <errno.h>
#include <string.h>

#define DESCRIPTOR 1000
#define MEMINFO    1001

static memory_file *memory_of(const rs_os *os) {
    return os->context;
}

static int memory_open(const rs_os *os, int folder, const char *path, unsigned flags,
                       unsigned mode) {
    (void)folder, (void)mode;
    if (strcmp(path, "/proc/meminfo") == 0 && memory_of(os)->meminfo) {
        memory_of(os)->open_count++;
        return MEMINFO;
    }
    if (strcmp(path, MEMORY_FILE_NAME) != 0) return -ENOENT;
    if (flags != RS_OPEN_READ) return -EROFS;
    memory_of(os)->open_count++;
    return DESCRIPTOR;
}

static int memory_close(const rs_os *os, int fd) {
    memory_of(os)->open_count--;
    return fd == DESCRIPTOR || fd == MEMINFO ? 0 : -EBADF;
}

static int64_t memory_read(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    const memory_file *memory = memory_of(os);
    if (fd == MEMINFO) {
        size_t length = strlen(memory->meminfo);
        if (size > length) size = length;
        memcpy(to, memory->meminfo, size);
        return (int64_t)size;
    }
    if (fd != DESCRIPTOR) return -EBADF;
    if (offset >= memory->size) return 0;
    if (size > memory->size - offset) size = memory->size - (size_t)offset;
    memcpy(to, memory->bytes + offset, size);
    return (int64_t)size;
}

static int memory_info(const rs_os *os, int fd, rs_file_info *info) {
    if (fd != DESCRIPTOR) return -EBADF;
    *info = (rs_file_info){.kind = RS_KIND_FILE,
                           .size = memory_of(os)->size,
                           .inode = 1,
                           .mode = 0600,
                           .links = 1,
                           .owner = memory_of(os)->owner};
    return 0;
}

static int memory_info_at(const rs_os *os, int folder, const char *path, rs_file_info *info) {
    (void)folder;
    return strcmp(path, MEMORY_FILE_NAME) == 0 ? memory_info(os, DESCRIPTOR, info) : -ENOENT;
}

static int memory_list(const rs_os *os, int folder, int (*visit)(void *context, const char *name),
                       void *context) {
    (void)os, (void)folder;
    return visit(context, MEMORY_FILE_NAME);
}

static uint32_t memory_user(const rs_os *os) {
    (void)os;
    return 0;
}

void memory_file_init(memory_file *memory) {
    memset(memory, 0, sizeof *memory);
    memory->os = (rs_os){
        .context = memory,
        .open = memory_open,
        .close = memory_close,
        .read = memory_read,
        .info = memory_info,
        .info_at = memory_info_at,
        .list = memory_list,
        .user = memory_user,
    };
    memory->folder = (rs_folder){.os = &memory->os, .path = "/memory", .fd = 999};
}

resume_status memory_file_open(memory_file *memory, rs_file **file, rs_recovery *recovery,
                               rs_error *error) {
    return rs_file_open(&memory->folder, MEMORY_FILE_NAME, false, file, recovery, error);
}
