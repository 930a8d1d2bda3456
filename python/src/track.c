/* chp.track(object): saved with the locals, restored in place. */
#include "track.h"

#include "section.h"
#include "text.h"

/* How the state of an object is taken and put back; the first number of its item in the file. */
typedef enum manner {
    MANNER_IN_PLACE = 0,
    MANNER_STATE_DICT = 1,
    MANNER_ATTRIBUTES = 2,
    MANNER_NONE,
} manner;

static bool is_container(PyObject *object) {
    return PyList_CheckExact(object) || PyDict_CheckExact(object) || PySet_CheckExact(object) ||
           PyByteArray_CheckExact(object) || rp_is_array(object);
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

static int manner_of(PyObject *object, manner *found) {
    int saves, loads;
    *found = MANNER_NONE;
    if (is_container(object)) {
        *found = MANNER_IN_PLACE;
        return 0;
    }
    if (PyType_Check(object) || PyFunction_Check(object) || PyCFunction_Check(object) ||
        PyMethod_Check(object) || PyModule_Check(object))
        return 0;
    saves = has_method(object, "state_dict");
    loads = saves > 0 ? has_method(object, "load_state_dict") : saves;
    if (saves < 0 || loads < 0) return -1;
    if (loads > 0) {
        *found = MANNER_STATE_DICT;
        return 0;
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

/* Name -> value of the attributes in __dict__ and __slots__, new reference; no user code runs. */
static PyObject *attributes_of(PyObject *object) {
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
    PyObject *attributes = attributes_of(object), *name, *value;
    Py_ssize_t position = 0;
    uint64_t count = 0;
    int result = attributes ? 0 : -1;
    while (attributes && PyDict_Next(attributes, &position, &name, &value))
        count += is_attribute_name(name);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_ARRAY, 2);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_UNSIGNED, MANNER_ATTRIBUTES);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_MAP, count);
    position = 0;
    /* `attributes` is a copy of ours: no code that runs meanwhile can change it */
    while (result == 0 && PyDict_Next(attributes, &position, &name, &value))
        if (is_attribute_name(name)) result = put_attribute(name, value, label, encoder, problems);
    Py_XDECREF(attributes);
    return result;
}

int rp_track_put(rp_module_state *state, PyObject *object, const char *label, rp_encoder *encoder,
                 PyObject *problems) {
    manner way;
    PyObject *value;
    (void)state;
    if (manner_of(object, &way)) return -1;
    if (way == MANNER_ATTRIBUTES) return put_attributes(object, label, encoder, problems);
    value = way == MANNER_STATE_DICT ? PyObject_CallMethod(object, "state_dict", NULL)
                                     : Py_NewRef(object);
    if (!value) return -1;
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_ARRAY, 2);
    rs_cbor_put_head(rp_encoder_buffer(encoder), RS_CBOR_UNSIGNED, (uint64_t)way);
    int result = rp_put_or_undefined(encoder, value, label, problems);
    Py_DECREF(value);
    return result;
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

PyObject *rp_track_get(rp_module_state *state, PyObject *object, rp_decoder *decoder) {
    rs_cbor_reader *reader = rp_decoder_reader(decoder);
    rs_cbor_item pair, number;
    PyObject *value = NULL, *kept = NULL, *result = NULL;
    (void)state;
    if (rp_section_item(reader, RS_CBOR_ARRAY, &pair, "tracked") ||
        rp_section_item(reader, RS_CBOR_UNSIGNED, &number, "tracked"))
        return NULL;
    if (pair.argument != 2 || number.argument >= MANNER_NONE) {
        PyErr_SetString(PyExc_ValueError, "section 'tracked': not a manner and a value");
        return NULL;
    }
    kept = PySet_New(NULL);
    if (!kept) return NULL;
    if (number.argument == MANNER_ATTRIBUTES) {
        value = PyDict_New();
        if (value && get_attributes(decoder, value, kept)) Py_CLEAR(value);
    } else if (rp_skip_undefined(reader)) {
        number.argument = MANNER_NONE;
        value = Py_NewRef(Py_None);
    } else {
        value = rp_decoder_get(decoder, number.argument == MANNER_IN_PLACE ? object : NULL);
    }
    if (value) result = Py_BuildValue("(iOO)", (int)number.argument, value, kept);
    Py_XDECREF(value);
    Py_DECREF(kept);
    return result;
}

/* Attributes that the saved object did not have go, but for those that could not be saved. */
static int delete_others(PyObject *object, PyObject *dictionary, PyObject *slots, PyObject *values,
                         PyObject *kept) {
    PyObject *now = attributes_of(object), *name, *value;
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

/* The object that the label names now is of another kind than the saved one. */
static int refuse(PyObject *object) {
    PyErr_Format(PyExc_TypeError,
                 "chp.track: the saved state is not that of a '%.100s': track the same object as "
                 "when it was saved, or start over with clean=True",
                 Py_TYPE(object)->tp_name);
    return -1;
}

int rp_track_restore(rp_module_state *state, PyObject *object, PyObject *value) {
    manner now, saved = (manner)PyLong_AsLong(PyTuple_GET_ITEM(value, 0));
    PyObject *content = PyTuple_GET_ITEM(value, 1), *result;
    (void)state;
    if (saved == MANNER_NONE) return 0;
    if (manner_of(object, &now)) return -1;
    if (now != saved) return refuse(object);
    if (saved == MANNER_ATTRIBUTES)
        return set_attributes(object, content, PyTuple_GET_ITEM(value, 2));
    if (saved == MANNER_IN_PLACE) return content == object ? 0 : refuse(object);
    result = PyObject_CallMethod(object, "load_state_dict", "O", content);
    Py_XDECREF(result);
    return result ? 0 : -1;
}
