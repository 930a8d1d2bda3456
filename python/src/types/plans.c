/* How the instances of each class are written: looked up once for each class and save. */
#include "../encode.h"
#include "../lookup.h"

#include "base/alloc.h"

static int look_up_copyreg(rp_encoder *encoder) {
    PyObject *copyreg = PyImport_ImportModule("copyreg");
    if (copyreg) encoder->dispatch_table = PyObject_GetAttrString(copyreg, "dispatch_table");
    if (encoder->dispatch_table) encoder->newobj = PyObject_GetAttrString(copyreg, "__newobj__");
    Py_XDECREF(copyreg);
    return encoder->newobj ? 0 : -1;
}

static rp_plan *add(rp_encoder *encoder, PyTypeObject *type) {
    if (encoder->plan_count == encoder->plan_capacity) {
        size_t capacity = encoder->plan_capacity ? encoder->plan_capacity * 2 : 16;
        rp_plan *plans = rs_reallocate_array(encoder->plans, capacity, sizeof *plans);
        if (!plans) return NULL;
        encoder->plans = plans;
        encoder->plan_capacity = capacity;
    }
    if (!rp_memo_add(&encoder->plan_memo, (PyObject *)type, encoder->plan_count)) return NULL;
    rp_plan *plan = &encoder->plans[encoder->plan_count++];
    *plan = (rp_plan){.type = type};
    return plan;
}

const rp_plan *rp_plan_of(rp_encoder *encoder, PyTypeObject *type) {
    size_t index;
    if (rp_memo_find(&encoder->plan_memo, (PyObject *)type, &index)) return &encoder->plans[index];
    if (!encoder->newobj && look_up_copyreg(encoder) < 0) return NULL;
    rp_plan *plan = add(encoder, type);
    if (!plan) PyErr_NoMemory();
    return plan;
}

void rp_plans_release(rp_encoder *encoder) {
    for (size_t i = 0; i < encoder->plan_count; i++)
        Py_XDECREF(encoder->plans[i].slot_names);
    rs_free(encoder->plans);
    rp_memo_release(&encoder->plan_memo);
    Py_CLEAR(encoder->dispatch_table);
    Py_CLEAR(encoder->newobj);
}
