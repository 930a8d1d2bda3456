/* What can be read from a code object: a hash of what it does, and the `for` loops around a place
 * in it. */
#ifndef RP_CODE_H
#define RP_CODE_H

#include "module.h"

#define RP_CODE_HASH_SIZE 16
/* XXH3-128 over code, constants (nested code, too), names, flags and exception table; not file
 * name, line numbers or docstring. The same in every process of one Python minor. 0, or -1 with an
 * exception. */
int rp_code_hash(PyCodeObject *code, uint8_t hash[RP_CODE_HASH_SIZE]);
/* A hash of its parameters and free variables alone, the same in every Python: another minor makes
 * other byte code of the same source. 0, or -1 with an exception. */
int rp_code_shape(PyCodeObject *code, uint8_t hash[RP_CODE_HASH_SIZE]);
/* The Python whose byte code rp_code_hash sees: 256 times its major number plus its minor. */
#define RP_CODE_VERSION ((uint64_t)Py_Version >> 16)

/* The line of the outermost plain `for` that is in progress at byte offset `here`, where a save is
 * about to happen, and was not at `restored_at`, where restore() was called (-1: not known; then
 * every loop counts); 0 when there is none. A `for` over an expression that calls an attribute
 * `loop` is not plain, but enumerate(chp.loop(x)) and zip(chp.loop(x), y) are: number and y start
 * over. `advice` receives the warning, a str, new reference: "line 12: `for x in items:` starts
 * over when the program is run again; write `for x in chp.loop(items):`". -1: exception. */
int rp_code_plain_loop(PyCodeObject *code, int restored_at, int here, PyObject **advice);
/* Some `for` (or comprehension) is in progress at `here`. False when it can't be told. */
bool rp_code_in_for(PyCodeObject *code, int here);
/* After the call at `here` the item of the innermost `for` is finished: nothing is left to do in
 * its body, and it is a chp.loop. True when it can't be told. */
bool rp_code_ends_item(PyCodeObject *code, int here);
/* The innermost loop of any kind around both places, as the range of byte offsets that it repeats.
 */
bool rp_code_round(PyCodeObject *code, int one, int other, int *start, int *end);
/* What the call at `site` returns is stored into a variable. */
bool rp_code_is_stored(PyCodeObject *code, int site);
/* The same number for a call at byte offset `lasti` whether or not the interpreter has specialised
 * it. */
int rp_code_call_site(PyCodeObject *code, int lasti);
#endif
