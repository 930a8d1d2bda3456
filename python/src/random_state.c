/* The global random generators: those of `random`, numpy and torch, if already imported. */
#include "random_state.h"

#include "lookup.h"

#include <stdbool.h>

/* captured[key] = module.method(*arguments), if the module is imported. 0 or -1. */
static int capture(PyObject *captured, const char *key, const char *module_name, const char *method,
                   const char *arguments) {
    PyObject *module, *value = NULL;
    int status = rp_module_find(module_name, &module);
    if (status <= 0) return status;
    value = PyObject_CallMethod(module, method, arguments, 0);
    status = value ? PyDict_SetItemString(captured, key, value) : -1;
    Py_DECREF(module);
    Py_XDECREF(value);
    return status;
}

/* ---- torch: the state of a generator is a tensor of bytes */

static PyObject *bytes_of_tensor(PyObject *tensor) {
    PyObject *array = PyObject_CallMethod(tensor, "numpy", NULL);
    PyObject *bytes = array ? PyObject_CallMethod(array, "tobytes", NULL) : NULL;
    Py_XDECREF(array);
    return bytes;
}

static PyObject *tensor_of_bytes(PyObject *torch, PyObject *bytes) {
    PyObject *tensor = NULL, *array = NULL, *type = NULL, *arguments = NULL, *keywords = NULL;
    PyObject *function = PyObject_GetAttrString(torch, "frombuffer");
    array = function ? PyByteArray_FromObject(bytes) : NULL; /* it wants memory it may write */
    type = array ? PyObject_GetAttrString(torch, "uint8") : NULL;
    arguments = type ? PyTuple_Pack(1, array) : NULL;
    keywords = arguments ? Py_BuildValue("{sO}", "dtype", type) : NULL;
    if (keywords) tensor = PyObject_Call(function, arguments, keywords);
    Py_XDECREF(function);
    Py_XDECREF(array);
    Py_XDECREF(type);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    return tensor;
}

PyObject *rp_random_torch_state(PyObject *generator) {
    PyObject *tensor = PyObject_CallMethod(generator, "get_state", NULL);
    PyObject *bytes = tensor ? bytes_of_tensor(tensor) : NULL;
    Py_XDECREF(tensor);
    return bytes;
}

int rp_random_torch_set_state(PyObject *generator, PyObject *bytes) {
    PyObject *torch = NULL, *tensor = NULL, *done = NULL;
    if (!PyBytes_Check(bytes)) {
        PyErr_SetString(PyExc_ValueError, "the saved state of a generator of torch is damaged");
        return -1;
    }
    int found = rp_module_find("torch", &torch);
    if (found > 0) tensor = tensor_of_bytes(torch, bytes);
    if (tensor) done = PyObject_CallMethod(generator, "set_state", "(O)", tensor);
    Py_XDECREF(torch);
    Py_XDECREF(tensor);
    Py_XDECREF(done);
    return done || found == 0 ? 0 : -1;
}

/* The devices of CUDA have a generator each, made when CUDA is first used: new list, empty before.
 */
static PyObject *cuda_generators(void) {
    PyObject *cuda = NULL, *ready = NULL, *generators = NULL;
    int found = rp_module_find("torch.cuda", &cuda);
    if (found > 0) ready = PyObject_CallMethod(cuda, "is_initialized", NULL);
    if (ready == Py_True) generators = PyObject_GetAttrString(cuda, "default_generators");
    if (generators) Py_SETREF(generators, PySequence_List(generators));
    if (!generators && !PyErr_Occurred()) generators = PyList_New(0);
    Py_XDECREF(cuda);
    Py_XDECREF(ready);
    return generators;
}

/* All generators of torch, that of the processor first: new list, empty without torch. */
static PyObject *torch_generators(void) {
    PyObject *torch = NULL, *first = NULL, *all = NULL;
    int found = rp_module_find("torch", &torch);
    if (found <= 0) return found < 0 ? NULL : PyList_New(0);
    first = PyObject_GetAttrString(torch, "default_generator");
    Py_DECREF(torch);
    if (!first && PyErr_ExceptionMatches(PyExc_AttributeError)) { /* it is being imported */
        PyErr_Clear();
        return PyList_New(0);
    }
    all = first ? cuda_generators() : NULL;
    if (all && PyList_Insert(all, 0, first) < 0) Py_CLEAR(all);
    Py_XDECREF(first);
    return all;
}

static int capture_torch(PyObject *captured) {
    PyObject *generators = torch_generators(), *states = generators ? PyList_New(0) : NULL;
    int status = states ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(generators); i++) {
        PyObject *bytes = rp_random_torch_state(PyList_GET_ITEM(generators, i));
        status = bytes ? PyList_Append(states, bytes) : -1;
        Py_XDECREF(bytes);
    }
    if (status == 0 && PyList_GET_SIZE(states) > 0)
        status = PyDict_SetItemString(captured, "torch", states);
    Py_XDECREF(generators);
    Py_XDECREF(states);
    return status;
}

/* Of devices that are not there now the state is left out. */
static int restore_torch(PyObject *captured) {
    PyObject *states = PyDict_GetItemString(captured, "torch"); /* borrowed */
    if (!states) return 0;
    PyObject *generators = PyList_Check(states) ? torch_generators() : NULL;
    int status = generators ? 0 : -1;
    if (!PyList_Check(states))
        PyErr_SetString(PyExc_ValueError, "the saved state of torch is damaged");
    Py_ssize_t count = status == 0 ? PyList_GET_SIZE(generators) : 0;
    for (Py_ssize_t i = 0; status == 0 && i < count && i < PyList_GET_SIZE(states); i++)
        status =
            rp_random_torch_set_state(PyList_GET_ITEM(generators, i), PyList_GET_ITEM(states, i));
    Py_XDECREF(generators);
    return status;
}

PyObject *rp_random_capture(rp_module_state *state) {
    (void)state;
    PyObject *captured = PyDict_New();
    if (captured && (capture(captured, "random", "random", "getstate", NULL) < 0 ||
                     capture(captured, "numpy", "numpy.random", "get_state", "i") < 0 ||
                     capture_torch(captured) < 0)) {
        Py_CLEAR(captured);
    }
    return captured;
}

static int restore(PyObject *captured, const char *key, const char *module_name, const char *method,
                   bool indexed) {
    PyObject *module = NULL, *value = NULL, *done = NULL;
    int status = rp_dict_find(captured, key, &value);
    if (status > 0) status = rp_module_find(module_name, &module);
    if (status <= 0) goto done;
    status = indexed ? rp_random_is_safe(value) : 1;
    if (status == 0) {
        PyErr_Format(PyExc_ValueError, "the saved state of %s is damaged", module_name);
        status = -1;
    }
    if (status < 0) goto done;
    done = PyObject_CallMethod(module, method, "(O)", value);
    status = done ? 0 : -1;
done:
    Py_XDECREF(value);
    Py_XDECREF(module);
    Py_XDECREF(done);
    return status;
}

int rp_random_restore(rp_module_state *state, PyObject *captured) {
    (void)state;
    if (!PyDict_Check(captured)) return 0;
    if (restore(captured, "random", "random", "setstate", false) < 0) return -1;
    if (restore(captured, "numpy", "numpy.random", "set_state", true) < 0) return -1;
    return restore_torch(captured);
}
