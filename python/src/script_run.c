/* Opens the checkpoint of a program, and runs it from its beginning or from where it was. */
#include "script.h"

#include "notice.h"
#include "options.h"
#include "script_signals.h"

#include "continuation/reenter.h"
#include "os/process.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_NS UINT64_C(3000000000)
#define MOMENT_NS   20000000

static PyObject *setting(const rp_script *self, const char *name) {
    return PyDict_GetItemString(self->settings, name); /* borrowed */
}

/* ---- which run it is ---- */

static int fill_options(const rp_script *self, rp_options *options) {
    PyObject *kwargs = PyDict_New(), *args = PyTuple_New(0);
    static const char *const names[] = {"name", "folder", "key"};
    int status = kwargs && args ? 0 : -1;
    for (int i = 0; status == 0 && i < 3; i++)
        if (setting(self, names[i]))
            status = PyDict_SetItemString(kwargs, names[i], setting(self, names[i]));
    PyObject *rate = self->every_ns == RS_AUTO ? PyUnicode_FromString("auto")
                                               : PyFloat_FromDouble((double)self->every_ns / 1e9);
    if (rate && status == 0) status = PyDict_SetItemString(kwargs, "rate", rate);
    if (status == 0 && setting(self, "fresh")) PyDict_SetItemString(kwargs, "clean", Py_True);
    if (status == 0) status = rp_options_parse(args, kwargs, options);
    Py_XDECREF(rate);
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    return PyErr_Occurred() ? -1 : status;
}

/* Who was killed just now may need a moment to go: then his lock goes, too. */
static int open_patiently(rp_checkpoint *checkpoint) {
    uint64_t until = rp_script_now_ns() + PATIENCE_NS;
    for (;;) {
        if (rp_exact_open(checkpoint) == 0) return 0;
        if (!PyErr_ExceptionMatches(checkpoint->state->locked) || rp_script_now_ns() > until)
            return -1;
        PyErr_Clear();
        rp_checkpoint_close(checkpoint, false, true);
        checkpoint->closed = false;
        const struct timespec moment = {.tv_nsec = MOMENT_NS};
        nanosleep(&moment, NULL);
    }
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
    checkpoint->is_program = true;
    return status < 0 ? -1 : open_patiently(checkpoint);
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

/* What Python has put there, and what Python and the program have in common, keeps its place. */
static int put_space(PyObject *space, PyObject *variables) {
    static const char *const kept[] = {"__name__",    "__builtins__", "__loader__", "__spec__",
                                       "__package__", "__file__",     "__cached__"};
    PyObject *names = PyDict_Keys(space);
    int status = names ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        bool stays = PyDict_Contains(variables, name) == 1;
        for (size_t j = 0; !stays && j < sizeof kept / sizeof kept[0]; j++)
            stays = PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, kept[j]) == 0;
        if (!stays) status = PyDict_DelItem(space, name);
    }
    if (status == 0) status = PyDict_Update(space, variables);
    Py_XDECREF(names);
    return status;
}

