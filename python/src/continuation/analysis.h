/* The value stack before each instruction of a code object: how deep, and what kinds of entries. */
#ifndef RP_ANALYSIS_H
#define RP_ANALYSIS_H

#include "record.h"

#include "../pycompat/bytecode.h"

typedef struct rp_analysis {
    rp_bytecode bytecode;
    /* for each instruction: the letters, lowest entry first; NULL: unreachable */
    const char **kinds;
    int *depths;       /* for each instruction; -1: unreachable */
    PyObject *strings; /* what `kinds` points into */
} rp_analysis;

/* Of the code, made at the first call and kept with the code object. Borrowed: as long as the code
 * lives. NULL with an exception: SystemError when the byte code is not understood. */
const rp_analysis *rp_analysis_of(PyCodeObject *code);
/* Index of the instruction that a frame at `unit` stands on, seen from where the interpreter puts
 * it: caches, the RESUME behind a YIELD_VALUE (3.13 and later), PRECALL (3.11) all lead to the
 * instruction in progress. -1. */
int rp_analysis_index(const rp_analysis *analysis, int unit);
/* The unit of an instruction itself, its EXTENDED_ARGs left out: what a record holds. */
int rp_analysis_unit(const rp_analysis *analysis, int index);
/* How many entries a call (any instruction with one result) leaves on the stack, without its
 * result. -1: unreachable. */
int rp_analysis_kept(const rp_analysis *analysis, int index);
/* What an instruction that is completed by the result of a function leaves above `kept` entries.
 * 1: the result. 0: nothing, the result is dropped. 2: the result, with an empty entry above it.
 */
int rp_analysis_given(const rp_analysis *analysis, int index, int kept);
/* How many entries a generator has that was not started: from 3.15 on a generator expression gets
 * its iterator before. -1: the code is of no generator. */
int rp_analysis_new(const rp_analysis *analysis);
#endif
