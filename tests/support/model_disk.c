/* The os table of the model disk. */
#include "model_disk.h"

#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>

#define FIRST_FD    1000
#define START_NS    INT64_C(1600000000000000000)
#define BLOCK       4096u
#define FRAMES      12
#define TORN_COPY   ".torn-"
#define BOTTOM_FREE 7777u

static model_process *process_of(const rs_os *os) {
    return os->context;
}

static void arrive(const rs_os *os) {
    model_process *process = process_of(os);
    model_disk *disk = process->disk;
    disk->calls++;
    if (disk->before) disk->before(disk->before_context, process);
}

/* --- the log --- */

void model_op_apply(model_tree *tree, const model_op *op) {
    switch (op->kind) {
    case MODEL_MAKE:
        model_tree_make(tree, op->node, op->flag, op->target);
        break;
    case MODEL_WRITE:
        model_tree_set_sector(tree, op->node, op->index, op->sector);
        break;
    case MODEL_RESIZE:
        model_tree_set_size(tree, op->node, op->size);
        break;
    case MODEL_RENAME:
        if (op->from) model_tree_set_name(tree, op->node, op->from, MODEL_NONE);
        if (op->to) model_tree_set_name(tree, op->node, op->to, op->target);
        break;
    default:
        break;
    }
}

/* Nothing can be changed: the file system has given up. */
static bool refuses(const rs_os *os) {
    return process_of(os)->disk->is_read_only;
}

static void record(model_disk *disk, model_op op) {
    if (disk->log_count == disk->log_room) {
        size_t room = 2 * disk->log_room + 128;
        model_op *log = model_arena_take(disk->live.arena, room * sizeof *log);
        if (disk->log_count) memcpy(log, disk->log, disk->log_count * sizeof *log);
        disk->log = log;
        disk->log_room = room;
    }
    op.call = disk->calls;
    disk->log[disk->log_count++] = op;
    model_op_apply(&disk->live, &op);
}

void model_disk_note(model_disk *disk, const void *note) {
    disk->calls++;
    record(disk, (model_op){.kind = MODEL_NOTE, .node = MODEL_NONE, .note = note});
}

static void rename_entry(model_disk *disk, int folder, const char *from, const char *to,
                         int target) {
    model_arena *arena = disk->live.arena;
    record(disk, (model_op){.kind = MODEL_RENAME,
                            .node = folder,
                            .from = from ? model_arena_text(arena, from) : NULL,
                            .to = to ? model_arena_text(arena, to) : NULL,
                            .target = target});
}

/* --- barriers that are left out --- */

static bool same_site(const model_site *a, const model_site *b) {
    return a->barrier == b->barrier && a->caller == b->caller && a->outer == b->outer;
}

/* Notes the site; true when this barrier is to be ignored. */
static bool is_ignored(model_disk *disk, model_barrier barrier, const void *caller) {
    if (!disk->sites && !disk->ignored) return false;
    if (disk->ignored && disk->ignored->barrier != barrier) return false;
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    model_site site = {.barrier = barrier, .caller = caller};
    for (int i = 0; i + 1 < count; i++)
        if (frames[i] == caller) site.outer = frames[i + 1];
    model_sites *sites = disk->sites;
    bool is_known = !sites;
    for (size_t i = 0; sites && i < sites->count; i++)
        is_known = is_known || same_site(&sites->list[i], &site);
    if (!is_known && sites->count < MODEL_SITES_MAX) sites->list[sites->count++] = site;
    return disk->ignored && same_site(disk->ignored, &site);
}

/* --- paths and descriptors --- */

static model_fd *fd_of(const rs_os *os, int fd) {
    model_process *process = process_of(os);
    if (fd < FIRST_FD || fd >= FIRST_FD + MODEL_FDS) return NULL;
    model_fd *found = &process->disk->fds[fd - FIRST_FD];
    return found->node != MODEL_NONE && found->process == process->number ? found : NULL;
}

