/* A table of object identities: pointer -> index, with strong references, undone in one step. */
#ifndef RP_MEMO_H
#define RP_MEMO_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct rp_memo_entry {
    PyObject *object; /* strong: its address can't be taken by another object */
    size_t index;
} rp_memo_entry;

/* Zero-initialised it is empty. Entries stand in the order of insertion; `slots` holds their
 * numbers plus one, 0 for a free slot (linear probing). */
typedef struct rp_memo {
    rp_memo_entry *entries;
    size_t count, capacity;
    uint32_t *slots;
    size_t slot_count; /* a power of two, or 0 */
} rp_memo;

void rp_memo_release(rp_memo *memo);
bool rp_memo_find(const rp_memo *memo, PyObject *object, size_t *index);
/* The number of the entry of an object that is in the table. */
size_t rp_memo_entry_of(const rp_memo *memo, PyObject *object);
/* The object must not be in the table. False when there is no memory (no exception is set). */
bool rp_memo_add(rp_memo *memo, PyObject *object, size_t index);
/* Forgets everything that was added after the count was `count`. */
void rp_memo_rollback(rp_memo *memo, size_t count);
#endif
