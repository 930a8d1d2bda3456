/* Which types of which modules are in the closed set, and how they are written. */
#ifndef RP_KNOWN_TYPES_H
#define RP_KNOWN_TYPES_H

#include "../encode.h"

typedef struct rp_type_entry {
    const char *name;
    rp_put_function put;
    bool identity; /* marked when met again */
} rp_type_entry;

typedef struct rp_module_types {
    const char *module;
    const rp_type_entry *entries; /* ended by a NULL name */
} rp_module_types;

/* Ended by NULL: known_modules.c. */
extern const rp_module_types *const rp_known_modules[];

/* memmap.c */
int rp_put_memmap(rp_encoder *encoder, PyObject *object);
/* masked.c */
int rp_put_masked(rp_encoder *encoder, PyObject *object);
int rp_put_masked_constant(rp_encoder *encoder, PyObject *object);
/* random.c */
int rp_put_seed_sequence(rp_encoder *encoder, PyObject *object);
int rp_put_bit_generator(rp_encoder *encoder, PyObject *object);
int rp_put_generator(rp_encoder *encoder, PyObject *object);
int rp_put_random_state(rp_encoder *encoder, PyObject *object);
int rp_put_random(rp_encoder *encoder, PyObject *object);
/* classes.c */
int rp_put_cached_property(rp_encoder *encoder, PyObject *object);
int rp_put_cached_function(rp_encoder *encoder, PyObject *object);
/* times.c */
int rp_put_date(rp_encoder *encoder, PyObject *object);
int rp_put_time(rp_encoder *encoder, PyObject *object);
int rp_put_datetime(rp_encoder *encoder, PyObject *object);
int rp_put_timedelta(rp_encoder *encoder, PyObject *object);
int rp_put_timezone(rp_encoder *encoder, PyObject *object);
int rp_put_zone(rp_encoder *encoder, PyObject *object);
/* library_values.c */
int rp_put_decimal(rp_encoder *encoder, PyObject *object);
int rp_put_fraction(rp_encoder *encoder, PyObject *object);
int rp_put_uuid(rp_encoder *encoder, PyObject *object);
int rp_put_path(rp_encoder *encoder, PyObject *object);
int rp_put_array_array(rp_encoder *encoder, PyObject *object);
/* tensors.c */
int rp_put_tensor(rp_encoder *encoder, PyObject *object);
/* collections.c */
int rp_put_deque(rp_encoder *encoder, PyObject *object);
int rp_put_ordered_dict(rp_encoder *encoder, PyObject *object);
int rp_put_counter(rp_encoder *encoder, PyObject *object);
int rp_put_default_dict(rp_encoder *encoder, PyObject *object);
#endif
