/* A generation as it is read: the outermost map of docs/state.md. */
#include "loaded.h"

#include "exact.h"

#include "loop.h"
#include "notice.h"
#include "opaque.h"
#include "parts.h"
#include "placeholders.h"
#include "track.h"

#include <string.h>

static int damaged(rp_module_state *state, const char *what) {
    return rp_raise_text(state->damaged, RESUME_DAMAGED,
                         "the saved state is damaged: %s is not what it should be", what);
}

static int next_item(rp_module_state *state, rp_decoder *decoder, rs_cbor_kind kind,
                     rs_cbor_item *item, const char *what) {
    rs_error error = {0};
    if (rs_cbor_next(rp_decoder_reader(decoder), item, &error) != RESUME_OK)
        return rp_raise(state, &error);
    return item->kind == kind ? 0 : damaged(state, what);
}

static int skip_item(rp_module_state *state, rp_decoder *decoder) {
    rs_error error = {0};
    if (rs_cbor_skip(rp_decoder_reader(decoder), &error) == RESUME_OK) return 0;
    return rp_raise(state, &error);
}

static PyObject *text_of_item(const rs_cbor_item *item) {
    return PyUnicode_DecodeUTF8((const char *)item->bytes, (Py_ssize_t)item->argument,
                                "surrogateescape");
}

/* How a map with text keys is read: `read` gives the value of one key. */
typedef PyObject *(*read_value)(rp_module_state *state, rp_decoder *decoder, PyObject *key,
                                const rp_targets *targets);

static PyObject *read_map(rp_module_state *state, rp_decoder *decoder, const rp_targets *targets,
                          read_value read, const char *what) {
    rs_cbor_item map, key;
    if (next_item(state, decoder, RS_CBOR_MAP, &map, what) < 0) return NULL;
    PyObject *values = PyDict_New();
    for (uint64_t i = 0; values != NULL && i < map.argument; i++) {
        PyObject *name = NULL, *value = NULL;
        if (next_item(state, decoder, RS_CBOR_TEXT, &key, what) == 0) name = text_of_item(&key);
        if (name != NULL) value = read(state, decoder, name, targets);
        if (value == NULL || PyDict_SetItem(values, name, value) < 0) Py_CLEAR(values);
        Py_XDECREF(value);
        Py_XDECREF(name);
    }
    return values;
}

static PyObject *read_plain(rp_module_state *state, rp_decoder *decoder, PyObject *key,
                            const rp_targets *targets) {
    (void)state, (void)key, (void)targets;
    return rp_decoder_get(decoder, NULL);
}

static PyObject *read_tracked(rp_module_state *state, rp_decoder *decoder, PyObject *key,
                              const rp_targets *targets) {
    PyObject *object = NULL; /* borrowed */
    if (targets->tracked != NULL) object = PyDict_GetItemWithError(targets->tracked, key);
    return rp_track_get(state, object, decoder);
}

/* Marks lead to `object` (NULL: an Opaque stands for it) from now on. */
static int read_anchor(rp_decoder *decoder, PyObject *object, PyObject *label, bool tracked,
                       rp_loaded *loaded) {
    PyObject *opaque = NULL, *entry = NULL;
    int status = rp_decoder_get_anchor(decoder, object, &opaque);
    if (opaque != NULL) {
        entry = Py_BuildValue("(OOO)", label, opaque, tracked ? Py_True : Py_False);
        status = entry == NULL ? -1 : PyList_Append(loaded->unplaced, entry);
    }
    Py_XDECREF(entry);
    Py_XDECREF(opaque);
    return status;
}

static int read_parts(rp_module_state *state, rp_decoder *decoder, PyObject *object,
                      PyObject *label, bool tracked, rp_loaded *loaded) {
    rs_cbor_item map, key;
    if (next_item(state, decoder, RS_CBOR_MAP, &map, "\"places\"") < 0) return -1;
    PyObject *parts = object != NULL ? rp_parts_of(object) : PyDict_New();
    int status = parts == NULL ? -1 : 0;
    for (uint64_t i = 0; status == 0 && i < map.argument; i++) {
        PyObject *path = NULL, *full = NULL;
        status = next_item(state, decoder, RS_CBOR_TEXT, &key, "\"places\"");
        if (status == 0) path = text_of_item(&key);
        if (path != NULL) full = PyUnicode_FromFormat("%U.%U", label, path);
        status = full == NULL ? -1
                              : read_anchor(decoder, PyDict_GetItemWithError(parts, path), full,
                                            tracked, loaded);
        Py_XDECREF(path);
        Py_XDECREF(full);
    }
    Py_XDECREF(parts);
    return status;
}

