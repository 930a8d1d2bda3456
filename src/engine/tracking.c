/* Tracked memory: pages written since the save that the kernel's answers are counted from. */
#include "engine/tracking.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "os/dirty.h"

#include <string.h>

/* The memory of one array. Pages that it has only a part of are never known unchanged. */
typedef struct tracked {
    const uint8_t *bytes;
    uint64_t size;
    uint8_t *watched; /* its whole pages */
    uint64_t page_count;
    uint64_t *written;   /* pages, since generation `generation` was looked at */
    uint64_t *unchanged; /* chunks, as the last look found them */
    uint64_t generation; /* 0: unknown, all is taken for changed */
    size_t saved_as;     /* the blob that it was in that generation */
    size_t blob;         /* that it is in the save under way; 0: none */
} tracked;

struct rs_tracking {
    rs_dirty *dirty;
    tracked *items; /* by address */
    size_t count, capacity;
    uint32_t chunk_size; /* of all that is known */
    rs_unchanged *answers;
    size_t answer_capacity;
};

rs_tracking *rs_tracking_new(const char **why) {
    rs_tracking *tracking = rs_allocate_zeroed(1, sizeof *tracking);
    *why = "memory";
    if (!tracking) return NULL;
    tracking->dirty = rs_dirty_new(why);
    if (tracking->dirty) return tracking;
    rs_free(tracking);
    return NULL;
}

static void forget(rs_tracking *tracking, tracked *item) {
    rs_dirty_unwatch(tracking->dirty, item->watched, (size_t)item->page_count * RS_DIRTY_PAGE_SIZE);
    rs_free(item->written);
    rs_free(item->unchanged);
}

void rs_tracking_free(rs_tracking *tracking) {
    if (!tracking) return;
    for (size_t i = 0; i < tracking->count; i++)
        forget(tracking, &tracking->items[i]);
    rs_dirty_free(tracking->dirty);
    rs_free(tracking->items);
    rs_free(tracking->answers);
    rs_free(tracking);
}

/* --- which memory --- */

