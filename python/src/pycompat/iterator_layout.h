/* Where the iterators of CPython keep their position: itertools has lost pickling in 3.14, and what
 * __reduce__ tells is not enough before.
 *
 * The structs are private to CPython. A layout is used only after the self-test of its kind
 * (types/iterator_kinds.c) has held in this process. */
#ifndef RP_PYCOMPAT_ITERATOR_LAYOUT_H
#define RP_PYCOMPAT_ITERATOR_LAYOUT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

typedef enum rp_kind {
    /* over a sequence, by index */
    RP_KIND_LIST,
    RP_KIND_LIST_REVERSED,
    RP_KIND_TUPLE,
    RP_KIND_STR,
    RP_KIND_BYTES,
    RP_KIND_BYTEARRAY,
    RP_KIND_ARRAY,
    RP_KIND_SEQUENCE,
    RP_KIND_REVERSED,
    RP_KIND_RANGE,
    RP_KIND_LONG_RANGE,
    /* of dict, OrderedDict, set and deque */
    RP_KIND_DICT_KEYS,
    RP_KIND_DICT_VALUES,
    RP_KIND_DICT_ITEMS,
    RP_KIND_DICT_KEYS_REVERSED,
    RP_KIND_DICT_VALUES_REVERSED,
    RP_KIND_DICT_ITEMS_REVERSED,
    RP_KIND_ORDERED_DICT,
    RP_KIND_SET,
    RP_KIND_DEQUE,
    RP_KIND_DEQUE_REVERSED,
    /* no iterators, but what is iterated over */
    RP_KIND_VIEW_KEYS,
    RP_KIND_VIEW_VALUES,
    RP_KIND_VIEW_ITEMS,
    RP_KIND_ORDERED_VIEW_KEYS,
    RP_KIND_ORDERED_VIEW_VALUES,
    RP_KIND_ORDERED_VIEW_ITEMS,
    /* of other iterators */
    RP_KIND_ENUMERATE,
    RP_KIND_ZIP,
    RP_KIND_MAP,
    RP_KIND_FILTER,
    RP_KIND_CALLABLE,
    RP_KIND_ACCUMULATE,
    RP_KIND_BATCHED,
    RP_KIND_CHAIN,
    RP_KIND_COMBINATIONS,
    RP_KIND_COMBINATIONS_REPLACED,
    RP_KIND_COMPRESS,
    RP_KIND_COUNT,
    RP_KIND_CYCLE,
    RP_KIND_DROPWHILE,
    RP_KIND_FILTERFALSE,
    RP_KIND_GROUPBY,
    RP_KIND_GROUPER,
    RP_KIND_ISLICE,
    RP_KIND_PAIRWISE,
    RP_KIND_PERMUTATIONS,
    RP_KIND_PRODUCT,
    RP_KIND_REPEAT,
    RP_KIND_STARMAP,
    RP_KIND_TAKEWHILE,
    RP_KIND_TEE,
    RP_KIND_TEE_DATA,
    RP_KIND_ZIP_LONGEST,
    RP_KIND_COUNT_OF,
} rp_kind;

typedef enum rp_field_type {
    RP_FIELD_NONE,
    RP_FIELD_OBJECT,   /* never NULL */
    RP_FIELD_OPTIONAL, /* an object or NULL */
    RP_FIELD_ITERATOR, /* an iterator, never NULL */
    RP_FIELD_SOURCE,   /* an iterator, or NULL when it is exhausted */
    RP_FIELD_SIZE,     /* Py_ssize_t, or size_t */
    RP_FIELD_LONG,
    RP_FIELD_INT,
    RP_FIELD_BOOL,
    RP_FIELD_SIZES,  /* Py_ssize_t *: memory of PyMem */
    RP_FIELD_MEMORY, /* other pointers: borrowed */
    RP_FIELD_FALSE,  /* not in this CPython: always false, or 0 */
} rp_field_type;

typedef struct rp_field {
    rp_field_type type;
    uint16_t offset;
} rp_field;

enum { RP_FIELDS_MAX = 6, RP_TEE_CELLS = 57 };

typedef struct rp_layout {
    uint16_t size;                  /* tp_basicsize; 0: this CPython does not have it */
    rp_field fields[RP_FIELDS_MAX]; /* in the order of iterator_layout.c; ended by NONE */
} rp_layout;

extern const rp_layout rp_layouts[RP_KIND_COUNT_OF];

static inline void *rp_field_at(PyObject *object, const rp_field *field) {
    return (char *)object + field->offset;
}

/* The number in a SIZE, LONG, INT, BOOL or FALSE. */
Py_ssize_t rp_field_number(PyObject *object, const rp_field *field);
/* false: it does not fit. */
bool rp_field_set_number(PyObject *object, const rp_field *field, Py_ssize_t number);
PyObject *rp_field_object(PyObject *object, const rp_field *field); /* borrowed or NULL */
/* Takes a new reference to `value`, which may be NULL. */
void rp_field_set_object(PyObject *object, const rp_field *field, PyObject *value);
/* Every object that the layout names is one that the type shows to the collector. */
bool rp_layout_is_shown(PyObject *object, rp_kind kind);
/* Exchanges what two iterators of one kind hold. */
void rp_layout_swap(PyObject *a, PyObject *b, rp_kind kind);

/* Number of changes that a deque has seen, as its iterators compare it. */
size_t rp_deque_state(PyObject *deque);
/* The same for an OrderedDict. */
size_t rp_ordered_dict_state(PyObject *dict);
/* Memory of the cells of a block of tee. */
PyObject **rp_tee_cells(PyObject *block);
#endif
