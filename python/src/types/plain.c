/* Objects that reduce as `object` does: class, attributes and slots, without asking them. */
#include "../encode.h"
#include "../pycompat/attributes.h"

static int changed(rp_encoder *encoder) {
    return rp_refuse(encoder, "another thread changed it while it was being saved; hold its lock "
                              "during save() and sync()");
}

/* ---- attributes that are in no dict ---- */

/* Writing it runs no code. */
static bool is_inert(PyObject *value) {
    const PyTypeObject *type = Py_TYPE(value);
    return type == &PyFloat_Type || type == &PyLong_Type || type == &PyUnicode_Type ||
           value == Py_None || type == &PyBool_Type;
}

/* The attributes as they are now; a dict may have been made of them meanwhile, in their order. */
static bool look_again(PyObject *object, rp_attributes *to, Py_ssize_t count) {
    Py_ssize_t now = rp_attributes_of(object, to), position = 0;
    if (now >= 0) return now == count;
    PyObject *dict = rp_attributes_dict(object);
    if (!dict || PyDict_GET_SIZE(dict) != count) return false;
    for (Py_ssize_t i = 0; i < count; i++)
        if (!PyDict_Next(dict, &position, &to->names[i], &to->values[i])) return false;
    return true;
}

static int advance_attributes(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    rp_attributes now;
    if (!look_again(frame->object, &now, frame->count)) return changed(encoder);
    while (frame->index < frame->count) {
        Py_ssize_t at = frame->index++;
        int status = rp_put_str(encoder, now.names[at]);
        if (status) return status;
        PyObject *value = now.values[at];
        if (is_inert(value)) {
            status = rp_put_value(encoder, value);
            if (status || encoder->depth != depth) return status; /* a constant of a library */
            continue;
        }
        Py_XSETREF(frame->key, Py_NewRef(now.names[at]));
        Py_XSETREF(frame->value, Py_NewRef(value));
        status = rp_put_held(encoder, frame->value);
        if (status || encoder->depth != depth) return status;
        if (!look_again(frame->object, &now, frame->count)) return changed(encoder);
    }
    rp_pop(encoder);
    return RP_DONE;
}

static bool are_names(const rp_attributes *attributes, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (!PyUnicode_CheckExact(attributes->names[i]) ||
            !PyUnicode_IS_ASCII(attributes->names[i]))
            return false;
    return true;
}

/* ---- the state ---- */

/* The values of the slots that have one; NULL with an exception. */
static PyObject *slots_of(PyObject *object, PyObject *names) {
    PyObject *slots = PyDict_New();
    for (Py_ssize_t i = 0; slots && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i), *value = PyObject_GetAttr(object, name);
        if (!value && PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear();
            continue;
        }
        if (!value || PyDict_SetItem(slots, name, value) < 0) Py_CLEAR(slots);
        Py_XDECREF(value);
    }
    return slots;
}

static int put_null(rp_encoder *encoder) {
    rs_cbor_put_simple(&encoder->buffer, RS_CBOR_NULL);
    return RP_DONE;
}

/* (attributes or None, slots); `dict` may be NULL. */
static int put_with_slots(rp_encoder *encoder, PyObject *dict, PyObject *slots) {
    if (dict && PyDict_GET_SIZE(dict) > 0) {
        PyObject *parts = PyTuple_Pack(2, dict, slots);
        rp_put_tag(encoder, RP_TAG_TUPLE);
        rp_put_array_head(encoder, 2);
        return rp_push_parts(encoder, parts, "");
    }
    rp_put_tag(encoder, RP_TAG_TUPLE);
    rp_put_array_head(encoder, 2);
    put_null(encoder);
    return rp_put_attribute_dict(encoder, slots);
}

/* Others refer to the dict itself, or it is of a class of its own: it comes back as the dict of the
 * object, set like a slot. */
static int put_shared_dict(rp_encoder *encoder, PyObject *dict, PyObject *slots) {
    PyObject *all = slots ? PyDict_Copy(slots) : PyDict_New();
    int status = all ? PyDict_SetItemString(all, "__dict__", dict) : -1;
    if (!status) status = put_with_slots(encoder, NULL, all);
    Py_XDECREF(all);
    return status;
}

static int put_attributes(rp_encoder *encoder, PyObject *object, Py_ssize_t count) {
    rs_cbor_put_head(&encoder->buffer, RS_CBOR_MAP, (size_t)count);
    rp_encode_frame *frame = rp_push(encoder, advance_attributes, object, count);
    if (!frame) return -1;
    frame->is_attributes = true;
    return RP_DONE;
}

static int put_state(rp_encoder *encoder, PyObject *object, const rp_plan *plan) {
    rp_attributes attributes;
    Py_ssize_t count = rp_attributes_of(object, &attributes);
    if (count == 0 && !plan->slot_names) return put_null(encoder);
    if (count > 0 && !plan->slot_names && are_names(&attributes, count))
        return put_attributes(encoder, object, count);
    PyObject *slots = plan->slot_names ? slots_of(object, plan->slot_names) : NULL;
    if (plan->slot_names && !slots) return -1;
    PyObject *dict = count > 0   ? PyObject_GenericGetDict(object, NULL)
                     : count < 0 ? Py_XNewRef(rp_attributes_dict(object))
                                 : NULL;
    int status;
    if (count > 0 && !dict) {
        status = -1;
    } else if (dict && (Py_REFCNT(dict) > 2 || !PyDict_CheckExact(dict))) {
        status = put_shared_dict(encoder, dict, slots);
    } else if (slots && PyDict_GET_SIZE(slots) > 0) {
        status = put_with_slots(encoder, dict, slots);
    } else if (dict && PyDict_GET_SIZE(dict) > 0) {
        status = rp_put_attribute_dict(encoder, dict);
    } else {
        status = put_null(encoder);
    }
    Py_XDECREF(dict);
    Py_XDECREF(slots);
    return status;
}

/* ---- class and state ---- */

static int advance_plain(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    PyTypeObject *type = Py_TYPE(frame->object);
    while (frame->index < frame->count) {
        int status;
        if (frame->index++ == 0) {
            status = rp_put_value(encoder, (PyObject *)type);
        } else {
            rp_made(encoder, frame);
            const rp_plan *plan = rp_plan_of(encoder, type);
            status = plan ? put_state(encoder, frame->object, plan) : -1;
        }
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

int rp_put_plain(rp_encoder *encoder, PyObject *object, const rp_plan *plan) {
    bool is_marked = encoder->last_share >= 0;
    size_t class;
    rp_put_tag(encoder, RP_TAG_INSTANCE);
    rp_put_array_head(encoder, 2);
    if (rp_memo_find(&encoder->memo, (PyObject *)Py_TYPE(object), &class) &&
        !(class & RP_PENDING)) {
        rp_put_reference(encoder, class);
        return put_state(encoder, object, plan);
    }
    rp_encode_frame *frame = rp_push(encoder, advance_plain, object, 2);
    if (!frame) return -1;
    frame->label = "";
    rp_making(encoder, frame, is_marked);
    return RP_DONE;
}
