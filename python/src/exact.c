/* What runs now and can go on at its statement; saving it: resume.sync(), resume.save(). */
#include "exact.h"

#include "arguments.h"
#include "notice.h"

#include "continuation/record.h"
#include "os/process.h"

#include <string.h>

/* How long a refused save waits for a better place: doubled each time. */
#define WAIT_FIRST_NS UINT64_C(1000000)
#define WAIT_LAST_NS  UINT64_C(1000000000)

/* ---- what is active ---- */

/* With one thread the flag of its checkpoint decides; else each looks for its own. */
static void choose_flag(rp_module_state *state) {
    rp_exact *first = state->exact;
    if (first == NULL)
        state->exact_due = state->said_outside ? &state->exact_never : &state->exact_always;
    else
        state->exact_due = first->next == NULL ? first->checkpoint->due : &state->exact_always;
}

void rp_exact_enter(rp_exact *exact, PyCodeObject *root) {
    rp_module_state *state = exact->checkpoint->state;
    exact->thread = PyThread_get_thread_ident();
    exact->caller = PyThreadState_GetFrame(PyThreadState_Get());
    exact->root = (rp_root){root, exact->caller};
    exact->checkpoint->exact = exact;
    exact->next = state->exact;
    state->exact = exact;
    choose_flag(state);
}

void rp_exact_leave(rp_exact *exact) {
    rp_module_state *state = exact->checkpoint->state;
    for (rp_exact **link = &state->exact; *link != NULL; link = &(*link)->next)
        if (*link == exact) {
            *link = exact->next;
            break;
        }
    choose_flag(state);
    exact->checkpoint->exact = NULL;
    Py_CLEAR(exact->caller);
}

void rp_exact_release(rp_exact *exact) {
    rp_captured_release(&exact->captured);
    rp_obstacle_clear(&exact->obstacle);
    Py_CLEAR(exact->surroundings);
    Py_CLEAR(exact->values);
    Py_CLEAR(exact->space);
    Py_CLEAR(exact->old_handlers);
    Py_CLEAR(exact->checkpoint);
}

rp_exact *rp_exact_here(rp_module_state *state) {
    rp_exact *exact = state->exact;
    if (exact == NULL) return NULL;
    unsigned long thread = PyThread_get_thread_ident();
    while (exact != NULL && exact->thread != thread)
        exact = exact->next;
    return exact;
}

bool rp_exact_is_inside(rp_module_state *state) {
    const rp_exact *exact = rp_exact_here(state);
    const rs_checkpoint *engine = exact == NULL ? NULL : exact->checkpoint->engine;
    return exact != NULL && (engine == NULL || !rs_checkpoint_is_forked(engine));
}

/* ---- what is written ---- */

/* Of a module: all but what Python itself has put there. */
static PyObject *variables_of_space(PyObject *space) {
    static const char *const names[] = {"__name__",    "__builtins__", "__loader__", "__spec__",
                                        "__package__", "__file__",     "__cached__"};
    PyObject *variables = PyDict_Copy(space);
    for (size_t i = 0; variables != NULL && i < sizeof names / sizeof names[0]; i++)
        if (PyDict_GetItemString(variables, names[i]) != NULL &&
            PyDict_DelItemString(variables, names[i]) < 0)
            Py_CLEAR(variables);
    return variables;
}

PyObject *rp_exact_locals(rp_exact *exact) {
    if (exact->space != NULL) return variables_of_space(exact->space);
    const rp_record *record = exact->captured.root;
    PyObject *null = exact->checkpoint->state->null, *variables = PyDict_New();
    Py_ssize_t count = record == NULL ? 0 : PyTuple_GET_SIZE(record->slots);
    for (Py_ssize_t i = 0; variables != NULL && i < count; i++) {
        PyObject *value = PyTuple_GET_ITEM(record->slots, i);
        PyObject *name = PyTuple_GET_ITEM(record->code->co_localsplusnames, i);
        if (PyCell_Check(value)) value = PyCell_GET(value);
        if (value == NULL || value == null) continue;
        if (PyDict_SetItem(variables, name, value) < 0) Py_CLEAR(variables);
    }
    return variables;
}

/* One of the sections; what can't be saved is null, and a problem, without `prefix`. */
static int put_section(rp_snapshot *snapshot, const char *key, PyObject *value) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    rs_cbor_put_literal(buffer, key);
    int status = rp_encoder_put(snapshot->encoder, value, key);
    if (status != 1) return status;
    const char *problem = rp_encoder_problem(snapshot->encoder);
    size_t size = strlen(key); /* the line and the function follow */
    if (strncmp(problem, key, size) == 0 && strncmp(problem + size, ", ", 2) == 0)
        problem += size + 2;
    PyObject *text = PyUnicode_FromString(problem);
    status = text == NULL ? -1 : PyList_Append(snapshot->problems, text);
    rs_cbor_put_simple(buffer, RS_CBOR_NULL);
    Py_XDECREF(text);
    return status;
}

