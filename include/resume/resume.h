/* The public C API of resume: a computation saves its variables and goes on after being killed.
 *
 *     resume *ck;
 *     resume_open(&ck, NULL, NULL);                 // named after the program and the function
 *     int64_t candidate = 2;
 *     double *field = NULL;
 *     size_t field_count = 0;
 *     resume_protect(ck, candidate);                // name and type from the variable
 *     resume_protect_array(ck, field, field_count); // memory of malloc that may grow
 *     int restored;
 *     if (resume_restore(ck, &restored))            // tells errors of the lines above, too
 *         die(resume_message(ck));
 *     while (...) {
 *         ...
 *         resume_sync(ck);                          // a load and a branch when no save is due
 *     }
 *     resume_close(ck);
 *
 * Rules for every call
 *   Status     RESUME_OK, which is 0, or another number of resume/status.h; resume_message has the
 *              details. docs/errors.md says what causes each and what to do.
 *   Sticky     An error of resume_open, resume_protect* or resume_unprotect stays: later ones of
 *              these do nothing and return it, and so do resume_restore, resume_sync, resume_save
 *              and resume_done. So one check, of resume_restore, is enough for all of them.
 *   Failure    What was saved before is untouched, and variables keep their values. A save or
 *              restore that failed may be tried again on the same handle.
 *   Threads    A handle is used by one thread at a time. Different handles are independent of each
 *              other. The library's own thread, a timer, blocks all signals.
 *   Forks      A handle belongs to the process that opened it. In a child resume_save, resume_sync
 *              and resume_done return RESUME_FORKED and write nothing; resume_leave frees.
 *   Never      No output, exit, abort, signal handler, errno or mutable global state (but a list of
 *              what forked children must not inherit).
 *   Ownership  Pointers are borrowed for the call, but for the addresses of protected variables,
 *              callbacks and their objects: they must stay valid until resume_unprotect or the end
 *              of the handle. Texts that are returned live as long as the handle, that of
 *              resume_message until the next call with it.
 *   NULL       A handle is never NULL after resume_open or resume_read, also when these failed.
 *              resume_close and resume_leave accept NULL; no other call does.
 *   Disabled   With RESUME_DISABLE=1 in the environment everything does nothing and returns
 *              RESUME_OK.
 *
 * In C (from C11 on) and C++ (from C++11 on) the macros of resume/protect.h name variables; other
 * languages call the functions whose names end with _as. */
#ifndef RESUME_RESUME_H
#define RESUME_RESUME_H

#if defined(__cplusplus) ? __cplusplus < 201103L                                                   \
                         : !defined(__STDC_VERSION__) || __STDC_VERSION__ < 201112L
#error "resume/resume.h needs C11 or C++11, or later ones: compile with -std=c11 or -std=c++11"
#endif

#include <resume/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* A checkpoint that is open. It begins with an int: not 0 when resume_sync has something to do. */
typedef struct resume resume;

/* --- Opening --- */

/* When the run that saved had ended (not been cut off, which always goes on). */
typedef enum resume_again {
    RESUME_AGAIN_CONTINUE = 0, /* go on from where it ended */
    RESUME_AGAIN_FRESH = 1,    /* start over; what was saved is kept as NAME~1 */
    RESUME_AGAIN_ERROR = 2     /* resume_open fails with RESUME_EXISTS */
} resume_again;

typedef enum resume_compress {
    RESUME_COMPRESS_AUTO = 0, /* where it pays */
    RESUME_COMPRESS_NEVER = 1,
    RESUME_COMPRESS_ALWAYS = 2
} resume_compress;

#define RESUME_EVERY_SYNC (-1.0)
#define RESUME_AUTO       (-2.0)

