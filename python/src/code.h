/* What can be read from a code object: a hash of what it does, and the `for` loops around a place
 * in it. */
#ifndef RP_CODE_H
#define RP_CODE_H

#include "module.h"

#define RP_CODE_HASH_SIZE 16
/* XXH3-128 over code, constants (nested code, too), names, flags and exception table; not file
 * name, line numbers or docstring. */
int rp_code_hash(PyCodeObject *code, uint8_t hash[RP_CODE_HASH_SIZE]);

/* The line of the outermost plain `for` that began after the restore() call at byte offset
 * `restored_at` and is in progress at byte offset `here`; 0 when there is none. A `for` over a call
 * of an attribute `loop` is not plain. -1: exception. `iterable` receives the source text between
 * `for` and `:` when the file can be read, else NULL (new reference). */
int rp_code_plain_loop(PyCodeObject *code, int restored_at, int here, PyObject **header);
#endif
