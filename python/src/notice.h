/* What the user hears: exceptions, warnings, log records and lines on a terminal. */
#ifndef RP_NOTICE_H
#define RP_NOTICE_H

#include "module.h"

/* Raises `type` with a text; attributes status and errno are 0 of this number. Always -1. */
int rp_raise_text(PyObject *type, resume_status status, const char *format, ...);
/* One line on stderr when it is a terminal or a notebook that somebody reads, and RESUME_QUIET is
 * not 1, and a log record of level INFO. Never fails. */
void rp_notice(const char *format, ...);
/* The current exception becomes a warning that begins with `what` (in a finalizer: nobody can catch
 * it). Nothing is raised afterwards. */
void rp_warn_of_exception(rp_module_state *state, const char *what);
/* "14:03:07" for today, "Friday 18:20" for the last six days, else "2026-11-22 14:03": local time,
 * new reference. */
PyObject *rp_time_text(int64_t ns_since_1970);
#endif
