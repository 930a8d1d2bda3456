/* Remembers the pages of chunks, and finds those that have changed. */
#include "store/known_pages.h"

#include "base/alloc.h"
#include "base/arith.h"

#include <stddef.h>

#define CAPACITY_MIN 64u

typedef struct rs_known_chunk {
    rs_hash128 hash;
    uint32_t raw_size;
    uint64_t record; /* file offset of the patch's; the same content may be stored anew elsewhere */
    rs_patch *patch; /* without the places behind its last page; NULL: not patched, or not known */
    rs_hash128 of_pages[];
} known_chunk;

static void known_free(known_chunk *known) {
    if (known) rs_free(known->patch);
    rs_free(known);
}

void rs_known_pages_release(rs_known_pages *pages) {
    for (size_t i = 0; i < pages->capacity; i++)
        known_free(pages->slots[i]);
    rs_free(pages->slots);
    *pages = (rs_known_pages){0};
}

bool rs_known_pages_fit(uint32_t raw_size) {
    return raw_size >= RS_PAGES_RAW_SIZE_MIN && rs_page_count(raw_size) <= RS_CHUNK_PAGES_MAX;
}

/* Chosen checksums could fall together: then finding them takes longer, among chunks that the
 * program itself has made. */
static known_chunk **find_slot(const rs_known_pages *pages, rs_hash128 hash, uint32_t raw_size) {
    size_t at = (size_t)hash.low & (pages->capacity - 1);
    for (;; at = (at + 1) & (pages->capacity - 1)) {
        known_chunk *known = pages->slots[at];
        if (!known || (known->raw_size == raw_size && rs_hash128_equal(known->hash, hash)))
            return &pages->slots[at];
    }
}

static known_chunk *find(const rs_known_pages *pages, rs_hash128 hash, uint32_t raw_size) {
    return pages->capacity ? *find_slot(pages, hash, raw_size) : NULL;
}

static void place(rs_known_pages *pages, known_chunk *known) {
    *find_slot(pages, known->hash, known->raw_size) = known;
    pages->count++;
}

/* Moves all into new slots for `count` chunks; those for which `keeps` is false are dropped. */
static bool resize(rs_known_pages *pages, size_t count, const rs_chunk_index *keeps) {
    rs_known_pages resized = {.capacity = CAPACITY_MIN};
    while (resized.capacity / 3 * 2 < count)
        resized.capacity *=
            2; /* as many pointers are in memory, or entries of a table: no overflow */
    resized.slots = rs_allocate_zeroed(resized.capacity, sizeof *resized.slots);
    if (!resized.slots) return false;
    for (size_t i = 0; i < pages->capacity; i++) {
        known_chunk *known = pages->slots[i];
        if (!known) continue;
        if (!keeps || rs_chunk_index_find(keeps, known->hash, known->raw_size))
            place(&resized, known);
        else
            known_free(known);
    }
    rs_free(pages->slots);
    *pages = resized;
    return true;
}

void rs_known_pages_put(rs_known_pages *pages, rs_hash128 hash, uint32_t raw_size,
                        const rs_hash128 *of_pages) {
    if (find(pages, hash, raw_size)) return;
    if (pages->count >= pages->capacity / 3 * 2 && !resize(pages, pages->count + 1, NULL)) return;
    size_t size = rs_page_count(raw_size) * sizeof *of_pages;
    known_chunk *known = rs_allocate(sizeof *known + size);
    if (!known) return;
    *known = (known_chunk){.hash = hash, .raw_size = raw_size};
    memcpy(known->of_pages, of_pages, size);
    place(pages, known);
}

const rs_hash128 *rs_known_pages_find(const rs_known_pages *pages, rs_hash128 hash,
                                      uint32_t raw_size) {
    const known_chunk *known = find(pages, hash, raw_size);
    return known ? known->of_pages : NULL;
}

static size_t patch_size(uint32_t raw_size) {
    return offsetof(rs_patch, places) + rs_page_count(raw_size) * sizeof(uint64_t);
}

void rs_known_pages_put_patch(rs_known_pages *pages, const rs_chunk_entry *entry,
                              const rs_patch *patch) {
    known_chunk *known = find(pages, entry->hash, entry->raw_size);
    if (!known) return;
    rs_free(known->patch);
    known->patch = rs_duplicate(patch, patch_size(entry->raw_size));
    known->record = entry->offset;
}

void rs_known_pages_forget_patches(rs_known_pages *pages) {
    for (size_t i = 0; i < pages->capacity; i++) {
        if (!pages->slots[i]) continue;
        rs_free(pages->slots[i]->patch);
        pages->slots[i]->patch = NULL;
    }
}

void rs_known_pages_keep(rs_known_pages *pages, const rs_table *table) {
    rs_chunk_index *index;
    if (pages->count / 2 <= table->entry_count + CAPACITY_MIN) return;
    if (rs_chunk_index_new(table, &index, NULL)) return;
    resize(pages, (size_t)table->entry_count, index);
    rs_chunk_index_free(index);
}

/* --- comparing --- */

/* Where the pages of a stored chunk are. */
static bool begin_patch(const known_chunk *known, const rs_chunk_entry *before, rs_patch *patch) {
    if (before->coding != RS_CHUNK_PATCHED) {
        rs_patch_begin(before, patch);
        return true;
    }
    if (!known->patch || known->record != before->offset) return false;
    memcpy(patch, known->patch, patch_size(before->raw_size));
    return true;
}

/* Patches cost reads later on: at most three quarters of the pages, and a gain of a quarter. */
static bool pays(const rs_change *change, size_t patched, uint64_t patched_size) {
    const rs_chunk_entry *base = &change->patch.base;
    uint64_t whole = rs_minimum(base->raw_size, base->stored_size + patched_size);
    uint64_t record = RS_PATCH_HEAD_SIZE + patched * RS_PATCH_EXTENT_SIZE;
    return 4 * patched <= 3 * rs_page_count(base->raw_size) &&
           4 * (change->size + record) <= 3 * whole;
}

rs_change *rs_known_pages_compare(const rs_known_pages *pages, const rs_chunk_entry *before,
                                  const rs_hash128 *of_pages) {
    const known_chunk *known = find(pages, before->hash, before->raw_size);
    if (!known || before->coding == RS_CHUNK_ZERO) return NULL;
    rs_change *change = rs_allocate(sizeof *change);
    if (!change || !begin_patch(known, before, &change->patch)) {
        rs_free(change);
        return NULL;
    }
    uint64_t patched_size = 0;
    size_t patched = 0, count = rs_page_count(before->raw_size);
    change->size = 0;
    for (size_t i = 0; i < count; i++) {
        if (!rs_hash128_equal(known->of_pages[i], of_pages[i])) {
            change->patch.places[i] = RS_PAGE_UNWRITTEN;
            change->size += rs_page_size(before->raw_size, i);
        }
        if (!change->patch.places[i]) continue;
        patched++;
        patched_size += rs_page_size(before->raw_size, i);
    }
    if (pays(change, patched, patched_size)) return change;
    rs_free(change);
    return NULL;
}
