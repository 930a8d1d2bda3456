/* What others have saved and the user trusts: a list of MACs beside the key, one a line. Only the
 * holder of the key can add one, so that the list needs no protection of its own. */
#include "store/keys.h"

#include "base/alloc.h"
#include "os/file.h"
#include "os/process.h"
#include "store/folder.h"

#include <inttypes.h>
#include <stdio.h>

#define SUFFIX         ".trusted"
#define FILE_SIZE_MAX  (16u << 20)
#define LINE_SIZE_MAX  8192u
#define TEMPORARY_SIZE 64u
#define LOCK_WAIT_MS   5000

static char *list_path(const rs_keys *keys) {
    size_t size = strlen(keys->path) + sizeof SUFFIX;
    char *path = rs_allocate(size);
    if (path) snprintf(path, size, "%s" SUFFIX, keys->path);
    return path;
}

static int digit(char character) {
    static const char digits[] = "0123456789abcdef";
    const char *at = character ? strchr(digits, character) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool read_mac(const char *line, size_t size, rs_mac *mac) {
    if (size < 2 * RS_MAC_SIZE || (size > 2 * RS_MAC_SIZE && line[2 * RS_MAC_SIZE] != ' '))
        return false;
    for (size_t i = 0; i < RS_MAC_SIZE; i++) {
        int high = digit(line[2 * i]), low = digit(line[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        mac->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The text of the list, with a zero behind it; empty when there is none. */
static resume_status read_list(rs_keys *keys, rs_buffer *text, rs_error *error) {
    rs_file_info info;
    int fd = -1;
    char *path = list_path(keys);
    if (!path) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
    resume_status status =
        rs_fd_open(keys->os, RS_WORKING_FOLDER, path, RS_OPEN_READ, 0, &fd, error);
    int answer = status ? 0 : keys->os->info(keys->os, fd, &info);
    if (answer < 0) status = rs_os_fail(error, answer, "can't look at", path);
    if (status == RESUME_OK && (info.kind != RS_KIND_FILE || info.size > FILE_SIZE_MAX))
        status = rs_fail(error, RESUME_UNSAFE_PATH,
                         "'%s' is not the list of what is trusted; remove it", path);
    if (status == RESUME_OK && !rs_buffer_reserve(text, (size_t)info.size + 1))
        status = rs_fail(error, RESUME_NO_MEMORY, "no memory to read '%s'", path);
    if (status == RESUME_OK)
        status = rs_fd_read_all(keys->os, fd, text->bytes, (size_t)info.size, 0, path, error);
    if (status == RESUME_OK) text->size = (size_t)info.size;
    rs_fd_close(keys->os, &fd);
    rs_free(path);
    if (status != RESUME_NOT_FOUND) return status;
    rs_error_clear(error);
    return RESUME_OK;
}

/* Calls `visit` with each line that begins with a MAC. */
static void each_line(const rs_buffer *text, void *context,
                      void (*visit)(void *context, const rs_mac *mac, rs_slice line)) {
    const char *at = (const char *)text->bytes, *end = at + text->size;
    while (text->size && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = newline ? (size_t)(newline - at) : (size_t)(end - at);
        rs_mac mac;
        if (read_mac(at, size, &mac)) visit(context, &mac, (rs_slice){at, size});
        at += size + 1;
    }
}

static void add_mac(void *context, const rs_mac *mac, rs_slice line) {
    (void)line;
    rs_buffer_append(context, mac->bytes, sizeof mac->bytes);
}

resume_status rs_trusted_load(rs_keys *keys, rs_error *error) {
    rs_buffer text = {0}, macs = {0};
    resume_status status = read_list(keys, &text, error);
    if (status == RESUME_OK) {
        each_line(&text, &macs, add_mac);
        if (macs.failed) status = rs_fail(error, RESUME_NO_MEMORY, "no memory for a list");
    }
    size_t size;
    if (status == RESUME_OK) {
        rs_free(keys->trusted);
        keys->trusted = (rs_mac *)rs_buffer_detach(&macs, &size);
        keys->trusted_count = size / sizeof *keys->trusted;
    }
    rs_buffer_release(&macs);
    rs_buffer_release(&text);
    return status;
}

bool rs_keys_trust(const rs_keys *keys, const rs_mac *mac) {
    bool found = false;
    for (size_t i = 0; i < keys->trusted_count; i++)
        found = rs_mac_equal(&keys->trusted[i], mac) || found;
    return found;
}

/* --- changing it --- */

typedef struct filtering {
    const rs_mac *macs;
    size_t count, removed;
    rs_buffer kept;
} filtering;

static void keep_others(void *context, const rs_mac *mac, rs_slice line) {
    filtering *filter = context;
    for (size_t i = 0; i < filter->count; i++)
        if (rs_mac_equal(&filter->macs[i], mac)) {
            filter->removed++;
            return;
        }
    rs_buffer_append(&filter->kept, line.bytes, line.size);
    rs_buffer_append(&filter->kept, "\n", 1);
}

static void add_lines(filtering *filter, const char *note) {
    for (size_t i = 0; i < filter->count; i++) {
        char line[LINE_SIZE_MAX];
        size_t used = 0;
        for (size_t j = 0; j < RS_MAC_SIZE; j++)
            used += (size_t)snprintf(line + used, 3, "%02x", filter->macs[i].bytes[j]);
        line[used++] = ' ';
        for (const char *at = note; *at && used < sizeof line - 2; at++)
            line[used++] = (unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at;
        line[used++] = '\n';
        rs_buffer_append(&filter->kept, line, used);
    }
}

/* A complete new list takes the place of the old one. */
static resume_status write_list(rs_keys *keys, const rs_folder *folder, const rs_buffer *text,
                                rs_error *error) {
    const rs_os *os = keys->os;
    char *path = list_path(keys), temporary[TEMPORARY_SIZE];
    uint64_t number = 0;
    int fd = -1;
    if (!path) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
    resume_status status = RESUME_OK;
    int answer = os->random(os, &number, sizeof number);
    snprintf(temporary, sizeof temporary, ".trusted.tmp-%016" PRIx64, number);
    if (answer < 0) status = rs_os_fail(error, answer, "can't get random bytes", NULL);
    if (status == RESUME_OK)
        status = rs_fd_open(os, folder->fd, temporary,
                            RS_OPEN_WRITE | RS_OPEN_CREATE | RS_OPEN_EXCLUSIVE, 0600, &fd, error);
    rs_slice part = {text->bytes, text->size};
    if (status == RESUME_OK) status = rs_fd_write_all(os, fd, &part, 1, 0, path, error);
    /* Guards against a power cut that leaves an empty list. */
    if (status == RESUME_OK && (answer = os->sync(os, fd)) < 0)
        status = rs_os_fail(error, answer, "can't sync", path);
    if (status == RESUME_OK &&
        (answer = os->rename(os, folder->fd, temporary, strrchr(path, '/') + 1, true)) < 0)
        status = rs_os_fail(error, answer, "can't write", path);
    if (status && fd >= 0) os->remove(os, folder->fd, temporary);
    if (status == RESUME_OK) os->sync(os, folder->fd);
    rs_fd_close(os, &fd);
    rs_free(path);
    return status;
}

/* The folder of the list, locked: two that read the list, and each write it with a line more, would
 * lose one. Where there are no locks that may happen. */
static resume_status lock_folder(rs_keys *keys, rs_folder **folder, rs_error *error) {
    char *path = rs_duplicate_text(keys->path);
    if (!path) return rs_fail(error, RESUME_NO_MEMORY, "no memory for a path");
    char *slash = strrchr(path, '/');
    slash[slash == path] = 0;
    resume_status status = rs_folder_open(keys->os, path, true, folder, error);
    for (int wait = 0; status == RESUME_OK; wait++) {
        if (!rs_os_is_busy(keys->os->lock(keys->os, (*folder)->fd))) break;
        if (wait == LOCK_WAIT_MS)
            status = rs_fail(error, RESUME_LOCKED,
                             "another process has locked '%s' for more than %d seconds", path,
                             LOCK_WAIT_MS / 1000);
        rs_sleep_ms(1);
    }
    rs_free(path);
    return status;
}

/* The list without these, or with them as its last ones. */
static resume_status change(rs_keys *keys, filtering *filter, const char *note, rs_error *error) {
    rs_buffer text = {0};
    rs_folder *folder = NULL;
    resume_status status = lock_folder(keys, &folder, error);
    if (status == RESUME_OK) status = read_list(keys, &text, error);
    if (status == RESUME_OK) {
        each_line(&text, filter, keep_others);
        if (note) add_lines(filter, note);
        if (filter->kept.failed) status = rs_fail(error, RESUME_NO_MEMORY, "no memory for a list");
    }
    if (status == RESUME_OK && (note || filter->removed))
        status = write_list(keys, folder, &filter->kept, error);
    if (status == RESUME_OK) status = rs_trusted_load(keys, error);
    if (folder) keys->os->unlock(keys->os, folder->fd);
    rs_folder_close(folder);
    rs_buffer_release(&filter->kept);
    rs_buffer_release(&text);
    return status;
}

resume_status rs_trusted_add(rs_keys *keys, const rs_mac *macs, size_t count, const char *note,
                             rs_error *error) {
    filtering filter = {.macs = macs, .count = count};
    return change(keys, &filter, note, error);
}

resume_status rs_trusted_remove(rs_keys *keys, const rs_mac *macs, size_t count, size_t *removed,
                                rs_error *error) {
    filtering filter = {.macs = macs, .count = count};
    resume_status status = change(keys, &filter, NULL, error);
    *removed = filter.removed;
    return status;
}
