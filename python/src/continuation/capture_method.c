/* Frames that wait for a method which an instruction or a builtin function asks, and whose result
 * is completed in some way: operators, comparisons, truth, length, text. */
#include "capture_call.h"

#include "completion.h"

#include "../lookup.h"
#include "../pycompat/alive.h"
#include "../pycompat/functions.h"
#include "../types/iterators.h"

#include <string.h>

/* Whoever asks is there, so that its operands are, but for one that dies just now. */
PyObject *rp_operand(const rp_stand *stand, int slot) {
    PyObject *object = (PyObject *)(uintptr_t)rp_stack_address(stand->frame, slot);
    return object && Py_REFCNT(object) > 0 ? Py_NewRef(object) : NULL;
}

static int operand_slot(const rp_stand *stand, int below_top) {
    return stand->base + stand->depth - below_top;
}

/* Completed with `value` (taken). 1 or -1. */
static int completed(const rp_stand *stand, rp_mode mode, PyObject *value, rp_verdict *verdict) {
    verdict->mode = mode;
    verdict->kept =
        mode == RP_MODE_OPERAND ? stand->depth : rp_analysis_kept(stand->analysis, stand->index);
    verdict->value = value;
    return value ? 1 : -1;
}

/* ---- operators ---- */

static bool has_operator(const rp_waited *inner, const char *prefix, int operator) {
    char name[16];
    snprintf(name, sizeof name, "__%s%s__", prefix, rp_operator_names[operator]);
    return rp_type_has(Py_TYPE(inner->self), name, inner->function);
}

/* Both operands; 0: one is dying. */
static int operands_of(const rp_stand *stand, PyObject **left, PyObject **right) {
    *left = rp_operand(stand, operand_slot(stand, 2));
    *right = rp_operand(stand, operand_slot(stand, 1));
    if (*left && *right) return 1;
    Py_CLEAR(*left);
    Py_CLEAR(*right);
    return 0;
}

static int judge_binary(const rp_stand *stand, const rp_waited *inner, rp_verdict *verdict) {
    int argument = stand->instruction->argument, operator= argument % RP_OPERATORS, asked = -1;
    const void *left_at = rp_stack_address(stand->frame, operand_slot(stand, 2));
    PyObject *left, *right;
    if (argument >= 2 * RP_OPERATORS || !operands_of(stand, &left, &right)) return 0;
    if (left_at == inner->self) {
        if (argument >= RP_OPERATORS && has_operator(inner, "i", operator))
            asked = RP_ASKED_IN_PLACE;
        else if (has_operator(inner, "", operator))
            asked = RP_ASKED_LEFT;
    } else if (right == inner->self && has_operator(inner, "r", operator)) {
        asked = RP_ASKED_RIGHT;
    }
    int status = 0;
    if (asked >= 0)
        status = completed(
            stand, RP_MODE_RESULT,
            Py_BuildValue("(siOOi)", RP_COMPLETES_BINARY, argument, left, right, asked), verdict);
    Py_DECREF(left);
    Py_DECREF(right);
    return status;
}

/* 1: the function is what the object has for the comparison. 2: it is its __eq__, whose opposite
 * `!=` gives. 0. */
static int has_comparison(const rp_waited *inner, int operator) {
    PyTypeObject *type = Py_TYPE(inner->self);
    if (rp_type_has(type, rp_comparison_names[operator], inner->function)) return 1;
    if (operator!= Py_NE || !rp_type_has(type, "__eq__", inner->function)) return 0;
    PyObject *name = PyUnicode_InternFromString("__ne__");
    bool is_default =
        name && rp_type_lookup(type, name) == rp_type_lookup(&PyBaseObject_Type, name);
    Py_XDECREF(name);
    PyErr_Clear();
    return is_default ? 2 : 0;
}

