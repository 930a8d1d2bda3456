/* Variables of C as values of the object stream: docs/state.md, "Saved by C". */
#include "api/encode.h"

#include "api/stream.h"
#include "base/alloc.h"
#include "base/arith.h"

#include <inttypes.h>

#define BLOB_SIZE_MIN (64u * 1024u) /* what is smaller stands in the stream itself */

static resume_status no_memory(rs_error *error) {
    return rs_fail(error, RESUME_NO_MEMORY, "no memory to save the variables");
}

/* --- memory --- */

static resume_status add_blob(rs_encoding *encoding, const void *bytes, size_t size,
                              uint32_t element_size, rs_error *error) {
    if (encoding->blob_count == encoding->blob_capacity) {
        size_t capacity = encoding->blob_capacity ? 2 * encoding->blob_capacity : 8;
        rs_blob *blobs = rs_reallocate_array(encoding->blobs, capacity, sizeof *blobs);
        if (!blobs) return no_memory(error);
        encoding->blobs = blobs;
        encoding->blob_capacity = capacity;
    }
    encoding->blobs[encoding->blob_count++] = (rs_blob){bytes, size, element_size};
    return RESUME_OK;
}

static resume_status put_memory(rs_encoding *encoding, const void *bytes, size_t size,
                                uint32_t element_size, rs_error *error) {
    if (size < BLOB_SIZE_MIN) {
        rs_cbor_put_bytes(&encoding->stream, bytes, size);
        return RESUME_OK;
    }
    rs_cbor_put_head(&encoding->stream, RS_CBOR_TAG, RS_TAG_BLOB);
    rs_cbor_put_head(&encoding->stream, RS_CBOR_UNSIGNED, encoding->blob_count);
    return add_blob(encoding, bytes, size, element_size, error);
}

/* --- numbers --- */

/* Python has ints, bools, doubles and double complexes; all others are numbers of numpy. */
static resume_status put_number(rs_encoding *encoding, const rs_variable *variable) {
    rs_buffer *stream = &encoding->stream;
    resume_type type = variable->type;
    const void *from = variable->address;
    double parts[2];
    if (type == RESUME_BOOL) {
        uint8_t truth;
        memcpy(&truth, from, 1);
        rs_cbor_put_simple(stream, truth ? RS_CBOR_TRUE : RS_CBOR_FALSE);
    } else if (rs_type_is_integer(type)) {
        rs_number number = rs_number_of_variable(type, from);
        rs_cbor_put_head(stream, number.negative ? RS_CBOR_NEGATIVE : RS_CBOR_UNSIGNED,
                         number.argument);
    } else if (type == RESUME_FLOAT64) {
        memcpy(parts, from, sizeof *parts);
        rs_cbor_put_double(stream, parts[0]);
    } else if (type == RESUME_COMPLEX128) {
        memcpy(parts, from, sizeof parts);
        rs_cbor_put_head(stream, RS_CBOR_TAG, RS_TAG_COMPLEX);
        rs_cbor_put_head(stream, RS_CBOR_ARRAY, 2);
        rs_cbor_put_double(stream, parts[0]);
        rs_cbor_put_double(stream, parts[1]);
    } else {
        rs_cbor_put_head(stream, RS_CBOR_TAG, RS_TAG_SCALAR);
        rs_cbor_put_head(stream, RS_CBOR_ARRAY, 2);
        rs_cbor_put_literal(stream, rs_type_dtype(type));
        rs_cbor_put_bytes(stream, from, rs_type_size(type));
    }
    return RESUME_OK;
}

