/* Functions of `resume._core` by which the tests look into single parts. */
#include "probe.h"

#include "code.h"
#include "pycompat/bytecode.h"
#include "text.h"

static PyObject *probe_code_hash(PyObject *module, PyObject *code) {
    uint8_t hash[RP_CODE_HASH_SIZE];
    (void)module;
    if (!PyCode_Check(code)) {
        PyErr_SetString(PyExc_TypeError, "not a code object");
        return NULL;
    }
    if (rp_code_hash((PyCodeObject *)code, hash)) return NULL;
    return PyBytes_FromStringAndSize((const char *)hash, sizeof hash);
}

static PyObject *probe_plain_loop(PyObject *module, PyObject *arguments) {
    PyObject *code, *advice = NULL;
    int restored_at, here;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!ii", &PyCode_Type, &code, &restored_at, &here)) return NULL;
    int line = rp_code_plain_loop((PyCodeObject *)code, restored_at, here, &advice);
    if (line < 0) return NULL;
    return Py_BuildValue("iN", line, advice ? advice : Py_NewRef(Py_None));
}

static PyObject *probe_in_for(PyObject *module, PyObject *arguments) {
    PyObject *code;
    int here;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!i", &PyCode_Type, &code, &here)) return NULL;
    return PyBool_FromLong(rp_code_in_for((PyCodeObject *)code, here));
}

static PyObject *probe_reaches(PyObject *module, PyObject *arguments) {
    PyObject *code;
    int from, to;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!ii", &PyCode_Type, &code, &from, &to)) return NULL;
    return PyBool_FromLong(rp_code_reaches((PyCodeObject *)code, from, to));
}

/* [(byte offset, stack depth, iterators on it)] of each instruction, or None. */
static PyObject *probe_stack(PyObject *module, PyObject *code) {
    rp_bytecode bytecode = {0};
    PyObject *list = NULL;
    (void)module;
    if (!PyCode_Check(code)) {
        PyErr_SetString(PyExc_TypeError, "not a code object");
        return NULL;
    }
    int result = rp_bytecode_init(&bytecode, (PyCodeObject *)code);
    if (result == 0) result = rp_bytecode_analyse(&bytecode);
    list = result < 0 ? NULL : result > 0 ? Py_NewRef(Py_None) : PyList_New(0);
    for (int i = 0; list && result == 0 && i < bytecode.instruction_count; i++) {
        int count = 0;
        for (int at = bytecode.places[i].iterators; at >= 0; at = bytecode.iterators[at].below)
            count++;
        PyObject *place =
            Py_BuildValue("iii", bytecode.instructions[i].start, bytecode.places[i].depth, count);
        if (!place || PyList_Append(list, place)) Py_CLEAR(list);
        Py_XDECREF(place);
    }
    rp_bytecode_release(&bytecode);
    return list;
}

static PyObject *probe_text(PyObject *module, PyObject *value) {
    (void)module;
    return rp_text_of(value);
}

PyMethodDef rp_probe_methods[] = {
    {"_code_hash", probe_code_hash, METH_O, NULL},
    {"_plain_loop", probe_plain_loop, METH_VARARGS, NULL},
    {"_in_for", probe_in_for, METH_VARARGS, NULL},
    {"_reaches", probe_reaches, METH_VARARGS, NULL},
    {"_stack", probe_stack, METH_O, NULL},
    {"_text", probe_text, METH_O, NULL},
    {0},
};
