/* The object at an address that may be stale, when the collector knows of it. */
#ifndef RP_PYCOMPAT_ALIVE_H
#define RP_PYCOMPAT_ALIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

typedef struct rp_wanted {
    const void *address;
    PyObject *found; /* new reference, or NULL */
} rp_wanted;

#if PY_VERSION_HEX >= 0x030C0000
static inline int rp_is_wanted(PyObject *object, void *context) {
    rp_wanted *wanted = (rp_wanted *)context;
    if (object != wanted->address) return 1;
    wanted->found = Py_NewRef(object);
    return 0; /* no more */
}

static inline PyObject *rp_alive(const void *address) {
    rp_wanted wanted = {.address = address};
    PyUnstable_GC_VisitObjects(rp_is_wanted, &wanted);
    return wanted.found;
}
#else
static inline PyObject *rp_alive(const void *address) {
    PyObject *gc = PyImport_ImportModule("gc"), *found = NULL;
    PyObject *all = gc ? PyObject_CallMethod(gc, "get_objects", NULL) : NULL;
    for (Py_ssize_t i = 0; all && !found && i < PyList_GET_SIZE(all); i++)
        if (PyList_GET_ITEM(all, i) == address) found = Py_NewRef(PyList_GET_ITEM(all, i));
    Py_XDECREF(all);
    Py_XDECREF(gc);
    PyErr_Clear();
    return found;
}
#endif
#endif