/* Text of one dimension is bytes; everything else an array of numpy. */
static resume_status put_array(rs_encoding *encoding, const rs_variable *variable,
                               const void *bytes, size_t rank, const size_t *shape,
                               rs_error *error) {
    rs_buffer *stream = &encoding->stream;
    size_t size = rs_type_size(variable->type);
    for (size_t i = 0; i < rank; i++)
        size *= shape[i]; /* checked when it was protected, or it is memory that is there */
    if (variable->type == RESUME_CHAR && rank == 1)
        return put_memory(encoding, bytes, size, 1, error);
    rs_cbor_put_head(stream, RS_CBOR_TAG, RS_TAG_ARRAY);
    rs_cbor_put_head(stream, RS_CBOR_ARRAY, 5);
    rs_cbor_put_literal(stream, rs_type_dtype(variable->type));
    rs_cbor_put_head(stream, RS_CBOR_ARRAY, rank);
    for (size_t i = 0; i < rank; i++)
        rs_cbor_put_head(stream, RS_CBOR_UNSIGNED, shape[i]);
    rs_cbor_put_head(stream, RS_CBOR_UNSIGNED, variable->order == RESUME_COLUMNS);
    rs_cbor_put_simple(stream, RS_CBOR_TRUE);
    return put_memory(encoding, bytes, size, rs_type_element_size(variable->type), error);
}

static resume_status put_growable(rs_encoding *encoding, const rs_scope *scope,
                                  const rs_variable *variable, rs_error *error) {
    size_t count;
    uint64_t size;
    void *pointer = rs_variable_first(variable);
    resume_status status = rs_variable_count(scope, variable, &count, error);
    if (status) return status;
    if (rs_multiply_overflows(count, rs_type_size(variable->type), &size))
        return rs_fail(error, RESUME_LIMIT, "'%s' has %zu elements: more than memory can hold",
                       rs_scope_name(scope, variable), count);
    return put_array(encoding, variable, pointer, 1, &count, error);
}

static resume_status put_text(rs_encoding *encoding, const char *text, size_t size,
                              rs_error *error) {
    if (!rs_utf8_is_valid(text, size)) return put_memory(encoding, text, size, 1, error);
    rs_cbor_put_text(&encoding->stream, text, size);
    return RESUME_OK;
}

static resume_status put_string(rs_encoding *encoding, const rs_scope *scope,
                                const rs_variable *variable, rs_error *error) {
    const char *text = variable->address;
    const char *end = memchr(text, 0, variable->size);
    if (!end)
        return rs_fail(error, RESUME_MISUSE, "the string '%s' has no NUL in its %zu bytes",
                       rs_scope_name(scope, variable), variable->size);
    return put_text(encoding, text, (size_t)(end - text), error);
}

/* --- callbacks --- */

resume_status resume_write(resume_writer *writer, const void *bytes, size_t size) {
    rs_buffer_append(&writer->bytes, bytes, size);
    return writer->bytes.failed ? RESUME_NO_MEMORY : RESUME_OK;
}

resume_status rs_encode_state(const rs_scope *scope, const rs_variable *variable, rs_buffer *bytes,
                              rs_error *error) {
    struct resume_writer writer = {0};
    int answer = variable->save(variable->address, &writer);
    resume_status status = RESUME_OK;
    if (writer.bytes.failed)
        status = rs_fail(error, RESUME_NO_MEMORY, "no memory for the state '%s'",
                         rs_scope_name(scope, variable));
    else if (answer)
        status = rs_fail(error, RESUME_MISUSE, "the function that saves '%s' refused: it gave %d",
                         rs_scope_name(scope, variable), answer);
    if (status) rs_buffer_release(&writer.bytes);
    *bytes = writer.bytes;
    return status;
}

static resume_status put_state(rs_encoding *encoding, const rs_scope *scope,
                               const rs_variable *variable, rs_error *error) {
    if (encoding->state_count == encoding->state_capacity) {
        size_t capacity = encoding->state_capacity ? 2 * encoding->state_capacity : 4;
        rs_buffer *states = rs_reallocate_array(encoding->states, capacity, sizeof *states);
        if (!states) return no_memory(error);
        encoding->states = states;
        encoding->state_capacity = capacity;
    }
    rs_buffer *bytes = &encoding->states[encoding->state_count];
    resume_status status = rs_encode_state(scope, variable, bytes, error);
    if (status) return status;
    encoding->state_count++;
    return put_memory(encoding, bytes->bytes, bytes->size, 1, error);
}

