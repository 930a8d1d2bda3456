/* Private functions of the extension for the tests: encode, decode and digest without a file. */
#ifndef RP_TESTING_H
#define RP_TESTING_H

#include "module.h"

/* _encode(value) -> (stream, [blob, ...], [note, ...]); TypeError with the path for what can't be
 * saved. */
PyObject *rp_testing_encode(PyObject *module, PyObject *value);
PyObject *rp_testing_encode_size(PyObject *module, PyObject *value); /* bytes, blobs included */
/* _encode_each([value, ...]) -> (stream, [blob, ...], [None or problem, ...]): by one encoder; the
 * stream holds those that could be saved, one after the other. */
PyObject *rp_testing_encode_each(PyObject *module, PyObject *values);
/* _decode(stream, [blob, ...], target=None) -> (value, [note, ...]) */
PyObject *rp_testing_decode(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
/* _decode_each(stream, [blob, ...], [target or None, ...]) -> [value, ...] */
PyObject *rp_testing_decode_each(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *rp_testing_digest(PyObject *module, PyObject *value); /* bytes, or None */

#define RP_TESTING_METHODS                                                                         \
    {"_encode", rp_testing_encode, METH_O, NULL},                                                  \
        {"_encode_size", rp_testing_encode_size, METH_O, NULL},                                    \
        {"_encode_each", rp_testing_encode_each, METH_O, NULL},                                    \
        {"_decode", (PyCFunction)(void (*)(void))rp_testing_decode, METH_FASTCALL, NULL},          \
        {"_decode_each", (PyCFunction)(void (*)(void))rp_testing_decode_each, METH_FASTCALL,       \
         NULL},                                                                                    \
    {                                                                                              \
        "_digest", rp_testing_digest, METH_O, NULL                                                 \
    }
#endif
