/* Copies for saves that are written later: nothing is moved, nothing is given back in between. */
#include "store/staging.h"

#include "base/alloc.h"
#include "os/pages.h"

#define BLOCK_SIZE ((size_t)2 << 20)
/* What one small save takes. */
#define SMALL_SIZE ((size_t)128 << 10)

struct rs_staging_block {
    rs_staging_block *next;
    uint8_t *bytes;
    size_t size, used;
};

static void free_block(rs_staging_block *block) {
    rs_pages_free(block->bytes, block->size);
    rs_free(block);
}

static void free_list(rs_staging_block **list) {
    for (rs_staging_block *block = *list, *next; block; block = next) {
        next = block->next;
        free_block(block);
    }
    *list = NULL;
}

static rs_staging_block *new_block(size_t size) {
    rs_staging_block *block = rs_allocate(sizeof *block);
    if (!block) return NULL;
    *block = (rs_staging_block){.bytes = rs_pages_new_ready(size), .size = size};
    if (block->bytes) return block;
    rs_free(block);
    return NULL;
}

/* A spare one of at least `size` bytes, taken from its list. */
static rs_staging_block *take_spare(rs_staging *staging, size_t size) {
    rs_staging_block **at = &staging->spare;
    while (*at && (*at)->size < size)
        at = &(*at)->next;
    rs_staging_block *block = *at;
    if (block) *at = block->next;
    return block;
}

/* The first block of a lane is small: most saves are. */
static rs_staging_block *take_block(rs_staging *staging, bool is_first, size_t size) {
    size_t wanted = is_first && size <= SMALL_SIZE ? SMALL_SIZE : BLOCK_SIZE;
    if (wanted < size) wanted = size;
    rs_staging_block *block = NULL;
    rs_mutex_lock(&staging->mutex);
    bool has_room = staging->room >= size;
    if (has_room) {
        block = take_spare(staging, size);
        uint64_t taken = block ? block->size : wanted;
        staging->room -= taken < staging->room ? taken : staging->room;
    }
    rs_mutex_unlock(&staging->mutex);
    return block || !has_room ? block : new_block(wanted);
}

void rs_staging_begin(rs_staging *staging, uint64_t limit) {
    rs_mutex_init(&staging->mutex);
    staging->is_begun = true;
    staging->room = limit;
}

uint8_t *rs_staging_add(rs_staging *staging, unsigned member, size_t size) {
    rs_staging_block *block = staging->lanes[member];
    if (!block || block->size - block->used < size) {
        block = take_block(staging, !block, size);
        if (!block) return NULL;
        block->next = staging->lanes[member];
        staging->lanes[member] = block;
    }
    uint8_t *copy = block->bytes + block->used;
    block->used += size;
    return copy;
}

void rs_staging_clear(rs_staging *staging) {
    if (!staging->is_begun) return;
    free_list(&staging->spare);
    for (unsigned i = 0; i < RS_CREW_MAX; i++) {
        for (rs_staging_block *block = staging->lanes[i], *next; block; block = next) {
            next = block->next;
            block->used = 0;
            block->next = staging->spare;
            staging->spare = block;
        }
        staging->lanes[i] = NULL;
    }
    rs_mutex_destroy(&staging->mutex);
    staging->is_begun = false;
}

void rs_staging_release(rs_staging *staging) {
    rs_staging_clear(staging);
    free_list(&staging->spare);
}
