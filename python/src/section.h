/* Pieces that the sections of the outermost map share. */
#ifndef RP_SECTION_H
#define RP_SECTION_H

#include "stream.h"

/* Writes NAME -> [digest or null, text] into an open map. 0 or -1. */
int rp_entry_put(rs_buffer *buffer, PyObject *name, const uint8_t *digest, PyObject *text);
/* Reads a map of those: a dict name -> (digest bytes or None, text), new reference. */
PyObject *rp_entries_get(rs_cbor_reader *reader, const char *section);
/* Encodes the value, or `undefined` in its place and the problem at the end of `problems`. */
int rp_put_or_undefined(rp_encoder *encoder, PyObject *value, const char *path, PyObject *problems);
/* The next item is `undefined`: moves behind it. */
bool rp_skip_undefined(rs_cbor_reader *reader);
/* The next head, of this kind; else ValueError. 0 or -1. */
int rp_section_item(rs_cbor_reader *reader, rs_cbor_kind kind, rs_cbor_item *item,
                    const char *section);
#endif
