/* The due logic: plain arithmetic on times that the caller gives. */
#include "engine/schedule.h"

#include "base/arith.h"

void rs_schedule_note(rs_schedule *schedule, bool worked, int64_t now_ns) {
    schedule->since_ns = now_ns;
    if (worked)
        schedule->failures = 0;
    else if (schedule->failures < UINT32_MAX)
        schedule->failures++;
}

/* Doubled with each failure, up to RS_RETRY_FACTOR_MAX. */
static uint64_t interval(const rs_schedule *schedule) {
    if (schedule->failures == 0 || schedule->rate_ns == UINT64_MAX) return schedule->rate_ns;
    uint64_t factor = RS_RETRY_FACTOR_MAX, longer;
    for (unsigned i = 0; i < schedule->failures && factor > 1; i++)
        factor /= 2;
    factor = RS_RETRY_FACTOR_MAX / factor;
    uint64_t base = rs_maximum(schedule->rate_ns, RS_RETRY_BASE_MIN);
    return rs_multiply_overflows(base, factor, &longer) ? UINT64_MAX : longer;
}

uint64_t rs_schedule_delay(const rs_schedule *schedule, int64_t now_ns) {
    uint64_t whole = interval(schedule);
    if (whole == UINT64_MAX) return UINT64_MAX;
    uint64_t passed = now_ns > schedule->since_ns ? (uint64_t)(now_ns - schedule->since_ns) : 0;
    return passed >= whole ? 0 : whole - passed;
}
