/* A call that may go on: what was found of it, what that means, and getting it back. */
#include "exact.h"

#include "code.h"
#include "notice.h"
#include "opening.h"
#include "random_state.h"
#include "registry.h"
#include "tracking.h"
#include "trust.h"

#include <stdlib.h>
#include <string.h>

rp_checkpoint *rp_exact_checkpoint(rp_module_state *state, PyCodeObject *code) {
    rp_checkpoint *self = rp_checkpoint_make(state->checkpoint_type);
    if (self == NULL) return NULL;
    self->owner.code = (PyCodeObject *)Py_NewRef((PyObject *)code);
    self->has_position = true;
    return self;
}

/* ---- opening ---- */

/* What the user can do, all of it without losing anything. */
static int refuse_changed(rp_checkpoint *self, PyObject *what) {
    return rp_raise_text(
        self->state->code_changed, RESUME_MISUSE,
        "checkpoint '%U' holds an unfinished call of '%U', but %U: nothing was changed. Undo the "
        "edit to go on at the very statement; or %s starts over and keeps the old "
        "file beside the new one; or take its variables: resume.load(\"%U\")",
        self->caller.name, self->caller.function, what,
        self->is_program ? "--fresh" : "on_change=\"fresh\"", self->caller.path);
}

void rp_exact_start_over(rp_checkpoint *self) {
    rs_checkpoint_start_over(self->engine);
    self->found = self->going_on = self->found_ended = false;
}

static int code_has_changed(rp_checkpoint *self, PyObject *what) {
    if (self->options.on_change != RP_CHANGE_FRESH) return refuse_changed(self, what);
    int status = rp_warn(self->state,
                         "checkpoint '%U' holds an unfinished call, but %U: it starts over, and "
                         "what was saved is kept beside it at the first save "
                         "(on_change=\"fresh\")",
                         self->caller.name, what);
    rp_exact_start_over(self);
    return status;
}

static int check_code(rp_checkpoint *self) {
    if (self->same_code) return 0;
    PyObject *what = PyUnicode_FromFormat(
        self->other_python ? "another version of Python saved it, and the position is of use in "
                             "that one alone"
                           : "the code of '%U' has changed since",
        self->caller.function);
    int status = what == NULL ? -1 : code_has_changed(self, what);
    Py_XDECREF(what);
    return status;
}

static int refuse_arguments(rp_checkpoint *self, PyObject *differences) {
    PyObject *comma = PyUnicode_FromString("; ");
    PyObject *what = comma == NULL ? NULL : PyUnicode_Join(comma, differences);
    if (what != NULL)
        rp_raise_text(self->state->error, RESUME_EXISTS,
                      "checkpoint '%U' holds an unfinished call with other arguments: %U; nothing "
                      "was changed. %s",
                      self->caller.name, what,
                      self->is_program
                          ? "Run it with those to go on, or give this run another --name"
                          : "Call it with those to go on, or give this call another key=");
    Py_XDECREF(what);
    Py_XDECREF(comma);
    return -1;
}

/* Something of an earlier call was found. */
static int look_at_found(rp_checkpoint *self) {
    PyObject *differences = NULL;
    if (rp_checkpoint_judge(self, &differences) < 0) return -1;
    int status = 0;
    bool cut_off = !self->found_ended;
    self->same_arguments = self->any_arguments || PyList_GET_SIZE(differences) == 0;
    if (cut_off && !self->same_arguments) status = refuse_arguments(self, differences);
    if (status == 0 && cut_off) status = check_code(self);
    Py_XDECREF(differences);
    return status;
}

