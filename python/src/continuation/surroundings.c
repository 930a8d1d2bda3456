/* `with` over the state of the process, around the place where a program goes on. */
#include "surroundings.h"

#include "capture.h"

#include "../lookup.h"

#include <string.h>

/* The name of what a class has, written in Python or in C; borrowed, or NULL. */
static PyObject *name_of(PyObject *method) {
    if (PyFunction_Check(method)) return ((PyFunctionObject *)method)->func_name;
    return Py_IS_TYPE(method, &PyMethodDescr_Type) ? PyDescr_NAME(method) : NULL;
}

/* The manager that is left by entry `index` of the stack, new reference: its bound __exit__, or
 * (from 3.14 on) the __exit__ of its class with the manager above it. NULL without an exception. */
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
    name = name_of(entry);
    if (self == NULL || name == NULL) return NULL;
    return PyUnicode_CompareWithASCIIString(name, "__exit__") == 0 ? Py_NewRef(self) : NULL;
}

/* Behind those that were found. 0 or -1. */
static int insert_once(PyObject *found, Py_ssize_t *at, PyObject *object) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(found); i++)
        if (PyList_GET_ITEM(found, i) == object) return 0;
    return PyList_Insert(found, (*at)++, object);
}

static bool is_of_class(PyObject *object, const char *name) {
    PyObject *order = Py_TYPE(object)->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(order); i++)
        if (strcmp(((PyTypeObject *)PyTuple_GET_ITEM(order, i))->tp_name, name) == 0) return true;
    return false;
}

/* What an ExitStack will leave. */
static int insert_stacked(PyObject *stack, PyObject *found, Py_ssize_t at) {
    if (!is_of_class(stack, "_BaseExitStack")) return 0;
    PyObject *entries = PyObject_GetAttrString(stack, "_exit_callbacks");
    PyObject *list = entries ? PySequence_List(entries) : NULL;
    int status = list ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *entry = PyList_GET_ITEM(list, i);
        bool is_pair = PyTuple_Check(entry) && PyTuple_GET_SIZE(entry) == 2;
        PyObject *leave = is_pair ? PyTuple_GET_ITEM(entry, 1) : NULL;
        if (leave && PyMethod_Check(leave))
            status = insert_once(found, &at, PyMethod_GET_SELF(leave));
    }
    Py_XDECREF(list);
    Py_XDECREF(entries);
    return status;
}

/* A generator that is suspended is inside of what stands on its stack, also that of a
 * @contextmanager: a new record, or NULL without an exception. */
static rp_record *record_of(rp_module_state *state, PyObject *object) {
    PyObject *generator = NULL;
    rp_record *record = NULL;
    if (PyGen_CheckExact(object))
        generator = Py_NewRef(object);
    else if (is_of_class(object, "_GeneratorContextManager"))
        generator = PyObject_GetAttrString(object, "gen");
    if (generator && PyGen_CheckExact(generator)) record = rp_capture_generator(state, generator);
    Py_XDECREF(generator);
    PyErr_Clear();
    return record;
}

/* The managers of a frame, and the generators that it holds. 0 or -1. */
static int insert_held(const rp_record *record, PyObject *found, Py_ssize_t at) {
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(record->slots); i++) {
        PyObject *value = PyTuple_GET_ITEM(record->slots, i);
        if (PyCell_Check(value)) value = PyCell_GET(value);
        if (value && PyGen_CheckExact(value)) status = insert_once(found, &at, value);
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(record->stack); i++) {
        PyObject *entry = PyTuple_GET_ITEM(record->stack, i);
        PyObject *object = PyGen_CheckExact(entry) ? Py_NewRef(entry) : manager_at(record, i);
        if (object) status = insert_once(found, &at, object);
        Py_XDECREF(object);
    }
    return status;
}

/* What the frame is inside of, new list, the outermost first; behind generators and an ExitStack
 * what those are inside of, and so on. */
static PyObject *managers_of(rp_module_state *state, const rp_record *frame) {
    PyObject *found = PyList_New(0);
    int status = found ? insert_held(frame, found, 0) : -1;
    for (Py_ssize_t next = 0; status == 0 && next < PyList_GET_SIZE(found);) {
        PyObject *object = PyList_GET_ITEM(found, next++);
        rp_record *record = record_of(state, object);
        if (record) status = insert_held(record, found, next);
        if (status == 0) status = insert_stacked(object, found, next);
        Py_XDECREF((PyObject *)record);
    }
    if (status < 0) Py_CLEAR(found);
    return found;
}

int rp_surroundings_take(rp_module_state *state, const rp_record *record, PyObject *taken,
                         PyObject **lost) {
    PyObject *managers = managers_of(state, record), *more = NULL;
    int status = managers ? 0 : -1;
    *lost = NULL;
    if (managers && PyList_GET_SIZE(managers) > 0) {
        more = rp_call_unseen("resume._surroundings", "take", managers);
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
    PyObject *module = PyImport_ImportModule("resume._surroundings");
    PyObject *done = module ? PyObject_CallMethod(module, "enter", "(O)", taken) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(done);
    return done ? 0 : -1;
}
