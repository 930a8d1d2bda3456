/* XXH3 checksums, seeded by place or plain. */
#include "format/hash.h"
#include "base/arith.h"
#include "base/bytes.h"

#include <assert.h>

#define XXH_STATIC_LINKING_ONLY /* for a state on the stack */
#include <xxhash.h>

/* The functions that choose at run time, where they are. They are weak: libxxhash.so has them, but
 * Debian's libxxhash.a has not, and a program may be linked with either. */
#ifdef RS_XXHASH_DISPATCH
#define XXH_DISPATCH_DISABLE_REPLACE
#include <xxh_x86dispatch.h>
#pragma weak XXH3_64bits_withSeed_dispatch
#pragma weak XXH3_128bits_withSeed_dispatch
#pragma weak XXH3_128bits_update_dispatch
#define FASTEST(function) (function##_dispatch ? function##_dispatch : function)
#else
#define FASTEST(function) function
#endif

uint64_t rs_place_seed(const rs_uuid *uuid, uint64_t offset) {
    uint8_t place[sizeof uuid->bytes + 8];
    memcpy(place, uuid->bytes, sizeof uuid->bytes);
    rs_store_u64(place + sizeof uuid->bytes, offset);
    return XXH3_64bits(place, sizeof place);
}

uint64_t rs_hash64(const void *bytes, size_t size, uint64_t seed) {
    return FASTEST(XXH3_64bits_withSeed)(bytes, size, seed);
}

static rs_hash128 from_xxh(XXH128_hash_t hash) {
    return (rs_hash128){.low = hash.low64, .high = hash.high64};
}

rs_hash128 rs_hash128_of(const void *bytes, size_t size, uint64_t seed) {
    return from_xxh(FASTEST(XXH3_128bits_withSeed)(bytes, size, seed));
}

bool rs_hash128_equal(rs_hash128 a, rs_hash128 b) {
    return a.low == b.low && a.high == b.high;
}

rs_hash128 rs_hash128_of_two(const void *first, size_t first_size, const void *second,
                             size_t second_size, uint64_t seed) {
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset_withSeed(&state, seed);
    if (first_size) FASTEST(XXH3_128bits_update)(&state, first, first_size);
    if (second_size) FASTEST(XXH3_128bits_update)(&state, second, second_size);
    return from_xxh(XXH3_128bits_digest(&state));
}

#define PAGE_BATCH 64u /* of a chunk of 256 KiB: all */

/* In memory as in the file. */
static_assert(sizeof(rs_hash128) == 16 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "checksums of pages are hashed as they lie");

static void hash_pages(const uint8_t *bytes, size_t size, rs_hash128 *pages) {
    for (size_t at = 0; at < size; at += RS_PAGE_SIZE)
        pages[at / RS_PAGE_SIZE] =
            rs_hash128_of(bytes + at, (size_t)rs_minimum(size - at, RS_PAGE_SIZE), 0);
}

rs_hash128 rs_chunk_hash_of_pages(const rs_hash128 *pages, size_t page_count) {
    return page_count == 1 ? pages[0] : rs_hash128_of(pages, page_count * sizeof *pages, 0);
}

/* Chunks of any size, without memory for all their pages. */
static rs_hash128 hash_in_batches(const uint8_t *bytes, size_t size) {
    rs_hash128 batch[PAGE_BATCH];
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset_withSeed(&state, 0);
    for (size_t at = 0; at < size; at += PAGE_BATCH * RS_PAGE_SIZE) {
        size_t part = (size_t)rs_minimum(size - at, (size_t)PAGE_BATCH * RS_PAGE_SIZE);
        hash_pages(bytes + at, part, batch);
        FASTEST(XXH3_128bits_update)(&state, batch, rs_page_count(part) * sizeof *batch);
    }
    return from_xxh(XXH3_128bits_digest(&state));
}

rs_hash128 rs_chunk_hash(const void *chunk, size_t size, rs_hash128 *pages) {
    if (size <= RS_PAGE_SIZE) {
        rs_hash128 hash = rs_hash128_of(chunk, size, 0);
        if (pages) *pages = hash;
        return hash;
    }
    if (!pages) return hash_in_batches(chunk, size);
    hash_pages(chunk, size, pages);
    return rs_chunk_hash_of_pages(pages, rs_page_count(size));
}
