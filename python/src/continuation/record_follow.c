/* What becomes of each entry of the value stack and each empty variable of a record that was read:
 * the code is followed from where the frame stands to wherever it works with them.
 *
 * The interpreter trusts the compiler that FOR_ITER finds an iterator, LIST_APPEND a list, and that
 * a variable has a value where it was set on every way. Instructions that are not known here are
 * not followed any further: this refuses what would crash, never what a program has saved. */
#include "record_follow.h"

#include "base/alloc.h"

#include <string.h>

typedef struct followed {
    int index;    /* of the instruction */
    int position; /* of the entry, from the bottom; a variable has 0 */
} followed;

typedef struct follower {
    const rp_module_state *state;
    const rp_analysis *analysis;
    PyObject *value; /* the entry; NULL: a variable without a value */
    int variable;
    followed *places;
    uint8_t *seen;
    size_t count, room;
    int width; /* positions at an instruction */
    bool failed;
} follower;

static void add(follower *this, int byte_offset, int position) {
    int index = rp_bytecode_index(&this->analysis->bytecode, byte_offset);
    if (index < 0 || position >= this->width || this->analysis->depths[index] < 0) return;
    uint8_t *seen = &this->seen[(size_t)index * (size_t)this->width + (size_t)position];
    if (*seen) return;
    *seen = 1;
    if (this->count == this->room) {
        size_t room = this->room ? 2 * this->room : 64;
        followed *places = rs_reallocate_array(this->places, room, sizeof *places);
        if (!places) {
            this->failed = true;
            return;
        }
        this->places = places;
        this->room = room;
    }
    this->places[this->count++] = (followed){index, position};
}

/* ---- what an instruction needs ---- */

static bool is_tuple_of_cells(PyObject *value) {
    if (!PyTuple_CheckExact(value)) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
        if (!PyCell_Check(PyTuple_GET_ITEM(value, i))) return false;
    return true;
}

/* Of keyword arguments, the last ones of `count`. */
static bool is_tuple_of_names(PyObject *value, int count) {
    if (!PyTuple_CheckExact(value) || PyTuple_GET_SIZE(value) > count) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
        if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(value, i))) return false;
    return true;
}

/* Defaults, keyword defaults, annotations, closure. */
static bool fits_part(int bit, PyObject *value) {
    switch (bit) {
    case 1:
        return PyTuple_CheckExact(value);
    case 2:
        return PyDict_CheckExact(value);
    case 4:
        return PyTuple_CheckExact(value) || PyDict_CheckExact(value);
    case 8:
        return is_tuple_of_cells(value);
    default:
        return true;
    }
}

/* Those whose bits are set stand below the code, the highest bit on top. */
static bool fits_parts(int bits, int below, PyObject *value) {
    int place = 1;
    for (int bit = 8; bit > 0; bit >>= 1) {
        if (!(bits & bit)) continue;
        if (place++ == below) return fits_part(bit, value);
    }
    return true;
}

static bool is_spread_needed(int argument, int below) {
    return below == 0 && (argument & 1);
}

/* The code on top, and what the bits name below it. */
static bool is_of_function(int bits, int below) {
    return below <= (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1) + (bits >> 3 & 1);
}

/* `below`: how far below the top the entry is. */
static bool fits(const follower *this, const rp_instruction *instruction, int below) {
    PyObject *value = this->value;
    int argument = instruction->argument, takes = rp_bytecode_takes(instruction);
    bool is_null = value == this->state->null;
    switch (rp_bytecode_needs(instruction)) {
    case RP_NEEDS_OBJECTS:
        return !is_null || below >= takes;
    case RP_NEEDS_ITERATOR:
        if (below < RP_ABOVE_ITERATOR) return is_null;
        return below > RP_ABOVE_ITERATOR || PyIter_Check(value);
    case RP_NEEDS_SUBITERATOR:
        if (below == 1 && RP_ABOVE_ITERATOR) return is_null;
        return below != 1 + RP_ABOVE_ITERATOR || PyIter_Check(value) || PyCoro_CheckExact(value);
    case RP_NEEDS_SENT:
        return below >= takes || is_null == (below == 1);
    case RP_NEEDS_LIST:
        return below != argument || PyList_CheckExact(value);
    case RP_NEEDS_DICT:
        return below != argument + 1 || PyDict_CheckExact(value);
    case RP_NEEDS_EXCEPTION:
        return below > 0 || PyExceptionInstance_Check(value);
    case RP_NEEDS_LIST_ON_TOP:
        return below > 0 || argument > 1 ||
               PyList_CheckExact(value); /* from 3.12 on 1 of several */
    case RP_NEEDS_KEYWORDS:
        return is_null ? below != (argument & 1)
                       : !is_spread_needed(argument, below) || PyDict_CheckExact(value);
    case RP_NEEDS_PARTS:
        return !is_of_function(argument, below) || (!is_null && fits_parts(argument, below, value));
    case RP_NEEDS_PART:
        return below != 1 || (!is_null && fits_part(argument, value));
    case RP_NEEDS_TEMPLATE:
        return below > 1 || PyTuple_CheckExact(value);
    case RP_NEEDS_NAMES:
        return below > 0 ? !is_null || below == takes - 2 || below >= takes
                         : is_tuple_of_names(value, argument);
    case RP_NEEDS_CALLABLE:
        return !is_null || below > argument;
    case RP_NEEDS_CALLABLE_FIRST:
        return !is_null || below >= takes || below == takes - 2;
    case RP_NEEDS_NOTHING:
    default:
        return true;
    }
}

/* ---- one step ---- */

