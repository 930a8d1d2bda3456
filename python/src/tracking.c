/* chp.track(object): the labels of tracked objects. */
#include "tracking.h"

#include "track.h"

int rp_track_parse(PyObject *args, PyObject *kwargs, PyObject **object, PyObject **name) {
    static char *keywords[] = {"", "name", NULL};
    *name = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O:track", keywords, object, name)) return -1;
    if (*name == Py_None) {
        *name = NULL;
    } else if (!PyUnicode_Check(*name)) {
        PyErr_Format(PyExc_TypeError, "chp.track: name must be a str, not %.100s",
                     Py_TYPE(*name)->tp_name);
        return -1;
    }
    return *name == NULL || PyUnicode_AsUTF8(*name) != NULL ? 0 : -1;
}

/* The label under which the object is tracked already, borrowed or NULL. */
static PyObject *known_label(rp_checkpoint *self, PyObject *object) {
    PyObject *label, *value;
    for (Py_ssize_t at = 0;
         self->tracked != NULL && PyDict_Next(self->tracked, &at, &label, &value);)
        if (value == object) return label;
    return NULL;
}

/* The name by which the owner's function knows the object, new reference. */
static PyObject *label_of(rp_checkpoint *self, PyObject *object) {
    PyObject *known = known_label(self, object);
    if (known != NULL) return Py_NewRef(known);
    PyFrameObject *frame = rp_owner_find(&self->owner);
    PyObject *values = frame == NULL ? PyDict_New() : rp_frame_locals(frame);
    PyObject *label = NULL, *name, *value;
    for (Py_ssize_t at = 0; values != NULL && PyDict_Next(values, &at, &name, &value);)
        if (value == object && label == NULL && PyUnicode_Check(name)) label = Py_NewRef(name);
    Py_ssize_t count = self->tracked == NULL ? 0 : PyDict_GET_SIZE(self->tracked);
    if (values != NULL && label == NULL) label = PyUnicode_FromFormat("tracked %zd", count);
    Py_XDECREF(values);
    Py_XDECREF((PyObject *)frame);
    return label;
}

/* What restore() has brought for an object that is tracked only now. */
static int take_pending(rp_checkpoint *self, PyObject *label, PyObject *object) {
    if (self->pending_tracked == NULL) return 0;
    PyObject *value = Py_XNewRef(PyDict_GetItemWithError(self->pending_tracked, label));
    if (value == NULL) return PyErr_Occurred() ? -1 : 0;
    int status = rp_track_restore(self->state, object, value);
    if (status == 0) status = PyDict_DelItem(self->pending_tracked, label);
    Py_DECREF(value);
    return status;
}

/* A name that the user gave stands for one object. */
static int check_name(rp_checkpoint *self, PyObject *object, PyObject *name) {
    PyObject *other = self->tracked == NULL ? NULL : PyDict_GetItemWithError(self->tracked, name);
    if (other == NULL) return PyErr_Occurred() ? -1 : 0;
    if (other == object) return 0;
    PyErr_Format(PyExc_ValueError,
                 "chp.track: another object is tracked as '%U', a '%.100s': give this one a name "
                 "of its own with name=",
                 name, Py_TYPE(other)->tp_name);
    return -1;
}

PyObject *rp_checkpoint_track(rp_checkpoint *self, PyObject *object, PyObject *name) {
    if (rp_track_check(self->state, object) < 0) return NULL;
    if (name != NULL && check_name(self, object, name) < 0) return NULL;
    PyObject *label = name != NULL ? Py_NewRef(name) : label_of(self, object);
    int status = label == NULL ? -1 : 0;
    if (status == 0 && self->tracked == NULL && (self->tracked = PyDict_New()) == NULL) status = -1;
    if (status == 0) status = PyDict_SetItem(self->tracked, label, object);
    if (status == 0) status = take_pending(self, label, object);
    Py_XDECREF(label);
    return status < 0 ? NULL : Py_NewRef(object);
}
