/* A timer that sets a flag: what makes "not due" one load and a branch. */
#ifndef RS_OS_TIMER_H
#define RS_OS_TIMER_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdint.h>

/* One thread, all signals blocked, started by the first arming and joined by rs_timer_free.
 * Arming after a fork, in the child, starts no thread: the fork handler has set every flag to 1 for
 * good, so that the child's next call takes the slow path and finds out. */
typedef struct rs_timer rs_timer;

/* `flag` is borrowed until rs_timer_free. */
resume_status rs_timer_new(atomic_int *flag, rs_timer **timer, rs_error *error);
/* Sets *flag to 0 now and to 1 `delay_ns` from now (at once for 0); replaces an earlier arming. */
resume_status rs_timer_arm(rs_timer *timer, uint64_t delay_ns, rs_error *error);
void rs_timer_free(
    rs_timer *timer); /* NULL is allowed; in a forked child only the memory is freed */
#endif
