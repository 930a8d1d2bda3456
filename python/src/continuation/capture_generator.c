/* Frames that wait for a generator: its next item is asked for once more when they go on. */
#include "capture_call.h"

#include "completion.h"

#include "../pycompat/alive.h"
#include "../pycompat/call_operands.h"
#include "../pycompat/functions.h"
#include "../types/iterators.h"

#include <string.h>

static int refuse(rp_verdict *verdict, PyObject *reason) {
    verdict->reason = reason;
    return reason ? 0 : -1;
}

static int again(const rp_stand *stand, rp_verdict *verdict) {
    verdict->mode = RP_MODE_AGAIN;
    verdict->kept = stand->depth;
    return 0;
}

/* iter(function, sentinel) calls the function of the frame. */
static bool calls_until(rp_module_state *state, PyObject *iterator, const rp_waited *inner) {
    if (rp_kind_of(iterator) != RP_KIND_CALLABLE) return false;
    int works = rp_kind_works(state, RP_KIND_CALLABLE);
    PyErr_Clear();
    PyObject *function =
        works > 0 ? rp_field_object(iterator, rp_kind_field(RP_KIND_CALLABLE, 0)) : NULL;
    return function && rp_callee_of(function, inner) == RP_CALLEE_FUNCTION;
}

/* A `for` that waits for the next item of what is no generator. 1, 0, -1. */
static int judge_item(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                      PyObject *iterator, rp_verdict *verdict) {
    rp_kind kind;
    verdict->mode = RP_MODE_CALL;
    verdict->kept = stand->depth;
    if (iterator == inner->self && rp_type_has(Py_TYPE(iterator), "__next__", inner->function))
        return 1;
    if (calls_until(state, iterator, inner)) {
        verdict->mode = RP_MODE_RESULT;
        verdict->value = Py_BuildValue("(sO)", RP_COMPLETES_UNTIL, iterator);
        return verdict->value ? 1 : -1;
    }
    PyObject *function = rp_mapping(state, iterator, inner, &kind);
    if (function == NULL || kind != RP_KIND_FILTER) return function != NULL;
    /* the item is the argument of the function, if that is still told */
    if (function != inner->function || !inner->self ||
        rp_bytecode_assigns(&inner->stand->analysis->bytecode, 0))
        return 0;
    verdict->mode = RP_MODE_RESULT;
    verdict->value = Py_BuildValue("(sOO)", RP_COMPLETES_FILTER, iterator, inner->self);
    return verdict->value ? 1 : -1;
}

int rp_judge_iteration(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                       rp_verdict *verdict) {
    bool is_send = stand->instruction->meaning == RP_MEANS_SEND;
    int below = is_send ? RP_SENT_BELOW_TOP : RP_ITERATED_BELOW_TOP, first = 0;
    /* alive, or dying in this very moment, as long as a frame stands here and waits */
    PyObject *iterator =
        (PyObject *)(uintptr_t)rp_stack_address(stand->frame, stand->base + stand->depth - below);
    if (inner->generator && iterator) {
        first = rp_asks_first(state, iterator, inner->generator);
        if (first < 0) return -1;
    }
    if (first) {
        /* one that was not started, as it will be, takes nothing but None */
        if (is_send) verdict->top = Py_NewRef(Py_None);
        return again(stand, verdict);
    }
    if (!is_send && !inner->generator && iterator && Py_REFCNT(iterator) > 0) {
        int item = judge_item(state, stand, inner, iterator, verdict);
        if (item) return item < 0 ? -1 : 0;
    }
    return refuse(verdict, rp_reason_at(stand->frame,
                                        "'%U' is run by an iterator of C, which "
                                        "can't be continued: save outside of it",
                                        inner->stand->code->co_qualname));
}

/* What C code asks a generator, and can be asked again with what is left of it. */
static const struct asking {
    const char *type; /* whose method it is; NULL: a builtin function */
    const char *name;
    int argument; /* that has the iterable; of a method, 0 is the object itself */
    enum {
        AS_IT_IS,
        WITH_NONE,
        BY_OURS
    } how; /* the last argument must be None; or rp_go_on_with
              is called in its place */
} askings[] = {
    {NULL, "next", 0, AS_IT_IS},
    {NULL, "any", 0, AS_IT_IS}, /* all before were false */
    {NULL, "all", 0, AS_IT_IS},
    {"generator", "send", 0, WITH_NONE},
    {"generator", "__next__", 0, AS_IT_IS},
    {"generator", "throw", 0, BY_OURS}, /* what was thrown has arrived */
    {NULL, "_go_on_with", 0, BY_OURS},
    {"list", "extend", 1, AS_IT_IS}, /* what was there is in the list */
    {"set", "update", 1, AS_IT_IS},
    {"collections.deque", "extend", 1, AS_IT_IS},
    {"collections.deque", "extendleft", 1, AS_IT_IS},
};

static const struct asking *asking_of(const char *type, const char *name) {
    for (size_t i = 0; i < sizeof askings / sizeof askings[0]; i++) {
        const char *wanted = askings[i].type;
        if ((wanted ? type && strcmp(wanted, type) == 0 : !type) &&
            strcmp(askings[i].name, name) == 0)
            return &askings[i];
    }
    return NULL;
}

