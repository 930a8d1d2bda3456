/* A checkpoint file as a handle: open, close, what is known about it. */
#include "store/file_internal.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>

#define LOOKS_MAX 16u /* of a reader at a file that changes meanwhile */

/* --- the list of generations --- */

resume_status rs_generations_make_room(rs_file *file, rs_error *error) {
    if (file->generation_count >= RS_GENERATIONS_MAX) { /* the older ones are listed no more */
        size_t kept = RS_GENERATIONS_MAX / 2;
        memmove(file->generations, file->generations + (file->generation_count - kept),
                kept * sizeof *file->generations);
        file->generation_count = kept;
    }
    if (file->generation_count == file->generation_capacity) {
        size_t capacity = file->generation_capacity ? 2 * file->generation_capacity : 8;
        rs_generation *list =
            rs_reallocate_array(file->generations, capacity, sizeof *file->generations);
        if (!list) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a list of generations");
        file->generations = list;
        file->generation_capacity = capacity;
    }
    return RESUME_OK;
}

resume_status rs_generations_push(rs_file *file, const rs_generation *generation, rs_error *error) {
    resume_status status = rs_generations_make_room(file, error);
    if (status == RESUME_OK) file->generations[file->generation_count++] = *generation;
    return status;
}

void rs_generations_keep(rs_file *file, size_t count) {
    if (count < file->generation_count) file->generation_count = count;
}

const rs_generation *rs_file_newest(const rs_file *file) {
    return file->generation_count ? &file->generations[file->generation_count - 1] : NULL;
}

size_t rs_file_generation_count(const rs_file *file) {
    return file->generation_count;
}

const rs_generation *rs_file_generation(const rs_file *file, size_t index) {
    return index < file->generation_count ? &file->generations[file->generation_count - 1 - index]
                                          : NULL;
}

bool rs_generation_is_mark(const rs_generation *generation) {
    return (generation->flags & RS_SEGMENT_MARK) != 0;
}

uint64_t rs_file_size(const rs_file *file) {
    return file->size;
}

const rs_header *rs_file_header(const rs_file *file) {
    return &file->header;
}

void rs_file_know_newest(rs_file *file) {
    file->table_depth = file->loaded->table_depth;
    file->signature = file->loaded->signature;
    file->stream_digest = file->loaded->end.stream;
}

void rs_file_forget_loaded(rs_file *file) {
    rs_state_free(file->loaded);
    file->loaded = NULL;
}

/* --- open and close --- */

static resume_status allocate(const rs_folder *folder, const char *file_name, bool for_writing,
                              rs_file **made, rs_error *error) {
    rs_file *file = rs_allocate_zeroed(1, sizeof *file);
    *made = file;
    if (!file) return rs_fail(error, RESUME_NO_MEMORY, "no memory to open '%s'", file_name);
    file->folder = folder;
    file->os = folder->os;
    file->for_writing = for_writing;
    file->fd = -1;
    file->slack = RS_COMPACT_SLACK;
    file->direct_size = RS_DIRECT_SIZE_MIN;
    file->room_size = RS_ROOM_SIZE;
    size_t size = strlen(file_name) + 1;
    if (size > sizeof file->name)
        return rs_fail(error, RESUME_BAD_NAME, "a file name of more than %zu bytes",
                       sizeof file->name - 1);
    memcpy(file->name, file_name, size);
    file->path = rs_folder_join(folder, file_name);
    if (!file->path) return rs_fail(error, RESUME_NO_MEMORY, "no memory to open '%s'", file_name);
    return rs_codec_new(&file->codec, error);
}

