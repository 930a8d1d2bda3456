/* `with` over the state of the process, around the place where a program goes on. */
#include "surroundings.h"

#include "capture.h"

#include <string.h>

/* The manager that is left by entry `index` of the stack, new reference: its bound __exit__, or
 * (from 3.14 on) the function __exit__ with the manager above it. NULL without an exception. */
static PyObject *manager_at(const rp_record *record, Py_ssize_t index) {
    PyObject *entry = PyTuple_GET_ITEM(record->stack, index), *self = NULL, *name = NULL;
    if (PyMethod_Check(entry)) {
        self = PyMethod_GET_SELF(entry);
        entry = PyMethod_GET_FUNCTION(entry);
    } else if (PyCFunction_Check(entry)) { /* of a manager that is written in C */
        self = PyCFunction_GET_SELF(entry);
        const char *method = ((PyCFunctionObject *)entry)->m_ml->ml_name;
        return self && strcmp(method, "__exit__") == 0 ? Py_NewRef(self) : NULL;
    } else if (index + 1 < PyTuple_GET_SIZE(record->stack)) {
        self = PyTuple_GET_ITEM(record->stack, index + 1);
    }
    if (self == NULL || !PyFunction_Check(entry)) return NULL;
    name = ((PyFunctionObject *)entry)->func_name;
    return PyUnicode_CompareWithASCIIString(name, "__exit__") == 0 ? Py_NewRef(self) : NULL;
}

/* A @contextmanager has what it is inside of on the stack of its generator: a new record, or NULL
 * without an exception. */
static rp_record *generator_of(rp_module_state *state, PyObject *manager) {
    PyObject *generator = NULL;
    rp_record *record = NULL;
    if (strcmp(Py_TYPE(manager)->tp_name, "_GeneratorContextManager") == 0)
        generator = PyObject_GetAttrString(manager, "gen");
    if (generator && PyGen_CheckExact(generator)) record = rp_capture_generator(state, generator);
    Py_XDECREF(generator);
    PyErr_Clear();
    return record;
}

/* The managers of the frame, new list, the outermost first; behind a @contextmanager those that its
 * generator is inside of, and so on. */
static PyObject *managers_of(rp_module_state *state, const rp_record *frame) {
    PyObject *managers = PyList_New(0);
    const rp_record *record = (const rp_record *)Py_NewRef((PyObject *)frame);
    for (Py_ssize_t next = 0; managers && record;) {
        for (Py_ssize_t i = 0, at = next; managers && i < PyTuple_GET_SIZE(record->stack); i++) {
            PyObject *manager = manager_at(record, i);
            if (manager && PyList_Insert(managers, at++, manager) < 0) Py_CLEAR(managers);
            Py_XDECREF(manager);
        }
        Py_DECREF((PyObject *)record);
        record = NULL;
        while (managers && !record && next < PyList_GET_SIZE(managers))
            record = generator_of(state, PyList_GET_ITEM(managers, next++));
    }
    return managers;
}

static int enter_again(PyObject *manager) {
    PyObject *module = PyImport_ImportModule("resume._surroundings");
    PyObject *done = module ? PyObject_CallMethod(module, "enter_again", "O", manager) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int rp_surroundings_enter(rp_module_state *state, PyObject *records) {
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(records); i++) {
        const rp_record *record = (const rp_record *)PyList_GET_ITEM(records, i);
        PyObject *managers = managers_of(state, record);
        if (managers == NULL) return -1;
        for (Py_ssize_t j = 0; status == 0 && j < PyList_GET_SIZE(managers); j++)
            status = enter_again(PyList_GET_ITEM(managers, j));
        Py_DECREF(managers);
    }
    return status;
}

static bool has_true(PyObject *object, const char *attribute) {
    PyObject *value = PyObject_GetAttrString(object, attribute);
    PyErr_Clear();
    Py_XDECREF(value);
    return value == Py_True;
}

/* What is of the process and can't be entered again: the state before is held where nothing can be
 * read, or was given to a system that knows nothing of us. By the name of the type, since none of
 * these modules is imported for this. */
static const struct {
    const char *type, *module, *name;
    const char *attribute; /* lost only where it is True; NULL: always */
} lost[] = {
    /* the list of warnings is reached through the module `warnings` of this process alone */
    {"catch_warnings", "warnings", "warnings.catch_warnings(record=True)", "_record"},
    {"ContextManager", "decimal", "decimal.localcontext()", NULL},
    {"_ContextManager", "decimal", "decimal.localcontext()", NULL},
    {"errstate", "numpy", "numpy.errstate()", NULL},
    {"Connection", "sqlite3", "a sqlite3 connection (a transaction)", NULL},
    {"ThreadPoolExecutor", "concurrent.futures.thread", "ThreadPoolExecutor()", NULL},
    {"ProcessPoolExecutor", "concurrent.futures.process", "ProcessPoolExecutor()", NULL},
    {"Pool", "multiprocessing.pool", "multiprocessing.Pool()", NULL},
    {"Popen", "subprocess", "subprocess.Popen()", NULL},
};

/* "numpy" is that of numpy._core._ufunc_config as well. */
static bool is_from(PyObject *type, const char *module) {
    PyObject *value = PyObject_GetAttrString(type, "__module__");
    const char *text = value && PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : NULL;
    size_t size = strlen(module);
    bool is = text && strncmp(text, module, size) == 0 && (text[size] == 0 || text[size] == '.');
    PyErr_Clear();
    Py_XDECREF(value);
    return is;
}

static const char *lost_name(PyObject *manager) {
    const char *name = strrchr(Py_TYPE(manager)->tp_name, '.');
    name = name ? name + 1 : Py_TYPE(manager)->tp_name;
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++)
        if (strcmp(name, lost[i].type) == 0 &&
            is_from((PyObject *)Py_TYPE(manager), lost[i].module) &&
            (!lost[i].attribute || has_true(manager, lost[i].attribute)))
            return lost[i].name;
    return NULL;
}

/* A @contextmanager of a library: by the name of its generator and the file that it is in. */
static const char *lost_function(PyObject *manager) {
    PyObject *generator = PyObject_GetAttrString(manager, "gen");
    const char *name = NULL;
    PyObject *found = generator ? PyObject_GetAttrString(generator, "gi_code") : NULL;
    if (found && PyCode_Check(found)) {
        const PyCodeObject *code = (const PyCodeObject *)found;
        const char *file = PyUnicode_AsUTF8(code->co_filename);
        if (PyUnicode_CompareWithASCIIString(code->co_name, "printoptions") == 0 && file &&
            strstr(file, "/numpy/"))
            name = "numpy.printoptions()";
    }
    PyErr_Clear();
    Py_XDECREF(found);
    Py_XDECREF(generator);
    return name;
}

int rp_surroundings_lost(rp_module_state *state, const rp_record *record, const char **name) {
    PyObject *managers = managers_of(state, record);
    *name = NULL;
    if (managers == NULL) return -1;
    for (Py_ssize_t i = 0; !*name && i < PyList_GET_SIZE(managers); i++) {
        PyObject *manager = PyList_GET_ITEM(managers, i);
        *name = lost_name(manager);
        if (!*name) *name = lost_function(manager);
    }
    Py_DECREF(managers);
    return 0;
}
