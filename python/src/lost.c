/* Whether a decoded value leads to something that could not be made. */
#include "decode.h"

#include "memo.h"

typedef struct walk {
    rp_memo seen; /* in the order in which they were met */
    bool failed;
} walk;

/* What belongs to the program and not to a value. */
static bool is_border(PyObject *object) {
    return PyType_Check(object) || PyModule_Check(object) || PyCode_Check(object) ||
           PyFrame_Check(object);
}

static int add(PyObject *object, void *context) {
    walk *all = context;
    size_t index;
    if (is_border(object) || rp_memo_find(&all->seen, object, &index)) return 0;
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

static bool index_lost(const rp_decoder *decoder, rp_memo *lost) {
    size_t index;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(decoder->lost); i++) {
        PyObject *object = PyTuple_GET_ITEM(PyList_GET_ITEM(decoder->lost, i), 0);
        if (!rp_memo_find(lost, object, &index) && !rp_memo_add(lost, object, (size_t)i))
            return false;
    }
    return true;
}

int rp_decoder_leads_to_lost(rp_decoder *decoder, PyObject *value, PyObject **why) {
    walk all = {0};
    rp_memo lost = {0};
    size_t index;
    *why = NULL;
    all.failed = !index_lost(decoder, &lost);
    add(value, &all);
    for (size_t i = 0; i < all.seen.count && !all.failed && !*why; i++) {
        PyObject *object = all.seen.entries[i].object;
        if (rp_memo_find(&lost, object, &index))
            *why =
                Py_NewRef(PyTuple_GET_ITEM(PyList_GET_ITEM(decoder->lost, (Py_ssize_t)index), 1));
        else
            add_next(&all, decoder, object);
    }
    rp_memo_release(&lost);
    rp_memo_release(&all.seen);
    if (!all.failed) return *why ? 1 : 0;
    Py_CLEAR(*why);
    PyErr_NoMemory();
    return -1;
}
