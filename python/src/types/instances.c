/* Objects by their own reduction, and Opaque ones, in the object stream: INSTANCE and OPAQUE. */
#include "../decode.h"
#include "../encode.h"
#include "../lookup.h"
#include "../opaque.h"
#include "array_interface.h"
#include "derived.h"
#include "exceptions.h"
#include "own_dict.h"
#include "rebuilt.h"
#include "whole_state.h"
#include "../registered.h"

/* ---- asking the object ---- */

/* numpy.recarray gives its memory the dtype numpy.record, also when it is made anew: the array in
 * it is written with numpy.void instead. Takes `array` over. */
static PyObject *without_record(PyObject *array) {
    PyObject *dtype = array ? PyObject_GetAttrString(array, "dtype") : NULL;
    PyObject *type = dtype ? PyObject_GetAttrString(dtype, "type") : NULL;
    PyObject *numpy = type ? PyImport_ImportModule("numpy") : NULL, *plain = NULL;
    int is_record = numpy ? rp_attribute_is(numpy, "record", type) : -1;
    if (is_record > 0) {
        PyObject *base = PyObject_GetAttrString(numpy, "void");
        if (base) plain = PyObject_CallMethod(numpy, "dtype", "((NO))", base, dtype);
        Py_SETREF(array, plain ? PyObject_CallMethod(array, "view", "O", plain) : NULL);
        Py_XDECREF(plain);
    }
    if (is_record < 0) Py_CLEAR(array);
    Py_XDECREF(numpy);
    Py_XDECREF(type);
    Py_XDECREF(dtype);
    return array;
}

/* An array of a class of its own that reduces as arrays do, without its attributes and by a copy:
 * (numpy.ndarray.view, (the array, class), attributes ..) shares its memory with others instead. */
static PyObject *reduce_array(rp_encoder *encoder, PyObject *object) {
    static const char *const names[] = {"__reduce__", "__reduce_ex__", "__setstate__",
                                        "__getstate__"};
    PyTypeObject *type = Py_TYPE(object), *array_type = encoder->array_type;
    if (!array_type || type == array_type || !PyType_IsSubtype(type, array_type)) return NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!rp_plan_is_inherited(type, array_type, names[i])) return NULL;
    PyObject *view = PyObject_GetAttrString((PyObject *)array_type, "view"), *reduced = NULL;
    PyObject *array = view ? PyObject_CallFunction(view, "OO", object, array_type) : NULL;
    array = without_record(array);
    PyObject *attributes = array ? PyObject_GenericGetDict(object, NULL) : NULL;
    if (array) PyErr_Clear(); /* a class without a dict */
    if (attributes && PyDict_GET_SIZE(attributes) > 0) {
        PyObject *setter = rp_core_function("_set_attributes");
        if (setter)
            reduced = Py_BuildValue("(O(OO)OOON)", view, array, type, attributes, Py_None, Py_None,
                                    setter);
    } else if (array) {
        reduced = Py_BuildValue("(O(OO))", view, array, type);
    }
    Py_XDECREF(attributes);
    Py_XDECREF(array);
    Py_XDECREF(view);
    return reduced;
}

/* The array that owns the memory of `array`, through its bases: new reference, or NULL. */
static PyObject *owner_of(rp_encoder *encoder, PyObject *array) {
    PyObject *owner = NULL, *base = PyObject_GetAttrString(array, "base");
    while (base && Py_IS_TYPE(base, encoder->array_type)) {
        Py_XSETREF(owner, base);
        base = PyObject_GetAttrString(owner, "base");
    }
    Py_XDECREF(base);
    return owner;
}

/* (numpy.ndarray, (shape, dtype, owner, offset, strides)) of a view of an array of objects; NULL
 * also when it is none, or can't be made like that: then it is written by itself. */
