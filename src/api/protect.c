/* The calls that add a variable: what can be wrong with one is found here. */
#include "api/handle.h"
#include "api/type.h"
#include "base/arith.h"

#include <string.h>

/* Errors of protecting stay: what is saved without the variable would not be the state. */
static resume_status stick(resume *checkpoint, resume_status status) {
    if (status && !checkpoint->is_constant) checkpoint->sticky = status;
    if (status && checkpoint->kind == RS_HANDLE_WRITER) atomic_store(&checkpoint->due, 1);
    return status;
}

/* A name as it is shown: without the mark that macros give it. */
static const char *shown(const char *name) {
    return name ? name + (*name == '=') : "";
}

static resume_status misuse(resume *checkpoint, const char *name, const char *what) {
    return stick(checkpoint, rs_fail(&checkpoint->error, RESUME_MISUSE, "variable '%s': %s",
                                     shown(name), what));
}

/* False: there is nothing (more) to do, *status is the answer. */
static bool may_add(resume *checkpoint, resume_status *status) {
    *status = RESUME_OK;
    if (checkpoint->kind == RS_HANDLE_DISABLED) return false;
    *status = rs_handle_check(checkpoint, "resume_protect");
    return *status == RESUME_OK;
}

static resume_status add(resume *checkpoint, const char *name, const rs_variable *variable) {
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!variable->address) return misuse(checkpoint, name, "its address is NULL");
    return stick(checkpoint, rs_scope_add(&checkpoint->scope, variable, name, &checkpoint->error));
}

resume_status resume_protect_value_as(resume *checkpoint, const char *name, void *address,
                                      resume_type type) {
    return resume_protect_shape_as(checkpoint, name, address, type, RESUME_ROWS, 0, NULL);
}

resume_status resume_protect_shape_as(resume *checkpoint, const char *name, void *address,
                                      resume_type type, resume_order order, size_t rank,
                                      const size_t *shape) {
    rs_variable variable = {.kind = RS_VARIABLE_NUMBERS,
                            .type = type,
                            .order = order,
                            .rank = rank,
                            .address = address,
                            .count = 1};
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!rs_type_is_valid(type)) return misuse(checkpoint, name, "no such resume_type");
    if (order != RESUME_ROWS && order != RESUME_COLUMNS)
        return misuse(checkpoint, name, "no such resume_order");
    if (rank > RESUME_DIMENSIONS_MAX)
        return stick(checkpoint, rs_fail(&checkpoint->error, RESUME_LIMIT,
                                         "variable '%s' has %zu dimensions: at most %d are allowed",
                                         shown(name), rank, RESUME_DIMENSIONS_MAX));
    uint64_t size = rs_type_size(type);
    bool overflows = false;
    for (size_t i = 0; i < rank; i++) {
        variable.shape[i] = shape[i];
        /* also when another dimension is 0: strides are computed from them all */
        if (shape[i]) overflows |= rs_multiply_overflows(size, shape[i], &size);
    }
    if (overflows || size > PTRDIFF_MAX)
        return stick(checkpoint,
                     rs_fail(&checkpoint->error, RESUME_LIMIT,
                             "variable '%s' has more bytes than memory can hold", shown(name)));
    return add(checkpoint, name, &variable);
}

static resume_status add_counted(resume *checkpoint, const char *name,
                                 const rs_variable *variable) {
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!rs_type_is_valid(variable->count_type) || !rs_type_is_integer(variable->count_type))
        return misuse(checkpoint, name, "its count is of no integer type");
    if (!variable->count_address)
        return misuse(checkpoint, name, "the address of its count is NULL");
    return add(checkpoint, name, variable);
}

resume_status resume_protect_array_as(resume *checkpoint, const char *name, void *pointer_address,
                                      resume_type type, void *count_address,
                                      resume_type count_type) {
    rs_variable variable = {.kind = RS_VARIABLE_GROWABLE,
                            .type = type,
                            .count_type = count_type,
                            .rank = 1,
                            .address = pointer_address,
                            .count_address = count_address};
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!rs_type_is_valid(type)) return misuse(checkpoint, name, "no such resume_type");
    return add_counted(checkpoint, name, &variable);
}

static resume_status add_bytes(resume *checkpoint, const char *name, const rs_variable *variable) {
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (variable->size > PTRDIFF_MAX)
        return misuse(checkpoint, name, "it has more bytes than memory can hold");
    return add(checkpoint, name, variable);
}

resume_status resume_protect_bytes_as(resume *checkpoint, const char *name, void *address,
                                      size_t size) {
    return add_bytes(checkpoint, name,
                     &(rs_variable){.kind = RS_VARIABLE_BYTES, .address = address, .size = size});
}

