/* Iterators in the object stream: what their kinds have in common. docs/format.md "Iterators". */
#ifndef RP_ITERATORS_H
#define RP_ITERATORS_H

#include "../decode.h"
#include "../encode.h"
#include "../pycompat/iterator_layout.h"

typedef struct rp_kind_entry {
    const char *name;      /* in the stream, and of the type but for the next two */
    const char *type_name; /* NULL: `name` */
    const char *other_name;
    const char *make;   /* expression: an iterator of the kind, as empty as can be */
    const char *sample; /* expression: one for the self-test */
    uint8_t parts;      /* how many stand in the stream; 0 of an exhausted one */
    bool ends;          /* may be exhausted, and then refers to nothing */
    bool announced;     /* exists before its parts, which may lead back to it */
} rp_kind_entry;

extern const rp_kind_entry rp_kind_entries[RP_KIND_COUNT_OF];

static inline const rp_field *rp_kind_field(rp_kind kind, int index) {
    return &rp_layouts[kind].fields[index];
}

/* iterator_kinds.c */
/* The kind of an object: -1 none. Only of the exact types of CPython. */
int rp_kind_of(PyObject *object);
/* The kind of that name in the stream; -1. */
int rp_kind_named(const void *name, size_t size);
/* Whether this CPython keeps the kind where the layout says: 1, 0 (not there at all, or laid out
 * differently), or -1 with an exception. Tried at the first call. */
int rp_kind_works(rp_module_state *state, rp_kind kind);
/* A new, empty one; only of a kind that works. */
PyObject *rp_kind_make(rp_module_state *state, rp_kind kind);

/* iterators.c: the parts of an iterator, a new tuple; empty: it is exhausted. */
PyObject *rp_iterator_parts(PyObject *iterator, rp_kind kind);
/* iterators_fill.c: gives the empty `iterator` (borrowed) these parts (all of them). A new
 * reference to it, or to another one that stands for it; NULL with ValueError when the parts are
 * none that such an iterator can have. `decoder` may be NULL. */
PyObject *rp_iterator_fill(rp_decoder *decoder, PyObject *iterator, rp_kind kind,
                           PyObject *const *parts);
/* For what fills one kind: ValueError and NULL; a list or tuple of the closed set, all of whose
 * items are there; a number from `low` to `high`, 0 or 1 (0, or -1 with ValueError). */
PyObject *rp_wrong_part(const char *what);
bool rp_part_is_complete(PyObject *value, bool is_list);
int rp_part_number(PyObject *part, Py_ssize_t low, Py_ssize_t high, Py_ssize_t *number);
int rp_part_flag(PyObject *part, bool *flag);
int rp_kind_set_number(PyObject *iterator, rp_kind kind, int index, Py_ssize_t number);
void rp_kind_set_object(PyObject *iterator, rp_kind kind, int index, PyObject *value);
/* iterators_pools.c: combinations, with replacement or without, and permutations; product. */
PyObject *rp_fill_chosen(PyObject *iterator, rp_kind kind, PyObject *const *parts);
PyObject *rp_fill_product(PyObject *iterator, PyObject *const *parts);
#endif
