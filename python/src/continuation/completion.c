/* Completes what methods give, as the C code would that has called them. */
#include "completion.h"

#include "../lookup.h"
#include "../pycompat/functions.h"
#include "../types/iterators.h"

#include <string.h>

const char *const rp_operator_names[RP_OPERATORS] = {
    "add", "and", "floordiv", "lshift", "matmul",  "mul", "mod",
    "or",  "pow", "rshift",   "sub",    "truediv", "xor",
};
static const char *const symbols[RP_OPERATORS] = {
    "+", "&", "//", "<<", "@", "*", "%", "|", "** or pow()", ">>", "-", "/", "^",
};
static const size_t number_slots[RP_OPERATORS] = {
    offsetof(PyNumberMethods, nb_add),
    offsetof(PyNumberMethods, nb_and),
    offsetof(PyNumberMethods, nb_floor_divide),
    offsetof(PyNumberMethods, nb_lshift),
    offsetof(PyNumberMethods, nb_matrix_multiply),
    offsetof(PyNumberMethods, nb_multiply),
    offsetof(PyNumberMethods, nb_remainder),
    offsetof(PyNumberMethods, nb_or),
    offsetof(PyNumberMethods, nb_power),
    offsetof(PyNumberMethods, nb_rshift),
    offsetof(PyNumberMethods, nb_subtract),
    offsetof(PyNumberMethods, nb_true_divide),
    offsetof(PyNumberMethods, nb_xor),
};
const char *const rp_comparison_names[6] = {"__lt__", "__le__", "__eq__",
                                            "__ne__", "__gt__", "__ge__"};
static const char *const comparison_symbols[6] = {"<", "<=", "==", "!=", ">", ">="};

/* ---- operators ---- */

/* What the classes of the type have, borrowed. */
static PyObject *method_of(PyTypeObject *type, const char *prefix, int operator) {
    PyObject *name = PyUnicode_FromFormat("__%s%s__", prefix, rp_operator_names[operator]);
    PyObject *found = name ? rp_type_lookup(type, name) : NULL;
    Py_XDECREF(name);
    return found;
}

static bool has_number_slot(PyTypeObject *type, int operator) {
    char *numbers = (char *)type->tp_as_number;
    return numbers && *(void **)(numbers + number_slots[operator]) != NULL;
}

bool rp_operator_right_first(PyObject *left, PyObject *right, int operator) {
    PyTypeObject *type = Py_TYPE(left), *other = Py_TYPE(right);
    if (type == other) return false;
    if (!has_number_slot(type, operator)) return true; /* a sequence comes last */
    return PyType_IsSubtype(other, type) &&
           method_of(other, "r", operator) != method_of(type, "r", operator);
}

/* One operand is asked; NotImplemented also when it has no such method. */
static PyObject *ask(PyObject *self, const char *prefix, int operator, PyObject * other) {
    PyObject *method = method_of(Py_TYPE(self), prefix, operator);
    if (PyErr_Occurred()) return NULL;
    if (method == NULL) return Py_NewRef(Py_NotImplemented);
    descrgetfunc get = Py_TYPE(method)->tp_descr_get;
    PyObject *bound = get ? get(method, self, (PyObject *)Py_TYPE(self)) : Py_NewRef(method);
    PyObject *result = bound ? PyObject_CallOneArg(bound, other) : NULL;
    Py_XDECREF(bound);
    return result;
}

