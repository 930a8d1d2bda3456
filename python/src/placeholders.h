/* The values that locals had when restore() was called: tells an edited constant from a value the
 * run changed. */
#ifndef RP_PLACEHOLDERS_H
#define RP_PLACEHOLDERS_H

#include "stream.h"

/* A dict name -> (digest bytes, short repr) of every comparable local in `locals` (a dict), new
 * reference. Arrays over 64 MiB and what can't be compared are left out. */
PyObject *rp_placeholders_of(rp_module_state *state, PyObject *locals);
int rp_placeholders_put(PyObject *placeholders,
                        rp_encoder *encoder);       /* a map name -> [digest, text] */
PyObject *rp_placeholders_get(rp_decoder *decoder); /* new reference */
/* Names whose placeholder was edited since the save, while the run never changed the value: a list
 * of (name, saved text, current text), new reference. `saved` and `current` as made above,
 * `values`: the restored values. */
PyObject *rp_placeholders_edited(rp_module_state *state, PyObject *saved, PyObject *current,
                                 PyObject *values);
#endif