int rp_exact_open(rp_checkpoint *self) {
    if (rp_code_hash(self->owner.code, self->code_hash) < 0) return -1;
    if (rp_checkpoint_open_file_of(self, NULL) < 0) return -1;
    const rs_checkpoint_info *info = rs_checkpoint_look(self->engine);
    self->found = info->found != RS_FOUND_NOTHING;
    if (self->found && look_at_found(self) < 0) return -1;
    if (!self->going_on) rs_checkpoint_begin_call(self->engine);
    if (self->going_on || !self->options.random_state) return 0;
    Py_XSETREF(self->random_opened, rp_random_capture(self->state));
    return self->random_opened == NULL ? -1 : 0;
}

/* The text that is told under that name: new reference, or NULL. */
static int told_text(rp_checkpoint *self, const char *name, PyObject **text) {
    rp_loaded loaded = {0};
    rs_state *saved = rs_checkpoint_state(self->engine);
    rp_decoder *decoder = saved == NULL ? NULL : rp_decoder_new(self->state, saved);
    *text = NULL;
    int status = decoder == NULL ? -1 : rp_loaded_read_head(self->state, decoder, &loaded);
    PyObject *entry = status == 0 && loaded.entry != NULL
                          ? PyDict_GetItemString(loaded.entry, name) /* borrowed */
                          : NULL;
    if (entry != NULL) *text = Py_NewRef(PyTuple_GET_ITEM(entry, 1));
    rp_loaded_release(&loaded);
    if (decoder != NULL) rp_decoder_free(decoder);
    return PyErr_Occurred() ? -1 : status;
}

int rp_exact_seed(rp_checkpoint *self, PyObject **seed) {
    return told_text(self, RP_SEED_NAME, seed);
}

int rp_exact_turn(rp_checkpoint *self, uint64_t *turn) {
    PyObject *text;
    *turn = 1;
    if (told_text(self, RP_TURN_NAME, &text) < 0) return -1;
    const char *digits = text != NULL ? PyUnicode_AsUTF8(text) : NULL;
    if (digits != NULL) *turn = strtoull(digits, NULL, 10);
    Py_XDECREF(text);
    return PyErr_Occurred() ? -1 : 0;
}

/* ---- going on ---- */

typedef struct rp_coming_back {
    rp_decoder *decoder;
    rp_loaded loaded;
    PyObject *objects; /* dict label -> object that is restored in place */
    rp_undo_list undo;
} rp_coming_back; /* zero-initialised: empty */

static void release(rp_coming_back *back) {
    rp_loaded_release(&back->loaded);
    if (back->decoder != NULL) rp_decoder_free(back->decoder);
    back->decoder = NULL;
    Py_CLEAR(back->objects);
    rp_undo_release(&back->undo);
}

/* Everything that was saved is read; nothing is changed yet. 1, 0: nothing is left to go on from,
 * -1. */
static int decode(rp_exact *exact, rp_coming_back *back) {
    rp_checkpoint *self = exact->checkpoint;
    for (;;) {
        rs_state *saved = rs_checkpoint_state(self->engine);
        if (saved == NULL || !self->going_on) return 0;
        if (rp_trust_check_folder(self) < 0) return -1;
        rp_targets targets = {&self->arguments, true, back->objects, true,
                              exact->hooks != NULL ? exact : NULL};
        back->decoder = rp_decoder_new(self->state, saved);
        if (back->decoder == NULL) return -1;
        rp_decoder_of_script(back->decoder);
        if (exact->values != NULL && rp_decoder_set_files(back->decoder, exact->values) < 0)
            return -1;
        if (rp_loaded_read(self->state, back->decoder, &targets, &back->loaded) == 0)
            return rp_trust_check(self, saved, back->decoder) < 0 ? -1 : 1;
        if (!PyErr_ExceptionMatches(self->state->damaged)) return -1;
        rp_loaded_release(&back->loaded);
        rp_decoder_free(back->decoder);
        back->decoder = NULL;
        if (rp_checkpoint_fall_back(self) < 0 || look_at_found(self) < 0) return -1;
    }
}

/* All code on the way must be what it was: one of another meaning would go on somewhere else. 1: it
 * is, 0: start over, -1. */
