/* Sizes, times, ages and names as people read them. */
#include "command.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)

const char *rc_text_size(uint64_t bytes, char to[RC_TEXT_SIZE]) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(to, RC_TEXT_SIZE, "%" PRIu64 " B", bytes);
        return to;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    for (; value >= 1023.95 && unit < 5; unit++)
        value /= 1024;
    snprintf(to, RC_TEXT_SIZE, "%.1f %s", value, units[unit]);
    return to;
}

const char *rc_text_duration(int64_t ns, char to[RC_TEXT_SIZE]) {
    int64_t s = ns > 0 ? ns / SECOND : 0;
    if (s < 60)
        snprintf(to, RC_TEXT_SIZE, "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(to, RC_TEXT_SIZE, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    else if (s < 48 * 3600)
        snprintf(to, RC_TEXT_SIZE, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(to, RC_TEXT_SIZE, "%" PRId64 " days %" PRId64 " h", s / 86400, s / 3600 % 24);
    return to;
}

const char *rc_text_age(int64_t age_ns, char to[RC_TEXT_SIZE]) {
    int64_t s = age_ns / SECOND;
    if (s < -1)
        snprintf(to, RC_TEXT_SIZE, "in the future");
    else if (s < 60)
        snprintf(to, RC_TEXT_SIZE, "%" PRId64 " s ago", s < 0 ? 0 : s);
    else if (s < 3600)
        snprintf(to, RC_TEXT_SIZE, "%" PRId64 " min ago", s / 60);
    else if (s < 48 * 3600)
        snprintf(to, RC_TEXT_SIZE, "%" PRId64 " h ago", s / 3600);
    else
        snprintf(to, RC_TEXT_SIZE, "%" PRId64 " days ago", s / 86400);
    return to;
}

/* Times come from a file: any number must do. */
const char *rc_text_time(int64_t time_ns, char to[RC_TEXT_SIZE]) {
    time_t seconds = (time_t)(time_ns / SECOND);
    struct tm parts;
    if (time_ns <= 0 || !localtime_r(&seconds, &parts) ||
        strftime(to, RC_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(to, RC_TEXT_SIZE, "unknown");
    return to;
}

const char *rc_text_time_json(int64_t time_ns, char to[RC_TEXT_SIZE]) {
    time_t seconds = (time_t)(time_ns / SECOND);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) ||
        strftime(to, RC_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(to, RC_TEXT_SIZE, "unknown");
    return to;
}

size_t rc_text_name(rc_escape_mode mode, const char *file_name, char *to, size_t to_size) {
    char shown[RS_FILE_NAME_SIZE];
    rs_name_show(file_name, shown);
    return rc_escape(mode, shown, strlen(shown), to, to_size);
}

const char *rc_text_health(rs_health health) {
    return health == RS_HEALTH_GOOD ? "good" : health == RS_HEALTH_TORN ? "torn" : "damaged";
}

const char *rc_text_trust(const char *health, rs_signature signature, char to[RC_TEXT_SIZE]) {
    bool is_own = signature == RS_SIGNED_MINE;
    snprintf(to, RC_TEXT_SIZE, "%s%s%s", health, is_own ? "" : ", ",
             is_own ? "" : rs_signature_text(signature));
    return to;
}
