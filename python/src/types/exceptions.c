/* Exceptions with all that hangs on them: what their own reduction leaves out.
 *
 * An exception is written by its reduction. Where it has a cause, a context, a traceback or fields
 * that the reduction forgets, these are part of its state, and _set_exception puts them back. Where
 * the class has a constructor of its own, which the reduction would call with the arguments of
 * Exception, _make_exception makes the object without it. */
#include "exceptions.h"

#include "../encode.h"
#include "own_dict.h"

#include <structmember.h>

/* The type of C that decides how objects of `type` are laid out. */
static PyTypeObject *native_base(PyTypeObject *type) {
    while (type->tp_flags & Py_TPFLAGS_HEAPTYPE)
        type = type->tp_base;
    return type;
}

/* ---- fields of C ---- */

static bool holds(PyObject *tuple, PyObject *value) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (PyTuple_GET_ITEM(tuple, i) == value) return true;
    return false;
}

/* It comes with the arguments: one of them, or of the details of a SyntaxError. */
static bool is_argument(PyObject *arguments, PyObject *value) {
    if (holds(arguments, value)) return true;
    PyObject *details = PyTuple_GET_SIZE(arguments) > 1 ? PyTuple_GET_ITEM(arguments, 1) : NULL;
    return details && PyTuple_CheckExact(details) && holds(details, value);
}

static bool is_object_field(const PyMemberDef *member) {
    return (member->type == T_OBJECT || member->type == T_OBJECT_EX) && !(member->flags & READONLY);
}

/* {name: value} of the fields that the arguments do not give, or None. New reference. */
static PyObject *fields_of(PyObject *object, PyObject *arguments) {
    PyObject *fields = Py_NewRef(Py_None);
    for (PyTypeObject *type = native_base(Py_TYPE(object)); type; type = type->tp_base) {
        for (const PyMemberDef *member = type->tp_members; member && member->name; member++) {
            if (!is_object_field(member)) continue;
            PyObject *value = *(PyObject **)((char *)object + member->offset);
            if (!value || value == Py_None || is_argument(arguments, value)) continue;
            if (fields == Py_None) Py_SETREF(fields, PyDict_New());
            if (!fields || PyDict_SetItemString(fields, member->name, value) < 0) {
                Py_XDECREF(fields);
                return NULL;
            }
        }
    }
    return fields;
}

/* ---- writing ---- */

/* The reduction is the one of the native base, and would call a constructor of the class. */
static bool needs_maker(PyObject *object, PyObject *reduced) {
    static const char *const names[] = {"__reduce__", "__reduce_ex__"};
    PyTypeObject *type = Py_TYPE(object), *base = native_base(type);
    if (PyTuple_GET_ITEM(reduced, 0) != (PyObject *)type) return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!rp_plan_is_inherited(type, base, names[i])) return false;
    return type->tp_init != base->tp_init || type->tp_new != base->tp_new;
}

/* (state, setter, cause, context, suppress, traceback, fields), or None when the own state is all.
 */
static PyObject *state_of(PyObject *object, PyObject *reduced) {
    PyObject *cause = PyException_GetCause(object), *context = PyException_GetContext(object);
    PyObject *traceback = PyException_GetTraceback(object), *state = NULL;
    PyObject *fields = fields_of(object, PyTuple_GET_ITEM(reduced, 1));
    bool suppress = ((PyBaseExceptionObject *)object)->suppress_context;
    if (fields && !cause && !context && !traceback && !suppress && fields == Py_None)
        state = Py_NewRef(Py_None);
    else if (fields)
        state =
            Py_BuildValue("(OOOOOOO)", rp_part_of(reduced, 2), rp_part_of(reduced, 5),
                          cause ? cause : Py_None, context ? context : Py_None,
                          suppress ? Py_True : Py_False, traceback ? traceback : Py_None, fields);
    Py_XDECREF(fields);
    Py_XDECREF(traceback);
    Py_XDECREF(context);
    Py_XDECREF(cause);
    return state;
}

/* The class before the arguments. */
static PyObject *maker_arguments(PyObject *object, PyObject *arguments) {
    PyObject *class = PyTuple_Pack(1, (PyObject *)Py_TYPE(object));
    PyObject *all = class ? PySequence_Concat(class, arguments) : NULL;
    Py_XDECREF(class);
    return all;
}

