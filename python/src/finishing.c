/* The runs of this process, finished by its exit. */
#include "finishing.h"

#include "base/alloc.h"
#include "store/run.h"

#include <stdlib.h>
#include <string.h>

/* Plain memory, since Python is gone when it is used; never freed: the process ends then. */
typedef struct run_entry {
    struct run_entry *next;
    rs_run *run;
} run_entry;

struct rp_runs {
    run_entry *first;
};

/* Called by exit() with the status of the process: anything but 0 is a run to be repeated. Being
 * registered early it is called late, when all that the program prints has been written. */
static void at_exit(int status, void *argument) {
    const struct rp_runs *runs = argument;
    if (status != 0) return;
    for (const run_entry *entry = runs->first; entry != NULL; entry = entry->next)
        rs_run_finish(entry->run);
}

static struct rp_runs *runs_of(rp_module_state *state) {
    if (state->runs != NULL) return state->runs;
    struct rp_runs *runs = rs_allocate_zeroed(1, sizeof *runs);
    if (runs != NULL && on_exit(at_exit, runs) != 0) {
        rs_free(runs);
        runs = NULL;
    }
    state->runs = runs;
    return runs;
}

/* `id` NULL: any. A forked child has runs of its own. */
static rs_run *find(const struct rp_runs *runs, const rs_os *os, const char *folder,
                    const char *id) {
    for (const run_entry *entry = runs->first; entry != NULL; entry = entry->next) {
        const rs_run *run = entry->run;
        if (run->pid == os->pid(os) && strcmp(run->folder->path, folder) == 0 &&
            (id == NULL || strcmp(run->id, id) == 0))
            return entry->run;
    }
    return NULL;
}

/* False: no memory; the run is freed and its mark stays. */
static bool keep(struct rp_runs *runs, rs_run *run) {
    run_entry *entry = rs_allocate_zeroed(1, sizeof *entry);
    if (entry == NULL) {
        rs_run_free(run);
        return false;
    }
    *entry = (run_entry){runs->first, run};
    runs->first = entry;
    return true;
}

const char *rp_run_of(rp_checkpoint *self) {
    const rs_os *os = self->state->os;
    const char *folder = rs_checkpoint_look(self->engine)->folder;
    struct rp_runs *runs = runs_of(self->state);
    if (runs == NULL) return NULL;
    rs_run *run = find(runs, os, folder, NULL);
    if (run != NULL) return run->id;
    if (rs_run_begin(os, folder, &run, NULL) != RESUME_OK || !keep(runs, run)) return NULL;
    return run->id;
}

bool rp_run_adopt(rp_checkpoint *self) {
    const rs_os *os = self->state->os;
    const rs_checkpoint_info *info = rs_checkpoint_look(self->engine);
    char id[RS_RUN_ID_SIZE];
    if (!info->run_unfinished || info->meta->run.size >= sizeof id) return false;
    memcpy(id, info->meta->run.bytes, info->meta->run.size);
    id[info->meta->run.size] = 0;
    struct rp_runs *runs = runs_of(self->state);
    if (runs == NULL) return false;
    rs_run *run = find(runs, os, info->folder, id);
    if (run != NULL) return true;
    return rs_run_adopt(os, info->folder, id, &run, NULL) == RESUME_OK && keep(runs, run);
}
