/* Opening a checkpoint: its file, and what the saved state means for this call. */
#include "opening.h"

#include "cell.h"
#include "code.h"
#include "finishing.h"
#include "loaded.h"
#include "notice.h"
#include "random_state.h"
#include "registry.h"

#include "os/process.h"

#include <string.h>

/* Checkpoint.CACHE_EXPIRE holds for ended calls; set by the user, or expire=, for all. */
static int expiry(rp_checkpoint *self, rs_checkpoint_options *options) {
    options->expire_ended_ns = options->expire_cut_off_ns = self->options.expire_ns;
    /* what is not used need not be told to be old */
    bool ignores_ended = self->has_position && !self->uses_ended;
    if (self->options.has_expire && ignores_ended) options->expire_ended_ns = RS_NEVER;
    if (self->options.has_expire) return 0;
    PyObject *value = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "CACHE_EXPIRE");
    if (value == NULL) return -1;
    uint64_t ns = RS_NEVER;
    int status = value == Py_None ? 0 : rp_duration(value, "CACHE_EXPIRE", &ns);
    options->expire_ended_ns = ignores_ended ? RS_NEVER : ns;
    options->expire_cut_off_ns = value == self->state->expire_default ? RS_NEVER : ns;
    Py_DECREF(value);
    return status;
}

static PyObject *writer_text(void) {
    return PyUnicode_FromFormat("resume %s, CPython %d.%d.%d", RESUME_VERSION,
                                (int)(Py_Version >> 24), (int)(Py_Version >> 16 & 255),
                                (int)(Py_Version >> 8 & 255));
}

static int open_engine(rp_checkpoint *self) {
    rs_checkpoint_options options = {.rate_ns = self->options.rate_ns,
                                     .overhead = self->options.overhead,
                                     .clean = self->options.clean,
                                     .track = self->options.track,
                                     .keep = self->options.keep,
                                     .compress = self->options.compress};
    rs_error error = {0};
    int status = -1;
    PyObject *folder = NULL, *name = NULL, *program = NULL, *function = NULL, *writer = NULL;
    if (expiry(self, &options) < 0) goto done;
    if ((folder = PyUnicode_EncodeFSDefault(self->caller.folder)) == NULL ||
        (name = rp_bytes_of(self->caller.name, true)) == NULL ||
        (program = rp_bytes_of(self->caller.program, false)) == NULL ||
        (function = rp_bytes_of(self->caller.function, false)) == NULL ||
        (writer = writer_text()) == NULL)
        goto done;
    char key_file[RS_KEY_PATH_SIZE];
    rs_key_file_path(key_file);
    options.key_file = key_file;
    options.folder = PyBytes_AS_STRING(folder);
    if (strlen(options.folder) != (size_t)PyBytes_GET_SIZE(folder)) {
        PyErr_SetString(PyExc_ValueError, "the folder's path has a NUL character: remove it");
        goto done;
    }
    options.name = PyBytes_AS_STRING(name);
    options.name_size = (size_t)PyBytes_GET_SIZE(name);
    options.program = PyBytes_AS_STRING(program);
    options.function = PyBytes_AS_STRING(function);
    options.writer = PyUnicode_AsUTF8(writer);
    if (options.writer == NULL) goto done;
    if (rs_checkpoint_open(self->state->os, &options, &self->engine, &error) != RESUME_OK) {
        rp_raise(self->state, &error);
        goto done;
    }
    self->due = rs_checkpoint_due(self->engine);
    status = 0;
done:
    Py_XDECREF(writer);
    Py_XDECREF(function);
    Py_XDECREF(program);
    Py_XDECREF(name);
    Py_XDECREF(folder);
    return status;
}

static bool exists(PyObject *path) {
    PyObject *answer = rp_path("exists", path);
    bool is = answer == Py_True;
    Py_XDECREF(answer);
    PyErr_Clear();
    return is;
}