static int position_after(const rp_instruction *instruction, int depth, int position) {
    if (instruction->meaning != RP_MEANS_SWAP) return position;
    int other = depth - instruction->argument;
    return position == depth - 1 ? other : position == other ? depth - 1 : position;
}

static void go_on(follower *this, const rp_instruction *instruction, int position) {
    if (!(instruction->flags & RP_OP_ENDS)) add(this, instruction->next, position);
    if (instruction->flags & RP_OP_JUMPS) add(this, instruction->target, position);
}

static void go_to_handler(follower *this, const rp_instruction *instruction, int position) {
    const rp_bytecode *bytecode = &this->analysis->bytecode;
    int covered = rp_bytecode_protection(bytecode, instruction);
    if (covered < 0) return;
    const rp_protected *entry = &bytecode->table[covered];
    if (!this->value || position < entry->depth) add(this, entry->handler, position);
}

/* False: it would crash. */
static bool follow_entry(follower *this, followed place) {
    const rp_instruction *instruction = &this->analysis->bytecode.instructions[place.index];
    int depth = this->analysis->depths[place.index], below = depth - 1 - place.position;
    if (below < 0) return true;
    if (!fits(this, instruction, below)) return false;
    go_to_handler(this, instruction, place.position);
    bool moves = instruction->meaning == RP_MEANS_SWAP || instruction->meaning == RP_MEANS_COPY;
    int takes = rp_bytecode_takes(instruction);
    if (!moves && (takes < 0 || below < takes)) return true;
    if (instruction->meaning == RP_MEANS_COPY && below == instruction->argument - 1)
        add(this, instruction->next, depth);
    go_on(this, instruction, position_after(instruction, depth, place.position));
    return true;
}

static bool follow_variable(follower *this, followed place) {
    const rp_instruction *instruction = &this->analysis->bytecode.instructions[place.index];
    rp_local_effect effect = rp_bytecode_local(instruction, this->variable);
    if (effect == RP_LOCAL_CRASHES) return false;
    if (effect == RP_LOCAL_SETS) return true;
    go_to_handler(this, instruction, 0);
    if (effect == RP_LOCAL_STAYS) go_on(this, instruction, 0);
    return true;
}

/* ---- the whole ---- */

/* A `for` asks an iterator without items when the one that it waits for has ended. */
static bool runs_again(const rp_record *record, const rp_instruction *instruction) {
    return record->mode == RP_MODE_AGAIN || record->mode == RP_MODE_OPERAND ||
           instruction->meaning == RP_MEANS_FOR;
}

/* Through the instruction at byte offset `at`, and the handler of `raises` (NULL: none). 1: it
 * fits. 0: it would crash. -1: no memory. */
static int follow_from(follower *this, int at, const rp_instruction *raises, int position) {
    size_t count = (size_t)this->analysis->bytecode.instruction_count;
    this->seen = rs_allocate_zeroed(count + 1, (size_t)this->width);
    this->failed = !this->seen;
    bool good = true;
    if (!this->failed) {
        add(this, at, position);
        if (raises) go_to_handler(this, raises, position);
    }
    while (good && !this->failed && this->count > 0) {
        followed place = this->places[--this->count];
        good = this->value ? follow_entry(this, place) : follow_variable(this, place);
    }
    rs_free(this->places);
    rs_free(this->seen);
    if (this->failed) PyErr_NoMemory();
    return this->failed ? -1 : good;
}

static int follow(follower *this, const rp_record *record, int index, int position) {
    const rp_instruction *instruction = &this->analysis->bytecode.instructions[index];
    int at = runs_again(record, instruction) ? instruction->at : instruction->next;
    return follow_from(this, at, instruction, position);
}

int rp_record_follow_stack(const rp_module_state *state, const rp_record *record,
                           const rp_analysis *analysis, int index) {
    int status = 1;
    for (Py_ssize_t i = 0; status > 0 && i < PyTuple_GET_SIZE(record->stack); i++) {
        follower this = {.state = state,
                         .analysis = analysis,
                         .value = PyTuple_GET_ITEM(record->stack, i),
                         .width = record->code->co_stacksize + 1};
        if (PyBytes_AS_STRING(record->kinds)[i] != RP_KIND_OBJECT &&
            PyBytes_AS_STRING(record->kinds)[i] != RP_KIND_EXCEPTION)
            continue;
        status = follow(&this, record, index, (int)i);
    }
    return status;
}

int rp_record_follow_result(const rp_module_state *state, const rp_record *record,
                            const rp_analysis *analysis, int index) {
    int count = (int)PyTuple_GET_SIZE(record->stack), status = 1;
    const rp_instruction *instruction = &analysis->bytecode.instructions[index];
    bool gives = record->mode != RP_MODE_AGAIN && record->mode != RP_MODE_OPERAND &&
                 record->mode != RP_MODE_YIELD && !(instruction->flags & RP_OP_ENDS);
    int given = gives ? rp_analysis_given(analysis, index, count) : 0;
    for (int i = 0; status > 0 && i < given; i++) {
        follower this = {.state = state,
                         .analysis = analysis,
                         .value = i == 0 ? Py_None : state->null,
                         .width = record->code->co_stacksize + 1};
        status = follow_from(&this, instruction->next, NULL, count + i);
    }
    return status;
}

int rp_record_follow_variables(const rp_module_state *state, const rp_record *record,
                               const rp_analysis *analysis, int index) {
    int status = 1;
    for (Py_ssize_t i = 0; status > 0 && i < PyTuple_GET_SIZE(record->slots); i++) {
        follower this = {.state = state, .analysis = analysis, .variable = (int)i, .width = 1};
        if (PyTuple_GET_ITEM(record->slots, i) == state->null)
            status = follow(&this, record, index, 0);
    }
    return status;
}
