/* `with` over the state of the process, around the place where a program goes on. */
#include "surroundings.h"

#include "../lookup.h"

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

static int enter_again(PyObject *manager) {
    PyObject *module = PyImport_ImportModule("resume._surroundings");
    PyObject *done = module ? PyObject_CallMethod(module, "enter_again", "O", manager) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

int rp_surroundings_enter(PyObject *records) {
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(records); i++) {
        const rp_record *record = (const rp_record *)PyList_GET_ITEM(records, i);
        for (Py_ssize_t j = 0; status == 0 && j < PyTuple_GET_SIZE(record->stack); j++) {
            PyObject *manager = manager_at(record, j);
            if (manager) status = enter_again(manager);
            Py_XDECREF(manager);
        }
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

const char *rp_surroundings_lost(const rp_record *record) {
    bool lost = false;
    for (Py_ssize_t i = 0; !lost && i < PyTuple_GET_SIZE(record->stack); i++) {
        PyObject *manager = manager_at(record, i);
        if (manager) lost = records_warnings(manager);
        Py_XDECREF(manager);
    }
    return lost ? "warnings.catch_warnings(record=True)" : NULL;
}
