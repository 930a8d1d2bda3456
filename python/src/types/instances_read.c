/* Objects by their own reduction, and Opaque ones, out of the object stream. */
#include "../decode.h"
#include "../opaque.h"
#include "../pycompat/functions.h"
#include "derived.h"

/* ---- making the object ---- */

static bool is_resolved(const rp_decoder *decoder, PyObject *object) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(decoder->resolved); i++)
        if (PyList_GET_ITEM(decoder->resolved, i) == object) return true;
    return decoder->source.is_mine;
}

/* class.__new__(class) */
static PyObject *new_of(rp_decoder *decoder, PyObject *class) {
    if (!PyType_Check(class) && decoder->source.is_mine)
        return rp_made_otherwise(decoder, "the class of a saved object is a %s there",
                                 Py_TYPE(class)->tp_name);
    if (!PyType_Check(class)) return rp_damaged(decoder, "an object is of no class");
    PyTypeObject *type = (PyTypeObject *)class;
    if (type->tp_new == PyBaseObject_Type.tp_new) return type->tp_new(type, decoder->empty, NULL);
    PyObject *arguments = PyTuple_Pack(1, class);
    PyObject *object = arguments ? rp_make_new(decoder, type, arguments) : NULL;
    Py_XDECREF(arguments);
    return object;
}

/* The callable is copyreg.__newobj__, and does no more than it has to: 1, 0 or -1. */
static int makes_new(rp_decoder *decoder, PyObject *const *parts) {
    if (!decoder->newobj) {
        PyObject *copyreg = PyImport_ImportModule("copyreg");
        if (copyreg) decoder->newobj = PyObject_GetAttrString(copyreg, "__newobj__");
        Py_XDECREF(copyreg);
        if (!decoder->newobj) return -1;
    }
    return parts[0] == decoder->newobj && PyTuple_GET_SIZE(parts[1]) > 0 &&
           PyType_Check(PyTuple_GET_ITEM(parts[1], 0));
}

/* What the parts say is to be made, when it is an Opaque: the callable, or the class that it gets;
 * a str: the name of a registered class. Borrowed. */
static PyObject *named(const rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *first = count != 2 && PyTuple_Check(parts[1]) && PyTuple_GET_SIZE(parts[1]) > 0
                          ? PyTuple_GET_ITEM(parts[1], 0)
                          : NULL;
    bool makes =
        rp_opaque_check(decoder->state, parts[0]) && rp_is_reconstructor(rp_opaque_type(parts[0]));
    return first && makes ? first : parts[0];
}

static bool is_allowed(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *object = named(decoder, parts, count);
    if (object == parts[0] || !PyUnicode_CheckExact(object)) return is_resolved(decoder, object);
    return rp_is_trusted(decoder, object) > 0;
}

/* callable(*arguments). As with pickle, what is in the arguments may not be complete, when it leads
 * back to what is being made: a tuple that is still open shows no items until it is. */
static PyObject *call(rp_decoder *decoder, PyObject *const *parts) {
    PyObject *object = NULL;
    if (!PyTuple_CheckExact(parts[1]))
        return rp_damaged(decoder, "the arguments of a call are no tuple");
    int new = makes_new(decoder, parts);
    if (new > 0)
        return rp_make_new(decoder, (PyTypeObject *)PyTuple_GET_ITEM(parts[1], 0), parts[1]);
    if (new < 0) return NULL;
    PyObject *callable = Py_NewRef(parts[0]);
    /* the class is trusted by itself: how it is made is Python's own */
    if (rp_opaque_check(decoder->state, callable))
        Py_SETREF(callable, rp_import_reconstructor(rp_opaque_type(callable)));
    PyTypeObject *base =
        callable && PyType_Check(callable) ? rp_base_that_reduces((PyTypeObject *)callable) : NULL;
    if (base)
        object = rp_make_as_base((PyTypeObject *)callable, base, parts[1]);
    else if (callable)
        object = PyObject_Call(callable, parts[1], NULL);
    Py_XDECREF(callable);
    return object;
}

