/* A generation as it is read: the outermost map of docs/state.md. */
#ifndef RP_LOADED_H
#define RP_LOADED_H

#include "arguments.h"

/* All are new references or NULL where the section is missing. */
typedef struct rp_loaded {
    PyObject *entry;                        /* dict name -> (digest or None, text) */
    PyObject *code_hash;                    /* bytes */
    PyObject *python;                       /* (major, minor) */
    PyObject *function;                     /* str */
    PyObject *cell;                         /* str: of a notebook */
    PyObject *random_opened, *random_saved; /* dicts, or None */
    PyObject *placeholders;
    PyObject *loops;    /* list */
    PyObject *loaders;  /* list: what loops over loaders need */
    PyObject *skipped;  /* dict name -> reason */
    PyObject *in_place; /* dict */
    PyObject
        *unplaced; /* list of (label, Opaque, tracked by the user): objects that are not there */
    PyObject *tracked; /* dict label -> for rp_track_restore */
    PyObject *vars;    /* dict */
    PyObject *extra;   /* dict, with "items" */
    PyObject *result;
    PyObject *frames;            /* record of the outermost, or an Opaque */
    PyObject *surroundings;      /* list of [manager, state], or NULL */
    PyObject *modules, *process; /* dicts: of a program of `resume run` */
} rp_loaded;                     /* zero-initialised: empty */

/* Where values go while they are decoded; zero-initialised: nowhere. */
typedef struct rp_targets {
    const rp_arguments *arguments; /* of this call, or NULL */
    bool fill;                     /* the same call going on: into these */
    PyObject *tracked;             /* dict label -> object that is restored in place, or NULL */
    bool frames;                   /* the captured frames, too */
    struct rp_exact
        *exact; /* with hooks: what the stream says of its program goes to it; or NULL */
} rp_targets;

/* Only the sections about the call, in front of all values. */
int rp_loaded_read_head(rp_module_state *state, rp_decoder *decoder, rp_loaded *loaded);
int rp_loaded_read(rp_module_state *state, rp_decoder *decoder, const rp_targets *targets,
                   rp_loaded *loaded);
void rp_loaded_release(rp_loaded *loaded);
#endif
