/* combinations, permutations and product out of the object stream: their indices lead into pools.
 */
#include "iterators.h"

/* New memory with the numbers of a list, each from low to high[i] (or high[0] + i * slope). */
static Py_ssize_t *numbers_of(PyObject *list, Py_ssize_t count, Py_ssize_t low, Py_ssize_t high,
                              Py_ssize_t slope) {
    if (!rp_part_is_complete(list, true) || PyList_GET_SIZE(list) != count) {
        rp_wrong_part("indices of another number");
        return NULL;
    }
    Py_ssize_t *to = PyMem_Malloc((size_t)(count ? count : 1) * sizeof *to);
    if (!to) PyErr_NoMemory();
    for (Py_ssize_t i = 0; to && i < count; i++) {
        if (rp_part_number(PyList_GET_ITEM(list, i), low, high + i * slope, &to[i]) == 0) continue;
        PyMem_Free(to);
        return NULL;
    }
    return to;
}

static void set_memory(PyObject *iterator, rp_kind kind, int index, Py_ssize_t *memory) {
    Py_ssize_t **at = rp_field_at(iterator, rp_kind_field(kind, index));
    PyMem_Free(*at);
    *at = memory;
}

/* pool[indices[0]], pool[indices[1]] ... */
static PyObject *picked(PyObject *pool, const Py_ssize_t *indices, Py_ssize_t count) {
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(PyTuple_GET_ITEM(pool, indices[i])));
    return tuple;
}

PyObject *rp_fill_chosen(PyObject *iterator, rp_kind kind, PyObject *const *parts) {
    bool stopped, started, permutes = kind == RP_KIND_PERMUTATIONS;
    Py_ssize_t length, *indices = NULL, *cycles = NULL;
    PyObject *pool = parts[0], *result = NULL, *value = NULL;
    if (!rp_part_is_complete(pool, false)) return rp_wrong_part("no pool");
    Py_ssize_t count = PyTuple_GET_SIZE(pool);
    if (rp_part_flag(parts[2], &stopped) < 0 || rp_part_flag(parts[3], &started) < 0) return NULL;
    bool replaces = kind == RP_KIND_COMBINATIONS_REPLACED;
    Py_ssize_t most = replaces ? PY_SSIZE_T_MAX / 16 : count;
    if (stopped || (replaces && count == 0)) /* nothing is left: no memory is looked at */
        return rp_kind_set_number(iterator, kind, 2, 1) < 0 ? NULL : Py_NewRef(iterator);
    if (rp_part_number(parts[1], 0, most, &length) < 0) return NULL;
    if (permutes) {
        indices = numbers_of(parts[4], count, 0, count - 1, 0);
        cycles = indices ? numbers_of(parts[5], length, 1, count, -1) : NULL;
    } else {
        indices = replaces ? numbers_of(parts[4], length, 0, count - 1, 0)
                           : numbers_of(parts[4], length, 0, count - length, 1);
    }
    if (!indices || (permutes && !cycles)) goto done;
    if (started && !(result = picked(pool, indices, length))) goto done;
    rp_kind_set_object(iterator, kind, 0, pool);
    rp_kind_set_number(iterator, kind, 1, length);
    rp_kind_set_number(iterator, kind, 2, 0);
    rp_kind_set_object(iterator, kind, 3, result);
    set_memory(iterator, kind, 4, indices);
    if (permutes) set_memory(iterator, kind, 5, cycles);
    indices = cycles = NULL;
    value = Py_NewRef(iterator);
done:
    PyMem_Free(indices);
    PyMem_Free(cycles);
    Py_XDECREF(result);
    return value;
}

/* A tuple of the pools; where it has begun, none is empty and each index is inside. */
static PyObject *pools_of(PyObject *list, const Py_ssize_t *indices, bool started,
                          PyObject **result) {
    Py_ssize_t count = PyList_GET_SIZE(list);
    PyObject *pools = PyTuple_New(count);
    if (started) *result = PyTuple_New(count);
    if (!pools || (started && !*result)) goto failed;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *pool = PyList_GET_ITEM(list, i);
        if (!rp_part_is_complete(pool, false) ||
            (started ? indices[i] >= PyTuple_GET_SIZE(pool) : indices[i] != 0)) {
            rp_wrong_part("a product outside its pools");
            goto failed;
        }
        PyTuple_SET_ITEM(pools, i, Py_NewRef(pool));
        if (started) PyTuple_SET_ITEM(*result, i, Py_NewRef(PyTuple_GET_ITEM(pool, indices[i])));
    }
    return pools;
failed:
    Py_CLEAR(*result);
    Py_XDECREF(pools);
    return NULL;
}

PyObject *rp_fill_product(PyObject *iterator, PyObject *const *parts) {
    rp_kind kind = RP_KIND_PRODUCT;
    bool stopped, started;
    PyObject *result = NULL;
    if (!rp_part_is_complete(parts[0], true)) return rp_wrong_part("no pools");
    if (rp_part_flag(parts[1], &stopped) < 0 || rp_part_flag(parts[2], &started) < 0) return NULL;
    if (stopped) return rp_kind_set_number(iterator, kind, 2, 1) < 0 ? NULL : Py_NewRef(iterator);
    Py_ssize_t *indices = numbers_of(parts[3], PyList_GET_SIZE(parts[0]), 0, PY_SSIZE_T_MAX - 1, 0);
    PyObject *pools = indices ? pools_of(parts[0], indices, started, &result) : NULL;
    if (!pools) {
        PyMem_Free(indices);
        return NULL;
    }
    rp_kind_set_object(iterator, kind, 0, pools);
    rp_kind_set_number(iterator, kind, 2, 0);
    rp_kind_set_object(iterator, kind, 3, result);
    set_memory(iterator, kind, 4, indices);
    Py_DECREF(pools);
    Py_XDECREF(result);
    return Py_NewRef(iterator);
}
