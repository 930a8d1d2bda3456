/* Hears of files that a program of `resume run` opens to write to them (PEP 578). */
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

static bool is_writing(PyObject *args, PyObject **path, bool *empties) {
    PyObject *mode;
    int flags;
    if (!PyTuple_Check(args) || !PyArg_ParseTuple(args, "OOi", path, &mode, &flags)) {
        PyErr_Clear();
        return false;
    }
    bool writes = (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
    *empties = (flags & (O_TRUNC | O_EXCL)) != 0;
    return writes && (PyUnicode_Check(*path) || PyBytes_Check(*path));
}

/* Never fails: what it learns is for the saves alone. */
static int on_audit(const char *event, PyObject *args, void *script) {
    rp_script *self = script;
    PyObject *path;
    bool empties;
    if (strcmp(event, "open") != 0 || !self->running || self->saving) return 0;
    const rp_checkpoint *checkpoint = self->exact.checkpoint;
    if (!checkpoint || !checkpoint->engine || rs_checkpoint_is_forked(checkpoint->engine)) return 0;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (is_writing(args, &path, &empties)) {
        PyObject *files = PyObject_GetAttrString(self->process, "appended");
        PyObject *is_new =
            files ? PyObject_CallMethod(files, "opening", "OO", path, empties ? Py_True : Py_False)
                  : NULL;
        if (is_new == Py_True) ask_for_save(self);
        Py_XDECREF(is_new);
        Py_XDECREF(files);
    }
    PyErr_Restore(type, value, traceback);
    return 0;
}

/* A hook stays until the process ends, and so does what it works with. */
int rp_script_watch_files(rp_script *self) {
    Py_INCREF((PyObject *)self);
    return PySys_AddAuditHook(on_audit, self);
}
