/* The real table: Linux system calls, one for each function where the kernel allows it. */
#include "os/memory.h"
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000LL

_Static_assert(RS_WORKING_FOLDER == AT_FDCWD, "the folder that means the working directory");
_Static_assert(sizeof(off_t) == 8, "files of more than 2 GiB");
/* A slice is handed to the kernel as it is. */
_Static_assert(sizeof(rs_slice) == sizeof(struct iovec) &&
                   offsetof(rs_slice, bytes) == offsetof(struct iovec, iov_base) &&
                   offsetof(rs_slice, size) == offsetof(struct iovec, iov_len),
               "rs_slice is laid out like struct iovec");

static int result(int answer) {
    return answer < 0 ? -errno : 0;
}

static int64_t count(ssize_t answer) {
    return answer < 0 ? -errno : (int64_t)answer;
}

/* A file must never become stdin, stdout or stderr of a program that runs with one of them closed:
 * what it prints would land in the checkpoint. */
static int above_standard_streams(int fd) {
    if (fd > STDERR_FILENO || fd < 0) return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int code = errno;
    close(fd);
    errno = code;
    return moved;
}

static int linux_open(const rs_os *os, int folder, const char *path, unsigned flags,
                      unsigned mode) {
    (void)os;
    int how = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if ((flags & RS_OPEN_WRITE) != 0)
        how |= (flags & RS_OPEN_READ) != 0 ? O_RDWR : O_WRONLY;
    else
        how |= O_RDONLY;
    if ((flags & RS_OPEN_CREATE) != 0) how |= O_CREAT;
    if ((flags & RS_OPEN_EXCLUSIVE) != 0) how |= O_EXCL;
    if ((flags & RS_OPEN_FOLDER) != 0) how |= O_DIRECTORY;
    if ((flags & RS_OPEN_FOLLOW) == 0) how |= O_NOFOLLOW;
    if ((flags & RS_OPEN_DIRECT) != 0) how |= O_DIRECT;
    int fd = above_standard_streams(openat(folder, path, how, (mode_t)mode));
    return fd < 0 ? -errno : fd;
}

static int linux_close(const rs_os *os, int fd) {
    (void)os;
    return result(close(fd));
}

static int64_t linux_read(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    (void)os;
    return count(pread(fd, to, size, (off_t)offset));
}

/* cachestat(2), Linux 6.5: which pages of a file are in the page cache. */
#define SYSCALL_CACHESTAT 451

typedef enum cached { CACHED_NO, CACHED_ALL, CACHED_UNKNOWN } cached;

static cached cached_of(int fd, size_t size, uint64_t offset) {
    const struct { uint64_t offset, size; } range = {offset, size};
    struct {
        uint64_t cached, dirty, writeback, evicted, recently_evicted;
    } pages = {0};
    if (size == 0 || syscall(SYSCALL_CACHESTAT, fd, &range, &pages, 0) != 0) return CACHED_UNKNOWN;
    uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t others = (offset + size - 1) / page_size - offset / page_size;
    return pages.cached > others ? CACHED_ALL : CACHED_NO;
}

static bool linux_is_cached(const rs_os *os, int fd, size_t size, uint64_t offset) {
    (void)os;
    return cached_of(fd, size, offset) == CACHED_ALL;
}

/* Asked first: a read that must not wait (RWF_NOWAIT) has the kernel read ahead all the same, and
 * who then reads past the cache reads everything twice. */
static int64_t linux_read_cached(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    (void)os;
    struct iovec part = {.iov_base = to, .iov_len = size};
    if (cached_of(fd, size, offset) == CACHED_NO) return -EAGAIN;
    return count(preadv2(fd, &part, 1, (off_t)offset, RWF_NOWAIT));
}

static int linux_map(const rs_os *os, int fd, void *at, size_t size, uint64_t offset) {
    (void)os;
    void *got = mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, (off_t)offset);
    return got == MAP_FAILED ? -errno : 0;
}

/* A write that begins at the limit (ulimit -f) or behind it sends SIGXFSZ, which ends a program
 * that does not expect it: the error alone is what the library has to tell. */
static bool is_beyond_limit(uint64_t offset) {
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           offset >= limit.rlim_cur;
}

static int64_t linux_write(const rs_os *os, int fd, const rs_slice *parts, size_t part_count,
                           uint64_t offset) {
    (void)os;
    if (is_beyond_limit(offset)) return -EFBIG;
    int some = part_count < IOV_MAX ? (int)part_count : IOV_MAX;
    return count(pwritev(fd, (const struct iovec *)parts, some, (off_t)offset));
}

static int linux_sync_data(const rs_os *os, int fd) {
    (void)os;
    return result(fdatasync(fd));
}

static int linux_sync(const rs_os *os, int fd) {
    (void)os;
    return result(fsync(fd));
}

