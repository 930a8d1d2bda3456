/* Writes instructions by the numbers that this Python's own `opcode` module gives them. */
#include "assemble.h"

#include "bytecode.h"

#include "bytecode_tables.h"

#define Py_BUILD_CORE 1
#include <internal/pycore_code.h>
#undef Py_BUILD_CORE

static const int opcodes[] = {
    [RP_EMIT_CALL] = RP_OPCODE_CALL,
    [RP_EMIT_CHECK_EXC_MATCH] = RP_OPCODE_CHECK_EXC_MATCH,
    [RP_EMIT_COPY_FREE_VARS] = RP_OPCODE_COPY_FREE_VARS,
    [RP_EMIT_DELETE_DEREF] = RP_OPCODE_DELETE_DEREF,
    [RP_EMIT_DELETE_FAST] = RP_OPCODE_DELETE_FAST,
    [RP_EMIT_JUMP_FORWARD] = RP_OPCODE_JUMP_FORWARD,
    [RP_EMIT_LOAD_CONST] = RP_OPCODE_LOAD_CONST,
    [RP_EMIT_LOAD_DEREF] = RP_OPCODE_LOAD_DEREF,
    [RP_EMIT_MAKE_CELL] = RP_OPCODE_MAKE_CELL,
    [RP_EMIT_NOP] = RP_OPCODE_NOP,
    [RP_EMIT_POP_EXCEPT] = RP_OPCODE_POP_EXCEPT,
#if PY_VERSION_HEX < 0x030C0000
    [RP_EMIT_POP_JUMP_IF_FALSE] = RP_OPCODE_POP_JUMP_FORWARD_IF_FALSE,
#else
    [RP_EMIT_POP_JUMP_IF_FALSE] = RP_OPCODE_POP_JUMP_IF_FALSE,
#endif
    [RP_EMIT_POP_TOP] = RP_OPCODE_POP_TOP,
    [RP_EMIT_PUSH_EXC_INFO] = RP_OPCODE_PUSH_EXC_INFO,
    [RP_EMIT_PUSH_NULL] = RP_OPCODE_PUSH_NULL,
    [RP_EMIT_RERAISE] = RP_OPCODE_RERAISE,
    [RP_EMIT_RESUME] = RP_OPCODE_RESUME,
    [RP_EMIT_RETURN_GENERATOR] = RP_OPCODE_RETURN_GENERATOR,
    [RP_EMIT_SEND] = RP_OPCODE_SEND,
    [RP_EMIT_STORE_FAST] = RP_OPCODE_STORE_FAST,
    [RP_EMIT_SWAP] = RP_OPCODE_SWAP,
    [RP_EMIT_YIELD_VALUE] = RP_OPCODE_YIELD_VALUE,
};

static void put(rs_buffer *code, int opcode, int argument) {
    static const uint8_t cache[2] = {0, 0};
    for (int shift = 24; shift > 0; shift -= 8)
        if ((unsigned)argument >> shift) {
            uint8_t extended[2] = {RP_OPCODE_EXTENDED_ARG, (uint8_t)(argument >> shift & 255)};
            rs_buffer_append(code, extended, sizeof extended);
        }
    uint8_t unit[2] = {(uint8_t)opcode, (uint8_t)(argument & 255)};
    rs_buffer_append(code, unit, sizeof unit);
    for (int i = 0; i < rp_opcodes[opcode].caches; i++)
        rs_buffer_append(code, cache, sizeof cache);
}

void rp_emit(rs_buffer *code, rp_emitted what, int argument) {
    put(code, opcodes[what], argument);
}

void rp_emit_subscript(rs_buffer *code) {
#if PY_VERSION_HEX >= 0x030E0000
    enum { SUBSCRIPT = 26 }; /* NB_SUBSCR of opcode.h */
    put(code, RP_OPCODE_BINARY_OP, SUBSCRIPT);
#else
    put(code, RP_OPCODE_BINARY_SUBSCR, 0);
#endif
}

void rp_emit_callable(rs_buffer *code, void (*load)(void *context), void *context) {
#if PY_VERSION_HEX >= 0x030D0000
    load(context);
    rp_emit(code, RP_EMIT_PUSH_NULL, 0);
#else
    rp_emit(code, RP_EMIT_PUSH_NULL, 0);
    load(context);
#endif
}

void rp_emit_call(rs_buffer *code, int count) {
#if PY_VERSION_HEX < 0x030C0000
    put(code, RP_OPCODE_PRECALL, count);
#endif
    put(code, RP_OPCODE_CALL, count);
}

bool rp_code_makes_cell(PyCodeObject *code, int slot) {
    return PyBytes_AS_STRING(code->co_localspluskinds)[slot] & CO_FAST_CELL;
}
