/* Iterators out of the object stream: an empty one is given a position. The content may be hostile:
 * CPython trusts the fields of its iterators. */
#include "iterators.h"

#include "../pycompat/set_table.h"
#include "known_types.h"

PyObject *rp_wrong_part(const char *what) {
    PyErr_Format(PyExc_ValueError, "an iterator that can't be: %s", what);
    return NULL;
}

static bool is_iterator(PyObject *value) {
    return value && PyIter_Check(value);
}

/* A list or tuple of the closed set, all of whose items are there. */
bool rp_part_is_complete(PyObject *value, bool is_list) {
    if (!(is_list ? PyList_CheckExact(value) : PyTuple_CheckExact(value))) return false;
    Py_ssize_t count = Py_SIZE(value);
    return count == 0 ||
           (is_list ? PyList_GET_ITEM(value, count - 1) : PyTuple_GET_ITEM(value, count - 1));
}

/* A number from `low` to `high`: 0, else -1 with ValueError. */
int rp_part_number(PyObject *part, Py_ssize_t low, Py_ssize_t high, Py_ssize_t *number) {
    *number = PyLong_Check(part) ? PyLong_AsSsize_t(part) : -1;
    if (!PyErr_Occurred() && PyLong_Check(part) && *number >= low && *number <= high) return 0;
    PyErr_Clear();
    rp_wrong_part("a number is out of bounds");
    return -1;
}

int rp_part_flag(PyObject *part, bool *flag) {
    Py_ssize_t number;
    int status = rp_part_number(part, 0, 1, &number);
    *flag = number == 1;
    return status;
}

/* The content of [] or [value], NULL for the first: borrowed. */
static int optional_of(PyObject *part, PyObject **value) {
    *value = NULL;
    if (!rp_part_is_complete(part, true) || PyList_GET_SIZE(part) > 1) {
        rp_wrong_part("a value is neither there nor not");
        return -1;
    }
    if (PyList_GET_SIZE(part)) *value = PyList_GET_ITEM(part, 0);
    return 0;
}

int rp_kind_set_number(PyObject *iterator, rp_kind kind, int index, Py_ssize_t number) {
    if (rp_field_set_number(iterator, rp_kind_field(kind, index), number)) return 0;
    rp_wrong_part("a number that this version of Python has no place for");
    return -1;
}

void rp_kind_set_object(PyObject *iterator, rp_kind kind, int index, PyObject *value) {
    rp_field_set_object(iterator, rp_kind_field(kind, index), value);
}

/* ---- over a sequence ---- */

static bool is_sequence_of(rp_kind kind, PyObject *value) {
    switch (kind) {
    case RP_KIND_LIST:
    case RP_KIND_LIST_REVERSED:
        return PyList_Check(value);
    case RP_KIND_TUPLE:
        return PyTuple_Check(value);
    case RP_KIND_STR:
        return PyUnicode_Check(value);
    case RP_KIND_BYTES:
        return PyBytes_Check(value);
    case RP_KIND_BYTEARRAY:
        return PyByteArray_Check(value);
    default:
        return true;
    }
}

/* Of the kinds whose iterator depends on the sequence: a new one over it. */
static PyObject *made_over(PyObject *iterator, rp_kind kind, PyObject *sequence) {
    if (kind == RP_KIND_STR) return PyUnicode_Type.tp_iter(sequence);
    if (kind != RP_KIND_ARRAY) return Py_NewRef(iterator);
    PyObject *made = Py_TYPE(sequence)->tp_iter ? PyObject_GetIter(sequence) : NULL;
    if (made && !Py_IS_TYPE(made, Py_TYPE(iterator))) Py_CLEAR(made);
    return made || PyErr_Occurred() ? made : rp_wrong_part("no array");
}

static PyObject *fill_over(PyObject *iterator, rp_kind kind, PyObject *const *parts) {
    Py_ssize_t index;
    bool down = kind == RP_KIND_LIST_REVERSED || kind == RP_KIND_REVERSED;
    if (rp_part_number(parts[1], down ? -1 : 0, PY_SSIZE_T_MAX, &index) < 0) return NULL;
    if (!is_sequence_of(kind, parts[0])) return rp_wrong_part("a sequence of another type");
    PyObject *made = made_over(iterator, kind, parts[0]);
    if (!made) return NULL;
    rp_kind_set_object(made, kind, 0, parts[0]);
    rp_kind_set_number(made, kind, 1, index);
    return made;
}

