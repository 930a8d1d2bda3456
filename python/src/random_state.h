/* The global random generators: those of `random`, numpy and torch, if already imported. */
#ifndef RP_RANDOM_STATE_H
#define RP_RANDOM_STATE_H

#include "module.h"

/* A dict of closed-set values: {"random": state, "numpy": state, "torch": [bytes of the processor,
 * of each device of CUDA]}, new reference. Imports nothing. */
PyObject *rp_random_capture(rp_module_state *state);
/* Puts the generators of `captured` where they stood; those whose module is not imported are left
 * out. 0 or -1. */
int rp_random_restore(rp_module_state *state, PyObject *captured);
/* 0 for a state of a bit generator whose indices numpy would use unchecked, though they lead
 * outside; else 1, or -1 with an exception. */
int rp_random_is_safe(PyObject *state);
/* A torch.Generator: its state as bytes, new reference; and back. */
PyObject *rp_random_torch_state(PyObject *generator);
int rp_random_torch_set_state(PyObject *generator, PyObject *bytes);
#endif
