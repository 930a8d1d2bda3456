/* The type Checkpoint: a dict of extra values with save, restore and sync. */
#include "checkpoint.h"

#include "open.h"

#include "display.h"

#include "notice.h"
#include "os/process.h"
#include "registry.h"
#include "report.h"
#include "tracking.h"

#include <structmember.h>

#include <stddef.h>

rp_checkpoint *rp_checkpoint_make(PyTypeObject *type) {
    PyObject *nothing = PyTuple_New(0);
    if (nothing == NULL) return NULL;
    rp_checkpoint *self = (rp_checkpoint *)PyDict_Type.tp_new(type, nothing, NULL);
    Py_DECREF(nothing);
    if (self == NULL) return NULL;
    atomic_init(&self->never, 0);
    atomic_init(&self->always, 1);
    self->due = &self->always;
    self->restored_at = -1;
    self->module = Py_XNewRef(PyType_GetModuleByDef(type, rp_module_definition()));
    self->state = self->module == NULL ? NULL : rp_state_of_module(self->module);
    self->warned = PySet_New(NULL);
    if (self->state == NULL || self->warned == NULL) Py_CLEAR(self);
    return self;
}

static PyObject *checkpoint_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args, (void)kwargs;
    rp_checkpoint *self = rp_checkpoint_make(type);
    if (self == NULL) return NULL;
    /* here and not in __init__, which a subclass may call from a function of its own */
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    int status = frame == NULL ? 0 : rp_owner_capture(frame, &self->owner);
    Py_XDECREF((PyObject *)frame);
    if (status < 0) Py_CLEAR(self);
    return (PyObject *)self;
}

static int checkpoint_init(PyObject *object, PyObject *args, PyObject *kwargs) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    if (self->engine != NULL || self->closed || self->disabled)
        return rp_raise_text(self->state->error, RESUME_MISUSE,
                             "this Checkpoint is made already: make a new one");
    if (rp_options_parse(args, kwargs, &self->options) < 0) return -1;
    if (rs_is_disabled()) {
        self->disabled = true;
        self->due = &self->never;
        return 0;
    }
    PyFrameObject *frame = rp_owner_find(&self->owner);
    if (frame == NULL)
        return rp_raise_text(self->state->error, RESUME_MISUSE,
                             "a Checkpoint is made by a running Python function");
    int status = rp_checkpoint_open(self, frame);
    Py_DECREF((PyObject *)frame);
    if (status == 0) {
        status = rp_register_at_exit(self->state, self->module);
    }
    if (status < 0) {
        PyObject *exception = rp_exception_take();
        rp_registry_release(self);
        rp_checkpoint_close(self, false, true);
        rp_exception_put(exception);
    }
    return status;
}

static int checkpoint_traverse(PyObject *object, visitproc visit, void *arg) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->module);
    Py_VISIT(self->tracked);
    Py_VISIT(self->places);
    Py_VISIT(self->pending_tracked);
    Py_VISIT(self->definitions);
    Py_VISIT(self->placeholders);
    Py_VISIT(self->random_opened);
    Py_VISIT(self->result);
    Py_VISIT(self->files);
    Py_VISIT(self->caller.cell);
    int status = rp_owner_traverse(&self->owner, visit, arg);
    if (status == 0) status = rp_arguments_traverse(&self->arguments, visit, arg);
    if (status == 0) status = rp_loops_traverse(&self->loops, visit, arg);
    return status != 0 ? status : PyDict_Type.tp_traverse(object, visit, arg);
}

static void release(rp_checkpoint *self) {
    rp_checkpoint_close(self, false, true);
    Py_CLEAR(self->tracked);
    Py_CLEAR(self->places);
    Py_CLEAR(self->pending_tracked);
    Py_CLEAR(self->definitions);
    Py_CLEAR(self->placeholders);
    Py_CLEAR(self->random_opened);
    rp_packed_release(&self->packed);
    Py_CLEAR(self->result);
    Py_CLEAR(self->files);
    Py_CLEAR(self->skipped);
    Py_CLEAR(self->warned);
    Py_CLEAR(self->caller.cell);
    rp_owner_release(&self->owner);
    rp_arguments_release(&self->arguments);
    rp_loops_release(&self->loops);
}

