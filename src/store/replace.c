/* A complete new file takes the place of NAME; the one before it is kept aside where asked. */
#include "store/file_internal.h"

#include "base/alloc.h"

#include <stdio.h>
#include <time.h>

/* Names tried for a file that is set aside. */
#define ASIDE_ATTEMPTS 1000000u
#define DATED_ATTEMPTS 3600u
#define NANOSECONDS    1000000000

/* --- temporary files --- */

static resume_status open_slot(rs_file *file, rs_fresh *fresh, unsigned slot, rs_error *error) {
    fresh->slot = slot;
    if (!rs_name_temporary(file->name, slot, true, fresh->name)) /* the longer form */
        return rs_fail(error, RESUME_BAD_NAME, "'%s' is too long", file->name);
    rs_name_temporary(file->name, slot, false, fresh->name);
    return rs_fd_open(file->os, file->folder->fd, fresh->name,
                      RS_OPEN_READ | RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE, 0600,
                      &fresh->fd, error);
}

static int look_at_slot(rs_file *file, unsigned slot, bool is_ready, char name[RS_FILE_NAME_SIZE],
                        rs_file_info *info) {
    rs_name_temporary(file->name, slot, is_ready, name);
    return file->os->info_at(file->os, file->folder->fd, name, info);
}

/* Where nobody can tell the living from the dead, what was written to longest ago is taken for a
 * dead one's; a writer that lives all the same finds out in rs_fresh_publish. */
static unsigned empty_oldest(rs_file *file) {
    char name[RS_FILE_NAME_SIZE];
    rs_file_info info;
    unsigned oldest = 0;
    int64_t oldest_ns = INT64_MAX;
    for (unsigned slot = 0; slot < RS_TEMPORARY_SLOTS; slot++) {
        if (look_at_slot(file, slot, false, name, &info) < 0 || info.modified_ns >= oldest_ns)
            continue;
        oldest = slot;
        oldest_ns = info.modified_ns;
    }
    rs_name_temporary(file->name, oldest, false, name);
    file->os->remove(file->os, file->folder->fd, name);
    return oldest;
}

static resume_status open_temporary(rs_file *file, rs_fresh *fresh, rs_error *error) {
    resume_status status = RESUME_EXISTS;
    for (unsigned slot = 0; status == RESUME_EXISTS && slot < RS_TEMPORARY_SLOTS; slot++)
        status = open_slot(file, fresh, slot, error);
    if (status == RESUME_EXISTS) status = open_slot(file, fresh, empty_oldest(file), error);
    if (status) {
        rs_error_prefix(error, "can't make a new file in '%s'", file->folder->path);
        return status;
    }
    /* A file mode mask of 0777 would leave a file that we can't open again. */
    file->os->set_mode(file->os, fresh->fd, 0600);
    return RESUME_OK;
}

/* Somebody has taken our file for a dead writer's, and its name for a file of his own. */
static bool is_anothers(rs_file *file, const rs_fresh *fresh) {
    rs_file_info own, named;
    return file->os->info(file->os, fresh->fd, &own) == 0 &&
           file->os->info_at(file->os, file->folder->fd, fresh->name, &named) == 0 &&
           !rs_is_same_file(&named, own.device, own.inode);
}

resume_status rs_fresh_write_header(rs_file *file, rs_fresh *fresh, rs_error *error) {
    static const uint8_t no_hints[2 * RS_BLOCK_SIZE];
    uint8_t block[RS_BLOCK_SIZE];
    rs_header_encode(&fresh->header, block);
    fresh->header_digest = rs_digest_of(block, sizeof block);
    rs_slice parts[] = {{block, sizeof block}, {no_hints, sizeof no_hints}};
    return rs_fd_write_all(file->os, fresh->fd, parts, 2, 0, fresh->path, error);
}

