/* Tests of src/store/retain.c: tables of generations, and which of them a policy keeps. */
#include "store/retain.h"
#include "seeded.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

#define MINUTE    (INT64_C(60) * 1000000000)
#define HOUR      (60 * MINUTE)
#define DAY       (24 * HOUR)
#define NOON      (INT64_C(20000) * DAY + 12 * HOUR) /* of some day, UTC */
#define ITEMS_MAX 64

/* One character a generation, newest first: "s" a save, "m" a mark, upper-case: bad. `minutes` are
 * minutes before noon. `expected` is "k" for kept. */
typedef struct keep_case {
    const char *name;
    rs_keep keep;
    const char *kinds;
    int64_t minutes[ITEMS_MAX];
    const char *expected;
} keep_case;

static const keep_case cases[] = {
    {"nothing at all", {.last = 3}, "", {0}, ""},
    {"the default is the last two", {0}, "ssss", {0}, "kk--"},
    {"one", {.last = 1}, "sss", {0}, "k--"},
    {"more than there are", {.last = 9}, "sss", {0}, "kkk"},
    {"a mark stays with its save", {.last = 2}, "mssms", {0}, "kkk--"},
    {"an older mark, too", {.last = 2}, "smsms", {0}, "kkk--"},
    {"two marks of one save", {.last = 1}, "mmss", {0}, "kkk-"},
    {"the save of the oldest mark is listed no more", {.last = 2}, "smm", {0}, "kkk"},
    {"a bad one takes no place", {.last = 2}, "sSss", {0}, "k-k-"},
    {"a mark stays without its bad save", {.last = 2}, "smSss", {0}, "kk---"},
    {"a bad mark goes alone", {.last = 1}, "Msss", {0}, "-k--"},
    {"the newest that is good stays", {.last = 1}, "SSss", {0}, "--k-"},
    {"all bad", {.last = 2, .hourly = 2}, "SMS", {0}, "---"},
    {"hours: the newest of each",
     {.hourly = 3},
     "sssssss",
     {0, 1, 59, 60, 61, 125, 240}, /* 12:00, 11:59, 11:01, 11:00, 10:59, 9:55, 8:00 */
     "kk--k--"},
    {"only hours with a save count",
     {.hourly = 3},
     "ssss",
     {0, 60 * 24 * 40, 60 * 24 * 41, 90000},
     "kkk-"},
    {"days are those of UTC",
     {.daily = 2},
     "sssss",
     {0, 12 * 60, 12 * 60 + 1, 36 * 60, 36 * 60 + 1}, /* 12:00, 0:00, 23:59, 0:00, 23:59 */
     "k-k--"},
    {"the union of all",
     {.last = 2, .hourly = 2, .daily = 3},
     "sssssss",
     {0, 1, 2, 61, 24 * 60, 48 * 60,
      72 * 60}, /* 12:00, 11:59, 11:58, 10:59, 12:00 of days before */
     "kk--kk-"},
    {"a mark's own time counts", {.hourly = 1}, "mss", {0, 90, 91}, "kk-"},
    {"a clock that was set back keeps more",
     {.hourly = 4},
     "sssss",
     {100, 0, 10, 100, 300},
     "kkkk-"},
    {"the future is a time like others", {.hourly = 2}, "sss", {-60 * 24 * 365, 0, 1}, "kk-"},
    {"before 1970 as well",
     {.hourly = 2},
     "sss",
     {(int64_t)20000 * 1440 + 720 + 1, (int64_t)20000 * 1440 + 720 + 59,
      (int64_t)20000 * 1440 + 720 + 61},
     "k-k"},
};

static void test_retain__table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const keep_case *this = &cases[i];
        rs_keep_item items[ITEMS_MAX] = {0};
        char got[ITEMS_MAX + 1] = "";
        size_t count = strlen(this->kinds);
        for (size_t j = 0; j < count; j++) {
            char kind = this->kinds[j];
            items[j].is_mark = kind == 'm' || kind == 'M';
            items[j].is_bad = kind == 'S' || kind == 'M';
            items[j].saved_ns = NOON - this->minutes[j] * MINUTE;
            items[j].kept = j % 2; /* is overwritten */
        }
        rs_keep_choose(&this->keep, items, count);
        for (size_t j = 0; j < count; j++)
            got[j] = items[j].kept ? 'k' : '-';
        if (strcmp(got, this->expected) != 0)
            fail_msg("%s: %s instead of %s", this->name, got, this->expected);
    }
}

/* Whatever the times are, the newest good one stays, nothing bad does, and no more than asked for
 * (with the marks aside). */
static void test_retain__rules_hold_for_random_lists(void **state) {
    (void)state;
    seeded random = seeded_start();
    for (int round = 0; round < 20000; round++) {
        rs_keep_item items[ITEMS_MAX] = {0};
        size_t count = seeded_next(&random) % ITEMS_MAX, newest = count, saves = 0, groups = 0;
        rs_keep keep = {.last = (unsigned)(seeded_next(&random) % 5),
                        .hourly = (unsigned)(seeded_next(&random) % 5),
                        .daily = (unsigned)(seeded_next(&random) % 5)};
        for (size_t i = 0; i < count; i++) {
            items[i].is_mark = seeded_next(&random) % 4 == 0;
            items[i].is_bad = seeded_next(&random) % 4 == 0;
            items[i].saved_ns = (int64_t)seeded_next(&random) >> (seeded_next(&random) % 30);
            if (!items[i].is_bad && newest == count) newest = i;
        }
        rs_keep_choose(&keep, items, count);
        bool open = false;
        for (size_t i = 0; i < count; i++) {
            if (items[i].kept) assert_false(items[i].is_bad);
            open = open || items[i].kept;
            if (items[i].is_mark && i + 1 < count) continue;
            groups += open;
            saves++;
            open = false;
        }
        if (newest < count) assert_true(items[newest].kept);
        rs_keep asked = rs_keep_or_default(keep);
        assert_true(groups <= asked.last + asked.hourly + asked.daily);
        assert_true(groups <= saves);
    }
}

static void test_retain__needs_times(void **state) {
    (void)state;
    assert_false(rs_keep_needs_times(&(rs_keep){.last = 5}));
    assert_true(rs_keep_needs_times(&(rs_keep){.hourly = 1}));
    assert_true(rs_keep_needs_times(&(rs_keep){.last = 5, .daily = 1}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retain__table),
        cmocka_unit_test(test_retain__rules_hold_for_random_lists),
        cmocka_unit_test(test_retain__needs_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
