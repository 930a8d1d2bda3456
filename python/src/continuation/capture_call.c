/* A frame that waits for another: which instruction is in progress, and how it is completed. */
#include "capture_call.h"

#include "completion.h"

#include "../pycompat/alive.h"
#include "../pycompat/call_operands.h"

static int refuse(rp_verdict *verdict, PyObject *reason) {
    verdict->reason = reason;
    return reason ? 0 : -1;
}

static PyObject *name_of(const rp_waited *inner) {
    return inner->stand->code->co_qualname;
}

static bool is_call(const rp_stand *stand) {
    switch (stand->instruction->meaning) {
    case RP_MEANS_CALL:
    case RP_MEANS_CALL_KEYWORDS:
    case RP_MEANS_CALL_SPREAD:
        return true;
    default:
        return false;
    }
}

/* Entries of the stack that the call leaves: the operands are above them. */
static int kept_of(const rp_stand *stand) {
    return rp_analysis_kept(stand->analysis, stand->index);
}

static int goes_on(const rp_stand *stand, rp_mode mode, rp_verdict *verdict) {
    verdict->mode = mode;
    verdict->kept = mode == RP_MODE_AGAIN ? stand->depth : kept_of(stand);
    return 0;
}

/* What the condition of a `while` was that went on to its next round, or NULL (borrowed). */
static PyObject *condition_of(const rp_instruction *instruction) {
    switch (instruction->meaning) {
    case RP_MEANS_LOOP_IF_TRUE:
    case RP_MEANS_LOOP_IF_NOT_NONE:
        return Py_True;
    case RP_MEANS_LOOP_IF_FALSE:
        return Py_False;
    case RP_MEANS_LOOP_IF_NONE:
        return Py_None;
    default:
        return NULL;
    }
}

/* The interpreter looks for signals where a function begins and where a loop goes on to its next
 * round: nothing is half done there. On 3.11 the latter may be a jump under a condition, which has
 * been taken and has dropped the condition, or a comparison that did the jump behind it as well. */
static int judge_stopped(rp_stand *stand, rp_verdict *verdict) {
    if (stand->origin.in_prologue) goto nowhere;
    if (stand->instruction->meaning == RP_MEANS_LOOP) return goes_on(stand, RP_MODE_AGAIN, verdict);
    int next = rp_bytecode_index(&stand->analysis->bytecode, stand->instruction->next);
    if (next < 0 || stand->analysis->depths[next] < 0) goto nowhere;
    if (stand->instruction->meaning == RP_MEANS_RESUME) {
        rp_stand_move(stand, next);
        return goes_on(stand, RP_MODE_AGAIN, verdict);
    }
    const rp_instruction *jump = &stand->analysis->bytecode.instructions[next];
    if (stand->instruction->meaning == RP_MEANS_COMPARE && condition_of(jump))
        rp_stand_move(stand, next);
    if (condition_of(stand->instruction)) {
        verdict->top = Py_NewRef(condition_of(stand->instruction));
        return goes_on(stand, RP_MODE_AGAIN, verdict);
    }
nowhere:
    return refuse(verdict, rp_reason_at(stand->frame, "the program was stopped in the middle of a "
                                                      "statement"));
}

int rp_judge_innermost(rp_module_state *state, rp_stand *stand, bool stopped, rp_verdict *verdict) {
    if (stopped) return judge_stopped(stand, verdict);
    if (!is_call(stand) || stand->origin.in_prologue)
        return refuse(verdict, rp_reason_at(stand->frame, "the save is called by C code"));
    rp_operands operands = rp_call_operands(stand->frame, stand->base + kept_of(stand));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(state->savers); i++)
        if (operands.callable == PyTuple_GET_ITEM(state->savers, i))
            return goes_on(stand, RP_MODE_VALUE, verdict);
    PyObject *name = rp_builtin_name(operands.callable), *reason;
    if (name)
        reason = rp_reason_at(stand->frame, "%S() calls the save: call it directly", name);
    else
        reason = rp_reason_at(stand->frame, "C code calls the save: call it directly");
    Py_XDECREF(name);
    return refuse(verdict, reason);
}

/* ---- frames of functions ---- */

/* A weak reference tells that its object has died. */
static bool is_callback(const rp_waited *inner) {
    return inner->self && PyWeakref_Check(inner->self) &&
           inner->stand->origin.code->co_argcount == 1;
}

/* Gives the object that is being made, if it is still told what it is. */
static int goes_on_with_new(const rp_stand *stand, const rp_waited *inner, rp_verdict *verdict) {
    const rp_stand *init = inner->stand;
    if (inner->self == NULL || rp_bytecode_assigns(&init->analysis->bytecode, 0))
        return refuse(verdict, rp_reason_at(init->frame, "'%U' assigns to its first parameter",
                                            name_of(inner)));
    verdict->value = Py_NewRef(inner->self);
    return goes_on(stand, RP_MODE_INIT, verdict);
}

/* C code of a call runs the function: only calls that end up in it and do nothing behind it. Its
 * operands may be gone (something may be dying at the end of the call): their addresses are
 * compared with what is known to be alive. */