static PyObject *fill_range(PyObject *const *parts) {
    PyObject *way = NULL, *stop = NULL, *range = NULL, *made = NULL;
    for (int i = 0; i < 3; i++)
        if (!PyLong_CheckExact(parts[i])) return rp_wrong_part("a range of no ints");
    way = PyNumber_Multiply(parts[1], parts[2]);
    stop = way ? PyNumber_Add(parts[0], way) : NULL;
    if (stop)
        range =
            PyObject_CallFunctionObjArgs((PyObject *)&PyRange_Type, parts[0], stop, parts[1], NULL);
    made = range ? PyObject_GetIter(range) : NULL;
    Py_XDECREF(way);
    Py_XDECREF(stop);
    Py_XDECREF(range);
    return made;
}

/* ---- over containers ---- */

/* What a container will hold when everything is decoded. Borrowed. */
static PyObject *content_of(const rp_decoder *decoder, PyObject *container) {
    for (size_t i = 0; decoder && i < decoder->filling_count; i++)
        if (decoder->fillings[i].target == container) return decoder->fillings[i].content;
    return container;
}

static bool is_reversed(rp_kind kind) {
    return kind >= RP_KIND_DICT_KEYS_REVERSED && kind <= RP_KIND_DICT_ITEMS_REVERSED;
}

/* The place in the table of the item `index`; a dict that is not complete yet has no holes. */
static Py_ssize_t place_in(PyObject *dict, Py_ssize_t index, bool down) {
    PyObject *key, *value;
    Py_ssize_t place = 0;
    if (PyDict_GET_SIZE(dict) < index + down) return index;
    for (Py_ssize_t i = 0; i < index + down; i++)
        PyDict_Next(dict, &place, &key, &value);
    return down ? place - 1 : place;
}

static PyObject *fill_dict(const rp_decoder *decoder, PyObject *iterator, rp_kind kind,
                           PyObject *const *parts) {
    Py_ssize_t index, used, left;
    bool down = is_reversed(kind);
    if (!PyDict_Check(parts[0])) return rp_wrong_part("no dict");
    /* behind the end is not looked for by those that go down */
    if (rp_part_number(parts[2], -1, PY_SSIZE_T_MAX, &used) < 0 ||
        rp_part_number(parts[1], down ? -1 : 0, down ? used - 1 : PY_SSIZE_T_MAX / 2, &index) < 0 ||
        rp_part_number(parts[3], 0, PY_SSIZE_T_MAX, &left) < 0)
        return NULL;
    rp_kind_set_object(iterator, kind, 0, parts[0]);
    rp_kind_set_number(iterator, kind, 1, place_in(content_of(decoder, parts[0]), index, down));
    rp_kind_set_number(iterator, kind, 2, used);
    rp_kind_set_number(iterator, kind, 3, left);
    return Py_NewRef(iterator);
}

/* The slot behind `before` elements, when what follows is what was to come; else -1. */
static Py_ssize_t slot_in(PyObject *set, Py_ssize_t before, PyObject *left) {
    size_t slots = rp_set_slots(set), slot = 0;
    PyObject *key;
    for (; slot < slots && before > 0; slot++)
        before -= rp_set_slot(set, slot, &key) == RP_SLOT_USED;
    Py_ssize_t place = (Py_ssize_t)slot, at = 0;
    for (; slot < slots && before == 0; slot++) {
        if (rp_set_slot(set, slot, &key) != RP_SLOT_USED) continue;
        PyObject *expected = at < PyList_GET_SIZE(left) ? PyList_GET_ITEM(left, at) : NULL;
        at++;
        if (key == expected) continue;
        /* small values are not marked, and stand twice in the stream */
        if (!expected || Py_TYPE(key) != Py_TYPE(expected) ||
            !(PyLong_CheckExact(key) || PyUnicode_CheckExact(key) || PyFloat_CheckExact(key) ||
              PyBytes_CheckExact(key)) ||
            PyObject_RichCompareBool(key, expected, Py_EQ) != 1)
            return -1;
    }
    return before == 0 && at == PyList_GET_SIZE(left) ? place : -1;
}

