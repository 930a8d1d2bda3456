/* Objects whose class says by __getstate__ what of them is saved, or by __setstate__ what becomes
 * of it: written for copies in other processes. A program that goes on has the very object, with
 * all that it holds. */
#ifndef RP_TYPES_WHOLE_STATE_H
#define RP_TYPES_WHOLE_STATE_H

#include "../stream.h"

/* That method of the class is a function of the program, and of no installed package. */
bool rp_is_method_of_program(PyTypeObject *type, const char *method);
/* The class is one of the program, with such a method. */
bool rp_hides_state(PyTypeObject *type);
/* (copyreg.__newobj__, (class,), attributes and slots, ..., _set_whole). New reference. */
PyObject *rp_whole_reduction(rp_encoder *encoder, PyObject *object);
/* The value can't be written: because of something that is in such an object, outside of all
 * others? Then the class is asked from now on (in this process), and the value is written once
 * more. 1, 0, or -1 with an exception. */
int rp_ask_for_state(rp_encoder *encoder, size_t base);
/* _set_whole(object, state): named by saved states. */
PyObject *rp_set_whole(PyObject *module, PyObject *const *args, Py_ssize_t count);
#endif
