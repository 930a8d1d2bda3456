/* Hears of what a program of `resume run` is about to do to files (PEP 578). */
#include "script.h"

#include "script_signals.h"

#include <fcntl.h>
#include <string.h>

/* A file that is appended to for the first time since the save would keep what it gets until the
 * next: so that is asked for at once, but for programs that open one after the other. */
#define ASKED_AT_ONCE  4
#define TIME_FOR_SAVES 20 /* one part in so many */

static void ask_for_save(rp_script *self) {
    uint64_t delay = self->took_ns * TIME_FOR_SAVES;
    self->guards = true;
    if (self->asked++ < ASKED_AT_ONCE)
        rp_script_ask_next();
    else
        rp_script_ask(delay < self->every_ns ? delay : self->every_ns);
}

static bool is_writing(PyObject *args) {
    PyObject *path, *mode;
    int flags;
    if (!PyTuple_Check(args) || !PyArg_ParseTuple(args, "OOi", &path, &mode, &flags)) {
        PyErr_Clear();
        return false;
    }
    bool writes = (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
    return writes && (PyUnicode_Check(path) || PyBytes_Check(path));
}

/* What can be taken back when the program goes on, besides opening a file. */
static bool is_change(const char *event) {
    static const char *const names[] = {"remove", "rename", "truncate", "mkdir",
                                        "rmdir",  "link",   "symlink"};
    if (strncmp(event, "os.", 3) != 0) return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(event + 3, names[i]) == 0) return true;
    return false;
}

/* Fails only with what a signal handler of the program has raised meanwhile. */
static int on_audit(const char *event, PyObject *args, void *script) {
    rp_script *self = script;
    bool opens = strcmp(event, "open") == 0;
    if (!self->running || self->saving || (!opens && !is_change(event))) return 0;
    const rp_checkpoint *checkpoint = self->exact.checkpoint;
    if (!checkpoint || !checkpoint->engine || rs_checkpoint_is_forked(checkpoint->engine)) return 0;
    if (opens && !is_writing(args)) return 0;
    PyThreadState *thread = PyThreadState_Get();
    PyThreadState_EnterTracing(thread); /* not seen by tracers and profilers */
    PyObject *wants_save = PyObject_CallMethod(self->process, "changing", "sO", event, args);
    PyThreadState_LeaveTracing(thread);
    if (wants_save == Py_True) ask_for_save(self);
    Py_XDECREF(wants_save);
    return wants_save ? 0 : -1;
}

/* A hook stays until the process ends, and so does what it works with. */
int rp_script_watch_files(rp_script *self) {
    Py_INCREF((PyObject *)self);
    return PySys_AddAuditHook(on_audit, self);
}
