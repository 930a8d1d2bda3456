/* Functions of `resume._core` by which the tests capture frames. */
#ifndef RP_PROBE_CAPTURE_H
#define RP_PROBE_CAPTURE_H

#include "../module.h"

extern PyMethodDef rp_probe_capture_methods[]; /* for PyModule_AddFunctions */
#endif
