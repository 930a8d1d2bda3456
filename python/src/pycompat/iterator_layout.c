/* The layout of iterators: Modules/itertoolsmodule.c, Objects/ and Python/bltinmodule.c of CPython.
 */
#include "iterator_layout.h"

#include <stddef.h>
#include <string.h>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x03100000
#error "the layout of iterators was not compared with this version of CPython"
#endif

#if PY_VERSION_HEX >= 0x030C0000
#define MODULE_STATE void *module_state;
#else
#define MODULE_STATE
#endif

/* Fields that no layout names are filled by the constructors, and stay. */
typedef struct over {
    PyObject_HEAD Py_ssize_t index;
    PyObject *sequence;
} over;
typedef struct array_over {
    PyObject_HEAD Py_ssize_t index;
    PyObject *array;
    void *get_item;
} array_over;
#if PY_VERSION_HEX >= 0x030C0000
typedef struct range {
    PyObject_HEAD long start, step, length;
} range;
typedef struct long_range {
    PyObject_HEAD PyObject *start, *step, *length;
} long_range;
#else
typedef struct range {
    PyObject_HEAD long index, start, step, length;
} range;
typedef struct long_range {
    PyObject_HEAD PyObject *index, *start, *step, *length;
} long_range;
#endif
typedef struct over_dict {
    PyObject_HEAD PyObject *dict;
    Py_ssize_t used, position;
    PyObject *result;
    Py_ssize_t left;
} over_dict;
typedef struct over_ordered_dict {
    PyObject_HEAD int kind;
    PyObject *dict;
    Py_ssize_t size;
    size_t state;
    PyObject *current, *result;
} over_ordered_dict;
typedef struct over_set {
    PyObject_HEAD PyObject *set;
    Py_ssize_t used, position, left;
} over_set;
typedef struct over_deque {
    PyObject_HEAD void *block;
    Py_ssize_t index;
    PyObject *deque;
    size_t state;
    Py_ssize_t left;
} over_deque;
typedef struct deque_start {
    PyObject_VAR_HEAD void *blocks[2];
    Py_ssize_t indices[2];
    size_t state;
} deque_start;
typedef struct ordered_dict_start {
    PyDictObject dict;
    void *ends[2], *fast_nodes;
    Py_ssize_t fast_node_count;
    void *resize_sentinel;
    size_t state;
} ordered_dict_start;
typedef struct view {
    PyObject_HEAD PyObject *dict;
} view;
typedef struct enumeration {
    PyObject_HEAD Py_ssize_t index;
    PyObject *iterator, *result, *long_index, *one;
} enumeration;
typedef struct zipped {
    PyObject_HEAD Py_ssize_t size;
    PyObject *iterators, *result;
    int strict;
} zipped;
typedef struct mapped {
    PyObject_HEAD PyObject *iterators, *function;
#if PY_VERSION_HEX >= 0x030E0000
    int strict;
#endif
} mapped;
typedef struct pair { /* two objects */
    PyObject_HEAD PyObject *first, *second;
} pair;
typedef struct switched { /* dropwhile, takewhile */
    PyObject_HEAD PyObject *function, *iterator;
    long is_behind;
} switched;
typedef struct accumulation {
    PyObject_HEAD PyObject *total, *iterator, *function, *initial;
    MODULE_STATE
} accumulation;
typedef struct batches {
    PyObject_HEAD PyObject *iterator;
    Py_ssize_t size;
#if PY_VERSION_HEX >= 0x030D0000
    bool strict;
#endif
} batches;
typedef struct chosen { /* combinations, with replacement or without */
    PyObject_HEAD PyObject *pool;
    Py_ssize_t *indices;
    PyObject *result;
    Py_ssize_t count;
    int stopped;
} chosen;
typedef struct permuted {
    PyObject_HEAD PyObject *pool;
    Py_ssize_t *indices, *cycles;
    PyObject *result;
    Py_ssize_t count;
    int stopped;
} permuted;
typedef struct multiplied {
    PyObject_HEAD PyObject *pools;
    Py_ssize_t *indices;
    PyObject *result;
    int stopped;
} multiplied;
typedef struct counted {
    PyObject_HEAD Py_ssize_t number;
    PyObject *value, *step;
} counted;
typedef struct cycled {
    PyObject_HEAD PyObject *iterator, *saved;
    Py_ssize_t index;
#if PY_VERSION_HEX < 0x030E0000
    int first_pass;
#endif
} cycled;
typedef struct grouped {
    PyObject_HEAD PyObject *iterator, *function, *target, *key, *value;
    const void *current;
    MODULE_STATE
} grouped;
typedef struct sliced {
    PyObject_HEAD PyObject *iterator;
    Py_ssize_t next, stop, step, count;
} sliced;
typedef struct paired {
    PyObject_HEAD PyObject *iterator, *old;
#if PY_VERSION_HEX >= 0x030D0000
    PyObject *result;
#endif
} paired;
typedef struct repeated {
    PyObject_HEAD PyObject *element;
    Py_ssize_t count;
} repeated;
typedef struct tee {
    PyObject_HEAD PyObject *block;
    int index;
    PyObject *weak_references;
    MODULE_STATE
} tee;
typedef struct tee_block {
    PyObject_HEAD PyObject *iterator;
    int count, running;
    PyObject *next;
    PyObject *values[RP_TEE_CELLS];
} tee_block;
typedef struct zipped_longest {
    PyObject_HEAD Py_ssize_t size, active;
    PyObject *iterators, *result, *filling;
} zipped_longest;