int rp_exact_put(rp_exact *exact, rp_snapshot *snapshot) {
    const rp_captured *captured = &exact->captured;
    if (captured->root == NULL) return 0;
    int status = put_section(snapshot, "frames", (PyObject *)captured->root);
    const rp_record *culprit = (rp_record *)rp_encoder_problem_frame(snapshot->encoder);
    if (culprit != NULL) rp_obstacle_set(&exact->obstacle, culprit->code, culprit->unit, true);
    if (status == 0) status = put_section(snapshot, "surroundings", captured->surroundings);
    if (status == 0 && exact->hooks != NULL) status = exact->hooks->put_sections(exact, snapshot);
    return status;
}

/* ---- saving ---- */

/* Not at every call again: the next place may be as bad. */
static void wait_for_better(rp_exact *exact) {
    rs_checkpoint *engine = exact->checkpoint->engine;
    unsigned times = exact->refused < 10 ? exact->refused : 10;
    uint64_t delay = WAIT_FIRST_NS << times;
    exact->refused++;
    if (engine != NULL) rs_checkpoint_postpone(engine, delay < WAIT_LAST_NS ? delay : WAIT_LAST_NS);
}

/* For `resume log`: the program may swallow a warning. */
static void note_refused(const rp_exact *exact, PyObject *reason) {
    const char *text = PyUnicode_AsUTF8(reason);
    if (text == NULL)
        PyErr_Clear();
    else if (exact->checkpoint->engine != NULL)
        rs_checkpoint_refuse(exact->checkpoint->engine, text);
}

/* Once for each reason; strict=True raises. 0 or -1. */
static int tell_refused(rp_exact *exact, PyObject *reason) {
    rp_checkpoint *self = exact->checkpoint;
    if (exact->hooks != NULL) return exact->hooks->refused(exact, reason);
    wait_for_better(exact);
    note_refused(exact, reason);
    if (self->options.strict)
        return rp_raise_text(self->state->error, RESUME_MISUSE,
                             "checkpoint '%U': can't be saved here: %U; nothing was saved "
                             "(strict=True), and what was saved before is untouched",
                             self->caller.name, reason);
    int told = PySet_Contains(self->warned, reason);
    if (told != 0) return told < 0 ? -1 : 0;
    if (PySet_Add(self->warned, reason) < 0) return -1;
    return rp_warn(self->state,
                   "checkpoint '%U': can't be saved here: %U; the program goes on, and what was "
                   "saved before is untouched",
                   self->caller.name, reason);
}

/* Two calls that differ in them alone are the same. */
static int tell_opaque(rp_exact *exact) {
    rp_checkpoint *self = exact->checkpoint;
    if (exact->said_opaque == NULL || *exact->said_opaque) return 0;
    for (Py_ssize_t i = 0; i < self->arguments.count; i++) {
        if (self->arguments.items[i].comparable || self->arguments.items[i].is_told) continue;
        *exact->said_opaque = true;
        return rp_warn(self->state,
                       "checkpoint '%U': argument '%U' can't be compared: a call that differs in "
                       "it alone goes on from this one's save; key= tells calls apart "
                       "(key=lambda ...: text)",
                       self->caller.name, self->arguments.items[i].name);
    }
    return 0;
}

/* A program that has not asked for it does not see it: no tracer, profiler or monitor does. */
static int save_captured(rp_exact *exact, bool due, PyObject **refusal) {
    PyThreadState *thread = PyThreadState_Get();
    if (exact->hooks != NULL) PyThreadState_EnterTracing(thread);
    int status = rp_checkpoint_save_exact(exact->checkpoint, due, due && !exact->at_once, refusal);
    if (exact->hooks != NULL) PyThreadState_LeaveTracing(thread);
    return status;
}

