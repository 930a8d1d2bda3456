/* Opens the checkpoint of a program, and runs it from its beginning or from where it was. */
#include "script.h"

#include "notice.h"
#include "options.h"
#include "script_signals.h"

#include "base/alloc.h"
#include "continuation/reenter.h"
#include "os/process.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static PyObject *setting(const rp_script *self, const char *name) {
    return PyDict_GetItemString(self->settings, name); /* borrowed */
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- which run it is ---- */

static int fill_options(const rp_script *self, rp_options *options) {
    PyObject *kwargs = PyDict_New(), *args = PyTuple_New(0);
    static const char *const names[] = {"name", "folder", "key"};
    int status = kwargs && args ? 0 : -1;
    for (int i = 0; status == 0 && i < 3; i++)
        if (setting(self, names[i]))
            status = PyDict_SetItemString(kwargs, names[i], setting(self, names[i]));
    PyObject *rate = status == 0 ? PyFloat_FromDouble((double)self->every_ns / 1e9) : NULL;
    if (rate) status = PyDict_SetItemString(kwargs, "rate", rate);
    if (status == 0 && setting(self, "fresh")) PyDict_SetItemString(kwargs, "clean", Py_True);
    if (status == 0) status = rp_options_parse(args, kwargs, options);
    Py_XDECREF(rate);
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    return PyErr_Occurred() ? -1 : status;
}

static int open_checkpoint(rp_script *self, PyCodeObject *code, PyObject *globals) {
    rp_checkpoint *checkpoint = rp_exact_checkpoint(self->state, code);
    if (!checkpoint) return -1;
    self->exact.checkpoint = checkpoint;
    self->exact.values = PyDict_New();
    PyObject *argv = PySys_GetObject("argv"); /* borrowed */
    PyObject *given = argv ? PyList_GetSlice(argv, 1, PY_SSIZE_T_MAX) : NULL;
    int status = given && self->exact.values ? fill_options(self, &checkpoint->options) : -1;
    if (status == 0)
        status = rp_arguments_of_program(self->state, given, setting(self, "seed"),
                                         &checkpoint->arguments);
    if (status == 0)
        status =
            rp_caller_of_module(self->state, globals, &checkpoint->options, &checkpoint->caller);
    Py_XDECREF(given);
    return status < 0 ? -1 : rp_exact_open(checkpoint);
}

/* ---- the seed of hashes ---- */

/* The order of sets depends on it: the program starts again with the seed of its first run. Comes
 * back only when it is right, or with an exception. */
static int check_seed(rp_script *self) {
    PyObject *now = setting(self, "seed"), *saved = NULL;
    if (!now || !self->exact.checkpoint->going_on) return 0;
    if (rp_exact_seed(self->exact.checkpoint, &saved) < 0) return -1;
    if (!saved || PyUnicode_Compare(saved, now) == 0) {
        Py_XDECREF(saved);
        return PyErr_Occurred() ? -1 : 0;
    }
    rp_checkpoint_close(self->exact.checkpoint, false, true); /* its lock */
    PyObject *done =
        PyObject_CallMethod(self->process, "start_again", "OO", setting(self, "again"), saved);
    Py_DECREF(saved);
    Py_XDECREF(done);
    return -1;
}

/* ---- going on ---- */

static int put_space(PyObject *space, PyObject *variables) {
    static const char *const kept[] = {"__name__",    "__builtins__", "__loader__", "__spec__",
                                       "__package__", "__file__",     "__cached__"};
    PyObject *beginning = PyDict_New();
    int status = beginning ? 0 : -1;
    for (size_t i = 0; status == 0 && i < sizeof kept / sizeof kept[0]; i++) {
        PyObject *value = PyDict_GetItemString(space, kept[i]); /* borrowed */
        if (value) status = PyDict_SetItemString(beginning, kept[i], value);
    }
    if (status == 0) PyDict_Clear(space);
    if (status == 0) status = PyDict_Update(space, beginning);
    if (status == 0) status = PyDict_Update(space, variables);
    Py_XDECREF(beginning);
    return status;
}

