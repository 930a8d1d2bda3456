/* An os table around another one: counts and logs the calls, makes the n-th fail or fall short, and
 * keeps book of open descriptors. One thread. It allocates nothing.
 *
 *   static fault_os fault;
 *   fault_os_init(&fault, rs_os_linux());
 *   for (long n = 1;; n++) {
 *       fault_os_plan(&fault, (fault_plan){.nth = n, .mode = FAULT_FAIL, .os_code = EIO});
 *       status = save(&fault.os, ...);
 *       if (!fault_os_struck(&fault)) break;
 *       ...
 *   }
 *   assert_int_equal(fault_os_open_count(&fault), 0); */
#ifndef SUPPORT_FAULT_OS_H
#define SUPPORT_FAULT_OS_H

#include "os/os.h"

/* The calls that are counted, in the order of the table. unlock, clock_ns, monotonic_ns, process,
 * pid and user can't fail and are passed on uncounted. */
#define FAULT_CALLS(X)                                                                             \
    X(OPEN, open)                                                                                  \
    X(CLOSE, close)                                                                                \
    X(READ, read)                                                                                  \
    X(WRITE, write)                                                                                \
    X(SYNC_DATA, sync_data)                                                                        \
    X(SYNC, sync)                                                                                  \
    X(TRUNCATE, truncate)                                                                          \
    X(RESERVE, reserve)                                                                            \
    X(START_WRITING, start_writing)                                                                \
    X(COPY, copy)                                                                                  \
    X(INFO, info)                                                                                  \
    X(INFO_AT, info_at)                                                                            \
    X(MAKE_FOLDER, make_folder)                                                                    \
    X(SET_MODE, set_mode)                                                                          \
    X(RENAME, rename)                                                                              \
    X(LINK, link)                                                                                  \
    X(REMOVE, remove)                                                                              \
    X(REMOVE_FOLDER, remove_folder)                                                                \
    X(LIST, list)                                                                                  \
    X(LOCK, lock)                                                                                  \
    X(FREE_BYTES, free_bytes)                                                                      \
    X(WORKING_FOLDER, working_folder)                                                              \
    X(RANDOM, random)

typedef enum fault_call {
#define FAULT_ENUM(upper, lower) FAULT_##upper,
    FAULT_CALLS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_CALL_COUNT
} fault_call;

#define FAULT_BIT(call) (1u << (call))

typedef enum fault_mode {
    FAULT_NOTHING,
    FAULT_FAIL,        /* fails with os_code and does nothing (but close: that closes, as Linux) */
    FAULT_DO_AND_FAIL, /* is done, and reported as failed */
    FAULT_SHORT_ONE,   /* read, write, copy: one byte; other calls are not touched */
    FAULT_SHORT_BUT_ONE, /* read, write, copy: all but one byte (at least one) */
    FAULT_SHORT_ZERO,    /* read, write, copy: answer 0 and do nothing */
    FAULT_ACT,           /* plan.act is called before it; then it is done as always */
    FAULT_CUT,           /* this and every later call fails with EIO, as after a crash; descriptors
                            are still closed by close */
} fault_mode;

typedef struct fault_plan {
    long nth; /* 1: the next call that counts; 0: none */
    fault_mode mode;
    int os_code;                /* positive errno for the modes that fail */
    bool for_ever;              /* the n-th and all later ones that count */
    unsigned calls;             /* FAULT_BIT(...) | ...: which calls count; 0: all */
    void (*act)(void *context); /* what somebody else does at this moment */
    void *context;
} fault_plan;

typedef struct fault_entry {
    fault_call call;
    bool struck; /* by the plan */
    int fd;      /* or folder; the answer of open is in `answer` */
    uint64_t offset, size;
    int64_t answer;
    char path[64]; /* the end of it; of a rename the new name */
} fault_entry;

#define FAULT_LOG_MAX  2048
#define FAULT_OPEN_MAX 64

typedef struct fault_os {
    rs_os os; /* what the tested code is given */
    const rs_os *real;
    fault_plan plan;
    long matched; /* calls that count since fault_os_plan */
    long struck;  /* calls changed by the plan since fault_os_plan */
    bool is_cut;
    long calls[FAULT_CALL_COUNT]; /* since fault_os_plan */
    fault_entry log[FAULT_LOG_MAX];
    size_t log_count; /* entries beyond FAULT_LOG_MAX are dropped */
    struct {
        int fd;
        char path[64];
    } open[FAULT_OPEN_MAX];
    size_t open_count;
    struct {
        void (*act)(void *context);
        void *context;
        unsigned calls;
        long left;
    } hook;
} fault_os;

void fault_os_init(fault_os *fault, const rs_os *real);
/* Sets what goes wrong from now on, and begins counts and log anew. Open descriptors stay booked.
 */
void fault_os_plan(fault_os *fault, fault_plan plan);
/* Before the `nth` call of these kinds (0: all) from now on, `act` runs once: what another process
 * does just then. It uses another os table. */
void fault_os_hook(fault_os *fault, unsigned calls, long nth, void (*act)(void *context),
                   void *context);
/* That has not happened yet. */
bool fault_os_hook_waits(const fault_os *fault);
/* The plan has changed at least one call: a loop over `nth` ends when it has not. */
bool fault_os_struck(const fault_os *fault);
/* All counted calls since fault_os_plan. */
long fault_os_calls(const fault_os *fault);
/* Descriptors opened and not closed yet. Those closed by a fork handler of a child, or by the test
 * itself, are not seen. */
size_t fault_os_open_count(const fault_os *fault);
/* Log and open descriptors to stderr, to find out why a test failed. */
void fault_os_print(const fault_os *fault);
const char *fault_call_name(fault_call call);
#endif
