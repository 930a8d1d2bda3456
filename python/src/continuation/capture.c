/* The walk over the frames, from the one that saves out to the root. */
#include "capture.h"

#include "capture_call.h"
#include "surroundings.h"

/* What is known at one frame of the walk. */
typedef struct rp_walk {
    rp_module_state *state;
    const rp_root *root;
    PyObject *result;     /* borrowed: of the call that saves; NULL: stopped at a loop */
    PyObject *exceptions; /* strong: rp_stack_exceptions */
    Py_ssize_t level;
    PyObject *handled; /* strong: the exception handled in the frame that comes next */
    rp_stand stand;    /* of the frame above; empty in the first */
    rp_waited above;
    rp_record *record; /* strong: of the frame above */
    rp_captured *captured;
} rp_walk;

static void waited_release(rp_waited *waited) {
    Py_CLEAR(waited->frame);
    Py_CLEAR(waited->generator);
    Py_CLEAR(waited->self);
    *waited = (rp_waited){0};
}

/* The first argument, as the frame has it now: new reference or NULL. */
static PyObject *first_argument(const rp_stand *stand) {
    if (stand->origin.code->co_argcount == 0) return NULL;
    rp_slot slot = rp_stack_get(stand->frame, 0);
    if (slot.kind != RP_SLOT_OBJECT) return NULL;
    if (!PyCell_Check(slot.object)) return slot.object;
    PyObject *content = PyCell_Get(slot.object);
    Py_DECREF(slot.object);
    return content;
}

/* What no frame may be, whatever it waits for, and as long as it runs. */
static PyObject *never(const rp_stand *stand, bool is_root) {
    int flags = stand->origin.code->co_flags;
    if (flags & (CO_COROUTINE | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE))
        return rp_reason_at(stand->frame,
                            "a coroutine can't be continued, since its event loop, with all tasks "
                            "and sockets, is of this process alone: save between two runs of the "
                            "loop (a plain loop around asyncio.run(one_step(...)))");
    if (flags & CO_OPTIMIZED) return NULL;
    if (!rp_stack_is_module(stand->frame))
        return rp_reason_at(stand->frame, "the body of a class, or code run by eval() or exec(), "
                                          "is being run: save outside of it");
    if (is_root) return NULL;
    return rp_reason_at(stand->frame, "a module is being imported, or code run by exec(): save "
                                      "outside of it");
}

static bool is_root(const rp_walk *walk, const rp_stand *stand) {
    if (stand->origin.code != walk->root->code) return false;
    PyFrameObject *caller = PyFrame_GetBack(stand->frame);
    Py_XDECREF((PyObject *)caller); /* compared only */
    return (const void *)caller == walk->root->caller;
}

static int judge(rp_walk *walk, rp_stand *stand, bool root, rp_verdict *verdict) {
    verdict->reason = never(stand, root);
    if (verdict->reason) {
        rp_obstacle_set(&walk->captured->obstacle, stand->origin.code, stand->origin.unit, true);
        return 0;
    }
    if (walk->above.frame) return rp_judge_waiting(walk->state, stand, &walk->above, verdict);
    int status = rp_judge_innermost(walk->state, stand, walk->result == NULL, verdict);
    if (status == 0 && !verdict->reason && walk->result) verdict->value = Py_NewRef(walk->result);
    return status;
}

