/* Failures: talk on stderr, an object for --json, and the exit code that belongs to a status. */
#include "command.h"

#include <stdarg.h>
#include <string.h>

rc_exit rc_exit_of(resume_status status) {
    switch (status) {
    case RESUME_OK:
        return RC_OK;
    case RESUME_NOT_FOUND:
        return RC_NOT_FOUND;
    case RESUME_LOCKED:
        return RC_LOCKED;
    case RESUME_DAMAGED:
    case RESUME_TRUNCATED:
        return RC_DAMAGED;
    case RESUME_UNTRUSTED:
    case RESUME_UNSAFE_PATH:
        return RC_UNTRUSTED;
    case RESUME_IO:
    case RESUME_NO_SPACE:
    case RESUME_DENIED:
        return RC_IO;
    case RESUME_BAD_NAME:
        return RC_USAGE;
    default:
        return RC_FAILED;
    }
}

rc_exit rc_worse(rc_exit a, rc_exit b) {
    static const int rank[] = {
        [RC_OK] = 0,     [RC_WARNINGS] = 1,  [RC_USAGE] = 2, [RC_NOT_FOUND] = 3, [RC_LOCKED] = 4,
        [RC_FAILED] = 5, [RC_UNTRUSTED] = 6, [RC_IO] = 7,    [RC_DAMAGED] = 8};
    return rank[a] >= rank[b] ? a : b;
}

void rc_say(const char *format, ...) {
    char raw[2048], safe[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(raw, sizeof raw, format, arguments);
    va_end(arguments);
    rc_escape(RC_ESCAPE_TERMINAL, raw, strlen(raw), safe, sizeof safe);
    fflush(stdout); /* so that the order is right where both go to one place */
    fprintf(stderr, "resume: %s\n", safe);
}

static const char *text_of(const rs_error *error) {
    return error->text[0] ? error->text : resume_status_text(error->status);
}

rc_exit rc_report(const rs_error *error) {
    rc_say("%s", text_of(error));
    return rc_exit_of(error->status);
}

rc_exit rc_report_failed(const char *command, bool json, const rs_error *error) {
    rc_exit result = rc_report(error);
    if (!json) return result;
    const char *text = text_of(error);
    json_t *root = rc_json_new(command);
    json_object_set_new(root, "status", json_string(resume_status_name(error->status)));
    json_object_set_new(root, "message", rc_json_text(text, strlen(text)));
    return rc_json_print(root, result);
}
