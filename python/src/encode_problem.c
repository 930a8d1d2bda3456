/* Where in a value something can't be saved: the path to it and its type. */
#include "encode.h"

#include "continuation/record.h"

#include <stdio.h>
#include <string.h>

/* "['name']" of a key, by exact builtin types only; ".name" of an attribute. */
static void describe_key(PyObject *key, bool is_attribute, char *text, size_t size) {
    PyObject *shown = NULL;
    if (is_attribute && key && PyUnicode_CheckExact(key) && PyUnicode_IsIdentifier(key) == 1) {
        const char *name = PyUnicode_AsUTF8(key);
        snprintf(text, size, ".%.60s", name ? name : "?");
        PyErr_Clear();
        return;
    }
    if (key && (PyUnicode_CheckExact(key) || PyLong_CheckExact(key) || PyFloat_CheckExact(key) ||
                PyBytes_CheckExact(key))) {
        shown = PyObject_Repr(key);
    }
    const char *utf8 = shown ? PyUnicode_AsUTF8(shown) : NULL;
    PyErr_Clear();
    if (utf8) {
        snprintf(text, size, strlen(utf8) > 60 ? "[%.60s...]" : "[%s]", utf8);
    } else {
        snprintf(text, size, "[<%.60s>]", key ? Py_TYPE(key)->tp_name : "?");
    }
    Py_XDECREF(shown);
}

static bool is_record(const rp_encoder *encoder, const rp_encode_frame *frame) {
    return Py_IS_TYPE(frame->object, encoder->state->record_type);
}

static void describe_step(const rp_encoder *encoder, const rp_encode_frame *frame, char *text,
                          size_t size) {
    if (is_record(encoder, frame)) {
        rp_record_describe((rp_record *)frame->object, frame->index - 1, text, size);
    } else if (frame->label) {
        snprintf(text, size, "%s", frame->label);
    } else if (frame->is_attributes && !PyDict_Check(frame->object)) {
        describe_key(frame->key, true, text, size);
    } else if (frame->is_pairs || PyDict_Check(frame->object)) {
        describe_key(frame->key, frame->is_attributes, text, size);
        /* an even number of values is behind: the key itself failed */
        if (frame->index % 2 == 1) strncat(text, " (the key)", size - strlen(text) - 1);
    } else if (PyAnySet_Check(frame->object)) {
        snprintf(text, size, "{an element}");
    } else {
        snprintf(text, size, "[%zd]", frame->index - 1);
    }
}

/* "NAME[0]['cfg'] (TYPE): REASON", with the middle of a very long path left out. */
static void describe_problem(rp_encoder *encoder, const char *name, size_t base,
                             const char *type_name) {
    enum { STEPS_MAX = 12 };
    char path[1400];
    size_t used = (size_t)snprintf(path, sizeof path, "%.200s", name);
    size_t depth = encoder->depth - base;
    for (size_t i = 0; i < depth; i++) {
        if (depth > 2 * STEPS_MAX && i == STEPS_MAX) {
            used += (size_t)snprintf(path + used, sizeof path - used, "...");
            i = depth - STEPS_MAX;
        }
        const rp_encode_frame *frame = &encoder->frames[base + i];
        char step[400];
        if (is_record(encoder, frame) && used > 0)
            used += (size_t)snprintf(path + used, sizeof path - used, ", ");
        describe_step(encoder, frame, step, sizeof step);
        size_t size = strlen(step);
        if (used + size >= sizeof path) break;
        memcpy(path + used, step, size + 1);
        used += size;
    }
    snprintf(encoder->problem, sizeof encoder->problem, "%s (%.100s): %s", path, type_name,
             encoder->reason);
}

/* The object that failed: the child that the innermost frame was at. */
static const char *culprit_type(const rp_encoder *encoder, PyObject *value, size_t base) {
    if (encoder->depth == base) return Py_TYPE(value)->tp_name;
    const rp_encode_frame *frame = &encoder->frames[encoder->depth - 1];
    PyObject *object = frame->object, *child = NULL;
    Py_ssize_t at = frame->index - 1;
    if (is_record(encoder, frame)) {
        child = rp_record_part(encoder->state, (rp_record *)object, at);
    } else if (frame->is_attributes && frame->value && !PyDict_Check(object)) {
        child = frame->value;
    } else if (frame->value && (frame->is_pairs || PyList_Check(object))) {
        child = frame->is_pairs && at % 2 == 0 ? frame->key : frame->value;
    } else if (PyList_Check(object) && at >= 0 && at < PyList_GET_SIZE(object)) {
        child = PyList_GET_ITEM(object, at);
    } else if (PyTuple_Check(object) && at >= 0 && at < PyTuple_GET_SIZE(object)) {
        child = PyTuple_GET_ITEM(object, at);
    } else if (PyDict_Check(object) && frame->key) {
        child = at % 2 ? frame->value : frame->key;
    }
    return child ? Py_TYPE(child)->tp_name : Py_TYPE(object)->tp_name;
}

void rp_describe_problem(rp_encoder *encoder, PyObject *value, const char *name, size_t base) {
    describe_problem(encoder, name, base, culprit_type(encoder, value, base));
    for (size_t i = base; i < encoder->depth; i++)
        if (is_record(encoder, &encoder->frames[i]))
            Py_XSETREF(encoder->problem_frame, Py_NewRef(encoder->frames[i].object));
}

PyObject *rp_encoder_problem_frame(const rp_encoder *encoder) {
    return encoder->problem_frame;
}
