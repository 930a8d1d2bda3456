/* The value stack before each instruction: follows the byte code along every path. */
#include "analysis.h"

#include "../pycompat/code_extra.h"

#include "base/alloc.h"

#include <string.h>

/* A place that is still to be followed. */
typedef struct pending {
    int index;
    PyObject *kinds; /* borrowed from the strings of the analysis */
} pending;

typedef struct paths {
    rp_analysis *analysis;
    PyCodeObject *code;
    PyObject **before; /* for each instruction, borrowed; NULL: not reached yet */
    pending *items;
    int count;
    int at;        /* byte offset of the instruction that is followed, for messages */
    char *letters; /* room for one stack */
    Py_ssize_t room;
} paths;

static int not_understood(const paths *all, const char *why) {
    PyErr_Format(PyExc_SystemError, "the byte code of '%U' is not understood: %s at offset %d",
                 all->code->co_qualname, why, all->at);
    return -1;
}

/* The same object for the same letters, borrowed. */
static PyObject *letters_of(paths *all, const char *letters, Py_ssize_t count) {
    PyObject *made = PyBytes_FromStringAndSize(letters, count);
    if (made == NULL) return NULL;
    PyObject *known = PyDict_SetDefault(all->analysis->strings, made, made);
    Py_DECREF(made);
    return known;
}

/* E is an object like others: all else must be the same on every path. */
static bool agree(PyObject *one, PyObject *other) {
    if (one == other) return true;
    Py_ssize_t count = PyBytes_GET_SIZE(one);
    if (count != PyBytes_GET_SIZE(other)) return false;
    for (Py_ssize_t i = 0; i < count; i++) {
        char a = PyBytes_AS_STRING(one)[i], b = PyBytes_AS_STRING(other)[i];
        bool objects = (a == RP_KIND_OBJECT || a == RP_KIND_EXCEPTION) &&
                       (b == RP_KIND_OBJECT || b == RP_KIND_EXCEPTION);
        if (a != b && !objects) return false;
    }
    return true;
}

/* The instruction at byte offset `target` finds `count` entries in `letters`. */
static int follow(paths *all, int target, Py_ssize_t count) {
    int index = rp_bytecode_index(&all->analysis->bytecode, target);
    if (index < 0) return not_understood(all, "it leads out of the code");
    PyObject *kinds = letters_of(all, all->letters, count);
    if (kinds == NULL) return -1;
    if (all->before[index] == NULL) {
        all->items[all->count++] = (pending){index, kinds};
        return 0;
    }
    return agree(all->before[index], kinds)
               ? 0
               : not_understood(all, "two paths with different stacks meet");
}

static int follow_handler(paths *all, const rp_protected *entry, PyObject *kinds) {
    Py_ssize_t count = entry->depth;
    /* the end of a generator expression, where its iterator is gone, never raises (3.15) */
    if (count > PyBytes_GET_SIZE(kinds)) return 0;
    if (count + 2 > all->room) return not_understood(all, "a handler needs more than fits");
    memcpy(all->letters, PyBytes_AS_STRING(kinds), (size_t)count);
    if (entry->lasti) all->letters[count++] = RP_KIND_LASTI;
    all->letters[count++] = RP_KIND_EXCEPTION;
    return follow(all, entry->handler, count);
}

/* What the instruction makes of `letters`: the new count, or -1. */
static Py_ssize_t step(paths *all, const rp_instruction *instruction, Py_ssize_t count,
                       bool jumps) {
    char *letters = all->letters;
    Py_ssize_t other = count - instruction->argument;
    int effect = rp_bytecode_effect(instruction, jumps);
    if (effect == PY_INVALID_STACK_EFFECT) return not_understood(all, "unknown instruction");
    if (count + effect < 0 || count + effect > all->room)
        return not_understood(all, "too few or too many entries");
    switch (instruction->meaning) {
    case RP_MEANS_SWAP:
    case RP_MEANS_COPY:
        if (other < 0 || other >= count) return not_understood(all, "entry out of reach");
        char letter = letters[other];
        if (instruction->meaning == RP_MEANS_SWAP) {
            letters[other] = letters[count - 1];
            letters[count - 1] = letter;
            return count;
        }
        letters[count] = letter;
        return count + 1;
    case RP_MEANS_PUSH_HANDLED:
        if (count < 1) return not_understood(all, "no exception");
        letters[count - 1] = RP_KIND_PREVIOUS;
        letters[count] = RP_KIND_EXCEPTION;
        return count + 1;
    default:
        if (effect > 0) memset(letters + count, RP_KIND_OBJECT, (size_t)effect);
        return count + effect;
    }
}