static PyObject *complete_binary(PyObject *completion, PyObject *result) {
    PyObject *left, *right;
    int operator, asked;
    if (!PyArg_ParseTuple(completion, "siOOi", &(const char *){NULL}, &operator, & left, &right,
                          &asked))
        return NULL;
    bool in_place = operator>= RP_OPERATORS;
    operator%= RP_OPERATORS;
    bool right_first = rp_operator_right_first(left, right, operator);
    bool is_left_due = asked == RP_ASKED_IN_PLACE || (asked == RP_ASKED_RIGHT && right_first);
    bool is_right_due = Py_TYPE(left) != Py_TYPE(right) &&
                        (asked == RP_ASKED_IN_PLACE || (asked == RP_ASKED_LEFT && !right_first));
    Py_INCREF(result);
    for (int turn = 0; turn < 2 && result == Py_NotImplemented; turn++) {
        if ((turn == 0) == right_first && is_right_due)
            Py_SETREF(result, ask(right, "r", operator, left));
        else if ((turn == 0) != right_first && is_left_due)
            Py_SETREF(result, ask(left, "", operator, right));
    }
    if (result != Py_NotImplemented) return result;
    Py_DECREF(result);
    const char *symbol = symbols[operator];
    if (in_place && symbol[0] == '*' && symbol[1] == '*') symbol = "**";
    return PyErr_Format(PyExc_TypeError,
                        "unsupported operand type(s) for %s%s: '%.100s' and '%.100s'", symbol,
                        in_place ? "=" : "", Py_TYPE(left)->tp_name, Py_TYPE(right)->tp_name);
}

/* ---- comparisons ---- */

int rp_comparison_swapped(int operator) {
    static const int swapped[6] = {Py_GT, Py_GE, Py_EQ, Py_NE, Py_LT, Py_LE};
    return swapped[operator];
}

static PyObject *compared(PyObject *one, PyObject *other, int operator) {
    richcmpfunc compare = Py_TYPE(one)->tp_richcompare;
    return compare ? compare(one, other, operator) : Py_NewRef(Py_NotImplemented);
}

static PyObject *as_bool(PyObject *result, bool inverted) {
    int is = PyObject_IsTrue(result);
    Py_DECREF(result);
    return is < 0 ? NULL : PyBool_FromLong(is != inverted);
}

static PyObject *complete_compare(PyObject *completion, PyObject *result) {
    PyObject *left, *right;
    int operator, asked, inverted, to_bool;
    if (!PyArg_ParseTuple(completion, "siOOipp", &(const char *){NULL}, &operator, & left, &right,
                          &asked, &inverted, &to_bool))
        return NULL;
    bool right_first =
        Py_TYPE(left) != Py_TYPE(right) && PyType_IsSubtype(Py_TYPE(right), Py_TYPE(left));
    Py_INCREF(result);
    if (inverted && result != Py_NotImplemented) result = as_bool(result, true);
    if (result == Py_NotImplemented && asked == RP_ASKED_RIGHT && right_first)
        Py_SETREF(result, compared(left, right, operator));
    else if (result == Py_NotImplemented && asked == RP_ASKED_LEFT && !right_first)
        Py_SETREF(result, compared(right, left, rp_comparison_swapped(operator)));
    if (result == Py_NotImplemented && (operator== Py_EQ || operator== Py_NE))
        Py_SETREF(result, PyBool_FromLong((left == right) == (operator== Py_EQ)));
    if (result == Py_NotImplemented) {
        Py_DECREF(result);
        return PyErr_Format(
            PyExc_TypeError, "'%s' not supported between instances of '%.100s' and '%.100s'",
            comparison_symbols[operator], Py_TYPE(left)->tp_name, Py_TYPE(right)->tp_name);
    }
    return result && to_bool ? as_bool(result, false) : result;
}

/* ---- attributes ---- */

static PyObject *complete_get(PyObject *completion, PyObject *result) {
    PyObject *owner = PyTuple_GET_ITEM(completion, 1), *name = PyTuple_GET_ITEM(completion, 2);
    if (result) return Py_NewRef(result);
    PyObject *method = PyObject_GetAttrString((PyObject *)Py_TYPE(owner), "__getattr__");
    PyObject *value = method ? PyObject_CallFunctionObjArgs(method, owner, name, NULL) : NULL;
    Py_XDECREF(method);
    return value;
}

