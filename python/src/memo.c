/* A table of object identities: pointer -> index, with strong references, undone in one step. */
#include "memo.h"

#include "base/alloc.h"

static size_t home_of(const rp_memo *memo, PyObject *object) {
    uint64_t address = (uint64_t)(uintptr_t)object;
    return (size_t)((address >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (memo->slot_count - 1);
}

/* The slot of the object, or the free one where it belongs. */
static size_t slot_of(const rp_memo *memo, PyObject *object) {
    size_t slot = home_of(memo, object);
    while (memo->slots[slot] && memo->entries[memo->slots[slot] - 1].object != object)
        slot = (slot + 1) & (memo->slot_count - 1);
    return slot;
}

void rp_memo_release(rp_memo *memo) {
    rp_memo_entry *entries = memo->entries;
    size_t count = memo->count;
    rs_free(memo->slots);
    *memo = (rp_memo){0};
    for (size_t i = 0; i < count; i++)
        Py_DECREF(entries[i].object);
    rs_free(entries);
}

bool rp_memo_find(const rp_memo *memo, PyObject *object, size_t *index) {
    if (memo->count == 0) return false;
    uint32_t number = memo->slots[slot_of(memo, object)];
    if (!number) return false;
    *index = memo->entries[number - 1].index;
    return true;
}

size_t rp_memo_entry_of(const rp_memo *memo, PyObject *object) {
    return memo->slots[slot_of(memo, object)] - 1;
}

static bool grow_slots(rp_memo *memo) {
    size_t slot_count = memo->slot_count ? memo->slot_count * 2 : 64;
    uint32_t *slots = rs_allocate_zeroed(slot_count, sizeof *slots);
    if (!slots) return false;
    rs_free(memo->slots);
    memo->slots = slots;
    memo->slot_count = slot_count;
    /* in the order of insertion: the invariant that lets the last entry be taken out again */
    for (size_t i = 0; i < memo->count; i++)
        slots[slot_of(memo, memo->entries[i].object)] = (uint32_t)i + 1;
    return true;
}

bool rp_memo_add(rp_memo *memo, PyObject *object, size_t index) {
    if (memo->count >= UINT32_MAX - 1) return false;
    if (memo->count == memo->capacity) {
        size_t capacity = memo->capacity ? memo->capacity * 2 : 32;
        rp_memo_entry *entries = rs_reallocate_array(memo->entries, capacity, sizeof *entries);
        if (!entries) return false;
        memo->entries = entries;
        memo->capacity = capacity;
    }
    if (memo->count * 2 >= memo->slot_count && !grow_slots(memo)) return false;
    memo->entries[memo->count] = (rp_memo_entry){Py_NewRef(object), index};
    memo->slots[slot_of(memo, object)] = (uint32_t)++memo->count;
    return true;
}

void rp_memo_rollback(rp_memo *memo, size_t count) {
    while (memo->count > count) {
        PyObject *object = memo->entries[memo->count - 1].object;
        memo->slots[slot_of(memo, object)] =
            0; /* the last inserted: no probe sequence crosses it */
        memo->count--;
        Py_DECREF(object);
    }
}