/* The record becomes that of the frame above; takes it. */
static int add(rp_walk *walk, rp_stand *stand, rp_record *record) {
    bool is_finalized, waits = rp_mode_waits(record->mode);
    if (waits)
        record->inner = (PyObject *)walk->record;
    else
        Py_XDECREF((PyObject *)walk->record);
    walk->record = record;
    waited_release(&walk->above);
    rp_stand_release(&walk->stand);
    walk->stand = *stand;
    *stand = (rp_stand){0};
    PyObject *generator = rp_stack_generator(walk->stand.frame, &is_finalized);
    walk->above = (rp_waited){
        .frame = (PyFrameObject *)Py_NewRef((PyObject *)walk->stand.frame),
        .function = rp_stack_function(walk->stand.frame),
        .generator = generator,
        .self = first_argument(&walk->stand),
        .stand = &walk->stand,
    };
    if (generator == NULL) return 0;
    if (is_finalized) {
        walk->captured->reason =
            rp_reason_at(walk->stand.frame, "the generator is being destroyed");
        return walk->captured->reason ? 0 : -1;
    }
    PyObject *key = PyLong_FromVoidPtr(generator);
    int status = key ? PyDict_SetItem(walk->captured->generators, key, (PyObject *)record) : -1;
    Py_XDECREF(key);
    if (status == 0 && walk->level + 1 < PyList_GET_SIZE(walk->exceptions))
        Py_SETREF(walk->handled, Py_NewRef(PyList_GET_ITEM(walk->exceptions, ++walk->level)));
    return status;
}

/* 1: that was the root. 0: goes on, or captured->reason is told. -1. */
static int visit(rp_walk *walk, PyFrameObject *frame) {
    rp_stand stand = {0};
    rp_verdict verdict = {0};
    rp_record *record = NULL;
    bool root = false;
    int status = rp_stand_init(&stand, frame, &verdict.reason);
    if (status > 0) {
        root = is_root(walk, &stand);
        status = judge(walk, &stand, root, &verdict);
    }
    if (status == 0 && !verdict.reason) {
        record = rp_stand_record(walk->state, &stand, &verdict, &walk->handled);
        PyObject *lost = NULL, *taken = walk->captured->surroundings;
        if (record && rp_surroundings_take(walk->state, record, taken, &lost) < 0) Py_CLEAR(record);
        if (lost)
            verdict.reason = rp_reason_at(frame,
                                          "inside of 'with %S', which a new process does "
                                          "not bring back: save outside of it",
                                          lost);
        Py_XDECREF(lost);
        if (record)
            status = add(walk, &stand, record);
        else if (!verdict.reason)
            status = -1;
    }
    if (verdict.reason) {
        rp_obstacle *obstacle = &walk->captured->obstacle;
        walk->captured->misplaced = !walk->result && !walk->record;
        if (!obstacle->code && stand.code)
            rp_obstacle_set(obstacle, stand.origin.code, stand.origin.unit, false);
        Py_XSETREF(walk->captured->reason, verdict.reason);
        verdict.reason = NULL;
    }
    rp_verdict_release(&verdict);
    rp_stand_release(&stand);
    return status < 0 ? -1 : root && !walk->captured->reason;
}

int rp_capture(rp_module_state *state, PyFrameObject *frame, const rp_root *root, PyObject *result,
               rp_captured *captured) {
    rp_walk walk = {.state = state, .root = root, .result = result, .captured = captured};
    int status = -1;
    *captured = (rp_captured){.generators = PyDict_New(), .surroundings = PyList_New(0)};
    walk.exceptions = rp_stack_exceptions();
    if (!captured->generators || !captured->surroundings || !walk.exceptions) goto done;
    walk.handled = Py_NewRef(PyList_GET_ITEM(walk.exceptions, 0));
    Py_INCREF(frame);
    status = 0;
    while (status == 0 && !captured->reason && frame) {
        status = visit(&walk, frame);
        Py_SETREF(frame, PyFrame_GetBack(frame));
    }
    Py_XDECREF((PyObject *)frame);
    if (status == 0 && !captured->reason) {
        captured->reason = PyUnicode_FromString("the save is not called below the function that "
                                                "is to be continued");
        if (captured->reason == NULL) status = -1;
    }
    if (status == 1) captured->root = (rp_record *)Py_NewRef((PyObject *)walk.record);
done:
    waited_release(&walk.above);
    rp_stand_release(&walk.stand);
    Py_XDECREF((PyObject *)walk.record);
    Py_XDECREF(walk.handled);
    Py_XDECREF(walk.exceptions);
    if (status < 0) rp_captured_release(captured);
    return status;
}

