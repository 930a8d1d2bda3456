/* Memory that arrays share, by the object that holds it and by its place. */
#include "owners.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { RANK_MIN = 4 };

/* Memory of a rank, of up to 2^rank bytes, lies in the piece of so many bytes that it begins in,
 * and in the next one. */
static unsigned rank_of(uint64_t size) {
    unsigned rank = RANK_MIN;
    while (rank < 63 && UINT64_C(1) << rank < size)
        rank++;
    return rank;
}

static size_t home_of(const rp_encoder *encoder, unsigned rank, uint64_t piece) {
    uint64_t key = (piece * 64 + rank) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(key >> 32) & (encoder->owner_home_count - 1);
}

static size_t *home_of_owner(const rp_encoder *encoder, const rp_owner *owner) {
    unsigned rank = rank_of(owner->size);
    return &encoder->owner_homes[home_of(encoder, rank, (uintptr_t)owner->start >> rank)];
}

/* In front of the others of its home: so the last one can be taken out again. */
static void place(rp_encoder *encoder, size_t index) {
    rp_owner *owner = &encoder->owners[index];
    size_t *home = home_of_owner(encoder, owner);
    owner->next = *home;
    *home = index + 1;
    encoder->owner_ranks |= UINT64_C(1) << rank_of(owner->size);
}

static bool grow(rp_encoder *encoder) {
    size_t capacity = encoder->owner_capacity ? encoder->owner_capacity * 2 : 16;
    rp_owner *owners = rs_reallocate_array(encoder->owners, capacity, sizeof *owners);
    if (!owners) return false;
    encoder->owners = owners;
    size_t *homes = rs_allocate_zeroed(capacity, sizeof *homes);
    if (!homes) return false;
    rs_free(encoder->owner_homes);
    encoder->owner_homes = homes;
    encoder->owner_home_count = encoder->owner_capacity = capacity;
    for (size_t i = 0; i < encoder->owner_count; i++)
        place(encoder, i);
    return true;
}

rp_owner *rp_owners_find(rp_encoder *encoder, PyObject *object) {
    size_t index;
    return rp_memo_find(&encoder->owner_memo, object, &index) ? &encoder->owners[index] : NULL;
}

rp_owner *rp_owners_add(rp_encoder *encoder, PyObject *object, const uint8_t *start, uint64_t size,
                        size_t share, bool is_value) {
    if ((encoder->owner_count == encoder->owner_capacity && !grow(encoder)) ||
        !rp_memo_add(&encoder->owner_memo, object, encoder->owner_count)) {
        PyErr_NoMemory();
        return NULL;
    }
    rp_owner *owner = &encoder->owners[encoder->owner_count];
    *owner =
        (rp_owner){.start = start, .size = size, .low = size, .share = share, .is_value = is_value};
    place(encoder, encoder->owner_count++);
    return owner;
}

void rp_owners_undo(rp_encoder *encoder, size_t count) {
    while (encoder->owner_count > count) {
        const rp_owner *owner = &encoder->owners[--encoder->owner_count];
        *home_of_owner(encoder, owner) = owner->next;
    }
}

/* The lowest number of an owner around these bytes in this piece; SIZE_MAX: none. */
static size_t look_in(const rp_encoder *encoder, unsigned rank, uint64_t piece,
                      const uint8_t *start, uint64_t size) {
    size_t found = SIZE_MAX;
    for (size_t next = encoder->owner_homes[home_of(encoder, rank, piece)]; next > 0;) {
        const rp_owner *owner = &encoder->owners[next - 1];
        if (owner->start <= start && start + size <= owner->start + owner->size) found = next - 1;
        next = owner->next;
    }
    return found;
}

rp_owner *rp_owners_around(rp_encoder *encoder, const uint8_t *start, uint64_t size) {
    size_t found = SIZE_MAX;
    if (!encoder->tensor_type || size == 0) return NULL;
    for (uint64_t ranks = encoder->owner_ranks; ranks; ranks &= ranks - 1) {
        unsigned rank = (unsigned)__builtin_ctzll(ranks);
        uint64_t piece = (uintptr_t)start >> rank;
        size_t here = look_in(encoder, rank, piece, start, size);
        size_t before = piece > 0 ? look_in(encoder, rank, piece - 1, start, size) : SIZE_MAX;
        if (here < found) found = here;
        if (before < found) found = before;
    }
    return found == SIZE_MAX ? NULL : &encoder->owners[found];
}

