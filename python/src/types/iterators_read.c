/* Iterators out of the object stream: when they are made, and what becomes of them in a file that
 * is not mine. */
#include "../opaque.h"
#include "iterators.h"

/* Iterators of iterators end in recursion of CPython, when they are used and when they go. */
enum { FOREIGN_ITERATORS_MAX = 1000 };

/* Known to this version of resume, but not to this CPython. */
static void *not_here(rp_decoder *decoder, rp_kind kind) {
    return PyErr_Format(decoder->state->error,
                        "the saved state has a '%s', which this version of Python does not have, "
                        "or keeps in an unknown way: run it with the Python that saved it",
                        rp_kind_entries[kind].name);
}

static bool has_opaque(const rp_decoder *decoder, PyObject *list) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *member = PyList_GET_ITEM(list, i);
        if (member && rp_opaque_check(decoder->state, member)) return true;
    }
    return false;
}

/* What it is made of is not trusted. */
static bool is_opaque(const rp_decoder *decoder, rp_kind kind, PyObject *const *parts,
                      Py_ssize_t count) {
    bool lists = kind == RP_KIND_ZIP || kind == RP_KIND_MAP || kind == RP_KIND_ZIP_LONGEST ||
                 kind == RP_KIND_ACCUMULATE;
    for (Py_ssize_t i = 0; !decoder->source.is_mine && i < count; i++) {
        if (rp_opaque_check(decoder->state, parts[i])) return true;
        if (lists && PyList_CheckExact(parts[i]) && has_opaque(decoder, parts[i])) return true;
    }
    return false;
}

static PyObject *opaque_of(rp_decoder *decoder, rp_kind kind, PyObject *const *parts,
                           Py_ssize_t count) {
    const rp_kind_entry *entry = &rp_kind_entries[kind];
    PyObject *opaque = rp_opaque_new(decoder->state), *name = NULL, *state = NULL;
    if (opaque) name = PyUnicode_FromString(entry->type_name ? entry->type_name : entry->name);
    if (name) state = PyList_New(count);
    for (Py_ssize_t i = 0; state && i < count; i++)
        PyList_SET_ITEM(state, i, Py_NewRef(parts[i]));
    if (state) {
        rp_opaque_fill(opaque, name, state);
    } else {
        Py_CLEAR(opaque);
    }
    Py_XDECREF(name);
    Py_XDECREF(state);
    return opaque;
}

static int fill_late(rp_decoder *decoder, const rp_late *late) {
    PyObject *const *parts = ((PyTupleObject *)late->parts)->ob_item;
    rp_kind kind = (rp_kind)rp_kind_of(late->object);
    PyObject *filled =
        rp_checked_parts(decoder, rp_iterator_fill(decoder, late->object, kind, parts));
    int status = !filled ? -1 : 0;
    /* a set in another order: it goes over a set of what was to come */
    if (filled && filled != late->object) {
        PyObject *rest = PySet_New(parts[4]), *made = rest ? PyObject_GetIter(rest) : NULL;
        if (made) rp_layout_swap(late->object, made, kind);
        status = made ? 0 : -1;
        Py_XDECREF(rest);
        Py_XDECREF(made);
    }
    Py_XDECREF(filled);
    return status;
}

/* Its container is not complete before the outermost value is. */
static PyObject *put_off(rp_decoder *decoder, PyObject *iterator, rp_kind kind,
                         PyObject *const *parts) {
    rp_late late = {.level = 0, .act = fill_late, .object = iterator};
    late.parts = PyTuple_New(rp_kind_entries[kind].parts);
    for (int i = 0; late.parts && i < rp_kind_entries[kind].parts; i++)
        PyTuple_SET_ITEM(late.parts, i, Py_NewRef(parts[i]));
    int status = late.parts ? rp_late_add(decoder, &late) : -1;
    Py_XDECREF(late.parts);
    return status < 0 ? NULL : Py_NewRef(iterator);
}

