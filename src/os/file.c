/* Whole reads and writes on the os table, and the texts of its failures. */
#include "os/file.h"

#include "base/arith.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Interruptions in a row before we believe that they will never end. */
#define INTERRUPTIONS_MAX 1000
#define PATH_SHOWN_MAX    500

resume_status rs_os_status(int64_t negative_errno) {
    switch (-negative_errno) {
    case 0:
        return RESUME_OK;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return RESUME_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return RESUME_DENIED;
    case ENOENT:
        return RESUME_NOT_FOUND;
    case EEXIST:
        return RESUME_EXISTS;
    case ENOMEM:
        return RESUME_NO_MEMORY;
    case ENAMETOOLONG:
        return RESUME_BAD_NAME;
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:
        return RESUME_UNSAFE_PATH;
    default:
        return RESUME_IO;
    }
}

bool rs_os_is_interrupted(int64_t negative_errno) {
    return negative_errno == -EINTR;
}

bool rs_os_is_busy(int64_t negative_errno) {
    return negative_errno == -EWOULDBLOCK;
}

bool rs_os_is_unsupported(int64_t negative_errno) {
    return negative_errno == -ENOSYS || negative_errno == -EOPNOTSUPP ||
           negative_errno == -EINVAL || negative_errno == -ENOLCK || negative_errno == -EXDEV;
}

bool rs_os_cannot_link(int64_t negative_errno) {
    return negative_errno == -EPERM || negative_errno == -EMLINK ||
           rs_os_is_unsupported(negative_errno);
}

bool rs_os_is_bad_medium(int os_code) {
    return os_code == EIO || os_code == EBADMSG || os_code == EUCLEAN || os_code == ENODATA;
}

const char *rs_os_beside_space(int os_code) {
    return os_code == EFBIG    ? ", but the size of a file is limited"
           : os_code == EDQUOT ? ", but there is a quota"
                               : ": see df -i, too";
}

/* What the user can do about it, "" when there is nothing general to say. */
static const char *cure_of(int os_code) {
    switch (os_code) {
    case ENOSPC:
        return "; free space or point RESUME_DIR elsewhere";
    case EDQUOT:
        return "; free space, raise the quota or point RESUME_DIR elsewhere";
    case EFBIG:
        return "; raise the file size limit (ulimit -f) or point RESUME_DIR elsewhere";
    case EACCES:
    case EPERM:
        return "; check owner and permissions or point RESUME_DIR elsewhere";
    case EROFS:
        return "; point RESUME_DIR to a folder that can be written";
    case ELOOP:
        return "; remove the symbolic link in its place";
    case ENOTDIR:
        return "; a part of the path is no folder: check it or point RESUME_DIR elsewhere";
    case EMFILE:
    case ENFILE:
        return "; close files or raise the limit (ulimit -n)";
    case ENAMETOOLONG:
        return "; choose a shorter name or folder";
    case EIO:
        return "; check the disk (dmesg) or point RESUME_DIR elsewhere";
    case ESTALE:
        return "; check the network file system or point RESUME_DIR elsewhere";
    default:
        return "";
    }
}

static resume_status fail_at(rs_error *error, int64_t negative_errno, const char *what,
                             const char *path, uint64_t offset) {
    int os_code = (int)-negative_errno;
    char system[128];
    const char *text = strerror_r(os_code, system, sizeof system); /* the GNU one */
    if (text != system) snprintf(system, sizeof system, "%s", text);
    bool is_word = system[0] >= 'A' && system[0] <= 'Z' && system[1] >= 'a' && system[1] <= 'z';
    if (is_word) system[0] = (char)(system[0] - 'A' + 'a');

    resume_status status = rs_os_status(negative_errno);
    if (path == NULL)
        return rs_fail_at(error, status, os_code, offset, "%s: %s%s", what, system,
                          cure_of(os_code));
    /* Of a path that would push cause and cure out of the text, the end. */
    size_t size = strlen(path), left_out = size > PATH_SHOWN_MAX ? size - PATH_SHOWN_MAX : 0;
    return rs_fail_at(error, status, os_code, offset, "%s '%s%s': %s%s", what,
                      left_out ? "..." : "", path + left_out, system, cure_of(os_code));
}

resume_status rs_os_fail(rs_error *error, int64_t negative_errno, const char *what,
                         const char *path) {
    return fail_at(error, negative_errno, what, path, RS_NO_OFFSET);
}