/* Zero is the default of every member: `resume_options options = {0};`. Times are in seconds. */
typedef struct resume_options {
    const char *folder;      /* NULL: RESUME_DIR, else ".checkpoints" in the working folder */
    const char *program;     /* path, for the record and the check below; NULL: this executable */
    double rate_s;           /* from one save to when the next is due; 0: 30 s;
                                RESUME_EVERY_SYNC: every resume_sync saves; RESUME_AUTO: when it
                                costs least, 15 minutes at most */
    double expire_ended_s;   /* what is older is not used, but kept as NAME~1; 0: never */
    double expire_cut_off_s; /* the same for work that was cut off */
    resume_again again;
    resume_compress compress;
    /* Saves that stay in the file at least: the last ones, and the last one of so many hours and
     * days that have one. All 0: the last 2. At most 1000 each. */
    unsigned keep_last, keep_hourly, keep_daily;
    int clean;             /* not 0: ignore what is saved; it is kept as NAME~1 */
    int strict;            /* not 0: a protected variable that is not saved, and a saved one that
                              is not protected, make resume_restore fail with RESUME_MISMATCH */
    int any_program;       /* not 0: without a name of its own, too, go on from a checkpoint that
                              another program saved; else RESUME_EXISTS */
    int independent_ranks; /* not 0: of several ranks (MPI, Slurm, torchrun) each has its own
                              checkpoint, NAME@rank3; else several ranks are refused */
    double overhead;       /* for RESUME_AUTO: the share of the run that saves may cost while no
                              run was cut off; 0: 0.02 */
    int foreground;        /* not 0: resume_sync returns when what it saves is durable */
} resume_options;

/* resume_open(resume **checkpoint, const char *name, const resume_options *options)
 *
 * Opens a checkpoint, makes its folder when missing, and takes its lock. `name`: UTF-8; NULL:
 * "PROGRAM.FUNCTION"; with a '/' in it: the path of the file, `folder` must then be NULL. `options`
 * may be NULL, or made in place: `&(resume_options){.rate_s = 60, .strict = 1}`. `*checkpoint` is
 * never NULL afterwards: after a failure it carries the error, so that it need not be checked here,
 * and is freed by resume_close or resume_leave like any other.
 *
 * RESUME_LOCKED: another process, or another handle of this one, has it open. RESUME_EXISTS: a run
 * that ended and RESUME_AGAIN_ERROR, or another program's checkpoint. RESUME_BAD_NAME,
 * RESUME_UNSAFE_PATH, RESUME_DENIED, RESUME_IO, RESUME_NO_SPACE, RESUME_NO_MEMORY.
 * RESUME_NOT_A_CHECKPOINT, RESUME_LEGACY, RESUME_UNSUPPORTED, RESUME_DAMAGED, RESUME_TRUNCATED: the
 * file is left as it is. RESUME_MISUSE: an option that is no such value, or several ranks. */
#define resume_open(checkpoint, name, ...)                                                         \
    resume_open_function((checkpoint), (name), __func__, (__VA_ARGS__), sizeof(resume_options))
/* The function behind it. `function`: the second half of the automatic name; NULL: "main".
 * `options_size`: sizeof(resume_options) of the caller, which may know fewer members. */
resume_status resume_open_function(resume **checkpoint, const char *name, const char *function,
                                   const resume_options *options, size_t options_size);

/* Any checkpoint file, for reading alone: no lock, no check of the program, nothing is written.
 * Then resume_protect*, resume_restore, resume_close; saving is RESUME_MISUSE. A `path` without '/'
 * that is no file here is the name of a checkpoint in the default folder. The handle and the
 * statuses are those of resume_open, and RESUME_NOT_FOUND. */
resume_status resume_read(resume **checkpoint, const char *path);

/* --- What is saved --- */

/* Of C; long, long long, size_t and enums are the RESUME_INT or RESUME_UINT of their size. */
typedef enum resume_type {
    RESUME_BOOL = 1,
    RESUME_CHAR = 2, /* arrays of it are bytes in Python */
    RESUME_INT8 = 3,
    RESUME_INT16 = 4,
    RESUME_INT32 = 5,
    RESUME_INT64 = 6,
    RESUME_UINT8 = 7,
    RESUME_UINT16 = 8,
    RESUME_UINT32 = 9,
    RESUME_UINT64 = 10,
    RESUME_FLOAT32 = 11,
    RESUME_FLOAT64 = 12,
    RESUME_LONG_DOUBLE = 13,
    RESUME_COMPLEX64 = 14,  /* two floats */
    RESUME_COMPLEX128 = 15, /* two doubles */
    RESUME_LONG_COMPLEX = 16
} resume_type;

