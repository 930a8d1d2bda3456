/* Objects that are restored in place without being tracked: the walk that finds them. */
#include "places.h"

/* Placeholders are few; a large structure holds data. */
enum { VISITS_MAX = 20000, ITEMS_MAX = 1000 };

/* One way from an object into another. */
typedef enum step_kind { STEP_ITEM, STEP_ATTRIBUTE } step_kind;

typedef struct walk {
    rp_module_state *state;
    PyObject *queue;   /* list of (path, steps, object) */
    PyObject *visited; /* set of addresses */
    PyObject *places;  /* dict path -> (object, steps) */
    PyObject *roots;   /* borrowed or NULL */
} walk;

static bool is_leaf(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    return object == Py_None || type == &PyBool_Type || type == &PyLong_Type ||
           type == &PyFloat_Type || type == &PyUnicode_Type || type == &PyBytes_Type ||
           type == &PyByteArray_Type || PyType_Check(object) || PyFunction_Check(object) ||
           PyCFunction_Check(object) || PyModule_Check(object);
}

static bool is_root(const walk *this, PyObject *object) {
    PyObject *label, *value;
    for (Py_ssize_t at = 0; this->roots && PyDict_Next(this->roots, &at, &label, &value);)
        if (value == object) return true;
    return false;
}

/* 1: met for the first time. */
static int visit(walk *this, PyObject *object) {
    PyObject *address = PyLong_FromVoidPtr(object);
    int known = address ? PySet_Contains(this->visited, address) : -1;
    int status = known == 0 ? PySet_Add(this->visited, address) : known;
    Py_XDECREF(address);
    return status < 0 ? -1 : known == 0;
}

/* Takes `path` (stolen) for the object. */
static int enter(walk *this, PyObject *path, PyObject *steps, PyObject *object) {
    int status = path ? 0 : -1;
    if (status == 0 && !is_leaf(object)) status = visit(this, object);
    if (status > 0) {
        int placed = is_root(this, object) ? 0 : rp_track_is_placed(this->state, object);
        PyObject *entry = NULL;
        if (placed > 0) entry = PyTuple_Pack(2, object, steps);
        if (placed == 0) entry = PyTuple_Pack(3, path, steps, object);
        status = -1;
        if (entry && placed) status = PyDict_SetItem(this->places, path, entry);
        if (entry && !placed) status = PyList_Append(this->queue, entry);
        Py_XDECREF(entry);
    }
    Py_XDECREF(path);
    return status;
}

/* Enters what lies behind one step. `key` is the index, the key or the name. */
static int step(walk *this, PyObject *path, PyObject *steps, step_kind kind, PyObject *key,
                PyObject *object) {
    if (is_leaf(object)) return 0;
    PyObject *last = Py_BuildValue("((iO))", (int)kind, key), *all = NULL;
    if (last) all = PySequence_Concat(steps, last);
    int status = -1;
    if (all)
        status =
            enter(this, PyUnicode_FromFormat(kind == STEP_ITEM ? "%U[%R]" : "%U.%U", path, key),
                  all, object);
    Py_XDECREF(last);
    Py_XDECREF(all);
    return status;
}

static int look_into_sequence(walk *this, PyObject *path, PyObject *steps, PyObject *sequence) {
    int status = 0;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(sequence);
    for (Py_ssize_t i = 0; status == 0 && i < count && count <= ITEMS_MAX; i++) {
        PyObject *item = Py_NewRef(PySequence_Fast_GET_ITEM(sequence, i));
        PyObject *index = is_leaf(item) ? NULL : PyLong_FromSsize_t(i);
        if (index) status = step(this, path, steps, STEP_ITEM, index, item);
        Py_XDECREF(index);
        Py_DECREF(item);
    }
    return PyErr_Occurred() ? -1 : status;
}

static int look_into_dict(walk *this, PyObject *path, PyObject *steps, PyObject *dict,
                          step_kind kind) {
    PyObject *key, *value;
    int status = 0;
    if (PyDict_GET_SIZE(dict) > ITEMS_MAX) return 0;
    for (Py_ssize_t at = 0; status == 0 && PyDict_Next(dict, &at, &key, &value);)
        if (PyUnicode_CheckExact(key) || (kind == STEP_ITEM && PyLong_CheckExact(key)))
            status = step(this, path, steps, kind, key, value);
    return status;
}

