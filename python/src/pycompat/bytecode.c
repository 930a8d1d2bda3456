/* Decodes byte code and follows the value stack far enough to know the iterators on it. */
#include "bytecode.h"

#include <opcode.h> /* NB_SUBSCR */

#include "base/alloc.h"

#include "bytecode_tables.h"

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x03100000
#error "byte code of CPython 3.11 to 3.15 only"
#endif
#if PY_MINOR_VERSION != RP_BYTECODE_TABLES_MINOR
#error "bytecode_tables.h was made by another Python"
#endif

enum { SIZE_MAX_HERE = 1 << 28 }; /* far above any function; keeps all arithmetic in an int */

static int name_of(const rp_instruction *instruction) {
    if (instruction->opcode == RP_OPCODE_LOAD_ATTR)
        return instruction->argument >> RP_LOAD_ATTR_SHIFT;
    if (instruction->meaning == RP_MEANS_ATTRIBUTE ||
        instruction->meaning == RP_MEANS_SET_ATTRIBUTE ||
        instruction->meaning == RP_MEANS_DELETE_ATTRIBUTE)
        return instruction->argument;
    if (instruction->opcode == RP_OPCODE_LOAD_GLOBAL)
        return instruction->argument >> RP_LOAD_GLOBAL_SHIFT;
    if (instruction->flags & (RP_OP_LOADS | RP_OP_STORES)) return instruction->argument;
    return -1;
}

static int decode_instructions(rp_bytecode *bytecode) {
    int units = bytecode->size / 2, count = 0, start = 0;
    uint32_t extended = 0;
    bytecode->instructions = rs_allocate_array((size_t)units + 1, sizeof *bytecode->instructions);
    bytecode->instruction_at = rs_allocate_array((size_t)units + 1, sizeof(int));
    if (!bytecode->instructions || !bytecode->instruction_at) {
        PyErr_NoMemory();
        return -1;
    }
    for (int unit = 0; unit < units;) {
        int opcode = bytecode->code[2 * unit];
        uint32_t argument = extended | bytecode->code[2 * unit + 1];
        if (opcode == RP_OPCODE_EXTENDED_ARG) {
            bytecode->instruction_at[unit] = count;
            extended = argument << 8;
            unit++;
            continue;
        }
        int at = 2 * unit, next = unit + 1 + rp_opcodes[opcode].caches;
        if (next > units) next = units;
        for (; unit < next; unit++)
            bytecode->instruction_at[unit] = count;
        rp_instruction *instruction = &bytecode->instructions[count++];
        *instruction = (rp_instruction){.start = start,
                                        .at = at,
                                        .next = 2 * next,
                                        .opcode = opcode,
                                        .argument = (int)(argument & INT32_MAX),
                                        .target = -1,
                                        .flags = rp_opcodes[opcode].flags,
                                        .meaning = rp_opcodes[opcode].meaning};
        instruction->name = name_of(instruction);
        if (instruction->flags & RP_OP_JUMPS) {
            int64_t distance = 2 * (int64_t)instruction->argument;
            int64_t target =
                instruction->next + (instruction->flags & RP_OP_BACKWARD ? -distance : distance);
            instruction->target = target >= 0 && target < bytecode->size ? (int)target : -1;
        }
        extended = 0;
        start = 2 * next;
    }
    bytecode->instruction_count = count;
    return 0;
}

/* Objects/exception_handling_notes.txt: 6 bits a byte, the highest first, bit 6: more follow. */
static int table_number(const uint8_t *table, Py_ssize_t size, Py_ssize_t *position) {
    int64_t value = 0;
    bool more = true;
    while (more && *position < size && value < SIZE_MAX_HERE) {
        uint8_t byte = table[(*position)++];
        value = value << 6 | (byte & 63);
        more = byte & 64;
    }
    return value < SIZE_MAX_HERE ? (int)value : SIZE_MAX_HERE;
}

static int decode_table(rp_bytecode *bytecode, PyObject *bytes) {
    const uint8_t *table = (const uint8_t *)PyBytes_AS_STRING(bytes);
    Py_ssize_t size = PyBytes_GET_SIZE(bytes), position = 0;
    bytecode->table = rs_allocate_array((size_t)size / 4 + 1, sizeof *bytecode->table);
    if (!bytecode->table) {
        PyErr_NoMemory();
        return -1;
    }
    while (position + 4 <= size) {
        int start = table_number(table, size, &position);
        int length = table_number(table, size, &position);
        int handler = table_number(table, size, &position);
        int depth = table_number(table, size, &position);
        bytecode->table[bytecode->table_count++] = (rp_protected){.start = 2 * start,
                                                                  .end = 2 * (start + length),
                                                                  .handler = 2 * handler,
                                                                  .depth = depth >> 1,
                                                                  .lasti = depth & 1};
    }
    return 0;
}

