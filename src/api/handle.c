/* The handle itself: errors, warnings, and the fields of structs. */
#include "api/handle.h"

#include "base/alloc.h"

#include <string.h>

_Static_assert(offsetof(struct resume, due) == 0 && sizeof(atomic_int) == sizeof(int),
               "resume_sync reads the first int of the handle");

resume_status rs_handle_failed(resume *checkpoint, resume_status status) {
    if (status && !checkpoint->is_constant) checkpoint->error.status = status;
    return status;
}

resume_status rs_handle_check(resume *checkpoint, const char *what) {
    if (checkpoint->sticky) return checkpoint->sticky;
    if (!checkpoint->is_busy) return RESUME_OK;
    return rs_handle_failed(checkpoint,
                            rs_fail(&checkpoint->error, RESUME_MISUSE,
                                    "%s: inside a callback the checkpoint can't be used; fields "
                                    "are named on the handle that the callback is given",
                                    what));
}

void rs_handle_warn(resume *checkpoint, const char *text) {
    rs_buffer *warning = &checkpoint->warning;
    if (!text || !*text || checkpoint->is_constant) return;
    if (warning->size) warning->bytes[warning->size - 1] = '\n';
    size_t before = warning->size;
    rs_buffer_append(warning, text, strlen(text) + 1);
    if (!warning->failed) return;
    warning->failed = false;
    warning->size = before;
    if (before) warning->bytes[before - 1] = 0;
}

static resume *fields_of(resume *owner) {
    if (!owner->fields && (owner->fields = rs_allocate_zeroed(1, sizeof *owner))) {
        owner->fields->kind = RS_HANDLE_FIELDS;
        owner->fields->scope.is_fields = true;
        owner->fields->depth = owner->depth + 1;
    }
    return owner->fields;
}

resume_status rs_handle_describe(resume *owner, resume_describe describe, void *object,
                                 rs_error *error) {
    if (owner->depth == RS_STRUCTS_DEEP_MAX)
        return rs_fail(error, RESUME_LIMIT, "structs in structs more than %u deep",
                       RS_STRUCTS_DEEP_MAX);
    resume *fields = fields_of(owner);
    if (!fields) return rs_fail(error, RESUME_NO_MEMORY, "no memory for the fields of a struct");
    rs_scope_begin(&fields->scope);
    fields->sticky = RESUME_OK;
    describe(fields, object);
    if (!fields->sticky) return RESUME_OK;
    return rs_fail(error, fields->sticky, "the fields of a struct: %s", fields->error.text);
}

const char *resume_message(const resume *checkpoint) {
    return checkpoint->error.text;
}

const char *resume_report(const resume *checkpoint, resume_fate fate, size_t index) {
    return rs_report_name(&checkpoint->report, fate, index);
}

void resume_look_sized(const resume *checkpoint, resume_info *info, size_t info_size) {
    resume_info full = checkpoint->info;
    full.path = checkpoint->path ? checkpoint->path : "";
    full.aside = checkpoint->aside;
    full.warning = checkpoint->warning.size ? (const char *)checkpoint->warning.bytes : "";
    memset(info, 0, info_size);
    memcpy(info, &full, info_size < sizeof full ? info_size : sizeof full);
}
