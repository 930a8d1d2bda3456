/* The end of a call: recorded when it is known, the lock released in any case. */
#include "checkpoint.h"

#include "finishing.h"
#include "notice.h"
#include "registry.h"

#include <stdlib.h>

/* Something of this call is in the file that its end can be recorded on. */
static bool has_begun(const rp_checkpoint *self) {
    return self->saves > 0 || (self->going_on && self->restored);
}

static int record_end(rp_checkpoint *self, bool quiet) {
    rs_error error = {0};
    if (!has_begun(self)) return 0;
    if (rs_checkpoint_end(self->engine, rp_run_of(self), &error) == RESUME_OK)
        return rp_registry_note_save(self);
    if (!quiet) return rp_raise(self->state, &error);
    PyObject *text = PyUnicode_DecodeFSDefault(error.text);
    if (text != NULL && rp_warn(self->state,
                                "checkpoint '%U': that the call has ended could not be recorded: "
                                "%U; run again, it goes on from its last save",
                                self->caller.name, text) < 0)
        PyErr_WriteUnraisable(NULL);
    Py_XDECREF(text);
    return 0;
}

/* Of a save in the background; `quiet`: nothing is raised. */
static int hear(rp_checkpoint *self, bool quiet) {
    int heard = rp_checkpoint_hear(self, !quiet);
    if (heard >= 0 || !quiet) return heard;
    PyErr_WriteUnraisable(NULL);
    return 1;
}

/* The cell of a notebook is the call: what it saved is its result. The checkpoint stays open, for
 * the next cells may use it, too. */
PyObject *rp_cell_ended(PyObject *module, PyObject *success) {
    PyObject *all = rp_registry_all(rp_state_of_module(module));
    for (Py_ssize_t i = 0; all != NULL && i < PyList_GET_SIZE(all); i++) {
        rp_checkpoint *self = (rp_checkpoint *)PyList_GET_ITEM(all, i);
        if (self->caller.cell == NULL || self->engine == NULL) continue;
        if (hear(self, true) > 0 || self->engine == NULL) continue;
        if (self->saved_in_cell && success == Py_True && !rs_checkpoint_is_forked(self->engine))
            record_end(self, true);
        self->saved_in_cell = false;
    }
    Py_XDECREF(all);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static void let_go(rp_checkpoint *self) {
    self->due = &self->always; /* the next sync() finds out on the slow path */
    self->closed = true;
    self->engine = NULL;
    rp_registry_release(self);
    rp_owner_release(&self->owner);
    rp_arguments_release(&self->arguments);
    Py_CLEAR(self->tracked);
    Py_CLEAR(self->places);
    Py_CLEAR(self->pending_tracked);
}

int rp_checkpoint_close(rp_checkpoint *self, bool completed, bool quiet) {
    if (self->engine == NULL) {
        self->closed = true;
        return 0;
    }
    int heard = hear(self, quiet);
    if (self->engine == NULL) return heard < 0 ? -1 : 0;
    PyObject *exception = rp_exception_take();
    int status = 0;
    /* In a forked child nothing is written: the call goes on in the parent. Nor is it ended without
     * its last state: run again, it goes on from the save before. */
    if (completed && heard == 0 && !rs_checkpoint_is_forked(self->engine))
        status = record_end(self, quiet);
    if (status < 0) exception = rp_exception_take();
    rp_packed_release(&self->packed);
    rs_checkpoint *engine = self->engine;
    self->modified_ns = rs_checkpoint_saved_ns(engine);
    let_go(self);
    if (self->waiting > 0)
        self->left = engine;
    else
        rs_checkpoint_close(engine);
    if (exception != NULL) rp_exception_put(exception);
    return heard < 0 ? -1 : status;
}

void rp_checkpoint_finalize(PyObject *object) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    if (self->engine == NULL) return;
    /* garbage together with the frame that a stored exception has kept: see tp_clear */
    if (Py_REFCNT(object) > 1) return;
    PyObject *exception = rp_exception_take();
    bool returned =
        !rp_owner_is_module(&self->owner) && rp_owner_fate(&self->owner, true) == RP_FATE_RETURNED;
    rp_checkpoint_close(self, returned, true);
    rp_exception_put(exception);
}

/* Called by exit() with the status of the process: 0 is the end of a script, or sys.exit(0). */
static void at_exit(int status, void *argument) {
    rs_checkpoint *engine = argument;
    if (status == 0) rs_checkpoint_end(engine, NULL, NULL);
    rs_checkpoint_close(engine);
}

/* sys.exit(0) leaves a script by an exception, too: only the status tells. */
static bool may_have_ended(rp_checkpoint *self) {
    if (PySys_GetObject("last_type") != NULL || PySys_GetObject("last_exc") != NULL) return false;
    rp_fate fate = rp_owner_fate(&self->owner, false);
    if (fate != RP_FATE_LEFT) return fate == RP_FATE_RETURNED;
    PyFrameObject *frame = rp_owner_find(&self->owner);
    PyFrameObject *caller = frame == NULL ? NULL : PyFrame_GetBack(frame);
    bool outermost = frame != NULL && caller == NULL; /* nobody was there to catch it */
    Py_XDECREF((PyObject *)caller);
    Py_XDECREF((PyObject *)frame);
    return outermost;
}

/* A call that has returned while something else kept its locals. */
static void close_left(rp_checkpoint *self) {
    if (rp_owner_fate(&self->owner, false) != RP_FATE_LEFT) return;
    rp_fate fate = rp_owner_fate_of_kept(&self->owner, (PyObject *)self);
    if (fate == RP_FATE_RETURNED) rp_checkpoint_close(self, true, true);
}

PyObject *rp_at_exit(PyObject *module, PyObject *nothing) {
    (void)nothing;
    rp_state_of_module(module)->is_ending = true;
    PyObject *all = rp_registry_all(rp_state_of_module(module));
    for (Py_ssize_t i = 0; all != NULL && i < PyList_GET_SIZE(all); i++) {
        rp_checkpoint *self = (rp_checkpoint *)PyList_GET_ITEM(all, i);
        bool failed = hear(self, true) > 0;
        if (self->engine == NULL) continue;
        if (!rp_owner_is_module(&self->owner)) {
            close_left(self);
            continue;
        }
        rs_checkpoint *engine = self->engine;
        bool wanted = self->caller.cell == NULL && !rs_checkpoint_is_forked(engine) && !failed &&
                      has_begun(self) && may_have_ended(self);
        if (wanted && on_exit(at_exit, engine) == 0)
            let_go(self);
        else
            rp_checkpoint_close(self, false, true);
    }
    Py_XDECREF(all);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

int rp_register_at_exit(rp_module_state *state, PyObject *module) {
    if (state->at_exit) return 0;
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *function = PyObject_GetAttrString(module, "_at_exit");
    PyObject *result = NULL;
    if (atexit != NULL && function != NULL)
        result = PyObject_CallMethod(atexit, "register", "O", function);
    state->at_exit = result != NULL;
    Py_XDECREF(result);
    Py_XDECREF(function);
    Py_XDECREF(atexit);
    return state->at_exit ? 0 : -1;
}
