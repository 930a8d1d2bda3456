/* Captured frames and generators out of the object stream: FRAMES and RUNNER. docs/format.md. */
#include "functions_read.h"

#include "../continuation/build.h"
#include "../live_code.h"
#include "../opaque.h"

#include <string.h>

/* Of a head. */
enum { CODE, LINE, UNIT, MODE, SLOTS, STACK, HEAD_PARTS };

/* A number of this size is more than any code has. */
enum { UNIT_MAX = 1 << 28 };

/* ---- heads ---- */

static bool is_number(PyObject *value, long low, long high) {
    int overflow;
    long number = PyLong_CheckExact(value) ? PyLong_AsLongAndOverflow(value, &overflow) : low - 1;
    return number >= low && number <= high;
}

static bool is_letters(PyObject *value, const char *letters) {
    if (!PyUnicode_CheckExact(value) || !PyUnicode_IS_COMPACT_ASCII(value)) return false;
    const char *text = PyUnicode_DATA(value);
    return strspn(text, letters) == (size_t)PyUnicode_GET_LENGTH(value);
}

static bool is_head(PyObject *head) {
    if (!PyList_CheckExact(head) || PyList_GET_SIZE(head) != HEAD_PARTS) return false;
    return rp_is_code_value(PyList_GET_ITEM(head, CODE)) &&
           is_number(PyList_GET_ITEM(head, LINE), 0, INT32_MAX) &&
           is_number(PyList_GET_ITEM(head, UNIT), -1, UNIT_MAX) &&
           is_number(PyList_GET_ITEM(head, MODE), RP_MODE_VALUE, RP_MODE_COUNT - 1) &&
           is_letters(PyList_GET_ITEM(head, SLOTS), "O-") &&
           is_letters(PyList_GET_ITEM(head, STACK), "O-PEL");
}

static long number_in(PyObject *head, int part) {
    return PyLong_AsLong(PyList_GET_ITEM(head, part));
}

static Py_ssize_t letter_count(PyObject *letters) {
    const char *text = PyUnicode_DATA(letters);
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(letters); i++)
        count += text[i] != '-';
    return count;
}

static int check_heads(rp_decoder *decoder, PyObject *heads, Py_ssize_t count) {
    Py_ssize_t values = 0, frames = PyList_CheckExact(heads) ? PyList_GET_SIZE(heads) : 0;
    bool good = frames > 0;
    for (Py_ssize_t i = 0; good && i < frames; i++) {
        PyObject *head = PyList_GET_ITEM(heads, i);
        good = is_head(head) && rp_mode_waits(number_in(head, MODE)) == (i < frames - 1);
        if (good)
            values += letter_count(PyList_GET_ITEM(head, SLOTS)) +
                      letter_count(PyList_GET_ITEM(head, STACK)) +
                      rp_mode_has_value(number_in(head, MODE));
    }
    if (good && values == count) return 0;
    rp_damaged(decoder, "captured frames do not fit their heads");
    return -1;
}

/* ---- records ---- */

/* None where the letters say that there is a value. */
static PyObject *new_parts(const rp_module_state *state, PyObject *letters) {
    const char *text = PyUnicode_DATA(letters);
    Py_ssize_t count = PyUnicode_GET_LENGTH(letters);
    PyObject *parts = PyTuple_New(count);
    for (Py_ssize_t i = 0; parts && i < count; i++)
        PyTuple_SET_ITEM(parts, i, Py_NewRef(text[i] == '-' ? state->null : Py_None));
    return parts;
}

/* Made without content, because bytes of one character that have some are shared by all. */
static PyObject *kinds_of(PyObject *letters) {
    const char *text = PyUnicode_DATA(letters);
    Py_ssize_t count = PyUnicode_GET_LENGTH(letters);
    PyObject *kinds = PyBytes_FromStringAndSize(NULL, count);
    for (Py_ssize_t i = 0; kinds && i < count; i++)
        PyBytes_AS_STRING(kinds)[i] = text[i] == '-' ? RP_KIND_OBJECT : text[i];
    return kinds;
}

/* Without its values. */
static rp_record *record_of(rp_decoder *decoder, PyObject *head) {
    PyObject *code = PyList_GET_ITEM(head, CODE);
    rp_record *record = rp_record_new(decoder->state);
    if (!record) return NULL;
    record->code = (PyCodeObject *)Py_NewRef(PyTuple_GET_ITEM(code, 1));
    record->globals = Py_NewRef(PyTuple_GET_ITEM(code, 2));
    record->unit = (int)number_in(head, UNIT);
    record->mode = (rp_mode)number_in(head, MODE);
    record->slots = new_parts(decoder->state, PyList_GET_ITEM(head, SLOTS));
    record->stack = new_parts(decoder->state, PyList_GET_ITEM(head, STACK));
    record->kinds = kinds_of(PyList_GET_ITEM(head, STACK));
    bool is_complete = record->slots && record->stack && record->kinds;
    if (!is_complete || rp_record_check_place(record) < 0) {
        rp_checked_parts(decoder, NULL);
        Py_CLEAR(record);
    }
    return record;
}

