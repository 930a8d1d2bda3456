/* The object stream to Python objects: the work stack, shared values, targets.
 *
 * The bytes are foreign: every count is held against the bytes that are left, nothing half-built is
 * hashed or compared, and no code of the user runs. */
#include "decode.h"
#include "opaque.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

rp_decoder *rp_decoder_new_from(rp_module_state *state, const rp_source *source) {
    rp_decoder *decoder = rs_allocate_zeroed(1, sizeof *decoder);
    if (!decoder) {
        PyErr_NoMemory();
        return NULL;
    }
    decoder->state = state;
    decoder->source = *source;
    decoder->reader = rs_cbor_reader_over(source->stream.bytes, source->stream.size);
    if (source->is_foreign) decoder->reader.items_left = RP_FOREIGN_ITEMS_MAX;
    decoder->pending = -1;
    decoder->set_tables = -1;
    decoder->notes = PyList_New(0);
    decoder->read_only = PyList_New(0);
    decoder->untrusted = PyList_New(0);
    decoder->resolved = PyList_New(0);
    decoder->lost = PyList_New(0);
    decoder->made_classes = PyList_New(0);
    decoder->opened = PyList_New(0);
    decoder->positioned = PyList_New(0);
    decoder->empty = PyTuple_New(0);
    if (!decoder->notes || !decoder->opened || !decoder->positioned || !decoder->read_only ||
        !decoder->untrusted || !decoder->resolved || !decoder->lost || !decoder->made_classes ||
        !decoder->empty) {
        rp_decoder_free(decoder);
        return NULL;
    }
    return decoder;
}

/* What a failure leaves behind is a tuple like any other. */
static void complete_slots(rp_open *frame) {
    if (frame->kind != RP_OPEN_TUPLE || frame->count == 0) return;
    for (Py_ssize_t i = frame->index; i < frame->count; i++)
        ((PyTupleObject *)frame->object)->ob_item[i] = Py_NewRef(Py_None);
    rp_tuple_close(frame->object, frame->count);
}

static void close_frame(rp_decoder *decoder) {
    rp_open frame = decoder->frames[--decoder->depth];
    Py_XDECREF(frame.object);
    Py_XDECREF(frame.key);
    Py_XDECREF(frame.target);
}

static void drop_values(rp_decoder *decoder, size_t count) {
    while (decoder->value_count > count)
        Py_DECREF(decoder->values[--decoder->value_count]);
}

static void abandon_frames(rp_decoder *decoder) {
    for (size_t i = 0; i < decoder->depth; i++)
        complete_slots(&decoder->frames[i]);
    while (decoder->depth > 0)
        close_frame(decoder);
    drop_values(decoder, 0);
    rp_late_release(decoder);
    decoder->outstanding = 0;
    decoder->pending = -1;
    decoder->target = NULL;
}

void rp_decoder_free(rp_decoder *decoder) {
    if (!decoder) return;
    abandon_frames(decoder);
    rs_free(decoder->frames);
    rs_free(decoder->values);
    rs_free(decoder->lates);
    rp_classes_release(decoder);
    for (size_t i = 0; i < decoder->share_count; i++) {
        Py_XDECREF(decoder->shares[i].value);
        Py_XDECREF(decoder->shares[i].bytes);
        Py_XDECREF(decoder->shares[i].shadow);
    }
    rs_free(decoder->shares);
    for (size_t i = 0; i < decoder->filling_count; i++) {
        Py_DECREF(decoder->fillings[i].target);
        Py_DECREF(decoder->fillings[i].content);
    }
    rs_free(decoder->fillings);
    for (size_t i = 0; i < RP_STRING_CACHE; i++)
        Py_XDECREF(decoder->strings[i].string);
    Py_XDECREF(decoder->read_only);
    Py_XDECREF(decoder->notes);
    Py_XDECREF(decoder->untrusted);
    Py_XDECREF(decoder->resolved);
    Py_XDECREF(decoder->lost);
    Py_XDECREF(decoder->made_classes);
    Py_XDECREF(decoder->files);
    Py_XDECREF(decoder->opened);
    Py_XDECREF(decoder->positioned);
    Py_XDECREF(decoder->own_cells);
    Py_XDECREF(decoder->loose_cells);
    Py_XDECREF(decoder->definitions);
    Py_XDECREF(decoder->empty);
    Py_XDECREF(decoder->decimal);
    rp_scalar_kinds_release(&decoder->scalars);
    Py_XDECREF(decoder->numpy);
    Py_XDECREF(decoder->array_type);
    Py_XDECREF(decoder->dtype_type);
    Py_XDECREF(decoder->byte_dtype);
    Py_XDECREF(decoder->numpy_random);
    Py_XDECREF(decoder->torch);
    Py_XDECREF(decoder->storages);
    rs_free(decoder);
}

