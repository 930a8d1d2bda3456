/* What programs do on a model disk, for the power to be cut in the middle of it. */
#ifndef SUPPORT_DISK_SCENARIOS_H
#define SUPPORT_DISK_SCENARIOS_H

#include "disk_life.h"

typedef struct disk_scenario {
    const char *name;
    void (*run)(disk_life *life);
    life_shape shape;
    bool takes_back; /* what could be read already: nothing for readers at work */
    bool no_folder;  /* the program has to make it */
    bool no_links, no_locks;
    bool by_rename;  /* somebody moves a file by a rename alone */
    bool locks;      /* taken by the programs */
    bool room;       /* zeros are kept behind the newest save */
    int64_t tick_ns; /* of the clocks, 0: so little that few hints are due */
    bool is_rare;    /* its states take long: few are looked at */
} disk_scenario;

extern const disk_scenario disk_scenarios[];
extern const size_t disk_scenario_count;

/* The disk before the scenario. */
void disk_scenario_begin(const disk_scenario *scenario, model_arena *arena, uint64_t random,
                         model_disk *disk, disk_life *life);
#endif
