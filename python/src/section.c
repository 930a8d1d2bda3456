/* Pieces that the sections of the outermost map share. */
#include "section.h"

int rp_entry_put(rs_buffer *buffer, PyObject *name, const uint8_t *digest, PyObject *text) {
    Py_ssize_t name_size, text_size;
    const char *name_bytes = PyUnicode_AsUTF8AndSize(name, &name_size);
    const char *text_bytes = name_bytes ? PyUnicode_AsUTF8AndSize(text, &text_size) : NULL;
    if (!text_bytes) return -1;
    rs_cbor_put_text(buffer, name_bytes, (size_t)name_size);
    rs_cbor_put_head(buffer, RS_CBOR_ARRAY, 2);
    if (digest) {
        rs_cbor_put_bytes(buffer, digest, RP_DIGEST_SIZE);
    } else {
        rs_cbor_put_simple(buffer, RS_CBOR_NULL);
    }
    rs_cbor_put_text(buffer, text_bytes, (size_t)text_size);
    return 0;
}

int rp_put_or_undefined(rp_encoder *encoder, PyObject *value, const char *path,
                        PyObject *problems) {
    int result = rp_encoder_put(encoder, value, path);
    if (result <= 0) return result;
    PyObject *problem = PyUnicode_FromString(rp_encoder_problem(encoder));
    result = problem ? PyList_Append(problems, problem) : -1;
    Py_XDECREF(problem);
    if (result == 0) rs_cbor_put_simple(rp_encoder_buffer(encoder), RS_CBOR_UNDEFINED);
    return result;
}

int rp_section_item(rs_cbor_reader *reader, rs_cbor_kind kind, rs_cbor_item *item,
                    const char *section) {
    rs_error error = {0};
    resume_status status = rs_cbor_next(reader, item, &error);
    if (status == RESUME_OK && item->kind == kind) return 0;
    PyErr_Format(PyExc_ValueError, "section '%s': %s", section,
                 status == RESUME_OK ? "an item of another kind" : error.text);
    return -1;
}

bool rp_skip_undefined(rs_cbor_reader *reader) {
    if (reader->position >= reader->size ||
        reader->bytes[reader->position] != (RS_CBOR_SIMPLE << 5 | RS_CBOR_UNDEFINED))
        return false;
    reader->position++;
    return true;
}

PyObject *rp_entries_get(rs_cbor_reader *reader, const char *section) {
    rs_cbor_item map, name, pair, digest, text;
    rs_error error = {0};
    PyObject *entries = NULL;
    if (rp_section_item(reader, RS_CBOR_MAP, &map, section)) return NULL;
    entries = PyDict_New();
    for (uint64_t i = 0; entries && i < map.argument; i++) {
        PyObject *key = NULL, *value = NULL;
        if (!rp_section_item(reader, RS_CBOR_TEXT, &name, section) &&
            !rp_section_item(reader, RS_CBOR_ARRAY, &pair, section)) {
            bool bad = pair.argument != 2 || rs_cbor_next(reader, &digest, &error) != RESUME_OK ||
                       (digest.kind == RS_CBOR_BYTES ? digest.argument != RP_DIGEST_SIZE
                                                     : digest.kind != RS_CBOR_SIMPLE);
            if (bad) {
                PyErr_Format(PyExc_ValueError, "section '%s': not a digest", section);
            } else if (!rp_section_item(reader, RS_CBOR_TEXT, &text, section)) {
                key =
                    PyUnicode_DecodeUTF8((const char *)name.bytes, (Py_ssize_t)name.argument, NULL);
                value = Py_BuildValue(
                    "(y#s#)", digest.kind == RS_CBOR_BYTES ? (const char *)digest.bytes : NULL,
                    (Py_ssize_t)RP_DIGEST_SIZE, (const char *)text.bytes,
                    (Py_ssize_t)text.argument);
            }
        }
        if (!key || !value || PyDict_SetItem(entries, key, value)) Py_CLEAR(entries);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return entries;
}