static int file_of(const rs_os *os, int fd) {
    const model_fd *found = fd_of(os, fd);
    return found && !process_of(os)->is_dead ? found->node : MODEL_NONE;
}

/* What `path` leads to: *node is MODEL_NONE when its last component `name` is missing in `parent`.
 */
static int resolve(const rs_os *os, int folder, const char *path, int *parent,
                   char name[MODEL_NAME_SIZE], int *node) {
    const model_tree *tree = &process_of(os)->disk->live;
    if (process_of(os)->is_dead) return -EIO;
    *node = path[0] == '/' || folder == RS_WORKING_FOLDER ? MODEL_ROOT : file_of(os, folder);
    *parent = *node == MODEL_NONE ? MODEL_NONE : tree->nodes[*node].parent;
    name[0] = 0;
    if (*node == MODEL_NONE) return -EBADF;
    for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
        size_t size = strcspn(path, "/");
        if (*node == MODEL_NONE) return -ENOENT;
        if (!tree->nodes[*node].is_folder) return -ENOTDIR;
        if (size >= MODEL_NAME_SIZE) return -ENAMETOOLONG;
        memcpy(name, path, size);
        name[size] = 0;
        path += size;
        if (strcmp(name, ".") == 0) continue;
        *parent = *node;
        *node = strcmp(name, "..") == 0 ? tree->nodes[*node].parent
                                        : model_tree_find(tree, *parent, name);
    }
    return 0;
}

static int new_fd(model_process *process, int node) {
    for (int i = 0; i < MODEL_FDS; i++) {
        model_fd *fd = &process->disk->fds[i];
        if (fd->node != MODEL_NONE) continue;
        *fd = (model_fd){.node = node, .process = process->number};
        return FIRST_FD + i;
    }
    return -EMFILE;
}

static int make_node(model_disk *disk, int parent, const char *name, bool is_folder) {
    int node = disk->live.node_count;
    record(disk, (model_op){.kind = MODEL_MAKE, .node = node, .flag = is_folder, .target = parent});
    rename_entry(disk, parent, NULL, name, node);
    return node;
}

static int disk_open(const rs_os *os, int folder, const char *path, unsigned flags, unsigned mode) {
    (void)mode;
    arrive(os);
    model_process *process = process_of(os);
    char name[MODEL_NAME_SIZE];
    int parent, node;
    int answer = resolve(os, folder, path, &parent, name, &node);
    if (answer < 0) return answer;
    if (node == MODEL_NONE && !(flags & RS_OPEN_CREATE)) return -ENOENT;
    if (node != MODEL_NONE && (flags & RS_OPEN_EXCLUSIVE)) return -EEXIST;
    if (refuses(os) && ((flags & RS_OPEN_WRITE) || node == MODEL_NONE)) return -EROFS;
    if (node == MODEL_NONE) node = make_node(process->disk, parent, name, false);
    bool is_folder = process->disk->live.nodes[node].is_folder;
    if (!is_folder && (flags & RS_OPEN_FOLDER)) return -ENOTDIR;
    if (is_folder && (flags & RS_OPEN_WRITE)) return -EISDIR;
    return new_fd(process, node);
}

static int disk_close(const rs_os *os, int fd) {
    arrive(os);
    model_fd *found = fd_of(os, fd);
    if (!found) return -EBADF;
    found->node = MODEL_NONE;
    return 0;
}

static int disk_make_folder(const rs_os *os, int folder, const char *path, unsigned mode) {
    (void)mode;
    arrive(os);
    char name[MODEL_NAME_SIZE];
    int parent, node;
    int answer = resolve(os, folder, path, &parent, name, &node);
    if (answer < 0) return answer;
    if (node != MODEL_NONE) return -EEXIST;
    if (refuses(os)) return -EROFS;
    make_node(process_of(os)->disk, parent, name, true);
    return 0;
}

/* --- bytes --- */