typedef enum resume_order {
    RESUME_ROWS = 0,   /* the last index is the fastest: C */
    RESUME_COLUMNS = 1 /* the first index is the fastest: Fortran */
} resume_order;

#define RESUME_DIMENSIONS_MAX 8

/* Names the fields of a struct: calls the macros or functions below on `fields`, which is only
 * valid inside. It is called at each save and restore, possibly more than once, for each object;
 * must name the same fields each time, and change nothing. `p->x` is named "x" here. Structs may
 * hold structs, 16 deep. */
typedef void (*resume_describe)(resume *fields, void *object);

/* State behind functions: a random generator, the handle of a library. `save` hands its bytes to
 * resume_write, in as many pieces as it likes, and changes nothing. `load` is given the same bytes.
 * Both answer 0, or anything else to refuse. */
typedef struct resume_writer resume_writer;
typedef int (*resume_save_state)(void *object, resume_writer *writer);
typedef int (*resume_load_state)(void *object, const void *bytes, size_t size);
/* RESUME_OK or RESUME_NO_MEMORY, which makes the save fail by itself. */
resume_status resume_write(resume_writer *writer, const void *bytes, size_t size);

/* Each of the following adds a variable. Nothing is read or written before the next resume_restore
 * or resume_save. The macros in resume/protect.h, which have the same names without _as, are the
 * usual way in C and C++.
 *
 * `name`: UTF-8, at most 255 bytes; copied. A name that begins with '=' is text of C: "=sim->step"
 * means "sim.step"; it must be a plain path of names, else RESUME_BAD_NAME.
 *
 * Statuses: RESUME_BAD_NAME; RESUME_MISUSE: a name that is already protected, a type, order or rank
 * that is none, NULL for an address; RESUME_LIMIT: more bytes than a size_t counts, too many
 * dimensions, or structs nested too deep; RESUME_NO_MEMORY; the sticky one. */

/* One number. */
resume_status resume_protect_value_as(resume *checkpoint, const char *name, void *address,
                                      resume_type type);
/* An array that may grow. `pointer_address`: of a pointer to memory of malloc (NULL with count 0 is
 * fine); `count_address`: of the number of elements, an integer of type `count_type`. Both are read
 * at each save. A restore gives the array the stored length: it frees the old block, and sets
 * pointer and count; elements that are new to the program need no values before. A length that the
 * count can't hold is RESUME_MISMATCH. The new block is never smaller than the old one, and
 * aligned as that (up to 64 bytes), so that a capacity which the program keeps beside the count
 * stays true; protect the count, not the capacity. */
resume_status resume_protect_array_as(resume *checkpoint, const char *name, void *pointer_address,
                                      resume_type type, void *count_address,
                                      resume_type count_type);
/* A block of fixed shape (1 to 8 dimensions). What is restored must have the same shape; the stored
 * order may be the other one. */
resume_status resume_protect_shape_as(resume *checkpoint, const char *name, void *address,
                                      resume_type type, resume_order order, size_t rank,
                                      const size_t *shape);
/* A block of bytes. What is restored must have the same size. For a struct this is as portable as
 * the struct itself: not to another machine type or compiler option, and it must hold no pointer.
 */
resume_status resume_protect_bytes_as(resume *checkpoint, const char *name, void *address,
                                      size_t size);
/* Text up to its NUL in an array of `size` chars; a str in Python (bytes when it is not UTF-8).
 * What is restored must fit with its NUL, else RESUME_MISMATCH. */
resume_status resume_protect_string_as(resume *checkpoint, const char *name, char *text,
                                       size_t size);
/* A struct, field by field: a dict in Python. */
resume_status resume_protect_struct_as(resume *checkpoint, const char *name, void *object,
                                       resume_describe describe);
/* An array of structs that may grow, as resume_protect_array_as. In a new block fields that are not
 * named keep the bytes of the element of the same index before, or are zero. */
resume_status resume_protect_structs_as(resume *checkpoint, const char *name, void *pointer_address,
                                        size_t element_size, void *count_address,
                                        resume_type count_type, resume_describe describe);
/* `count` structs at a fixed place; the stored count must be the same. */
resume_status resume_protect_structs_fixed_as(resume *checkpoint, const char *name, void *first,
                                              size_t element_size, size_t count,
                                              resume_describe describe);
