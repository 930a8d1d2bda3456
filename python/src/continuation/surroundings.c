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

/* What an ExitStack will leave: inserts the managers at that place. 0 or -1. */
static int insert_stacked(PyObject *stack, PyObject *managers, Py_ssize_t at) {
    PyObject *entries = PyObject_GetAttrString(stack, "_exit_callbacks");
    PyObject *list = entries ? PySequence_List(entries) : NULL;
    int status = 0;
    PyErr_Clear(); /* it is none */
    for (Py_ssize_t i = 0; list && status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *entry = PyList_GET_ITEM(list, i);
        bool is_pair = PyTuple_Check(entry) && PyTuple_GET_SIZE(entry) == 2;
        PyObject *leave = is_pair ? PyTuple_GET_ITEM(entry, 1) : NULL;
        if (leave && PyMethod_Check(leave))
            status = PyList_Insert(managers, at++, PyMethod_GET_SELF(leave));
    }
    Py_XDECREF(list);
    Py_XDECREF(entries);
    return status;
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

/* The managers of the frame, new list, the outermost first; behind a @contextmanager or an
 * ExitStack those that it is inside of, and so on. */
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
        while (managers && !record && next < PyList_GET_SIZE(managers)) {
            PyObject *manager = PyList_GET_ITEM(managers, next++);
            record = generator_of(state, manager);
            if (insert_stacked(manager, managers, next) < 0) Py_CLEAR(managers);
        }
    }
    return managers;
}

static PyObject *call(const char *function, PyObject *argument) {
    PyObject *module = PyImport_ImportModule("resume._surroundings");
    PyObject *result = module ? PyObject_CallMethod(module, function, "(O)", argument) : NULL;
    Py_XDECREF(module);
    return result;
}

int rp_surroundings_take(rp_module_state *state, const rp_record *record, PyObject *taken,
                         PyObject **lost) {
    PyObject *managers = managers_of(state, record), *more = NULL;
    int status = managers ? 0 : -1;
    *lost = NULL;
    if (managers && PyList_GET_SIZE(managers) > 0) {
        more = call("take", managers);
        status = more ? 0 : -1;
    }
    if (more && PyUnicode_Check(more))
        *lost = Py_NewRef(more);
    else if (more) /* those of a frame further out come before */
        status = PyList_SetSlice(taken, 0, 0, more);
    Py_XDECREF(more);
    Py_XDECREF(managers);
    return status;
}

int rp_surroundings_enter(PyObject *taken) {
    if (PyList_Check(taken) && PyList_GET_SIZE(taken) == 0) return 0;
    PyObject *done = call("enter", taken);
    Py_XDECREF(done);
    return done ? 0 : -1;
}
