/* Where an open file stands, also while a `for` reads a text file. */
#include "files.h"

#include "../pycompat/scandir.h"
#include "../pycompat/text_file.h"

PyObject *rp_file_position(PyObject *file) {
    if (rp_file_kind_of(file) == RP_FILE_TEXT && rp_text_is_iterated(file))
        return rp_text_reading(file);
    return PyObject_CallMethod(file, "tell", NULL);
}

bool rp_is_file_position(PyObject *position, rp_file_kind kind) {
    return PyLong_CheckExact(position) || (kind == RP_FILE_TEXT && rp_is_text_reading(position));
}

int rp_file_seek(PyObject *file, PyObject *position) {
    if (PyList_Check(position) && rp_file_kind_of(file) == RP_FILE_TEXT)
        return rp_text_read_on(file, position);
    PyObject *done = PyObject_CallMethod(file, "seek", "O", position);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

PyObject *rp_core_scandir_left(PyObject *module, PyObject *iterator) {
    (void)module;
    if (rp_is_scandir(iterator)) return rp_scandir_left(iterator);
    return PyErr_Format(PyExc_TypeError, "%R is not what os.scandir() gives", iterator);
}

PyObject *rp_core_file_position(PyObject *module, PyObject *file) {
    (void)module;
    return rp_file_position(file);
}

PyObject *rp_core_file_seek(PyObject *module, PyObject *args) {
    PyObject *file, *position;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &file, &position)) return NULL;
    if (rp_file_seek(file, position) < 0) return NULL;
    Py_RETURN_NONE;
}
