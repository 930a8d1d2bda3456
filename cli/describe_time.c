/* datetime64 of numpy as text: 2026-11-22T10:30:00. */
#include "describe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define YEARS_MAX INT64_C(1000000) /* further away the bare number is written */
#define DAYS_MAX  (YEARS_MAX * 365)

static void put_year(rc_sink *out, int64_t year) {
    rc_put_format(out, year < 0 ? "-%04" PRId64 : "%04" PRId64, year < 0 ? -year : year);
}

/* Days since 1970 as a date of the Gregorian calendar (after Howard Hinnant's civil_from_days):
 * years begin in March, so that a leap day is the last of one. */
static void put_date(rc_sink *out, int64_t days) {
    int64_t since = days + 719468; /* 0000-03-01 */
    int64_t era = (since >= 0 ? since : since - 146096) / 146097;
    int64_t day_of_era = since - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    month = month < 10 ? month + 3 : month - 9;
    put_year(out, year_of_era + era * 400 + (month <= 2));
    rc_put_format(out, "-%02" PRId64 "-%02" PRId64, month, day + 1);
}

static int64_t floor_divide(int64_t number, int64_t by, int64_t *rest) {
    int64_t quotient = number / by;
    *rest = number % by;
    if (*rest < 0) {
        *rest += by;
        quotient--;
    }
    return quotient;
}

/* Units of a day and less: how many in a day, and the digits behind the seconds. */
static const struct {
    const char *name;
    int64_t per_day;
    int digits;
} units[] = {
    {"D", 1, -3},
    {"h", 24, -2},
    {"m", 1440, -1},
    {"s", 86400, 0},
    {"ms", INT64_C(86400000), 3},
    {"us", INT64_C(86400000000), 6},
    {"ns", INT64_C(86400000000000), 9},
};

static void put_time(rc_sink *out, int64_t rest, int64_t per_day, int digits) {
    int64_t hour, minute, second;
    if (digits == -3) return;
    hour = floor_divide(rest, per_day / 24, &rest);
    rc_put_format(out, "T%02" PRId64, hour);
    if (digits == -2) return;
    minute = floor_divide(rest, per_day / 1440, &rest);
    rc_put_format(out, ":%02" PRId64, minute);
    if (digits == -1) return;
    second = floor_divide(rest, per_day / 86400, &rest);
    rc_put_format(out, ":%02" PRId64, second);
    if (digits > 0) rc_put_format(out, ".%0*" PRId64, digits, rest);
}

void rc_put_datetime(rc_sink *out, int64_t count, const char *unit) {
    char *name;
    int64_t each = *unit >= '0' && *unit <= '9' ? strtoll(unit, &name, 10) : 1, all, rest;
    if (*unit < '0' || *unit > '9') name = (char *)unit;
    if (count == INT64_MIN) {
        rc_put_text(out, "NaT");
        return;
    }
    if (each > 0 && !__builtin_mul_overflow(count, each, &all)) {
        if (strcmp(name, "W") == 0 && all < DAYS_MAX / 7 && all > -DAYS_MAX / 7) {
            put_date(out, 7 * all);
            return;
        }
        bool is_month = strcmp(name, "M") == 0;
        if ((is_month || strcmp(name, "Y") == 0) && all < YEARS_MAX && all > -YEARS_MAX) {
            int64_t year = 1970 + (is_month ? floor_divide(all, 12, &rest) : all);
            put_year(out, year);
            if (is_month) rc_put_format(out, "-%02" PRId64, rest + 1);
            return;
        }
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            if (strcmp(name, units[i].name) != 0) continue;
            int64_t days = floor_divide(all, units[i].per_day, &rest);
            if (days >= DAYS_MAX || days <= -DAYS_MAX) break;
            put_date(out, days);
            put_time(out, rest, units[i].per_day, units[i].digits);
            return;
        }
    }
    rc_put_format(out, *unit ? "%" PRId64 "[%s]" : "%" PRId64, count, unit);
}
