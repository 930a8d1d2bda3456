/* Variables that keep their fresh value and, in it, the fresh value of another one. */
#include "stale.h"

#include "notice.h"
#include "track.h"

#include <string.h>

enum { VISITS_MAX = 20000, ITEMS_MAX = 1000 };

typedef struct search {
    PyObject *replaced; /* dict address -> name: what is another object afterwards */
    PyObject *own;      /* set of addresses: cells and tracked objects that get the new values */
    PyObject *queue;    /* list of (path, object) */
    PyObject *seen;     /* set of addresses */
} search;

/* An object that somebody can change through one of two names, and miss it through the other. */
static bool can_change(PyObject *value) {
    if (PyList_CheckExact(value) || PyDict_CheckExact(value) || PyAnySet_Check(value) ||
        PyByteArray_CheckExact(value))
        return !PyFrozenSet_CheckExact(value);
    if (PyType_Check(value) || PyFunction_Check(value) || PyModule_Check(value)) return false;
    if (!(Py_TYPE(value)->tp_flags & Py_TPFLAGS_HEAPTYPE)) return false;
    PyObject *dictionary = PyObject_GenericGetDict(value, NULL);
    PyErr_Clear();
    Py_XDECREF(dictionary);
    return dictionary != NULL;
}

/* Of the same content, as far as that can be compared. */
static int is_equal(rp_module_state *state, PyObject *a, PyObject *b) {
    uint8_t first[RP_DIGEST_SIZE], second[RP_DIGEST_SIZE];
    int status = rp_digest(state, a, first);
    if (status == 0) status = rp_digest(state, b, second);
    return status < 0 ? -1 : status == 0 && memcmp(first, second, sizeof first) == 0;
}

static int note_replaced(rp_module_state *state, PyObject *replaced, PyObject *before,
                         PyObject *after) {
    PyObject *name, *value;
    for (Py_ssize_t at = 0; PyDict_Next(before, &at, &name, &value);) {
        PyObject *now = PyDict_GetItemWithError(after, name);
        if (now == NULL || now == value || !can_change(value)) continue;
        int equal = is_equal(state, value, now);
        if (equal < 0) return -1;
        if (equal) continue;
        PyObject *address = PyLong_FromVoidPtr(value);
        int status = address == NULL ? -1 : PyDict_SetItem(replaced, address, name);
        Py_XDECREF(address);
        if (status < 0) return -1;
    }
    return 0;
}

static int is_own(const search *this, PyObject *object) {
    PyObject *address = PyLong_FromVoidPtr(object);
    int own = address == NULL ? -1 : PySet_Contains(this->own, address);
    Py_XDECREF(address);
    return own;
}

/* Looks at what `path` (stolen) leads to. *found (new reference): the variable that it was. */
static int enter(search *this, PyObject *path, PyObject *object, PyObject **found) {
    PyObject *address = PyLong_FromVoidPtr(object), *entry = NULL;
    int status = path == NULL || address == NULL ? -1 : 0, known = 0;
    PyObject *name = status == 0 ? PyDict_GetItemWithError(this->replaced, address) : NULL;
    if (name != NULL && *found == NULL) *found = PyTuple_Pack(2, path, name);
    if (status == 0) known = PySet_Contains(this->seen, address);
    if (known == 0 && status == 0) known = PySet_Contains(this->own, address);
    if (known == 0 && status == 0) {
        status = PySet_Add(this->seen, address);
        entry = status == 0 ? PyTuple_Pack(2, path, object) : NULL;
        status = entry == NULL ? -1 : PyList_Append(this->queue, entry);
    }
    Py_XDECREF(entry);
    Py_XDECREF(address);
    Py_XDECREF(path);
    return status < 0 || known < 0 ? -1 : 0;
}

static int enter_dict(search *this, PyObject *path, PyObject *dict, const char *format,
                      PyObject **found) {
    PyObject *key, *value;
    if (PyDict_GET_SIZE(dict) > ITEMS_MAX) return 0;
    for (Py_ssize_t at = 0; PyDict_Next(dict, &at, &key, &value);) {
        if (!PyUnicode_CheckExact(key) && !PyLong_CheckExact(key)) continue;
        if (enter(this, PyUnicode_FromFormat(format, path, key), value, found) < 0) return -1;
    }
    return 0;
}

/* What a function closes over and its defaults; its module is not looked through. */
static int enter_function(search *this, PyObject *path, PyObject *function, PyObject **found) {
    PyObject *closure = PyFunction_GET_CLOSURE(function);
    PyObject *defaults = PyFunction_GET_DEFAULTS(function);
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && closure != NULL && i < PyTuple_GET_SIZE(closure); i++) {
        PyObject *value = PyCell_GET(PyTuple_GET_ITEM(closure, i));
        int own = is_own(this, PyTuple_GET_ITEM(closure, i));
        if (own < 0) return -1;
        if (!own && value != NULL)
            status = enter(this, PyUnicode_FromFormat("a variable of %U", path), value, found);
    }
    for (Py_ssize_t i = 0; status == 0 && defaults != NULL && i < PyTuple_GET_SIZE(defaults); i++)
        status = enter(this, PyUnicode_FromFormat("a default of %U", path),
                       PyTuple_GET_ITEM(defaults, i), found);
    return status;
}