static int call_process(rp_script *self, const char *method, PyObject *argument) {
    PyObject *done = PyObject_CallMethod(self->process, method, "O", argument);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* Of rp_exact: all was read, and nothing of it is in the program yet. */
static int take_sections(rp_exact *exact, rp_loaded *loaded) {
    rp_script *self = exact->context;
    if (!loaded->process || !PyDict_Check(loaded->process) || !loaded->modules ||
        !PyDict_Check(loaded->modules))
        return rp_raise_text(self->state->damaged, RESUME_DAMAGED,
                             "checkpoint '%U' holds no state of a program of 'resume run'",
                             exact->checkpoint->caller.name);
    if (put_space(exact->space, loaded->vars) < 0) return -1;
    if (call_process(self, "put_modules", loaded->modules) < 0) return -1;
    return call_process(self, "put", loaded->process);
}

/* Before what the other values need is imported. */
static int read_program(rp_exact *exact, PyObject *value) {
    return call_process(exact->context, "prepare", value);
}

static const rp_exact_hooks hooks = {
    .put_program = rp_script_put_program,
    .put_sections = rp_script_put_sections,
    .read_program = read_program,
    .take = take_sections,
    .refused = rp_script_refused,
};

static PyObject *go_on_or_begin(rp_script *self, PyCodeObject *code, PyObject *globals) {
    rp_record *root = NULL;
    if (self->exact.checkpoint->going_on) {
        if (call_process(self, "mute", Py_True) < 0) return NULL;
        root = rp_exact_restore(&self->exact);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        int status = call_process(self, "mute", Py_False);
        if (type) PyErr_Restore(type, value, traceback);
        if (status < 0 || type) return NULL;
    }
    rp_exact_enter(&self->exact, code);
    PyObject *handler = PyObject_GetAttrString((PyObject *)self, "tick"), *result = NULL;
    self->running = true;
    self->begun_ns = now_ns();
    if (handler && rp_script_signals_begin(handler) == 0) {
        rp_script_note_generation(self);
        rp_script_ask(self->every_ns < self->require_ns ? self->every_ns : self->require_ns);
        result = root ? rp_reenter(self->state, &root)
                      : PyEval_EvalCode((PyObject *)code, globals, globals);
        rp_script_signals_end();
    }
    self->running = false;
    rp_exact_leave(&self->exact);
    Py_XDECREF(handler);
    Py_XDECREF((PyObject *)root);
    return result;
}

/* ---- the end ---- */

/* exit() calls it with the status of the process, when Python is gone and all is written. */
static void at_exit(int status, void *engine) {
    rs_error error = {0};
    if (status == 0) rs_checkpoint_end(engine, NULL, &error);
    rs_checkpoint_close(engine);
}

/* The checkpoint is open until the process ends: only then it is known how. */
static void end_at_exit(rp_script *self) {
    rp_checkpoint *checkpoint = self->exact.checkpoint;
    if (!checkpoint || !checkpoint->engine) return;
    if (on_exit(at_exit, checkpoint->engine) == 0) checkpoint->engine = NULL;
}

PyObject *rp_script_run(rp_script *self, PyCodeObject *code, PyObject *globals) {
    if (rs_is_disabled()) return PyEval_EvalCode((PyObject *)code, globals, globals);
    self->state->script_space = Py_NewRef(globals);
    self->state->script_code = Py_NewRef((PyObject *)code);
    self->exact.space = Py_NewRef(globals);
    self->exact.context = self;
    self->exact.hooks = &hooks;
    if (open_checkpoint(self, code, globals) < 0 || check_seed(self) < 0) return NULL;
    PyObject *result = go_on_or_begin(self, code, globals);
    end_at_exit(self);
    return result;
}
