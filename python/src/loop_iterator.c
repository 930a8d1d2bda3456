/* Iterators that can be put at a position, by exact type. */
#include "loop_iterator.h"

#include "notice.h"
#include "random_state.h"
#include "types/files.h"
#include "types/iterators.h"

/* How an iterator of a builtin type is advanced. */
typedef enum motion {
    MOTION_UNKNOWN,
    MOTION_UP,    /* __reduce__ tells the index, __setstate__ sets it */
    MOTION_DOWN,  /* the same, counting down */
    MOTION_RANGE, /* __reduce__ tells the range */
    MOTION_STEP,  /* next() in C: quick, runs nobody's code */
    MOTION_ENUMERATE,
    MOTION_ZIP,
    MOTION_COUNT, /* __reduce__ is gone: made anew */
} motion;

static const struct {
    const char *name;
    motion motion;
} motions[] = {
    {"list_iterator", MOTION_UP},
    {"tuple_iterator", MOTION_UP},
    {"str_iterator", MOTION_UP},
    {"str_ascii_iterator", MOTION_UP},
    {"bytes_iterator", MOTION_UP},
    {"bytearray_iterator", MOTION_UP},
    {"array.arrayiterator", MOTION_UP},
    {"iterator", MOTION_UP}, /* over __getitem__ */
    {"list_reverseiterator", MOTION_DOWN},
    {"reversed", MOTION_DOWN},
    {"range_iterator", MOTION_RANGE},
    {"longrange_iterator", MOTION_RANGE},
    {"dict_keyiterator", MOTION_STEP},
    {"dict_valueiterator", MOTION_STEP},
    {"dict_itemiterator", MOTION_STEP},
    {"dict_reversekeyiterator", MOTION_STEP},
    {"dict_reversevalueiterator", MOTION_STEP},
    {"dict_reverseitemiterator", MOTION_STEP},
    {"odict_iterator", MOTION_STEP},
    {"memory_iterator", MOTION_STEP},
    {"_collections._deque_iterator", MOTION_STEP},
    {"_collections._deque_reverse_iterator", MOTION_STEP},
    {"collections._deque_iterator", MOTION_STEP},
    {"collections._deque_reverse_iterator", MOTION_STEP},
    {"enumerate", MOTION_ENUMERATE},
    {"zip", MOTION_ZIP},
    {"itertools.count", MOTION_COUNT},
};

/* A class that Python code made can take any name, but it can be changed. */
static bool is_builtin_type(const PyTypeObject *type) {
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE;
}

static motion motion_of(PyObject *iterator) {
    const PyTypeObject *type = Py_TYPE(iterator);
    if (!is_builtin_type(type)) return MOTION_UNKNOWN;
    for (size_t i = 0; i < sizeof motions / sizeof *motions; i++)
        if (strcmp(type->tp_name, motions[i].name) == 0) return motions[i].motion;
    return MOTION_UNKNOWN;
}

static bool has_attribute(PyObject *value, const char *name) {
    PyObject *type = (PyObject *)Py_TYPE(value);
    PyObject *found = PyObject_GetAttrString(type, name);
    if (!found) PyErr_Clear();
    bool has = found && found != Py_None;
    Py_XDECREF(found);
    return has;
}

static bool is_of_set(PyObject *iterator) {
    return strcmp(Py_TYPE(iterator)->tp_name, "set_iterator") == 0;
}

static int refuse(PyObject *given) {
    PyErr_Format(PyExc_TypeError,
                 "chp.loop: '%.100s' has no order that another process repeats: write "
                 "chp.loop(sorted(...)), or use a while loop with a variable that counts",
                 Py_TYPE(given)->tp_name);
    return -1;
}

/* ---- what restore() brought back stands behind the items already ---- */

typedef struct search {
    PyObject *restored; /* list of objects */
    PyObject *waiting;  /* list: objects that lead on */
    bool found;
} search;

/* Iterators, and what generators and methods keep: nothing that is iterated over anew. */
static bool leads_on(PyObject *object) {
    return Py_TYPE(object)->tp_iternext || PyTuple_CheckExact(object) || PyCell_Check(object) ||
           PyMethod_Check(object) || PyCFunction_Check(object);
}

static int look(PyObject *object, void *context) {
    enum { OBJECTS_MAX = 1000 };
    search *it = context;
    for (Py_ssize_t i = 0; !it->found && i < PyList_GET_SIZE(it->restored); i++)
        it->found = PyList_GET_ITEM(it->restored, i) == object;
    if (it->found || !leads_on(object) || PyList_GET_SIZE(it->waiting) > OBJECTS_MAX) return 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(it->waiting); i++)
        if (PyList_GET_ITEM(it->waiting, i) == object) return 0;
    return PyList_Append(it->waiting, object);
}

