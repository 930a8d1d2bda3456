/* A thread that does one job at a time, behind the back of the program. */
#ifndef RS_OS_WORKER_H
#define RS_OS_WORKER_H

#include "base/error.h"

#include <stdbool.h>

/* All signals blocked; started by the first job and joined by rs_worker_free. One thread gives it
 * its jobs. In a forked child, where the thread is gone, nothing is ever busy and a start fails
 * with FORKED. */
typedef struct rs_worker rs_worker;

resume_status rs_worker_new(rs_worker **worker, rs_error *error);
/* `job` is called once with `context`, soon; what was written before the call is seen by it. Waits
 * for the job before. */
resume_status rs_worker_start(rs_worker *worker, void (*job)(void *context), void *context,
                              rs_error *error);
/* A job is under way. When not, what it has written is seen by the caller. */
bool rs_worker_is_busy(rs_worker *worker);
void rs_worker_wait(rs_worker *worker); /* until it is not busy */
/* This process was forked while a job was under way: what the job works on is in no known state. */
bool rs_worker_was_cut(rs_worker *worker);
void rs_worker_free(rs_worker *worker); /* waits; NULL is allowed */
#endif
