/* chp.open: files that a program which is run again does not empty.
 *
 * A file that restore() brought back is handed out again, so that `with chp.open(...)` behind
 * restore() goes on in it. */
#include "open.h"

#include "types/files.h"

#include <fcntl.h>
#include <string.h>

static PyObject *builtin_open(PyObject *args, PyObject *kwargs) {
    PyObject *io = PyImport_ImportModule("io"), *file = NULL;
    PyObject *function = io ? PyObject_GetAttrString(io, "open") : NULL;
    if (function) file = PyObject_Call(function, args, kwargs);
    Py_XDECREF(io);
    Py_XDECREF(function);
    return file;
}

/* Takes truncate= out of a copy of the keywords. 1, 0, or -1 with an exception. */
static int take_truncate(PyObject *kwargs, PyObject **rest) {
    *rest = kwargs ? PyDict_Copy(kwargs) : PyDict_New();
    if (!*rest) return -1;
    PyObject *value = PyDict_GetItemString(*rest, "truncate"); /* borrowed */
    int truncate = value ? PyObject_IsTrue(value) : 0;
    if (value && truncate >= 0 && PyDict_DelItemString(*rest, "truncate") < 0) truncate = -1;
    if (truncate < 0) Py_CLEAR(*rest);
    return truncate;
}

PyObject *rp_open_plainly(PyObject *args, PyObject *kwargs) {
    PyObject *rest = NULL, *file;
    if (take_truncate(kwargs, &rest) < 0) return NULL;
    file = builtin_open(args, rest);
    Py_DECREF(rest);
    return file;
}

/* The argument of that place or name: borrowed or NULL. */
static PyObject *argument(PyObject *args, PyObject *kwargs, Py_ssize_t place, const char *name) {
    if (PyTuple_GET_SIZE(args) > place) return PyTuple_GET_ITEM(args, place);
    return PyDict_GetItemString(kwargs, name);
}

/* An opener that leaves out what would empty the file: os.open(path, flags & ~(...)). */
static PyObject *keeping_open(PyObject *self, PyObject *args) {
    PyObject *path, *os, *result;
    int flags;
    (void)self;
    if (!PyArg_ParseTuple(args, "Oi:opener", &path, &flags)) return NULL;
    os = PyImport_ImportModule("os");
    flags &= ~(O_TRUNC | O_EXCL);
    result = os ? PyObject_CallMethod(os, "open", "Oii", path, flags, 0666) : NULL;
    Py_XDECREF(os);
    return result;
}

static PyMethodDef keeping_opener = {"opener", keeping_open, METH_VARARGS, NULL};

static PyObject *open_keeping(PyObject *args, PyObject *kwargs) {
    PyObject *opener = argument(args, kwargs, 7, "opener"), *file = NULL;
    if (opener && opener != Py_None) {
        PyErr_SetString(PyExc_TypeError, "chp.open takes no opener: open the file with it, in a "
                                         "mode that does not empty it");
        return NULL;
    }
    opener = PyCFunction_New(&keeping_opener, NULL);
    if (opener && PyDict_SetItemString(kwargs, "opener", opener) == 0)
        file = builtin_open(args, kwargs);
    Py_XDECREF(opener);
    return file;
}

/* ---- files that restore() brought back ---- */

static bool is_among(PyObject *files, PyObject *file) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(files); i++)
        if (PyTuple_GET_ITEM(PyList_GET_ITEM(files, i), 0) == file) return true;
    return false;
}

/* What was written after the save, into a file that was opened after it. */
static int empty_unseen(PyObject *files, PyObject *locals) {
    PyObject *name, *file;
    for (Py_ssize_t at = 0; PyDict_Next(locals, &at, &name, &file);) {
        if (rp_file_kind_of(file) <= 0 || is_among(files, file)) continue;
        PyObject *is_cut = PyObject_GetAttrString(file, RP_FILE_CUT), *zero = PyLong_FromLong(0);
        PyObject *closed = PyObject_GetAttrString(file, "closed");
        PyErr_Clear();
        bool cuts = is_cut == Py_True && closed == Py_False;
        int status = !zero ? -1 : cuts ? rp_file_cut(file, zero, zero) : 0;
        Py_XDECREF(is_cut);
        Py_XDECREF(closed);
        Py_XDECREF(zero);
        if (status < 0) return -1;
    }
    return 0;
}

int rp_open_files_restored(rp_checkpoint *self, PyObject *files, PyObject *locals) {
    if (empty_unseen(files, locals) < 0) return -1;
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(files); i++) {
        PyObject *file = PyTuple_GET_ITEM(PyList_GET_ITEM(files, i), 0);
        /* weakly: the program may close it by dropping it */
        PyObject *weak = PyWeakref_NewRef(file, NULL);
        if (!weak || PyList_Append(list, weak) < 0) Py_CLEAR(list);
        Py_XDECREF(weak);
    }
    if (!list) return -1;
    Py_XSETREF(self->files, list);
    return 0;
}

/* "r+b" is "rb+", and what was opened with "x" is there now. */
static bool is_mode(const char *a, const char *b) {
    for (const char *letter = "rab+"; *letter; letter++)
        if (!strchr(a, *letter) != !strchr(b, *letter)) return false;
    return true;
}

static bool is_open_there(PyObject *file, PyObject *path, const char *mode) {
    PyObject *closed = PyObject_GetAttrString(file, "closed"), *its = NULL;
    PyObject *descriptor = closed == Py_False ? PyObject_CallMethod(file, "fileno", NULL) : NULL;
    bool same = false;
    if (descriptor) its = PyObject_GetAttrString(file, "mode");
    if (its && PyUnicode_Check(its))
        same = rp_file_is_at(descriptor, path) && is_mode(PyUnicode_AsUTF8(its), mode);
    PyErr_Clear();
    Py_XDECREF(closed);
    Py_XDECREF(descriptor);
    Py_XDECREF(its);
    return same;
}

/* Handed out once. New reference or NULL. */
static PyObject *take_restored(rp_checkpoint *self, PyObject *path, const char *mode) {
    for (Py_ssize_t i = 0; self->files && i < PyList_GET_SIZE(self->files); i++) {
        PyObject *file = PyObject_CallNoArgs(PyList_GET_ITEM(self->files, i)); /* weak */
        if (!file) return NULL;
        if (file == Py_None || !is_open_there(file, path, mode)) {
            Py_DECREF(file);
            continue;
        }
        if (PyList_SetSlice(self->files, i, i + 1, NULL) < 0) Py_CLEAR(file);
        return file;
    }
    return NULL;
}

PyObject *rp_checkpoint_open_file(PyObject *object, PyObject *args, PyObject *kwargs) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    PyObject *rest = NULL, *file = NULL;
    int truncate = take_truncate(kwargs, &rest);
    if (truncate < 0) return NULL;
    PyObject *path = argument(args, rest, 0, "file"), *given = argument(args, rest, 1, "mode");
    const char *mode = given && PyUnicode_Check(given) ? PyUnicode_AsUTF8(given) : "r";
    if (!mode) goto done;
    if (path && !PyLong_Check(path)) file = take_restored(self, path, mode);
    if (!file && !PyErr_Occurred()) /* after restore() it is one that the save had not seen */
        file = self->found && strpbrk(mode, "wx") && !(truncate && self->restored)
                   ? open_keeping(args, rest)
                   : builtin_open(args, rest);
    if (file && truncate && PyObject_SetAttrString(file, RP_FILE_CUT, Py_True) < 0) Py_CLEAR(file);
done:
    Py_DECREF(rest);
    return file;
}
