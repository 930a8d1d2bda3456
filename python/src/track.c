/* chp.track(object): saved with the locals, restored in place. */
#include "track.h"

#include "lookup.h"
#include "parts.h"
#include "random_state.h"
#include "section.h"
#include "text.h"

/* How the state of an object is taken and put back; the first number of its item in the file. */
typedef enum manner {
    MANNER_IN_PLACE = 0,
    MANNER_STATE_DICT = 1,
    MANNER_ATTRIBUTES = 2,
    MANNER_GENERATOR = 3, /* of torch */
    MANNER_TENSOR = 4,
    MANNER_SET_STATE = 5, /* through __setstate__() */
    MANNER_NONE,
} manner;

bool rp_track_is_container(PyObject *object) {
    return PyList_CheckExact(object) || PyDict_CheckExact(object) || PySet_CheckExact(object) ||
           PyByteArray_CheckExact(object) || rp_is_array(object);
}

/* Is it a torch.NAME? */
static bool is_of_torch(PyObject *object, const char *name) {
    PyObject *torch = NULL, *type = NULL;
    if (rp_module_find("torch", &torch) > 0) type = PyObject_GetAttrString(torch, name);
    bool is = type && PyType_Check(type) && PyObject_TypeCheck(object, (PyTypeObject *)type);
    Py_XDECREF(torch);
    Py_XDECREF(type);
    PyErr_Clear();
    return is;
}

/* A method of the class: an attribute of the instance that happens to have the name is data. */
static int has_method(PyObject *object, const char *name) {
    PyObject *method = PyObject_GetAttrString((PyObject *)Py_TYPE(object), name);
    int callable = method && PyCallable_Check(method);
    if (!method) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
    }
    Py_XDECREF(method);
    return callable;
}

/* The __dict__ of the instance, new reference; NULL without an exception: it has none. */
static PyObject *dictionary_of(PyObject *object) {
    PyObject *dictionary = PyObject_GenericGetDict(object, NULL);
    if (!dictionary && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
    return dictionary;
}

/* The member descriptors that __slots__ made, a dict name -> descriptor, new reference. */
static PyObject *slots_of(PyObject *object) {
    PyObject *slots = PyDict_New(), *mro = Py_TYPE(object)->tp_mro;
    for (Py_ssize_t i = 0; slots && mro && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *type = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) continue;
        PyObject *names = PyObject_GenericGetDict((PyObject *)type, NULL), *name, *value;
        Py_ssize_t position = 0;
        if (!names) {
            Py_CLEAR(slots);
            break;
        }
        /* classes in C have members, too, which may be read only */
        bool has_slots = PyDict_GetItemString(names, "__slots__") != NULL;
        while (slots && has_slots && PyDict_Next(names, &position, &name, &value))
            if (Py_IS_TYPE(value, &PyMemberDescr_Type) && !PyDict_Contains(slots, name) &&
                PyDict_SetItem(slots, name, value))
                Py_CLEAR(slots);
        Py_DECREF(names);
    }
    return slots;
}

/* Of objects that say themselves what their state is. */
static int manner_of_own(PyObject *object, manner *found) {
    *found = MANNER_NONE;
    if (PyType_Check(object) || PyFunction_Check(object) || PyCFunction_Check(object) ||
        PyMethod_Check(object) || PyModule_Check(object))
        return 0;
    int saves = has_method(object, "state_dict");
    int loads = saves > 0 ? has_method(object, "load_state_dict") : saves;
    if (saves < 0 || loads < 0) return -1;
    if (loads > 0)
        *found = MANNER_STATE_DICT;
    else if (is_of_torch(object, "Generator"))
        *found = MANNER_GENERATOR;
    else if (is_of_torch(object, "Tensor"))
        *found = MANNER_TENSOR;
    return 0;
}

