/* The os table that fails on demand. */
#include "fault_os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static fault_os *fault_of(const rs_os *os) {
    return os->context;
}

static void keep_end(char to[64], const char *path) {
    size_t size = path == NULL ? 0 : strlen(path);
    snprintf(to, 64, "%s", path == NULL ? "" : size < 64 ? path : path + size - 63);
}

/* Counts and logs a call; the answer is what to do with it. */
static fault_mode begin(fault_os *fault, fault_call call, int fd, const char *path, uint64_t offset,
                        uint64_t size) {
    fault->calls[call]++;
    bool is_hooked = fault->hook.calls == 0 || (fault->hook.calls & FAULT_BIT(call)) != 0;
    if (fault->hook.left > 0 && is_hooked && --fault->hook.left == 0)
        fault->hook.act(fault->hook.context);
    fault_mode mode = FAULT_NOTHING;
    bool counts = fault->plan.calls == 0 || (fault->plan.calls & FAULT_BIT(call)) != 0;
    if (counts) fault->matched++;
    bool is_planned = counts && fault->plan.nth > 0 &&
                      (fault->plan.for_ever ? fault->matched >= fault->plan.nth
                                            : fault->matched == fault->plan.nth);
    if (is_planned) mode = fault->plan.mode;
    bool can_be_short = call == FAULT_READ || call == FAULT_WRITE || call == FAULT_COPY;
    bool is_short =
        mode == FAULT_SHORT_ONE || mode == FAULT_SHORT_BUT_ONE || mode == FAULT_SHORT_ZERO;
    if (is_short && !can_be_short) mode = FAULT_NOTHING;
    if (mode == FAULT_CUT) fault->is_cut = true;
    if (fault->is_cut) mode = FAULT_CUT;
    if (mode != FAULT_NOTHING) fault->struck++;
    if (fault->log_count < FAULT_LOG_MAX) {
        fault_entry *entry = &fault->log[fault->log_count];
        *entry = (fault_entry){.call = call,
                               .struck = mode != FAULT_NOTHING,
                               .fd = fd,
                               .offset = offset,
                               .size = size};
        keep_end(entry->path, path);
    }
    fault->log_count++;
    if (mode != FAULT_ACT) return mode;
    fault->plan.act(fault->plan.context);
    return FAULT_NOTHING;
}

static int64_t end(fault_os *fault, int64_t answer) {
    if (fault->log_count <= FAULT_LOG_MAX) fault->log[fault->log_count - 1].answer = answer;
    return answer;
}

/* For calls without a count: runs `call` unless it is to fail. */
#define PASS(fault, mode, call)                                                                    \
    do {                                                                                           \
        if ((mode) == FAULT_CUT) return (int)end(fault, -EIO);                                     \
        if ((mode) == FAULT_FAIL) return (int)end(fault, -(fault)->plan.os_code);                  \
        int answer = (call);                                                                       \
        if ((mode) == FAULT_DO_AND_FAIL) answer = -(fault)->plan.os_code;                          \
        return (int)end(fault, answer);                                                            \
    } while (0)

static void book_open(fault_os *fault, int fd, const char *path) {
    if (fault->open_count < FAULT_OPEN_MAX) {
        fault->open[fault->open_count].fd = fd;
        keep_end(fault->open[fault->open_count].path, path);
    }
    fault->open_count++;
}

static void book_close(fault_os *fault, int fd) {
    for (size_t i = 0; i < fault->open_count && i < FAULT_OPEN_MAX; i++) {
        if (fault->open[i].fd != fd) continue;
        fault->open_count--;
        if (fault->open_count < FAULT_OPEN_MAX) fault->open[i] = fault->open[fault->open_count];
        return;
    }
    fprintf(stderr, "fault_os: descriptor %d is closed and was not open\n", fd);
}

static int fault_open(const rs_os *os, int folder, const char *path, unsigned flags,
                      unsigned mode) {
    fault_os *fault = fault_of(os);
    fault_mode what = begin(fault, FAULT_OPEN, folder, path, flags, mode);
    if (what == FAULT_CUT) return (int)end(fault, -EIO);
    if (what == FAULT_FAIL) return (int)end(fault, -fault->plan.os_code);
    int fd = fault->real->open(fault->real, folder, path, flags, mode);
    if (what == FAULT_DO_AND_FAIL) { /* the file may have been made; nobody has the descriptor */
        if (fd >= 0) fault->real->close(fault->real, fd);
        fd = -fault->plan.os_code;
    }
    if (fd >= 0) book_open(fault, fd, path);
    return (int)end(fault, fd);
}

static int fault_close(const rs_os *os, int fd) {
    fault_os *fault = fault_of(os);
    fault_mode what = begin(fault, FAULT_CLOSE, fd, NULL, 0, 0);
    int answer = fault->real->close(fault->real, fd);
    book_close(fault, fd);
    if (what == FAULT_CUT) answer = -EIO;
    if (what == FAULT_FAIL || what == FAULT_DO_AND_FAIL) answer = -fault->plan.os_code;
    return (int)end(fault, answer);
}

