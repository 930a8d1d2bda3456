/* The public description of an array's memory, `__array_struct__`: numpy's headers are not needed.
 */
#ifndef RP_ARRAY_INTERFACE_H
#define RP_ARRAY_INTERFACE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

/* As numpy documents it ("The array interface protocol", C-struct access). */
typedef struct rp_array_interface {
    int two;
    int dimensions;
    char type_kind;
    int item_size;
    int flags;
    Py_intptr_t *shape;
    Py_intptr_t *strides;
    void *data;
    PyObject *description;
} rp_array_interface;

/* numpy clears all flags of records by mistake: only a flag that is set says something. */
enum { RP_ARRAY_WRITEABLE = 0x400 };
enum { RP_ARRAY_DIMENSIONS_MAX = 64 };

/* Borrows from `capsule`, which receives a new reference; NULL with an exception. */
const rp_array_interface *rp_array_look(PyObject *array, PyObject **capsule);
/* 1, 0, or -1 with an exception. */
int rp_array_is_writeable(PyObject *array, const rp_array_interface *look);
#endif
