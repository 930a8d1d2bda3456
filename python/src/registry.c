/* One open Checkpoint for each path in this process. */
#include "registry.h"

#include "notice.h"

/* The Checkpoint registered under the path, new reference; NULL without an exception. */
static rp_checkpoint *find(rp_module_state *state, PyObject *path) {
    PyObject *weak = PyDict_GetItemWithError(state->registry, path); /* borrowed */
    PyObject *older = weak == NULL ? NULL : PyObject_CallNoArgs(weak);
    PyErr_Clear();
    if (older == Py_None) Py_CLEAR(older);
    return (rp_checkpoint *)older;
}

static int refuse(rp_checkpoint *self) {
    return rp_raise_text(
        self->state->locked, RESUME_LOCKED,
        "checkpoint '%U' is in use by another call of '%U' in this process (recursion, a second "
        "thread or a suspended generator): give each its own with key=, for example "
        "Checkpoint(key=depth)",
        self->caller.name, self->caller.function);
}

int rp_registry_claim(rp_checkpoint *self, PyFrameObject *frame) {
    rp_checkpoint *older = find(self->state, self->caller.path);
    int status = 0;
    if (older != NULL && older->engine != NULL && !rs_checkpoint_is_forked(older->engine)) {
        PyFrameObject *its_frame = rp_owner_find(&older->owner);
        rp_fate fate = rp_owner_fate(&older->owner, false);
        if (fate == RP_FATE_LEFT) fate = rp_owner_fate_of_kept(&older->owner, (PyObject *)older);
        if (older->exact != NULL) fate = RP_FATE_RUNNING;
        bool same = its_frame != NULL && its_frame == frame;
        Py_XDECREF((PyObject *)its_frame);
        if (fate == RP_FATE_RUNNING && !same) {
            status = refuse(self);
        } else {
            bool ended = fate == RP_FATE_RETURNED && older->caller.cell == NULL;
            status = rp_checkpoint_close(older, ended, true);
            older->taken_over = true;
        }
    } else if (older != NULL) {
        status = rp_checkpoint_close(older, false, true);
    }
    Py_XDECREF((PyObject *)older);
    if (status < 0) return -1;
    PyObject *weak = PyWeakref_NewRef((PyObject *)self, NULL);
    status = weak == NULL ? -1 : PyDict_SetItem(self->state->registry, self->caller.path, weak);
    Py_XDECREF(weak);
    return status;
}

void rp_registry_release(rp_checkpoint *self) {
    if (self->caller.path == NULL) return;
    PyObject *weak = PyDict_GetItemWithError(self->state->registry, self->caller.path);
    PyObject *registered = weak == NULL ? NULL : PyObject_CallNoArgs(weak);
    /* in a finalizer the weak reference is dead already: then the entry can only be ours */
    if (weak != NULL && (registered == Py_None || registered == (PyObject *)self))
        PyDict_DelItem(self->state->registry, self->caller.path);
    PyErr_Clear();
    Py_XDECREF(registered);
}

PyObject *rp_registry_all(rp_module_state *state) {
    PyObject *all = PyList_New(0);
    PyObject *references = all == NULL ? NULL : PyDict_Values(state->registry);
    Py_ssize_t count = references == NULL ? 0 : PyList_GET_SIZE(references);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *one = PyObject_CallNoArgs(PyList_GET_ITEM(references, i));
        if (one != NULL && one != Py_None && PyList_Append(all, one) < 0) PyErr_Clear();
        Py_XDECREF(one);
    }
    PyErr_Clear();
    Py_XDECREF(references);
    return all;
}

bool rp_registry_others_active(rp_checkpoint *self) {
    PyObject *all = rp_registry_all(self->state);
    bool active = false;
    for (Py_ssize_t i = 0; all != NULL && i < PyList_GET_SIZE(all); i++) {
        rp_checkpoint *other = (rp_checkpoint *)PyList_GET_ITEM(all, i);
        if (other == self || other->engine == NULL || rs_checkpoint_is_forked(other->engine))
            continue;
        if (other->exact != NULL || rp_owner_fate(&other->owner, false) == RP_FATE_RUNNING)
            active = true;
    }
    Py_XDECREF(all);
    return active;
}

bool rp_registry_saved_here(rp_checkpoint *self) {
    return PySet_Contains(self->state->saved_here, self->caller.path) == 1;
}

int rp_registry_note_save(rp_checkpoint *self) {
    return PySet_Add(self->state->saved_here, self->caller.path);
}