static int check_frames(rp_checkpoint *self, rp_coming_back *back) {
    PyObject *lost = rp_decoder_lost(back->decoder); /* borrowed */
    PyObject *frames = back->loaded.frames;
    bool is_record = frames != NULL && Py_IS_TYPE(frames, self->state->record_type);
    PyObject *why = NULL;
    if (lost != NULL && PyList_GET_SIZE(lost) > 0)
        why = PyTuple_GET_ITEM(PyList_GET_ITEM(lost, 0), 1);
    if (is_record && why == NULL) return 1;
    if (why == NULL)
        return rp_raise_text(self->state->error, RESUME_EXISTS,
                             "checkpoint '%U' holds no position to go on from: it was not saved by "
                             "a resumable function; nothing was changed. Give this one another "
                             "name= or folder=",
                             self->caller.name);
    PyObject *what = PyUnicode_FromFormat("%U", why);
    int status = what == NULL ? -1 : code_has_changed(self, what);
    Py_XDECREF(what);
    return status < 0 ? -1 : 0;
}

static int tell_notes(rp_checkpoint *self, rp_coming_back *back) {
    PyObject *notes = rp_decoder_notes(back->decoder); /* borrowed */
    for (Py_ssize_t i = 0; notes != NULL && i < PyList_GET_SIZE(notes); i++)
        if (rp_warn(self->state, "checkpoint '%U': %U", self->caller.name,
                    PyList_GET_ITEM(notes, i)) < 0)
            return -1;
    return 0;
}

static int line_of(const rp_record *record) {
    while (record->inner != NULL)
        record = (const rp_record *)record->inner;
    return rp_record_line(record);
}

static void announce(rp_checkpoint *self, PyObject *frames) {
    const rs_meta *meta = rs_state_meta(rs_checkpoint_state(self->engine));
    PyObject *when = rp_time_text(meta->saved_ns);
    if (when != NULL)
        rp_notice("%U goes on at line %d, saved %U, generation %llu", self->caller.name,
                  line_of((rp_record *)frames), when,
                  (unsigned long long)rs_checkpoint_look(self->engine)->generation);
    PyErr_Clear();
    Py_XDECREF(when);
}

/* What the caller of the call holds; random generators last, since user code may draw. */
static int assign(rp_exact *exact, rp_coming_back *back) {
    rp_checkpoint *self = exact->checkpoint;
    PyObject *random = back->loaded.random_saved;
    if (rp_tracking_restore(self, back->objects, back->loaded.tracked, NULL, &back->undo) < 0)
        return -1;
    int status = rp_decoder_commit(back->decoder);
    if (status == 0 && exact->hooks != NULL) status = exact->hooks->take(exact, &back->loaded);
    if (status == 0 && self->options.random_state && random != NULL && PyDict_Check(random))
        status = rp_random_restore(self->state, random);
    if (status < 0) rp_undo(self, &back->undo);
    return status;
}

rp_record *rp_exact_restore(rp_exact *exact) {
    rp_checkpoint *self = exact->checkpoint;
    rp_coming_back back = {0};
    rp_record *root = NULL;
    int status = -1;
    self->busy = true;
    back.objects = rp_tracking_find(self, exact->values);
    if (back.objects != NULL) status = decode(exact, &back);
    if (status > 0) status = check_frames(self, &back);
    if (status > 0 && tell_notes(self, &back) < 0) status = -1;
    if (status > 0) announce(self, back.loaded.frames);
    if (status > 0 && assign(exact, &back) < 0) status = -1;
    if (status > 0) {
        root = (rp_record *)Py_NewRef(back.loaded.frames);
        exact->surroundings = Py_XNewRef(back.loaded.surroundings);
        self->restored = true;
        rs_checkpoint_forget(self->engine);
    } else if (status == 0) {
        self->going_on = false;
        rs_checkpoint_begin_call(self->engine);
    }
    self->busy = false;
    release(&back);
    return root;
}
