/* Byte code of this CPython: instructions, jumps, and which `for` loops hold an iterator on the
 * value stack at each place.
 *
 * All places are byte offsets in co_code. */
#ifndef RP_BYTECODE_H
#define RP_BYTECODE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

typedef enum rp_meaning { /* instructions that the analysis or its users know by name */
                          RP_MEANS_OTHER,
                          RP_MEANS_FOR,
                          RP_MEANS_GET_ITERATOR,
                          RP_MEANS_CALL,
                          RP_MEANS_CALL_KEYWORDS, /* from 3.13 on */
                          RP_MEANS_CALL_SPREAD,   /* f(*a, **b) */
                          RP_MEANS_CALL_EXIT,     /* __exit__ of a `with` that an exception left */
                          RP_MEANS_PRECALL,       /* 3.11: the first half of a call */
                          RP_MEANS_KEYWORD_NAMES, /* until 3.12: before the call that they are of */
                          RP_MEANS_ATTRIBUTE,
                          RP_MEANS_CONSTANT,
                          RP_MEANS_STORE_NAME,
                          RP_MEANS_COPY,
                          RP_MEANS_SWAP,
                          RP_MEANS_PUSH_HANDLED, /* PUSH_EXC_INFO */
                          RP_MEANS_MAKE_GENERATOR,
                          RP_MEANS_YIELD,
                          RP_MEANS_SEND,
                          RP_MEANS_RESUME,
                          RP_MEANS_LOOP, /* the backward jump at which signals are looked for */
                          RP_MEANS_LOOP_IF_TRUE, /* 3.11: the same of a `while`, under a condition
                                                  */
                          RP_MEANS_LOOP_IF_FALSE,
                          RP_MEANS_LOOP_IF_NONE,
                          RP_MEANS_LOOP_IF_NOT_NONE,
                          RP_MEANS_COMPARE,
                          RP_MEANS_END_ASYNC_FOR,
                          RP_MEANS_ENTER,     /* until 3.13: __enter__ of a `with` */
                          RP_MEANS_SUBSCRIPT, /* until 3.13: then one of BINARY */
                          RP_MEANS_SLICE,
                          RP_MEANS_BINARY,
                          RP_MEANS_NEGATIVE,
                          RP_MEANS_POSITIVE,
                          RP_MEANS_INVERT,
                          RP_MEANS_SET_ATTRIBUTE,
                          RP_MEANS_DELETE_ATTRIBUTE,
                          RP_MEANS_SET_ITEM,
                          RP_MEANS_DELETE_ITEM,
                          RP_MEANS_SET_SLICE,
                          RP_MEANS_EXTEND,   /* a list or set in the making takes an iterable */
                          RP_MEANS_CONTAINS, /* `in` */
                          RP_MEANS_UNPACK,   /* a, b = ... */
                          RP_MEANS_FORMAT,   /* a part of an f-string */
                          RP_MEANS_TEST,     /* whether its operand is true */
                          RP_MEANS_NOTHING,  /* POP_TOP, NOP */
} rp_meaning;

/* Entries above an iterator that belong to it: its index, or NULL. */
enum { RP_ABOVE_ITERATOR = PY_VERSION_HEX >= 0x030F0000 };

typedef enum rp_need { /* what an instruction takes for granted of the entries that it works with */
                       RP_NEEDS_OBJECTS,     /* that they are there */
                       RP_NEEDS_NOTHING,     /* not even that */
                       RP_NEEDS_ITERATOR,    /* FOR_ITER */
                       RP_NEEDS_SUBITERATOR, /* SEND */
                       RP_NEEDS_SENT,        /* END_SEND from 3.15 on */
                       RP_NEEDS_LIST,        /* as far below the top as its argument says */
                       RP_NEEDS_DICT,        /* one further below */
                       RP_NEEDS_EXCEPTION,   /* on the top */
                       RP_NEEDS_LIST_ON_TOP,
                       RP_NEEDS_KEYWORDS, /* of f(*a, **b) */
                       RP_NEEDS_PARTS,    /* of a new function, by the bits of its argument */
                       RP_NEEDS_PART,     /* the one below the function */
                       RP_NEEDS_NAMES,    /* of keywords on top; a callable first */
                       RP_NEEDS_TEMPLATE, /* two tuples */
                       RP_NEEDS_CALLABLE, /* NULL stands below it, or a method and its object */
                       RP_NEEDS_CALLABLE_FIRST, /* NULL, or an object, stands above it */
} rp_need;

typedef enum rp_local_use { /* of the local variables that its argument names */
                            RP_LOCALS_NONE,
                            RP_LOCALS_CHECK, /* raises where it has none: behind it, it has one */
                            RP_LOCALS_SET,
                            RP_LOCALS_SET_SET,
                            RP_LOCALS_SET_READ,
                            RP_LOCALS_READ, /* without a look whether it has a value */
                            RP_LOCALS_READ_READ,
} rp_local_use;

/* What bytecode_tables.h (made from this Python's own `opcode` module) says of an opcode. */
typedef struct rp_opcode {
    uint8_t caches;  /* code units that follow */
    uint8_t meaning; /* rp_meaning */
    uint16_t flags;
    int8_t takes; /* entries, -1: not known; for each of its argument: */
    uint8_t takes_more;
    uint8_t needs;  /* rp_need */
    uint8_t locals; /* rp_local_use */
} rp_opcode;