static PyObject *fill_set(const rp_decoder *decoder, PyObject *iterator, PyObject *const *parts) {
    Py_ssize_t before, used, left;
    if (!PyAnySet_Check(parts[0])) return rp_wrong_part("no set");
    if (rp_part_number(parts[1], 0, PY_SSIZE_T_MAX, &before) < 0 ||
        rp_part_number(parts[2], -1, PY_SSIZE_T_MAX, &used) < 0 ||
        rp_part_number(parts[3], 0, PY_SSIZE_T_MAX, &left) < 0)
        return NULL;
    if (!rp_part_is_complete(parts[4], true))
        return rp_wrong_part("no list of what is left of a set");
    Py_ssize_t place = slot_in(content_of(decoder, parts[0]), before, parts[4]);
    /* in another order every element still comes exactly once, as in the process that saved */
    if (place < 0) return PyObject_GetIter(parts[4]);
    rp_kind_set_object(iterator, RP_KIND_SET, 0, parts[0]);
    rp_kind_set_number(iterator, RP_KIND_SET, 1, place);
    rp_kind_set_number(iterator, RP_KIND_SET, 2, used);
    rp_kind_set_number(iterator, RP_KIND_SET, 3, left);
    return Py_NewRef(iterator);
}

/* Makes `made` (stolen) step `count` times, then lets `iterator` hold what it holds. */
static PyObject *take_over(PyObject *iterator, rp_kind kind, PyObject *made, Py_ssize_t count) {
    if (!made) return NULL;
    PyObject *result = NULL;
    if (!Py_IS_TYPE(made, Py_TYPE(iterator))) {
        rp_wrong_part("over a container of another type");
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = Py_TYPE(made)->tp_iternext(made);
        if (!item && PyErr_Occurred()) goto done;
        if (!item) break;
        Py_DECREF(item);
    }
    rp_layout_swap(iterator, made, kind);
    result = Py_NewRef(iterator);
done:
    Py_DECREF(made);
    return result;
}

static PyObject *fill_deque(PyObject *iterator, rp_kind kind, PyObject *const *parts) {
    Py_ssize_t left;
    bool changed;
    Py_ssize_t count = PyObject_Size(parts[0]);
    if (count < 0 || rp_part_flag(parts[2], &changed) < 0) return NULL;
    if (rp_part_number(parts[1], 0, changed ? PY_SSIZE_T_MAX : count, &left) < 0) return NULL;
    PyObject *made = kind == RP_KIND_DEQUE
                         ? PyObject_GetIter(parts[0])
                         : PyObject_CallOneArg((PyObject *)&PyReversed_Type, parts[0]);
    iterator = take_over(iterator, kind, made, changed ? 0 : count - left);
    if (!iterator) return NULL;
    rp_kind_set_number(iterator, kind, 1, left);
    if (changed) rp_kind_set_number(iterator, kind, 2, (Py_ssize_t)~rp_deque_state(parts[0]));
    return iterator;
}

/* Bits of the kind, as CPython has them. */
enum { DOWN = 1, KEYS = 2, VALUES = 4 };

static PyObject *over_ordered_dict(PyObject *dict, Py_ssize_t bits) {
    const char *way = (bits & KEYS) && (bits & VALUES) ? "items" : bits & KEYS ? "keys" : "values";
    PyObject *view = PyObject_CallMethod(dict, way, NULL), *made = NULL;
    if (!view) return NULL;
    made = bits & DOWN ? PyObject_CallOneArg((PyObject *)&PyReversed_Type, view)
                       : PyObject_GetIter(view);
    Py_DECREF(view);
    return made;
}

static PyObject *fill_ordered_dict(PyObject *iterator, PyObject *const *parts) {
    Py_ssize_t bits, index;
    bool changed;
    if (!PyODict_Check(parts[0])) return rp_wrong_part("no OrderedDict");
    if (rp_part_number(parts[1], 0, DOWN | KEYS | VALUES, &bits) < 0 ||
        rp_part_number(parts[2], 0, PY_SSIZE_T_MAX, &index) < 0 ||
        rp_part_flag(parts[3], &changed) < 0)
        return NULL;
    rp_kind kind = RP_KIND_ORDERED_DICT;
    iterator = take_over(iterator, kind, over_ordered_dict(parts[0], bits), index);
    if (iterator && changed)
        rp_kind_set_number(iterator, kind, 4, (Py_ssize_t)~rp_ordered_dict_state(parts[0]));
    return iterator;
}

static PyObject *fill_view(PyObject *iterator, rp_kind kind, PyObject *const *parts) {
    bool ordered = kind >= RP_KIND_ORDERED_VIEW_KEYS;
    if (!PyDict_Check(parts[0]) || (ordered && !PyODict_Check(parts[0])))
        return rp_wrong_part("no dict");
    rp_kind_set_object(iterator, kind, 0, parts[0]);
    return Py_NewRef(iterator);
}

