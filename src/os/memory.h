/* How much memory this process may still take. */
#ifndef RS_OS_MEMORY_H
#define RS_OS_MEMORY_H

#include <stdint.h>

/* The least of: what the system can give without swapping (MemAvailable), what the limit of the
 * address space leaves (RLIMIT_AS), and what its control group leaves (version 2, page cache not
 * counted). UINT64_MAX: not known. Reads a few small files of /proc and /sys. */
uint64_t rs_memory_left(void);
/* The same where `root` stands in the place of "/": for tests. */
uint64_t rs_memory_left_under(const char *root);
#endif