/* ---- memory of which each of several owners has a part ---- */

static int compare_starts(const void *a, const void *b) {
    const rp_owner *const *left = a, *const *right = b;
    return ((*left)->start > (*right)->start) - ((*left)->start < (*right)->start);
}

static PyObject *object_of(const rp_encoder *encoder, const rp_owner *owner) {
    return encoder->owner_memo.entries[owner - encoder->owners].object;
}

enum { WHOLE_START, WHOLE_SIZE, WHOLE_OBJECT, WHOLE_HOLDER };

/* (start, size, the value that has all of it or None, what holds it) of some owners that overlap.
 */
static PyObject *whole_of(const rp_encoder *encoder, rp_owner *const *owners, size_t count) {
    const uint8_t *start = owners[0]->start, *end = start;
    for (size_t i = 0; i < count; i++)
        if (owners[i]->start + owners[i]->size > end) end = owners[i]->start + owners[i]->size;
    uint64_t size = (uint64_t)(end - start);
    PyObject *value = Py_None, *holder = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; holder && i < count; i++) {
        PyObject *object = object_of(encoder, owners[i]);
        if (owners[i]->is_value && owners[i]->start == start && owners[i]->size == size)
            value = object;
        PyTuple_SET_ITEM(holder, (Py_ssize_t)i, Py_NewRef(object));
    }
    PyObject *whole = NULL, *place = PyLong_FromVoidPtr((void *)start);
    if (place && holder) whole = Py_BuildValue("(OKOO)", place, size, value, holder);
    Py_XDECREF(place);
    Py_XDECREF(holder);
    return whole;
}

/* Those of `owners` (in the order of their starts) that overlap with others. 0 or -1. */
static int add_torn(const rp_encoder *encoder, rp_owner *const *owners, size_t count,
                    PyObject *torn) {
    for (size_t i = 0, next; i < count; i = next) {
        const uint8_t *end = owners[i]->start + owners[i]->size;
        for (next = i + 1; next < count && owners[next]->start < end; next++)
            if (owners[next]->start + owners[next]->size > end)
                end = owners[next]->start + owners[next]->size;
        if (next - i == 1) continue;
        PyObject *whole = whole_of(encoder, owners + i, next - i);
        int status = whole ? PyList_Append(torn, whole) : -1;
        Py_XDECREF(whole);
        if (status < 0) return -1;
    }
    return 0;
}

PyObject *rp_encoder_torn(rp_encoder *encoder) {
    PyObject *torn = PyList_New(0);
    if (!torn || !encoder->tensor_type || encoder->owner_count < 2) return torn;
    rp_owner **owners = rs_allocate_array(encoder->owner_count, sizeof *owners);
    size_t count = 0;
    for (size_t i = 0; owners && i < encoder->owner_count; i++)
        if (encoder->owners[i].size > 0) owners[count++] = &encoder->owners[i];
    if (!owners) PyErr_NoMemory();
    if (owners) qsort(owners, count, sizeof(rp_owner *), compare_starts);
    if (!owners || add_torn(encoder, owners, count, torn) < 0) Py_CLEAR(torn);
    rs_free(owners);
    return torn;
}

void rp_encoder_keep_whole(rp_encoder *encoder, PyObject *torn) {
    encoder->wholes = Py_NewRef(torn);
}

static const uint8_t *start_of(PyObject *whole) {
    return PyLong_AsVoidPtr(PyTuple_GET_ITEM(whole, WHOLE_START));
}

bool rp_owners_whole(const rp_encoder *encoder, const uint8_t *start, uint64_t size,
                     rp_root *whole) {
    if (!encoder->wholes) return false;
    Py_ssize_t low = 0, high = PyList_GET_SIZE(encoder->wholes);
    while (low < high) { /* the last one that does not begin behind `start` */
        Py_ssize_t middle = low + (high - low) / 2;
        if (start_of(PyList_GET_ITEM(encoder->wholes, middle)) <= start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return false;
    PyObject *found = PyList_GET_ITEM(encoder->wholes, low - 1);
    PyObject *value = PyTuple_GET_ITEM(found, WHOLE_OBJECT);
    *whole = (rp_root){.object = value == Py_None ? found : value,
                       .is_value = value != Py_None,
                       .start = start_of(found),
                       .size = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(found, WHOLE_SIZE)),
                       .keep = PyTuple_GET_ITEM(found, WHOLE_HOLDER)};
    return start + size <= whole->start + whole->size;
}