static int look_into(walk *this, PyObject *path, PyObject *steps, PyObject *object) {
    if (PyList_CheckExact(object) || PyTuple_CheckExact(object))
        return look_into_sequence(this, path, steps, object);
    if (PyDict_CheckExact(object)) return look_into_dict(this, path, steps, object, STEP_ITEM);
    if (!(Py_TYPE(object)->tp_flags & Py_TPFLAGS_HEAPTYPE)) return 0;
    PyObject *attributes = rp_track_attributes(object);
    int status = attributes ? look_into_dict(this, path, steps, attributes, STEP_ATTRIBUTE) : -1;
    Py_XDECREF(attributes);
    return status;
}

static int enter_all(walk *this, PyObject *variables) {
    PyObject *name, *value;
    int status = 0;
    for (Py_ssize_t at = 0;
         status == 0 && variables && PyDict_Next(variables, &at, &name, &value);) {
        PyObject *steps = PyUnicode_CheckExact(name) ? PyTuple_Pack(1, name) : NULL;
        if (steps) status = enter(this, Py_NewRef(name), steps, value);
        Py_XDECREF(steps);
        if (PyErr_Occurred()) status = -1;
    }
    return status;
}

PyObject *rp_places_find(rp_module_state *state, PyObject *variables, PyObject *roots) {
    walk this = {state, PyList_New(0), PySet_New(NULL), PyDict_New(), roots};
    int status = this.queue && this.visited && this.places ? 0 : -1;
    if (status == 0) status = enter_all(&this, roots);
    if (status == 0) status = enter_all(&this, variables);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(this.queue) && i < VISITS_MAX; i++) {
        PyObject *entry = PyList_GET_ITEM(this.queue, i);
        status = look_into(&this, PyTuple_GET_ITEM(entry, 0), PyTuple_GET_ITEM(entry, 1),
                           PyTuple_GET_ITEM(entry, 2));
    }
    Py_XDECREF(this.queue);
    Py_XDECREF(this.visited);
    if (status < 0) Py_CLEAR(this.places);
    return this.places;
}

/* What lies behind one step now, new reference; NULL: nothing, or an exception. */
static PyObject *take_step(PyObject *object, PyObject *step_taken) {
    PyObject *key = PyTuple_GET_ITEM(step_taken, 1), *found = NULL;
    if (PyLong_AsLong(PyTuple_GET_ITEM(step_taken, 0)) == STEP_ATTRIBUTE) {
        PyObject *attributes = rp_track_attributes(object);
        if (attributes) found = Py_XNewRef(PyDict_GetItemWithError(attributes, key));
        Py_XDECREF(attributes);
    } else if (PyDict_CheckExact(object)) {
        found = Py_XNewRef(PyDict_GetItemWithError(object, key));
    } else if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) {
        Py_ssize_t index = PyLong_AsSsize_t(key);
        if (index < PySequence_Fast_GET_SIZE(object))
            found = Py_NewRef(PySequence_Fast_GET_ITEM(object, index));
    }
    return found;
}

static PyObject *follow(PyObject *steps, PyObject *variables, PyObject *roots) {
    PyObject *name = PyTuple_GET_ITEM(steps, 0);
    PyObject *object = roots ? PyDict_GetItemWithError(roots, name) : NULL;
    if (!object) object = PyDict_GetItemWithError(variables, name);
    Py_XINCREF(object);
    for (Py_ssize_t i = 1; object && i < PyTuple_GET_SIZE(steps); i++)
        Py_SETREF(object, take_step(object, PyTuple_GET_ITEM(steps, i)));
    return object;
}

PyObject *rp_places_now(PyObject *places, PyObject *variables, PyObject *roots) {
    PyObject *now = PyDict_New(), *path, *entry;
    for (Py_ssize_t at = 0; now && PyDict_Next(places, &at, &path, &entry);) {
        PyObject *object = PyTuple_GET_ITEM(entry, 0);
        PyObject *there = follow(PyTuple_GET_ITEM(entry, 1), variables, roots);
        if (PyErr_Occurred() || (there == object && PyDict_SetItem(now, path, object) < 0))
            Py_CLEAR(now);
        Py_XDECREF(there);
    }
    return now;
}

PyObject *rp_places_root(PyObject *steps) {
    return Py_NewRef(PyTuple_GET_ITEM(steps, 0));
}
