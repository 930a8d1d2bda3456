/* The types of modules that a program may have imported: looked up in sys.modules, never imported.
 */
#include "known_types.h"

#include "../lookup.h"

#include "base/alloc.h"

enum { TYPES_MAX = 96 };

static int add_type(rp_encoder *encoder, PyObject *module, const char *name, rp_put_function put,
                    bool identity) {
    PyObject *type = PyObject_GetAttrString(module, name);
    if (!type) { /* an older or newer version of the module */
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    for (size_t i = 0; i < encoder->type_count; i++) {
        if (encoder->types[i].type == (PyTypeObject *)type) { /* another name of the same */
            Py_DECREF(type);
            return 0;
        }
    }
    if (!PyType_Check(type) || encoder->type_count == TYPES_MAX) {
        Py_DECREF(type);
        return 0;
    }
    encoder->types[encoder->type_count++] = (rp_known_type){(PyTypeObject *)type, put, identity};
    return 0;
}

static int add_module(rp_encoder *encoder, const rp_module_types *types) {
    PyObject *module;
    int status = rp_module_find(types->module, &module);
    if (status <= 0) return status;
    status = 0;
    for (const rp_type_entry *entry = types->entries; !status && entry->name; entry++)
        status = add_type(encoder, module, entry->name, entry->put, entry->identity);
    Py_DECREF(module);
    return status;
}

static int look_up_types(rp_encoder *encoder) {
    if (!encoder->types) encoder->types = rs_allocate_zeroed(TYPES_MAX, sizeof *encoder->types);
    if (!encoder->types) {
        PyErr_NoMemory();
        return -1;
    }
    const rp_module_types *const *modules = rp_known_modules;
    for (; *modules; modules++)
        if (add_module(encoder, *modules) < 0) return -1;
    for (size_t i = 0; i < encoder->type_count; i++)
        if (encoder->types[i].put == rp_put_array) encoder->array_type = encoder->types[i].type;
    for (size_t i = encoder->type_count; i > 0; i--) /* the first one is the base of the others */
        if (encoder->types[i - 1].put == rp_put_tensor)
            encoder->tensor_type = encoder->types[i - 1].type;
    encoder->types_looked_up = true;
    return 0;
}

const rp_known_type *rp_find_known_type(rp_encoder *encoder, PyTypeObject *type) {
    if (!encoder->types_looked_up && look_up_types(encoder) < 0) return NULL;
    /* many of one type stand in a row */
    if (encoder->last_type && encoder->last_type->type == type) return encoder->last_type;
    for (size_t i = 0; i < encoder->type_count; i++)
        if (encoder->types[i].type == type) return encoder->last_type = &encoder->types[i];
    /* each dtype has a class of its own, derived from numpy.dtype */
    for (size_t i = 0; i < encoder->type_count; i++) {
        const rp_known_type *known = &encoder->types[i];
        if (known->put == rp_put_dtype_value && PyType_IsSubtype(type, known->type)) return known;
    }
    return NULL;
}