/* --- structs, nested RS_STRUCTS_DEEP_MAX deep at most: by the program, not by data --- */

static resume_status put_variables(resume *owner, rs_encoding *encoding, rs_error *error);

static resume_status put_struct(resume *owner, rs_encoding *encoding, const rs_variable *variable,
                                void *object, rs_error *error) {
    resume_status status = rs_handle_describe(owner, variable->describe, object, error);
    return status ? status : put_variables(owner->fields, encoding, error);
}

static resume_status put_structs(resume *owner, rs_encoding *encoding, const rs_variable *variable,
                                 rs_error *error) {
    size_t count;
    uint8_t *object = rs_variable_first(variable);
    resume_status status = rs_variable_count(&owner->scope, variable, &count, error);
    if (status) return status;
    rs_cbor_put_head(&encoding->stream, RS_CBOR_ARRAY, count);
    for (size_t i = 0; status == RESUME_OK && i < count; i++)
        status = put_struct(owner, encoding, variable, object + i * variable->size, error);
    return status;
}

static resume_status put_variable(resume *owner, rs_encoding *encoding, const rs_variable *variable,
                                  rs_error *error) {
    const rs_scope *scope = &owner->scope;
    size_t count;
    const char *text;
    switch (variable->kind) {
    case RS_VARIABLE_NUMBERS:
        if (variable->rank == 0) return put_number(encoding, variable);
        return put_array(encoding, variable, variable->address, variable->rank, variable->shape,
                         error);
    case RS_VARIABLE_TEXT:
        text = variable->view(variable->address, &count);
        return put_text(encoding, text, count, error);
    case RS_VARIABLE_GROWABLE:
    case RS_VARIABLE_CONTAINER:
        return put_growable(encoding, scope, variable, error);
    case RS_VARIABLE_BYTES:
        return put_memory(encoding, variable->address, variable->size, 1, error);
    case RS_VARIABLE_STRING:
        return put_string(encoding, scope, variable, error);
    case RS_VARIABLE_STRUCT:
        return put_struct(owner, encoding, variable, variable->address, error);
    case RS_VARIABLE_STATE:
        return put_state(encoding, scope, variable, error);
    default:
        return put_structs(owner, encoding, variable, error);
    }
}

static resume_status put_variables(resume *owner, rs_encoding *encoding, rs_error *error) {
    rs_cbor_put_head(&encoding->stream, RS_CBOR_MAP, owner->scope.count);
    for (size_t i = 0; i < owner->scope.count; i++) {
        /* a callback of a deeper level leaves this scope alone, but it may move: no pointer kept */
        const rs_variable variable = owner->scope.variables[i];
        rs_cbor_put_text(&encoding->stream, rs_scope_name(&owner->scope, &variable),
                         variable.name_size);
        resume_status status = put_variable(owner, encoding, &variable, error);
        if (status == RESUME_OK && encoding->stream.failed) status = no_memory(error);
        if (status) return status;
    }
    return RESUME_OK;
}

resume_status rs_encode(resume *checkpoint, rs_encoding *encoding, rs_error *error) {
    rs_buffer *stream = &encoding->stream;
    resume_status status = add_blob(encoding, NULL, 0, 1, error);
    if (status) return status;
    rs_cbor_put_head(stream, RS_CBOR_MAP, 2);
    rs_cbor_put_literal(stream, "v");
    rs_cbor_put_int(stream, 1);
    rs_cbor_put_literal(stream, "vars");
    status = put_variables(checkpoint, encoding, error);
    if (status == RESUME_OK && stream->failed) status = no_memory(error);
    encoding->blobs[0] = (rs_blob){stream->bytes, stream->size, 1};
    return status;
}

void rs_encoding_release(rs_encoding *encoding) {
    for (size_t i = 0; i < encoding->state_count; i++)
        rs_buffer_release(&encoding->states[i]);
    rs_free(encoding->states);
    rs_free(encoding->blobs);
    rs_buffer_release(&encoding->stream);
    *encoding = (rs_encoding){0};
}
