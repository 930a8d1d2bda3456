/* A short text of a value for messages: never runs user code. */
#ifndef RP_TEXT_H
#define RP_TEXT_H

#include "module.h"

/* At most 80 characters, new reference: exact builtin types as repr shows them, cut with "...";
 * arrays as "array(float64, 3x4)"; functions, classes and modules by their name; others as
 * "<module.Class>". */
PyObject *rp_text_of(PyObject *value);
/* Exactly numpy.ndarray, without importing numpy. */
bool rp_is_array(PyObject *value);
#endif