static int linux_truncate(const rs_os *os, int fd, uint64_t size) {
    (void)os;
    return result(ftruncate(fd, (off_t)size));
}

static int linux_reserve(const rs_os *os, int fd, uint64_t offset, uint64_t size) {
    (void)os;
    uint64_t last = offset + size - (size != 0);
    if (is_beyond_limit(last)) return -EFBIG; /* tmpfs sends the signal for this, too */
    return result(fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size));
}

static int linux_start_writing(const rs_os *os, int fd, uint64_t offset, uint64_t size) {
    (void)os;
    return result(sync_file_range(fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE));
}

static int64_t linux_copy(const rs_os *os, int from, uint64_t from_offset, int to,
                          uint64_t to_offset, uint64_t size) {
    (void)os;
    if (is_beyond_limit(to_offset)) return -EFBIG;
    off_t in = (off_t)from_offset, out = (off_t)to_offset;
    return count(copy_file_range(from, &in, to, &out, size, 0));
}

static void fill_info(const struct stat *from, rs_file_info *info) {
    memset(info, 0, sizeof *info);
    info->kind = S_ISREG(from->st_mode)   ? RS_KIND_FILE
                 : S_ISDIR(from->st_mode) ? RS_KIND_FOLDER
                 : S_ISLNK(from->st_mode) ? RS_KIND_LINK
                                          : RS_KIND_OTHER;
    info->size = (uint64_t)from->st_size;
    info->device = (uint64_t)from->st_dev;
    info->inode = (uint64_t)from->st_ino;
    info->owner = from->st_uid;
    info->mode = from->st_mode & 07777;
    info->links = (uint64_t)from->st_nlink;
    info->modified_ns = (int64_t)from->st_mtim.tv_sec * NANOSECONDS + from->st_mtim.tv_nsec;
}

static int linux_info(const rs_os *os, int fd, rs_file_info *info) {
    (void)os;
    struct stat found;
    if (fstat(fd, &found) < 0) return -errno;
    fill_info(&found, info);
    return 0;
}

static int linux_info_at(const rs_os *os, int folder, const char *path, rs_file_info *info) {
    (void)os;
    struct stat found;
    if (fstatat(folder, path, &found, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
    fill_info(&found, info);
    return 0;
}

static int linux_make_folder(const rs_os *os, int folder, const char *path, unsigned mode) {
    (void)os;
    return result(mkdirat(folder, path, (mode_t)mode));
}

static int linux_set_mode(const rs_os *os, int fd, unsigned mode) {
    (void)os;
    return result(fchmod(fd, (mode_t)mode));
}

/* For file systems that know no RENAME_NOREPLACE: link refuses an existing name as well. Where
 * there are no hard links either, a look before a plain rename must do; writers hold a lock. */
static int rename_without_flag(int folder, const char *from, const char *to) {
    if (linkat(folder, from, folder, to, 0) == 0) {
        if (unlinkat(folder, from, 0) == 0) return 0;
        int code = errno;
        unlinkat(folder, to, 0);
        return -code;
    }
    if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP && errno != EMLINK) return -errno;
    struct stat found;
    if (fstatat(folder, to, &found, AT_SYMLINK_NOFOLLOW) == 0) return -EEXIST;
    if (errno != ENOENT) return -errno;
    return result(renameat(folder, from, folder, to));
}

static int linux_rename(const rs_os *os, int folder, const char *from, const char *to,
                        bool replace) {
    (void)os;
    if (replace) return result(renameat(folder, from, folder, to));
    if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -errno;
    return rename_without_flag(folder, from, to);
}

static int linux_link(const rs_os *os, int folder, const char *from, const char *to) {
    (void)os;
    return result(linkat(folder, from, folder, to, 0));
}

static int linux_remove(const rs_os *os, int folder, const char *path) {
    (void)os;
    return result(unlinkat(folder, path, 0));
}

static int linux_remove_folder(const rs_os *os, int folder, const char *path) {
    (void)os;
    return result(unlinkat(folder, path, AT_REMOVEDIR));
}

/* Opens the folder anew, since a descriptor has one reading position for all who share it. */
static int linux_list(const rs_os *os, int folder, int (*visit)(void *context, const char *name),
                      void *context) {
    (void)os;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    DIR *stream = fdopendir(fd);
    if (stream == NULL) {
        int code = errno;
        close(fd);
        return -code;
    }
    int answer = 0;
    while (answer == 0) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            answer = -errno;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        answer = visit(context, entry->d_name);
    }
    closedir(stream);
    return answer;
}

static int linux_lock(const rs_os *os, int fd) {
    (void)os;
    return result(flock(fd, LOCK_EX | LOCK_NB));
}

static void linux_unlock(const rs_os *os, int fd) {
    (void)os;
    flock(fd, LOCK_UN);
}

