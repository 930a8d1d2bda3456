/* Lists of numbers, and what is kept of them from one save to the next. */
#ifndef RP_PACKED_H
#define RP_PACKED_H

#include "module.h"

/* A list of numbers as the last save has packed it. */
typedef struct rp_packed {
    const void *list; /* where it was: only a hint, the list may be gone */
    PyObject *memory; /* strong: 8 bytes for each number; nobody else writes to it */
    uint8_t *bytes;   /* of `memory` */
    PyObject **items; /* strong: the numbers, which can't change; NULL: not worth it yet */
    Py_ssize_t count;
    unsigned unstable; /* saves to wait until it may be worth it */
    bool is_float;
} rp_packed;

/* Of the lists that a save has met, in its order: a number that is the same object as at the last
 * save is not looked at again. Zero-initialised it is empty. */
typedef struct rp_packed_lists {
    rp_packed *before, *met; /* of the last save, of the one under way */
    size_t before_count, met_count, met_capacity;
    size_t next; /* in `before`: where the list that comes next is looked for first */
    size_t kept; /* bytes of `met` */
} rp_packed_lists;

/* A save begins: what it will not meet again is forgotten at its end. */
void rp_packed_begin(rp_packed_lists *lists);
void rp_packed_end(rp_packed_lists *lists);
void rp_packed_release(rp_packed_lists *lists);
#endif
