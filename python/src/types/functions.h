/* Between the files that write functions and classes by the path to their code. */
#ifndef RP_FUNCTIONS_H
#define RP_FUNCTIONS_H

#include "../encode.h"

/* CODE: the path of `code`, or a reference to it. */
int rp_put_code(rp_encoder *encoder, PyCodeObject *code, PyObject *globals);
/* The name of the variable of the call's own that holds `object`, or null. 1: a name. */
int rp_put_own_name(rp_encoder *encoder, PyObject *object);
#endif
