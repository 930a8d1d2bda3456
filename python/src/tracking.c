/* Which objects are saved and restored in place, and under which labels. */
#include "tracking.h"

#include "locals.h"
#include "notice.h"
#include "parts.h"
#include "places.h"
#include "section.h"
#include "track.h"

/* Of a larger state no copy is kept while another one is put in its place. */
#define RP_UNDO_SIZE_MAX (1u << 30)

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
static PyObject *known_label(const rp_checkpoint *self, PyObject *object) {
    PyObject *label, *value;
    for (Py_ssize_t at = 0;
         self->tracked != NULL && PyDict_Next(self->tracked, &at, &label, &value);)
        if (value == object) return label;
    return NULL;
}

bool rp_tracking_has(const rp_checkpoint *self, PyObject *object) {
    return known_label(self, object) != NULL;
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

/* ---- saving ---- */

static int find_places(rp_checkpoint *self, PyObject *locals) {
    Py_XSETREF(self->places, rp_places_find(self->state, locals, self->tracked));
    return self->places == NULL ? -1 : 0;
}

PyObject *rp_tracking_now(rp_checkpoint *self, PyObject *locals) {
    if (self->places == NULL && find_places(self, locals) < 0) return NULL;
    PyObject *now = rp_places_now(self->places, locals, self->tracked);
    if (now != NULL && self->tracked != NULL && PyDict_Update(now, self->tracked) < 0)
        Py_CLEAR(now);
    return now;
}

static bool is_explicit(rp_checkpoint *self, PyObject *label) {
    return self->tracked != NULL && PyDict_Contains(self->tracked, label) == 1;
}

/* What the user's code raised is no reason not to save the rest; memory and interrupts are. */
static int forgive(PyObject *problems, const char *label) {
    if (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyObject *exception = rp_exception_take();
    PyObject *text = PyUnicode_FromFormat("%s (%.100s): its state_dict() raised %R", label,
                                          Py_TYPE(exception)->tp_name, exception);
    int status = text == NULL ? -1 : problems == NULL ? 0 : PyList_Append(problems, text);
    Py_XDECREF(text);
    Py_XDECREF(exception);
    return status;
}

static int put_label(rs_buffer *buffer, PyObject *label) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(label, &size);
    if (text != NULL) rs_cbor_put_text(buffer, text, (size_t)size);
    return text == NULL ? -1 : 0;
}

static int put_place(rp_checkpoint *self, PyObject *label, PyObject *object, rp_encoder *encoder) {
    rs_buffer *buffer = rp_encoder_buffer(encoder);
    PyObject *parts = rp_parts_of(object), *path, *part;
    if (parts == NULL && (forgive(NULL, "") < 0 || (parts = PyDict_New()) == NULL)) return -1;
    int status = put_label(buffer, label);
    rs_cbor_put_head(buffer, RS_CBOR_ARRAY, 3);
    rs_cbor_put_simple(buffer, is_explicit(self, label) ? RS_CBOR_TRUE : RS_CBOR_FALSE);
    if (status == 0) status = rp_encoder_put_anchor(encoder, object);
    rs_cbor_put_head(buffer, RS_CBOR_MAP, (uint64_t)PyDict_GET_SIZE(parts));
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(parts, &at, &path, &part);) {
        status = put_label(buffer, path);
        if (status == 0) status = rp_encoder_put_anchor(encoder, part);
    }
    Py_DECREF(parts);
    return status;
}

int rp_tracking_put_places(rp_checkpoint *self, PyObject *objects, rp_encoder *encoder) {
    PyObject *label, *object;
    uint64_t count = 0;
    for (Py_ssize_t at = 0; PyDict_Next(objects, &at, &label, &object);)
        count += !rp_track_is_container(object);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_MAP, count);
    int status = 0;
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(objects, &at, &label, &object);)
        if (!rp_track_is_container(object)) status = put_place(self, label, object, encoder);
    return status;
}

int rp_tracking_put(rp_checkpoint *self, PyObject *objects, rp_encoder *encoder,
                    PyObject *problems) {
    rs_buffer *buffer = rp_encoder_buffer(encoder);
    PyObject *label, *object;
    int status = 0;
    rs_cbor_put_head(buffer, RS_CBOR_MAP, (uint64_t)PyDict_GET_SIZE(objects));
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(objects, &at, &label, &object);) {
        const char *text = PyUnicode_AsUTF8(label);
        status = put_label(buffer, label);
        if (status == 0) status = rp_track_put(self->state, object, text, encoder, problems);
        if (status < 0 && !is_explicit(self, label) && forgive(problems, text) == 0)
            status = rp_track_put_failed(encoder);
    }
    return status;
}

