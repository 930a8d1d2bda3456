/* Whether a decoded value leads to something that could not be made. */
#include "decode.h"

#include "memo.h"

typedef struct walk {
    rp_memo seen;          /* in the order in which they were met */
    rp_memo lost, classes; /* what it is about; classes that belong to the values */
    bool failed;
} walk;

/* What belongs to the program and not to a value. */
static bool is_border(const walk *all, PyObject *object) {
    size_t index;
    if (PyType_Check(object)) return !rp_memo_find(&all->classes, object, &index);
    return PyModule_Check(object) || PyCode_Check(object) || PyFrame_Check(object);
}

static int add(PyObject *object, void *context) {
    walk *all = context;
    size_t index;
    if (is_border(all, object) || rp_memo_find(&all->seen, object, &index)) return 0;
    if (!rp_memo_add(&all->seen, object, 0)) all->failed = true;
    return 0;
}

static void add_parts_of_function(walk *all, PyObject *object) {
    PyFunctionObject *function = (PyFunctionObject *)object;
    PyObject *const parts[] = {function->func_closure, function->func_defaults,
                               function->func_kwdefaults, function->func_dict};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i]) add(parts[i], all);
}

/* The content that a target is going to have. */
static void add_content(walk *all, const rp_decoder *decoder, PyObject *object) {
    for (size_t i = 0; i < decoder->filling_count; i++)
        if (decoder->fillings[i].target == object) add(decoder->fillings[i].content, all);
}

static void add_next(walk *all, const rp_decoder *decoder, PyObject *object) {
    traverseproc traverse = Py_TYPE(object)->tp_traverse;
    add_content(all, decoder, object);
    if (PyFunction_Check(object))
        add_parts_of_function(all, object);
    else if (PyObject_IS_GC(object) && traverse)
        traverse(object, add, all);
}

static bool put_into(rp_memo *memo, PyObject *object, Py_ssize_t number) {
    size_t index;
    return rp_memo_find(memo, object, &index) || rp_memo_add(memo, object, (size_t)number);
}

static bool begin(walk *all, const rp_decoder *decoder) {
    PyObject *lost = decoder->lost, *classes = decoder->made_classes;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lost); i++)
        if (!put_into(&all->lost, PyTuple_GET_ITEM(PyList_GET_ITEM(lost, i), 0), i)) return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(classes); i++)
        if (!put_into(&all->classes, PyList_GET_ITEM(classes, i), i)) return false;
    return true;
}

int rp_decoder_leads_to_lost(rp_decoder *decoder, PyObject *value, PyObject **why) {
    walk all = {0};
    size_t index;
    *why = NULL;
    all.failed = !begin(&all, decoder);
    add(value, &all);
    for (size_t i = 0; i < all.seen.count && !all.failed && !*why; i++) {
        PyObject *object = all.seen.entries[i].object;
        if (rp_memo_find(&all.lost, object, &index))
            *why =
                Py_NewRef(PyTuple_GET_ITEM(PyList_GET_ITEM(decoder->lost, (Py_ssize_t)index), 1));
        else
            add_next(&all, decoder, object);
    }
    rp_memo_release(&all.lost);
    rp_memo_release(&all.classes);
    rp_memo_release(&all.seen);
    if (!all.failed) return *why ? 1 : 0;
    Py_CLEAR(*why);
    PyErr_NoMemory();
    return -1;
}
