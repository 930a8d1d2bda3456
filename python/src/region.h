/* Memory of the library's own that arrays are made over. */
#ifndef RP_REGION_H
#define RP_REGION_H

#include "module.h"

extern PyType_Spec rp_region_spec; /* a buffer: resume._core.Memory */
/* Zeros; NULL with MemoryError. */
PyObject *rp_region_new(rp_module_state *state, size_t size);
void *rp_region_bytes(PyObject *region);
/* An array over such memory is as one that owns its memory. */
bool rp_is_region(const rp_module_state *state, PyObject *object);
/* _memory(size): for resume.empty(). */
PyObject *rp_core_memory(PyObject *module, PyObject *size);
#endif