/* ---- over iterators ---- */

static PyObject *fill_enumerate(PyObject *iterator, PyObject *const *parts) {
    rp_kind kind = RP_KIND_ENUMERATE;
    if (!is_iterator(parts[0]) || !PyLong_CheckExact(parts[1]))
        return rp_wrong_part("an enumerate");
    Py_ssize_t number = PyLong_AsSsize_t(parts[1]);
    bool is_long = (number == -1 && PyErr_Occurred()) || number == PY_SSIZE_T_MAX;
    PyErr_Clear();
    rp_kind_set_object(iterator, kind, 0, parts[0]);
    rp_kind_set_number(iterator, kind, 1, is_long ? PY_SSIZE_T_MAX : number);
    rp_kind_set_object(iterator, kind, 2, is_long ? parts[1] : NULL);
    return Py_NewRef(iterator);
}

/* A new tuple of the iterators in a list; with `gaps`, None becomes an empty place. */
static PyObject *iterators_of(PyObject *list, bool gaps, Py_ssize_t *count) {
    if (!rp_part_is_complete(list, true)) return rp_wrong_part("no list of iterators");
    PyObject *tuple = PyTuple_New(PyList_GET_SIZE(list));
    *count = 0;
    for (Py_ssize_t i = 0; tuple && i < PyList_GET_SIZE(list); i++) {
        PyObject *member = PyList_GET_ITEM(list, i);
        if (gaps && member == Py_None) continue;
        if (!is_iterator(member)) {
            Py_DECREF(tuple);
            return rp_wrong_part("a member that is none");
        }
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(member));
        ++*count;
    }
    return tuple;
}

static PyObject *nothings(Py_ssize_t count) {
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(Py_None));
    return tuple;
}

static PyObject *fill_zip(PyObject *iterator, rp_kind kind, PyObject *const *parts) {
    bool longest = kind == RP_KIND_ZIP_LONGEST, strict = false;
    Py_ssize_t count;
    if (!longest && rp_part_flag(parts[1], &strict) < 0) return NULL;
    PyObject *iterators = iterators_of(parts[0], longest, &count);
    PyObject *result = iterators ? nothings(PyTuple_GET_SIZE(iterators)) : NULL;
    if (result) {
        rp_kind_set_object(iterator, kind, 0, iterators);
        rp_kind_set_number(iterator, kind, 2, PyTuple_GET_SIZE(iterators));
        if (longest) {
            rp_kind_set_object(iterator, kind, 1, parts[1]);
            rp_kind_set_number(iterator, kind, 3, count);
        } else {
            rp_kind_set_number(iterator, kind, 1, strict);
        }
        rp_kind_set_object(iterator, kind, longest ? 4 : 3, result);
    }
    Py_XDECREF(iterators);
    Py_XDECREF(result);
    return result ? Py_NewRef(iterator) : NULL;
}

static PyObject *fill_map(PyObject *iterator, PyObject *const *parts) {
    bool strict;
    Py_ssize_t count;
    if (rp_part_flag(parts[2], &strict) < 0 ||
        rp_kind_set_number(iterator, RP_KIND_MAP, 2, strict) < 0)
        return NULL;
    PyObject *iterators = iterators_of(parts[1], false, &count);
    if (!iterators) return NULL;
    rp_kind_set_object(iterator, RP_KIND_MAP, 0, iterators);
    rp_kind_set_object(iterator, RP_KIND_MAP, 1, parts[0]);
    Py_DECREF(iterators);
    return Py_NewRef(iterator);
}

/* ---- the rest of itertools ---- */

static PyObject *fill_count(PyObject *iterator, PyObject *const *parts) {
    PyObject *made =
        PyObject_CallFunctionObjArgs((PyObject *)Py_TYPE(iterator), parts[0], parts[1], NULL);
    return take_over(iterator, RP_KIND_COUNT, made, 0);
}