int rp_bytecode_init(rp_bytecode *bytecode, PyCodeObject *code) {
    bytecode->bytes = PyCode_GetCode(code);
    if (!bytecode->bytes) return -1;
    Py_ssize_t size = PyBytes_GET_SIZE(bytecode->bytes);
    if (size > SIZE_MAX_HERE) {
        PyErr_SetString(PyExc_OverflowError, "byte code too long");
        return -1;
    }
    bytecode->code = (const uint8_t *)PyBytes_AS_STRING(bytecode->bytes);
    bytecode->size = (int)size;
    if (decode_instructions(bytecode)) return -1;
    PyObject *table = PyObject_GetAttrString((PyObject *)code, "co_exceptiontable");
    if (!table) return -1;
    int result = decode_table(bytecode, table);
    Py_DECREF(table);
    return result;
}

void rp_bytecode_release(rp_bytecode *bytecode) {
    Py_XDECREF(bytecode->bytes);
    rs_free(bytecode->instructions);
    rs_free(bytecode->instruction_at);
    rs_free(bytecode->table);
    rs_free(bytecode->places);
    rs_free(bytecode->iterators);
    *bytecode = (rp_bytecode){0};
}

int rp_bytecode_index(const rp_bytecode *bytecode, int at) {
    if (at < 0 || at >= bytecode->size) return -1;
    return bytecode->instruction_at[at / 2];
}

int rp_bytecode_protection(const rp_bytecode *bytecode, const rp_instruction *instruction) {
    int low = 0, high = bytecode->table_count; /* the entries are sorted and do not overlap */
    while (low < high) {
        int middle = low + (high - low) / 2;
        const rp_protected *entry = &bytecode->table[middle];
        if (entry->end <= instruction->start) {
            low = middle + 1;
        } else if (entry->start > instruction->start) {
            high = middle;
        } else {
            return middle;
        }
    }
    return -1;
}

int rp_bytecode_standing(const rp_bytecode *bytecode, int at) {
    int index = rp_bytecode_index(bytecode, at);
    if (index < 0) return -1;
    rp_meaning meaning = bytecode->instructions[index].meaning;
    if (meaning == RP_MEANS_PRECALL && index + 1 < bytecode->instruction_count) return index + 1;
#if PY_VERSION_HEX >= 0x030D0000
    if (meaning == RP_MEANS_RESUME && index > 0 &&
        bytecode->instructions[index - 1].meaning == RP_MEANS_YIELD)
        return index - 1;
#endif
    return index;
}

int rp_bytecode_effect(const rp_instruction *instruction, bool jumps) {
    switch (instruction->meaning) {
    case RP_MEANS_PRECALL: /* 3.11 splits the effect oddly between the two; together it is right */
        return 0;
    case RP_MEANS_CALL:
        return -instruction->argument - 1;
    case RP_MEANS_PUSH_HANDLED:
    case RP_MEANS_MAKE_GENERATOR: /* the generator finds what its first `send` gives */
        return 1;
    default:
        return PyCompile_OpcodeStackEffectWithJump(
            instruction->opcode,
            instruction->flags & RP_OP_HAS_ARGUMENT ? instruction->argument : 0, jumps);
    }
}

/* A place that is still to be followed. */
typedef struct pending {
    int index;
    rp_place place;
} pending;

typedef struct analysis {
    rp_bytecode *bytecode;
    pending *work;
    int work_count;
    bool strange; /* the stack does not come out even */
} analysis;

/* Iterators at `depth` and above are gone. */
static int without_above(const rp_bytecode *bytecode, int iterator, int depth) {
    while (iterator >= 0 && bytecode->iterators[iterator].slot >= depth)
        iterator = bytecode->iterators[iterator].below;
    return iterator;
}

static int with_iterator(rp_bytecode *bytecode, int loop, int slot, int below) {
    bytecode->iterators[bytecode->iterator_count] =
        (rp_iterator){.loop = loop, .slot = slot, .below = below};
    return bytecode->iterator_count++;
}

static void follow(analysis *work, int target, rp_place place) {
    int index = rp_bytecode_index(work->bytecode, target);
    if (index < 0 || place.depth < 0) {
        work->strange = true;
        return;
    }
    const rp_place *known = &work->bytecode->places[index];
    if (known->depth >= 0) {
        work->strange |= known->depth != place.depth;
        return;
    }
    work->work[work->work_count++] = (pending){index, place};
}

