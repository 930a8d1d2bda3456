/* Functions and classes in the variables of a call: most are made by the program itself before
 * restore(), some are state. */
#ifndef RP_DEFINITIONS_H
#define RP_DEFINITIONS_H

#include "checkpoint.h"
#include "loaded.h"

/* A dict name -> object of the functions and classes among `values` (a dict of locals). */
PyObject *rp_definitions_of(PyObject *values);
/* Remembers what the program itself had made when restore() was called, by weak references. */
int rp_definitions_remember(rp_checkpoint *self, PyObject *values);
/* The program makes it again before restore(), as it is now: there is nothing to save. At module
 * level that is all that stands under its own name; in a function a function without any state of
 * its own, or what belongs to the functions around it. */
bool rp_definitions_is_made_anew(const rp_checkpoint *self, PyObject *name, PyObject *value);
/* It is still what the program made before restore(): nothing is lost when it can't be saved. */
bool rp_definitions_is_own(const rp_checkpoint *self, PyObject *name, PyObject *value);
/* Tells the encoder which cells, functions and classes are variables of the frame. */
int rp_definitions_own(const rp_checkpoint *self, rp_encoder *encoder, PyFrameObject *frame);

/* Takes out of what was read all that leads to functions, classes and methods that are not there
 * any more or have other code, and warns: the program's own values stay. *dropped is then set: what
 * was found must be set aside (rs_checkpoint_start_over) once nothing of it is needed. */
int rp_definitions_drop_lost(rp_checkpoint *self, rp_decoder *decoder, rp_loaded *loaded,
                             bool *dropped);
#endif
