/* The record of a chunk that is stored as a base and some pages. docs/format.md "Patches". */
#include "format/patch.h"

#include "base/arith.h"
#include "format/header.h"

#include <assert.h>
#include <inttypes.h>

#define OFFSET_MAX ((UINT64_C(1) << 48) - 1)

uint32_t rs_page_size(uint32_t raw_size, size_t page) {
    return (uint32_t)rs_minimum(raw_size - page * RS_PAGE_SIZE, RS_PAGE_SIZE);
}

void rs_patch_begin(const rs_chunk_entry *base, rs_patch *patch) {
    size_t count = rs_page_count(base->raw_size);
    assert(count <= RS_CHUNK_PAGES_MAX);
    patch->base = *base;
    memset(patch->places, 0, count * sizeof patch->places[0]);
}

size_t rs_patch_run(const rs_patch *patch, size_t first) {
    size_t end = first + 1, count = rs_page_count(patch->base.raw_size);
    while (end < count && patch->places[end] == patch->places[end - 1] + RS_PAGE_SIZE)
        end++;
    return end - first;
}

void rs_patch_encode(const rs_patch *patch, rs_chunk_entry *entry, rs_buffer *record) {
    const rs_chunk_entry *base = &patch->base;
    size_t count = rs_page_count(base->raw_size), run;
    uint8_t word[8];
    rs_store_u64(word,
                 base->offset | (uint64_t)base->coding << 48 | (uint64_t)base->element_size << 56);
    rs_buffer_append(record, word, sizeof word);
    entry->coding = RS_CHUNK_PATCHED;
    entry->element_size = 0;
    entry->stored_size = base->stored_size;
    for (size_t i = 0; i < count; i += run) {
        run = patch->places[i] ? rs_patch_run(patch, i) : 1;
        if (!patch->places[i]) continue;
        rs_store_u64(word, patch->places[i] | (uint64_t)i << 48 | (uint64_t)run << 56);
        rs_buffer_append(record, word, sizeof word);
        entry->element_size++;
        entry->stored_size +=
            (uint32_t)((run - 1) * RS_PAGE_SIZE) + rs_page_size(base->raw_size, i + run - 1);
    }
}

static resume_status bad(const rs_chunk_entry *entry, const char *what, rs_error *error) {
    return rs_fail_at(error, RESUME_DAMAGED, 0, entry->offset,
                      "the patch at offset %" PRIu64 " %s, which no writer makes", entry->offset,
                      what);
}

/* Before the record: what is patched can't be a patch of itself, by whatever detours. */
static bool lies_before(uint64_t offset, uint64_t size, const rs_chunk_entry *entry) {
    return offset >= RS_SEGMENTS_START && offset <= entry->offset && size <= entry->offset - offset;
}

/* One extent; *next is the first page that it may have, and then the one behind it. */
static bool take_extent(uint64_t word, const rs_chunk_entry *entry, size_t *next, rs_patch *patch) {
    uint64_t offset = word & OFFSET_MAX;
    size_t first = word >> 48 & 255, count = word >> 56, pages = rs_page_count(entry->raw_size);
    if (first < *next || count == 0 || first + count > pages) return false;
    uint32_t size =
        (uint32_t)((count - 1) * RS_PAGE_SIZE) + rs_page_size(entry->raw_size, first + count - 1);
    if (!lies_before(offset, size, entry) || size > patch->base.stored_size) return false;
    for (size_t i = 0; i < count; i++)
        patch->places[first + i] = offset + i * RS_PAGE_SIZE;
    patch->base.stored_size -= size;
    *next = first + count;
    return true;
}

resume_status rs_patch_decode(const uint8_t *record, const rs_chunk_entry *entry, rs_patch *patch,
                              rs_error *error) {
    uint64_t word = rs_load_u64(record);
    size_t next = 0;
    rs_patch_begin(entry, patch);
    patch->base.hash = (rs_hash128){0};
    for (size_t i = 0; i < entry->element_size; i++) {
        uint64_t extent = rs_load_u64(record + RS_PATCH_HEAD_SIZE + i * RS_PATCH_EXTENT_SIZE);
        if (!take_extent(extent, entry, &next, patch))
            return bad(entry, "has a wrong extent", error);
    }
    patch->base.offset = word & OFFSET_MAX;
    patch->base.coding = (uint8_t)(word >> 48);
    patch->base.element_size = (uint8_t)(word >> 56);
    if (patch->base.coding > RS_CHUNK_ZSTD_SHUFFLE || !rs_chunk_entry_is_allowed(&patch->base) ||
        !lies_before(patch->base.offset, patch->base.stored_size, entry))
        return bad(entry, "has a wrong base", error);
    return RESUME_OK;
}
