/* Iterators of C that a running generator feeds: which can be asked again. */
#include "capture_call.h"

#include "../types/iterators.h"

/* The iterator that one of this kind asks first, borrowed: it has changed nothing of its own
 * before, so that it can be asked again. NULL: there is none, or items would be lost. */
static PyObject *asked_first(PyObject *iterator, rp_kind kind) {
    PyObject *all;
    switch (kind) {
    case RP_KIND_ENUMERATE:
    case RP_KIND_FILTER:
    case RP_KIND_FILTERFALSE:
    case RP_KIND_TAKEWHILE:
    case RP_KIND_DROPWHILE:
    case RP_KIND_STARMAP:
    case RP_KIND_ACCUMULATE:
    case RP_KIND_COMPRESS:
    case RP_KIND_CYCLE:
    case RP_KIND_ISLICE:
    case RP_KIND_PAIRWISE:
    case RP_KIND_GROUPBY:
        for (int i = 0; i < RP_FIELDS_MAX; i++) {
            const rp_field *field = rp_kind_field(kind, i);
            if (field->type != RP_FIELD_ITERATOR && field->type != RP_FIELD_SOURCE) continue;
            return rp_field_object(iterator, field);
        }
        return NULL;
    case RP_KIND_CHAIN: /* the one it is in, else the one of the next to be in */
        all = rp_field_object(iterator, rp_kind_field(kind, 1));
        return all ? all : rp_field_object(iterator, rp_kind_field(kind, 0));
    case RP_KIND_ZIP: /* the others have given nothing yet */
    case RP_KIND_MAP:
        all = rp_field_object(iterator, rp_kind_field(kind, 0));
        if (all == NULL || !PyTuple_Check(all) || PyTuple_GET_SIZE(all) == 0) return NULL;
        return PyTuple_GET_ITEM(all, 0);
    default:
        return NULL;
    }
}

int rp_asks_first(rp_module_state *state, PyObject *iterator, PyObject *generator) {
    while (iterator != NULL && iterator != generator) {
        if (Py_REFCNT(iterator) == 0) return 0; /* it dies, and closes the generator */
        int kind = rp_kind_of(iterator), works = kind < 0 ? 0 : rp_kind_works(state, (rp_kind)kind);
        if (works <= 0) return works;
        iterator = asked_first(iterator, (rp_kind)kind);
    }
    return iterator != NULL;
}