static int call_process(rp_script *self, const char *method, PyObject *argument) {
    PyObject *done = PyObject_CallMethod(self->process, method, "O", argument);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* What the command had to say of the crash before this start: in a file it was cut off by now. */
static void tell_of_crash(rp_script *self) {
    char text[RP_SCRIPT_CRASH_SIZE] = "";
    if (self->status < 0) return;
    ssize_t size = pread(self->status, text, sizeof text - 1, RP_SCRIPT_CRASH_AT);
    if (size > 0 && text[0]) rp_script_say("%s", text);
    if (size > 0 && pwrite(self->status, "", 1, RP_SCRIPT_CRASH_AT) < 0) self->status = -1;
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
    if (call_process(self, "put", loaded->process) < 0) return -1;
    tell_of_crash(self);
    return 0;
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

/* The advice in texts is for programs that make a Checkpoint. New reference. */
static PyObject *for_command(PyObject *problem) {
    PyObject *text = PyObject_Str(problem);
    PyObject *option = PyUnicode_FromString("clean=True"), *flag = PyUnicode_FromString("--fresh");
    if (text && option && flag) Py_SETREF(text, PyUnicode_Replace(text, option, flag, -1));
    Py_XDECREF(option);
    Py_XDECREF(flag);
    return text;
}

/* Why it does not begin, in one line, with the exit code that the command has for it. */
static void explain(const rp_script *self) {
    const rp_module_state *state = self->state;
    const struct {
        PyObject *type;
        int code;
    } codes[] = {{state->code_changed, 9}, {state->locked, 5},   {state->damaged, 6},
                 {state->untrusted, 7},    {state->io_error, 8}, {state->error, 1}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (!PyErr_ExceptionMatches(codes[i].type)) continue;
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyObject *text = for_command(value ? value : type);
        if (text) rp_script_say("%U", text);
        PyErr_Clear();
        Py_XDECREF(text);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(traceback);
        PyObject *number = PyLong_FromLong(codes[i].code);
        if (number) PyErr_SetObject(PyExc_SystemExit, number);
        Py_XDECREF(number);
        return;
    }
}

/* Where _undo.py keeps what it needs: NAME.files beside the checkpoint. Its path, new reference. */
static PyObject *files_of(const rp_checkpoint *checkpoint) {
    return PyUnicode_FromFormat("%U.files", checkpoint->caller.path);
}

/* What was saved, when there is something: 1 or 0, or -1 with an exception. */
static int restore(rp_script *self, rp_record **root) {
    PyObject *files = files_of(self->exact.checkpoint);
    int watched = files ? call_process(self, "watch_files", files) : -1;
    Py_XDECREF(files);
    if (watched < 0) return -1;
    if (!self->exact.checkpoint->going_on)
        return call_process(self, "begin_files",
                            self->exact.checkpoint->found ? Py_True : Py_False);
    if (call_process(self, "mute", Py_True) < 0) return -1;
    *root = rp_exact_restore(&self->exact);
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    int status = call_process(self, "mute", Py_False);
    if (type) PyErr_Restore(type, value, traceback);
    return status < 0 || type ? -1 : *root != NULL;
}

uint64_t rp_script_every(const rp_script *self) {
    return self->every_ns == RS_AUTO ? rs_checkpoint_rate(self->exact.checkpoint->engine)
                                     : self->every_ns;
}

static PyObject *go_on_or_begin(rp_script *self, rp_record *root, PyCodeObject *code,
                                PyObject *globals) {
    rp_exact_enter(&self->exact, code);
    self->running = true;
    self->begun_ns = rp_script_now_ns();
    rp_script_note_generation(self);
    uint64_t first = rp_script_every(self);
    rp_script_ask(first < self->require_ns ? first : self->require_ns);
    /* at the first place of all: from then on there is something to go on from */
    if (!root || rp_script_stop_signal()) rp_script_ask_next();
    PyObject *result = root ? rp_reenter(self->state, &root, &self->exact.surroundings)
                            : PyEval_EvalCode((PyObject *)code, globals, globals);
    self->running = false;
    rp_exact_leave(&self->exact);
    Py_XDECREF((PyObject *)root);
    return result;
}

/* ---- the end ---- */

/* exit() calls it with the status of the process, when Python is gone and all is written. */
static void at_exit(int status, void *context) {
    rs_checkpoint *engine = context;
    rs_error error = {0};
    if (status == 0 && rs_checkpoint_end(engine, NULL, &error) == RESUME_OK)
        rs_checkpoint_forget_files(engine);
    rs_checkpoint_close(engine);
}

/* The checkpoint is open until the process ends: only then it is known how. */
static void end_at_exit(rp_script *self) {
    rp_checkpoint *checkpoint = self->exact.checkpoint;
    if (!checkpoint || !checkpoint->engine) return;
    PyObject *exception = rp_exception_take();
    if (rp_checkpoint_hear(checkpoint, false) < 0) PyErr_WriteUnraisable(NULL);
    rp_script_note_generation(self);
    rp_exception_put(exception);
    if (on_exit(at_exit, checkpoint->engine) == 0) checkpoint->engine = NULL;
}

PyObject *rp_script_run(rp_script *self, PyCodeObject *code, PyObject *globals) {
    if (rs_is_disabled()) return PyEval_EvalCode((PyObject *)code, globals, globals);
    self->state->script_space = Py_NewRef(globals);
    self->state->script_code = Py_NewRef((PyObject *)code);
    self->exact.space = Py_NewRef(globals);
    self->exact.context = self;
    self->exact.hooks = &hooks;
    PyObject *handler = PyObject_GetAttrString((PyObject *)self, "tick"), *result = NULL;
    if (handler && rp_script_watch_files(self) == 0 && rp_script_signals_begin(handler) == 0) {
        rp_record *root = NULL;
        bool ready = open_checkpoint(self, code, globals) == 0 && check_seed(self) == 0 &&
                     restore(self, &root) >= 0;
        if (ready)
            result = go_on_or_begin(self, root, code, globals);
        else
            explain(self);
        rp_script_signals_end();
        if (ready) end_at_exit(self);
    }
    Py_XDECREF(handler);
    return result;
}