/* The iterator is one of `restored` (list or NULL), or draws from one. 1, 0 or -1. */
static int is_positioned(PyObject *iterator, PyObject *restored) {
    if (!restored || PyList_GET_SIZE(restored) == 0) return 0;
    search it = {.restored = restored, .waiting = PyList_New(0)};
    int status = it.waiting ? look(iterator, &it) : -1;
    for (Py_ssize_t i = 0; !status && !it.found && i < PyList_GET_SIZE(it.waiting); i++) {
        PyObject *object = PyList_GET_ITEM(it.waiting, i);
        traverseproc traverse = Py_TYPE(object)->tp_traverse;
        if (traverse && PyObject_IS_GC(object)) status = traverse(object, look, &it);
    }
    Py_XDECREF(it.waiting);
    return status < 0 ? -1 : it.found;
}

/* (callable, arguments[, state]), new reference. */
static PyObject *reduced(PyObject *iterator) {
    PyObject *parts = PyObject_CallMethod(iterator, "__reduce__", NULL);
    if (parts && (!PyTuple_Check(parts) || PyTuple_GET_SIZE(parts) < 2 ||
                  !PyTuple_Check(PyTuple_GET_ITEM(parts, 1)))) {
        PyErr_Format(PyExc_TypeError, "chp.loop: '%.100s' is not understood",
                     Py_TYPE(iterator)->tp_name);
        Py_CLEAR(parts);
    }
    return parts;
}

/* Where the iterator stands; -1 with an exception; *exhausted: nowhere. */
static Py_ssize_t index_in(PyObject *parts, bool *exhausted) {
    *exhausted = PyTuple_GET_SIZE(parts) < 3;
    if (*exhausted) return 0;
    return PyNumber_AsSsize_t(PyTuple_GET_ITEM(parts, 2), PyExc_OverflowError);
}

static PyObject *advance_indexed(PyObject *iterator, Py_ssize_t count, bool down) {
    bool exhausted;
    PyObject *parts = reduced(iterator), *done = NULL;
    if (!parts) return NULL;
    Py_ssize_t index = index_in(parts, &exhausted);
    Py_DECREF(parts);
    if (index == -1 && PyErr_Occurred()) return NULL;
    if (exhausted) return Py_NewRef(iterator);
    /* too far is cut by the iterator (and ends it), like a sequence that became shorter */
    if (down) {
        index = index >= count ? index - count : -1;
    } else {
        index = index > PY_SSIZE_T_MAX - count ? PY_SSIZE_T_MAX : index + count;
    }
    done = PyObject_CallMethod(iterator, "__setstate__", "n", index);
    Py_XDECREF(done);
    return done ? Py_NewRef(iterator) : NULL;
}

static PyObject *advance_range(PyObject *iterator, Py_ssize_t count) {
    PyObject *parts = reduced(iterator), *start = NULL, *slice = NULL, *rest = NULL;
    PyObject *result = NULL;
    if (!parts) goto done;
    PyObject *range = PyTuple_GET_ITEM(PyTuple_GET_ITEM(parts, 1), 0);
    start = PyLong_FromSsize_t(count);
    if (start && PyTuple_GET_SIZE(parts) > 2 && PyLong_Check(PyTuple_GET_ITEM(parts, 2)))
        Py_SETREF(start, PyNumber_Add(start, PyTuple_GET_ITEM(parts, 2)));
    slice = start ? PySlice_New(start, NULL, NULL) : NULL;
    rest = slice ? PyObject_GetItem(range, slice) : NULL;
    result = rest ? PyObject_GetIter(rest) : NULL;
done:
    Py_XDECREF(parts);
    Py_XDECREF(start);
    Py_XDECREF(slice);
    Py_XDECREF(rest);
    return result;
}

static PyObject *advance_stepping(PyObject *iterator, Py_ssize_t count) {
    enum { BETWEEN_SIGNALS = 1 << 20 };
    iternextfunc next = Py_TYPE(iterator)->tp_iternext;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = next(iterator);
        if (!item) break;
        Py_DECREF(item);
        if (i % BETWEEN_SIGNALS == 0 && PyErr_CheckSignals()) return NULL;
    }
    if (PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return NULL;
        PyErr_Clear();
    }
    return Py_NewRef(iterator);
}

/* What an advance needs to know. */
typedef struct advancing {
    rp_module_state *state;
    PyObject *given;    /* for messages */
    PyObject *restored; /* list or NULL */
} advancing;