/* Such an iterator is made by steps in its container, or looks into it. */
static bool has_to_wait(rp_decoder *decoder, rp_kind kind, PyObject *container) {
    const rp_open *frame = rp_top(decoder);
    return (kind == RP_KIND_DEQUE || kind == RP_KIND_DEQUE_REVERSED ||
            kind == RP_KIND_ORDERED_DICT || kind == RP_KIND_SET) &&
           (frame->late.use != RP_READY || frame->late.hash != RP_READY ||
            rp_is_open(decoder, container));
}

static PyObject *made(rp_decoder *decoder, PyObject *iterator, rp_kind kind, PyObject *const *parts,
                      Py_ssize_t count) {
    if (count == 0) {
        /* exhausted, as after its last item */
        PyObject *item = Py_TYPE(iterator)->tp_iternext(iterator);
        Py_XDECREF(item);
        return item || PyErr_Occurred() ? rp_damaged(decoder, "an iterator does not end")
                                        : Py_NewRef(iterator);
    }
    if (has_to_wait(decoder, kind, parts[0])) {
        if (decoder->source.is_mine) return put_off(decoder, iterator, kind, parts);
        return rp_damaged(decoder, "an iterator over a container that holds it");
    }
    return rp_checked_parts(decoder, rp_iterator_fill(decoder, iterator, kind, parts));
}

static PyObject *finish_iterator(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    const rp_open *frame = rp_top(decoder);
    rp_kind kind = (rp_kind)frame->variety;
    if (is_opaque(decoder, kind, parts, count)) return opaque_of(decoder, kind, parts, count);
    PyObject *iterator =
        frame->object ? Py_NewRef(frame->object) : rp_kind_make(decoder->state, kind);
    PyObject *value = iterator ? made(decoder, iterator, kind, parts, count) : NULL;
    Py_XDECREF(iterator);
    if (value && PyList_Append(decoder->positioned, value) < 0) Py_CLEAR(value);
    return value;
}

/* The kind whose name stands next; -1. */
static int next_kind(rp_decoder *decoder) {
    rs_cbor_item item;
    if (rp_next(decoder, &item) < 0) return -1;
    int kind = item.kind == RS_CBOR_TEXT ? rp_kind_named(item.bytes, (size_t)item.argument) : -1;
    if (kind < 0) {
        rp_damaged(decoder, "an iterator of an unknown kind");
        return -1;
    }
    int works = rp_kind_works(decoder->state, (rp_kind)kind);
    if (works == 0) not_here(decoder, (rp_kind)kind);
    return works > 0 ? kind : -1;
}

int rp_open_iterator(rp_decoder *decoder) {
    Py_ssize_t count = rp_next_array(decoder, 1, 1 + RP_FIELDS_MAX);
    int kind = count < 0 ? -1 : next_kind(decoder);
    if (kind < 0) return -1;
    const rp_kind_entry *entry = &rp_kind_entries[kind];
    if (count - 1 != entry->parts && !(entry->ends && count == 1)) {
        rp_damaged(decoder, "an iterator has too few or too many parts");
        return -1;
    }
    bool is_mine = decoder->source.is_mine;
    if (!is_mine && ++decoder->iterator_count > FOREIGN_ITERATORS_MAX)
        return rp_too_much(decoder, "it has more than 1,000 iterators");
    if (rp_check_room(decoder, (uint64_t)count - 1) < 0) return -1;
    /* what may be hostile has no circles of iterators */
    PyObject *iterator = NULL;
    if (entry->announced && is_mine && !(iterator = rp_kind_make(decoder->state, (rp_kind)kind)))
        return -1;
    if (rp_open_frame(decoder, RP_OPEN_VALUES, iterator, (uint64_t)count - 1, finish_iterator) < 0)
        return -1;
    rp_top(decoder)->variety = kind;
    if (iterator) rp_announce(decoder);
    return 0;
}
