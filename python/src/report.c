/* What restore() gives: true when something was restored. */
#include "report.h"

#include "display.h"

#include <structmember.h>

#include <stddef.h>

rp_report *rp_report_new(rp_module_state *state) {
    rp_report *report = (rp_report *)state->report_type->tp_alloc(state->report_type, 0);
    if (report == NULL) return NULL;
    PyObject **const lists[] = {&report->restored, &report->missing, &report->unused,
                                &report->kept,     &report->skipped, &report->notes};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if ((*lists[i] = PyList_New(0)) == NULL) {
            Py_DECREF((PyObject *)report);
            return NULL;
        }
    report->generation = Py_NewRef(Py_None);
    report->age = Py_NewRef(Py_None);
    return report;
}

int rp_report_finish(rp_report *report) {
    PyObject **const lists[] = {&report->restored, &report->missing, &report->unused,
                                &report->kept,     &report->skipped, &report->notes};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        PyObject *tuple = PySequence_Tuple(*lists[i]);
        if (tuple == NULL) return -1;
        Py_SETREF(*lists[i], tuple);
    }
    return 0;
}

static int report_traverse(PyObject *object, visitproc visit, void *arg) {
    rp_report *self = (rp_report *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->restored);
    Py_VISIT(self->missing);
    Py_VISIT(self->unused);
    Py_VISIT(self->kept);
    Py_VISIT(self->skipped);
    Py_VISIT(self->notes);
    Py_VISIT(self->generation);
    Py_VISIT(self->age);
    return 0;
}

static int report_clear(PyObject *object) {
    rp_report *self = (rp_report *)object;
    Py_CLEAR(self->restored);
    Py_CLEAR(self->missing);
    Py_CLEAR(self->unused);
    Py_CLEAR(self->kept);
    Py_CLEAR(self->skipped);
    Py_CLEAR(self->notes);
    Py_CLEAR(self->generation);
    Py_CLEAR(self->age);
    return 0;
}

static void report_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    report_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static int report_bool(PyObject *object) {
    return ((rp_report *)object)->found;
}

static PyObject *report_repr(PyObject *object) {
    rp_report *self = (rp_report *)object;
    if (!self->found) return PyUnicode_FromFormat("<resume.Report: nothing restored>");
    return PyUnicode_FromFormat("<resume.Report: generation %S, %S seconds old%s: restored=%R, "
                                "missing=%R, unused=%R, kept=%R, skipped=%R>",
                                self->generation, self->age, self->ended ? ", ended" : "",
                                self->restored, self->missing, self->unused, self->kept,
                                self->skipped);
}

static PyMemberDef report_members[] = {
    {"restored", T_OBJECT_EX, offsetof(rp_report, restored), READONLY,
     "Names of the variables that were restored."},
    {"missing", T_OBJECT_EX, offsetof(rp_report, missing), READONLY,
     "Names of variables that the program has and the checkpoint has not."},
    {"unused", T_OBJECT_EX, offsetof(rp_report, unused), READONLY,
     "Names in the checkpoint that the program has no variable for."},
    {"kept", T_OBJECT_EX, offsetof(rp_report, kept), READONLY,
     "Names that keep the program's own value: arguments of a new call, and keep=."},
    {"skipped", T_OBJECT_EX, offsetof(rp_report, skipped), READONLY,
     "Names that could not be saved and keep their placeholders."},
    {"notes", T_OBJECT_EX, offsetof(rp_report, notes), READONLY,
     "What else there is to know, as texts."},
    {"generation", T_OBJECT_EX, offsetof(rp_report, generation), READONLY,
     "Number of the save that was restored, or None."},
    {"age", T_OBJECT_EX, offsetof(rp_report, age), READONLY,
     "Seconds between that save and this opening, or None."},
    {"ended", T_BOOL, offsetof(rp_report, ended), READONLY, "The call that saved had ended."},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef report_methods[] = {
    RP_HTML_METHOD(rp_report_html),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot report_slots[] = {
    {Py_tp_doc, "What restore() brought back; true when something was restored."},
    {Py_tp_traverse, report_traverse},
    {Py_tp_clear, report_clear},
    {Py_tp_dealloc, report_dealloc},
    {Py_tp_repr, report_repr},
    {Py_nb_bool, report_bool},
    {Py_tp_members, report_members},
    {Py_tp_methods, report_methods},
    {0, NULL},
};

PyType_Spec rp_report_spec = {
    .name = "resume.Report",
    .basicsize = sizeof(rp_report),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = report_slots,
};
