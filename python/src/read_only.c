/* load() and list(): looking at checkpoints without a lock, and without running anything. */
#include "read_only.h"

#include "caller.h"
#include "display.h"
#include "loaded.h"
#include "notice.h"
#include "pycompat/frame.h"
#include "trust.h"

#include <structmember.h>

#include <stddef.h>
#include <string.h>

/* What load() gives: a dict of the variables with the rest as attributes. */
typedef struct rp_data {
    PyDictObject dict;
    PyObject *extra, *result, *tracked, *arguments, *meta;
    /* of lazy ones: what verify() reads */
    rs_folder *folder;
    rs_file *file;
    rs_state *saved;
} rp_data;

static int data_traverse(PyObject *object, visitproc visit, void *arg) {
    rp_data *self = (rp_data *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->extra);
    Py_VISIT(self->result);
    Py_VISIT(self->tracked);
    Py_VISIT(self->arguments);
    Py_VISIT(self->meta);
    return PyDict_Type.tp_traverse(object, visit, arg);
}

static void release(rp_data *self) {
    Py_CLEAR(self->extra);
    Py_CLEAR(self->result);
    Py_CLEAR(self->tracked);
    Py_CLEAR(self->arguments);
    Py_CLEAR(self->meta);
}

static int data_clear(PyObject *object) {
    release((rp_data *)object);
    return PyDict_Type.tp_clear(object);
}

static void data_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    release((rp_data *)object);
    rs_state_free(((rp_data *)object)->saved);
    rs_file_close(((rp_data *)object)->file);
    rs_folder_close(((rp_data *)object)->folder);
    PyDict_Type.tp_dealloc(object);
    Py_DECREF(type);
}

static PyObject *data_vars(PyObject *object, void *nothing) {
    (void)nothing;
    return PyDict_Copy(object);
}

