/* The slots of a class by name, as copyreg._slotnames() tells them: but that leaves a note in the
 * class, and a program that is just iterating over the class would see it. */
#include "../encode.h"
#include "../lookup.h"

/* "__x" of class C is _C__x. New reference. */
static PyObject *mangled(PyTypeObject *type, PyObject *name) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    bool is_private =
        size > 2 && PyUnicode_READ_CHAR(name, 0) == '_' && PyUnicode_READ_CHAR(name, 1) == '_' &&
        !(PyUnicode_READ_CHAR(name, size - 1) == '_' && PyUnicode_READ_CHAR(name, size - 2) == '_');
    const char *class_name = type->tp_name;
    while (is_private && *class_name == '_')
        class_name++;
    return is_private && *class_name ? PyUnicode_FromFormat("_%s%U", class_name, name)
                                     : Py_NewRef(name);
}

static int add(PyObject *names, PyTypeObject *type, PyObject *name) {
    if (!PyUnicode_Check(name) || PyUnicode_CompareWithASCIIString(name, "__dict__") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "__weakref__") == 0)
        return 0;
    PyObject *own = mangled(type, name);
    int status = own ? PyList_Append(names, own) : -1;
    Py_XDECREF(own);
    return status;
}

static int add_all(PyObject *names, PyTypeObject *type) {
    PyObject *slots, *list;
    int found = type->tp_dict ? rp_dict_find(type->tp_dict, "__slots__", &slots) : 0;
    if (found <= 0) return found;
    list = PyUnicode_Check(slots) ? Py_BuildValue("[O]", slots) : PySequence_List(slots);
    int status = list ? 0 : -1;
    for (Py_ssize_t i = 0; !status && i < PyList_GET_SIZE(list); i++)
        status = add(names, type, PyList_GET_ITEM(list, i));
    Py_XDECREF(list);
    Py_DECREF(slots);
    return status;
}

static PyObject *slot_names(PyObject *unused, PyObject *class) {
    (void)unused;
    if (!PyType_Check(class)) return PyErr_Format(PyExc_TypeError, "%R is no class", class);
    PyTypeObject *type = (PyTypeObject *)class;
    PyObject *names = PyList_New(0), *classes = type->tp_mro;
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(classes); i++) {
        PyTypeObject *one = (PyTypeObject *)PyTuple_GET_ITEM(classes, i);
        if (PyType_HasFeature(one, Py_TPFLAGS_HEAPTYPE) && add_all(names, one) < 0) Py_CLEAR(names);
    }
    return names;
}

static PyMethodDef unseen = {"_slotnames", slot_names, METH_O, NULL};

int rp_slot_names_begin(rp_encoder *encoder, PyObject *copyreg) {
    encoder->slotnames = PyCFunction_New(&unseen, NULL);
    encoder->usual_slotnames = PyObject_GetAttrString(copyreg, "_slotnames");
    if (!encoder->slotnames || !encoder->usual_slotnames) return -1;
    /* object.__reduce_ex__ asks it as well */
    return PyObject_SetAttrString(copyreg, "_slotnames", encoder->slotnames);
}

void rp_slot_names_end(rp_encoder *encoder) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *copyreg = encoder->usual_slotnames ? PyImport_ImportModule("copyreg") : NULL;
    if (copyreg && PyObject_SetAttrString(copyreg, "_slotnames", encoder->usual_slotnames) < 0)
        PyErr_Clear();
    Py_XDECREF(copyreg);
    PyErr_Restore(type, value, trace);
    Py_CLEAR(encoder->slotnames);
    Py_CLEAR(encoder->usual_slotnames);
}
