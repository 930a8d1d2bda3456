/* Objects of Python's own library that have no reduction, by a call that makes them anew: weak
 * references, locks, what is of a thread, views of memory and of dicts, compiled formats, matches,
 * searches in progress, readers and writers of csv. For exact states, in which they may stand in
 * the middle of a statement. */
#include "rebuilt.h"

#include "../encode.h"
#include "../lookup.h"
#include "../pycompat/scanner.h"
#include "../pycompat/weakref.h"

#include <structmember.h>

#include <string.h>

/* ---- what an object leads to ---- */

typedef struct wanted {
    bool (*is)(PyObject *object);
    PyObject *found; /* borrowed */
} wanted;

static int look(PyObject *object, void *context) {
    wanted *search = context;
    if (!search->found && search->is(object)) search->found = object;
    return 0;
}

/* The first such object that it refers to, borrowed; NULL. */
static PyObject *referred(PyObject *object, bool (*is)(PyObject *)) {
    wanted search = {.is = is};
    traverseproc traverse = Py_TYPE(object)->tp_traverse;
    if (traverse) traverse(object, look, &search);
    return search.found;
}

static bool is_type_name(PyObject *object, const char *name) {
    return strcmp(Py_TYPE(object)->tp_name, name) == 0;
}

/* What an imported module has under this name, new reference; NULL. */
static PyObject *imported(const char *module_name, const char *name) {
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *found = module ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return found;
}

/* (callable, arguments): takes both over. */
static PyObject *call_of(PyObject *callable, PyObject *arguments) {
    PyObject *call = callable && arguments ? PyTuple_Pack(2, callable, arguments) : NULL;
    Py_XDECREF(callable);
    Py_XDECREF(arguments);
    return call;
}

/* ---- weak references ---- */

static bool is_weak_reference(PyObject *object) {
    return PyWeakref_CheckRefExact(object) || PyWeakref_CheckProxy(object) ||
           is_type_name(object, "KeyedRef") || is_type_name(object, "WeakMethod");
}

/* A reference, or a proxy, to what has died. */
static PyObject *dead_reference(PyObject *object) {
    PyObject *is_proxy = PyWeakref_CheckProxy(object) ? Py_True : Py_False;
    return call_of(imported("resume._core", "_dead_reference"), PyTuple_Pack(1, is_proxy));
}

static PyObject *reduce_weak_reference(PyObject *object) {
    PyObject *target = PyWeakref_CheckProxy(object) || PyWeakref_CheckRefExact(object)
                           ? rp_weakref_target(object)
                           : PyObject_CallNoArgs(object);
    PyObject *callback = ((PyWeakReference *)object)->wr_callback, *call = NULL;
    if (!target) return NULL;
    if (target == Py_None) {
        call = dead_reference(object);
    } else if (is_type_name(object, "KeyedRef")) {
        PyObject *key = PyObject_GetAttrString(object, "key");
        if (key)
            call = call_of(Py_NewRef(Py_TYPE(object)),
                           Py_BuildValue("(OON)", target, callback ? callback : Py_None, key));
    } else {
        PyObject *callable = PyWeakref_CheckProxy(object) ? imported("weakref", "proxy")
                                                          : Py_NewRef(Py_TYPE(object));
        bool is_method = is_type_name(object, "WeakMethod");
        call = call_of(callable, callback && !is_method ? PyTuple_Pack(2, target, callback)
                                                        : PyTuple_Pack(1, target));
    }
    Py_DECREF(target);
    return call;
}

PyObject *rp_dead_reference(PyObject *module, PyObject *is_proxy) {
    (void)module;
    PyObject *nothing = PySet_New(NULL), *reference = NULL;
    if (nothing)
        reference = is_proxy == Py_True ? PyWeakref_NewProxy(nothing, NULL)
                                        : PyWeakref_NewRef(nothing, NULL);
    Py_XDECREF(nothing);
    return reference;
}

/* ---- locks ---- */

static bool is_lock(PyObject *object) {
    return is_type_name(object, "_thread.lock") || is_type_name(object, "_thread.RLock");
}

static bool is_reentrant(PyObject *lock) {
    return is_type_name(lock, "_thread.RLock");
}

