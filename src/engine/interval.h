/* rate "auto": how long to wait for the next save, from what saves cost and how often runs end.
 *
 * While no run was cut off, saves may cost `overhead` of the run, also counted from its beginning.
 * Once some were, the interval is the one with the least sum of saves and of work done again (Daly,
 * "A higher order estimate of the optimum checkpoint interval", 2006), which may be shorter or
 * longer. Never more than RS_INTERVAL_RISK_MAX is at risk, never is a save due before the last one
 * is durable. docs/rate.md. Plain arithmetic on times that the caller gives. */
#ifndef RS_ENGINE_INTERVAL_H
#define RS_ENGINE_INTERVAL_H

#include <stdint.h>

#define RS_OVERHEAD_DEFAULT  0.02
#define RS_INTERVAL_MIN      UINT64_C(1000000000)   /* ns: also the first one, its cost unknown */
#define RS_INTERVAL_RISK_MAX UINT64_C(900000000000) /* ns: 15 minutes */

typedef struct rs_interval {
    double overhead;     /* share of the run, above 0 and below 1; 0: the default */
    uint64_t failures;   /* runs of the call that were cut off so far */
    uint64_t running_ns; /* that the call has been running, in this process and before it */
    uint64_t here_ns;    /* of that, in this process */
    /* what rs_interval_note adds up */
    double cost_ns;    /* of the next save, expected; 0: none was made */
    double durable_ns; /* of the last save, from its beginning until it was durable */
    double spent_ns;   /* on saves in this process */
} rs_interval;

/* A save has stopped the program for `pause_ns` and was durable `durable_ns` after its beginning.
 */
void rs_interval_note(rs_interval *interval, uint64_t pause_ns, uint64_t durable_ns);
/* From the end of the last save to when the next one is due. */
uint64_t rs_interval_ns(const rs_interval *interval);
#endif
