/* The state of a call, encoded in the order of docs/state.md. */
#include "snapshot.h"

#include "cell.h"
#include "code.h"
#include "definitions.h"
#include "exact.h"
#include "locals.h"
#include "notice.h"
#include "placeholders.h"
#include "random_state.h"
#include "tracking.h"

#include <string.h>

/* A map whose count is known only at its end: a head with four bytes of count, filled in later. */
static size_t begin_map(rs_buffer *buffer) {
    static const uint8_t head[] = {0xBA, 0, 0, 0, 0};
    rs_buffer_append(buffer, head, sizeof head);
    return buffer->size - 4;
}

static void end_map(rs_buffer *buffer, size_t place, Py_ssize_t count) {
    if (buffer->failed) return;
    for (int i = 0; i < 4; i++)
        buffer->bytes[place + (size_t)i] = (uint8_t)((uint64_t)count >> (24 - 8 * i));
}

static int put_text(rs_buffer *buffer, PyObject *text) {
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (bytes == NULL) return -1;
    rs_cbor_put_text(buffer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return 0;
}

static int note_skipped(rp_snapshot *snapshot, PyObject *name, const char *problem) {
    PyObject *text = PyUnicode_DecodeUTF8(problem, (Py_ssize_t)strlen(problem), "replace");
    int status = text == NULL ? -1 : PyDict_SetItem(snapshot->skipped, name, text);
    Py_XDECREF(text);
    return status;
}

/* The state of such an object is saved already, and it stays the object of this process. */
static bool is_tracked(PyObject *tracked, PyObject *value) {
    PyObject *label, *object;
    for (Py_ssize_t at = 0; tracked != NULL && PyDict_Next(tracked, &at, &label, &object);)
        if (object == value) return true;
    return false;
}

/* A map name -> value of what can be saved; the rest is noted, but for what the program makes
 * before it asks for what was saved (one that goes on at its very statement does not). `format`
 * makes the root of paths in messages from the name. */
static int put_values(rp_checkpoint *self, rp_snapshot *snapshot, PyObject *values,
                      const char *format, bool texts_only) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    size_t place = begin_map(buffer);
    Py_ssize_t count = 0, at = 0;
    PyObject *name, *value;
    int status = 0;
    while (status == 0 && PyDict_Next(values, &at, &name, &value)) {
        if (texts_only && (!PyUnicode_CheckExact(name) || PyUnicode_AsUTF8(name) == NULL)) {
            PyErr_Clear();
            continue;
        }
        size_t before = buffer->size;
        PyObject *root = PyUnicode_FromFormat(format, name);
        const char *root_text = root == NULL ? NULL : PyUnicode_AsUTF8(root);
        Py_INCREF(name);
        Py_INCREF(value); /* no code of the user runs while it is encoded, but better safe */
        status = root_text == NULL ? -1 : put_text(buffer, name);
        if (status == 0) status = rp_encoder_put(snapshot->encoder, value, root_text);
        if (status == 1) {
            buffer->size = before; /* the key of what was not written */
            status = is_tracked(snapshot->tracked, value) ||
                             (!self->has_position && rp_definitions_is_own(self, name, value))
                         ? 0
                         : note_skipped(snapshot, root, rp_encoder_problem(snapshot->encoder));
        } else if (status == 0) {
            count++;
        }
        Py_DECREF(value);
        Py_DECREF(name);
        Py_XDECREF(root);
    }
    end_map(buffer, place, count);
    return status;
}

static int put_items(rp_snapshot *snapshot, PyObject *dict) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    rs_cbor_put_literal(buffer, "items");
    size_t place = begin_map(buffer);
    if (!buffer->failed) buffer->bytes[place - 1] = 0x9A; /* an array */
    Py_ssize_t count = 0, at = 0;
    PyObject *key, *value;
    int status = 0;
    while (status == 0 && PyDict_Next(dict, &at, &key, &value)) {
        if (PyUnicode_CheckExact(key) && PyUnicode_AsUTF8(key) != NULL) continue;
        PyErr_Clear();
        PyObject *pair = PyTuple_Pack(2, key, value);
        PyObject *name = PyUnicode_FromFormat("chp[%R]", key);
        status =
            pair == NULL || name == NULL ? -1 : rp_encoder_put(snapshot->encoder, pair, "item");
        if (status == 0) count++;
        if (status == 1)
            status = note_skipped(snapshot, name, rp_encoder_problem(snapshot->encoder));
        Py_XDECREF(name);
        Py_XDECREF(pair);
    }
    end_map(buffer, place, count);
    return status;
}

