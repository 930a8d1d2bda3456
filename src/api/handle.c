/* The public handle: opened, looked at, closed. Saves nothing yet: every call says so. */
#include <resume/resume.h>

struct resume {
    int due; /* first: what resume_sync looks at */
};

static const struct resume unfinished = {1};

resume_status resume_open_function(resume **checkpoint, const char *name, const char *function,
                                   const resume_options *options, size_t options_size) {
    (void)name, (void)function, (void)options, (void)options_size;
    *checkpoint = (resume *)&unfinished;
    return RESUME_UNSUPPORTED;
}
resume_status resume_read(resume **checkpoint, const char *path) {
    (void)path;
    *checkpoint = (resume *)&unfinished;
    return RESUME_UNSUPPORTED;
}
resume_status resume_write(resume_writer *writer, const void *bytes, size_t size) {
    (void)writer, (void)bytes, (void)size;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_value_as(resume *checkpoint, const char *name, void *address,
                                      resume_type type) {
    (void)checkpoint, (void)name, (void)address, (void)type;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_array_as(resume *checkpoint, const char *name, void *pointer_address,
                                      resume_type type, void *count_address,
                                      resume_type count_type) {
    (void)checkpoint, (void)name, (void)pointer_address, (void)type, (void)count_address,
        (void)count_type;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_shape_as(resume *checkpoint, const char *name, void *address,
                                      resume_type type, resume_order order, size_t rank,
                                      const size_t *shape) {
    (void)checkpoint, (void)name, (void)address, (void)type, (void)order, (void)rank, (void)shape;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_bytes_as(resume *checkpoint, const char *name, void *address,
                                      size_t size) {
    (void)checkpoint, (void)name, (void)address, (void)size;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_string_as(resume *checkpoint, const char *name, char *text,
                                       size_t size) {
    (void)checkpoint, (void)name, (void)text, (void)size;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_struct_as(resume *checkpoint, const char *name, void *object,
                                       resume_describe describe) {
    (void)checkpoint, (void)name, (void)object, (void)describe;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_structs_as(resume *checkpoint, const char *name, void *pointer_address,
                                        size_t element_size, void *count_address,
                                        resume_type count_type, resume_describe describe) {
    (void)checkpoint, (void)name, (void)pointer_address, (void)element_size, (void)count_address,
        (void)count_type, (void)describe;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_structs_fixed_as(resume *checkpoint, const char *name, void *first,
                                              size_t element_size, size_t count,
                                              resume_describe describe) {
    (void)checkpoint, (void)name, (void)first, (void)element_size, (void)count, (void)describe;
    return RESUME_UNSUPPORTED;
}
resume_status resume_protect_state(resume *checkpoint, const char *name, resume_save_state save,
                                   resume_load_state load, void *object) {
    (void)checkpoint, (void)name, (void)save, (void)load, (void)object;
    return RESUME_UNSUPPORTED;
}
resume_status resume_unprotect_as(resume *checkpoint, const char *name) {
    (void)checkpoint, (void)name;
    return RESUME_UNSUPPORTED;
}
resume_status resume_restore(resume *checkpoint, int *restored) {
    (void)checkpoint;
    if (restored) *restored = 0;
    return RESUME_UNSUPPORTED;
}
resume_status resume_save(resume *checkpoint) {
    (void)checkpoint;
    return RESUME_UNSUPPORTED;
}
resume_status resume_sync_due(resume *checkpoint) {
    (void)checkpoint;
    return RESUME_UNSUPPORTED;
}
resume_status resume_done(resume *checkpoint) {
    (void)checkpoint;
    return RESUME_UNSUPPORTED;
}
resume_status resume_close(resume *checkpoint) {
    (void)checkpoint;
    return RESUME_UNSUPPORTED;
}
void resume_leave(resume *checkpoint) {
    (void)checkpoint;
}
void resume_look_sized(const resume *checkpoint, resume_info *info, size_t info_size) {
    (void)checkpoint, (void)info_size;
    *info = (resume_info){.path = "", .aside = "", .warning = ""};
}
const char *resume_report(const resume *checkpoint, resume_fate fate, size_t index) {
    (void)checkpoint, (void)fate, (void)index;
    return NULL;
}
const char *resume_message(const resume *checkpoint) {
    (void)checkpoint;
    return "the C API is being written";
}
