/* The type of functions that resume.resumable decorates. */
#include "resumable.h"

#include "exact.h"

#include "os/process.h"

#include <structmember.h>

#include <stddef.h>

static PyObject *call(PyObject *callable, PyObject *const *args, size_t count_and_flags,
                      PyObject *names) {
    rp_resumable *self = (rp_resumable *)callable;
    if (rp_exact_is_inside(self->state) || rs_is_disabled())
        return PyObject_Vectorcall(self->function, args, count_and_flags, names);
    return rp_resumable_call(self, args, count_and_flags, names);
}

PyObject *rp_resumable_function(PyObject *callable) {
    bool is_ours = PyVectorcall_Function(callable) == call;
    return is_ours ? ((rp_resumable *)callable)->function : NULL;
}

/* ---- decorating ---- */

/* What functools.wraps copies. */
static int copy_names(PyObject *self, PyObject *function) {
    static const char *const names[] = {"__module__", "__name__",     "__qualname__",
                                        "__doc__",    "__annotate__", "__type_params__"};
    size_t count = sizeof names / sizeof names[0];
    for (size_t i = 0; i < count; i++) {
        PyObject *value = PyObject_GetAttrString(function, names[i]);
        if (value == NULL) {
            if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
            PyErr_Clear();
            continue;
        }
        int status = PyObject_SetAttrString(self, names[i], value);
        Py_DECREF(value);
        if (status < 0) return -1;
    }
    return PyObject_SetAttrString(self, "__wrapped__", function);
}

static int refuse_kind(PyObject *function) {
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    const char *kind = NULL;
    if (code->co_flags & CO_COROUTINE) kind = "a coroutine function";
    if (code->co_flags & CO_ASYNC_GENERATOR) kind = "an asynchronous generator";
    if (code->co_flags & CO_GENERATOR) kind = "a generator function";
    if (kind == NULL) return 0;
    bool is_generator = (code->co_flags & CO_GENERATOR) != 0;
    PyErr_Format(PyExc_TypeError, "resumable: '%U' is %s: %s",
                 ((PyFunctionObject *)function)->func_qualname, kind,
                 is_generator ? "decorate the function that iterates over it instead; save() and "
                                "sync() in the generator are kept with it"
                              : "an event loop, which is of this process alone, runs between its "
                                "statements; decorate a plain function that saves between two runs "
                                "of the loop (asyncio.run(one_step(...)))");
    return -1;
}

/* The options are released with the object. */
static PyObject *wrap(PyObject *module, PyObject *function, rp_resumable *options) {
    rp_module_state *state = rp_state_of_module(module);
    if (!PyFunction_Check(function)) {
        PyErr_Format(PyExc_TypeError,
                     "resumable takes a Python function, not %R (a %.100s): use it as a decorator, "
                     "@resumable or @resumable(rate=60)",
                     function, Py_TYPE(function)->tp_name);
        return NULL;
    }
    if (refuse_kind(function) < 0) return NULL;
    rp_resumable *self = (rp_resumable *)state->resumable_type->tp_alloc(state->resumable_type, 0);
    if (self == NULL) return NULL;
    self->module = Py_NewRef(module);
    self->state = state;
    self->vectorcall = call;
    self->function = Py_NewRef(function);
    rp_options_copy(&options->options, &self->options);
    self->key_function = Py_XNewRef(options->key_function);
    self->given = Py_XNewRef(options->given);
    self->cache = options->cache;
    self->signals = options->signals;
    PyObject *attributes = PyObject_GetAttrString(function, "__dict__");
    self->dict = attributes == NULL ? NULL : PyDict_Copy(attributes);
    Py_XDECREF(attributes);
    if (self->dict == NULL || copy_names((PyObject *)self, function) < 0) Py_CLEAR(self);
    return (PyObject *)self;
}

/* A method of its class: what is inside is decorated. */
static PyObject *wrap_any(PyObject *module, PyObject *function, rp_resumable *options) {
    PyTypeObject *type = Py_TYPE(function);
    if (type != &PyStaticMethod_Type && type != &PyClassMethod_Type)
        return wrap(module, function, options);
    PyObject *inner = PyObject_GetAttrString(function, "__func__");
    PyObject *wrapped = inner == NULL ? NULL : wrap(module, inner, options);
    PyObject *outer = wrapped == NULL ? NULL : PyObject_CallOneArg((PyObject *)type, wrapped);
    Py_XDECREF(wrapped);
    Py_XDECREF(inner);
    return outer;
}

/* Takes an option of ours out of `kwargs`: borrowed from *kept, which owns it. */
static int take(PyObject *kwargs, const char *name, PyObject **value) {
    *value = PyDict_GetItemString(kwargs, name);
    if (*value == NULL) return 0;
    Py_INCREF(*value);
    return PyDict_DelItemString(kwargs, name);
}

