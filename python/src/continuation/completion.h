/* What C code does with the result of a method that it has called: `a + b` with what __add__ gives,
 * `if a` with what __bool__ gives, and so on. A frame that waits for such a method goes on by a
 * call of the method's continuation, whose result is then completed here.
 *
 * A completion is a tuple, which a record keeps as its value: the name of its kind, then: */
#ifndef RP_COMPLETION_H
#define RP_COMPLETION_H

#include "../module.h"

#define RP_COMPLETES_BINARY "binary" /* operator, left, right, rp_asked */
#define RP_COMPLETES_COMPARE                                                                       \
    "compare"                          /* operator, left, right, rp_asked, is it inverted, a bool  \
                                        */
#define RP_COMPLETES_GET     "get"     /* owner, name: __getattr__, when there is no attribute */
#define RP_COMPLETES_HAS     "has"     /* owner, name, is there a __getattr__: hasattr() */
#define RP_COMPLETES_ELSE    "else"    /* exception (its name), value: that one when it is raised */
#define RP_COMPLETES_NOTHING "nothing" /* None */
#define RP_COMPLETES_FILTER  "filter"  /* iterator, item */
#define RP_COMPLETES_UNTIL   "until"   /* iter(function, sentinel) */
#define RP_COMPLETES_MISSING "missing" /* defaultdict, key, (the object that is made), or () */
/* Those of an operand say how far below the top it stands (1: on top), then: */
#define RP_COMPLETES_ANSWER "answer" /* method, class: it gives the result to who asks again */
#define RP_COMPLETES_CHAIN  "chain"  /* iterator: the result, then what it gives */

/* Which method of an operator it is. */
typedef enum rp_asked {
    RP_ASKED_IN_PLACE, /* __iadd__: then left, or right, ... */
    RP_ASKED_LEFT,
    RP_ASKED_RIGHT,
} rp_asked;

/* "add" of __add__, __radd__ and __iadd__, in the order of the operators of BINARY_OP. */
enum { RP_OPERATORS = 13 };
extern const char *const rp_operator_names[RP_OPERATORS];
/* The right operand is asked before the left one. */
bool rp_operator_right_first(PyObject *left, PyObject *right, int operator);
/* "__lt__" to "__ge__", by Py_LT to Py_GE; what the other operand is asked. */
extern const char *const rp_comparison_names[6];
int rp_comparison_swapped(int operator);

/* What is called with the result, or without arguments when the method has raised what
 * rp_completion_catches names. New reference. */
PyObject *rp_completion_function(PyObject *completion);
/* The completion of such a function, borrowed; NULL: it is none. */
PyObject *rp_completion_of(PyObject *function);
/* Borrowed: a class of exceptions, or NULL. */
PyObject *rp_completion_catches(PyObject *completion);
/* Where the operand stands; 0: it is none. */
int rp_completion_below(PyObject *completion);
/* Of one that was read: it has the form of one. */
bool rp_completion_is_valid(PyObject *completion);
#endif
