/* Memory: malloc with checked arithmetic. */
#include "base/alloc.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* malloc(0) may give NULL, which callers read as "no memory". */
static size_t at_least_one(size_t size) {
    return size ? size : 1;
}

void *rs_allocate(size_t size) {
    return malloc(at_least_one(size));
}

void *rs_allocate_zeroed(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return NULL;
    return calloc(at_least_one(total), 1);
}

void *rs_allocate_array(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return NULL;
    return malloc(at_least_one(total));
}

void *rs_reallocate_array(void *block, size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return NULL;
    return realloc(block, at_least_one(total));
}

void *rs_allocate_like(size_t size, void *old) {
    size_t room = old ? malloc_usable_size(old) : 0, alignment = 64;
    if (size < room) size = room;
    while (alignment > _Alignof(max_align_t) && (uintptr_t)old % alignment)
        alignment /= 2;
    if (!old || alignment <= _Alignof(max_align_t)) return rs_allocate(size);
    if (size > PTRDIFF_MAX) return NULL;
    return aligned_alloc(alignment, (size + alignment) & ~(alignment - 1)); /* a multiple */
}

void rs_free(void *block) {
    free(block);
}

void *rs_duplicate(const void *bytes, size_t size) {
    void *copy = rs_allocate(size);
    if (copy && size) memcpy(copy, bytes, size);
    return copy;
}

char *rs_duplicate_text(const char *text) {
    return rs_duplicate(text, strlen(text) + 1);
}
