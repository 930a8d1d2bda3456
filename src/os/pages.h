/* Memory in whole pages: huge ones where the system has them. */
#ifndef RS_OS_PAGES_H
#define RS_OS_PAGES_H

#include <stddef.h>

/* Zeros, as many pages as `size` bytes take (at least one), on huge pages from 2 MiB on; NULL when
 * there is no memory. */
void *rs_pages_new(size_t size);
/* The same for what is filled at once, or has to be there in no time: small pages, which are there
 * when it returns. (Where memory is fragmented, huge ones can take a hundred times as long to be
 * made.) */
void *rs_pages_new_ready(size_t size);
void rs_pages_free(void *pages, size_t size); /* what rs_pages_new was asked for; NULL is allowed */
#endif
