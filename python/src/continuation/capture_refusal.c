/* What a refusal says: who runs the function from C, and what to write in its place. */
#include "capture_call.h"

#include "../pycompat/alive.h"

#include <string.h>

#define AS_LIST  "write a loop, or give it a list: [x for x in ...]"
#define AS_ITEMS "write a loop, or a list comprehension: [f(x) for x in ...]"
#define AS_KEYS  "make a list of what it gives first: [f(x) for x in ...]"
#define AS_LOOP  "write the loop: for x in ...: result = f(result, x)"
#define AS_FINDS "write a loop over finditer()"

/* What takes all items, or calls a function for each: nothing tells what it has by then. */
static const struct cure {
    const char *name, *cure;
} cures[] = {
    {"sum", AS_ITEMS},       {"list", AS_ITEMS},     {"tuple", AS_ITEMS}, {"set", AS_ITEMS},
    {"frozenset", AS_ITEMS}, {"dict", AS_ITEMS},     {"join", AS_ITEMS},  {"extend", AS_ITEMS},
    {"update", AS_ITEMS},    {"fromkeys", AS_ITEMS}, {"fsum", AS_ITEMS},  {"deque", AS_ITEMS},
    {"Counter", AS_ITEMS},   {"sorted", AS_KEYS},    {"sort", AS_KEYS},   {"max", AS_KEYS},
    {"min", AS_KEYS},        {"nlargest", AS_KEYS},  {"reduce", AS_LOOP}, {"sub", AS_FINDS},
    {"subn", AS_FINDS},
};

static const char *cure_of(PyObject *name, bool generator) {
    if (generator) return AS_LIST;
    for (size_t i = 0; name && i < sizeof cures / sizeof cures[0]; i++)
        if (PyUnicode_CompareWithASCIIString(name, cures[i].name) == 0) return cures[i].cure;
    return "save outside of it";
}

/* "join" of what is at the address, if it is alive and has a name: new reference, or NULL. */
static PyObject *name_at(const void *callable) {
    PyObject *name = rp_builtin_name(callable);
    PyObject *object = name || !callable ? NULL : rp_alive(callable);
    if (object) name = PyObject_GetAttrString(object, "__name__");
    Py_XDECREF(object);
    if (name && !PyUnicode_Check(name)) Py_CLEAR(name);
    PyErr_Clear();
    return name;
}

int rp_refuse_call(const rp_stand *stand, const rp_waited *inner, const void *callable,
                   rp_verdict *verdict) {
    PyObject *name = name_at(callable), *function = inner->stand->code->co_qualname;
    const char *cure = cure_of(name, inner->generator != NULL);
    if (name)
        verdict->reason =
            rp_reason_at(stand->frame, "%U() runs '%U' from C code, which can't be continued: %s",
                         name, function, cure);
    else
        verdict->reason = rp_reason_at(
            stand->frame, "'%U' is run from C code, which can't be continued: %s", function, cure);
    Py_XDECREF(name);
    return verdict->reason ? 0 : -1;
}
