/* What this extension keeps with a code object: it dies with the code.
 *
 * Each purpose keeps one thing, and is named by the function that frees it. */
#ifndef RP_CODE_EXTRA_H
#define RP_CODE_EXTRA_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

typedef void (*rp_code_release)(void *extra);

/* Borrowed; NULL without an exception when there is none. */
void *rp_code_extra_get(PyCodeObject *code, rp_code_release purpose);
/* Takes `extra` over in any case; frees what was there. 0 or -1. */
int rp_code_extra_put(PyCodeObject *code, rp_code_release purpose, void *extra);
#endif
