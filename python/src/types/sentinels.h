/* Objects that are told by identity alone: the function that states name for them. */
#ifndef RP_SENTINELS_H
#define RP_SENTINELS_H

#include "../module.h"

/* _sentinel(module, names, class): what the module has under them, or a new one. */
PyObject *rp_sentinel(PyObject *module, PyObject *args);
#endif
