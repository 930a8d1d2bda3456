/* Between the files that make continuations: what is kept with their code, and the code itself. */
#ifndef RP_BUILD_CODE_H
#define RP_BUILD_CODE_H

#include "build.h"

typedef struct rp_made {
    PyCodeObject *original; /* strong */
    int shift;              /* code units of the prologue */
    int unit;               /* of the original: the instruction in progress */
    int kept;               /* entries of the stack below the twin */
    int lead, end;          /* units of the twin of that instruction; 0, 0: there is none */
    rp_mode mode;
    PyObject *bound; /* bytes: of each slot, whether the payload has it */
    int lasti_count;
    int *lasti_at;   /* units of the prologue at which the unwinder pushes a number ... */
    int *lasti_unit; /* ... and what this is in the original */
} rp_made;

/* Also the purpose under which it is kept: pycompat/code_extra.h. */
void rp_made_free(void *extra);
/* The units that the unwinder pushes, as they are in the record; -1 for those that are not there
 * yet. */
void rp_made_note_lasti(rp_made *made, const rp_record *record);
/* A new code object that goes on as the record says; its values are not looked at but for whether
 * they are there. */
PyObject *rp_build_code(rp_module_state *state, const rp_record *record);
#endif
