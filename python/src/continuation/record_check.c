/* Whether a record that was read fits the code that it is to go on with.
 *
 * The interpreter takes for granted what the compiler has made sure of: a record that breaks it
 * would not raise, but crash. Only a file that bears the user's own key gets here; one that was
 * made with a stolen key, or by a resume with a bug, is refused all the same. */
#include "completion.h"
#include "record_follow.h"

#include <string.h>

static int misfit(const rp_record *record, const char *what) {
    PyErr_Format(PyExc_ValueError, "a captured frame of '%U' does not fit its code: %s",
                 record->code->co_qualname, what);
    return -1;
}

/* ---- the place ---- */

static bool is_object_kind(char kind) {
    return kind == RP_KIND_OBJECT || kind == RP_KIND_EXCEPTION;
}

/* The first `count` entries are of kinds that can stand for one another. */
static bool agree(const char *kinds, const char *others, int count) {
    for (int i = 0; i < count; i++)
        if (kinds[i] != others[i] && !(is_object_kind(kinds[i]) && is_object_kind(others[i])))
            return false;
    return true;
}

static bool is_call(const rp_instruction *instruction) {
    switch (instruction->meaning) {
    case RP_MEANS_CALL:
    case RP_MEANS_CALL_KEYWORDS:
    case RP_MEANS_CALL_SPREAD:
    case RP_MEANS_CALL_EXIT:
        return true;
    default:
        return false;
    }
}

/* Behind the instruction there are the entries that are kept, and what it gives: one object; two
 * where an attribute is looked up to be called; none where one is set, or an item. */
static bool fits_result(const rp_analysis *analysis, int index, const char *kinds, int count) {
    const rp_instruction *instruction = &analysis->bytecode.instructions[index];
    int next = rp_bytecode_index(&analysis->bytecode, instruction->next);
    if (next < 0 || (instruction->flags & RP_OP_ENDS) || count > analysis->depths[index])
        return false;
    int given = analysis->depths[next] - count;
    if (given < (is_call(instruction) ? 1 : 0) || given > (is_call(instruction) ? 1 : 2) ||
        !agree(kinds, analysis->kinds[next], count))
        return false;
    for (int i = count; i < count + given; i++)
        if (!is_object_kind(analysis->kinds[next][i])) return false;
    return true;
}

static bool fits_mode(const rp_analysis *analysis, int index, const rp_record *record) {
    const char *kinds = PyBytes_AS_STRING(record->kinds);
    int count = (int)PyBytes_GET_SIZE(record->kinds), depth = analysis->depths[index];
    const rp_instruction *instruction = &analysis->bytecode.instructions[index];
    switch (record->mode) {
    case RP_MODE_VALUE:
    case RP_MODE_CALL:
    case RP_MODE_INIT:
    case RP_MODE_RESULT:
        if (instruction->meaning == RP_MEANS_FOR && count < depth) return false;
        return fits_result(analysis, index, kinds, count);
    case RP_MODE_AGAIN:
    case RP_MODE_OPERAND:
        return count == depth;
    case RP_MODE_YIELD:
        return instruction->meaning == RP_MEANS_YIELD && count == depth - 1;
    case RP_MODE_NEW:
    case RP_MODE_COUNT:
    default:
        return false;
    }
}

/* What stands before the first RESUME makes the cells and the generator, once. */
static bool has_begun(const rp_analysis *analysis, int index) {
    int first = 0;
    while (first < index && analysis->bytecode.instructions[first].meaning != RP_MEANS_RESUME)
        first++;
    return analysis->bytecode.instructions[first].meaning == RP_MEANS_RESUME;
}

int rp_record_check_place(rp_record *record) {
    const int kinds_of_generators = CO_COROUTINE | CO_ASYNC_GENERATOR;
    if (record->code->co_flags & kinds_of_generators) return misfit(record, "it is a coroutine");
    if (PyTuple_GET_SIZE(record->slots) != record->code->co_nlocalsplus)
        return misfit(record, "another number of variables");
    const rp_analysis *analysis = rp_analysis_of(record->code);
    if (!analysis) {
        if (!PyErr_ExceptionMatches(PyExc_SystemError)) return -1;
        PyErr_Clear();
        return misfit(record, "its byte code is not understood");
    }
    if (record->mode == RP_MODE_NEW) {
        const char *kinds = PyBytes_AS_STRING(record->kinds);
        bool objects = strspn(kinds, "O") == (size_t)PyBytes_GET_SIZE(record->kinds);
        bool fits = objects && PyBytes_GET_SIZE(record->kinds) == rp_analysis_new(analysis);
        return fits ? 0 : misfit(record, "another stack");
    }
    int index = rp_analysis_index(analysis, record->unit);
    if (index < 0 || rp_analysis_unit(analysis, index) != record->unit ||
        analysis->depths[index] < 0 || !has_begun(analysis, index))
        return misfit(record, "no instruction stands there");
    Py_ssize_t count = PyBytes_GET_SIZE(record->kinds);
    if (count > analysis->depths[index] || !fits_mode(analysis, index, record) ||
        !agree(PyBytes_AS_STRING(record->kinds), analysis->kinds[index], (int)count))
        return misfit(record, "another stack");
    return 0;
}