static int take_bool(PyObject *kwargs, const char *name, bool *flag) {
    PyObject *value;
    if (take(kwargs, name, &value) < 0) return -1;
    int truth = value == NULL ? 0 : PyObject_IsTrue(value);
    Py_XDECREF(value);
    *flag = truth > 0;
    return truth < 0 ? -1 : 0;
}

/* Options of Checkpoint() that mean nothing here. */
static int refuse_options(PyObject *kwargs) {
    static const char *const names[] = {"clean", "again", "skip", "only", "filename"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (PyDict_GetItemString(kwargs, names[i]) != NULL) {
            PyErr_Format(PyExc_TypeError, "resumable() has no option '%s'", names[i]);
            return -1;
        }
    return 0;
}

/* "error" unless told otherwise: a position in other code is no position. */
static int take_on_change(PyObject *kwargs, rp_on_change *on_change) {
    static const char *const texts[] = {"error", "fresh"};
    PyObject *value;
    int choice = 0;
    if (take(kwargs, "on_change", &value) < 0) return -1;
    int status = value == NULL ? 0 : rp_choice(value, "on_change", texts, 2, &choice);
    Py_XDECREF(value);
    *on_change = choice == 1 ? RP_CHANGE_FRESH : RP_CHANGE_ERROR;
    return status;
}

static int parse(PyObject *given, rp_resumable *parsed) {
    PyObject *kwargs = given == NULL ? PyDict_New() : PyDict_Copy(given);
    PyObject *nothing = PyTuple_New(0), *key;
    rp_on_change on_change = RP_CHANGE_ERROR;
    int status = -1;
    if (kwargs == NULL || nothing == NULL || refuse_options(kwargs) < 0) goto done;
    if (take_bool(kwargs, "cache", &parsed->cache) < 0 ||
        take_bool(kwargs, "signals", &parsed->signals) < 0 ||
        take_on_change(kwargs, &on_change) < 0)
        goto done;
    key = PyDict_GetItemString(kwargs, "key"); /* borrowed */
    if (key != NULL && PyCallable_Check(key) && take(kwargs, "key", &parsed->key_function) < 0)
        goto done;
    status = rp_options_parse(nothing, kwargs, &parsed->options);
    parsed->options.on_change = on_change;
    parsed->given = given == NULL ? NULL : PyDict_Copy(given);
done:
    Py_XDECREF(nothing);
    Py_XDECREF(kwargs);
    return status;
}

static void release_parsed(rp_resumable *parsed) {
    rp_options_release(&parsed->options);
    Py_CLEAR(parsed->key_function);
    Py_CLEAR(parsed->given);
}

/* ---- the decorator that resumable(rate=60) gives ---- */

typedef struct rp_decorator {
    rp_resumable parsed;
    PyObject *module;
} rp_decorator;

static void decorator_free(PyObject *capsule) {
    rp_decorator *decorator = PyCapsule_GetPointer(capsule, NULL);
    release_parsed(&decorator->parsed);
    Py_XDECREF(decorator->module);
    PyMem_Free(decorator);
}

static PyObject *decorate_with(PyObject *capsule, PyObject *function) {
    rp_decorator *decorator = PyCapsule_GetPointer(capsule, NULL);
    return decorator == NULL ? NULL : wrap_any(decorator->module, function, &decorator->parsed);
}

static PyMethodDef decorator_method = {"resumable", decorate_with, METH_O,
                                       "resumable($self, function, /)\n--\n\nDecorates it."};

static PyObject *new_decorator(PyObject *module, rp_resumable *parsed) {
    rp_decorator *decorator = PyMem_Calloc(1, sizeof *decorator);
    PyObject *capsule =
        decorator == NULL ? PyErr_NoMemory() : PyCapsule_New(decorator, NULL, decorator_free);
    if (capsule == NULL) {
        PyMem_Free(decorator);
        release_parsed(parsed);
        return NULL;
    }
    *decorator = (rp_decorator){*parsed, Py_NewRef(module)};
    PyObject *function = PyCFunction_New(&decorator_method, capsule);
    Py_DECREF(capsule);
    return function;
}

PyObject *rp_resumable_decorate(PyObject *module, PyObject *args, PyObject *kwargs) {
    rp_resumable parsed = {0};
    PyObject *function = Py_None;
    if (!PyArg_ParseTuple(args, "|O:resumable", &function)) return NULL;
    if (parse(kwargs, &parsed) < 0) {
        release_parsed(&parsed);
        return NULL;
    }
    if (function == Py_None) return new_decorator(module, &parsed);
    PyObject *result = wrap_any(module, function, &parsed);
    release_parsed(&parsed);
    return result;
}

PyObject *rp_resumable_again(PyObject *module, PyObject *args) {
    PyObject *function, *given, *result = NULL;
    if (!PyArg_ParseTuple(args, "OO:_resumable", &function, &given)) return NULL;
    PyObject *one = PyTuple_Pack(1, function);
    if (one != NULL)
        result = rp_resumable_decorate(module, one, PyDict_Check(given) ? given : NULL);
    Py_XDECREF(one);
    return result;
}

/* ---- the type ---- */

static int resumable_traverse(PyObject *object, visitproc visit, void *arg) {
    rp_resumable *self = (rp_resumable *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->module);
    Py_VISIT(self->function);
    Py_VISIT(self->dict);
    Py_VISIT(self->key_function);
    Py_VISIT(self->given);
    return 0;
}

static int resumable_clear(PyObject *object) {
    rp_resumable *self = (rp_resumable *)object;
    Py_CLEAR(self->dict);
    Py_CLEAR(self->key_function);
    Py_CLEAR(self->given);
    return 0; /* `function` stays: it may be called while the garbage is taken apart */
}

static void resumable_dealloc(PyObject *object) {
    rp_resumable *self = (rp_resumable *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    if (self->weak != NULL) PyObject_ClearWeakRefs(object);
    resumable_clear(object);
    rp_options_release(&self->options);
    Py_CLEAR(self->function);
    Py_CLEAR(self->module);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *resumable_get(PyObject *object, PyObject *instance, PyObject *type) {
    (void)type;
    if (instance == NULL || instance == Py_None) return Py_NewRef(object);
    return PyMethod_New(object, instance);
}

static PyObject *resumable_repr(PyObject *object) {
    return PyUnicode_FromFormat("<resumable %R>", ((rp_resumable *)object)->function);
}

/* By its name, as functions are; one that was made in a function, by its function. */
static PyObject *resumable_reduce(PyObject *object, PyObject *nothing) {
    (void)nothing;
    rp_resumable *self = (rp_resumable *)object;
    PyObject *name = PyObject_GetAttrString(object, "__qualname__");
    PyObject *inside = PyUnicode_FromString("<locals>");
    int is_local = name == NULL || inside == NULL ? -1 : PySequence_Contains(name, inside);
    Py_XDECREF(inside);
    if (is_local == 0) return name;
    Py_XDECREF(name);
    PyObject *again = is_local < 0 ? NULL : PyObject_GetAttrString(self->module, "_resumable");
    if (again == NULL) return NULL;
    return Py_BuildValue("(N(OO))", again, self->function, self->given ? self->given : Py_None);
}

static PyObject *resumable_copy(PyObject *object, PyObject *nothing) {
    (void)nothing;
    return Py_NewRef(object);
}

/* What tools look for in a function. */
static PyObject *from_function(PyObject *object, void *name) {
    return PyObject_GetAttrString(((rp_resumable *)object)->function, name);
}

static int set_annotations(PyObject *object, PyObject *value, void *nothing) {
    (void)nothing;
    return PyObject_SetAttrString(((rp_resumable *)object)->function, "__annotations__", value);
}

static PyMethodDef resumable_methods[] = {
    {"__reduce__", resumable_reduce, METH_NOARGS, "__reduce__($self, /)\n--\n\nBy its name."},
    {"__copy__", resumable_copy, METH_NOARGS, "__copy__($self, /)\n--\n\nThe object itself."},
    {"__deepcopy__", resumable_copy, METH_O, "__deepcopy__($self, memo, /)\n--\n\nThe same."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef resumable_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"__code__", from_function, NULL, "Of the function.", "__code__"},
    {"__defaults__", from_function, NULL, "Of the function.", "__defaults__"},
    {"__kwdefaults__", from_function, NULL, "Of the function.", "__kwdefaults__"},
    {"__globals__", from_function, NULL, "Of the function.", "__globals__"},
    /* not copied: where they are lazy, asking for them would be too early */
    {"__annotations__", from_function, set_annotations, "Of the function.", "__annotations__"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef resumable_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(rp_resumable, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(rp_resumable, weak), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(rp_resumable, vectorcall), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot resumable_slots[] = {
    {Py_tp_call, PyVectorcall_Call},    {Py_tp_descr_get, resumable_get},
    {Py_tp_repr, resumable_repr},       {Py_tp_traverse, resumable_traverse},
    {Py_tp_clear, resumable_clear},     {Py_tp_dealloc, resumable_dealloc},
    {Py_tp_methods, resumable_methods}, {Py_tp_getset, resumable_getset},
    {Py_tp_members, resumable_members}, {0, NULL},
};

PyType_Spec rp_resumable_spec = {
    .name = "resume._core.Resumable",
    .basicsize = sizeof(rp_resumable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = resumable_slots,
};