/* How many bytes a short call is to take. */
static uint64_t shortened(fault_mode mode, uint64_t size) {
    if (mode == FAULT_SHORT_ONE) return size > 1 ? 1 : size;
    if (mode == FAULT_SHORT_BUT_ONE) return size > 1 ? size - 1 : size;
    return size;
}

/* The answer of a call that fails or takes nothing; false when it is to be done. */
static bool refuses(const fault_os *fault, fault_mode mode, int64_t *answer) {
    *answer = mode == FAULT_CUT ? -EIO : mode == FAULT_FAIL ? -fault->plan.os_code : 0;
    return mode == FAULT_CUT || mode == FAULT_FAIL || mode == FAULT_SHORT_ZERO;
}

static int64_t fault_read(const rs_os *os, int fd, void *to, size_t size, uint64_t offset) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_READ, fd, NULL, offset, size);
    int64_t answer;
    if (refuses(fault, mode, &answer)) return end(fault, answer);
    answer = fault->real->read(fault->real, fd, to, (size_t)shortened(mode, size), offset);
    if (mode == FAULT_DO_AND_FAIL) answer = -fault->plan.os_code;
    return end(fault, answer);
}

static int64_t fault_write(const rs_os *os, int fd, const rs_slice *parts, size_t count,
                           uint64_t offset) {
    fault_os *fault = fault_of(os);
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    fault_mode mode = begin(fault, FAULT_WRITE, fd, NULL, offset, size);
    int64_t answer;
    if (refuses(fault, mode, &answer)) return end(fault, answer);

    rs_slice some[1024];
    uint64_t room = shortened(mode, size);
    size_t filled = 0;
    for (; filled < count && filled < 1024 && room > 0; filled++) {
        some[filled] = parts[filled];
        if (some[filled].size > room) some[filled].size = (size_t)room;
        room -= some[filled].size;
    }
    answer = fault->real->write(fault->real, fd, some, filled, offset);
    if (mode == FAULT_DO_AND_FAIL) answer = -fault->plan.os_code;
    return end(fault, answer);
}

static int64_t fault_copy(const rs_os *os, int from, uint64_t from_offset, int to,
                          uint64_t to_offset, uint64_t size) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_COPY, to, NULL, to_offset, size);
    int64_t answer;
    if (refuses(fault, mode, &answer)) return end(fault, answer);
    answer =
        fault->real->copy(fault->real, from, from_offset, to, to_offset, shortened(mode, size));
    if (mode == FAULT_DO_AND_FAIL) answer = -fault->plan.os_code;
    return end(fault, answer);
}

static int fault_sync_data(const rs_os *os, int fd) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_SYNC_DATA, fd, NULL, 0, 0);
    PASS(fault, mode, fault->real->sync_data(fault->real, fd));
}

static int fault_sync(const rs_os *os, int fd) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_SYNC, fd, NULL, 0, 0);
    PASS(fault, mode, fault->real->sync(fault->real, fd));
}

static int fault_truncate(const rs_os *os, int fd, uint64_t size) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_TRUNCATE, fd, NULL, 0, size);
    PASS(fault, mode, fault->real->truncate(fault->real, fd, size));
}

static int fault_reserve(const rs_os *os, int fd, uint64_t offset, uint64_t size) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_RESERVE, fd, NULL, offset, size);
    PASS(fault, mode, fault->real->reserve(fault->real, fd, offset, size));
}

static int fault_start_writing(const rs_os *os, int fd, uint64_t offset, uint64_t size) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_START_WRITING, fd, NULL, offset, size);
    PASS(fault, mode, fault->real->start_writing(fault->real, fd, offset, size));
}

static int fault_info(const rs_os *os, int fd, rs_file_info *info) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_INFO, fd, NULL, 0, 0);
    PASS(fault, mode, fault->real->info(fault->real, fd, info));
}

static int fault_info_at(const rs_os *os, int folder, const char *path, rs_file_info *info) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_INFO_AT, folder, path, 0, 0);
    PASS(fault, mode, fault->real->info_at(fault->real, folder, path, info));
}

static int fault_make_folder(const rs_os *os, int folder, const char *path, unsigned permissions) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_MAKE_FOLDER, folder, path, 0, permissions);
    PASS(fault, mode, fault->real->make_folder(fault->real, folder, path, permissions));
}

static int fault_set_mode(const rs_os *os, int fd, unsigned permissions) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_SET_MODE, fd, NULL, 0, permissions);
    PASS(fault, mode, fault->real->set_mode(fault->real, fd, permissions));
}

static int fault_rename(const rs_os *os, int folder, const char *from, const char *to,
                        bool replace) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_RENAME, folder, to, 0, 0);
    PASS(fault, mode, fault->real->rename(fault->real, folder, from, to, replace));
}

static int fault_link(const rs_os *os, int folder, const char *from, const char *to) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_LINK, folder, to, 0, 0);
    PASS(fault, mode, fault->real->link(fault->real, folder, from, to));
}

static int fault_remove(const rs_os *os, int folder, const char *path) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_REMOVE, folder, path, 0, 0);
    PASS(fault, mode, fault->real->remove(fault->real, folder, path));
}

