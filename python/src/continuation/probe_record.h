/* Functions of `resume._core` by which the tests make captured frames and write them. */
#ifndef RP_PROBE_RECORD_H
#define RP_PROBE_RECORD_H

#include "../module.h"

extern PyMethodDef rp_probe_record_methods[]; /* for PyModule_AddFunctions */
#endif
