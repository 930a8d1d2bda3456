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
#endif