/* Nothing saved in the working directory, but something beside the script. */
static int tell_beside_script(rp_checkpoint *self) {
    if (!self->caller.default_folder || PyUnicode_GET_LENGTH(self->caller.program) == 0) return 0;
    PyObject *beside = rp_path("dirname", self->caller.program), *path = NULL;
    int status = 0;
    if (beside != NULL) Py_SETREF(beside, PyUnicode_FromFormat("%U/.checkpoints", beside));
    if (beside != NULL) path = PyUnicode_FromFormat("%U/%U", beside, self->caller.file_name);
    if (path == NULL) status = -1;
    if (path != NULL && PyUnicode_Compare(beside, self->caller.folder) != 0 && exists(path))
        status = rp_warn(self->state,
                         "no checkpoint '%U' in '%U', but there is one beside the program in '%U': "
                         "to use that one wherever the program is started, write "
                         "Checkpoint(folder=os.path.join(os.path.dirname(__file__), "
                         "\".checkpoints\"))",
                         self->caller.name, self->caller.folder, beside);
    Py_XDECREF(path);
    Py_XDECREF(beside);
    return status;
}

/* A file of resume 0.13 under the same name: it named files after the function alone. */
static int tell_legacy(rp_checkpoint *self) {
    PyObject *const names[] = {self->caller.name, self->caller.named ? NULL : self->caller.bare};
    for (int i = 0; i < 2; i++) {
        if (names[i] == NULL) continue;
        PyObject *path = PyUnicode_FromFormat("%U/%U.pzip", self->caller.folder, names[i]);
        if (path == NULL) return -1;
        int status = 0;
        bool found = exists(path);
        if (found)
            status = rp_warn(self->state,
                             "'%U' is a checkpoint of resume 0.13 (a gzipped pickle of Python 2), "
                             "which this version does not read: finish that run with resume 0.13, "
                             "or remove the file; this run starts fresh",
                             path);
        Py_DECREF(path);
        if (found) return status;
    }
    return 0;
}

static int tell_opening(rp_checkpoint *self, const rs_checkpoint_info *info) {
    rp_module_state *state = self->state;
    PyObject *name = self->caller.name;
    if (info->folder_warning[0] != 0 && rp_warn(state, "%s", info->folder_warning) < 0) return -1;
    if (info->lock_unsupported &&
        rp_warn(state,
                "checkpoint '%U': the file system of '%U' knows no locks: take care that no second "
                "process uses it",
                name, self->caller.folder) < 0)
        return -1;
    if (info->recovery.health != RS_HEALTH_GOOD &&
        rp_warn(state, "checkpoint '%U': %s", name, info->recovery.text) < 0)
        return -1;
    if (info->ignored == RS_IGNORED_EXPIRED) {
        PyObject *when = rp_time_text(info->saved_ns);
        int status = when == NULL ? -1
                                  : rp_warn(state,
                                            "checkpoint '%U' of %U has expired and is not used; it "
                                            "is kept beside the new one at the first save "
                                            "(expire=\"never\" uses it)",
                                            name, when);
        Py_XDECREF(when);
        if (status < 0) return -1;
    }
    if (info->found != RS_FOUND_NOTHING || info->ignored != RS_IGNORED_NO) return 0;
    return tell_beside_script(self) < 0 ? -1 : tell_legacy(self);
}

/* Two programs of one stem must not take turns with one file. */
static int check_program(rp_checkpoint *self, const rs_meta *meta) {
    if (self->caller.named) return 0;
    PyObject *ours = rp_bytes_of(self->caller.program, false);
    if (ours == NULL) return -1;
    bool other = rs_checkpoint_is_of_other_program(self->engine, PyBytes_AS_STRING(ours));
    Py_DECREF(ours);
    if (!other) return 0;
    PyObject *saved =
        PyUnicode_DecodeUTF8(meta->program.bytes, (Py_ssize_t)meta->program.size, "replace");
    if (saved == NULL) return -1;
    rp_raise_text(
        self->state->error, RESUME_EXISTS,
        "checkpoint '%U' belongs to another program of the same name, '%U', not to '%U': give "
        "this one a name (Checkpoint(\"...\")), a key= or a folder= of its own",
        self->caller.path, saved, self->caller.program);
    Py_DECREF(saved);
    return -1;
}

/* A call that was cut off, or one that ended in a run of the program that was: finishing.h. */
static bool is_unfinished(rp_checkpoint *self, const rs_meta *meta) {
    return !meta->ended || (!rp_registry_saved_here(self) && rp_run_adopt(self));
}