static int manner_of(PyObject *object, manner *found) {
    *found = MANNER_NONE;
    if (rp_track_is_container(object)) {
        *found = MANNER_IN_PLACE;
        return 0;
    }
    if (PyType_Check(object) || PyFunction_Check(object) || PyCFunction_Check(object) ||
        PyMethod_Check(object) || PyModule_Check(object))
        return 0;
    if (manner_of_own(object, found) < 0) return -1;
    if (*found != MANNER_NONE) return 0;
    int sets = has_method(object, "__setstate__");
    if (sets != 0) {
        *found = MANNER_SET_STATE;
        return sets < 0 ? -1 : 0;
    }
    PyObject *dictionary = dictionary_of(object);
    if (!dictionary && PyErr_Occurred()) return -1;
    PyObject *slots = slots_of(object);
    if (!slots) {
        Py_XDECREF(dictionary);
        return -1;
    }
    if (dictionary || PyDict_GET_SIZE(slots) > 0) *found = MANNER_ATTRIBUTES;
    Py_XDECREF(dictionary);
    Py_DECREF(slots);
    return 0;
}

/* A tensor that an optimizer can hold: one that gradients are collected for. */
static int collects_gradient(PyObject *tensor) {
    static const char *const names[] = {"requires_grad", "is_leaf"};
    for (int i = 0; i < 2; i++) {
        PyObject *value = PyObject_GetAttrString(tensor, names[i]);
        int truth = value ? PyObject_IsTrue(value) : -1;
        Py_XDECREF(value);
        if (truth <= 0) return truth;
    }
    return 1;
}

int rp_track_is_placed(rp_module_state *state, PyObject *object) {
    manner way;
    (void)state;
    if (manner_of_own(object, &way) < 0) return -1;
    if (way == MANNER_TENSOR) return collects_gradient(object);
    return way != MANNER_NONE;
}

int rp_track_check(rp_module_state *state, PyObject *object) {
    manner way;
    (void)state;
    if (manner_of(object, &way)) return -1;
    if (way != MANNER_NONE) return 0;
    PyErr_Format(PyExc_TypeError,
                 "chp.track: '%.100s' has no state that can be restored in place: "
                 "keep it in a local variable, or give its class state_dict() and "
                 "load_state_dict(state)",
                 Py_TYPE(object)->tp_name);
    return -1;
}

PyObject *rp_track_attributes(PyObject *object) {
    PyObject *dictionary = dictionary_of(object), *all = NULL, *slots = NULL;
    PyObject *name, *descriptor;
    Py_ssize_t position = 0;
    if (!dictionary && PyErr_Occurred()) return NULL;
    all = dictionary ? PyDict_Copy(dictionary) : PyDict_New();
    slots = all ? slots_of(object) : NULL;
    if (!slots) Py_CLEAR(all);
    while (slots && all && PyDict_Next(slots, &position, &name, &descriptor)) {
        PyObject *value =
            Py_TYPE(descriptor)->tp_descr_get(descriptor, object, (PyObject *)Py_TYPE(object));
        if (!value) {
            if (!PyErr_ExceptionMatches(PyExc_AttributeError)) Py_CLEAR(all);
            if (all) PyErr_Clear(); /* not assigned */
            continue;
        }
        if (PyDict_SetItem(all, name, value)) Py_CLEAR(all);
        Py_DECREF(value);
    }
    Py_XDECREF(dictionary);
    Py_XDECREF(slots);
    return all;
}

/* The object that the label names now is of another kind than the saved one. */
static int refuse(PyObject *object) {
    PyErr_Format(PyExc_TypeError,
                 "chp.track: the saved state is not that of a '%.100s': track the same object as "
                 "when it was saved, or start over with clean=True",
                 Py_TYPE(object)->tp_name);
    return -1;
}

/* ---- what an instance of a class derived from a container holds as one */

/* A list, dict, set or bytearray of it, past its own methods; None: it is none. New reference. */
static PyObject *base_content(PyObject *object) {
    if (PyList_Check(object)) return PyList_GetSlice(object, 0, PyList_GET_SIZE(object));
    if (PyODict_Check(object)) {
        PyObject *items = PyObject_CallMethod((PyObject *)&PyODict_Type, "items", "(O)", object);
        PyObject *copy = items ? PyObject_CallOneArg((PyObject *)&PyODict_Type, items) : NULL;
        Py_XDECREF(items);
        return copy;
    }
    if (PyDict_Check(object)) return PyDict_Copy(object);
    if (PyAnySet_Check(object) && !PyFrozenSet_Check(object)) return PySet_New(object);
    if (PyByteArray_Check(object)) return PyByteArray_FromObject(object);
    return Py_NewRef(Py_None);
}

