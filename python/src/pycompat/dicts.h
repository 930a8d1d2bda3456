/* A dict with room for what comes: a function of CPython that is no part of its public API. */
#ifndef RP_PYCOMPAT_DICTS_H
#define RP_PYCOMPAT_DICTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Its keys may be of all types; one for strings alone, as PyDict_New gives, is smaller. */
static inline PyObject *rp_dict_with_room(Py_ssize_t count) {
    return _PyDict_NewPresized(count);
}
#endif