resume_status rs_fresh_make(rs_file *file, rs_fresh *fresh, rs_error *error) {
    resume_status status = open_temporary(file, fresh, error);
    if (status) return status;
    fresh->path = rs_folder_join(file->folder, fresh->name);
    if (!fresh->path) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
    fresh->header = (rs_header){
        .major = RS_FORMAT_MAJOR,
        .minor = RS_FORMAT_MINOR,
        .chunk_size = RS_CHUNK_SIZE,
        .created_ns = file->os->clock_ns(file->os),
    };
    int answer =
        file->os->random(file->os, fresh->header.uuid.bytes, sizeof fresh->header.uuid.bytes);
    if (answer < 0) return rs_os_fail(error, answer, "can't get random bytes", NULL);
    return rs_fresh_write_header(file, fresh, error);
}

void rs_fresh_discard(rs_file *file, rs_fresh *fresh) {
    if (fresh->fd >= 0) { /* not published */
        bool is_ours = !is_anothers(file, fresh);
        rs_fd_close(file->os, &fresh->fd);
        if (is_ours) file->os->remove(file->os, file->folder->fd, fresh->name);
    }
    rs_free(fresh->path);
    fresh->path = NULL;
}

/* --- names --- */

/* "NAME.damaged-20261122T134301Z", `attempt` seconds later than now. */
static void dated_name(const rs_file *file, const char *kind, unsigned attempt,
                       char name[RS_FILE_NAME_SIZE]) {
    time_t seconds = (time_t)(file->os->clock_ns(file->os) / NANOSECONDS) + (time_t)attempt;
    struct tm parts = {0};
    char text[32] = "";
    gmtime_r(&seconds,
             &parts); /* fails in other centuries only than a clock of nanoseconds knows */
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
    snprintf(name, RS_FILE_NAME_SIZE, "%.*s.%s-%s", (int)RS_NAME_SIZE_MAX, file->name, kind, text);
}

/* False when there are no more. */
static bool aside_candidate(const rs_file *file, rs_aside aside, unsigned attempt,
                            char name[RS_FILE_NAME_SIZE]) {
    if (aside == RS_ASIDE_DAMAGED) {
        dated_name(file, "damaged", attempt, name);
        return attempt < DATED_ATTEMPTS;
    }
    snprintf(name, RS_FILE_NAME_SIZE, "%.*s~%u", (int)RS_NAME_SIZE_MAX, file->name, attempt + 1);
    return attempt < ASIDE_ATTEMPTS;
}

/* --- steps, each durable when it returns OK where it says so --- */

resume_status rs_file_sync_folder(rs_file *file, rs_error *error) {
    int answer = file->os->sync(file->os, file->folder->fd);
    if (rs_os_is_unsupported(answer)) return RESUME_OK; /* some file systems can't sync folders */
    return answer < 0 ? rs_os_fail(error, answer, "can't sync folder", file->folder->path)
                      : RESUME_OK;
}

static int rename_to(rs_file *file, const char *from, const char *to, bool replace) {
    return file->os->rename(file->os, file->folder->fd, from, to, replace);
}

/* Gives NAME a second name, the first that is free. *linked is false where the file system has no
 * hard links. */
static resume_status link_aside(rs_file *file, rs_aside aside, char name[RS_FILE_NAME_SIZE],
                                bool *linked, rs_error *error) {
    *linked = false;
    for (unsigned i = 0; aside_candidate(file, aside, i, name); i++) {
        int answer = file->os->link(file->os, file->folder->fd, file->name, name);
        if (rs_os_status(answer) == RESUME_EXISTS) continue;
        if (rs_os_cannot_link(answer)) return RESUME_OK;
        if (answer < 0) return rs_os_fail(error, answer, "can't set aside", file->path);
        *linked = true;
        return RESUME_OK;
    }
    return rs_fail(error, RESUME_EXISTS, "can't set '%s' aside: too many older files; remove some",
                   file->path);
}

