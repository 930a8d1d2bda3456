/* The disk that loses power. */
#include "crash_os.h"

#include "sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR     512u
#define FOLDER_FD  999
#define FIRST_FD   1000 /* + index of the file */
#define CLOCK_STEP 1000000

static crash_os *disk_of(const rs_os *os) {
    return os->context;
}

static uint64_t below(crash_os *disk, uint64_t limit) {
    return sample_random(&disk->random) % limit;
}

/* --- bytes --- */

static void resize(crash_bytes *bytes, size_t size) {
    if (size > bytes->capacity) {
        bytes->capacity = 2 * size + 4096;
        bytes->bytes = realloc(bytes->bytes, bytes->capacity);
        if (!bytes->bytes) abort();
    }
    if (size > bytes->size) memset(bytes->bytes + bytes->size, 0, size - bytes->size);
    bytes->size = size;
}

static void copy_bytes(const crash_bytes *from, crash_bytes *to) {
    resize(to, from->size);
    if (from->size) memcpy(to->bytes, from->bytes, from->size);
}

static void touch(crash_file *file, size_t from, size_t to) {
    size_t sectors = (to + SECTOR - 1) / SECTOR;
    if (sectors > file->touched_size) {
        file->touched = realloc(file->touched, 2 * sectors);
        if (!file->touched) abort();
        memset(file->touched + file->touched_size, 0, 2 * sectors - file->touched_size);
        file->touched_size = 2 * sectors;
    }
    if (from < to) memset(file->touched + from / SECTOR, 1, sectors - from / SECTOR);
}

static void sync_file(crash_file *file) {
    copy_bytes(&file->now, &file->durable);
    if (file->touched) memset(file->touched, 0, file->touched_size);
    file->resized = false;
}

static void crash_file_bytes(crash_os *disk, crash_file *file) {
    size_t size = file->now.size, old = file->durable.size;
    /* The new size, the old one, or one in between, as far as writing back had come. */
    uint64_t kind = below(disk, 3);
    if (file->resized && kind == 0) size = old;
    if (file->resized && kind == 1 && size > old) size = old + below(disk, size - old + 1);
    unsigned keep = (unsigned)below(disk, 5); /* of 4: none .. all */
    resize(&file->durable, size);
    for (size_t at = 0; at < size; at += SECTOR) {
        size_t part = size - at < SECTOR ? size - at : SECTOR;
        bool touched = at / SECTOR < file->touched_size && file->touched[at / SECTOR];
        if (touched && at + part <= file->now.size && below(disk, 4) < keep)
            memcpy(file->durable.bytes + at, file->now.bytes + at, part);
    }
    copy_bytes(&file->durable, &file->now);
    sync_file(file);
}

/* --- names --- */

static crash_name *find(crash_name *names, const char *name) {
    for (int i = 0; i < CRASH_NAMES_MAX; i++)
        if (names[i].file >= 0 && strcmp(names[i].name, name) == 0) return &names[i];
    return NULL;
}

static void apply(crash_name *names, const crash_step *step) {
    crash_name *entry = step->from[0] ? find(names, step->from) : NULL;
    if (entry) entry->file = -1;
    if (!step->to[0]) return;
    entry = find(names, step->to);
    for (int i = 0; !entry && i < CRASH_NAMES_MAX; i++)
        if (names[i].file < 0) entry = &names[i];
    if (!entry) abort();
    snprintf(entry->name, sizeof entry->name, "%s", step->to);
    entry->file = step->file;
}

static void change_names(crash_os *disk, const char *from, const char *to, int file) {
    if (disk->step_count == CRASH_STEPS_MAX) abort();
    crash_step *step = &disk->steps[disk->step_count++];
    snprintf(step->from, sizeof step->from, "%s", from);
    snprintf(step->to, sizeof step->to, "%s", to);
    step->file = file;
    apply(disk->now, step);
}

static void sync_names(crash_os *disk) {
    memcpy(disk->durable, disk->now, sizeof disk->now);
    disk->step_count = 0;
}

/* --- the table --- */

/* Counts a call that changes something; -EIO when the power is off. */
static bool power_fails(crash_os *disk) {
    if (disk->calls_left == 0) disk->is_off = true;
    if (disk->calls_left > 0) disk->calls_left--;
    return disk->is_off;
}

static crash_file *file_of(crash_os *disk, int fd) {
    return fd >= FIRST_FD && fd < FIRST_FD + disk->file_count ? &disk->files[fd - FIRST_FD] : NULL;
}