static PyObject *reduce_view(rp_encoder *encoder, PyObject *object) {
    PyObject *array_type = (PyObject *)encoder->array_type, *reduced = NULL, *part = NULL;
    PyObject *shape = NULL, *strides = NULL, *dtype = NULL, *whole = NULL;
    if (!array_type || (PyObject *)Py_TYPE(object) != array_type) return NULL;
    PyObject *owner = owner_of(encoder, object);
    if (!owner) return NULL;
    const rp_array_interface *outer = rp_array_look(owner, &whole);
    const rp_array_interface *inner = outer ? rp_array_look(object, &part) : NULL;
    if (!inner || outer->type_kind != inner->type_kind || !PyObject_CheckBuffer(owner)) goto done;
    Py_buffer memory;
    if (rp_array_is_writeable(object, inner) != 1 ||
        PyObject_GetBuffer(owner, &memory, PyBUF_WRITABLE) < 0)
        goto done;
    Py_ssize_t offset = (const char *)inner->data - (const char *)memory.buf;
    bool inside = offset >= 0 && offset <= memory.len;
    PyBuffer_Release(&memory);
    if (!inside) goto done;
    shape = PyObject_GetAttrString(object, "shape");
    strides = shape ? PyObject_GetAttrString(object, "strides") : NULL;
    dtype = strides ? PyObject_GetAttrString(object, "dtype") : NULL;
    if (dtype)
        reduced = Py_BuildValue("(O(OOOnO))", array_type, shape, dtype, owner, offset, strides);
done:
    if (!reduced && !PyErr_ExceptionMatches(PyExc_MemoryError)) PyErr_Clear();
    Py_XDECREF(shape);
    Py_XDECREF(strides);
    Py_XDECREF(dtype);
    Py_XDECREF(whole);
    Py_XDECREF(part);
    Py_DECREF(owner);
    return reduced;
}

/* (callable, arguments, ...) or a str, as pickle's protocol 5 asks for it. New reference. */
static PyObject *reduce(rp_encoder *encoder, PyObject *object) {
    PyObject *type = (PyObject *)Py_TYPE(object), *function = NULL, *reduced;
    const rp_plan *plan = rp_plan_of(encoder, Py_TYPE(object));
    if (!plan) return NULL;
    if (plan->registered) return rp_registered_reduce(encoder->state, object, encoder->newobj);
    if (PyDict_CheckExact(encoder->dispatch_table))
        function = Py_XNewRef(PyDict_GetItemWithError(encoder->dispatch_table, type));
    if (!function && PyErr_Occurred()) return NULL;
    if (plan->whole && !function) {
        reduced = rp_whole_reduction(encoder, object);
        return reduced ? rp_share_dict(object, reduced) : NULL;
    }
    reduced = function ? PyObject_CallOneArg(function, object) : reduce_array(encoder, object);
    if (!reduced && !PyErr_Occurred()) reduced = reduce_view(encoder, object);
    if (!reduced && !PyErr_Occurred() && encoder->generators)
        reduced = rp_rebuilt_reduction(object);
    if (!reduced && !PyErr_Occurred() && plan->typing) {
        reduced = rp_call_unseen("resume._typing", "own_reduction", object);
        if (reduced == Py_None) Py_CLEAR(reduced);
    }
    if (!reduced && !PyErr_Occurred())
        reduced = PyObject_CallMethod(object, "__reduce_ex__", "i", 5);
    Py_XDECREF(function);
    if (reduced && PyExceptionInstance_Check(object))
        reduced = rp_exception_reduction(object, reduced);
    if (reduced) reduced = rp_with_attributes(object, reduced);
    if (reduced) reduced = rp_share_dict(object, reduced);
    return reduced ? rp_name_fields(object, reduced) : NULL;
}

static bool is_as_it_should_be(PyObject *reduced) {
    Py_ssize_t count = PyTuple_Check(reduced) ? PyTuple_GET_SIZE(reduced) : 0;
    return count >= 2 && count <= 6 && PyTuple_Check(PyTuple_GET_ITEM(reduced, 1));
}

/* copyreg.__newobj__ gets the class of the object alone: the short form. */
static bool is_short(const rp_encoder *encoder, PyObject *reduced, PyObject *object) {
    PyObject *arguments = PyTuple_GET_ITEM(reduced, 1);
    return PyTuple_GET_ITEM(reduced, 0) == encoder->newobj && PyTuple_GET_SIZE(arguments) == 1 &&
           PyTuple_GET_ITEM(arguments, 0) == (PyObject *)Py_TYPE(object) &&
           rp_part_of(reduced, 3) == Py_None && rp_part_of(reduced, 4) == Py_None &&
           rp_part_of(reduced, 5) == Py_None;
}

/* ---- writing what makes it ---- */

enum { EARLY_MAX = 100 }; /* one that gives new containers each time would never end */

void rp_making(rp_encoder *encoder, rp_encode_frame *frame, bool is_marked) {
    frame->outer = encoder->making;
    encoder->making = frame - encoder->frames;
    frame->entry = is_marked ? encoder->memo.count - 1 : RP_UNMARKED;
    if (is_marked) encoder->memo.entries[frame->entry].index |= RP_PENDING;
}

