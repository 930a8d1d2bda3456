/* Memory of the library's own that arrays are made over. */
#include "region.h"

#include "os/pages.h"

typedef struct rp_region {
    PyObject_HEAD void *bytes;
    size_t size;
} rp_region;

static void region_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    rs_pages_free(((rp_region *)object)->bytes, ((rp_region *)object)->size);
    type->tp_free(object);
    Py_DECREF(type);
}

static int region_buffer(PyObject *object, Py_buffer *view, int flags) {
    rp_region *self = (rp_region *)object;
    return PyBuffer_FillInfo(view, object, self->bytes, (Py_ssize_t)self->size, 0, flags);
}

static PyType_Slot region_slots[] = {
    {Py_tp_doc, "Memory in whole pages, for arrays."},
    {Py_tp_dealloc, region_dealloc},
    {Py_bf_getbuffer, region_buffer},
    {0, NULL},
};

PyType_Spec rp_region_spec = {
    .name = "resume._core.Memory",
    .basicsize = sizeof(rp_region),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = region_slots,
};

PyObject *rp_region_new(rp_module_state *state, size_t size) {
    rp_region *self = (rp_region *)state->region_type->tp_alloc(state->region_type, 0);
    if (self == NULL) return NULL;
    self->size = size;
    self->bytes = rs_pages_new(size);
    if (self->bytes != NULL) return (PyObject *)self;
    Py_DECREF(self);
    return PyErr_NoMemory();
}

void *rp_region_bytes(PyObject *region) {
    return ((rp_region *)region)->bytes;
}

bool rp_is_region(const rp_module_state *state, PyObject *object) {
    return Py_IS_TYPE(object, state->region_type);
}

PyObject *rp_core_memory(PyObject *module, PyObject *size) {
    Py_ssize_t bytes = PyLong_AsSsize_t(size);
    if (bytes < 0 && !PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a negative size");
    return bytes < 0 ? NULL : rp_region_new(rp_state_of_module(module), (size_t)bytes);
}
