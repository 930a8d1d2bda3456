/* One call of a resumable function: goes on, or begins; its end. */
#include "resumable.h"

#include "exact.h"
#include "notice.h"
#include "others.h"
#include "track.h"

#include "continuation/reenter.h"
#include "format/hash.h"

#include <stdio.h>
#include <string.h>

#define KEY_DIGITS 16

/* Instances are compared by what their attributes are. */
static int compare_by_attributes(rp_module_state *state, PyObject *values, rp_argument *argument) {
    PyObject *value = PyDict_GetItemWithError(values, argument->name);
    if (value == NULL || !(Py_TYPE(value)->tp_flags & Py_TPFLAGS_HEAPTYPE) || PyType_Check(value))
        return PyErr_Occurred() ? -1 : 0;
    PyObject *attributes = rp_track_attributes(value);
    if (attributes == NULL) return -1;
    int status = rp_digest(state, attributes, argument->digest);
    Py_DECREF(attributes);
    if (status < 0) return -1;
    argument->comparable = status == 0;
    return 0;
}

/* What the caller holds, and the call may change: filled in place when the call goes on. */
static int track_instances(rp_checkpoint *self, PyObject *values) {
    for (Py_ssize_t i = 0; i < self->arguments.count; i++) {
        rp_argument *argument = &self->arguments.items[i];
        if (!argument->comparable && compare_by_attributes(self->state, values, argument) < 0)
            return -1;
        if (argument->fillable || argument->immutable) continue;
        PyObject *value = PyDict_GetItemWithError(values, argument->name);
        if (value == NULL || !(Py_TYPE(value)->tp_flags & Py_TPFLAGS_HEAPTYPE)) continue;
        if (rp_track_check(self->state, value) < 0) {
            if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
            PyErr_Clear();
            continue;
        }
        int placed = rp_track_is_placed(self->state, value);
        if (placed < 0) return -1;
        if (placed) continue;
        if (self->tracked == NULL && (self->tracked = PyDict_New()) == NULL) return -1;
        if (PyDict_SetItem(self->tracked, argument->name, value) < 0) return -1;
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* Of all arguments; of those that can't be compared only the type counts. */
static PyObject *key_of_arguments(rp_checkpoint *self, PyObject *values) {
    rs_buffer buffer = {0};
    PyObject *key = NULL;
    for (Py_ssize_t i = 0; i < self->arguments.count; i++) {
        const rp_argument *argument = &self->arguments.items[i];
        const char *name = PyUnicode_AsUTF8(argument->name);
        PyObject *value = PyDict_GetItemWithError(values, argument->name);
        if (name == NULL || value == NULL) goto done;
        rs_buffer_append(&buffer, name, strlen(name) + 1);
        const char *type = Py_TYPE(value)->tp_name;
        rs_buffer_append(&buffer, type, strlen(type) + 1);
        if (argument->comparable)
            rs_buffer_append(&buffer, argument->digest, sizeof argument->digest);
    }
    if (buffer.failed) {
        PyErr_NoMemory();
        goto done;
    }
    char text[2 * KEY_DIGITS + 1];
    rs_hash128 hash = rs_hash128_of(buffer.bytes, buffer.size, 0);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash.low);
    key = PyUnicode_FromString(text);
done:
    rs_buffer_release(&buffer);
    return key;
}

/* key= is a function of the arguments, the options' own, or made of the arguments. */
static int choose_key(rp_resumable *resumable, rp_checkpoint *self, PyObject *values,
                      PyObject *const *args, size_t count_and_flags, PyObject *names) {
    if (resumable->key_function != NULL) {
        PyObject *key = PyObject_Vectorcall(resumable->key_function, args, count_and_flags, names);
        PyObject *text = key == NULL ? NULL : rp_key_text(key);
        Py_XDECREF(key);
        Py_XSETREF(self->options.key, text);
        self->any_arguments = true;
        return text == NULL ? -1 : 0;
    }
    if (self->options.key != NULL || self->arguments.count == 0) return 0;
    self->options.key = key_of_arguments(self, values);
    return self->options.key == NULL ? -1 : 0;
}

/* Checkpoint.folder, when somebody has set it: new reference or NULL. */
static PyObject *class_folder(rp_module_state *state) {
    PyObject *value = PyObject_GetAttrString((PyObject *)state->checkpoint_type, "folder");
    if (value == NULL) PyErr_Clear();
    if (value == state->folder_default) Py_CLEAR(value);
    return value;
}

/* A call as the program makes it. */
typedef struct given {
    PyObject *const *args;
    size_t count_and_flags;
    PyObject *names;
} given;

static int make_earlier(rp_options *options) {
    PyObject *key = options->key != NULL ? PyUnicode_FromFormat("%U@earlier", options->key)
                                         : PyUnicode_FromString("earlier");
    Py_XSETREF(options->key, key);
    return key == NULL ? -1 : 0;
}

/* The checkpoint of this call, or its other one, not opened. */
static rp_checkpoint *checkpoint_of(rp_resumable *resumable, PyObject *values, const given *call,
                                    bool earlier) {
    rp_module_state *state = resumable->state;
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(resumable->function);
    rp_checkpoint *self = rp_exact_checkpoint(state, code);
    if (self == NULL) return NULL;
    rp_options_copy(&resumable->options, &self->options);
    self->uses_ended = resumable->cache;
    PyObject *folder = NULL;
    if (rp_arguments_capture(state, code, values, &self->arguments) < 0 ||
        track_instances(self, values) < 0 ||
        choose_key(resumable, self, values, call->args, call->count_and_flags, call->names) < 0 ||
        (earlier && make_earlier(&self->options) < 0))
        goto failed;
    folder = class_folder(state);
    int status =
        rp_caller_of_function(state, resumable->function, &self->options, folder, &self->caller);
    Py_XDECREF(folder);
    if (status == 0) return self;
failed:
    Py_DECREF((PyObject *)self);
    return NULL;
}

/* ---- calls with equal arguments ---- */

/* One process may call with the same arguments again and again, and one checkpoint serves them all:
 * so each save tells the number of its call. A process that was killed in the third one makes the
 * first two again before it comes to what is saved; these have a checkpoint of their own meanwhile,
 * NAME@earlier. */

/* The number of the call that begins now, from 1 on; 0: -1 with an exception. */
static uint64_t next_turn(const rp_checkpoint *self) {
    PyObject *turns = self->state->turns;
    PyObject *before = PyDict_GetItemWithError(turns, self->caller.path); /* borrowed */
    if (before == NULL && PyErr_Occurred()) return 0;
    uint64_t count = before == NULL ? 0 : PyLong_AsUnsignedLongLong(before);
    return PyErr_Occurred() ? 0 : count + 1;
}

static void note_turn(rp_module_state *state, PyObject *path, uint64_t turn) {
    PyObject *number = PyLong_FromUnsignedLongLong(turn);
    if (number == NULL || PyDict_SetItem(state->turns, path, number) < 0) PyErr_Clear();
    Py_XDECREF(number);
}

static int open_one(rp_exact *exact, uint64_t turn) {
    if (turn > 1 && rp_arguments_add_turn(&exact->checkpoint->arguments, turn) < 0) return -1;
    return rp_exact_open(exact->checkpoint);
}

/* Opens what belongs to the call of this number. *earlier: it is not the one whose name it has. */
static int open_turn(rp_resumable *resumable, rp_exact *exact, const given *call, uint64_t turn,
                     bool *earlier) {
    uint64_t saved;
    *earlier = false;
    if (resumable->cache) return rp_exact_open(exact->checkpoint);
    if (open_one(exact, turn) < 0) return -1;
    if (!exact->checkpoint->going_on) return 0;
    if (rp_exact_turn(exact->checkpoint, &saved) < 0) return -1;
    if (saved <= turn) return 0;
    *earlier = true;
    rp_checkpoint_close(exact->checkpoint, false, true);
    Py_SETREF(exact->checkpoint, checkpoint_of(resumable, exact->values, call, true));
    if (exact->checkpoint == NULL || open_one(exact, turn) < 0) return -1;
    if (!exact->checkpoint->going_on) return 0;
    if (rp_exact_turn(exact->checkpoint, &saved) < 0) return -1;
    if (saved != turn) rp_exact_start_over(exact->checkpoint);
    return 0;
}

static bool all_comparable(const rp_checkpoint *self) {
    for (Py_ssize_t i = 0; i < self->arguments.count; i++)
        if (!self->arguments.items[i].comparable) return false;
    return true;
}

/* An ended call of the same arguments and code: its result, new reference. NULL without an
 * exception: there is none. */
static PyObject *cached(rp_resumable *resumable, rp_checkpoint *self) {
    bool known = self->any_arguments || resumable->options.key != NULL || all_comparable(self);
    if (!resumable->cache || !self->found || !self->found_ended || !self->same_code || !known ||
        !self->same_arguments)
        return NULL;
    PyObject *result = rp_checkpoint_result(self);
    if (result != NULL && self->result == NULL) Py_CLEAR(result); /* it was not kept */
    if (result == NULL) return NULL;
    PyObject *when = rp_time_text(rs_checkpoint_saved_ns(self->engine));
    if (when != NULL) rp_notice("%U had ended at %U: its result is used", self->caller.name, when);
    PyErr_Clear();
    Py_XDECREF(when);
    return result;
}

/* Goes on with what was restored (`root`, stolen), or begins. */
static PyObject *run(rp_resumable *resumable, rp_exact *exact, rp_record *root, const given *call) {
    PyCodeObject *code = exact->checkpoint->owner.code;
    PyObject *result = NULL;
    rp_exact_enter(exact, code);
    if (!resumable->signals || rp_stopping_begin(exact) == 0)
        result = root != NULL ? rp_reenter(resumable->state, &root, &exact->surroundings)
                              : PyObject_Vectorcall(resumable->function, call->args,
                                                    call->count_and_flags, call->names);
    rp_stopping_end(exact);
    rp_exact_leave(exact);
    Py_XDECREF((PyObject *)root);
    return result;
}

static PyObject *begin_or_go_on(rp_resumable *resumable, rp_exact *exact, const given *call,
                                uint64_t turn) {
    rp_record *root = NULL;
    bool earlier;
    if (open_turn(resumable, exact, call, turn, &earlier) < 0) return NULL;
    PyObject *result = cached(resumable, exact->checkpoint);
    if (result != NULL || PyErr_Occurred()) return result;
    if (exact->checkpoint->going_on) root = rp_exact_restore(exact);
    if (PyErr_Occurred()) return NULL;
    if (root == NULL && !earlier && rp_others_tell(exact->checkpoint) < 0) return NULL;
    result = run(resumable, exact, root, call);
    if (result != NULL) rp_exact_end(exact, resumable->cache ? result : NULL);
    return result;
}

PyObject *rp_resumable_call(rp_resumable *resumable, PyObject *const *args, size_t count_and_flags,
                            PyObject *names) {
    rp_exact exact = {.signals = resumable->signals};
    const given call = {args, count_and_flags, names};
    if (resumable->key_function == NULL && resumable->options.key == NULL)
        exact.said_opaque = &resumable->said_opaque;
    size_t count = (size_t)PyVectorcall_NARGS(count_and_flags);
    exact.values = rp_bind(resumable->function, args, count, names);
    if (exact.values == NULL) {
        if (PyErr_Occurred()) return NULL;
        return PyObject_Vectorcall(resumable->function, args, count_and_flags, names);
    }
    Py_INCREF((PyObject *)resumable);
    PyObject *result = NULL, *path = NULL;
    exact.checkpoint = checkpoint_of(resumable, exact.values, &call, false);
    if (exact.checkpoint != NULL) {
        uint64_t turn = next_turn(exact.checkpoint);
        path = Py_NewRef(exact.checkpoint->caller.path);
        if (turn > 0) result = begin_or_go_on(resumable, &exact, &call, turn);
        if (result != NULL) note_turn(resumable->state, path, turn);
        PyObject *exception = rp_exception_take();
        if (exact.checkpoint != NULL) rp_checkpoint_close(exact.checkpoint, false, true);
        rp_exception_put(exception);
    }
    Py_XDECREF(path);
    rp_exact_release(&exact);
    Py_DECREF((PyObject *)resumable);
    return result;
}