static int fault_remove_folder(const rs_os *os, int folder, const char *path) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_REMOVE_FOLDER, folder, path, 0, 0);
    PASS(fault, mode, fault->real->remove_folder(fault->real, folder, path));
}

static int fault_list(const rs_os *os, int folder, int (*visit)(void *context, const char *name),
                      void *context) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_LIST, folder, NULL, 0, 0);
    PASS(fault, mode, fault->real->list(fault->real, folder, visit, context));
}

static int fault_lock(const rs_os *os, int fd) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_LOCK, fd, NULL, 0, 0);
    PASS(fault, mode, fault->real->lock(fault->real, fd));
}

static int fault_free_bytes(const rs_os *os, int fd, uint64_t *free_bytes) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_FREE_BYTES, fd, NULL, 0, 0);
    PASS(fault, mode, fault->real->free_bytes(fault->real, fd, free_bytes));
}

static int fault_working_folder(const rs_os *os, char *path, size_t size) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_WORKING_FOLDER, RS_WORKING_FOLDER, NULL, 0, size);
    PASS(fault, mode, fault->real->working_folder(fault->real, path, size));
}

static int fault_random(const rs_os *os, void *to, size_t size) {
    fault_os *fault = fault_of(os);
    fault_mode mode = begin(fault, FAULT_RANDOM, -1, NULL, 0, size);
    PASS(fault, mode, fault->real->random(fault->real, to, size));
}

static void fault_unlock(const rs_os *os, int fd) {
    fault_of(os)->real->unlock(fault_of(os)->real, fd);
}

static int64_t fault_clock_ns(const rs_os *os) {
    return fault_of(os)->real->clock_ns(fault_of(os)->real);
}

static int64_t fault_monotonic_ns(const rs_os *os) {
    return fault_of(os)->real->monotonic_ns(fault_of(os)->real);
}

static int fault_process(const rs_os *os, rs_process *process) {
    return fault_of(os)->real->process(fault_of(os)->real, process);
}

static int64_t fault_pid(const rs_os *os) {
    return fault_of(os)->real->pid(fault_of(os)->real);
}

static uint32_t fault_user(const rs_os *os) {
    return fault_of(os)->real->user(fault_of(os)->real);
}

static int fault_is_in_place(const rs_os *os, int fd) {
    return fault_of(os)->real->is_in_place(fault_of(os)->real, fd);
}

static int fault_is_passing(const rs_os *os, int fd) {
    return fault_of(os)->real->is_passing(fault_of(os)->real, fd);
}

void fault_os_init(fault_os *fault, const rs_os *real) {
    memset(fault, 0, sizeof *fault);
    fault->real = real;
    fault->os = (rs_os){
        .context = fault,
#define FAULT_FIELD(upper, lower) .lower = fault_##lower,
        FAULT_CALLS(FAULT_FIELD)
#undef FAULT_FIELD
            .unlock = fault_unlock,
        .is_passing = fault_is_passing,
        .is_in_place = fault_is_in_place,
        .clock_ns = fault_clock_ns,
        .monotonic_ns = fault_monotonic_ns,
        .process = fault_process,
        .pid = fault_pid,
        .user = fault_user,
    };
}

void fault_os_plan(fault_os *fault, fault_plan plan) {
    fault->plan = plan;
    fault->matched = 0;
    fault->struck = 0;
    fault->is_cut = false;
    memset(fault->calls, 0, sizeof fault->calls);
    fault->log_count = 0;
}

void fault_os_hook(fault_os *fault, unsigned calls, long nth, void (*act)(void *context),
                   void *context) {
    fault->hook.act = act;
    fault->hook.context = context;
    fault->hook.calls = calls;
    fault->hook.left = nth;
}

bool fault_os_hook_waits(const fault_os *fault) {
    return fault->hook.left > 0;
}

bool fault_os_struck(const fault_os *fault) {
    return fault->struck > 0;
}

long fault_os_calls(const fault_os *fault) {
    long sum = 0;
    for (int i = 0; i < FAULT_CALL_COUNT; i++)
        sum += fault->calls[i];
    return sum;
}

size_t fault_os_open_count(const fault_os *fault) {
    return fault->open_count;
}

const char *fault_call_name(fault_call call) {
    static const char *const names[] = {
#define FAULT_NAME(upper, lower) #lower,
        FAULT_CALLS(FAULT_NAME)
#undef FAULT_NAME
    };
    return names[call];
}

void fault_os_print(const fault_os *fault) {
    for (size_t i = 0; i < fault->log_count && i < FAULT_LOG_MAX; i++) {
        const fault_entry *entry = &fault->log[i];
        fprintf(stderr, "%4zu %s%-14s fd %d offset %llu size %llu '%s' -> %lld\n", i + 1,
                entry->struck ? "! " : "  ", fault_call_name(entry->call), entry->fd,
                (unsigned long long)entry->offset, (unsigned long long)entry->size, entry->path,
                (long long)entry->answer);
    }
    for (size_t i = 0; i < fault->open_count && i < FAULT_OPEN_MAX; i++)
        fprintf(stderr, "open: descriptor %d '%s'\n", fault->open[i].fd, fault->open[i].path);
}
