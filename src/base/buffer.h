/* A growable byte buffer with a sticky failure: append freely, ask once at the end. */
#ifndef RS_BASE_BUFFER_H
#define RS_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised it is empty and safe to release. */
typedef struct rs_buffer {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
    bool failed; /* an allocation failed: everything appended afterwards was dropped */
} rs_buffer;

void rs_buffer_release(rs_buffer *buffer);
void rs_buffer_clear(rs_buffer *buffer); /* empty, keeps the memory, forgets the failure */
/* Room for `size` more bytes at the end, not yet counted in; NULL (and failed) when there is no
 * memory. */
uint8_t *rs_buffer_reserve(rs_buffer *buffer, size_t size);
/* The same, without a call where there is room, as nearly always. */
static inline uint8_t *rs_buffer_reserve_quick(rs_buffer *buffer, size_t size) {
    if (buffer->capacity - buffer->size >= size && !buffer->failed && buffer->bytes)
        return buffer->bytes + buffer->size;
    return rs_buffer_reserve(buffer, size);
}
void rs_buffer_append(rs_buffer *buffer, const void *bytes, size_t size);
void rs_buffer_append_zeros(rs_buffer *buffer, size_t size);
/* The memory, now owned by the caller (rs_free); the buffer is empty afterwards. */
uint8_t *rs_buffer_detach(rs_buffer *buffer, size_t *size);
#endif
