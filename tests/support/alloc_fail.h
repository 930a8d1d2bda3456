/* Makes the n-th allocation of the library fail. */
#ifndef SUPPORT_ALLOC_FAIL_H
#define SUPPORT_ALLOC_FAIL_H

#include <stdbool.h>

/* The `nth` allocation from now on (1: the next) returns NULL; with `for_ever` all later ones, too.
 * 0 lets everything work again. */
void alloc_fail_at(long nth, bool for_ever);
/* Allocations since the last alloc_fail_at, failed ones among them. */
long alloc_fail_count(void);
/* Compressing and decompressing by libzstd fails with this ZSTD_ErrorCode; 0: works again. */
void zstd_fail_with(int code);
#endif
