/* chp.loop over a loader of batches. */
#include "loader.h"

#include "lookup.h"
#include "random_state.h"
#include "track.h"

#include <string.h>

void rp_loader_release(rp_loader *loader) {
    Py_CLEAR(loader->iterable);
    Py_CLEAR(loader->made);
    Py_CLEAR(loader->loaded);
    Py_CLEAR(loader->item);
}

int rp_loader_traverse(const rp_loader *loader, visitproc visit, void *arg) {
    Py_VISIT(loader->iterable);
    Py_VISIT(loader->made);
    Py_VISIT(loader->loaded);
    Py_VISIT(loader->item);
    return 0;
}

/* ---- which loaders */

static bool has(PyObject *object, const char *name) {
    return PyObject_HasAttrString((PyObject *)Py_TYPE(object), name);
}

static bool tells_state(PyObject *iterable) {
    return has(iterable, "state_dict") && has(iterable, "load_state_dict");
}

int rp_loader_check(PyObject *iterable) {
    PyObject *module = NULL, *type = NULL;
    if (tells_state(iterable)) return 1;
    int found = rp_module_find("torch.utils.data", &module);
    if (found <= 0) return found;
    type = PyObject_GetAttrString(module, "DataLoader");
    Py_DECREF(module);
    if (!type) { /* it is being imported */
        PyErr_Clear();
        return 0;
    }
    found = PyObject_IsInstance(iterable, type);
    Py_DECREF(type);
    return found;
}

/* ---- generators in a loader */

static bool is_named(PyObject *object, const char *const *names) {
    for (; *names; names++)
        if (strcmp(Py_TYPE(object)->tp_name, *names) == 0) return true;
    return false;
}

/* The state of a generator, new reference; NULL without an exception: it is none. */
static PyObject *state_of(PyObject *object) {
    static const char *const of_torch[] = {"torch._C.Generator", "Generator", NULL};
    static const char *const of_numpy[] = {"numpy.random._generator.Generator", NULL};
    static const char *const legacy[] = {"numpy.random.mtrand.RandomState", NULL};
    static const char *const of_python[] = {"Random", "random.Random", NULL};
    if (is_named(object, of_torch) && PyObject_HasAttrString(object, "get_state"))
        return rp_random_torch_state(object);
    if (is_named(object, legacy)) return PyObject_CallMethod(object, "get_state", "i", 0);
    if (is_named(object, of_python) && PyObject_HasAttrString(object, "getstate"))
        return PyObject_CallMethod(object, "getstate", NULL);
    if (!is_named(object, of_numpy)) return NULL;
    PyObject *bits = PyObject_GetAttrString(object, "bit_generator");
    PyObject *state = bits ? PyObject_GetAttrString(bits, "state") : NULL;
    Py_XDECREF(bits);
    return state;
}

static int set_state(PyObject *object, PyObject *state) {
    PyObject *done = NULL;
    if (PyBytes_Check(state)) return rp_random_torch_set_state(object, state);
    if (PyTuple_Check(state)) {
        done = PyObject_CallMethod(object, "setstate", "(O)", state);
    } else {
        int safe = rp_random_is_safe(state);
        if (safe == 0) PyErr_SetString(PyExc_ValueError, "a saved generator is damaged");
        if (safe <= 0) return -1;
        PyObject *bits = PyObject_GetAttrString(object, "bit_generator");
        if (bits) {
            int status = PyObject_SetAttrString(bits, "state", state);
            Py_DECREF(bits);
            return status;
        }
        PyErr_Clear();
        done = PyObject_CallMethod(object, "set_state", "(O)", state);
    }
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static bool is_leaf(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    return object == Py_None || type == &PyBool_Type || type == &PyLong_Type ||
           type == &PyFloat_Type || type == &PyUnicode_Type || type == &PyBytes_Type ||
           PyType_Check(object) || PyFunction_Check(object) || PyModule_Check(object);
}

/* Adds (path, object) for what lies in the object: attributes, items of small containers. */
static int look_into(PyObject *queue, PyObject *path, PyObject *object) {
    enum { ITEMS_MAX = 100 };
    PyObject *key, *value, *inside = NULL;
    int status = 0;
    if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) {
        Py_ssize_t count = PySequence_Fast_GET_SIZE(object);
        for (Py_ssize_t i = 0; status == 0 && i < count && count <= ITEMS_MAX; i++) {
            value = PySequence_Fast_GET_ITEM(object, i);
            if (is_leaf(value)) continue;
            PyObject *entry =
                Py_BuildValue("(NO)", PyUnicode_FromFormat("%U[%zd]", path, i), value);
            status = entry ? PyList_Append(queue, entry) : -1;
            Py_XDECREF(entry);
        }
        return status;
    }
    if (PyDict_CheckExact(object))
        inside = Py_NewRef(object);
    else if (Py_TYPE(object)->tp_flags & Py_TPFLAGS_HEAPTYPE)
        inside = rp_track_attributes(object);
    if (!inside) return PyErr_Occurred() ? -1 : 0;
    for (Py_ssize_t at = 0; status == 0 && PyDict_GET_SIZE(inside) <= ITEMS_MAX &&
                            PyDict_Next(inside, &at, &key, &value);) {
        if (is_leaf(value) || !PyUnicode_CheckExact(key)) continue;
        PyObject *entry = Py_BuildValue("(NO)", PyUnicode_FromFormat("%U.%U", path, key), value);
        status = entry ? PyList_Append(queue, entry) : -1;
        Py_XDECREF(entry);
    }
    Py_DECREF(inside);
    return status;
}