/* The list of records, each leading to the next. */
static PyObject *records_of(rp_decoder *decoder, PyObject *heads) {
    Py_ssize_t count = PyList_GET_SIZE(heads);
    PyObject *records = PyList_New(0);
    rp_record *outer = NULL; /* borrowed */
    for (Py_ssize_t i = 0; records && i < count; i++) {
        rp_record *record = record_of(decoder, PyList_GET_ITEM(heads, i));
        if (!record || PyList_Append(records, (PyObject *)record) < 0) Py_CLEAR(records);
        if (records && outer) outer->inner = Py_NewRef(record);
        outer = record;
        Py_XDECREF(record);
    }
    return records;
}

/* ---- what stands for them ---- */

/* The first head whose code is not there as it was; NULL: there is none. Borrowed. */
static PyObject *head_without_code(PyObject *heads) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(heads); i++) {
        PyObject *head = PyList_GET_ITEM(heads, i), *code = PyList_GET_ITEM(head, CODE);
        if (PyLong_AsLong(PyTuple_GET_ITEM(code, 3)) != RP_CODE_FOUND) return head;
    }
    return NULL;
}

static int lose(rp_decoder *decoder, PyObject *code, PyObject *opaque) {
    long found = PyLong_AsLong(PyTuple_GET_ITEM(code, 3));
    if (found < 0) return 0; /* not trusted: said already */
    if (found != RP_CODE_LIKELY) return rp_lose_code(decoder, code, opaque);
    return rp_decoder_lose(decoder, opaque,
                           "'%U' was saved by another Python, which alone can go on in the middle "
                           "of it",
                           PyTuple_GET_ITEM(code, 4));
}

/* [[function, line], ...] */
static PyObject *places_of(PyObject *heads) {
    PyObject *places = PyList_New(0);
    for (Py_ssize_t i = 0; places && i < PyList_GET_SIZE(heads); i++) {
        PyObject *head = PyList_GET_ITEM(heads, i);
        PyObject *name = PyTuple_GET_ITEM(PyList_GET_ITEM(head, CODE), 4);
        PyObject *place = Py_BuildValue("[OO]", name, PyList_GET_ITEM(head, LINE));
        if (!place || PyList_Append(places, place) < 0) Py_CLEAR(places);
        Py_XDECREF(place);
    }
    return places;
}

static int fill_opaque(PyObject *opaque, PyObject *heads, const char *type) {
    PyObject *name = PyUnicode_FromString(type), *places = places_of(heads);
    if (name && places) rp_opaque_fill(opaque, name, places);
    int status = name && places ? 0 : -1;
    Py_XDECREF(name);
    Py_XDECREF(places);
    return status;
}

/* ---- the frame of the decoder ---- */

static bool is_runner(const rp_open *frame) {
    return frame->variety == RP_TAG_RUNNER;
}

/* A generator is there before what it leads to, which may lead back. */
static PyObject *object_of(rp_decoder *decoder, PyObject *heads) {
    rp_open *frame = rp_top(decoder);
    PyObject *lost = head_without_code(heads), *object;
    if (lost || !decoder->source.is_mine) {
        object = rp_opaque_new(decoder->state);
        bool good = object &&
                    fill_opaque(object, heads,
                                is_runner(frame) ? "types.GeneratorType" : "types.FrameType") == 0;
        if (good && lost && lose(decoder, PyList_GET_ITEM(lost, CODE), object) < 0) good = false;
        if (!good) Py_CLEAR(object);
        return object;
    }
    PyObject *records = records_of(decoder, heads);
    if (!records) return NULL;
    if (rp_record_check_chain((rp_record *)PyList_GET_ITEM(records, 0), is_runner(frame)) < 0) {
        Py_DECREF(records);
        return rp_checked_parts(decoder, NULL);
    }
    frame->key = records;
    PyObject *first = PyList_GET_ITEM(records, 0);
    if (!is_runner(frame)) return Py_NewRef(first);
    return rp_checked_parts(decoder, rp_build_generator(decoder->state, (rp_record *)first));
}

