/* The public C API of resume.
 *
 * This version offers the status codes and their texts; the calls that protect, save and restore
 * the state of a C program come with the next version. */
#ifndef RESUME_RESUME_H
#define RESUME_RESUME_H

#include <resume/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* The short English text of a status, lower case, without a full stop; never NULL.
 * Static storage, any thread. A number that is no status gives "unknown status". */
const char *resume_status_text(resume_status status);

/* The name of a status as written in this header, for example "RESUME_NO_SPACE".
 * Static storage, any thread. A number that is no status gives "RESUME_UNKNOWN". */
const char *resume_status_name(resume_status status);

/* The version of the library, for example "1.0.0". Static storage, any thread. */
const char *resume_version(void);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
