/* Captured frames and generators into the object stream: FRAMES and RUNNER. docs/format.md. */
#include "functions.h"

#include "../continuation/capture.h"
#include "../pycompat/stack.h"

/* ---- heads ---- */

/* A letter for each local, or each entry of the stack; "-" for an empty one. */
static int put_letters(rp_encoder *encoder, PyObject *parts, const char *kinds) {
    Py_ssize_t count = PyTuple_GET_SIZE(parts);
    PyObject *text = PyBytes_FromStringAndSize(NULL, count);
    if (!text) return -1;
    char *letters = PyBytes_AS_STRING(text);
    for (Py_ssize_t i = 0; i < count; i++) {
        bool is_empty = PyTuple_GET_ITEM(parts, i) == encoder->state->null;
        letters[i] = is_empty ? '-' : kinds ? kinds[i] : RP_KIND_OBJECT;
    }
    rs_cbor_put_text(&encoder->buffer, letters, (size_t)count);
    Py_DECREF(text);
    return RP_DONE;
}

static int put_head(rp_encoder *encoder, const rp_record *record) {
    rp_put_array_head(encoder, 6);
    int status = rp_put_code(encoder, record->code, record->globals);
    if (status) return status;
    rs_cbor_put_int(&encoder->buffer, rp_record_line(record));
    rs_cbor_put_int(&encoder->buffer, record->unit);
    rs_cbor_put_int(&encoder->buffer, record->mode);
    status = put_letters(encoder, record->slots, NULL);
    return status ? status : put_letters(encoder, record->stack, PyBytes_AS_STRING(record->kinds));
}

/* ---- values ---- */

/* One record after the other; `object` is the one in work. What a frame holds may be borrowed from
 * elsewhere: the reference of the record counts, so that it is marked. */
static int advance_frames(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    for (;;) {
        const rp_record *record = (rp_record *)frame->object;
        if (frame->index == frame->count) {
            if (!record->inner) break;
            Py_SETREF(frame->object, Py_NewRef(record->inner));
            frame->index = 0;
            frame->count = rp_record_part_count((rp_record *)frame->object);
            continue;
        }
        PyObject *part = rp_record_part(encoder->state, record, frame->index++);
        int status = part ? rp_put_value(encoder, part) : RP_DONE;
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

static size_t value_count(const rp_module_state *state, const rp_record *record) {
    size_t count = 0;
    for (Py_ssize_t i = 0; i < rp_record_part_count(record); i++)
        count += rp_record_part(state, record, i) != NULL;
    return count;
}

/* [heads, value ...] */
static int put_chain(rp_encoder *encoder, PyObject *root) {
    size_t records = 0, values = 0;
    for (PyObject *next = root; next; next = ((rp_record *)next)->inner) {
        records++;
        values += value_count(encoder->state, (rp_record *)next);
    }
    rp_put_array_head(encoder, 1 + values);
    rp_put_array_head(encoder, records);
    rp_encode_frame *frame = rp_push(encoder, advance_frames, root, 0);
    if (!frame) return -1;
    for (PyObject *next = root; next; next = ((rp_record *)next)->inner) {
        Py_SETREF(frame->object, Py_NewRef(next));
        int status = put_head(encoder, (rp_record *)next);
        if (status) return status;
    }
    Py_SETREF(frame->object, Py_NewRef(root));
    frame->count = rp_record_part_count((rp_record *)root);
    return RP_DONE;
}

int rp_put_frames(rp_encoder *encoder, PyObject *record) {
    rp_put_tag(encoder, RP_TAG_FRAMES);
    return put_chain(encoder, record);
}

/* ---- generators ---- */

void rp_encoder_set_exact(rp_encoder *encoder, PyObject *generators) {
    encoder->generators = generators;
}

/* The record of a generator that runs, borrowed; NULL: it was not captured, or an exception. */
static PyObject *running_record(rp_encoder *encoder, PyObject *generator) {
    PyObject *key = PyLong_FromVoidPtr(generator);
    PyObject *record = key ? PyDict_GetItemWithError(encoder->generators, key) : NULL;
    Py_XDECREF(key);
    return record;
}

/* New reference; NULL without an exception: it has ended. `status`: what to return instead. */
static PyObject *record_of(rp_encoder *encoder, PyObject *generator, int *status) {
    *status = RP_DONE;
    if (rp_stack_generator_state(generator) == RP_GENERATOR_RUNNING) {
        PyObject *record = running_record(encoder, generator);
        if (!record)
            *status = PyErr_Occurred() ? -1
                                       : rp_refuse(encoder, "the generator runs, and what it is "
                                                            "called by can't be continued");
        return Py_XNewRef(record);
    }
    PyObject *record = (PyObject *)rp_capture_generator(encoder->state, generator);
    if (!record && PyErr_Occurred()) *status = rp_refuse_exception(encoder, "");
    return record;
}

int rp_put_runner(rp_encoder *encoder, PyObject *generator) {
    int status;
    PyObject *record = record_of(encoder, generator, &status);
    if (status) return status;
    rp_put_tag(encoder, RP_TAG_RUNNER);
    if (!record) {
        rp_put_array_head(encoder, 0);
        return RP_DONE;
    }
    status = put_chain(encoder, record);
    Py_DECREF(record);
    return status;
}
