/* Wrappers of malloc, calloc and realloc that fail on demand: see -Wl,--wrap in
 * tests/c/meson.build. */
#include "alloc_fail.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
/* libzstd calls malloc inside its own shared object, where no wrapper reaches. */
void *__real_ZSTD_createCCtx(void);
void *__real_ZSTD_createDCtx(void);
void *__wrap_ZSTD_createCCtx(void);
void *__wrap_ZSTD_createDCtx(void);
size_t __real_ZSTD_compressCCtx(void *context, void *to, size_t capacity, const void *from,
                                size_t size, int level);
size_t __real_ZSTD_decompressDCtx(void *context, void *to, size_t capacity, const void *from,
                                  size_t size);
size_t __wrap_ZSTD_compressCCtx(void *context, void *to, size_t capacity, const void *from,
                                size_t size, int level);
size_t __wrap_ZSTD_decompressDCtx(void *context, void *to, size_t capacity, const void *from,
                                  size_t size);

static atomic_long allocations, failing;
static atomic_bool fails_for_ever;
static atomic_int zstd_error;

void alloc_fail_at(long nth, bool for_ever) {
    atomic_store(&failing, 0);
    atomic_store(&fails_for_ever, for_ever);
    atomic_store(&allocations, 0);
    atomic_store(&failing, nth);
}

long alloc_fail_count(void) {
    return atomic_load(&allocations);
}

void zstd_fail_with(int code) {
    atomic_store(&zstd_error, code);
}

static bool fails(void) {
    long number = atomic_fetch_add(&allocations, 1) + 1;
    long nth = atomic_load(&failing);
    return nth > 0 && (number == nth || (number > nth && atomic_load(&fails_for_ever)));
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size) {
    return fails() ? NULL : __real_realloc(block, size);
}

void *__wrap_ZSTD_createCCtx(void) {
    return fails() ? NULL : __real_ZSTD_createCCtx();
}

void *__wrap_ZSTD_createDCtx(void) {
    return fails() ? NULL : __real_ZSTD_createDCtx();
}

size_t __wrap_ZSTD_compressCCtx(void *context, void *to, size_t capacity, const void *from,
                                size_t size, int level) {
    int code = atomic_load(&zstd_error);
    if (code) return (size_t)-code;
    return __real_ZSTD_compressCCtx(context, to, capacity, from, size, level);
}

size_t __wrap_ZSTD_decompressDCtx(void *context, void *to, size_t capacity, const void *from,
                                  size_t size) {
    int code = atomic_load(&zstd_error);
    if (code) return (size_t)-code;
    return __real_ZSTD_decompressDCtx(context, to, capacity, from, size);
}