/* How often it was acquired; -1 with an exception. */
static long times_held(PyObject *lock) {
    const char *question = is_reentrant(lock) ? "_recursion_count" : "locked";
    PyObject *answer = PyObject_CallMethod(lock, question, NULL);
    if (!answer && is_reentrant(lock) && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear(); /* older ones tell no number: it is taken apart, and held again */
        PyObject *state = PyObject_CallMethod(lock, "_is_owned", NULL);
        bool owned = state == Py_True;
        Py_XDECREF(state);
        if (!state || !owned) return state ? 0 : -1;
        state = PyObject_CallMethod(lock, "_release_save", NULL);
        PyObject *done = state ? PyObject_CallMethod(lock, "_acquire_restore", "(O)", state) : NULL;
        answer = done ? Py_NewRef(PyTuple_GET_ITEM(state, 0)) : NULL;
        Py_XDECREF(done);
        Py_XDECREF(state);
    }
    long count = answer ? PyLong_AsLong(answer) : -1;
    Py_XDECREF(answer);
    return count;
}

static PyObject *reduce_lock(PyObject *lock) {
    long count = times_held(lock);
    if (count < 0) return NULL;
    return call_of(imported("resume._core", "_make_lock"),
                   Py_BuildValue("(Ol)", is_reentrant(lock) ? Py_True : Py_False, count));
}

static bool is_alone(void) {
    PyThreadState *first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    return !PyThreadState_Next(first);
}

PyObject *rp_reduce_held_lock(PyObject *lock, PyObject *module_name, PyObject *name) {
    bool is_ours = is_lock(lock) && (is_reentrant(lock) || is_alone());
    long count = is_ours ? times_held(lock) : 0;
    if (count <= 0) return NULL;
    return call_of(imported("resume._core", "_hold_lock"),
                   Py_BuildValue("(OOl)", module_name, name, count));
}

/* Without waiting: who else could hold it is not there. */
static int acquire(PyObject *lock, long count) {
    for (; count > 0; count--) {
        PyObject *done = PyObject_CallMethod(lock, "acquire", "O", Py_False);
        if (done == Py_False) PyErr_SetString(PyExc_RuntimeError, "the lock is held already");
        Py_XDECREF(done);
        if (!done || done == Py_False) return -1;
    }
    return 0;
}

/* _hold_lock(module, name, count): the one that the module has there, held as it was. */
PyObject *rp_hold_lock(PyObject *module, PyObject *args) {
    const char *name;
    PyObject *module_name;
    long count;
    (void)module;
    if (!PyArg_ParseTuple(args, "Usl", &module_name, &name, &count)) return NULL;
    PyObject *its_module = PyImport_Import(module_name);
    PyObject *lock = its_module ? PyObject_GetAttrString(its_module, name) : NULL;
    if (lock && !is_lock(lock)) PyErr_SetString(PyExc_TypeError, "there is no lock any more");
    if (lock && (!is_lock(lock) || acquire(lock, count) < 0)) Py_CLEAR(lock);
    Py_XDECREF(its_module);
    return lock;
}

PyObject *rp_make_lock(PyObject *module, PyObject *args) {
    int reentrant;
    long count;
    (void)module;
    if (!PyArg_ParseTuple(args, "pl", &reentrant, &count)) return NULL;
    if (count < 0 || count > (reentrant ? 1000000 : 1)) {
        PyErr_SetString(PyExc_ValueError, "a lock is not held so often");
        return NULL;
    }
    PyObject *maker = imported("_thread", reentrant ? "RLock" : "allocate_lock");
    PyObject *lock = maker ? PyObject_CallNoArgs(maker) : NULL;
    if (lock && acquire(lock, count) < 0) Py_CLEAR(lock);
    Py_XDECREF(maker);
    return lock;
}

/* ---- what each thread has of its own ---- */

/* threading.local: what the thread that saves has; the others are gone where it goes on. */
static PyObject *reduce_local(PyObject *local) {
    PyObject *own = PyObject_GetAttrString(local, "__dict__");
    return own ? Py_BuildValue("(O()(ON))", Py_TYPE(local), Py_None, own) : NULL;
}

/* ---- views ---- */

