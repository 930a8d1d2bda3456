/* Which generations stay, by number, hour and day. */
#include "store/retain.h"

#define DEFAULT_LAST 2u
#define HOUR_NS      (INT64_C(3600) * 1000000000)
#define DAY_NS       (24 * HOUR_NS)

rs_keep rs_keep_or_default(rs_keep keep) {
    bool asks = keep.last || keep.hourly || keep.daily;
    return asks ? keep : (rs_keep){.last = DEFAULT_LAST};
}

bool rs_keep_needs_times(const rs_keep *keep) {
    return keep->hourly || keep->daily;
}

/* A save, with the marks before it in the list. */
typedef struct group {
    size_t first, end;
    bool usable;      /* something in it is not bad */
    int64_t saved_ns; /* of the newest that is not bad */
} group;

static group group_at(const rs_keep_item *items, size_t count, size_t first) {
    group found = {.first = first, .end = first};
    bool whole = false;
    while (!whole && found.end < count) {
        const rs_keep_item *item = &items[found.end++];
        whole = !item->is_mark;
        if (item->is_bad || found.usable) continue;
        found.usable = true;
        found.saved_ns = item->saved_ns;
    }
    return found;
}

static void keep_group(rs_keep_item *items, const group *kept) {
    for (size_t i = kept->first; i < kept->end; i++)
        items[i].kept = !items[i].is_bad;
}

/* Times before 1970 are as good as others. */
static int64_t period_of(int64_t time_ns, int64_t length_ns) {
    return time_ns / length_ns - (time_ns % length_ns < 0);
}

/* The newest of each of the last `limit` periods; every group is a period of its own when the
 * length is 0. A clock that was set back makes a period count twice: more is kept, not less. */
static void choose(rs_keep_item *items, size_t count, unsigned limit, int64_t length_ns) {
    int64_t last = 0;
    unsigned chosen = 0;
    for (size_t at = 0; at < count && chosen < limit;) {
        group next = group_at(items, count, at);
        at = next.end;
        if (!next.usable) continue;
        int64_t period = length_ns ? period_of(next.saved_ns, length_ns) : 0;
        if (length_ns && chosen > 0 && period == last) continue;
        last = period;
        chosen++;
        keep_group(items, &next);
    }
}

void rs_keep_choose(const rs_keep *keep, rs_keep_item *items, size_t count) {
    rs_keep asked = rs_keep_or_default(*keep);
    for (size_t i = 0; i < count; i++)
        items[i].kept = false;
    choose(items, count, asked.last, 0);
    choose(items, count, asked.hourly, HOUR_NS);
    choose(items, count, asked.daily, DAY_NS);
}