resume_status resume_protect_string_as(resume *checkpoint, const char *name, char *text,
                                       size_t size) {
    return add_bytes(checkpoint, name,
                     &(rs_variable){.kind = RS_VARIABLE_STRING, .address = text, .size = size});
}

static resume_status add_structs(resume *checkpoint, const char *name,
                                 const rs_variable *variable) {
    uint64_t size;
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!variable->describe) return misuse(checkpoint, name, "no function names its fields");
    if (variable->size == 0) return misuse(checkpoint, name, "its elements have no bytes");
    if (rs_multiply_overflows(variable->size, variable->count, &size) || size > PTRDIFF_MAX)
        return misuse(checkpoint, name, "it has more bytes than memory can hold");
    return variable->kind == RS_VARIABLE_STRUCTS ? add_counted(checkpoint, name, variable)
                                                 : add(checkpoint, name, variable);
}

resume_status resume_protect_struct_as(resume *checkpoint, const char *name, void *object,
                                       resume_describe describe) {
    return add_structs(checkpoint, name,
                       &(rs_variable){.kind = RS_VARIABLE_STRUCT,
                                      .address = object,
                                      .size = 1,
                                      .count = 1,
                                      .describe = describe});
}

resume_status resume_protect_structs_as(resume *checkpoint, const char *name, void *pointer_address,
                                        size_t element_size, void *count_address,
                                        resume_type count_type, resume_describe describe) {
    return add_structs(checkpoint, name,
                       &(rs_variable){.kind = RS_VARIABLE_STRUCTS,
                                      .address = pointer_address,
                                      .size = element_size,
                                      .count_address = count_address,
                                      .count_type = count_type,
                                      .describe = describe});
}

resume_status resume_protect_structs_fixed_as(resume *checkpoint, const char *name, void *first,
                                              size_t element_size, size_t count,
                                              resume_describe describe) {
    return add_structs(checkpoint, name,
                       &(rs_variable){.kind = RS_VARIABLE_STRUCTS_FIXED,
                                      .address = first,
                                      .size = element_size,
                                      .count = count,
                                      .describe = describe});
}

static resume_status add_container(resume *checkpoint, const char *name,
                                   const rs_variable *variable) {
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!variable->view || !variable->resize) return misuse(checkpoint, name, "a function is NULL");
    if (variable->describe) return add_structs(checkpoint, name, variable);
    return add(checkpoint, name, variable);
}

resume_status resume_protect_container_as(resume *checkpoint, const char *name, void *container,
                                          resume_type type, resume_view view,
                                          resume_resize resize) {
    rs_variable variable = {.kind = RS_VARIABLE_CONTAINER,
                            .type = type,
                            .rank = 1,
                            .address = container,
                            .view = view,
                            .resize = resize};
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!rs_type_is_valid(type)) return misuse(checkpoint, name, "no such resume_type");
    return add_container(checkpoint, name, &variable);
}

resume_status resume_protect_text_as(resume *checkpoint, const char *name, void *container,
                                     resume_view view, resume_resize resize) {
    return add_container(checkpoint, name,
                         &(rs_variable){.kind = RS_VARIABLE_TEXT,
                                        .type = RESUME_CHAR,
                                        .address = container,
                                        .view = view,
                                        .resize = resize});
}

resume_status resume_protect_structs_container_as(resume *checkpoint, const char *name,
                                                  void *container, size_t element_size,
                                                  resume_view view, resume_resize resize,
                                                  resume_describe describe) {
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!describe) return misuse(checkpoint, name, "no function names its fields");
    return add_container(checkpoint, name,
                         &(rs_variable){.kind = RS_VARIABLE_STRUCTS_CONTAINER,
                                        .address = container,
                                        .size = element_size,
                                        .describe = describe,
                                        .view = view,
                                        .resize = resize});
}

/* Unlike all others an object of NULL is fine here: the functions may know their own. */
resume_status resume_protect_state(resume *checkpoint, const char *name, resume_save_state save,
                                   resume_load_state load, void *object) {
    rs_variable variable = {
        .kind = RS_VARIABLE_STATE, .address = object, .save = save, .load = load};
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    if (!save || !load) return misuse(checkpoint, name, "a function is NULL");
    if (checkpoint->kind == RS_HANDLE_FIELDS)
        return misuse(checkpoint, name, "a state behind functions can't be a field of a struct");
    return stick(checkpoint, rs_scope_add(&checkpoint->scope, &variable, name, &checkpoint->error));
}

resume_status resume_unprotect_as(resume *checkpoint, const char *name) {
    resume_status status;
    if (!may_add(checkpoint, &status)) return status;
    return stick(checkpoint, rs_scope_remove(&checkpoint->scope, name, &checkpoint->error));
}
