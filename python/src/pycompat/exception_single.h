/* The current exception from 3.12 on. */
#include "pycompat/frame.h"

PyObject *rp_exception_take(void) {
    return PyErr_GetRaisedException();
}

void rp_exception_put(PyObject *exception) {
    if (exception != NULL) PyErr_SetRaisedException(exception);
}
