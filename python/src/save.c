/* save() and sync(): one generation of the call's state, and what the user has to know about it. */
#include "snapshot.h"

#include "code.h"
#include "notice.h"
#include "registry.h"
#include "tracking.h"
#include "trust.h"

#include <string.h>

int rp_checkpoint_usable(rp_checkpoint *self, const char *what) {
    PyObject *error = self->state->error;
    if (self->taken_over)
        return rp_raise_text(error, RESUME_MISUSE,
                             "%s: a newer Checkpoint of '%U' has taken over in this process: use "
                             "that one, or give each its own with key=",
                             what, self->caller.name);
    if (self->closed || self->engine == NULL)
        return rp_raise_text(error, RESUME_MISUSE,
                             "%s: the checkpoint is closed (done(), close() or the end of its "
                             "`with`): make a new Checkpoint",
                             what);
    if (rs_checkpoint_is_forked(self->engine))
        return rp_raise_text(error, RESUME_FORKED,
                             "%s: checkpoint '%U' belongs to the parent process, which alone may "
                             "write it: make one in this process with key=",
                             what, self->caller.name);
    if (self->busy)
        return rp_raise_text(error, RESUME_MISUSE, "%s: a save or restore of '%U' is under way",
                             what, self->caller.name);
    int followed = rp_owner_follow(&self->owner);
    if (followed > 0) {
        rp_loops_change_owner(&self->loops);
        if (self->restored_at >= 0) self->restored_at = 0; /* before all of this statement */
    }
    return followed < 0 ? -1 : 0;
}

/* A warning for each thing that was not told before. `known`: by name or by text. */
static int tell_once(rp_checkpoint *self, PyObject *known, PyObject *reason) {
    int told = PySet_Contains(self->warned, known);
    if (told != 0) return told < 0 ? -1 : 0;
    if (PySet_Add(self->warned, known) < 0) return -1;
    return rp_warn(self->state,
                   "checkpoint '%U': can't be saved: %U; everything else is saved, and this keeps "
                   "its fresh value after a restart (skip=[...] leaves a variable out silently, "
                   "resume.register() makes such objects anew)",
                   self->caller.name, reason);
}

static int tell_skipped(rp_checkpoint *self, rp_snapshot *snapshot) {
    PyObject *name, *reason;
    for (Py_ssize_t at = 0; PyDict_Next(snapshot->skipped, &at, &name, &reason);)
        if (tell_once(self, name, reason) < 0) return -1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(snapshot->problems); i++) {
        reason = PyList_GET_ITEM(snapshot->problems, i);
        if (tell_once(self, reason, reason) < 0) return -1;
    }
    return 0;
}

/* The variable of that name holds an object that is tracked, by whatever name. */
static bool holds_tracked(const rp_checkpoint *self, PyFrameObject *frame, PyObject *name) {
    PyObject *values = frame == NULL ? NULL : rp_frame_locals(frame);
    PyObject *value = values == NULL ? NULL : PyDict_GetItemWithError(values, name);
    bool holds = value != NULL && rp_tracking_has(self, value);
    PyErr_Clear();
    Py_XDECREF(values);
    return holds;
}

/* The arguments that nothing is known about, without those that are tracked; their reasons are told
 * here and not as variables that can't be saved. */
static int tell_opaque(rp_checkpoint *self, rp_snapshot *snapshot) {
    if (self->said_opaque) return 0;
    PyObject *names = rp_arguments_opaque(&self->arguments);
    PyObject *left = names == NULL ? NULL : PyList_New(0);
    PyObject *calls = left == NULL ? NULL : PyList_New(0), *text = NULL, *lines = NULL;
    PyObject *comma = PyUnicode_FromString("', '"), *semicolon = PyUnicode_FromString("; ");
    int status = calls == NULL || comma == NULL || semicolon == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        if (self->tracked != NULL && PyDict_Contains(self->tracked, name) == 1) continue;
        if (self->places != NULL && PyDict_Contains(self->places, name) == 1) continue;
        if (holds_tracked(self, snapshot->frame, name)) continue;
        PyObject *call = PyUnicode_FromFormat("chp.track(%U)", name);
        status = call == NULL ? -1 : PyList_Append(calls, call);
        Py_XDECREF(call);
        if (status == 0) status = PyList_Append(left, name);
        if (status == 0) status = PySet_Add(self->warned, name);
    }
    if (status == 0 && PyList_GET_SIZE(left) > 0) {
        self->said_opaque = true;
        text = PyUnicode_Join(comma, left);
        lines = PyUnicode_Join(semicolon, calls);
        status =
            text == NULL || lines == NULL
                ? -1
                : rp_warn(self->state,
                          "checkpoint '%U': argument '%U' can't be compared or restored: after "
                          "a restart it is what the call passes; to have its state restored "
                          "add, after the Checkpoint is made: %U",
                          self->caller.name, text, lines);
    }
    Py_XDECREF(lines);
    Py_XDECREF(text);
    Py_XDECREF(semicolon);
    Py_XDECREF(comma);
    Py_XDECREF(calls);
    Py_XDECREF(left);
    Py_XDECREF(names);
    return status;
}

