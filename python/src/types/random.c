/* Random generators in the object stream: numpy's with seed sequence and spawn count, Python's. */
#include "../decode.h"
#include "../lookup.h"
#include "../random_state.h"
#include "known_types.h"

#include <string.h>

static const char *const bit_generators[] = {"PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"};
enum { BIT_GENERATOR_COUNT = 5, POOL_SIZE_MAX = 1 << 16 };

/* ---- encoding ---- */

/* Is it the one object NAME of a module that is imported? 1, 0, or -1 with an exception. */
static int is_global(PyObject *object, const char *module_name, const char *name) {
    PyObject *module;
    int status = rp_module_find(module_name, &module);
    if (status == 1) status = rp_attribute_is(module, name, object);
    Py_XDECREF(module);
    return status;
}

int rp_put_seed_sequence(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"entropy", "spawn_key", "pool_size", "n_children_spawned"};
    return rp_put_attributes(encoder, object, RP_TAG_SEED_SEQUENCE, names, 4);
}

int rp_put_bit_generator(rp_encoder *encoder, PyObject *object) {
    const char *name = strrchr(Py_TYPE(object)->tp_name, '.');
    PyObject *seed = PyObject_GetAttrString(object, "seed_seq");
    if (!seed && PyErr_ExceptionMatches(PyExc_AttributeError)) { /* numpy before 1.25 */
        PyErr_Clear();
        seed = PyObject_GetAttrString(object, "_seed_seq");
    }
    PyObject *state = seed ? PyObject_GetAttrString(object, "state") : NULL, *parts = NULL;
    if (state)
        parts = Py_BuildValue("(sOO)", name ? name + 1 : Py_TYPE(object)->tp_name, seed, state);
    Py_XDECREF(seed);
    Py_XDECREF(state);
    rp_put_tag(encoder, RP_TAG_BIT_GENERATOR);
    rp_put_array_head(encoder, 3);
    return rp_push_parts(encoder, parts, ".state or .seed_seq");
}

int rp_put_generator(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"bit_generator"};
    return rp_put_attributes(encoder, object, RP_TAG_GENERATOR, names, 1);
}

int rp_put_random_state(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_RANDOM_STATE);
    int global = is_global(object, "numpy.random.mtrand", "_rand");
    if (global) {
        rp_put_array_head(encoder, 0);
        return global < 0 ? -1 : RP_DONE;
    }
    PyObject *parts = NULL, *generator = PyObject_GetAttrString(object, "_bit_generator");
    PyObject *state = generator ? PyObject_CallMethod(object, "get_state", "i", 0) : NULL;
    PyObject *has_gauss = state ? PyMapping_GetItemString(state, "has_gauss") : NULL;
    PyObject *gauss = has_gauss ? PyMapping_GetItemString(state, "gauss") : NULL;
    if (gauss) parts = PyTuple_Pack(3, generator, has_gauss, gauss);
    Py_XDECREF(generator);
    Py_XDECREF(state);
    Py_XDECREF(has_gauss);
    Py_XDECREF(gauss);
    rp_put_array_head(encoder, 3);
    return rp_push_parts(encoder, parts, "._bit_generator");
}

int rp_put_random(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_RANDOM);
    int global = is_global(object, "random", "_inst");
    if (global) {
        rp_put_array_head(encoder, 0);
        return global < 0 ? -1 : RP_DONE;
    }
    PyObject *state = PyObject_CallMethod(object, "getstate", NULL);
    PyObject *parts = state ? PyTuple_Pack(1, state) : NULL;
    Py_XDECREF(state);
    rp_put_array_head(encoder, 1);
    return rp_push_parts(encoder, parts, ".getstate()");
}

/* ---- decoding ---- */

/* Borrowed; NULL with an exception. */
static PyObject *numpy_random(rp_decoder *decoder) {
    if (!decoder->numpy_random) decoder->numpy_random = PyImport_ImportModule("numpy.random");
    return decoder->numpy_random;
}

