/* Objects that are told by identity alone: the function that states name for them. */
#ifndef RP_SENTINELS_H
#define RP_SENTINELS_H

#include "../module.h"

/* _sentinel(module, name, class): what the module has there, or a new one. */
PyObject *rp_sentinel(PyObject *module, PyObject *args);
#endif