static int judge_comparison(const rp_stand *stand, const rp_waited *inner, rp_verdict *verdict) {
    bool to_bool;
    int operator= rp_bytecode_comparison(stand->instruction, &to_bool), found = 0, status = 0;
    rp_asked asked = RP_ASKED_LEFT;
    PyObject *left, *right;
    if (operator> Py_GE || !operands_of(stand, &left, &right)) return 0;
    if (left == right && rp_comparison_swapped(operator) == operator) {
        /* the same call twice: which one can't be told */
    } else if (left == inner->self) {
        found = has_comparison(inner, operator);
    } else if (right == inner->self) {
        found = has_comparison(inner, rp_comparison_swapped(operator));
        asked = RP_ASKED_RIGHT;
    }
    if (found)
        status = completed(stand, RP_MODE_RESULT,
                           Py_BuildValue("(siOOiii)", RP_COMPLETES_COMPARE, operator, left, right,
                                         asked, found == 2, to_bool),
                           verdict);
    Py_DECREF(left);
    Py_DECREF(right);
    return status;
}

/* ---- who is asked again ---- */

enum { METHODS_MAX = 4 };

/* What the type has is that of `object`, or nothing. */
static bool is_left_out(PyTypeObject *type, const char *method) {
    PyObject *found = rp_class_attribute(type, method);
    return !found || found == rp_class_attribute(&PyBaseObject_Type, method);
}

/* The one of `methods` that is the function: those before it are asked first. NULL. */
static const char *method_among(const char *const *methods, const rp_waited *inner) {
    PyTypeObject *type = Py_TYPE(inner->self);
    for (int i = 0; i < METHODS_MAX && methods[i]; i++) {
        if (rp_type_has(type, methods[i], inner->function)) return methods[i];
        if (!is_left_out(type, methods[i])) return NULL;
    }
    return NULL;
}

/* Who takes all items may ask for their number as well, which an answer does not know. */
static bool tells_length(const rp_stand *stand, const rp_waited *inner) {
    PyTypeObject *type = Py_TYPE(inner->self);
    rp_meaning meaning = stand->instruction->meaning;
    if (meaning == RP_MEANS_GET_ITERATOR || meaning == RP_MEANS_CONTAINS ||
        meaning == RP_MEANS_UNPACK)
        return false;
    return !is_left_out(type, "__len__") || !is_left_out(type, "__length_hint__");
}

/* The operand that far below the top is asked for one of the methods. */
static int judge_answer(const rp_stand *stand, const rp_waited *inner, int below_top,
                        const char *const *methods, rp_verdict *verdict) {
    const void *address = rp_stack_address(stand->frame, operand_slot(stand, below_top));
    const char *method = address == inner->self ? method_among(methods, inner) : NULL;
    if (!method) return 0;
    if (strcmp(method, "__iter__") == 0 && tells_length(stand, inner)) return 0;
    PyObject *name = PyType_GetName(Py_TYPE(inner->self));
    if (!name) return -1;
    return completed(stand, RP_MODE_OPERAND,
                     Py_BuildValue("(sisN)", RP_COMPLETES_ANSWER, below_top, method, name),
                     verdict);
}

PyObject *rp_mapping(rp_module_state *state, PyObject *iterator, const rp_waited *inner,
                     rp_kind *kind) {
    int found = rp_kind_of(iterator), works;
    if (found != RP_KIND_MAP && found != RP_KIND_STARMAP && found != RP_KIND_FILTER) return NULL;
    works = rp_kind_works(state, (rp_kind)found);
    if (works < 0) PyErr_Clear();
    if (works <= 0) return NULL;
    *kind = (rp_kind)found;
    PyObject *function = rp_field_object(iterator, rp_kind_field(*kind, found == RP_KIND_MAP));
    bool is = function && rp_callee_of(function, inner) == RP_CALLEE_FUNCTION;
    return is ? function : NULL;
}

/* The iterator that has asked for the item which `iterator` (alive) is to give, with nothing done
 * to it in between. `*whole`: what gives all further items; chains that have come to their last
 * part are left out, so that nothing grows from one continuation to the next. */
static PyObject *asked_in_chain(rp_module_state *state, PyObject *iterator, PyObject **whole) {
    *whole = iterator;
    while (iterator && rp_kind_of(iterator) == RP_KIND_CHAIN &&
           rp_kind_works(state, RP_KIND_CHAIN) > 0) {
        PyObject *rest = rp_field_object(iterator, rp_kind_field(RP_KIND_CHAIN, 0));
        PyObject *active = rp_field_object(iterator, rp_kind_field(RP_KIND_CHAIN, 1));
        bool is_last =
            rest && Py_IS_TYPE(rest, &PyTupleIter_Type) && PyObject_LengthHint(rest, 1) == 0;
        if (is_last && *whole == iterator) *whole = active;
        iterator = active;
    }
    PyErr_Clear();
    return iterator;
}