static int judge_c_call(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                        rp_verdict *verdict) {
    rp_operands operands = rp_call_operands(stand->frame, stand->base + kept_of(stand));
    rp_callee callee = RP_CALLEE_OTHER;
    PyObject *self = inner->self, *alive = NULL;
    int known = rp_judge_builtin(state, stand, inner, &operands, verdict);
    if (known) return known < 0 ? -1 : 0;
    if (!is_callback(inner)) {
        if (operands.callable == inner->function)
            callee = RP_CALLEE_FUNCTION;
        else if (self && operands.callable == self)
            callee = rp_callee_of(self, inner);
        else if (self && operands.callable == Py_TYPE(self))
            callee = rp_callee_of((PyObject *)Py_TYPE(self), inner);
        else if ((alive = rp_builtin_value(operands.callable)) == NULL &&
                 (alive = rp_alive(operands.callable)) != NULL)
            callee = rp_callee_of(alive, inner);
        Py_XDECREF(alive);
        if (callee == RP_CALLEE_OTHER && rp_called_by_partial(inner, &operands))
            callee = RP_CALLEE_FUNCTION;
    }
    switch (callee) {
    case RP_CALLEE_FUNCTION:
        return goes_on(stand, RP_MODE_CALL, verdict);
    case RP_CALLEE_INIT:
        return goes_on_with_new(stand, inner, verdict);
    default:
        return rp_refuse_call(stand, inner, operands.callable, verdict);
    }
}

/* __exit__ of a `with` that an exception left: it stays on the stack, alive. */
static int judge_exit(const rp_stand *stand, const rp_waited *inner, rp_verdict *verdict) {
    rp_slot slot = rp_stack_get(stand->frame, stand->base + stand->depth - RP_EXIT_BELOW_TOP);
    rp_callee callee = RP_CALLEE_OTHER;
    if (slot.kind == RP_SLOT_OBJECT) {
        callee = rp_callee_of(slot.object, inner);
        Py_DECREF(slot.object);
    }
    if (callee == RP_CALLEE_FUNCTION) return goes_on(stand, RP_MODE_CALL, verdict);
    return rp_refuse_call(stand, inner, NULL, verdict);
}

static int judge_call(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                      rp_verdict *verdict) {
    if (inner->generator) return rp_judge_generator_call(state, stand, inner, verdict);
    if (!rp_stack_is_entry(inner->frame)) {
        if (rp_stack_is_direct(inner->frame, stand->frame))
            return goes_on(stand, RP_MODE_CALL, verdict);
        return goes_on_with_new(stand, inner, verdict);
    }
    if (stand->instruction->meaning == RP_MEANS_CALL_EXIT) return judge_exit(stand, inner, verdict);
    return judge_c_call(state, stand, inner, verdict);
}

/* What completes the result of the twin stands right above what is kept, and waits to be called. */
static PyObject *completion_at(const rp_stand *stand) {
    rp_operands operands = rp_call_operands(stand->frame, stand->base + stand->origin.kept);
    return Py_XNewRef(rp_completion_of((PyObject *)(uintptr_t)operands.callable));
}

/* The frame stands on what the prologue does in place of the instruction in progress: that calls
 * nothing but the continuation of the frame above. */
static int judge_twin(const rp_stand *stand, const rp_waited *inner, rp_verdict *verdict) {
    rp_mode mode = stand->origin.mode;
    if (inner->stand->origin.shift == 0 || inner->generator || !rp_mode_waits(mode))
        return refuse(verdict, rp_reason_at(stand->frame,
                                            "something dies at the end of a call and "
                                            "runs '%U'",
                                            name_of(inner)));
    if (mode == RP_MODE_INIT) return goes_on_with_new(stand, inner, verdict);
    verdict->mode = mode;
    verdict->kept = stand->origin.kept;
    if (mode == RP_MODE_CALL) return 0;
    verdict->value = completion_at(stand);
    if (verdict->value) return 0;
    PyErr_SetString(PyExc_SystemError, "a continuation without what completes it");
    return -1;
}

int rp_judge_waiting(rp_module_state *state, const rp_stand *stand, const rp_waited *inner,
                     rp_verdict *verdict) {
    if (stand->origin.in_prologue) return judge_twin(stand, inner, verdict);
    if (is_call(stand) || stand->instruction->meaning == RP_MEANS_CALL_EXIT)
        return judge_call(state, stand, inner, verdict);
    if (stand->instruction->meaning == RP_MEANS_FOR || stand->instruction->meaning == RP_MEANS_SEND)
        return rp_judge_iteration(state, stand, inner, verdict);
    if (inner->generator && (stand->instruction->meaning == RP_MEANS_EXTEND ||
                             stand->instruction->meaning == RP_MEANS_CONTAINS))
        return rp_judge_generator_drained(state, stand, inner, verdict);
    int known = rp_judge_method(state, stand, inner, verdict);
    if (known) return known < 0 ? -1 : 0;
    return rp_judge_operator(state, stand, inner, verdict);
}
