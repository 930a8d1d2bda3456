/* resume.resumable: functions whose calls go on at the very statement. */
#ifndef RP_RESUMABLE_H
#define RP_RESUMABLE_H

#include "options.h"

typedef struct rp_resumable {
    PyObject_HEAD PyObject *function; /* strong: a Python function. Calls of this object call it, so
                                         that to the walk over frames it is like a bound method */
    PyObject *dict, *weak;
    PyObject *module; /* strong: of the extension */
    rp_module_state *state;
    vectorcallfunc vectorcall;
    rp_options options;
    PyObject *given;        /* strong: dict of the options as they were given, or NULL */
    PyObject *key_function; /* strong: key= when it is callable, or NULL */
    bool cache, signals;
    bool said_opaque; /* arguments that can't be compared */
} rp_resumable;

extern PyType_Spec rp_resumable_spec;
/* _resumable(function, options): what saved states name */
PyObject *rp_resumable_again(PyObject *module, PyObject *args);
/* resumable(function=None, /, **options) */
PyObject *rp_resumable_decorate(PyObject *module, PyObject *args, PyObject *kwargs);
/* The function behind the callable, borrowed; NULL: it is no resumable. */
PyObject *rp_resumable_function(PyObject *callable);

/* resumable_call.c: of the outermost one in its thread. */
PyObject *rp_resumable_call(rp_resumable *self, PyObject *const *args, size_t count_and_flags,
                            PyObject *names);
/* bind.c: the arguments of a call by the names of the parameters, defaults included: a new dict.
 * NULL without an exception: they do not fit, and the call itself says how. */
PyObject *rp_bind(PyObject *function, PyObject *const *args, size_t count, PyObject *names);
#endif
