/* Classes whose functions a library has written: dataclasses, named tuples; and enums. */
#ifndef RP_MADE_CLASSES_H
#define RP_MADE_CLASSES_H

#include "../decode.h"
#include "../encode.h"

/* How a class is made again, beside its attributes: under these names in the dict of attributes,
 * which no attribute can have. */
#define RP_DATACLASS   "@dataclass" /* [parameters, [[field, its type, arguments of field()] ..]] */
#define RP_NAMED_TUPLE "@namedtuple" /* true */
#define RP_UNCHANGED   "@unchanged"  /* [name ..] of values that are as the program made them */

/* A function of the library that makes it runs in this thread: what is to come is not known.
 * 1, 0 or -1. */
int rp_made_class_is_begun(PyTypeObject *type);
/* Takes out of `attributes` (a dict) what the library makes again, and puts in how. 0 or -1. */
int rp_made_class_prepare(PyTypeObject *type, PyObject *beginning, PyObject *attributes);
/* Lets the libraries complete a class that has all other attributes. 0 or -1. */
int rp_made_class_finish(PyObject *class, PyObject *attributes);
#endif
