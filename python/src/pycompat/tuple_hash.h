/* The hash that a tuple remembers: from CPython 3.14 on. */
#ifndef RP_PYCOMPAT_TUPLE_HASH_H
#define RP_PYCOMPAT_TUPLE_HASH_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* To be called when the content of a tuple that others may have met has changed. */
static inline void rp_tuple_forget_hash(PyObject *tuple) {
#if PY_VERSION_HEX >= 0x030E0000
    ((PyTupleObject *)tuple)->ob_hash = -1;
#else
    (void)tuple;
#endif
}
#endif