static PyObject *fill_cycle(PyObject *iterator, PyObject *const *parts) {
    rp_kind kind = RP_KIND_CYCLE;
    Py_ssize_t index;
    bool first_pass, has_source = parts[0] != Py_None;
    if (has_source && !is_iterator(parts[0])) return rp_wrong_part("a cycle over no iterator");
    if (!rp_part_is_complete(parts[1], true))
        return rp_wrong_part("no list of the items of a cycle");
    Py_ssize_t count = PyList_GET_SIZE(parts[1]);
    if (rp_part_number(parts[2], 0, count ? count - 1 : 0, &index) < 0 ||
        rp_part_flag(parts[3], &first_pass) < 0 ||
        rp_kind_set_number(iterator, kind, 3, first_pass) < 0)
        return NULL;
    PyObject *saved = PyList_GetSlice(parts[1], 0, count); /* nobody else's: never shorter */
    if (!saved) return NULL;
    rp_kind_set_object(iterator, kind, 0, has_source ? parts[0] : NULL);
    rp_kind_set_object(iterator, kind, 1, saved);
    if (!has_source || first_pass) rp_kind_set_number(iterator, kind, 2, index);
    Py_DECREF(saved);
    return Py_NewRef(iterator);
}

static PyObject *fill_islice(PyObject *iterator, PyObject *const *parts) {
    static const Py_ssize_t low[] = {0, 0, -1, 1, 0};
    for (int i = 1; i < 5; i++) {
        Py_ssize_t number;
        if (rp_part_number(parts[i], low[i], PY_SSIZE_T_MAX, &number) < 0) return NULL;
        rp_kind_set_number(iterator, RP_KIND_ISLICE, i, number);
    }
    if (parts[0] != Py_None && !is_iterator(parts[0]))
        return rp_wrong_part("a slice of no iterator");
    rp_kind_set_object(iterator, RP_KIND_ISLICE, 0, parts[0] == Py_None ? NULL : parts[0]);
    return Py_NewRef(iterator);
}

static PyObject *fill_grouper(PyObject *iterator, PyObject *const *parts) {
    bool is_current;
    if (rp_kind_of(parts[0]) != RP_KIND_GROUPBY) return rp_wrong_part("a group of no groupby");
    if (rp_part_flag(parts[2], &is_current) < 0) return NULL;
    rp_kind_set_object(iterator, RP_KIND_GROUPER, 0, parts[0]);
    rp_kind_set_object(iterator, RP_KIND_GROUPER, 1, parts[1]);
    if (is_current)
        *(const void **)rp_field_at(parts[0], rp_kind_field(RP_KIND_GROUPBY, 5)) = iterator;
    return Py_NewRef(iterator);
}

static PyObject *fill_tee(const rp_decoder *decoder, PyObject *iterator, PyObject *const *parts) {
    Py_ssize_t index;
    if (rp_kind_of(parts[0]) != RP_KIND_TEE_DATA) return rp_wrong_part("a tee of no block");
    Py_ssize_t count = rp_field_number(parts[0], rp_kind_field(RP_KIND_TEE_DATA, 2));
    /* a block that leads to this tee is not filled yet */
    if (decoder && rp_is_open(decoder, parts[0])) count = RP_TEE_CELLS;
    if (rp_part_number(parts[1], 0, count, &index) < 0) return NULL;
    rp_kind_set_object(iterator, RP_KIND_TEE, 0, parts[0]);
    rp_kind_set_number(iterator, RP_KIND_TEE, 1, index);
    return Py_NewRef(iterator);
}

static PyObject *fill_tee_data(PyObject *block, PyObject *const *parts) {
    rp_kind kind = RP_KIND_TEE_DATA;
    PyObject *next = parts[2] == Py_None ? NULL : parts[2], **cells = rp_tee_cells(block);
    if (!is_iterator(parts[0]) || !rp_part_is_complete(parts[1], true) ||
        PyList_GET_SIZE(parts[1]) > RP_TEE_CELLS || (next && rp_kind_of(next) != (int)kind) ||
        next == block)
        return rp_wrong_part("a block of tee");
    Py_ssize_t count = PyList_GET_SIZE(parts[1]);
    for (Py_ssize_t i = 0; i < count; i++)
        cells[i] = Py_NewRef(PyList_GET_ITEM(parts[1], i));
    rp_kind_set_object(block, kind, 0, parts[0]);
    rp_kind_set_object(block, kind, 1, next);
    rp_kind_set_number(block, kind, 2, count);
    return Py_NewRef(block);
}

/* Without a source it must have no size either: from 3.14 on CPython looks at that alone. */
static PyObject *fill_batched(PyObject *iterator, PyObject *const *parts) {
    rp_kind kind = RP_KIND_BATCHED;
    Py_ssize_t size;
    bool strict, has_source = parts[0] != Py_None;
    if (has_source && !is_iterator(parts[0])) return rp_wrong_part("batches of no iterator");
    if (rp_part_number(parts[1], 1, PY_SSIZE_T_MAX, &size) < 0 ||
        rp_part_flag(parts[2], &strict) < 0 || rp_kind_set_number(iterator, kind, 2, strict) < 0)
        return NULL;
    rp_kind_set_object(iterator, kind, 0, has_source ? parts[0] : NULL);
    rp_kind_set_number(iterator, kind, 1, has_source ? size : -1);
    return Py_NewRef(iterator);
}

