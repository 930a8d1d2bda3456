/* The kinds of iterators: their names, how an empty one is made, and the self-test of a layout. */
#include "iterators.h"

#include "base/alloc.h"

#include <string.h>

/* clang-format off: one kind a line */
const rp_kind_entry rp_kind_entries[RP_KIND_COUNT_OF] = {
    /* name, names of types, empty, sample, parts, ends, announced */
    [RP_KIND_LIST] = {"list_iterator", NULL, NULL, "iter([])", "iter([1, 2, 3, 4])", 2, true, true},
    [RP_KIND_LIST_REVERSED] = {"list_reverseiterator", NULL, NULL, "reversed([])",
                               "reversed([1, 2, 3, 4])", 2, true, true},
    [RP_KIND_TUPLE] = {"tuple_iterator", NULL, NULL, "iter(())", "iter((1, 2, 3, 4))", 2, true,
                       true},
    [RP_KIND_STR] = {"str_iterator", "str_ascii_iterator", "str_iterator", "iter('')",
                     "iter('abcd')", 2, true, false},
    [RP_KIND_BYTES] = {"bytes_iterator", NULL, NULL, "iter(b'')", "iter(b'abcd')", 2, true, true},
    [RP_KIND_BYTEARRAY] = {"bytearray_iterator", NULL, NULL, "iter(bytearray())",
                           "iter(bytearray(b'abcd'))", 2, true, true},
    [RP_KIND_ARRAY] = {"array_iterator", "array.arrayiterator", NULL,
                       "iter(__import__('array').array('b'))",
                       "iter(__import__('array').array('i', (1, 2, 3, 4)))", 2, true, false},
    [RP_KIND_SEQUENCE] = {"sequence_iterator", "iterator", NULL,
                          "iter(type('S', (), {'__getitem__': lambda s, i: ()[i]})())",
                          "iter(type('S', (), {'__getitem__': lambda s, i: (1, 2, 3)[i]})())", 2,
                          true, true},
    [RP_KIND_REVERSED] = {"reversed", NULL, NULL, "reversed(())", "reversed((1, 2, 3, 4))", 2, true,
                          true},
    [RP_KIND_RANGE] = {"range_iterator", NULL, NULL, "iter(range(0))", "iter(range(-5, 90, 7))", 3,
                       false, false},
    [RP_KIND_LONG_RANGE] = {"longrange_iterator", NULL, NULL, "iter(range(1 << 99, 1 << 99))",
                            "iter(range(3 << 99, 0, -1 << 98))", 3, false, false},
    [RP_KIND_DICT_KEYS] = {"dict_keyiterator", NULL, NULL, "iter({})", "iter({1: 2, 3: 4, 5: 6})",
                           4, true, true},
    [RP_KIND_DICT_VALUES] = {"dict_valueiterator", NULL, NULL, "iter({}.values())",
                             "iter({1: 2, 3: 4, 5: 6}.values())", 4, true, true},
    [RP_KIND_DICT_ITEMS] = {"dict_itemiterator", NULL, NULL, "iter({}.items())",
                            "iter({1: 2, 3: 4, 5: 6}.items())", 4, true, true},
    [RP_KIND_DICT_KEYS_REVERSED] = {"dict_reversekeyiterator", NULL, NULL, "reversed({})",
                                    "reversed({1: 2, 3: 4, 5: 6})", 4, true, true},
    [RP_KIND_DICT_VALUES_REVERSED] = {"dict_reversevalueiterator", NULL, NULL,
                                      "reversed({}.values())",
                                      "reversed({1: 2, 3: 4, 5: 6}.values())", 4, true, true},
    [RP_KIND_DICT_ITEMS_REVERSED] = {"dict_reverseitemiterator", NULL, NULL, "reversed({}.items())",
                                     "reversed({1: 2, 3: 4, 5: 6}.items())", 4, true, true},
    [RP_KIND_ORDERED_DICT] =
        {"odict_iterator", NULL, NULL, "iter(__import__('collections').OrderedDict())",
         "iter(__import__('collections').OrderedDict({1: 2, 3: 4, 5: 6}).items())", 4, true, true},
    [RP_KIND_SET] = {"set_iterator", NULL, NULL, "iter(set())", "iter({1, 2, 3, 4})", 5, true,
                     false},
    [RP_KIND_DEQUE] = {"deque_iterator", "_collections._deque_iterator",
                       "collections._deque_iterator", "iter(__import__('collections').deque())",
                       "iter(__import__('collections').deque((1, 2, 3, 4)))", 3, false, true},
    [RP_KIND_DEQUE_REVERSED] = {"deque_reverse_iterator", "_collections._deque_reverse_iterator",
                                "collections._deque_reverse_iterator",
                                "reversed(__import__('collections').deque())",
                                "reversed(__import__('collections').deque((1, 2, 3, 4)))", 3, false,
                                true},
    [RP_KIND_VIEW_KEYS] = {"dict_keys", NULL, NULL, "{}.keys()", "{1: 2, 3: 4}.keys()", 1, false,
                           true},
    [RP_KIND_VIEW_VALUES] = {"dict_values", NULL, NULL, "{}.values()", "{1: 2, 3: 4}.values()", 1,
                             false, true},
    [RP_KIND_VIEW_ITEMS] = {"dict_items", NULL, NULL, "{}.items()", "{1: 2, 3: 4}.items()", 1,
                            false, true},
    [RP_KIND_ORDERED_VIEW_KEYS] = {"odict_keys", NULL, NULL,
                                   "__import__('collections').OrderedDict().keys()",
                                   "__import__('collections').OrderedDict({1: 2, 3: 4}).keys()", 1,
                                   false, true},
    [RP_KIND_ORDERED_VIEW_VALUES] = {"odict_values", NULL, NULL,
                                     "__import__('collections').OrderedDict().values()",
                                     "__import__('collections').OrderedDict({1: 2, 3: 4}).values()",
                                     1, false, true},
    [RP_KIND_ORDERED_VIEW_ITEMS] = {"odict_items", NULL, NULL,
                                    "__import__('collections').OrderedDict().items()",
                                    "__import__('collections').OrderedDict({1: 2, 3: 4}).items()",
                                    1, false, true},
    [RP_KIND_ENUMERATE] = {"enumerate", NULL, NULL, "enumerate(())", "enumerate('abcd', 7)", 2,
                           false, true},
    [RP_KIND_ZIP] = {"zip", NULL, NULL, "zip()", "zip('abcd', (1, 2, 3), strict=False)", 2, false,
                     true},
    [RP_KIND_MAP] = {"map", NULL, NULL, "map(None, ())", "map(pow, (2, 3, 4), (5, 6, 7))", 3, false,
                     true},
    [RP_KIND_FILTER] = {"filter", NULL, NULL, "filter(None, ())", "filter(abs, (0, 1, 0, 2, 3))", 2,
                        false, true},
    [RP_KIND_CALLABLE] = {"callable_iterator", NULL, NULL, "iter(tuple, ())",
                          "iter(iter((1, 2, 3, 4, 5)).__next__, 4)", 2, true, true},
    [RP_KIND_ACCUMULATE] = {"accumulate", "itertools.accumulate", NULL, "itertools.accumulate(())",
                            "itertools.accumulate((1, 2, 3, 4), pow, initial=3)", 4, false, true},
    [RP_KIND_BATCHED] = {"batched", "itertools.batched", NULL, "itertools.batched((), 1)",
                         "itertools.batched((1, 2, 3, 4, 5), 2)", 3, false, true},
    [RP_KIND_CHAIN] = {"chain", "itertools.chain", NULL, "itertools.chain()",
                       "itertools.chain((1, 2), (3, 4))", 2, false, true},
    [RP_KIND_COMBINATIONS] = {"combinations", "itertools.combinations", NULL,
                              "itertools.combinations((), 1)",
                              "itertools.combinations((1, 2, 3, 4), 2)", 5, false, true},
    [RP_KIND_COMBINATIONS_REPLACED] = {"combinations_with_replacement",
                                       "itertools.combinations_with_replacement", NULL,
                                       "itertools.combinations_with_replacement((), 1)",
                                       "itertools.combinations_with_replacement((1, 2, 3), 2)", 5,
                                       false, true},
    [RP_KIND_COMPRESS] = {"compress", "itertools.compress", NULL, "itertools.compress((), ())",
                          "itertools.compress((1, 2, 3, 4), (1, 0, 1, 1))", 2, false, true},
    [RP_KIND_COUNT] = {"count", "itertools.count", NULL, "itertools.count()",
                       "itertools.count(7, 3)", 2, false, true},
    [RP_KIND_CYCLE] = {"cycle", "itertools.cycle", NULL, "itertools.cycle(())",
                       "itertools.cycle((1, 2, 3))", 4, false, true},
    [RP_KIND_DROPWHILE] = {"dropwhile", "itertools.dropwhile", NULL,
                           "itertools.dropwhile(None, ())",
                           "itertools.dropwhile(abs, (5, 0, 1, 2))", 3, false, true},
    [RP_KIND_FILTERFALSE] = {"filterfalse", "itertools.filterfalse", NULL,
                             "itertools.filterfalse(None, ())",
                             "itertools.filterfalse(abs, (0, 1, 0.0, 2, 0j))", 2, false, true},
    [RP_KIND_GROUPBY] = {"groupby", "itertools.groupby", NULL, "itertools.groupby(())",
                         "itertools.groupby((1, 1, -1, 2, 2, 1), abs)", 5, false, true},
    [RP_KIND_GROUPER] = {"grouper", "itertools._grouper", NULL,
                         "itertools._grouper(itertools.groupby(()), None)",
                         "next(itertools.groupby((1, 1, 1, 2)))[1]", 3, false, true},
    [RP_KIND_ISLICE] = {"islice", "itertools.islice", NULL, "itertools.islice((), 0)",
                        "itertools.islice(range(9), 1, 8, 3)", 5, false, true},
    [RP_KIND_PAIRWISE] = {"pairwise", "itertools.pairwise", NULL, "itertools.pairwise(())",
                          "itertools.pairwise((1, 2, 3, 4))", 2, false, true},
    [RP_KIND_PERMUTATIONS] = {"permutations", "itertools.permutations", NULL,
                              "itertools.permutations((), 1)",
                              "itertools.permutations((1, 2, 3, 4), 2)", 6, false, true},
    [RP_KIND_PRODUCT] = {"product", "itertools.product", NULL, "itertools.product()",
                         "itertools.product((1, 2), (3, 4), (5, 6))", 4, false, true},
    [RP_KIND_REPEAT] = {"repeat", "itertools.repeat", NULL, "itertools.repeat(None, 0)",
                        "itertools.repeat(3, 4)", 2, false, true},
    [RP_KIND_STARMAP] = {"starmap", "itertools.starmap", NULL, "itertools.starmap(None, ())",
                         "itertools.starmap(pow, ((2, 3), (3, 4), (4, 5)))", 2, false, true},
    [RP_KIND_TAKEWHILE] = {"takewhile", "itertools.takewhile", NULL,
                           "itertools.takewhile(None, ())",
                           "itertools.takewhile(abs, (1, 2, 3, 0, 4))", 3, false, true},
    [RP_KIND_TEE] = {"tee", "itertools._tee", NULL, "itertools.tee(())[0]",
                     "itertools.tee((1, 2, 3, 4))[1]", 2, false, true},
    [RP_KIND_TEE_DATA] = {"tee_data", "itertools._tee_dataobject", NULL,
                          "itertools._tee_dataobject(iter(()), [], None)",
                          "itertools._tee_dataobject(iter((4, 5)), [1, 2, 3], None)", 3, false,
                          true},
    [RP_KIND_ZIP_LONGEST] = {"zip_longest", "itertools.zip_longest", NULL,
                             "itertools.zip_longest()",
                             "itertools.zip_longest('abcd', (1, 2), fillvalue=0)", 2, false, true},
};
/* clang-format on */