static rp_place after(analysis *work, const rp_instruction *instruction, rp_place place,
                      bool jumps) {
    rp_bytecode *bytecode = work->bytecode;
    int effect;
    if (instruction->meaning == RP_MEANS_SWAP) {
        /* `return` in a loop swaps its value below the iterator before that is dropped */
        int slot = place.depth - instruction->argument, top = place.iterators;
        if (top >= 0 && bytecode->iterators[top].slot == slot)
            place.iterators = with_iterator(bytecode, bytecode->iterators[top].loop,
                                            place.depth - 1, bytecode->iterators[top].below);
        return place;
    }
    effect = rp_bytecode_effect(instruction, jumps);
    if (effect == PY_INVALID_STACK_EFFECT) {
        work->strange = true;
        return place;
    }
    if (instruction->meaning == RP_MEANS_FOR && jumps) /* exhausted */
        place.iterators = without_above(bytecode, place.iterators, place.depth - 1);
    place.depth += effect;
    if (effect < 0) place.iterators = without_above(bytecode, place.iterators, place.depth);
    return place;
}

static void visit(analysis *work, pending item) {
    rp_bytecode *bytecode = work->bytecode;
    const rp_instruction *instruction = &bytecode->instructions[item.index];
    rp_place place = item.place;
    if (bytecode->places[item.index].depth >= 0) return;
    if (instruction->meaning == RP_MEANS_FOR) {
        int slot = place.depth - 1;
        place.iterators = with_iterator(bytecode, instruction->start, slot,
                                        without_above(bytecode, place.iterators, slot));
    }
    bytecode->places[item.index] = place;
    int covered = rp_bytecode_protection(bytecode, instruction);
    if (covered >= 0) {
        const rp_protected *entry = &bytecode->table[covered];
        follow(work, entry->handler,
               (rp_place){.depth = entry->depth + entry->lasti + 1,
                          .iterators = without_above(bytecode, place.iterators, entry->depth)});
    }
    if (instruction->target >= 0)
        follow(work, instruction->target, after(work, instruction, place, true));
    if (!(instruction->flags & RP_OP_ENDS))
        follow(work, instruction->next, after(work, instruction, place, false));
}

