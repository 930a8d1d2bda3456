/* `resume doctor`: kind of the file system, room on it, and a probe of what a save needs of it. */
#include "doctor.h"
#include "os/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define SYNCS      5
#define SLOW_NS    INT64_C(100000000) /* a save that takes longer is felt */
#define ROOM_MIN   (UINT64_C(16) << 20)
#define INODES_MIN 16u

/* ---- kind */

typedef enum family { LOCAL, MEMORY, NETWORK, LAYER, READ_ONLY } family;

static const struct kind {
    uint64_t magic;
    const char *name;
    family family;
} kinds[] = {
    {0xef53, "ext4", LOCAL},
    {0x58465342, "xfs", LOCAL},
    {0x9123683e, "btrfs", LOCAL},
    {0x2fc12fc1, "zfs", LOCAL},
    {0xf2f52010, "f2fs", LOCAL},
    {0xca451a4e, "bcachefs", LOCAL},
    {0x4d44, "vfat", LOCAL},
    {0x2011bab0, "exfat", LOCAL},
    {0x01021994, "tmpfs", MEMORY},
    {0x858458f6, "ramfs", MEMORY},
    {0x6969, "nfs", NETWORK},
    {0xff534d42, "cifs", NETWORK},
    {0xfe534d42, "smb", NETWORK},
    {0x01021997, "9p", NETWORK},
    {0x0bd00bd0, "lustre", NETWORK},
    {0x00c36400, "ceph", NETWORK},
    {0x47504653, "gpfs", NETWORK},
    {0x19830326, "beegfs", NETWORK},
    {0x65735546, "fuse", NETWORK},
    {0x794c7630, "overlay", LAYER},
    {0x73717368, "squashfs", READ_ONLY},
};

void rc_doctor_file_system(rc_doctor *doctor) {
    struct statfs info;
    struct statvfs flags;
    const struct kind *found = NULL;
    char unknown[32];
    if (fstatfs(doctor->folder->fd, &info) != 0) return;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].magic == (uint64_t)(uint32_t)info.f_type) found = &kinds[i];
    snprintf(unknown, sizeof unknown, "of kind %#" PRIx64, (uint64_t)(uint32_t)info.f_type);
    const char *name = found ? found->name : unknown;
    if (fstatvfs(doctor->folder->fd, &flags) == 0 && (flags.f_flag & ST_RDONLY)) {
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, "file system", "export RESUME_DIR=FOLDER",
                       "%s, mounted read-only: nothing can be saved here", name);
        return;
    }
    switch (found ? found->family : LOCAL) {
    case MEMORY:
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, "file system", "export RESUME_DIR=FOLDER",
                       "%s: it is in memory, and gone when the machine stops", name);
        break;
    case LAYER:
        rc_doctor_tell(doctor, RC_LEVEL_NOTE, "file system", "export RESUME_DIR=FOLDER",
                       "%s, as in a container: gone when that is removed; a mounted volume stays",
                       name);
        break;
    case NETWORK:
        rc_doctor_tell(doctor, RC_LEVEL_NOTE, "file system", NULL,
                       "%s: it may be on another machine; the lock holds as far as its server "
                       "keeps locks",
                       name);
        break;
    default:
        rc_doctor_tell(doctor, found ? RC_LEVEL_OK : RC_LEVEL_NOTE, "file system", NULL,
                       found ? "%s" : "%s, which is not known here", name);
    }
}

/* ---- room */

void rc_doctor_room(rc_doctor *doctor) {
    struct statvfs info;
    char text[RC_TEXT_SIZE], needed[RC_TEXT_SIZE];
    if (fstatvfs(doctor->folder->fd, &info) != 0) return;
    uint64_t room = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
    uint64_t wanted = doctor->largest < UINT64_MAX / 2 ? 2 * doctor->largest : UINT64_MAX;
    if (wanted < ROOM_MIN) wanted = ROOM_MIN;
    rc_text_size(room, text);
    if (room < wanted)
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, "room", "resume prune --keep-last 2",
                       "%s are free; compacting the largest checkpoint may need %s", text,
                       rc_text_size(wanted, needed));
    else
        rc_doctor_tell(doctor, RC_LEVEL_OK, "room", NULL, "%s are free", text);
    if (info.f_files > 0 && info.f_favail < INODES_MIN)
        rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, "inodes", "df -i",
                       "%" PRIu64 " files can still be made: a new checkpoint needs three",
                       (uint64_t)info.f_favail);
}

/* ---- the probe */

