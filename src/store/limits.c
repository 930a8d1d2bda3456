/* What a file may ask for: a few bytes of a hostile one can declare a state of any size. */
#include "store/file_internal.h"

#include "base/arith.h"

#include <inttypes.h>

/* Between two questions for memory; Linux gives memory that it has not. */
#define UNASKED_SIZE (UINT64_C(1) << 30)
/* Of a file of another user: this much, or so many times its own size. */
#define FOREIGN_SIZE   (UINT64_C(1) << 30)
#define FOREIGN_FACTOR 4u

resume_status rs_check_foreign(const rs_state *state, uint64_t size, rs_error *error) {
    const rs_file *file = state->file;
    uint64_t limit = rs_maximum(FOREIGN_SIZE, FOREIGN_FACTOR * file->size);
    if (!rs_state_is_foreign(state) || size <= limit) return RESUME_OK;
    bool has_key = rs_file_key(file) != NULL;
    return rs_fail(error, RESUME_LIMIT,
                   "'%s' %s, and its state takes %" PRIu64 " bytes, more than %" PRIu64
                   " that are allowed for its size; %s if you trust it",
                   file->path, has_key ? "is not proven to be yours" : "belongs to another user",
                   size, limit, has_key ? "'resume trust' the file" : "copy the file");
}

/* The number behind `key` in /proc/meminfo, in bytes; UINT64_MAX when it does not say. */
static uint64_t memory_line(const char *text, const char *key) {
    const char *at = strstr(text, key);
    uint64_t kibibytes = 0;
    if (!at) return UINT64_MAX;
    for (at += strlen(key); *at == ' '; at++) {
    }
    for (; *at >= '0' && *at <= '9' && kibibytes < UINT64_MAX >> 20; at++)
        kibibytes = kibibytes * 10 + (uint64_t)(*at - '0');
    return kibibytes << 10;
}

static resume_status ask_for_memory(const rs_file *file, uint64_t size, rs_error *error) {
    char text[4096];
    int fd;
    if (rs_fd_open(file->os, RS_WORKING_FOLDER, "/proc/meminfo", RS_OPEN_READ, 0, &fd, NULL))
        return RESUME_OK;
    int64_t got = file->os->read(file->os, fd, text, sizeof text - 1, 0);
    rs_fd_close(file->os, &fd);
    if (got <= 0) return RESUME_OK;
    text[got] = 0;
    uint64_t available = memory_line(text, "MemAvailable:"), swap = memory_line(text, "SwapFree:");
    if (available == UINT64_MAX || swap == UINT64_MAX || size <= available + swap) return RESUME_OK;
    return rs_fail(error, RESUME_NO_MEMORY,
                   "no memory for the state in '%s': a part of it takes %" PRIu64 " bytes, %" PRIu64
                   " are available",
                   file->path, size, available + swap);
}

resume_status rs_state_claim(rs_state *state, uint64_t size, rs_error *error) {
    if (rs_add_overflows(state->claimed, size, &state->claimed)) state->claimed = UINT64_MAX;
    resume_status status = rs_check_foreign(state, state->claimed, error);
    if (status) return status;
    /* what was claimed before is in use by now, and counted by the system itself */
    if (state->claimed - state->asked <= UNASKED_SIZE) return RESUME_OK;
    state->asked = state->claimed;
    return ask_for_memory(state->file, size, error);
}
