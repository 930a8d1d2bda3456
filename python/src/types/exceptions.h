/* Between the files that write and read exceptions, and the module, whose functions states name. */
#ifndef RP_EXCEPTIONS_H
#define RP_EXCEPTIONS_H

#include "../module.h"

/* Takes over the reduction of an exception, and gives one that keeps all of it. NULL: exception. */
PyObject *rp_exception_reduction(PyObject *object, PyObject *reduced);
/* _make_exception(class, *arguments): without a constructor of the program. */
PyObject *rp_make_exception(PyObject *module, PyObject *arguments);
/* _set_exception(exception, state) */
PyObject *rp_set_exception(PyObject *module, PyObject *const *args, Py_ssize_t count);
#endif
