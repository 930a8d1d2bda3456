/* The interval that costs least. */
#include "engine/interval.h"

#include "base/arith.h"

#include <math.h>

/* What a thread writes behind the program's back takes memory and processors from it, too. */
#define BACKGROUND_SHARE 0.1
#define NEWEST_SHARE     0.3 /* of the smoothed cost */

void rs_interval_note(rs_interval *interval, uint64_t pause_ns, uint64_t durable_ns) {
    double pause = (double)pause_ns, durable = (double)rs_maximum(pause_ns, durable_ns);
    double cost = pause + (durable - pause) * BACKGROUND_SHARE;
    double before = interval->cost_ns > 0 ? interval->cost_ns : cost;
    interval->cost_ns = before + (cost - before) * NEWEST_SHARE;
    interval->durable_ns = durable;
    interval->spent_ns += cost;
}

/* So that saves take `overhead` of the time from now on, and of all until the next one's end. */
static double by_overhead(const rs_interval *interval) {
    double overhead = interval->overhead > 0 ? interval->overhead : RS_OVERHEAD_DEFAULT;
    double alone = interval->cost_ns / overhead - interval->cost_ns;
    double all = (interval->spent_ns + interval->cost_ns) / overhead - interval->cost_ns -
                 (double)interval->here_ns;
    return alone > all ? alone : all;
}

/* Least of: saves at `cost` each, and for each failure half an interval done again. */
static double daly(double cost, double between) {
    if (cost >= 2 * between) return between;
    double part = cost / (2 * between);
    return sqrt(2 * cost * between) * (1 + sqrt(part) / 3 + part / 9) - cost;
}

/* What is known to have run ends with the last save of each run that was cut off: to the mean
 * between failures belongs the half interval that was lost. */
static double by_failures(const rs_interval *interval) {
    double known = (double)interval->running_ns / (double)interval->failures, between = known;
    double chosen = daly(interval->cost_ns, between);
    for (int i = 0; i < 4; i++) {
        between = known + (chosen + interval->cost_ns) / 2;
        chosen = daly(interval->cost_ns, between);
    }
    return chosen;
}

uint64_t rs_interval_ns(const rs_interval *interval) {
    double longest = (double)RS_INTERVAL_RISK_MAX - interval->durable_ns;
    double chosen = interval->failures ? by_failures(interval) : by_overhead(interval);
    if (chosen > longest) chosen = longest;
    if (chosen < interval->durable_ns) chosen = interval->durable_ns;
    return chosen > (double)RS_INTERVAL_MIN ? (uint64_t)chosen : RS_INTERVAL_MIN;
}
