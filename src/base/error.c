/* Recording what failed: status, errno, offset and a text. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Names from outside may hold anything: a control character (of ASCII, or U+0080 to U+009F in
 * UTF-8) must not reach a terminal. */
static void make_printable(char *text) {
    for (unsigned char *at = (unsigned char *)text; *at != 0; at++) {
        if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
            *at++ = '?';
            *at = '?';
        }
        if (*at < ' ' || *at == 0x7f) *at = '?';
    }
}

/* By way of a local text, since an argument may point into error->text. */
static void record(rs_error *error, resume_status status, int os_code, uint64_t offset,
                   const char *format, va_list arguments) RS_PRINTF(5, 0);
static void record(rs_error *error, resume_status status, int os_code, uint64_t offset,
                   const char *format, va_list arguments) {
    char text[sizeof error->text];
    if (vsnprintf(text, sizeof text, format, arguments) < 0) text[0] = 0;
    make_printable(text);
    error->status = status;
    error->os_code = os_code;
    error->offset = offset;
    memcpy(error->text, text, strlen(text) + 1);
}

resume_status rs_fail(rs_error *error, resume_status status, const char *format, ...) {
    if (!error) return status;
    va_list arguments;
    va_start(arguments, format);
    record(error, status, 0, RS_NO_OFFSET, format, arguments);
    va_end(arguments);
    return status;
}

resume_status rs_fail_at(rs_error *error, resume_status status, int os_code, uint64_t offset,
                         const char *format, ...) {
    if (!error) return status;
    va_list arguments;
    va_start(arguments, format);
    record(error, status, os_code, offset, format, arguments);
    va_end(arguments);
    return status;
}

void rs_error_prefix(rs_error *error, const char *format, ...) {
    if (!error || error->status == RESUME_OK) return;
    char text[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (written < 0) return;
    make_printable(text);
    size_t used = strlen(text);
    size_t room = sizeof text - used;
    const char *parts[] = {": ", error->text};
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(parts[i]);
        if (size >= room) size = room - 1;
        memcpy(text + used, parts[i], size);
        used += size;
        room -= size;
    }
    text[used] = 0;
    memcpy(error->text, text, used + 1);
}

void rs_error_omit(rs_error *error, const char *name) {
    size_t size = strlen(name);
    for (char *at = error->text; (at = strchr(at, '\'')); at++) {
        if (strncmp(at + 1, name, size) != 0 || at[size + 1] != '\'') continue;
        char *rest = at + size + 2;
        if (strncmp(rest, ": ", 2) != 0 && strncmp(rest, ", ", 2) != 0) continue;
        memmove(at, rest + 2, strlen(rest + 2) + 1);
        return;
    }
}

void rs_error_clear(rs_error *error) {
    if (!error) return;
    error->status = RESUME_OK;
    error->os_code = 0;
    error->offset = RS_NO_OFFSET;
    error->text[0] = 0;
}