enum {
    RP_OP_HAS_ARGUMENT = 1,
    RP_OP_JUMPS = 2, /* the argument is a relative target */
    RP_OP_BACKWARD = 4,
    RP_OP_ENDS = 8,   /* the next instruction is not run after it */
    RP_OP_LOADS = 16, /* pushes the variable that the argument names, in the scope: */
    RP_OP_STORES = 32,
    RP_SCOPE_FAST = 64,
    RP_SCOPE_NAME = 128,
    RP_SCOPE_CELL = 256,
    RP_SCOPE = RP_SCOPE_FAST | RP_SCOPE_NAME | RP_SCOPE_CELL,
};

typedef struct rp_instruction {
    int start; /* with its EXTENDED_ARGs */
    int at;    /* behind them: its opcode */
    int next;  /* behind its caches */
    int opcode;
    int argument;
    int target; /* of a jump, else -1 */
    int flags;
    rp_meaning meaning;
    int name; /* ATTRIBUTE, SET_ATTRIBUTE, DELETE_ATTRIBUTE, STORE_NAME, loads and stores: index of
                 the name in its scope; else -1 */
} rp_instruction;

typedef struct rp_protected { /* an entry of the exception table */
    int start, end, handler;
    int depth; /* of the stack that the handler finds, below what the unwinder pushes */
    bool lasti;
} rp_protected;

typedef struct rp_iterator { /* the iterator of a `for` on the stack */
    int loop;                /* its FOR_ITER */
    int slot;
    int below; /* index of the next iterator further down; -1 */
} rp_iterator;

typedef struct rp_place { /* the stack before an instruction */
    int depth;            /* -1: never reached */
    int iterators;        /* index of the topmost rp_iterator; -1 */
} rp_place;

typedef struct rp_bytecode {
    PyObject *bytes; /* co_code without specialisation */
    const uint8_t *code;
    int size;
    rp_instruction *instructions;
    int instruction_count;
    int *instruction_at; /* for each code unit: index of the instruction it belongs to */
    rp_protected *table;
    int table_count;
    rp_place *places; /* for each instruction; NULL until rp_bytecode_analyse */
    rp_iterator *iterators;
    int iterator_count;
} rp_bytecode; /* zero-initialised: empty */

/* Decodes; 0, or -1 with an exception. Release it in any case. */
int rp_bytecode_init(rp_bytecode *bytecode, PyCodeObject *code);
void rp_bytecode_release(rp_bytecode *bytecode);
/* Fills `places`. 0; 1 when the byte code is not understood (nothing is known then); -1. */
int rp_bytecode_analyse(rp_bytecode *bytecode);
/* The instruction that byte offset `at` belongs to; -1 outside. */
int rp_bytecode_index(const rp_bytecode *bytecode, int at);
/* The instruction in progress of a frame that stands at byte offset `at`, which may be in its
 * caches, at the RESUME behind a YIELD_VALUE (from 3.13 on) or at the PRECALL of a call (3.11); -1
 * outside.
 */
int rp_bytecode_standing(const rp_bytecode *bytecode, int at);
/* How many entries more the stack has after the instruction, when it jumps or does not;
 * PY_INVALID_STACK_EFFECT. Of what happens to them, SWAP and COPY apart, only their number. */
int rp_bytecode_effect(const rp_instruction *instruction, bool jumps);
/* How many entries it takes off the stack, of those that are known; -1. */
int rp_bytecode_takes(const rp_instruction *instruction);
rp_need rp_bytecode_needs(const rp_instruction *instruction);
/* What it does with a local variable that has no value, which may be none of those that it names.
 */
typedef enum rp_local_effect {
    RP_LOCAL_CRASHES, /* reads it without a look */
    RP_LOCAL_RAISES,
    RP_LOCAL_SETS,
    RP_LOCAL_STAYS
} rp_local_effect;
rp_local_effect rp_bytecode_local(const rp_instruction *instruction, int index);
/* Index of the exception table entry that covers the instruction; -1. */
int rp_bytecode_protection(const rp_bytecode *bytecode, const rp_instruction *instruction);

/* It is `a[b]`. */
bool rp_bytecode_is_subscript(const rp_instruction *instruction);
/* Of COMPARE: Py_LT to Py_GE; `*to_bool`: the result is made a bool. */
int rp_bytecode_comparison(const rp_instruction *instruction, bool *to_bool);
/* Of FORMAT: 0 by __format__, 1 by str(), 2 by repr(). */
int rp_bytecode_conversion(const rp_instruction *instruction);
/* Of FORMAT: a specification stands above the value. */
bool rp_bytecode_has_specification(const rp_instruction *instruction);
/* Some `try` or `with` of the code catches what is raised in it. */
bool rp_bytecode_handles(const rp_bytecode *bytecode);
/* Some instruction gives the variable in that slot another value, or none. */
bool rp_bytecode_assigns(const rp_bytecode *bytecode, int slot);

/* Where the call at `lasti` stands: 3.11 stops at either of its two instructions, depending on
 * specialisation. */
int rp_bytecode_call_site(PyCodeObject *code, int lasti);

/* The docstring is constant 0 of this function (its text may be left out of a hash). */
bool rp_bytecode_has_docstring(PyCodeObject *code, PyObject *constants);
#endif
