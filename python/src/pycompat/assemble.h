/* Writes byte code of this CPython: instructions with their EXTENDED_ARGs and caches. */
#ifndef RP_ASSEMBLE_H
#define RP_ASSEMBLE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/buffer.h"

typedef enum rp_emitted {
    RP_EMIT_CALL,
    RP_EMIT_CHECK_EXC_MATCH,
    RP_EMIT_COPY_FREE_VARS,
    RP_EMIT_DELETE_DEREF,
    RP_EMIT_DELETE_FAST,
    RP_EMIT_JUMP_FORWARD,
    RP_EMIT_LOAD_CONST,
    RP_EMIT_LOAD_DEREF,
    RP_EMIT_MAKE_CELL,
    RP_EMIT_NOP,
    RP_EMIT_POP_EXCEPT,
    RP_EMIT_POP_JUMP_IF_FALSE, /* forward */
    RP_EMIT_POP_TOP,
    RP_EMIT_PUSH_EXC_INFO,
    RP_EMIT_PUSH_NULL,
    RP_EMIT_RERAISE,
    RP_EMIT_RESUME,
    RP_EMIT_RETURN_GENERATOR,
    RP_EMIT_SEND,
    RP_EMIT_STORE_FAST,
    RP_EMIT_SWAP,
    RP_EMIT_YIELD_VALUE,
} rp_emitted;

/* Appends to `code`; no memory: code->failed. */
void rp_emit(rs_buffer *code, rp_emitted what, int argument);
/* container[key], which are the two topmost values. */
void rp_emit_subscript(rs_buffer *code);
/* NULL and the value in the order that a call wants below its arguments: what `load` emits. */
void rp_emit_callable(rs_buffer *code, void (*load)(void *context), void *context);
/* The call of what rp_emit_callable and `count` further values have pushed. */
void rp_emit_call(rs_buffer *code, int count);
static inline int rp_emitted_units(const rs_buffer *code) {
    return (int)(code->size / 2);
}

/* Units of an instruction without caches that has this argument. */
static inline int rp_emitted_size(int argument) {
    return argument > 0xFFFFFF ? 4 : argument > 0xFFFF ? 3 : argument > 0xFF ? 2 : 1;
}

/* The variable is made a cell by the code itself. */
bool rp_code_makes_cell(PyCodeObject *code, int slot);

/* From 3.14 on the number that the unwinder pushes is no object, so that only the unwinder itself
 * can push it. */
#define RP_LASTI_IS_NO_OBJECT (PY_VERSION_HEX >= 0x030E0000)
/* Until 3.11 the interpreter reads the instruction in front of a `yield` of `yield from`. */
#define RP_THROW_READS_SEND (PY_VERSION_HEX < 0x030C0000)
/* From 3.12 on comprehensions run in the frame around them, and at module level their variables are
 * hidden; that flag of a variable gets lost in a copy of the code. */
#define RP_HAS_HIDDEN_VARIABLES (PY_VERSION_HEX >= 0x030C0000)
#endif
