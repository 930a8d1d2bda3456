/* Objects by their own reduction, and Opaque ones, in the object stream: INSTANCE and OPAQUE. */
#include "../encode.h"
#include "../lookup.h"
#include "../opaque.h"

/* ---- asking the object ---- */

/* (callable, arguments, ...) or a str, as pickle's protocol 5 asks for it. New reference. */
static PyObject *reduce(PyObject *object) {
    PyObject *copyreg, *table = NULL, *function = NULL, *reduced = NULL;
    int found = rp_module_find("copyreg", &copyreg);
    if (found > 0) {
        table = PyObject_GetAttrString(copyreg, "dispatch_table");
        Py_DECREF(copyreg);
        if (table) function = PyObject_GetItem(table, (PyObject *)Py_TYPE(object));
        Py_XDECREF(table);
        if (!function && !PyErr_ExceptionMatches(PyExc_KeyError)) return NULL;
        PyErr_Clear();
    }
    if (found < 0) return NULL;
    reduced = function ? PyObject_CallOneArg(function, object)
                       : PyObject_CallMethod(object, "__reduce_ex__", "i", 5);
    Py_XDECREF(function);
    return reduced;
}

/* 1: as the protocol wants it. 0: refused. */
static int check(rp_encoder *encoder, PyObject *reduced) {
    if (!PyTuple_Check(reduced) || PyTuple_GET_SIZE(reduced) < 2 || PyTuple_GET_SIZE(reduced) > 6 ||
        !PyTuple_Check(PyTuple_GET_ITEM(reduced, 1))) {
        rp_refuse(encoder, "its __reduce_ex__ gives no tuple of a callable and its arguments");
        return 0;
    }
    return 1;
}

static PyObject *part_of(PyObject *reduced, Py_ssize_t index) {
    PyObject *part = index < PyTuple_GET_SIZE(reduced) ? PyTuple_GET_ITEM(reduced, index) : Py_None;
    return part; /* borrowed */
}

/* The callable is copyreg.__newobj__, and it gets the class of the object alone. */
static int is_plain(PyObject *reduced, PyObject *object) {
    PyObject *copyreg, *arguments = PyTuple_GET_ITEM(reduced, 1);
    if (PyTuple_GET_SIZE(arguments) != 1 ||
        PyTuple_GET_ITEM(arguments, 0) != (PyObject *)Py_TYPE(object) ||
        part_of(reduced, 3) != Py_None || part_of(reduced, 4) != Py_None ||
        part_of(reduced, 5) != Py_None)
        return 0;
    int found = rp_module_find("copyreg", &copyreg);
    if (found <= 0) return found;
    found = rp_attribute_is(copyreg, "__newobj__", PyTuple_GET_ITEM(reduced, 0));
    Py_DECREF(copyreg);
    return found;
}

/* ---- writing ---- */

/* [key, value, key, value ...] of an iterator over pairs. */
static PyObject *flat_pairs(PyObject *iterator) {
    PyObject *flat = PyList_New(0), *pair;
    while (flat && (pair = PyIter_Next(iterator))) {
        int status = -1;
        if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2) {
            status = PyList_Append(flat, PyTuple_GET_ITEM(pair, 0));
            if (!status) status = PyList_Append(flat, PyTuple_GET_ITEM(pair, 1));
        } else {
            PyErr_SetString(PyExc_TypeError, "its __reduce_ex__ gives items that are no pairs");
        }
        Py_DECREF(pair);
        if (status < 0) Py_CLEAR(flat);
    }
    if (PyErr_Occurred()) Py_CLEAR(flat);
    return flat;
}

static int put_content(rp_encoder *encoder, PyObject *iterator, bool pairs) {
    if (iterator == Py_None) return rp_put_value(encoder, Py_None);
    if (!PyIter_Check(iterator)) {
        PyErr_SetString(PyExc_TypeError, "its __reduce_ex__ gives content that is no iterator");
        return -1;
    }
    PyObject *content = pairs ? flat_pairs(iterator) : PySequence_List(iterator);
    if (!content) return -1;
    int status = rp_push_items(encoder, content);
    Py_DECREF(content);
    return status;
}

/* The parts in the order in which they are applied; `key` is what the reduction gave. */
static int advance_instance(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    PyObject *reduced = frame->key;
    int status = RP_DONE;
    while (frame->index < frame->count) {
        switch (frame->index++) {
        case 0:
            status = rp_put_value(encoder, part_of(reduced, 0));
            break;
        case 1:
            status = rp_put_tuple(encoder, part_of(reduced, 1));
            break;
        case 2:
            status = put_content(encoder, part_of(reduced, 3), false);
            break;
        case 3:
            status = put_content(encoder, part_of(reduced, 4), true);
            break;
        case 4:
            status = rp_put_value(encoder, part_of(reduced, 2));
            break;
        default:
            status = rp_put_value(encoder, part_of(reduced, 5));
        }
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

static int advance_plain(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    int status = RP_DONE;
    while (frame->index < frame->count) {
        status = frame->index++ == 0 ? rp_put_value(encoder, (PyObject *)Py_TYPE(frame->object))
                                     : rp_put_value(encoder, part_of(frame->key, 2));
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

static int put_reduced(rp_encoder *encoder, PyObject *object, PyObject *reduced) {
    int plain = is_plain(reduced, object);
    if (plain < 0) return -1;
    rp_put_tag(encoder, RP_TAG_INSTANCE);
    rp_put_array_head(encoder, plain ? 2 : 6);
    rp_encode_frame *frame =
        rp_push(encoder, plain ? advance_plain : advance_instance, object, plain ? 2 : 6);
    if (!frame) return -1;
    frame->key = Py_NewRef(reduced);
    frame->label = "";
    return RP_DONE;
}

int rp_put_instance(rp_encoder *encoder, PyObject *object) {
    PyObject *reduced = reduce(object);
    if (!reduced)
        return rp_refuse_exception(encoder, "; make it anew after restore(), or keep what it is "
                                            "made of in lists, dicts and arrays");
    int status = RP_REFUSED;
    if (PyUnicode_Check(reduced))
        status = rp_put_global_named(encoder, object, reduced);
    else if (check(encoder, reduced))
        status = put_reduced(encoder, object, reduced);
    Py_DECREF(reduced);
    return status;
}

int rp_put_opaque(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_OPAQUE);
    rp_put_array_head(encoder, 2);
    return rp_push_parts(encoder, PyTuple_Pack(2, rp_opaque_type(object), rp_opaque_state(object)),
                         ".state");
}