static int call_base(PyTypeObject *type, const char *method, PyObject *object, PyObject *content) {
    PyObject *done = content ? PyObject_CallMethod((PyObject *)type, method, "OO", object, content)
                             : PyObject_CallMethod((PyObject *)type, method, "O", object);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

static int set_base_content(PyObject *object, PyObject *content) {
    PyTypeObject *type = PyODict_Check(object) ? &PyODict_Type : &PyDict_Type;
    if (content == Py_None) return 0;
    if (PyList_Check(object) && PyList_Check(content))
        return PyList_SetSlice(object, 0, PyList_GET_SIZE(object), content);
    if (PyDict_Check(object) && PyDict_Check(content))
        return call_base(type, "clear", object, NULL) < 0
                   ? -1
                   : call_base(type, "update", object, content);
    if (PySet_Check(object) && PySet_Check(content))
        return PySet_Clear(object) < 0 ? -1 : call_base(&PySet_Type, "update", object, content);
    if (!PyByteArray_Check(object) || !PyByteArray_Check(content)) return refuse(object);
    return call_base(&PyByteArray_Type, "clear", object, NULL) < 0
               ? -1
               : call_base(&PyByteArray_Type, "extend", object, content);
}

/* ---- attributes */

static int put_attribute(PyObject *name, PyObject *value, const char *label, rp_encoder *encoder,
                         PyObject *problems) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    PyObject *path = text ? PyUnicode_FromFormat("%s.%U", label, name) : NULL;
    const char *path_text = path ? PyUnicode_AsUTF8(path) : NULL;
    int result = -1;
    if (path_text) {
        rs_cbor_put_text(rp_encoder_buffer(encoder), text, (size_t)size);
        result = rp_put_or_undefined(encoder, value, path_text, problems);
    }
    Py_XDECREF(path);
    return result;
}

/* An attribute whose name is no text (or no UTF-8) can only have come from vars(object)[...]. */
static bool is_attribute_name(PyObject *name) {
    if (!PyUnicode_Check(name)) return false;
    bool usable = PyUnicode_AsUTF8(name) != NULL;
    if (!usable) PyErr_Clear();
    return usable;
}

static int put_attributes(PyObject *object, const char *label, rp_encoder *encoder,
                          PyObject *problems) {
    PyObject *attributes = rp_track_attributes(object), *name, *value;
    PyObject *content = attributes ? base_content(object) : NULL;
    Py_ssize_t position = 0;
    uint64_t count = 0;
    int result = content ? 0 : -1;
    while (attributes && PyDict_Next(attributes, &position, &name, &value))
        count += is_attribute_name(name);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_ARRAY, 3);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_UNSIGNED, MANNER_ATTRIBUTES);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_MAP, count);
    position = 0;
    /* `attributes` is a copy of ours: no code that runs meanwhile can change it */
    while (result == 0 && PyDict_Next(attributes, &position, &name, &value))
        if (is_attribute_name(name)) result = put_attribute(name, value, label, encoder, problems);
    if (result == 0) result = rp_put_or_undefined(encoder, content, label, problems);
    Py_XDECREF(content);
    Py_XDECREF(attributes);
    return result;
}

/* A state dict of torch carries attributes; they are saved beside it. */
static PyObject *without_metadata(PyObject *state_dict) {
    if (!PyODict_CheckExact(state_dict)) return Py_NewRef(state_dict);
    PyObject *attributes = PyObject_GenericGetDict(state_dict, NULL), *copy = NULL;
    if (attributes && PyDict_GET_SIZE(attributes) == 0) copy = Py_NewRef(state_dict);
    if (attributes && !copy) copy = PyObject_CallOneArg((PyObject *)&PyODict_Type, state_dict);
    Py_XDECREF(attributes);
    return copy;
}

/* What its reduction hands to __setstate__, new reference; None: it has no state. */
static PyObject *reduced_state(PyObject *object) {
    PyObject *reduced = PyObject_CallMethod(object, "__reduce_ex__", "i", 5), *state = NULL;
    if (reduced && PyTuple_Check(reduced) && PyTuple_GET_SIZE(reduced) > 2)
        state = Py_NewRef(PyTuple_GET_ITEM(reduced, 2));
    else if (reduced)
        state = Py_NewRef(Py_None);
    Py_XDECREF(reduced);
    return state;
}

