/* A list of actions on the program's memory, each of which swaps old and new. */
#include "api/changes.h"

#include "base/alloc.h"

#include <string.h>

#define VERIFY_SIZE (1u << 20)
/* Reading less twice saves nothing that counts. */
#define TWICE_SIZE_MIN (UINT64_C(4) << 20)

typedef enum action_kind {
    SWAP_BYTES,   /* `size` bytes at `address` with those of `staged` */
    SWAP_POINTER, /* the pointer at `address` with `staged`, a block */
    READ_BYTES,   /* `size` bytes of `memory` from `offset` on to `address` */
    DROP_BLOCK,   /* frees `staged` once all is done */
    RESIZE,       /* the container at `address` from `size` elements to `offset` */
} action_kind;

#define SMALL_SIZE 16u /* a number needs no block of its own */

struct rs_action {
    action_kind kind;
    void *address;
    size_t size;
    union {
        void *staged;
        uint8_t small[SMALL_SIZE]; /* SWAP_BYTES of up to so many */
        const rs_memory *memory;   /* owned copy */
        resume_resize resize;
    };
    uint64_t offset;
};

void rs_changes_init(rs_changes *changes, uint64_t staged_size_max, bool keeps_all) {
    *changes = (rs_changes){.staged_left = staged_size_max, .keeps_all = keeps_all};
}

static bool is_staged_in_block(const rs_action *action) {
    return action->kind == SWAP_BYTES && action->size > SMALL_SIZE;
}

/* After a swap `staged` is what the program had. */
void rs_changes_release(rs_changes *changes) {
    for (size_t i = changes->count; i-- > 0;) {
        rs_action *action = &changes->actions[i];
        size_t before = action->size, after = (size_t)action->offset;
        if (action->kind == RESIZE && (changes->is_applied ? after < before : before < after))
            (void)action->resize(action->address, changes->is_applied ? after : before);
        if (is_staged_in_block(action) || action->kind == SWAP_POINTER ||
            (action->kind == DROP_BLOCK && changes->is_applied))
            rs_free(action->staged);
        else if (action->kind == READ_BYTES)
            rs_free((void *)action->memory);
    }
    rs_free(changes->actions);
    *changes = (rs_changes){0};
}

static rs_action *add(rs_changes *changes, action_kind kind, void *address, size_t size) {
    if (changes->count == changes->capacity) {
        size_t capacity = changes->capacity ? 2 * changes->capacity : 16;
        rs_action *actions = rs_reallocate_array(changes->actions, capacity, sizeof *actions);
        if (!actions) return NULL;
        changes->actions = actions;
        changes->capacity = capacity;
    }
    rs_action *action = &changes->actions[changes->count];
    *action = (rs_action){.kind = kind, .address = address, .size = size};
    changes->count++;
    return action;
}

static bool is_fresh(const rs_changes *changes, const void *address) {
    for (size_t i = 0; i < changes->fresh_count; i++) {
        uintptr_t start = (uintptr_t)changes->fresh[i].bytes;
        if ((uintptr_t)address >= start && (uintptr_t)address - start < changes->fresh[i].size)
            return true;
    }
    return false;
}

void *rs_changes_room(rs_changes *changes, void *address, size_t size) {
    if (is_fresh(changes, address)) return address;
    void *block = size > SMALL_SIZE ? rs_allocate(size) : NULL;
    if (size > SMALL_SIZE && !block) return NULL;
    rs_action *action = add(changes, SWAP_BYTES, address, size);
    if (!action) {
        rs_free(block);
        return NULL;
    }
    if (!block) return action->small;
    action->staged = block;
    return block;
}

void *rs_changes_block(rs_changes *changes, void *pointer_address, size_t size, bool *failed) {
    void *old, *block = NULL;
    memcpy(&old, pointer_address, sizeof old);
    *failed = true;
    if (size > 0 && !(block = rs_allocate_like(size, old))) return NULL;
    rs_action *action = add(changes, SWAP_POINTER, pointer_address, sizeof old);
    if (!action) {
        rs_free(block);
        return NULL;
    }
    action->staged = block;
    *failed = false;
    return block;
}

resume_status rs_changes_resize(rs_changes *changes, void *container, resume_resize resize,
                                size_t before, size_t after) {
    rs_action *action = add(changes, RESIZE, container, before);
    if (!action) return RESUME_NO_MEMORY;
    action->resize = resize;
    action->offset = before; /* until it has grown there is nothing to take back */
    if (after > before && resize(container, after)) return RESUME_NO_MEMORY;
    action->offset = after;
    return RESUME_OK;
}