/* What is known of a kind in this process. */
typedef struct known_kind {
    PyObject *make, *sample; /* strong: functions without arguments */
    PyTypeObject *type;      /* strong */
    signed char works;       /* 0: not yet tried; 1, or -1: it does not */
} known_kind;
struct rp_kinds {
    known_kind of[RP_KIND_COUNT_OF];
};

static bool is_name_of(const rp_kind_entry *entry, const char *name) {
    if (entry->other_name && strcmp(entry->other_name, name) == 0) return true;
    return strcmp(entry->type_name ? entry->type_name : entry->name, name) == 0;
}

int rp_kind_of(PyObject *object) {
    const PyTypeObject *type = Py_TYPE(object);
    /* a class that Python code made can take any name, but it can be changed */
    if (type->tp_flags & Py_TPFLAGS_HEAPTYPE && !(type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE))
        return -1;
    for (int kind = 0; kind < RP_KIND_COUNT_OF; kind++)
        if (is_name_of(&rp_kind_entries[kind], type->tp_name)) return kind;
    return -1;
}

int rp_kind_named(const void *name, size_t size) {
    for (int kind = 0; kind < RP_KIND_COUNT_OF; kind++)
        if (strlen(rp_kind_entries[kind].name) == size &&
            memcmp(rp_kind_entries[kind].name, name, size) == 0)
            return kind;
    return -1;
}

