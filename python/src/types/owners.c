/* Memory that arrays share, by the object that holds it and by its place. */
#include "owners.h"

#include "base/alloc.h"

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
                        size_t share) {
    if ((encoder->owner_count == encoder->owner_capacity && !grow(encoder)) ||
        !rp_memo_add(&encoder->owner_memo, object, encoder->owner_count)) {
        PyErr_NoMemory();
        return NULL;
    }
    rp_owner *owner = &encoder->owners[encoder->owner_count];
    *owner = (rp_owner){.start = start, .size = size, .low = size, .share = share};
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
