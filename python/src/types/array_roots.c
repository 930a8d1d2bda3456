/* Looking at arrays, and the object behind an array that holds its memory. */
#include "array_roots.h"

#include "../region.h"

#include <string.h>

const rp_array_interface *rp_array_look(PyObject *array, PyObject **capsule) {
    *capsule = PyObject_GetAttrString(array, "__array_struct__");
    if (!*capsule) return NULL;
    const rp_array_interface *look = PyCapsule_GetPointer(*capsule, NULL);
    if (look && (look->two != 2 || look->dimensions < 0 || look->item_size < 0 ||
                 look->dimensions > RP_ARRAY_DIMENSIONS_MAX)) {
        PyErr_SetString(PyExc_ValueError, "its __array_struct__ is not understood");
        look = NULL;
    }
    if (!look) Py_CLEAR(*capsule);
    return look;
}

int rp_array_is_writeable(PyObject *array, const rp_array_interface *look) {
    if (look->flags & RP_ARRAY_WRITEABLE) return 1;
    PyObject *flags = PyObject_GetAttrString(array, "flags");
    PyObject *writeable = flags ? PyObject_GetAttrString(flags, "writeable") : NULL;
    int truth = writeable ? PyObject_IsTrue(writeable) : -1;
    Py_XDECREF(flags);
    Py_XDECREF(writeable);
    return truth;
}

void rp_array_release(rp_array *a) {
    Py_XDECREF(a->capsule);
    Py_XDECREF(a->dtype);
}

int rp_array_open(rp_array *a, PyObject *object) {
    *a = (rp_array){.object = object};
    a->look = rp_array_look(object, &a->capsule);
    a->dtype = a->look ? PyObject_GetAttrString(object, "dtype") : NULL;
    int writeable = a->dtype ? rp_array_is_writeable(object, a->look) : -1;
    if (writeable < 0) return -1;
    a->writeable = writeable;
    a->size = (uint64_t)a->look->item_size;
    a->low = a->high = a->look->data;
    for (int i = 0; i < a->look->dimensions; i++) {
        Py_intptr_t count = a->look->shape[i], stride = a->look->strides[i];
        a->size *= (uint64_t)count;
        if (count > 0 && stride > 0) a->high += (count - 1) * stride;
        if (count > 0 && stride < 0) a->low += (count - 1) * stride;
    }
    a->high += a->look->item_size;
    return 0;
}

bool rp_is_dense(const rp_array_interface *look, int axes[RP_ARRAY_DIMENSIONS_MAX]) {
    int count = look->dimensions;
    for (int i = 0; i < count; i++) {
        int at = i;
        /* axes of one element have any stride: they stay where they are */
        for (; at > 0 && look->shape[i] > 1 && look->shape[axes[at - 1]] > 1 &&
               look->strides[axes[at - 1]] < look->strides[i];
             at--)
            axes[at] = axes[at - 1];
        axes[at] = i;
    }
    Py_intptr_t expected = look->item_size;
    for (int i = count - 1; i >= 0; i--) {
        if (look->shape[axes[i]] == 1) continue;
        if (look->strides[axes[i]] != expected) return false;
        expected *= look->shape[axes[i]];
    }
    return true;
}

/* ---- the memory behind a view ---- */

static bool is_array(const rp_encoder *encoder, PyObject *object) {
    return PyObject_TypeCheck(object, encoder->array_type);
}

/* The object behind `base` that numpy's helpers put between an array and the next one: the dummy of
 * as_strided, a memoryview. New reference. */
static PyObject *see_through(PyObject *base) {
    if (PyMemoryView_Check(base) && PyMemoryView_GET_BUFFER(base)->obj)
        return Py_NewRef(PyMemoryView_GET_BUFFER(base)->obj);
    const char *name = strrchr(Py_TYPE(base)->tp_name, '.');
    /* a record of an array, as a scalar, stands for a part of it */
    bool is_record = strcmp(Py_TYPE(base)->tp_name, "numpy.void") == 0;
    if (is_record || strcmp(name ? name + 1 : Py_TYPE(base)->tp_name, "DummyArray") == 0) {
        PyObject *inner = PyObject_GetAttrString(base, "base");
        if (!inner && !PyErr_ExceptionMatches(PyExc_AttributeError)) return NULL;
        if (inner && inner != Py_None) return inner;
        Py_XDECREF(inner);
        PyErr_Clear();
    }
    return Py_NewRef(base);
}

