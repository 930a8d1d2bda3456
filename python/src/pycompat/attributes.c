/* The attributes of an object that has no dict yet: CPython keeps them in an array. */
#include "pycompat/attributes.h"

#define Py_BUILD_CORE 1
#undef _PyGC_FINALIZED /* 3.12 and 3.11 define macros for others and functions for the core */
#undef _PyObject_LookupSpecial
#include <internal/pycore_dict.h>
#include <internal/pycore_object.h>
#undef Py_BUILD_CORE

/* The array, with the numbers of its used places in the order in which they were set; or NULL. */
static PyDictValues *values_of(PyObject *object, const uint8_t **order, Py_ssize_t *count,
                               int *direction) {
    PyDictValues *values;
#if PY_VERSION_HEX >= 0x030D0000
    if (!(Py_TYPE(object)->tp_flags & Py_TPFLAGS_INLINE_VALUES)) return NULL;
    if (_PyObject_GetManagedDict(object)) return NULL;
    values = _PyObject_InlineValues(object);
    if (!values->valid) return NULL;
    *order = get_insertion_order_array(values);
    *count = values->size;
    *direction = 1;
#else
    if (!(Py_TYPE(object)->tp_flags & Py_TPFLAGS_MANAGED_DICT)) return NULL;
#if PY_VERSION_HEX >= 0x030C0000
    PyDictOrValues place = *_PyObject_DictOrValuesPointer(object);
    if (!_PyDictOrValues_IsValues(place)) return NULL;
    values = _PyDictOrValues_GetValues(place);
#else
    values = *_PyObject_ValuesPointer(object);
    if (!values) return NULL;
#endif
    *order = (const uint8_t *)values - 3;
    *count = ((const uint8_t *)values)[-2];
    *direction = -1;
#endif
    return values;
}

Py_ssize_t rp_attributes_of(PyObject *object, rp_attributes *to) {
    const uint8_t *order;
    Py_ssize_t count;
    int direction;
    PyDictValues *values = values_of(object, &order, &count, &direction);
    if (!values || count > RP_ATTRIBUTES_MAX) return -1;
    PyDictKeysObject *keys = ((PyHeapTypeObject *)Py_TYPE(object))->ht_cached_keys;
    const PyDictUnicodeEntry *entries = DK_UNICODE_ENTRIES(keys);
    for (Py_ssize_t i = 0; i < count; i++) {
        uint8_t place = order[direction * i];
        to->names[i] = entries[place].me_key;
        to->values[i] = values->values[place];
        if (!to->names[i] || !to->values[i]) return -1;
    }
    return count;
}

PyObject *rp_attributes_dict(PyObject *object) {
    PyObject **dict = _PyObject_GetDictPtr(object);
    return dict ? *dict : NULL;
}
