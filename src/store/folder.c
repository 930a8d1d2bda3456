/* The folder of checkpoints: made durably, opened by descriptor, looked at for who else can write.
 */
#include "store/folder.h"

#include "base/alloc.h"
#include "os/file.h"
#include "os/process.h"
#include "store/keys.h"

#include <stdio.h>
#include <string.h>

#define PATH_SIZE     4096 /* of the working directory */
#define ANCESTORS_MAX 64
#define ATTEMPTS_MAX  4 /* others may remove what we make */

/* Appends `path` to `to`, without "." components and doubled or final slashes. ".." stays: what it
 * means depends on links. Returns the new end. */
static char *append_path(char *to, const char *path) {
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        bool is_nothing = size == 0 || (size == 1 && path[0] == '.');
        if (!is_nothing) {
            *to++ = '/';
            memcpy(to, path, size);
            to += size;
        }
        path += size;
        path += strspn(path, "/");
    }
    *to = '\0';
    return to;
}

/* Where the user may have said so relative to a directory that the program leaves later. */
static resume_status make_absolute(const rs_os *os, const char *path, char **absolute,
                                   rs_error *error) {
    char base[PATH_SIZE] = "";
    if (path[0] == '\0')
        return rs_fail(error, RESUME_MISUSE,
                       "the path of the folder is empty; '.' is the working directory");
    if (path[0] != '/') {
        int answer = os->working_folder(os, base, sizeof base);
        if (answer < 0) return rs_os_fail(error, answer, "can't tell the working directory", NULL);
    }
    char *made = rs_allocate(strlen(base) + strlen(path) + 3);
    if (made == NULL)
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for the folder '%s'", path);
    char *end = append_path(append_path(made, base), path);
    if (end == made) memcpy(made, "/", 2);
    *absolute = made;
    return RESUME_OK;
}

/* Something that is no folder is in its place. A link is followed when we or root made it: then it
 * says where the user wants the checkpoints; anybody else's could lead them anywhere. */
static resume_status open_link(const rs_os *os, const char *path, int *fd, rs_error *error) {
    rs_file_info info;
    int answer = os->info_at(os, RS_WORKING_FOLDER, path, &info);
    if (answer < 0) return rs_os_fail(error, answer, "can't look at", path);
    if (info.kind != RS_KIND_LINK)
        return rs_fail(error, RESUME_UNSAFE_PATH, "'%s' is no folder; %spoint RESUME_DIR elsewhere",
                       path, info.kind == RS_KIND_FILE ? "move it away or " : "");
    if (info.owner != os->user(os) && info.owner != 0)
        return rs_fail(error, RESUME_UNSAFE_PATH,
                       "'%s' is a symbolic link of another user (id %u); remove it or point "
                       "RESUME_DIR to the folder itself",
                       path, (unsigned)info.owner);
    resume_status status = rs_fd_open(os, RS_WORKING_FOLDER, path,
                                      RS_OPEN_READ | RS_OPEN_FOLDER | RS_OPEN_FOLLOW, 0, fd, error);
    if (status == RESUME_NOT_FOUND || status == RESUME_UNSAFE_PATH)
        return rs_fail(error, RESUME_UNSAFE_PATH,
                       "'%s' is a symbolic link that leads to no folder; remove it or make the "
                       "folder that it names",
                       path);
    return status;
}

static resume_status open_existing(const rs_os *os, const char *path, int *fd, rs_error *error) {
    resume_status status =
        rs_fd_open(os, RS_WORKING_FOLDER, path, RS_OPEN_READ | RS_OPEN_FOLDER, 0, fd, error);
    if (status == RESUME_UNSAFE_PATH) return open_link(os, path, fd, error);
    if (status == RESUME_NOT_FOUND)
        return rs_fail(error, status, "there is no folder '%s'; check the path or RESUME_DIR",
                       path);
    return status;
}

/* Guards against a power cut that takes back a new entry of `path`, with all that is below it.
 * A folder that we may pass through but not read can't be synced; nor can some file systems. */
