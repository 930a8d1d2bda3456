/* The status codes of resume: one table of number, name and text. Numbers never change.
 *
 * Included by every layer (it is the vocabulary of the whole library), includes nothing of it.
 * docs/errors.md has one entry for each line: what causes it and what to do next. */
#ifndef RESUME_STATUS_H
#define RESUME_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, number, text) */
#define RESUME_STATUS_TABLE(X)                                                                     \
    X(OK, 0, "ok")                                                                                 \
    X(NOT_FOUND, 1, "no such checkpoint")                                                          \
    X(NOT_A_CHECKPOINT, 2, "not a checkpoint of resume")                                           \
    X(LEGACY, 3, "a checkpoint of resume 0.13, a gzipped Python 2 pickle")                         \
    X(UNSUPPORTED, 4, "written by a newer version of resume")                                      \
    X(DAMAGED, 5, "damaged")                                                                       \
    X(TRUNCATED, 6, "truncated")                                                                   \
    X(IO, 7, "input or output error")                                                              \
    X(NO_SPACE, 8, "no space left")                                                                \
    X(DENIED, 9, "permission denied")                                                              \
    X(LOCKED, 10, "in use by another process")                                                     \
    X(UNTRUSTED, 11, "not proven to be yours")                                                     \
    X(NO_MEMORY, 12, "out of memory")                                                              \
    X(LIMIT, 13, "limit exceeded")                                                                 \
    X(MISUSE, 14, "called in a way that is not allowed")                                           \
    X(BAD_NAME, 15, "not a usable checkpoint name")                                                \
    X(UNSAFE_PATH, 16, "unsafe path")                                                              \
    X(EXISTS, 17, "already exists")                                                                \
    X(FORKED, 18, "belongs to the parent process")                                                 \
    X(CODEC, 19, "compression failed")                                                             \
    X(MISMATCH, 20, "does not fit what is saved")

typedef enum resume_status {
#define RESUME_STATUS_ENUM(name, number, text) RESUME_##name = number,
    RESUME_STATUS_TABLE(RESUME_STATUS_ENUM)
#undef RESUME_STATUS_ENUM
} resume_status;

#ifdef __cplusplus
}
#endif
#endif
