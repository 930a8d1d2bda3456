/* Memory: malloc with checked arithmetic. The only place of the library that calls malloc.
 *
 * Tests make the n-th allocation fail by wrapping malloc, calloc and realloc at link time. */
#ifndef RS_BASE_ALLOC_H
#define RS_BASE_ALLOC_H

#include <stddef.h>

/* All return NULL when there is no memory or the product overflows. A size of 0 gives a valid
 * pointer. */
void *rs_allocate(size_t size);
void *rs_allocate_zeroed(size_t count, size_t size);
void *rs_allocate_array(size_t count, size_t size);
/* On failure the old block is unchanged and still owned by the caller. */
void *rs_reallocate_array(void *block, size_t count, size_t size);
/* Not smaller than what `old` (of malloc and the like, or NULL) has room for, whatever `size` is: a
 * program that knows the old block's capacity may go on using it. And aligned as `old`, up to 64
 * bytes, for programs that load vectors from it. */
void *rs_allocate_like(size_t size, void *old);
void rs_free(void *block); /* NULL is allowed */

/* A copy of `size` bytes, or of a string with its zero; NULL when there is no memory. */
void *rs_duplicate(const void *bytes, size_t size);
char *rs_duplicate_text(const char *text);
#endif
