/* The states in which a power cut may leave a model disk, at every moment of its log.
 *
 * What was changed since the last sync of a file or folder is pending. Each pending operation is
 * there or not on its own: every sector of 512 bytes, every change of a size, every entry of a
 * folder (a rename is one operation, or its two halves where `rename_ways` asks for it). What was
 * synced is there: fsync keeps bytes and size of a file and all entries of a folder, not the file's
 * own name; fdatasync keeps the size only when it has grown beyond the durable one. After a sync
 * that failed, what was pending stays so for ever, whatever later syncs say.
 *
 * A sector that is not there shows what stood in its place before; where there was none, zeros,
 * garbage, or what another attempt had put there. */
#ifndef SUPPORT_MODEL_CRASH_H
#define SUPPORT_MODEL_CRASH_H

#include "model_disk.h"

/* A moment of the log. */
typedef struct model_cursor {
    const model_disk *disk;
    size_t at; /* operations done */
    model_tree durable, live;
    model_op *pending;
    size_t pending_count, pending_room;
    bool is_read_only;
    const void *note; /* the last one */
} model_cursor;

/* Behind the operations that are older than the disk. */
void model_cursor_begin(model_cursor *cursor, model_disk *disk, const void *note);
/* Goes on by one call of the os table; false at the end. */
bool model_cursor_next(model_cursor *cursor);
/* All processes die here: the disk of the moment, pending operations and all. */
void model_cursor_kill(model_cursor *cursor, model_disk *disk, uint64_t random);

typedef enum model_fill {
    MODEL_FILL_ZEROS,
    MODEL_FILL_GARBAGE, /* in sectors that never held anything */
    MODEL_FILL_STALE,   /* there, too: what an earlier attempt had put there */
    MODEL_FILL_TORN,    /* garbage also where something was overwritten */
    MODEL_FILL_PARTLY,  /* zeros; files have grown by a part only */
    MODEL_FILLS,
} model_fill;

typedef enum model_keep { MODEL_LOST, MODEL_KEPT, MODEL_KEPT_NEW, MODEL_KEPT_GONE } model_keep;

/* `keep`: one of enum model_keep for each pending operation; the last two are the halves of a
 * rename. */
void model_cursor_crash(model_cursor *cursor, const uint8_t *keep, model_fill fill, uint64_t seed,
                        model_tree *tree);

typedef struct model_bounds {
    unsigned exhaustive; /* all subsets of up to so many pending operations */
    unsigned each;       /* all-but-one, only-one and prefixes: at most so many of each kind */
    unsigned random;     /* random subsets beyond */
    unsigned
        rename_ways; /* 3: may leave both names, 4: or none of them; else it is one operation */
} model_bounds;

/* False stops. What it takes from the arena is given back afterwards. */
typedef bool (*model_visit)(void *context, model_cursor *cursor, model_tree *tree);
bool model_cursor_visit(model_cursor *cursor, const model_bounds *bounds, uint64_t *random,
                        model_visit visit, void *context);

/* A set of numbers. */
typedef struct model_set {
    uint64_t *slots;
    size_t count, room;
} model_set;
bool model_set_add(model_set *set, uint64_t number); /* false: it was there */
void model_set_release(model_set *set);
#endif
