/* Memory in whole pages: huge ones where the system has them. */
#ifndef RS_OS_PAGES_H
#define RS_OS_PAGES_H

#include <stddef.h>

/* Zeros, as many pages as `size` bytes take (at least one), on huge pages from 2 MiB on; NULL when
 * there is no memory. */
void *rs_pages_new(size_t size);
void rs_pages_free(void *pages, size_t size); /* what rs_pages_new was asked for; NULL is allowed */
#endif