/* ---- the chain ---- */

int rp_record_check_chain(rp_record *record, bool is_generator) {
    for (bool first = true; record; first = false) {
        bool generates = record->code->co_flags & CO_GENERATOR;
        bool is_suspended = record->mode == RP_MODE_YIELD || record->mode == RP_MODE_NEW;
        if (generates != (first && is_generator) || (is_suspended && !generates))
            return misfit(record, "it is no generator, or is one");
        record = (rp_record *)record->inner;
    }
    return 0;
}

/* ---- the values ---- */

/* The variable is a cell, or comes from a function around. 1, 0, -1. */
static int is_cell(PyCodeObject *code, PyObject *cell_names, Py_ssize_t index) {
    if (index >= code->co_nlocalsplus - PyCode_GetNumFree(code)) return 1;
    return PySequence_Contains(cell_names, PyTuple_GET_ITEM(code->co_localsplusnames, index));
}

static int check_slots(const rp_module_state *state, const rp_record *record) {
    PyObject *cell_names = PyCode_GetCellvars(record->code);
    int status = cell_names ? 0 : -1;
    for (Py_ssize_t i = 0; !status && i < PyTuple_GET_SIZE(record->slots); i++) {
        PyObject *value = PyTuple_GET_ITEM(record->slots, i);
        if (value == state->null || PyCell_Check(value)) continue;
        int cell = is_cell(record->code, cell_names, i);
        if (cell) status = cell < 0 ? -1 : misfit(record, "a variable of a closure is no cell");
    }
    Py_XDECREF(cell_names);
    return status;
}

static bool fits_kind(const rp_module_state *state, PyCodeObject *code, char kind,
                      PyObject *value) {
    int overflow;
    if (kind == RP_KIND_OBJECT) return true;
    if (value == state->null) return false;
    if (kind == RP_KIND_EXCEPTION) return true; /* paths meet where it is any object */
    if (kind != RP_KIND_LASTI) return value == Py_None || PyExceptionInstance_Check(value);
    const rp_analysis *analysis = rp_analysis_of(code);
    long unit = PyLong_CheckExact(value) ? PyLong_AsLongAndOverflow(value, &overflow) : -1;
    if (!analysis || unit < 0 || unit > INT32_MAX / 2) return false;
    int index = rp_analysis_index(analysis, (int)unit);
    return index >= 0 && analysis->depths[index] >= 0;
}

/* What completes the result is of the form that it must have, and the operand that it becomes is
 * still to come. */
static bool fits_completion(const rp_record *record) {
    if (record->mode != RP_MODE_RESULT && record->mode != RP_MODE_OPERAND) return true;
    if (!rp_completion_is_valid(record->value)) return false;
    int below = rp_completion_below(record->value);
    Py_ssize_t depth = PyTuple_GET_SIZE(record->stack);
    if (record->mode == RP_MODE_RESULT) return below == 0;
    return below > 0 && below <= depth &&
           PyTuple_GET_ITEM(record->stack, depth - below) == Py_None &&
           PyBytes_AS_STRING(record->kinds)[depth - below] == RP_KIND_OBJECT;
}

/* Wherever the code goes from here, it finds what it takes for granted. */
static int check_ways(const rp_module_state *state, const rp_record *record) {
    const rp_analysis *analysis = record->mode == RP_MODE_NEW ? NULL : rp_analysis_of(record->code);
    if (!analysis) return record->mode == RP_MODE_NEW ? 0 : -1;
    int index = rp_analysis_index(analysis, record->unit);
    int fits = rp_record_follow_stack(state, record, analysis, index);
    if (fits > 0) fits = rp_record_follow_result(state, record, analysis, index);
    if (fits > 0) fits = rp_record_follow_variables(state, record, analysis, index);
    return fits < 0 ? -1 : fits ? 0 : misfit(record, "it would use what is not there");
}

int rp_record_check_values(rp_module_state *state, rp_record *record) {
    if (check_slots(state, record) < 0) return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(record->stack); i++)
        if (!fits_kind(state, record->code, PyBytes_AS_STRING(record->kinds)[i],
                       PyTuple_GET_ITEM(record->stack, i)))
            return misfit(record, "an entry of its stack is of another kind");
    if (!fits_completion(record)) return misfit(record, "its result can't be completed");
    return check_ways(state, record);
}
