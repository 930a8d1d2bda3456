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

/* It puts the warnings into a list, which only the module `warnings` of this process leads to. */
static bool records_warnings(PyObject *manager) {
    PyObject *recording = NULL;
    if (strcmp(Py_TYPE(manager)->tp_name, "catch_warnings") == 0)
        recording = PyObject_GetAttrString(manager, "_record");
    bool does = recording == Py_True;
    Py_XDECREF(recording);
    PyErr_Clear();
    return does;
}

int rp_surroundings_lost(rp_module_state *state, const rp_record *record, const char **name) {
    PyObject *managers = managers_of(state, record);
    *name = NULL;
    if (managers == NULL) return -1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(managers); i++)
        if (records_warnings(PyList_GET_ITEM(managers, i)))
            *name = "warnings.catch_warnings(record=True)";
    Py_DECREF(managers);
    return 0;
}
