/* resume.Opaque: an object of a file that is not trusted, as inert data. */
#include "opaque.h"

#include "text.h"

#include <structmember.h>

#include <stddef.h>

typedef struct rp_opaque {
    PyObject_HEAD PyObject *type, *state;
} rp_opaque;

static int opaque_traverse(PyObject *object, visitproc visit, void *arg) {
    rp_opaque *self = (rp_opaque *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->type);
    Py_VISIT(self->state);
    return 0;
}

static int opaque_clear(PyObject *object) {
    rp_opaque *self = (rp_opaque *)object;
    Py_CLEAR(self->type);
    Py_CLEAR(self->state);
    return 0;
}

static void opaque_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    Py_TRASHCAN_BEGIN(object, opaque_dealloc) opaque_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyObject *allocate(PyTypeObject *type) {
    rp_opaque *self = (rp_opaque *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->type = PyUnicode_FromString("");
    self->state = Py_NewRef(Py_None);
    if (self->type == NULL) Py_CLEAR(self);
    return (PyObject *)self;
}

static PyObject *opaque_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"type", "state", NULL};
    PyObject *name, *state = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "U|O:Opaque", keywords, &name, &state))
        return NULL;
    PyObject *object = allocate(type);
    if (object != NULL) rp_opaque_fill(object, name, state);
    return object;
}

/* Escaped and cut: the name comes from a file, the state may hold the object itself. */
static PyObject *opaque_repr(PyObject *object) {
    rp_opaque *self = (rp_opaque *)object;
    PyObject *type = rp_text_of(self->type), *state = NULL, *text = NULL;
    if (type != NULL) state = rp_text_of(self->state);
    if (state != NULL)
        text = self->state == Py_None ? PyUnicode_FromFormat("Opaque(%U)", type)
                                      : PyUnicode_FromFormat("Opaque(%U, %U)", type, state);
    Py_XDECREF(type);
    Py_XDECREF(state);
    return text;
}

static PyObject *opaque_reduce(PyObject *object, PyObject *nothing) {
    rp_opaque *self = (rp_opaque *)object;
    (void)nothing;
    return Py_BuildValue("(O(OO))", Py_TYPE(object), self->type, self->state);
}

static PyMemberDef opaque_members[] = {
    {"type", T_OBJECT, offsetof(rp_opaque, type), READONLY, "The name of its class, a str."},
    {"state", T_OBJECT, offsetof(rp_opaque, state), READONLY, "What was saved of it, as data."},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef opaque_methods[] = {
    {"__reduce__", opaque_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot opaque_slots[] = {
    {Py_tp_doc, "Opaque(type, state=None)\n--\n\nAn object of a file that is not trusted: the name "
                "of its class and its state, as data.\n\nNothing of it is imported or called. It "
                "can be saved again, and stays what it is by that."},
    {Py_tp_new, opaque_new},
    {Py_tp_traverse, opaque_traverse},
    {Py_tp_clear, opaque_clear},
    {Py_tp_dealloc, opaque_dealloc},
    {Py_tp_repr, opaque_repr},
    {Py_tp_members, opaque_members},
    {Py_tp_methods, opaque_methods},
    {0, NULL},
};

PyType_Spec rp_opaque_spec = {
    .name = "resume.Opaque",
    .basicsize = sizeof(rp_opaque),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = opaque_slots,
};

PyObject *rp_opaque_new(rp_module_state *state) {
    return allocate(state->opaque_type);
}

void rp_opaque_fill(PyObject *opaque, PyObject *type, PyObject *state) {
    rp_opaque *self = (rp_opaque *)opaque;
    Py_XSETREF(self->type, Py_NewRef(type));
    Py_XSETREF(self->state, Py_NewRef(state));
}

bool rp_opaque_check(const rp_module_state *state, PyObject *object) {
    return Py_IS_TYPE(object, state->opaque_type);
}

PyObject *rp_opaque_type(PyObject *opaque) {
    return ((rp_opaque *)opaque)->type;
}

PyObject *rp_opaque_state(PyObject *opaque) {
    return ((rp_opaque *)opaque)->state;
}