void rp_decoder_keep_tensors(rp_decoder *decoder, bool keep) {
    decoder->tensors_stay = keep;
}

rs_cbor_reader *rp_decoder_reader(rp_decoder *decoder) {
    return &decoder->reader;
}

resume_status rp_decoder_status(const rp_decoder *decoder) {
    return decoder->error.status;
}

PyObject *rp_decoder_notes(rp_decoder *decoder) {
    return decoder->notes;
}

void rp_decoder_trust(rp_decoder *decoder, PyObject *trusted) {
    decoder->source.trusted = trusted;
}

PyObject *rp_decoder_untrusted(rp_decoder *decoder) {
    return decoder->untrusted;
}

PyObject *rp_decoder_lost(rp_decoder *decoder) {
    return decoder->lost;
}

int rp_decoder_lose(rp_decoder *decoder, PyObject *object, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *why = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    PyObject *entry = why ? PyTuple_Pack(2, object, why) : NULL;
    int status = entry ? PyList_Append(decoder->lost, entry) : -1;
    Py_XDECREF(entry);
    Py_XDECREF(why);
    return status;
}

int rp_decoder_note(rp_decoder *decoder, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    PyObject *note = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (!note) return -1;
    int known = PySequence_Contains(decoder->notes, note);
    int status = known == 0 ? PyList_Append(decoder->notes, note) : known < 0 ? -1 : 0;
    Py_DECREF(note);
    return status;
}

/* ---- shared values and targets ---- */

int rp_add_share(rp_decoder *decoder) {
    if (decoder->pending >= 0) {
        rp_damaged(decoder, "a value is marked twice");
        return -1;
    }
    if (decoder->share_count == decoder->share_capacity) {
        size_t capacity = decoder->share_capacity ? decoder->share_capacity * 2 : 32;
        rp_share *shares = rs_reallocate_array(decoder->shares, capacity, sizeof *shares);
        if (!shares) {
            PyErr_NoMemory();
            return -1;
        }
        decoder->shares = shares;
        decoder->share_capacity = capacity;
    }
    decoder->pending = (Py_ssize_t)decoder->share_count;
    if (rp_is_view_base(decoder)) rp_top(decoder)->base = decoder->pending;
    decoder->shares[decoder->share_count++] = (rp_share){0};
    return 0;
}

static void set_share(rp_decoder *decoder, Py_ssize_t share, PyObject *value) {
    if (share >= 0) Py_XSETREF(decoder->shares[share].value, Py_NewRef(value));
}

void rp_share_pending(rp_decoder *decoder, PyObject *value) {
    set_share(decoder, decoder->pending, value);
    decoder->pending = -1;
}

PyObject *rp_get_reference(rp_decoder *decoder) {
    uint64_t index;
    if (rp_next_unsigned(decoder, &index) < 0) return NULL;
    if (decoder->pending >= 0) return rp_damaged(decoder, "a reference is marked");
    if (index >= decoder->share_count || !decoder->shares[index].value)
        return rp_damaged(decoder, "a reference leads to no value");
    if (rp_is_view_base(decoder)) {
        rp_top(decoder)->base = (Py_ssize_t)index;
    } else if (decoder->shares[index].partial) {
        return rp_damaged(decoder, "a reference leads to a part of an array");
    }
    decoder->late = rp_late_of_share(decoder, &decoder->shares[index]);
    return Py_NewRef(decoder->shares[index].value);
}

