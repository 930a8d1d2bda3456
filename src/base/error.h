/* What failed: a status with the detail that only the place of the failure knows. */
#ifndef RS_BASE_ERROR_H
#define RS_BASE_ERROR_H

#include <resume/status.h>

#include <stdarg.h>
#include <stdint.h>

#define RS_NO_OFFSET UINT64_MAX

/* Filled where the failure is seen; the caller owns it. Zero-initialised it means "no error". */
typedef struct rs_error {
    resume_status status;
    int os_code;     /* errno of the system call, 0 when there was none */
    uint64_t offset; /* byte offset in the file, RS_NO_OFFSET when it does not apply */
    char text[1024]; /* lower case, no full stop, what failed first, names in single quotes */
} rs_error;

#if defined(__GNUC__)
#define RS_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define RS_PRINTF(at, first)
#endif

/* Records a failure and returns `status`, so that `return rs_fail(error, RESUME_IO, ...)` reads
 * well. `error` may be NULL. An error that is already recorded is replaced. Text that is too long
 * is cut, and control characters become "?". */
resume_status rs_fail(rs_error *error, resume_status status, const char *format, ...)
    RS_PRINTF(3, 4);

/* The same, with errno and a byte offset (RS_NO_OFFSET for none). */
resume_status rs_fail_at(rs_error *error, resume_status status, int os_code, uint64_t offset,
                         const char *format, ...) RS_PRINTF(5, 6);

/* Puts `prefix: ` before the text of a recorded error: what the caller was doing. */
void rs_error_prefix(rs_error *error, const char *format, ...) RS_PRINTF(2, 3);

/* Takes `name`, quoted and with what joins it to the rest, out of the text, for a message that has
 * it already. */
void rs_error_omit(rs_error *error, const char *name);

/* Forgets a recorded error. */
void rs_error_clear(rs_error *error);

#endif