/* An index that numpy would use unchecked: 1 in 0..limit, 0 not, -1 exception. */
static int is_index(PyObject *state, const char *name, long limit) {
    PyObject *number;
    int status = PyDict_Check(state) ? rp_dict_find(state, name, &number) : 0;
    if (status <= 0) return status;
    int overflow = 0;
    long index = PyLong_Check(number) ? PyLong_AsLongAndOverflow(number, &overflow) : -1;
    Py_DECREF(number);
    return !overflow && index >= 0 && index <= limit;
}

int rp_random_is_safe(PyObject *state) {
    PyObject *name = NULL, *inner = NULL;
    int status = PyDict_Check(state) ? rp_dict_find(state, "bit_generator", &name) : 0;
    if (status <= 0) return status;
    status = PyUnicode_Check(name);
    if (status && PyUnicode_CompareWithASCIIString(name, "MT19937") == 0) {
        status = rp_dict_find(state, "state", &inner);
        if (status > 0) status = is_index(inner, "pos", 624);
    } else if (status && PyUnicode_CompareWithASCIIString(name, "Philox") == 0) {
        status = is_index(state, "buffer_pos", 4);
    }
    Py_DECREF(name);
    Py_XDECREF(inner);
    return status;
}

static PyObject *finish_seed_sequence(rp_decoder *decoder, PyObject *const *parts,
                                      Py_ssize_t count) {
    PyObject *value = NULL, *type = NULL, *arguments = NULL, *keywords = NULL;
    long pool_size = PyLong_Check(parts[2]) ? PyLong_AsLong(parts[2]) : -1;
    if (pool_size < 0 || pool_size > POOL_SIZE_MAX)
        return rp_damaged(decoder, "the pool of a seed sequence is too large");
    if (rp_check_complete(decoder, parts, count) < 0 || !numpy_random(decoder)) return NULL;
    type = PyObject_GetAttrString(decoder->numpy_random, "SeedSequence");
    if (type) arguments = PyTuple_Pack(1, parts[0]);
    if (arguments)
        keywords = Py_BuildValue("{sOsOsO}", "spawn_key", parts[1], "pool_size", parts[2],
                                 "n_children_spawned", parts[3]);
    if (keywords) value = PyObject_Call(type, arguments, keywords);
    Py_XDECREF(type);
    Py_XDECREF(arguments);
    Py_XDECREF(keywords);
    return rp_checked(decoder, value);
}

/* A new generator of the class. One without a seed sequence was seeded in the way of old. */
static PyObject *new_bit_generator(rp_decoder *decoder, const char *name, PyObject *seed) {
    PyObject *value, *zero = NULL;
    if (seed != Py_None) return PyObject_CallMethod(decoder->numpy_random, name, "(O)", seed);
    value = PyObject_CallMethod(decoder->numpy_random, name, "i", 0);
    if (value && strcmp(name, "MT19937") == 0) {
        zero = PyObject_CallMethod(value, "_legacy_seeding", "i", 0);
        if (!zero) Py_CLEAR(value);
        Py_XDECREF(zero);
    }
    return value;
}

static PyObject *finish_bit_generator(rp_decoder *decoder, PyObject *const *parts,
                                      Py_ssize_t count) {
    const char *name = NULL;
    for (int i = 0; i < BIT_GENERATOR_COUNT && PyUnicode_CheckExact(parts[0]); i++)
        if (PyUnicode_CompareWithASCIIString(parts[0], bit_generators[i]) == 0)
            name = bit_generators[i];
    if (!numpy_random(decoder)) return NULL;
    const char *seed_type = strrchr(Py_TYPE(parts[1])->tp_name, '.');
    bool seeded = strcmp(seed_type ? seed_type + 1 : "", "SeedSequence") == 0;
    if (rp_check_complete(decoder, parts, count) < 0) return NULL;
    int safe = rp_random_is_safe(parts[2]);
    if (safe < 0) return NULL;
    if (!name || (!seeded && parts[1] != Py_None) || !safe)
        return rp_damaged(decoder, "the state of a random generator is not possible");
    PyObject *value = new_bit_generator(decoder, name, parts[1]);
    if (value && PyObject_SetAttrString(value, "state", parts[2]) < 0) Py_CLEAR(value);
    return rp_checked(decoder, value);
}

