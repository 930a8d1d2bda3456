/* Borrowed byte ranges, and little-endian numbers in them. */
#ifndef RS_BASE_BYTES_H
#define RS_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct rs_slice {
    const void *bytes;
    size_t size;
} rs_slice;

static inline void rs_store_u16(void *to, uint16_t v) {
    uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
    memcpy(to, b, 2);
}
static inline void rs_store_u32(void *to, uint32_t v) {
    uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    memcpy(to, b, 4);
}
static inline void rs_store_u64(void *to, uint64_t v) {
    rs_store_u32(to, (uint32_t)v);
    rs_store_u32((uint8_t *)to + 4, (uint32_t)(v >> 32));
}
static inline uint16_t rs_load_u16(const void *from) {
    const uint8_t *b = from;
    return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t rs_load_u32(const void *from) {
    const uint8_t *b = from;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline uint64_t rs_load_u64(const void *from) {
    return (uint64_t)rs_load_u32(from) | (uint64_t)rs_load_u32((const uint8_t *)from + 4) << 32;
}
#endif
