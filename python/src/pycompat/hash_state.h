/* How far an object of hashlib has come, which OpenSSL keeps to itself. */
#ifndef RP_PYCOMPAT_HASH_STATE_H
#define RP_PYCOMPAT_HASH_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* _hash_state(hash, size): the first `size` bytes of the memory in which OpenSSL 3 keeps it. Bytes,
 * or None: it is not laid out as it is known here. Only for algorithms whose memory holds no
 * address (MD5, SHA-1, SHA-2), and to be compared: see resume._library. */
PyObject *rp_hash_state(PyObject *module, PyObject *args);
/* _hash_go_on(hash, state): a new one of the same algorithm gets it. False: as None above. */
PyObject *rp_hash_go_on(PyObject *module, PyObject *args);
#endif