int rp_exact_save(rp_exact *exact, PyFrameObject *frame, PyObject *result, bool due) {
    rp_checkpoint *self = exact->checkpoint;
    if (self->busy) return 0; /* code of the user that runs while it is saved */
    if (rp_checkpoint_usable(self, due ? "sync()" : "save()") < 0) return -1;
    if (rp_checkpoint_hear(self, false) < 0) return -1;
    if (self->engine == NULL || self->busy) return 0; /* another thread has come before */
    self->busy = true;
    PyObject *refusal = NULL;
    int status = rp_capture(self->state, frame, &exact->root, result, &exact->captured);
    if (status == 0) refusal = Py_NewRef(exact->captured.reason);
    exact->misplaced = exact->captured.misplaced;
    rp_obstacle_clear(&exact->obstacle);
    exact->obstacle = exact->captured.obstacle;
    exact->captured.obstacle = (rp_obstacle){0};
    if (status > 0) status = save_captured(exact, due, &refusal);
    rp_captured_release(&exact->captured);
    self->busy = false;
    if (status > 0) exact->refused = 0;
    if (status > 0 && tell_opaque(exact) < 0) status = -1;
    if (status == 0 && refusal != NULL) status = tell_refused(exact, refusal);
    Py_XDECREF(refusal);
    return status;
}

void rp_exact_end(rp_exact *exact, PyObject *result) {
    rp_checkpoint *self = exact->checkpoint;
    if (self->engine == NULL) return;
    if (result != NULL && !rs_checkpoint_is_forked(self->engine)) {
        PyObject *refusal = NULL;
        Py_XSETREF(self->result, Py_NewRef(result));
        self->result_known = true;
        self->exact = exact; /* of which no frames are left */
        if (rp_checkpoint_save_exact(self, true, false, &refusal) == 0 && refusal != NULL &&
            rp_warn(self->state, "checkpoint '%U': the result can't be kept: %U", self->caller.name,
                    refusal) < 0)
            PyErr_WriteUnraisable(NULL);
        if (PyErr_Occurred()) PyErr_WriteUnraisable(NULL);
        Py_XDECREF(refusal);
        self->exact = NULL;
    }
    rp_checkpoint_close(self, true, true);
}

/* ---- what programs call ---- */

/* Nothing is active in this thread: told once. */
static int tell_outside(rp_module_state *state, const char *what) {
    if (rs_is_disabled() || state->said_outside) return 0;
    bool elsewhere = state->exact != NULL;
    state->said_outside = true;
    choose_flag(state);
    if (!elsewhere)
        return rp_warn(state,
                       "%s: nothing is saved: no function that @resume.resumable decorates is "
                       "running, nor was the program started by 'resume run'",
                       what);
    return rp_warn(state,
                   "%s in another thread than that of '%U': nothing is saved: call it in the "
                   "thread that called the resumable function",
                   what, state->exact->checkpoint->caller.function);
}

static int tell_forked(rp_checkpoint *self) {
    if (self->said_forked) return 0;
    self->said_forked = true;
    return rp_warn(self->state,
                   "checkpoint '%U' belongs to the parent process: resume.sync() and save() do "
                   "nothing in this child",
                   self->caller.name);
}

/* 1: saved. 0: not. -1. */
static int save_here(rp_module_state *state, PyObject *result, bool due) {
    const char *what = due ? "resume.sync()" : "resume.save()";
    rp_exact *exact = rp_exact_here(state);
    if (exact == NULL) return tell_outside(state, what);
    rp_checkpoint *self = exact->checkpoint;
    if (self->engine == NULL) return 0;
    if (rs_checkpoint_is_forked(self->engine)) return tell_forked(self);
    int wanted = due && state->stop == 0 ? rp_checkpoint_hear_if_due(self) : 1;
    if (wanted < 0) return -1;
    exact->at_once = state->stop != 0;
    PyFrameObject *frame = wanted ? PyThreadState_GetFrame(PyThreadState_Get()) : NULL;
    if (frame == NULL) return 0;
    int status = rp_exact_save(exact, frame, result, due);
    Py_DECREF((PyObject *)frame);
    if (status > 0 && rp_stopping_check(state) < 0) status = -1;
    return status;
}

PyObject *rp_core_sync(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    rp_module_state *state = PyModule_GetState(module);
    (void)args;
    if (atomic_load_explicit(state->exact_due, memory_order_relaxed) == 0 && count == 0)
        Py_RETURN_FALSE;
    if (count != 0) {
        PyErr_SetString(PyExc_TypeError, "sync() takes no arguments");
        return NULL;
    }
    int status = save_here(state, Py_True, true);
    return status < 0 ? NULL : PyBool_FromLong(status);
}

PyObject *rp_core_save(PyObject *module, PyObject *nothing) {
    (void)nothing;
    if (save_here(PyModule_GetState(module), Py_None, false) < 0) return NULL;
    Py_RETURN_NONE;
}

PyObject *rp_core_wait(PyObject *module, PyObject *nothing) {
    (void)nothing;
    rp_exact *exact = rp_exact_here(PyModule_GetState(module));
    if (exact != NULL && rp_checkpoint_hear(exact->checkpoint, true) < 0) return NULL;
    Py_RETURN_NONE;
}