/* What a container of the program holds: numbers, as std::vector does; text, as std::string does (a
 * str in Python, or bytes when it is not UTF-8); structs. For bindings of other languages, as
 * resume.hpp is one. `view` gives the address of the first element, and their number. `resize`
 * makes the container so long, where it is or elsewhere; the elements that stay keep their values.
 * It answers 0, or anything else when it can't; making it shorter may not fail. At a restore those
 * that grow do so before any variable gets its value, and shrink back if it fails; those that
 * shrink do it when all is restored. */
typedef void *(*resume_view)(void *container, size_t *count);
typedef int (*resume_resize)(void *container, size_t count);
resume_status resume_protect_container_as(resume *checkpoint, const char *name, void *container,
                                          resume_type type, resume_view view, resume_resize resize);
resume_status resume_protect_text_as(resume *checkpoint, const char *name, void *container,
                                     resume_view view, resume_resize resize);
resume_status resume_protect_structs_container_as(resume *checkpoint, const char *name,
                                                  void *container, size_t element_size,
                                                  resume_view view, resume_resize resize,
                                                  resume_describe describe);
/* State behind functions; bytes in Python. At a restore `load` runs when all variables have their
 * values, in the order of protection. When one refuses, those that were loaded are given the state
 * back that `save` made of them just before, the variables get their old values, and resume_restore
 * returns RESUME_MISMATCH. */
resume_status resume_protect_state(resume *checkpoint, const char *name, resume_save_state save,
                                   resume_load_state load, void *object);
/* Forgets a variable: it is not saved or restored any more. RESUME_MISUSE: no such name. */
resume_status resume_unprotect_as(resume *checkpoint, const char *name);

/* --- Restoring and saving --- */

/* Gives the protected variables their saved values: all or nothing. `*restored` (may be NULL): 1
 * when it has, 0 when nothing is saved. Call it once, after the variables are protected and before
 * the first save; again only to take what was saved last (by this handle).
 *
 * A value that the variable's type holds exactly is taken over: int32 into int64, any int of Python
 * into an integer that holds it or a double that is equal, float into double. All else is
 * RESUME_MISMATCH, with the name and both types. A variable that is not saved keeps its value, and
 * what is saved and not protected is not used: resume_report tells, and `strict` refuses.
 *
 * When the newest save turns out to be damaged, the newest older one that is whole is taken, and
 * resume_info.warning says so; RESUME_DAMAGED when there is none.
 *
 * Arrays are read into memory of their own first, so that nothing changes on failure. Of those of
 * fixed size this holds for the first 1 GiB; what is beyond, and what is in the page cache already
 * (when no load function may refuse), is verified first and then read in place. If only that second
 * reading fails, the status is RESUME_IO or RESUME_DAMAGED, variables are half restored, as the
 * message says, and this handle neither saves nor records an end.
 *
 * RESUME_LIMIT: what the file declares is more than its size can justify. RESUME_DAMAGED,
 * RESUME_IO, RESUME_NO_MEMORY, RESUME_UNSUPPORTED. RESUME_MISUSE: inside a callback. The sticky
 * error. */
resume_status resume_restore(resume *checkpoint, int *restored);

/* Saves all protected variables; durable when it returns RESUME_OK. RESUME_MISUSE: something is
 * saved and resume_restore has not succeeded, so that it would be lost; inside `describe`; on a
 * handle of resume_read. RESUME_NO_SPACE, RESUME_IO, RESUME_DENIED, RESUME_LOCKED,
 * RESUME_NO_MEMORY, RESUME_FORKED, RESUME_UNSAFE_PATH, RESUME_CODEC. */
resume_status resume_save(resume *checkpoint);

/* Returns when nothing is saved in the background any more: RESUME_OK, or, told once, why what
 * resume_sync had saved is not durable (the statuses of resume_save). */
resume_status resume_wait(resume *checkpoint);

/* What resume_sync does when the first int of the handle is not 0: saves if a save is due. For
 * languages without inline functions: may always be called, costs nothing when none is due. After a
 * failed save the next one is due later and later, up to 16 times the rate. */
resume_status resume_sync_due(resume *checkpoint);

