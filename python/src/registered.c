/* resume.register(): how objects of a class are saved, loaded, and entered again; moved classes. */
#include "registered.h"

#include "lookup.h"
#include "notice.h"

/* An entry is a tuple (class, save, load, name); None where a function was not given. */
enum { ENTRY_CLASS, ENTRY_SAVE, ENTRY_LOAD, ENTRY_NAME };

static PyObject *part(PyObject *entry, Py_ssize_t index) {
    PyObject *value = PyTuple_GET_ITEM(entry, index);
    return value == Py_None ? NULL : value;
}

/* Types whose instances are data in every file; a subclass of one is a class like any other. */
static bool is_stored_as_data(PyObject *type) {
    PyTypeObject *const types[] = {
        &PyLong_Type,      &PyBool_Type,  &PyFloat_Type,     &PyComplex_Type,
        &PyUnicode_Type,   &PyBytes_Type, &PyList_Type,      &PyTuple_Type,
        &PyDict_Type,      &PySet_Type,   &PyRange_Type,     &PySlice_Type,
        &PyFrozenSet_Type, &PyType_Type,  &PyByteArray_Type, Py_TYPE(Py_None)};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (type == (PyObject *)types[i]) return true;
    return false;
}

static int check_function(PyObject *function, const char *what) {
    if (function == Py_None || PyCallable_Check(function)) return 0;
    PyErr_Format(PyExc_TypeError, "register(): %s is a function, not %.100s", what,
                 Py_TYPE(function)->tp_name);
    return -1;
}

static int check(PyObject *class, PyObject *save, PyObject *load, PyObject *old_name,
                 PyObject *enter) {
    bool functions = save != Py_None || load != Py_None;
    bool of_function = old_name != Py_None || enter != Py_None;
    if (!PyType_Check(class) && (functions || !PyCallable_Check(class) || !of_function)) {
        PyErr_Format(PyExc_TypeError, "register() takes a class, not %.100s",
                     Py_TYPE(class)->tp_name);
        return -1;
    }
    if (functions && is_stored_as_data(class)) {
        PyErr_Format(PyExc_TypeError,
                     "register(): objects of %.100s are stored as the data that they are: register "
                     "a subclass of it",
                     ((PyTypeObject *)class)->tp_name);
        return -1;
    }
    if (check_function(save, "save") < 0 || check_function(load, "load") < 0) return -1;
    return check_function(enter, "enter");
}

/* `old_name`: a str, or several in a list or tuple. */
static int add_old_name(rp_module_state *state, PyObject *class, PyObject *entry,
                        PyObject *old_name) {
    if (PyUnicode_Check(old_name)) {
        if (PyUnicode_FindChar(old_name, '.', 0, PyUnicode_GET_LENGTH(old_name), 1) <= 0) {
            PyErr_Format(PyExc_ValueError,
                         "register(): old_name is \"module.Class\", as the error or 'resume show' "
                         "tells it, not %R",
                         old_name);
            return -1;
        }
        if (entry && PyDict_SetItem(state->registered_names, old_name, entry) < 0) return -1;
        return PyDict_SetItem(state->moved, old_name, class);
    }
    if (!PyList_Check(old_name) && !PyTuple_Check(old_name)) {
        PyErr_SetString(PyExc_TypeError, "register(): old_name is a str, or a list of them");
        return -1;
    }
    PyObject *names = PySequence_Tuple(old_name);
    int status = names ? 0 : -1;
    for (Py_ssize_t i = 0; !status && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (PyUnicode_Check(name)) {
            status = add_old_name(state, class, entry, name);
        } else {
            PyErr_SetString(PyExc_TypeError, "register(): old_name is a str, or a list of them");
            status = -1;
        }
    }
    Py_XDECREF(names);
    return status;
}

/* As if nobody had registered it. */
static int forget(rp_module_state *state, PyObject *class) {
    PyObject *entry = PyDict_GetItemWithError(state->registered, class); /* borrowed */
    if (!entry) return PyErr_Occurred() ? -1 : 0;
    PyObject *name = Py_NewRef(PyTuple_GET_ITEM(entry, ENTRY_NAME));
    int status = PyDict_DelItem(state->registered, class);
    if (!status && PyDict_Contains(state->registered_names, name) == 1)
        status = PyDict_DelItem(state->registered_names, name);
    Py_DECREF(name);
    return status;
}

static PyObject *new_entry(PyObject *class, PyObject *save, PyObject *load) {
    PyObject *name = rp_full_name(class);
    PyObject *entry = name ? PyTuple_Pack(4, class, save, load, name) : NULL;
    Py_XDECREF(name);
    return entry;
}