/* lambda: EXPRESSION */
static PyObject *function_of(const char *expression) {
    PyObject *names = PyDict_New(), *function = NULL;
    PyObject *tools = names ? PyImport_ImportModule("itertools") : NULL;
    PyObject *text = tools ? PyUnicode_FromFormat("lambda: %s", expression) : NULL;
    if (text && PyDict_SetItemString(names, "itertools", tools) == 0 &&
        PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) == 0)
        function = PyRun_String(PyUnicode_AsUTF8(text), Py_eval_input, names, names);
    Py_XDECREF(text);
    Py_XDECREF(tools);
    Py_XDECREF(names);
    return function;
}

/* ---- the self-test ---- */

/* The next items, at most a few, as a list. */
static PyObject *some_items(PyObject *iterator, rp_kind kind) {
    enum { ENOUGH = 8 };
    if (kind == RP_KIND_TEE_DATA) return rp_iterator_parts(iterator, kind);
    iterator = PyObject_GetIter(iterator);
    PyObject *list = iterator ? PyList_New(0) : NULL, *item;
    while (list && PyList_GET_SIZE(list) < ENOUGH && (item = PyIter_Next(iterator))) {
        PyObject *shown = kind == RP_KIND_GROUPBY ? PyTuple_GET_ITEM(item, 0) : item;
        if (PyList_Append(list, shown) < 0) Py_CLEAR(list);
        Py_DECREF(item);
    }
    if (PyErr_Occurred()) Py_CLEAR(list);
    Py_XDECREF(iterator);
    return list;
}