static int64_t disk_read(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    arrive(os);
    const model_tree *tree = &process_of(os)->disk->live;
    int node = file_of(os, fd);
    if (node == MODEL_NONE) return process_of(os)->is_dead ? -EIO : -EBADF;
    uint64_t end = tree->nodes[node].size;
    if (offset >= end) return 0;
    if (size > end - offset) size = (size_t)(end - offset);
    model_tree_read(tree, node, to, size, offset);
    return (int64_t)size;
}

static void write_sectors(model_disk *disk, int node, const uint8_t *bytes, size_t size,
                          uint64_t offset) {
    for (size_t done = 0; done < size;) {
        uint8_t sector[MODEL_SECTOR];
        size_t index = (size_t)((offset + done) / MODEL_SECTOR);
        size_t skip = (size_t)((offset + done) % MODEL_SECTOR);
        size_t part = MODEL_SECTOR - skip < size - done ? MODEL_SECTOR - skip : size - done;
        model_tree_read(&disk->live, node, sector, sizeof sector, (uint64_t)index * MODEL_SECTOR);
        memcpy(sector + skip, bytes + done, part);
        record(disk, (model_op){.kind = MODEL_WRITE,
                                .node = node,
                                .index = index,
                                .sector = model_sector_make(disk->live.arena, sector)});
        done += part;
    }
}

/* 0, or the failure that this write is to meet. */
static int write_failure(model_disk *disk) {
    if (disk->writes_left < 0 || --disk->writes_left >= 0) return 0;
    return disk->writes_fail_hard ? -EIO : -ENOSPC;
}

static void write_parts(model_disk *disk, int node, const rs_slice *parts, size_t count,
                        size_t total, uint64_t offset) {
    uint64_t end = offset + total;
    if (total == 0) return;
    /* Before the sectors: what is behind the end of a file is cut off in the end. */
    if (end > disk->live.nodes[node].size)
        record(disk, (model_op){.kind = MODEL_RESIZE, .node = node, .size = end});
    size_t mark_size = total;
    uint8_t *whole = model_arena_take(disk->live.arena, mark_size);
    size_t at = 0;
    for (size_t i = 0; i < count && at < total; i++) {
        size_t part = parts[i].size < total - at ? parts[i].size : total - at;
        memcpy(whole + at, parts[i].bytes, part);
        at += part;
    }
    write_sectors(disk, node, whole, total, offset);
}

static bool has_name_with(const model_disk *disk, int node, const char *part) {
    for (int i = 0; i < disk->live.node_count; i++)
        for (size_t j = 0; j < disk->live.nodes[i].entry_count; j++)
            if (disk->live.nodes[i].entries[j].node == node)
                return strstr(disk->live.nodes[i].entries[j].name, part) != NULL;
    return false;
}

static int64_t disk_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                          uint64_t offset) {
    arrive(os);
    model_disk *disk = process_of(os)->disk;
    int node = file_of(os, fd);
    if (node == MODEL_NONE) return process_of(os)->is_dead ? -EIO : -EBADF;
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].size;
    if (refuses(os)) return -EROFS;
    if ((disk->sites || disk->ignored) && has_name_with(disk, node, TORN_COPY) &&
        is_ignored(disk, MODEL_BARRIER_TORN_COPY, __builtin_return_address(0)))
        return (int64_t)total;
    int failure = write_failure(disk);
    if (failure && total > BLOCK) { /* a part first, the failure next time */
        disk->writes_left = 0;
        total = BLOCK;
        failure = 0;
    }
    if (failure) return failure;
    write_parts(disk, node, parts, count, total, offset);
    return (int64_t)total;
}

static int64_t disk_copy(const rs_os *os, int from, uint64_t from_offset, int to,
                         uint64_t to_offset, uint64_t size) {
    model_disk *disk = process_of(os)->disk;
    if (size > BLOCK) size = BLOCK;
    uint8_t *bytes = model_arena_take(disk->live.arena, BLOCK);
    int64_t got = disk_read(os, from, bytes, (size_t)size, from_offset);
    rs_slice part = {bytes, got > 0 ? (size_t)got : 0};
    return got > 0 ? disk_write(os, to, &part, 1, to_offset) : got;
}