static PyGetSetDef data_getset[] = {
    {"vars", data_vars, NULL, "The saved variables, a new dict.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef data_members[] = {
    {"extra", T_OBJECT, offsetof(rp_data, extra), READONLY, "The items of the Checkpoint, a dict."},
    {"result", T_OBJECT, offsetof(rp_data, result), READONLY, "What was given to done(), or None."},
    {"tracked", T_OBJECT, offsetof(rp_data, tracked), READONLY,
     "State of the objects of chp.track(), a dict."},
    {"arguments", T_OBJECT, offsetof(rp_data, arguments), READONLY,
     "Texts of the arguments of the call as it began, a dict."},
    {"meta", T_OBJECT, offsetof(rp_data, meta), READONLY,
     "About the save: a dict with name, saved, started, running, saves, ended, generation, "
     "program, function, host, pid, writer, size, signature (whose it is)."},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *data_verify(PyObject *object, PyObject *nothing) {
    rs_error error = {0};
    rs_state *saved = ((rp_data *)object)->saved;
    (void)nothing;
    if (saved != NULL && rs_state_verify(saved, NULL, NULL, NULL, &error) != RESUME_OK) {
        rp_raise(rp_state_of_type(Py_TYPE(object)), &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef data_methods[] = {
    {"verify", data_verify, METH_NOARGS,
     "verify($self, /)\n--\n\nReads and verifies all that was saved: CheckpointDamaged where it is "
     "not what was written.\n\nWithout lazy=True, load() has done so."},
    RP_HTML_METHOD(rp_data_html),
    {NULL, NULL, 0, NULL},
};

static PyType_Slot data_slots[] = {
    {Py_tp_doc, "What load() gives: the saved variables as a dict, the rest as attributes."},
    {Py_tp_traverse, data_traverse},
    {Py_tp_clear, data_clear},
    {Py_tp_dealloc, data_dealloc},
    {Py_tp_getset, data_getset},
    {Py_tp_members, data_members},
    {Py_tp_methods, data_methods},
    {0, NULL},
};

PyType_Spec rp_data_spec = {
    .name = "resume.Data",
    .basicsize = sizeof(rp_data),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = data_slots,
};

static PyObject *text_of_slice(rs_slice slice) {
    if (slice.bytes == NULL) return PyUnicode_FromString("");
    return PyUnicode_DecodeUTF8(slice.bytes, (Py_ssize_t)slice.size, "surrogateescape");
}

static PyObject *meta_dict(const rs_meta *meta, uint64_t generation, rs_signature signature) {
    return Py_BuildValue(
        "{sN sd sd sd sK sN sK sN sN sN sL sN sK ss}", "name", text_of_slice(meta->name), "saved",
        (double)meta->saved_ns / 1e9, "started", (double)meta->started_ns / 1e9, "running",
        (double)meta->running_ns / 1e9, "saves", (unsigned long long)meta->saves, "ended",
        PyBool_FromLong(meta->ended), "generation", (unsigned long long)generation, "program",
        text_of_slice(meta->program), "function", text_of_slice(meta->function), "host",
        text_of_slice(meta->host), "pid", (long long)meta->pid, "writer",
        text_of_slice(meta->writer), "size", (unsigned long long)meta->state_size, "signature",
        rs_signature_text(signature));
}

static PyObject *argument_texts(PyObject *entry) {
    PyObject *texts = PyDict_New(), *name, *pair;
    for (Py_ssize_t at = 0;
         texts != NULL && entry != NULL && PyDict_Next(entry, &at, &name, &pair);)
        if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 &&
            PyDict_SetItem(texts, name, PyTuple_GET_ITEM(pair, 1)) < 0)
            Py_CLEAR(texts);
    return texts;
}

static PyObject *data_from(rp_module_state *state, rp_loaded *loaded, const rs_state *saved,
                           uint64_t generation) {
    PyObject *object = PyObject_CallNoArgs((PyObject *)state->data_type);
    rp_data *data = (rp_data *)object;
    if (data == NULL) return NULL;
    data->extra = Py_NewRef(loaded->extra);
    data->tracked = Py_NewRef(loaded->tracked);
    data->result = Py_XNewRef(loaded->result);
    data->arguments = argument_texts(loaded->entry);
    data->meta = meta_dict(rs_state_meta(saved), generation, rs_state_signature(saved));
    if (data->arguments == NULL || data->meta == NULL || PyDict_Update(object, loaded->vars) < 0)
        Py_CLEAR(object);
    return object;
}

/* Generation `index`, newest first; NULL with an exception. A lazy one keeps its state. */
static PyObject *load_generation(rp_module_state *state, rs_file *file, size_t index,
                                 PyObject *trusted, bool lazy) {
    rs_state *saved = NULL;
    rs_error error = {0};
    rp_loaded loaded = {0};
    rp_targets nowhere = {0};
    rp_decoder *decoder = NULL;
    PyObject *data = NULL;
    if (rs_file_read(file, index, &saved, &error) != RESUME_OK) {
        rp_raise(state, &error);
        goto done;
    }
    decoder = rp_decoder_new(state, saved);
    if (decoder != NULL) rp_decoder_trust(decoder, trusted);
    if (decoder != NULL && lazy) rp_decoder_be_lazy(decoder);
    if (decoder != NULL && rp_loaded_read(state, decoder, &nowhere, &loaded) == 0)
        data = data_from(state, &loaded, saved, rs_file_generation(file, index)->number);
done:
    rp_loaded_release(&loaded);
    if (decoder != NULL) rp_decoder_free(decoder);
    if (data != NULL && lazy)
        ((rp_data *)data)->saved = saved;
    else
        rs_state_free(saved);
    return data;
}

/* Takes the exception that is set, which may name the path already. */
static int tell_older(rp_module_state *state, PyObject *path) {
    PyObject *exception = rp_exception_take();
    PyObject *text = exception == NULL ? NULL : PyObject_Str(exception);
    int is_named = text == NULL ? -1 : PyUnicode_Contains(text, path), status = -1;
    if (is_named >= 0)
        status = is_named ? rp_warn(state, "%U: the save before it is read", text)
                          : rp_warn(state, "'%U': %U: the save before it is read", path, text);
    Py_XDECREF(text);
    Py_XDECREF(exception);
    return status;
}

/* The newest generation that can be read; an older one with a warning. */
static PyObject *load_newest(rp_module_state *state, rs_file *file, const rs_recovery *recovery,
                             PyObject *path, PyObject *trusted, bool lazy) {
    size_t count = rs_file_generation_count(file);
    if (recovery->health != RS_HEALTH_GOOD && rp_warn(state, "%s", recovery->text) < 0) return NULL;
    for (size_t i = 0;; i++) {
        PyObject *data = load_generation(state, file, i, trusted, lazy);
        if (data != NULL || !PyErr_ExceptionMatches(state->damaged) || i + 1 >= count) return data;
        if (tell_older(state, path) < 0) return NULL;
    }
}

static PyObject *load_file(rp_module_state *state, PyObject *path, PyObject *trusted, bool lazy) {
    rs_folder *folder = NULL;
    rs_file *file = NULL;
    rs_recovery recovery = {0};
    rs_error error = {0};
    PyObject *data = NULL;
    PyObject *folder_path = rp_path("dirname", path), *base = rp_path("basename", path);
    PyObject *folder_bytes = folder_path ? PyUnicode_EncodeFSDefault(folder_path) : NULL;
    PyObject *base_bytes = base ? PyUnicode_EncodeFSDefault(base) : NULL;
    if (folder_bytes == NULL || base_bytes == NULL) goto done;
    if (rs_folder_open_as_user(state->os, PyBytes_AS_STRING(folder_bytes), &folder, &error) !=
            RESUME_OK ||
        rs_file_open(folder, PyBytes_AS_STRING(base_bytes), false, &file, &recovery, &error) !=
            RESUME_OK)
        rp_raise(state, &error);
    else
        data = load_newest(state, file, &recovery, path, trusted, lazy);
    if (data != NULL && lazy) {
        ((rp_data *)data)->folder = folder;
        ((rp_data *)data)->file = file;
        folder = NULL;
        file = NULL;
    }
done:
    rs_file_close(file);
    rs_folder_close(folder);
    Py_XDECREF(base_bytes);
    Py_XDECREF(folder_bytes);
    Py_XDECREF(base);
    Py_XDECREF(folder_path);
    return data;
}

/* A plain name that is no file here is a checkpoint of the default folder. */
static PyObject *path_of(rp_module_state *state, PyObject *path) {
    char file_name[RS_FILE_NAME_SIZE];
    rs_error error = {0};
    bool is_default;
    PyObject *text = PyOS_FSPath(path), *folder = NULL, *full = NULL, *there = NULL;
    if (text != NULL && PyBytes_Check(text))
        Py_SETREF(text, PyUnicode_DecodeFSDefaultAndSize(PyBytes_AS_STRING(text),
                                                         PyBytes_GET_SIZE(text)));
    if (text == NULL) return NULL;
    if (PyUnicode_FindChar(text, '/', 0, PyUnicode_GET_LENGTH(text), 1) < 0)
        there = rp_path("exists", text);
    PyErr_Clear();
    if (there == Py_False) {
        PyObject *name = rp_bytes_of(text, true);
        folder = name == NULL ? NULL : rp_default_folder(NULL, NULL, &is_default);
        if (folder != NULL &&
            rs_name_encode(PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name), file_name,
                           &error) != RESUME_OK)
            rp_raise(state, &error);
        else if (folder != NULL)
            full = PyUnicode_FromFormat("%U/%s", folder, file_name);
        Py_XDECREF(name);
    } else {
        full = rp_absolute(text);
    }
    Py_XDECREF(there);
    Py_XDECREF(folder);
    Py_DECREF(text);
    return full;
}

static PyObject *cell_of_state(rp_module_state *state, rs_state *saved) {
    rp_loaded loaded = {0};
    rp_decoder *decoder = rp_decoder_new(state, saved);
    if (decoder != NULL) rp_loaded_read_head(state, decoder, &loaded);
    PyErr_Clear();
    PyObject *result = PyTuple_Pack(2, loaded.code_hash ? loaded.code_hash : Py_None,
                                    loaded.cell ? loaded.cell : Py_None);
    rp_loaded_release(&loaded);
    if (decoder != NULL) rp_decoder_free(decoder);
    return result;
}

PyObject *rp_cell_that_saved(rp_module_state *state, PyObject *folder_path, PyObject *name) {
    char fitted[RS_FILE_NAME_SIZE], file_name[RS_FILE_NAME_SIZE];
    rs_folder *folder = NULL;
    rs_file *file = NULL;
    rs_state *saved = NULL;
    rs_recovery recovery = {0};
    rs_error error = {0};
    PyObject *result = NULL;
    PyObject *folder_bytes = PyUnicode_EncodeFSDefault(folder_path);
    PyObject *bytes = rp_bytes_of(name, true);
    if (folder_bytes == NULL || bytes == NULL) goto done;
    resume_status status =
        rs_name_fit(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes), fitted, &error);
    if (status == RESUME_OK) status = rs_name_encode(fitted, strlen(fitted), file_name, &error);
    if (status == RESUME_OK)
        status = rs_folder_open(state->os, PyBytes_AS_STRING(folder_bytes), false, &folder, &error);
    if (status == RESUME_OK)
        status = rs_file_open(folder, file_name, false, &file, &recovery, &error);
    if (status == RESUME_OK) status = rs_file_read(file, 0, &saved, &error);
    if (status == RESUME_NOT_FOUND)
        result = Py_NewRef(Py_None);
    else if (status != RESUME_OK) /* whoever opens it says what is wrong */
        result = PyTuple_Pack(2, Py_None, Py_None);
    else
        result = cell_of_state(state, saved);
done:
    rs_state_free(saved);
    rs_file_close(file);
    rs_folder_close(folder);
    Py_XDECREF(bytes);
    Py_XDECREF(folder_bytes);
    return result;
}

PyObject *rp_load(rp_module_state *state, PyObject *path, PyObject *trusted, bool lazy) {
    PyObject *names = trusted == Py_None ? PyFrozenSet_New(NULL) : rp_trusted_names(trusted);
    PyObject *full = names == NULL ? NULL : path_of(state, path);
    PyObject *data = full == NULL ? NULL : load_file(state, full, names, lazy);
    Py_XDECREF(full);
    Py_XDECREF(names);
    return data;
}

static PyStructSequence_Field entry_fields[] = {
    {"name", "Name of the checkpoint."},
    {"path", "Path of its file."},
    {"saved", "Time of the newest save in seconds since 1970, or None."},
    {"age", "Seconds since then, or None."},
    {"ended", "The call that saved has ended."},
    {"generation", "Number of the newest save, or None."},
    {"size", "Bytes of the file."},
    {"program", "Path of the program."},
    {"function", "\"module:qualified.name\" of the function."},
    {"problem", "Why it can't be read in full, or None."},
    {NULL, NULL},
};

static PyStructSequence_Desc entry_description = {
    .name = "resume.Entry",
    .doc = "One checkpoint, as list() tells it.",
    .fields = entry_fields,
    .n_in_sequence = 10,
};

PyTypeObject *rp_entry_type_new(void) {
    static PyMethodDef html = RP_HTML_METHOD(rp_entry_html);
    PyTypeObject *type = PyStructSequence_NewType(&entry_description);
    PyObject *method = type == NULL ? NULL : PyDescr_NewMethod(type, &html);
    if (method == NULL || PyObject_SetAttrString((PyObject *)type, html.ml_name, method) < 0)
        Py_CLEAR(type);
    Py_XDECREF(method);
    return type;
}

static PyObject *new_entry(rp_module_state *state, PyObject *const *values) {
    PyObject *entry = PyStructSequence_New(state->entry_type);
    for (int i = 0; i < 10; i++) {
        PyObject *value = values[i];
        if (entry != NULL && value != NULL)
            PyStructSequence_SetItem(entry, i, value); /* steals */
        else if (entry != NULL)
            PyStructSequence_SetItem(entry, i, Py_NewRef(Py_None));
        else
            Py_XDECREF(value);
    }
    if (PyErr_Occurred()) Py_CLEAR(entry);
    return entry;
}

static PyObject *entry_of(rp_module_state *state, const rs_folder *folder, const char *file_name) {
    rs_file *file = NULL;
    rs_state *saved = NULL;
    rs_recovery recovery = {0};
    rs_error error = {0};
    char name[RS_FILE_NAME_SIZE] = "";
    PyObject *values[10] = {0};
    rs_name_decode(file_name, name, sizeof name);
    values[0] = PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "surrogateescape");
    PyObject *folder_path = PyUnicode_DecodeFSDefault(folder->path);
    if (folder_path != NULL) values[1] = PyUnicode_FromFormat("%U/%s", folder_path, file_name);
    values[4] = Py_NewRef(Py_False);
    if (rs_file_open(folder, file_name, false, &file, &recovery, &error) == RESUME_OK &&
        rs_file_read(file, 0, &saved, &error) == RESUME_OK) {
        const rs_meta *meta = rs_state_meta(saved);
        int64_t now = state->os->clock_ns(state->os);
        values[2] = PyFloat_FromDouble((double)meta->saved_ns / 1e9);
        values[3] = PyFloat_FromDouble((double)(now - meta->saved_ns) / 1e9);
        Py_SETREF(values[4], PyBool_FromLong(meta->ended));
        values[5] = PyLong_FromUnsignedLongLong(rs_file_generation(file, 0)->number);
        values[6] = PyLong_FromUnsignedLongLong(rs_file_size(file));
        values[7] = text_of_slice(meta->program);
        values[8] = text_of_slice(meta->function);
        if (recovery.health != RS_HEALTH_GOOD) values[9] = PyUnicode_DecodeFSDefault(recovery.text);
    } else {
        values[9] = PyUnicode_DecodeFSDefault(error.text);
    }
    rs_state_free(saved);
    rs_file_close(file);
    Py_XDECREF(folder_path);
    return new_entry(state, values);
}

PyObject *rp_entry_of_path(rp_module_state *state, PyObject *path) {
    rs_folder *folder = NULL;
    rs_error error = {0};
    rs_file_info info;
    PyObject *entry = NULL;
    PyObject *folder_path = rp_path("dirname", path), *base = rp_path("basename", path);
    PyObject *folder_bytes = folder_path ? PyUnicode_EncodeFSDefault(folder_path) : NULL;
    PyObject *base_bytes = base ? PyUnicode_EncodeFSDefault(base) : NULL;
    if (folder_bytes == NULL || base_bytes == NULL) goto done;
    const char *name = PyBytes_AS_STRING(base_bytes);
    if (rs_folder_open(state->os, PyBytes_AS_STRING(folder_bytes), false, &folder, &error) !=
            RESUME_OK ||
        state->os->info_at(state->os, folder->fd, name, &info) < 0)
        entry = Py_NewRef(Py_None);
    else
        entry = entry_of(state, folder, name);
done:
    rs_folder_close(folder);
    Py_XDECREF(base_bytes);
    Py_XDECREF(folder_bytes);
    Py_XDECREF(base);
    Py_XDECREF(folder_path);
    return entry;
}

static int visit_name(void *context, const char *name) {
    PyObject *names = context;
    if (rs_name_role(name) != RS_ROLE_CHECKPOINT) return 0;
    PyObject *text = PyUnicode_FromString(name);
    int status = text == NULL ? -1 : PyList_Append(names, text);
    Py_XDECREF(text);
    return status;
}

PyObject *rp_list(rp_module_state *state, PyObject *given) {
    rs_folder *folder = NULL;
    rs_error error = {0};
    bool is_default;
    PyObject *path = rp_default_folder(given == Py_None ? NULL : given, NULL, &is_default);
    PyObject *bytes = path == NULL ? NULL : PyUnicode_EncodeFSDefault(path);
    PyObject *names = bytes == NULL ? NULL : PyList_New(0), *entries = NULL;
    if (names == NULL) goto done;
    if (rs_folder_open_as_user(state->os, PyBytes_AS_STRING(bytes), &folder, &error) != RESUME_OK) {
        if (error.status == RESUME_NOT_FOUND && given == Py_None)
            entries = PyObject_CallNoArgs((PyObject *)state->entries_type);
        else
            rp_raise(state, &error);
        goto done;
    }
    if (folder->os->list(folder->os, folder->fd, visit_name, names) < 0 || PyErr_Occurred() ||
        PyList_Sort(names) < 0) {
        if (!PyErr_Occurred())
            rp_raise_text(state->io_error, RESUME_IO, "folder '%U' can't be listed", path);
        goto done;
    }
    entries = PyObject_CallNoArgs((PyObject *)state->entries_type);
    for (Py_ssize_t i = 0; entries != NULL && i < PyList_GET_SIZE(names); i++) {
        const char *name = PyUnicode_AsUTF8(PyList_GET_ITEM(names, i));
        PyObject *entry = name == NULL ? NULL : entry_of(state, folder, name);
        if (entry == NULL || PyList_Append(entries, entry) < 0) Py_CLEAR(entries);
        Py_XDECREF(entry);
    }
done:
    rs_folder_close(folder);
    Py_XDECREF(names);
    Py_XDECREF(bytes);
    Py_XDECREF(path);
    return entries;
}
