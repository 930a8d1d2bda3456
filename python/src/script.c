/* Runs a program of `resume run`: from its beginning or from where it was, to its end. */
#include "script.h"

#include "options.h"

#include <fcntl.h>

#define EVERY_NS UINT64_C(30000000000)

/* ---- what its user is told ---- */

/* What the program has put into the place of sys.stderr is its own. */
void rp_script_say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    PyObject *line = text ? PyUnicode_FromFormat("resume: %U\n", text) : NULL;
    PyObject *stream = PySys_GetObject("__stderr__"); /* borrowed */
    PyObject *done = NULL;
    if (line && stream && stream != Py_None && PyFile_WriteObject(line, stream, Py_PRINT_RAW) == 0)
        done = PyObject_CallMethod(stream, "flush", NULL);
    PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(line);
    Py_XDECREF(text);
}

/* ---- the ends of a program ---- */

static PyObject *say_nothing(PyObject *nobody, PyObject *arguments) {
    (void)nobody, (void)arguments;
    Py_RETURN_NONE;
}

static PyMethodDef silent_hook = {"excepthook", say_nothing, METH_VARARGS, NULL};

/* Prints the traceback, in which no frame of ours is yet, and leaves an exception that ends the
 * interpreter in the same way without a word. */
static void print_and_end(PyObject *type) {
    bool interrupted = PyErr_GivenExceptionMatches(type, PyExc_KeyboardInterrupt);
    PyErr_PrintEx(1);
    if (!interrupted) {
        PyObject *one = PyLong_FromLong(1);
        if (one) PyErr_SetObject(PyExc_SystemExit, one);
        Py_XDECREF(one);
        return;
    }
    PyObject *hook = PyCFunction_New(&silent_hook, NULL);
    if (!hook || PySys_SetObject("excepthook", hook) < 0) PyErr_Clear();
    Py_XDECREF(hook);
    PyErr_SetNone(PyExc_KeyboardInterrupt);
}

/* Of a script, whose file Python takes out of the namespace when it has run. */
static void forget_file(void) {
    PyObject *main = PyImport_AddModule("__main__"); /* borrowed */
    PyObject *space = main ? PyModule_GetDict(main) : NULL;
    static const char *const names[] = {"__file__", "__cached__"};
    for (int i = 0; space && i < 2; i++)
        if (PyDict_DelItemString(space, names[i]) < 0) PyErr_Clear();
}

/* Of all else, of which it stays; it would be taken for that of our own script. */
static void keep_file(void) {
    PyObject *module = PyImport_ImportModule("resume._script");
    PyObject *done = module ? PyObject_CallMethod(module, "keep_file", NULL) : NULL;
    if (!done) PyErr_Clear();
    Py_XDECREF(done);
    Py_XDECREF(module);
}

static PyObject *script_call(PyObject *object, PyObject *const *args, Py_ssize_t count) {
    rp_script *self = (rp_script *)object;
    if (count < 1) {
        PyErr_SetString(PyExc_TypeError, "call(function, *arguments)");
        return NULL;
    }
    PyObject *type, *value, *traceback;
    PyObject *result = PyObject_Vectorcall(args[0], args + 1, (size_t)(count - 1), NULL);
    PyErr_Fetch(&type, &value, &traceback);
    if (!self->is_file) keep_file();
    PyErr_Restore(type, value, traceback);
    /* on SystemExit it ends at once, and leaves the namespace as it is */
    if (!result && PyErr_ExceptionMatches(PyExc_SystemExit)) return NULL;
    if (!result) print_and_end(PyErr_Occurred());
    /* until 3.13 nothing is taken out then, also while threads go on */
    if (result && !self->is_file) {
        Py_CLEAR(result);
        PyErr_SetNone(PyExc_SystemExit);
    }
    PyErr_Fetch(&type, &value, &traceback);
    if (self->is_file) forget_file();
    PyErr_Restore(type, value, traceback);
    return result;
}

/* ---- the program ---- */

/* What runpy calls in place of exec() is found there no more. 1: it is runpy that calls. */
static int leave_runpy(void) {
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *runpy = modules ? PyDict_GetItemString(modules, "runpy") : NULL;
    PyObject *space = runpy && PyModule_Check(runpy) ? PyModule_GetDict(runpy) : NULL;
    if (!space || !PyDict_GetItemString(space, "exec")) return 0;
    return PyDict_DelItemString(space, "exec") < 0 ? -1 : 1;
}

static PyObject *compile(PyObject *source, PyObject *path) {
    PyObject *builtins = PyImport_ImportModule("builtins");
    PyObject *code = builtins ? PyObject_CallMethod(builtins, "compile", "OOsiO", source, path,
                                                    "exec", 0, Py_True)
                              : NULL;
    Py_XDECREF(builtins);
    return code;
}