/* A file of another user may be read, but never goes into a computation that will write it. */
static resume_status check_info(const rs_file *file, const rs_file_info *info, rs_error *error) {
    if (info->kind != RS_KIND_FILE)
        return rs_fail(error, RESUME_UNSAFE_PATH,
                       "'%s' is %s, not a regular file; remove it or use another name", file->path,
                       info->kind == RS_KIND_LINK     ? "a symbolic link"
                       : info->kind == RS_KIND_FOLDER ? "a folder"
                                                      : "a device, pipe or socket");
    uint32_t user = file->os->user(file->os);
    if (file->for_writing && info->owner != user && info->owner != 0 && user != 0)
        return rs_fail(error, RESUME_UNSAFE_PATH,
                       "'%s' belongs to user %" PRIu32
                       ", not to you; use another name or folder (RESUME_DIR)",
                       file->path, info->owner);
    return RESUME_OK;
}

static resume_status open_descriptor(rs_file *file, rs_file_info *info, rs_error *error) {
    rs_file_info before;
    /* Looked at first: opening a device or a pipe can do things by itself. */
    int answer = file->os->info_at(file->os, file->folder->fd, file->name, &before);
    if (rs_os_status(answer) == RESUME_NOT_FOUND && !file->for_writing &&
        rs_leftovers_find_ready(file, file->name))
        answer = file->os->info_at(file->os, file->folder->fd, file->name, &before);
    if (rs_os_status(answer) == RESUME_NOT_FOUND)
        return rs_fail(error, RESUME_NOT_FOUND, "no checkpoint '%s'", file->path);
    if (answer < 0) return rs_os_fail(error, answer, "can't look at", file->path);
    resume_status status = check_info(file, &before, error);
    if (status) return status;
    unsigned flags = RS_OPEN_READ | (file->for_writing ? RS_OPEN_WRITE : 0);
    status = rs_fd_open(file->os, file->folder->fd, file->name, flags, 0, &file->fd, error);
    if (status) return status;
    answer = file->os->info(file->os, file->fd, info);
    if (answer < 0) return rs_os_fail(error, answer, "can't look at", file->path);
    status = check_info(file, info, error);
    if (status) return status;
    file->size = info->size;
    file->is_foreign = !file->for_writing && info->owner != file->os->user(file->os);
    file->device = info->device;
    file->inode = info->inode;
    return RESUME_OK;
}

static resume_status read_header(rs_file *file, rs_error *error) {
    uint8_t block[RS_BLOCK_SIZE];
    size_t size = file->size < sizeof block ? (size_t)file->size : sizeof block;
    resume_status status = rs_fd_read_all(file->os, file->fd, block, size, 0, file->path, error);
    if (status) return status;
    status = rs_header_decode(block, size, &file->header, error);
    if (status) rs_error_prefix(error, "'%s'", file->path);
    file->header_digest = rs_digest_of(block, size);
    return status;
}

/* `found`: what stood there, to see whether it has changed since. */
static resume_status open_once(const rs_folder *folder, const char *file_name, bool for_writing,
                               rs_file **file, rs_file_info *found, rs_recovery *recovery,
                               rs_error *error) {
    rs_file *made = NULL;
    *file = NULL;
    *found = (rs_file_info){0};
    *recovery = (rs_recovery){0};
    resume_status status = allocate(folder, file_name, for_writing, &made, error);
    if (status == RESUME_OK && for_writing) status = rs_leftovers_clear(made, error);
    if (status == RESUME_OK) status = open_descriptor(made, found, error);
    if (status == RESUME_OK) status = read_header(made, error);
    if (status == RESUME_OK) status = rs_file_recover(made, recovery, error);
    if (status) {
        rs_file_close(made);
        return status;
    }
    made->unsynced = true;
    *file = made;
    return RESUME_OK;
}

/* A reader takes no lock: what looks torn, damaged or like nothing may be a save that is made at
 * the same moment. Then what stands there is not what was found. */
static bool has_changed(const rs_folder *folder, const char *file_name, const rs_file_info *found) {
    rs_file_info now;
    return folder->os->info_at(folder->os, folder->fd, file_name, &now) == 0 &&
           (!rs_is_same_file(&now, found->device, found->inode) || now.size != found->size ||
            now.modified_ns != found->modified_ns);
}