void rp_made(rp_encoder *encoder, rp_encode_frame *frame) {
    encoder->making = frame->outer;
    if (frame->entry != RP_UNMARKED)
        encoder->memo.entries[frame->entry].index &= ~(RP_PENDING | RP_EARLY);
    frame->entry = RP_UNMARKED;
}

static int put_arguments(rp_encoder *encoder, rp_encode_frame *frame) {
    frame->label = "(...)";
    return rp_put_tuple(encoder, rp_part_of(frame->key, 1));
}

static int advance_early(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        int status = frame->index++ == 0 ? rp_put_value(encoder, rp_part_of(frame->key, 0))
                                         : put_arguments(encoder, frame);
        if (status || encoder->depth != depth) return status;
    }
    rp_made(encoder, frame);
    rp_pop(encoder);
    return RP_DONE;
}

/* It is made in the arguments of its arguments: as long as they hold something new, they end. */
static bool goes_on(const rp_encoder *encoder, PyObject *object) {
    size_t times = 0;
    for (size_t i = encoder->depth; i-- > 0;) {
        const rp_encode_frame *frame = &encoder->frames[i];
        if (frame->advance != advance_early || frame->object != object) continue;
        if (++times == 1 && (size_t)frame->position == encoder->memo.count) return false;
    }
    return times < EARLY_MAX;
}

int rp_put_early(rp_encoder *encoder, PyObject *object, size_t number) {
    size_t entry = rp_memo_entry_of(&encoder->memo, object);
    /* without an end, or by a reduction that is not its own */
    bool is_refused = (number & RP_EARLY && !goes_on(encoder, object)) ||
                      rp_is_descriptor(object) || PyType_Check(object) ||
                      rp_find_known_type(encoder, Py_TYPE(object));
    if (is_refused) return rp_refuse(encoder, "what it is made of holds the object itself");
    if (PyErr_Occurred() || rp_has_reducer(encoder, Py_TYPE(object)) < 0) return -1;
    PyObject *reduced = reduce(encoder, object);
    if (!reduced) return -1;
    rp_encode_frame *frame = NULL;
    int status = RP_REFUSED;
    if (!is_as_it_should_be(reduced)) {
        rp_refuse(encoder, "its __reduce_ex__ gives one thing once, another the next time");
    } else if ((frame = rp_push(encoder, advance_early, object, 2))) {
        rp_put_tag(encoder, RP_TAG_INSTANCE);
        rp_put_array_head(encoder, 3);
        rs_cbor_put_head(&encoder->buffer, RS_CBOR_UNSIGNED, number & ~(RP_PENDING | RP_EARLY));
        encoder->memo.entries[entry].index |= RP_EARLY;
        frame->key = Py_NewRef(reduced);
        frame->label = "";
        frame->position = (Py_ssize_t)encoder->memo.count;
        rp_making(encoder, frame, false);
        frame->entry = entry;
        status = RP_DONE;
    } else {
        status = -1;
    }
    Py_DECREF(reduced);
    return status;
}

/* ---- writing its content ---- */

/* Each item is taken out of the list, so that only its owners refer to it. */
static int advance_content(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        PyObject *item = PyList_GET_ITEM(frame->object, frame->index);
        PyList_SET_ITEM(frame->object, frame->index++, Py_NewRef(Py_None));
        Py_XSETREF(frame->value, item);
        int status = rp_put_held(encoder, item);
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

/* Pairs, as tuples: `index` counts keys and values. */
static int advance_pairs(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        bool is_key = frame->index % 2 == 0;
        PyObject *pair = PyList_GET_ITEM(frame->object, frame->index++ / 2);
        if (is_key) {
            Py_XSETREF(frame->key, Py_NewRef(PyTuple_GET_ITEM(pair, 0)));
            Py_XSETREF(frame->value, Py_NewRef(PyTuple_GET_ITEM(pair, 1)));
            PyList_SetItem(frame->object, frame->index / 2, Py_NewRef(Py_None));
        }
        int status = rp_put_held(encoder, is_key ? frame->key : frame->value);
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

static bool are_pairs(PyObject *content) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(content); i++) {
        PyObject *pair = PyList_GET_ITEM(content, i);
        if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) return false;
    }
    return true;
}