static int look_into(search *this, PyObject *path, PyObject *object, PyObject **found) {
    if (PyType_Check(object) || PyModule_Check(object) || !PyObject_IS_GC(object)) return 0;
    if (PyFunction_Check(object)) return enter_function(this, path, object, found);
    if (PyMethod_Check(object))
        return enter(this, Py_NewRef(path), PyMethod_GET_SELF(object), found);
    if (PyDict_CheckExact(object)) return enter_dict(this, path, object, "%U[%R]", found);
    if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) {
        Py_ssize_t count = PySequence_Fast_GET_SIZE(object);
        for (Py_ssize_t i = 0; i < count && count <= ITEMS_MAX; i++)
            if (enter(this, PyUnicode_FromFormat("%U[%zd]", path, i),
                      PySequence_Fast_GET_ITEM(object, i), found) < 0)
                return -1;
        return 0;
    }
    if (!(Py_TYPE(object)->tp_flags & Py_TPFLAGS_HEAPTYPE)) return 0;
    PyObject *attributes = rp_track_attributes(object);
    if (attributes == NULL) return -1;
    int status = enter_dict(this, path, attributes, "%U.%S", found);
    Py_DECREF(attributes);
    return status;
}

/* *found: (path, name), new reference; NULL: `object` leads to nothing that is replaced. */
static int search_from(search *this, PyObject *name, PyObject *object, PyObject **found) {
    *found = NULL;
    this->queue = PyList_New(0);
    this->seen = PySet_New(NULL);
    int status = this->queue == NULL || this->seen == NULL ? -1 : 0;
    PyObject *first = status == 0 ? PyTuple_Pack(2, name, object) : NULL;
    if (first == NULL || PyList_Append(this->queue, first) < 0) status = -1;
    Py_XDECREF(first);
    for (Py_ssize_t i = 0;
         status == 0 && *found == NULL && i < PyList_GET_SIZE(this->queue) && i < VISITS_MAX; i++) {
        PyObject *entry = PyList_GET_ITEM(this->queue, i);
        status = look_into(this, PyTuple_GET_ITEM(entry, 0), PyTuple_GET_ITEM(entry, 1), found);
    }
    Py_CLEAR(this->queue);
    Py_CLEAR(this->seen);
    return status;
}

static int tell(rp_checkpoint *self, PyObject *name, PyObject *found) {
    PyObject *other = PyTuple_GET_ITEM(found, 1);
    return rp_warn(
        self->state,
        "checkpoint '%U': '%U' stays as the program made it, and it holds the '%U' that "
        "the program made (%U): after restore() the variable '%U' is another object; make "
        "'%U' after restore(), or have '%U' restored in place with chp.track(%U)",
        self->caller.name, name, other, PyTuple_GET_ITEM(found, 0), other, name, other, other);
}

static int add_address(PyObject *set, PyObject *object) {
    PyObject *address = PyLong_FromVoidPtr(object);
    int status = address == NULL ? -1 : PySet_Add(set, address);
    Py_XDECREF(address);
    return status;
}

/* What is filled with restored values: cells of the frame; tracked containers and attributes. */
static PyObject *own_of(rp_checkpoint *self, PyObject *cells) {
    PyObject *set = PySet_New(NULL), *name, *object;
    int status = set == NULL ? -1 : 0;
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(cells, &at, &name, &object);)
        status = add_address(set, object);
    for (Py_ssize_t at = 0;
         status == 0 && self->tracked != NULL && PyDict_Next(self->tracked, &at, &name, &object);) {
        int placed = rp_track_is_placed(self->state, object);
        if (placed <= 0) status = placed < 0 ? -1 : add_address(set, object);
    }
    if (status < 0) Py_CLEAR(set);
    return set;
}

int rp_stale_tell(rp_checkpoint *self, PyObject *kept, PyObject *cells, PyObject *before,
                  PyObject *after) {
    search this = {.replaced = PyDict_New(), .own = own_of(self, cells)};
    PyObject *name, *object, *found = NULL;
    int status = this.replaced == NULL || this.own == NULL ? -1 : 0;
    if (status == 0) status = note_replaced(self->state, this.replaced, before, after);
    bool any = status == 0 && PyDict_GET_SIZE(this.replaced) > 0;
    for (Py_ssize_t at = 0; status == 0 && any && PyDict_Next(kept, &at, &name, &object);) {
        if (PyObject_TypeCheck(object, self->state->checkpoint_type)) continue;
        int own = is_own(&this, object);
        if (own != 0) {
            status = own < 0 ? -1 : 0;
            continue;
        }
        status = search_from(&this, name, object, &found);
        if (status == 0 && found != NULL) status = tell(self, name, found);
        Py_CLEAR(found);
    }
    Py_XDECREF(this.replaced);
    Py_XDECREF(this.own);
    return status;
}