resume_status rs_file_open(const rs_folder *folder, const char *file_name, bool for_writing,
                           rs_file **file, rs_recovery *recovery, rs_error *error) {
    rs_file_info found;
    resume_status doubted = RESUME_MISUSE; /* what the look before has given: nothing yet */
    for (unsigned looks_left = for_writing ? 0 : LOOKS_MAX;; looks_left--) {
        resume_status status =
            open_once(folder, file_name, for_writing, file, &found, recovery, error);
        bool is_doubtful = status ? status == RESUME_NOT_FOUND || rs_is_bad_content(status)
                                  : recovery->health != RS_HEALTH_GOOD;
        if (!is_doubtful || looks_left == 0) return status;
        /* Believed when the same is seen twice: times of files are coarse, and a name that stands
         * empty between two renames does not change. */
        bool changes = has_changed(folder, file_name, &found);
        if (status == doubted && !changes) return status;
        doubted = changes ? RESUME_MISUSE : status;
        rs_file_close(*file);
        rs_error_clear(error);
    }
}

resume_status rs_file_new(const rs_folder *folder, const char *file_name, uint64_t first_generation,
                          rs_aside aside, rs_file **file, rs_error *error) {
    rs_file *made = NULL;
    *file = NULL;
    resume_status status = allocate(folder, file_name, true, &made, error);
    if (status == RESUME_OK) status = rs_leftovers_clear(made, error);
    if (status) {
        rs_file_close(made);
        return status;
    }
    made->next_generation = first_generation;
    made->replaces = true;
    made->aside = aside;
    *file = made;
    return RESUME_OK;
}

void rs_file_close(rs_file *file) {
    if (!file) return;
    rs_file_forget_loaded(file);
    rs_fd_close(file->os, &file->fd);
    rs_table_release(&file->table);
    rs_worker_free(file->thread);
    rs_staging_release(&file->staging);
    rs_known_pages_release(&file->pages);
    rs_codec_free(file->codec);
    rs_buffer_release(&file->stored);
    rs_free(file->generations);
    rs_free(file->path);
    rs_free(file);
}

void rs_file_start_over(rs_file *file) {
    file->replaces = true;
    if (file->fd >= 0 && file->aside == RS_ASIDE_NO) file->aside = RS_ASIDE_NUMBERED;
}

resume_status rs_file_fall_back(rs_file *file, rs_recovery *recovery, rs_error *error) {
    rs_error why = error ? *error : (rs_error){0};
    uint64_t lost = file->generation_count ? rs_file_newest(file)->number : 0;
    rs_file_forget_loaded(file);
    resume_status status = RESUME_DAMAGED;
    while (rs_is_bad_content(status) && file->generation_count > 0) {
        rs_generations_keep(file, file->generation_count - 1);
        const rs_generation *next = rs_file_newest(file);
        if (!next) break;
        status = rs_state_load(file, next, &file->loaded, error);
    }
    /* Whatever comes next, the damaged file stays beside the one that is written. */
    file->replaces = true;
    file->aside = RS_ASIDE_DAMAGED;
    rs_table_release(&file->table);
    if (rs_is_bad_content(status))
        return rs_fail(error, RESUME_DAMAGED,
                       "'%s' is damaged: no save in it can be read; use another name, or move it "
                       "away to start over",
                       file->path);
    if (status) return status;
    status = rs_table_copy(&file->loaded->table, &file->table, error);
    if (status) return status;
    rs_file_know_newest(file);
    file->end = rs_generation_end(rs_file_newest(file));
    recovery->health = RS_HEALTH_DAMAGED;
    recovery->taken = rs_file_newest(file)->number;
    recovery->lost = lost;
    recovery->end = file->end;
    recovery->size = file->size;
    rs_error_omit(&why, file->path);
    snprintf(recovery->text, sizeof recovery->text,
             "'%s' is damaged: generation %" PRIu64 " can't be read%s%.160s; generation %" PRIu64
             " is taken, the next save writes a new file and keeps this one beside it",
             file->path, lost, why.status ? ": " : "", rs_error_behind_generation(&why, lost),
             recovery->taken);
    rs_error_clear(error);
    return RESUME_OK;
}