/* (value, settings) as the object is now, new references. 0, or -1 with an exception. */
static int state_of(PyObject *object, manner way, PyObject **value, PyObject **settings) {
    PyObject *state_dict = NULL;
    *settings = NULL;
    *value = NULL;
    switch (way) {
    case MANNER_STATE_DICT:
        state_dict = PyObject_CallMethod(object, "state_dict", NULL);
        if (state_dict) *settings = rp_parts_settings(object, state_dict);
        if (*settings) *value = without_metadata(state_dict);
        Py_XDECREF(state_dict);
        break;
    case MANNER_GENERATOR:
        *value = rp_random_torch_state(object);
        break;
    case MANNER_SET_STATE:
        *value = reduced_state(object);
        break;
    case MANNER_TENSOR: /* a plain tensor of the same memory, whatever it is itself */
        *value = PyObject_CallMethod(object, "detach", NULL);
        *settings = *value ? PyObject_GetAttrString(object, "grad") : NULL;
        if (!*settings) Py_CLEAR(*value);
        break;
    default:
        *value = Py_NewRef(object);
        *settings = base_content(object);
        if (!*settings) Py_CLEAR(*value);
    }
    if (*value && !*settings) *settings = Py_NewRef(Py_None);
    if (*value) return 0;
    Py_CLEAR(*settings);
    return -1;
}

int rp_track_put(rp_module_state *state, PyObject *object, const char *label, rp_encoder *encoder,
                 PyObject *problems) {
    manner way;
    PyObject *value, *settings;
    rs_buffer *buffer = rp_encoder_buffer(encoder);
    (void)state;
    if (manner_of(object, &way)) return -1;
    if (way == MANNER_ATTRIBUTES) return put_attributes(object, label, encoder, problems);
    if (state_of(object, way, &value, &settings) < 0) return -1;
    rs_cbor_put_head(buffer, RS_CBOR_ARRAY, way == MANNER_IN_PLACE ? 2 : 3);
    rs_cbor_put_head(buffer, RS_CBOR_UNSIGNED, (uint64_t)way);
    int result = rp_put_or_undefined(encoder, value, label, problems);
    if (result == 0 && way != MANNER_IN_PLACE)
        result = rp_put_or_undefined(encoder, settings, label, problems);
    Py_DECREF(value);
    Py_DECREF(settings);
    return result;
}

int rp_track_put_failed(rp_encoder *encoder) {
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_ARRAY, 2);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_UNSIGNED, MANNER_STATE_DICT);
    rs_cbor_put_simple(rp_encoder_buffer(encoder), RS_CBOR_UNDEFINED);
    return 0;
}