/* The first item at or behind this address. */
static size_t place_of(const rs_tracking *tracking, const uint8_t *bytes) {
    size_t low = 0, high = tracking->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tracking->items[middle].bytes < bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The item of exactly this memory that is not found yet; others are of arrays that are gone. */
static tracked *find(const rs_tracking *tracking, const rs_blob *blob) {
    const uint8_t *bytes = blob->bytes;
    for (size_t i = place_of(tracking, bytes); i < tracking->count; i++) {
        tracked *item = &tracking->items[i];
        if (item->bytes != bytes) break;
        if (item->size == blob->size && item->blob == 0) return item;
    }
    return NULL;
}

static uint64_t words_of(uint64_t bits) {
    return bits / 64 + (bits % 64 != 0);
}

/* Without memory for it, it is not tracked. */
static void add(rs_tracking *tracking, const rs_blob *blob, size_t index, uint32_t chunk_size) {
    if (tracking->count == tracking->capacity) {
        size_t capacity = tracking->capacity ? 2 * tracking->capacity : 16;
        tracked *items = rs_reallocate_array(tracking->items, capacity, sizeof *items);
        if (!items) return;
        tracking->items = items;
        tracking->capacity = capacity;
    }
    uint64_t skip =
        (RS_DIRTY_PAGE_SIZE - (uintptr_t)blob->bytes % RS_DIRTY_PAGE_SIZE) % RS_DIRTY_PAGE_SIZE;
    tracked item = {.bytes = blob->bytes,
                    .size = blob->size,
                    .watched = (uint8_t *)(uintptr_t)blob->bytes + skip,
                    .page_count = (blob->size - skip) / RS_DIRTY_PAGE_SIZE,
                    .blob = index};
    uint64_t chunks = blob->size / chunk_size + 1;
    item.written = rs_allocate_zeroed((size_t)words_of(item.page_count), 8);
    item.unchanged = rs_allocate_zeroed((size_t)words_of(chunks), 8);
    if (item.written && item.unchanged) {
        size_t at = place_of(tracking, item.bytes);
        memmove(tracking->items + at + 1, tracking->items + at,
                (tracking->count++ - at) * sizeof item);
        tracking->items[at] = item;
        return;
    }
    rs_free(item.written);
    rs_free(item.unchanged);
}

/* Arrays that share memory can't both be told what was written: none of them is tracked. */
static void drop_overlapping(rs_tracking *tracking) {
    const uint8_t *end = NULL;
    size_t last = 0;
    for (size_t i = 0; i < tracking->count; i++) {
        tracked *item = &tracking->items[i];
        if (i > 0 && item->bytes < end) tracking->items[last].blob = item->blob = 0;
        if (item->bytes + item->size > end || i == 0) {
            end = item->bytes + item->size;
            last = i;
        }
    }
}

static void drop_gone(rs_tracking *tracking) {
    size_t kept = 0;
    for (size_t i = 0; i < tracking->count; i++) {
        if (tracking->items[i].blob == 0)
            forget(tracking, &tracking->items[i]);
        else
            tracking->items[kept++] = tracking->items[i];
    }
    tracking->count = kept;
}

static void match(rs_tracking *tracking, const rs_blob *blobs, size_t count, uint32_t chunk_size) {
    for (size_t i = 0; i < tracking->count; i++)
        tracking->items[i].blob = 0;
    for (size_t i = 1; i < count; i++) {
        if (blobs[i].size < RS_TRACKED_SIZE_MIN) continue;
        tracked *item = find(tracking, &blobs[i]);
        if (item)
            item->blob = i;
        else
            add(tracking, &blobs[i], i, chunk_size);
    }
    drop_gone(tracking); /* first: what is gone may have lain where others are now */
    drop_overlapping(tracking);
    drop_gone(tracking);
}

/* --- what has changed --- */

static bool get_bit(const uint64_t *bits, uint64_t index) {
    return bits[index / 64] >> index % 64 & 1;
}

/* All pages of bytes `from` to `to` are watched and were not written. */
static bool is_unchanged(const tracked *item, uint64_t from, uint64_t to) {
    uint64_t skip = (uint64_t)(item->watched - item->bytes);
    if (from < skip || to > skip + item->page_count * RS_DIRTY_PAGE_SIZE) return false;
    uint64_t page = (from - skip) / RS_DIRTY_PAGE_SIZE, last = (to - skip - 1) / RS_DIRTY_PAGE_SIZE;
    for (; page <= last; page++) {
        if (page % 64 == 0 && last - page >= 63 && item->written[page / 64] == 0)
            page += 63;
        else if (get_bit(item->written, page))
            return false;
    }
    return true;
}

static void find_unchanged(tracked *item, uint32_t chunk_size) {
    for (uint64_t chunk = 0, at = 0; at < item->size; chunk++, at += chunk_size) {
        uint64_t bit = UINT64_C(1) << chunk % 64;
        if (is_unchanged(item, at, rs_minimum(at + chunk_size, item->size)))
            item->unchanged[chunk / 64] |= bit;
        else
            item->unchanged[chunk / 64] &= ~bit;
    }
}

/* Scanning protects the pages again, before anybody reads them: what is written meanwhile is in the
 * next scan. What was written before a save that failed stays in `written`. */
static void scan(rs_tracking *tracking, tracked *item, uint32_t chunk_size) {
    size_t size = (size_t)item->page_count * RS_DIRTY_PAGE_SIZE;
    if (!rs_dirty_scan(tracking->dirty, item->watched, size, item->written)) {
        item->generation = 0;
        if (!rs_dirty_watch(tracking->dirty, item->watched, size) ||
            !rs_dirty_scan(tracking->dirty, item->watched, size, item->written))
            item->blob = 0; /* it can't be; tried again at the next save */
    }
    if (item->generation > 0 && item->blob > 0) find_unchanged(item, chunk_size);
}

const rs_unchanged *rs_tracking_look(rs_tracking *tracking, const rs_blob *blobs, size_t count,
                                     uint32_t chunk_size) {
    if (tracking->answer_capacity < count) {
        rs_unchanged *answers = rs_reallocate_array(tracking->answers, count, sizeof *answers);
        if (!answers) return NULL;
        tracking->answers = answers;
        tracking->answer_capacity = count;
    }
    for (size_t i = 0; i < tracking->count && chunk_size != tracking->chunk_size; i++)
        forget(tracking, &tracking->items[i]);
    if (chunk_size != tracking->chunk_size) tracking->count = 0;
    tracking->chunk_size = chunk_size;
    match(tracking, blobs, count, chunk_size);
    for (size_t i = 0; i < count; i++)
        tracking->answers[i] = (rs_unchanged){0};
    for (size_t i = 0; i < tracking->count; i++) {
        tracked *item = &tracking->items[i];
        scan(tracking, item, chunk_size);
        if (item->generation > 0 && item->blob > 0)
            tracking->answers[item->blob] = (rs_unchanged){
                .generation = item->generation, .blob = item->saved_as, .chunks = item->unchanged};
    }
    return tracking->answers;
}

void rs_tracking_settle(rs_tracking *tracking, uint64_t generation) {
    for (size_t i = 0; i < tracking->count; i++) {
        tracked *item = &tracking->items[i];
        if (generation == 0 || item->blob == 0) continue;
        for (uint64_t word = 0; word < words_of(item->page_count); word++)
            item->written[word] = 0;
        item->generation = generation;
        item->saved_as = item->blob;
    }
}