static resume_status replace_linked(rs_file *file, rs_fresh *fresh, const char *aside_name,
                                    bool *published, rs_error *error) {
    /* Guards against a crash that keeps the rename and loses the second name of the old file. */
    resume_status status = rs_file_sync_folder(file, error);
    if (status == RESUME_OK) {
        int answer = rename_to(file, fresh->name, file->name, true);
        if (answer < 0) status = rs_os_fail(error, answer, "can't replace", file->path);
    }
    if (status) {
        file->os->remove(file->os, file->folder->fd, aside_name);
        return status;
    }
    *published = true;
    return RESUME_OK;
}

/* The temporary file is marked as ready for its name, durably: NAME stands empty for a moment. */
static resume_status make_ready(rs_file *file, rs_fresh *fresh, rs_error *error) {
    char ready[RS_FILE_NAME_SIZE];
    rs_name_temporary(file->name, fresh->slot, true, ready);
    /* Guards against a crash that keeps the next rename and loses the one by which NAME, the file
     * that a dead process had marked so, got its name: only the cache may know of that yet. */
    resume_status status = rs_file_sync_folder(file, error);
    if (status) return status;
    int answer = rename_to(file, fresh->name, ready, true); /* both are our own */
    if (answer < 0) return rs_os_fail(error, answer, "can't rename", fresh->path);
    memcpy(fresh->name, ready, sizeof ready);
    /* Guards against a crash that leaves NAME empty and nothing that is known to be complete. */
    return rs_file_sync_folder(file, error);
}

static resume_status move_aside(rs_file *file, rs_aside aside, char name[RS_FILE_NAME_SIZE],
                                rs_error *error) {
    for (unsigned i = 0; aside_candidate(file, aside, i, name); i++) {
        int answer = rename_to(file, file->name, name, false);
        if (rs_os_status(answer) == RESUME_EXISTS) continue;
        return answer < 0 ? rs_os_fail(error, answer, "can't set aside", file->path) : RESUME_OK;
    }
    return rs_fail(error, RESUME_EXISTS, "can't set '%s' aside: too many older files; remove some",
                   file->path);
}

static resume_status replace_by_moves(rs_file *file, rs_fresh *fresh, rs_aside aside,
                                      char name[RS_FILE_NAME_SIZE], bool *published,
                                      rs_error *error) {
    resume_status status = make_ready(file, fresh, error);
    if (status) return status;
    status = move_aside(file, aside, name, error);
    /* Guards against a crash that keeps the next rename and loses the old file's new name. */
    if (status == RESUME_OK) status = rs_file_sync_folder(file, error);
    if (status == RESUME_OK) {
        int answer = rename_to(file, fresh->name, file->name, false);
        if (answer < 0) status = rs_os_fail(error, answer, "can't replace", file->path);
    }
    /* Back again. Also when moving aside failed: network file systems do things and say they
     * didn't. Where nothing has happened this finds nothing to do. */
    if (status) {
        rename_to(file, name, file->name, false);
        /* Guards against a crash that loses what stands under NAME now and keeps the removal of the
         * new file. */
        rs_file_sync_folder(file, NULL);
    }
    *published = status == RESUME_OK;
    return status;
}

static resume_status replace_and_keep(rs_file *file, rs_fresh *fresh, rs_aside aside,
                                      char name[RS_FILE_NAME_SIZE], bool *published,
                                      rs_error *error) {
    bool linked;
    resume_status status = link_aside(file, aside, name, &linked, error);
    if (status == RESUME_OK)
        status = linked ? replace_linked(file, fresh, name, published, error)
                        : replace_by_moves(file, fresh, aside, name, published, error);
    if (!*published) name[0] = 0;
    return status;
}