static bool is_of_other_python(PyObject *version) {
    PyObject *saved = version == NULL ? NULL : PySequence_Tuple(version);
    int major = 0, minor = 0;
    bool known = saved != NULL && PyArg_ParseTuple(saved, "ii", &major, &minor);
    PyErr_Clear();
    Py_XDECREF(saved);
    return known && (major != (int)(Py_Version >> 24) || minor != (int)(Py_Version >> 16 & 255));
}

int rp_checkpoint_judge(rp_checkpoint *self, PyObject **differences) {
    rp_loaded loaded = {0};
    int status = -1;
    rs_state *saved = rs_checkpoint_state(self->engine);
    rp_decoder *decoder = saved == NULL ? NULL : rp_decoder_new(self->state, saved);
    *differences = NULL;
    if (decoder == NULL) goto done;
    if (rp_loaded_read_head(self->state, decoder, &loaded) < 0) goto done;
    if (loaded.entry == NULL && (loaded.entry = PyDict_New()) == NULL) goto done;
    *differences = rp_arguments_differences(&self->arguments, loaded.entry);
    if (*differences == NULL) goto done;
    self->found_ended = rs_state_meta(saved)->ended;
    if (self->has_position)
        self->going_on = !self->found_ended; /* of other arguments, it is refused */
    else
        self->going_on =
            PyList_GET_SIZE(*differences) == 0 && is_unfinished(self, rs_state_meta(saved));
    self->same_code =
        loaded.code_hash != NULL && PyBytes_GET_SIZE(loaded.code_hash) == sizeof self->code_hash &&
        memcmp(PyBytes_AS_STRING(loaded.code_hash), self->code_hash, sizeof self->code_hash) == 0;
    self->other_python = is_of_other_python(loaded.python);
    /* nothing can be told: a program in another language has no such hash, and another Python makes
     * other byte code of the same text */
    if (!self->same_code && (loaded.code_hash == NULL || self->other_python))
        self->options.on_change = RP_CHANGE_IGNORE;
    if (self->going_on && loaded.random_opened != NULL && PyDict_Check(loaded.random_opened))
        Py_XSETREF(self->random_opened, Py_NewRef(loaded.random_opened));
    status = 0;
done:
    rp_loaded_release(&loaded);
    if (decoder != NULL) rp_decoder_free(decoder);
    if (status < 0) Py_CLEAR(*differences);
    return status;
}

static void start_over(rp_checkpoint *self) {
    rs_checkpoint_start_over(self->engine);
    self->found = self->going_on = self->found_ended = false;
    Py_CLEAR(self->random_opened);
}

static int apply_on_change(rp_checkpoint *self) {
    if (self->same_code) return 0;
    PyObject *function = self->caller.function;
    switch (self->options.on_change) {
    case RP_CHANGE_FRESH:
        start_over(self);
        return 0;
    case RP_CHANGE_IGNORE:
        return 0;
    case RP_CHANGE_ERROR:
        return rp_raise_text(
            self->state->code_changed, RESUME_MISUSE,
            "the code of '%U' has changed since checkpoint '%U' was saved: "
            "on_change=\"ignore\" restores its variables by name, \"fresh\" starts "
            "over and keeps the old file",
            function, self->caller.name);
    default:
        return rp_warn(
            self->state,
            "the code of '%U' has changed since checkpoint '%U' was saved: its variables "
            "are restored by name (on_change=\"fresh\" starts over and keeps the old "
            "file, \"ignore\" says nothing)",
            function, self->caller.name);
    }
}