/* What takes all items of a map, and has kept those before: they go on with the result. */
static int judge_chain(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                       int below_top, rp_verdict *verdict) {
    rp_kind kind;
    int status = 0;
    PyObject *whole,
        *iterator = rp_alive(rp_stack_address(stand->frame, operand_slot(stand, below_top)));
    PyObject *asked = asked_in_chain(state, iterator, &whole);
    if (asked && rp_mapping(state, asked, inner, &kind) && kind != RP_KIND_FILTER)
        status = completed(stand, RP_MODE_OPERAND,
                           Py_BuildValue("(siO)", RP_COMPLETES_CHAIN, below_top, whole), verdict);
    Py_XDECREF(iterator);
    return status;
}

/* ---- defaultdict ---- */

static bool has_method_of(PyTypeObject *type, const char *name, const char *owner) {
    PyObject *found = rp_class_attribute(type, name);
    return found && Py_IS_TYPE(found, &PyMethodDescr_Type) &&
           strcmp(((PyDescrObject *)found)->d_type->tp_name, owner) == 0;
}

/* `d[key]` of a defaultdict calls the function to make a value, and keeps it. */
static int judge_missing(const rp_stand *stand, const rp_waited *inner, rp_verdict *verdict) {
    PyObject *dict, *key, *factory = NULL;
    int status = 0;
    if (!operands_of(stand, &dict, &key)) return 0;
    if (PyDict_Check(dict) && has_method_of(Py_TYPE(dict), "__getitem__", "dict") &&
        has_method_of(Py_TYPE(dict), "__missing__", "collections.defaultdict"))
        factory = PyObject_GetAttrString(dict, "default_factory");
    rp_callee callee = factory ? rp_callee_of(factory, inner) : RP_CALLEE_OTHER;
    if (callee == RP_CALLEE_INIT && rp_bytecode_assigns(&inner->stand->analysis->bytecode, 0))
        callee = RP_CALLEE_OTHER;
    if (callee == RP_CALLEE_FUNCTION)
        status = completed(stand, RP_MODE_RESULT,
                           Py_BuildValue("(sOO())", RP_COMPLETES_MISSING, dict, key), verdict);
    else if (callee == RP_CALLEE_INIT)
        status = completed(stand, RP_MODE_RESULT,
                           Py_BuildValue("(sOO(O))", RP_COMPLETES_MISSING, dict, key, inner->self),
                           verdict);
    PyErr_Clear();
    Py_XDECREF(factory);
    Py_DECREF(key);
    Py_DECREF(dict);
    return status;
}

int rp_judge_method(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                    rp_verdict *verdict) {
    static const char *const truth[METHODS_MAX] = {"__bool__", "__len__"};
    static const char *const contains[METHODS_MAX] = {"__contains__", "__iter__"};
    static const char *const text[METHODS_MAX] = {"__format__", "__str__", "__repr__"};
    static const char *const items[METHODS_MAX] = {"__iter__"};
    static const char *const index[METHODS_MAX] = {"__index__"};
    const rp_instruction *instruction = stand->instruction;
    int status;
    if (inner->generator) return 0;
    switch (instruction->meaning) {
    case RP_MEANS_EXTEND:
    case RP_MEANS_CONTAINS:
        status = judge_chain(state, stand, inner, 1, verdict);
        if (status || !inner->self) return status;
        return judge_answer(stand, inner, 1,
                            instruction->meaning == RP_MEANS_EXTEND ? items : contains, verdict);
    default:
        break;
    }
    if (rp_bytecode_is_subscript(instruction)) {
        status = judge_missing(stand, inner, verdict);
        if (status) return status;
    }
    if (!inner->self) return 0;
    switch (instruction->meaning) {
    case RP_MEANS_BINARY:
        if (!rp_bytecode_is_subscript(instruction)) return judge_binary(stand, inner, verdict);
        return judge_answer(stand, inner, 1, index, verdict);
    case RP_MEANS_SUBSCRIPT:
        return judge_answer(stand, inner, 1, index, verdict);
    case RP_MEANS_COMPARE:
        return judge_comparison(stand, inner, verdict);
    case RP_MEANS_TEST:
    case RP_MEANS_LOOP_IF_TRUE:
    case RP_MEANS_LOOP_IF_FALSE:
        return judge_answer(stand, inner, 1, truth, verdict);
    case RP_MEANS_FORMAT:
        return judge_answer(stand, inner, rp_bytecode_has_specification(instruction) ? 2 : 1,
                            text + rp_bytecode_conversion(instruction), verdict);
    case RP_MEANS_GET_ITERATOR:
    case RP_MEANS_UNPACK:
        return judge_answer(stand, inner, 1, items, verdict);
    default:
        return 0;
    }
}