/* The name, when nothing or something stands in its place. *taken: something appeared meanwhile. */
static resume_status place_fresh(rs_file *file, rs_fresh *fresh, char aside_name[RS_FILE_NAME_SIZE],
                                 bool *published, bool *taken, rs_error *error) {
    rs_file_info info;
    int answer = file->os->info_at(file->os, file->folder->fd, file->name, &info);
    bool missing = rs_os_status(answer) == RESUME_NOT_FOUND;
    *taken = false;
    if (answer < 0 && !missing) return rs_os_fail(error, answer, "can't look at", file->path);
    bool ours = !missing && file->fd >= 0 && rs_is_same_file(&info, file->device, file->inode);
    if (!missing && (file->aside || !ours)) {
        rs_aside aside = file->aside ? file->aside : RS_ASIDE_NUMBERED;
        return replace_and_keep(file, fresh, aside, aside_name, published, error);
    }
    answer = rename_to(file, fresh->name, file->name, ours);
    *taken = missing && rs_os_status(answer) == RESUME_EXISTS;
    if (answer < 0) return rs_os_fail(error, answer, "can't rename to", file->path);
    *published = true;
    return RESUME_OK;
}

resume_status rs_fresh_publish(rs_file *file, rs_fresh *fresh, char aside_name[RS_FILE_NAME_SIZE],
                               bool *published, rs_error *error) {
    *published = false;
    aside_name[0] = 0;
    /* Guards against a crash that leaves the name with a file whose content was still in memory. */
    int answer = file->os->sync(file->os, fresh->fd);
    if (answer < 0) return rs_os_fail(error, answer, "can't sync", fresh->path);
    if (is_anothers(file, fresh))
        return rs_fail(error, RESUME_IO,
                       "'%s' was taken by another process while it was written: two programs save "
                       "this checkpoint at once, where there are no locks",
                       fresh->path);
    bool taken;
    resume_status status = place_fresh(file, fresh, aside_name, published, &taken, error);
    if (taken) status = place_fresh(file, fresh, aside_name, published, &taken, error);
    if (status) return status;
    /* Guards against a crash after the save has returned that brings the old name back. */
    return rs_file_sync_folder(file, error);
}

/* --- the torn tail --- */

typedef struct torn_list {
    rs_file *file;
    const char *kept;
    rs_buffer names; /* each with its zero */
} torn_list;

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int collect_torn(void *context, const char *name) {
    torn_list *list = context;
    size_t size = strlen(list->file->name);
    if (has_prefix(name, list->file->name) && has_prefix(name + size, ".torn-") &&
        strcmp(name, list->kept) != 0)
        rs_buffer_append(&list->names, name, strlen(name) + 1);
    return 0;
}

/* A program that is killed often must not fill the folder: one torn tail is kept. */
static void remove_older_torn(rs_file *file, const char *kept) {
    torn_list list = {.file = file, .kept = kept};
    file->os->list(file->os, file->folder->fd, collect_torn, &list);
    for (size_t at = 0; at < list.names.size;) {
        const char *name = (const char *)list.names.bytes + at;
        at += strlen(name) + 1;
        file->os->remove(file->os, file->folder->fd, name);
    }
    rs_buffer_release(&list.names);
}

/* *all_zero: there is nothing to look at later. */
static resume_status copy_tail(rs_file *file, int fd, const char *name, bool *all_zero,
                               rs_error *error) {
    const size_t step = 1u << 20;
    uint8_t *buffer = rs_allocate(step);
    if (!buffer) return rs_fail(error, RESUME_NO_MEMORY, "no memory to copy a torn save");
    uint64_t size = file->size - file->end;
    if (size > RS_TORN_SIZE_MAX) size = RS_TORN_SIZE_MAX;
    *all_zero = true;
    resume_status status = RESUME_OK;
    for (uint64_t at = 0; status == RESUME_OK && at < size;) {
        size_t part = size - at < step ? (size_t)(size - at) : step;
        status = rs_file_read_at(file, buffer, part, file->end + at, error);
        if (rs_is_bad_content(status)) { /* unreadable: zeros stand for it */
            memset(buffer, 0, part);
            status = RESUME_OK;
        }
        if (status) break;
        *all_zero = *all_zero && rs_chunk_is_zero(buffer, part);
        rs_slice slice = {buffer, part};
        status = rs_fd_write_all(file->os, fd, &slice, 1, at, name, error);
        at += part;
    }
    if (status == RESUME_OK) {
        /* Guards against a crash after the tail was cut off and before its copy is durable. */
        int answer = file->os->sync(file->os, fd);
        if (answer < 0) status = rs_os_fail(error, answer, "can't sync", name);
    }
    rs_free(buffer);
    return status;
}