/* _view(object, offset, size, format, shape, read-only): of its bytes. */
static PyObject *reduce_memory(PyObject *object) {
    Py_buffer base, *view = PyMemoryView_GET_BUFFER(object);
    if (((PyMemoryViewObject *)object)->flags & _Py_MEMORYVIEW_RELEASED || !view->obj) {
        PyErr_SetString(PyExc_ValueError, "the view was released, or is of memory of its own");
        return NULL;
    }
    if (!PyBuffer_IsContiguous(view, 'C')) {
        PyErr_SetString(PyExc_ValueError, "the bytes of the view are not one after the other");
        return NULL;
    }
    if (PyObject_GetBuffer(view->obj, &base, PyBUF_SIMPLE) < 0) return NULL;
    Py_ssize_t offset = (const char *)view->buf - (const char *)base.buf;
    bool inside = offset >= 0 && offset <= base.len && view->len <= base.len - offset;
    PyBuffer_Release(&base);
    PyObject *shape = inside ? PyObject_GetAttrString(object, "shape") : NULL;
    if (!inside) PyErr_SetString(PyExc_ValueError, "the view is of memory of its own");
    if (!shape) return NULL;
    return call_of(imported("resume._core", "_view"),
                   Py_BuildValue("(OnnsNO)", view->obj, offset, view->len,
                                 view->format ? view->format : "B", shape,
                                 view->readonly ? Py_True : Py_False));
}

/* The bytes of `object` from `offset` on; takes nothing over. */
static PyObject *bytes_of(PyObject *object, Py_ssize_t offset, Py_ssize_t size) {
    PyObject *whole = PyMemoryView_FromObject(object);
    PyObject *bytes = whole ? PyObject_CallMethod(whole, "cast", "s", "B") : NULL;
    PyObject *part = bytes ? PySequence_GetSlice(bytes, offset, offset + size) : NULL;
    Py_XDECREF(bytes);
    Py_XDECREF(whole);
    if (part && PyMemoryView_GET_BUFFER(part)->len != size) {
        PyErr_SetString(PyExc_ValueError, "a view is larger than its memory");
        Py_CLEAR(part);
    }
    return part;
}

PyObject *rp_make_view(PyObject *module, PyObject *args) {
    PyObject *object, *shape;
    const char *format;
    Py_ssize_t offset, size;
    int read_only;
    (void)module;
    if (!PyArg_ParseTuple(args, "OnnsO!p", &object, &offset, &size, &format, &PyTuple_Type, &shape,
                          &read_only))
        return NULL;
    if (offset < 0 || size < 0 || offset > PY_SSIZE_T_MAX - size) {
        PyErr_SetString(PyExc_ValueError, "a view has no such place");
        return NULL;
    }
    PyObject *view = bytes_of(object, offset, size);
    bool is_plain = strcmp(format, "B") == 0 && PyTuple_GET_SIZE(shape) == 1;
    if (view && !is_plain) Py_SETREF(view, PyObject_CallMethod(view, "cast", "sO", format, shape));
    if (view && read_only && !PyMemoryView_GET_BUFFER(view)->readonly)
        Py_SETREF(view, PyObject_CallMethod(view, "toreadonly", NULL));
    return view;
}

static bool is_any(PyObject *object) {
    (void)object;
    return true;
}

static bool may_be_namespace(PyObject *names) {
    return PyDict_Check(names) && PyDict_GetItemString(names, "__module__") &&
           PyDict_GetItemString(names, "__doc__");
}

/* Adds the classes that have `class` as their first base: so each class is met once. */
static int add_derived(PyObject *classes, PyObject *class) {
    PyObject *derived = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", class);
    int status = derived ? 0 : -1;
    for (Py_ssize_t i = 0; !status && i < PyList_GET_SIZE(derived); i++) {
        PyObject *one = PyList_GET_ITEM(derived, i);
        if ((PyObject *)((PyTypeObject *)one)->tp_base == class)
            status = PyList_Append(classes, one);
    }
    Py_XDECREF(derived);
    return status;
}

/* The class whose namespace this is: new reference, None when it is a plain dict. Its descriptors
 * do not tell: from 3.15 on they are those of `object`. */