static int tell_gone(rp_checkpoint *self, rp_snapshot *snapshot) {
    if (snapshot->frame != NULL || self->said_gone) return 0;
    self->said_gone = true;
    return rp_warn(
        self->state,
        "checkpoint '%U': '%U', which made it, is not running any more, so that only its "
        "items (chp[...]) and tracked objects are saved: make the Checkpoint in the "
        "function whose variables it is to keep",
        self->caller.name, self->caller.function);
}

static int tell_file(rp_checkpoint *self, const rs_commit_info *info, bool had_file) {
    char kept[RS_FILE_NAME_SIZE];
    rs_name_show(info->aside, kept);
    const char *quote = strcmp(kept, info->aside) == 0 ? "" : "\"";
    if (info->aside[0] != 0 && strstr(info->aside, ".damaged-") != NULL)
        return rp_warn(self->state,
                       "checkpoint '%U': a complete new file was written; the damaged one is kept "
                       "as '%s'",
                       self->caller.name, kept);
    if (info->aside[0] != 0)
        return rp_warn(self->state,
                       "checkpoint '%U': what was saved before is kept as '%s' ('resume revive "
                       "%s%s%s' brings it back)",
                       self->caller.name, kept, quote, kept, quote);
    if (info->new_file && had_file && !info->compacted)
        return rp_warn(self->state,
                       "checkpoint '%U': its file was gone or could not be relied on: a complete "
                       "new one was written, '%U'",
                       self->caller.name, self->caller.path);
    return 0;
}

static int refuse_strictly(rp_checkpoint *self, rp_snapshot *snapshot) {
    PyObject *reasons = PyDict_Values(snapshot->skipped);
    PyObject *all = reasons == NULL ? NULL : PySequence_Concat(reasons, snapshot->problems);
    PyObject *semicolon = PyUnicode_FromString("; ");
    PyObject *text = all == NULL || semicolon == NULL ? NULL : PyUnicode_Join(semicolon, all);
    if (text != NULL)
        rp_raise_text(self->state->error, RESUME_MISUSE,
                      "checkpoint '%U': can't be saved: %U; nothing was saved (strict=True): leave "
                      "it out with skip=[...], or track it with chp.track(...)",
                      self->caller.name, text);
    Py_XDECREF(text);
    Py_XDECREF(semicolon);
    Py_XDECREF(all);
    Py_XDECREF(reasons);
    return -1;
}

static int save_failed(rp_checkpoint *self, const rs_error *error, bool due) {
    rs_checkpoint_refuse(self->engine, error->text);
    if (!due || self->options.raise_errors) return rp_raise(self->state, error);
    PyObject *text = PyUnicode_DecodeFSDefault(error->text);
    if (text == NULL) return -1;
    int status = rp_warn(self->state,
                         "checkpoint '%U' could not be saved: %U; what was saved before is "
                         "untouched, the program goes on, and it is tried again later",
                         self->caller.name, text);
    Py_DECREF(text);
    return status;
}

/* For audit hooks (PEP 578): a generation is durable. */
static int audit(rp_checkpoint *self, const rs_commit_info *info) {
    return PySys_Audit("resume.save", "OK", self->caller.path,
                       (unsigned long long)info->generation);
}

/* What there is to say of a generation that is durable. */
static int tell_saved(rp_checkpoint *self, const rs_commit_info *info) {
    self->saves++;
    if (audit(self, info) < 0) return -1;
    if (rp_registry_note_save(self) < 0 || tell_file(self, info, self->had_file) < 0) return -1;
    return rp_trust_tell_key(self);
}

