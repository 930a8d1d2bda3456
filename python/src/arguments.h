/* The arguments of the call: as they were at entry, whether a saved call had the same, and filling
 * mutable ones in place. */
#ifndef RP_ARGUMENTS_H
#define RP_ARGUMENTS_H

#include "stream.h"

/* For each argument of the owner frame at the moment the Checkpoint was constructed. */
typedef struct rp_argument {
    PyObject *name;  /* str */
    PyObject *value; /* strong for mutable containers and arrays (to see at a save whether the local
                        still is that object), else NULL */
    PyObject *text;  /* short repr for messages, at most 80 characters, by exact builtin types only
                        (never runs user code) */
    uint8_t digest[RP_DIGEST_SIZE];
    bool comparable; /* the digest could be made */
    bool fillable;   /* list, dict, set, bytearray, numpy array: can be restored in place */
    bool immutable;  /* of an immutable closed-set type: needs no filling */
    bool is_told;    /* no argument, and not compared: RP_TURN_NAME */
} rp_argument;

#define RP_SEED_NAME "PYTHONHASHSEED" /* of a program */
#define RP_TURN_NAME "(call)"         /* of a resumable function: the second one, "2", .. */

typedef struct rp_arguments {
    rp_argument *items;
    Py_ssize_t count;
} rp_arguments; /* zero-initialised: empty */

/* From code and a mapping of its locals: positional, keyword-only, *args and **kwargs. */
int rp_arguments_capture(rp_module_state *state, PyCodeObject *code, PyObject *locals,
                         rp_arguments *arguments);
/* Of a program: `argv`, which is compared, and `seed` (text, or NULL), which is only told. */
int rp_arguments_of_program(rp_module_state *state, PyObject *argv, PyObject *seed,
                            rp_arguments *arguments);
/* Adds the number of the call among equal ones, which is only told. 0 or -1. */
int rp_arguments_add_turn(rp_arguments *arguments, uint64_t turn);
void rp_arguments_release(rp_arguments *arguments);
int rp_arguments_traverse(const rp_arguments *arguments, visitproc visit, void *arg);

/* Section "entry": a map name -> [digest or null, text]. */
int rp_arguments_put_entry(const rp_arguments *arguments, rp_encoder *encoder);
/* Section "in_place": a map name -> value, for fillable arguments; comes before every other value
 * of the stream. What can't be saved is appended to the list `problems`, and `undefined` stands for
 * it. */
int rp_arguments_put_in_place(const rp_arguments *arguments, rp_encoder *encoder,
                              PyObject *problems);

/* What the saved call had at entry: a dict name -> (digest bytes or None, text), new reference. */
PyObject *rp_arguments_get_entry(rp_decoder *decoder);
/* Decodes the section "in_place"; `fill` (same call going on): into the objects of this call. A
 * dict of the values, new reference. */
PyObject *rp_arguments_get_in_place(const rp_arguments *arguments, rp_decoder *decoder, bool fill);
/* The differences as a list of str ("n: 10 when saved, 5 now"), new reference; empty: the same
 * arguments. Only on one side counts as a difference; what is comparable on neither side does not.
 */
PyObject *rp_arguments_differences(const rp_arguments *arguments, PyObject *saved_entry);
/* Names of arguments that can't be compared or not be filled: a list of str, new reference (for the
 * warning with chp.track). Functions, classes and modules are compared by name and need no filling.
 */
PyObject *rp_arguments_opaque(const rp_arguments *arguments);
#endif
