/* chp.loop(iterable): a `for` that goes on where it stopped.
 *
 * Over sequences (list, tuple, str, bytes, range, numpy arrays, any object with __len__ and
 * __getitem__), dicts and their views, and enumerate, zip and reversed of them. Other iterables:
 * TypeError naming the cure (list(iterable)).
 *
 * A due sync() inside waits for the next item, so that position and locals agree: sync() calls
 * rp_loops_defer and does nothing when that says so; the innermost loop then calls
 * rp_checkpoint_save_between_items when it is asked for its next item, before it moves.
 *
 * Positions of one save: loops in order of creation. A loop that has others running inside it has
 * not finished its item, so that item is handed out again after a restore and the inner loop goes
 * on behind its own finished items. For the innermost loop the item handed out last counts as
 * finished (an explicit save() belongs at the end of the body). A loop that ended hands out nothing
 * after a restore, but those of the innermost `while` whose round a save between loops ends. When a
 * loop moves on, the loops made in its body are forgotten. */
#ifndef RP_LOOP_H
#define RP_LOOP_H

#include "stream.h"

extern PyType_Spec rp_loop_spec;

/* A loop of the call. */
typedef struct rp_loop_entry {
    PyObject *loop;     /* borrowed: the loop object says when it goes; NULL: ended */
    PyCodeObject *code; /* strong: the function that made it, and ... */
    int site;           /* ... the byte offset of the call in it */
    uint64_t place;     /* the two as one number, for the file */
    int owner_site;     /* where the owner of the checkpoint stood; -1: not below it; INT_MAX: in
                           code that it has left since */
    Py_ssize_t parent;  /* index of the innermost loop that was handing out items when this one was
                           made; -1 */
} rp_loop_entry;

/* The loops of one Checkpoint, embedded in it. Zero-initialised: empty. */
typedef struct rp_loops {
    rp_loop_entry *items;
    Py_ssize_t count, capacity;
    PyObject *saved;      /* what a restore left to be taken by the loops made next, or NULL */
    Py_ssize_t taken;     /* of `saved` */
    PyObject *random;     /* global generators at that save, or NULL */
    PyObject *positioned; /* list of the iterators and files that came back with it, or NULL */
    bool match_sites;     /* the code is the saved one: `saved` is taken by place in the code */
    bool in_cell;         /* of a notebook: its statements are told apart by their text */
    bool wanted;          /* a due sync() waits for the next item */
    /* borrowed: the last question of rp_loops_defer, and its answer */
    PyCodeObject *asked_code;
    Py_ssize_t asked_index;
    int asked_here;
    bool asked_answer;
} rp_loops;

void rp_loops_release(rp_loops *loops);
int rp_loops_traverse(const rp_loops *loops, visitproc visit, void *arg);

/* chp.loop(iterable): a new loop object, made in the running Python frame. `loops` is embedded in
 * `checkpoint`, to which the loop keeps a strong reference; `owner`: the code of its function. */
PyObject *rp_loop_new(rp_module_state *state, PyObject *checkpoint, rp_loops *loops,
                      PyCodeObject *owner, PyObject *iterable);
bool rp_loop_check(rp_module_state *state, PyObject *value); /* a loop object: not to be saved */

/* The owner is another code now. */
void rp_loops_change_owner(rp_loops *loops);
/* What a save knows of the loops of the call. */
typedef struct rp_loops_saved {
    PyObject *positions;  /* of rp_loops_get, or None */
    PyObject *sources;    /* of rp_loops_sources; NULL: there are none */
    PyObject *random;     /* the global generators, or NULL */
    PyObject *positioned; /* list of iterators and files that came back at their position */
} rp_loops_saved;

/* Called by restore(): forgets the loops made so far. `found` (NULL: a new call) is handed to the
 * loops made from now on; `same_code`: the code hash is the saved one. */
int rp_loops_resume(rp_loops *loops, const rp_loops_saved *found, bool same_code);
/* Called by a sync() that is due, with the place where the owner's frame stands: true when it has
 * to wait for the next item of a loop. */
bool rp_loops_defer(rp_loops *loops, PyCodeObject *code, int here);
/* For an explicit save() where the owner's frame stands: the body of a loop is not at its end
 * there, so that what is left of it would be lost after a restore. */
bool rp_loops_in_body(const rp_loops *loops, PyCodeObject *code, int here);
/* Section "loops". `code`, `here`: where the owner's frame stands. 0, or -1 with an exception. */
int rp_loops_put(rp_loops *loops, PyCodeObject *code, int here, rs_buffer *buffer);
/* What loops over loaders need beside their position, in the order of the section: a list of dict
 * or None, new reference. May run code of the user. Before rp_loops_put. */
PyObject *rp_loops_sources(rp_module_state *state, const rp_loops *loops, PyCodeObject *code,
                           int here);
/* Reads the section: a list of (items finished or None, place in the code), new reference. */
PyObject *rp_loops_get(rs_cbor_reader *reader);
/* (position, place, source or None) for each of `saved`: a list, new reference. */
PyObject *rp_loops_with_sources(PyObject *saved, PyObject *sources);

/* Implemented by checkpoint.c: saves now (reports a failure like a due sync() does). 0, or -1 with
 * an exception, which then comes out of the `for`. */
int rp_checkpoint_save_between_items(PyObject *checkpoint);
#endif