int rp_bytecode_analyse(rp_bytecode *bytecode) {
    size_t count = (size_t)bytecode->instruction_count;
    int result = -1;
    /* each instruction is visited once, adds at most one iterator and three places to follow; SWAP
     * may add one iterator */
    analysis work = {.bytecode = bytecode,
                     .work = rs_allocate_array(3 * count + 1, sizeof(pending))};
    bytecode->places = rs_allocate_array(count + 1, sizeof *bytecode->places);
    bytecode->iterators = rs_allocate_array(2 * count + 1, sizeof *bytecode->iterators);
    if (!work.work || !bytecode->places || !bytecode->iterators) {
        PyErr_NoMemory();
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        bytecode->places[i] = (rp_place){.depth = -1, .iterators = -1};
    if (count > 0) work.work[work.work_count++] = (pending){0, {.depth = 0, .iterators = -1}};
    while (work.work_count > 0 && !work.strange)
        visit(&work, work.work[--work.work_count]);
    result = work.strange ? 1 : 0;
done:
    rs_free(work.work);
    return result;
}

bool rp_bytecode_is_subscript(const rp_instruction *instruction) {
#ifdef NB_SUBSCR
    if (instruction->meaning == RP_MEANS_BINARY) return instruction->argument == NB_SUBSCR;
#endif
    return instruction->meaning == RP_MEANS_SUBSCRIPT;
}

int rp_bytecode_comparison(const rp_instruction *instruction, bool *to_bool) {
    *to_bool = false;
#if PY_VERSION_HEX >= 0x030D0000
    *to_bool = instruction->argument & 16;
    return instruction->argument >> 5;
#elif PY_VERSION_HEX >= 0x030C0000
    return instruction->argument >> 4;
#else
    return instruction->argument;
#endif
}

int rp_bytecode_conversion(const rp_instruction *instruction) {
    bool converts = instruction->opcode == RP_OPCODE_FORMAT_VALUE ||
                    instruction->opcode == RP_OPCODE_CONVERT_VALUE;
    int how = converts ? instruction->argument & 3 : 0;
    return how == 3 ? 2 : how; /* ascii() asks __repr__, too */
}

bool rp_bytecode_has_specification(const rp_instruction *instruction) {
    if (instruction->opcode == RP_OPCODE_FORMAT_VALUE) return instruction->argument & 4;
    return instruction->opcode == RP_OPCODE_FORMAT_WITH_SPEC;
}

bool rp_bytecode_handles(const rp_bytecode *bytecode) {
    for (int i = 0; i < bytecode->instruction_count; i++)
        if (bytecode->instructions[i].meaning == RP_MEANS_PUSH_HANDLED) return true;
    return false;
}

bool rp_bytecode_assigns(const rp_bytecode *bytecode, int slot) {
    const int scopes = RP_SCOPE_FAST | RP_SCOPE_CELL;
    for (int i = 0; i < bytecode->instruction_count; i++) {
        const rp_instruction *instruction = &bytecode->instructions[i];
        int opcode = instruction->opcode, argument = instruction->argument;
        if (instruction->flags & RP_OP_STORES && instruction->flags & scopes && argument == slot)
            return true;
        if ((opcode == RP_OPCODE_DELETE_FAST || opcode == RP_OPCODE_DELETE_DEREF) &&
            argument == slot)
            return true;
        /* two in one, four bits each */
        if ((opcode == RP_OPCODE_STORE_FAST_LOAD_FAST ||
             opcode == RP_OPCODE_STORE_FAST_STORE_FAST) &&
            argument >> 4 == slot)
            return true;
        if (opcode == RP_OPCODE_STORE_FAST_STORE_FAST && (argument & 15) == slot) return true;
    }
    return false;
}

int rp_bytecode_call_site(PyCodeObject *code, int lasti) {
#if PY_VERSION_HEX < 0x030C0000
    PyObject *bytes = PyCode_GetCode(code);
    if (!bytes) {
        PyErr_Clear();
        return lasti;
    }
    if (lasti >= 0 && lasti < PyBytes_GET_SIZE(bytes) &&
        (uint8_t)PyBytes_AS_STRING(bytes)[lasti] == RP_OPCODE_PRECALL)
        lasti += 2 + 2 * rp_opcodes[RP_OPCODE_PRECALL].caches;
    Py_DECREF(bytes);
#else
    (void)code;
#endif
    return lasti;
}

bool rp_bytecode_has_docstring(PyCodeObject *code, PyObject *constants) {
    if (!(code->co_flags & CO_OPTIMIZED) || PyTuple_GET_SIZE(constants) == 0 ||
        !PyUnicode_CheckExact(PyTuple_GET_ITEM(constants, 0)))
        return false;
#if PY_VERSION_HEX >= 0x030E0000
    return code->co_flags & CO_HAS_DOCSTRING;
#else
    /* a `def` has its docstring or None there; comprehensions and lambdas have names like these */
    return PyUnicode_READ_CHAR(code->co_name, 0) != '<';
#endif
}

int rp_bytecode_takes(const rp_instruction *instruction) {
    const rp_opcode *opcode = &rp_opcodes[instruction->opcode];
    if (opcode->takes < 0) return -1;
    return opcode->takes + opcode->takes_more * instruction->argument;
}

rp_need rp_bytecode_needs(const rp_instruction *instruction) {
    return rp_opcodes[instruction->opcode].needs;
}

rp_local_effect rp_bytecode_local(const rp_instruction *instruction, int index) {
    int high = instruction->argument >> 4, low = instruction->argument & 15;
    bool is_it = instruction->argument == index, is_one = high == index || low == index;
    switch ((rp_local_use)rp_opcodes[instruction->opcode].locals) {
    case RP_LOCALS_CHECK:
        return is_it ? RP_LOCAL_RAISES : RP_LOCAL_STAYS;
    case RP_LOCALS_SET:
        return is_it ? RP_LOCAL_SETS : RP_LOCAL_STAYS;
    case RP_LOCALS_READ:
        return is_it ? RP_LOCAL_CRASHES : RP_LOCAL_STAYS;
    case RP_LOCALS_SET_SET:
        return is_one ? RP_LOCAL_SETS : RP_LOCAL_STAYS;
    case RP_LOCALS_READ_READ:
        return is_one ? RP_LOCAL_CRASHES : RP_LOCAL_STAYS;
    case RP_LOCALS_SET_READ: /* in this order */
        return high == index ? RP_LOCAL_SETS : low == index ? RP_LOCAL_CRASHES : RP_LOCAL_STAYS;
    case RP_LOCALS_NONE:
    default:
        return RP_LOCAL_STAYS;
    }
}
