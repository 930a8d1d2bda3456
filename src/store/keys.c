/* The key file: looked for, made, checked for who else could know it. */
#include "store/keys.h"

#include "base/alloc.h"
#include "os/file.h"
#include "store/folder.h"

#include <inttypes.h>
#include <stdio.h>

#define HEX_SIZE       (2u * RS_KEY_SIZE)
#define TEXT_SIZE_MAX  (HEX_SIZE + 2u) /* with the end of its line */
#define TEMPORARY_SIZE 64u

static void set_problem(rs_keys *keys, const char *text) {
    snprintf(keys->problem, sizeof keys->problem, "%.500s", text);
}

/* --- reading --- */

static int digit(uint8_t character) {
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

/* As tools for secrets like to hold them: text. */
static bool from_hexadecimal(const uint8_t *text, size_t size, uint8_t key[RS_KEY_SIZE]) {
    while (size > HEX_SIZE && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    if (size != HEX_SIZE) return false;
    for (size_t i = 0; i < RS_KEY_SIZE; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static resume_status check_info(const rs_keys *keys, const rs_file_info *info, rs_error *error) {
    uint32_t user = keys->os->user(keys->os);
    if (info->kind != RS_KIND_FILE)
        return rs_fail(error, RESUME_UNSAFE_PATH, "the key '%s' is no regular file", keys->path);
    if (info->owner != user && info->owner != 0)
        return rs_fail(error, RESUME_UNSAFE_PATH,
                       "the key '%s' belongs to another user (id %" PRIu32 ")", keys->path,
                       info->owner);
    /* A group may share a key by reading it: that is how a project on a cluster has one. */
    if ((info->mode & 037) != 0)
        return rs_fail(error, RESUME_UNSAFE_PATH,
                       "the key '%s' can be read or changed by others: chmod 600 it, or make a new "
                       "one if somebody may have read it",
                       keys->path);
    return RESUME_OK;
}

static resume_status read_key(rs_keys *keys, int fd, rs_error *error) {
    uint8_t text[TEXT_SIZE_MAX + 1] = {0};
    rs_file_info info;
    int answer = keys->os->info(keys->os, fd, &info);
    if (answer < 0) return rs_os_fail(error, answer, "can't look at", keys->path);
    resume_status status = check_info(keys, &info, error);
    size_t size = info.size < sizeof text ? (size_t)info.size : sizeof text;
    if (status == RESUME_OK)
        status = rs_fd_read_all(keys->os, fd, text, size, 0, keys->path, error);
    if (status == RESUME_OK) {
        uint8_t bytes[RS_KEY_SIZE];
        if (size == RS_KEY_SIZE) memcpy(bytes, text, sizeof bytes);
        if (size == RS_KEY_SIZE || from_hexadecimal(text, size, bytes))
            rs_key_init(&keys->key, bytes);
        else
            status =
                rs_fail(error, RESUME_DAMAGED,
                        "the key '%s' is neither 32 bytes nor 64 hexadecimal digits", keys->path);
        rs_wipe(bytes, sizeof bytes);
    }
    rs_wipe(text, sizeof text);
    return status;
}

/* NOT_FOUND: there is none. */
static resume_status load(rs_keys *keys, rs_error *error) {
    int fd;
    /* A link is followed: orchestrators mount secrets so. What it leads to is checked. */
    resume_status status = rs_fd_open(keys->os, RS_WORKING_FOLDER, keys->path,
                                      RS_OPEN_READ | RS_OPEN_FOLLOW, 0, &fd, error);
    if (status) return status;
    status = read_key(keys, fd, error);
    rs_fd_close(keys->os, &fd);
    keys->has_key = status == RESUME_OK;
    return status;
}

resume_status rs_keys_open(const rs_os *os, const char *path, rs_keys **keys, rs_error *error) {
    rs_keys *made = rs_allocate_zeroed(1, sizeof *made);
    *keys = made;
    if (!made) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a key");
    made->os = os;
    if (!path || !*path) {
        set_problem(made, "there is no place for a key (no home directory): set RESUME_KEY_FILE to "
                          "a file of your own");
        return RESUME_OK;
    }
    made->path = rs_duplicate_text(path);
    if (!made->path) {
        rs_keys_free(made);
        *keys = NULL;
        return rs_fail(error, RESUME_NO_MEMORY, "no memory for a key");
    }
    rs_error why = {0};
    resume_status status = load(made, &why);
    if (status && status != RESUME_NOT_FOUND) set_problem(made, why.text);
    if (status == RESUME_OK && rs_trusted_load(made, &why)) /* nothing is trusted then */
        snprintf(made->warning, sizeof made->warning, "%.500s", why.text);
    return RESUME_OK;
}

void rs_keys_free(rs_keys *keys) {
    if (!keys) return;
    rs_key_wipe(&keys->key);
    rs_free(keys->trusted);
    rs_free(keys->path);
    rs_free(keys);
}

/* --- making --- */

static resume_status write_key(rs_keys *keys, rs_folder *folder, const char *name,
                               rs_error *error) {
    const rs_os *os = keys->os;
    uint8_t bytes[RS_KEY_SIZE];
    int fd;
    int answer = os->random(os, bytes, sizeof bytes);
    if (answer < 0) return rs_os_fail(error, answer, "can't get random bytes", NULL);
    resume_status status = rs_fd_open(
        os, folder->fd, name, RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE, 0600, &fd, error);
    if (status == RESUME_OK) {
        rs_slice part = {bytes, sizeof bytes};
        os->set_mode(os, fd, 0600); /* a file mode mask of 0777 would leave one that nobody reads */
        status = rs_fd_write_all(os, fd, &part, 1, 0, keys->path, error);
        /* Guards against a power cut that leaves saves signed with a key that is gone. */
        answer = status ? 0 : os->sync(os, fd);
        if (answer < 0) status = rs_os_fail(error, answer, "can't sync", keys->path);
        rs_fd_close(os, &fd);
        if (status) os->remove(os, folder->fd, name);
    }
    rs_wipe(bytes, sizeof bytes);
    return status;
}

/* Under another name first: several processes may make their first save at the same moment, and
 * none may read half a key, nor sign with one that another's replaces. */
static resume_status make(rs_keys *keys, rs_folder *folder, const char *name, rs_error *error) {
    const rs_os *os = keys->os;
    uint64_t number;
    char temporary[TEMPORARY_SIZE];
    int answer = os->random(os, &number, sizeof number);
    if (answer < 0) return rs_os_fail(error, answer, "can't get random bytes", NULL);
    snprintf(temporary, sizeof temporary, ".key.tmp-%016" PRIx64, number);
    resume_status status = write_key(keys, folder, temporary, error);
    if (status) return status;
    answer = os->rename(os, folder->fd, temporary, name, false);
    if (answer < 0) os->remove(os, folder->fd, temporary);
    if (answer < 0 && rs_os_status(answer) != RESUME_EXISTS)
        return rs_os_fail(error, answer, "can't make", keys->path);
    /* Guards against a power cut that loses its name. */
    answer = os->sync(os, folder->fd);
    if (answer < 0 && !rs_os_is_unsupported(answer))
        return rs_os_fail(error, answer, "can't sync folder", folder->path);
    return load(keys, error);
}

/* A key in a container's own layer, or in memory, is gone before a checkpoint on a volume is. */
static void warn_of_loss(rs_keys *keys, const rs_folder *signed_folder) {
    const rs_os *os = keys->os;
    int fd;
    if (!signed_folder || keys->warning[0]) return;
    if (rs_fd_open(os, RS_WORKING_FOLDER, keys->path, RS_OPEN_READ | RS_OPEN_FOLLOW, 0, &fd, NULL))
        return;
    bool passes = os->is_passing(os, fd) == 1;
    rs_fd_close(os, &fd);
    if (passes && os->is_passing(os, signed_folder->fd) == 0)
        snprintf(keys->warning, sizeof keys->warning,
                 "the key '%.300s' is in memory or in a container's layer and will be lost before "
                 "the checkpoint is: set RESUME_KEY_FILE to a place that stays",
                 keys->path);
}

static void make_missing(rs_keys *keys) {
    rs_error error = {0};
    rs_folder *folder = NULL;
    const char *slash = strrchr(keys->path, '/');
    char *parent = rs_duplicate_text(keys->path);
    resume_status status = RESUME_NO_MEMORY;
    if (parent) {
        parent[slash == keys->path ? 1 : slash - keys->path] = 0;
        status = rs_folder_open(keys->os, parent, true, &folder, &error);
    }
    if (status == RESUME_OK) status = make(keys, folder, slash + 1, &error);
    if (status)
        snprintf(keys->problem, sizeof keys->problem,
                 "can't make a key: %.400s; set RESUME_KEY_FILE to a file whose folder can be "
                 "written",
                 error.text);
    rs_folder_close(folder);
    rs_free(parent);
}

void rs_keys_make(rs_keys *keys, const rs_folder *signed_folder) {
    if (!keys->has_key && !keys->problem[0]) make_missing(keys);
    if (keys->has_key) warn_of_loss(keys, signed_folder);
}