int rp_add_filling(rp_decoder *decoder, PyObject *target, PyObject *content) {
    if (decoder->filling_count == decoder->filling_capacity) {
        size_t capacity = decoder->filling_capacity ? decoder->filling_capacity * 2 : 8;
        rp_filling *fillings = rs_reallocate_array(decoder->fillings, capacity, sizeof *fillings);
        if (!fillings) {
            PyErr_NoMemory();
            return -1;
        }
        decoder->fillings = fillings;
        decoder->filling_capacity = capacity;
    }
    decoder->fillings[decoder->filling_count++] =
        (rp_filling){Py_NewRef(target), Py_NewRef(content)};
    return 0;
}

int rp_decoder_get_anchor(rp_decoder *decoder, PyObject *object, PyObject **opaque) {
    rs_cbor_item item, text;
    PyObject *type = NULL, *made = NULL;
    *opaque = NULL;
    if (rp_next(decoder, &item) < 0) return -1;
    if (item.kind == RS_CBOR_SIMPLE && item.argument == RS_CBOR_NULL) return 0;
    if (item.kind != RS_CBOR_TAG || item.argument != RP_TAG_SHARED) {
        rp_damaged(decoder, "an object that is restored in place has no mark");
        return -1;
    }
    if (rp_add_share(decoder) < 0 || rp_next(decoder, &text) < 0) return -1;
    if (text.kind != RS_CBOR_TEXT) {
        rp_damaged(decoder, "an object that is restored in place has no type");
        return -1;
    }
    if (!object) {
        type = rp_get_str(decoder, &text);
        made = type ? rp_opaque_new(decoder->state) : NULL;
        if (made) rp_opaque_fill(made, type, Py_None);
        Py_XDECREF(type);
        if (!made) return -1;
    }
    rp_share_pending(decoder, object ? object : made);
    *opaque = made;
    return 0;
}

/* ---- the work stack ---- */

/* `object` was made for a frame that can't be opened: it goes. */
static int drop_unopened(rp_open_kind kind, PyObject *object, uint64_t count) {
    complete_slots(&(rp_open){.kind = kind, .object = object, .count = (Py_ssize_t)count});
    Py_XDECREF(object);
    return -1;
}

int rp_open_frame(rp_decoder *decoder, rp_open_kind kind, PyObject *object, uint64_t count,
                  rp_finish finish) {
    if (decoder->source.is_foreign && decoder->depth >= RP_FOREIGN_DEPTH_MAX) {
        rp_too_much(decoder, "its values are nested deeper than 128");
        return drop_unopened(kind, object, count);
    }
    if (decoder->depth == decoder->frame_capacity) {
        size_t capacity = decoder->frame_capacity ? decoder->frame_capacity * 2 : 32;
        rp_open *frames = rs_reallocate_array(decoder->frames, capacity, sizeof *frames);
        if (!frames) {
            PyErr_NoMemory();
            return drop_unopened(kind, object, count);
        }
        decoder->frames = frames;
        decoder->frame_capacity = capacity;
    }
    decoder->frames[decoder->depth++] = (rp_open){.kind = kind,
                                                  .object = object,
                                                  .count = (Py_ssize_t)count,
                                                  .share = decoder->pending,
                                                  .values = decoder->value_count,
                                                  .finish = finish,
                                                  .base = -1,
                                                  .serial = ++decoder->serial,
                                                  .late = {RP_READY, RP_READY},
                                                  .pairs_late = RP_READY};
    decoder->pending = -1;
    decoder->outstanding += count;
    return 0;
}

/* All that open frames still wait for must have room in the bytes that are left. Asked before
 * memory is taken for `count` children. */
int rp_check_room(rp_decoder *decoder, uint64_t count) {
    uint64_t left = decoder->reader.size - decoder->reader.position;
    if (count <= left && decoder->outstanding <= left - count) return 0;
    rp_damaged(decoder, "the stream ends before all containers are complete");
    return -1;
}

static bool is_first(const rp_decoder *decoder) {
    return decoder->depth == 0 && decoder->target;
}

PyObject *rp_take_target(rp_decoder *decoder, PyTypeObject *type) {
    if (!is_first(decoder)) return NULL;
    PyObject *target = decoder->target;
    decoder->target = NULL;
    return Py_IS_TYPE(target, type) ? target : NULL;
}