static int disk_truncate(const rs_os *os, int fd, uint64_t size) {
    arrive(os);
    model_disk *disk = process_of(os)->disk;
    int node = file_of(os, fd);
    if (node == MODEL_NONE) return process_of(os)->is_dead ? -EIO : -EBADF;
    if (refuses(os)) return -EROFS;
    /* What a lock file says is for people. */
    if (!has_name_with(disk, node, ".lock") &&
        is_ignored(disk, MODEL_BARRIER_TRUNCATE, __builtin_return_address(0)))
        return 0;
    if (disk->live.nodes[node].size != size)
        record(disk, (model_op){.kind = MODEL_RESIZE, .node = node, .size = size});
    return 0;
}

static int disk_reserve(const rs_os *os, int fd, uint64_t offset, uint64_t size) {
    (void)offset, (void)size;
    arrive(os);
    if (file_of(os, fd) == MODEL_NONE) return -EBADF;
    return process_of(os)->disk->can_reserve ? 0 : -EOPNOTSUPP;
}

/* --- syncs --- */

static int sync_node(const rs_os *os, int fd, bool data_only, const void *caller) {
    arrive(os);
    model_disk *disk = process_of(os)->disk;
    int node = file_of(os, fd);
    if (node == MODEL_NONE) return process_of(os)->is_dead ? -EIO : -EBADF;
    if (refuses(os)) return -EROFS;
    bool fails = disk->syncs_left >= 0 && --disk->syncs_left < 0;
    if (is_ignored(disk, MODEL_BARRIER_SYNC, caller) && !fails) return 0;
    record(disk, (model_op){.kind = fails ? MODEL_FAILED_SYNC : MODEL_SYNC,
                            .node = node,
                            .flag = data_only});
    /* What journaling file systems do when they can't write their own structures. */
    if (fails && disk->live.nodes[node].is_folder) disk->is_read_only = true;
    return fails ? -EIO : 0;
}

static int disk_sync_data(const rs_os *os, int fd) {
    return sync_node(os, fd, true, __builtin_return_address(0));
}

static int disk_sync(const rs_os *os, int fd) {
    return sync_node(os, fd, false, __builtin_return_address(0));
}

/* --- names --- */

static int disk_rename(const rs_os *os, int folder, const char *from, const char *to,
                       bool replace) {
    arrive(os);
    model_disk *disk = process_of(os)->disk;
    char old_name[MODEL_NAME_SIZE], new_name[MODEL_NAME_SIZE];
    int parent, node, other_parent, other;
    int answer = resolve(os, folder, from, &parent, old_name, &node);
    if (answer == 0) answer = resolve(os, folder, to, &other_parent, new_name, &other);
    if (answer < 0) return answer;
    if (node == MODEL_NONE) return -ENOENT;
    if (refuses(os)) return -EROFS;
    if (!replace && is_ignored(disk, MODEL_BARRIER_NO_REPLACE, __builtin_return_address(0)))
        replace = true;
    if (other != MODEL_NONE && !replace) return -EEXIST;
    if (other != node) rename_entry(disk, parent, old_name, new_name, node);
    return 0;
}

static int disk_link(const rs_os *os, int folder, const char *from, const char *to) {
    arrive(os);
    model_disk *disk = process_of(os)->disk;
    char name[MODEL_NAME_SIZE];
    int parent, node, other;
    int answer = resolve(os, folder, from, &parent, name, &node);
    if (answer == 0 && node == MODEL_NONE) answer = -ENOENT;
    if (answer == 0) answer = resolve(os, folder, to, &parent, name, &other);
    if (answer < 0) return answer;
    if (refuses(os)) return -EROFS;
    if (disk->has_no_links) return -EPERM;
    if (other != MODEL_NONE) return -EEXIST;
    rename_entry(disk, parent, NULL, name, node);
    return 0;
}

