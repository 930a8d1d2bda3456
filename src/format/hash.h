/* XXH3 as this format uses it: seeded by place, or plain for chunk content. */
#ifndef RS_FORMAT_HASH_H
#define RS_FORMAT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rs_hash128 {
    uint64_t low, high;
} rs_hash128;

typedef struct rs_uuid {
    uint8_t bytes[16];
} rs_uuid;

/* The seed of every checksum of file `uuid` at byte `offset`: XXH3-64 of the 16 bytes of the uuid
 * and the offset as 8 little-endian bytes. A record of another file or place never matches. */
uint64_t rs_place_seed(const rs_uuid *uuid, uint64_t offset);
uint64_t rs_hash64(const void *bytes, size_t size, uint64_t seed);
rs_hash128 rs_hash128_of(const void *bytes, size_t size, uint64_t seed);
bool rs_hash128_equal(rs_hash128 a, rs_hash128 b);
/* Of two ranges as if they stood one after the other. */
rs_hash128 rs_hash128_of_two(const void *first, size_t first_size, const void *second,
                             size_t second_size, uint64_t seed);

/* Pieces of a chunk that are hashed by themselves; the last one of a chunk may be shorter. The same
 * pass over memory that finds changed chunks so finds what has changed in them. */
#define RS_PAGE_SIZE 4096u
static inline size_t rs_page_count(size_t chunk_size) {
    return chunk_size / RS_PAGE_SIZE + (chunk_size % RS_PAGE_SIZE != 0);
}
/* The checksum of a chunk: XXH3-128, seed 0, of its only page, or of the checksums of its pages,
 * 16 bytes each, the low half first. `pages` gets those, rs_page_count of them; it may be NULL. */
rs_hash128 rs_chunk_hash(const void *chunk, size_t size, rs_hash128 *pages);
/* The same, of pages whose checksums are known. */
rs_hash128 rs_chunk_hash_of_pages(const rs_hash128 *pages, size_t page_count);
#endif