void rp_announce_target(rp_decoder *decoder, PyObject *target) {
    rp_open *frame = rp_top(decoder);
    frame->target = Py_XNewRef(target);
    set_share(decoder, frame->share, target ? target : frame->object);
    if (frame->share < 0 || !frame->object) return;
    bool is_object = frame->kind == RP_OPEN_VALUES && !PyFrozenSet_CheckExact(frame->object);
    if (is_object || frame->kind == RP_OPEN_TUPLE || PyFrozenSet_CheckExact(frame->object))
        rp_late_share(decoder, frame->share, decoder->depth - 1, is_object);
}

bool rp_is_open(const rp_decoder *decoder, PyObject *object) {
    for (size_t i = 0; i < decoder->depth; i++)
        if (decoder->frames[i].object == object) return true;
    return false;
}

void rp_announce(rp_decoder *decoder) {
    rp_announce_target(decoder, NULL);
}

/* ---- children and completion ---- */

int rp_push_value(rp_decoder *decoder, PyObject *value) {
    if (decoder->value_count == decoder->value_capacity) {
        size_t capacity = decoder->value_capacity ? decoder->value_capacity * 2 : 64;
        PyObject **values = rs_reallocate_array(decoder->values, capacity, sizeof *values);
        if (!values) {
            PyErr_NoMemory();
            return -1;
        }
        decoder->values = values;
        decoder->value_capacity = capacity;
    }
    decoder->values[decoder->value_count++] = Py_NewRef(value);
    return 0;
}

static int set_pair(rp_decoder *decoder, PyObject *dict, PyObject *key, PyObject *value) {
    if (rp_check_key(decoder, key) < 0) return -1;
    Py_ssize_t before = PyDict_GET_SIZE(dict);
    if (rp_checked_status(decoder, rp_set_pair(dict, key, value)) < 0) return -1;
    if (PyDict_GET_SIZE(dict) == before) {
        rp_damaged(decoder, "a dict has a key twice");
        return -1;
    }
    return 0;
}

static int set_late_pair(rp_decoder *decoder, const rp_late *late) {
    return set_pair(decoder, late->object, PyTuple_GET_ITEM(late->parts, 0),
                    PyTuple_GET_ITEM(late->parts, 1));
}

static int put_off_pair(rp_decoder *decoder, rp_open *frame, PyObject *value) {
    rp_late late = {.level = frame->pairs_late, .act = set_late_pair, .object = frame->object};
    late.parts = PyTuple_Pack(2, frame->key, value);
    int status = late.parts ? rp_late_add(decoder, &late) : -1;
    Py_XDECREF(late.parts);
    return status;
}

/* From the first key on that can't be hashed yet, all pairs wait, so that their order stays. */
static int take_pair(rp_decoder *decoder, rp_open *frame, PyObject *value) {
    if (!frame->key) {
        frame->key = Py_NewRef(value);
        frame->pairs_late = rp_earlier(frame->pairs_late, decoder->late.hash);
        return 0;
    }
    int status = frame->pairs_late != RP_READY
                     ? put_off_pair(decoder, frame, value)
                     : set_pair(decoder, frame->object, frame->key, value);
    Py_CLEAR(frame->key);
    return status;
}

/* The list is complete at any time, as far as it is read; it grows in the room that it has. */
static int append(PyObject *object, PyObject *value) {
    PyListObject *list = (PyListObject *)object;
    Py_ssize_t size = Py_SIZE(list);
    if (size == list->allocated) return PyList_Append(object, value);
    list->ob_item[size] = Py_NewRef(value);
    Py_SET_SIZE(list, size + 1);
    return 0;
}