static resume_status sync_folder(const rs_os *os, int folder, const char *path, const char *shown,
                                 rs_error *error) {
    int fd = -1;
    resume_status status =
        rs_fd_open(os, folder, path, RS_OPEN_READ | RS_OPEN_FOLDER | RS_OPEN_FOLLOW, 0, &fd, error);
    if (status == RESUME_DENIED) {
        rs_error_clear(error);
        return RESUME_OK;
    }
    if (status != RESUME_OK) return status;
    int answer = os->sync(os, fd);
    rs_fd_close(os, &fd);
    if (answer < 0 && !rs_os_is_unsupported(answer) && rs_os_status(answer) != RESUME_DENIED)
        return rs_os_fail(error, answer, "can't make the new folder durable", shown);
    return RESUME_OK;
}

/* Syncs the folder that holds the first `size` bytes of `path`, an entry. */
static resume_status sync_parent(const rs_os *os, char *path, size_t size, rs_error *error) {
    size_t slash = size - 1;
    while (slash > 0 && path[slash] != '/')
        slash--;
    char kept = path[slash];
    path[slash] = '\0';
    resume_status status = sync_folder(os, RS_WORKING_FOLDER, slash == 0 ? "/" : path, path, error);
    path[slash] = kept;
    return status;
}

/* The length of the longest part of `path` that is there (0: only the root). */
static resume_status find_existing(const rs_os *os, char *path, size_t *size, rs_error *error) {
    for (size_t end = strlen(path);; end--) {
        while (end > 0 && path[end] != '/' && path[end] != '\0')
            end--;
        if (end == 0) {
            *size = 0;
            return RESUME_OK;
        }
        char kept = path[end];
        rs_file_info info;
        path[end] = '\0';
        int answer = os->info_at(os, RS_WORKING_FOLDER, path, &info);
        resume_status status = rs_os_status(answer);
        if (status != RESUME_OK && status != RESUME_NOT_FOUND)
            rs_os_fail(error, answer, "can't look at", path);
        path[end] = kept;
        *size = end;
        if (status != RESUME_NOT_FOUND) return status;
    }
}

/* mkdir -p. Each new entry is durable before anything is made below it, so that after a crash only
 * the deepest one that exists can still need a sync: that is done first. */
static resume_status make_path(const rs_os *os, char *path, bool *made, rs_error *error) {
    size_t size = 0;
    resume_status status = find_existing(os, path, &size, error);
    if (status == RESUME_OK && size > 0) status = sync_parent(os, path, size, error);
    while (status == RESUME_OK && path[size] != '\0') {
        size += 1 + strcspn(path + size + 1, "/");
        bool is_last = path[size] == '\0';
        char kept = path[size];
        path[size] = '\0';
        int answer = os->make_folder(os, RS_WORKING_FOLDER, path, is_last ? 0700 : 0777);
        bool is_there = rs_os_status(answer) == RESUME_EXISTS; /* another process was faster */
        if (answer < 0 && !is_there) status = rs_os_fail(error, answer, "can't make folder", path);
        path[size] = kept;
        if (status == RESUME_OK) status = sync_parent(os, path, size, error);
        *made = is_last && answer == 0;
    }
    return status;
}

/* The mode whatever the umask was, and a .gitignore. Its presence tells later openings that the
 * folder's own entry is durable, so it comes last. A folder without it works as well. */
static void furnish(const rs_folder *folder) {
    const rs_os *os = folder->os;
    rs_file_info info;
    if (os->info(os, folder->fd, &info) == 0 && (info.mode & 0777) != 0700)
        os->set_mode(os, folder->fd, (info.mode & ~0777u) | 0700u);

    int fd = -1;
    unsigned flags = RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE;
    if (rs_fd_open(os, folder->fd, ".gitignore", flags, 0666, &fd, NULL) != RESUME_OK) return;
    rs_slice text = {"*\n", 2};
    resume_status status = rs_fd_write_all(os, fd, &text, 1, 0, ".gitignore", NULL);
    /* Guards against a power cut that leaves the file empty: it is not written again. */
    if (status == RESUME_OK) status = rs_os_status(os->sync(os, fd));
    rs_fd_close(os, &fd);
    if (status != RESUME_OK) os->remove(os, folder->fd, ".gitignore");
    /* Guards against a power cut that loses its name. */
    os->sync(os, folder->fd);
}

