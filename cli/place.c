/* Which file or folder an argument means. Nothing is made, locked or written here. */
#include "command.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_FOLDER ".checkpoints"
#define NAMES_MAX      1000000u /* in one folder */

void rc_place_release(rc_place *place) {
    rs_folder_close(place->folder);
    *place = (rc_place){0};
}

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

resume_status rc_place_folder(const char *path, rc_place *place, rs_error *error) {
    const char *chosen = path, *variable = getenv("RESUME_DIR");
    char inner[PATH_MAX];
    if (!path) chosen = variable && *variable ? variable : DEFAULT_FOLDER;
    if (path) { /* the folder of a project is meant for the one inside it */
        int length = snprintf(inner, sizeof inner, "%s/" DEFAULT_FOLDER, path);
        if (length > 0 && (size_t)length < sizeof inner && is_folder(inner)) chosen = inner;
    }
    struct stat info;
    if (path && stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
        return rs_fail(error, RESUME_MISUSE, "'%s' is no folder; 'resume show' looks at a file",
                       path);
    resume_status status = rs_folder_open_as_user(rs_os_linux(), chosen, &place->folder, error);
    if (status == RESUME_NOT_FOUND && !path)
        rs_fail(error, status,
                "no checkpoints here: there is no folder '%s'; name one ('resume ls FOLDER') or "
                "set RESUME_DIR",
                chosen);
    return status;
}

static bool is_in_folder(const rs_folder *folder, const char *file_name) {
    rs_file_info info;
    return folder->os->info_at(folder->os, folder->fd, file_name, &info) == 0;
}

/* NOT_FOUND, with the name in the folder that was most likely meant. */
static resume_status refuse_name(const char *argument, const rs_folder *folder, const char *kind,
                                 rs_error *error) {
    char **names = NULL, shown[RS_FILE_NAME_SIZE];
    size_t count = 0;
    const char *slash = strrchr(argument, '/');
    rc_nearest nearest = {.typed = slash ? slash + 1 : argument};
    if (folder && rc_place_list(folder, &names, &count, NULL) != RESUME_OK) count = 0;
    for (size_t i = 0; i < count; i++) {
        rs_file_role role = rs_name_role(names[i]);
        rs_name_show(names[i], shown);
        if (role == RS_ROLE_CHECKPOINT || role == RS_ROLE_ASIDE)
            rc_nearest_consider(&nearest, shown);
        rs_free(names[i]);
    }
    rs_free(names);
    if (nearest.best[0])
        return rs_fail(error, RESUME_NOT_FOUND, "there is no %s '%s'; did you mean '%s'?", kind,
                       argument, nearest.best);
    if (slash || !folder)
        return rs_fail(error, RESUME_NOT_FOUND, "there is no %s '%s'", kind, argument);
    return rs_fail(error, RESUME_NOT_FOUND,
                   "there is no %s '%s' in '%s'; 'resume ls' lists those that are there", kind,
                   argument, folder->path);
}

static resume_status find_path(const char *path, bool folder_allowed, rc_place *place,
                               rs_error *error) {
    if (is_folder(path)) {
        if (folder_allowed) return rc_place_folder(path, place, error);
        return rs_fail(error, RESUME_MISUSE,
                       "'%s' is a folder; name a checkpoint in it ('resume ls FOLDER' lists them)",
                       path);
    }
    const char *slash = strrchr(path, '/'), *file_name = slash ? slash + 1 : path;
    size_t length = slash ? (size_t)(slash - path) : 1;
    char folder[PATH_MAX];
    if (length >= sizeof folder || strlen(file_name) >= sizeof place->file_name)
        return rs_fail(error, RESUME_BAD_NAME, "path '%.60s...' is too long", path);
    snprintf(folder, sizeof folder, "%.*s", (int)length, slash ? path : ".");
    if (slash == path) snprintf(folder, sizeof folder, "/");
    resume_status status = rs_folder_open_as_user(rs_os_linux(), folder, &place->folder, error);
    if (status != RESUME_OK && status != RESUME_NOT_FOUND) return status;
    snprintf(place->file_name, sizeof place->file_name, "%s", file_name);
    if (status == RESUME_OK && is_in_folder(place->folder, file_name)) return RESUME_OK;
    return refuse_name(path, place->folder, "file", error);
}

/* By its name, or by that of a file that belongs to a checkpoint ("NAME~1"), as it is told or as it
 * is. `error` tells when it can't be a name. */
static bool find_name(const char *argument, rc_place *place, rs_error *error) {
    char encoded[RS_FILE_NAME_SIZE];
    if (rs_name_encode(argument, strlen(argument), encoded, error) == RESUME_OK &&
        is_in_folder(place->folder, encoded)) {
        snprintf(place->file_name, sizeof place->file_name, "%s", encoded);
        return true;
    }
    if (rs_name_of_shown(argument, encoded) && is_in_folder(place->folder, encoded)) {
        snprintf(place->file_name, sizeof place->file_name, "%s", encoded);
        return true;
    }
    bool plain = strlen(argument) < sizeof place->file_name && !strchr(argument, '/');
    if (!plain || rs_name_role(argument) == RS_ROLE_OTHER) return false;
    if (!is_in_folder(place->folder, argument)) return false;
    snprintf(place->file_name, sizeof place->file_name, "%s", argument);
    return true;
}

resume_status rc_place_find(const char *argument, bool folder_allowed, rc_place *place,
                            rs_error *error) {
    if (!*argument) return rs_fail(error, RESUME_BAD_NAME, "the name is empty");
    bool slash = strchr(argument, '/') != NULL;
    resume_status status = rc_place_folder(NULL, place, error);
    if (status == RESUME_OK && find_name(argument, place, error)) return RESUME_OK;
    struct stat info;
    if (slash || lstat(argument, &info) == 0) {
        rc_place_release(place);
        return find_path(argument, folder_allowed, place, error);
    }
    if (status != RESUME_OK || error->status == RESUME_BAD_NAME) return error->status;
    return refuse_name(argument, place->folder, "checkpoint", error);
}

/* --- a generation behind the name --- */

/* "41", or "-1": then *back is set. At most 19 digits: no overflow. */
static bool read_number(const char *text, uint64_t *number, uint64_t *back) {
    bool is_back = *text == '-';
    const char *digits = text + is_back;
    size_t count = strlen(digits);
    if (count == 0 || count > 19 || strspn(digits, "0123456789") != count) return false;
    *number = *back = 0;
    *(is_back ? back : number) = strtoull(digits, NULL, 10);
    return *number != 0 || *back != 0;
}

resume_status rc_place_find_at(const char *argument, rc_place *place, rs_error *error) {
    const char *at = strrchr(argument, '@');
    uint64_t number, back;
    resume_status status = rc_place_find(argument, false, place, error);
    if (status == RESUME_OK || !at || at == argument || strchr(at, '/')) return status;
    if (!read_number(at + 1, &number, &back)) {
        if (status == RESUME_NOT_FOUND)
            rs_error_prefix(error, "'%s' is no generation ('NAME@41', 'NAME@-1')", at);
        return status;
    }
    char *name = rs_duplicate_text(argument);
    if (!name) return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
    name[at - argument] = 0;
    rc_place_release(place);
    status = rc_place_find(name, false, place, error);
    place->generation = number;
    place->back = back;
    rs_free(name);
    return status;
}

/* Among those that are listed; their number when it is not there. */
static size_t find_generation(const rc_place *place, const rs_file *file) {
    size_t index = 0, count = rs_file_generation_count(file);
    if (place->back) return place->back < count ? (size_t)place->back : count;
    while (place->generation && index < count &&
           rs_file_generation(file, index)->number != place->generation)
        index++;
    return index;
}

resume_status rc_place_generation(const rc_place *place, rs_file *file, size_t *index,
                                  rs_error *error) {
    *index = find_generation(place, file);
    if (*index < rs_file_generation_count(file)) return RESUME_OK;
    resume_status status = rs_file_list_all(file, error);
    if (status != RESUME_OK) return status;
    size_t count = rs_file_generation_count(file);
    *index = find_generation(place, file);
    if (*index < count) return RESUME_OK;
    char shown[RS_FILE_NAME_SIZE];
    rs_name_show(place->file_name, shown);
    if (place->back)
        return rs_fail(error, RESUME_NOT_FOUND,
                       "only %zu generation%s of '%s' are kept; 'resume log NAME' lists them",
                       count, count == 1 ? "" : "s", shown);
    return rs_fail(error, RESUME_NOT_FOUND,
                   "generation %" PRIu64
                   " of '%s' is not kept; 'resume log NAME' lists those that are",
                   place->generation, shown);
}

/* --- listing --- */

typedef struct name_list {
    char **names;
    size_t count, capacity;
} name_list;

static int keep_name(void *context, const char *name) {
    name_list *list = context;
    if (list->count == NAMES_MAX) return 1;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **names = rs_reallocate_array(list->names, capacity, sizeof *names);
        if (!names) return 1;
        list->names = names;
        list->capacity = capacity;
    }
    list->names[list->count] = rs_duplicate_text(name);
    return list->names[list->count++] ? 0 : 1;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

resume_status rc_place_list(const rs_folder *folder, char ***names, size_t *count,
                            rs_error *error) {
    name_list list = {0};
    int result = folder->os->list(folder->os, folder->fd, keep_name, &list);
    if (result != 0) {
        for (size_t i = 0; i < list.count; i++)
            rs_free(list.names[i]);
        rs_free(list.names);
        return rs_fail(error, result > 0 ? RESUME_LIMIT : RESUME_IO, "listing folder '%s' failed",
                       folder->path);
    }
    if (list.count) qsort(list.names, list.count, sizeof *list.names, compare_names);
    *names = list.names;
    *count = list.count;
    return RESUME_OK;
}