static int linux_free_bytes(const rs_os *os, int fd, uint64_t *free_bytes) {
    (void)os;
    struct statvfs found;
    if (fstatvfs(fd, &found) < 0) return -errno;
    if (__builtin_mul_overflow((uint64_t)found.f_bavail, (uint64_t)found.f_frsize, free_bytes))
        *free_bytes = UINT64_MAX;
    return 0;
}

static int linux_is_passing(const rs_os *os, int fd) {
    (void)os;
    struct statfs found;
    if (fstatfs(fd, &found) < 0) return -errno;
    return found.f_type == TMPFS_MAGIC || found.f_type == RAMFS_MAGIC ||
           found.f_type == OVERLAYFS_SUPER_MAGIC;
}

static int linux_is_in_place(const rs_os *os, int fd) {
    (void)os;
    struct statfs found;
    if (fstatfs(fd, &found) < 0) return -errno;
    return found.f_type == EXT4_SUPER_MAGIC || found.f_type == XFS_SUPER_MAGIC;
}

static int linux_working_folder(const rs_os *os, char *path, size_t size) {
    (void)os;
    if (getcwd(path, size) == NULL) return -errno;
    return path[0] == '/' ? 0 : -ENOENT; /* "(unreachable)/...": outside our root */
}

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) < 0) return 0;
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

static int64_t linux_clock_ns(const rs_os *os) {
    (void)os;
    return read_clock(CLOCK_REALTIME);
}

static int64_t linux_monotonic_ns(const rs_os *os) {
    (void)os;
    return read_clock(CLOCK_MONOTONIC);
}

static int linux_random(const rs_os *os, void *to, size_t size) {
    (void)os;
    uint8_t *at = to;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -errno;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}

/* The text of a small file of /proc; empty when there is none. */
static void read_text(const char *path, char *to, size_t size) {
    to[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t got = read(fd, to, size - 1);
    close(fd);
    if (got > 0) to[got] = '\0';
}

/* Field 22 of /proc/self/stat counts clock ticks since boot. The command in field 2 may hold blanks
 * and parentheses, so counting begins behind the last one. 0 when unknown. */
static int64_t process_start(void) {
    char text[1024];
    read_text("/proc/self/stat", text, sizeof text);
    const char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    unsigned long long ticks;
    long ticks_per_second = sysconf(_SC_CLK_TCK);
    if (at == NULL || sscanf(at, " %llu", &ticks) != 1 || ticks_per_second <= 0) return 0;
    int64_t booted = read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
    return booted + (int64_t)(ticks / (unsigned long long)ticks_per_second) * NANOSECONDS +
           (int64_t)(ticks % (unsigned long long)ticks_per_second) *
               (NANOSECONDS / ticks_per_second);
}

static int linux_process(const rs_os *os, rs_process *process) {
    (void)os;
    memset(process, 0, sizeof *process);
    process->pid = getpid();
    process->started_ns = process_start();
    struct utsname names;
    if (uname(&names) == 0) snprintf(process->host, sizeof process->host, "%s", names.nodename);
    read_text("/proc/sys/kernel/random/boot_id", process->boot_id, sizeof process->boot_id);
    process->boot_id[strcspn(process->boot_id, "\n")] = '\0';
    return 0;
}

static int64_t linux_pid(const rs_os *os) {
    (void)os;
    return getpid();
}

static uint32_t linux_user(const rs_os *os) {
    (void)os;
    return geteuid();
}

static unsigned linux_processors(const rs_os *os) {
    (void)os;
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return count > 0 ? (unsigned)count : 1;
}

static uint64_t linux_memory_left(const rs_os *os) {
    (void)os;
    return rs_memory_left();
}

static const rs_os linux_table = {
    .context = NULL,
    .open = linux_open,
    .close = linux_close,
    .read = linux_read,
    .read_cached = linux_read_cached,
    .is_cached = linux_is_cached,
    .map = linux_map,
    .write = linux_write,
    .sync_data = linux_sync_data,
    .sync = linux_sync,
    .truncate = linux_truncate,
    .reserve = linux_reserve,
    .start_writing = linux_start_writing,
    .copy = linux_copy,
    .info = linux_info,
    .info_at = linux_info_at,
    .make_folder = linux_make_folder,
    .set_mode = linux_set_mode,
    .rename = linux_rename,
    .link = linux_link,
    .remove = linux_remove,
    .remove_folder = linux_remove_folder,
    .list = linux_list,
    .lock = linux_lock,
    .unlock = linux_unlock,
    .free_bytes = linux_free_bytes,
    .is_passing = linux_is_passing,
    .is_in_place = linux_is_in_place,
    .working_folder = linux_working_folder,
    .clock_ns = linux_clock_ns,
    .monotonic_ns = linux_monotonic_ns,
    .random = linux_random,
    .process = linux_process,
    .pid = linux_pid,
    .user = linux_user,
    .processors = linux_processors,
    .memory_left = linux_memory_left,
};

const rs_os *rs_os_linux(void) {
    return &linux_table;
}