/* The class that the parts make an object of, or what is called. Borrowed. */
static PyObject *class_of(PyObject *const *parts, Py_ssize_t count) {
    PyObject *first = count != 2 && PyTuple_Check(parts[1]) && PyTuple_GET_SIZE(parts[1]) > 0
                          ? PyTuple_GET_ITEM(parts[1], 0)
                          : NULL;
    return first && PyType_Check(first) ? first : parts[0];
}

/* What the parts make, before it has a state. `count` is 2 for the short form. */
static PyObject *make(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    if (!is_allowed(decoder, parts, count)) return rp_opaque_new(decoder->state);
    PyObject *object = count == 2 ? new_of(decoder, parts[0]) : call(decoder, parts);
    if (!object && parts[0] != decoder->state->registered_maker)
        rp_tell_refused(decoder, class_of(parts, count));
    return object;
}

/* The parts that make the object are there: from here on marks lead to it. */
static int instance_part(rp_decoder *decoder) {
    rp_open *frame = rp_top(decoder);
    if (frame->object || frame->index < (frame->count == 2 ? 1 : 2)) return 0;
    rp_share *share = frame->share >= 0 ? &decoder->shares[frame->share] : NULL;
    PyObject *object = share && share->value
                           ? Py_NewRef(share->value) /* its arguments lead to it: made in there */
                           : make(decoder, decoder->values + frame->values, frame->count);
    if (!object) return -1;
    if (share) share->early = false;
    frame->object = object;
    rp_announce(decoder);
    if (frame->count != 2 || rp_opaque_check(decoder->state, object)) return 0;
    const rp_class *class = rp_class_of(decoder, Py_TYPE(object));
    if (class) frame->fills_dict = class->fills_dict;
    return class ? 0 : -1;
}

/* ---- its content and its state ---- */

/* A class of Python derived from a container of C, which is saved as that container is: its own
 * method (borrowed; NULL: it is none). What the class does besides is in its attributes, which come
 * later: its code would count an item twice, or miss an attribute. `shows`: what gave the items. */
static PyObject *method_of_container(PyTypeObject *type, const char *name, const char *shows) {
    const char *const others[] = {"__reduce_ex__", "__reduce__", shows};
    PyObject *text = PyUnicode_InternFromString(name), *found = NULL;
    bool of_class =
        text && rp_type_lookup(type, text) && PyFunction_Check(rp_type_lookup(type, text));
    for (size_t i = 0; of_class && i < sizeof others / sizeof others[0]; i++) {
        PyObject *other = PyUnicode_InternFromString(others[i]);
        PyObject *method = other ? rp_type_lookup(type, other) : NULL;
        of_class = method && !PyFunction_Check(method);
        Py_XDECREF(other);
    }
    for (Py_ssize_t i = 0; of_class && !found && i < PyTuple_GET_SIZE(type->tp_mro); i++) {
        found = rp_type_lookup((PyTypeObject *)PyTuple_GET_ITEM(type->tp_mro, i), text);
        if (found && PyFunction_Check(found)) found = NULL;
    }
    Py_XDECREF(text);
    PyErr_Clear();
    return found;
}

static int append_each(PyObject *object, PyObject *items) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        PyObject *done = PyObject_CallMethod(object, "append", "O", PyList_GET_ITEM(items, i));
        if (!done) return -1;
        Py_DECREF(done);
    }
    return 0;
}

/* As an attribute of the object; NULL without an exception: there is none. */
static PyObject *bound_to(PyObject *object, PyObject *method) {
    descrgetfunc get = method ? Py_TYPE(method)->tp_descr_get : NULL;
    return get ? get(method, object, (PyObject *)Py_TYPE(object)) : NULL;
}

