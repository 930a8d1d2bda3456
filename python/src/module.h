/* State of the extension module `resume._core`, and what all its files share. */
#ifndef RP_MODULE_H
#define RP_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/error.h"
#include "os/os.h"

#include <stdatomic.h>
#include <stdbool.h>

typedef struct rp_module_state {
    const rs_os *os; /* rs_os_linux(), or a test double */
    /* exception and warning types of resume/_errors.py, looked up once at import of the package */
    PyObject *error, *not_found, *damaged, *untrusted, *locked, *code_changed, *io_error, *bad_name;
    PyObject *warning;
    /* types of this extension */
    PyTypeObject *checkpoint_type, *null_checkpoint_type, *report_type, *loop_type;
    PyTypeObject *region_type;                           /* memory of our own, for arrays */
    PyTypeObject *data_type, *entry_type, *entries_type; /* what load() and list() give */
    PyTypeObject *opaque_type;             /* what stands for objects that were not trusted */
    PyTypeObject *script_type;             /* a program of `resume run` */
    PyTypeObject *record_type, *null_type; /* captured frames, what stands for an empty slot */
    PyObject *null;                        /* the only object of null_type */
    PyObject *script_space; /* dict: namespace of the program of `resume run`, whose functions and
                               classes no import brings back; or NULL */
    PyObject *script_code;  /* its code */
    PyObject *own_modules;  /* set of names: modules beside it, which are state; or NULL */
    PyTypeObject *resumable_type; /* functions that go on where they were */
    struct rp_exact *exact;       /* what runs now and can go on: exact.c; NULL: nothing */
    atomic_int *exact_due; /* what sync() looks at: the flag of its checkpoint, or one of these */
    atomic_int exact_never, exact_always;
    PyObject *said_others; /* set of names of whose other calls the user has been told */
    PyObject *asked;       /* set of classes whose __getstate__ is asked: types/whole_state.h */
    PyObject *turns;       /* dict path of a checkpoint -> equal calls of a resumable function that
                              have returned in this process */
    bool said_outside;     /* sync() where nothing is saved */
    volatile int stop;     /* signal that asked for a save and the end, 0: none */
    bool said_key;         /* why saves are not signed */
    PyObject *expire_default;   /* Checkpoint.CACHE_EXPIRE as long as nobody has set it */
    PyObject *folder_default;   /* Checkpoint.folder, the same */
    PyObject *registry;         /* path -> weak reference to the open Checkpoint: registry.c */
    PyObject *registered;       /* class -> what resume.register() was given: registered.c */
    PyObject *go_on_with;       /* the function _go_on_with: continuation/capture.h */
    PyObject *savers;           /* tuple: the functions that a program saves by */
    PyObject *registered_names; /* the same by the names of the classes, also old ones */
    PyObject *moved;            /* old name -> class that has taken its place */
    PyObject *registered_maker; /* the function _registered */
    PyObject *sentinel_maker;   /* the function _sentinel */
    PyObject *saved_here;       /* set of paths that this process has saved */
    bool is_ending;             /* our function at exit has run: nothing is saved later */
    bool at_exit;               /* our function is registered with atexit */
    struct rp_runs *runs;       /* of the program, in this process: finishing.c; NULL: none yet */
    struct rp_kinds *kinds;     /* of iterators, as far as they were tried: iterator_kinds.c */
} rp_module_state;

struct PyModuleDef *rp_module_definition(void);
rp_module_state *rp_state_of_module(PyObject *module);
rp_module_state *
rp_state_of_type(PyTypeObject *type); /* of one of our heap types or a subclass of it */

/* state->kinds */
void rp_kinds_release(rp_module_state *state);
int rp_kinds_traverse(const rp_module_state *state, visitproc visit, void *arg);

/* Raises the exception that belongs to the status, with `error->text` and what to do next;
 * attributes `status`, `errno`. Always -1. */
int rp_raise(rp_module_state *state, const rs_error *error);
/* Warns with ResumeWarning, attributed to the running Python frame, and logs to
 * logging.getLogger("resume") if logging is in use. `format`: PyUnicode_FromFormat. -1 when the
 * warning was turned into an exception. */
int rp_warn(rp_module_state *state, const char *format, ...);

#endif