/* What is made again may draw random numbers: they are not to be missed afterwards. */
static PyObject *advance_foreign(const advancing *how, PyObject *iterator, Py_ssize_t count) {
    PyObject *before = count > 0 ? rp_random_capture(how->state) : NULL, *result;
    if (count > 0 && !before) return NULL;
    if (count > 0 && PyGen_CheckExact(iterator))
        rp_notice("chp.loop makes the %zd finished items of a generator again, and skips them",
                  count);
    result = advance_stepping(iterator, count);
    if (before && result && rp_random_restore(how->state, before)) Py_CLEAR(result);
    Py_XDECREF(before);
    return result;
}

/* Of ints: a count of other numbers adds them up one by one, with rounding. */
static PyObject *advance_count(const advancing *how, PyObject *iterator, Py_ssize_t count) {
    int works = rp_kind_works(how->state, RP_KIND_COUNT);
    PyObject *parts = works > 0 ? rp_iterator_parts(iterator, RP_KIND_COUNT) : NULL;
    PyObject *times = NULL, *way = NULL, *next = NULL, *result = NULL;
    if (!parts) return works == 0 ? advance_stepping(iterator, count) : NULL;
    PyObject *value = PyTuple_GET_ITEM(parts, 0), *step = PyTuple_GET_ITEM(parts, 1);
    if (!PyLong_CheckExact(value) || !PyLong_CheckExact(step)) {
        result = advance_stepping(iterator, count);
    } else {
        times = PyLong_FromSsize_t(count);
        way = times ? PyNumber_Multiply(times, step) : NULL;
        next = way ? PyNumber_Add(value, way) : NULL;
        if (next)
            result = PyObject_CallFunctionObjArgs((PyObject *)Py_TYPE(iterator), next, step, NULL);
    }
    Py_DECREF(parts);
    Py_XDECREF(times);
    Py_XDECREF(way);
    Py_XDECREF(next);
    return result;
}

static PyObject *advance(const advancing *how, PyObject *iterator, Py_ssize_t count, int depth);

static PyObject *advance_enumerate(const advancing *how, PyObject *iterator, Py_ssize_t count,
                                   int depth) {
    PyObject *parts = reduced(iterator), *inner = NULL, *number = NULL, *result = NULL;
    if (!parts) return NULL;
    PyObject *arguments = PyTuple_GET_ITEM(parts, 1);
    PyObject *old = PyTuple_GET_ITEM(arguments, 0);
    inner = advance(how, old, count, depth + 1);
    if (inner && count == 0) {
        result = Py_NewRef(iterator);
    } else if (inner) {
        PyObject *step = PyLong_FromSsize_t(count);
        number = step ? PyNumber_Add(PyTuple_GET_ITEM(arguments, 1), step) : NULL;
        Py_XDECREF(step);
        if (number)
            result = PyObject_CallFunctionObjArgs((PyObject *)&PyEnum_Type, inner, number, NULL);
    }
    Py_DECREF(parts);
    Py_XDECREF(inner);
    Py_XDECREF(number);
    return result;
}

/* The same iterator may stand in several places, as in zip(*[iter(x)] * 2): it is advanced once,
 * for all of them. */
static int advance_members(const advancing *how, PyObject *members, PyObject *advanced,
                           Py_ssize_t count, int depth) {
    Py_ssize_t size = PyTuple_GET_SIZE(members);
    for (Py_ssize_t i = 0; i < size; i++) {
        PyObject *member = PyTuple_GET_ITEM(members, i), *moved;
        Py_ssize_t times = 0;
        if (PyTuple_GET_ITEM(advanced, i)) continue;
        for (Py_ssize_t j = i; j < size; j++)
            times += PyTuple_GET_ITEM(members, j) == member;
        moved = advance(how, member,
                        count > PY_SSIZE_T_MAX / times ? PY_SSIZE_T_MAX : count * times, depth + 1);
        if (!moved) return -1;
        for (Py_ssize_t j = i; j < size; j++)
            if (PyTuple_GET_ITEM(members, j) == member)
                PyTuple_SET_ITEM(advanced, j, Py_NewRef(moved));
        Py_DECREF(moved);
    }
    return 0;
}