static int put_code(rp_checkpoint *self, rs_buffer *buffer) {
    rs_cbor_put_literal(buffer, "code");
    PyObject *cell = self->caller.cell == NULL ? NULL : rp_cell_id(self->caller.cell);
    if (PyErr_Occurred()) return -1;
    rs_cbor_put_head(buffer, RS_CBOR_MAP, cell == NULL ? 3 : 4);
    rs_cbor_put_literal(buffer, "hash");
    rs_cbor_put_bytes(buffer, self->code_hash, sizeof self->code_hash);
    rs_cbor_put_literal(buffer, "python");
    rs_cbor_put_head(buffer, RS_CBOR_ARRAY, 2);
    rs_cbor_put_int(buffer, (int64_t)(Py_Version >> 24));
    rs_cbor_put_int(buffer, (int64_t)(Py_Version >> 16 & 255));
    rs_cbor_put_literal(buffer, "function");
    int status = put_text(buffer, self->caller.function);
    if (cell != NULL) rs_cbor_put_literal(buffer, "cell");
    if (status == 0 && cell != NULL) status = put_text(buffer, cell);
    Py_XDECREF(cell);
    return status;
}

static int put_generators(rp_snapshot *snapshot, const char *key, PyObject *state) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    rs_cbor_put_literal(buffer, key);
    int status = state == NULL ? 1 : rp_encoder_put(snapshot->encoder, state, key);
    if (status == 1) rs_cbor_put_simple(buffer, RS_CBOR_NULL);
    return status < 0 ? -1 : 0;
}

static int put_random(rp_checkpoint *self, rp_snapshot *snapshot) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    PyObject *now = NULL;
    rs_cbor_put_literal(buffer, "random");
    rs_cbor_put_head(buffer, RS_CBOR_MAP, 2);
    if (self->options.random_state && (now = rp_random_capture(self->state)) == NULL) return -1;
    int status = put_generators(snapshot, "opened", now == NULL ? NULL : self->random_opened);
    if (status == 0) status = put_generators(snapshot, "saved", now);
    Py_XDECREF(now);
    return status;
}

static int put_head(rp_checkpoint *self, rp_snapshot *snapshot) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    rs_cbor_put_literal(buffer, "v");
    rs_cbor_put_int(buffer, 1);
    rs_cbor_put_literal(buffer, "entry");
    if (rp_arguments_put_entry(&self->arguments, snapshot->encoder) < 0) return -1;
    if (put_code(self, buffer) < 0 || put_random(self, snapshot) < 0) return -1;
    rs_cbor_put_literal(buffer, "placeholders");
    PyObject *placeholders = self->placeholders ? Py_NewRef(self->placeholders) : PyDict_New();
    int status = placeholders == NULL ? -1 : rp_placeholders_put(placeholders, snapshot->encoder);
    Py_XDECREF(placeholders);
    if (status < 0) return -1;
    rs_cbor_put_literal(buffer, "loops");
    int here = snapshot->frame == NULL ? -1 : rp_frame_place(snapshot->frame);
    snapshot->loaders = rp_loops_sources(self->state, &self->loops, self->owner.code, here);
    if (snapshot->loaders == NULL) return -1;
    return rp_loops_put(&self->loops, self->owner.code, here, buffer);
}

static int put_loaders(rp_snapshot *snapshot) {
    rs_cbor_put_literal(rp_encoder_buffer(snapshot->encoder), "loaders");
    int status = rp_encoder_put(snapshot->encoder, snapshot->loaders, "chp.loop");
    if (status <= 0) return status;
    PyObject *text = PyUnicode_FromString(rp_encoder_problem(snapshot->encoder));
    status = text == NULL ? -1 : PyList_Append(snapshot->problems, text);
    rs_cbor_put_simple(rp_encoder_buffer(snapshot->encoder), RS_CBOR_NULL);
    Py_XDECREF(text);
    return status;
}

static int put_skipped(rp_snapshot *snapshot) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    rs_cbor_put_literal(buffer, "skipped");
    rs_cbor_put_head(buffer, RS_CBOR_MAP, (uint64_t)PyDict_GET_SIZE(snapshot->skipped));
    PyObject *name, *reason;
    for (Py_ssize_t at = 0; PyDict_Next(snapshot->skipped, &at, &name, &reason);)
        if (put_text(buffer, name) < 0 || put_text(buffer, reason) < 0) return -1;
    return 0;
}

static int put_result(rp_checkpoint *self, rp_snapshot *snapshot) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    rs_cbor_put_literal(buffer, "result");
    int status = rp_encoder_put(snapshot->encoder, self->result, "result");
    if (status == 1) {
        rs_cbor_put_simple(buffer, RS_CBOR_NULL);
        PyObject *text = PyUnicode_FromString(rp_encoder_problem(snapshot->encoder));
        status = text == NULL ? -1 : PyList_Append(snapshot->problems, text);
        Py_XDECREF(text);
    }
    return status;
}

