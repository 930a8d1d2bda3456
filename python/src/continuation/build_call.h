/* Between the files that write the prologue of a continuation. */
#ifndef RP_BUILD_CALL_H
#define RP_BUILD_CALL_H

#include "build_code.h"
#include "tables.h"

#include "../pycompat/assemble.h"

typedef struct rp_builder {
    rp_module_state *state;
    const rp_record *record;
    PyCodeObject *code;
    const rp_analysis *analysis;
    const rp_instruction *instruction;
    int slot_count;
    rs_buffer text;       /* the prologue */
    rp_line_writer lines; /* of it */
    rs_buffer exceptions; /* the whole table */
    int loaded;           /* values taken out of the payload so far */
    int none_constant;    /* index of None among the constants */
    int first_constant;   /* of 0, 1, 2 ... */
    int arguments;        /* of the inner function */
    int resume_at;        /* unit of RESUME */
    int back;             /* unit of the original at which the prologue ends */
    int sent;           /* the end of `yield from`, to be reached from the twin; 0: there is none */
    PyObject *caught;   /* borrowed: what the twin may raise and is handled; NULL */
    int protected_end;  /* units from the twin on to here, ... */
    int handler;        /* ... by what begins here: 0: there is none */
    rs_buffer handling; /* that code */
    PyObject *ended;    /* strong: an iterator without items, or NULL */
    rp_made *kept;
} rp_builder;

/* The next value of the payload, which is in the last free variable. `context`: the builder. */
void rp_build_load_next(void *context);
/* Nothing of the payload must live longer than in a run that was never interrupted. */
void rp_build_drop_payload(rp_builder *build);
/* Around what stands for the instruction in progress. */
void rp_build_twin_begins(rp_builder *build);
void rp_build_twin_ends(rp_builder *build);
/* The mode is one of those with a completion. */
bool rp_build_completes(const rp_builder *build);
/* The instruction in progress is that of a `for`. */
bool rp_build_is_for(const rp_builder *build);
/* The call of the inner function, in the place of what is in progress. */
void rp_build_call(rp_builder *build);
/* The handler of what the twin raises; it stands at the end, and goes on at unit `back`. */
void rp_build_handler(rp_builder *build, int back);
/* How many entries of the stack it finds. */
int rp_build_handler_depth(const rp_builder *build);
#endif