PyObject *rp_exception_reduction(PyObject *object, PyObject *reduced) {
    if (!PyTuple_Check(reduced) || PyTuple_GET_SIZE(reduced) < 2 ||
        !PyTuple_Check(PyTuple_GET_ITEM(reduced, 1)))
        return reduced;
    PyObject *maker = NULL, *arguments = NULL, *setter = NULL, *result = NULL;
    PyObject *state = state_of(object, reduced);
    bool own_maker = needs_maker(object, reduced), own_state = state && state != Py_None;
    if (!state) goto done;
    if (!own_maker && !own_state) {
        result = Py_NewRef(reduced);
        goto done;
    }
    maker =
        own_maker ? rp_core_function("_make_exception") : Py_NewRef(PyTuple_GET_ITEM(reduced, 0));
    arguments = own_maker ? maker_arguments(object, PyTuple_GET_ITEM(reduced, 1))
                          : Py_NewRef(PyTuple_GET_ITEM(reduced, 1));
    setter = own_state ? rp_core_function("_set_exception") : Py_NewRef(rp_part_of(reduced, 5));
    if (maker && arguments && setter)
        result = PyTuple_Pack(6, maker, arguments, own_state ? state : rp_part_of(reduced, 2),
                              rp_part_of(reduced, 3), rp_part_of(reduced, 4), setter);
done:
    Py_XDECREF(setter);
    Py_XDECREF(arguments);
    Py_XDECREF(maker);
    Py_XDECREF(state);
    Py_DECREF(reduced);
    return result;
}

/* ---- reading ---- */

PyObject *rp_make_exception(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *class = PyTuple_GET_SIZE(arguments) > 0 ? PyTuple_GET_ITEM(arguments, 0) : NULL;
    if (!class || !PyExceptionClass_Check(class)) {
        PyErr_SetString(PyExc_TypeError, "_make_exception(class of an exception, ...)");
        return NULL;
    }
    PyTypeObject *type = (PyTypeObject *)class, *base = native_base(type);
    PyObject *rest = PyTuple_GetSlice(arguments, 1, PyTuple_GET_SIZE(arguments));
    PyObject *object = rest ? base->tp_new(type, rest, NULL) : NULL;
    if (object && base->tp_init(object, rest, NULL) < 0) Py_CLEAR(object);
    Py_XDECREF(rest);
    return object;
}

enum { STATE, SETTER, CAUSE, CONTEXT, SUPPRESS, TRACEBACK, FIELDS, STATE_PARTS };

static int set_fields(PyObject *object, PyObject *fields) {
    PyObject *name, *value;
    if (!PyDict_Check(fields)) return 0;
    for (Py_ssize_t at = 0; PyDict_Next(fields, &at, &name, &value);)
        if (PyObject_GenericSetAttr(object, name, value) < 0) return -1;
    return 0;
}

/* What is no exception is an Opaque, of a file that is not trusted as a whole. */
static PyObject *exception_or_null(PyObject *value) {
    return PyExceptionInstance_Check(value) ? Py_NewRef(value) : NULL;
}

PyObject *rp_set_exception(PyObject *module, PyObject *const *args, Py_ssize_t count) {
    (void)module;
    if (count != 2 || !PyExceptionInstance_Check(args[0]) || !PyTuple_CheckExact(args[1]) ||
        PyTuple_GET_SIZE(args[1]) != STATE_PARTS) {
        PyErr_SetString(PyExc_TypeError, "_set_exception(exception, state)");
        return NULL;
    }
    PyObject *object = args[0], *const *state = ((PyTupleObject *)args[1])->ob_item;
    if (rp_set_own_state(object, state[STATE], state[SETTER]) < 0) return NULL;
    if (set_fields(object, state[FIELDS]) < 0) return NULL;
    PyException_SetCause(object, exception_or_null(state[CAUSE]));
    PyException_SetContext(object, exception_or_null(state[CONTEXT]));
    ((PyBaseExceptionObject *)object)->suppress_context = state[SUPPRESS] == Py_True;
    if (PyTraceBack_Check(state[TRACEBACK]) &&
        PyException_SetTraceback(object, state[TRACEBACK]) < 0)
        return NULL;
    Py_RETURN_NONE;
}
