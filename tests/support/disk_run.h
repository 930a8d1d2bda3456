/* Runs a scenario and looks at every state in which a power cut may leave its disk. */
#ifndef SUPPORT_DISK_RUN_H
#define SUPPORT_DISK_RUN_H

#include "disk_check.h"
#include "disk_scenarios.h"

typedef struct disk_totals {
    uint64_t visited;   /* states that were made */
    uint64_t distinct;  /* that differ */
    uint64_t second;    /* of these, of a power cut while the next program was at work */
    uint64_t cuts;      /* moments of the scenario */
    uint64_t reads;     /* by a reader at work */
    uint64_t exhausted; /* of these, with all subsets of what was pending */
} disk_totals;

typedef struct disk_run {
    const disk_scenario *scenario;
    model_bounds bounds, second_bounds;
    unsigned second_every; /* of so many distinct states one is looked at further */
    unsigned kill_every;   /* the process dies at every so-many-th moment, too */
    bool takes_turns;      /* with what the next process does first; else it does everything */
    unsigned reads;        /* by a reader who begins at each moment while the writer goes on */
    uint64_t random;
    model_sites *sites; /* filled when not NULL */
    const model_site *ignored;
    bool shows; /* prints the log and the state of a failure */
    /* filled */
    disk_check check; /* its text tells what is wrong */
    disk_totals totals;
    bool gets_damaged;
    bool is_second; /* it went wrong after a second power cut */
    model_set states, checked;
} disk_run;

/* Bounds for a run of `scale`: 1 is quick, each doubling of it takes two to four times as long; 0
 * looks at least. */
void disk_run_init(disk_run *run, const disk_scenario *scenario, unsigned scale, uint64_t random);
/* True when all is well. */
bool disk_run_all(disk_run *run, model_arena *arena);
void disk_run_release(disk_run *run);
#endif
