/* When the next save is due: `rate` after the last one, later and later while saves fail. */
#ifndef RS_ENGINE_SCHEDULE_H
#define RS_ENGINE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define RS_RETRY_FACTOR_MAX 16u /* x rate */
#define RS_RETRY_BASE_MIN                                                                          \
    UINT64_C(1000000000) /* ns: also at rate 0, a full disk is not asked                           \
                               at every call */

typedef struct rs_schedule {
    uint64_t rate_ns;  /* UINT64_MAX: never */
    unsigned failures; /* in a row */
    int64_t since_ns;  /* monotonic: of the last try, or the opening */
} rs_schedule;

/* A save was tried at `now_ns` (or the checkpoint was opened: a success). */
void rs_schedule_note(rs_schedule *schedule, bool worked, int64_t now_ns);
/* From `now_ns` until the next save is due; 0: it is, UINT64_MAX: never. */
uint64_t rs_schedule_delay(const rs_schedule *schedule, int64_t now_ns);
#endif