static int crash_open(const rs_os *os, int folder, const char *path, unsigned flags,
                      unsigned mode) {
    crash_os *disk = disk_of(os);
    (void)mode;
    if (folder != FOLDER_FD) return -ENOENT;
    crash_name *entry = find(disk->now, path);
    if (disk->is_off) return -EIO;
    if (entry && (flags & RS_OPEN_EXCLUSIVE)) return -EEXIST;
    if (entry) return FIRST_FD + entry->file;
    if (!(flags & RS_OPEN_CREATE)) return -ENOENT;
    if (power_fails(disk)) return -EIO;
    if (disk->file_count == CRASH_FILES_MAX) return -ENOSPC;
    int file = disk->file_count++;
    change_names(disk, "", path, file);
    return FIRST_FD + file;
}

static int crash_close(const rs_os *os, int fd) {
    (void)os, (void)fd;
    return 0;
}

static int64_t crash_read(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    crash_os *disk = disk_of(os);
    const crash_file *file = file_of(disk, fd);
    if (!file) return -EBADF;
    if (disk->is_off) return -EIO;
    if (offset >= file->now.size) return 0;
    if (size > file->now.size - offset) size = file->now.size - (size_t)offset;
    memcpy(to, file->now.bytes + offset, size);
    return (int64_t)size;
}

static int64_t crash_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                           uint64_t offset) {
    crash_os *disk = disk_of(os);
    crash_file *file = file_of(disk, fd);
    size_t total = 0;
    if (!file) return -EBADF;
    for (size_t i = 0; i < count; i++)
        total += parts[i].size;
    size_t done = total;
    /* The power fails while it is written: a part has reached the cache. */
    bool was_on = !disk->is_off;
    bool fails = power_fails(disk);
    if (fails) done = was_on ? (size_t)below(disk, total + 1) : 0;
    size_t at = (size_t)offset, end = at + done;
    if (done > 0 && end > file->now.size) {
        resize(&file->now, end);
        file->resized = true;
    }
    for (size_t i = 0; i < count && at < end; i++) {
        size_t part = parts[i].size < end - at ? parts[i].size : end - at;
        memcpy(file->now.bytes + at, parts[i].bytes, part);
        touch(file, at, at + part);
        at += part;
    }
    return fails ? -EIO : (int64_t)total;
}

static int crash_sync(const rs_os *os, int fd) {
    crash_os *disk = disk_of(os);
    if (power_fails(disk)) return -EIO;
    if (fd == FOLDER_FD)
        sync_names(disk);
    else if (file_of(disk, fd))
        sync_file(file_of(disk, fd));
    return 0;
}

static int crash_truncate(const rs_os *os, int fd, uint64_t size) {
    crash_os *disk = disk_of(os);
    crash_file *file = file_of(disk, fd);
    if (power_fails(disk)) return -EIO;
    resize(&file->now, (size_t)size);
    file->resized = true;
    return 0;
}

static int crash_reserve(const rs_os *os, int fd, uint64_t offset, uint64_t size) {
    (void)os, (void)fd, (void)offset, (void)size;
    return -EOPNOTSUPP;
}

static int crash_start_writing(const rs_os *os, int fd, uint64_t offset, uint64_t size) {
    (void)os, (void)fd, (void)offset, (void)size;
    return -ENOSYS;
}

static uint64_t count_links(const crash_os *disk, int file) {
    uint64_t links = 0;
    for (int i = 0; i < CRASH_NAMES_MAX; i++)
        links += disk->now[i].file == file;
    return links;
}

static int crash_info(const rs_os *os, int fd, rs_file_info *info) {
    crash_os *disk = disk_of(os);
    if (disk->is_off) return -EIO;
    *info = (rs_file_info){.kind = RS_KIND_FILE,
                           .size = disk->files[fd - FIRST_FD].now.size,
                           .inode = (uint64_t)(fd - FIRST_FD) + 1,
                           .mode = 0600,
                           .links = count_links(disk, fd - FIRST_FD)};
    return 0;
}

static int crash_info_at(const rs_os *os, int folder, const char *path, rs_file_info *info) {
    crash_os *disk = disk_of(os);
    (void)folder;
    const crash_name *entry = find(disk->now, path);
    if (disk->is_off) return -EIO;
    return entry ? crash_info(os, FIRST_FD + entry->file, info) : -ENOENT;
}

static int crash_set_mode(const rs_os *os, int fd, unsigned mode) {
    (void)os, (void)fd, (void)mode;
    return 0;
}

