/* The type of captured frames. */
#include "record.h"

rp_record *rp_record_new(rp_module_state *state) {
    PyTypeObject *type = state->record_type;
    rp_record *record = (rp_record *)type->tp_alloc(type, 0);
    return record;
}

void rp_record_clear(rp_record *record) {
    Py_CLEAR(record->code);
    Py_CLEAR(record->globals);
    Py_CLEAR(record->slots);
    Py_CLEAR(record->stack);
    Py_CLEAR(record->kinds);
    Py_CLEAR(record->inner);
    Py_CLEAR(record->value);
}

static int record_clear(PyObject *self) {
    rp_record_clear((rp_record *)self);
    return 0;
}

static int record_traverse(PyObject *self, visitproc visit, void *arg) {
    rp_record *record = (rp_record *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(record->code);
    Py_VISIT(record->globals);
    Py_VISIT(record->slots);
    Py_VISIT(record->stack);
    Py_VISIT(record->kinds);
    Py_VISIT(record->inner);
    Py_VISIT(record->value);
    return 0;
}

/* The records of a deep recursion hang on one another: taken apart one by one, not by the C stack.
 */
static void record_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_TRASHCAN_BEGIN(self, record_dealloc);
    rp_record_clear((rp_record *)self);
    type->tp_free(self);
    Py_DECREF(type);
    Py_TRASHCAN_END;
}

static PyType_Slot record_slots[] = {
    {Py_tp_doc, "A captured frame."},
    {Py_tp_clear, record_clear},
    {Py_tp_traverse, record_traverse},
    {Py_tp_dealloc, record_dealloc},
    {0, NULL},
};

PyType_Spec rp_record_spec = {
    .name = "resume._core._Record",
    .basicsize = sizeof(rp_record),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = record_slots,
};

static PyType_Slot null_slots[] = {
    {Py_tp_doc, "Stands for an empty slot of a frame."},
    {0, NULL},
};

PyType_Spec rp_null_spec = {
    .name = "resume._core._Null",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = null_slots,
};