static int fill_field(PyObject *iterator, rp_kind kind, int index, PyObject *part) {
    const rp_field *field = rp_kind_field(kind, index);
    Py_ssize_t number;
    switch (field->type) {
    case RP_FIELD_OBJECT:
        break;
    case RP_FIELD_OPTIONAL:
        if (optional_of(part, &part) < 0) return -1;
        break;
    case RP_FIELD_SOURCE:
        if (part == Py_None) part = NULL;
        /* fall through */
    case RP_FIELD_ITERATOR:
        if (!part || is_iterator(part)) break;
        rp_wrong_part("over a value that is no iterator");
        return -1;
    default:
        if (rp_part_number(part, kind == RP_KIND_REPEAT ? -1 : 0, PY_SSIZE_T_MAX, &number) < 0)
            return -1;
        return rp_kind_set_number(iterator, kind, index, number);
    }
    rp_kind_set_object(iterator, kind, index, part);
    return 0;
}

static PyObject *fill_fields(PyObject *iterator, rp_kind kind, PyObject *const *parts) {
    for (int i = 0; i < rp_kind_entries[kind].parts; i++)
        if (fill_field(iterator, kind, i, parts[i]) < 0) return NULL;
    /* a value without its key would be compared with nothing */
    if (kind == RP_KIND_GROUPBY && !rp_field_object(iterator, rp_kind_field(kind, 3)) &&
        rp_field_object(iterator, rp_kind_field(kind, 4)))
        return rp_wrong_part("a group without its key");
    return Py_NewRef(iterator);
}

PyObject *rp_iterator_fill(rp_decoder *decoder, PyObject *iterator, rp_kind kind,
                           PyObject *const *parts) {
    if (kind <= RP_KIND_REVERSED) return fill_over(iterator, kind, parts);
    if (kind >= RP_KIND_VIEW_KEYS && kind <= RP_KIND_ORDERED_VIEW_ITEMS)
        return fill_view(iterator, kind, parts);
    switch (kind) {
    case RP_KIND_RANGE:
    case RP_KIND_LONG_RANGE:
        return fill_range(parts);
    case RP_KIND_DICT_KEYS:
    case RP_KIND_DICT_VALUES:
    case RP_KIND_DICT_ITEMS:
    case RP_KIND_DICT_KEYS_REVERSED:
    case RP_KIND_DICT_VALUES_REVERSED:
    case RP_KIND_DICT_ITEMS_REVERSED:
        return fill_dict(decoder, iterator, kind, parts);
    case RP_KIND_ORDERED_DICT:
        return fill_ordered_dict(iterator, parts);
    case RP_KIND_SET:
        return fill_set(decoder, iterator, parts);
    case RP_KIND_DEQUE:
    case RP_KIND_DEQUE_REVERSED:
        return fill_deque(iterator, kind, parts);
    case RP_KIND_ENUMERATE:
        return fill_enumerate(iterator, parts);
    case RP_KIND_ZIP:
    case RP_KIND_ZIP_LONGEST:
        return fill_zip(iterator, kind, parts);
    case RP_KIND_MAP:
        return fill_map(iterator, parts);
    case RP_KIND_COMBINATIONS:
    case RP_KIND_COMBINATIONS_REPLACED:
    case RP_KIND_PERMUTATIONS:
        return rp_fill_chosen(iterator, kind, parts);
    case RP_KIND_PRODUCT:
        return rp_fill_product(iterator, parts);
    case RP_KIND_COUNT:
        return fill_count(iterator, parts);
    case RP_KIND_CYCLE:
        return fill_cycle(iterator, parts);
    case RP_KIND_BATCHED:
        return fill_batched(iterator, parts);
    case RP_KIND_ISLICE:
        return fill_islice(iterator, parts);
    case RP_KIND_GROUPER:
        return fill_grouper(iterator, parts);
    case RP_KIND_TEE:
        return fill_tee(decoder, iterator, parts);
    case RP_KIND_TEE_DATA:
        return fill_tee_data(iterator, parts);
    default:
        return fill_fields(iterator, kind, parts);
    }
}
