/* What a weak reference leads to. */
#ifndef RP_PYCOMPAT_WEAKREF_H
#define RP_PYCOMPAT_WEAKREF_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Of a reference or a proxy: new reference, None when it has died; NULL with an exception. */
static inline PyObject *rp_weakref_target(PyObject *reference) {
#if PY_VERSION_HEX >= 0x030D0000 /* the other is gone from 3.15 on */
    PyObject *target;
    int status = PyWeakref_GetRef(reference, &target);
    return status == 0 ? Py_NewRef(Py_None) : status < 0 ? NULL : target;
#else
    return Py_NewRef(PyWeakref_GET_OBJECT(reference));
#endif
}
#endif
