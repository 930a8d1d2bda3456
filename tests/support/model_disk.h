/* A disk in memory behind the os table, which keeps a log of every change and every sync, so that
 * each state that a power cut may leave can be made afterwards (model_crash.h).
 *
 * Several processes may use it at a time: each has its own table, descriptors and locks. Folders
 * and sub-folders, names, links, sizes and bytes are modelled; rights, times and links to nowhere
 * are not. */
#ifndef SUPPORT_MODEL_DISK_H
#define SUPPORT_MODEL_DISK_H

#include "model_tree.h"
#include "os/os.h"

#define MODEL_PROCESSES 3
#define MODEL_FDS       64
#define MODEL_NAME_SIZE 256

typedef enum model_kind {
    MODEL_MAKE,        /* a file or folder begins to exist, without a name */
    MODEL_WRITE,       /* one sector */
    MODEL_RESIZE,      /* the size of a file */
    MODEL_RENAME,      /* `from` goes and `to` leads to `target`; either may be NULL */
    MODEL_SYNC,        /* what was changed of `node` is durable */
    MODEL_FAILED_SYNC, /* may be or not, and no later sync will tell */
    MODEL_NOTE,        /* a word of the test */
} model_kind;

typedef struct model_op {
    model_kind kind;
    int node;      /* file or folder that is changed or synced */
    bool flag;     /* MAKE: a folder; SYNC: fdatasync */
    bool for_ever; /* pending: a sync of it has failed */
    unsigned call; /* counts the calls of the os table */
    size_t index;  /* of the sector */
    uint64_t size;
    const model_sector *sector;
    const char *from, *to;
    int target; /* of the name; MAKE: the parent */
    const void *note;
} model_op;

/* A place of the library that makes something durable, by its return addresses. */
typedef enum model_barrier {
    MODEL_BARRIER_SYNC,
    MODEL_BARRIER_TRUNCATE,
    MODEL_BARRIER_NO_REPLACE, /* a rename that must not replace */
    MODEL_BARRIER_TORN_COPY,  /* a write into a copy of a torn end */
} model_barrier;

typedef struct model_site {
    model_barrier barrier;
    const void *caller, *outer;
} model_site;

#define MODEL_SITES_MAX 128
typedef struct model_sites {
    model_site list[MODEL_SITES_MAX];
    size_t count;
} model_sites;

typedef struct model_disk model_disk;

typedef struct model_process {
    rs_os os; /* its context is this */
    model_disk *disk;
    int number;
    bool is_dead; /* every call fails */
} model_process;

typedef struct model_fd {
    int node; /* MODEL_NONE: closed */
    int process;
    bool is_locked;
} model_fd;

struct model_disk {
    model_tree base; /* what is durable at the beginning of the log */
    model_tree live; /* what running processes see */
    model_op *log;
    size_t log_count, log_room;
    size_t pending; /* the log begins with this many operations that are older than the disk */
    unsigned calls;
    model_process processes[MODEL_PROCESSES];
    model_fd fds[MODEL_FDS];
    uint64_t random;
    int64_t clock_ns, monotonic_ns, tick_ns; /* `tick_ns` a look at the clock */
    bool is_read_only;                       /* since the sync of a folder has failed */
    bool has_no_links, has_no_locks, can_reserve, is_in_place;
    int syncs_left;        /* until one fails; negative: never */
    int writes_left;       /* until one is refused for lack of space, after a part of it */
    bool writes_fail_hard; /* ... or because of the medium */
    /* Sees every call before it is done. */
    void (*before)(void *context, model_process *process);
    void *before_context;
    model_sites *sites;        /* filled when not NULL */
    const model_site *ignored; /* a barrier that is not there */
};

/* Everything durable: `tree` is taken over. */
void model_disk_init(model_disk *disk, const model_tree *tree, uint64_t random);
/* ... with the properties of another one. */
void model_disk_init_like(model_disk *disk, const model_tree *tree, uint64_t random,
                          const model_disk *like);
const rs_os *model_disk_os(model_disk *disk, int process);
/* A process dies: descriptors and locks go, the cache stays. */
void model_disk_kill(model_disk *disk, int process);
void model_disk_note(model_disk *disk, const void *note);
void model_op_apply(model_tree *tree, const model_op *op);
#endif