static PyObject *class_of_namespace(PyObject *names) {
    if (!may_be_namespace(names)) return Py_NewRef(Py_None);
    PyObject *classes = PyList_New(0), *found = NULL;
    int status = classes ? add_derived(classes, (PyObject *)&PyBaseObject_Type) : -1;
    for (Py_ssize_t i = 0; !status && !found && i < PyList_GET_SIZE(classes); i++) {
        PyTypeObject *class = (PyTypeObject *)PyList_GET_ITEM(classes, i);
        if (PyType_HasFeature(class, Py_TPFLAGS_HEAPTYPE) && class->tp_dict == names)
            found = Py_NewRef((PyObject *)class);
        else
            status = add_derived(classes, (PyObject *)class);
    }
    if (!status && !found) found = Py_NewRef(Py_None);
    Py_XDECREF(classes);
    return found;
}

static PyObject *reduce_proxy(PyObject *object) {
    PyObject *mapping = referred(object, is_any);
    if (!mapping) return NULL;
    PyObject *class = class_of_namespace(mapping);
    if (!class) return NULL;
    if (class != Py_None)
        return call_of(imported("builtins", "getattr"), Py_BuildValue("(Ns)", class, "__dict__"));
    Py_DECREF(class);
    return call_of(Py_NewRef(&PyDictProxy_Type), PyTuple_Pack(1, mapping));
}

/* ---- formats and matches ---- */

static PyObject *reduce_format(PyObject *object) {
    PyObject *format = PyObject_GetAttrString(object, "format");
    PyObject *arguments = format ? PyTuple_Pack(1, format) : NULL;
    Py_XDECREF(format);
    return call_of(Py_NewRef(Py_TYPE(object)), arguments);
}

/* The match that this call gives is the same one: 1, 0, -1. */
static int gives(PyObject *call, PyObject *match) {
    PyObject *made = PyObject_CallObject(PyTuple_GET_ITEM(call, 0), PyTuple_GET_ITEM(call, 1));
    PyObject *spans = made && made != Py_None ? PyObject_GetAttrString(made, "regs") : NULL;
    PyObject *regs = spans ? PyObject_GetAttrString(match, "regs") : NULL;
    int same = regs ? PyObject_RichCompareBool(spans, regs, Py_EQ) : made == Py_None ? 0 : -1;
    Py_XDECREF(regs);
    Py_XDECREF(spans);
    Py_XDECREF(made);
    return same;
}

/* It is looked for again, from where the search began, or at its own place. */
static PyObject *reduce_match(PyObject *match) {
    static const char *const ways[] = {"search", "match", "fullmatch", "match"};
    PyObject *pattern = PyObject_GetAttrString(match, "re");
    PyObject *text = pattern ? PyObject_GetAttrString(match, "string") : NULL;
    PyObject *end = text ? PyObject_GetAttrString(match, "endpos") : NULL, *call = NULL;
    for (size_t i = 0; end && !call && i < 4; i++) {
        PyObject *start = i < 3 ? PyObject_GetAttrString(match, "pos")
                                : PyObject_CallMethod(match, "start", NULL);
        call = start ? call_of(PyObject_GetAttrString(pattern, ways[i]),
                               Py_BuildValue("(ONO)", text, start, end))
                     : NULL;
        int same = call ? gives(call, match) : -1;
        if (same <= 0) Py_CLEAR(call);
        if (same < 0) break;
    }
    if (!call && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "the match can't be found again");
    Py_XDECREF(end);
    Py_XDECREF(text);
    Py_XDECREF(pattern);
    return call;
}

static PyObject *reduce_scanner(PyObject *object) {
    rp_scanner_place place;
    int known = rp_scanner_place_of(object, &place);
    if (known == 0)
        PyErr_SetString(PyExc_TypeError, "this Python does not tell where a search goes on");
    if (known <= 0) return NULL;
    PyObject *arguments = Py_BuildValue("(OOnnni)", place.pattern, place.string, place.position,
                                        place.ending, place.start, place.must_advance);
    return call_of(imported("resume._core", "_make_scanner"), arguments);
}

/* _make_scanner(pattern, string, pos, endpos, start or -1, must advance) */
PyObject *rp_make_scanner(PyObject *module, PyObject *args) {
    rp_scanner_place place, made_place;
    int must_advance;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOnnni", &place.pattern, &place.string, &place.position,
                          &place.ending, &place.start, &must_advance))
        return NULL;
    place.must_advance = must_advance != 0;
    PyObject *made = PyObject_CallMethod(place.pattern, "scanner", "Onn", place.string,
                                         place.position, place.ending);
    if (!made) return NULL;
    bool is_scanner = is_type_name(made, "_sre.SRE_Scanner");
    int known = is_scanner ? rp_scanner_place_of(made, &made_place) : 0;
    if (known == 0) PyErr_SetString(PyExc_ValueError, "no scanner that can go on");
    if (known <= 0 || rp_scanner_move(made, &place) < 0) Py_CLEAR(made);
    return made;
}