static bool is_bit_generator(PyObject *object) {
    const char *name = strrchr(Py_TYPE(object)->tp_name, '.');
    if (!name || strncmp(Py_TYPE(object)->tp_name, "numpy.random.", 13) != 0) return false;
    for (int i = 0; i < BIT_GENERATOR_COUNT; i++)
        if (strcmp(name + 1, bit_generators[i]) == 0) return true;
    return false;
}

static PyObject *over_bit_generator(rp_decoder *decoder, const char *name, PyObject *generator) {
    if (!is_bit_generator(generator))
        return rp_damaged(decoder, "a random generator stands on nothing");
    if (!numpy_random(decoder)) return NULL;
    return rp_checked(decoder, PyObject_CallMethod(decoder->numpy_random, name, "(O)", generator));
}

static PyObject *finish_generator(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    return over_bit_generator(decoder, "Generator", parts[0]);
}

static PyObject *finish_random_state(rp_decoder *decoder, PyObject *const *parts,
                                     Py_ssize_t count) {
    PyObject *module = NULL, *state = NULL, *done = NULL, *value = NULL;
    if (count == 0) {
        module = PyImport_ImportModule("numpy.random.mtrand");
        value = module ? PyObject_GetAttrString(module, "_rand") : NULL;
        Py_XDECREF(module);
        return rp_checked(decoder, value);
    }
    if (!PyLong_Check(parts[1]) || !PyFloat_Check(parts[2]))
        return rp_damaged(decoder, "the state of a random generator is not possible");
    value = over_bit_generator(decoder, "RandomState", parts[0]);
    state = value ? PyObject_CallMethod(value, "get_state", "i", 0) : NULL;
    if (state && PyMapping_SetItemString(state, "has_gauss", parts[1]) == 0 &&
        PyMapping_SetItemString(state, "gauss", parts[2]) == 0) {
        done = PyObject_CallMethod(value, "set_state", "(O)", state);
    }
    if (!done) Py_CLEAR(value);
    Py_XDECREF(state);
    Py_XDECREF(done);
    return rp_checked(decoder, value);
}

static PyObject *finish_random(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    if (rp_check_complete(decoder, parts, count) < 0) return NULL;
    PyObject *module = PyImport_ImportModule("random"), *done = NULL, *value = NULL;
    if (module && count == 0) {
        value = PyObject_GetAttrString(module, "_inst");
    } else if (module) {
        value = PyObject_CallMethod(module, "Random", NULL);
        done = value ? PyObject_CallMethod(value, "setstate", "(O)", parts[0]) : NULL;
        if (!done) Py_CLEAR(value);
        Py_XDECREF(done);
    }
    Py_XDECREF(module);
    return rp_checked(decoder, value);
}

static int open_parts(rp_decoder *decoder, size_t low, size_t high, rp_finish finish) {
    Py_ssize_t count = rp_next_array(decoder, low, high);
    if (count < 0) return -1;
    if (count != (Py_ssize_t)low && count != (Py_ssize_t)high) {
        rp_damaged(decoder, "the state of a random generator is not possible");
        return -1;
    }
    return rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count, finish) < 0 ? -1 : 1;
}

int rp_get_random(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    (void)value;
    switch (tag) {
    case RP_TAG_SEED_SEQUENCE:
        return open_parts(decoder, 4, 4, finish_seed_sequence);
    case RP_TAG_BIT_GENERATOR:
        return open_parts(decoder, 3, 3, finish_bit_generator);
    case RP_TAG_GENERATOR:
        return open_parts(decoder, 1, 1, finish_generator);
    case RP_TAG_RANDOM_STATE:
        return open_parts(decoder, 0, 3, finish_random_state);
    case RP_TAG_RANDOM:
        return open_parts(decoder, 0, 1, finish_random);
    default:
        return 2;
    }
}