static int apply_again(rp_checkpoint *self, PyObject *differences) {
    if (!self->found || self->going_on) return 0;
    PyObject *comma = PyUnicode_FromString("; ");
    PyObject *what = comma == NULL ? NULL : PyUnicode_Join(comma, differences);
    PyObject *when = rp_time_text(rs_checkpoint_saved_ns(self->engine));
    const char *how = self->found_ended ? "that ended" : "that was cut off";
    int status = what == NULL || when == NULL ? -1 : 0;
    bool differs = PyList_GET_SIZE(differences) > 0;
    if (status == 0 && self->options.again == RP_AGAIN_FRESH) {
        start_over(self);
    } else if (status == 0 && self->options.again == RP_AGAIN_ERROR) {
        status = rp_raise_text(self->state->error, RESUME_EXISTS,
                               "checkpoint '%U' holds a call %s, saved %U%s%U: again=\"continue\" "
                               "goes on from it, \"fresh\" starts over, and key= gives each set of "
                               "arguments its own checkpoint",
                               self->caller.name, how, when,
                               differs ? ", with other arguments: " : "", what);
    } else if (status == 0 && differs) {
        status = rp_warn(self->state,
                         "checkpoint '%U' goes on from a call %s, saved %U, with other arguments: "
                         "%U; its variables come back, its loops begin anew (chp.loop, too); key= "
                         "gives each set of arguments its own checkpoint, again=\"fresh\" starts "
                         "over",
                         self->caller.name, how, when, what);
    }
    if (status == 0) rs_checkpoint_begin_call(self->engine);
    Py_XDECREF(when);
    Py_XDECREF(what);
    Py_XDECREF(comma);
    return status;
}

/* The same call going on computes its placeholders again, with the random numbers of then. */
static int rewind_generators(rp_checkpoint *self) {
    if (!self->options.random_state) return 0;
    if (self->going_on && self->random_opened != NULL) {
        if (rp_registry_others_active(self)) return 0;
        return rp_random_restore(self->state, self->random_opened);
    }
    Py_XSETREF(self->random_opened, rp_random_capture(self->state));
    return self->random_opened == NULL ? -1 : 0;
}

static int capture_arguments(rp_checkpoint *self, PyFrameObject *frame) {
    PyObject *values = rp_frame_locals(frame);
    if (values == NULL) return -1;
    int status =
        rp_owner_is_module(&self->owner)
            ? 0
            : rp_arguments_capture(self->state, self->owner.code, values, &self->arguments);
    Py_DECREF(values);
    return status;
}

static int hash_code(rp_checkpoint *self) {
    if (self->caller.cell == NULL) return rp_code_hash(self->owner.code, self->code_hash);
    PyCodeObject *whole = rp_cell_code(self->caller.cell);
    int status = whole == NULL ? -1 : rp_code_hash(whole, self->code_hash);
    Py_XDECREF((PyObject *)whole);
    self->loops.in_cell = true;
    return status;
}

static int look_at_found(rp_checkpoint *self, const rs_checkpoint_info *info) {
    PyObject *differences = NULL;
    int status = -1;
    self->found = info->found != RS_FOUND_NOTHING;
    if (self->found) {
        if (rp_checkpoint_judge(self, &differences) < 0) return -1;
        if (apply_on_change(self) < 0) goto done;
        if (apply_again(self, differences) < 0) goto done;
    }
    if (!self->found) rs_checkpoint_begin_call(self->engine);
    status = rewind_generators(self);
done:
    Py_XDECREF(differences);
    return status;
}

int rp_checkpoint_open_file_of(rp_checkpoint *self, PyFrameObject *frame) {
    if (rp_registry_claim(self, frame) < 0) return -1;
    if (open_engine(self) < 0) return -1;
    const rs_checkpoint_info *info = rs_checkpoint_look(self->engine);
    if (tell_opening(self, info) < 0) return -1;
    return info->found == RS_FOUND_NOTHING ? 0 : check_program(self, info->meta);
}

/* Checkpoint.folder, when somebody has set it: new reference, NULL when it is as we made it. */
static PyObject *class_folder(rp_checkpoint *self) {
    PyObject *value = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "folder");
    if (value == NULL) PyErr_Clear();
    if (value == self->state->folder_default) Py_CLEAR(value);
    return value;
}

int rp_checkpoint_open(rp_checkpoint *self, PyFrameObject *frame) {
    PyObject *folder = class_folder(self);
    int status = rp_caller_find(self->state, frame, &self->options, folder, &self->caller);
    Py_XDECREF(folder);
    if (status < 0 || capture_arguments(self, frame) < 0 || hash_code(self) < 0) return -1;
    if (rp_checkpoint_open_file_of(self, frame) < 0) return -1;
    return look_at_found(self, rs_checkpoint_look(self->engine));
}