/* ---- functions of modules in C ---- */

static PyMethodDef *definition_in(PyObject *module, const char *name) {
    PyModuleDef *definition = PyModule_Check(module) ? PyModule_GetDef(module) : NULL;
    PyMethodDef *method = definition ? definition->m_methods : NULL;
    while (method && method->ml_name && strcmp(method->ml_name, name) != 0)
        method++;
    if (!definition) PyErr_Clear();
    return method && method->ml_name ? method : NULL;
}

PyObject *rp_replaced_reduction(PyObject *object) {
    PyObject *module = PyCFunction_CheckExact(object) ? PyCFunction_GET_SELF(object) : NULL;
    const char *name = module ? ((PyCFunctionObject *)object)->m_ml->ml_name : NULL;
    if (!name || definition_in(module, name) != ((PyCFunctionObject *)object)->m_ml) return NULL;
    return call_of(imported("resume._core", "_replaced"),
                   Py_BuildValue("(Ns)", PyModule_GetNameObject(module), name));
}

/* _replaced(module, name): as the module itself defines it, whatever stands there now. */
PyObject *rp_replaced(PyObject *module, PyObject *args) {
    PyObject *module_name, *function = NULL, *its_name;
    const char *name;
    (void)module;
    if (!PyArg_ParseTuple(args, "Us", &module_name, &name)) return NULL;
    PyObject *its_module = PyImport_Import(module_name);
    PyMethodDef *method = its_module ? definition_in(its_module, name) : NULL;
    if (its_module && !method)
        PyErr_Format(PyExc_AttributeError, "module '%U' defines no function %s", module_name, name);
    if (method && (its_name = PyModule_GetNameObject(its_module))) {
        function = PyCFunction_NewEx(method, its_module, its_name);
        Py_DECREF(its_name);
    }
    Py_XDECREF(its_module);
    return function;
}

/* ---- csv ---- */

static bool is_write(PyObject *object) {
    return PyCFunction_Check(object) || PyMethod_Check(object);
}

static bool is_dialect(PyObject *object) {
    return is_type_name(object, "_csv.Dialect");
}

static bool is_source(PyObject *object) {
    return !is_dialect(object) && PyIter_Check(object);
}

/* partial(function, **parameters of the dialect) */
static PyObject *csv_maker(const char *name, PyObject *object) {
    static const char *const parameters[] = {"delimiter",        "quotechar", "doublequote",
                                             "escapechar",       "quoting",   "lineterminator",
                                             "skipinitialspace", "strict"};
    PyObject *dialect = PyObject_GetAttrString(object, "dialect"), *names = PyDict_New();
    for (size_t i = 0; dialect && names && i < sizeof parameters / sizeof parameters[0]; i++) {
        PyObject *value = PyObject_GetAttrString(dialect, parameters[i]);
        if (!value || PyDict_SetItemString(names, parameters[i], value) < 0) Py_CLEAR(names);
        Py_XDECREF(value);
    }
    PyObject *partial = dialect && names ? imported("functools", "partial") : NULL;
    PyObject *function = partial ? imported("_csv", name) : NULL;
    PyObject *arguments = function ? PyTuple_Pack(1, function) : NULL, *maker = NULL;
    if (arguments) maker = PyObject_Call(partial, arguments, names);
    Py_XDECREF(arguments);
    Py_XDECREF(function);
    Py_XDECREF(partial);
    Py_XDECREF(names);
    Py_XDECREF(dialect);
    return maker;
}

static PyObject *reduce_writer(PyObject *object) {
    PyObject *write = referred(object, is_write);
    PyObject *file = write ? PyObject_GetAttrString(write, "__self__") : NULL;
    if (!file) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "what the writer of csv writes to is not known");
        return NULL;
    }
    PyObject *arguments = PyTuple_Pack(1, file);
    Py_DECREF(file);
    return call_of(csv_maker("writer", object), arguments);
}