/* An iterator that has handed out an item. */
static PyObject *started(const known_kind *known) {
    PyObject *iterator = PyObject_CallNoArgs(known->sample);
    iternextfunc next = iterator ? Py_TYPE(iterator)->tp_iternext : NULL;
    PyObject *item = next ? next(iterator) : NULL;
    Py_XDECREF(item);
    if (next && !item) Py_CLEAR(iterator);
    return iterator;
}

/* One whose position was read and written goes on like one that was left alone. */
static bool copies(const known_kind *known, rp_kind kind) {
    PyObject *read = started(known), *left = read ? started(known) : NULL;
    PyObject *parts = NULL, *empty = NULL, *written = NULL, *items = NULL, *expected = NULL;
    bool same = left && Py_TYPE(read) == known->type && rp_layout_is_shown(read, kind);
    if (same) parts = rp_iterator_parts(read, kind);
    if (parts && PyTuple_GET_SIZE(parts) == rp_kind_entries[kind].parts)
        empty = PyObject_CallNoArgs(known->make);
    if (empty) written = rp_iterator_fill(NULL, empty, kind, ((PyTupleObject *)parts)->ob_item);
    if (written && kind == RP_KIND_TEE_DATA) Py_SETREF(left, Py_NewRef(read));
    if (written && rp_layout_is_shown(written, kind)) items = some_items(written, kind);
    if (items) expected = some_items(left, kind);
    same = expected && Py_TYPE(written) == known->type &&
           PyObject_RichCompareBool(items, expected, Py_EQ) == 1 && PyObject_Size(items) > 0;
    Py_XDECREF(read);
    Py_XDECREF(left);
    Py_XDECREF(parts);
    Py_XDECREF(empty);
    Py_XDECREF(written);
    Py_XDECREF(items);
    Py_XDECREF(expected);
    return same;
}