static int put_state(rp_checkpoint *self, rp_snapshot *snapshot) {
    rs_buffer *buffer = rp_encoder_buffer(snapshot->encoder);
    const rp_exact *exact = self->exact;
    bool frames = exact != NULL && exact->captured.root != NULL;
    const rp_exact_hooks *hooks = frames ? exact->hooks : NULL;
    uint64_t more = !frames ? 0 : hooks != NULL ? 5 : 2;
    rs_cbor_put_head(buffer, RS_CBOR_MAP, 14 + more + (self->result != NULL));
    if (put_head(self, snapshot) < 0) return -1;
    if (hooks != NULL) rs_cbor_put_literal(buffer, "program");
    if (hooks != NULL && hooks->put_program(self->exact, snapshot) < 0) return -1;
    rs_cbor_put_literal(buffer, "places");
    if (rp_tracking_put_places(self, snapshot->tracked, snapshot->encoder) < 0) return -1;
    rs_cbor_put_literal(buffer, "in_place");
    if (rp_arguments_put_in_place(&self->arguments, snapshot->encoder, snapshot->problems) < 0)
        return -1;
    rs_cbor_put_literal(buffer, "tracked");
    if (rp_tracking_put(self, snapshot->tracked, snapshot->encoder, snapshot->problems) < 0)
        return -1;
    rs_cbor_put_literal(buffer, "vars");
    if (put_values(self, snapshot, snapshot->locals, "%U", false) < 0) return -1;
    rs_cbor_put_literal(buffer, "extra");
    if (put_values(self, snapshot, (PyObject *)self, "chp['%U']", true) < 0) return -1;
    if (put_items(snapshot, (PyObject *)self) < 0 || put_loaders(snapshot) < 0 ||
        put_skipped(snapshot) < 0)
        return -1;
    if (self->result != NULL && put_result(self, snapshot) < 0) return -1;
    return frames ? rp_exact_put(self->exact, snapshot) : 0;
}

/* Of a call with a position: what its caller holds is restored in place, and nothing else. */
static int take_exact(rp_checkpoint *self, rp_snapshot *snapshot) {
    PyObject *values = rp_exact_locals(self->exact);
    bool all = self->exact->space != NULL;
    if (values != NULL) snapshot->locals = all ? Py_NewRef(values) : rp_locals_select(self, values);
    Py_XDECREF(values);
    if (snapshot->locals == NULL) return -1;
    snapshot->tracked = rp_tracking_now(self, self->exact->values);
    rp_encoder_set_exact(snapshot->encoder, self->exact->captured.generators);
    return snapshot->tracked == NULL ? -1 : 0;
}

static int take_locals(rp_checkpoint *self, rp_snapshot *snapshot) {
    if (self->exact != NULL) return take_exact(self, snapshot);
    snapshot->frame = rp_owner_find(&self->owner);
    PyObject *values = snapshot->frame ? rp_frame_locals(snapshot->frame) : PyDict_New();
    snapshot->locals = values == NULL ? NULL : rp_locals_select(self, values);
    Py_XDECREF(values);
    if (snapshot->locals != NULL) snapshot->tracked = rp_tracking_now(self, snapshot->locals);
    return snapshot->tracked == NULL ? -1 : 0;
}

/* `torn`: of an encoder that has taken it before, or NULL. */
static int take(rp_checkpoint *self, rp_snapshot *snapshot, PyObject *torn) {
    *snapshot = (rp_snapshot){0};
    rp_packed_begin(&self->packed);
    snapshot->skipped = PyDict_New();
    snapshot->problems = PyList_New(0);
    snapshot->encoder = rp_encoder_new(self->state);
    if (snapshot->encoder && self->options.map_content) rp_encoder_keep_maps(snapshot->encoder);
    if (snapshot->encoder) rp_encoder_keep_packed(snapshot->encoder, &self->packed);
    if (snapshot->encoder && torn) rp_encoder_keep_whole(snapshot->encoder, torn);
    if (snapshot->skipped && snapshot->problems && snapshot->encoder &&
        take_locals(self, snapshot) == 0 &&
        rp_definitions_own(self, snapshot->encoder, snapshot->frame) == 0 &&
        put_state(self, snapshot) == 0 && rp_encoder_buffer(snapshot->encoder)->failed)
        PyErr_NoMemory();
    rp_packed_end(&self->packed);
    if (!PyErr_Occurred()) return 0;
    rp_snapshot_release(snapshot);
    return -1;
}

int rp_snapshot_take(rp_checkpoint *self, rp_snapshot *snapshot) {
    if (take(self, snapshot, NULL) < 0) return -1;
    PyObject *torn = rp_encoder_torn(snapshot->encoder);
    int status = torn ? 0 : -1;
    if (!torn || PyList_GET_SIZE(torn) > 0) rp_snapshot_release(snapshot);
    if (torn && PyList_GET_SIZE(torn) > 0) status = take(self, snapshot, torn);
    Py_XDECREF(torn);
    return status;
}

void rp_snapshot_release(rp_snapshot *snapshot) {
    if (snapshot->encoder != NULL) rp_encoder_free(snapshot->encoder);
    snapshot->encoder = NULL;
    Py_CLEAR(snapshot->frame);
    Py_CLEAR(snapshot->locals);
    Py_CLEAR(snapshot->tracked);
    Py_CLEAR(snapshot->loaders);
    Py_CLEAR(snapshot->skipped);
    Py_CLEAR(snapshot->problems);
}