/* Runs over the generators in the loader: collects their states in `states` (path -> state), or,
 * with `set`, puts those of `states` back. 0 or -1. */
static int each_generator(PyObject *loader, PyObject *states, bool set) {
    enum { VISITS_MAX = 2000 };
    PyObject *queue = PyList_New(0), *seen = PySet_New(NULL);
    PyObject *first = Py_BuildValue("(sO)", "loader", loader);
    int status = queue && seen && first ? PyList_Append(queue, first) : -1;
    Py_XDECREF(first);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(queue) && i < VISITS_MAX; i++) {
        PyObject *path = PyTuple_GET_ITEM(PyList_GET_ITEM(queue, i), 0);
        PyObject *object = PyTuple_GET_ITEM(PyList_GET_ITEM(queue, i), 1);
        PyObject *address = PyLong_FromVoidPtr(object);
        int known = address ? PySet_Contains(seen, address) : -1;
        if (known == 0) known = PySet_Add(seen, address) < 0 ? -1 : 0;
        Py_XDECREF(address);
        if (known != 0) {
            status = known < 0 ? -1 : 0;
            continue;
        }
        PyObject *state = state_of(object);
        if (state && !set) {
            status = PyDict_SetItem(states, path, state);
        } else if (state) {
            PyObject *saved = PyDict_GetItemWithError(states, path);
            if (saved) status = set_state(object, saved);
        } else if (PyErr_Occurred()) {
            status = -1;
        } else {
            status = look_into(queue, path, object);
        }
        Py_XDECREF(state);
    }
    Py_XDECREF(queue);
    Py_XDECREF(seen);
    return status;
}

/* {"global": .., "own": {path: state}}, new reference. */
static PyObject *capture(rp_module_state *state, PyObject *loader) {
    PyObject *own = PyDict_New(), *all = own ? rp_random_capture(state) : NULL, *result = NULL;
    if (all && each_generator(loader, own, false) == 0)
        result = Py_BuildValue("{sOsO}", "global", all, "own", own);
    Py_XDECREF(own);
    Py_XDECREF(all);
    return result;
}

/* Puts them back; with `all` (may be NULL) instead of the global ones of `captured`. */
static int put_back(rp_module_state *state, PyObject *loader, PyObject *captured, PyObject *all) {
    PyObject *global = NULL, *own = NULL;
    int status = -1;
    if (!PyDict_Check(captured)) {
        PyErr_SetString(PyExc_ValueError, "the saved state of a loop is damaged");
        return -1;
    }
    if (rp_dict_find(captured, "global", &global) < 0 || rp_dict_find(captured, "own", &own) < 0)
        goto done;
    if (own && PyDict_Check(own) && each_generator(loader, own, true) < 0) goto done;
    status = all || global ? rp_random_restore(state, all ? all : global) : 0;
done:
    Py_XDECREF(global);
    Py_XDECREF(own);
    return status;
}

/* ---- skipping */

/* An iterator of torch in this process over a data set with items: its order alone is moved on,
 * nothing is fetched. 1: done. 0: it is none. -1: exception. */
static int skip_indices(PyObject *iterator, Py_ssize_t count) {
    const char *name = strrchr(Py_TYPE(iterator)->tp_name, '.');
    if (strcmp(name ? name + 1 : Py_TYPE(iterator)->tp_name, "_SingleProcessDataLoaderIter") != 0)
        return 0;
    PyObject *kind = PyObject_GetAttrString(iterator, "_dataset_kind");
    long number = kind ? PyLong_AsLong(kind) : -1; /* 0: with items */
    Py_XDECREF(kind);
    if (number != 0 || !PyObject_HasAttrString(iterator, "_next_index")) {
        PyErr_Clear();
        return 0;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *index = PyObject_CallMethod(iterator, "_next_index", NULL);
        if (!index && PyErr_ExceptionMatches(PyExc_StopIteration)) {
            PyErr_Clear();
            break;
        }
        Py_XDECREF(index);
        if (!index || PyErr_CheckSignals() < 0) return -1;
    }
    PyObject *yielded = PyLong_FromSsize_t(count);
    int status = yielded ? PyObject_SetAttrString(iterator, "_num_yielded", yielded) : -1;
    Py_XDECREF(yielded);
    return status < 0 ? -1 : 1;
}

