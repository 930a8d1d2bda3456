/* The arguments of Checkpoint(...), and durations. */
#ifndef RP_OPTIONS_H
#define RP_OPTIONS_H

#include "module.h"

#include "engine/checkpoint.h"

typedef enum rp_again { RP_AGAIN_CONTINUE, RP_AGAIN_FRESH, RP_AGAIN_ERROR } rp_again;
typedef enum rp_on_change {
    RP_CHANGE_WARN,
    RP_CHANGE_ERROR,
    RP_CHANGE_FRESH,
    RP_CHANGE_IGNORE
} rp_on_change;

typedef struct rp_options {
    PyObject *name;   /* str or path-like as given, or NULL: from the caller */
    PyObject *folder; /* as given, or NULL */
    PyObject *key;    /* its text as str, or NULL */
    PyObject *skip;   /* frozenset of names, or NULL */
    PyObject *only;   /* frozenset of names, or NULL */
    uint64_t rate_ns; /* or RS_AUTO, which may cost `overhead` of the run */
    double overhead;
    bool has_expire;
    uint64_t expire_ns;
    bool clean, strict, random_state, raise_errors, independent_ranks;
    bool track;       /* the kernel is asked which memory was written */
    bool background;  /* sync() returns when a copy is made, which a thread writes */
    bool map_content; /* memory maps are saved with what is in their files */
    rp_again again;
    rp_on_change on_change;
    rs_keep keep;
    rs_compress compress;
} rp_options; /* zero-initialised: empty */

int rp_options_parse(PyObject *args, PyObject *kwargs, rp_options *options);
void rp_options_release(rp_options *options);
void rp_options_copy(const rp_options *options, rp_options *copy); /* `copy` is empty */
/* The text of what key= was given, new reference. */
PyObject *rp_key_text(PyObject *key);

/* Seconds as a number, a timedelta, "5m", "1h30m" or "never" (RS_NEVER). `what` names it in the
 * ValueError or TypeError. */
int rp_duration(PyObject *value, const char *what, uint64_t *ns);
/* The same, or "auto" (RS_AUTO). */
int rp_rate(PyObject *value, const char *what, uint64_t *ns);
/* One of `count` texts: its index into *choice, else ValueError that lists them. */
int rp_choice(PyObject *value, const char *what, const char *const *texts, int count, int *choice);
/* A str or an iterable of str as a frozenset. */
PyObject *rp_names(PyObject *value, const char *what);
/* Several ranks of one parallel job run this program: 1, and `*rank` (new reference, str) when it
 * is known, else NULL. 0: no. */
int rp_ranks(PyObject **rank);
/* The value of an environment variable as os.environ has it, new reference; NULL without an
 * exception when it is not set or empty. */
PyObject *rp_environment(const char *name);
#endif