static PyObject *script_execute(PyObject *object, PyObject *args) {
    rp_script *self = (rp_script *)object;
    PyObject *code, *globals, *result = NULL;
    if (!PyArg_ParseTuple(args, "OO!:execute", &code, &PyDict_Type, &globals)) return NULL;
    int by_runpy = leave_runpy();
    if (by_runpy < 0) return NULL;
    self->is_file = !by_runpy;
    code = PyCode_Check(code) ? Py_NewRef(code) : compile(code, self->path);
    if (code) result = rp_script_run(self, (PyCodeObject *)code, globals);
    Py_XDECREF(code);
    return result;
}

/* ---- the type ---- */

typedef int reader(PyObject *value, const char *what, uint64_t *ns);

static int read_setting(rp_script *self, const char *name, reader *read, uint64_t *ns) {
    PyObject *text = PyDict_GetItemString(self->settings, name); /* borrowed */
    return text ? read(text, name, ns) : 0;
}

/* Programs that this one starts do not get it. */
static int read_status(rp_script *self) {
    PyObject *text = PyDict_GetItemString(self->settings, "status"); /* borrowed */
    PyObject *number = text ? PyLong_FromUnicodeObject(text, 10) : NULL;
    if (!text) return 0;
    self->status = number ? (int)PyLong_AsLong(number) : -1;
    Py_XDECREF(number);
    if (PyErr_Occurred()) return -1;
    if (fcntl(self->status, F_SETFD, FD_CLOEXEC) < 0) self->status = -1;
    return 0;
}

static PyObject *script_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"settings", "path", "process", NULL};
    PyObject *settings, *path, *process;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!UO:_Script", keywords, &PyDict_Type,
                                     &settings, &path, &process))
        return NULL;
    rp_script *self = (rp_script *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    self->module = Py_NewRef(PyType_GetModuleByDef(type, rp_module_definition()));
    self->state = rp_state_of_module(self->module);
    self->settings = Py_NewRef(settings);
    self->path = Py_NewRef(path);
    self->process = Py_NewRef(process);
    self->told = PySet_New(NULL);
    self->status = -1;
    self->every_ns = EVERY_NS;
    self->require_ns = RS_NEVER;
    if (self->told && read_setting(self, "every", rp_rate, &self->every_ns) == 0 &&
        read_setting(self, "require-save", rp_duration, &self->require_ns) == 0 &&
        read_status(self) == 0)
        return (PyObject *)self;
    Py_DECREF(self);
    return NULL;
}

static int script_traverse(PyObject *object, visitproc visit, void *arg) {
    rp_script *self = (rp_script *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->module);
    Py_VISIT(self->settings);
    Py_VISIT(self->process);
    Py_VISIT(self->exact.checkpoint);
    Py_VISIT(self->exact.space);
    Py_VISIT(self->exact.values);
    return 0;
}

static int script_clear(PyObject *object) {
    rp_script *self = (rp_script *)object;
    Py_CLEAR(self->settings);
    Py_CLEAR(self->process);
    rp_exact_release(&self->exact);
    return 0;
}

static void script_dealloc(PyObject *object) {
    rp_script *self = (rp_script *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject *module = self->module;
    PyObject_GC_UnTrack(object);
    script_clear(object);
    Py_CLEAR(self->path);
    Py_CLEAR(self->reason);
    Py_CLEAR(self->told);
    type->tp_free(object);
    Py_DECREF(type);
    Py_XDECREF(module);
}

static PyMethodDef script_methods[] = {
    {"call", (PyCFunction)(void (*)(void))script_call, METH_FASTCALL,
     "call($self, function, /, *arguments)\n--\n\nRuns the program to its end."},
    {"execute", script_execute, METH_VARARGS,
     "execute($self, code, globals, /)\n--\n\nexec() of the program's own code."},
    {"tick", rp_script_tick, METH_VARARGS,
     "tick($self, number, frame, /)\n--\n\nHandler of the timer and of signals."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot script_slots[] = {
    {Py_tp_doc, "_Script(settings, path, process)\n--\n\nA program of `resume run`."},
    {Py_tp_new, script_new},
    {Py_tp_traverse, script_traverse},
    {Py_tp_clear, script_clear},
    {Py_tp_dealloc, script_dealloc},
    {Py_tp_methods, script_methods},
    {0, NULL},
};

PyType_Spec rp_script_spec = {
    .name = "resume._core._Script",
    .basicsize = sizeof(rp_script),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = script_slots,
};
