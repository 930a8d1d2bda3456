/* Which generations stay: a policy, and nothing but arithmetic. docs/format.md "Committing". */
#ifndef RS_STORE_RETAIN_H
#define RS_STORE_RETAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is kept is the union of what the three numbers ask for. Hours and days are those of UTC, so
 * that a program and a cron job in other time zones agree, and no day has 23 hours. Only hours and
 * days count in which something was saved: a program that rested for a month loses nothing. */
typedef struct rs_keep {
    unsigned last;   /* the newest saves, so many */
    unsigned hourly; /* the newest of each of the last so many hours */
    unsigned daily;  /* the newest of each of the last so many days */
} rs_keep;           /* all 0: the default, the last 2 */

/* One generation. A mark (the end of a call) stays with the save that it belongs to. */
typedef struct rs_keep_item {
    int64_t saved_ns; /* since 1970 */
    bool is_mark;     /* same state as the next older one */
    bool is_bad;      /* does not verify: is not kept and takes nobody's place */
    bool kept;        /* the answer */
    bool verified;    /* of the caller */
} rs_keep_item;

rs_keep rs_keep_or_default(rs_keep keep);
/* Does it need to know when the generations were saved? */
bool rs_keep_needs_times(const rs_keep *keep);
/* `items` are newest first. The newest one that is not bad is always kept. */
void rs_keep_choose(const rs_keep *keep, rs_keep_item *items, size_t count);
#endif