/* What does again what `with` did: _surroundings.py. */
static int set_enter(PyObject *class, PyObject *enter) {
    PyObject *module = PyImport_ImportModule("resume._surroundings");
    PyObject *done = module ? PyObject_CallMethod(module, "register", "OO", class, enter) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(module);
    return done ? 0 : -1;
}

PyObject *rp_register(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"cls", "save", "load", "old_name", "enter", NULL};
    rp_module_state *state = rp_state_of_module(module);
    PyObject *class, *save = Py_None, *load = Py_None, *old_name = Py_None, *entry = NULL,
                     *enter = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OO$OO:register", keywords, &class, &save,
                                     &load, &old_name, &enter))
        return NULL;
    if (check(class, save, load, old_name, enter) < 0) return NULL;
    int status = PyType_Check(class) && old_name == Py_None ? forget(state, class) : 0;
    if (status == 0 && (save != Py_None || load != Py_None)) {
        entry = new_entry(class, save, load);
        if (!entry || PyDict_SetItem(state->registered, class, entry) < 0 ||
            PyDict_SetItem(state->registered_names, PyTuple_GET_ITEM(entry, ENTRY_NAME), entry) < 0)
            status = -1;
    }
    if (!status && old_name != Py_None) status = add_old_name(state, class, entry, old_name);
    bool replaces = PyType_Check(class) && old_name == Py_None;
    if (!status && (replaces || enter != Py_None)) status = set_enter(class, enter);
    Py_XDECREF(entry);
    return status < 0 ? NULL : Py_NewRef(class);
}

/* ---- saving ---- */

int rp_registered_has(const rp_module_state *state, PyTypeObject *type) {
    if (PyDict_GET_SIZE(state->registered) == 0) return 0;
    return PyDict_Contains(state->registered, (PyObject *)type);
}

PyObject *rp_registered_reduce(const rp_module_state *state, PyObject *object, PyObject *newobj) {
    PyObject *type = (PyObject *)Py_TYPE(object), *content = NULL, *result = NULL;
    PyObject *entry = Py_XNewRef(PyDict_GetItemWithError(state->registered, type));
    if (!entry) return NULL;
    PyObject *save = part(entry, ENTRY_SAVE), *name = PyTuple_GET_ITEM(entry, ENTRY_NAME);
    if (save && !(content = PyObject_CallOneArg(save, object))) goto done;
    if (!part(entry, ENTRY_LOAD))
        result = Py_BuildValue("O(O)O", newobj, type, content);
    else if (content)
        result = Py_BuildValue("O(OO)", state->registered_maker, name, content);
    else
        result = Py_BuildValue("O(O)", state->registered_maker, name);
done:
    Py_XDECREF(content);
    Py_DECREF(entry);
    return result;
}

/* ---- loading ---- */

/* A function for reconnecting may take the state or not, where there is none. */
static bool takes_nothing(PyObject *function) {
    PyObject *inspect = PyImport_ImportModule("inspect"), *bound = NULL;
    PyObject *signature =
        inspect ? PyObject_CallMethod(inspect, "signature", "(O)", function) : NULL;
    bool unknown = signature == NULL;
    if (signature) bound = PyObject_CallMethod(signature, "bind", NULL);
    PyErr_Clear();
    Py_XDECREF(bound);
    Py_XDECREF(signature);
    Py_XDECREF(inspect);
    return unknown || bound != NULL;
}

PyObject *rp_registered_make(PyObject *module, PyObject *args) {
    rp_module_state *state = rp_state_of_module(module);
    PyObject *name, *content = NULL, *object = NULL;
    if (!PyArg_ParseTuple(args, "U|O:_registered", &name, &content)) return NULL;
    PyObject *entry = Py_XNewRef(PyDict_GetItemWithError(state->registered_names, name));
    PyObject *load = entry ? part(entry, ENTRY_LOAD) : NULL;
    if (load && !content && takes_nothing(load))
        object = PyObject_CallNoArgs(load);
    else if (load)
        object = PyObject_CallOneArg(load, content ? content : Py_None);
    else if (!PyErr_Occurred())
        rp_raise_text(state->code_changed, RESUME_MISUSE,
                      "objects of '%U' were saved by a function given to resume.register(): call "
                      "resume.register(%U, load=...) before restore()",
                      name, name);
    Py_XDECREF(entry);
    return object;
}

int rp_registered_moved(const rp_module_state *state, PyObject *name, PyObject **object) {
    *object = Py_XNewRef(PyDict_GetItemWithError(state->moved, name));
    return *object ? 1 : PyErr_Occurred() ? -1 : 0;
}