static int tell_snapshot(rp_checkpoint *self, rp_snapshot *snapshot) {
    if (tell_gone(self, snapshot) < 0 || tell_opaque(self, snapshot) < 0) return -1;
    return tell_skipped(self, snapshot);
}

static int tell_tracking(rp_checkpoint *self) {
    const char *problem = rs_checkpoint_track_problem(self->engine);
    if (self->said_untracked || *problem == 0) return 0;
    self->said_untracked = true;
    return rp_warn(self->state,
                   "checkpoint '%U': track=True has no effect on this system, which lacks: %s; "
                   "what has changed is found by hashing",
                   self->caller.name, problem);
}

/* --- in the background --- */

/* Other threads run meanwhile, and may close the checkpoint. */
static void wait_without_gil(rp_checkpoint *self) {
    rs_checkpoint *engine = self->engine;
    self->waiting++;
    Py_BEGIN_ALLOW_THREADS;
    rs_checkpoint_wait(engine);
    Py_END_ALLOW_THREADS;
    if (--self->waiting > 0 || self->left == NULL) return;
    engine = self->left;
    self->left = NULL;
    rs_checkpoint_close(engine);
}

/* What became of it, if that was not told. */
static int tell_outcome(rp_checkpoint *self, bool raises) {
    rs_outcome outcome;
    if (!rs_checkpoint_outcome(self->engine, &outcome)) return 0;
    if (outcome.status == RESUME_OK) return tell_saved(self, &outcome.info);
    return save_failed(self, &outcome.error, !raises) < 0 ? -1 : 1;
}

int rp_checkpoint_hear(rp_checkpoint *self, bool raises) {
    while (self->engine != NULL && rs_checkpoint_is_saving(self->engine))
        wait_without_gil(self);
    return self->engine == NULL ? 0 : tell_outcome(self, raises);
}

int rp_checkpoint_hear_if_due(rp_checkpoint *self) {
    if (atomic_load_explicit(self->due, memory_order_relaxed) == 0) return 0;
    if (rp_checkpoint_hear(self, false) < 0) return -1;
    return atomic_load_explicit(self->due, memory_order_relaxed) != 0;
}

/* --- one generation --- */

/* 1 saved or on its way, 0 failed and told, -1 exception. The GIL is kept: what is not copied must
 * not change until it is written. */
static int commit(rp_checkpoint *self, rp_snapshot *snapshot, bool due, bool later) {
    rs_commit_info info = {0};
    rs_error error = {0};
    size_t count;
    const rs_blob *blobs = rp_encoder_blobs(snapshot->encoder, &count);
    self->had_file = self->saves > 0 || self->found;
    /* A file that is appended to could not be cut back to its length before the first save that
     * knows it: what the program writes into it next has to find that save on the disk. */
    size_t appended = rp_encoder_appended(snapshot->encoder);
    later =
        later && self->options.background && !self->state->is_ending && appended <= self->appended;
    resume_status status = later ? rs_checkpoint_save_later(self->engine, blobs, count, &error)
                                 : rs_checkpoint_save(self->engine, blobs, count, &info, &error);
    if (status != RESUME_OK) return save_failed(self, &error, due);
    self->appended = appended;
    if (tell_tracking(self) < 0) return -1;
    if (!later) return tell_saved(self, &info) < 0 ? -1 : 1;
    /* Else at the next call, however soon it is known. */
    int told = rs_checkpoint_is_under_way(self->engine) ? 0 : tell_outcome(self, false);
    return told < 0 ? -1 : told == 0;
}

/* 1 saved or on its way, 0 failed and told, -1 exception. */
static int save_now(rp_checkpoint *self, bool due) {
    rp_snapshot snapshot;
    int status;
    rs_checkpoint_begin_save(self->engine);
    if (rp_snapshot_take(self, &snapshot) < 0) return -1;
    if (self->options.strict &&
        (PyDict_GET_SIZE(snapshot.skipped) > 0 || PyList_GET_SIZE(snapshot.problems) > 0))
        status = refuse_strictly(self, &snapshot);
    else
        status = commit(self, &snapshot, due, due);
    if (status > 0) self->saved_in_cell = true;
    if (status > 0 && tell_snapshot(self, &snapshot) < 0) status = -1;
    rp_snapshot_release(&snapshot);
    return status;
}

