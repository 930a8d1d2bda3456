/* _hashlib.HASH (Modules/_hashopenssl.c of CPython) and EVP_MD_CTX (crypto/evp/evp_local.h of
 * OpenSSL 3.0 to 3.6): a pointer, behind which there is one to the state of the algorithm. */
#include "hash_state.h"

#include <malloc.h>
#include <stdbool.h>
#include <string.h>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x03100000
#error "the layout of objects of hashlib was not compared with this version of CPython"
#endif

typedef struct hash_object {
    PyObject_HEAD
#if PY_VERSION_HEX >= 0x030F0000
        PyMutex mutex;
#endif
    void *context;
} hash_object;

typedef struct md_context {
    const void *requested, *digest, *engine;
    unsigned long flags;
    const void *data, *key_context, *update;
    void *algorithm;
    const void *fetched;
} md_context;

/* Where it is; NULL: another layout. */
static void *state_of(PyObject *hash, size_t size) {
    if (strcmp(Py_TYPE(hash)->tp_name, "_hashlib.HASH") != 0 ||
        Py_TYPE(hash)->tp_basicsize < (Py_ssize_t)sizeof(hash_object))
        return NULL;
    void *context = ((hash_object *)hash)->context;
    if (!context || malloc_usable_size(context) < sizeof(md_context)) return NULL;
    const md_context *known = context;
    bool is_known = known->digest && known->requested == known->digest &&
                    known->fetched == known->digest && !known->engine && !known->data &&
                    !known->key_context && !known->update && known->algorithm;
    return is_known && malloc_usable_size(known->algorithm) >= size ? known->algorithm : NULL;
}

PyObject *rp_hash_state(PyObject *module, PyObject *args) {
    PyObject *hash;
    Py_ssize_t size;
    (void)module;
    if (!PyArg_ParseTuple(args, "On:_hash_state", &hash, &size)) return NULL;
    const char *state = size > 0 ? state_of(hash, (size_t)size) : NULL;
    if (!state) Py_RETURN_NONE;
    return PyBytes_FromStringAndSize(state, size);
}

PyObject *rp_hash_go_on(PyObject *module, PyObject *args) {
    PyObject *hash;
    const char *bytes;
    Py_ssize_t size;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oy#:_hash_go_on", &hash, &bytes, &size)) return NULL;
    void *state = size > 0 ? state_of(hash, (size_t)size) : NULL;
    if (state) memcpy(state, bytes, (size_t)size);
    return PyBool_FromLong(state != NULL);
}