/* clang-format off: one kind a line */
#define AT(type, field, kind)                                                                      \
    { RP_FIELD_##kind, offsetof(type, field) }
#define ABSENT                                                                                     \
    { RP_FIELD_FALSE, 0 }
#define OVER                                                                                       \
    {                                                                                              \
        sizeof(over), {                                                                            \
            AT(over, sequence, OBJECT), AT(over, index, SIZE)                                      \
        }                                                                                          \
    }
#define OVER_DICT                                                                                  \
    {                                                                                              \
        sizeof(over_dict), {                                                                       \
            AT(over_dict, dict, OPTIONAL), AT(over_dict, position, SIZE),                          \
                AT(over_dict, used, SIZE), AT(over_dict, left, SIZE)                               \
        }                                                                                          \
    }
#define OVER_DEQUE                                                                                 \
    {                                                                                              \
        sizeof(over_deque), {                                                                      \
            AT(over_deque, deque, OBJECT), AT(over_deque, left, SIZE), AT(over_deque, state, SIZE) \
        }                                                                                          \
    }
#define VIEW                                                                                       \
    {                                                                                              \
        sizeof(view), {                                                                            \
            AT(view, dict, OBJECT)                                                                 \
        }                                                                                          \
    }
#define TWO(first_kind, second_kind)                                                               \
    {                                                                                              \
        sizeof(pair), {                                                                            \
            AT(pair, first, first_kind), AT(pair, second, second_kind)                             \
        }                                                                                          \
    }
#define CHOSEN                                                                                     \
    {                                                                                              \
        sizeof(chosen), {                                                                          \
            AT(chosen, pool, OBJECT), AT(chosen, count, SIZE), AT(chosen, stopped, INT),           \
                AT(chosen, result, OPTIONAL), AT(chosen, indices, SIZES)                           \
        }                                                                                          \
    }
#define SWITCHED                                                                                   \
    {                                                                                              \
        sizeof(switched), {                                                                        \
            AT(switched, function, OBJECT), AT(switched, iterator, ITERATOR),                      \
                AT(switched, is_behind, LONG)                                                      \
        }                                                                                          \
    }

const rp_layout rp_layouts[RP_KIND_COUNT_OF] = {
    [RP_KIND_LIST] = OVER,
    [RP_KIND_LIST_REVERSED] = OVER,
    [RP_KIND_TUPLE] = OVER,
    [RP_KIND_STR] = OVER,
    [RP_KIND_BYTES] = OVER,
    [RP_KIND_BYTEARRAY] = OVER,
    [RP_KIND_ARRAY] = {sizeof(array_over),
                       {AT(array_over, array, OBJECT), AT(array_over, index, SIZE)}},
    [RP_KIND_SEQUENCE] = OVER,
    [RP_KIND_REVERSED] = OVER,
#if PY_VERSION_HEX >= 0x030C0000
    [RP_KIND_RANGE] = {sizeof(range),
                       {AT(range, start, LONG), AT(range, step, LONG), AT(range, length, LONG),
                        ABSENT}},
    [RP_KIND_LONG_RANGE] = {sizeof(long_range),
                            {AT(long_range, start, OBJECT), AT(long_range, step, OBJECT),
                             AT(long_range, length, OBJECT)}},
#else
    [RP_KIND_RANGE] = {sizeof(range),
                       {AT(range, start, LONG), AT(range, step, LONG), AT(range, length, LONG),
                        AT(range, index, LONG)}},
    [RP_KIND_LONG_RANGE] = {sizeof(long_range),
                            {AT(long_range, start, OBJECT), AT(long_range, step, OBJECT),
                             AT(long_range, length, OBJECT), AT(long_range, index, OBJECT)}},
#endif
    [RP_KIND_DICT_KEYS] = OVER_DICT,
    [RP_KIND_DICT_VALUES] = OVER_DICT,
    [RP_KIND_DICT_ITEMS] = OVER_DICT,
    [RP_KIND_DICT_KEYS_REVERSED] = OVER_DICT,
    [RP_KIND_DICT_VALUES_REVERSED] = OVER_DICT,
    [RP_KIND_DICT_ITEMS_REVERSED] = OVER_DICT,
    [RP_KIND_ORDERED_DICT] = {sizeof(over_ordered_dict),
                              {AT(over_ordered_dict, dict, OPTIONAL),
                               AT(over_ordered_dict, kind, INT),
                               AT(over_ordered_dict, current, OPTIONAL),
                               AT(over_ordered_dict, size, SIZE),
                               AT(over_ordered_dict, state, SIZE)}},
    [RP_KIND_SET] = {sizeof(over_set),
                     {AT(over_set, set, OPTIONAL), AT(over_set, position, SIZE),
                      AT(over_set, used, SIZE), AT(over_set, left, SIZE)}},
    [RP_KIND_DEQUE] = OVER_DEQUE,
    [RP_KIND_DEQUE_REVERSED] = OVER_DEQUE,
    [RP_KIND_VIEW_KEYS] = VIEW,
    [RP_KIND_VIEW_VALUES] = VIEW,
    [RP_KIND_VIEW_ITEMS] = VIEW,
    [RP_KIND_ORDERED_VIEW_KEYS] = VIEW,
    [RP_KIND_ORDERED_VIEW_VALUES] = VIEW,
    [RP_KIND_ORDERED_VIEW_ITEMS] = VIEW,
    [RP_KIND_ENUMERATE] = {sizeof(enumeration),
                           {AT(enumeration, iterator, ITERATOR), AT(enumeration, index, SIZE),
                            AT(enumeration, long_index, OPTIONAL)}},
    [RP_KIND_ZIP] = {sizeof(zipped),
                     {AT(zipped, iterators, OBJECT), AT(zipped, strict, INT),
                      AT(zipped, size, SIZE), AT(zipped, result, OBJECT)}},
#if PY_VERSION_HEX >= 0x030E0000
    [RP_KIND_MAP] = {sizeof(mapped),
                     {AT(mapped, iterators, OBJECT), AT(mapped, function, OBJECT),
                      AT(mapped, strict, INT)}},
#else
    [RP_KIND_MAP] = {sizeof(mapped),
                     {AT(mapped, iterators, OBJECT), AT(mapped, function, OBJECT), ABSENT}},
#endif
    [RP_KIND_FILTER] = TWO(OBJECT, ITERATOR),
    [RP_KIND_CALLABLE] = TWO(OBJECT, OBJECT),
    [RP_KIND_ACCUMULATE] = {sizeof(accumulation),
                            {AT(accumulation, iterator, ITERATOR),
                             AT(accumulation, function, OPTIONAL),
                             AT(accumulation, total, OPTIONAL), AT(accumulation, initial, OBJECT)}},
#if PY_VERSION_HEX >= 0x030D0000
    [RP_KIND_BATCHED] = {sizeof(batches),
                         {AT(batches, iterator, SOURCE), AT(batches, size, SIZE),
                          AT(batches, strict, BOOL)}},
#elif PY_VERSION_HEX >= 0x030C0000
    [RP_KIND_BATCHED] = {sizeof(batches),
                         {AT(batches, iterator, SOURCE), AT(batches, size, SIZE), ABSENT}},
#endif
    [RP_KIND_CHAIN] = TWO(SOURCE, SOURCE),
    [RP_KIND_COMBINATIONS] = CHOSEN,
    [RP_KIND_COMBINATIONS_REPLACED] = CHOSEN,
    [RP_KIND_COMPRESS] = TWO(ITERATOR, ITERATOR),
    [RP_KIND_COUNT] = {sizeof(counted),
                       {AT(counted, value, OPTIONAL), AT(counted, step, OBJECT),
                        AT(counted, number, SIZE)}},
#if PY_VERSION_HEX >= 0x030E0000
    [RP_KIND_CYCLE] = {sizeof(cycled),
                       {AT(cycled, iterator, SOURCE), AT(cycled, saved, OBJECT),
                        AT(cycled, index, SIZE), ABSENT}},
#else
    [RP_KIND_CYCLE] = {sizeof(cycled),
                       {AT(cycled, iterator, SOURCE), AT(cycled, saved, OBJECT),
                        AT(cycled, index, SIZE), AT(cycled, first_pass, INT)}},
#endif
    [RP_KIND_DROPWHILE] = SWITCHED,
    [RP_KIND_FILTERFALSE] = TWO(OBJECT, ITERATOR),
    [RP_KIND_GROUPBY] = {sizeof(grouped),
                         {AT(grouped, iterator, ITERATOR), AT(grouped, function, OBJECT),
                          AT(grouped, target, OPTIONAL), AT(grouped, key, OPTIONAL),
                          AT(grouped, value, OPTIONAL), AT(grouped, current, MEMORY)}},
    [RP_KIND_GROUPER] = TWO(OBJECT, OBJECT),
    [RP_KIND_ISLICE] = {sizeof(sliced),
                        {AT(sliced, iterator, SOURCE), AT(sliced, next, SIZE),
                         AT(sliced, stop, SIZE), AT(sliced, step, SIZE), AT(sliced, count, SIZE)}},
    [RP_KIND_PAIRWISE] = {sizeof(paired),
                          {AT(paired, iterator, SOURCE), AT(paired, old, OPTIONAL)}},
    [RP_KIND_PERMUTATIONS] = {sizeof(permuted),
                              {AT(permuted, pool, OBJECT), AT(permuted, count, SIZE),
                               AT(permuted, stopped, INT), AT(permuted, result, OPTIONAL),
                               AT(permuted, indices, SIZES), AT(permuted, cycles, SIZES)}},
    [RP_KIND_PRODUCT] = {sizeof(multiplied),
                         {AT(multiplied, pools, OBJECT), ABSENT, AT(multiplied, stopped, INT),
                          AT(multiplied, result, OPTIONAL), AT(multiplied, indices, SIZES)}},
    [RP_KIND_REPEAT] = {sizeof(repeated),
                        {AT(repeated, element, OBJECT), AT(repeated, count, SIZE)}},
    [RP_KIND_STARMAP] = TWO(OBJECT, ITERATOR),
    [RP_KIND_TAKEWHILE] = SWITCHED,
    [RP_KIND_TEE] = {sizeof(tee), {AT(tee, block, OBJECT), AT(tee, index, INT)}},
    [RP_KIND_TEE_DATA] = {sizeof(tee_block),
                          {AT(tee_block, iterator, ITERATOR), AT(tee_block, next, OPTIONAL),
                           AT(tee_block, count, INT)}},
    [RP_KIND_ZIP_LONGEST] = {sizeof(zipped_longest),
                             {AT(zipped_longest, iterators, OBJECT),
                              AT(zipped_longest, filling, OBJECT), AT(zipped_longest, size, SIZE),
                              AT(zipped_longest, active, SIZE),
                              AT(zipped_longest, result, OBJECT)}},
};
/* clang-format on */

Py_ssize_t rp_field_number(PyObject *object, const rp_field *field) {
    const void *at = rp_field_at(object, field);
    switch (field->type) {
    case RP_FIELD_SIZE:
        return *(const Py_ssize_t *)at;
    case RP_FIELD_LONG:
        return *(const long *)at;
    case RP_FIELD_INT:
        return *(const int *)at;
    case RP_FIELD_BOOL:
        return *(const bool *)at;
    default:
        return 0;
    }
}

bool rp_field_set_number(PyObject *object, const rp_field *field, Py_ssize_t number) {
    void *at = rp_field_at(object, field);
    switch (field->type) {
    case RP_FIELD_SIZE:
        *(Py_ssize_t *)at = number;
        return true;
    case RP_FIELD_LONG:
        *(long *)at = number;
        return true;
    case RP_FIELD_INT:
        *(int *)at = (int)number;
        return number == (int)number;
    case RP_FIELD_BOOL:
        *(bool *)at = number != 0;
        return number == 0 || number == 1;
    default:
        return number == 0;
    }
}

PyObject *rp_field_object(PyObject *object, const rp_field *field) {
    return *(PyObject **)rp_field_at(object, field);
}

void rp_field_set_object(PyObject *object, const rp_field *field, PyObject *value) {
    Py_XINCREF(value);
    Py_XSETREF(*(PyObject **)rp_field_at(object, field), value);
}

typedef struct looked_for {
    PyObject *object;
    bool found;
} looked_for;

static int look(PyObject *object, void *context) {
    looked_for *wanted = context;
    if (object == wanted->object) wanted->found = true;
    return 0;
}

bool rp_layout_is_shown(PyObject *object, rp_kind kind) {
    traverseproc traverse = Py_TYPE(object)->tp_traverse;
    if (!traverse) return kind == RP_KIND_LONG_RANGE || kind == RP_KIND_RANGE;
    for (const rp_field *field = rp_layouts[kind].fields;
         field < rp_layouts[kind].fields + RP_FIELDS_MAX && field->type; field++) {
        if (field->type > RP_FIELD_SOURCE) continue;
        looked_for wanted = {.object = rp_field_object(object, field)};
        if (!wanted.object && field->type != RP_FIELD_OBJECT && field->type != RP_FIELD_ITERATOR)
            continue;
        traverse(object, look, &wanted);
        if (!wanted.found) return false;
    }
    return true;
}

void rp_layout_swap(PyObject *a, PyObject *b, rp_kind kind) {
    char *first = (char *)a, *second = (char *)b;
    for (size_t i = sizeof(PyObject); i < rp_layouts[kind].size; i++) {
        char byte = first[i];
        first[i] = second[i];
        second[i] = byte;
    }
}

size_t rp_deque_state(PyObject *deque) {
    return ((deque_start *)deque)->state;
}

PyObject **rp_tee_cells(PyObject *block) {
    return ((tee_block *)block)->values;
}

size_t rp_ordered_dict_state(PyObject *dict) {
    return ((ordered_dict_start *)dict)->state;
}
