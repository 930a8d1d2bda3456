/* Functions of `resume._core` by which the tests look into single parts. Not for users. */
#ifndef RP_PROBE_H
#define RP_PROBE_H

#include "module.h"

extern PyMethodDef rp_probe_methods[]; /* for PyModule_AddFunctions */
#endif
