/* Iterators to the object stream: their position is read, nothing is asked for its next item. */
#include "iterators.h"

#include "../pycompat/set_table.h"
#include "known_types.h"

static PyObject *object_in(PyObject *iterator, rp_kind kind, int index) {
    return rp_field_object(iterator, rp_kind_field(kind, index));
}

static Py_ssize_t number_in(PyObject *iterator, rp_kind kind, int index) {
    return rp_field_number(iterator, rp_kind_field(kind, index));
}

/* [] or [value] */
static PyObject *optional(PyObject *value) {
    return value ? Py_BuildValue("[O]", value) : PyList_New(0);
}

static PyObject *generic_part(PyObject *iterator, const rp_field *field) {
    switch (field->type) {
    case RP_FIELD_OBJECT:
    case RP_FIELD_ITERATOR:
        return Py_NewRef(rp_field_object(iterator, field));
    case RP_FIELD_SOURCE: {
        PyObject *source = rp_field_object(iterator, field);
        return Py_NewRef(source ? source : Py_None);
    }
    case RP_FIELD_OPTIONAL:
        return optional(rp_field_object(iterator, field));
    case RP_FIELD_BOOL:
    case RP_FIELD_INT:
    case RP_FIELD_LONG:
    case RP_FIELD_SIZE:
    default:
        return PyLong_FromSsize_t(rp_field_number(iterator, field));
    }
}

/* The fields as they stand in the layout. */
static PyObject *generic_parts(PyObject *iterator, rp_kind kind) {
    Py_ssize_t count = rp_kind_entries[kind].parts;
    PyObject *parts = PyTuple_New(count);
    for (int i = 0; parts && i < count; i++) {
        PyObject *part = generic_part(iterator, rp_kind_field(kind, i));
        if (!part) Py_CLEAR(parts);
        if (parts) PyTuple_SET_ITEM(parts, i, part);
    }
    return parts;
}

/* The content of a tuple that only the iterator knows, NULL becoming None. */
static PyObject *members(PyObject *tuple) {
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *member = PyTuple_GET_ITEM(tuple, i);
        PyList_SET_ITEM(list, i, Py_NewRef(member ? member : Py_None));
    }
    return list;
}

static PyObject *numbers(PyObject *iterator, rp_kind kind, int index, Py_ssize_t count) {
    const Py_ssize_t *from = *(Py_ssize_t **)rp_field_at(iterator, rp_kind_field(kind, index));
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *number = PyLong_FromSsize_t(from[i]);
        if (!number) Py_CLEAR(list);
        if (list) PyList_SET_ITEM(list, i, number);
    }
    return list;
}

static PyObject *range_parts(PyObject *iterator, rp_kind kind) {
    long index = (long)number_in(iterator, kind, 3);
    long start = (long)number_in(iterator, kind, 0), step = (long)number_in(iterator, kind, 1);
    unsigned long next = (unsigned long)start + (unsigned long)index * (unsigned long)step;
    return Py_BuildValue("(lll)", (long)next, step, (long)number_in(iterator, kind, 2) - index);
}

static PyObject *long_range_parts(PyObject *iterator, rp_kind kind) {
    PyObject *start = object_in(iterator, kind, 0), *step = object_in(iterator, kind, 1);
    PyObject *length = object_in(iterator, kind, 2);
    if (!rp_kind_field(kind, 3)->type) return PyTuple_Pack(3, start, step, length);
    PyObject *index = object_in(iterator, kind, 3), *parts = NULL;
    PyObject *way = PyNumber_Multiply(index, step);
    PyObject *next = way ? PyNumber_Add(start, way) : NULL;
    PyObject *left = next ? PyNumber_Subtract(length, index) : NULL;
    if (left) parts = PyTuple_Pack(3, next, step, left);
    Py_XDECREF(way);
    Py_XDECREF(next);
    Py_XDECREF(left);
    return parts;
}

static bool is_reversed(rp_kind kind) {
    return kind >= RP_KIND_DICT_KEYS_REVERSED && kind <= RP_KIND_DICT_ITEMS_REVERSED;
}

/* The place in the table becomes a count: deleted keys leave holes, which a restored dict has not.
 */
static PyObject *dict_parts(PyObject *iterator, rp_kind kind) {
    PyObject *dict = object_in(iterator, kind, 0), *key, *value;
    Py_ssize_t place = number_in(iterator, kind, 1), at = 0, before = 0;
    if (is_reversed(kind)) place++;
    while (PyDict_Next(dict, &at, &key, &value) && at <= place)
        before++;
    return Py_BuildValue("(Onnn)", dict, is_reversed(kind) ? before - 1 : before,
                         number_in(iterator, kind, 2), number_in(iterator, kind, 3));
}

