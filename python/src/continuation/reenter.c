/* Builds the functions, the innermost first, and calls the outermost. */
#include "reenter.h"

#include "surroundings.h"

/* The records from the outermost on; a list, so that a deep recursion needs no deep C stack. */
static PyObject *records_from(rp_record *root) {
    PyObject *records = PyList_New(0);
    for (rp_record *record = root; records != NULL && record != NULL;
         record = (rp_record *)record->inner)
        if (PyList_Append(records, (PyObject *)record) < 0) Py_CLEAR(records);
    return records;
}

PyObject *rp_reenter(rp_module_state *state, rp_record **root, PyObject **surroundings) {
    PyObject *records = records_from(*root), *function = NULL;
    int status = records == NULL ? -1 : 0;
    Py_ssize_t count = records == NULL ? 0 : PyList_GET_SIZE(records);
    for (Py_ssize_t i = count - 1; status == 0 && i >= 0; i--) {
        rp_record *record = (rp_record *)PyList_GET_ITEM(records, i);
        PyObject *outer = rp_build_function(state, record, function);
        Py_XDECREF(function);
        function = outer;
        if (function == NULL) status = -1;
    }
    if (status == 0 && *surroundings != NULL) status = rp_surroundings_enter(*surroundings);
    for (Py_ssize_t i = 0; status == 0 && i < count; i++)
        rp_record_clear((rp_record *)PyList_GET_ITEM(records, i));
    Py_XDECREF(records);
    Py_CLEAR(*root);
    Py_CLEAR(*surroundings);
    PyObject *result = status < 0 ? NULL : rp_call_continuation(function);
    Py_XDECREF(function);
    return result;
}