static int put_content(rp_encoder *encoder, PyObject *iterator, bool is_pairs) {
    if (iterator == Py_None) return rp_put_value(encoder, Py_None);
    PyObject *content = PyIter_Check(iterator) ? PySequence_List(iterator) : NULL;
    if (!content && PyErr_Occurred()) return -1;
    if (!content || (is_pairs && !are_pairs(content))) {
        Py_XDECREF(content);
        return rp_refuse(encoder,
                         "its __reduce_ex__ gives items that are no iterator, or no pairs");
    }
    Py_ssize_t count = PyList_GET_SIZE(content) * (is_pairs ? 2 : 1);
    rp_put_array_head(encoder, (size_t)count);
    rp_encode_frame *frame =
        rp_push(encoder, is_pairs ? advance_pairs : advance_content, content, count);
    if (frame) frame->is_pairs = is_pairs;
    Py_DECREF(content);
    return frame ? RP_DONE : -1;
}

static int put_state(rp_encoder *encoder, PyObject *state) {
    if (PyDict_CheckExact(state) && Py_REFCNT(state) <= 2 && encoder->making < 0)
        return rp_put_attribute_dict(encoder, state);
    return rp_put_held(encoder, state);
}

/* ---- the whole ---- */

/* The parts in the order in which they are used. */
static int advance_parts(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    PyObject *reduced = frame->key;
    int status = RP_DONE;
    while (frame->index < frame->count) {
        switch (frame->index++) {
        case 0:
            status = rp_put_value(encoder, rp_part_of(reduced, 0));
            break;
        case 1:
            status = put_arguments(encoder, frame);
            break;
        case 2:
            rp_made(encoder, frame);
            frame->label = "";
            status = put_content(encoder, rp_part_of(reduced, 3), false);
            break;
        case 3:
            status = put_content(encoder, rp_part_of(reduced, 4), true);
            break;
        case 4:
            status = put_state(encoder, rp_part_of(reduced, 2));
            break;
        default:
            status = rp_put_value(encoder, rp_part_of(reduced, 5));
        }
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

/* Class and state. */
static int advance_short(rp_encoder *encoder, rp_encode_frame *frame) {
    size_t depth = encoder->depth;
    while (frame->index < frame->count) {
        int status;
        if (frame->index++ == 0) {
            status = rp_put_value(encoder, (PyObject *)Py_TYPE(frame->object));
        } else {
            rp_made(encoder, frame);
            status = put_state(encoder, rp_part_of(frame->key, 2));
        }
        if (status || encoder->depth != depth) return status;
    }
    rp_pop(encoder);
    return RP_DONE;
}

int rp_put_reduced(rp_encoder *encoder, PyObject *object, PyObject *reduced) {
    bool is_marked = encoder->last_share >= 0, brief = is_short(encoder, reduced, object);
    rp_put_tag(encoder, RP_TAG_INSTANCE);
    rp_put_array_head(encoder, brief ? 2 : 6);
    rp_encode_frame *frame =
        rp_push(encoder, brief ? advance_short : advance_parts, object, brief ? 2 : 6);
    if (!frame) return -1;
    frame->key = Py_NewRef(reduced);
    frame->label = "";
    rp_making(encoder, frame, is_marked);
    return RP_DONE;
}

/* It is what a module has, if one has it: nothing that could be made from a state stands for it. */
static bool is_of_its_module(const rp_encoder *encoder, PyObject *object) {
    return encoder->generators && (rp_is_rebuilt(object) || !Py_TYPE(object)->tp_new);
}

/* What can't be reduced may be found in a module; else the exception stays. */
static int put_found_instead(rp_encoder *encoder, PyObject *object) {
    if (!encoder->generators || !PyErr_ExceptionMatches(PyExc_Exception)) return RP_NOT_THIS;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    int status = rp_put_found(encoder, object);
    if (status == RP_NOT_THIS) {
        PyErr_Restore(type, value, trace);
        return status;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return status;
}

/* The thread or the process is over: 1, 0, -1. */
static int is_over(PyObject *object) {
    bool is_thread = PyObject_HasAttrString(object, "is_alive");
    PyObject *answer = is_thread ? PyObject_CallMethod(object, "is_alive", NULL)
                                 : PyObject_GetAttrString(object, "returncode");
    int over = !answer ? -1 : is_thread ? answer == Py_False : answer != Py_None;
    Py_XDECREF(answer);
    return over;
}

/* Of what runs, only what a module has (the main thread). */
static int put_outside(rp_encoder *encoder, PyObject *object) {
    int status = rp_put_found(encoder, object);
    if (status != RP_NOT_THIS) return status;
    int over = is_over(object);
    if (over) return over < 0 ? -1 : RP_NOT_THIS;
    return rp_refuse(encoder, "it runs beside the program, and can't be started again in the "
                              "middle; let it end before the save");
}

int rp_put_by_own(rp_encoder *encoder, const char *module_name, PyObject *object) {
    PyObject *reduced = rp_call_unseen(module_name, "reduction", object);
    int status = !reduced                      ? -1
                 : PyTuple_CheckExact(reduced) ? rp_put_reduced(encoder, object, reduced)
                                               : RP_NOT_THIS;
    Py_XDECREF(reduced);
    return status;
}

/* Type parameters and aliases reduce to their names, which may lead nowhere. */
static int put_typing(rp_encoder *encoder, PyObject *object) {
    int status = rp_put_by_own(encoder, "resume._typing", object);
    return status < 0 ? rp_refuse_exception(encoder, "") : status;
}

static int put_replaced(rp_encoder *encoder, PyObject *object) {
    PyObject *reduced = rp_replaced_reduction(object);
    int status = reduced            ? rp_put_reduced(encoder, object, reduced)
                 : PyErr_Occurred() ? -1
                                    : RP_NOT_THIS;
    Py_XDECREF(reduced);
    return status;
}

/* By the name that it reduces to, or else by what it is made of. */
static int put_named(rp_encoder *encoder, PyObject *object, PyObject *name, bool is_typing) {
    int status = rp_put_global_named(encoder, object, name);
    if (status != RP_REFUSED) return status;
    if (encoder->generators) status = rp_put_found(encoder, object);
    if (status == RP_REFUSED) status = RP_NOT_THIS;
    if (status == RP_NOT_THIS && encoder->generators) status = put_replaced(encoder, object);
    if (status == RP_NOT_THIS && is_typing) status = put_typing(encoder, object);
    return status == RP_NOT_THIS ? RP_REFUSED : status; /* for the reason that was given */
}

static int refuse_unreduced(rp_encoder *encoder) {
    if (encoder->generators)
        return rp_refuse_exception(encoder, "; make it where it is needed, behind the save, or let "
                                            "resume.register() make such objects anew");
    return rp_refuse_exception(encoder, "; make it anew after restore(), or keep what it is made "
                                        "of in lists, dicts and arrays");
}

int rp_put_instance(rp_encoder *encoder, PyObject *object) {
    const rp_plan *plan = rp_plan_of(encoder, Py_TYPE(object));
    if (!plan) return -1;
    if (plan->outside && encoder->generators) {
        int status = put_outside(encoder, object);
        if (status != RP_NOT_THIS) return status;
        plan = rp_plan_of(encoder, Py_TYPE(object));
        if (!plan) return -1;
    }
    if (plan->library && encoder->generators) {
        int status = rp_put_by_own(encoder, "resume._library", object);
        if (status != RP_NOT_THIS) return status;
        plan = rp_plan_of(encoder, Py_TYPE(object));
        if (!plan) return -1;
    }
    if (encoder->generators && (Py_IS_TYPE(object, &PyBaseObject_Type) || plan->plain)) {
        int status = plan->slot_names ? RP_NOT_THIS : rp_put_sentinel(encoder, object);
        if (status != RP_NOT_THIS) return status;
    }
    if (plan->plain && !(plan->sets_state && rp_dict_is_held(object)))
        return rp_put_plain(encoder, object, plan);
    bool is_found = !plan->plain && is_of_its_module(encoder, object);
    int status = is_found ? rp_put_found(encoder, object) : RP_NOT_THIS;
    if (status != RP_NOT_THIS) return status;
    bool is_typing = plan->typing;
    PyObject *reduced = reduce(encoder, object);
    status = reduced ? RP_NOT_THIS : put_found_instead(encoder, object);
    if (status != RP_NOT_THIS) return status;
    if (!reduced) return refuse_unreduced(encoder);
    if (PyUnicode_Check(reduced))
        status = put_named(encoder, object, reduced, is_typing);
    else if (is_as_it_should_be(reduced))
        status = rp_put_reduced(encoder, object, reduced);
    else
        status = rp_refuse(encoder, "its __reduce_ex__ gives no callable with its arguments");
    Py_DECREF(reduced);
    return status;
}

int rp_put_opaque(rp_encoder *encoder, PyObject *object) {
    rp_put_tag(encoder, RP_TAG_OPAQUE);
    rp_put_array_head(encoder, 2);
    return rp_push_parts(encoder, PyTuple_Pack(2, rp_opaque_type(object), rp_opaque_state(object)),
                         ".state");
}
