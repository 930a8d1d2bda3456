/* Numbers of numpy in the object stream, as most are: of a type whose objects hold the bytes of
 * their value right behind their head. Which do is found out by a look at one of each. */
#include "scalars.h"

#include "format/cbor.h"

#include <string.h>

enum { HEAD_SIZE = RP_SCALAR_HEAD_SIZE, TAG_SIZE = 3, VALUE_SIZE_MAX = 16 };

static uint8_t *value_of(PyObject *object) {
    return (uint8_t *)object + sizeof(PyObject);
}

/* The head of a SCALAR of a number in the order of this machine: two parts, a dtype of three
 * characters, a short byte string. */
static bool is_number(const uint8_t head[HEAD_SIZE]) {
    const uint8_t order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
    return head[0] == (RS_CBOR_ARRAY << 5 | 2) && head[1] == (RS_CBOR_TEXT << 5 | 3) &&
           (head[2] == '|' || head[2] == order) && strchr("biufcqQ", head[3]) && head[3] &&
           head[5] >> 5 == RS_CBOR_BYTES && (head[5] & 31) <= VALUE_SIZE_MAX;
}

/* An object of a known value is asked for its bytes. 1, 0, or -1 with an exception. */
static int is_plain(PyTypeObject *type, size_t size) {
    if (type->tp_itemsize || type->tp_basicsize < (Py_ssize_t)(sizeof(PyObject) + size)) return 0;
    PyObject *one = PyObject_CallFunction((PyObject *)type, "i", 73);
    PyObject *bytes = one ? PyObject_CallMethod(one, "tobytes", NULL) : NULL;
    int plain = bytes && PyBytes_Check(bytes) && (size_t)PyBytes_GET_SIZE(bytes) == size &&
                Py_IS_TYPE(one, type) && memcmp(value_of(one), PyBytes_AS_STRING(bytes), size) == 0;
    if (!bytes &&
        (PyErr_ExceptionMatches(PyExc_MemoryError) || !PyErr_ExceptionMatches(PyExc_Exception))) {
        plain = -1;
    } else {
        PyErr_Clear();
    }
    Py_XDECREF(bytes);
    Py_XDECREF(one);
    return plain;
}

static rp_scalar_kind *find_type(rp_scalar_kinds *kinds, PyTypeObject *type) {
    for (size_t i = 0; i < kinds->count; i++)
        if (kinds->kinds[i].type == type) return &kinds->kinds[i];
    return NULL;
}

/* Adds what is known about the type, also that it is not like this. 0 or -1. */
static int learn(rp_scalar_kinds *kinds, PyTypeObject *type, const uint8_t head[HEAD_SIZE]) {
    if (kinds->count == RP_SCALAR_KINDS_MAX) return 0;
    size_t size = head[5] & 31;
    int plain = is_plain(type, size);
    if (plain < 0) return -1;
    rp_scalar_kind *kind = &kinds->kinds[kinds->count++];
    *kind = (rp_scalar_kind){.type = (PyTypeObject *)Py_NewRef(type), .size = plain ? size : 0};
    memcpy(kind->head, head, HEAD_SIZE);
    return 0;
}

void rp_scalar_kinds_release(rp_scalar_kinds *kinds) {
    while (kinds->count > 0)
        Py_DECREF(kinds->kinds[--kinds->count].type);
}

int rp_scalar_learn(rp_encoder *encoder, PyObject *object, size_t start) {
    const rs_buffer *buffer = &encoder->buffer;
    if (buffer->failed || buffer->size - start < TAG_SIZE + HEAD_SIZE) return 0;
    const uint8_t *head = buffer->bytes + start + TAG_SIZE;
    size_t whole = TAG_SIZE + HEAD_SIZE + (head[5] & 31);
    if (!is_number(head) || buffer->size - start != whole) return 0;
    return find_type(&encoder->scalars, Py_TYPE(object))
               ? 0
               : learn(&encoder->scalars, Py_TYPE(object), head);
}

bool rp_scalar_put(rp_encoder *encoder, PyObject *object) {
    const rp_scalar_kind *kind = find_type(&encoder->scalars, Py_TYPE(object));
    if (!kind || kind->size == 0) return false;
    rp_put_tag(encoder, RP_TAG_SCALAR);
    rs_buffer_append(&encoder->buffer, kind->head, HEAD_SIZE);
    rs_buffer_append(&encoder->buffer, value_of(object), kind->size);
    return true;
}

/* numpy has one True and one False. */
static bool is_bool(const uint8_t head[HEAD_SIZE]) {
    return head[3] == 'b';
}

int rp_scalar_learn_read(rp_decoder *decoder, size_t start, PyObject *value) {
    const uint8_t *head = decoder->reader.bytes + start;
    if (decoder->reader.position - start < HEAD_SIZE || !is_number(head) || is_bool(head)) return 0;
    for (size_t i = 0; i < decoder->scalars.count; i++)
        if (memcmp(decoder->scalars.kinds[i].head, head, HEAD_SIZE) == 0) return 0;
    return learn(&decoder->scalars, Py_TYPE(value), head);
}

int rp_scalar_get(rp_decoder *decoder, PyObject **value) {
    rs_cbor_reader *reader = &decoder->reader;
    const uint8_t *head = reader->bytes + reader->position;
    size_t left = reader->size - reader->position;
    if (reader->items_left != UINT64_MAX || left < HEAD_SIZE) return 0;
    for (size_t i = 0; i < decoder->scalars.count; i++) {
        const rp_scalar_kind *kind = &decoder->scalars.kinds[i];
        if (memcmp(kind->head, head, HEAD_SIZE) != 0) continue;
        if (kind->size == 0 || left - HEAD_SIZE < kind->size) return 0;
        *value = kind->type->tp_alloc(kind->type, 0);
        if (!*value) return -1;
        memcpy(value_of(*value), head + HEAD_SIZE, kind->size);
        reader->position += HEAD_SIZE + kind->size;
        return 1;
    }
    return 0;
}
