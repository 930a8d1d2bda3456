/* Reading section "loops". */
#include "loop.h"

/* The next item of the section, of a kind that the format allows there. */
static int next_item(rs_cbor_reader *reader, unsigned kinds, rs_cbor_item *item) {
    rs_error error = {0};
    resume_status status = rs_cbor_next(reader, item, &error);
    if (status == RESUME_OK && kinds >> item->kind & 1) return 0;
    PyErr_Format(PyExc_ValueError, "section 'loops': %s",
                 status == RESUME_OK ? "an item of another kind" : error.text);
    return -1;
}

static PyObject *get_entry(rs_cbor_reader *reader) {
    rs_cbor_item pair, position, place;
    if (next_item(reader, 1u << RS_CBOR_ARRAY, &pair) ||
        next_item(reader, 1u << RS_CBOR_UNSIGNED | 1u << RS_CBOR_SIMPLE, &position) ||
        next_item(reader, 1u << RS_CBOR_UNSIGNED, &place))
        return NULL;
    if (pair.argument != 2 ||
        (position.kind == RS_CBOR_SIMPLE && position.argument != RS_CBOR_NULL) ||
        (position.kind == RS_CBOR_UNSIGNED && position.argument > PY_SSIZE_T_MAX)) {
        PyErr_SetString(PyExc_ValueError, "section 'loops': not a position and a place");
        return NULL;
    }
    if (position.kind == RS_CBOR_SIMPLE) return Py_BuildValue("OK", Py_None, place.argument);
    return Py_BuildValue("nK", (Py_ssize_t)position.argument, place.argument);
}

PyObject *rp_loops_get(rs_cbor_reader *reader) {
    rs_cbor_item array;
    if (next_item(reader, 1u << RS_CBOR_ARRAY, &array)) return NULL;
    PyObject *list = PyList_New(0);
    for (uint64_t i = 0; list && i < array.argument; i++) {
        PyObject *entry = get_entry(reader);
        if (!entry || PyList_Append(list, entry)) Py_CLEAR(list);
        Py_XDECREF(entry);
    }
    return list;
}

PyObject *rp_loops_with_sources(PyObject *saved, PyObject *sources) {
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(saved); i++) {
        PyObject *pair = PyList_GET_ITEM(saved, i), *source = Py_None;
        if (sources && PyList_Check(sources) && i < PyList_GET_SIZE(sources))
            source = PyList_GET_ITEM(sources, i);
        PyObject *entry =
            PyTuple_Pack(3, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1), source);
        if (!entry || PyList_Append(list, entry)) Py_CLEAR(list);
        Py_XDECREF(entry);
    }
    return list;
}