static int add_items(PyObject *object, PyObject *items) {
    PyObject *extend = bound_to(object, method_of_container(Py_TYPE(object), "extend", "__iter__"));
    if (!extend && !PyErr_Occurred()) extend = PyObject_GetAttrString(object, "extend");
    if (!extend) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return append_each(object, items);
    }
    PyObject *done = PyObject_CallOneArg(extend, items);
    Py_DECREF(extend);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static int add_pairs(rp_decoder *decoder, PyObject *object, PyObject *pairs) {
    Py_ssize_t count = PyList_GET_SIZE(pairs);
    PyObject *set = bound_to(object, method_of_container(Py_TYPE(object), "__setitem__", "items"));
    int status = PyErr_Occurred() ? -1 : 0;
    for (Py_ssize_t i = 0; status == 0 && i + 1 < count; i += 2) {
        PyObject *key = PyList_GET_ITEM(pairs, i), *value = PyList_GET_ITEM(pairs, i + 1);
        status = rp_check_key(decoder, key);
        if (status == 0 && set) {
            PyObject *done = PyObject_CallFunctionObjArgs(set, key, value, NULL);
            status = done ? 0 : -1;
            Py_XDECREF(done);
        } else if (status == 0) {
            status = PyObject_SetItem(object, key, value);
        }
    }
    Py_XDECREF(set);
    return status;
}

