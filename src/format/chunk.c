/* The 32-byte table entry of a chunk. docs/format.md section "Chunk entries". */
#include "format/chunk.h"
#include "base/arith.h"
#include "base/bytes.h"

#include <assert.h>
#include <inttypes.h>

#define OFFSET_MAX ((UINT64_C(1) << 48) - 1)

void rs_chunk_entry_encode(const rs_chunk_entry *entry, uint8_t to[RS_CHUNK_ENTRY_SIZE]) {
    assert(entry->offset <= OFFSET_MAX);
    rs_store_u64(to, entry->offset | (uint64_t)entry->coding << 48 |
                         (uint64_t)entry->element_size << 56);
    rs_store_u32(to + 8, entry->stored_size);
    rs_store_u32(to + 12, entry->raw_size);
    rs_store_u64(to + 16, entry->hash.low);
    rs_store_u64(to + 24, entry->hash.high);
}

static bool element_size_is_allowed(const rs_chunk_entry *entry) {
    if (entry->coding == RS_CHUNK_PATCHED) return entry->element_size > 0;
    if (entry->coding != RS_CHUNK_ZSTD_SHUFFLE) return entry->element_size == 0;
    unsigned size = entry->element_size;
    return size >= 1 && size <= 16 && !(size & (size - 1));
}

static bool stored_is_allowed(const rs_chunk_entry *entry) {
    switch (entry->coding) {
    case RS_CHUNK_RAW:
        return entry->stored_size == entry->raw_size;
    case RS_CHUNK_ZERO:
        return entry->stored_size == 0 && entry->offset == 0 && entry->hash.low == 0 &&
               entry->hash.high == 0;
    case RS_CHUNK_PATCHED: /* what of the base is replaced is stored as well */
        return entry->raw_size > RS_PAGE_SIZE && entry->stored_size > 0 &&
               entry->raw_size <= RS_CHUNK_PAGES_MAX * RS_PAGE_SIZE &&
               entry->stored_size <= 2 * entry->raw_size;
    default:
        return entry->stored_size > 0 && entry->stored_size <= entry->raw_size;
    }
}

bool rs_chunk_entry_is_allowed(const rs_chunk_entry *entry) {
    return entry->raw_size > 0 && entry->raw_size <= RS_CHUNK_RAW_SIZE_MAX &&
           element_size_is_allowed(entry) && stored_is_allowed(entry);
}

resume_status rs_chunk_entry_decode(const uint8_t from[RS_CHUNK_ENTRY_SIZE], rs_chunk_entry *entry,
                                    rs_error *error) {
    uint64_t first = rs_load_u64(from);
    *entry = (rs_chunk_entry){
        .offset = first & OFFSET_MAX,
        .coding = (uint8_t)(first >> 48),
        .element_size = (uint8_t)(first >> 56),
        .stored_size = rs_load_u32(from + 8),
        .raw_size = rs_load_u32(from + 12),
        .hash = {.low = rs_load_u64(from + 16), .high = rs_load_u64(from + 24)},
    };
    if (entry->coding > RS_CHUNK_PATCHED) {
        return rs_fail(error, RESUME_UNSUPPORTED,
                       "a chunk has coding %u, which this version of resume does not know; "
                       "install a newer resume",
                       entry->coding);
    }
    if (!rs_chunk_entry_is_allowed(entry)) {
        return rs_fail(error, RESUME_DAMAGED,
                       "a chunk entry is not what any writer makes: coding %u, element size %u, "
                       "%" PRIu32 " bytes stored for %" PRIu32 " at offset %" PRIu64,
                       entry->coding, entry->element_size, entry->stored_size, entry->raw_size,
                       entry->offset);
    }
    return RESUME_OK;
}

/* Bytes that equal the ones 16 places before, of which the first 16 are zero, are all zero. */
bool rs_chunk_is_zero(const void *bytes, size_t size) {
    static const uint8_t zeros[16];
    size_t first = (size_t)rs_minimum(size, sizeof zeros);
    if (first == 0) return true;
    if (memcmp(bytes, zeros, first) != 0) return false;
    return memcmp(bytes, (const uint8_t *)bytes + first, size - first) == 0;
}
