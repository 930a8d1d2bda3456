/* One captured frame: all that is needed to go on with it in another process.
 *
 * A Python object, so that the object stream can mark it (a running generator is reached from the
 * stack and from variables), and the collector sees it. No program gets hold of one. */
#ifndef RP_RECORD_H
#define RP_RECORD_H

#include "../module.h"

typedef enum rp_mode {
    RP_MODE_VALUE = 0, /* innermost: the call that saves is complete, `value` is its result */
    RP_MODE_CALL = 1,  /* waits for what `inner` returns: the result of the call in progress */
    RP_MODE_INIT = 2,  /* the same of a constructor: the call gives `value`, the new object */
    RP_MODE_AGAIN = 3, /* the instruction runs (again), with the stack as it is before it */
    RP_MODE_YIELD = 4, /* a suspended generator: stands behind its `yield` */
    RP_MODE_NEW = 5,   /* a generator that was not started: `stack` is rp_analysis_new() long */
    /* completion.h: what `inner` returns or raises is completed as `value` says, ... */
    RP_MODE_RESULT = 6,  /* ... and then is the result of the instruction in progress */
    RP_MODE_OPERAND = 7, /* ... and then stands in the place of one of its operands, and it runs */
    RP_MODE_COUNT,
} rp_mode;

/* Waits for `inner`. */
static inline bool rp_mode_waits(long mode) {
    return mode == RP_MODE_CALL || mode == RP_MODE_INIT || mode == RP_MODE_RESULT ||
           mode == RP_MODE_OPERAND;
}

/* Has a `value`. */
static inline bool rp_mode_has_value(long mode) {
    return mode == RP_MODE_VALUE || mode == RP_MODE_INIT || mode == RP_MODE_RESULT ||
           mode == RP_MODE_OPERAND;
}

/* The kinds of entries of a value stack, one letter each. */
enum {
    RP_KIND_OBJECT = 'O',    /* an object, or NULL */
    RP_KIND_PREVIOUS = 'P',  /* what PUSH_EXC_INFO puts aside; `stack` holds the exception that is
                                handled from here on, which is what has to be pushed again */
    RP_KIND_EXCEPTION = 'E', /* an object: the exception, or what `except*` has put in its place */
    RP_KIND_LASTI = 'L',     /* pushed by the unwinder; `stack` holds an int: the code unit */
};

typedef struct rp_record {
    PyObject_HEAD PyCodeObject
        *code;         /* strong: the code that was compiled, never that of a continuation */
    PyObject *globals; /* strong: dict */
    int unit;          /* of the instruction in progress in `code`, its EXTENDED_ARGs left out */
    rp_mode mode;
    PyObject *slots; /* tuple of co_nlocalsplus objects; state->null: empty. Cells as they are */
    PyObject *stack; /* tuple: the entries that are kept, as `kinds` says; state->null: NULL */
    PyObject *kinds; /* bytes, as long as `stack` */
    PyObject *inner; /* strong: record that is called, or NULL */
    PyObject *value; /* strong: of rp_mode_has_value, or NULL */
} rp_record;

/* A new record, empty; NULL with an exception. */
rp_record *rp_record_new(rp_module_state *state);
/* Drops all that it leads to: a record that was used must keep nothing alive. */
void rp_record_clear(rp_record *record);
/* record_parts.c: locals, then the value stack, then the value. Borrowed; NULL for what is empty,
 * or not there. */
PyObject *rp_record_part(const rp_module_state *state, const rp_record *record, Py_ssize_t index);
Py_ssize_t rp_record_part_count(const rp_record *record);
/* Where the frame stands. */
int rp_record_line(const rp_record *record);
/* "line 12 of sim.relax (sim.py): field" */
void rp_record_describe(const rp_record *record, Py_ssize_t index, char *text, size_t size);
/* record_check.c: for records that were read. Code is made of them, which the interpreter runs
 * without a check of its own: what does not fit is refused. 0, or -1 with ValueError.
 * Without the values: the unit is an instruction that the mode allows, `kinds` are those of the
 * analysis, and there are as many slots as the code has. */
int rp_record_check_place(rp_record *record);
/* From the outermost frame, each of which waits for the next: a generator (`is_generator`) begins
 * with one, all others are functions. */
int rp_record_check_chain(rp_record *record, bool is_generator);
/* The values: cells are cells, and what the code goes on with is of the kind that it takes for
 * granted. */
int rp_record_check_values(rp_module_state *state, rp_record *record);

extern PyType_Spec rp_record_spec;
/* The type of state->null, which stands for an empty slot and never leaves this extension. */
extern PyType_Spec rp_null_spec;
#endif
