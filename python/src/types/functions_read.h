/* Between the files that read functions and classes by the path to their code. */
#ifndef RP_FUNCTIONS_READ_H
#define RP_FUNCTIONS_READ_H

#include "../decode.h"

/* The value of CODE: a tuple of its parts as a list, the code or None, the namespace or None, the
 * rp_code_found (-1: not trusted) and its full name. No program sees it. */
PyObject *rp_get_code(rp_decoder *decoder);
bool rp_is_code_value(PyObject *value);
/* The first two parts are what they must be. 0 or -1. */
int rp_check_code(rp_decoder *decoder, PyObject *code, PyObject *own_name);
/* The program's own function or class in the variable of that name; borrowed or NULL. */
PyObject *rp_own_definition(rp_decoder *decoder, PyObject *own_name);
/* Opens the two parts of what a variable of a function around the call's own holds. 1 or -1. */
int rp_open_around(rp_decoder *decoder);
/* `object` stands for what had this code. */
int rp_lose_code(rp_decoder *decoder, PyObject *code, PyObject *object);
/* classes_read.c: 1 a frame was opened, -1. */
int rp_open_class(rp_decoder *decoder);
/* Those parts that are not None, by names, for an Opaque. */
PyObject *rp_dict_of_parts(const char *const *names, PyObject *const *parts, Py_ssize_t count);
#endif
