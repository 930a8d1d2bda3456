/* Where a call finds what it calls: two entries above those that it leaves, then the arguments. */
#ifndef RP_PYCOMPAT_CALL_OPERANDS_H
#define RP_PYCOMPAT_CALL_OPERANDS_H

#include "stack.h"

typedef struct rp_operands { /* addresses, which may dangle: for comparing alone */
    const void *callable;
    const void *self; /* a method's first argument, or NULL */
    int first;        /* slot of the first argument */
} rp_operands;

/* Of the call whose operands begin at `slot`. */
static inline rp_operands rp_call_operands(PyFrameObject *frame, int slot) {
    const void *low = rp_stack_address(frame, slot), *high = rp_stack_address(frame, slot + 1);
#if PY_VERSION_HEX >= 0x030D0000
    const void *callable = low, *self = high;
#else
    const void *callable = low ? low : high, *self = low ? high : NULL;
#endif
    return (rp_operands){.callable = callable, .self = self, .first = self ? slot + 1 : slot + 2};
}

/* A functools.partial object that has one argument of its own puts that into its own place while it
 * calls its function. */
enum { RP_PARTIAL_MAKES_PLACE = PY_VERSION_HEX < 0x030D0000 };

/* How far below the top a `with` that an exception left keeps what its __exit__ is. */
#if PY_VERSION_HEX >= 0x030E0000
enum { RP_EXIT_BELOW_TOP = 5 };
#else
enum { RP_EXIT_BELOW_TOP = 4 };
#endif

/* What is looked up to be called, and is no method, has an empty entry below it until 3.12, above
 * it since. */
#if PY_VERSION_HEX >= 0x030D0000
enum { RP_EMPTY_BELOW_ATTRIBUTE = 0 };
#else
enum { RP_EMPTY_BELOW_ATTRIBUTE = 1 };
#endif

/* How far below the top the instruction of a `for` or of `yield from` finds its iterator: 3.15
 * keeps the index into a list above it. */
#if PY_VERSION_HEX >= 0x030F0000
enum { RP_ITERATED_BELOW_TOP = 2, RP_SENT_BELOW_TOP = 3 };
#else
enum { RP_ITERATED_BELOW_TOP = 1, RP_SENT_BELOW_TOP = 2 };
#endif
#endif