static PyObject *complete_has(PyObject *completion, PyObject *result) {
    bool is = result != NULL;
    if (!is && PyObject_IsTrue(PyTuple_GET_ITEM(completion, 3))) {
        PyObject *value = complete_get(completion, NULL);
        is = value != NULL;
        Py_XDECREF(value);
        if (!is && !PyErr_ExceptionMatches(PyExc_AttributeError)) return NULL;
        PyErr_Clear();
    }
    return PyBool_FromLong(is);
}

static PyObject *complete_else(PyObject *completion, PyObject *result) {
    return Py_NewRef(result ? result : PyTuple_GET_ITEM(completion, 2));
}

static PyObject *complete_nothing(PyObject *completion, PyObject *result) {
    (void)completion;
    (void)result;
    return Py_NewRef(Py_None);
}

/* ---- iterators ---- */

static PyObject *complete_filter(PyObject *completion, PyObject *result) {
    int is = PyObject_IsTrue(result);
    if (is < 0) return NULL;
    if (is) return Py_NewRef(PyTuple_GET_ITEM(completion, 2));
    PyObject *item = PyIter_Next(PyTuple_GET_ITEM(completion, 1));
    if (!item && !PyErr_Occurred()) PyErr_SetNone(PyExc_StopIteration);
    return item;
}

/* The iterator of iter(function, sentinel) ends with the result that is equal to it. */
static PyObject *complete_until(PyObject *completion, PyObject *result) {
    PyObject *iterator = PyTuple_GET_ITEM(completion, 1);
    const rp_field *function = rp_kind_field(RP_KIND_CALLABLE, 0);
    const rp_field *end = rp_kind_field(RP_KIND_CALLABLE, 1);
    PyObject *sentinel = Py_XNewRef(rp_field_object(iterator, end));
    int ends = sentinel ? PyObject_RichCompareBool(sentinel, result, Py_EQ) : 1;
    Py_XDECREF(sentinel);
    if (ends == 0) return Py_NewRef(result);
    if (ends > 0) {
        rp_field_set_object(iterator, function, NULL);
        rp_field_set_object(iterator, end, NULL);
        PyErr_SetNone(PyExc_StopIteration);
    }
    return NULL;
}

/* Takes the place of the factory for one call: (dict, default_factory, factory, value). */
static PyObject *give_once(PyObject *parts, PyObject *nothing) {
    (void)nothing;
    PyObject *done = PyObject_CallMethod(PyTuple_GET_ITEM(parts, 1), "__set__", "OO",
                                         PyTuple_GET_ITEM(parts, 0), PyTuple_GET_ITEM(parts, 2));
    if (!done) return NULL;
    Py_DECREF(done);
    return Py_NewRef(PyTuple_GET_ITEM(parts, 3));
}

/* __missing__ of defaultdict itself, which keeps the value in one way until 3.13 and in another
 * one from 3.14 on, with what the factory has given. */
static PyObject *ask_missing(PyObject *base, PyObject *dict, PyObject *key, PyObject *value) {
    static PyMethodDef method = {"give_once", give_once, METH_NOARGS, NULL};
    PyObject *field = PyObject_GetAttrString(base, "default_factory"), *given = NULL;
    PyObject *factory = field ? PyObject_CallMethod(field, "__get__", "O", dict) : NULL;
    PyObject *parts = factory ? PyTuple_Pack(4, dict, field, factory, value) : NULL;
    PyObject *gives = parts ? PyCFunction_New(&method, parts) : NULL;
    PyObject *done = gives ? PyObject_CallMethod(field, "__set__", "OO", dict, gives) : NULL;
    if (done) given = PyObject_CallMethod(base, "__missing__", "OO", dict, key);
    Py_XDECREF(done);
    Py_XDECREF(gives);
    Py_XDECREF(parts);
    Py_XDECREF(factory);
    Py_XDECREF(field);
    return given;
}