/* A dict name -> value; a name whose value could not be saved stands for itself in `kept`. */
static int get_attributes(rp_decoder *decoder, PyObject *values, PyObject *kept) {
    rs_cbor_reader *reader = rp_decoder_reader(decoder);
    rs_cbor_item map, key;
    int result = rp_section_item(reader, RS_CBOR_MAP, &map, "tracked");
    for (uint64_t i = 0; result == 0 && i < map.argument; i++) {
        PyObject *name = NULL, *value = NULL;
        result = rp_section_item(reader, RS_CBOR_TEXT, &key, "tracked");
        if (result == 0)
            name = PyUnicode_DecodeUTF8((const char *)key.bytes, (Py_ssize_t)key.argument, NULL);
        if (name && rp_skip_undefined(reader)) {
            result = PySet_Add(kept, name);
        } else {
            value = name ? rp_decoder_get(decoder, NULL) : NULL;
            result = value ? PyDict_SetItem(values, name, value) : -1;
        }
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    return result;
}

/* The value, and what belongs to it: both new references, None for what could not be saved. */
static int get_state(rp_decoder *decoder, PyObject *target, bool with_settings, manner *way,
                     PyObject **value, PyObject **settings) {
    rs_cbor_reader *reader = rp_decoder_reader(decoder);
    if (rp_skip_undefined(reader)) {
        *way = MANNER_NONE;
        *value = Py_NewRef(Py_None);
    } else {
        *value = rp_decoder_get(decoder, target);
    }
    if (*value && with_settings && !rp_skip_undefined(reader))
        *settings = rp_decoder_get(decoder, NULL);
    else if (*value)
        *settings = Py_NewRef(Py_None);
    return *settings ? 0 : -1;
}

static int get_content(rp_decoder *decoder, PyObject **content) {
    if (rp_skip_undefined(rp_decoder_reader(decoder)))
        *content = Py_NewRef(Py_None);
    else
        *content = rp_decoder_get(decoder, NULL);
    return *content ? 0 : -1;
}

PyObject *rp_track_get(rp_module_state *state, PyObject *object, rp_decoder *decoder) {
    rs_cbor_reader *reader = rp_decoder_reader(decoder);
    rs_cbor_item pair, number;
    PyObject *value = NULL, *settings = NULL, *content = NULL, *result = NULL;
    (void)state;
    if (rp_section_item(reader, RS_CBOR_ARRAY, &pair, "tracked") ||
        rp_section_item(reader, RS_CBOR_UNSIGNED, &number, "tracked"))
        return NULL;
    if (pair.argument < 2 || pair.argument > 3 || number.argument >= MANNER_NONE) {
        PyErr_SetString(PyExc_ValueError, "section 'tracked': not a manner and a value");
        return NULL;
    }
    manner way = (manner)number.argument;
    if (way == MANNER_ATTRIBUTES) {
        value = PyDict_New();
        settings = value ? PySet_New(NULL) : NULL; /* names that keep their value */
        if (settings && get_attributes(decoder, value, settings)) Py_CLEAR(settings);
        if (settings && pair.argument == 3 && get_content(decoder, &content) < 0)
            Py_CLEAR(settings);
    } else {
        rp_decoder_keep_tensors(decoder, object != NULL && way != MANNER_IN_PLACE);
        if (get_state(decoder, way == MANNER_IN_PLACE ? object : NULL, pair.argument == 3, &way,
                      &value, &settings) < 0)
            Py_CLEAR(settings);
        rp_decoder_keep_tensors(decoder, false);
    }
    if (settings && way == MANNER_STATE_DICT && rp_parts_set_metadata(value, settings) < 0)
        Py_CLEAR(settings);
    if (settings)
        result = Py_BuildValue("(iOOO)", (int)way, value, settings, content ? content : Py_None);
    Py_XDECREF(content);
    Py_XDECREF(value);
    Py_XDECREF(settings);
    return result;
}

/* Attributes that the saved object did not have go, but for those that could not be saved. */
static int delete_others(PyObject *object, PyObject *dictionary, PyObject *slots, PyObject *values,
                         PyObject *kept) {
    PyObject *now = rp_track_attributes(object), *name, *value;
    Py_ssize_t position = 0;
    int result = now ? 0 : -1;
    while (result == 0 && PyDict_Next(now, &position, &name, &value)) {
        int stays = PyDict_Contains(values, name);
        if (stays == 0) stays = PySet_Contains(kept, name);
        if (stays == 0) stays = !is_attribute_name(name);
        if (stays != 0) {
            result = stays < 0 ? -1 : 0;
            continue;
        }
        PyObject *descriptor = PyDict_GetItemWithError(slots, name);
        if (descriptor) {
            result = Py_TYPE(descriptor)->tp_descr_set(descriptor, object, NULL);
        } else if (dictionary) {
            result = PyDict_DelItem(dictionary, name);
        }
    }
    Py_XDECREF(now);
    return result;
}

static int set_attributes(PyObject *object, PyObject *values, PyObject *kept) {
    PyObject *dictionary = dictionary_of(object), *slots = NULL, *name, *value;
    Py_ssize_t position = 0;
    int result = -1;
    if (!dictionary && PyErr_Occurred()) return -1;
    slots = slots_of(object);
    if (!slots) goto done;
    result = 0;
    /* past __setattr__ and properties: the state is put back as it lay there */
    while (result == 0 && PyDict_Next(values, &position, &name, &value)) {
        PyObject *descriptor = PyDict_GetItemWithError(slots, name);
        if (descriptor) {
            result = Py_TYPE(descriptor)->tp_descr_set(descriptor, object, value);
        } else if (dictionary) {
            result = PyDict_SetItem(dictionary, name, value);
        }
    }
    if (result == 0) result = delete_others(object, dictionary, slots, values, kept);
done:
    Py_XDECREF(dictionary);
    Py_XDECREF(slots);
    return result;
}

/* tensor[...] = value, whatever its device; in place also for those who hold it. */
static int fill_tensor(PyObject *tensor, PyObject *value, PyObject *gradient) {
    PyObject *data = PyObject_GetAttrString(tensor, "data"), *done = NULL, *moved = NULL;
    PyObject *shape = data ? PyObject_GetAttrString(data, "shape") : NULL;
    PyObject *other = shape ? PyObject_GetAttrString(value, "shape") : NULL;
    int same = other ? PyObject_RichCompareBool(shape, other, Py_EQ) : -1;
    if (same == 0)
        PyErr_SetString(PyExc_TypeError, "the tensor has another shape than the saved one: make it "
                                         "as when it was saved, or start over with clean=True");
    if (same > 0) done = PyObject_CallMethod(data, "copy_", "(O)", value);
    int status = done ? 0 : -1;
    if (done && gradient != Py_None) {
        PyObject *device = PyObject_GetAttrString(tensor, "device");
        moved = device ? PyObject_CallMethod(gradient, "to", "(O)", device) : NULL;
        Py_XDECREF(device);
        if (!moved) status = -1;
    }
    if (status == 0) status = PyObject_SetAttrString(tensor, "grad", moved ? moved : Py_None);
    Py_XDECREF(moved);
    Py_XDECREF(done);
    Py_XDECREF(shape);
    Py_XDECREF(other);
    Py_XDECREF(data);
    return status;
}

int rp_track_restore(rp_module_state *state, PyObject *object, PyObject *value) {
    manner now, saved = (manner)PyLong_AsLong(PyTuple_GET_ITEM(value, 0));
    PyObject *content = PyTuple_GET_ITEM(value, 1), *settings = PyTuple_GET_ITEM(value, 2), *result;
    (void)state;
    if (saved == MANNER_NONE) return 0;
    if (manner_of(object, &now)) return -1;
    if (now != saved) return refuse(object);
    switch (saved) {
    case MANNER_ATTRIBUTES:
        if (set_base_content(object, PyTuple_GET_ITEM(value, 3)) < 0) return -1;
        return set_attributes(object, content, settings);
    case MANNER_IN_PLACE:
        return content == object ? 0 : refuse(object);
    case MANNER_GENERATOR:
        return rp_random_torch_set_state(object, content);
    case MANNER_TENSOR:
        return fill_tensor(object, content, settings);
    case MANNER_SET_STATE:
        if (set_base_content(object, settings) < 0) return -1;
        if (content == Py_None) return 0;
        result = PyObject_CallMethod(object, "__setstate__", "(O)", content);
        Py_XDECREF(result);
        return result ? 0 : -1;
    default:
        result = PyObject_CallMethod(object, "load_state_dict", "O", content);
        Py_XDECREF(result);
        return result ? rp_parts_set(object, settings) : -1;
    }
}

/* A copy that shares nothing with the object. */
static PyObject *deep_copy(PyObject *value) {
    PyObject *copy = PyImport_ImportModule("copy"), *result = NULL;
    if (copy) result = PyObject_CallMethod(copy, "deepcopy", "(O)", value);
    Py_XDECREF(copy);
    return result;
}

PyObject *rp_track_backup(rp_module_state *state, PyObject *object) {
    manner way;
    PyObject *value = NULL, *settings = NULL, *result = NULL, *copy = NULL;
    (void)state;
    if (manner_of(object, &way) < 0) return NULL;
    if (way == MANNER_IN_PLACE) way = MANNER_NONE; /* filled when nothing can fail any more */
    if (way == MANNER_ATTRIBUTES) {
        value = rp_track_attributes(object);
        settings = value ? PySet_New(NULL) : NULL;
        copy = settings ? base_content(object) : NULL;
        if (copy) result = Py_BuildValue("(iOOO)", (int)way, value, settings, copy);
    } else if (state_of(object, way, &value, &settings) == 0) {
        copy = way == MANNER_NONE ? Py_NewRef(Py_None) : deep_copy(value);
        if (copy && way == MANNER_TENSOR) Py_SETREF(settings, deep_copy(settings));
        if (copy && settings) result = Py_BuildValue("(iOO)", (int)way, copy, settings);
    }
    Py_XDECREF(copy);
    Py_XDECREF(value);
    Py_XDECREF(settings);
    return result;
}
