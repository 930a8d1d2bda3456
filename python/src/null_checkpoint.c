/* The type NullCheckpoint: takes the place of a Checkpoint and does nothing. */
#include "checkpoint.h"

#include "notice.h"
#include "open.h"
#include "report.h"
#include "tracking.h"

#include <structmember.h>

#include <stddef.h>

typedef struct rp_null_checkpoint {
    PyDictObject dict;
    PyObject *weak;
    PyObject *filename;
} rp_null_checkpoint;

/* Any arguments: `chp = NullCheckpoint if dry else Checkpoint` is called with those of the other.
 */
static int null_init(PyObject *object, PyObject *args, PyObject *kwargs) {
    rp_null_checkpoint *self = (rp_null_checkpoint *)object;
    PyObject *name = PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0) : NULL;
    if (name == NULL && kwargs != NULL) name = PyDict_GetItemString(kwargs, "filename");
    if (name == NULL && kwargs != NULL) name = PyDict_GetItemString(kwargs, "name");
    Py_XSETREF(self->filename,
               name == NULL || name == Py_None ? PyUnicode_FromString("") : Py_NewRef(name));
    return self->filename == NULL ? -1 : 0;
}

static int null_traverse(PyObject *object, visitproc visit, void *arg) {
    rp_null_checkpoint *self = (rp_null_checkpoint *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->filename);
    return PyDict_Type.tp_traverse(object, visit, arg);
}

static int null_clear(PyObject *object) {
    rp_null_checkpoint *self = (rp_null_checkpoint *)object;
    Py_CLEAR(self->filename);
    return PyDict_Type.tp_clear(object);
}

static void null_dealloc(PyObject *object) {
    rp_null_checkpoint *self = (rp_null_checkpoint *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak != NULL) PyObject_ClearWeakRefs(object);
    Py_CLEAR(self->filename);
    PyDict_Type.tp_dealloc(object);
    Py_DECREF(type);
}

static PyObject *null_nothing(PyObject *object, PyObject *args, PyObject *kwargs) {
    (void)object, (void)args, (void)kwargs;
    Py_RETURN_NONE;
}

static PyObject *null_false(PyObject *object, PyObject *args) {
    (void)object, (void)args;
    Py_RETURN_FALSE;
}

static PyObject *null_self(PyObject *object, PyObject *args) {
    (void)args;
    return Py_NewRef(object);
}

static PyObject *null_argument(PyObject *object, PyObject *argument) {
    (void)object;
    return Py_NewRef(argument);
}

static PyObject *null_track(PyObject *object, PyObject *args, PyObject *kwargs) {
    PyObject *tracked, *name;
    (void)object;
    return rp_track_parse(args, kwargs, &tracked, &name) < 0 ? NULL : Py_NewRef(tracked);
}

static PyObject *null_open(PyObject *object, PyObject *args, PyObject *kwargs) {
    (void)object;
    return rp_open_plainly(args, kwargs);
}

static PyObject *null_restore(PyObject *object, PyObject *args, PyObject *kwargs) {
    (void)args, (void)kwargs;
    rp_report *report = rp_report_new(rp_state_of_type(Py_TYPE(object)));
    if (report != NULL && rp_report_finish(report) < 0) Py_CLEAR(report);
    return (PyObject *)report;
}

static PyObject *null_done(PyObject *object, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"result", NULL};
    PyObject *result = Py_None;
    (void)object;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:done", keywords, &result)) return NULL;
    return Py_NewRef(result);
}

static PyObject *null_constant(PyObject *object, void *constant) {
    (void)object;
    if (constant != NULL) return PyFloat_FromDouble(0);
    Py_RETURN_NONE;
}

static PyObject *null_fresh(PyObject *object, void *nothing) {
    (void)object, (void)nothing;
    Py_RETURN_TRUE;
}

static char a_number;

static PyMethodDef null_methods[] = {
    {"save", (PyCFunction)(void (*)(void))null_nothing, METH_VARARGS | METH_KEYWORDS,
     "save($self, /, **extra)\n--\n\nDoes nothing."},
    {"sync", null_false, METH_NOARGS, "sync($self, /)\n--\n\nDoes nothing; False."},
    {"load", null_self, METH_NOARGS, "load($self, /)\n--\n\nThe dict itself."},
    {"restore", (PyCFunction)(void (*)(void))null_restore, METH_VARARGS | METH_KEYWORDS,
     "restore($self, /, *, keep=(), trusted=(), **defaults)\n--\n\nDoes nothing; an empty Report."},
    {"loop", null_argument, METH_O, "loop($self, iterable, /)\n--\n\nThe iterable itself."},
    {"open", (PyCFunction)(void (*)(void))null_open, METH_VARARGS | METH_KEYWORDS,
     "open($self, file, mode='r', buffering=-1, encoding=None, errors=None,\n     newline=None, "
     "closefd=True, opener=None, *, truncate=False)\n--\n\nThe builtin open()."},
    {"track", (PyCFunction)(void (*)(void))null_track, METH_VARARGS | METH_KEYWORDS,
     "track($self, object, /, *, name=None)\n--\n\nThe object itself."},
    {"wait", (PyCFunction)(void (*)(void))null_nothing, METH_VARARGS | METH_KEYWORDS,
     "wait($self, /)\n--\n\nDoes nothing."},
    {"done", (PyCFunction)(void (*)(void))null_done, METH_VARARGS | METH_KEYWORDS,
     "done($self, /, result=None)\n--\n\nThe result itself."},
    {"close", (PyCFunction)(void (*)(void))null_nothing, METH_VARARGS | METH_KEYWORDS,
     "close($self, /)\n--\n\nDoes nothing."},
    {"__enter__", null_self, METH_NOARGS, "__enter__($self, /)\n--\n\nThe object itself."},
    {"__exit__", null_false, METH_VARARGS,
     "__exit__($self, type, value, traceback, /)\n--\n\nDoes nothing."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef null_getset[] = {
    {"fresh", null_fresh, NULL, "True.", NULL},
    {"modified", null_constant, NULL, "0.0.", &a_number},
    {"key", null_constant, NULL, "None.", NULL},
    {"result", null_constant, NULL, "None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef null_members[] = {
    {"filename", T_OBJECT, offsetof(rp_null_checkpoint, filename), 0, "As given."},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(rp_null_checkpoint, weak), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot null_slots[] = {
    {Py_tp_doc, "NullCheckpoint(filename='', *args, **kwargs)\n--\n\n"
                "Takes the place of a Checkpoint and does nothing."},
    {Py_tp_init, null_init},
    {Py_tp_traverse, null_traverse},
    {Py_tp_clear, null_clear},
    {Py_tp_dealloc, null_dealloc},
    {Py_tp_methods, null_methods},
    {Py_tp_getset, null_getset},
    {Py_tp_members, null_members},
    {0, NULL},
};

PyType_Spec rp_null_checkpoint_spec = {
    .name = "resume.NullCheckpoint",
    .basicsize = sizeof(rp_null_checkpoint),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = null_slots,
};