static int begin(rp_decoder *decoder) {
    rp_open *frame = rp_top(decoder);
    if (frame->object) return 0;
    PyObject *heads = decoder->values[frame->values];
    if (check_heads(decoder, heads, frame->count - 1) < 0) return -1;
    frame->object = object_of(decoder, heads);
    if (!frame->object) return -1;
    rp_announce(decoder);
    return 0;
}

/* Gives the parts that have a value the next ones of `values`; how many. */
static Py_ssize_t fill_parts(const rp_module_state *state, PyObject *parts,
                             PyObject *const *values) {
    Py_ssize_t used = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts); i++) {
        PyObject **part = &((PyTupleObject *)parts)->ob_item[i];
        if (*part != state->null) Py_SETREF(*part, Py_NewRef(values[used++]));
    }
    return used;
}

static int fill_records(rp_decoder *decoder, PyObject *records, PyObject *const *values) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(records); i++) {
        rp_record *record = (rp_record *)PyList_GET_ITEM(records, i);
        values += fill_parts(decoder->state, record->slots, values);
        values += fill_parts(decoder->state, record->stack, values);
        if (rp_mode_has_value(record->mode)) record->value = Py_NewRef(*values++);
        if (rp_record_check_values(decoder->state, record) < 0) {
            rp_checked_parts(decoder, NULL);
            return -1;
        }
    }
    return 0;
}

/* The function that the generator waits for, new reference; NULL without an exception: for none. */
static PyObject *inner_function(rp_decoder *decoder, PyObject *records) {
    PyObject *function = NULL;
    for (Py_ssize_t i = PyList_GET_SIZE(records) - 1; i > 0; i--) {
        rp_record *record = (rp_record *)PyList_GET_ITEM(records, i);
        PyObject *outer = rp_build_function(decoder->state, record, function);
        Py_XSETREF(function, outer);
        if (!function) return NULL;
    }
    return function;
}

static PyObject *finish_frames(rp_decoder *decoder, PyObject *const *parts, Py_ssize_t count) {
    (void)count;
    if (begin(decoder) < 0) return NULL;
    rp_open *frame = rp_top(decoder);
    PyObject *records = frame->key, *object = frame->object;
    if (!records) return Py_NewRef(object); /* an Opaque */
    if (fill_records(decoder, records, parts + 1) < 0) return NULL;
    if (!is_runner(frame)) return Py_NewRef(object);
    PyObject *inner = inner_function(decoder, records);
    int status = inner || !PyErr_Occurred() ? 0 : -1;
    if (!status)
        status = rp_fill_generator(decoder->state, object, (rp_record *)PyList_GET_ITEM(records, 0),
                                   inner);
    Py_XDECREF(inner);
    return status < 0 ? rp_checked_parts(decoder, NULL) : Py_NewRef(object);
}

static int open_frames(rp_decoder *decoder, uint64_t tag, Py_ssize_t count) {
    if (rp_check_room(decoder, (uint64_t)count) < 0) return -1;
    if (rp_open_frame(decoder, RP_OPEN_VALUES, NULL, (uint64_t)count, finish_frames) < 0) return -1;
    rp_top(decoder)->part = begin;
    rp_top(decoder)->variety = (int)tag;
    return 1;
}

/* A generator that has nothing more to give. */
static PyObject *ended_generator(void) {
    PyObject *names = Py_BuildValue("{sO}", "__builtins__", PyEval_GetBuiltins());
    PyObject *made = names ? PyRun_String("(_ for _ in ())", Py_eval_input, names, names) : NULL;
    PyObject *closed = made ? PyObject_CallMethod(made, "close", NULL) : NULL;
    if (!closed) Py_CLEAR(made);
    Py_XDECREF(closed);
    Py_XDECREF(names);
    return made;
}

int rp_get_frames(rp_decoder *decoder, uint64_t tag, PyObject **value) {
    if (tag != RP_TAG_FRAMES && tag != RP_TAG_RUNNER) return 2;
    Py_ssize_t count = rp_next_array(decoder, tag == RP_TAG_RUNNER ? 0 : 1, UINT32_MAX);
    if (count < 0) return -1;
    if (count > 0) return open_frames(decoder, tag, count);
    *value = decoder->source.is_mine ? ended_generator() : rp_opaque_new(decoder->state);
    if (*value && !decoder->source.is_mine) {
        PyObject *name = PyUnicode_FromString("types.GeneratorType");
        if (name) rp_opaque_fill(*value, name, Py_None);
        if (!name) Py_CLEAR(*value);
        Py_XDECREF(name);
    }
    return *value ? 0 : -1;
}