static PyObject *complete_missing(PyObject *completion, PyObject *result) {
    PyObject *dict = PyTuple_GET_ITEM(completion, 1), *made = PyTuple_GET_ITEM(completion, 3);
    PyObject *value = PyTuple_GET_SIZE(made) > 0 ? PyTuple_GET_ITEM(made, 0) : result;
    PyObject *order = Py_TYPE(dict)->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(order); i++) {
        PyObject *base = PyTuple_GET_ITEM(order, i);
        if (strcmp(((PyTypeObject *)base)->tp_name, "collections.defaultdict") == 0)
            return ask_missing(base, dict, PyTuple_GET_ITEM(completion, 2), value);
    }
    return PyErr_Format(PyExc_TypeError, "a %.100s makes no values", Py_TYPE(dict)->tp_name);
}

static PyObject *complete_chain(PyObject *completion, PyObject *result) {
    PyObject *module, *first = result ? PyTuple_Pack(1, result) : NULL, *chain = NULL;
    if (!result) return PyTuple_New(0); /* StopIteration ends the iterator around, too */
    if (first && rp_module_find("itertools", &module) > 0) {
        chain = PyObject_CallMethod(module, "chain", "OO", first, PyTuple_GET_ITEM(completion, 2));
        Py_DECREF(module);
    } else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_RuntimeError, "no module itertools");
    }
    Py_XDECREF(first);
    return chain;
}

/* ---- who is asked again ---- */

typedef struct answer {
    PyObject_HEAD PyObject *value;
} answer;

static PyObject *give(PyObject *self, PyObject *args) {
    (void)args;
    return Py_NewRef(((answer *)self)->value);
}

static int answer_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((answer *)self)->value);
    return 0;
}

static int answer_clear(PyObject *self) {
    Py_CLEAR(((answer *)self)->value);
    return 0;
}