static int crash_rename(const rs_os *os, int folder, const char *from, const char *to,
                        bool replace) {
    crash_os *disk = disk_of(os);
    (void)folder;
    if (power_fails(disk)) return -EIO;
    const crash_name *entry = find(disk->now, from);
    if (!entry) return -ENOENT;
    if (!replace && find(disk->now, to)) return -EEXIST;
    change_names(disk, from, to, entry->file);
    return 0;
}

static int crash_link(const rs_os *os, int folder, const char *from, const char *to) {
    crash_os *disk = disk_of(os);
    (void)folder;
    if (disk->has_no_links) return -EPERM;
    if (power_fails(disk)) return -EIO;
    const crash_name *entry = find(disk->now, from);
    if (!entry) return -ENOENT;
    if (find(disk->now, to)) return -EEXIST;
    change_names(disk, "", to, entry->file);
    return 0;
}

static int crash_remove(const rs_os *os, int folder, const char *path) {
    crash_os *disk = disk_of(os);
    (void)folder;
    if (power_fails(disk)) return -EIO;
    if (!find(disk->now, path)) return -ENOENT;
    change_names(disk, path, "", -1);
    return 0;
}

static int crash_list(const rs_os *os, int folder, int (*visit)(void *context, const char *name),
                      void *context) {
    crash_os *disk = disk_of(os);
    (void)folder;
    if (disk->is_off) return -EIO;
    int answer = 0;
    for (int i = 0; i < CRASH_NAMES_MAX && answer == 0; i++)
        if (disk->now[i].file >= 0) answer = visit(context, disk->now[i].name);
    return answer;
}

static int crash_random(const rs_os *os, void *to, size_t size) {
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)to)[i] = (uint8_t)below(disk_of(os), 256);
    return 0;
}

/* Nobody else is alive. */
static int crash_lock(const rs_os *os, int fd) {
    (void)os, (void)fd;
    return 0;
}

static int64_t crash_clock(const rs_os *os) {
    (void)os;
    return 1600000000000000000;
}

/* Some hints are due, some are not. */
static int64_t crash_monotonic(const rs_os *os) {
    return (int64_t)below(disk_of(os), 2) * 1000000000 + CLOCK_STEP;
}

static int crash_free_bytes(const rs_os *os, int fd, uint64_t *free_bytes) {
    (void)os, (void)fd;
    *free_bytes = 0;
    return 0;
}

static int crash_is_in_place(const rs_os *os, int fd) {
    (void)os, (void)fd;
    return 1;
}

static uint32_t crash_user(const rs_os *os) {
    (void)os;
    return 0;
}

void crash_os_init(crash_os *disk, uint64_t seed) {
    memset(disk, 0, sizeof *disk);
    for (int i = 0; i < CRASH_NAMES_MAX; i++)
        disk->now[i].file = disk->durable[i].file = -1;
    disk->random = seed;
    disk->calls_left = -1;
    disk->os = (rs_os){
        .context = disk,
        .open = crash_open,
        .close = crash_close,
        .read = crash_read,
        .write = crash_write,
        .sync_data = crash_sync,
        .sync = crash_sync,
        .truncate = crash_truncate,
        .reserve = crash_reserve,
        .start_writing = crash_start_writing,
        .info = crash_info,
        .info_at = crash_info_at,
        .set_mode = crash_set_mode,
        .rename = crash_rename,
        .link = crash_link,
        .remove = crash_remove,
        .list = crash_list,
        .lock = crash_lock,
        .free_bytes = crash_free_bytes,
        .is_in_place = crash_is_in_place,
        .clock_ns = crash_clock,
        .monotonic_ns = crash_monotonic,
        .random = crash_random,
        .user = crash_user,
    };
    disk->folder = (rs_folder){.os = &disk->os, .path = "/disk", .fd = FOLDER_FD};
}

void crash_os_release(crash_os *disk) {
    for (int i = 0; i < disk->file_count; i++) {
        free(disk->files[i].now.bytes);
        free(disk->files[i].durable.bytes);
        free(disk->files[i].touched);
    }
    disk->file_count = 0;
}

void crash_os_crash(crash_os *disk) {
    for (int i = 0; i < disk->file_count; i++)
        crash_file_bytes(disk, &disk->files[i]);
    for (size_t i = 0; i < disk->step_count; i++)
        if (below(disk, 2)) apply(disk->durable, &disk->steps[i]);
    memcpy(disk->now, disk->durable, sizeof disk->now);
    disk->step_count = 0;
    disk->is_off = false;
    disk->calls_left = -1;
}