int rp_checkpoint_save(rp_checkpoint *self, bool due) {
    const char *what = due ? "sync()" : "save()";
    if (due && self->engine != NULL && self->busy) return 0; /* another thread saves */
    if (rp_checkpoint_usable(self, what) < 0) return -1;
    int ready = due ? rp_checkpoint_hear_if_due(self) : rp_checkpoint_hear(self, false);
    if (ready < 0 || (due && ready == 0)) return ready;
    if (due && self->engine != NULL && self->busy) return 0; /* it has come before */
    if (rp_checkpoint_usable(self, what) < 0) return -1;     /* another thread may have closed it */
    self->busy = true;
    int status = save_now(self, due);
    self->busy = false;
    return status;
}

/* Nothing is left out: a frame without one of its values could not go on. */
static PyObject *first_problem(const rp_snapshot *snapshot) {
    if (PyList_GET_SIZE(snapshot->problems) == 0) return NULL;
    return Py_NewRef(PyList_GET_ITEM(snapshot->problems, 0));
}

int rp_checkpoint_save_exact(rp_checkpoint *self, bool due, bool later, PyObject **refusal) {
    rp_snapshot snapshot;
    rs_checkpoint_begin_save(self->engine);
    if (rp_snapshot_take(self, &snapshot) < 0) return -1;
    *refusal = first_problem(&snapshot);
    int status = *refusal != NULL ? 0 : commit(self, &snapshot, due, later);
    rp_snapshot_release(&snapshot);
    return status;
}

static int tell_plain_loop(rp_checkpoint *self, int here) {
    PyObject *advice = NULL;
    if (self->said_loop || self->restored_at < 0) return 0;
    int line = rp_code_plain_loop(self->owner.code, self->restored_at, here, &advice);
    if (line < 0) return -1;
    int status = 0;
    if (line > 0 && advice != NULL) {
        self->said_loop = true;
        status = rp_warn(self->state, "checkpoint '%U': %U", self->caller.name, advice);
    }
    Py_XDECREF(advice);
    return status;
}

int rp_checkpoint_tell_body(rp_checkpoint *self) {
    PyFrameObject *frame = self->said_body ? NULL : rp_owner_find(&self->owner);
    if (frame == NULL) return 0;
    int here = rp_frame_place(frame), line = PyFrame_GetLineNumber(frame);
    Py_DECREF(frame);
    if (!rp_loops_in_body(&self->loops, self->owner.code, here)) return 0;
    self->said_body = true;
    return rp_warn(self->state,
                   "checkpoint '%U': line %d: save() in the body of chp.loop counts the item as "
                   "finished, and what follows in the body is left out when the program is run "
                   "again; make save() the last statement of the body, or write sync(), which "
                   "waits for the next item",
                   self->caller.name, line);
}

int rp_checkpoint_save_between_items(PyObject *checkpoint) {
    rp_checkpoint *self = (rp_checkpoint *)checkpoint;
    if (self->engine == NULL || self->busy || rs_checkpoint_is_forked(self->engine)) return 0;
    PyFrameObject *frame = rp_owner_find(&self->owner);
    int here = frame == NULL ? -1 : rp_frame_place(frame);
    Py_XDECREF((PyObject *)frame);
    if (here >= 0 && tell_plain_loop(self, here) < 0) return -1;
    return rp_checkpoint_save(self, true) < 0 ? -1 : 0;
}

int rp_checkpoint_sync(rp_checkpoint *self) {
    if (self->engine != NULL && rs_checkpoint_is_forked(self->engine)) {
        if (self->said_forked) return 0;
        self->said_forked = true;
        return rp_warn(self->state,
                       "checkpoint '%U' belongs to the parent process: sync() does nothing in this "
                       "child; a worker that is to keep its own work makes its own Checkpoint with "
                       "key=",
                       self->caller.name);
    }
    if (self->engine != NULL && self->busy) return 0; /* another thread saves */
    if (rp_checkpoint_usable(self, "sync()") < 0) return -1;
    int due = rp_checkpoint_hear_if_due(self);
    if (due <= 0) return due;
    PyFrameObject *frame = rp_owner_find(&self->owner);
    int here = frame == NULL ? -1 : rp_frame_place(frame);
    Py_XDECREF((PyObject *)frame);
    if (here >= 0 && rp_loops_defer(&self->loops, self->owner.code, here)) return 0;
    if (here >= 0 && tell_plain_loop(self, here) < 0) return -1;
    return rp_checkpoint_save(self, true);
}