bool rs_changes_drop(rs_changes *changes, void *pointer) {
    rs_action *action = add(changes, DROP_BLOCK, NULL, 0);
    if (action) action->staged = pointer;
    return action != NULL;
}

/* All of it is read once, into memory that is used again: its checksums are compared. */
static resume_status verify(const rs_stream *stream, const rs_memory *memory, uint64_t offset,
                            size_t size, rs_error *error) {
    if (rs_memory_is_at_hand(stream, memory, offset, size))
        return rs_memory_read(stream, memory, offset, size, NULL, error);
    void *scratch = rs_allocate(VERIFY_SIZE);
    if (!scratch) return rs_fail(error, RESUME_NO_MEMORY, "no memory to verify an array");
    resume_status status = RESUME_OK;
    while (status == RESUME_OK && size > 0) {
        size_t part = size < VERIFY_SIZE ? size : VERIFY_SIZE;
        status = rs_memory_read(stream, memory, offset, part, scratch, error);
        offset += part;
        size -= part;
    }
    rs_free(scratch);
    return status;
}

/* An array that is read straight into the program's memory would be half old and half new when a
 * chunk of it turns out to be bad. So it is read beside it, at the price of as much memory again;
 * beyond a limit, and where that takes less time, it is read twice instead: to verify it, and into
 * its place. What the second reading could still find (the disk went away in between) is told as
 * such. */
resume_status rs_changes_read(rs_changes *changes, const rs_stream *stream, const rs_memory *memory,
                              uint64_t offset, size_t size, void *address, rs_error *error) {
    bool fresh = is_fresh(changes, address);
    bool twice =
        size > changes->staged_left || (!changes->keeps_all && size >= TWICE_SIZE_MIN &&
                                        rs_memory_is_at_hand(stream, memory, offset, size));
    if (fresh || !twice) {
        void *room = rs_changes_room(changes, address, size);
        if (!room) return rs_fail(error, RESUME_NO_MEMORY, "no memory to restore %zu bytes", size);
        if (!fresh) changes->staged_left -= size;
        return rs_memory_read(stream, memory, offset, size, room, error);
    }
    resume_status status = verify(stream, memory, offset, size, error);
    if (status) return status;
    rs_memory *copy = rs_duplicate(memory, sizeof *memory);
    rs_action *action = copy ? add(changes, READ_BYTES, address, size) : NULL;
    if (!action) {
        rs_free(copy);
        return rs_fail(error, RESUME_NO_MEMORY, "no memory to restore %zu bytes", size);
    }
    action->memory = copy;
    action->offset = offset;
    return RESUME_OK;
}

static void swap_bytes(uint8_t *a, uint8_t *b, size_t size) {
    uint8_t between[4096];
    while (size > 0) {
        size_t part = size < sizeof between ? size : sizeof between;
        memcpy(between, a, part);
        memcpy(a, b, part);
        memcpy(b, between, part);
        a += part;
        b += part;
        size -= part;
    }
}

static void *staged_bytes(rs_action *action) {
    return action->size > SMALL_SIZE ? action->staged : action->small;
}

static void swap(rs_action *action) {
    if (action->kind == SWAP_BYTES)
        swap_bytes(action->address, staged_bytes(action), action->size);
    else if (action->kind == SWAP_POINTER)
        swap_bytes(action->address, (uint8_t *)&action->staged, sizeof action->staged);
}

/* What may fail is first: the arrays that are read only now. */
resume_status rs_changes_apply(rs_changes *changes, const rs_stream *stream, bool undoable,
                               rs_error *error) {
    for (size_t i = 0; i < changes->count; i++) {
        const rs_action *action = &changes->actions[i];
        if (action->kind != READ_BYTES) continue;
        resume_status status = rs_memory_read(stream, action->memory, action->offset, action->size,
                                              action->address, error);
        if (status) return status;
    }
    for (size_t i = 0; i < changes->count; i++) {
        rs_action *action = &changes->actions[i];
        if (action->kind == SWAP_BYTES && !undoable)
            memcpy(action->address, staged_bytes(action), action->size);
        else
            swap(action);
    }
    changes->is_applied = true;
    return RESUME_OK;
}

bool rs_changes_can_undo(const rs_changes *changes) {
    for (size_t i = 0; i < changes->count; i++)
        if (changes->actions[i].kind == READ_BYTES) return false;
    return true;
}

void rs_changes_undo(rs_changes *changes) {
    for (size_t i = changes->count; i-- > 0;)
        swap(&changes->actions[i]);
    changes->is_applied = false;
}
