/* Memory that a reduction hands out apart (pickle.PickleBuffer) in the object stream: BUFFER. */
#include "../decode.h"
#include "../encode.h"

int rp_put_buffer(rp_encoder *encoder, PyObject *object) {
    const Py_buffer *buffer = PyPickleBuffer_GetBuffer(object);
    if (!buffer) return -1;
    rp_put_tag(encoder, RP_TAG_BUFFER);
    rp_put_array_head(encoder, 2);
    rs_cbor_put_simple(&encoder->buffer, buffer->readonly ? RS_CBOR_TRUE : RS_CBOR_FALSE);
    uint32_t size = buffer->itemsize > 0 && buffer->itemsize <= 16 ? (uint32_t)buffer->itemsize : 1;
    if (PyBuffer_IsContiguous(buffer, 'A'))
        return rp_put_proven_memory(encoder, buffer->buf, (size_t)buffer->len, size, object);
    PyObject *bytes = PyBytes_FromObject(object);
    if (!bytes) return -1;
    int status = rp_put_proven_memory(encoder, PyBytes_AS_STRING(bytes),
                                      (size_t)PyBytes_GET_SIZE(bytes), size, bytes);
    Py_DECREF(bytes);
    return status;
}

/* bytes or a bytearray, as pickle gives when buffers stand in its stream. */
PyObject *rp_get_buffer(rp_decoder *decoder) {
    bool is_read_only;
    rp_memory memory;
    if (rp_next_array(decoder, 2, 2) < 0 || rp_next_bool(decoder, &is_read_only) < 0 ||
        rp_next_memory(decoder, &memory) < 0)
        return NULL;
    if (memory.partial) return rp_damaged(decoder, "a part of a blob stands alone");
    if (!memory.bytes && !memory.digest && decoder->source.is_mine)
        return rp_damaged(decoder, "a buffer in a blob has no digest");
    Py_ssize_t size = (Py_ssize_t)memory.size;
    PyObject *value = is_read_only ? PyBytes_FromStringAndSize(NULL, size)
                                   : PyByteArray_FromStringAndSize(NULL, size);
    void *to = !value         ? NULL
               : is_read_only ? PyBytes_AS_STRING(value)
                              : PyByteArray_AS_STRING(value);
    if (value && rp_read_memory(decoder, &memory, to) < 0) Py_CLEAR(value);
    return value;
}