static void answer_free(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    answer_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef answer_methods[] = {{"_give", give, METH_VARARGS, NULL}, {0}};
static PyType_Slot answer_slots[] = {
    {Py_tp_methods, answer_methods},
    {Py_tp_traverse, answer_traverse},
    {Py_tp_clear, answer_clear},
    {Py_tp_dealloc, answer_free},
    {0, NULL},
};
static PyType_Spec answer_spec = {
    .name = "resume._core.Answer",
    .basicsize = sizeof(answer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = answer_slots,
};

/* An object whose method of that name gives the result, so that the interpreter checks it, and goes
 * on with it, in its own way. */
static PyObject *complete_answer(PyObject *completion, PyObject *result) {
    PyObject *method = PyTuple_GET_ITEM(completion, 2), *name = PyTuple_GET_ITEM(completion, 3);
    PyObject *base = PyType_FromSpec(&answer_spec);
    PyObject *gives = base ? PyObject_GetAttrString(base, "_give") : NULL, *type = NULL;
    if (gives)
        type = PyObject_CallFunction((PyObject *)&PyType_Type, "O(O){OOs()}", name, base, method,
                                     gives, "__slots__");
    answer *made = type ? PyObject_GC_New(answer, (PyTypeObject *)type) : NULL;
    if (made) {
        made->value = Py_NewRef(result);
        PyObject_GC_Track(made);
    }
    Py_XDECREF(type);
    Py_XDECREF(gives);
    Py_XDECREF(base);
    return (PyObject *)made;
}

/* ---- kinds ---- */

static const struct kind {
    const char *name, *parts; /* i: a number, O: any object, s: text */
    PyObject *(*complete)(PyObject *completion, PyObject *result);
    PyObject **catches;
} kinds[] = {
    {RP_COMPLETES_BINARY, "iOOi", complete_binary, NULL},
    {RP_COMPLETES_COMPARE, "iOOiii", complete_compare, NULL},
    {RP_COMPLETES_GET, "Os", complete_get, &PyExc_AttributeError},
    {RP_COMPLETES_HAS, "Osi", complete_has, &PyExc_AttributeError},
    {RP_COMPLETES_ELSE, "sO", complete_else, NULL},
    {RP_COMPLETES_NOTHING, "", complete_nothing, NULL},
    {RP_COMPLETES_FILTER, "OO", complete_filter, NULL},
    {RP_COMPLETES_UNTIL, "O", complete_until, NULL},
    {RP_COMPLETES_MISSING, "OOO", complete_missing, NULL},
    {RP_COMPLETES_ANSWER, "iss", complete_answer, NULL},
    {RP_COMPLETES_CHAIN, "iO", complete_chain, &PyExc_StopIteration},
};

static const struct kind *kind_of(PyObject *completion) {
    PyObject *name = PyTuple_GET_ITEM(completion, 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (PyUnicode_CompareWithASCIIString(name, kinds[i].name) == 0) return &kinds[i];
    return NULL;
}

static bool fits(char part, PyObject *value) {
    int overflow;
    if (part == 's') return PyUnicode_CheckExact(value);
    if (part == 'O') return true;
    if (PyBool_Check(value)) return true;
    long number = PyLong_CheckExact(value) ? PyLong_AsLongAndOverflow(value, &overflow) : -1;
    return number >= 0 && number < INT32_MAX;
}

static long number_at(PyObject *completion, Py_ssize_t index) {
    return PyLong_AsLong(PyTuple_GET_ITEM(completion, index));
}

bool rp_completion_is_valid(PyObject *completion) {
    if (!PyTuple_CheckExact(completion) || PyTuple_GET_SIZE(completion) < 1 ||
        !PyUnicode_CheckExact(PyTuple_GET_ITEM(completion, 0)))
        return false;
    const struct kind *kind = kind_of(completion);
    size_t count = kind ? strlen(kind->parts) : 0;
    if (!kind || (size_t)PyTuple_GET_SIZE(completion) != 1 + count) return false;
    for (size_t i = 0; i < count; i++)
        if (!fits(kind->parts[i], PyTuple_GET_ITEM(completion, (Py_ssize_t)i + 1))) return false;
    if (kind->complete == complete_binary)
        return number_at(completion, 1) < 2 * RP_OPERATORS &&
               number_at(completion, 4) <= RP_ASKED_RIGHT;
    if (kind->complete == complete_compare) return number_at(completion, 1) <= Py_GE;
    if (kind->complete == complete_until)
        return rp_kind_of(PyTuple_GET_ITEM(completion, 1)) == RP_KIND_CALLABLE;
    if (kind->complete == complete_missing)
        return PyDict_Check(PyTuple_GET_ITEM(completion, 1)) &&
               PyTuple_CheckExact(PyTuple_GET_ITEM(completion, 3));
    if (kind->complete == complete_filter) return PyIter_Check(PyTuple_GET_ITEM(completion, 1));
    return true;
}

int rp_completion_below(PyObject *completion) {
    const struct kind *kind = kind_of(completion);
    bool is_operand = kind->complete == complete_answer || kind->complete == complete_chain;
    return is_operand ? (int)number_at(completion, 1) : 0;
}

PyObject *rp_completion_catches(PyObject *completion) {
    const struct kind *kind = kind_of(completion);
    if (kind->complete == complete_else) {
        PyObject *name = PyTuple_GET_ITEM(completion, 1);
        bool stops = PyUnicode_CompareWithASCIIString(name, "StopIteration") == 0;
        return stops ? PyExc_StopIteration : PyExc_AttributeError;
    }
    return kind->catches ? *kind->catches : NULL;
}

/* ---- the function ---- */

static PyObject *complete(PyObject *completion, PyObject *const *args, Py_ssize_t count) {
    PyObject *result = count == 1 ? args[0] : NULL;
    if (result || (count == 0 && rp_completion_catches(completion)))
        return kind_of(completion)->complete(completion, result);
    return PyErr_Format(PyExc_TypeError, "completion takes one argument");
}

static PyMethodDef function = {"complete", (PyCFunction)(void (*)(void))complete, METH_FASTCALL,
                               NULL};

PyObject *rp_completion_function(PyObject *completion) {
    return PyCFunction_New(&function, completion);
}

PyObject *rp_completion_of(PyObject *object) {
    bool is = PyCFunction_CheckExact(object) && ((PyCFunctionObject *)object)->m_ml == &function;
    return is ? PyCFunction_GET_SELF(object) : NULL;
}
