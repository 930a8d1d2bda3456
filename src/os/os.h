/* The operating system as one small table of functions, passed explicitly.
 *
 * The library never calls the system but through such a table, so that a test can put a failing or
 * a simulated disk in its place. rs_os_linux() is the real one. A function returns 0 (or a count)
 * on success and -errno on failure; it does one system call and no retries: retries, short reads
 * and writes and the text of errors belong to os/file.h. */
#ifndef RS_OS_OS_H
#define RS_OS_OS_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rs_os rs_os;

/* For `folder`: relative paths start at the working directory. */
#define RS_WORKING_FOLDER (-100)

enum rs_open_flags { /* O_CLOEXEC is always set; O_NOFOLLOW unless RS_OPEN_FOLLOW */
                     RS_OPEN_READ = 1,
                     RS_OPEN_WRITE = 2,
                     RS_OPEN_CREATE = 4, /* with RS_OPEN_EXCLUSIVE: must not exist */
                     RS_OPEN_EXCLUSIVE = 8,
                     RS_OPEN_FOLDER = 16, /* O_DIRECTORY */
                     RS_OPEN_FOLLOW = 32,
                     RS_OPEN_DIRECT = 64, /* O_DIRECT: past the page cache, in whole blocks */
}; /* O_NONBLOCK is always set, so that a FIFO in the place of a file cannot hang us */

typedef enum rs_file_kind {
    RS_KIND_FILE,
    RS_KIND_FOLDER,
    RS_KIND_LINK,
    RS_KIND_OTHER
} rs_file_kind;

typedef struct rs_file_info {
    rs_file_kind kind;
    uint64_t size;
    uint64_t device, inode;
    uint32_t owner; /* user id */
    uint32_t mode;  /* permission bits with the sticky bit, 07777 */
    uint64_t links;
    int64_t modified_ns; /* since 1970 */
} rs_file_info;

static inline bool rs_is_same_file(const rs_file_info *info, uint64_t device, uint64_t inode) {
    return info->device == device && info->inode == inode;
}

typedef struct rs_process {
    int64_t pid;
    int64_t started_ns; /* since 1970, of the process; 0 when unknown */
    char host[65];
    char boot_id[37];
} rs_process;

struct rs_os {
    void *context; /* for test doubles */
    int (*open)(const rs_os *os, int folder, const char *path, unsigned flags, unsigned mode);
    int (*close)(const rs_os *os, int fd);
    int64_t (*read)(const rs_os *os, int fd, void *to, size_t size, uint64_t offset);
    /* What of it is in the page cache: waits for no disk. -EAGAIN: nothing. Needed by those alone
     * that have `processors`. */
    int64_t (*read_cached)(const rs_os *os, int fd, void *to, size_t size, uint64_t offset);
    /* All of it is in the page cache; false also when nobody can tell. Needed as above. */
    bool (*is_cached)(const rs_os *os, int fd, size_t size, uint64_t offset);
    /* Puts bytes of the file in the place of pages at `at`, private: they are read when they are
     * touched, what is written there stays there. NULL: nothing can be mapped. */
    int (*map)(const rs_os *os, int fd, void *at, size_t size, uint64_t offset);
    /* -EFBIG, and never the signal SIGXFSZ, beyond the size limit of the process. */
    int64_t (*write)(const rs_os *os, int fd, const rs_slice *parts, size_t count, uint64_t offset);
    int (*sync_data)(const rs_os *os, int fd); /* fdatasync */
    int (*sync)(const rs_os *os, int fd);      /* fsync, also of a folder */
    int (*truncate)(const rs_os *os, int fd, uint64_t size);
    int (*reserve)(const rs_os *os, int fd, uint64_t offset,
                   uint64_t size); /* fallocate(KEEP_SIZE) */
    /* The disk may begin with these bytes, which were written; does not wait for it, and tells
     * nothing of whether that works (sync_file_range). */
    int (*start_writing)(const rs_os *os, int fd, uint64_t offset, uint64_t size);
    int64_t (*copy)(const rs_os *os, int from, uint64_t from_offset, int to, uint64_t to_offset,
                    uint64_t size); /* copy_file_range: bytes copied */
    int (*info)(const rs_os *os, int fd, rs_file_info *info);
    int (*info_at)(const rs_os *os, int folder, const char *path, rs_file_info *info); /* lstat */
    int (*make_folder)(const rs_os *os, int folder, const char *path, unsigned mode);
    int (*set_mode)(const rs_os *os, int fd, unsigned mode); /* fchmod: not less umask */
    /* Without `replace`: -EEXIST when there is a `to`. */
    int (*rename)(const rs_os *os, int folder, const char *from, const char *to, bool replace);
    int (*link)(const rs_os *os, int folder, const char *from, const char *to);
    int (*remove)(const rs_os *os, int folder, const char *path);
    int (*remove_folder)(const rs_os *os, int folder, const char *path); /* an empty one */
    /* Calls `visit` with each name but "." and ".."; a non-zero answer of it ends the walk and is
     * returned. */
    int (*list)(const rs_os *os, int folder, int (*visit)(void *context, const char *name),
                void *context);
    int (*lock)(const rs_os *os, int fd);    /* flock(LOCK_EX | LOCK_NB): -EWOULDBLOCK when held */
    void (*unlock)(const rs_os *os, int fd); /* at once, also where a forked child has it open */
    int (*free_bytes)(const rs_os *os, int fd, uint64_t *free_bytes);
    /* 1: what is in this file system ends with the machine's or a container's run (tmpfs, overlay);
     * 0: it stays, as far as can be told. */
    int (*is_passing)(const rs_os *os, int fd);
    /* 1: bytes that are written over others of a file get into their place, so that a sync has
     * nothing but them to write; 0: they get a new one, or nobody knows. */
    int (*is_in_place)(const rs_os *os, int fd);
    int (*working_folder)(const rs_os *os, char *path, size_t size); /* absolute, with its zero */
    int64_t (*clock_ns)(const rs_os *os);                            /* since 1970 */
    int64_t (*monotonic_ns)(const rs_os *os);
    int (*random)(const rs_os *os, void *to, size_t size);
    int (*process)(const rs_os *os, rs_process *process);
    int64_t (*pid)(const rs_os *os);
    uint32_t (*user)(const rs_os *os); /* effective user id */
    /* Processors that this process may use. NULL, as in most doubles: all calls but those
     * of the clocks and pid come from one thread at a time. */
    unsigned (*processors)(const rs_os *os);
    /* Bytes that this process may still take, about, without anything being swapped out or its
     * limits being hit; UINT64_MAX: not known. May be NULL. */
    uint64_t (*memory_left)(const rs_os *os);
};

/* The real one: a constant, any thread. */
const rs_os *rs_os_linux(void);
#endif
