/* Between the files that write functions and classes by the path to their code. */
#ifndef RP_FUNCTIONS_H
#define RP_FUNCTIONS_H

#include "../encode.h"

/* CODE: the path of `code`, or a reference to it. */
int rp_put_code(rp_encoder *encoder, PyCodeObject *code, PyObject *globals);
/* The variable of the call's own, or of a function around it, that holds the object; borrowed or
 * NULL. */
PyObject *rp_own_name_of(rp_encoder *encoder, PyObject *object, bool *is_around);
/* The values that the program itself gave to this class: a dict or None, borrowed. */
PyObject *rp_own_constants_of(rp_encoder *encoder, PyObject *object);
enum { RP_WRITTEN = 2 }; /* beside RP_DONE and RP_REFUSED: nothing more is to come */
/* Begins TAG [code, variable ...] of `count` parts. RP_WRITTEN: it is a name of a function around
 * the call's own, and complete. */
int rp_put_definition(rp_encoder *encoder, PyObject *object, uint64_t tag, PyCodeObject *code,
                      PyObject *globals, size_t count);
#endif
