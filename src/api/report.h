/* What became of variables in a restore: names by fate. */
#ifndef RS_API_REPORT_H
#define RS_API_REPORT_H

#include "base/buffer.h"

#include <resume/resume.h>

#include <stdbool.h>

typedef struct rs_report {
    rs_buffer names[3]; /* by fate, each ends with a zero */
    size_t counts[3];
} rs_report; /* zero-initialised: empty */

/* Names of one fate beyond this many are only counted among the fields of arrays of structs. */
#define RS_REPORT_FIELDS_MAX 100u

void rs_report_release(rs_report *report);
void rs_report_clear(rs_report *report);
/* `prefix` and `name` together; `once`: not if it is there already. Without memory it is dropped.
 */
void rs_report_add(rs_report *report, resume_fate fate, const char *prefix, const char *name,
                   size_t name_size, bool once);
const char *rs_report_name(const rs_report *report, resume_fate fate, size_t index);
#endif
