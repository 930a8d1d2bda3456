/* The table of a set: what decides the order in which it is iterated, also after later changes. */
#ifndef RP_PYCOMPAT_SET_TABLE_H
#define RP_PYCOMPAT_SET_TABLE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

typedef enum rp_slot_kind { RP_SLOT_FREE, RP_SLOT_USED, RP_SLOT_DUMMY } rp_slot_kind;

/* Builds a set with these functions and looks at it through the public API. 0: this CPython lays
 * out sets in another way. -1: exception (MemoryError). To be asked once before a table is made. */
int rp_set_table_works(void);

size_t rp_set_slots(PyObject *set); /* a power of two, at least 8 */
rp_slot_kind rp_set_slot(PyObject *set, size_t slot, PyObject **key); /* key: borrowed */
size_t rp_set_finger(PyObject *set);                                  /* where pop() goes on */
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