static int set_state(rp_decoder *decoder, PyObject *object, PyObject *state, PyObject *setter) {
    PyObject *done = NULL;
    if (setter != Py_None) {
        if (!is_resolved(decoder, setter)) {
            rp_damaged(decoder, "the function that sets a state is not trusted");
            return -1;
        }
        done = PyObject_CallFunctionObjArgs(setter, object, state, NULL);
    } else {
        const rp_class *class = rp_class_of(decoder, Py_TYPE(object));
        if (!class) return -1;
        if (!class->set_state || rp_sets_fields(class->set_state, state))
            return rp_set_attributes(decoder, object, state);
        done = PyObject_CallMethod(object, "__setstate__", "(O)", state);
    }
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* ---- the frame ---- */

/* An Opaque shows the state alone when there is nothing else. */
static PyObject *opaque_state(PyObject *const *parts, Py_ssize_t count) {
    static const char *const names[] = {NULL, "arguments", "items", "pairs", "state", "setter"};
    if (count == 2) return Py_NewRef(parts[1]);
    PyObject *state = PyDict_New();
    for (Py_ssize_t i = 1; state && i < count; i++)
        if (parts[i] != Py_None && PyDict_SetItemString(state, names[i], parts[i]) < 0)
            Py_CLEAR(state);
    return state;
}

static int fill_opaque(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *class = named(decoder, parts, count), *state = opaque_state(parts, count);
    bool is_name = class != parts[0] && PyUnicode_CheckExact(class);
    PyObject *name = is_name ? Py_NewRef(class) : PyUnicode_FromString(Py_TYPE(class)->tp_name);
    if (rp_opaque_check(decoder->state, class)) Py_XSETREF(name, Py_NewRef(rp_opaque_type(class)));
    int status = name && state ? rp_note_untrusted(decoder, name) : -1;
    if (!status) rp_opaque_fill(rp_top(decoder)->object, name, state);
    Py_XDECREF(name);
    Py_XDECREF(state);
    return status;
}

/* Where what the class has said about the state is told. */
static int told(rp_decoder *decoder, PyObject *object, int status) {
    if (status < 0) rp_tell_refused(decoder, (PyObject *)Py_TYPE(object));
    return status;
}

static bool is_list_or_none(PyObject *value) {
    return value == Py_None || PyList_CheckExact(value);
}

static int fill(rp_decoder *decoder, PyObject *object, PyObject *const *parts, Py_ssize_t count) {
    if (count == 2) return parts[1] == Py_None ? 0 : set_state(decoder, object, parts[1], Py_None);
    if (!is_list_or_none(parts[2]) || !is_list_or_none(parts[3])) {
        rp_damaged(decoder, "the content of an object is no array");
        return -1;
    }
    if (parts[2] != Py_None && add_items(object, parts[2]) < 0) return -1;
    if (parts[3] != Py_None && add_pairs(decoder, object, parts[3]) < 0) return -1;
    return parts[4] == Py_None ? 0 : set_state(decoder, object, parts[4], parts[5]);
}

static int fill_late(rp_decoder *decoder, const rp_late *late) {
    return told(decoder, late->object,
                fill(decoder, late->object, ((PyTupleObject *)late->parts)->ob_item,
                     PyTuple_GET_SIZE(late->parts)));
}

/* Code of the class will look into the state, and a tuple in it is not complete. */
static int put_off(rp_decoder *decoder, PyObject *object, PyObject *const *parts, Py_ssize_t count,
                   size_t level) {
    rp_late late = {.level = level, .act = fill_late, .object = object};
    late.parts = PyTuple_New(count);
    for (Py_ssize_t i = 0; late.parts && i < count; i++)
        PyTuple_SET_ITEM(late.parts, i, Py_NewRef(parts[i]));
    int status = late.parts ? rp_late_add(decoder, &late) : -1;
    Py_XDECREF(late.parts);
    return status;
}

static bool runs_code(rp_decoder *decoder, PyObject *object, Py_ssize_t count) {
    const rp_class *class = rp_class_of(decoder, Py_TYPE(object));
    if (!class) PyErr_Clear();
    return count != 2 || !class || class->set_state;
}

static PyObject *finish_instance(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *object = rp_top(decoder)->object;
    size_t level = rp_top(decoder)->late.use;
    int status;
    if (!is_allowed(decoder, parts, count))
        status = fill_opaque(decoder, parts, count);
    else if (level < decoder->depth - 1 && runs_code(decoder, object, count))
        status = put_off(decoder, object, parts, count, level);
    else
        status = told(decoder, object, fill(decoder, object, parts, count));
    return status < 0 ? NULL : Py_NewRef(object);
}

/* [mark, callable, arguments]: the object of a mark further out, whose arguments lead to it; again
 * in these arguments when they lead to it, too. The innermost makes it. */
static PyObject *finish_early(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    rp_open *frame = rp_top(decoder);
    rp_share *share = &decoder->shares[frame->base];
    (void)count;
    if (!share->early) return Py_NewRef(share->value); /* made in these arguments */
    PyObject *object = make(decoder, parts, 3);
    if (!object) return NULL;
    share->early = false;
    share->value = Py_NewRef(object);
    frame->late.hash = rp_earlier(frame->late.hash, rp_late_of_share(decoder, share).hash);
    return object;
}

static int open_early(rp_decoder *decoder) {
    uint64_t mark;
    if (rp_next_unsigned(decoder, &mark) < 0) return -1;
    if (mark >= decoder->share_count || !decoder->shares[mark].early || decoder->pending >= 0) {
        rp_damaged(decoder, "an object is made early for a mark that waits for none");
        return -1;
    }
    if (rp_open_frame(decoder, RP_OPEN_VALUES, NULL, 2, finish_early) < 0) return -1;
    rp_top(decoder)->base = (Py_ssize_t)mark;
    return 0;
}

int rp_open_instance(rp_decoder *decoder) {
    Py_ssize_t count = rp_next_array(decoder, 2, 6);
    if (count < 0) return -1;
    if (count == 3) return open_early(decoder);
    if (count != 2 && count != 6) {
        rp_damaged(decoder, "an object has two, three or six parts");
        return -1;
    }
    if (rp_check_room(decoder, (uint64_t)count) < 0) return -1;
    if (rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count, finish_instance) < 0)
        return -1;
    rp_top(decoder)->part = instance_part;
    Py_ssize_t share = rp_top(decoder)->share;
    rp_late_share(decoder, share, decoder->depth - 1, true);
    if (share >= 0) decoder->shares[share].early = true;
    return 0;
}

static PyObject *finish_opaque(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    PyObject *opaque = rp_top(decoder)->object;
    (void)count;
    if (!PyUnicode_Check(parts[0])) return rp_damaged(decoder, "the name of a class is no text");
    rp_opaque_fill(opaque, parts[0], parts[1]);
    return Py_NewRef(opaque);
}

int rp_open_opaque(rp_decoder *decoder) {
    if (rp_next_array(decoder, 2, 2) < 0) return -1;
    PyObject *opaque = rp_opaque_new(decoder->state);
    if (!opaque || rp_open_frame(decoder, RP_OPEN_VALUES, opaque, 2, finish_opaque) < 0) return -1;
    rp_announce(decoder);
    return 0;
}
