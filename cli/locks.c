/* Which files are locked at this moment, and by whom: the kernel's list, read once for many. Trying
 * a lock would make a program that starts at this moment fail. */
#include "command.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const rc_lock *left = a, *right = b;
    return (left->inode > right->inode) - (left->inode < right->inode);
}

static bool add(rc_locks *locks, const rc_lock *lock) {
    if (locks->count == locks->capacity) {
        size_t capacity = locks->capacity ? 2 * locks->capacity : 64;
        rc_lock *items = rs_reallocate_array(locks->items, capacity, sizeof *items);
        if (!items) return false;
        locks->items = items;
        locks->capacity = capacity;
    }
    locks->items[locks->count++] = *lock;
    return true;
}

/* The device number there is another one on btrfs, hence the inode alone. */
void rc_locks_read(rc_locks *locks) {
    char line[256];
    rc_lock lock;
    bool has_room = true;
    *locks = (rc_locks){0};
    FILE *file = fopen("/proc/locks", "re");
    while (file && has_room && fgets(line, sizeof line, file))
        if (sscanf(line, "%*u: FLOCK %*s WRITE %" SCNd64 " %*x:%*x:%" SCNu64, &lock.holder,
                   &lock.inode) == 2)
            has_room = add(locks, &lock);
    if (file) fclose(file);
    if (locks->count) qsort(locks->items, locks->count, sizeof *locks->items, compare);
}

void rc_locks_release(rc_locks *locks) {
    rs_free(locks->items);
    *locks = (rc_locks){0};
}

int64_t rc_locks_holder(const rc_locks *locks, const rs_folder *folder, const char *file_name) {
    rs_file_info info;
    if (!locks->count || folder->os->info_at(folder->os, folder->fd, file_name, &info) != 0)
        return 0;
    const rc_lock wanted = {.inode = info.inode};
    const rc_lock *found =
        bsearch(&wanted, locks->items, locks->count, sizeof *locks->items, compare);
    return found ? found->holder : 0;
}

int64_t rc_locks_in_use(const rc_locks *locks, const rs_folder *folder, const char *file_name) {
    char lock_name[RS_FILE_NAME_SIZE + 8];
    snprintf(lock_name, sizeof lock_name, "%s.lock", file_name);
    return rc_locks_holder(locks, folder, lock_name);
}

int64_t rc_place_in_use(const rs_folder *folder, const char *file_name) {
    rc_locks locks;
    rc_locks_read(&locks);
    int64_t holder = rc_locks_in_use(&locks, folder, file_name);
    rc_locks_release(&locks);
    return holder;
}
