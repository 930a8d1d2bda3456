/* The table of a set: what decides the order in which it is iterated, also after later changes. */
#ifndef RP_PYCOMPAT_SET_TABLE_H
#define RP_PYCOMPAT_SET_TABLE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "ints.h"

typedef enum rp_slot_kind { RP_SLOT_FREE, RP_SLOT_USED, RP_SLOT_DUMMY } rp_slot_kind;

/* Builds a set with these functions and looks at it through the public API. 0: this CPython lays
 * out sets in another way. -1: exception (MemoryError). To be asked once before a table is made. */
int rp_set_table_works(void);

/* A power of two, at least 8. */
static inline size_t rp_set_slots(PyObject *set) {
    return (size_t)((PySetObject *)set)->mask + 1;
}

/* `key`: borrowed, of a used slot. */
static inline rp_slot_kind rp_set_slot(PyObject *set, size_t slot, PyObject **key) {
    const setentry *entry = &((PySetObject *)set)->table[slot];
    if (!entry->key) return RP_SLOT_FREE;
    if (entry->hash == -1) return RP_SLOT_DUMMY;
    *key = entry->key;
    return RP_SLOT_USED;
}

/* Which of the eight slots from `slot` on, a multiple of eight, are of that kind: USED or DUMMY. */
static inline unsigned rp_set_bits(PyObject *set, size_t slot, rp_slot_kind kind) {
    const setentry *entries = &((PySetObject *)set)->table[slot];
    unsigned bits = 0;
    for (unsigned i = 0; i < 8; i++) {
        bool dummy = entries[i].hash == -1;
        bits |= (unsigned)((entries[i].key != NULL) & (dummy == (kind == RP_SLOT_DUMMY))) << i;
    }
    return bits;
}

/* The keys of the used ones among `count` slots (at most 256) from `start` on, and which they are;
 * room for one more is needed. Returns their number. Without branches: which slots are used nobody
 * can guess. */
static inline size_t rp_set_gather(PyObject *set, size_t start, size_t count, PyObject **keys,
                                   uint8_t *slots) {
    const setentry *entries = &((PySetObject *)set)->table[start];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        keys[found] = entries[i].key;
        slots[found] = (uint8_t)i;
        found += (size_t)((entries[i].key != NULL) & (entries[i].hash != -1));
    }
    return found;
}

size_t rp_set_finger(PyObject *set); /* where pop() goes on */
bool rp_set_has_dummies(PyObject *set);

/* Gives the new, empty `set` (or frozenset) a table of `slots` slots: keys[i] (borrowed; a new
 * reference is taken) is put into the i-th used slot of the bitmap `used`, `dummies` may be NULL.
 * The slots of both bitmaps must be distinct, and their count the one of `keys`.
 * 1: done. 0: not a table that such keys could have in this process (other hashes): the set is
 * still empty. -1: an exception (TypeError when a key has no hash; ValueError when two are equal;
 * MemoryError). */
int rp_set_fill_table(PyObject *set, size_t slots, const uint8_t *used, const uint8_t *dummies,
                      size_t finger, PyObject *const *keys, size_t count);
/* Exchanges the content of two sets. */
void rp_set_swap(PyObject *a, PyObject *b);
#endif
