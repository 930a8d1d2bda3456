/* Which locals are saved. */
#include "locals.h"

#include "cell.h"
#include "definitions.h"

static bool is_ours(const rp_module_state *state, PyObject *value) {
    return PyObject_TypeCheck(value, state->checkpoint_type) ||
           PyObject_TypeCheck(value, state->null_checkpoint_type) ||
           Py_IS_TYPE(value, state->report_type) ||
           (state->loop_type != NULL && Py_IS_TYPE(value, state->loop_type));
}

static bool is_dunder(PyObject *name) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    return size > 4 && PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_' &&
           PyUnicode_READ_CHAR(name, size - 1) == '_' && PyUnicode_READ_CHAR(name, size - 2) == '_';
}

bool rp_locals_is_unwanted(const rp_checkpoint *self, PyObject *name) {
    if (self->options.skip != NULL && PySet_Contains(self->options.skip, name) == 1) return true;
    return self->options.only != NULL && PySet_Contains(self->options.only, name) == 0;
}

PyObject *rp_locals_select(rp_checkpoint *self, PyObject *values) {
    PyObject *selected = PyDict_New();
    bool module = rp_owner_is_module(&self->owner);
    PyObject *hidden = self->caller.cell == NULL ? NULL : rp_cell_hidden(self->caller.cell);
    if (PyErr_Occurred()) Py_CLEAR(selected);
    PyObject *name, *value;
    for (Py_ssize_t at = 0; selected != NULL && PyDict_Next(values, &at, &name, &value);) {
        /* not the iterator of a comprehension (".0"), not what a test tool has put there */
        if (!PyUnicode_Check(name) || !PyUnicode_IsIdentifier(name)) continue;
        if (module && is_dunder(name)) continue;
        if (PyModule_Check(value) || is_ours(self->state, value)) continue;
        if (rp_definitions_is_made_anew(self, name, value)) continue;
        if (rp_locals_is_unwanted(self, name)) continue;
        if (hidden != NULL && PySet_Contains(hidden, name) == 1) continue;
        if (PyDict_SetItem(selected, name, value) < 0) Py_CLEAR(selected);
    }
    Py_XDECREF(hidden);
    return selected;
}

static int add_code_names(PyObject *names, PyObject *tuple) {
    int status = tuple == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(tuple); i++)
        status = PySet_Add(names, PyTuple_GET_ITEM(tuple, i));
    Py_XDECREF(tuple);
    return status;
}

PyObject *rp_locals_names(rp_checkpoint *self, PyObject *values) {
    PyObject *names = PySet_New(values); /* of a dict: its keys */
    PyCodeObject *code = self->owner.code;
    if (names == NULL || code == NULL) return names;
    int status;
    if (rp_owner_is_module(&self->owner)) {
        status = add_code_names(names, Py_NewRef(code->co_names));
    } else {
        status = add_code_names(names, PyCode_GetVarnames(code));
        if (status == 0) status = add_code_names(names, PyCode_GetCellvars(code));
        if (status == 0) status = add_code_names(names, PyCode_GetFreevars(code));
    }
    if (status < 0) Py_CLEAR(names);
    return names;
}

bool rp_locals_is_argument(const rp_checkpoint *self, PyObject *name) {
    for (Py_ssize_t i = 0; i < self->arguments.count; i++)
        if (PyUnicode_Compare(self->arguments.items[i].name, name) == 0) return true;
    return false;
}
