/* What os.scandir() gives knows its folder and what is left of it, and does not say so in Python.
 */
#ifndef RP_PYCOMPAT_SCANDIR_H
#define RP_PYCOMPAT_SCANDIR_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

bool rp_is_scandir_type(const PyTypeObject *type); /* it has no name in a module */
bool rp_is_scandir(PyObject *object);
/* New reference: None: it is at its end, or closed. Else (path as it was given, [names that are
 * left, in their order, bytes]); it stands where it stood. NULL with an exception; TypeError: this
 * CPython keeps them in another place (tried at the first call). */
PyObject *rp_scandir_left(PyObject *iterator);
#endif
