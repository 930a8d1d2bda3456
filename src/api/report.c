/* Lists of names by fate. */
#include "api/report.h"

#include <string.h>

void rs_report_release(rs_report *report) {
    for (int i = 0; i < 3; i++)
        rs_buffer_release(&report->names[i]);
    *report = (rs_report){0};
}

void rs_report_clear(rs_report *report) {
    for (int i = 0; i < 3; i++) {
        rs_buffer_clear(&report->names[i]);
        report->counts[i] = 0;
    }
}

const char *rs_report_name(const rs_report *report, resume_fate fate, size_t index) {
    if ((unsigned)fate > RESUME_UNUSED || index >= report->counts[fate]) return NULL;
    const char *name = (const char *)report->names[fate].bytes;
    for (size_t i = 0; i < index; i++)
        name += strlen(name) + 1;
    return name;
}

/* The last name of the list, which was put there to be compared, is there before, too. */
static bool is_double(const rs_report *report, resume_fate fate, const char *last) {
    for (const char *name = (const char *)report->names[fate].bytes; name < last;
         name += strlen(name) + 1)
        if (strcmp(name, last) == 0) return true;
    return false;
}

void rs_report_add(rs_report *report, resume_fate fate, const char *prefix, const char *name,
                   size_t name_size, bool once) {
    rs_buffer *names = &report->names[fate];
    size_t before = names->size;
    if (names->failed || (once && report->counts[fate] >= RS_REPORT_FIELDS_MAX)) return;
    rs_buffer_append(names, prefix, strlen(prefix));
    rs_buffer_append(names, name, name_size);
    rs_buffer_append_zeros(names, 1);
    /* a name from a file may have a NUL: what is behind it is not shown */
    size_t shown = names->failed ? 0 : strlen((const char *)names->bytes + before) + 1;
    if (names->failed || (once && is_double(report, fate, (const char *)names->bytes + before))) {
        names->size = before;
        return;
    }
    names->size = before + shown;
    report->counts[fate]++;
}