/* Opens the folder, made if it must be. A writer makes sure that its entry is durable, also when an
 * earlier process made it and was killed before its sync. */
static resume_status open_or_make(rs_folder *folder, bool make, rs_error *error) {
    const rs_os *os = folder->os;
    bool made = false;
    resume_status status = open_existing(os, folder->path, &folder->fd, error);
    for (int i = 0; make && status == RESUME_NOT_FOUND && i < ATTEMPTS_MAX; i++) {
        rs_error_clear(error);
        status = make_path(os, folder->path, &made, error);
        if (status == RESUME_OK) status = open_existing(os, folder->path, &folder->fd, error);
    }
    if (status != RESUME_OK || !make) return status;
    rs_file_info info;
    if (made)
        furnish(folder);
    else if (os->info_at(os, folder->fd, ".gitignore", &info) < 0)
        status = sync_folder(os, folder->fd, "..", folder->path, error);
    return status;
}

/* `path` as one word of a shell; cut when it is too long, and without control characters, as the
 * word goes to a terminal. */
static void quote(const char *path, char *to, size_t size) {
    size_t used = 0;
    to[used++] = '\'';
    for (; *path != '\0' && used + 6 < size; path++) {
        if (*path == '\'') {
            memcpy(to + used, "'\\'", 3);
            used += 3;
        }
        bool is_control = (*path >= 0 && *path < ' ') || *path == 0x7f;
        to[used++] = is_control ? '?' : *path;
    }
    to[used++] = '\'';
    to[used] = '\0';
}

static bool is_open_to_all(const rs_file_info *info) {
    return (info->mode & 02) != 0 && (info->mode & 01000) == 0;
}

/* The path of the ancestor `level` folders up: the shorter text when it leads there (no link is
 * among the components cut off), else with "/..". */
static void ancestor_path(const rs_folder *folder, size_t level, const rs_file_info *ancestor,
                          char *to, size_t size) {
    char cut[PATH_SIZE];
    rs_file_info info;
    snprintf(cut, sizeof cut, "%s", folder->path);
    for (size_t i = 0; i < level; i++) {
        char *slash = strrchr(cut, '/');
        if (slash != NULL) *slash = '\0';
    }
    if (cut[0] == '\0') memcpy(cut, "/", 2);
    const rs_os *os = folder->os;
    if (os->info_at(os, RS_WORKING_FOLDER, cut, &info) < 0 ||
        !rs_is_same_file(&info, ancestor->device, ancestor->inode)) {
        size_t used = (size_t)snprintf(cut, sizeof cut, "%s", folder->path);
        for (size_t i = 0; i < level && used + 4 < sizeof cut; i++)
            used += (size_t)snprintf(cut + used, sizeof cut - used, "/..");
    }
    quote(cut, to, size);
}

/* Warns when everybody can replace the folder or what is in it. What can't be looked at is passed
 * over: this is advice. Sticky folders and those of a group are usual. */
static void inspect(rs_folder *folder, const rs_file_info *info) {
    const rs_os *os = folder->os;
    char shown[400], up[3 * ANCESTORS_MAX] = "";
    folder->warning[0] = '\0';
    if (is_open_to_all(info)) {
        quote(folder->path, shown, sizeof shown);
        snprintf(folder->warning, sizeof folder->warning,
                 "every user can replace the checkpoints in this folder: chmod o-w %s", shown);
        return;
    }
    rs_file_info below = *info, above;
    for (size_t level = 1, used = 0; level < ANCESTORS_MAX; level++) {
        used += (size_t)snprintf(up + used, sizeof up - used, level == 1 ? ".." : "/..");
        if (os->info_at(os, folder->fd, up, &above) < 0) return;
        if (rs_is_same_file(&above, below.device, below.inode)) return; /* the root */
        if (is_open_to_all(&above)) {
            ancestor_path(folder, level, &above, shown, sizeof shown);
            snprintf(folder->warning, sizeof folder->warning,
                     "every user can replace the folder of the checkpoints: chmod o-w %s", shown);
            return;
        }
        below = above;
    }
}