static int disk_remove(const rs_os *os, int folder, const char *path) {
    arrive(os);
    model_disk *disk = process_of(os)->disk;
    char name[MODEL_NAME_SIZE];
    int parent, node;
    int answer = resolve(os, folder, path, &parent, name, &node);
    if (answer < 0) return answer;
    if (node == MODEL_NONE) return -ENOENT;
    if (disk->live.nodes[node].is_folder) return -EISDIR;
    if (refuses(os)) return -EROFS;
    rename_entry(disk, parent, name, NULL, MODEL_NONE);
    return 0;
}

/* The names of the moment at which it begins, as far as one call of the kernel goes. */
static int disk_list(const rs_os *os, int folder, int (*visit)(void *context, const char *name),
                     void *context) {
    arrive(os);
    const model_tree *tree = &process_of(os)->disk->live;
    int node = file_of(os, folder);
    if (node == MODEL_NONE) return process_of(os)->is_dead ? -EIO : -EBADF;
    size_t count = tree->nodes[node].entry_count;
    model_entry *entries = model_arena_take(tree->arena, count * sizeof *entries);
    if (count) memcpy(entries, tree->nodes[node].entries, count * sizeof *entries);
    int answer = 0;
    for (size_t i = 0; i < count && answer == 0; i++)
        answer = visit(context, entries[i].name);
    return answer;
}

static int fill_info(const rs_os *os, int node, rs_file_info *info) {
    const model_tree *tree = &process_of(os)->disk->live;
    bool is_folder = tree->nodes[node].is_folder;
    *info = (rs_file_info){
        .kind = is_folder ? RS_KIND_FOLDER : RS_KIND_FILE,
        .size = tree->nodes[node].size,
        .device = 1,
        .inode = (uint64_t)node + 1,
        .mode = is_folder ? 0700 : 0600,
        .links = model_tree_links(tree, node),
        /* Another one after each change. */
        .modified_ns = START_NS + (int64_t)(tree->nodes[node].content % 1000000000),
    };
    return 0;
}

static int disk_info(const rs_os *os, int fd, rs_file_info *info) {
    arrive(os);
    int node = file_of(os, fd);
    if (node == MODEL_NONE) return process_of(os)->is_dead ? -EIO : -EBADF;
    return fill_info(os, node, info);
}

static int disk_info_at(const rs_os *os, int folder, const char *path, rs_file_info *info) {
    arrive(os);
    char name[MODEL_NAME_SIZE];
    int parent, node;
    int answer = resolve(os, folder, path, &parent, name, &node);
    if (answer < 0) return answer;
    return node == MODEL_NONE ? -ENOENT : fill_info(os, node, info);
}

static int disk_set_mode(const rs_os *os, int fd, unsigned mode) {
    (void)mode;
    return file_of(os, fd) == MODEL_NONE ? -EBADF : 0;
}

/* --- all else --- */

static int disk_lock(const rs_os *os, int fd) {
    arrive(os);
    model_disk *disk = process_of(os)->disk;
    model_fd *own = fd_of(os, fd);
    if (!own) return -EBADF;
    if (disk->has_no_locks) return -ENOLCK;
    for (int i = 0; i < MODEL_FDS; i++) {
        const model_fd *other = &disk->fds[i];
        if (other != own && other->node == own->node && other->is_locked) return -EWOULDBLOCK;
    }
    own->is_locked = true;
    return 0;
}

static void disk_unlock(const rs_os *os, int fd) {
    model_fd *own = fd_of(os, fd);
    if (own) own->is_locked = false;
}

static int disk_free_bytes(const rs_os *os, int fd, uint64_t *free_bytes) {
    (void)os, (void)fd;
    *free_bytes = BOTTOM_FREE;
    return 0;
}

static int disk_is_in_place(const rs_os *os, int fd) {
    (void)fd;
    return process_of(os)->disk->is_in_place;
}

