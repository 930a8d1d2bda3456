/* A growable byte buffer with a sticky failure. */
#include "base/buffer.h"
#include "base/alloc.h"

#include <string.h>

#define FIRST_CAPACITY 256u

void rs_buffer_release(rs_buffer *buffer) {
    rs_free(buffer->bytes);
    *buffer = (rs_buffer){0};
}

void rs_buffer_clear(rs_buffer *buffer) {
    buffer->size = 0;
    buffer->failed = false;
}

/* Doubles, so that appending byte by byte stays linear. */
static bool grow(rs_buffer *buffer, size_t needed) {
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        if (__builtin_mul_overflow(capacity, 2, &capacity)) capacity = needed;
    }
    uint8_t *bytes = rs_reallocate_array(buffer->bytes, capacity, 1);
    if (!bytes && capacity > needed) {
        capacity = needed;
        bytes = rs_reallocate_array(buffer->bytes, capacity, 1);
    }
    if (!bytes) return false;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

uint8_t *rs_buffer_reserve(rs_buffer *buffer, size_t size) {
    size_t needed;
    if (buffer->failed) return NULL;
    if (__builtin_add_overflow(buffer->size, size, &needed) ||
        ((needed > buffer->capacity || !buffer->bytes) && !grow(buffer, needed))) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->bytes + buffer->size;
}

void rs_buffer_append(rs_buffer *buffer, const void *bytes, size_t size) {
    uint8_t *to = rs_buffer_reserve(buffer, size);
    if (!to || !size) return;
    memcpy(to, bytes, size);
    buffer->size += size;
}

void rs_buffer_append_zeros(rs_buffer *buffer, size_t size) {
    uint8_t *to = rs_buffer_reserve(buffer, size);
    if (!to) return;
    memset(to, 0, size);
    buffer->size += size;
}

uint8_t *rs_buffer_detach(rs_buffer *buffer, size_t *size) {
    uint8_t *bytes = buffer->bytes;
    *size = buffer->size;
    *buffer = (rs_buffer){0};
    return bytes;
}
