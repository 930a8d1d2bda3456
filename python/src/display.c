/* How our objects look in a notebook: resume._html. */
#include "display.h"

/* resume._html.NAME(self) */
static PyObject *show(const char *name, PyObject *self) {
    PyObject *module = PyImport_ImportModule("resume._html");
    PyObject *text = module == NULL ? NULL : PyObject_CallMethod(module, name, "(O)", self);
    Py_XDECREF(module);
    return text;
}

PyObject *rp_checkpoint_html(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return show("checkpoint", self);
}

PyObject *rp_report_html(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return show("report", self);
}

PyObject *rp_data_html(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return show("data", self);
}

PyObject *rp_entry_html(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return show("entry", self);
}

static PyObject *entries_html(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return show("entries", self);
}

/* A table in IPython on a terminal; elsewhere the list that it is. */
static PyObject *entries_pretty(PyObject *self, PyObject *args) {
    PyObject *printer, *text = NULL, *result = NULL;
    int in_cycle;
    if (!PyArg_ParseTuple(args, "Op", &printer, &in_cycle)) return NULL;
    text = PyList_GET_SIZE(self) == 0 ? PyUnicode_FromString("[]") : show("entries_text", self);
    if (text != NULL) result = PyObject_CallMethod(printer, "text", "O", text);
    Py_XDECREF(text);
    return result;
}

static PyMethodDef entries_methods[] = {
    RP_HTML_METHOD(entries_html),
    {"_repr_pretty_", entries_pretty, METH_VARARGS,
     "_repr_pretty_($self, printer, cycle, /)\n--\n\nFor IPython."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot entries_slots[] = {
    {Py_tp_doc, "The checkpoints of a folder: a list of Entry."},
    {Py_tp_methods, entries_methods},
    {0, NULL},
};

PyType_Spec rp_entries_spec = {
    .name = "resume.Entries",
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = entries_slots,
};