/* Only the collector calls this. */
static int checkpoint_clear(PyObject *object) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    PyObject *exception = rp_exception_take();
    if (self->engine != NULL) {
        rp_fate fate = rp_owner_fate_in_garbage(&self->owner, object);
        rp_checkpoint_close(self, fate == RP_FATE_RETURNED && !rp_owner_is_module(&self->owner),
                            true);
    }
    release(self);
    rp_exception_put(exception);
    return PyDict_Type.tp_clear(object);
}

static void checkpoint_dealloc(PyObject *object) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject *module = self->module;
    if (PyObject_CallFinalizerFromDealloc(object) < 0) return;
    PyObject_GC_UnTrack(object);
    if (self->weak != NULL) PyObject_ClearWeakRefs(object);
    release(self); /* the items are the base's */
    rp_options_release(&self->options);
    rp_caller_release(&self->caller);
    PyDict_Type.tp_dealloc(object);
    Py_DECREF(type);
    Py_XDECREF(module);
}

static PyObject *checkpoint_repr(PyObject *object) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    PyObject *items = PyDict_Type.tp_repr(object);
    if (items == NULL) return NULL;
    PyObject *text = self->caller.path == NULL
                         ? PyUnicode_FromFormat("<resume.Checkpoint %s: %U>",
                                                self->disabled ? "disabled" : "closed", items)
                         : PyUnicode_FromFormat("<resume.Checkpoint '%U'%s: %U>", self->caller.path,
                                                self->closed ? ", closed" : "", items);
    Py_DECREF(items);
    return text;
}

static PyObject *checkpoint_sync(PyObject *object, PyObject *const *args, Py_ssize_t count) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    (void)args;
    if (atomic_load_explicit(self->due, memory_order_relaxed) == 0 && count == 0) Py_RETURN_FALSE;
    if (count != 0) {
        PyErr_SetString(PyExc_TypeError, "sync() takes no arguments");
        return NULL;
    }
    int status = rp_checkpoint_sync(self);
    return status < 0 ? NULL : PyBool_FromLong(status);
}

/* Adds values to the dict, which is saved with the locals. */
static PyObject *checkpoint_save(PyObject *object, PyObject *args, PyObject *kwargs) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    if (PyTuple_GET_SIZE(args) != 0) {
        PyErr_SetString(PyExc_TypeError, "save() takes only keyword arguments: save(name=value)");
        return NULL;
    }
    if (self->disabled) Py_RETURN_NONE;
    if (rp_checkpoint_usable(self, "save()") < 0) return NULL;
    if (kwargs != NULL && PyDict_Update(object, kwargs) < 0) return NULL;
    if (rp_checkpoint_save(self, false) < 0 || rp_checkpoint_tell_body(self) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *checkpoint_restore(PyObject *object, PyObject *args, PyObject *kwargs) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    PyObject *defaults = kwargs == NULL ? NULL : PyDict_Copy(kwargs), *keep = NULL;
    PyObject *trusted = NULL, *report = NULL;
    if (kwargs != NULL && defaults == NULL) return NULL;
    if (PyTuple_GET_SIZE(args) != 0) {
        PyErr_SetString(PyExc_TypeError,
                        "restore() takes only keyword arguments: keep=[names], trusted=[classes], "
                        "name=default");
        goto done;
    }
    keep = defaults == NULL ? NULL : Py_XNewRef(PyDict_GetItemString(defaults, "keep"));
    if (keep != NULL && PyDict_DelItemString(defaults, "keep") < 0) goto done;
    trusted = defaults == NULL ? NULL : Py_XNewRef(PyDict_GetItemString(defaults, "trusted"));
    if (trusted != NULL && PyDict_DelItemString(defaults, "trusted") < 0) goto done;
    report = rp_checkpoint_restore(self, keep, trusted, defaults);
done:
    Py_XDECREF(trusted);
    Py_XDECREF(keep);
    Py_XDECREF(defaults);
    return report;
}