/* Who is restored in place: marks without values. */
static int read_places(rp_module_state *state, rp_decoder *decoder, const rp_targets *targets,
                       rp_loaded *loaded) {
    rs_cbor_item map, key, entry, tracked;
    if (next_item(state, decoder, RS_CBOR_MAP, &map, "\"places\"") < 0) return -1;
    Py_XSETREF(loaded->unplaced, PyList_New(0));
    int status = loaded->unplaced == NULL ? -1 : 0;
    for (uint64_t i = 0; status == 0 && i < map.argument; i++) {
        PyObject *label = NULL, *object = NULL;
        if (next_item(state, decoder, RS_CBOR_TEXT, &key, "\"places\"") < 0 ||
            next_item(state, decoder, RS_CBOR_ARRAY, &entry, "\"places\"") < 0 ||
            next_item(state, decoder, RS_CBOR_SIMPLE, &tracked, "\"places\"") < 0)
            return -1;
        if (entry.argument != 3) return damaged(state, "\"places\"");
        label = text_of_item(&key);
        if (label != NULL && targets->tracked != NULL)
            object = PyDict_GetItemWithError(targets->tracked, label);
        bool by_user = tracked.argument == RS_CBOR_TRUE;
        status = label == NULL ? -1 : read_anchor(decoder, object, label, by_user, loaded);
        if (status == 0) status = read_parts(state, decoder, object, label, by_user, loaded);
        Py_XDECREF(label);
    }
    return status;
}

/* Objects that nothing is restored into show their state. */
static void show_states(rp_loaded *loaded) {
    for (Py_ssize_t i = 0; loaded->unplaced != NULL && i < PyList_GET_SIZE(loaded->unplaced); i++) {
        PyObject *entry = PyList_GET_ITEM(loaded->unplaced, i);
        PyObject *value = PyDict_GetItemWithError(loaded->tracked, PyTuple_GET_ITEM(entry, 0));
        PyObject *opaque = PyTuple_GET_ITEM(entry, 1);
        if (value != NULL)
            rp_opaque_fill(opaque, rp_opaque_type(opaque), PyTuple_GET_ITEM(value, 1));
    }
    PyErr_Clear();
}

static int read_code(rp_module_state *state, rp_decoder *decoder, rp_loaded *loaded) {
    PyObject *code = read_map(state, decoder, NULL, read_plain, "\"code\"");
    if (code == NULL) return -1;
    loaded->code_hash = Py_XNewRef(PyDict_GetItemString(code, "hash"));
    loaded->python = Py_XNewRef(PyDict_GetItemString(code, "python"));
    loaded->function = Py_XNewRef(PyDict_GetItemString(code, "function"));
    loaded->cell = Py_XNewRef(PyDict_GetItemString(code, "cell"));
    Py_DECREF(code);
    if (loaded->code_hash != NULL && !PyBytes_Check(loaded->code_hash))
        return damaged(state, "\"code\"");
    return 0;
}

static int read_random(rp_module_state *state, rp_decoder *decoder, rp_loaded *loaded) {
    PyObject *random = read_map(state, decoder, NULL, read_plain, "\"random\"");
    if (random == NULL) return -1;
    loaded->random_opened = Py_XNewRef(PyDict_GetItemString(random, "opened"));
    loaded->random_saved = Py_XNewRef(PyDict_GetItemString(random, "saved"));
    Py_DECREF(random);
    return 0;
}