static PyObject *ordered_dict_parts(PyObject *iterator, rp_kind kind) {
    PyObject *dict = object_in(iterator, kind, 0), *current = object_in(iterator, kind, 2);
    PyObject *keys = PyObject_CallMethod(dict, "keys", NULL), *list = NULL, *parts = NULL;
    if (keys) list = PySequence_List(keys);
    if (list) {
        bool down = number_in(iterator, kind, 1) & 1;
        Py_ssize_t count = PyList_GET_SIZE(list), at = 0;
        while (at < count && PyList_GET_ITEM(list, down ? count - 1 - at : at) != current)
            at++;
        bool changed = (size_t)number_in(iterator, kind, 4) != rp_ordered_dict_state(dict) ||
                       number_in(iterator, kind, 3) != count || (current && at == count);
        parts = Py_BuildValue("(OnnO)", dict, number_in(iterator, kind, 1), at,
                              changed ? Py_True : Py_False);
    }
    Py_XDECREF(keys);
    Py_XDECREF(list);
    return parts;
}

/* What is left is written as well: another process may have another order. */
static PyObject *set_parts(PyObject *iterator, rp_kind kind) {
    PyObject *set = object_in(iterator, kind, 0), *left = PyList_New(0), *key, *parts = NULL;
    size_t place = (size_t)number_in(iterator, kind, 1), slots = rp_set_slots(set);
    Py_ssize_t before = 0;
    for (size_t slot = 0; left && slot < slots; slot++) {
        if (rp_set_slot(set, slot, &key) != RP_SLOT_USED) continue;
        before += slot < place;
        if (slot >= place && PyList_Append(left, key) < 0) Py_CLEAR(left);
    }
    if (left)
        parts = Py_BuildValue("(OnnnO)", set, before, number_in(iterator, kind, 2),
                              number_in(iterator, kind, 3), left);
    Py_XDECREF(left);
    return parts;
}

static PyObject *deque_parts(PyObject *iterator, rp_kind kind) {
    PyObject *deque = object_in(iterator, kind, 0);
    bool changed = (size_t)number_in(iterator, kind, 2) != rp_deque_state(deque);
    return Py_BuildValue("(OnO)", deque, number_in(iterator, kind, 1),
                         changed ? Py_True : Py_False);
}

static PyObject *enumerate_parts(PyObject *iterator, rp_kind kind) {
    PyObject *number = object_in(iterator, kind, 2);
    if (number) return PyTuple_Pack(2, object_in(iterator, kind, 0), number);
    return Py_BuildValue("(On)", object_in(iterator, kind, 0), number_in(iterator, kind, 1));
}

static PyObject *zip_parts(PyObject *iterator, rp_kind kind) {
    return Py_BuildValue("(NO)", members(object_in(iterator, kind, 0)),
                         number_in(iterator, kind, 1) ? Py_True : Py_False);
}

static PyObject *map_parts(PyObject *iterator, rp_kind kind) {
    return Py_BuildValue("(ONO)", object_in(iterator, kind, 1),
                         members(object_in(iterator, kind, 0)),
                         number_in(iterator, kind, 2) ? Py_True : Py_False);
}

static PyObject *zip_longest_parts(PyObject *iterator, rp_kind kind) {
    return Py_BuildValue("(NO)", members(object_in(iterator, kind, 0)),
                         object_in(iterator, kind, 1));
}

/* combinations, permutations: [pool, length, stopped, started, indices (, cycles)] */
static PyObject *chosen_parts(PyObject *iterator, rp_kind kind) {
    PyObject *pool = object_in(iterator, kind, 0);
    Py_ssize_t length = number_in(iterator, kind, 1);
    PyObject *stopped = number_in(iterator, kind, 2) ? Py_True : Py_False;
    PyObject *started = object_in(iterator, kind, 3) ? Py_True : Py_False;
    if (kind != RP_KIND_PERMUTATIONS)
        return Py_BuildValue("(OnOON)", pool, length, stopped, started,
                             numbers(iterator, kind, 4, length));
    return Py_BuildValue("(OnOONN)", pool, length, stopped, started,
                         numbers(iterator, kind, 4, PyTuple_GET_SIZE(pool)),
                         numbers(iterator, kind, 5, length));
}

static PyObject *product_parts(PyObject *iterator, rp_kind kind) {
    PyObject *pools = object_in(iterator, kind, 0);
    return Py_BuildValue("(NOON)", members(pools),
                         number_in(iterator, kind, 2) ? Py_True : Py_False,
                         object_in(iterator, kind, 3) ? Py_True : Py_False,
                         numbers(iterator, kind, 4, PyTuple_GET_SIZE(pools)));
}

static PyObject *count_parts(PyObject *iterator, rp_kind kind) {
    PyObject *value = object_in(iterator, kind, 0), *step = object_in(iterator, kind, 1);
    if (value) return PyTuple_Pack(2, value, step);
    return Py_BuildValue("(nO)", number_in(iterator, kind, 2), step);
}