/* Gives a complete value (stolen) to the innermost frame. */
static int deliver(rp_decoder *decoder, PyObject *value) {
    rp_open *frame = rp_top(decoder);
    int status = 0;
    frame->late.use = rp_earlier(frame->late.use, decoder->late.use);
    frame->late.hash = rp_earlier(frame->late.hash, decoder->late.hash);
    switch (frame->kind) {
    case RP_OPEN_LIST:
        status = append(frame->object, value);
        break;
    case RP_OPEN_TUPLE:
        ((PyTupleObject *)frame->object)->ob_item[frame->index++] = value;
        return 0;
    case RP_OPEN_DICT:
        status = take_pair(decoder, frame, value);
        break;
    case RP_OPEN_DEQUE:
        status = rp_append(frame->object, value);
        break;
    case RP_OPEN_ATTRIBUTES:
        if (frame->key) {
            status = rp_set_in_dict(frame->object, frame->key, value);
            Py_CLEAR(frame->key);
        } else {
            frame->key = Py_NewRef(value);
        }
        break;
    case RP_OPEN_VALUES:
        status = rp_push_value(decoder, value);
        break;
    }
    frame->index++;
    Py_DECREF(value);
    if (!status && frame->part && frame->index < frame->count) status = frame->part(decoder);
    return status;
}

/* The value of the innermost frame, whose children are all there. New reference or NULL. */
static PyObject *value_of_top(rp_decoder *decoder) {
    rp_open *frame = rp_top(decoder);
    if (frame->kind == RP_OPEN_TUPLE && frame->count > 0)
        rp_tuple_close(frame->object, frame->count);
    if (frame->kind == RP_OPEN_ATTRIBUTES) return Py_NewRef(Py_None);
    if (frame->kind != RP_OPEN_VALUES) return Py_NewRef(frame->object);
    size_t values = frame->values;
    PyObject *const *parts = decoder->values ? decoder->values + values : NULL;
    PyObject *value = frame->finish(decoder, parts, frame->count);
    drop_values(decoder, values);
    return value;
}

/* The value of the innermost frame, which is closed. */
static PyObject *finish(rp_decoder *decoder) {
    PyObject *value = value_of_top(decoder);
    rp_open *frame = rp_top(decoder);
    if (value && frame->target) {
        if (rp_add_filling(decoder, frame->target, value) < 0) {
            Py_CLEAR(value);
        } else {
            Py_SETREF(value, Py_NewRef(frame->target));
        }
    }
    if (!value) return NULL;
    set_share(decoder, frame->share, value);
    size_t level = decoder->depth - 1;
    Py_ssize_t share = frame->share;
    rp_lateness late = frame->late;
    close_frame(decoder);
    rp_late_closed(decoder, share, value, late, level);
    if (rp_late_run(decoder, level) < 0) Py_CLEAR(value);
    return value;
}

static PyObject *decode(rp_decoder *decoder) {
    for (;;) {
        PyObject *value = NULL;
        decoder->late = (rp_lateness){RP_READY, RP_READY};
        if (decoder->depth > 0 && rp_take_small(decoder) < 0) return NULL;
        if (decoder->depth == 0 || rp_top(decoder)->index < rp_top(decoder)->count) {
            if (decoder->depth > 0) decoder->outstanding--; /* this child takes its bytes now */
            int status = rp_read_item(decoder, &value);
            if (status < 0) return NULL;
            if (status == 0) rp_share_pending(decoder, value);
        }
        for (;;) {
            if (value) {
                if (decoder->depth == 0) return value;
                if (deliver(decoder, value) < 0) return NULL;
            }
            rp_open *frame = rp_top(decoder);
            if (frame->index < frame->count) break;
            value = finish(decoder);
            if (!value) return NULL;
        }
    }
}

PyObject *rp_decoder_get(rp_decoder *decoder, PyObject *target) {
    decoder->target = target;
    /* a collection would run finalisers and callbacks in the middle */
    int collecting = PyGC_Disable();
    PyObject *value = decode(decoder);
    if (!value) {
        PyObject *type, *text, *trace;
        PyErr_Fetch(&type, &text, &trace);
        if (!decoder->error.status)
            rs_fail(&decoder->error,
                    type && PyErr_GivenExceptionMatches(type, PyExc_MemoryError) ? RESUME_NO_MEMORY
                                                                                 : RESUME_DAMAGED,
                    "the object stream can't be read");
        abandon_frames(decoder);
        PyErr_Restore(type, text, trace);
    }
    decoder->target = NULL;
    if (collecting) PyGC_Enable();
    return value;
}
