/* A bar on stderr for what takes longer than a moment: only on a terminal, gone at the end. */
#ifndef RC_PROGRESS_H
#define RC_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rc_progress {
    bool active, shown;
    uint64_t done, total; /* bytes */
    int64_t started_ns, drawn_ns;
} rc_progress;

void rc_progress_start(rc_progress *progress);
/* Draws at most ten times a second, and not in the first one. `name` is safe for a terminal. */
void rc_progress_update(rc_progress *progress, const char *name, uint64_t done, uint64_t total);
/* Before anything else is written to the terminal, and at the end. */
void rc_progress_clear(rc_progress *progress);
#endif