static int disk_working_folder(const rs_os *os, char *path, size_t size) {
    (void)os;
    return snprintf(path, size, "/") < (int)size ? 0 : -ERANGE;
}

static int64_t disk_clock(const rs_os *os) {
    model_disk *disk = process_of(os)->disk;
    return disk->clock_ns += disk->tick_ns;
}

static int64_t disk_monotonic(const rs_os *os) {
    model_disk *disk = process_of(os)->disk;
    return disk->monotonic_ns += disk->tick_ns;
}

static int disk_random(const rs_os *os, void *to, size_t size) {
    model_disk *disk = process_of(os)->disk;
    for (size_t i = 0; i < size; i++) {
        disk->random = model_mix(disk->random, i);
        ((uint8_t *)to)[i] = (uint8_t)(disk->random >> 32);
    }
    return 0;
}

static int disk_process(const rs_os *os, rs_process *process) {
    *process = (rs_process){.pid = 100 + process_of(os)->number, .started_ns = START_NS};
    snprintf(process->host, sizeof process->host, "model");
    snprintf(process->boot_id, sizeof process->boot_id, "boot");
    return 0;
}

static int64_t disk_pid(const rs_os *os) {
    return 100 + process_of(os)->number;
}

static uint32_t disk_user(const rs_os *os) {
    (void)os;
    return 0;
}

/* --- the disk --- */

static const rs_os table = {
    .open = disk_open,
    .close = disk_close,
    .read = disk_read,
    .write = disk_write,
    .sync_data = disk_sync_data,
    .sync = disk_sync,
    .truncate = disk_truncate,
    .reserve = disk_reserve,
    .start_writing = disk_reserve, /* what is written before a sync is any part of it as it is */
    .copy = disk_copy,
    .info = disk_info,
    .info_at = disk_info_at,
    .make_folder = disk_make_folder,
    .set_mode = disk_set_mode,
    .rename = disk_rename,
    .link = disk_link,
    .remove = disk_remove,
    .list = disk_list,
    .lock = disk_lock,
    .unlock = disk_unlock,
    .free_bytes = disk_free_bytes,
    .is_in_place = disk_is_in_place,
    .working_folder = disk_working_folder,
    .clock_ns = disk_clock,
    .monotonic_ns = disk_monotonic,
    .random = disk_random,
    .process = disk_process,
    .pid = disk_pid,
    .user = disk_user,
};

void model_disk_init(model_disk *disk, const model_tree *tree, uint64_t random) {
    *disk = (model_disk){
        .base = *tree,
        .random = random,
        .clock_ns = START_NS,
        .monotonic_ns = 1,
        .tick_ns = 1,
        .syncs_left = -1,
        .writes_left = -1,
    };
    model_tree_clone(&disk->base, &disk->live);
    for (int i = 0; i < MODEL_FDS; i++)
        disk->fds[i].node = MODEL_NONE;
    for (int i = 0; i < MODEL_PROCESSES; i++) {
        model_process *process = &disk->processes[i];
        process->disk = disk;
        process->number = i;
        process->os = table;
        process->os.context = process;
    }
}

void model_disk_init_like(model_disk *disk, const model_tree *tree, uint64_t random,
                          const model_disk *like) {
    model_disk_init(disk, tree, random);
    disk->clock_ns = like->clock_ns + 1000000000;
    disk->tick_ns = like->tick_ns;
    disk->has_no_links = like->has_no_links;
    disk->has_no_locks = like->has_no_locks;
    disk->can_reserve = like->can_reserve;
    disk->is_in_place = like->is_in_place;
    disk->sites = like->sites;
    disk->ignored = like->ignored;
}

const rs_os *model_disk_os(model_disk *disk, int process) {
    return &disk->processes[process].os;
}

void model_disk_kill(model_disk *disk, int process) {
    for (int i = 0; i < MODEL_FDS; i++)
        if (disk->fds[i].process == process) disk->fds[i] = (model_fd){.node = MODEL_NONE};
}
