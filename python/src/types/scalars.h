/* numpy's numbers that hold the bytes of their value behind their head. */
#ifndef RP_SCALARS_H
#define RP_SCALARS_H

#include "../decode.h"
#include "../encode.h"

/* What rp_scalar_learn finds out about a type of which an object was just written the general way,
 * from `start` on: the next ones are copied. 0, or -1 with an exception. */
int rp_scalar_learn(rp_encoder *encoder, PyObject *object, size_t start);
/* Writes an object of a type that was learnt; false: it is none. */
bool rp_scalar_put(rp_encoder *encoder, PyObject *object);
/* The same for reading: the content of the SCALAR began at `start`. */
int rp_scalar_learn_read(rp_decoder *decoder, size_t start, PyObject *value);
/* 1: *value is the scalar whose content comes next. 0: it is none that was learnt, nothing is read.
 * -1: exception. */
int rp_scalar_get(rp_decoder *decoder, PyObject **value);
#endif