resume_status rs_tail_keep(rs_file *file, rs_error *error) {
    char name[RS_FILE_NAME_SIZE];
    int fd = -1;
    bool all_zero = false;
    resume_status status = RESUME_EXISTS;
    for (unsigned i = 0; status == RESUME_EXISTS && i < DATED_ATTEMPTS; i++) {
        dated_name(file, "torn", i, name);
        status = rs_fd_open(file->os, file->folder->fd, name,
                            RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE, 0600, &fd, error);
    }
    if (status == RESUME_OK) status = copy_tail(file, fd, name, &all_zero, error);
    bool made = fd >= 0;
    rs_fd_close(file->os, &fd);
    if (made && (status || all_zero)) {
        file->os->remove(file->os, file->folder->fd, name);
    } else if (status == RESUME_OK) {
        status = rs_file_sync_folder(file, error);
        if (status == RESUME_OK) remove_older_torn(file, name);
    }
    if (status) rs_error_prefix(error, "can't keep the torn end of '%s'", file->path);
    return status;
}

/* --- what a crash left --- */

typedef struct leftovers {
    rs_file *file;
    char numbered[RS_FILE_NAME_SIZE], damaged[RS_FILE_NAME_SIZE]; /* prefixes */
    rs_buffer asides;                                             /* names, each with its zero */
} leftovers;

static int collect_aside(void *context, const char *name) {
    leftovers *found = context;
    if (has_prefix(name, found->numbered) || has_prefix(name, found->damaged))
        rs_buffer_append(&found->asides, name, strlen(name) + 1);
    return 0;
}

static void remove_names_of(leftovers *found, const rs_file_info *info) {
    rs_file *file = found->file;
    for (size_t at = 0; at < found->asides.size;) {
        const char *name = (const char *)found->asides.bytes + at;
        rs_file_info other;
        at += strlen(name) + 1;
        if (file->os->info_at(file->os, file->folder->fd, name, &other) < 0) continue;
        if (rs_is_same_file(&other, info->device, info->inode))
            file->os->remove(file->os, file->folder->fd, name);
    }
}

/* The crash fell between link and rename: the second name goes, NAME stays. Which one it is the
 * folder tells; nothing else here lists it, since there may be very many checkpoints in it. */
static resume_status remove_second_name(rs_file *file, const rs_file_info *info, rs_error *error) {
    leftovers found = {.file = file};
    int limit = (int)RS_NAME_SIZE_MAX;
    snprintf(found.numbered, sizeof found.numbered, "%.*s~", limit, file->name);
    snprintf(found.damaged, sizeof found.damaged, "%.*s.damaged-", limit, file->name);
    file->os->list(file->os, file->folder->fd, collect_aside, &found);
    bool failed = found.asides.failed;
    if (!failed) remove_names_of(&found, info);
    rs_buffer_release(&found.asides);
    if (!failed) return RESUME_OK;
    return rs_fail(error, RESUME_NO_MEMORY, "no memory to list '%s'", file->folder->path);
}

/* The complete file that only waits for its name. *name is empty where there is none. */
static resume_status find_ready(rs_file *file, char name[RS_FILE_NAME_SIZE], rs_error *error) {
    rs_file_info info;
    for (unsigned slot = 0; slot < RS_TEMPORARY_SLOTS; slot++) {
        int answer = look_at_slot(file, slot, true, name, &info);
        if (answer >= 0) return RESUME_OK;
        if (rs_os_status(answer) != RESUME_NOT_FOUND)
            return rs_os_fail(error, answer, "can't look at", name);
    }
    name[0] = 0;
    return RESUME_OK;
}

