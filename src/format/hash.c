/* XXH3 checksums, seeded by place or plain. */
#include "format/hash.h"
#include "base/bytes.h"

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