static PyObject *cycle_parts(PyObject *iterator, rp_kind kind) {
    PyObject *source = object_in(iterator, kind, 0), *saved = object_in(iterator, kind, 1);
    Py_ssize_t index = source ? 0 : number_in(iterator, kind, 2);
    bool first_pass = number_in(iterator, kind, 3);
    if (first_pass) index = number_in(iterator, kind, 2);
    return Py_BuildValue("(ONnO)", source ? source : Py_None,
                         PyList_GetSlice(saved, 0, PyList_GET_SIZE(saved)), index,
                         first_pass ? Py_True : Py_False);
}

/* An exhausted one has no size any more from 3.14 on. */
static PyObject *batched_parts(PyObject *iterator, rp_kind kind) {
    PyObject *source = object_in(iterator, kind, 0);
    return Py_BuildValue("(OnO)", source ? source : Py_None,
                         source ? number_in(iterator, kind, 1) : (Py_ssize_t)1,
                         number_in(iterator, kind, 2) ? Py_True : Py_False);
}

static PyObject *grouper_parts(PyObject *iterator, rp_kind kind) {
    PyObject *parent = object_in(iterator, kind, 0);
    const void *current = *(const void **)rp_field_at(parent, rp_kind_field(RP_KIND_GROUPBY, 5));
    return Py_BuildValue("(OOO)", parent, object_in(iterator, kind, 1),
                         current == iterator ? Py_True : Py_False);
}

static PyObject *tee_data_parts(PyObject *iterator, rp_kind kind) {
    PyObject *next = object_in(iterator, kind, 1), **cells = rp_tee_cells(iterator);
    Py_ssize_t count = number_in(iterator, kind, 2);
    PyObject *values = PyList_New(count);
    for (Py_ssize_t i = 0; values && i < count; i++)
        PyList_SET_ITEM(values, i, Py_NewRef(cells[i]));
    return Py_BuildValue("(ONO)", object_in(iterator, kind, 0), values, next ? next : Py_None);
}

PyObject *rp_iterator_parts(PyObject *iterator, rp_kind kind) {
    if (rp_kind_entries[kind].ends && !object_in(iterator, kind, 0)) return PyTuple_New(0);
    switch (kind) {
    case RP_KIND_RANGE:
        return range_parts(iterator, kind);
    case RP_KIND_LONG_RANGE:
        return long_range_parts(iterator, kind);
    case RP_KIND_DICT_KEYS:
    case RP_KIND_DICT_VALUES:
    case RP_KIND_DICT_ITEMS:
    case RP_KIND_DICT_KEYS_REVERSED:
    case RP_KIND_DICT_VALUES_REVERSED:
    case RP_KIND_DICT_ITEMS_REVERSED:
        return dict_parts(iterator, kind);
    case RP_KIND_ORDERED_DICT:
        return ordered_dict_parts(iterator, kind);
    case RP_KIND_SET:
        return set_parts(iterator, kind);
    case RP_KIND_DEQUE:
    case RP_KIND_DEQUE_REVERSED:
        return deque_parts(iterator, kind);
    case RP_KIND_ENUMERATE:
        return enumerate_parts(iterator, kind);
    case RP_KIND_ZIP:
        return zip_parts(iterator, kind);
    case RP_KIND_MAP:
        return map_parts(iterator, kind);
    case RP_KIND_ZIP_LONGEST:
        return zip_longest_parts(iterator, kind);
    case RP_KIND_COMBINATIONS:
    case RP_KIND_COMBINATIONS_REPLACED:
    case RP_KIND_PERMUTATIONS:
        return chosen_parts(iterator, kind);
    case RP_KIND_PRODUCT:
        return product_parts(iterator, kind);
    case RP_KIND_COUNT:
        return count_parts(iterator, kind);
    case RP_KIND_CYCLE:
        return cycle_parts(iterator, kind);
    case RP_KIND_BATCHED:
        return batched_parts(iterator, kind);
    case RP_KIND_GROUPER:
        return grouper_parts(iterator, kind);
    case RP_KIND_TEE_DATA:
        return tee_data_parts(iterator, kind);
    default:
        return generic_parts(iterator, kind);
    }
}

int rp_put_iterator(rp_encoder *encoder, PyObject *object) {
    int kind = rp_kind_of(object);
    int works = rp_kind_works(encoder->state, (rp_kind)kind);
    if (works < 0) return -1;
    if (!works)
        return rp_refuse(encoder, "this version of Python keeps the position of such iterators in "
                                  "an unknown way; keep a list and a position instead");
    PyObject *parts = rp_iterator_parts(object, (rp_kind)kind);
    if (!parts) return -1;
    rp_put_tag(encoder, RP_TAG_ITERATOR);
    rp_put_array_head(encoder, 1 + (size_t)PyTuple_GET_SIZE(parts));
    rs_cbor_put_literal(&encoder->buffer, rp_kind_entries[kind].name);
    return rp_push_parts(encoder, parts, ", in what it iterates over");
}
