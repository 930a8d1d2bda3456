/* What a restore will do to the program's memory: made ready piece by piece, then done at once.
 *
 * Until rs_changes_apply nothing of the program has changed, and rs_changes_apply can't fail but
 * for arrays that were too large to be read before. rs_changes_undo takes back what it did. */
#ifndef RS_API_CHANGES_H
#define RS_API_CHANGES_H

#include "api/stream.h"

typedef struct rs_action rs_action;

/* A block of the program's that it does not see yet: what lies in it is written at once. */
typedef struct rs_fresh {
    uint8_t *bytes;
    size_t size;
} rs_fresh;

typedef struct rs_changes {
    rs_action *actions;
    size_t count, capacity;
    uint64_t staged_left; /* bytes of large arrays that may still be read before */
    rs_fresh fresh[18];   /* of arrays that grow, one in the other */
    size_t fresh_count;
    bool is_applied;
    bool keeps_all; /* rs_changes_undo must be able to take back all of it */
} rs_changes;

void rs_changes_init(rs_changes *changes, uint64_t staged_size_max, bool keeps_all);
/* Frees what is not in use by the program: new blocks if it was not applied, old ones if it was. */
void rs_changes_release(rs_changes *changes);

/* Memory for the new content of `size` bytes at `address`, to be filled before the next call. NULL:
 * no memory. */
void *rs_changes_room(rs_changes *changes, void *address, size_t size);
/* A new block for the array behind the pointer at `pointer_address`, never smaller than the old
 * one; to be filled before the next call, but when it is made an rs_fresh. NULL: no memory, or size
 * 0, which makes the pointer NULL. */
void *rs_changes_block(rs_changes *changes, void *pointer_address, size_t size, bool *failed);
/* A container gets `after` elements in place of `before`: now, if it grows, which is taken back
 * when the changes are not applied; else at the end. NO_MEMORY: it can't, or there is none to note
 * it. */
resume_status rs_changes_resize(rs_changes *changes, void *container, resume_resize resize,
                                size_t before, size_t after);
/* The block behind a pointer goes away with its owner. */
bool rs_changes_drop(rs_changes *changes, void *pointer);
/* Large arrays are read now, if they still may be, or verified now and read in rs_changes_apply. */
resume_status rs_changes_read(rs_changes *changes, const rs_stream *stream, const rs_memory *memory,
                              uint64_t offset, size_t size, void *address, rs_error *error);

/* `error` says which variable is spoiled when an array could not be read any more. `undoable`: what
 * the program had is kept, at the price of writing as much again. */
resume_status rs_changes_apply(rs_changes *changes, const rs_stream *stream, bool undoable,
                               rs_error *error);
bool rs_changes_can_undo(const rs_changes *changes);
void rs_changes_undo(rs_changes *changes);
#endif
