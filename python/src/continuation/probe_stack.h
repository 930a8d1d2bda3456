/* Functions of `resume._core` by which the tests look into frames and analyses. */
#ifndef RP_PROBE_STACK_H
#define RP_PROBE_STACK_H

#include "../module.h"

extern PyMethodDef rp_probe_stack_methods[]; /* for PyModule_AddFunctions */
#endif
