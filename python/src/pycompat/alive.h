/* The object at an address that may be stale, when the collector knows of it. */
#ifndef RP_PYCOMPAT_ALIVE_H
#define RP_PYCOMPAT_ALIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* rp_alive_that(is, context): the first object that the collector knows of which `is`: new
 * reference or NULL. */
#if PY_VERSION_HEX >= 0x030C0000
typedef struct rp_wanted {
    bool (*is)(PyObject *object, const void *context);
    const void *context;
    PyObject *found;
} rp_wanted;

static inline int rp_is_wanted(PyObject *object, void *context) {
    rp_wanted *wanted = (rp_wanted *)context;
    if (!wanted->is(object, wanted->context)) return 1;
    wanted->found = Py_NewRef(object);
    return 0; /* no more */
}

static inline PyObject *rp_alive_that(bool (*is)(PyObject *object, const void *context),
                                      const void *context) {
    rp_wanted wanted = {.is = is, .context = context};
    PyUnstable_GC_VisitObjects(rp_is_wanted, &wanted);
    return wanted.found;
}
#else
static inline PyObject *rp_alive_that(bool (*is)(PyObject *object, const void *context),
                                      const void *context) {
    PyObject *gc = PyImport_ImportModule("gc"), *found = NULL;
    PyObject *all = gc ? PyObject_CallMethod(gc, "get_objects", NULL) : NULL;
    for (Py_ssize_t i = 0; all && !found && i < PyList_GET_SIZE(all); i++)
        if (is(PyList_GET_ITEM(all, i), context)) found = Py_NewRef(PyList_GET_ITEM(all, i));
    Py_XDECREF(all);
    Py_XDECREF(gc);
    PyErr_Clear();
    return found;
}
#endif

static inline bool rp_is_at(PyObject *object, const void *address) {
    return object == address;
}

static inline PyObject *rp_alive(const void *address) {
    return rp_alive_that(rp_is_at, address);
}
#endif