static int visit(paths *all, pending item) {
    const rp_bytecode *bytecode = &all->analysis->bytecode;
    const rp_instruction *instruction = &bytecode->instructions[item.index];
    Py_ssize_t count = PyBytes_GET_SIZE(item.kinds);
    if (all->before[item.index] != NULL)
        return agree(all->before[item.index], item.kinds)
                   ? 0
                   : not_understood(all, "two paths with different stacks meet");
    all->before[item.index] = item.kinds;
    all->at = instruction->at;
    /* the entry of a handler's clean-up begins at its PUSH_EXC_INFO, which never raises */
    int covered = instruction->meaning == RP_MEANS_PUSH_HANDLED
                      ? -1
                      : rp_bytecode_protection(bytecode, instruction);
    if (covered >= 0 && follow_handler(all, &bytecode->table[covered], item.kinds)) return -1;
    for (int jumps = 0; jumps < 2; jumps++) {
        if (jumps ? !(instruction->flags & RP_OP_JUMPS) : instruction->flags & RP_OP_ENDS) continue;
        memcpy(all->letters, PyBytes_AS_STRING(item.kinds), (size_t)count);
        Py_ssize_t after = step(all, instruction, count, jumps != 0);
        if (after < 0 || follow(all, jumps ? instruction->target : instruction->next, after))
            return -1;
    }
    return 0;
}

static int analyse(rp_analysis *analysis, PyCodeObject *code) {
    rp_bytecode *bytecode = &analysis->bytecode;
    paths all = {.analysis = analysis, .code = code, .room = (Py_ssize_t)code->co_stacksize + 1};
    int status = rp_bytecode_init(bytecode, code);
    if (status < 0) return -1;
    size_t count = (size_t)bytecode->instruction_count;
    analysis->strings = PyDict_New();
    analysis->kinds = rs_allocate_array(count + 1, sizeof *analysis->kinds);
    analysis->depths = rs_allocate_array(count + 1, sizeof *analysis->depths);
    all.before = rs_allocate_zeroed(count + 1, sizeof *all.before);
    /* each instruction leads to three others at most, once */
    all.items = rs_allocate_array(3 * count + 1, sizeof *all.items);
    all.letters = rs_allocate((size_t)all.room + 2);
    if (!analysis->strings || !analysis->kinds || !analysis->depths || !all.before || !all.items ||
        !all.letters) {
        PyErr_NoMemory();
        status = -1;
    }
    if (status == 0) status = follow(&all, 0, 0);
    while (status == 0 && all.count > 0) {
        pending item = all.items[--all.count];
        status = visit(&all, item);
    }
    for (size_t i = 0; status == 0 && i < count; i++) {
        analysis->kinds[i] = all.before[i] ? PyBytes_AS_STRING(all.before[i]) : NULL;
        analysis->depths[i] = all.before[i] ? (int)PyBytes_GET_SIZE(all.before[i]) : -1;
    }
    rs_free(all.before);
    rs_free(all.items);
    rs_free(all.letters);
    return status;
}

/* Called with the code object that dies, also for one without an analysis. */
static void analysis_free(void *extra) {
    rp_analysis *analysis = extra;
    if (analysis == NULL) return;
    rp_bytecode_release(&analysis->bytecode);
    Py_XDECREF(analysis->strings);
    rs_free(analysis->kinds);
    rs_free(analysis->depths);
    rs_free(analysis);
}

const rp_analysis *rp_analysis_of(PyCodeObject *code) {
    rp_analysis *analysis = rp_code_extra_get(code, analysis_free);
    if (analysis != NULL) return analysis;
    analysis = rs_allocate_zeroed(1, sizeof *analysis);
    if (analysis == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (analyse(analysis, code) < 0) {
        analysis_free(analysis);
        return NULL;
    }
    return rp_code_extra_put(code, analysis_free, analysis) < 0 ? NULL : analysis;
}

int rp_analysis_index(const rp_analysis *analysis, int unit) {
    return unit < 0 ? -1 : rp_bytecode_standing(&analysis->bytecode, 2 * unit);
}

int rp_analysis_unit(const rp_analysis *analysis, int index) {
    return analysis->bytecode.instructions[index].at / 2;
}

int rp_analysis_kept(const rp_analysis *analysis, int index) {
    int depth = analysis->depths[index];
    int effect = rp_bytecode_effect(&analysis->bytecode.instructions[index], false);
    return depth < 0 || effect == PY_INVALID_STACK_EFFECT ? -1 : depth + effect - 1;
}

int rp_analysis_given(const rp_analysis *analysis, int index, int kept) {
    const rp_bytecode *bytecode = &analysis->bytecode;
    int next = rp_bytecode_index(bytecode, bytecode->instructions[index].next);
    return next < 0 ? -1 : analysis->depths[next] - kept;
}

int rp_analysis_new(const rp_analysis *analysis) {
    const rp_bytecode *bytecode = &analysis->bytecode;
    for (int i = 0; i < bytecode->instruction_count; i++)
        if (bytecode->instructions[i].meaning == RP_MEANS_MAKE_GENERATOR)
            return analysis->depths[i];
    return -1;
}