resume_status rs_fd_open(const rs_os *os, int folder, const char *path, unsigned flags,
                         unsigned mode, int *fd, rs_error *error) {
    int answer = -EINTR;
    for (int i = 0; answer == -EINTR && i < INTERRUPTIONS_MAX; i++)
        answer = os->open(os, folder, path, flags, mode);
    *fd = answer < 0 ? -1 : answer;
    return answer < 0 ? rs_os_fail(error, answer, "can't open", path) : RESUME_OK;
}

void rs_fd_close(const rs_os *os, int *fd) {
    if (*fd >= 0) os->close(os, *fd);
    *fd = -1;
}

resume_status rs_fd_read_all(const rs_os *os, int fd, void *to, size_t size, uint64_t offset,
                             const char *path, rs_error *error) {
    uint64_t end;
    if (rs_add_overflows(offset, size, &end) || end > INT64_MAX)
        return rs_fail_at(error, RESUME_TRUNCATED, 0, offset,
                          "can't read '%s': no file reaches byte %" PRIu64, path, offset);
    uint8_t *at = to;
    int interruptions = 0;
    while (size > 0) {
        int64_t got = os->read(os, fd, at, size, offset);
        if (got == -EINTR && ++interruptions < INTERRUPTIONS_MAX) continue;
        if (got < 0) return fail_at(error, got, "can't read", path, offset);
        if (got == 0)
            return rs_fail_at(error, RESUME_TRUNCATED, 0, offset,
                              "'%s' ends at byte %" PRIu64 ", %" PRIu64 " were expected", path,
                              offset, end);
        interruptions = 0;
        at += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return RESUME_OK;
}

/* Where a sequence of parts is written up to. */
typedef struct cursor {
    const rs_slice *parts;
    size_t count;
    size_t skip; /* bytes of the first part that are done */
} cursor;

static void cursor_advance(cursor *at, size_t size) {
    while (at->count > 0 && size >= at->parts->size - at->skip) {
        size -= at->parts->size - at->skip;
        at->parts++;
        at->count--;
        at->skip = 0;
    }
    at->skip += size;
}

/* The next parts for one call; empty ones are left out. */
static size_t cursor_window(const cursor *at, rs_slice window[RS_WRITE_PARTS_MAX]) {
    size_t filled = 0;
    for (size_t i = 0; i < at->count && filled < RS_WRITE_PARTS_MAX; i++) {
        size_t skip = i == 0 ? at->skip : 0;
        if (at->parts[i].size == skip) continue;
        window[filled].bytes = (const uint8_t *)at->parts[i].bytes + skip;
        window[filled++].size = at->parts[i].size - skip;
    }
    return filled;
}

resume_status rs_fd_write_all(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                              uint64_t offset, const char *path, rs_error *error) {
    uint64_t remaining = 0, end;
    bool overflows = false;
    for (size_t i = 0; i < count; i++)
        overflows = rs_add_overflows(remaining, parts[i].size, &remaining) || overflows;
    if (overflows || rs_add_overflows(offset, remaining, &end) || end > INT64_MAX)
        return fail_at(error, -EFBIG, "can't write", path, offset);

    cursor at = {.parts = parts, .count = count};
    int interruptions = 0;
    while (remaining > 0) {
        rs_slice window[RS_WRITE_PARTS_MAX];
        size_t filled = cursor_window(&at, window);
        int64_t written = os->write(os, fd, window, filled, offset);
        if (written == -EINTR && ++interruptions < INTERRUPTIONS_MAX) continue;
        /* A write of some bytes that takes none would be tried for ever. */
        if (written == 0) written = -EIO;
        if (written < 0) return fail_at(error, written, "can't write", path, offset);
        interruptions = 0;
        cursor_advance(&at, (size_t)written);
        remaining -= (uint64_t)written;
        offset += (uint64_t)written;
    }
    return RESUME_OK;
}

int rs_fd_open_direct(const rs_os *os, int folder, const char *path, unsigned flags,
                      uint64_t device, uint64_t inode) {
    rs_file_info info;
    int fd = -1;
    if (rs_fd_open(os, folder, path, flags | RS_OPEN_DIRECT, 0, &fd, NULL)) return -1;
    if (os->info(os, fd, &info) < 0 || !rs_is_same_file(&info, device, inode)) rs_fd_close(os, &fd);
    return fd;
}
