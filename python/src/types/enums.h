/* Classes of enums: what their members are is state, and made without any code of the program. */
#ifndef RP_ENUMS_H
#define RP_ENUMS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* In the beginning: dict member -> (value, arguments of __new__ of the class in C below it), and
 * what is done with other bits of a Flag. */
#define RP_ENUM          "@enum"
#define RP_ENUM_BOUNDARY "@boundary"
/* In the attributes: dict member -> its attributes beside Enum's own (and RP_ENUM_SLOTS: a dict),
 * and what EnumMeta keeps of how they were made: a dict. */
#define RP_ENUM_MEMBERS "@members"
#define RP_ENUM_SLOTS   "@slots"
#define RP_ENUM_MAKING  "@making"

int rp_is_enum(PyTypeObject *metaclass); /* 1, 0 or -1 */
/* Takes out of `attributes` (a dict) what EnumMeta makes again, and puts in how. 0 or -1. */
int rp_enum_prepare(PyTypeObject *type, PyObject *beginning, PyObject *attributes);
/* _enum_member(class, value, arguments), or with the two as a tuple: what EnumMeta calls for each
 */
PyObject *rp_enum_member(PyObject *module, PyObject *args);
/* New reference, or NULL with an exception. */
PyObject *rp_made_enum(PyObject *metaclass, PyObject *name, PyObject *bases, PyObject *namespace);
/* When it has all other attributes. 0 or -1. */
int rp_enum_finish(PyObject *class, PyObject *attributes);
#endif