/* ---- restoring ---- */

PyObject *rp_tracking_find(rp_checkpoint *self, PyObject *locals) {
    PyObject *objects = NULL, *path, *entry;
    if (find_places(self, locals) < 0) return NULL;
    objects = PyDict_New();
    for (Py_ssize_t at = 0; objects != NULL && PyDict_Next(self->places, &at, &path, &entry);)
        if (PyDict_SetItem(objects, path, PyTuple_GET_ITEM(entry, 0)) < 0) Py_CLEAR(objects);
    if (objects != NULL && self->tracked != NULL && PyDict_Update(objects, self->tracked) < 0)
        Py_CLEAR(objects);
    return objects;
}

void rp_undo_release(rp_undo_list *undo) {
    Py_CLEAR(undo->entries);
}

void rp_undo(rp_checkpoint *self, rp_undo_list *undo) {
    PyObject *exception = rp_exception_take();
    Py_ssize_t count = undo->entries == NULL ? 0 : PyList_GET_SIZE(undo->entries);
    for (Py_ssize_t i = count - 1; i >= 0; i--) {
        PyObject *entry = PyList_GET_ITEM(undo->entries, i), *before = PyTuple_GET_ITEM(entry, 1);
        if (before != Py_None &&
            rp_track_restore(self->state, PyTuple_GET_ITEM(entry, 0), before) < 0)
            PyErr_Clear(); /* the first failure is the one to be told */
    }
    Py_CLEAR(undo->entries);
    rp_exception_put(exception);
}

/* A copy of a very large state would be the last straw. */
static bool is_too_large(PyObject *object) {
    PyObject *parts = rp_parts_of(object), *path, *part;
    unsigned long long sum = 0;
    for (Py_ssize_t at = 0; parts != NULL && PyDict_Next(parts, &at, &path, &part);) {
        PyObject *size = PyObject_GetAttrString(part, "nbytes");
        if (size != NULL && PyLong_Check(size)) sum += PyLong_AsUnsignedLongLongMask(size);
        Py_XDECREF(size);
        PyErr_Clear();
    }
    Py_XDECREF(parts);
    PyErr_Clear();
    return sum > RP_UNDO_SIZE_MAX;
}

static int back_up(rp_checkpoint *self, PyObject *object, rp_undo_list *undo) {
    PyObject *before =
        is_too_large(object) ? Py_NewRef(Py_None) : rp_track_backup(self->state, object);
    if (before == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_Exception)) return -1;
        PyErr_Clear(); /* what can't be copied can't be put back */
        before = Py_NewRef(Py_None);
    }
    PyObject *entry = PyTuple_Pack(2, object, before);
    int status = entry == NULL ? -1 : PyList_Append(undo->entries, entry);
    Py_XDECREF(entry);
    Py_DECREF(before);
    return status;
}

/* The variable keeps what the program gave it. */
static bool keeps(rp_checkpoint *self, PyObject *label, PyObject *kept) {
    PyObject *entry = PyDict_GetItemWithError(self->places, label);
    if (entry == NULL || is_explicit(self, label)) return false;
    PyObject *root = rp_places_root(PyTuple_GET_ITEM(entry, 1));
    if (is_explicit(self, root)) { /* an attribute of what is tracked */
        Py_DECREF(root);
        return false;
    }
    bool stays = (kept != NULL && PySet_Contains(kept, root) == 1) ||
                 rp_locals_is_unwanted(self, root) ||
                 (!self->going_on && rp_locals_is_argument(self, root));
    Py_DECREF(root);
    return stays;
}

int rp_tracking_restore(rp_checkpoint *self, PyObject *objects, PyObject *tracked, PyObject *kept,
                        rp_undo_list *undo) {
    PyObject *label, *value, *pending = PyDict_New();
    int status = pending == NULL || (undo->entries = PyList_New(0)) == NULL ? -1 : 0;
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(tracked, &at, &label, &value);) {
        PyObject *object = PyDict_GetItemWithError(objects, label);
        if (object == NULL)
            status = PyErr_Occurred() ? -1 : PyDict_SetItem(pending, label, value);
        else if (!keeps(self, label, kept))
            status = back_up(self, object, undo);
    }
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(tracked, &at, &label, &value);) {
        PyObject *object = PyDict_GetItemWithError(objects, label);
        if (object != NULL && !keeps(self, label, kept))
            status = rp_track_restore(self->state, object, value);
    }
    if (status == 0) Py_XSETREF(self->pending_tracked, Py_NewRef(pending));
    if (status < 0) rp_undo(self, undo);
    Py_XDECREF(pending);
    return status;
}
