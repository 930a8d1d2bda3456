/* The value of a small int without a call: how CPython lays out an int. */
#ifndef RP_PYCOMPAT_INTS_H
#define RP_PYCOMPAT_INTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

/* True for an int of one digit, with its value; false says nothing about the size. */
static inline bool rp_long_is_compact(PyObject *object, int64_t *value) {
    PyLongObject *number = (PyLongObject *)object;
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyUnstable_Long_IsCompact(number)) return false;
    *value = PyUnstable_Long_CompactValue(number);
#else
    Py_ssize_t size = Py_SIZE(number);
    if (size < -1 || size > 1) return false;
    *value = size * (Py_ssize_t)number->ob_digit[0];
    if (size == 0) *value = 0;
#endif
    return true;
}

/* Of the functions for this the one that has a short way for small numbers. */
static inline PyObject *rp_long_of(int64_t value) {
#if LONG_MAX == INT64_MAX
    return PyLong_FromLong(value);
#else
    return PyLong_FromLongLong(value);
#endif
}

/* Digits of 30 bits. */
static inline size_t rp_long_digits(PyObject *object) {
#if PY_VERSION_HEX >= 0x030C0000
    return ((PyLongObject *)object)->long_value.lv_tag >> 3;
#else
    Py_ssize_t size = Py_SIZE(object);
    return (size_t)(size < 0 ? -size : size);
#endif
}
#endif