static PyObject *reduce_reader(PyObject *object) {
    PyObject *source = referred(object, is_source);
    PyObject *line = source ? PyObject_GetAttrString(object, "line_num") : NULL;
    if (!line) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "what the reader of csv reads from is not known");
        return NULL;
    }
    PyObject *maker = csv_maker("reader", object);
    PyObject *arguments = maker ? Py_BuildValue("(NON)", maker, source, line) : NULL;
    return call_of(imported("resume._core", "_make_csv_reader"), arguments);
}

/* What an object of C holds is another one from now on. `iter()` of a closed file, which csv asks
 * for, raises. */
static bool takes_place(PyObject *holder, PyObject *old, PyObject *new) {
    PyObject **slots = (PyObject **)(holder + 1);
    size_t count = ((size_t)Py_TYPE(holder)->tp_basicsize - sizeof(PyObject)) / sizeof(PyObject *);
    size_t at = 0;
    while (at < count && slots[at] != old)
        at++;
    if (at < count) Py_SETREF(slots[at], Py_NewRef(new));
    return at < count;
}

/* _make_csv_reader(maker, source, lines read) */
PyObject *rp_make_csv_reader(PyObject *module, PyObject *args) {
    PyObject *maker, *source, *nothing = PyTuple_New(0);
    unsigned long line;
    (void)module;
    if (!nothing) return NULL;
    PyObject *iterator =
        PyArg_ParseTuple(args, "OOk", &maker, &source, &line) ? PyObject_GetIter(nothing) : NULL;
    PyObject *reader = iterator ? PyObject_CallOneArg(maker, iterator) : NULL;
    if (reader && !takes_place(reader, iterator, source)) {
        PyErr_SetString(PyExc_ValueError, "it can't be told what to read");
        Py_CLEAR(reader);
    }
    Py_XDECREF(iterator);
    Py_DECREF(nothing);
    if (!reader) return NULL;
    const PyMemberDef *member = Py_TYPE(reader)->tp_members;
    while (member && member->name && strcmp(member->name, "line_num") != 0)
        member++;
    if (member && member->name && member->type == T_ULONG)
        *(unsigned long *)((char *)reader + member->offset) = line;
    return reader;
}

/* ---- what a `with` leads to ---- */

static bool is_of_context(PyObject *object) {
    return PyContextVar_CheckExact(object) || PyContextToken_CheckExact(object);
}

static bool is_of_local_context(PyObject *object) {
    const char *name = Py_IS_TYPE(object, &PyMethodDescr_Type) ? PyDescr_TYPE(object)->tp_name
                                                               : Py_TYPE(object)->tp_name;
    return strcmp(name, "decimal.ContextManager") == 0;
}

static PyObject *reduce_surroundings(PyObject *object) {
    return rp_call_unseen("resume._surroundings", "reduction", object);
}

/* ---- which ---- */

typedef struct rule {
    const char *type_name; /* NULL: by `is` */
    bool (*is)(PyObject *object);
    PyObject *(*reduce)(PyObject *object);
} rule;

static const rule rules[] = {
    {NULL, is_weak_reference, reduce_weak_reference},
    {NULL, is_lock, reduce_lock},
    {"_thread._local", NULL, reduce_local},
    {"memoryview", NULL, reduce_memory},
    {"mappingproxy", NULL, reduce_proxy},
    {"_struct.Struct", NULL, reduce_format},
    {"re.Match", NULL, reduce_match},
    {"_sre.SRE_Scanner", NULL, reduce_scanner},
    {"_csv.writer", NULL, reduce_writer},
    {"_csv.reader", NULL, reduce_reader},
    {NULL, is_of_local_context, reduce_surroundings},
    {NULL, is_of_context, reduce_surroundings},
};

PyObject *rp_rebuilt_reduction(PyObject *object) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const rule *one = &rules[i];
        if (one->is ? one->is(object) : is_type_name(object, one->type_name))
            return one->reduce(object);
    }
    return NULL;
}

bool rp_changes_unseen(PyObject *object) {
    return is_lock(object) || is_type_name(object, "_thread._local");
}

bool rp_is_rebuilt(PyObject *object) {
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].is ? rules[i].is(object) : is_type_name(object, rules[i].type_name))
            return true;
    return false;
}