static int skip_items(PyObject *iterator, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = Py_TYPE(iterator)->tp_iternext(iterator);
        if (!item && PyErr_ExceptionMatches(PyExc_StopIteration)) PyErr_Clear();
        if (!item) return PyErr_Occurred() ? -1 : 0;
        Py_DECREF(item);
    }
    return 0;
}

/* ---- the iterator */

static PyObject *begin_by_state(rp_loader *loader, PyObject *source) {
    PyObject *state = NULL, *done = NULL;
    if (source && rp_dict_find(source, "state", &state) < 0) return NULL;
    if (state && state != Py_None) {
        done = PyObject_CallMethod(loader->iterable, "load_state_dict", "(O)", state);
        if (!done) {
            Py_DECREF(state);
            return NULL;
        }
        loader->loaded = Py_NewRef(state); /* one that begins late would not know it yet */
    }
    Py_XDECREF(done);
    Py_XDECREF(state);
    return PyObject_GetIter(loader->iterable);
}

static PyObject *begin_again(rp_module_state *state, rp_loader *loader, PyObject *source,
                             Py_ssize_t position, PyObject *random) {
    PyObject *now = NULL, *iterator = NULL;
    int status = -1;
    if (rp_dict_find(source, "made", &loader->made) <= 0 ||
        rp_dict_find(source, "now", &now) <= 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "the saved state of a loop is damaged");
        goto done;
    }
    if (put_back(state, loader->iterable, loader->made, NULL) < 0) goto done;
    iterator = PyObject_GetIter(loader->iterable);
    if (!iterator) goto done;
    status = skip_indices(iterator, position + loader->is_held);
    if (status == 0) status = skip_items(iterator, position + loader->is_held);
    if (status >= 0) status = put_back(state, loader->iterable, now, random);
done:
    Py_XDECREF(now);
    if (status < 0) Py_CLEAR(iterator);
    return iterator;
}

PyObject *rp_loader_begin(rp_module_state *state, rp_loader *loader, PyObject *iterable,
                          PyObject *source, Py_ssize_t position, PyObject *random) {
    loader->iterable = Py_NewRef(iterable);
    loader->tells_state = tells_state(iterable);
    if (source && !PyDict_Check(source)) source = NULL;
    int held = source ? rp_dict_find(source, "item", &loader->item) : 0;
    if (held < 0) return NULL;
    loader->is_held = held > 0;
    if (loader->tells_state) return begin_by_state(loader, source);
    if (source) return begin_again(state, loader, source, position, random);
    loader->made = capture(state, iterable);
    return loader->made ? PyObject_GetIter(iterable) : NULL;
}

int rp_loader_keep(rp_loader *loader, PyObject *source) {
    loader->keeps = true;
    int held = source && PyDict_Check(source) ? rp_dict_find(source, "item", &loader->item) : 0;
    loader->is_held = held > 0;
    return held < 0 ? -1 : 0;
}

PyObject *rp_loader_next(rp_loader *loader, PyObject *iterator) {
    if (!loader->iterable && !loader->keeps) return Py_TYPE(iterator)->tp_iternext(iterator);
    if (loader->is_held) {
        loader->is_held = false;
        return Py_NewRef(loader->item);
    }
    Py_CLEAR(loader->loaded);
    Py_CLEAR(loader->item);
    PyObject *item = Py_TYPE(iterator)->tp_iternext(iterator);
    loader->item = Py_XNewRef(item);
    return item;
}

PyObject *rp_loader_source(rp_module_state *state, rp_loader *loader, bool again) {
    PyObject *now = NULL, *result = NULL;
    if (!loader->iterable)
        return again && loader->item ? Py_BuildValue("{sO}", "item", loader->item)
                                     : Py_NewRef(Py_None);
    if (loader->tells_state) {
        now = loader->loaded ? Py_NewRef(loader->loaded)
                             : PyObject_CallMethod(loader->iterable, "state_dict", NULL);
        if (now) result = Py_BuildValue("{sO}", "state", now);
    } else {
        now = capture(state, loader->iterable);
        if (now) result = Py_BuildValue("{sOsO}", "made", loader->made, "now", now);
    }
    if (result && again && loader->item && PyDict_SetItemString(result, "item", loader->item) < 0)
        Py_CLEAR(result);
    Py_XDECREF(now);
    return result;
}