static int root_of_array(rp_root *found, PyObject *object) {
    rp_array a;
    if (rp_array_open(&a, object) < 0) {
        rp_array_release(&a);
        return -1;
    }
    found->start = a.low;
    found->size = (uint64_t)(a.high - a.low);
    found->keep = Py_NewRef(a.capsule);
    rp_array_release(&a);
    return 0;
}

int rp_root_of_buffer(rp_root *found, PyObject *object) {
    PyObject *view = PyMemoryView_FromObject(object);
    if (!view) return -1;
    Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    found->start = buffer->buf;
    found->size = (uint64_t)buffer->len;
    found->keep = view;
    if (PyBuffer_IsContiguous(buffer, 'C')) return 0;
    PyErr_SetString(PyExc_BufferError, "not contiguous");
    return -1;
}

static bool is_array_array(PyObject *object) {
    return strcmp(Py_TYPE(object)->tp_name, "array.array") == 0;
}

/* Memory of an object that is not saved: the array gets a copy as its own. */
static int root_of_foreign(rp_encoder *encoder, rp_root *found, PyObject *object, PyObject *last) {
    if (PyObject_CheckBuffer(object) && rp_root_of_buffer(found, object) == 0) {
        found->object = Py_NewRef(object);
    } else {
        if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) return -1;
        PyErr_Clear(); /* no buffer after all */
        Py_CLEAR(found->keep);
        found->object = Py_NewRef(last);
        if (root_of_array(found, last) < 0) return -1;
    }
    /* numpy makes arrays over its own scalars (fill values of records), which nobody shares */
    bool is_scalar = strcmp(Py_TYPE(object)->tp_name, "numpy.void") == 0;
    if (PyCapsule_CheckExact(object) || is_scalar || encoder->digest) return 0;
    return rp_encoder_note(encoder,
                           "the memory of an array belongs to an object of type %s, which is not "
                           "saved; after restore() the array has memory of its own",
                           Py_TYPE(object)->tp_name);
}

static int root_of_tensor(rp_root *found, PyObject *tensor) {
    if (rp_tensor_memory(tensor, &found->start, &found->size, &found->keep) < 0) return -1;
    found->object = Py_NewRef(found->keep);
    return 0;
}

/* Records with a class of their own (numpy.record), which the closed set has not: only their bytes
 * are a base. 1, 0 or -1. */
static int is_of_records(PyObject *array, const rp_array_interface *look) {
    if (look->type_kind != 'V') return 0;
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    PyObject *type = dtype ? PyObject_GetAttrString(dtype, "type") : NULL;
    int is = -1;
    if (type)
        is = !PyType_Check(type) || strcmp(((PyTypeObject *)type)->tp_name, "numpy.void") != 0;
    Py_XDECREF(type);
    Py_XDECREF(dtype);
    return is;
}

int rp_find_root(rp_encoder *encoder, PyObject *view, rp_root *found) {
    *found = (rp_root){0};
    PyObject *last = Py_NewRef(view), *base = NULL;
    int status = -1;
    for (;;) {
        PyObject *direct = PyObject_GetAttrString(last, "base");
        base = direct ? see_through(direct) : NULL;
        Py_XDECREF(direct);
        if (!base) goto done;
        if (base == Py_None || !is_array(encoder, base)) break;
        Py_SETREF(last, base);
        base = NULL;
    }
    if (base == Py_None || rp_is_region(encoder->state, base)) {
        int axes[RP_ARRAY_DIMENSIONS_MAX];
        status = root_of_array(found, last);
        found->object = Py_NewRef(last);
        const rp_array_interface *look = status ? NULL : PyCapsule_GetPointer(found->keep, NULL);
        int of_records = look ? is_of_records(last, look) : -1;
        if (of_records < 0) status = -1;
        found->is_value =
            of_records == 0 && Py_IS_TYPE(last, encoder->array_type) && rp_is_dense(look, axes);
    } else if (PyBytes_CheckExact(base) || PyByteArray_CheckExact(base) || is_array_array(base)) {
        found->object = Py_NewRef(base);
        found->is_value = true;
        status = rp_root_of_buffer(found, base);
    } else if (encoder->tensor_type && PyObject_TypeCheck(base, encoder->tensor_type)) {
        status = root_of_tensor(found, base);
    } else {
        int mapped = rp_is_memmap(encoder, last) ? rp_root_of_map(found, last, base) : 0;
        status = mapped > 0 ? 0 : mapped;
        if (mapped == 0) status = root_of_foreign(encoder, found, base, last);
    }
done:
    Py_XDECREF(last);
    Py_XDECREF(base);
    return status;
}

void rp_root_release(rp_root *root) {
    Py_CLEAR(root->object);
    Py_CLEAR(root->memmap);
    Py_CLEAR(root->keep);
}