void rp_captured_release(rp_captured *captured) {
    Py_CLEAR(captured->root);
    Py_CLEAR(captured->generators);
    Py_CLEAR(captured->surroundings);
    Py_CLEAR(captured->reason);
    rp_obstacle_clear(&captured->obstacle);
}

/* ---- what was in the way ---- */

void rp_obstacle_set(rp_obstacle *obstacle, PyCodeObject *code, int unit, bool may_stay) {
    Py_XSETREF(obstacle->code, (PyCodeObject *)Py_NewRef((PyObject *)code));
    obstacle->unit = unit;
    obstacle->may_stay = may_stay;
}

void rp_obstacle_clear(rp_obstacle *obstacle) {
    Py_CLEAR(obstacle->code);
}

static bool stands_there(const rp_obstacle *obstacle, PyCodeObject *code, int unit, bool stays) {
    rp_origin origin;
    if (rp_origin_of(code, unit, &origin) < 0 || origin.code != obstacle->code) return false;
    if (stays && obstacle->may_stay) return true;
    const rp_analysis *analysis = rp_analysis_of(origin.code);
    if (analysis == NULL) PyErr_Clear();
    return analysis != NULL &&
           rp_analysis_index(analysis, origin.unit) == rp_analysis_index(analysis, obstacle->unit);
}

bool rp_obstacle_is_there(const rp_obstacle *obstacle, PyFrameObject *frame, bool stays) {
    bool found = false;
    Py_INCREF(frame);
    while (frame && !found) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        found = stands_there(obstacle, code, rp_stack_unit(frame), stays);
        Py_DECREF(code);
        Py_SETREF(frame, PyFrame_GetBack(frame));
    }
    Py_XDECREF((PyObject *)frame);
    return found;
}

/* ---- generators that are suspended ---- */

static rp_record *unable(PyObject *reason) {
    if (reason) PyErr_SetObject(PyExc_ValueError, reason);
    Py_XDECREF(reason);
    return NULL;
}

static rp_record *record_of(rp_module_state *state, PyObject *generator, PyFrameObject *frame,
                            rp_stand *stand) {
    rp_verdict verdict = {.mode = RP_MODE_NEW};
    PyObject *reason = NULL;
    int status = rp_stand_init(stand, frame, &reason);
    if (status == 0) return unable(reason);
    if (status < 0) return NULL;
    if (stand->origin.code->co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE))
        return unable(rp_reason_at(
            frame, "a coroutine can't be continued: its event loop is of this process alone"));
    if (rp_stack_generator_state(generator) == RP_GENERATOR_SUSPENDED) {
        if (stand->instruction == NULL || stand->instruction->meaning != RP_MEANS_YIELD)
            return unable(rp_reason_at(frame, "the generator stands at no `yield`"));
        verdict.mode = RP_MODE_YIELD;
        verdict.kept = stand->depth - 1;
    } else {
        verdict.kept = rp_analysis_new(stand->analysis);
    }
    PyObject *handled = rp_stack_generator_exception(generator);
    rp_record *record = rp_stand_record(state, stand, &verdict, &handled);
    Py_XDECREF(handled);
    if (verdict.reason) return unable(verdict.reason);
    if (record && verdict.mode == RP_MODE_NEW) {
        PyObject *slots = rp_build_unstarted(state, frame);
        if (slots) Py_SETREF(record->slots, slots);
        if (!slots && PyErr_Occurred()) Py_CLEAR(record);
    }
    return record;
}

rp_record *rp_capture_generator(rp_module_state *state, PyObject *generator) {
    rp_stand stand = {0};
    PyFrameObject *frame = rp_stack_of_generator(generator);
    if (frame == NULL) return NULL;
    rp_record *record =
        rp_stack_generator_state(generator) == RP_GENERATOR_RUNNING
            ? unable(rp_reason_at(frame, "the generator is running, called by C code"))
            : record_of(state, generator, frame, &stand);
    rp_stand_release(&stand);
    Py_DECREF(frame);
    return record;
}