static int read_items(rp_module_state *state, rp_decoder *decoder, rp_loaded *loaded) {
    rs_cbor_item array;
    if (next_item(state, decoder, RS_CBOR_ARRAY, &array, "\"items\"") < 0) return -1;
    if (loaded->extra == NULL) loaded->extra = PyDict_New();
    int status = loaded->extra == NULL ? -1 : 0;
    for (uint64_t i = 0; status == 0 && i < array.argument; i++) {
        PyObject *pair = rp_decoder_get(decoder, NULL);
        if (pair == NULL) return -1;
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
            status = damaged(state, "\"items\"");
        else
            status =
                PyDict_SetItem(loaded->extra, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
        Py_DECREF(pair);
    }
    return status;
}

static int into(PyObject **section, PyObject *value) {
    Py_XSETREF(*section, value);
    return value == NULL ? -1 : 0;
}

/* One section of the head: 1 read, 0 it is none, -1 exception. */
static int read_head_section(rp_module_state *state, rp_decoder *decoder, const char *key,
                             rp_loaded *loaded) {
    rs_cbor_item item;
    int status;
    if (strcmp(key, "v") == 0) {
        status = next_item(state, decoder, RS_CBOR_UNSIGNED, &item, "\"v\"");
        if (status == 0 && item.argument != 1)
            status = rp_raise_text(state->error, RESUME_UNSUPPORTED,
                                   "the state was saved by a newer version of resume: use that "
                                   "version, or a newer one");
    } else if (strcmp(key, "entry") == 0) {
        status = into(&loaded->entry, rp_arguments_get_entry(decoder));
    } else if (strcmp(key, "code") == 0) {
        status = read_code(state, decoder, loaded);
    } else if (strcmp(key, "random") == 0) {
        status = read_random(state, decoder, loaded);
    } else if (strcmp(key, "placeholders") == 0) {
        status = into(&loaded->placeholders, rp_placeholders_get(decoder));
    } else if (strcmp(key, "loops") == 0) {
        status = into(&loaded->loops, rp_loops_get(rp_decoder_reader(decoder)));
    } else if (strcmp(key, "skipped") == 0) {
        status = into(&loaded->skipped, read_map(state, decoder, NULL, read_plain, "\"skipped\""));
    } else {
        return 0;
    }
    return status < 0 ? -1 : 1;
}

/* What the values behind it need. */
static int read_program(rp_decoder *decoder, rp_exact *exact) {
    PyObject *value = rp_decoder_get(decoder, NULL);
    int status = value == NULL ? -1 : exact->hooks->read_program(exact, value);
    Py_XDECREF(value);
    return status;
}

static int read_value_section(rp_module_state *state, rp_decoder *decoder, const char *key,
                              const rp_targets *targets, rp_loaded *loaded) {
    static const rp_arguments no_arguments;
    if (strcmp(key, "in_place") == 0) {
        const rp_arguments *arguments = targets->arguments ? targets->arguments : &no_arguments;
        return into(&loaded->in_place,
                    rp_arguments_get_in_place(arguments, decoder, targets->fill));
    }
    if (strcmp(key, "places") == 0) return read_places(state, decoder, targets, loaded);
    if (strcmp(key, "tracked") == 0)
        return into(&loaded->tracked,
                    read_map(state, decoder, targets, read_tracked, "\"tracked\""));
    if (strcmp(key, "vars") == 0)
        return into(&loaded->vars, read_map(state, decoder, targets, read_plain, "\"vars\""));
    if (strcmp(key, "extra") == 0)
        return into(&loaded->extra, read_map(state, decoder, targets, read_plain, "\"extra\""));
    if (strcmp(key, "loaders") == 0) return into(&loaded->loaders, rp_decoder_get(decoder, NULL));
    if (strcmp(key, "items") == 0) return read_items(state, decoder, loaded);
    if (strcmp(key, "result") == 0) return into(&loaded->result, rp_decoder_get(decoder, NULL));
    if (strcmp(key, "frames") == 0 && targets->frames)
        return into(&loaded->frames, rp_decoder_get(decoder, NULL));
    if (strcmp(key, "surroundings") == 0 && targets->frames)
        return into(&loaded->surroundings, rp_decoder_get(decoder, NULL));
    if (strcmp(key, "program") == 0 && targets->exact) return read_program(decoder, targets->exact);
    if (strcmp(key, "modules") == 0 && targets->exact)
        return into(&loaded->modules, rp_decoder_get(decoder, NULL));
    if (strcmp(key, "process") == 0 && targets->exact)
        return into(&loaded->process, rp_decoder_get(decoder, NULL));
    return skip_item(state, decoder); /* of a later version, or not wanted */
}

static int read_sections(rp_module_state *state, rp_decoder *decoder, const rp_targets *targets,
                         rp_loaded *loaded) {
    rs_cbor_item map, item;
    if (next_item(state, decoder, RS_CBOR_MAP, &map, "the outermost item") < 0) return -1;
    for (uint64_t i = 0; i < map.argument; i++) {
        char key[32] = "";
        if (next_item(state, decoder, RS_CBOR_TEXT, &item, "a key") < 0) return -1;
        if (item.argument < sizeof key) memcpy(key, item.bytes, (size_t)item.argument);
        int status = read_head_section(state, decoder, key, loaded);
        if (status == 0) {
            if (targets == NULL) return 0;
            status = read_value_section(state, decoder, key, targets, loaded);
        }
        if (status < 0) return -1;
    }
    return 0;
}

int rp_loaded_read_head(rp_module_state *state, rp_decoder *decoder, rp_loaded *loaded) {
    return read_sections(state, decoder, NULL, loaded);
}

int rp_loaded_read(rp_module_state *state, rp_decoder *decoder, const rp_targets *targets,
                   rp_loaded *loaded) {
    if (read_sections(state, decoder, targets, loaded) < 0) return -1;
    PyObject **const dicts[] = {&loaded->in_place, &loaded->tracked, &loaded->vars, &loaded->extra,
                                &loaded->skipped};
    for (size_t i = 0; i < sizeof dicts / sizeof dicts[0]; i++)
        if (*dicts[i] == NULL && (*dicts[i] = PyDict_New()) == NULL) return -1;
    show_states(loaded);
    return rp_decoder_fill_cells(decoder, loaded->vars);
}

void rp_loaded_release(rp_loaded *loaded) {
    Py_CLEAR(loaded->entry);
    Py_CLEAR(loaded->code_hash);
    Py_CLEAR(loaded->python);
    Py_CLEAR(loaded->function);
    Py_CLEAR(loaded->cell);
    Py_CLEAR(loaded->random_opened);
    Py_CLEAR(loaded->random_saved);
    Py_CLEAR(loaded->placeholders);
    Py_CLEAR(loaded->loops);
    Py_CLEAR(loaded->loaders);
    Py_CLEAR(loaded->skipped);
    Py_CLEAR(loaded->in_place);
    Py_CLEAR(loaded->unplaced);
    Py_CLEAR(loaded->tracked);
    Py_CLEAR(loaded->vars);
    Py_CLEAR(loaded->extra);
    Py_CLEAR(loaded->result);
    Py_CLEAR(loaded->frames);
    Py_CLEAR(loaded->surroundings);
    Py_CLEAR(loaded->modules);
    Py_CLEAR(loaded->process);
}