/* ---- builtin functions ---- */

typedef enum builtin_use {
    ASKS_AGAIN, /* its first argument is replaced by an answer */
    GIVES,      /* the result of the method */
    GIVES_NEXT,
    GETS,
    HAS,
    SETS,
    DELETES,
    DRAINS, /* its argument, and has kept nothing */
} builtin_use;

static const struct builtin {
    const char *name;
    builtin_use use;
    const char *methods[METHODS_MAX];
} builtins[] = {
    {"len", ASKS_AGAIN, {"__len__"}},
    {"bool", ASKS_AGAIN, {"__bool__", "__len__"}},
    {"str", ASKS_AGAIN, {"__str__", "__repr__"}},
    {"repr", ASKS_AGAIN, {"__repr__"}},
    {"ascii", ASKS_AGAIN, {"__repr__"}},
    {"format", ASKS_AGAIN, {"__format__", "__str__", "__repr__"}},
    {"hash", ASKS_AGAIN, {"__hash__"}},
    {"int", ASKS_AGAIN, {"__int__", "__index__", "__trunc__"}},
    {"float", ASKS_AGAIN, {"__float__", "__index__"}},
    {"complex", ASKS_AGAIN, {"__complex__", "__float__", "__index__"}},
    {"round", ASKS_AGAIN, {"__round__"}},
    {"bytes", ASKS_AGAIN, {"__bytes__"}},
    {"bin", ASKS_AGAIN, {"__index__"}},
    {"oct", ASKS_AGAIN, {"__index__"}},
    {"hex", ASKS_AGAIN, {"__index__"}},
    {"chr", ASKS_AGAIN, {"__index__"}},
    {"range", ASKS_AGAIN, {"__index__"}},
    {"iter", ASKS_AGAIN, {"__iter__"}},
    {"list", ASKS_AGAIN, {"__iter__"}},
    {"tuple", ASKS_AGAIN, {"__iter__"}},
    {"set", ASKS_AGAIN, {"__iter__"}},
    {"frozenset", ASKS_AGAIN, {"__iter__"}},
    {"sorted", ASKS_AGAIN, {"__iter__"}},
    {"sum", ASKS_AGAIN, {"__iter__"}},
    {"max", ASKS_AGAIN, {"__iter__"}},
    {"min", ASKS_AGAIN, {"__iter__"}},
    {"enumerate", ASKS_AGAIN, {"__iter__"}},
    {"zip", ASKS_AGAIN, {"__iter__"}},
    {"any", DRAINS, {"__iter__"}},
    {"all", DRAINS, {"__iter__"}},
    {"abs", GIVES, {"__abs__"}},
    {"reversed", GIVES, {"__reversed__"}},
    {"next", GIVES_NEXT, {"__next__"}},
    {"getattr", GETS, {NULL}},
    {"hasattr", HAS, {NULL}},
    {"setattr", SETS, {"__setattr__"}},
    {"delattr", DELETES, {"__delattr__"}},
};

static const struct builtin *builtin_named(PyObject *name) {
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++)
        if (PyUnicode_CompareWithASCIIString(name, builtins[i].name) == 0) return &builtins[i];
    return NULL;
}