static PyObject *checkpoint_loop(PyObject *object, PyObject *iterable) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    if (!self->disabled && rp_checkpoint_usable(self, "loop()") < 0) return NULL;
    return rp_loop_new(self->state, object, &self->loops, self->owner.code, iterable);
}

static PyObject *checkpoint_track(PyObject *object, PyObject *args, PyObject *kwargs) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    PyObject *tracked, *name;
    if (rp_track_parse(args, kwargs, &tracked, &name) < 0) return NULL;
    if (self->disabled) return Py_NewRef(tracked);
    if (rp_checkpoint_usable(self, "track()") < 0) return NULL;
    return rp_checkpoint_track(self, tracked, name);
}

static PyObject *checkpoint_wait(PyObject *object, PyObject *nothing) {
    (void)nothing;
    if (rp_checkpoint_hear((rp_checkpoint *)object, true) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *checkpoint_done(PyObject *object, PyObject *args, PyObject *kwargs) {
    rp_checkpoint *self = (rp_checkpoint *)object;
    static char *keywords[] = {"result", NULL};
    PyObject *result = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:done", keywords, &result)) return NULL;
    if (!self->disabled) {
        if (rp_checkpoint_usable(self, "done()") < 0) return NULL;
        Py_XSETREF(self->result, Py_NewRef(result));
        self->result_known = true;
        if (rp_checkpoint_save(self, false) < 0) return NULL;
        if (rp_checkpoint_close(self, true, false) < 0) return NULL;
    }
    return Py_NewRef(result);
}

static PyObject *checkpoint_close(PyObject *object, PyObject *nothing) {
    (void)nothing;
    if (rp_checkpoint_close((rp_checkpoint *)object, true, false) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *checkpoint_enter(PyObject *object, PyObject *nothing) {
    (void)nothing;
    return Py_NewRef(object);
}

static PyObject *checkpoint_exit(PyObject *object, PyObject *args) {
    PyObject *type, *value, *traceback;
    if (!PyArg_ParseTuple(args, "OOO:__exit__", &type, &value, &traceback)) return NULL;
    bool normal = type == Py_None;
    if (rp_checkpoint_close((rp_checkpoint *)object, normal, !normal) < 0) return NULL;
    Py_RETURN_FALSE;
}

static PyObject *checkpoint_reduce(PyObject *object, PyObject *nothing) {
    (void)object, (void)nothing;
    PyErr_SetString(PyExc_TypeError,
                    "a Checkpoint can't be copied or pickled: dict(chp) has its items; a worker "
                    "process makes its own with key=");
    return NULL;
}

/* Of resume 0.13, which saved instances of such classes alone. */
static PyObject *checkpoint_add_types(PyObject *type, PyObject *args) {
    (void)type;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        if (PyType_Check(PyTuple_GET_ITEM(args, i))) continue;
        PyErr_Format(PyExc_TypeError, "add_types() takes classes, not %.100s",
                     Py_TYPE(PyTuple_GET_ITEM(args, i))->tp_name);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *get_filename(PyObject *object, void *nothing) {
    (void)nothing;
    PyObject *path = ((rp_checkpoint *)object)->caller.path;
    return path == NULL ? PyUnicode_FromString("") : Py_NewRef(path);
}

static PyObject *get_name(PyObject *object, void *nothing) {
    (void)nothing;
    PyObject *name = ((rp_checkpoint *)object)->caller.name;
    return name == NULL ? PyUnicode_FromString("") : Py_NewRef(name);
}

static PyObject *get_key(PyObject *object, void *nothing) {
    (void)nothing;
    PyObject *key = ((rp_checkpoint *)object)->options.key;
    return Py_NewRef(key == NULL ? Py_None : key);
}

static PyObject *get_modified(PyObject *object, void *nothing) {
    (void)nothing;
    rp_checkpoint *self = (rp_checkpoint *)object;
    if (self->engine != NULL) self->modified_ns = rs_checkpoint_saved_ns(self->engine);
    return PyFloat_FromDouble((double)self->modified_ns / 1e9);
}

static PyObject *get_rate(PyObject *object, void *nothing) {
    (void)nothing;
    const rp_checkpoint *self = (rp_checkpoint *)object;
    uint64_t ns = self->options.rate_ns;
    if (ns == RS_AUTO) ns = self->engine == NULL ? RS_NEVER : rs_checkpoint_rate(self->engine);
    return PyFloat_FromDouble(ns == RS_NEVER ? Py_HUGE_VAL : (double)ns / 1e9);
}

static int set_rate(PyObject *object, PyObject *value, void *nothing) {
    (void)nothing;
    rp_checkpoint *self = (rp_checkpoint *)object;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "rate can't be deleted");
        return -1;
    }
    if (rp_rate(value, "rate", &self->options.rate_ns) < 0) return -1;
    if (self->engine != NULL) rs_checkpoint_set_rate(self->engine, self->options.rate_ns);
    return 0;
}

static PyObject *get_fresh(PyObject *object, void *nothing) {
    (void)nothing;
    return PyBool_FromLong(!((rp_checkpoint *)object)->found);
}

static PyObject *get_result(PyObject *object, void *nothing) {
    (void)nothing;
    return rp_checkpoint_result((rp_checkpoint *)object);
}

static PyMethodDef checkpoint_methods[] = {
    {"sync", (PyCFunction)(void (*)(void))checkpoint_sync, METH_FASTCALL,
     "sync($self, /)\n--\n\nSave if `rate` seconds have passed since the last save; true when it "
     "did.\n\nNot due, it costs a few nanoseconds. What it saves is written in the background: "
     "wait() returns when it is\ndurable. A save that fails warns at the next call, and is tried "
     "again."},
    {"save", (PyCFunction)(void (*)(void))checkpoint_save, METH_VARARGS | METH_KEYWORDS,
     "save($self, /, **extra)\n--\n\nSave now; durable when it returns.\n\n`extra` values become "
     "items of the Checkpoint."},
    {"restore", (PyCFunction)(void (*)(void))checkpoint_restore, METH_VARARGS | METH_KEYWORDS,
     "restore($self, /, *, keep=(), trusted=(), **defaults)\n--\n\nPut the saved variables into "
     "the "
     "function that made the Checkpoint.\n\n`keep` names variables that stay as the program has "
     "them, `defaults` gives values for\nnames that are not saved. `trusted` names classes that "
     "may "
     "be built although the file is not\nproven to be yours. Returns a Report, true when something "
     "was restored."},
    {"loop", checkpoint_loop, METH_O,
     "loop($self, iterable, /)\n--\n\nIterate so that a `for` goes on where it stopped."},
    {"open", (PyCFunction)(void (*)(void))rp_checkpoint_open_file, METH_VARARGS | METH_KEYWORDS,
     "open($self, file, mode='r', buffering=-1, encoding=None, errors=None,\n     newline=None, "
     "closefd=True, opener=None, *, truncate=False)\n--\n\nOpen a file as the builtin does, but "
     "empty it only when the checkpoint is `fresh`.\n\nrestore() puts it where it was at the save; "
     "with `truncate`, what was written since\nis cut off."},
    {"track", (PyCFunction)(void (*)(void))checkpoint_track, METH_VARARGS | METH_KEYWORDS,
     "track($self, object, /, *, name=None)\n--\n\nSave and restore the state of an object in "
     "place; returns the object.\n\nIts name in the checkpoint is that of the variable it is in, "
     "or `name`."},
    {"wait", checkpoint_wait, METH_NOARGS,
     "wait($self, /)\n--\n\nReturn when everything that was saved is durable.\n\nRaises as save() "
     "does when what sync() had saved in the background could not be written."},
    {"done", (PyCFunction)(void (*)(void))checkpoint_done, METH_VARARGS | METH_KEYWORDS,
     "done($self, /, result=None)\n--\n\nSave, record that the call has ended, keep and return its "
     "result, and close."},
    {"close", checkpoint_close, METH_NOARGS,
     "close($self, /)\n--\n\nRecord that the call has ended, and release the checkpoint."},
    {"__enter__", checkpoint_enter, METH_NOARGS,
     "__enter__($self, /)\n--\n\nThe Checkpoint itself."},
    {"__exit__", checkpoint_exit, METH_VARARGS,
     "__exit__($self, type, value, traceback, /)\n--\n\nClose: ended, unless by an exception."},
    {"__reduce__", checkpoint_reduce, METH_NOARGS,
     "__reduce__($self, /)\n--\n\nRaises TypeError: a Checkpoint belongs to one call."},
    RP_HTML_METHOD(rp_checkpoint_html),
    {"add_types", checkpoint_add_types, METH_CLASS | METH_VARARGS,
     "add_types($type, /, *types)\n--\n\nOf resume 0.13: not needed any more, classes are saved as "
     "pickle would;\n"
     "resume.register() tells how where that is not enough."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef checkpoint_getset[] = {
    {"filename", get_filename, NULL, "Absolute path of the checkpoint's file.", NULL},
    {"name", get_name, NULL, "Name of the checkpoint, with its key.", NULL},
    {"key", get_key, NULL, "Text of key=, or None.", NULL},
    {"modified", get_modified, NULL, "Time of the newest save in seconds since 1970; 0.0: none.",
     NULL},
    {"rate", get_rate, set_rate, "Seconds between two saves of sync(); of \"auto\": as it is now.",
     NULL},
    {"fresh", get_fresh, NULL, "True when nothing saved is used.", NULL},
    {"result", get_result, NULL, "What the ended call gave to done(), or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef checkpoint_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(rp_checkpoint, weak), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot checkpoint_slots[] = {
    {Py_tp_doc,
     "Checkpoint(name=None, clean=False, rate=30, *, folder=None, key=None, expire=None, "
     "again='continue', on_change='warn', on_error='warn', strict=False, random_state=True, "
     "skip=(), only=None, keep=2, compress='auto', ranks=None, memmap='path', "
     "track=False, overhead=0.02, background=True)\n--\n\n"
     "The saved state of the function that makes it, under the function's name.\n\n"
     "Make it at the start of the function, give the variables their first values, call\n"
     "restore(), and call sync() where the state is consistent. It is a dict for extra values.\n\n"
     "keep=3 keeps the last three saves, keep={'last': 3, 'hourly': 24, 'daily': 7} also the\n"
     "newest of each of the last 24 hours and 7 days (UTC) in which there was one; older ones go\n"
     "when the file is compacted. 'resume rollback' goes back to one.\n\n"
     "track=True asks the kernel which memory was written since the last save, instead of hashing\n"
     "all of it: for large arrays of which little changes. Writes of devices into pinned memory\n"
     "are not seen.\n\n"
     "rate='auto': saves cost 2 % of the run (overhead=), 15 minutes are the most that is lost;\n"
     "once runs were cut off, what loses least.\n\n"
     "sync() returns when what has changed is copied, and a thread writes it; background=False:\n"
     "when it is durable."},
    {Py_tp_new, checkpoint_new},
    {Py_tp_init, checkpoint_init},
    {Py_tp_traverse, checkpoint_traverse},
    {Py_tp_clear, checkpoint_clear},
    {Py_tp_dealloc, checkpoint_dealloc},
    {Py_tp_finalize, rp_checkpoint_finalize},
    {Py_tp_repr, checkpoint_repr},
    {Py_tp_methods, checkpoint_methods},
    {Py_tp_getset, checkpoint_getset},
    {Py_tp_members, checkpoint_members},
    {0, NULL},
};

PyType_Spec rp_checkpoint_spec = {
    .name = "resume.Checkpoint",
    .basicsize = sizeof(rp_checkpoint),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = checkpoint_slots,
};