typedef struct probe {
    rc_doctor *doctor;
    int folder;
    char name[64], other[64];
    int fd;
} probe;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static bool make(probe *this) {
    rc_doctor *doctor = this->doctor;
    const rs_os *os = doctor->folder->os;
    uint64_t number = 0;
    char remedy[4200];
    (void)os->random(os, &number, sizeof number);
    snprintf(this->name, sizeof this->name, ".doctor.tmp-%016" PRIx64, number);
    snprintf(this->other, sizeof this->other, ".doctor.tmp-%016" PRIx64, number ^ 1);
    this->fd =
        openat(this->folder, this->name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
    if (this->fd >= 0) return true;
    snprintf(remedy, sizeof remedy, "chmod u+rwx '%s'", doctor->folder->path);
    rc_doctor_tell(doctor, RC_LEVEL_PROBLEM, "writing", errno == EACCES ? remedy : NULL,
                   "no file can be made here: %s", strerror(errno));
    return false;
}

static int compare(const void *a, const void *b) {
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static void time_syncs(probe *this) {
    int64_t times[SYNCS];
    char block[4096];
    memset(block, 1, sizeof block);
    for (int i = 0; i < SYNCS; i++) {
        int64_t before = now_ns();
        if (pwrite(this->fd, block, sizeof block, (off_t)i * (off_t)sizeof block) !=
                (ssize_t)sizeof block ||
            fdatasync(this->fd) != 0) {
            rc_doctor_tell(this->doctor, RC_LEVEL_PROBLEM, "sync", NULL,
                           "writing and syncing 4 KiB failed: %s", strerror(errno));
            return;
        }
        times[i] = now_ns() - before;
    }
    qsort(times, SYNCS, sizeof *times, compare);
    double milliseconds = (double)times[SYNCS / 2] / 1e6;
    rc_doctor_tell(this->doctor, times[SYNCS / 2] > SLOW_NS ? RC_LEVEL_NOTE : RC_LEVEL_OK, "sync",
                   NULL, "4 KiB are durable after %.2f ms: a small save takes about that long",
                   milliseconds);
}

/* Not needed: without it large saves take more time of the processors. */
static void try_direct(probe *this) {
    const rs_os *os = this->doctor->folder->os;
    const size_t size = 4096;
    char *block = rs_pages_new(size);
    if (!block) return;
    rs_slice part = {block, size};
    int fd = os->open(os, this->folder, this->name, RS_OPEN_WRITE | RS_OPEN_DIRECT, 0);
    int64_t answer = fd < 0 ? fd : os->write(os, fd, &part, 1, 0);
    if (fd >= 0) os->close(os, fd);
    rs_pages_free(block, size);
    if (answer == (int64_t)size)
        rc_doctor_tell(this->doctor, RC_LEVEL_OK, "large saves", NULL,
                       "go past the page cache (O_DIRECT)");
    else
        rc_doctor_tell(this->doctor, RC_LEVEL_NOTE, "large saves", NULL,
                       "go through the page cache, which takes more of the processors (no "
                       "O_DIRECT: %s)",
                       answer < 0 ? strerror((int)-answer) : "a short write");
}

/* A second descriptor must not get the lock that the first one holds. */
static void try_locks(probe *this) {
    int second = openat(this->folder, this->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    bool first_got = flock(this->fd, LOCK_EX | LOCK_NB) == 0;
    int os_code = errno;
    bool second_got = second >= 0 && flock(second, LOCK_EX | LOCK_NB) == 0;
    if (second >= 0) close(second);
    if (!first_got)
        rc_doctor_tell(this->doctor, RC_LEVEL_PROBLEM, "locks", "export RESUME_DIR=FOLDER",
                       "flock fails (%s): two programs could save into one checkpoint",
                       strerror(os_code));
    else if (second_got)
        rc_doctor_tell(this->doctor, RC_LEVEL_PROBLEM, "locks", "export RESUME_DIR=FOLDER",
                       "flock lets two in: two programs could save into one checkpoint");
    else
        rc_doctor_tell(this->doctor, RC_LEVEL_OK, "locks", NULL, "flock keeps a second one out");
}

/* Neither is needed: without them the store does the same in more steps. */
static void try_names(probe *this) {
    bool links = linkat(this->folder, this->name, this->folder, this->other, 0) == 0;
    int os_code = errno;
    if (!links) {
        int fd = openat(this->folder, this->other, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0) close(fd);
    }
    if (links)
        rc_doctor_tell(this->doctor, RC_LEVEL_OK, "hard links", NULL, "work");
    else
        rc_doctor_tell(this->doctor, RC_LEVEL_NOTE, "hard links", NULL,
                       "there are none (%s): setting aside takes a step more", strerror(os_code));
    int result = renameat2(this->folder, this->name, this->folder, this->other, RENAME_NOREPLACE);
    os_code = errno;
    if (result != 0 && os_code == EEXIST)
        rc_doctor_tell(this->doctor, RC_LEVEL_OK, "renames", NULL, "replace nothing when asked");
    else
        rc_doctor_tell(this->doctor, RC_LEVEL_NOTE, "renames", NULL,
                       "can't be asked to replace nothing (%s): a link does the same",
                       result == 0 ? "it replaced" : strerror(os_code));
}

void rc_doctor_probe(rc_doctor *doctor) {
    probe this = {.doctor = doctor, .folder = doctor->folder->fd, .fd = -1};
    if (!make(&this)) return;
    time_syncs(&this);
    try_direct(&this);
    try_locks(&this);
    try_names(&this);
    unlinkat(this.folder, this.name, 0);
    unlinkat(this.folder, this.other, 0);
    close(this.fd);
}