static int plain(const rp_stand *stand, rp_verdict *verdict) {
    verdict->mode = RP_MODE_CALL;
    verdict->kept = rp_analysis_kept(stand->analysis, stand->index);
    return 1;
}

/* With a default, which the call gives when the method raises the exception. */
static int or_default(const rp_stand *stand, int slot, const char *exception, rp_verdict *verdict) {
    PyObject *value = rp_operand(stand, slot);
    if (!value) return 0;
    return completed(stand, RP_MODE_RESULT,
                     Py_BuildValue("(ssN)", RP_COMPLETES_ELSE, exception, value), verdict);
}

/* getattr() and hasattr(). */
static int judge_getting(const rp_stand *stand, const rp_waited *inner, int first, bool has,
                         rp_verdict *verdict) {
    int count = stand->instruction->argument, status = 0;
    PyObject *name = count >= 2 ? rp_operand(stand, first + 1) : NULL;
    rp_got got = name && PyUnicode_CheckExact(name)
                     ? rp_gets_attribute(inner->self, name, inner->function)
                     : RP_GOT_OTHERWISE;
    if (has && got != RP_GOT_OTHERWISE)
        status = completed(
            stand, RP_MODE_RESULT,
            Py_BuildValue("(sOOi)", RP_COMPLETES_HAS, inner->self, name, got == RP_GOT_OR_ELSE),
            verdict);
    else if (got == RP_GOT_RESULT && count == 3)
        status = or_default(stand, first + 2, "AttributeError", verdict);
    else if (got == RP_GOT_RESULT)
        status = plain(stand, verdict);
    else if (got == RP_GOT_OR_ELSE && count == 2)
        status = completed(stand, RP_MODE_RESULT,
                           Py_BuildValue("(sOO)", RP_COMPLETES_GET, inner->self, name), verdict);
    Py_XDECREF(name);
    return status;
}

/* setattr() and delattr(). */
static int judge_setting(const rp_stand *stand, const rp_waited *inner, int first,
                         const struct builtin *builtin, rp_verdict *verdict) {
    PyObject *name = stand->instruction->argument >= 2 ? rp_operand(stand, first + 1) : NULL;
    bool is =
        name && rp_changes_attribute(inner->self, name, builtin->use == SETS, inner->function);
    Py_XDECREF(name);
    if (!is) return 0;
    return completed(stand, RP_MODE_RESULT, Py_BuildValue("(s)", RP_COMPLETES_NOTHING), verdict);
}

static int judge_use(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                     const struct builtin *builtin, int first, rp_verdict *verdict) {
    int below_top = stand->base + stand->depth - first, status;
    if (builtin->use == DRAINS) {
        status = judge_chain(state, stand, inner, below_top, verdict);
        if (status) return status;
    }
    if (!inner->self || rp_stack_address(stand->frame, first) != inner->self) return 0;
    switch (builtin->use) {
    case GETS:
    case HAS:
        return judge_getting(stand, inner, first, builtin->use == HAS, verdict);
    case SETS:
    case DELETES:
        return judge_setting(stand, inner, first, builtin, verdict);
    case GIVES:
    case GIVES_NEXT:
        if (!method_among(builtin->methods, inner)) return 0;
        if (below_top == 1) return plain(stand, verdict);
        return builtin->use == GIVES ? 0 : or_default(stand, first + 1, "StopIteration", verdict);
    case ASKS_AGAIN:
    case DRAINS:
    default:
        return judge_answer(stand, inner, below_top, builtin->methods, verdict);
    }
}

int rp_judge_builtin(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                     const rp_operands *operands, rp_verdict *verdict) {
    bool with_names = stand->instruction->meaning == RP_MEANS_CALL_KEYWORDS;
    if (operands->self || stand->instruction->argument < 1 ||
        !(with_names || stand->instruction->meaning == RP_MEANS_CALL))
        return 0;
    PyObject *name = rp_builtin_name(operands->callable);
    const struct builtin *builtin = name ? builtin_named(name) : NULL;
    Py_XDECREF(name);
    if (!builtin) return 0;
    if (with_names && builtin->use != ASKS_AGAIN && builtin->use != DRAINS) return 0;
    return judge_use(state, stand, inner, builtin, operands->first, verdict);
}
