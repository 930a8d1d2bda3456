/* What this extension keeps with a code object: it dies with the code. */
#include "code_extra.h"

#include <stdint.h>
#include <string.h>

#if PY_VERSION_HEX < 0x030C0000
#define request_index _PyEval_RequestCodeExtraIndex
#define get_extra     _PyCode_GetExtra
#define set_extra     _PyCode_SetExtra
#else
#define request_index PyUnstable_Eval_RequestCodeExtraIndex
#define get_extra     PyUnstable_Code_GetExtra
#define set_extra     PyUnstable_Code_SetExtra
#endif

/* The index is the interpreter's, so it is kept with the interpreter. -1: none was asked for yet
 * (and with an exception when `make` could not get one). */
static Py_ssize_t index_of(rp_code_release purpose, int make) {
    uintptr_t address;
    memcpy(&address, &purpose, sizeof address); /* a pointer to a function is no void pointer */
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get());
    PyObject *key = dict == NULL ? NULL : PyLong_FromSize_t(address);
    PyObject *known = key == NULL ? NULL : PyDict_GetItemWithError(dict, key);
    Py_ssize_t index = known == NULL ? -1 : PyLong_AsSsize_t(known);
    if (known == NULL && key != NULL && make) {
        index = request_index(purpose);
        PyObject *value = index < 0 ? NULL : PyLong_FromSsize_t(index);
        if (value == NULL || PyDict_SetItem(dict, key, value) < 0) index = -1;
        Py_XDECREF(value);
        if (index < 0 && !PyErr_Occurred())
            PyErr_SetString(PyExc_SystemError, "too many extensions keep things with code objects");
    }
    Py_XDECREF(key);
    return index;
}

void *rp_code_extra_get(PyCodeObject *code, rp_code_release purpose) {
    void *extra = NULL;
    Py_ssize_t index = index_of(purpose, 0);
    if (index < 0 || get_extra((PyObject *)code, index, &extra) < 0) {
        PyErr_Clear();
        return NULL;
    }
    return extra;
}

int rp_code_extra_put(PyCodeObject *code, rp_code_release purpose, void *extra) {
    Py_ssize_t index = index_of(purpose, 1);
    if (index >= 0 && set_extra((PyObject *)code, index, extra) == 0) return 0;
    if (!PyErr_Occurred()) PyErr_NoMemory();
    purpose(extra);
    return -1;
}
