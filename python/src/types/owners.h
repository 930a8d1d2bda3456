/* Memory that arrays share, by the object that holds it and by its place. */
#ifndef RP_OWNERS_H
#define RP_OWNERS_H

#include "array_roots.h"

/* What the object owns; NULL: nothing yet. Until the next one is added. */
rp_owner *rp_owners_find(rp_encoder *encoder, PyObject *object);
/* NULL with an exception. */
rp_owner *rp_owners_add(rp_encoder *encoder, PyObject *object, const uint8_t *start, uint64_t size,
                        size_t share, bool is_value);
/* Memory that torch and numpy share has an owner in each: the one that was met first stands for
 * both. NULL: there is none around these bytes, or no torch. */
rp_owner *rp_owners_around(rp_encoder *encoder, const uint8_t *start, uint64_t size);
/* The memory around these bytes that rp_encoder_torn told of, as a root (borrowed): what is in it
 * is a view of it, but for the object that it belongs to. False: there is none. */
bool rp_owners_whole(const rp_encoder *encoder, const uint8_t *start, uint64_t size,
                     rp_root *whole);
#endif