/* By an object that is alive. `*bound`: it brings its first argument along. */
static const struct asking *asking_of_object(PyObject *callable, bool *bound) {
    PyTypeObject *type = Py_TYPE(callable);
    *bound = false;
    if (PyCFunction_CheckExact(callable)) {
        PyObject *self = PyCFunction_GET_SELF(callable);
        const char *name = ((PyCFunctionObject *)callable)->m_ml->ml_name;
        if (self == NULL || PyModule_Check(self)) return asking_of(NULL, name);
        *bound = true;
        return asking_of(Py_TYPE(self)->tp_name, name);
    }
    if (type == &PyMethodDescr_Type || type == &PyWrapperDescr_Type) {
        PyDescrObject *descriptor = (PyDescrObject *)callable;
        const char *name = PyUnicode_AsUTF8(descriptor->d_name);
        return name ? asking_of(descriptor->d_type->tp_name, name) : NULL;
    }
    return NULL;
}

/* Whether the call is still in progress: not one that is over, whose operands are just dropped,
 * among them the last reference to the generator, which then closes it. */
static bool is_in_progress(const rp_stand *stand, const rp_waited *inner) {
    PyObject *generator = inner->generator;
    int top = rp_stack_top(stand->frame);
    if (top >= 0) return top - stand->base >= stand->depth;
    if (Py_REFCNT(generator) > 2) return true; /* one is that of the walk */
    return !rp_bytecode_handles(
        &inner->stand->analysis->bytecode); /* closed, it would run nothing */
}

/* The call of `callable`, which is alive, waits for the generator. 1, 0, -1. */
static int asks(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                PyObject *callable, const rp_operands *operands, const struct asking **asking) {
    bool bound;
    const struct asking *found = asking_of_object(callable, &bound);
    if (found == NULL || stand->instruction->meaning != RP_MEANS_CALL) return 0;
    *asking = found;
    int argument = found->argument - bound;
    const void *address;
    if (argument < 0)
        address = PyCFunction_GET_SELF(callable);
    else if (operands->first + argument < stand->base + stand->depth)
        address = rp_stack_address(stand->frame, operands->first + argument);
    else
        return 0;
    if (address == inner->generator) return is_in_progress(stand, inner);
    PyObject *iterator = rp_alive(address);
    int first = iterator ? rp_asks_first(state, iterator, inner->generator) : 0;
    Py_XDECREF(iterator);
    return first;
}

/* The method of a builtin type at that address, which lives as long as the type: new reference. */
static PyObject *method_at(const void *address) {
    PyTypeObject *const types[] = {&PyGen_Type, &PyList_Type, &PySet_Type};
    for (size_t i = 0; i < sizeof askings / sizeof askings[0]; i++) {
        PyObject *name = askings[i].type ? PyUnicode_InternFromString(askings[i].name) : NULL;
        for (size_t j = 0; name && j < sizeof types / sizeof types[0]; j++) {
            PyObject *found = rp_type_lookup(types[j], name); /* borrowed */
            if (found != NULL && found == address) {
                Py_DECREF(name);
                return Py_NewRef(found);
            }
        }
        Py_XDECREF(name);
    }
    PyErr_Clear();
    return NULL;
}

PyObject *rp_go_on_with(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    PyObject *result;
    (void)module;
    if (count < 1) return PyErr_Format(PyExc_TypeError, "_go_on_with(generator, ...)");
    switch (PyIter_Send(args[0], Py_None, &result)) {
    case PYGEN_NEXT:
        return result;
    case PYGEN_RETURN: {
        PyObject *end = PyObject_CallOneArg(PyExc_StopIteration, result);
        Py_DECREF(result);
        if (end) PyErr_SetObject(PyExc_StopIteration, end);
        Py_XDECREF(end);
        return NULL;
    }
    default:
        return NULL;
    }
}

int rp_judge_generator_call(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                            rp_verdict *verdict) {
    int kept = rp_analysis_kept(stand->analysis, stand->index), status = 0;
    rp_operands operands = rp_call_operands(stand->frame, stand->base + kept);
    const struct asking *asking;
    PyObject *callable = rp_builtin_value(operands.callable);
    if (callable == NULL) callable = method_at(operands.callable);
    if (callable == NULL && rp_stack_is_entry(inner->frame)) callable = rp_alive(operands.callable);
    if (callable) status = asks(state, stand, inner, callable, &operands, &asking);
    Py_XDECREF(callable);
    if (status < 0) return -1;
    if (status == 0) return rp_refuse_call(stand, inner, operands.callable, verdict);
    if (asking->how == WITH_NONE) verdict->top = Py_NewRef(Py_None);
    if (asking->how == BY_OURS) {
        /* [callable, generator, arguments...] only: a method that was looked up to be called */
        if (operands.first != stand->base + kept + 1)
            return rp_refuse_call(stand, inner, operands.callable, verdict);
        verdict->callable = Py_NewRef(state->go_on_with);
    }
    return again(stand, verdict);
}

int rp_judge_generator_drained(rp_module_state *state, const rp_stand *stand,
                               const rp_waited *inner, rp_verdict *verdict) {
    const void *address = rp_stack_address(stand->frame, stand->base + stand->depth - 1);
    PyObject *iterator = address == inner->generator ? NULL : rp_alive(address);
    int first = address == inner->generator ? is_in_progress(stand, inner)
                : iterator                  ? rp_asks_first(state, iterator, inner->generator)
                                            : 0;
    Py_XDECREF(iterator);
    if (first < 0) return -1;
    if (first == 0) return rp_refuse_call(stand, inner, NULL, verdict);
    return again(stand, verdict);
}