static resume_status adopt(rs_folder *folder, rs_error *error) {
    rs_file_info info;
    int answer = folder->os->info(folder->os, folder->fd, &info);
    if (answer < 0) return rs_os_fail(error, answer, "can't look at", folder->path);
    folder->device = info.device;
    folder->inode = info.inode;
    inspect(folder, &info);
    return RESUME_OK;
}

resume_status rs_folder_open(const rs_os *os, const char *path, bool make, rs_folder **folder,
                             rs_error *error) {
    *folder = NULL;
    rs_folder *made = rs_allocate_zeroed(1, sizeof *made);
    if (made == NULL)
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for the folder '%s'", path);
    made->os = os;
    made->fd = -1;
    resume_status status = make_absolute(os, path, &made->path, error);
    if (status == RESUME_OK) status = open_or_make(made, make, error);
    if (status == RESUME_OK) status = adopt(made, error);
    if (status != RESUME_OK) {
        rs_folder_close(made);
        return status;
    }
    *folder = made;
    return RESUME_OK;
}

void rs_folder_close(rs_folder *folder) {
    if (folder == NULL) return;
    rs_fd_close(folder->os, &folder->fd);
    rs_keys_free(folder->keys);
    rs_free(folder->path);
    rs_free(folder);
}

resume_status rs_folder_use_key(rs_folder *folder, const char *key_file, rs_error *error) {
    return rs_keys_open(folder->os, key_file, &folder->keys, error);
}

resume_status rs_folder_open_as_user(const rs_os *os, const char *path, rs_folder **folder,
                                     rs_error *error) {
    char key_file[RS_KEY_PATH_SIZE];
    resume_status status = rs_folder_open(os, path, false, folder, error);
    if (status) return status;
    rs_key_file_path(key_file);
    status = rs_folder_use_key(*folder, key_file, error);
    if (status) {
        rs_folder_close(*folder);
        *folder = NULL;
    }
    return status;
}

/* The path still leads to the folder that is open, by way of a link, too. */
static bool is_in_place(const rs_folder *folder) {
    const rs_os *os = folder->os;
    rs_file_info info;
    if (os->info_at(os, RS_WORKING_FOLDER, folder->path, &info) < 0) return false;
    if (info.kind != RS_KIND_LINK) return rs_is_same_file(&info, folder->device, folder->inode);
    int fd = -1;
    bool is_same = open_existing(os, folder->path, &fd, NULL) == RESUME_OK &&
                   os->info(os, fd, &info) == 0 &&
                   rs_is_same_file(&info, folder->device, folder->inode);
    rs_fd_close(os, &fd);
    return is_same;
}

resume_status rs_folder_refresh(rs_folder *folder, bool *replaced, rs_error *error) {
    *replaced = false;
    if (is_in_place(folder)) return RESUME_OK;
    rs_folder now = *folder;
    now.fd = -1;
    resume_status status = open_or_make(&now, true, error);
    if (status == RESUME_OK) status = adopt(&now, error);
    if (status != RESUME_OK) {
        rs_fd_close(now.os, &now.fd);
        return status;
    }
    *replaced = now.device != folder->device || now.inode != folder->inode;
    rs_fd_close(folder->os, &folder->fd);
    *folder = now;
    return RESUME_OK;
}

char *rs_folder_join(const rs_folder *folder, const char *file_name) {
    size_t path_size = strlen(folder->path), name_size = strlen(file_name);
    bool is_root = path_size == 1;
    char *joined = rs_allocate(path_size + name_size + 2);
    if (joined == NULL) return NULL;
    size_t used = is_root ? 0 : path_size;
    memcpy(joined, folder->path, used);
    joined[used++] = '/';
    memcpy(joined + used, file_name, name_size + 1);
    return joined;
}
