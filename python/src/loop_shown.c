/* A progress bar around a chp.loop: where it begins. tqdm has no way to ask for it: it counts the
 * items that it sees, in a variable of its own __iter__, which begins with `self.n`. */
#include "loop_shown.h"

#include "pycompat/frame.h"

#include <string.h>

/* A dict of these names in `locals` and of the position, new reference; NULL without an exception:
 * not the frame of a tqdm. */
static PyObject *counted(PyObject *locals, PyObject *position) {
    PyObject *self = PyDict_GetItemString(locals, "self"); /* borrowed */
    bool is_bar = self && PyDict_GetItemString(locals, "n") && PyObject_HasAttrString(self, "n") &&
                  PyObject_HasAttrString(self, "initial") &&
                  PyObject_HasAttrString(self, "last_print_n");
    if (!is_bar) return NULL;
    if (PyObject_SetAttrString(self, "n", position) < 0 ||
        PyObject_SetAttrString(self, "initial", position) < 0 ||
        PyObject_SetAttrString(self, "last_print_n", position) < 0)
        return NULL;
    return Py_BuildValue("{sOsO}", "n", position, "last_print_n", position);
}

static bool is_of_tqdm(PyFrameObject *frame) {
    PyObject *globals = PyFrame_GetGlobals(frame);
    PyObject *name = globals ? PyDict_GetItemString(globals, "__name__") : NULL; /* borrowed */
    const char *text = name && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    bool is = text && strncmp(text, "tqdm.", 5) == 0;
    PyErr_Clear();
    Py_XDECREF(globals);
    return is;
}

int rp_loop_tell_bar(Py_ssize_t position) {
    PyFrameObject *frame = position > 0 ? PyEval_GetFrame() : NULL; /* borrowed */
    if (!frame || !is_of_tqdm(frame)) return 0;
    PyObject *number = PyLong_FromSsize_t(position), *locals = NULL, *changes = NULL;
    if (number) locals = rp_frame_locals(frame);
    if (locals) changes = counted(locals, number);
    int status = changes ? rp_frame_assign(frame, changes) : PyErr_Occurred() ? -1 : 0;
    Py_XDECREF(number);
    Py_XDECREF(locals);
    Py_XDECREF(changes);
    return status;
}
