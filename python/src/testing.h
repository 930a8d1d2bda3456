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
/* _decode(stream, [blob, ...], target=None, foreign=False, mine=False, trusted=None) ->
 * (value, [note, ...]) */
PyObject *rp_testing_decode(PyObject *module, PyObject *args, PyObject *kwargs);
/* _decode_each(stream, [blob, ...], [target or None, ...], mine=False) -> [value, ...] */
PyObject *rp_testing_decode_each(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *rp_testing_digest(PyObject *module, PyObject *value); /* bytes, or None */

#define RP_TESTING_METHODS                                                                         \
    {"_encode", rp_testing_encode, METH_O, NULL},                                                  \
        {"_encode_size", rp_testing_encode_size, METH_O, NULL},                                    \
        {"_encode_each", rp_testing_encode_each, METH_O, NULL},                                    \
        {"_decode", (PyCFunction)(void (*)(void))rp_testing_decode, METH_VARARGS | METH_KEYWORDS,  \
         NULL},                                                                                    \
        {"_decode_each", (PyCFunction)(void (*)(void))rp_testing_decode_each,                      \
         METH_VARARGS | METH_KEYWORDS, NULL},                                                      \
    {                                                                                              \
        "_digest", rp_testing_digest, METH_O, NULL                                                 \
    }
#endif