/* An exhausted one shows that it is. */
static bool ends(const known_kind *known, rp_kind kind) {
    PyObject *iterator = PyObject_CallNoArgs(known->make);
    PyObject *item = iterator ? PyIter_Next(iterator) : NULL;
    PyObject *parts = iterator && !item ? rp_iterator_parts(iterator, kind) : NULL;
    /* one that goes down may keep its list, behind its end (3.13) */
    bool empty = parts && (PyTuple_GET_SIZE(parts) == 0 || kind == RP_KIND_LIST_REVERSED);
    Py_XDECREF(iterator);
    Py_XDECREF(item);
    Py_XDECREF(parts);
    return empty;
}

static bool self_test(known_kind *known, rp_kind kind) {
    known->make = function_of(rp_kind_entries[kind].make);
    known->sample = known->make ? function_of(rp_kind_entries[kind].sample) : NULL;
    PyObject *empty = known->sample ? PyObject_CallNoArgs(known->make) : NULL;
    if (!empty) return false;
    known->type = (PyTypeObject *)Py_NewRef(Py_TYPE(empty));
    Py_DECREF(empty);
    return is_name_of(&rp_kind_entries[kind], known->type->tp_name) &&
           known->type->tp_basicsize == rp_layouts[kind].size && copies(known, kind) &&
           (!rp_kind_entries[kind].ends || ends(known, kind));
}

int rp_kind_works(rp_module_state *state, rp_kind kind) {
    if (!state->kinds) state->kinds = rs_allocate_zeroed(1, sizeof *state->kinds);
    if (!state->kinds) {
        PyErr_NoMemory();
        return -1;
    }
    known_kind *known = &state->kinds->of[kind];
    if (known->works == 0) {
        bool works = rp_layouts[kind].size > 0 && self_test(known, kind);
        if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) return -1;
        PyErr_Clear();
        known->works = works ? 1 : -1;
    }
    return known->works > 0;
}

PyObject *rp_kind_make(rp_module_state *state, rp_kind kind) {
    return PyObject_CallNoArgs(state->kinds->of[kind].make);
}

void rp_kinds_release(rp_module_state *state) {
    for (int i = 0; state->kinds && i < RP_KIND_COUNT_OF; i++) {
        Py_CLEAR(state->kinds->of[i].make);
        Py_CLEAR(state->kinds->of[i].sample);
        Py_CLEAR(state->kinds->of[i].type);
    }
    rs_free(state->kinds);
    state->kinds = NULL;
}

int rp_kinds_traverse(const rp_module_state *state, visitproc visit, void *arg) {
    for (int i = 0; state->kinds && i < RP_KIND_COUNT_OF; i++) {
        Py_VISIT(state->kinds->of[i].make);
        Py_VISIT(state->kinds->of[i].sample);
        Py_VISIT(state->kinds->of[i].type);
    }
    return 0;
}