/* Saves if a save is due; the statuses of resume_save. It returns when what has changed is copied,
 * and a thread makes it durable while the program goes on (options: `foreground`). None is due
 * before that, but with RESUME_EVERY_SYNC, where it waits. What could not be made durable is the
 * status of the next resume_sync, resume_wait or resume_close. */
static inline resume_status resume_sync(resume *checkpoint) {
    const void *address = checkpoint;
#ifdef __cplusplus
    const int *due = static_cast<const int *>(address);
#else
    const int *due = address;
#endif
#if defined(__GNUC__)
    if (__atomic_load_n(due, __ATOMIC_RELAXED) == 0) return RESUME_OK;
#else
    if (*(const volatile int *)due == 0) return RESUME_OK;
#endif
    return resume_sync_due(checkpoint);
}

/* Saves, and records that the run has ended: the next one finds RESUME_FOUND_ENDED. The statuses of
 * resume_save. When it fails nothing has ended, and it may be called again. */
resume_status resume_done(resume *checkpoint);

/* Records the end, if this handle has saved something or restored work that was cut off (without
 * saving again: call resume_save or resume_done before, where the last state matters), gives up the
 * lock and frees the handle, in any case. Waits for what is saved in the background. When that
 * fails no end is recorded, and its status is returned; else the error of recording, or the sticky
 * one; in a forked child RESUME_OK, and nothing is recorded. A process that ends without
 * resume_close or resume_leave has the save before or the new one. */
resume_status resume_close(resume *checkpoint);

/* Frees the handle without recording an end, when what is saved in the background is durable: the
 * way out after an error. The next run goes on from the last save. */
void resume_leave(resume *checkpoint);

/* --- Report --- */

typedef enum resume_found {
    RESUME_FOUND_NOTHING = 0, /* nothing saved, or it is not used (expired, clean, fresh) */
    RESUME_FOUND_CUT_OFF = 1,
    RESUME_FOUND_ENDED = 2
} resume_found;

typedef struct resume_info {
    const char *path;       /* of the file, absolute; "" when there is none */
    resume_found found;     /* at opening */
    uint64_t generation;    /* number of the newest save; 0 when there is none */
    int64_t saved_ns;       /* its time, ns since 1970; 0 */
    uint64_t saves;         /* by this handle */
    uint64_t failures;      /* of saves, in a row */
    uint64_t bytes_written; /* by the last save of this handle */
    uint64_t state_size;    /* bytes of all variables at the last save or restore, uncompressed */
    const char *aside;      /* file name under which an older file was kept, or "" */
    const char *warning;    /* something the user should hear, one sentence a line, or "": also why
                               a save is not signed */
} resume_info;

/* resume_look(const resume *checkpoint, resume_info *info): fills `info`. */
#define resume_look(checkpoint, info) resume_look_sized((checkpoint), (info), sizeof(resume_info))
void resume_look_sized(const resume *checkpoint, resume_info *info, size_t info_size);

typedef enum resume_fate {
    RESUME_RESTORED = 0, /* has its saved value */
    RESUME_MISSING = 1,  /* protected, but not saved: it kept its value */
    RESUME_UNUSED = 2    /* saved, but not protected: the next save does not have it */
} resume_fate;

/* What became of variables in the last resume_restore: the name of number `index` of those with
 * this fate, NULL when there are no more. Fields of structs are "struct.field"; those of arrays of
 * structs "array[].field", once for all elements. */
const char *resume_report(const resume *checkpoint, resume_fate fate, size_t index);

/* What failed in the last call on this handle that failed, lower case, without a full stop, with
 * what to do; "" before any did. Never NULL. */
const char *resume_message(const resume *checkpoint);

/* --- Status codes and version --- */

/* The short English text of a status, lower case, without a full stop; never NULL.
 * Static storage, any thread. A number that is no status gives "unknown status". */
const char *resume_status_text(resume_status status);

/* The name of a status as written in this header, for example "RESUME_NO_SPACE".
 * Static storage, any thread. A number that is no status gives "RESUME_UNKNOWN". */
const char *resume_status_name(resume_status status);

/* The version of the library, for example "1.0.0". Static storage, any thread. */
const char *resume_version(void);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#include <resume/protect.h>
#endif
