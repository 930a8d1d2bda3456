/* Texts and names of the status codes, and the version of the library. */
#include <resume/resume.h>

const char *resume_status_text(resume_status status) {
    switch (status) {
#define RESUME_STATUS_CASE(name, number, text)                                                     \
    case RESUME_##name:                                                                            \
        return text;
        RESUME_STATUS_TABLE(RESUME_STATUS_CASE)
#undef RESUME_STATUS_CASE
    }
    return "unknown status";
}

const char *resume_status_name(resume_status status) {
    switch (status) {
#define RESUME_STATUS_CASE(name, number, text)                                                     \
    case RESUME_##name:                                                                            \
        return "RESUME_" #name;
        RESUME_STATUS_TABLE(RESUME_STATUS_CASE)
#undef RESUME_STATUS_CASE
    }
    return "RESUME_UNKNOWN";
}

const char *resume_version(void) {
    return RESUME_VERSION;
}
