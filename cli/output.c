/* Where an export goes: stdout, or a new file that gets its name when it is complete. */
#include "export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What to do about it, "" when there is nothing general to say. */
static const char *cure_of(int os_code) {
    switch (os_code) {
    case ENOENT:
        return "; make the folder or choose another";
    case ENOTDIR:
        return "; a part of the path is no folder: choose another";
    case EACCES:
    case EPERM:
    case EROFS:
        return "; choose a folder that you can write";
    case ENOSPC:
    case EDQUOT:
        return "; free space or choose another folder";
    case EFBIG:
        return "; raise the limit of file sizes (ulimit -f) or choose another folder";
    default:
        return "";
    }
}

static resume_status fail(rs_error *error, int os_code, const char *what, const char *path) {
    resume_status status =
        os_code == ENOSPC || os_code == EDQUOT || os_code == EFBIG  ? RESUME_NO_SPACE
        : os_code == EACCES || os_code == EPERM || os_code == EROFS ? RESUME_DENIED
        : os_code == EEXIST                                         ? RESUME_EXISTS
                                                                    : RESUME_IO;
    return rs_fail(error, status, "%s '%s' failed: %s%s", what, path, strerror(os_code),
                   cure_of(os_code));
}

/* --force is for exports, and one wrong word must not cost a checkpoint. */
static bool is_checkpoint(const rc_output *output) {
    char magic[8] = "";
    int fd =
        openat(output->folder, output->file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool found = fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic &&
                 memcmp(magic, "\x89RESUME\n", sizeof magic) == 0;
    if (fd >= 0) close(fd);
    return found;
}

static resume_status refuse_existing(const rc_output *output, rs_error *error) {
    struct stat info;
    if (fstatat(output->folder, output->file_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return RESUME_OK;
    if (!S_ISREG(info.st_mode))
        return rs_fail(error, RESUME_EXISTS, "'%s' is there and is no regular file; choose another",
                       output->path);
    if (is_checkpoint(output))
        return rs_fail(error, RESUME_EXISTS, "'%s' is a checkpoint; choose another", output->path);
    if (output->force) return RESUME_OK;
    return rs_fail(error, RESUME_EXISTS,
                   "'%s' is there; --force replaces it when the export is complete", output->path);
}

static int open_folder(rc_output *output) {
    char folder[PATH_MAX];
    const char *slash = strrchr(output->path, '/');
    size_t length = slash ? (size_t)(slash - output->path) : 1;
    output->file_name = slash ? slash + 1 : output->path;
    if (length >= sizeof folder) return -ENAMETOOLONG;
    memcpy(folder, slash ? output->path : ".", length);
    folder[length] = 0;
    output->folder = open(slash == output->path ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return output->folder < 0 ? -errno : 0;
}

/* Without a name where the file system can, so that a killed export leaves nothing. */
static int open_temporary(rc_output *output) {
    mode_t mask = umask(0);
    umask(mask);
    int fd = openat(output->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666 & ~mask);
    if (fd >= 0) return fd;
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != sizeof number) return -1;
    snprintf(output->temporary, sizeof output->temporary, ".resume-export-%016" PRIx64, number);
    return openat(output->folder, output->temporary,
                  O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0666);
}

resume_status rc_output_open(rc_output *output, const char *path, bool force, rs_error *error) {
    *output = (rc_output){.folder = -1, .force = force};
    if (!path || strcmp(path, "-") == 0) {
        output->stream = stdout;
        return RESUME_OK;
    }
    output->path = path;
    int result = open_folder(output);
    if (result < 0) return fail(error, -result, "opening the folder of", path);
    if (!*output->file_name || strcmp(output->file_name, ".") == 0 ||
        strcmp(output->file_name, "..") == 0)
        return rs_fail(error, RESUME_BAD_NAME, "'%s' is no name of a file", path);
    resume_status status = refuse_existing(output, error);
    if (status != RESUME_OK) return status;
    int fd = open_temporary(output);
    if (fd < 0) return fail(error, errno, "making a file beside", path);
    output->stream = fdopen(fd, "w");
    if (output->stream) return RESUME_OK;
    close(fd);
    return rs_fail(error, RESUME_NO_MEMORY, "out of memory");
}

resume_status rc_output_expect(rc_output *output, uint64_t size, rs_error *error) {
    char needed[RC_TEXT_SIZE], there[RC_TEXT_SIZE];
    struct statvfs info;
    if (!output->path || fstatvfs(output->folder, &info) != 0) return RESUME_OK;
    uint64_t room;
    if (__builtin_mul_overflow((uint64_t)info.f_bavail, (uint64_t)info.f_frsize, &room) ||
        size <= room)
        return RESUME_OK;
    return rs_fail(error, RESUME_NO_SPACE, "'%s' needs about %s, %s are free", output->path,
                   rc_text_size(size, needed), rc_text_size(room, there));
}

void rc_output_write(rc_output *output, const void *bytes, size_t size) {
    if (output->failed || size == 0) return;
    if (fwrite(bytes, 1, size, output->stream) == size) return;
    output->failed = true;
    output->os_code = errno;
}

/* A link to the file that has no name yet, or another name for one that has. */
static int give_name(rc_output *output, int fd, const char *name) {
    char self[64];
    if (output->temporary[0])
        return linkat(output->folder, output->temporary, output->folder, name, 0);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, output->folder, name, AT_SYMLINK_FOLLOW);
}

/* Without --force a link, which never replaces a file, not even one that came in the meantime. */
static int publish(rc_output *output, int fd) {
    if (!output->force) {
        int result = give_name(output, fd, output->file_name);
        if (result == 0 || !output->temporary[0] || errno == EEXIST) return result;
        /* no hard links here: a rename that replaces nothing */
        result = renameat2(output->folder, output->temporary, output->folder, output->file_name,
                           RENAME_NOREPLACE);
        if (result == 0) output->temporary[0] = 0;
        return result;
    }
    if (!output->temporary[0]) {
        char name[sizeof output->temporary];
        uint64_t number = 0;
        if (getrandom(&number, sizeof number, 0) != sizeof number) return -1;
        snprintf(name, sizeof name, ".resume-export-%016" PRIx64, number);
        if (give_name(output, fd, name) != 0) return -1;
        memcpy(output->temporary, name, sizeof name);
    }
    int result = renameat(output->folder, output->temporary, output->folder, output->file_name);
    if (result == 0) output->temporary[0] = 0;
    return result;
}

resume_status rc_output_finish(rc_output *output, rs_error *error) {
    const char *path = output->path ? output->path : "the result";
    if (!output->failed && fflush(output->stream) != 0) {
        output->failed = true;
        output->os_code = errno;
    }
    if (output->failed) return fail(error, output->os_code, "writing", path);
    if (!output->path) return RESUME_OK;
    int fd = fileno(output->stream);
    /* guards against a power cut behind our report that leaves the name and not the bytes */
    if (fsync(fd) != 0) return fail(error, errno, "syncing", path);
    if (publish(output, fd) != 0)
        return errno == EEXIST ? refuse_existing(output, error)
                               : fail(error, errno, "giving its name to", path);
    /* guards against a power cut behind our report that takes the name away; some file systems
     * can't sync a folder */
    (void)fsync(output->folder);
    return RESUME_OK;
}

void rc_output_discard(rc_output *output) {
    if (output->temporary[0]) unlinkat(output->folder, output->temporary, 0);
    if (output->path && output->stream) fclose(output->stream);
    if (output->folder >= 0) close(output->folder);
    *output = (rc_output){.folder = -1};
}