/* The crash fell between the two renames: the file that is complete gets its name. One that can't
 * be opened is an error: it is all that there is. */
static resume_status adopt_ready(rs_file *file, rs_error *error) {
    char name[RS_FILE_NAME_SIZE];
    rs_file *complete;
    rs_recovery recovery;
    resume_status status = find_ready(file, name, error);
    if (status || !name[0]) return status;
    status = rs_file_open(file->folder, name, false, &complete, &recovery, error);
    if (status) return status;
    rs_file_close(complete);
    /* Guards against a crash that keeps the next rename and loses the one by which the old file was
     * set aside: only the cache may know of that yet. */
    status = rs_file_sync_folder(file, error);
    if (status) return status;
    int answer = rename_to(file, name, file->name, false);
    /* Not synced: a crash that leaves NAME empty once more leaves this file as well, and before
     * anything is saved upon it, the folder is synced. */
    return answer < 0 ? rs_os_fail(error, answer, "can't rename to", file->path) : RESUME_OK;
}

/* NAME stands: nothing needs what waits for its place. */
static resume_status remove_needless(rs_file *file, rs_error *error) {
    char name[RS_FILE_NAME_SIZE];
    rs_file_info info;
    bool is_synced = false;
    for (unsigned slot = 0; slot < RS_TEMPORARY_SLOTS; slot++) {
        if (look_at_slot(file, slot, true, name, &info) < 0) continue;
        /* Guards against a crash that keeps the removal and loses NAME, which may be in the cache
         * alone. */
        resume_status status = is_synced ? RESUME_OK : rs_file_sync_folder(file, error);
        if (status) return status;
        is_synced = true;
        file->os->remove(file->os, file->folder->fd, name);
    }
    return RESUME_OK;
}

/* Where there are locks, we hold that of NAME, and nobody is at work on it. Where there are none,
 * another process may be. */
static bool may_be_alive(rs_file *file, const char *name, const rs_file_info *info) {
    int fd;
    if (info->kind != RS_KIND_FILE) return false;
    resume_status status =
        rs_fd_open(file->os, file->folder->fd, name, RS_OPEN_READ | RS_OPEN_WRITE, 0, &fd, NULL);
    if (status) return status != RESUME_DENIED;
    bool may = file->os->lock(file->os, fd) < 0;
    rs_fd_close(file->os, &fd);
    return may;
}

static void remove_unfinished(rs_file *file) {
    char name[RS_FILE_NAME_SIZE];
    rs_file_info info;
    for (unsigned slot = 0; slot < RS_TEMPORARY_SLOTS; slot++)
        if (look_at_slot(file, slot, false, name, &info) == 0 && !may_be_alive(file, name, &info))
            file->os->remove(file->os, file->folder->fd, name);
}

resume_status rs_leftovers_clear(rs_file *file, rs_error *error) {
    rs_file_info info;
    int standing = file->os->info_at(file->os, file->folder->fd, file->name, &info);
    bool missing = rs_os_status(standing) == RESUME_NOT_FOUND;
    resume_status status = RESUME_OK;
    if (standing < 0 && !missing) /* nobody knows what stands there: it is not nothing */
        return rs_os_fail(error, standing, "can't look at", file->path);
    if (missing)
        status = adopt_ready(file, error);
    else if (info.links > 1)
        status = remove_second_name(file, &info, error);
    if (status == RESUME_OK) remove_unfinished(file);
    if (status == RESUME_OK && !missing) status = remove_needless(file, error);
    return status;
}

bool rs_leftovers_find_ready(rs_file *file, char name[RS_FILE_NAME_SIZE]) {
    char found[RS_FILE_NAME_SIZE];
    if (find_ready(file, found, NULL) != RESUME_OK || !found[0]) return false;
    memcpy(name, found, sizeof found);
    return true;
}