static PyObject *advance_zip(const advancing *how, PyObject *iterator, Py_ssize_t count,
                             int depth) {
    PyObject *parts = reduced(iterator), *advanced = NULL, *strict = NULL, *result = NULL;
    if (!parts) return NULL;
    PyObject *members = PyTuple_GET_ITEM(parts, 1);
    advanced = PyTuple_New(PyTuple_GET_SIZE(members));
    if (!advanced || advance_members(how, members, advanced, count, depth)) goto done;
    if (count == 0) {
        result = Py_NewRef(iterator);
        goto done;
    }
    strict = Py_BuildValue("{sO}", "strict", PyTuple_GET_SIZE(parts) > 2 ? Py_True : Py_False);
    if (strict) result = PyObject_Call((PyObject *)&PyZip_Type, advanced, strict);
done:
    Py_DECREF(parts);
    Py_XDECREF(advanced);
    Py_XDECREF(strict);
    return result;
}

/* With `count` 0 only looks whether it can be advanced at all. */
static PyObject *advance(const advancing *how, PyObject *iterator, Py_ssize_t count, int depth) {
    enum { DEPTH_MAX = 16 };
    if (depth > DEPTH_MAX) {
        PyErr_SetString(PyExc_TypeError, "chp.loop: enumerate and zip nested more than 16 deep: "
                                         "write chp.loop(list(...))");
        return NULL;
    }
    if (is_of_set(iterator)) {
        refuse(depth ? iterator : how->given);
        return NULL;
    }
    motion way = motion_of(iterator);
    if (way == MOTION_ENUMERATE || way == MOTION_ZIP) {
        bool itself = how->restored && PySequence_Contains(how->restored, iterator) == 1;
        if (!itself)
            return way == MOTION_ZIP ? advance_zip(how, iterator, count, depth)
                                     : advance_enumerate(how, iterator, count, depth);
    }
    int restored = count ? is_positioned(iterator, how->restored) : 0;
    if (restored < 0) return NULL;
    if (count == 0 || restored) return Py_NewRef(iterator);
    if (way == MOTION_UNKNOWN) return advance_foreign(how, iterator, count);
    if (way == MOTION_COUNT) return advance_count(how, iterator, count);
    if (way == MOTION_RANGE) return advance_range(iterator, count);
    if (way == MOTION_STEP) return advance_stepping(iterator, count);
    return advance_indexed(iterator, count, way == MOTION_DOWN);
}

/* Registered as a sequence: item i is its i-th item, whatever its __iter__ looks like. */
static int is_sequence(PyObject *value) {
    PyObject *module = PyImport_ImportModule("collections.abc");
    PyObject *type = module ? PyObject_GetAttrString(module, "Sequence") : NULL;
    int result = type ? PyObject_IsInstance(value, type) : -1;
    Py_XDECREF(module);
    Py_XDECREF(type);
    return result;
}

/* Lines by readline(): behind next() a text file does not tell its position any more. NULL without
 * an exception: not a file. */
static PyObject *over_lines(PyObject *file) {
    int kind = rp_file_kind_of(file);
    if (kind != RP_FILE_TEXT) return NULL;
    PyObject *read = PyObject_GetAttrString(file, "readline");
    PyObject *end = PyUnicode_FromString("");
    PyObject *lines = read && end ? PyCallIter_New(read, end) : NULL;
    Py_XDECREF(read);
    Py_XDECREF(end);
    return lines;
}

PyObject *rp_iterator_over(rp_module_state *state, PyObject *iterable, Py_ssize_t position,
                           PyObject *restored) {
    advancing how = {state, iterable, restored};
    PyObject *iterator = over_lines(iterable), *result = NULL;
    if (!iterator && !PyErr_Occurred()) iterator = PyObject_GetIter(iterable);
    if (!iterator) return NULL;
    if (PyAnySet_Check(iterable)) {
        refuse(iterable);
    } else if (motion_of(iterator) != MOTION_UNKNOWN || iterator == iterable ||
               !has_attribute(iterable, "__len__") || !has_attribute(iterable, "__getitem__")) {
        result = advance(&how, iterator, position, 0);
    } else {
        int sequence = is_sequence(iterable);
        if (sequence > 0) Py_SETREF(iterator, PySeqIter_New(iterable));
        if (sequence >= 0 && iterator) result = advance(&how, iterator, position, 0);
    }
    Py_XDECREF(iterator);
    return result;
}

PyObject *rp_iterator_begin(rp_module_state *state, rp_loader *loader, PyObject *iterable,
                            PyObject *source, Py_ssize_t position, PyObject *restored) {
    if (PyIter_Check(iterable)) {
        int back = source ? is_positioned(iterable, restored) : 0;
        if (back < 0 || rp_loader_keep(loader, back ? source : NULL) < 0) return NULL;
        position += loader->is_held;
    }
    return rp_iterator_over(state, iterable, position, restored);
}
