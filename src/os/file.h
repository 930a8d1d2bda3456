/* Whole reads and writes on top of the os table: retries EINTR, finishes short counts, and turns an
 * errno into a status with a text that names the file. */
#ifndef RS_OS_FILE_H
#define RS_OS_FILE_H

#include "base/error.h"
#include "os/os.h"

/* The status for -errno: ENOSPC, EDQUOT and EFBIG are NO_SPACE; EACCES, EPERM and EROFS DENIED;
 * ENOENT NOT_FOUND; EEXIST EXISTS; ENOMEM NO_MEMORY; ENAMETOOLONG BAD_NAME; ELOOP, ENOTDIR, EISDIR
 * and ENXIO (something else is in the place of a file or folder) UNSAFE_PATH; all else IO. */
resume_status rs_os_status(int64_t negative_errno);

/* What the layers above must tell apart, as they know no errno. */
bool rs_os_is_interrupted(int64_t negative_errno); /* EINTR */
bool rs_os_is_busy(int64_t negative_errno);        /* EWOULDBLOCK: a lock is held */
/* ENOSYS, EOPNOTSUPP, EINVAL, ENOLCK, EXDEV: this kernel or file system does not do that. */
bool rs_os_is_unsupported(int64_t negative_errno);
/* EPERM, EMLINK and the ones above: the file system gives no second name (hard link). */
bool rs_os_cannot_link(int64_t negative_errno);
/* The medium has lost the bytes: what reading a bad sector gives. `os_code` is positive. */
bool rs_os_is_bad_medium(int os_code);
/* Behind a number of free bytes that would do: what else NO_SPACE can mean. `os_code` is positive.
 */
const char *rs_os_beside_space(int os_code);

/* Fails with the status of `negative_errno` and the text "WHAT 'PATH': STRERROR" (and the cure,
 * where there is one: "free space or point RESUME_DIR elsewhere"). `path` may be NULL. */
resume_status rs_os_fail(rs_error *error, int64_t negative_errno, const char *what,
                         const char *path);

/* Reads exactly `size` bytes. RESUME_TRUNCATED when the file ends before. */
resume_status rs_fd_read_all(const rs_os *os, int fd, void *to, size_t size, uint64_t offset,
                             const char *path, rs_error *error);
/* Writes all parts, in order, as few calls as possible (at most RS_WRITE_PARTS_MAX a call). */
#define RS_WRITE_PARTS_MAX 512
resume_status rs_fd_write_all(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                              uint64_t offset, const char *path, rs_error *error);
/* The file that is `device` and `inode`, once more, past the page cache (flags: read or write); -1
 * when `path` is another one by now, or the file system does not do that. */
int rs_fd_open_direct(const rs_os *os, int folder, const char *path, unsigned flags,
                      uint64_t device, uint64_t inode);
/* close once, never retried; errors of closing are ignored (what must be durable was synced
 * before). */
void rs_fd_close(const rs_os *os, int *fd); /* sets *fd to -1; -1 is allowed */
/* Open with EINTR retried. *fd is -1 on failure. */
resume_status rs_fd_open(const rs_os *os, int folder, const char *path, unsigned flags,
                         unsigned mode, int *fd, rs_error *error);
#endif
